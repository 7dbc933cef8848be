//! A load in stages, end to end: what is asked of each, and where a tenant begins to queue.
//!
//! The profile is the one of README.md, shortened. Not here: how requests are counted in stages
//! (`measure`), and how they are written (`report`).

mod interop;
mod support;

use interop::rows;
use support::{Midge, Outcome};

/// The profile of the page with stages; each of them takes a second here.
fn steps() -> String {
    let page = include_str!("../README.md");
    let mut blocks = page.split("```toml\n").skip(1);
    let profile = blocks.find(|block| block.contains("name = \"steps\""));
    let profile = profile.expect("the page has it").split("```").next();
    let profile = profile.expect("split yields something");
    assert_eq!(profile.matches("for = \"5s\"").count(), 3);
    profile.replace("for = \"5s\"", "for = \"1s\"")
}

fn run() -> Outcome {
    let midge = Midge::call(["run", "./steps.toml", "--out", "out"]);
    midge.file("steps.toml", &steps()).go()
}

/// The cells of a column, of the rows `total`.
fn column(outcome: &Outcome, name: &str) -> Vec<String> {
    let header = outcome.file("stages.csv");
    let header = header.lines().next().expect("it has a header");
    let place = header.split(',').position(|column| column == name);
    let place = place.unwrap_or_else(|| panic!("no {name} in {header}"));
    let totals = rows(outcome, "stages.csv").into_iter();
    totals
        .filter(|row| row[5] == "total")
        .map(|row| row[place].clone())
        .collect()
}

fn numbers(outcome: &Outcome, name: &str) -> Vec<f64> {
    let cells = column(outcome, name);
    let numbers = cells.iter().map(|cell| cell.parse());
    numbers
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| panic!("{name}: {cells:?}\n{outcome}"))
}

#[test]
fn beyond_its_capacity_a_tenant_lets_requests_wait_longer() {
    let outcome = run();
    outcome.keeps_its_accounts();
    assert_eq!(column(&outcome, "stage"), ["1", "2", "3"], "{outcome}");
    assert_eq!(numbers(&outcome, "from_s"), [0.0, 1.0, 2.0]);
    assert_eq!(numbers(&outcome, "to_s"), [1.0, 2.0, 3.0]);
    for asked in ["asked_from_per_s", "asked_to_per_s"] {
        assert_eq!(numbers(&outcome, asked), [200.0, 400.0, 600.0]);
    }
    // Every stage is planned as asked, within five standard deviations of Poisson arrivals.
    let planned = numbers(&outcome, "planned");
    for (planned, asked) in planned.iter().zip([200.0_f64, 400.0, 600.0]) {
        assert!((planned - asked).abs() < 5.0 * asked.sqrt(), "{outcome}");
    }
    let measured = outcome.count("/total/planned") as f64;
    let beyond = planned.iter().sum::<f64>() - measured;
    assert!(beyond.abs() < 0.5, "{beyond}\n{outcome}");
    // One server at 2 ms: at 600/s a hundred requests a second are left over.
    let p50 = numbers(&outcome, "response_time_p50_us");
    assert!(p50[2] > 2.0 * p50[0], "{p50:?}\n{outcome}");
    let table = outcome.stdout.lines();
    let table: Vec<&str> = table
        .skip_while(|line| !line.starts_with("stage "))
        .collect();
    assert!(table[3].starts_with("3 "), "{outcome}");
}

#[test]
fn a_load_without_stages_is_one_stage() {
    let outcome = Midge::run("kaa-fleet").brief().gentle().go();
    assert_eq!(column(&outcome, "stage"), ["1"], "{outcome}");
    assert_eq!(numbers(&outcome, "asked_from_per_s"), [60.0], "{outcome}");
    let planned = outcome.count("/total/planned") as f64;
    assert_eq!(numbers(&outcome, "planned"), [planned], "{outcome}");
    assert!(!outcome.stdout.contains("\nstage "), "{outcome}");
}

#[test]
fn check_says_how_the_rate_will_change() {
    let midge = Midge::call(["check", "./steps.toml"]).file("steps.toml", &steps());
    let outcome = midge.go().ends_with(0);
    let said = "  stages   1 s to 200/s, 0 s to 400/s, 1 s to 400/s, 0 s to 600/s, 1 s to 600/s\n";
    assert!(outcome.stdout.contains(said), "{outcome}");
    assert!(outcome.stdout.contains(", 3 s measure,"), "{outcome}");
}
