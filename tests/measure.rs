//! The measurement from the outside: events go into recorders, figures and a verdict come out.
//!
//! No clock, no socket: instants are numbers.

use std::sync::Arc;

use midge::measure::{
    Collector, ConnectFailure, Distribution, DropReason, Evidence, FailReason, Gates, Health,
    MachineLimits, MachineSecond, OfCeiling, Outcome, Pacing, Phase, Recorder, Replies,
    RequestShape, Seconds, Shape, StageShape, Statistic, Statistics, Tally, Trend, Verdict, Worst,
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
/// Where the load begins in these tests; measure is from 2 s after it, for 10 s.
const LOAD: u64 = S / 2;
const MEASURE: u64 = LOAD + 2 * S;

fn request(name: &str) -> RequestShape {
    RequestShape {
        name: name.to_owned(),
        reactive: false,
        has_reply: true,
        replies: Replies::One,
        silence_is_ok: false,
        qos: 1,
        deadline_ns: 5 * S,
    }
}

fn shape() -> Arc<Shape> {
    let silent = RequestShape {
        silence_is_ok: true,
        qos: 0,
        ..request("silent")
    };
    let reactive = RequestShape {
        reactive: true,
        has_reply: false,
        qos: 0,
        ..request("reaction")
    };
    let requests = vec![request("telemetry"), silent, reactive];
    Arc::new(Shape {
        requests,
        inbound: vec!["command".to_owned()],
        deliveries: vec![],
        warm_up_ns: 2 * S,
        measure_ns: 10 * S,
        stages: vec![],
    })
}

fn recorder() -> Recorder {
    let mut recorder = Recorder::new(shape());
    recorder.begin_load(LOAD);
    recorder
}

/// A request that is picked up `pacer` late, written `lag` late and answered `service` later.
fn answered(recorder: &mut Recorder, intended: u64, pacer: u64, lag: u64, service: u64) {
    let sent = intended + lag;
    recorder.planned(0, intended);
    recorder.sent(0, intended, intended + pacer, sent);
    recorder.completed(0, intended, sent, sent + service, Outcome::Ok, Some("200"));
}

fn verdict(tally: &Tally, health: &Health, pacing: Pacing) -> Verdict {
    judged(tally, health, pacing, &Besides::default())
}

/// Evidence that most tests leave as it is.
#[derive(Default)]
struct Besides {
    worst: Worst,
    statistics: Statistics,
    of_ceiling: Option<OfCeiling>,
    gates: Gates,
    threshold_ms: Option<f64>,
}

fn judged(tally: &Tally, health: &Health, pacing: Pacing, besides: &Besides) -> Verdict {
    Verdict::of(&Evidence {
        shape: &shape(),
        tally,
        health,
        worst: &besides.worst,
        statistics: &besides.statistics,
        of_ceiling: besides.of_ceiling.as_ref(),
        gates: besides.gates,
        threshold_ms: besides.threshold_ms,
        pacing,
        generator_limited: false,
        overlap: None,
    })
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect()
}

#[test]
fn a_late_send_shows_in_response_time_and_lag_and_not_in_service_time() {
    let mut recorder = recorder();
    answered(&mut recorder, MEASURE, MS, 10 * MS, 2 * MS);
    let figures = recorder.finish().requests[0].figures();
    let max = |of: &Distribution| of.value(Statistic::Max);
    assert_eq!(max(&figures.response_time_us), Some(12_000.0));
    assert_eq!(max(&figures.service_time_us), Some(2_000.0));
    assert_eq!(max(&figures.schedule_lag_us), Some(10_000.0));
}

#[test]
fn a_request_belongs_to_the_phase_of_its_intended_instant() {
    let mut recorder = recorder();
    let (before, last, after) = (MEASURE - 1, MEASURE + 10 * S - 1, MEASURE + 10 * S);
    for intended in [0, LOAD, before, MEASURE, last, after] {
        answered(&mut recorder, intended, 0, 0, 30 * MS);
    }
    let tally = recorder.finish();
    assert_eq!(tally.requests[0].whole_run.planned, 6);
    assert_eq!(
        (
            tally.requests[0].measured.planned,
            tally.requests[0].measured.ok
        ),
        (2, 2)
    );
    assert_eq!(tally.requests[0].response.count(), 2);
    assert_eq!(
        tally.requests[0].status.rows().collect::<Vec<_>>(),
        [("200", 2)]
    );
}

#[test]
fn every_end_of_a_request_has_its_own_counter_and_the_ledger_balances() {
    let mut recorder = recorder();
    let at = MEASURE + S;
    for _ in 0..7 {
        recorder.planned(0, at);
    }
    recorder.dropped(0, at, DropReason::RequestId);
    for _ in 0..6 {
        recorder.sent(0, at, at, at);
    }
    recorder.completed(0, at, at, at + MS, Outcome::Ok, None);
    recorder.completed(0, at, at, at + MS, Outcome::Error, Some("400"));
    recorder.timed_out(0, at, at, at + 5 * S);
    recorder.failed(0, at, at, at + S, FailReason::Reset);
    recorder.left_in_flight(0, at, at, at + 2 * S);
    assert_eq!(recorder.tally().requests[0].whole_run.open(), 1);
    assert_eq!(
        recorder.tally().imbalances().len(),
        2,
        "the sixth has no end yet, in both ledgers"
    );
    recorder.completed(0, at, at, at + MS, Outcome::Error, None);
    recorder.late(0, at);
    recorder.duplicate(0, at);
    recorder.copy(0, at);
    recorder.orphan(0, at);
    recorder.unattributed_error(at);
    let tally = recorder.finish();
    assert!(tally.imbalances().is_empty());
    let figures = tally.total(shape().bounds()).figures();
    let json = serde_json::to_value(&figures.ledger).unwrap();
    let expected = serde_json::json!({"planned": 7, "dropped": 1, "dropped_by": {"request_id": 1}, "sent": 6, "ok": 1,
        "error": 2, "timeout": 1, "failed": 1, "failed_by": {"reset": 1}, "in_flight": 1, "late": 1, "duplicate": 1, "copies": 1,
        "orphan": 1, "unattributed_errors": 1});
    assert_eq!(json, expected);
    assert_eq!(
        (figures.error_rate, figures.failure_rate),
        (Some(2.0 / 7.0), Some(6.0 / 7.0))
    );
    let codes: Vec<_> = tally.requests[0].status.rows().collect();
    assert_eq!(codes, [("ok", 1), ("400", 1), ("error", 1)]);
}

#[test]
fn unanswered_requests_stand_with_their_longest_certain_wait() {
    let mut recorder = recorder();
    for i in 0..1000 {
        let intended = MEASURE + i * MS;
        if i < 900 {
            answered(&mut recorder, intended, 0, 0, MS);
        } else {
            recorder.planned(0, intended);
            recorder.sent(0, intended, intended, intended + 7 * MS);
            recorder.timed_out(0, intended, intended + 7 * MS, intended + 5 * S);
        }
    }
    let figures = recorder.finish().requests[0].figures();
    let (response, service) = (&figures.response_time_us, &figures.service_time_us);
    assert_eq!(
        (response.p99, response.is_at_least(Statistic::P99)),
        (Some(5_000_000.0), true)
    );
    assert_eq!(
        (service.p99, service.is_at_least(Statistic::P99)),
        (Some(4_993_000.0), true)
    );
    assert_eq!((response.count, response.planned), (900, 1000));
    assert!(
        figures.schedule_lag_us.at_least.is_empty(),
        "all of them were sent"
    );
}

#[test]
fn requests_dropped_as_late_rank_above_in_schedule_lag_too() {
    let mut recorder = recorder();
    answered(&mut recorder, MEASURE, 0, 0, MS);
    for reason in [DropReason::Late, DropReason::InFlight] {
        recorder.planned(0, MEASURE);
        recorder.dropped(0, MEASURE, reason);
    }
    let figures = recorder.finish().requests[0].figures();
    assert_eq!(
        (figures.schedule_lag_us.planned, figures.schedule_lag_us.max),
        (2, Some(5_000_000.0))
    );
    assert_eq!(
        (
            figures.response_time_us.planned,
            figures.service_time_us.planned
        ),
        (3, 1)
    );
}

#[test]
fn success_by_silence_counts_as_ok_and_has_no_response_time() {
    let mut recorder = recorder();
    for (outcome, status) in [(Outcome::Ok, None), (Outcome::Error, Some("503"))] {
        recorder.planned(1, MEASURE);
        recorder.sent(1, MEASURE, MEASURE, MEASURE);
        recorder.completed(1, MEASURE, MEASURE, MEASURE + 5 * S, outcome, status);
    }
    let figures = recorder.finish().requests[1].figures();
    assert_eq!((figures.ledger.ok, figures.ledger.error), (1, 1));
    assert_eq!(
        (
            figures.response_time_us.count,
            figures.response_time_us.planned
        ),
        (1, 1)
    );
    assert_eq!(
        figures.acknowledge_time_us.planned, 0,
        "it is sent with QoS 0"
    );
}

#[test]
fn an_acknowledgement_that_never_comes_ranks_above_those_that_came() {
    let mut recorder = recorder();
    for i in 0..100 {
        answered(&mut recorder, MEASURE + i, 0, 0, MS);
        if i < 80 {
            recorder.acknowledged(0, MEASURE + i, MEASURE + i, MEASURE + i + MS / 2);
        }
    }
    let acknowledge = recorder.finish().requests[0].figures().acknowledge_time_us;
    assert_eq!(
        (acknowledge.count, acknowledge.planned, acknowledge.max),
        (80, 100, Some(500.0))
    );
    assert!(acknowledge.is_at_least(Statistic::P90) && !acknowledge.is_at_least(Statistic::P50));
}

#[test]
fn seconds_of_all_workers_become_one_row_for_each_request() {
    let mut workers = [recorder(), recorder()];
    let mut collector = Collector::new(shape(), workers.len());
    assert_eq!(collector.live(), None);
    // Workers roll at whole seconds after the beginning of the load; before it is one short interval.
    for end in [LOAD, LOAD + S, LOAD + 2 * S, LOAD + 3 * S] {
        for (index, worker) in workers.iter_mut().enumerate() {
            worker.gauges(100);
            for i in 0..10 {
                answered(worker, end - S / 4 + i, 0, 0, MS * (1 + i));
            }
            worker.planned(0, end);
            worker.dropped(0, end, DropReason::InFlight);
            worker.planned(0, end);
            worker.sent(0, end, end, end);
            let interval = worker.roll(end);
            worker.recycle(collector.add(index, interval));
        }
    }
    let live = collector.live().unwrap();
    assert_eq!(
        (live.phase, live.in_flight, live.connected),
        (Phase::Measure, 8, 200)
    );
    assert!((live.asked_per_s - 24.0).abs() < 1e-9 && (live.achieved_per_s - 20.0).abs() < 1e-9);
    assert_eq!(live.failures, 8);
    let seconds = collector.finish();
    assert_eq!(seconds.rows.len(), 4 * 3);
    let telemetry: Vec<_> = seconds.rows.iter().filter(|row| row.request == 0).collect();
    assert_eq!(
        telemetry.iter().map(|row| row.second).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    let phases: Vec<_> = telemetry.iter().map(|row| row.phase).collect();
    assert_eq!(
        phases,
        [Phase::Connect, Phase::WarmUp, Phase::WarmUp, Phase::Measure]
    );
    assert!(
        telemetry
            .iter()
            .all(|row| (row.planned, row.sent, row.ok, row.dropped) == (24, 22, 20, 2))
    );
    assert_eq!(
        telemetry
            .iter()
            .map(|row| row.in_flight)
            .collect::<Vec<_>>(),
        [2, 4, 6, 8]
    );
    assert_eq!(
        seconds.histograms.len(),
        4,
        "only what is not empty is stored"
    );
}

#[test]
fn a_worker_that_stays_behind_holds_up_neither_the_others_nor_its_own_counts() {
    let mut workers = [recorder(), recorder()];
    let mut collector = Collector::new(shape(), 2);
    for second in 1..=20 {
        answered(&mut workers[0], second * S, 0, 0, 0);
        let interval = workers[0].roll(second * S);
        workers[0].recycle(collector.add(0, interval));
    }
    assert!(collector.live().is_some(), "overdue seconds are closed");
    answered(&mut workers[1], 0, 0, 0, 0);
    let late = workers[1].roll(S);
    let _ = collector.add(1, late);
    let rows = collector.finish().rows;
    assert_eq!(rows.iter().map(|row| row.ok).sum::<u64>(), 21);
    assert_eq!(rows.len(), 20 * 3);
}

#[test]
fn a_healthy_run_is_valid_whatever_the_target_does() {
    let mut recorder = recorder();
    for i in 0..2000 {
        let intended = MEASURE + i * MS;
        recorder.planned(0, intended);
        if i % 2 == 0 {
            recorder.dropped(
                0,
                intended,
                [DropReason::NotConnected, DropReason::BackPressure][(i % 4 / 2) as usize],
            );
        } else {
            recorder.sent(0, intended, intended + MS / 10, intended + 400 * MS);
            recorder.timed_out(0, intended, intended + 400 * MS, intended + 5 * S);
        }
    }
    recorder.connect_failed(ConnectFailure::Refused);
    recorder.connection_lost(FailReason::Closed);
    let verdict = verdict(&recorder.finish(), &Health::default(), Pacing::OpenRate);
    assert!(verdict.valid, "{:?}", verdict.reasons);
}

#[test]
fn pacer_lag_makes_an_open_run_invalid_and_no_other() {
    let mut recorder = recorder();
    for i in 0..2000 {
        answered(
            &mut recorder,
            MEASURE + i * MS,
            if i < 30 { 6 * MS } else { 0 },
            6 * MS,
            MS,
        );
    }
    let tally = recorder.finish();
    let open = verdict(&tally, &Health::default(), Pacing::OpenRate);
    assert_eq!(codes(&open), ["pacer_lag_p99", "pacer_lag_p999"]);
    assert!((open.reasons[0].figure - 6.0).abs() < 0.01 && !open.reasons[0].advice.is_empty());
    assert!(verdict(&tally, &Health::default(), Pacing::Closed).valid);
    assert!(verdict(&tally, &Health::default(), Pacing::AsFastAsPossible).valid);
}

#[test]
fn reactive_messages_say_nothing_about_the_pacer() {
    const REACTIVE: u16 = 2;
    let mut recorder = recorder();
    answered(&mut recorder, MEASURE, 3 * MS, 3 * MS, MS);
    for _ in 0..2 {
        recorder.planned(REACTIVE, MEASURE);
    }
    recorder.sent(REACTIVE, MEASURE, MEASURE + 60 * MS, MEASURE + 60 * MS);
    recorder.fired(REACTIVE, MEASURE, MEASURE + 60 * MS, MEASURE + 60 * MS, 1);
    let tally = recorder.finish();
    assert_eq!(tally.pacer_lag.count(), 1);
    assert_eq!(tally.pacer_lag.max_ns(), Some(3 * MS));
    let mut two = tally.clone();
    two.merge(&tally);
    assert_eq!(two.pacer_lag.count(), 2);
}

#[test]
fn what_is_complete_with_its_write_has_its_lag_as_response_time_in_its_second_too() {
    let mut shape = (*shape()).clone();
    (shape.requests[0].has_reply, shape.requests[0].qos) = (false, 0);
    let shape = Arc::new(shape);
    let mut recorder = Recorder::new(shape.clone());
    recorder.begin_load(LOAD);
    let mut collector = Collector::new(shape, 1);
    for lag in [2 * MS, 4 * MS] {
        (0..10).for_each(|_| recorder.planned(0, MEASURE));
        recorder.fired(0, MEASURE, MEASURE, MEASURE + lag, 10);
    }
    let interval = recorder.roll(MEASURE + S);
    recorder.recycle(collector.add(0, interval));
    assert_eq!(collector.live().and_then(|live| live.p99_us), Some(4_000.0));
    let seconds = collector.finish();
    let row = &seconds.rows[0];
    let close =
        |found: Option<f64>, us: f64| found.is_some_and(|found| (found - us).abs() < us / 500.0);
    assert!(close(row.response_time_p50_us, 2_000.0), "{row:?}");
    assert!(close(row.response_time_p99_us, 4_000.0), "{row:?}");
    assert!(close(row.schedule_lag_p99_us, 4_000.0), "{row:?}");
    assert_eq!(seconds.histograms.len(), 1);
    assert_eq!(seconds.histograms[0].request, 0);
}

#[test]
fn few_requests_are_judged_by_what_they_can_show() {
    let lagging = |count: u64, lagging: u64, pacer: u64| {
        let mut recorder = recorder();
        (0..count).for_each(|i| {
            answered(
                &mut recorder,
                MEASURE + i,
                if i < lagging { pacer } else { 0 },
                pacer,
                MS,
            );
        });
        verdict(&recorder.finish(), &Health::default(), Pacing::OpenRate)
    };
    assert!(lagging(50, 50, 40 * MS).valid);
    assert_eq!(codes(&lagging(50, 1, 60 * MS)), ["pacer_lag_max"]);
    assert!(lagging(500, 1, 60 * MS).valid, "one of 500 is no p99");
    assert_eq!(codes(&lagging(500, 20, 2 * MS)), ["pacer_lag_p99"]);
    assert_eq!(codes(&lagging(1000, 5, 6 * MS)), ["pacer_lag_p999"]);
}

#[test]
fn what_we_did_not_write_in_time_is_ours() {
    let dropped = |late: u64| {
        let mut recorder = recorder();
        for i in 0..1000 {
            recorder.planned(0, MEASURE);
            recorder.dropped(
                0,
                MEASURE,
                if i < late {
                    DropReason::Late
                } else {
                    DropReason::InFlight
                },
            );
        }
        verdict(&recorder.finish(), &Health::default(), Pacing::OpenRate)
    };
    assert!(dropped(10).valid);
    let invalid = dropped(11);
    assert_eq!(codes(&invalid), ["not_written"]);
    assert!((invalid.reasons[0].figure - 1.1).abs() < 1e-9 && invalid.reasons[0].unit == "%");
}

#[test]
fn the_machine_and_defects_of_our_own_make_any_run_invalid() {
    let mut recorder = recorder();
    recorder.planned(0, LOAD);
    recorder.connect_failed(ConnectFailure::Descriptors);
    recorder.connect_failed(ConnectFailure::Ports);
    let health = Health {
        hiccup_max_us: 51_000.0,
        panics: vec!["index".to_owned()],
        ..Health::default()
    };
    let verdict = verdict(&recorder.finish(), &health, Pacing::Closed);
    assert_eq!(
        codes(&verdict),
        [
            "ledger",
            "worker_panicked",
            "descriptors",
            "ports",
            "hiccup"
        ]
    );
    assert_eq!(
        verdict.reasons[0].detail,
        "telemetry: planned = sent + dropped: 1 is not 0"
    );
}

#[test]
fn a_cap_and_a_busy_worker_are_warnings() {
    let mut recorder = recorder();
    recorder.planned(0, MEASURE);
    recorder.dropped(0, MEASURE, DropReason::Cap);
    let health = Health {
        busy_max: 0.93,
        ..Health::default()
    };
    let verdict = verdict(&recorder.finish(), &health, Pacing::OpenRate);
    assert!(verdict.valid);
    let warnings: Vec<_> = verdict
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect();
    assert_eq!(warnings, ["busy", "cap"]);
}

fn warnings(verdict: &Verdict) -> Vec<&str> {
    let warnings = verdict.warnings.iter();
    warnings.map(|warning| warning.code.as_str()).collect()
}

#[test]
fn a_worker_without_a_pause_makes_an_open_run_invalid_and_no_other() {
    let busy = |busy_max, pacing| {
        let health = Health {
            busy_max,
            ..Health::default()
        };
        verdict(&recorder().finish(), &health, pacing)
    };
    let open = busy(0.97, Pacing::OpenRate);
    assert_eq!(codes(&open), ["busy"]);
    assert!(warnings(&open).is_empty(), "said once");
    assert_eq!((open.reasons[0].limit, &*open.reasons[0].unit), (95.0, "%"));
    assert!(busy(0.95, Pacing::OpenRate).valid);
    assert!(busy(1.0, Pacing::Closed).valid && busy(1.0, Pacing::AsFastAsPossible).valid);
}

#[test]
fn a_quota_and_a_lack_of_memory_make_any_run_invalid() {
    let worst = |throttled, rss| Worst {
        throttled_periods: throttled,
        throttled_s: throttled.map(|periods| periods as f64 / 100.0),
        rss_max_bytes: rss,
        memory_limit_bytes: Some(1 << 30),
        ..Worst::default()
    };
    let of = |worst, gates| {
        let besides = Besides {
            worst,
            gates,
            ..Besides::default()
        };
        let (tally, health) = (recorder().finish(), Health::default());
        judged(&tally, &health, Pacing::AsFastAsPossible, &besides)
    };
    let ill = || worst(Some(2), Some(1000 << 20));
    let invalid = of(ill(), Gates::default());
    assert_eq!(codes(&invalid), ["throttled", "memory_share"]);
    assert_eq!(
        (invalid.reasons[0].figure, invalid.reasons[0].limit),
        (2.0, 0.0)
    );
    assert!(invalid.reasons[0].detail.contains("0.020 s in all"));
    assert!(
        invalid
            .reasons
            .iter()
            .all(|reason| !reason.advice.is_empty())
    );
    let healthy = worst(Some(0), Some(900 << 20));
    assert!(of(healthy, Gates::default()).valid);
    assert!(of(worst(None, None), Gates::default()).valid, "not known");
    let moved = Gates {
        throttled_periods: 2.0,
        memory_percent: 98.0,
        ..Gates::default()
    };
    let loosened = of(ill(), moved);
    assert!(loosened.valid, "{:?}", loosened.reasons);
    assert_eq!(warnings(&loosened), ["gate_loosened", "gate_loosened"]);
}

#[test]
fn a_gate_of_the_profile_decides_instead_of_the_default() {
    let mut recorder = recorder();
    (0..100).for_each(|i| answered(&mut recorder, MEASURE + i, 3 * MS, 3 * MS, MS));
    let tally = recorder.finish();
    let of = |p99, threshold_ms| {
        let gates = Gates {
            pacer_lag_p99_ms: p99,
            ..Gates::default()
        };
        let besides = Besides {
            gates,
            threshold_ms,
            ..Besides::default()
        };
        judged(&tally, &Health::default(), Pacing::OpenRate, &besides)
    };
    assert_eq!(codes(&of(1.0, None)), ["pacer_lag_p99"]);
    assert!(of(4.0, None).valid);
    // 5 % of 50 ms are not enough, 5 % of 70 ms are.
    let strict = of(1.0, Some(50.0));
    assert!((strict.reasons[0].limit - 2.5).abs() < 1e-9);
    assert!(of(1.0, Some(70.0)).valid);
}

#[test]
fn a_load_near_the_ceiling_is_a_warning_and_beyond_the_gate_a_reason() {
    let of = |share: f64, pacing, gate| {
        let besides = Besides {
            of_ceiling: Some(OfCeiling {
                date: "2026-01-02T03:04:05Z".to_owned(),
                planned_per_s: 1000.0 * share,
                ceiling_per_s: 1000.0,
                share,
            }),
            gates: Gates {
                ceiling_percent: gate,
                ..Gates::default()
            },
            ..Besides::default()
        };
        let (tally, health) = (recorder().finish(), Health::default());
        judged(&tally, &health, pacing, &besides)
    };
    let half = of(0.5, Pacing::OpenRate, 80.0);
    assert!(half.valid && warnings(&half).is_empty(), "{half:?}");
    let near = of(0.7, Pacing::OpenRate, 80.0);
    assert!(near.valid);
    assert_eq!(warnings(&near), ["ceiling"]);
    assert!((near.warnings[0].limit - 50.0).abs() < 1e-9);
    let beyond = of(0.9, Pacing::OpenRate, 80.0);
    assert_eq!(codes(&beyond), ["ceiling"]);
    assert!(warnings(&beyond).is_empty(), "said once");
    let reason = &beyond.reasons[0];
    assert!((reason.figure - 90.0).abs() < 1e-9 && (reason.limit - 80.0).abs() < 1e-9);
    for said in ["900 requests", "managed 1000", "2026-01-02"] {
        assert!(reason.detail.contains(said), "{reason:?}");
    }
    assert!(!reason.advice.is_empty());
    let moved = of(0.9, Pacing::OpenRate, 95.0);
    assert!(moved.valid);
    assert_eq!(warnings(&moved), ["ceiling", "gate_loosened"]);
    assert_eq!(codes(&of(0.3, Pacing::OpenRate, 20.0)), ["ceiling"]);
    for pacing in [Pacing::Closed, Pacing::AsFastAsPossible] {
        let full = of(1.0, pacing, 80.0);
        assert!(full.valid && warnings(&full).is_empty(), "{full:?}");
    }
}

#[test]
fn what_is_unsteady_or_nearly_used_up_is_a_warning_and_said_once() {
    let growing = Trend {
        mean: 50.0,
        change: 80.0,
        slope_per_s: 4.0,
        slope_low_per_s: 3.0,
        slope_high_per_s: 5.0,
        steady: false,
    };
    let statistics = Statistics {
        steady: Some(false),
        in_flight: Some(growing),
        ..Statistics::default()
    };
    let worst = Worst {
        descriptors_max: Some(950),
        descriptors_limit: Some(1000),
        ports: Some(100),
        ports_left_min: Some(9),
        ..Worst::default()
    };
    let tally = recorder().finish();
    let besides = Besides {
        worst,
        statistics,
        ..Besides::default()
    };
    let verdict = judged(&tally, &Health::default(), Pacing::OpenRate, &besides);
    assert!(verdict.valid);
    let expected = ["descriptors_left", "ports_left", "in_flight_trend"];
    assert_eq!(warnings(&verdict), expected);
    let said = &verdict.warnings[2].detail;
    assert!(said.contains("from about 10 to 90"), "{said}");
}

#[test]
fn the_worst_second_of_each_kind_is_kept() {
    let shape = shape();
    let mut recorder = recorder();
    let mut collector = Collector::new(shape.clone(), 1);
    let mut machine = Vec::new();
    for second in 1..=6 {
        let end = LOAD + second * S;
        let intended = end - S / 2;
        // Half of the lag is the pacer's, in the fifth second ten times as much.
        let lag = if second == 5 { 10 * MS } else { MS };
        answered(&mut recorder, intended, lag, 2 * lag, MS);
        recorder.busy(if second == 4 { 9 * S / 10 } else { S / 10 });
        recorder.gauges(second as u32);
        let interval = recorder.roll(end);
        recorder.recycle(collector.add(0, interval));
        machine.push(MachineSecond {
            start: end - S,
            end,
            hiccup_ns: second,
            throttled_periods: Some(second),
            throttled_ns: Some(second * MS),
            rss_bytes: Some((7 - second) << 20),
            descriptors: Some(10 + second),
        });
    }
    let mut seconds = collector.finish();
    seconds.machine = machine;
    seconds.limits = MachineLimits {
        memory_bytes: Some(1 << 30),
        descriptors: Some(20),
        ports: Some(10),
    };
    let worst = Worst::of(&shape, &recorder.finish(), &seconds, 7.0);
    // Two seconds of warm-up: of the sum only the other four.
    assert_eq!(worst.throttled_periods, Some(3 + 4 + 5 + 6));
    assert!((worst.throttled_s.unwrap() - 0.018).abs() < 1e-9);
    assert_eq!(worst.rss_max_bytes, Some(6 << 20));
    assert_eq!(
        (worst.descriptors_max, worst.ports_left_min),
        (Some(16), Some(4))
    );
    assert_eq!(worst.busy, [0.3]);
    assert_eq!(worst.busy_second_max, Some(0.9));
    let held = worst.back_pressure_lag_us;
    assert_eq!((held.mean, held.max), (Some(3_250.0), Some(10_000.0)));
    assert_eq!(worst.pacer_lag_us.value(Statistic::Max), Some(10_000.0));
    let row = &seconds.rows[4 * 3];
    let lags = (row.pacer_lag_max_us, row.back_pressure_lag_max_us);
    assert_eq!(lags, (Some(10_000.0), Some(10_000.0)));
    let silent = Worst::of(&shape, &recorder_without_load(), &Seconds::default(), 0.0);
    assert_eq!(
        (silent.throttled_periods, silent.busy_second_max),
        (None, None)
    );
}

fn recorder_without_load() -> Tally {
    Recorder::new(shape()).finish()
}

/// Plays a random but possible life of one request.
fn play(recorder: &mut Recorder, request: u16, intended: u64, fate: u8, took: u64) {
    recorder.planned(request, intended);
    if fate < 2 {
        recorder.dropped(
            request,
            intended,
            [DropReason::Late, DropReason::Cap][usize::from(fate)],
        );
        return;
    }
    let (sent, at) = (intended + took / 3, intended + took);
    recorder.sent(request, intended, intended, sent);
    match fate {
        2 => recorder.timed_out(request, intended, sent, at),
        3 => recorder.failed(request, intended, sent, at, FailReason::KeepAlive),
        4 => recorder.left_in_flight(request, intended, sent, at),
        5 => recorder.completed(request, intended, sent, at, Outcome::Error, Some("404")),
        _ => recorder.completed(request, intended, sent, at, Outcome::Ok, None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn many_workers_merged_equal_one_worker_that_did_everything(
        lives in prop::collection::vec((0_u16..3, 0_u64..14 * S, 0_u8..9, 0_u64..8 * S, 0_usize..3), 0..200),
    ) {
        let (mut one, mut many) = (recorder(), [recorder(), recorder(), recorder()]);
        for (request, intended, fate, took, worker) in lives {
            play(&mut one, request, intended, fate, took);
            play(&mut many[worker], request, intended, fate, took);
        }
        let [mut merged, second, third] = many.map(Recorder::finish);
        merged.merge(&second);
        merged.merge(&third);
        let one = one.finish();
        prop_assert!(merged.imbalances().is_empty());
        for (a, b) in merged.requests.iter().zip(&one.requests) {
            prop_assert_eq!(a.figures(), b.figures());
            prop_assert_eq!(&a.whole_run, &b.whole_run);
        }
        let bounds = shape().bounds();
        prop_assert_eq!(merged.total(bounds).figures(), one.total(bounds).figures());
    }
}

/// Two stages: 4 s and 6 s of the measure phase. The first request may get several replies.
fn staged() -> Arc<Shape> {
    let stage = |from_s: u64, to_s: u64, asked| StageShape {
        from_ns: from_s * S,
        to_ns: to_s * S,
        asked_from_per_s: asked,
        asked_to_per_s: asked,
    };
    let mut shape = (*shape()).clone();
    shape.stages = vec![stage(0, 4, 100.0), stage(4, 10, 200.0)];
    shape.requests[0].replies = Replies::Several;
    Arc::new(shape)
}

fn staged_recorder() -> Recorder {
    let mut recorder = Recorder::new(staged());
    recorder.begin_load(LOAD);
    recorder
}

#[test]
fn a_request_belongs_to_the_stage_of_its_intended_instant() {
    let mut recorder = staged_recorder();
    let (last_of_first, first_of_second) = (MEASURE + 4 * S - 1, MEASURE + 4 * S);
    for (intended, service) in [
        (MEASURE - 1, 90 * MS),
        (MEASURE, MS),
        (last_of_first, 2 * MS),
        (first_of_second, 7 * MS),
        (MEASURE + 10 * S - 1, 8 * MS),
        (MEASURE + 10 * S, 90 * MS),
    ] {
        answered(&mut recorder, intended, 0, 0, service);
    }
    let tally = recorder.finish();
    let stages = &tally.requests[0].stages;
    let ok: Vec<u64> = stages.iter().map(|stage| stage.ledger.ok).collect();
    assert_eq!(ok, [2, 2]);
    let max = |stage: usize| stages[stage].figures(1.0).response_time_us.max;
    assert_eq!((max(0), max(1)), (Some(2_000.0), Some(8_000.0)));
    let lag = |stage: usize| stages[stage].figures(1.0).schedule_lag_us.count;
    assert_eq!((lag(0), lag(1)), (2, 2));
    let throughput = stages[0].figures(4.0).throughput_per_s;
    assert!((throughput - 0.5).abs() < 1e-9, "{throughput}");
}

#[test]
fn the_stages_of_all_workers_add_up_to_the_measure_phase() {
    let mut merged = Tally::new(&staged());
    for worker in 0..2 {
        let mut recorder = staged_recorder();
        for i in 0..1_000 {
            let at = MEASURE - S + i * 12 * MS + worker;
            recorder.planned(0, at);
            match i % 10 {
                0 => recorder.dropped(0, at, DropReason::Late),
                end => {
                    recorder.sent(0, at, at, at + MS);
                    let after = at + i * MS;
                    match end {
                        1 => recorder.timed_out(0, at, at + MS, at + 5 * S),
                        2 => recorder.failed(0, at, at + MS, after, FailReason::Reset),
                        3 => recorder.left_in_flight(0, at, at + MS, after),
                        4 => recorder.completed(0, at, at + MS, after, Outcome::Error, None),
                        _ => recorder.completed(0, at, at + MS, after, Outcome::Ok, None),
                    }
                }
            }
        }
        merged.merge(&recorder.finish());
    }
    let total = merged.total(staged().bounds());
    for row in [&merged.requests[0], &total] {
        assert_eq!(row.stages.len(), 2);
        let mut ledger = row.stages[0].ledger.clone();
        ledger.merge(&row.stages[1].ledger);
        assert_eq!(ledger, row.measured);
        assert!(row.stages.iter().all(|stage| stage.ledger.check().is_ok()));
        let waits: u64 = row.stages.iter().map(|stage| stage.response.count()).sum();
        assert_eq!(waits, row.response.count());
    }
    // Half of them did not succeed, three tenths and the drops have no answer.
    let first = total.stages[0].figures(4.0);
    assert!((first.failure_rate.unwrap() - 0.5).abs() < 0.01);
    assert!(first.response_time_us.is_at_least(Statistic::P90));
    assert_eq!(first.response_time_us.max, Some(5_000_000.0));
    assert!(!first.response_time_us.is_at_least(Statistic::P50));
}

#[test]
fn a_load_of_one_stage_counts_nothing_apart() {
    let mut shape = (*staged()).clone();
    shape.stages.truncate(1);
    let mut recorder = Recorder::new(Arc::new(shape));
    recorder.begin_load(LOAD);
    answered(&mut recorder, MEASURE, 0, 0, MS);
    let row = &recorder.finish().requests[0];
    assert!(row.stages.is_empty());
    let (only, figures) = (row.only_stage(10.0), row.figures());
    assert_eq!((only.ledger, only.throughput_per_s), (figures.ledger, 0.1));
    assert_eq!(only.response_time_us, figures.response_time_us);
}

#[test]
fn the_first_reply_is_timed_from_the_intended_instant_beside_the_final_one() {
    let mut recorder = staged_recorder();
    for i in 0..10 {
        let at = MEASURE + i * MS;
        recorder.planned(0, at);
        recorder.sent(0, at, at, at + MS);
        recorder.first_reply(0, at, at + 3 * MS);
        recorder.completed(0, at, at + MS, at + 30 * MS, Outcome::Ok, None);
    }
    // Warm-up is not measured.
    recorder.planned(0, LOAD);
    recorder.first_reply(0, LOAD, LOAD + S);
    let figures = recorder.finish().requests[0].figures();
    let first = figures.first_reply_time_us;
    assert_eq!((first.count, first.planned), (10, 10));
    assert_eq!((first.min, first.max), (Some(3_000.0), Some(3_000.0)));
    assert_eq!(figures.response_time_us.max, Some(30_000.0));
}

#[test]
fn a_request_without_any_reply_ranks_above_every_first_reply() {
    let mut recorder = staged_recorder();
    let timed_out = |recorder: &mut Recorder| {
        recorder.planned(0, MEASURE);
        recorder.sent(0, MEASURE, MEASURE, MEASURE);
        recorder.timed_out(0, MEASURE, MEASURE, MEASURE + 5 * S);
    };
    for _ in 0..4 {
        // An intermediate reply came, the final one did not.
        timed_out(&mut recorder);
        recorder.first_reply(0, MEASURE, MEASURE + MS);
    }
    recorder.planned(0, MEASURE);
    recorder.sent(0, MEASURE, MEASURE, MEASURE);
    recorder.failed(0, MEASURE, MEASURE, MEASURE + S, FailReason::Reset);
    recorder.no_first_reply(0, MEASURE, MEASURE + S);
    let first = recorder.finish().requests[0].figures().first_reply_time_us;
    assert_eq!((first.count, first.planned), (4, 5));
    assert_eq!(first.p50, Some(1_000.0));
    // Not the 5 s of those that had heard something.
    assert!(first.is_at_least(Statistic::Max));
    assert_eq!(first.max, Some(1_000_000.0));
}

#[test]
fn requests_whose_replies_are_final_have_no_first_reply_of_their_own() {
    let mut recorder = recorder();
    answered(&mut recorder, MEASURE, 0, 0, MS);
    recorder.planned(0, MEASURE);
    recorder.dropped(0, MEASURE, DropReason::Late);
    let tally = recorder.finish();
    let total = tally.total(shape().bounds()).figures();
    for figures in [tally.requests[0].figures(), total] {
        assert_eq!(figures.first_reply_time_us, Distribution::default());
    }
}
