//! The program in order: parse and do what was asked (`cli`), exit with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(midge::cli::main())
}
