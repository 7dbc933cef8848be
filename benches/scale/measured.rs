//! The half of the page that was measured: the curves as tables.
//!
//! Not here: anything computed beyond a quotient of two columns.

use std::fmt::Write as _;

use super::arithmetic::{Measured, count, number, or_dash, row, table};
use super::table::CostRow;

/// The load, or a word that its row is not to be believed.
fn marked(load: &str, valid_repeats: usize) -> String {
    match valid_repeats {
        0 => format!("{load} (not valid)"),
        _ => load.to_owned(),
    }
}

/// CPU time per message with one worker.
pub fn costs(out: &mut String, measured: &Measured) {
    let columns = [
        "load, one worker",
        "endpoints",
        "messages/s",
        "CPU us per message",
        "messages/s of one core",
        "lag p50 us",
        "lag p99 us",
        "target's CPU us per message",
    ];
    table(out, "### What a message costs (cost.csv)", &columns);
    for cell in measured.cost.iter().filter(|cell| cell.workers == 1) {
        let cells = [
            marked(&cell.load, cell.valid_repeats),
            count(cell.endpoints.into()),
            number(cell.messages_per_s),
            number(cell.cpu_us_per_message),
            number(1e6 / cell.cpu_us_per_message),
            or_dash(cell.lag_p50_us),
            or_dash(cell.lag_p99_us),
            or_dash(cell.target_cpu_us_per_message),
        ];
        row(out, &cells);
    }
}

/// The same with several, against one.
pub fn workers(out: &mut String, measured: &Measured) {
    let columns = [
        "load",
        "endpoints",
        "workers",
        "CPU us per message",
        "against one worker",
    ];
    table(
        out,
        "### What more workers cost (cost.csv, largest fleet)",
        &columns,
    );
    for load in measured.loads() {
        let Some(one) = measured.largest(load, 1) else {
            continue;
        };
        let of_fleet = |cell: &&CostRow| cell.load == load && cell.endpoints == one.endpoints;
        for cell in measured.cost.iter().filter(of_fleet) {
            let ratio = cell.cpu_us_per_message / one.cpu_us_per_message;
            let cells = [
                marked(&cell.load, cell.valid_repeats),
                count(cell.endpoints.into()),
                cell.workers.to_string(),
                number(cell.cpu_us_per_message),
                format!("{ratio:.2}"),
            ];
            row(out, &cells);
        }
    }
}

/// Idle fleets.
pub fn memory(out: &mut String, measured: &Measured) {
    let columns = [
        "endpoints",
        "resident kB",
        "bytes per endpoint",
        "kernel's small objects, bytes per connection and end",
        "tenant resident kB",
    ];
    table(
        out,
        "### What an idle endpoint takes (memory.csv)",
        &columns,
    );
    for cell in &measured.memory {
        let cells = [
            count(cell.endpoints.into()),
            number(cell.rss_bytes as f64 / 1e3),
            number(cell.rss_bytes_per_endpoint),
            number(cell.slab_bytes_per_endpoint / 2.0),
            or_dash(cell.target_rss_bytes.map(|bytes| bytes as f64 / 1e3)),
        ];
        row(out, &cells);
    }
    if let Some((each, apart)) = measured.line(|cell| cell.rss_bytes as f64) {
        let _ = writeln!(
            out,
            "\nFrom the smallest to the largest of these fleets: {} bytes for each endpoint more, and {} kB \
             apart from endpoints.",
            number(each),
            number(apart / 1e3)
        );
    }
}

/// Several processes.
pub fn processes(out: &mut String, measured: &Measured) {
    let columns = [
        "load",
        "process",
        "source",
        "endpoints",
        "messages/s",
        "CPU us per message",
        "resident kB",
        "measured together %",
    ];
    table(
        out,
        "### Several processes at once (processes.csv)",
        &columns,
    );
    for cell in &measured.processes {
        let cells = [
            marked(&cell.load, cell.valid_repeats),
            cell.process.clone(),
            cell.source.clone(),
            count(cell.endpoints.into()),
            number(cell.messages_per_s),
            number(cell.cpu_us_per_message),
            number(cell.rss_bytes as f64 / 1e3),
            count(cell.overlap_percent),
        ];
        row(out, &cells);
    }
}
