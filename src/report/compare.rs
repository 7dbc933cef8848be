//! Two stored runs side by side: what changed from A to B, and whether B is worse.
//!
//! A weak comparison, and it says so: runs of different moments differ by what else the machine and
//! the network did, too. Not here: rendering (see `compare_text`) and running anything.

use serde::Serialize;

use super::change::{Change, Judgement, Known, Limit};
use super::difference::{Difference, Effect, differences};
use super::exit::Exit;
use super::result::RunResult;
use crate::measure::{Figures, Named, Statistic};

/// How much worse B may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// Median of the response time, percent.
    pub response_time_p50_percent: f64,
    /// 99th percentile of the response time, percent.
    pub response_time_p99_percent: f64,
    /// Smaller changes of the response time are none, us.
    pub response_time_least_us: f64,
    /// Share of planned requests that did not succeed, difference, 0 to 1.
    pub failure_rate: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            response_time_p50_percent: 5.0,
            response_time_p99_percent: 10.0,
            response_time_least_us: 1_000.0,
            failure_rate: 0.001,
        }
    }
}

impl Limits {
    /// The same percentage for the median and for the 99th percentile.
    #[must_use]
    pub fn with_percent(self, percent: f64) -> Self {
        Self {
            response_time_p50_percent: percent,
            response_time_p99_percent: percent,
            ..self
        }
    }

    fn of_response_time(&self, statistic: Statistic) -> Option<Limit> {
        let percent = match statistic {
            Statistic::P50 => self.response_time_p50_percent,
            Statistic::P99 => self.response_time_p99_percent,
            _ => return None,
        };
        let least = self.response_time_least_us;
        Some(Limit::Relative { percent, least })
    }
}

/// What comes out of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// No judged number of B is known to be worse than allowed.
    NoRegression,
    /// At least one is.
    Regression,
    /// The two runs are not comparable.
    Inconclusive,
}

impl Decision {
    /// What a strict caller is told.
    pub fn exit(self) -> Exit {
        match self {
            Self::NoRegression => Exit::Passed,
            Self::Regression => Exit::Regression,
            Self::Inconclusive => Exit::Inconclusive,
        }
    }
}

/// How two runs came to be compared, which decides what the comparison is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Both were stored earlier.
    Stored,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Name of its profile.
    pub profile: String,
    /// Of its profile as run.
    pub sha256: String,
    /// As text, as in the result.
    pub seed: String,
    /// URLs.
    pub targets: Vec<String>,
    /// The target was started by the run.
    pub simulated_tenant: bool,
    /// RFC 3339, UTC.
    pub started: String,
    /// Whether its numbers may be believed.
    pub valid: bool,
}

/// Everything there is to say of two runs: a format of its own, version 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this format: 1.
    pub format: u32,
    /// How they came to be compared.
    pub kind: Kind,
    /// Noise and change cannot be told apart.
    pub weak: bool,
    /// Why it is weak.
    pub note: &'static str,
    /// How to do better.
    pub advice: &'static str,
    /// Whether B is worse.
    pub decision: Decision,
    /// What decided it.
    pub limits: Limits,
    /// The first run: what there was.
    pub a: Side,
    /// The second run: what there is.
    pub b: Side,
    /// Those that rule out a decision come first.
    pub differences: Vec<Difference>,
    /// Requests that the second run has not.
    pub only_in_a: Vec<String>,
    /// Requests that the first run has not.
    pub only_in_b: Vec<String>,
    /// Whole run.
    pub connections: Named<Change>,
    /// All requests together, measure phase.
    pub total: Named<Change>,
    /// Of requests that both runs have, in the order of the first.
    pub requests: Named<Named<Change>>,
}

const NOTE: &str = "weak: not interleaved; the machine, the network and the tenant may have changed between \
                    the two runs";
const ADVICE: &str = "run both in the same minutes, several times, alternating (A B B A), and believe only what \
                      every pair shows";

