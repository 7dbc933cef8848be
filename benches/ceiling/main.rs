//! How close is the whole engine to what this machine's kernel allows?
//!
//! `cargo bench --bench ceiling` prints a table. In each mode a bare loop and the engine take turns
//! against the same far side: the loop writes packets that were encoded before it began, one system
//! call each, and does nothing else; the engine carries out a profile of `profiles/bench/`, whose
//! packets those are. The far side of most modes is `midge sink`, a null broker that acknowledges, counts
//! and forgets; a request with its reply goes to the simulated tenant. Client and far side are
//! processes of their own, each on a core of its own where the machine has two, and every turn has
//! new ones. Messages are counted by the far side as they arrive (a tenant notes the instants), CPU
//! time is that of the client's whole process.
//!
//! A ratio is taken within a pair, one turn of each side right after the other, so that a machine
//! that others slow down slows both. Believe the median when smallest and largest are close to it.
//!
//! Environment:
//!
//! * `MIDGE_CEILING_PAIRS`: pairs per mode, 5;
//! * `MIDGE_CEILING_WINDOW`: how long each turn is measured, `2s`, after a quarter of that as warm-up;
//! * `MIDGE_CEILING_ENDPOINTS`: connections, 1000;
//! * `MIDGE_CEILING_MODES`: some of the modes, by name: `flood,flood-1,closed,paced,kaa`.
//!
//! With `--test`, or without the `--bench` that `cargo bench` adds, it is one short pair per mode with
//! few connections: that everything works. Either way every turn is checked: the far side must have
//! counted exactly the messages that the client says it has sent.
//!
//! Not here: how good a broker or another client is, response times, and several workers.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is for whoever runs the benchmark"
)]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("nothing is measured: this benchmark needs Linux (epoll, processor affinity)");
}
