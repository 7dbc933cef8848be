//! Is it honest? Known faults and known delays, and what the program makes of them.
//!
//! Each test drives the real program against a far side whose behaviour is known beforehand, and
//! compares what it reports with the arithmetic. A run that calls itself INVALID because the machine
//! was busy is repeated, never judged. Not here: real brokers as such (see `mosquitto`).

mod interop;
mod support;

use std::time::Duration;

use interop::{
    Mosquitto, alone, believed, ends_with_unless_disturbed, freeze, freeze_for_good, ms, names,
    rows,
};
use interop::{share_above, tail_ms};
use rustix::process::{Pid, kill_process, test_kill_process};
use support::{Midge, Outcome, Process, Signal, Tenant};

/// Kaa's data collection at even intervals, with the words of each test in the places of the rest.
fn profile(fleet: &str, load: &str, request: &str, rest: &str) -> String {
    format!(
        r#"
format = 1
name = "honesty"
platforms = ["kaa"]

[fleet]
connect_rate = "2_000/s"
subscribe = "none"
{fleet}

[load]
arrivals = "constant"
{load}

[[request]]
use = "kaa/dcx-json"
request_id = {{ in = "topic", range = [10_000, 99_999], scope = "kaa-dcx" }}
{request}

{rest}
"#
    )
}

/// Nothing but the schedule and the far side may decide when a request leaves.
const OUT_OF_THE_WAY: u32 = 100_000;

fn run(profile: &str) -> Midge {
    Midge::run("./honesty.toml").file("honesty.toml", profile)
}

/// Runs it until the machine is quiet enough.
#[track_caller]
fn believed_run(profile: &str) -> Outcome {
    believed(|| (run(profile).go(), ())).0
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, share: f64, outcome: &Outcome) {
    let off = (found - expected).abs() / expected;
    assert!(
        off <= share,
        "{what} is {found:.2} and should be {expected:.2}, within {share}\n{outcome}"
    );
}

/// One stall of known length in a run of known length, all in ms.
#[derive(Debug, Clone, Copy)]
struct KnownStall {
    endpoints: u32,
    measure: u32,
    stall: u32,
}

const SERVICE: u32 = 2;

impl KnownStall {
    /// Constant arrivals at 1000 per second. The stall counts from the first message, which is at
    /// the beginning of the warm-up of one second; it is over before the run is.
    fn profile(self, in_flight_max: u32) -> String {
        let Self {
            endpoints,
            measure,
            stall,
        } = self;
        let at = 1_000 + measure / 2;
        profile(
            &format!("endpoints = {endpoints}"),
            &format!(
                "arrival_rate = \"1_000/s\"\nwarm_up = \"1s\"\nmeasure = \"{measure}ms\"\n\
                 in_flight_max = {in_flight_max}"
            ),
            "deadline = \"5s\"",
            &format!(
                "[tenant]\nservice_time = \"fixed:{SERVICE}ms\"\nstall = \"{at}ms+{stall}ms\""
            ),
        )
    }

    fn tail_ms(self, quantile: f64) -> f64 {
        let [service, stall, over] = [SERVICE, self.stall, self.measure].map(f64::from);
        tail_ms(quantile, service, stall, over)
    }

    /// The report of a run with this stall agrees with the arithmetic.
    #[track_caller]
    fn agrees_with(self, outcome: &Outcome) {
        let time = |statistic: &str| ms(outcome, &format!("/total/response_time_us/{statistic}"));
        let planned = u64::from(self.measure);
        assert_eq!(outcome.count("/total/planned"), planned, "{outcome}");
        assert_eq!(outcome.count("/total/ok"), planned, "{outcome}");
        assert_near("p50", time("p50"), f64::from(SERVICE), 0.15, outcome);
        assert_near("p99", time("p99"), self.tail_ms(0.99), 0.03, outcome);
        assert_near("p99.9", time("p999"), self.tail_ms(0.999), 0.03, outcome);
        assert_near("the longest", time("max"), self.tail_ms(1.0), 0.03, outcome);
        // The stall hits 3.3 % of the requests: one that overstates it shows it at 95 % already.
        assert!(time("p95") < time("p99") / 4.0, "{outcome}");
        // As many wait for longer than 50 ms as came while more than that was left of the stall.
        let long = f64::from(self.stall + SERVICE - 50) / f64::from(self.measure);
        let found = share_above(outcome, "response_time", "dcx-json", 50.0);
        assert!(
            (found - long).abs() < 0.002,
            "{found} and not {long}\n{outcome}"
        );
        let lag = ms(outcome, "/total/schedule_lag_us/p99");
        assert!(lag < 1.0, "schedule lag {lag} ms\n{outcome}");
    }
}

