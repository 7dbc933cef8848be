//! The witness's account beside the fleet's, as `run.json` and the screen have it.
//!
//! Not here: whether the two agree (see `measure`), and the client that sent the probes.

use serde::{Deserialize, Serialize};

use super::result::RunResult;
use super::text::{columns_of, field, wait};
use crate::measure::{Distribution, Named, Shape, Statistic, Tally, Testimony};

/// What an independent client saw in the measure phase. None of it is in the fleet's ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WitnessResult {
    /// Name of the client.
    pub client: String,
    /// Requests of the profile that it sent too.
    pub requests: Vec<String>,
    /// The other ones, and why.
    pub not_probed: Named<String>,
    /// Probes per second that were asked for.
    pub asked_per_s: f64,
    /// Connections of its own.
    pub connections: u32,
    /// Of these, those that came up.
    pub connected: u32,
    /// Came due; `probes_planned = probes_sent + probes_skipped`.
    pub probes_planned: u64,
    /// Its connection was busy, lost or never up.
    pub probes_skipped: u64,
    /// `probes_sent = ok + error + timeout + failed + in_flight`.
    pub probes_sent: u64,
    /// Answered with success.
    pub ok: u64,
    /// Answered with an error.
    pub error: u64,
    /// No answer by the deadline.
    pub timeout: u64,
    /// The connection was lost.
    pub failed: u64,
    /// Unanswered at the end of the run.
    pub in_flight: u64,
    /// Of the probes that were sent.
    pub service_time_us: Distribution,
    /// Of the fleet's requests of the same definitions, over the same phase.
    pub fleet_service_time_us: Distribution,
    /// The witness's minus the fleet's.
    pub difference_us: Compared,
    /// The witness's by the fleet's.
    pub ratio: Compared,
}

/// Two distributions against each other; null where either has no such percentile, or only a bound.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Compared {
    /// Median.
    pub p50: Option<f64>,
    /// 90 %.
    pub p90: Option<f64>,
    /// 99 %.
    pub p99: Option<f64>,
}

impl Compared {
    fn of(witness: &Distribution, fleet: &Distribution, by: fn(f64, f64) -> f64) -> Self {
        let at = |statistic| {
            let certain = |of: &Distribution| {
                let value = of.value(statistic);
                value.filter(|_| !of.is_at_least(statistic))
            };
            let (witness, fleet) = (certain(witness)?, certain(fleet)?);
            let compared = (by(witness, fleet) * 1000.0).round() / 1000.0;
            compared.is_finite().then_some(compared)
        };
        Self {
            p50: at(Statistic::P50),
            p90: at(Statistic::P90),
            p99: at(Statistic::P99),
        }
    }
}

impl RunResult {
    /// Adds what the witness said, and warnings where it contradicts. Verdict, thresholds and exit
    /// code stay as they are: the witness judges nothing.
    pub fn add_witness(&mut self, testimony: &Testimony, shape: &Shape, tally: &Tally) {
        let bounds = shape.bounds();
        let name = |row: u16| {
            let row = shape.requests.get(usize::from(row));
            row.map_or_else(String::new, |row| row.name.clone())
        };
        let probes = &testimony.probes;
        let service_time_us = probes.service_time();
        let fleet_service_time_us = testimony.fleet_service_time(tally, bounds);
        let compared = |by| Compared::of(&service_time_us, &fleet_service_time_us, by);
        self.witness = Some(Box::new(WitnessResult {
            client: testimony.client.to_owned(),
            requests: testimony.requests.iter().map(|row| name(*row)).collect(),
            not_probed: Named(
                testimony
                    .not_probed
                    .iter()
                    .map(|(row, why)| (name(*row), (*why).to_owned()))
                    .collect(),
            ),
            asked_per_s: testimony.rate,
            connections: testimony.connections,
            connected: testimony.connected,
            probes_planned: probes.planned,
            probes_skipped: probes.skipped(),
            probes_sent: probes.sent,
            ok: probes.ok,
            error: probes.error,
            timeout: probes.timeout,
            failed: probes.failed,
            in_flight: probes.in_flight,
            difference_us: compared(|witness, fleet| witness - fleet),
            ratio: compared(|witness, fleet| witness / fleet),
            service_time_us,
            fleet_service_time_us,
        }));
        let findings = testimony.findings(tally, bounds);
        self.verdict.warnings.extend(findings);
    }
}

/// A few lines for the screen.
pub(super) fn lines(witness: &WitnessResult) -> Vec<String> {
    let counts = [
        ("ok", witness.ok),
        ("error", witness.error),
        ("timeout", witness.timeout),
        ("failed", witness.failed),
        ("in flight", witness.in_flight),
        ("skipped", witness.probes_skipped),
    ];
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let WitnessResult {
        client,
        probes_sent,
        connections,
        connected,
        ..
    } = witness;
    let said = format!(
        "{client} sent {probes_sent} probes over {connected} of {connections} connections: {}",
        counts.join(", ")
    );
    let statistics = [
        (Statistic::Mean, "mean"),
        (Statistic::P50, "p50"),
        (Statistic::P90, "p90"),
        (Statistic::P99, "p99"),
        (Statistic::Max, "max"),
    ];
    let row = |name: &str, of: &Distribution| {
        columns_of(
            name,
            16,
            &statistics.map(|(statistic, _)| wait(of, statistic)),
        )
    };
    vec![
        field("witness", said.trim_end_matches(": ")),
        columns_of(
            "service time",
            16,
            &statistics.map(|(_, name)| name.to_owned()),
        ),
        row("  witness", &witness.service_time_us),
        row("  fleet, same", &witness.fleet_service_time_us),
        String::new(),
    ]
}
