//! `midge selftest`: the instrument tested against what is known beforehand.
//!
//! Not here: what is tested (see `selftest`).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Args;

use super::signals::{Signals, Wake};
use super::{Failure, print_data};
use crate::report::Exit;
use crate::selftest::{Broken, Proof, Row, Runner, Sockets, Test, VirtualTime};

#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// One test, as often as needed; all of T1 to T12 without it
    #[arg(long, value_name = "T1", value_parser = test)]
    only: Vec<Test>,
    /// In virtual time, with the fleet and its tenant in this process: no machine disturbs the figures,
    /// which must be nearer to what is known beforehand
    #[arg(long = "virtual")]
    in_virtual_time: bool,
    /// Keeps the figures in this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Changes one key of the profile of every run, as often as needed; what does not hold any more
    /// shows what the tests can see: --set load.arrivals=constant
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

fn test(id: &str) -> Result<Test, String> {
    let names = Test::ALL.map(|test| test.id).join(", ");
    Test::find(id).ok_or_else(|| format!("there is no such test: {names}"))
}

pub(super) fn run(args: &SelftestArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::new()
        .map_err(|error| Failure::internal(format!("cannot wait for signals: {error}")))?;
    if let Some(file) = &args.out {
        // Before minutes are spent.
        keep(file, &[])?;
    }
    let tests = match &args.only {
        none if none.is_empty() => Test::ALL.to_vec(),
        some => some.clone(),
    };
    let stopped = Arc::new(AtomicBool::new(false));
    let runner = runner(args, stopped.clone())?;
    let (to_here, proofs) = channel();
    let thread = std::thread::spawn(move || {
        tests.into_iter().try_for_each(|test| {
            let proof = test.prove(&*runner)?;
            // Whoever listens is this function, which waits.
            let _ = to_here.send(proof);
            Ok(())
        })
    });
    print_data(&heading())?;
    let mut all: Vec<Proof> = Vec::new();
    loop {
        // Looked at first, so that nothing is left behind that was sent before the end.
        let over = thread.is_finished();
        for proof in proofs.try_iter() {
            print_data(&section(&proof))?;
            all.push(proof);
        }
        if over {
            break;
        }
        if signals.wait(Duration::from_millis(50)) != Wake::Tick {
            stopped.store(true, Ordering::Relaxed);
        }
    }
    let ended = thread.join();
    let rows: Vec<Row> = all.iter().flat_map(|proof| proof.rows.clone()).collect();
    if let Some(file) = &args.out {
        keep(file, &rows)?;
    }
    print_data(&sum(&all))?;
    match ended {
        Ok(Ok(())) if all.iter().all(Proof::holds) => Ok(Exit::Passed),
        Ok(Ok(())) => Ok(Exit::Invalid),
        Ok(Err(Broken::Stopped)) => Ok(Exit::Stopped),
        Ok(Err(Broken::Failed(why))) => Err(Failure::internal(why)),
        Err(_) => Err(Failure::internal("the selftest panicked")),
    }
}

/// Who carries the tests out.
fn runner(
    args: &SelftestArgs,
    stopped: Arc<AtomicBool>,
) -> Result<Box<dyn Runner + Send>, Failure> {
    let sets = args.sets.clone();
    if args.in_virtual_time {
        return Ok(Box::new(VirtualTime::new(sets, stopped)));
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("cannot find this program: {error}")))?;
    Ok(Box::new(Sockets::new(program, sets, stopped)))
}

/// The rows as JSON.
fn keep(file: &std::path::Path, rows: &[Row]) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(rows)
        .map_err(|error| Failure::internal(format!("cannot write JSON: {error}")))?;
    std::fs::write(file, text + "\n").map_err(|error| {
        let file = file.display();
        Failure::usage(format!("cannot write {file}: {error}"))
    })
}

fn heading() -> String {
    line(["", "figure", "expected", "got", "tolerance", "n", ""])
}

fn line([id, what, expected, got, tolerance, n, holds]: [&str; 7]) -> String {
    format!("{id:<4} {what:<48} {expected:>12} {got:>12} {tolerance:>10} {n:>9}  {holds}\n")
}

/// One test: its rows, and how often it had to begin again.
fn section(proof: &Proof) -> String {
    let repeated = match proof.repeated {
        0 => String::new(),
        times => format!(" ({times} disturbed and repeated)"),
    };
    let mut text = format!("{:<4} {}{repeated}\n", proof.id, proof.about);
    for row in &proof.rows {
        let got = row.got.map_or_else(|| "-".to_owned(), number);
        let holds = if row.passed { "holds" } else { "DOES NOT HOLD" };
        text.push_str(&line([
            "",
            &row.what,
            &number(row.expected),
            &got,
            &number(row.tolerance),
            &row.n.to_string(),
            holds,
        ]));
    }
    for what in &proof.left_out {
        let _ = writeln!(text, "     not here: {what}");
    }
    text
}

/// Counts whole, everything else with as many digits as tell something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() < 1.0 {
        format!("{value:.4}")
    } else {
        format!("{value:.3}")
    }
}

fn sum(proofs: &[Proof]) -> String {
    let rows = proofs.iter().flat_map(|proof| &proof.rows);
    let (held, all) = rows.fold((0, 0), |(held, all), row| {
        (held + u32::from(row.passed), all + 1)
    });
    let repeated: u32 = proofs.iter().map(|proof| proof.repeated).sum();
    let tests = proofs.len();
    format!(
        "\n{held} of {all} figures of {tests} tests hold; {repeated} runs were repeated because the machine was busy\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell_something() {
        for (value, text) in [
            (6_000.0, "6000"),
            (0.0, "0"),
            (1402.25, "1402.250"),
            (0.02, "0.0200"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
