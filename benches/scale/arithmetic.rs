//! From measured cells to a larger machine: one page of Markdown, computed from the CSV alone.
//!
//! The frame of the page and its tables. Not here: its two halves, what was measured (`measured`) and
//! what was multiplied (`larger`).

use std::fmt::Write as _;
use std::path::Path;

use super::table::{self as files, CostRow, Fact, MemoryRow, ProcessRow};
use super::{Result, larger, measured as tables};

/// What was measured, as the files have it.
pub struct Measured {
    pub machine: Vec<Fact>,
    pub cost: Vec<CostRow>,
    pub memory: Vec<MemoryRow>,
    pub processes: Vec<ProcessRow>,
}

/// The page.
pub fn text(folder: &Path) -> Result<String> {
    let measured = Measured {
        machine: files::read(folder, "machine.csv")?,
        cost: files::read(folder, "cost.csv")?,
        memory: files::read(folder, "memory.csv")?,
        processes: files::read(folder, "processes.csv")?,
    };
    let mut out = String::from(
        "# What the curves add up to\n\nGenerated from the CSV files of this folder by\n\
         `cargo bench --bench scale -- --report --out FOLDER`. Do not edit it.\n",
    );
    machine(&mut out, &measured);
    out.push_str("\n## Measured\n");
    tables::costs(&mut out, &measured);
    tables::workers(&mut out, &measured);
    tables::memory(&mut out, &measured);
    tables::processes(&mut out, &measured);
    out.push_str(ASSUMED);
    larger::cores(&mut out, &measured);
    larger::fleet(&mut out, &measured);
    larger::target(&mut out, &measured);
    Ok(out)
}

const ASSUMED: &str = "\n## Extrapolated: nothing below this line was measured\n\n\
    Each figure is a measured one, multiplied. That assumes: a core of the larger machine does what a \
    core of this one did; each worker and each process costs what one alone costs (they share \
    nothing per message, but memory bandwidth, caches and the kernel's locks are shared, and only \
    the ratio of workers above says anything about that); the CPU time of a message is that of \
    loopback, where the sender's core also does the receiver's half of TCP/IP, while a network card brings \
    interrupts and drivers of its own. So plan with a reserve, and measure there.\n";

/// A whole number in groups of three digits, or a few digits of a small one.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn count(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.0}")
    } else {
        number(value)
    }
}

pub fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

/// A heading, an empty line, and the head of a table whose first column holds words.
pub fn table(out: &mut String, title: &str, columns: &[&str]) {
    let lines = vec!["---:"; columns.len() - 1].join("|");
    let _ = writeln!(
        out,
        "\n{title}\n\n| {} |\n|---|{lines}|",
        columns.join(" | ")
    );
}

pub fn row(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

impl Measured {
    pub fn fact(&self, name: &str) -> &str {
        let fact = self.machine.iter().find(|row| row.fact == name);
        fact.map_or("", |row| &row.value)
    }

    pub fn fact_number(&self, name: &str) -> f64 {
        self.fact(name).parse().unwrap_or(0.0)
    }

    /// Loads in the order of the file.
    pub fn loads(&self) -> Vec<&str> {
        let mut loads: Vec<&str> = Vec::new();
        for row in &self.cost {
            if !loads.contains(&row.load.as_str()) {
                loads.push(&row.load);
            }
        }
        loads
    }

    /// The valid row of the largest fleet with so many workers.
    pub fn largest(&self, load: &str, workers: u16) -> Option<&CostRow> {
        let rows = self
            .cost
            .iter()
            .filter(|row| row.load == load && row.workers == workers && row.valid_repeats > 0);
        rows.max_by_key(|row| row.endpoints)
    }

    /// Bytes per endpoint and bytes apart from them, of an idle fleet.
    pub fn line(&self, of: impl Fn(&MemoryRow) -> f64) -> Option<(f64, f64)> {
        through(self.memory.iter().map(|row| (row.endpoints, of(row))))
    }

    /// The same of midge under a load, with one worker.
    pub fn loaded_line(&self, load: &str) -> Option<(f64, f64)> {
        let of_load = |row: &&CostRow| row.load == load && row.workers == 1;
        let rows = self.cost.iter().filter(of_load);
        through(rows.map(|row| (row.endpoints, row.rss_bytes as f64)))
    }
}

/// Slope and foot of the line through the smallest and the largest fleet.
fn through(points: impl Iterator<Item = (u32, f64)>) -> Option<(f64, f64)> {
    let mut points: Vec<(u32, f64)> = points.collect();
    points.sort_by_key(|(endpoints, _)| *endpoints);
    let (&(small, low), &(large, high)) = (points.first()?, points.last()?);
    let each = (high - low) / f64::from(large - small);
    // Fleets that are too small to tell show what else goes on.
    (each.is_finite() && each > 0.0).then(|| (each, low - each * f64::from(small)))
}

fn machine(out: &mut String, measured: &Measured) {
    out.push_str("\n## The machine\n\n");
    for Fact { fact, value } in &measured.machine {
        let _ = writeln!(out, "- {}: {value}", fact.replace('_', " "));
    }
    let busy = measured.fact_number("load_average_at_begin");
    if busy > 0.5 {
        let _ = writeln!(
            out,
            "\nIt was not quiet when the measurement began (load average {busy})."
        );
    }
    if measured.fact("build") == "debug" {
        out.push_str("\nA debug build: the figures say nothing about speed.\n");
    }
}
