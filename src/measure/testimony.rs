//! What an independent client saw beside the fleet, and whether the two agree.
//!
//! The witness sends few probes, so its own percentiles are uncertain: what is compared are ranges
//! that certainly hold the percentile, and only a difference that no chance explains is a finding.
//! Not here: the client itself, and the fleet's own account (its ledger never holds a probe).

use super::distribution::{Distribution, Population, Statistic, rank};
use super::samples::{Bounds, Samples};
use super::tally::{RequestTally, Tally};
use super::verdict::Finding;

/// Probes and what became of them: `planned = sent + skipped`, and `sent` is the sum of its ends.
#[derive(Debug, Clone)]
pub struct Probes {
    /// Came due in the measure phase.
    pub planned: u64,
    /// Given to the client.
    pub sent: u64,
    /// Answered with success.
    pub ok: u64,
    /// Answered with an error.
    pub error: u64,
    /// No answer by the deadline, which counts from the sending.
    pub timeout: u64,
    /// The connection was lost.
    pub failed: u64,
    /// Unanswered at the end of the run.
    pub in_flight: u64,
    /// From just before the client was given the message to just after it gave the reply back.
    pub service: Samples,
    /// Longest certain wait of a probe without an answer, ns.
    pub unanswered_ns: u64,
}

/// How a probe ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Its deadline passed.
    Timeout,
    /// Its connection was lost.
    Failed,
    /// The run was over.
    InFlight,
}

impl Probes {
    /// None yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            planned: 0,
            sent: 0,
            ok: 0,
            error: 0,
            timeout: 0,
            failed: 0,
            in_flight: 0,
            service: Samples::new(bounds),
            unanswered_ns: 0,
        }
    }

    /// Planned, but the connection was busy, lost or never up.
    pub fn skipped(&self) -> u64 {
        self.planned.saturating_sub(self.sent)
    }

    /// A probe without an answer, after this wait in ns.
    pub fn unanswered(&mut self, how: NoAnswer, wait_ns: u64) {
        match how {
            NoAnswer::Timeout => self.timeout += 1,
            NoAnswer::Failed => self.failed += 1,
            NoAnswer::InFlight => self.in_flight += 1,
        }
        self.unanswered_ns = self.unanswered_ns.max(wait_ns);
    }

    /// Adds another connection's probes.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            planned,
            sent,
            ok,
            error,
            timeout,
            failed,
            in_flight,
            service,
            unanswered_ns,
        } = other;
        self.planned += planned;
        self.sent += sent;
        self.ok += ok;
        self.error += error;
        self.timeout += timeout;
        self.failed += failed;
        self.in_flight += in_flight;
        self.service.merge(service);
        self.unanswered_ns = self.unanswered_ns.max(*unanswered_ns);
    }

    /// Of what was sent; what got no answer ranks above every answer.
    pub fn service_time(&self) -> Distribution {
        let population = Population {
            planned: self.sent,
            longest_unanswered_ns: self.unanswered_ns,
        };
        Distribution::of(&self.service, population)
    }
}

/// Everything that a witness has to say.
#[derive(Debug, Clone)]
pub struct Testimony {
    /// Which client it is.
    pub client: &'static str,
    /// Rows of the shape that were probed.
    pub requests: Vec<u16>,
    /// The other ones: row and why.
    pub not_probed: Vec<(u16, &'static str)>,
    /// Probes per second that were asked for.
    pub rate: f64,
    /// Connections of the witness.
    pub connections: u32,
    /// Of these, those that came up.
    pub connected: u32,
    /// The probes.
    pub probes: Probes,
}

/// How far a percentile may be off, and how many there must be of each to say so.
struct Limit {
    statistic: Statistic,
    per_10k: u16,
    /// Of the fleet's value.
    share: f64,
    /// At least, us.
    least_us: f64,
}

/// A client of its own costs a few wake-ups that no worker has, and tails differ more than medians.
const LIMITS: [Limit; 2] = [
    Limit {
        statistic: Statistic::P50,
        per_10k: 5_000,
        share: 0.10,
        least_us: 300.0,
    },
    Limit {
        statistic: Statistic::P90,
        per_10k: 9_000,
        share: 0.25,
        least_us: 1_000.0,
    },
];

/// Standard deviations of a rank that chance is given: one comparison in several hundred is wrong.
const DEVIATIONS: f64 = 3.0;
/// Fewer probes than these are not compared.
const PROBES_MIN: u64 = 30;
/// Share of the planned probes that may be skipped without a word.
const SKIPPED_MAX: f64 = 0.05;

impl Testimony {
    /// The fleet's service time of the requests that were probed, over those that were sent.
    pub fn fleet_service_time(&self, tally: &Tally, bounds: Bounds) -> Distribution {
        self.fleet(tally, bounds).1
    }

