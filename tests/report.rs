//! The result files from the outside: one small run, rendered into every format.
//!
//! Nothing here connects or measures time; only the folder's own test touches the file system.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use midge::measure::{
    Collector, DropReason, FailReason, Gates, Health, MachineSecond, Outcome, Pacing, Recorder,
    Replies, RequestShape, Seconds, Shape, StageShape, Tally, Threshold,
};
use midge::report::{
    Colour, Environment, Exit, Inputs, PhaseLengths, ProfileId, Recorded, RunResult, claim,
    exit_of, folder, format, read_run, write_run,
};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
/// 2026-09-01, noon.
const STARTED: u64 = 1_788_264_000 * S;

fn shape() -> Arc<Shape> {
    let request = |name: &str, reactive| RequestShape {
        name: name.to_owned(),
        reactive,
        has_reply: !reactive,
        replies: Replies::One,
        silence_is_ok: false,
        qos: 0,
        deadline_ns: 5 * S,
    };
    let requests = vec![request("telemetry", false), request("command-answer", true)];
    Arc::new(Shape {
        requests,
        inbound: vec!["command".to_owned()],
        deliveries: vec![],
        warm_up_ns: 0,
        measure_ns: 2 * S,
        stages: vec![],
    })
}

/// 1,000 requests of 1 to 1,000 ms, 10 time-outs, 5 drops and 4 failures in two measured seconds.
fn measured() -> (Tally, Seconds) {
    let mut recorder = Recorder::new(shape());
    let mut collector = Collector::new(shape(), 1);
    recorder.begin_load(0);
    recorder.connected(3 * MS);
    recorder.gauges(1);
    for i in 0..1000 {
        let at = i * 2 * MS;
        if i == 500 {
            let interval = recorder.roll(S);
            recorder.recycle(collector.add(0, interval));
        }
        recorder.planned(0, at);
        recorder.sent(0, at, at, at);
        recorder.completed(0, at, at, at + (i + 1) * MS, Outcome::Ok, Some("200"));
    }
    for i in 0..19 {
        recorder.planned(0, i);
        match i {
            0..10 => {
                recorder.sent(0, i, i, i);
                recorder.timed_out(0, i, i, i + 5 * S);
            }
            10..15 => recorder.dropped(0, i, DropReason::InFlight),
            _ => {
                recorder.sent(0, i, i, i);
                recorder.failed(0, i, i, i + S, FailReason::Reset);
            }
        }
    }
    recorder.error_detail(
        0,
        Some("-1"),
        "=HYPERLINK(\"http://x\"), really",
        1_500 * MS,
    );
    recorder.inbound_received(0);
    let last = recorder.roll(2 * S);
    let _ = collector.add(0, last);
    (recorder.finish(), collector.finish())
}

fn result_of(tally: &Tally, thresholds: &[(&str, &str)], stopped_by: Option<&str>) -> RunResult {
    result_for(&shape(), tally, thresholds, stopped_by)
}

fn result_for(
    shape: &Shape,
    tally: &Tally,
    thresholds: &[(&str, &str)],
    stopped_by: Option<&str>,
) -> RunResult {
    let texts: Vec<_> = thresholds
        .iter()
        .map(|(key, condition)| ((*key).to_owned(), (*condition).to_owned()))
        .collect();
    RunResult::build(Inputs {
        thresholds: &Threshold::parse_all(&texts, shape).unwrap(),
        ..inputs_for(shape, tally, stopped_by)
    })
}

/// Where the seconds do not matter.
static NO_SECONDS: LazyLock<Seconds> = LazyLock::new(Seconds::default);

/// One worker on a machine that did nothing wrong.
static HEALTHY: Health = Health {
    workers: 1,
    waiting: "nanoseconds",
    spin: false,
    cpu_s: 0.0,
    busy_max: 0.0,
    peak_rss_bytes: 0,
    hiccup_max_us: 0.0,
    resource_failures: 0,
    panics: Vec::new(),
};