#[track_caller]
fn a_known_stall_is_reported_as_it_was(endpoints: u32) {
    let _alone = alone();
    let stall = KnownStall {
        endpoints,
        measure: 12_000,
        stall: 400,
    };
    let outcome = believed_run(&stall.profile(OUT_OF_THE_WAY));
    stall.agrees_with(outcome.ends_with(0).keeps_its_accounts());
}

/// Every time in virtual time, by `midge selftest --virtual`.
#[cfg(feature = "thorough")]
#[test]
fn a_known_stall_gives_the_analytic_percentiles_with_10_endpoints() {
    a_known_stall_is_reported_as_it_was(10);
}

#[test]
fn a_known_stall_gives_the_analytic_percentiles_with_100_endpoints() {
    a_known_stall_is_reported_as_it_was(100);
}

/// Every time in virtual time, by `midge selftest --virtual`.
#[cfg(feature = "thorough")]
#[test]
fn a_known_stall_gives_the_analytic_percentiles_with_1000_endpoints() {
    a_known_stall_is_reported_as_it_was(1_000);
}

/// 60 s at 1000/s with a stall of 2 s: 1402 and 1942 ms.
#[cfg(feature = "thorough")]
#[test]
fn a_stall_of_two_seconds_in_a_minute_gives_the_analytic_percentiles_with_any_fleet() {
    let _alone = alone();
    for endpoints in [10, 100, 1_000] {
        let stall = KnownStall {
            endpoints,
            measure: 60_000,
            stall: 2_000,
        };
        assert_eq!(
            [0.99, 0.999].map(|q| stall.tail_ms(q).round() as u64),
            [1_402, 1_942]
        );
        let outcome = believed_run(&stall.profile(OUT_OF_THE_WAY));
        stall.agrees_with(outcome.ends_with(0).keeps_its_accounts());
    }
}

#[test]
fn the_profile_of_the_known_stall_is_what_these_tests_take_it_for() {
    let stall = KnownStall {
        endpoints: 10,
        measure: 12_000,
        stall: 400,
    };
    let checked = Midge::call(["check", "./honesty.toml"])
        .file("honesty.toml", &stall.profile(OUT_OF_THE_WAY))
        .go()
        .ends_with(0);
    for words in [
        "the simulated tenant",
        "10 endpoints",
        "open model, constant arrivals at 1000/s",
        "1 s warm-up, 12 s measure",
        "13,000 requests in 13 s, 12,000 of them measured",
        "/json/10000",
    ] {
        assert!(checked.stdout.contains(words), "{words:?}\n{checked}");
    }
}

#[test]
fn what_a_full_endpoint_drops_during_a_stall_does_not_shrink_the_tail() {
    let _alone = alone();
    let stall = KnownStall {
        endpoints: 10,
        measure: 6_000,
        stall: 400,
    };
    let profile = stall.profile(16) + "\n[thresholds]\n\"response_time.p99\" = \"< 10s\"";
    let outcome = believed_run(&profile);
    outcome.keeps_its_accounts();
    // Each endpoint plans 40 requests in the stall and may have 16 in flight.
    let dropped = outcome.count("/total/dropped_by/in_flight");
    assert!((200..=280).contains(&dropped), "{dropped}\n{outcome}");
    assert_eq!(outcome.count("/total/dropped"), dropped, "{outcome}");
    let p99 = ms(&outcome, "/total/response_time_us/p99");
    assert!(
        p99 >= stall.tail_ms(0.99) * 0.97,
        "p99 shrank to {p99} ms\n{outcome}"
    );
    // Four percent were dropped, so the percentile is among them and only a bound is known; no
    // bound from below keeps a limit from above.
    assert!(
        names(&outcome, "/total/response_time_us/at_least").contains(&"p99"),
        "{outcome}"
    );
    outcome.ends_with(99);
}