impl Comparison {
    /// Compares two results.
    pub fn of(a: &RunResult, b: &RunResult, limits: Limits) -> Self {
        let mut differences = differences(a, b);
        // Numbers of runs that are not comparable are shown, but never judged.
        let judged_by = comparable(&differences).then_some(limits);
        let seconds = [a.load.measure_s, b.load.measure_s];
        let of = |a, b| changes([a, b], seconds, judged_by);
        let total = of(&a.total, &b.total);
        let requests = a.requests.iter().filter_map(|(name, in_a)| {
            let in_b = b.requests.get(name)?;
            Some((name.to_owned(), of(&in_a.figures, &in_b.figures)))
        });
        let requests = Named(requests.collect());
        let judged: Vec<Judgement> = judgements(&total, &requests).collect();
        if comparable(&differences) && judged.iter().all(|j| *j == Judgement::Unknown) {
            differences.insert(0, no_data(a, b));
        }
        Self {
            format: 1,
            kind: Kind::Stored,
            weak: true,
            note: NOTE,
            advice: ADVICE,
            decision: decide(&differences, &judged),
            limits,
            a: side(a),
            b: side(b),
            differences,
            only_in_a: only_in(a, b),
            only_in_b: only_in(b, a),
            connections: connections(a, b),
            total,
            requests,
        }
    }

    /// What the limits say of every number that they are for.
    pub fn judgements(&self) -> impl Iterator<Item = Judgement> + '_ {
        judgements(&self.total, &self.requests)
    }
}

fn comparable(differences: &[Difference]) -> bool {
    differences
        .iter()
        .all(|difference| difference.effect == Effect::Noted)
}

fn decide(differences: &[Difference], judged: &[Judgement]) -> Decision {
    if !comparable(differences) {
        Decision::Inconclusive
    } else if judged.contains(&Judgement::Regression) {
        Decision::Regression
    } else {
        Decision::NoRegression
    }
}

fn judgements<'a>(
    total: &'a Named<Change>,
    requests: &'a Named<Named<Change>>,
) -> impl Iterator<Item = Judgement> + 'a {
    let tables = requests.iter().map(|(_, changes)| changes);
    tables
        .chain([total])
        .flat_map(Named::iter)
        .filter_map(|(_, change)| change.judgement)
}

fn side(run: &RunResult) -> Side {
    Side {
        profile: run.profile.name.clone(),
        sha256: run.profile.sha256.clone(),
        seed: run.seed.clone(),
        targets: run.targets.clone(),
        simulated_tenant: run.simulated_tenant,
        started: run.started.clone(),
        valid: run.verdict.valid,
    }
}

fn only_in(run: &RunResult, other: &RunResult) -> Vec<String> {
    let names = run.requests.iter().map(|(name, _)| name);
    names
        .filter(|name| other.requests.get(name).is_none())
        .map(str::to_owned)
        .collect()
}

fn no_data(a: &RunResult, b: &RunResult) -> Difference {
    let planned = |run: &RunResult| format!("{} planned", run.total.ledger.planned);
    Difference {
        code: "no_data",
        effect: Effect::NotComparable,
        a: planned(a),
        b: planned(b),
        detail: "no number that decides is known in both runs",
    }
}

fn connections(a: &RunResult, b: &RunResult) -> Named<Change> {
    let known = |run: &RunResult| Known::of(&run.connections.connect_time_us, Statistic::P99);
    let change = Change::between(known(a), known(b), None);
    Named(vec![("connect_time_p99_us".to_owned(), change)])
}