fn inputs_for<'a>(shape: &'a Shape, tally: &'a Tally, stopped_by: Option<&str>) -> Inputs<'a> {
    Inputs {
        shape,
        tally,
        seconds: &NO_SECONDS,
        profile: ProfileId {
            name: "telemetry-fleet".to_owned(),
            sha256: "ab".to_owned(),
        },
        seed: u64::MAX,
        targets: vec!["mqtt://127.0.0.1:1883".to_owned()],
        simulated_tenant: true,
        started_unix_ns: STARTED,
        finished_unix_ns: STARTED + 3 * S,
        stopped_by: stopped_by.map(str::to_owned),
        environment: Environment {
            cpus: 2,
            ..Environment::default()
        },
        asked_per_s: Some(500.0),
        phases: PhaseLengths {
            connect_s: 0.5,
            warm_up_s: 0.0,
            measure_s: 2.0,
            drain_s: 1.0,
        },
        connections_planned: 1,
        pacing: Pacing::OpenRate,
        generator_limited: false,
        overlap: None,
        health: &HEALTHY,
        ceiling: None,
        gates: Gates::default(),
        thresholds: &[],
        tenant: Some(serde_json::json!({"format": 1})),
    }
}

fn result() -> RunResult {
    result_of(
        &measured().0,
        &[
            ("response_time.p50", "< 600ms"),
            ("telemetry.failure_rate", "< 0.1%"),
        ],
        None,
    )
}

