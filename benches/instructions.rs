//! How many instructions each operation of the hot path takes, counted and not timed.
//!
//! `cargo bench --bench instructions` runs this program again under valgrind's callgrind and compares
//! with `instructions.toml`. With `-- --renew` it writes that file anew, with `-- --check` it fails too
//! where it cannot compare (exit code 3), as `tests/run` asks.
//!
//! The rule: a count more than 1 % above the stored one is told, more than 4 % fails, and so do all
//! counts together if they are more than 0.5 % above (geometric mean), so that many small rises are seen.
//! `profile.bench` compiles the whole program as one, as is shipped; in parts, edits elsewhere moved
//! counts by up to 6.6 %. So compiled, edits that change nothing about an operation (new code that calls
//! it, or none of it) moved most by nothing and some by up to 3.1 %: near the end of a page, the C
//! library's `memcmp` takes other instructions. An allocation and a copy are planted in each run, and
//! must be seen.
//!
//! A count is that of [`REPEATED`] repetitions, divided, with about five instructions of the loop
//! around it. The operations are repeated as often beforehand, so that tables have grown. They run in a thread of
//! their own: its stack begins on a page, whatever stands in the environment or the command line,
//! and how far a copy has to align itself depends on that. Not here: the operations (`operations/`),
//! time, and what the kernel does.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is for whoever runs the benchmark"
)]

use std::hint::black_box;
use std::process::ExitCode;

#[path = "instructions/counts.rs"]
mod counts;
#[path = "operations/all.rs"]
mod operations;
#[path = "instructions/valgrind.rs"]
mod valgrind;

use counts::{Counts, Finding};
use midge::mqtt::Version;
use midge::plan::{Captures, Moment, Sheet};
use operations::{Measure, codec, plans};

/// Tells a process that it runs under valgrind, and is to carry out the operations.
const COUNTED: &str = "MIDGE_BENCH_COUNTED";
/// Repetitions that are counted.
const REPEATED: u32 = 1_000;
/// The stored counts.
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
const STORED_TEXT: &str = "benches/instructions.toml";
const RENEW: &str = "cargo bench --bench instructions -- --renew";
/// Operations as they are, and with something more: the comparison must tell them apart.
const ALLOCATION: [&str; 2] = ["planted/message", "planted/message, an allocation more"];
const COPY: [&str; 2] = [
    "planted/PUBLISH",
    "planted/PUBLISH, a copy of 200 bytes more",
];

/// Where callgrind begins and ends to count; it knows it by its name, so there is one of it.
#[inline(never)]
fn counted_repetitions(operation: &mut dyn FnMut()) {
    for _ in 0..REPEATED {
        operation();
    }
}

/// Carries operations out, and says which it was.
struct Repeat;

impl Measure for Repeat {
    fn operation<R>(&mut self, name: &str, mut operation: impl FnMut() -> R) {
        for _ in 0..REPEATED {
            black_box(operation());
        }
        counted_repetitions(&mut || {
            black_box(operation());
        });
        println!("{name}");
    }
}

/// Proves in each run that what it is for would be seen.
fn planted(measure: &mut impl Measure) {
    let plan = plans::shipped("kaa-fleet");
    let request = &plan.requests[0];
    let captures = Captures::new();
    let mut out = Sheet::default();
    let moment = Moment::at(plans::UNIX_NS);
    let mut state = vec![0; plan.state_words];
    for (name, bytes) in ALLOCATION.into_iter().zip([0, 64]) {
        measure.operation(name, || {
            out.clear();
            let message = plans::message(&plan, &captures, &moment, black_box(54_321));
            request.encode(&mut out, &message, &mut state);
            // Without a capacity there is nothing to allocate.
            Vec::<u8>::with_capacity(black_box(bytes))
        });
    }
    let (topic, payload) = (codec::TOPIC.to_owned(), vec![b'x'; 200]);
    let publish = codec::publish(&topic, &payload);
    let (mut out, mut copy) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    for (name, copies) in COPY.into_iter().zip([0, 1]) {
        measure.operation(name, || {
            out.clear();
            let written = black_box(&publish).write(Version::V311, &mut out);
            written.expect("a valid packet");
            for _ in 0..black_box(copies) {
                copy.clear();
                copy.extend_from_slice(black_box(publish.payload));
            }
            copy.len()
        });
    }
}