    fn fleet(&self, tally: &Tally, bounds: Bounds) -> (u64, Distribution) {
        let mut service = Samples::new(bounds);
        let (mut sent, mut longest_unanswered_ns) = (0, 0);
        let rows = self.requests.iter().map(|row| usize::from(*row));
        let probed = rows.filter_map(|row| tally.requests.get(row));
        probed.for_each(|row: &RequestTally| {
            service.merge(&row.service);
            let [_, of_service, ..] = row.populations();
            sent += of_service.planned;
            longest_unanswered_ns = of_service.longest_unanswered_ns.max(longest_unanswered_ns);
        });
        let population = Population {
            planned: sent,
            longest_unanswered_ns,
        };
        (sent, Distribution::of(&service, population))
    }

    /// What to know before believing either: never a reason against a run.
    pub fn findings(&self, tally: &Tally, bounds: Bounds) -> Vec<Finding> {
        let probes = &self.probes;
        if probes.sent == 0 {
            return vec![self.silent()];
        }
        let mut found: Vec<Finding> = [self.no_success(), self.skipped()]
            .into_iter()
            .flatten()
            .collect();
        let (fleet_sent, fleet) = self.fleet(tally, bounds);
        if probes.ok > 0 && probes.sent >= PROBES_MIN && fleet_sent >= PROBES_MIN {
            let differences = LIMITS
                .iter()
                .filter_map(|limit| self.disagreement(limit, fleet_sent, &fleet));
            found.extend(differences);
        }
        found
    }

    fn silent(&self) -> Finding {
        let Self {
            connections,
            connected,
            ..
        } = self;
        Finding {
            code: "witness_silent".into(),
            figure: f64::from(*connected),
            limit: f64::from(*connections),
            unit: "connections".into(),
            detail: format!(
                "the witness sent nothing; {connected} of its {connections} connections came up"
            ),
            advice:
                "see whether the target takes more connections and knows the witness's identities, \
                     and whether the measure phase is long enough for a probe"
                    .into(),
        }
    }

    fn no_success(&self) -> Option<Finding> {
        let Probes {
            sent, ok, error, ..
        } = &self.probes;
        (*ok == 0).then(|| Finding {
            code: "witness_no_success".into(),
            figure: *sent as f64,
            limit: 0.0,
            unit: "probes".into(),
            detail: format!(
                "none of the witness's {sent} probes succeeded, {error} were answered with an error"
            ),
            advice:
                "its endpoints are numbered from fleet.endpoints on, or are the rows after the \
                     fleet's: does the tenant know them?"
                    .into(),
        })
    }

    fn skipped(&self) -> Option<Finding> {
        let Probes { planned, .. } = self.probes;
        let skipped = self.probes.skipped();
        let percent = 100.0 * skipped as f64 / planned.max(1) as f64;
        (percent > 100.0 * SKIPPED_MAX).then(|| Finding {
            code: "witness_skipped".into(),
            figure: percent,
            limit: 100.0 * SKIPPED_MAX,
            unit: "%".into(),
            detail: format!(
                "{skipped} of {planned} probes were not sent: a connection of the witness was busy or lost"
            ),
            advice: "its waits leave out slow moments then; lower --witness-rate".into(),
        })
    }

    /// Compares one percentile; `None` when chance, or the wake-ups of a client, explain the rest.
    fn disagreement(
        &self,
        limit: &Limit,
        fleet_sent: u64,
        fleet: &Distribution,
    ) -> Option<Finding> {
        if fleet.is_at_least(limit.statistic) {
            return None;
        }
        let ours = fleet.value(limit.statistic)?;
        let (low, high) = self.range(limit.per_10k, fleet_sent);
        let allowed = (limit.share * ours).max(limit.least_us);
        let longest = self.probes.unanswered_ns as f64 / 1000.0;
        // Past the last answer there is only how long was waited at least.
        let low = low.unwrap_or(longest);
        let (difference, direction, advice) = if low - ours > allowed {
            let advice = "either this program starts its clock too late or stops it too early, which is a \
                          defect, or the witness was short of CPU (see generator.busy_max), or the tenant \
                          treats its endpoints differently";
            (low - ours, "longer", advice)
        } else if let Some(high) = high
            && ours - high > allowed
        {
            let advice = "the fleet's service time holds waits of our own: a worker came late to replies \
                          that were there. Add workers or lower the rate; or the tenant treats endpoints \
                          differently";
            (ours - high, "shorter", advice)
        } else {
            return None;
        };
        let name = limit.statistic.name();
        Some(Finding {
            code: format!("witness_{name}"),
            figure: difference / 1000.0,
            limit: allowed / 1000.0,
            unit: "ms".into(),
            detail: format!(
                "at {name} the witness waited certainly {:.3} ms {direction} than the fleet ({:.3} ms)",
                difference / 1000.0,
                ours / 1000.0
            ),
            advice: advice.into(),
        })
    }

