//! The table: medians of each side, and the ratio of the pairs.
//!
//! Not here: any opinion of the numbers beyond a word on how to read them.

use super::cores::Cores;
use super::mode::Mode;
use super::order::Scale;
use super::turn::{Lag, Outcome};
use super::{Pair, Side};

/// Columns after the first.
const COLUMNS: [&str; 5] = [
    "messages/s",
    "CPU us per message",
    "sink busy",
    "lag p50 us",
    "lag p99 us",
];

pub fn head(scale: &Scale, cores: &Cores) {
    println!(
        "the engine against a bare loop that writes encoded packets; pairs: {}, each side {} s after {} s of \
         warm-up; connections: {}",
        scale.pairs,
        scale.window.as_secs_f64(),
        scale.warm_up.as_secs_f64(),
        scale.endpoints
    );
    println!("{cores}");
    println!();
    line("", COLUMNS.map(str::to_owned));
}

pub fn rows(mode: &Mode, pairs: &[Pair]) {
    println!("{}: {}", mode.name, mode.title);
    for (name, side) in [("  bare loop", Side::Bare), ("  engine", Side::Engine)] {
        let of = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
            middle(pairs.iter().filter_map(|pair| figure(pair.of(side))))
        };
        let lag = |figure: fn(Lag) -> f64| of(&|outcome| outcome.lag.map(figure));
        line(
            name,
            [
                digits(of(&|outcome| Some(outcome.per_s)), 0),
                digits(of(&|outcome| outcome.cpu_us), 3),
                of(&|outcome| outcome.sink_busy)
                    .map_or_else(nothing, |share| format!("{:.0} %", share * 100.0)),
                digits(lag(|lag| lag.p50_us), 1),
                digits(lag(|lag| lag.p99_us), 1),
            ],
        );
    }
    let ratio = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
        let of_pair = |pair: &Pair| Some(figure(&pair.engine)? / figure(&pair.bare)?);
        spread(pairs.iter().filter_map(of_pair).collect())
    };
    line(
        "  engine / bare loop",
        [
            ratio(&|outcome| Some(outcome.per_s)),
            ratio(&|outcome| outcome.cpu_us),
            String::new(),
            ratio(&|outcome| outcome.lag.map(|lag| lag.p50_us)),
            ratio(&|outcome| outcome.lag.map(|lag| lag.p99_us)),
        ],
    );
}

pub fn foot() {
    println!();
    println!(
        "(rows of a side: median of its turns; ratio: median of the pairs, smallest..largest)"
    );
    println!(
        "(smallest and largest far apart: the machine was busy with other work, so believe none of it)"
    );
    println!("(a sink that is busy all the time was the limit of messages/s: compare CPU there)");
    println!("(lag: how late messages left, against their schedule)");
}

impl Pair {
    fn of(&self, side: Side) -> &Outcome {
        match side {
            Side::Bare => &self.bare,
            Side::Engine => &self.engine,
        }
    }
}

fn line(name: &str, columns: [String; 5]) {
    let [per_s, cpu, busy, p50, p99] = columns;
    let text = format!("{name:<20} {per_s:>20} {cpu:>20} {busy:>9} {p50:>20} {p99:>20}");
    println!("{}", text.trim_end());
}

fn nothing() -> String {
    "-".to_owned()
}

fn digits(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(nothing, |value| format!("{value:.digits$}"))
}

/// `0.91 (0.88..0.95)`
fn spread(mut ratios: Vec<f64>) -> String {
    ratios.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else {
        return String::new();
    };
    let middle = middle(ratios.iter().copied()).expect("it is not empty");
    format!("{middle:.2} ({least:.2}..{most:.2})")
}

/// The median.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len().is_multiple_of(2) {
        f64::midpoint(values[half - 1], upper)
    } else {
        upper
    })
}