fn cells(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes());
    reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn keys(value: &serde_json::Value) -> String {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn run_json_has_exactly_the_agreed_keys() {
    let json = serde_json::to_value(result()).unwrap();
    let distribution = "min mean p50 p90 p95 p99 p999 p9999 max count planned at_least too_few";
    let ledger = "planned dropped dropped_by sent ok error timeout failed failed_by in_flight late duplicate copies orphan \
                  unattributed_errors";
    let figures = format!(
        "{ledger} error_rate failure_rate response_time_us service_time_us schedule_lag_us acknowledge_time_us \
         first_reply_time_us client_share_us"
    );
    let stage = format!("{ledger} throughput_per_s failure_rate response_time_us schedule_lag_us");
    let top = "format midge profile seed targets simulated_tenant started finished exit_code stopped_by environment \
               verdict load connections total whole_run requests stages inbound generator health statistics \
               thresholds tenant";
    let generator = "workers cpu_s busy_max peak_rss_bytes bytes_sent bytes_received unrecognised writes wakeups hiccup_max_us \
                     waiting spin spin_looks";
    let health = "pacer_lag_us back_pressure_lag_us busy busy_second_max hiccup_max_us throttled_periods \
                  throttled_s rss_max_bytes memory_limit_bytes descriptors_max descriptors_limit \
                  ports_left_min ports";
    let statistics = "confidence seconds not_checked steady warm_up in_flight halves sample_size";
    let row = &json["requests"]["telemetry"];
    for (value, expected) in [
        (&json, top),
        (&json["profile"], "name sha256"),
        (&json["verdict"], "valid generator_limited reasons warnings"),
        (
            &json["load"],
            "asked_per_s planned_per_s achieved_per_s measure_s phases",
        ),
        (
            &json["load"]["phases"],
            "connect_s warm_up_s measure_s drain_s",
        ),
        (
            &json["connections"],
            "planned connected failed failed_by lost lost_by reconnects connect_time_us",
        ),
        (&json["total"], figures.as_str()),
        (&json["total"]["response_time_us"], distribution),
        (&json["connections"]["connect_time_us"], distribution),
        (&json["whole_run"], ledger),
        (
            row,
            format!("{figures} reactive status_codes whole_run").as_str(),
        ),
        (&row["whole_run"], ledger),
        (&json["inbound"]["command"], "received duplicate answered"),
        (&json["generator"], generator),
        (&json["health"], health),
        (&json["health"]["pacer_lag_us"], distribution),
        (&json["health"]["back_pressure_lag_us"], "mean max"),
        (&json["statistics"], statistics),
        (
            &json["statistics"]["sample_size"],
            "planned highest_quantile needed",
        ),
        (
            &json["stages"][0],
            "stage from_s to_s asked_from_per_s asked_to_per_s achieved_per_s total requests",
        ),
        (&json["stages"][0]["total"], stage.as_str()),
        (&json["stages"][0]["requests"]["telemetry"], stage.as_str()),
        (&json["thresholds"][0], "expression value passed builtin"),
    ] {
        assert_eq!(keys(value), expected);
    }
    assert_eq!(json["seed"], u64::MAX.to_string());
    assert_eq!(json["started"], "2026-09-01T12:00:00.000Z");
    assert_eq!(row["status_codes"], serde_json::json!({"200": 1000}));
    assert_eq!(json["total"]["failed_by"], serde_json::json!({"reset": 4}));
}

#[test]
fn losses_and_returns_are_told_with_the_agreed_keys() {
    let mut recorder = Recorder::new(shape());
    recorder.begin_load(0);
    recorder.connected(3 * MS);
    recorder.connection_lost(FailReason::Closed);
    recorder.planned(0, S);
    recorder.dropped(0, S, DropReason::NotConnected);
    for at in [2_500 * MS, 3 * S] {
        recorder.reconnecting(at);
    }
    recorder.reconnected(2 * S, 3 * S + 4 * MS);
    recorder.sent_again(3 * S + 5 * MS);
    recorder.released_again(3 * S + 5 * MS);
    let result = result_of(&recorder.finish(), &[], None);
    let json = serde_json::to_value(&result).unwrap();
    let recovery = &json["connections"]["recovery"];
    let expected = "attempts reconnect_peak_per_s left given_up away_p50_s away_p99_s away_max_s messages outages \
                    not_kept";
    assert_eq!(keys(recovery), expected);
    assert_eq!(recovery["reconnect_peak_per_s"], 2);
    let messages = serde_json::json!({
        "lost": 0, "not_connected": 1, "sent_again": 1, "released_again": 1, "redelivered": 0,
        "duplicate": 0, "reordered": 0
    });
    assert_eq!(recovery["messages"], messages);
    let outage = serde_json::json!({
        "from_s": 2.0, "length_s": 1.004, "connections": 1, "back": 1, "back_50_s": 1.004,
        "back_99_s": 1.004, "back_100_s": 1.004, "reconnect_peak_per_s": 2,
        // What was not sent was due a second before.
        "messages": {
            "lost": 0, "not_connected": 0, "sent_again": 1, "released_again": 1, "redelivered": 0,
            "duplicate": 0, "reordered": 0
        }
    });
    assert_eq!(recovery["outages"], serde_json::json!([outage]));
    let screen = format::screen(&result, None, Colour::Never);
    let lines = [
        "reconnects  2 attempts, at most 2 within a second; away p50 1.00 s, p99 1.00 s, max 1.00 s",
        "outage      1.00 s, from 2.00 s on; 1 lost; back: 50 % after 1.00 s, 99 % after 1.00 s, \
         100 % after 1.00 s; at most 2 attempts within a second",
        "across it   0 lost, 1 not sent, 1 sent again, 0 duplicate, 0 reordered",
    ];
    for line in lines {
        assert!(screen.contains(line), "{screen}");
    }
    let again: RunResult = serde_json::from_value(json).unwrap();
    assert_eq!(again, result);
}

#[test]
fn the_result_comes_back_from_json_as_it_was() {
    let result = result();
    let text = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<RunResult>(&text).unwrap(), result);
}

#[test]
fn rates_and_thresholds_are_those_of_the_measure_phase() {
    let result = result();
    assert_eq!(
        (result.load.planned_per_s, result.load.achieved_per_s),
        (509.5, 500.0)
    );
    let passed: Vec<_> = result
        .thresholds
        .iter()
        .map(|t| (t.expression.as_str(), t.passed, t.builtin))
        .collect();
    let expected = [
        ("connections.connected >= 1", true, true),
        ("telemetry.ok >= 1", true, true),
        ("response_time.p50 < 600ms", true, false),
        ("telemetry.failure_rate < 0.1%", false, false),
    ];
    assert_eq!(passed, expected);
}