/// The numbers of a request or the total, A before B.
fn changes(figures: [&Figures; 2], measure_s: [f64; 2], limits: Option<Limits>) -> Named<Change> {
    const RESPONSE_TIME: [Statistic; 6] = [
        Statistic::P50,
        Statistic::P90,
        Statistic::P99,
        Statistic::P999,
        Statistic::Max,
        Statistic::Mean,
    ];
    let [a, b] = figures;
    let mut rows: Vec<(String, Change)> = RESPONSE_TIME
        .iter()
        .map(|statistic| {
            let [a, b] = figures.map(|figures| Known::of(&figures.response_time_us, *statistic));
            let limit = limits.and_then(|limits| limits.of_response_time(*statistic));
            let name = format!("response_time_{}_us", statistic.name());
            (name, Change::between(a, b, limit))
        })
        .collect();
    let mut add = |name: &str, a: Known, b: Known, limit| {
        rows.push((name.to_owned(), Change::between(a, b, limit)));
    };
    let [service_a, service_b] =
        figures.map(|figures| Known::of(&figures.service_time_us, Statistic::P99));
    add("service_time_p99_us", service_a, service_b, None);
    let throughput = |figures: &Figures, seconds: f64| {
        Known::from((seconds > 0.0).then(|| figures.ledger.ok as f64 / seconds))
    };
    add(
        "throughput_per_s",
        throughput(a, measure_s[0]),
        throughput(b, measure_s[1]),
        None,
    );
    add(
        "failure_rate",
        a.failure_rate.into(),
        b.failure_rate.into(),
        limits.map(|limits| Limit::Absolute(limits.failure_rate)),
    );
    add("error_rate", a.error_rate.into(), b.error_rate.into(), None);
    Named(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Distribution, Finding, LedgerCounts, Verdict};
    use crate::report::{
        Certainty, ConnectionsResult, Environment, Generator, LoadResult, ProfileId, RequestResult,
        format::comparison_screen,
    };

    const MS: f64 = 1_000.0;

    fn waits(p50: f64, p99: f64) -> Distribution {
        Distribution {
            min: Some(0.5 * p50),
            mean: Some(p50),
            p50: Some(p50),
            p90: Some(p50),
            p99: Some(p99),
            p999: None,
            max: Some(2.0 * p99),
            count: 1000,
            planned: 1000,
            too_few: vec![Statistic::P999],
            ..Distribution::default()
        }
    }

    fn figures(p50: f64, p99: f64) -> Figures {
        Figures {
            ledger: LedgerCounts {
                planned: 1000,
                sent: 1000,
                ok: 1000,
                ..LedgerCounts::default()
            },
            error_rate: Some(0.0),
            failure_rate: Some(0.0),
            response_time_us: waits(p50, p99),
            service_time_us: waits(p50, p99),
            ..Figures::default()
        }
    }

    fn request(figures: &Figures) -> RequestResult {
        RequestResult {
            figures: figures.clone(),
            ..RequestResult::default()
        }
    }

    /// A run whose only request has these figures.
    fn run_of(figures: &Figures) -> RunResult {
        RunResult {
            format: 1,
            midge: "0.1.0".to_owned(),
            profile: ProfileId {
                name: "fleet".to_owned(),
                sha256: "ab".to_owned(),
            },
            seed: "42".to_owned(),
            targets: vec!["mqtt://127.0.0.1:1883".to_owned()],
            simulated_tenant: true,
            started: "2026-09-01T12:00:00.000Z".to_owned(),
            finished: "2026-09-01T12:00:13.000Z".to_owned(),
            exit_code: 0,
            stopped_by: None,
            environment: Environment::default(),
            verdict: Verdict {
                valid: true,
                ..Verdict::default()
            },
            load: LoadResult {
                asked_per_s: Some(100.0),
                measure_s: 10.0,
                ..LoadResult::default()
            },
            connections: ConnectionsResult {
                planned: 50,
                connect_time_us: waits(MS, 2.0 * MS),
                ..ConnectionsResult::default()
            },
            total: figures.clone(),
            whole_run: LedgerCounts::default(),
            stages: Vec::new(),
            requests: Named(vec![("telemetry".to_owned(), request(figures))]),
            inbound: Named::default(),
            generator: Generator::default(),
            health: Box::default(),
            statistics: Box::default(),
            thresholds: Vec::new(),
            tenant: None,
            witness: None,
            raw_log: None,
            kernel_timestamps: None,
        }
    }

    fn run(p50: f64, p99: f64) -> RunResult {
        run_of(&figures(p50, p99))
    }

    fn invalid(mut run: RunResult) -> RunResult {
        run.verdict.valid = false;
        run.verdict.reasons.push(Finding {
            code: "hiccup".to_owned(),
            figure: 90.0,
            limit: 50.0,
            unit: "ms".to_owned(),
            detail: "the machine kept us from running".to_owned(),
            advice: "stop what else runs".to_owned(),
        });
        run
    }

    fn compared(a: &RunResult, b: &RunResult) -> Comparison {
        Comparison::of(a, b, Limits::default())
    }

    fn codes(comparison: &Comparison) -> Vec<&str> {
        let differences = comparison.differences.iter();
        differences.map(|difference| difference.code).collect()
    }

    fn screen(comparison: &Comparison) -> String {
        comparison_screen(comparison, ["before", "after"])
    }

    #[test]
    fn equal_runs_give_no_regression_and_no_difference() {
        let a = run(5.0 * MS, 25.0 * MS);
        let comparison = compared(&a, &a);
        assert_eq!(comparison.decision, Decision::NoRegression);
        assert_eq!(comparison.differences, []);
        for (name, change) in comparison.total.iter() {
            let expected = change.a.map(|_| 0.0);
            assert_eq!(change.change, expected, "{name}");
        }
    }

    #[test]
    fn a_p99_that_is_twenty_percent_and_five_milliseconds_worse_is_a_regression() {
        let comparison = compared(&run(5.0 * MS, 25.0 * MS), &run(5.0 * MS, 30.0 * MS));
        assert_eq!(comparison.decision, Decision::Regression);
        assert_eq!(comparison.decision.exit(), Exit::Regression);
        let change = comparison.total.get("response_time_p99_us").unwrap();
        assert_eq!(change.change, Some(5.0 * MS));
        assert_eq!(change.change_percent, Some(20.0));
        assert_eq!(change.judgement, Some(Judgement::Regression));
    }

    #[test]
    fn twenty_percent_of_a_millisecond_is_no_regression() {
        let comparison = compared(&run(MS, MS), &run(1.2 * MS, 1.2 * MS));
        assert_eq!(comparison.decision, Decision::NoRegression);
    }

    #[test]
    fn a_p99_within_its_percentage_is_no_regression_and_a_smaller_percentage_makes_it_one() {
        let (a, b) = (run(5.0 * MS, 100.0 * MS), run(5.0 * MS, 109.0 * MS));
        assert_eq!(compared(&a, &b).decision, Decision::NoRegression);
        let strict = Comparison::of(&a, &b, Limits::default().with_percent(8.0));
        assert_eq!(strict.decision, Decision::Regression);
    }

    #[test]
    fn a_p50_has_a_limit_of_its_own() {
        let a = run(20.0 * MS, 100.0 * MS);
        let b = run(21.5 * MS, 100.0 * MS);
        assert_eq!(compared(&a, &b).decision, Decision::Regression);
    }

    #[test]
    fn a_run_that_became_better_is_no_regression() {
        let comparison = compared(&run(50.0 * MS, 90.0 * MS), &run(5.0 * MS, 9.0 * MS));
        assert_eq!(comparison.decision, Decision::NoRegression);
    }

    #[test]
    fn one_failed_request_more_in_a_thousand_is_allowed_and_two_are_not() {
        let with = |failure_rate| {
            run_of(&Figures {
                failure_rate: Some(failure_rate),
                ..figures(5.0 * MS, 9.0 * MS)
            })
        };
        let decision = |rate| compared(&with(0.01), &with(rate)).decision;
        assert_eq!(decision(0.011), Decision::NoRegression);
        assert_eq!(decision(0.012), Decision::Regression);
    }

    #[test]
    fn what_decides_nothing_is_shown_and_not_judged() {
        let a = run(5.0 * MS, 9.0 * MS);
        let mut b = a.clone();
        for figures in [&mut b.total, &mut b.requests.0[0].1.figures] {
            figures.error_rate = Some(0.5);
            figures.response_time_us.max = Some(9e9);
            figures.service_time_us.p99 = Some(9e9);
        }
        b.connections.connect_time_us.p99 = Some(9e9);
        let comparison = compared(&a, &b);
        assert_eq!(comparison.decision, Decision::NoRegression);
        let connect = comparison.connections.get("connect_time_p99_us").unwrap();
        assert_eq!((connect.b, connect.judgement), (Some(9e9), None));
    }

    #[test]
    fn an_invalid_run_never_yields_a_regression() {
        let (good, bad) = (run(5.0 * MS, 9.0 * MS), run(500.0 * MS, 900.0 * MS));
        let (dubious, dubious_bad) = (invalid(good.clone()), invalid(bad.clone()));
        for (a, b) in [
            (&good, &dubious_bad),
            (&dubious, &bad),
            (&dubious, &dubious_bad),
        ] {
            let comparison = compared(a, b);
            assert_eq!(comparison.decision, Decision::Inconclusive);
            assert_eq!(comparison.judgements().count(), 0);
            assert_eq!(comparison.differences[0].code, "invalid");
            let text = screen(&comparison);
            assert!(text.contains("INCONCLUSIVE"), "{text}");
            assert!(text.contains("INVALID (hiccup)"), "{text}");
            assert!(!text.contains("REGRESSION"), "{text}");
        }
    }

    #[test]
    fn another_load_is_inconclusive() {
        let a = run(5.0 * MS, 9.0 * MS);
        let bad = run(500.0 * MS, 900.0 * MS);
        let (mut rate, mut none, mut fleet, mut stopped) =
            (bad.clone(), bad.clone(), bad.clone(), bad.clone());
        rate.load.asked_per_s = Some(110.0);
        none.load.asked_per_s = None;
        fleet.connections.planned = 60;
        stopped.stopped_by = Some("SIGINT".to_owned());
        for (b, code) in [
            (rate, "asked_rate"),
            (none, "asked_rate"),
            (fleet, "connections"),
            (stopped, "stopped"),
        ] {
            let comparison = compared(&a, &b);
            assert_eq!(comparison.decision, Decision::Inconclusive, "{code}");
            assert_eq!(comparison.decision.exit(), Exit::Inconclusive);
            assert_eq!(codes(&comparison), [code]);
        }
    }

    #[test]
    fn other_differences_are_noted_and_do_not_hide_a_regression() {
        let a = run(5.0 * MS, 9.0 * MS);
        let mut b = run(500.0 * MS, 900.0 * MS);
        b.profile.sha256 = "cd".to_owned();
        b.seed = "43".to_owned();
        b.simulated_tenant = false;
        b.midge = "0.2.0".to_owned();
        b.environment.host = Some("other".to_owned());
        b.environment.cpus = 64;
        b.environment.build = "debug".to_owned();
        b.generator.workers = 8;
        b.generator.spin = true;
        b.verdict.generator_limited = true;
        let comparison = compared(&a, &b);
        assert_eq!(comparison.decision, Decision::Regression);
        assert_eq!(
            codes(&comparison).join(" "),
            "profile seed simulated_tenant midge host cpus build workers waiting generator_limited"
        );
        assert!(screen(&comparison).contains("it is the profile that differs"));
    }

    #[test]
    fn what_rules_out_a_decision_comes_first() {
        let a = run(5.0 * MS, 9.0 * MS);
        let mut b = a.clone();
        b.seed = "43".to_owned();
        b.load.asked_per_s = None;
        let comparison = compared(&a, &invalid(b));
        assert_eq!(codes(&comparison), ["invalid", "asked_rate", "seed"]);
    }

    #[test]
    fn a_request_of_one_run_only_is_listed_and_makes_it_another_load() {
        let mut a = run(5.0 * MS, 9.0 * MS);
        let mut b = run(500.0 * MS, 900.0 * MS);
        let other = request(&figures(MS, MS));
        a.requests.0.push(("old".to_owned(), other.clone()));
        b.requests.0.insert(0, ("new".to_owned(), other));
        let comparison = compared(&a, &b);
        assert_eq!((comparison.only_in_a.join(" ").as_str()), "old");
        assert_eq!((comparison.only_in_b.join(" ").as_str()), "new");
        let names: Vec<&str> = comparison.requests.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["telemetry"]);
        assert_eq!(codes(&comparison), ["requests"]);
        assert_eq!(comparison.decision, Decision::Inconclusive);
        let text = screen(&comparison);
        assert!(text.contains("only in A   old\n"), "{text}");
        assert!(text.contains("only in B   new\n"), "{text}");
    }

    #[test]
    fn the_same_requests_in_another_order_are_the_same_load() {
        let mut a = run(5.0 * MS, 9.0 * MS);
        let second = request(&figures(MS, MS));
        a.requests.0.push(("second".to_owned(), second));
        let mut b = a.clone();
        b.requests.0.reverse();
        let comparison = compared(&a, &b);
        assert_eq!(comparison.decision, Decision::NoRegression);
        assert_eq!(comparison.differences, []);
    }

    #[test]
    fn null_stays_null_and_is_a_dash_on_the_screen() {
        let mut a = run(5.0 * MS, 9.0 * MS);
        for figures in [&mut a.total, &mut a.requests.0[0].1.figures] {
            figures.response_time_us.p99 = None;
        }
        let b = run(5.0 * MS, 900.0 * MS);
        let comparison = compared(&a, &b);
        let json = serde_json::to_value(&comparison).unwrap();
        let change = &json["total"]["response_time_p99_us"];
        assert!(
            change["a"].is_null()
                && change["change"].is_null()
                && change["change_percent"].is_null()
        );
        assert_eq!(change["b"], 900.0 * MS);
        assert_eq!(change["judgement"], "unknown");
        assert_eq!(comparison.decision, Decision::NoRegression);
        let text = screen(&comparison);
        let line = text
            .lines()
            .find(|line| line.contains("response time p99 "));
        let cells: Vec<&str> = line.unwrap().split_whitespace().skip(3).collect();
        assert_eq!(cells, ["-", "900", "ms", "-", "-"]);
        assert!(text.contains("; 2 could not be judged"), "{text}");
    }

    #[test]
    fn a_lower_bound_is_marked_and_so_is_the_change_that_follows_from_it() {
        let a = run(5.0 * MS, 10.0 * MS);
        let mut b = run(5.0 * MS, 5_000.0 * MS);
        for figures in [&mut b.total, &mut b.requests.0[0].1.figures] {
            figures.response_time_us.at_least = vec![Statistic::P99, Statistic::Max];
        }
        let comparison = compared(&a, &b);
        assert_eq!(comparison.decision, Decision::Regression);
        let change = comparison.total.get("response_time_p99_us").unwrap();
        assert!(change.b_is_at_least && !change.a_is_at_least);
        assert_eq!(change.certainty, Certainty::AtLeast);
        let text = screen(&comparison);
        for words in [">5.00 s", ">+4.99 s >+49900.0 %  REGRESSION\n"] {
            assert!(text.contains(words), "{words} {text}");
        }
        let back = compared(&b, &a);
        assert_eq!(back.decision, Decision::NoRegression);
        assert!(screen(&back).contains("<-4.99 s"), "{}", screen(&back));
    }

    #[test]
    fn two_runs_without_any_request_are_inconclusive() {
        let nothing = run_of(&Figures::default());
        let comparison = compared(&nothing, &nothing);
        assert_eq!(comparison.decision, Decision::Inconclusive);
        assert_eq!(codes(&comparison), ["no_data"]);
    }

    #[test]
    fn throughput_is_per_second_of_the_measure_phase_and_null_without_one() {
        let a = run(5.0 * MS, 9.0 * MS);
        let mut b = a.clone();
        b.load.measure_s = 0.0;
        let comparison = compared(&a, &b);
        let throughput = comparison.total.get("throughput_per_s").unwrap();
        assert_eq!((throughput.a, throughput.b), (Some(100.0), None));
        assert_eq!(throughput.change, None);
    }

    #[test]
    fn screen_and_json_say_that_it_is_weak_and_how_to_do_better() {
        let a = run(5.0 * MS, 9.0 * MS);
        let comparison = compared(&a, &a);
        let json = serde_json::to_value(&comparison).unwrap();
        assert_eq!(json["format"], 1);
        assert_eq!(json["kind"], "stored");
        assert_eq!(json["weak"], true);
        assert_eq!(json["decision"], "no_regression");
        for text in [screen(&comparison), json["note"].to_string()] {
            assert!(text.contains("weak: not interleaved"), "{text}");
        }
        for text in [screen(&comparison), json["advice"].to_string()] {
            assert!(text.contains("alternating"), "{text}");
        }
    }

    #[test]
    fn every_regression_is_named_with_its_figures() {
        let comparison = compared(&run(5.0 * MS, 25.0 * MS), &run(5.0 * MS, 30.0 * MS));
        let text = screen(&comparison);
        let named =
            "            telemetry response time p99: 25.0 ms to 30.0 ms (+5.00 ms, +20.0 %)\n";
        assert!(text.contains(named), "{text}");
        assert_eq!(text.matches("REGRESSION").count(), 2, "{text}");
    }

    #[test]
    fn a_regression_beyond_the_requests_of_the_screen_is_named_all_the_same() {
        let mut a = run(5.0 * MS, 9.0 * MS);
        for number in 0..20 {
            let name = format!("more-{number}");
            a.requests
                .0
                .push((name, request(&figures(5.0 * MS, 9.0 * MS))));
        }
        let mut b = a.clone();
        b.requests.0[20].1 = request(&figures(5.0 * MS, 90.0 * MS));
        let text = screen(&compared(&a, &b));
        assert!(
            text.contains("more-19 response time p99: 9.00 ms to 90.0 ms"),
            "{text}"
        );
        assert!(text.contains("... and 11 more requests"), "{text}");
    }
}
