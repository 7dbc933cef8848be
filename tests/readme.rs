//! README.md against the program: its commands run, its flags exist, its tables are what a run writes.
//!
//! Runs are shortened, and none is asked to be valid: how busy this machine is says nothing about
//! the page. Not here: whether the figures on the page can be had again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use midge::report::Exit;
use rustix::process::{Pid, Signal, kill_process};

const README: &str = include_str!("../README.md");

/// Commands that are run by people, by `tests/run`, or are `tests/run`.
const ELSEWHERE: [&str; 12] = [
    "cargo run --release",
    "cargo bench",
    "cargo bench --bench instructions",
    "cargo bench --bench ceiling",
    "cargo bench --bench scale -- --out results/scale",
    "cargo bench --bench pacing",
    "cargo bench --bench arrivals",
    "tests/run",
    "tests/run --thorough",
    "tests/prove",
    "tests/run --all-brokers",
    "tests/run --renew-brokers",
];

/// Flags of other programs.
const FOREIGN: [&str; 10] = [
    "--all-brokers",
    "--bench",
    "--features",
    "--nocapture",
    "--open",
    "--release",
    "--renew",
    "--renew-brokers",
    "--test",
    "--thorough",
];

/// A run that is over soon. What comes later on the command line wins.
const SHORT: [&str; 4] = [
    "fleet.endpoints=20",
    "load.warm_up=100ms",
    "load.measure=400ms",
    "load.drain=1s",
];

/// Blocks of the page that are fenced with this word.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let bodies = README.split(fence.as_str()).skip(1);
    bodies
        .map(|rest| rest.split("```").next().expect("split yields something"))
        .collect()
}

/// A command of the page and the output that is shown with it.
struct Shown {
    command: &'static str,
    output: String,
}

fn commands() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in blocks("console").iter().flat_map(|block| block.lines()) {
        if let Some(command) = line.strip_prefix("$ ") {
            let output = String::new();
            all.push(Shown { command, output });
        } else {
            let last = all.last_mut().expect("a block begins with a command");
            last.output.push_str(line);
            last.output.push('\n');
        }
    }
    all
}

/// Words as a shell makes them, as far as the page needs it.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("there is always one").push(other),
        }
    }
    words
}

fn midge(folder: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("TENANT_PASSWORD", "secret")
        // Without a calibration that somebody has made of this machine.
        .env("XDG_STATE_HOME", folder.join("state"));
    command
}

fn output(folder: &Path, arguments: &[String]) -> Output {
    midge(folder, arguments)
        .output()
        .expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A simulated tenant of the page, on a free port.
struct Tenant {
    child: Child,
    address: String,
}

impl Tenant {
    fn start(folder: &Path, arguments: &[String]) -> Self {
        let mut child = midge(folder, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut line = String::new();
        let stderr = child.stderr.take().expect("it is piped");
        BufReader::new(stderr)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("the tenant said {line:?}"));
        let address = address.to_owned();
        Self { child, address }
    }

    /// Its counts.
    fn stop(mut self) -> serde_json::Value {
        let id = i32::try_from(self.child.id()).expect("process IDs are small");
        let pid = Pid::from_raw(id).expect("process IDs are not zero");
        kill_process(pid, Signal::TERM).expect("it still runs");
        let mut counts = String::new();
        let mut stdout = self.child.stdout.take().expect("it is piped");
        stdout.read_to_string(&mut counts).expect("it writes text");
        assert!(self.child.wait().expect("it ends").success());
        serde_json::from_str(&counts).expect("its counts are JSON")
    }
}

/// The files of the page, in the order in which it shows them.
const FILES: [&str; 4] = ["soil.toml", "steps.toml", "acme.toml", "fleet.toml"];

/// The files of the page with what is in them.
fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    let texts = blocks("toml");
    assert_eq!(texts.len(), FILES.len(), "the page has these files");
    FILES.into_iter().zip(texts)
}