/// A tenant that answers 2 of the 5 measured seconds.
#[track_caller]
fn the_unanswered_stay_in_the_denominator(outcome: &Outcome) {
    let time = |statistic: &str| ms(outcome, &format!("/total/response_time_us/{statistic}"));
    outcome.keeps_its_accounts();
    let planned = outcome.count("/total/planned");
    let ok = outcome.count("/total/ok");
    assert_eq!(planned, 5_000, "{outcome}");
    assert_eq!(outcome.count("/total/timeout"), planned - ok, "{outcome}");
    assert!((1_900..2_200).contains(&ok), "{ok}\n{outcome}");
    assert_eq!(outcome.count("/total/response_time_us/count"), ok);
    assert_eq!(outcome.count("/total/response_time_us/planned"), planned);
    let failure_rate = outcome.at("/total/failure_rate").as_f64().unwrap_or(0.0);
    assert!((0.55..=0.65).contains(&failure_rate), "{outcome}");
    // Every percentile that the sample carries is among those who waited until their deadline.
    assert_eq!(
        names(outcome, "/total/response_time_us/at_least"),
        ["p50", "p90", "p95", "p99", "p999", "max"],
        "{outcome}"
    );
    for statistic in ["p50", "p99", "max"] {
        assert_near(statistic, time(statistic), 1_500.0, 0.001, outcome);
    }
    let lag = ms(outcome, "/total/schedule_lag_us/p99");
    // A schedule that waited would lag by about as long as the deadline is; how exact it is beyond that is the
    // verdict's to say.
    assert!(
        lag < 1_500.0 / 100.0,
        "the schedule does not wait for the tenant: {lag} ms"
    );
}

const NEVER_AGAIN: (&str, &str) = (
    "arrival_rate = \"1_000/s\"\nwarm_up = \"1s\"\nmeasure = \"5s\"\nin_flight_max = 100_000",
    "[thresholds]\n\"failure_rate\" = \"< 1%\"\n\"response_time.p50\" = \"< 1h\"",
);