#[test]
fn a_signal_outranks_an_invalid_run_which_outranks_a_threshold() {
    let tally = measured().0;
    let failing = [("failed", "= 0")];
    assert_eq!(result_of(&tally, &[], None).exit_code, 0);
    assert_eq!(result_of(&tally, &failing, None).exit_code, 99);
    assert_eq!(result_of(&tally, &failing, Some("SIGINT")).exit_code, 105);
    let mut invalid = result_of(&tally, &failing, None);
    invalid.verdict.valid = false;
    assert_eq!(exit_of(&invalid, None), Exit::Invalid);
    assert_eq!(exit_of(&invalid, Some("SIGTERM")).code(), 105);
}

#[test]
fn summary_has_a_row_for_each_request_and_the_total() {
    let rows = cells(&format::summary_csv(&result()));
    let names: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["request", "telemetry", "command-answer", "total"]);
    assert_eq!(rows[0].len(), 13 + 6 * 9);
    assert_eq!(
        rows[0][12..15],
        [
            "throughput_per_s",
            "response_time_min_us",
            "response_time_mean_us"
        ]
    );
    assert_eq!(rows[0].last().unwrap(), "client_share_max_us");
    assert_eq!(
        rows[3][1..9],
        ["1019", "5", "1014", "1000", "0", "10", "4", "0"]
    );
    assert_eq!(
        (rows[3][12].as_str(), rows[3][13].as_str()),
        ("500.000", "1000")
    );
    assert_eq!(rows[2][13], "", "nothing was measured");
}

#[test]
fn intervals_add_up_to_the_ledger() {
    let rows = cells(&format::intervals_csv(&shape(), &measured().1));
    assert_eq!(rows.len(), 1 + 2 * 2);
    let sum = |column: usize| -> u64 {
        rows[1..]
            .iter()
            .map(|row| row[column].parse::<u64>().unwrap())
            .sum()
    };
    assert_eq!(
        (3..10).map(sum).collect::<Vec<_>>(),
        [1019, 1014, 1000, 0, 10, 4, 5]
    );
    assert_eq!(rows[0][10..12], ["in_flight", "response_time_p50_us"]);
    assert_eq!(rows[1][..3], ["0", "measure", "telemetry"]);
    assert_eq!(
        rows[3][13], "5000000",
        "a time-out is the longest wait of its second"
    );
}

#[test]
fn the_spectrum_ends_below_one_where_some_were_not_answered() {
    let rows = cells(&format::percentiles_csv(&shape(), &measured().0));
    let total: Vec<_> = rows
        .iter()
        .filter(|row| row[0] == "total" && row[1] == "response_time")
        .collect();
    let last = total.last().unwrap();
    assert_eq!((last[3].as_str(), last[4].as_str()), ("1000000", "1000"));
    assert!((last[2].parse::<f64>().unwrap() - 1000.0 / 1019.0).abs() < 1e-12);
    let values: Vec<f64> = total.iter().map(|row| row[3].parse().unwrap()).collect();
    assert!(values.is_sorted() && values.len() > 20);
}

#[test]
fn the_spectrum_says_where_the_sample_is_too_small() {
    let rows = cells(&format::percentiles_csv(&shape(), &measured().0));
    assert_eq!(rows[0][5], "note");
    let total = rows
        .iter()
        .filter(|row| row[0] == "total" && row[1] == "response_time");
    // Of 1019 requests 1000 were answered. By hand: 0.05^(1 / 1019) = 0.99706.
    for row in total {
        assert!(row[2].parse::<f64>().unwrap() < 0.99706 && row[5].is_empty());
    }
    let mut recorder = Recorder::new(shape());
    recorder.begin_load(0);
    for i in 0..100 {
        recorder.planned(0, i);
        recorder.sent(0, i, i, i);
        recorder.completed(0, i, i, (i + 1) * MS, Outcome::Ok, None);
    }
    let rows = cells(&format::percentiles_csv(&shape(), &recorder.finish()));
    let total = rows
        .iter()
        .filter(|row| row[0] == "total" && row[1] == "response_time");
    for row in total {
        // 0.05^(1 / 100) = 0.97049: 97 of 100 are carried, 98 are not.
        let small = row[2].parse::<f64>().unwrap() > 0.9705;
        assert_eq!(row[5], if small { "n too small" } else { "" }, "{row:?}");
    }
}

