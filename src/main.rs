//! The program in order: parse, call, exit code.
fn main() {}
