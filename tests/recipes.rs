//! The recipes of README.md, as they stand there, against real brokers.
//!
//! Only ports, durations and rates are replaced. Which side wins is the broker's affair: what is asked
//! for is a decision wherever both runs may be believed. Not here: the other commands of the page
//! (`readme`).

mod interop;
mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use interop::alone;

/// Path of the program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_midge");

/// Attempts until at least one pair of runs was left in peace by this machine.
const ATTEMPTS: usize = 4;

/// The commands of the page that hold this.
fn recipe(part: &str) -> &'static str {
    let page = include_str!("../README.md");
    let blocks = page.split("```sh\n").skip(1);
    let mut bodies = blocks.map(|rest| rest.split("```").next().expect("split yields something"));
    let recipe = bodies.find(|block| block.contains(part));
    recipe.expect("the page has it")
}

/// Puts something else in the place of words that must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from} in\n{text}");
    text.replace(from, to)
}

/// The recipe on free ports, with shorter runs of so few messages that the verdict asks little of the
/// machine.
fn shortened() -> String {
    let listeners = [0; 2].map(|port| TcpListener::bind(("127.0.0.1", port)).expect("a free port"));
    let ports = listeners.map(|listener| listener.local_addr().expect("it is bound").port());
    let mut text = recipe("mosquitto -c a.conf").to_owned();
    for (from, to) in ["1883", "1884"].into_iter().zip(ports) {
        text = replaced(&text, from, &to.to_string());
    }
    let text = replaced(&text, "load.warm_up=1s", "load.warm_up=300ms");
    let gentle = "load.measure=1500ms --set load.arrival_rate=60/s";
    replaced(&text, "load.measure=5s", gentle)
}

/// In a shell that knows the program by its name, and leaves no broker behind.
fn carry_out(folder: &Path, recipe: &str) -> Output {
    let programs = Path::new(PROGRAM).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{recipe}");
    let mut command = Command::new("bash");
    command
        .args(["-u", "-c", &script])
        .current_dir(folder)
        // Without a calibration that somebody has made of this machine.
        .env("XDG_STATE_HOME", folder.join("state"))
        // Debian keeps brokers where only root looks for them.
        .env("PATH", format!("{}:{path}:/usr/sbin", programs.display()));
    command.output().expect("there is a shell")
}

/// Whether a run may be believed.
fn is_valid(folder: &Path) -> bool {
    let file = folder.join("run.json");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let result: serde_json::Value = serde_json::from_str(&text).expect("run.json is JSON");
    assert!(result["total"]["acknowledge_time_us"]["count"].as_u64() > Some(0));
    assert_eq!(
        result["total"]["ok"],
        result["total"]["planned"],
        "{}",
        file.display()
    );
    result["verdict"]["valid"] == true
}

/// How many pairs were decided. One with a run that may not be believed must not be.
fn decided(folder: &Path, output: &Output) -> usize {
    let said = String::from_utf8_lossy(&output.stdout);
    let context = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let decisions: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("decision "))
        .collect();
    assert_eq!(decisions.len(), 3, "{context}");
    let mut decided = 0;
    for (pair, decision) in (1..).zip(decisions) {
        let runs = [format!("a-{pair}"), format!("b-{pair}")];
        let believed = runs.iter().all(|run| is_valid(&folder.join(run)));
        assert_eq!(!decision.contains("INCONCLUSIVE"), believed, "{context}");
        decided += usize::from(believed);
    }
    decided
}

#[test]
fn two_configurations_of_a_broker_are_compared_in_turns() {
    let _alone = alone();
    for _ in 0..ATTEMPTS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = carry_out(folder.path(), &shortened());
        if decided(folder.path(), &output) > 0 {
            return;
        }
    }
    panic!("the machine was too busy for {ATTEMPTS} times three pairs: leave it alone for a while");
}

/// All counts of one table.
fn sum(counts: &serde_json::Value, table: &str) -> u64 {
    let rows = counts[table].as_object().into_iter().flatten();
    rows.filter_map(|(_, count)| count.as_u64()).sum()
}

#[test]
fn a_fleet_is_answered_through_a_broker_by_a_tenant_that_is_its_client() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let text = replaced(recipe("tenant --attach"), "1883", &port.to_string());
    let gentle = "fleet.subscribe=auto --out out --set fleet.endpoints=20 --set load.arrival_rate=100/s \
         --set load.warm_up=200ms --set load.measure=2s";
    let text = replaced(&text, "fleet.subscribe=auto", gentle);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = carry_out(folder.path(), &text);
    let said = String::from_utf8_lossy(&output.stderr);
    let read = |name: &str| -> serde_json::Value {
        let text = fs::read_to_string(folder.path().join(name));
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}\n{said}"));
        serde_json::from_str(&text).expect("JSON")
    };
    let (result, counts) = (read("out/run.json"), read("counts.json"));
    let sent = result["whole_run"]["sent"].as_u64();
    assert!(sent > Some(100), "{said}");
    assert_eq!(result["whole_run"]["ok"].as_u64(), sent, "{said}");
    assert_eq!(Some(sum(&counts, "received")), sent, "{counts}");
    assert_eq!(counts["attached"]["shared"], true, "{counts}");
    assert!(said.contains("4 clients, which share them"), "{said}");
}