#[test]
fn a_second_says_how_the_machine_was() {
    let (_, mut seconds) = measured();
    seconds.machine = vec![MachineSecond {
        start: 0,
        end: S,
        hiccup_ns: 1_500,
        throttled_periods: Some(2),
        throttled_ns: Some(7),
        rss_bytes: Some(4096),
        descriptors: None,
    }];
    seconds.limits.ports = Some(28_232);
    let rows = cells(&format::intervals_csv(&shape(), &seconds));
    let names = "connected pacer_lag_max_us back_pressure_lag_max_us busy_max hiccup_max_us throttled_periods \
                 rss_bytes descriptors ports_left";
    assert_eq!(rows[0][15..].join(" "), names);
    assert_eq!(rows[1][18..], ["0", "1.5", "2", "4096", "", "28231"]);
    assert_eq!(
        rows[2][18..],
        rows[1][18..],
        "all rows of a second are equal"
    );
    assert_eq!(rows[3][19..], ["", "", "", "", "28231"], "nobody looked");
}

#[test]
fn buckets_hold_every_answer_once() {
    let rows = cells(&format::histogram_csv(&shape(), &measured().0));
    let of = |request: &str| {
        let buckets = rows
            .iter()
            .filter(|row| row[0] == request && row[1] == "response_time");
        buckets
            .map(|row| row[4].parse::<u64>().unwrap())
            .sum::<u64>()
    };
    assert_eq!(
        (of("telemetry"), of("command-answer"), of("total")),
        (1000, 0, 1000)
    );
}

#[test]
fn texts_of_the_target_are_no_formulas() {
    let (tally, _) = measured();
    let rows = cells(&format::errors_csv(&shape(), &tally));
    assert_eq!(
        rows[1],
        [
            "telemetry",
            "'-1",
            "'=HYPERLINK(\"http://x\"), really",
            "1",
            "1.500"
        ]
    );
    assert_eq!(
        cells(&format::status_csv(&result()))[1],
        ["telemetry", "200", "1000"]
    );
}

#[test]
fn the_interval_log_is_read_by_the_crate_that_defines_it() {
    let log = format::histograms_hlog(&shape(), &measured().1, STARTED);
    let entries: Vec<_> = IntervalLogIterator::new(log.as_bytes())
        .map(|entry| entry.unwrap())
        .collect();
    assert!(matches!(entries[0], LogEntry::BaseTime(base) if base.as_secs() == 1_788_264_000));
    let interval = |entry| match entry {
        LogEntry::Interval(interval) => Some(interval),
        _ => None,
    };
    let intervals: Vec<_> = entries.into_iter().filter_map(interval).collect();
    assert_eq!(
        intervals
            .iter()
            .map(|i| i.start_timestamp().as_secs())
            .collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(
        intervals
            .iter()
            .all(|i| i.tag().is_some_and(|tag| tag.as_str() == "telemetry"))
    );
    assert!(
        (intervals[1].max() - 1000.0).abs() < 1.0,
        "in milliseconds: {}",
        intervals[1].max()
    );
    assert!(
        intervals
            .iter()
            .all(|i| i.encoded_histogram().starts_with("HISTFAAA")),
        "compressed V2, in base 64"
    );
}

#[test]
fn the_screen_says_the_verdict_first_and_names_the_target_next_and_last() {
    let text = format::screen(&result(), Some("results/x"), Colour::Never);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "verdict     VALID");
    assert_eq!(
        lines[1],
        "target      the simulated tenant, started by this run (mqtt://127.0.0.1:1883)"
    );
    assert_eq!(lines.last(), lines.get(1));
    assert!(lines.len() <= 30, "{text}");
    assert!(
        text.contains("asked 500.0/s, planned 509.5/s, achieved 500.0/s over 2.0 s"),
        "{text}"
    );
    assert!(
        text.contains("FAILED telemetry.failure_rate < 0.1% (it is 1.865 %)"),
        "{text}"
    );
    assert!(
        text.contains(">5.00 s") && text.contains("reset 4") && text.contains("results/x"),
        "{text}"
    );
}

