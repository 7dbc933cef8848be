//! The table of the selftest in README.md against the figures that are kept in `results/selftest`.
//!
//! With `RENEW=yes` the page is written instead of compared; `tests/prove` does that after it has made
//! the figures. Not here: making them, and whether they hold today.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use midge::selftest::Test;
use serde::Deserialize;

const BEGIN: &str = "<!-- Made by tests/prove. -->\n";
const END: &str = "<!-- End of what tests/prove makes. -->\n";

/// One figure, as `midge selftest --out` keeps it.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    what: String,
    expected: f64,
    got: Option<f64>,
    tolerance: f64,
    n: u64,
    passed: bool,
    /// Of `planted.json`: what midge did wrong on purpose.
    #[serde(default)]
    mistake: String,
}

impl Row {
    /// How much of what it may be off it is off. What must be exact and is, is not near any limit.
    fn used(&self) -> f64 {
        match self.got {
            Some(got) if got.total_cmp(&self.expected).is_eq() => 0.0,
            Some(got) => (got - self.expected).abs() / self.tolerance,
            None => f64::INFINITY,
        }
    }
}

fn kept(file: &str) -> String {
    let file = Path::new("results/selftest").join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn rows(file: &str) -> Vec<Row> {
    serde_json::from_str(&kept(file)).expect("a list of rows")
}

/// A value of `machine.csv`.
fn fact(name: &str) -> String {
    let facts = kept("machine.csv");
    let mut pairs = facts.lines().filter_map(|line| line.split_once(','));
    let found = pairs.find(|(fact, _)| *fact == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.to_owned()
}

/// Whole, or with as many digits as tell something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let digits = match value.abs() {
        below if below < 1.0 => 4,
        below if below < 100.0 => 2,
        below if below < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn got(row: &Row) -> String {
    row.got.map_or_else(|| "none".to_owned(), number)
}

/// How many of one test's figures hold, and the one that is nearest to its limit.
fn sum(rows: &[Row], id: &str) -> (String, String) {
    let of_it: Vec<&Row> = rows.iter().filter(|row| row.id == id).collect();
    let held = of_it.iter().filter(|row| row.passed).count();
    let inexact = of_it
        .iter()
        .filter(|row| row.tolerance > 0.0 || !row.passed);
    let nearest = inexact.max_by(|a, b| a.used().total_cmp(&b.used()));
    let nearest = nearest.map_or_else(
        || "all exact".to_owned(),
        |row| {
            let [expected, tolerance] = [row.expected, row.tolerance].map(number);
            format!("{}: {expected} ± {tolerance}, got {}", row.what, got(row))
        },
    );
    (format!("{held} of {}", of_it.len()), nearest)
}

fn section() -> String {
    let [sockets, simulated] = ["sockets.json", "virtual.json"].map(rows);
    let mut text = BEGIN.to_owned();
    let _ = write!(
        text,
        "Printed on {} by midge {} on {} with {} processors under {}: \
         so many figures hold, and this one is nearest to its limit.\n\n\
         | test | what is known beforehand | on real sockets | nearest to its limit | in virtual time |\n\
         |---|---|---|---|---|\n",
        fact("date"),
        fact("midge"),
        fact("processor"),
        fact("processors"),
        fact("system"),
    );
    for test in Test::ALL {
        let (held, nearest) = sum(&sockets, test.id);
        let (simulated, _) = sum(&simulated, test.id);
        let (id, about) = (test.id, test.about);
        let _ = writeln!(
            text,
            "| {id} | {about} | {held} | {nearest} | {simulated} |"
        );
    }
    text.push_str(
        "\nAnd with mistakes made on purpose:\n\n\
         | midge | is caught by | figure | expected | got |\n|---|---|---|---|---|\n",
    );
    for row in rows("planted.json") {
        let (mistake, id, what) = (&row.mistake, &row.id, &row.what);
        let (expected, got) = (number(row.expected), got(&row));
        let _ = writeln!(text, "| {mistake} | {id} | {what} | {expected} | {got} |");
    }
    text.push_str("\n`results/selftest/README.md` has every figure.\n");
    text.push_str(END);
    text
}

/// Every figure.
fn all_figures() -> String {
    let mut text = "# What `midge selftest` printed\n\n\
                    Made by `tests/prove`; README.md says what it is about.\n"
        .to_owned();
    for (name, file) in [
        ("On real sockets", "sockets.json"),
        ("In virtual time", "virtual.json"),
    ] {
        let _ = write!(
            text,
            "\n## {name}\n\n\
             | test | figure | expected | got | tolerance | samples | |\n|---|---|---|---|---|---|---|\n"
        );
        for row in rows(file) {
            let [expected, tolerance] = [row.expected, row.tolerance].map(number);
            let (id, what, got, n) = (&row.id, &row.what, got(&row), row.n);
            let holds = if row.passed { "holds" } else { "DOES NOT HOLD" };
            let _ = writeln!(
                text,
                "| {id} | {what} | {expected} | {got} | {tolerance} | {n} | {holds} |"
            );
        }
    }
    text
}

/// Compares, or with `RENEW=yes` writes.
#[track_caller]
fn shows(file: &str, is: &str, should: &str) {
    if std::env::var_os("RENEW").is_some() {
        fs::write(file, should).expect("the page can be written");
    } else {
        assert_eq!(
            is, should,
            "{file}: make it anew with tests/prove, not by hand"
        );
    }
}

#[test]
fn the_page_shows_the_figures_that_were_kept() {
    let page = fs::read_to_string("README.md").expect("the page");
    let begin = page.find(BEGIN).expect("the table has a beginning");
    let end = page.find(END).expect("the table has an end") + END.len();
    let renewed = format!("{}{}{}", &page[..begin], section(), &page[end..]);
    shows("README.md", &page, &renewed);
}

#[test]
fn every_figure_is_beside_them() {
    const FILE: &str = "results/selftest/README.md";
    let page = fs::read_to_string(FILE).unwrap_or_default();
    shows(FILE, &page, &all_figures());
}

#[test]
fn numbers_have_the_digits_that_tell_something() {
    for (value, text) in [
        (6_000.0, "6000"),
        (0.0, "0"),
        (1402.25, "1402"),
        (-12.345, "-12.35"),
        (3.4567, "3.46"),
        (0.021_23, "0.0212"),
        (0.000_4, "0.0004"),
    ] {
        assert_eq!(number(value), text);
    }
}
