//! This program again, under valgrind's callgrind, and what callgrind counted.
//!
//! Callgrind counts while the program is in `counted_repetitions`, and writes a file at the end of each
//! such call. The processor that a program sees there is valgrind's and not the machine's (AVX2 if
//! the machine has it, never more), so the C library chooses the same copies everywhere. Not here:
//! what is counted, and whether it is too much.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::counts::{Counts, MadeWith};

/// Whose instructions are counted. Its whole name: callgrind 3.19 overlooks `--dump-after` with a pattern
/// that another option has too.
const FUNCTION: &str = "instructions::counted_repetitions";

/// What the program sees of the processor, and what it was compiled for.
pub fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    let sees = if std::is_x86_feature_detected!("avx2") {
        "AVX2"
    } else {
        "no AVX2"
    };
    #[cfg(not(target_arch = "x86_64"))]
    let sees = "whatever it has";
    let told = if cfg!(target_feature = "sse3") {
        "more than the least"
    } else {
        "the least"
    };
    let built = if cfg!(debug_assertions) {
        ", with debug assertions"
    } else {
        ""
    };
    let name = std::env::consts::ARCH;
    format!("{name}, compiled for {told} of them{built}, run with {sees}")
}

/// Counts all operations of this program, which is told by the variable `role` that it is counted.
///
/// # Errors
/// What is missing or went wrong.
pub fn count(role: &str, repeated: u32) -> Result<Counts, String> {
    let valgrind = first_line("valgrind", "--version").map_err(|why| {
        format!("{why}\nvalgrind counts the instructions. On Debian: apt-get install valgrind")
    })?;
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let compiler = first_line(&compiler, "--version")?;
    let c_library = first_line("getconf", "GNU_LIBC_VERSION")?;
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let said = carried_out(role, folder.path())?;
    let mut names = said.lines();
    let processor = names.next().unwrap_or_default().to_owned();
    let mut instructions = BTreeMap::new();
    for (number, name) in (1..).zip(names) {
        let dump = folder.path().join(format!("counts.{number}"));
        let total = total(&dump).map_err(|why| format!("{name}: {why}"))?;
        let each = total as f64 / f64::from(repeated);
        if instructions.insert(name.to_owned(), each).is_some() {
            return Err(format!("two operations are called {name:?}"));
        }
    }
    let made_with = MadeWith {
        compiler,
        c_library,
        valgrind,
        processor,
    };
    Ok(Counts {
        made_with,
        instructions,
    })
}

/// The first line that a program prints.
fn first_line(program: &str, argument: &str) -> Result<String, String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{program} is missing"),
        _ => format!("{program}: {error}"),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    if !output.status.success() || line.is_empty() {
        return Err(format!("{program} {argument} did not say anything"));
    }
    Ok(line.to_owned())
}

/// Runs this program under callgrind, which writes into the folder; what the program said.
fn carried_out(role: &str, folder: &Path) -> Result<String, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg("--collect-atstart=no")
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--dump-after={FUNCTION}"))
        .arg(format!(
            "--callgrind-out-file={}/counts",
            folder.to_string_lossy()
        ))
        .arg(this)
        // Nothing of the machine's own: preloaded libraries, tunables of the C library.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env(role, "1")
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("under valgrind: {}\n{said}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The instructions of one call, from callgrind's file (Callgrind format specification).
fn total(dump: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(dump).map_err(|error| {
        format!("callgrind has not written what it counted ({error}); is the program stripped?")
    })?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    let total = line.and_then(|line| line.trim().parse().ok());
    match total {
        Some(total) if total > 0 => Ok(total),
        _ => Err("callgrind's file has no total".to_owned()),
    }
}