#[test]
fn an_invalid_run_says_why_and_what_to_do() {
    let mut recorder = Recorder::new(shape());
    recorder.begin_load(0);
    (0..100).for_each(|i| {
        recorder.planned(0, i);
        recorder.dropped(0, i, DropReason::Late);
    });
    let text = format::screen(
        &result_of(&recorder.finish(), &[], None),
        None,
        Colour::Never,
    );
    assert!(text.contains("verdict     INVALID"), "{text}");
    assert!(
        text.contains("100 of 100 planned requests were not written")
            && text.contains("hint: lower"),
        "{text}"
    );
}

#[test]
fn colour_greys_the_waits_of_an_invalid_run_and_nothing_else() {
    let invalid = || {
        let mut invalid = result();
        invalid.verdict.valid = false;
        invalid
    };
    let grey = "\x1b[90m";
    assert!(!format::screen(&result(), None, Colour::Always).contains('\x1b'));
    assert!(!format::screen(&invalid(), None, Colour::Never).contains('\x1b'));
    let coloured = format::screen(&invalid(), None, Colour::Always);
    let of_waits = coloured.lines().filter(|line| line.contains(grey));
    // Two requests and their total, and the waits of all.
    assert!(of_waits.count() >= 3 + 3, "{coloured}");
    let plain = coloured.replace(grey, "").replace("\x1b[0m", "");
    assert_eq!(plain, format::screen(&invalid(), None, Colour::Never));
    let total = coloured.lines().find(|line| line.starts_with("total "));
    let (counts, waits) = total.unwrap().split_once(grey).unwrap();
    assert!(
        counts.contains("1019") && waits.contains(">5.00 s"),
        "{coloured}"
    );
}

#[test]
fn the_screen_says_which_percentiles_lack_requests() {
    let text = format::screen(&result(), None, Colour::Never);
    let line = "n too small where a - stands: p99.9 needs 2995, p99.99 needs 29956 requests";
    assert!(text.lines().any(|said| said == line), "{text}");
}

#[test]
fn a_folder_holds_every_file_whole_and_gives_the_result_back() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join(folder::name(STARTED, "telemetry-fleet"));
    assert!(dir.ends_with("20260901-120000Z-telemetry-fleet"));
    claim(&dir).unwrap();
    claim(&dir).unwrap();
    let ((tally, seconds), result, shape) = (measured(), result(), shape());
    let recorded = Recorded {
        result: &result,
        shape: &shape,
        tally: &tally,
        seconds: &seconds,
        profile_toml: "format = 1\n",
        started_unix_ns: STARTED,
    };
    write_run(&dir, &recorded).unwrap();
    let entries = std::fs::read_dir(&dir).unwrap();
    let names: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = "errors.csv histogram.csv histograms.hlog intervals.csv percentiles.csv profile.toml run.json \
                    stages.csv status.csv summary.csv";
    assert_eq!(names, expected.split(' ').map(String::from).collect());
    assert_eq!(read_run(&dir).unwrap(), result);
    assert!(claim(&dir).is_err(), "a folder in use is not claimed again");
}

#[test]
fn what_is_no_run_is_said_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let problem = |dir: &tempfile::TempDir| read_run(dir.path()).unwrap_err().to_string();
    assert!(problem(&dir).contains("run.json"));
    folder::write_whole(dir.path(), "run.json", "{}").unwrap();
    assert!(problem(&dir).contains("missing field"));
    let later = serde_json::to_string(&RunResult {
        format: 2,
        ..result()
    })
    .unwrap();
    folder::write_whole(dir.path(), "run.json", &later).unwrap();
    assert!(problem(&dir).contains("format 2 is not known"));
}