/// What shortens a run of the page. Stages are in the profile, and shortened there.
fn short(arguments: &[String]) -> Vec<String> {
    let in_stages = |(file, text): (&str, &str)| {
        text.contains("stages = ") && arguments.iter().any(|word| word.ends_with(file))
    };
    let has_stages = files().any(in_stages);
    let sets = SHORT
        .iter()
        .filter(|set| !(has_stages && set.starts_with("load.measure=")));
    sets.flat_map(|set| ["--set".to_owned(), (*set).to_owned()])
        .collect()
}

/// A shortened run ends with a result, whatever the result is.
fn assert_is_a_result(command: &str, output: &Output) {
    let results = [Exit::Passed, Exit::Invalid, Exit::Threshold].map(Exit::code);
    let code = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    assert!(
        code.is_some_and(|code| results.contains(&code)),
        "{command}: {}\n{}",
        output.status,
        text(&output.stderr)
    );
}

/// So does a comparison of shortened runs.
fn assert_is_a_comparison(command: &str, output: &Output) {
    let results = [Exit::Passed, Exit::Regression].map(|exit| Some(i32::from(exit.code())));
    assert!(
        results.contains(&output.status.code()),
        "{command}: {}\n{}",
        output.status,
        text(&output.stderr)
    );
}

/// The first word of each line: `verdict`, `profile`, ...
fn labels(screen: &str) -> BTreeSet<&str> {
    let first = screen.lines().filter(|line| !line.starts_with(' '));
    first
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[test]
fn every_command_runs_and_says_what_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files() {
        // Stages are their own measure phase: these are shortened here.
        let text = text.replace("for = \"5s\"", "for = \"500ms\"");
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let mut tenant: Option<Tenant> = None;
    let mut ran = 0;
    for Shown {
        command,
        output: shown,
    } in commands()
    {
        let Some(arguments) = command.strip_prefix("midge ") else {
            assert!(ELSEWHERE.contains(&command), "nobody runs {command:?}");
            continue;
        };
        ran += 1;
        if arguments.starts_with("tenant") {
            let arguments = words(&arguments.replace(":1883", ":0"));
            tenant = Some(Tenant::start(folder.path(), &arguments));
            continue;
        }
        let mut arguments = words(arguments);
        let runs = arguments[0] == "run";
        let compares = arguments[0] == "compare";
        if runs {
            arguments.extend(short(&arguments));
        }
        for argument in &mut arguments {
            if argument.starts_with("mqtt://") {
                let tenant = tenant.as_ref().expect("the page starts it first");
                *argument = format!("mqtt://{}", tenant.address);
            }
        }
        let output = output(folder.path(), &arguments);
        // Shortened, the next run may begin in the same second, and its folder has the same name.
        let _ = fs::remove_dir_all(folder.path().join("results"));
        let said = text(&output.stdout);
        if runs || compares {
            if runs {
                assert_is_a_result(command, &output);
            } else {
                assert_is_a_comparison(command, &output);
            }
            let missing: Vec<_> = labels(&shown).difference(&labels(&said)).copied().collect();
            assert!(
                missing.is_empty(),
                "{command}: no lines {missing:?} in\n{said}"
            );
        } else {
            assert!(
                output.status.success(),
                "{command}: {}",
                text(&output.stderr)
            );
            assert!(shown.is_empty() || shown == said, "{command} says\n{said}");
        }
    }
    assert!(ran > 10, "only {ran} commands were found");
    let counts = tenant.expect("the page starts one").stop();
    assert!(
        counts["received"]["dcx-json"].as_u64() > Some(0),
        "{counts}"
    );
}

/// Everything that looks like a long option.
fn flags(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("--").map(|(at, _)| &text[at..]);
    let names = starts.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        &rest[..end.unwrap_or(rest.len())]
    });
    names
        .filter(|name| name.len() > 2 && !name.starts_with("---"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_flags_of_the_page_are_those_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = |command: &str| {
        let arguments = [command.to_owned(), "--help".to_owned()];
        flags(&text(&output(folder.path(), &arguments).stdout))
    };
    let said = flags(README);
    let mut known: BTreeSet<String> = FOREIGN.map(String::from).into();
    for command in [
        "run",
        "check",
        "tenant",
        "report",
        "compare",
        "selftest",
        "calibrate",
        "profiles",
    ] {
        known.extend(help(command));
    }
    let invented: Vec<_> = said.difference(&known).collect();
    assert!(invented.is_empty(), "no such flags: {invented:?}");
    known.remove("--help");
    let untold: Vec<_> = known.difference(&said).collect();
    assert!(untold.is_empty(), "not on the page: {untold:?}");
}

/// The first cells of a table's rows, below the header that begins with this cell.
fn first_cells(header: &str) -> BTreeSet<String> {
    let start = format!("| {header} |");
    let lines = README.lines().skip_while(|line| !line.starts_with(&start));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells
        .map(|cell| cell.trim().trim_matches('`').to_owned())
        .collect()
}

/// `{a,b}_us` as a shell expands it.
fn expand(column: &str) -> Vec<String> {
    let Some((before, rest)) = column.split_once('{') else {
        return vec![column.to_owned()];
    };
    let (choices, after) = rest.split_once('}').expect("braces are closed");
    let each = choices.split(',');
    each.flat_map(|choice| expand(&format!("{before}{choice}{after}")))
        .collect()
}

/// Splits at the commas outside of braces.
fn columns(line: &str) -> Vec<String> {
    let mut depth = 0;
    let outside = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    line.split(outside).flat_map(expand).collect()
}

#[test]
fn the_files_of_a_run_and_their_columns_are_those_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let mut arguments = words("run kaa-fleet --out out");
    arguments.extend(SHORT.iter().flat_map(|set| ["--set".into(), (*set).into()]));
    assert_is_a_result("midge run", &output(folder.path(), &arguments));

    let entries = fs::read_dir(&out).expect("the run has made it");
    let there: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    assert_eq!(first_cells("file"), there);

    let [table] = blocks("csv")[..] else {
        panic!("the page has one list of columns");
    };
    let tables = there.iter().filter(|name| name.contains(".csv")).count();
    assert_eq!(table.lines().count(), tables, "every table has its columns");
    for line in table.lines() {
        let (file, said) = line.split_once(": ").expect("file: columns");
        let written = fs::read_to_string(out.join(file)).expect("a file of the run");
        let header = written.lines().next().unwrap_or_default();
        assert_eq!(columns(said).join(","), header, "{file}");
    }
}