#[test]
fn a_tenant_that_never_answers_again_is_in_every_percentile() {
    let _alone = alone();
    let (load, thresholds) = NEVER_AGAIN;
    let tenant = format!("[tenant]\nservice_time = \"2ms\"\nstall = \"3s+10m\"\n{thresholds}");
    let profile = profile("endpoints = 20", load, "deadline = \"1500ms\"", &tenant);
    let outcome = believed_run(&profile);
    the_unanswered_stay_in_the_denominator(&outcome);
    let failed = outcome.at("/thresholds").as_array().expect("a list").iter();
    let failed: Vec<_> = failed
        .filter(|threshold| threshold["passed"] == false)
        .map(|threshold| threshold["expression"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        failed,
        ["failure_rate < 1%", "response_time.p50 < 1h"],
        "{outcome}"
    );
    outcome.ends_with(99);
}

#[test]
fn a_tenant_that_is_stopped_for_good_is_in_every_percentile() {
    let _alone = alone();
    let (load, thresholds) = NEVER_AGAIN;
    let profile = profile("endpoints = 20", load, "deadline = \"1500ms\"", thresholds);
    let (outcome, ()) = believed(|| {
        let tenant = Tenant::start(["--service-time", "2ms"]);
        let mut running = run(&profile).target(&tenant.url).spawn();
        running.await_load();
        freeze_for_good(&tenant.process, Duration::from_secs(3));
        (running.finish(), ())
    });
    the_unanswered_stay_in_the_denominator(&outcome);
    outcome.ends_with(99);
}

/// The processes that this one has started.
fn children_of(process: &Process) -> Vec<i32> {
    let id = process.id();
    let path = format!("/proc/{id}/task/{id}/children");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.split_whitespace()
        .map(|id| id.parse().expect("a process"))
        .collect()
}

#[test]
fn a_run_whose_own_tenant_is_stopped_for_good_ends_all_the_same() {
    let _alone = alone();
    let profile = profile(
        "endpoints = 20",
        "arrival_rate = \"500/s\"\nwarm_up = \"0s\"\nmeasure = \"2s\"",
        "deadline = \"500ms\"",
        "[thresholds]\n\"failure_rate\" = \"< 1%\"",
    );
    let mut running = run(&profile).spawn();
    running.await_load();
    std::thread::sleep(Duration::from_secs(1));
    let children = children_of(&running.process);
    let [tenant] = children[..] else {
        panic!("one child and not {children:?}");
    };
    let tenant = Pid::from_raw(tenant).expect("not the kernel");
    kill_process(tenant, Signal::STOP).expect("it runs");
    let outcome = running.finish();
    outcome.keeps_its_accounts();
    assert!(outcome.count("/total/timeout") > 300, "{outcome}");
    assert!(
        outcome.at("/tenant").is_null(),
        "its counts are unknown\n{outcome}"
    );
    assert!(test_kill_process(tenant).is_err(), "it was left behind");
    ends_with_unless_disturbed(&outcome, 99);
}

#[test]
fn a_tenant_that_loses_everything_leaves_lower_bounds_and_no_answer() {
    let _alone = alone();
    let profile = profile(
        "endpoints = 20",
        "arrival_rate = \"500/s\"\nwarm_up = \"0s\"\nmeasure = \"2s\"",
        "deadline = \"500ms\"",
        "[tenant]\nloss = \"100%\"",
    );
    let outcome = believed_run(&profile).ends_with(99);
    outcome.keeps_its_accounts();
    assert_eq!(
        outcome.count("/total/timeout"),
        outcome.count("/total/sent")
    );
    assert_eq!(outcome.count("/total/planned"), 1_000, "{outcome}");
    assert_eq!(outcome.at("/total/failure_rate"), 1.0, "{outcome}");
    // Nothing was answered, so there is no shortest and no mean; the rest waited for their deadline.
    assert_eq!(outcome.count("/total/response_time_us/count"), 0);
    for statistic in ["min", "mean"] {
        let pointer = format!("/total/response_time_us/{statistic}");
        assert!(outcome.at(&pointer).is_null(), "{pointer}\n{outcome}");
    }
    for statistic in ["p50", "p99", "max"] {
        let time = ms(&outcome, &format!("/total/response_time_us/{statistic}"));
        assert_near(statistic, time, 500.0, 0.001, &outcome);
        let bounds = names(&outcome, "/total/response_time_us/at_least");
        assert!(bounds.contains(&statistic), "{statistic}\n{outcome}");
    }
}

/// Requests of each run with a known distribution.
const DRAWS: f64 = 12_000.0;
/// A round trip costs this much more than the delay itself, ms ...
const FLOOR: f64 = 0.3;
/// ... and in the tail as much as a run may be late and still be VALID.
const FLOOR_OF_TAIL: f64 = 1.3;

/// A quantile of a distribution, and the standard deviation of its estimate from so many draws, ms.
struct Known {
    statistic: &'static str,
    value: f64,
    deviation: f64,
}

#[track_caller]
fn a_known_distribution_is_reported_as_it_is(service_time: &str, known: &[Known]) -> Outcome {
    let _alone = alone();
    let profile = profile(
        "endpoints = 100",
        "arrival_rate = \"3_000/s\"\nwarm_up = \"500ms\"\nmeasure = \"4s\"\nin_flight_max = 10_000",
        "",
        &format!("[tenant]\nservice_time = \"{service_time}\""),
    );
    let outcome = believed_run(&profile).ends_with(0);
    assert_eq!(outcome.at("/total/ok"), DRAWS, "{outcome}");
    for Known {
        statistic,
        value,
        deviation,
    } in known
    {
        let found = ms(&outcome, &format!("/total/service_time_us/{statistic}"));
        let floor = if matches!(*statistic, "p50" | "p90") {
            FLOOR
        } else {
            FLOOR_OF_TAIL
        };
        // Four deviations, a resolution of 0.2 %, and on the upper side the floor.
        let room = 4.0 * deviation + 0.002 * value;
        assert!(
            (value - room..=value + room + floor).contains(&found),
            "{service_time}: {statistic} is {found:.3} and should be {value:.3} within {room:.3} \
             (+ {floor})\n{outcome}"
        );
    }
    outcome
}

#[test]
fn a_fixed_delay_is_reported_as_it_is() {
    let exact = |statistic| Known {
        statistic,
        value: 5.0,
        deviation: 0.0,
    };
    a_known_distribution_is_reported_as_it_is(
        "fixed:5ms",
        &["min", "p50", "p90", "p99"].map(exact),
    );
}

#[test]
fn an_exponential_delay_is_reported_as_it_is() {
    const MEAN: f64 = 10.0;
    let known = [
        ("p50", 0.5_f64),
        ("p90", 0.9),
        ("p99", 0.99),
        ("p999", 0.999),
    ]
    .map(|(statistic, q)| Known {
        statistic,
        value: -MEAN * (1.0 - q).ln(),
        deviation: MEAN * (q / (1.0 - q) / DRAWS).sqrt(),
    });
    a_known_distribution_is_reported_as_it_is("exp:10ms", &known);
}

#[test]
fn a_lognormal_delay_is_reported_as_it_is() {
    const MEDIAN: f64 = 5.0;
    const SIGMA: f64 = 0.5;
    // Quantiles of the standard normal distribution.
    let quantiles = [
        ("p50", 0.5_f64, 0.0_f64),
        ("p90", 0.9, 1.281_552),
        ("p99", 0.99, 2.326_348),
        ("p999", 0.999, 3.090_232),
    ];
    let known = quantiles.map(|(statistic, q, z)| {
        let value = MEDIAN * (SIGMA * z).exp();
        let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() / (SIGMA * value);
        Known {
            statistic,
            value,
            deviation: (q * (1.0 - q) / DRAWS).sqrt() / density,
        }
    });
    a_known_distribution_is_reported_as_it_is("lognormal:5ms,0.5", &known);
}

#[test]
fn a_bimodal_delay_is_reported_as_it_is() {
    let exact = |(statistic, value)| Known {
        statistic,
        value,
        deviation: 0.0,
    };
    let outcome = a_known_distribution_is_reported_as_it_is(
        "bimodal:2ms,50ms,5%",
        &[("p50", 2.0), ("p90", 2.0), ("p99", 50.0), ("p999", 50.0)].map(exact),
    );
    let rare = share_above(&outcome, "service_time", "dcx-json", 45.0);
    let deviation = (0.05_f64 * 0.95 / DRAWS).sqrt();
    assert!((rare - 0.05).abs() < 4.0 * deviation, "{rare}\n{outcome}");
}

#[test]
fn a_real_broker_that_is_stopped_from_outside_gives_the_analytic_percentiles() {
    const MEASURE: f64 = 10_000.0;
    let _alone = alone();
    let profile = format!(
        "name = \"honesty\"\nformat = 1\n[fleet]\nendpoints = 100\nsubscribe = \"none\"\n\
         connect_rate = \"2_000/s\"\n[load]\narrivals = \"constant\"\narrival_rate = \"1_000/s\"\n\
         warm_up = \"1s\"\nmeasure = \"10s\"\nin_flight_max = {OUT_OF_THE_WAY}\n\
         [[request]]\nname = \"publish\"\ntopic = \"honesty/{{endpoint}}\"\nbytes = \"64B\"\nqos = 1\n"
    );
    let (outcome, stalled) = believed(|| {
        let broker = Mosquitto::start();
        let mut running = run(&profile).target(&broker.url).spawn();
        running.await_load();
        let stalled = freeze(
            &broker.process,
            Duration::from_secs(5),
            Duration::from_millis(400),
        );
        (running.finish(), stalled)
    });
    outcome.keeps_its_accounts();
    let stalled = stalled.as_secs_f64() * 1000.0;
    let own = ms(&outcome, "/total/acknowledge_time_us/p50");
    for (statistic, quantile) in [("p99", 0.99), ("p999", 0.999)] {
        let found = ms(&outcome, &format!("/total/acknowledge_time_us/{statistic}"));
        let expected = tail_ms(quantile, own, stalled, MEASURE);
        assert_near(statistic, found, expected, 0.05, &outcome);
    }
    assert_eq!(outcome.count("/total/ok"), 10_000, "{outcome}");
    outcome.ends_with(0);
}

/// Four measured seconds against a tenant that is already there.
fn against_a_tenant() -> String {
    profile(
        "endpoints = 50",
        "arrival_rate = \"1_000/s\"\nwarm_up = \"1s\"\nmeasure = \"4s\"\nin_flight_max = 10_000",
        "",
        "",
    )
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

#[test]
fn a_tenant_that_stands_still_makes_a_bad_result_and_a_valid_one() {
    let _alone = alone();
    let (outcome, stalled) = believed(|| {
        let tenant = Tenant::start(["--service-time", "2ms"]);
        let mut running = run(&against_a_tenant()).target(&tenant.url).spawn();
        running.await_load();
        let stalled = freeze(&tenant.process, Duration::from_secs(2), HALF_A_SECOND);
        (running.finish(), stalled)
    });
    outcome.keeps_its_accounts();
    let p99 = ms(&outcome, "/total/response_time_us/p99");
    let expected = tail_ms(0.99, 2.0, stalled.as_secs_f64() * 1000.0, 4_000.0);
    assert_near("p99", p99, expected, 0.05, &outcome);
    outcome.ends_with(0);
}

#[test]
fn a_generator_that_stands_still_makes_an_invalid_result_and_says_so() {
    let _alone = alone();
    let tenant = Tenant::start(["--service-time", "2ms"]);
    let mut running = run(&against_a_tenant()).target(&tenant.url).spawn();
    running.await_load();
    freeze(&running.process, Duration::from_secs(2), HALF_A_SECOND);
    let outcome = running.finish().ends_with(96);
    outcome.keeps_its_accounts();
    assert!(!outcome.is_valid());
    for reason in ["pacer_lag_p99", "hiccup"] {
        assert!(outcome.reasons().contains(&reason), "{outcome}");
    }
    let lag = ms(&outcome, "/total/schedule_lag_us/max");
    assert!(lag >= 490.0, "schedule lag {lag} ms\n{outcome}");
    // Nothing was skipped: what had come due while it stood still was sent, and counts as late.
    assert_eq!(outcome.count("/total/ok"), 4_000, "{outcome}");
    // The tenant has not caused it, and its own time does not say so.
    let of = |metric: &str| ms(&outcome, &format!("/total/{metric}_us/p99"));
    assert!(
        of("service_time") < of("response_time") / 4.0,
        "the tenant is blamed\n{outcome}"
    );
}

#[test]
fn an_overloaded_tenant_is_told_from_an_overloaded_generator() {
    let _alone = alone();
    // One server that takes 5 ms answers 200 of the 1000 that come each second.
    let profile = profile(
        "endpoints = 50",
        "arrival_rate = \"1_000/s\"\nwarm_up = \"0s\"\nmeasure = \"3s\"\ndrain = \"10s\"\n\
         in_flight_max = 10_000",
        "deadline = \"4s\"",
        "[tenant]\nservice_time = \"fixed:5ms\"\nservers = 1\n\
         [thresholds]\n\"failure_rate\" = \"< 1%\"",
    );
    let outcome = believed_run(&profile).ends_with(99);
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/total/sent"), 3_000, "{outcome}");
    // A request that comes at t waits for 4 t: those of the first second are answered in time.
    let ok = outcome.count("/total/ok");
    assert!((950..=1_010).contains(&ok), "{ok}\n{outcome}");
    assert_eq!(outcome.count("/total/timeout"), 3_000 - ok, "{outcome}");
    assert!(
        names(&outcome, "/total/response_time_us/at_least").contains(&"p50"),
        "{outcome}"
    );
    // Second by second it takes longer: what is answered in second t has waited for 0.8 t.
    let waits: Vec<f64> = rows(&outcome, "intervals.csv")
        .iter()
        .filter(|row| row[1] == "measure")
        .map(|row| row[11].parse::<f64>().expect("a p50") / 1000.0)
        .collect();
    assert_eq!(waits.len(), 3, "{outcome}");
    assert!(
        waits.windows(2).all(|two| two[1] > two[0] + 500.0),
        "{waits:?}\n{outcome}"
    );
}