/// Two stages of a second each: ten answers of 1 ms, then ten of 9 ms of which one is an error.
fn staged() -> (Shape, Tally) {
    let stage = |index: u64| StageShape {
        from_ns: index * S,
        to_ns: (index + 1) * S,
        asked_from_per_s: 10.0,
        asked_to_per_s: 10.0 + index as f64,
    };
    let staged = Shape {
        stages: vec![stage(0), stage(1)],
        ..(*shape()).clone()
    };
    let mut recorder = Recorder::new(Arc::new(staged.clone()));
    recorder.begin_load(0);
    for i in 0..20 {
        let at = i * 100 * MS;
        let (end, wait) = if i == 19 {
            (Outcome::Error, 9)
        } else {
            (Outcome::Ok, if i < 10 { 1 } else { 9 })
        };
        recorder.planned(0, at);
        recorder.sent(0, at, at, at);
        recorder.completed(0, at, at, at + wait * MS, end, None);
    }
    (staged, recorder.finish())
}

#[test]
fn stages_have_a_row_for_each_stage_and_request() {
    let (shape, tally) = staged();
    let result = result_for(&shape, &tally, &[], None);
    let rows = cells(&format::stages_csv(&result.stages));
    let names: Vec<_> = rows.iter().map(|row| (&*row[0], &*row[5])).collect();
    let requests = ["telemetry", "command-answer", "total"];
    let expected = ["1", "2"].map(|stage| requests.map(|request| (stage, request)));
    assert_eq!(names[1..], expected.concat());
    assert_eq!(rows[1][1..5], ["0", "1", "10", "10"]);
    assert_eq!(rows[6][1..5], ["1", "2", "10", "11"]);
    assert_eq!(rows[6][6..10], ["10", "10", "9", "1"]);
    assert_eq!(rows[6][13..15], ["9.000", "0.1"]);
    let max = |row: usize| rows[row][19].as_str();
    assert_eq!((max(1), max(2), max(4)), ("1000", "", "9000"));
    assert_eq!(rows[1][17], "", "ten requests carry no p99");
}

#[test]
fn the_screen_shows_stages_when_there_are_several() {
    let (shape, tally) = staged();
    let result = result_for(&shape, &tally, &[], None);
    let text = format::screen(&result, None, Colour::Never);
    let rows: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with("stage"))
        .collect();
    let words = |row: usize| rows[row].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(0),
        "stage from to asked/s achieved p50 p99 failure rate"
    );
    assert_eq!(words(1), "1 0.0 s 1.0 s 10 10.0/s 1.00 ms - 0.00 %");
    assert_eq!(words(2), "2 1.0 s 2.0 s 10-11 9.0/s 9.00 ms - 10.00 %");
    assert!(!format::screen(&self::result(), None, Colour::Never).contains("\nstage "));
}

#[test]
fn a_load_without_stages_is_one_stage() {
    let rows = cells(&format::stages_csv(&result().stages));
    assert_eq!(rows.len(), 1 + 3);
    assert_eq!(rows[3][..6], ["1", "0", "2", "500", "500", "total"]);
    let summary = cells(&format::summary_csv(&result()));
    assert_eq!(rows[3][13], summary[3][12], "throughput");
    assert_eq!(rows[3][19], summary[3][21], "longest response time");
}

#[test]
fn a_run_that_was_stopped_has_less_of_its_last_stage() {
    let (shape, tally) = staged();
    let mut inputs = inputs_for(&shape, &tally, Some("SIGINT"));
    inputs.phases.measure_s = 1.5;
    let result = RunResult::build(inputs);
    let throughput: Vec<_> = result
        .stages
        .iter()
        .map(|stage| stage.total.throughput_per_s)
        .collect();
    assert_eq!(throughput, [10.0, 18.0]);
}
