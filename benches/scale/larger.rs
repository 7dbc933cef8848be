//! The half of the page that was not measured: a larger machine and a larger fleet.
//!
//! Not here: any figure of its own but those of protocols and operating systems, each with a name.

use std::fmt::Write as _;

use super::arithmetic::{Measured, count, number, or_dash, row, table};
use super::table::CostRow;

/// The machine that is asked about.
const CORES: f64 = 64.0;
/// Its fleet.
const FLEET: f64 = 1e6;
/// Rates that are asked about, per second.
const RATES: [f64; 4] = [1e5, 1e6, 5e6, 1e7];
/// Ports from 1024 to 65535, the most that `net.ipv4.ip_local_port_range` may allow.
const PORTS_MOST: f64 = 64_512.0;
/// Ethernet 14, IPv4 20, TCP 32 with timestamps.
const HEADERS: f64 = 66.0;

/// Rates.
pub fn cores(out: &mut String, measured: &Measured) {
    let wanted = RATES.map(|rate| format!("cores for {}/s", count(rate)));
    let upper = format!("messages/s of {CORES} cores, at most");
    let mut columns = vec!["load", "endpoints per worker", "CPU us per message", &upper];
    columns.extend(wanted.iter().map(String::as_str));
    let title = format!(
        "### {CORES} cores\n\nOne worker per core, each with as many endpoints as the largest fleet above: a \
         million endpoints on {CORES} workers are {} for each. `paced` and `kaa` were measured at 20,000/s \
         for one worker; at higher rates more messages share a wake-up and each costs less.",
        count(FLEET / CORES)
    );
    table(out, &title, &columns);
    for load in measured.loads() {
        let Some(one) = measured.largest(load, 1) else {
            continue;
        };
        let us = one.cpu_us_per_message;
        let mut cells = vec![
            load.to_owned(),
            count(one.endpoints.into()),
            number(us),
            number(CORES * 1e6 / us),
        ];
        cells.extend(RATES.map(|rate| number(rate * us / 1e6)));
        row(out, &cells);
    }
    let bytes = |load: &str| {
        measured
            .largest(load, 1)
            .map(|row| row.message_bytes as f64)
    };
    if let Some(bytes) = bytes("paced").or(bytes("flood-1")) {
        let bits = |rate: f64, headers: f64| number((bytes + headers) * 8.0 * rate / 1e9);
        let _ = writeln!(
            out,
            "\nNetwork, one way: a message of {bytes} bytes takes {} Gbit/s at 1,000,000/s, and {} Gbit/s if each \
             leaves in a packet of its own ({HEADERS} bytes of Ethernet, IPv4 and TCP); acknowledgements \
             and replies come back beside that.",
            bits(1e6, 0.0),
            bits(1e6, HEADERS)
        );
    }
}

/// One row of the fleet's table.
fn line(out: &mut String, what: &str, figure: String, from: &str) {
    row(out, &[what.to_owned(), figure, from.to_owned()]);
}

/// A million endpoints.
pub fn fleet(out: &mut String, measured: &Measured) {
    let title = format!("### {} endpoints, one connection each", count(FLEET));
    table(out, &title, &["what", "figure", "from"]);
    memory(out, measured);
    let ports = measured.fact_number("ports_per_source_address").max(1.0);
    let from = format!(
        "{} ports each, as on this machine (machine.csv)",
        count(ports)
    );
    line(
        out,
        "source addresses for each address of the target",
        count((FLEET / ports).ceil()),
        &from,
    );
    let from = "1024 to 65535 in net.ipv4.ip_local_port_range";
    line(
        out,
        "the same with all ports",
        count((FLEET / PORTS_MOST).ceil()),
        from,
    );
    let apart = midge::plan::FILES_APART as f64;
    line(
        out,
        "open files",
        count(FLEET + apart),
        "one each, and those apart",
    );
    let limit = measured
        .fact_number("descriptors_per_process")
        .max(apart + 1.0);
    let from = format!("{} open files each (machine.csv)", count(limit));
    line(
        out,
        "processes at this machine's limit",
        count((FLEET / (limit - apart)).ceil()),
        &from,
    );
    let valid = |row: &&CostRow| row.valid_repeats > 0;
    let any = measured.cost.iter().rfind(valid);
    let connect = measured.largest("paced", 1).or(any);
    if let Some(cell) = connect {
        let seconds = FLEET * cell.connect_cpu_us / 1e6;
        let from = format!(
            "cost.csv: {} us for each, tables included",
            number(cell.connect_cpu_us)
        );
        line(
            out,
            "CPU time until all are connected",
            format!("{} s of one core", number(seconds)),
            &from,
        );
    }
    often(out, measured);
}

/// Bytes of the fleet.
fn memory(out: &mut String, measured: &Measured) {
    let gb = |bytes: f64| format!("{:.2} GB", bytes / 1e9);
    if let Some((each, apart)) = measured.line(|cell| cell.rss_bytes as f64) {
        let from = "memory.csv: the line through the smallest and the largest fleet";
        let figure = gb(each * FLEET + apart);
        line(out, "memory of midge, idle", figure, from);
    }
    if let Some((each, apart)) = measured.loaded_line("kaa") {
        let from = "cost.csv, kaa: the same line at 20,000/s; more is in flight at a higher rate";
        let figure = gb(each * FLEET + apart);
        line(out, "memory of midge, with requests", figure, from);
    }
    if let Some((both, _)) = measured.line(|cell| cell.slab_bytes as f64) {
        let from = "memory.csv: half of what both ends of a connection took; buffers of data under way are more";
        line(out, "memory of the kernel", gb(both / 2.0 * FLEET), from);
    }
}

/// Cores, if each endpoint of the fleet sends this often.
fn often(out: &mut String, measured: &Measured) {
    for (load, period) in [("paced", 60.0), ("paced", 1.0), ("kaa", 60.0), ("kaa", 1.0)] {
        let Some(cell) = measured.largest(load, 1) else {
            continue;
        };
        let rate = FLEET / period;
        line(
            out,
            &format!("cores, {load}, each endpoint every {period} s"),
            number(rate * cell.cpu_us_per_message / 1e6),
            &format!(
                "{}/s at {} us",
                count(rate),
                number(cell.cpu_us_per_message)
            ),
        );
    }
}

/// What the far side needs.
pub fn target(out: &mut String, measured: &Measured) {
    out.push_str(
        "\n### The other side\n\nThe target needs cores, memory, descriptors and network of its own, and its \
         share is not in the figures above. For the simulated tenant, which is one thread, per message; \
         a real broker has figures of its own:\n",
    );
    let columns = [
        "load",
        "target's CPU us per message, and so cores for 1,000,000/s",
    ];
    table(out, "#### CPU", &columns);
    for load in measured.loads() {
        let one = measured.largest(load, 1);
        let us = one.and_then(|cell| cell.target_cpu_us_per_message);
        row(out, &[load.to_owned(), or_dash(us)]);
    }
    if let Some((each, _)) = measured.line(|cell| cell.target_rss_bytes.unwrap_or(0) as f64) {
        let _ = writeln!(
            out,
            "\nIt held {} bytes for each idle connection, besides the kernel's other half.",
            number(each)
        );
    }
}