#[test]
fn the_exit_codes_of_the_page_are_those_of_the_program() {
    use Exit::{Inconclusive, Internal, Invalid, Passed, Regression, Stopped, Threshold, Usage};
    let all = [
        Passed,
        Invalid,
        Regression,
        Inconclusive,
        Threshold,
        Usage,
        Stopped,
        Internal,
    ];
    // A code that is added does not compile here, so that it comes to the page too.
    let code = |exit: Exit| match exit {
        Passed | Invalid | Regression | Inconclusive | Threshold | Usage | Stopped | Internal => {
            exit.code().to_string()
        }
    };
    assert_eq!(first_cells("code"), all.map(code).into());
}

#[test]
fn mistakes_in_profile_or_arguments_end_with_their_code() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        "run no-such-profile",
        "run --no-such-flag",
        "report nowhere",
        "compare nowhere here",
    ] {
        let code = output(folder.path(), &words(arguments)).status.code();
        assert_eq!(code, Some(104), "midge {arguments}");
    }
}

#[test]
fn the_shipped_profiles_are_on_the_page() {
    let mut shown = commands().into_iter();
    let list = shown
        .find(|shown| shown.command == "midge profiles")
        .expect("the page lists them");
    for (name, _) in midge::profile::shipped() {
        assert!(list.output.contains(name), "{name} is not on the page");
    }
}