    /// Between which waits (us) the percentile lies; `None` where only unanswered probes are.
    fn range(&self, per_10k: u16, fleet_sent: u64) -> (Option<f64>, Option<f64>) {
        let sent = self.probes.sent;
        let share = f64::from(per_10k) / 10_000.0;
        let fleet = 1.0 + sent as f64 / fleet_sent.max(1) as f64;
        let spread = DEVIATIONS * (sent as f64 * share * (1.0 - share) * fleet).sqrt();
        let centre = rank(sent, per_10k);
        let low = centre.saturating_sub(spread.ceil() as u64).max(1);
        let high = centre + spread.ceil() as u64;
        let at = |rank: u64| {
            let answered = rank <= self.probes.service.count();
            let ns = answered.then(|| self.probes.service.at_ranks(&[rank]))?;
            ns.first().map(|ns| *ns as f64 / 1000.0)
        };
        // Beyond the last rank of all nothing bounds it.
        (at(low), if high > sent { None } else { at(high) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::{Replies, RequestShape, Shape};
    use super::*;

    const US: u64 = 1_000;

    fn shape() -> Shape {
        let request = RequestShape {
            name: "telemetry".into(),
            reactive: false,
            has_reply: true,
            silence_is_ok: false,
            replies: Replies::One,
            qos: 0,
            deadline_ns: 1_000_000_000,
        };
        Shape {
            requests: vec![request],
            inbound: Vec::new(),
            deliveries: Vec::new(),
            stages: Vec::new(),
            warm_up_ns: 0,
            measure_ns: 1_000_000_000,
        }
    }

    /// A fleet with these service times.
    fn fleet(waits: impl Iterator<Item = u64>) -> Tally {
        let mut tally = Tally::new(&shape());
        for wait in waits {
            tally.requests[0].measured.sent += 1;
            tally.requests[0].service.record(wait);
        }
        tally
    }

    fn witness(waits: impl Iterator<Item = u64>, timeouts: u64) -> Testimony {
        let mut probes = Probes::new(shape().bounds());
        for wait in waits {
            probes.service.record(wait);
            probes.ok += 1;
        }
        for _ in 0..timeouts {
            probes.unanswered(NoAnswer::Timeout, 1_000_000_000);
        }
        probes.sent = probes.ok + timeouts;
        probes.planned = probes.sent;
        Testimony {
            client: "other",
            requests: vec![0],
            not_probed: Vec::new(),
            rate: 10.0,
            connections: 2,
            connected: 2,
            probes,
        }
    }

    fn codes(testimony: &Testimony, tally: &Tally) -> Vec<String> {
        let found = testimony.findings(tally, shape().bounds());
        found.into_iter().map(|finding| finding.code).collect()
    }

    /// Evenly from 5 to 6 ms.
    fn waits(count: u64, more_us: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |number| (5_000 + more_us + number * 1_000 / count) * US)
    }

    #[test]
    fn two_clients_that_waited_the_same_agree() {
        let tally = fleet(waits(10_000, 0));
        assert!(codes(&witness(waits(100, 0), 0), &tally).is_empty());
        assert!(codes(&witness(waits(100, 50), 0), &tally).is_empty());
    }

    #[test]
    fn a_difference_that_no_chance_explains_is_found_in_both_directions() {
        let tally = fleet(waits(10_000, 0));
        let longer = witness(waits(100, 3_000), 0).findings(&tally, shape().bounds());
        assert_eq!(longer[0].code, "witness_p50");
        assert!(longer[0].detail.contains("longer"), "{longer:?}");
        assert!((1.0..3.0).contains(&longer[0].figure), "{longer:?}");
        let late = fleet(waits(10_000, 3_000));
        let shorter = witness(waits(100, 0), 0).findings(&late, shape().bounds());
        assert!(shorter[0].detail.contains("shorter"), "{shorter:?}");
    }

    #[test]
    fn few_probes_prove_nothing() {
        let tally = fleet(waits(10_000, 0));
        assert!(codes(&witness(waits(29, 3_000), 0), &tally).is_empty());
    }

    #[test]
    fn probes_without_an_answer_rank_above_every_answer() {
        let tally = fleet(waits(10_000, 0));
        // The median lies among the answered ones, p90 does not.
        assert_eq!(codes(&witness(waits(300, 0), 200), &tally), ["witness_p90"]);
        assert_eq!(
            codes(&witness(waits(0, 0), 100), &tally),
            ["witness_no_success"]
        );
    }

    #[test]
    fn a_witness_that_said_nothing_or_left_things_out_is_no_evidence() {
        let tally = fleet(waits(10_000, 0));
        assert_eq!(codes(&witness(waits(0, 0), 0), &tally), ["witness_silent"]);
        let mut partial = witness(waits(100, 0), 0);
        partial.probes.planned = 120;
        assert_eq!(codes(&partial, &tally), ["witness_skipped"]);
        assert_eq!(partial.probes.skipped(), 20);
    }
}
