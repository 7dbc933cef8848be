//! Several processes at once, each with a source address, a seed and names of its own.
//!
//! Each has a simulated tenant of its own, which needs as many descriptors as the process. Not here:
//! starting them on several machines.

use std::net::SocketAddr;

use super::load::Load;
use super::table::{self, ProcessRow, Sample, median, rounded};
use super::target::Target;
use super::{Arguments, Result};

/// Seed of the first process; the others count on.
const SEED: u64 = 42;

/// processes.csv
pub fn measure(arguments: &Arguments) -> Result<()> {
    let mut rows = Vec::new();
    for &load in &arguments.loads {
        let mut passes: Vec<Vec<Sample>> = Vec::new();
        for repeat in 1..=arguments.repeats {
            let samples = together(arguments, load)?;
            eprintln!(
                "processes {repeat}/{}: {load}, {} with {} endpoints each: {:.0}/s in all",
                arguments.repeats,
                arguments.processes,
                arguments.endpoints_each,
                samples.iter().map(Sample::messages_per_s).sum::<f64>()
            );
            passes.push(samples);
        }
        rows.extend(median_pass(arguments, load, &passes));
        table::write(&arguments.out, "processes.csv", rows.iter())?;
    }
    Ok(())
}

/// The rows of the valid pass whose cost is in the middle; without a valid one, of any.
fn median_pass(arguments: &Arguments, load: Load, passes: &[Vec<Sample>]) -> Vec<ProcessRow> {
    let is_valid = |pass: &&Vec<Sample>| {
        let mut samples = pass.iter();
        samples.all(|sample| sample.is_valid(arguments.endpoints_each))
    };
    let mut counted: Vec<&Vec<Sample>> = passes.iter().filter(is_valid).collect();
    let valid = counted.len();
    if counted.is_empty() {
        counted.extend(passes);
    }
    let sums: Vec<Sample> = counted.iter().map(|samples| sum(samples)).collect();
    let middle = median(&sums, Sample::cpu_us_per_message);
    let place = sums.iter().position(|sample| std::ptr::eq(sample, middle));
    let samples = counted[place.expect("it is one of them")];
    let parts = (1..)
        .zip(samples)
        .map(|(number, sample)| (Some(number), sample));
    let all = std::iter::once((None, middle));
    let rows = parts.chain(all).map(|(number, sample)| ProcessRow {
        repeats: passes.len(),
        valid_repeats: valid,
        overlap_percent: overlap_percent(samples),
        ..row(arguments, load, number, sample)
    });
    rows.collect()
}

/// 127.0.0.2 for the first process; a target that loopback does not reach leaves it to the system.
fn source(arguments: &Arguments, number: u8) -> Option<String> {
    let loopback = |target: &SocketAddr| target.is_ipv4() && target.ip().is_loopback();
    let reached = arguments.target.iter().all(loopback);
    reached.then(|| format!("127.0.0.{}", u32::from(number) + 1))
}

fn together(arguments: &Arguments, load: Load) -> Result<Vec<Sample>> {
    let mut targets = Vec::new();
    let mut cells = Vec::new();
    for number in 1..=arguments.processes {
        let mut order = arguments.order(load, arguments.endpoints_each, 1);
        let target = Target::start(&arguments.target, &order.profile)?;
        target.aim(&mut order);
        if let Some(source) = source(arguments, number) {
            order.sets.push(format!("target.bind={source}"));
        }
        order.sets.push(format!("load.seed={}", seed(number)));
        // At one broker no two may have the same name.
        order
            .sets
            .push(format!("fleet.client_id=midge-{number}-{{endpoint}}"));
        if load == Load::Kaa {
            order
                .sets
                .push(format!("fleet.vars.token=p{number}-{{endpoint}}"));
        }
        targets.push(target);
        cells.push(order.start()?);
    }
    let samples: Vec<Result<Sample>> = cells.into_iter().map(super::cell::Cell::finish).collect();
    samples.into_iter().collect()
}

fn seed(number: u8) -> u64 {
    SEED + u64::from(number) - 1
}

/// All processes as one. Rates add up, because each has its own measured time.
fn sum(samples: &[Sample]) -> Sample {
    let total = |of: fn(&Sample) -> u64| samples.iter().map(of).sum();
    let worst = samples.iter().filter_map(|sample| sample.lag_p99_us);
    Sample {
        connected: total(|sample| sample.connected),
        sent: total(|sample| sample.sent),
        ok: total(|sample| sample.ok),
        dropped: total(|sample| sample.dropped),
        rss_bytes: total(|sample| sample.rss_bytes),
        cpu_s: samples.iter().map(|sample| sample.cpu_s).sum(),
        measure_s: total(|sample| sample.sent) as f64
            / samples
                .iter()
                .map(Sample::messages_per_s)
                .sum::<f64>()
                .max(1e-9),
        lag_p99_us: worst.reduce(f64::max),
        ..Sample::default()
    }
}

/// Part of the measured time of the longest in which all were measured.
fn overlap_percent(samples: &[Sample]) -> f64 {
    let begun = samples.iter().map(|sample| sample.began_at_ns).max();
    let ended = samples.iter().map(|sample| sample.ended_at_ns).min();
    let shared = ended.unwrap_or(0).saturating_sub(begun.unwrap_or(0)) as f64;
    let lengths = samples
        .iter()
        .map(|sample| sample.ended_at_ns - sample.began_at_ns);
    rounded(100.0 * shared / lengths.max().unwrap_or(0).max(1) as f64)
}

/// One process, or all of them.
fn row(arguments: &Arguments, load: Load, number: Option<u8>, sample: &Sample) -> ProcessRow {
    let endpoints = match number {
        Some(_) => arguments.endpoints_each,
        None => arguments.endpoints_each * u32::from(arguments.processes),
    };
    let source = number.and_then(|number| source(arguments, number));
    ProcessRow {
        load: load.to_string(),
        process: number.map_or("all".to_owned(), |number| number.to_string()),
        source: source.unwrap_or_default(),
        seed: number
            .map(|number| seed(number).to_string())
            .unwrap_or_default(),
        endpoints,
        repeats: 0,
        valid_repeats: 0,
        not_connected: u64::from(endpoints).saturating_sub(sample.connected),
        messages_per_s: rounded(sample.messages_per_s()),
        cpu_us_per_message: rounded(sample.cpu_us_per_message()),
        lag_p99_us: sample.lag_p99_us,
        dropped: sample.dropped,
        not_ok: sample.sent - sample.ok,
        rss_bytes: sample.rss_bytes,
        overlap_percent: 0.0,
    }
}