fn carry_out() {
    let all = || {
        operations::each(&mut Repeat);
        planted(&mut Repeat);
    };
    std::thread::scope(|scope| {
        let ended = scope.spawn(all).join();
        ended.expect("no operation panics");
    });
}

/// What is asked for on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The table, and a failure where a count has risen.
    Compare,
    /// A failure too where nothing can be compared.
    Check,
    Renew,
}

fn main() -> ExitCode {
    if std::env::var_os(COUNTED).is_some() {
        println!("{}", valgrind::processor());
        carry_out();
        return ExitCode::SUCCESS;
    }
    let asked = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    // `cargo bench` says so; `cargo test` only wants to see that everything works.
    if !asked("--bench") {
        carry_out();
        return ExitCode::SUCCESS;
    }
    let asked = match (asked("--check"), asked("--renew")) {
        (_, true) => Asked::Renew,
        (true, _) => Asked::Check,
        _ => Asked::Compare,
    };
    match outcome(asked) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("NOT COMPARED: {why}");
            match asked {
                Asked::Compare => ExitCode::SUCCESS,
                Asked::Check => ExitCode::from(3),
                Asked::Renew => ExitCode::FAILURE,
            }
        }
    }
}

/// `Err`: why nothing could be compared.
fn outcome(asked: Asked) -> Result<ExitCode, String> {
    let mut now = valgrind::count(COUNTED, REPEATED)?;
    if !planted_is_seen(&mut now) {
        return Ok(ExitCode::FAILURE);
    }
    if asked == Asked::Renew {
        let text = now.text(RENEW);
        std::fs::write(STORED, text).map_err(|error| format!("{STORED_TEXT}: {error}"))?;
        println!("{} counts written to {STORED_TEXT}", now.instructions.len());
        return Ok(ExitCode::SUCCESS);
    }
    let stored = std::fs::read_to_string(STORED)
        .map_err(|error| error.to_string())
        .and_then(|text| Counts::read(&text))
        .map_err(|why| format!("{STORED_TEXT}: {why}"))?;
    table(&stored, &now);
    let findings = stored.compare(&now)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.iter().any(Finding::is_failure) {
        eprintln!("FAILED. If that is meant: {RENEW}");
        return Ok(ExitCode::FAILURE);
    }
    let gained = |finding: &Finding| matches!(finding, Finding::Fallen(..));
    if findings.iter().any(gained) {
        println!("Keep what was gained: {RENEW}");
    }
    println!("{} counts compared", stored.instructions.len());
    Ok(ExitCode::SUCCESS)
}

/// Takes what was planted out of the counts, and says whether the comparison sees it.
fn planted_is_seen(now: &mut Counts) -> bool {
    let mut all = true;
    for names in [ALLOCATION, COPY] {
        let counts = names.map(|name| now.instructions.remove(name));
        if !matches!(counts, [Some(without), Some(with)] if counts::fails(without, with)) {
            eprintln!("FAILED: {} would not be seen: {counts:?}", names[1]);
            all = false;
        }
    }
    all
}

fn table(stored: &Counts, now: &Counts) {
    println!("{:<66} {:>12} {:>12}", "instructions", "stored", "now");
    for (name, count) in &now.instructions {
        let before = stored.instructions.get(name);
        let before = before.map_or("-".to_owned(), |count| format!("{count:.1}"));
        println!("{name:<66} {before:>12} {count:>12.1}");
    }
}
