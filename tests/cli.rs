//! The command line as its users meet it: words, files, streams, secrets.

#[path = "cli/check.rs"]
mod check;
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use support::{FakeBroker, Midge, Outcome, Peer, Tenant};

const PROFILES: [&str; 4] = [
    "kaa-fleet",
    "enapter-telemetry",
    "enapter-commands",
    "mqtt-publish",
];

/// Several hundred requests, some of which are not answered or get an error.
fn eventful() -> Midge {
    Midge::small()
        .brief()
        .set("request.*.deadline", "500ms")
        .set("tenant.loss", "1%")
        .set("tenant.error_rate", "2%")
}

#[test]
fn every_command_explains_itself() {
    let expected = [
        (
            vec!["--help"],
            vec![
                "run",
                "check",
                "tenant",
                "report",
                "compare",
                "selftest",
                "calibrate",
                "profiles",
                "kaa-fleet",
            ],
        ),
        (
            vec!["run", "--help"],
            vec![
                "--target",
                "--set",
                "--out",
                "--seed",
                "--workers",
                "--json",
                "--allow-target",
                "--kernel-timestamps",
                "--calibration",
            ],
        ),
        (vec!["check", "--help"], vec!["PROFILE", "--set"]),
        (
            vec!["tenant", "--help"],
            vec![
                "--listen",
                "--delivery",
                "--service-time",
                "--servers",
                "--stall",
                "--error-rate",
                "--loss",
                "--duplicate",
                "--disconnect-rate",
                "--commands",
                "--config-push",
                "--relaxed-paths",
                "--read-only-keys",
                "--applications",
                "--tokens",
                "--seed",
                "--arrivals",
            ],
        ),
        (vec!["report", "--help"], vec!["RUN_DIR"]),
        (
            vec!["compare", "--help"],
            vec!["RUN_DIR", "--json", "--strict", "--max-change"],
        ),
        (vec!["selftest", "--help"], vec!["--only", "--out", "--set"]),
        (
            vec!["calibrate", "--help"],
            vec!["--quick", "--out", "--workers"],
        ),
        (vec!["profiles", "--help"], vec!["show", "keys"]),
    ];
    for (arguments, words) in expected {
        let outcome = Midge::call(&arguments).go().ends_with(0);
        assert_eq!(outcome.stderr, "", "{arguments:?}");
        for word in words {
            assert!(
                outcome.stdout.contains(word),
                "{arguments:?} {word}\n{outcome}"
            );
        }
    }
}

#[test]
fn it_knows_its_version() {
    let outcome = Midge::call(["--version"]).go().ends_with(0);
    let expected = format!("midge {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn a_check_of_each_shipped_profile_shows_its_frames_and_connects_to_nobody() {
    for profile in PROFILES {
        let broker = FakeBroker::start(Peer::swallow);
        let outcome = Midge::call(["check", profile, "--target", &broker.url])
            .go()
            .ends_with(0);
        assert_eq!(broker.accepted(), 0, "{profile}");
        assert_eq!(outcome.stderr, "", "{profile}");
        for word in [profile, "topic", "payload", "nothing was sent", &broker.url] {
            assert!(outcome.stdout.contains(word), "{word}\n{outcome}");
        }
        let nothing = std::fs::read_dir(outcome.home()).expect("a folder").count();
        assert_eq!(nothing, 0, "{profile}: it leaves nothing behind");
    }
}

#[test]
fn the_shipped_profiles_are_listed_and_shown_and_may_be_used_as_files() {
    let list = Midge::call(["profiles"]).go().ends_with(0);
    for profile in PROFILES {
        assert!(list.stdout.contains(profile), "{list}");
        let shown = Midge::call(["profiles", "show", profile]).go().ends_with(0);
        let name = format!("name = \"{profile}\"");
        assert!(shown.stdout.contains(&name), "{shown}");
        Midge::call(["check", "./mine.toml"])
            .file("mine.toml", &shown.stdout)
            .go()
            .ends_with(0);
    }
    let unknown = Midge::call(["profiles", "show", "kaa-flet"])
        .go()
        .ends_with(104);
    assert!(
        unknown.stderr.contains("did you mean \"kaa-fleet\"?"),
        "{unknown}"
    );
    let strange = Midge::call(["profiles", "show", "xyz"]).go().ends_with(104);
    assert!(strange.stderr.contains("midge profiles"), "{strange}");
}

#[test]
fn every_key_has_a_unit_and_a_meaning() {
    let outcome = Midge::call(["profiles", "keys"]).go().ends_with(0);
    for key in [
        "fleet.endpoints",
        "load.arrival_rate",
        "request.*.deadline",
        "limits.packet_size",
    ] {
        let line = outcome.stdout.lines().find(|line| line.starts_with(key));
        let line = line.unwrap_or_else(|| panic!("{key}\n{outcome}"));
        assert!(line.split_whitespace().count() > 3, "{line}");
    }
}

/// The screen without the line that names the folder.
fn screen(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.starts_with("results"))
        .collect()
}

#[test]
fn a_report_is_the_screen_of_its_run() {
    let run = eventful().go();
    let folder = run.folder.as_os_str();
    let report = Midge::call(["report".as_ref(), folder]).go().ends_with(0);
    assert_eq!(screen(&report.stdout), screen(&run.stdout));
    assert!(
        run.stdout.contains(&run.folder.display().to_string()),
        "{run}"
    );
}

#[test]
fn a_report_of_nothing_is_refused() {
    let outcome = Midge::call(["report", "./nowhere"]).go();
    assert!([104, 107].contains(&outcome.code), "{outcome}");
    assert!(outcome.stderr.contains("nowhere"), "{outcome}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn json_on_stdout_is_the_result_file() {
    let outcome = eventful().argument("--json").go();
    let printed: Value = serde_json::from_str(&outcome.stdout).expect("JSON and nothing else");
    assert_eq!(&printed, outcome.result());
    assert_eq!(printed["exit_code"], outcome.code);
}

fn header(outcome: &Outcome, file: &str) -> String {
    outcome
        .file(file)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_run_leaves_its_files_with_the_promised_headers() {
    let outcome = eventful().go();
    let entries = std::fs::read_dir(&outcome.folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort_unstable();
    let promised = [
        "errors.csv",
        "histogram.csv",
        "histograms.hlog",
        "intervals.csv",
        "percentiles.csv",
        "profile.toml",
        "run.json",
        "stages.csv",
        "status.csv",
        "summary.csv",
    ];
    for name in promised {
        assert!(
            names.iter().any(|other| other == name),
            "{name} of {names:?}"
        );
    }
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");

    let waits: String = [
        "response_time",
        "service_time",
        "schedule_lag",
        "acknowledge_time",
        "first_reply_time",
        "client_share",
    ]
    .iter()
    .flat_map(|metric| {
        [
            "min", "mean", "p50", "p90", "p95", "p99", "p999", "p9999", "max",
        ]
        .map(|statistic| format!(",{metric}_{statistic}_us"))
    })
    .collect();
    assert_eq!(
        header(&outcome, "summary.csv"),
        format!(
            "request,planned,dropped,sent,ok,error,timeout,failed,in_flight,late,duplicate,orphan,\
             throughput_per_s{waits}"
        )
    );
    assert_eq!(
        header(&outcome, "intervals.csv"),
        "second,phase,request,planned,sent,ok,error,timeout,failed,dropped,in_flight,\
         response_time_p50_us,response_time_p99_us,response_time_max_us,schedule_lag_p99_us,connected,\
         pacer_lag_max_us,back_pressure_lag_max_us,busy_max,hiccup_max_us,throttled_periods,rss_bytes,\
         descriptors,ports_left"
    );
    for (file, expected) in [
        (
            "percentiles.csv",
            "request,metric,quantile,value_us,count,note",
        ),
        ("histogram.csv", "request,metric,from_us,to_us,count"),
        ("status.csv", "request,status,count"),
        ("errors.csv", "request,status,reason,count,first_at_s"),
    ] {
        assert_eq!(header(&outcome, file), expected, "{file}");
        assert!(outcome.file(file).lines().count() > 1, "{file} has rows");
    }
    assert!(outcome.file("histograms.hlog").contains("Tag=dcx-json,"));
}

/// The rows of a CSV file, cells by column.
fn table(outcome: &Outcome, file: &str) -> Vec<BTreeMap<String, String>> {
    let text = outcome.file(file);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .map(|row| row.expect("as many cells as columns"))
        .collect()
}

#[test]
fn each_second_says_how_the_machine_fared_and_the_result_says_the_worst() {
    let longer = [("load.warm_up", "1s"), ("load.measure", "3s")];
    let brief = longer
        .iter()
        .fold(Midge::small().brief(), |midge, (key, value)| {
            midge.set(key, value)
        });
    let outcome = brief.go();
    let rows = table(&outcome, "intervals.csv");
    let measured: Vec<_> = rows
        .iter()
        .filter(|row| row["phase"] == "measure")
        .collect();
    // Three requests in each of three seconds.
    assert_eq!(measured.len(), 9, "{outcome}");
    let number = |row: &BTreeMap<String, String>, column: &str| -> f64 {
        let cell = &row[column];
        cell.parse()
            .unwrap_or_else(|_| panic!("{column}: {cell:?}\n{outcome}"))
    };
    let worst = |column: &str| {
        let cells = rows.iter().filter(|row| !row[column].is_empty());
        cells.map(|row| number(row, column)).fold(0.0, f64::max)
    };
    for row in &measured {
        assert!(number(row, "rss_bytes") > 1e6 && number(row, "hiccup_max_us") >= 0.0);
        assert!((0.0..=1.0).contains(&number(row, "busy_max")), "{outcome}");
        let ports = number(row, "ports_left") + number(row, "connected");
        assert_eq!(
            Some(ports),
            outcome.at("/health/ports").as_f64(),
            "{outcome}"
        );
    }
    // Not the last second: who looks a moment after its end finds them closed.
    for row in &measured[..6] {
        let (open, connected) = (number(row, "descriptors"), number(row, "connected"));
        assert!(
            open > connected && (connected - 50.0).abs() < 0.5,
            "{outcome}"
        );
    }
    for (key, column) in [
        ("rss_max_bytes", "rss_bytes"),
        ("descriptors_max", "descriptors"),
    ] {
        let figure = outcome.at(&format!("/health/{key}")).as_f64();
        assert_eq!(figure, Some(worst(column)), "{key}\n{outcome}");
    }
    let hiccup = outcome.at("/health/hiccup_max_us").as_f64();
    assert!(
        hiccup.expect("a number") >= worst("hiccup_max_us"),
        "{outcome}"
    );
    let busy = outcome.at("/health/busy").as_array().expect("a list");
    assert_eq!(busy.len(), 1, "one worker\n{outcome}");
    assert_eq!(busy[0], *outcome.at("/generator/busy_max"), "{outcome}");
    // Both parts of the schedule lag, by their means.
    let mean = |place: &str| outcome.at(place).as_f64().expect("a number");
    let parts = mean("/health/pacer_lag_us/mean") + mean("/health/back_pressure_lag_us/mean");
    let lag = mean("/total/schedule_lag_us/mean");
    assert!(
        (parts - lag).abs() < 0.01 * lag + 0.01,
        "{parts} of {lag}\n{outcome}"
    );
    assert_eq!(outcome.at("/statistics/seconds"), 3, "{outcome}");
    assert!(
        outcome.at("/statistics/not_checked").is_string(),
        "{outcome}"
    );
}

#[test]
fn the_summary_has_the_figures_of_the_result() {
    let outcome = eventful().go();
    let rows = table(&outcome, "summary.csv");
    let mut names = outcome.requests();
    names.push("total".to_owned());
    assert_eq!(
        rows.iter()
            .map(|row| row["request"].as_str())
            .collect::<Vec<_>>(),
        names
    );
    let counts = [
        "planned",
        "dropped",
        "sent",
        "ok",
        "error",
        "timeout",
        "failed",
        "in_flight",
        "late",
        "duplicate",
        "orphan",
    ];
    for row in rows {
        let name = &row["request"];
        let place = if name == "total" {
            "/total".to_owned()
        } else {
            format!("/requests/{name}")
        };
        for count in counts {
            let figure = outcome.count(&format!("{place}/{count}"));
            assert_eq!(row[count], figure.to_string(), "{name} {count}");
        }
        for (column, cell) in row.iter().filter(|(column, _)| column.ends_with("_us")) {
            let (metric, statistic) = column
                .trim_end_matches("_us")
                .rsplit_once('_')
                .expect("metric and statistic");
            let figure = outcome.at(&format!("{place}/{metric}_us/{statistic}"));
            assert_eq!(cell.parse().ok(), figure.as_f64(), "{name} {column}");
        }
    }
}

#[test]
fn the_seconds_add_up_to_the_whole_run() {
    let outcome = eventful().go();
    let rows = table(&outcome, "intervals.csv");
    for request in outcome.requests() {
        for count in [
            "planned", "sent", "ok", "error", "timeout", "failed", "dropped",
        ] {
            let sum: u64 = rows
                .iter()
                .filter(|row| row["request"] == request)
                .map(|row| row[count].parse::<u64>().expect("a count"))
                .sum();
            let whole = outcome.count(&format!("/requests/{request}/whole_run/{count}"));
            assert_eq!(sum, whole, "{request} {count}");
        }
    }
}

#[test]
fn the_profile_as_run_plans_the_same_again() {
    let first = eventful().go();
    let again = Midge::run("./as-run.toml").file("as-run.toml", &first.file("profile.toml"));
    let second = again.go();
    for request in first.requests() {
        let pointer = format!("/requests/{request}/whole_run/planned");
        assert_eq!(first.count(&pointer), second.count(&pointer), "{pointer}");
    }
    assert_eq!(first.at("/tenant/received"), second.at("/tenant/received"));
}

#[test]
fn without_arguments_it_runs_in_an_empty_folder_and_passes() {
    let mut outcome = Midge::call::<&str>([]).go();
    if outcome.is_disturbed() {
        outcome = outcome.again().go();
    }
    // A machine that is busy for so long may say so. Nothing else may keep it from passing.
    let expected = if outcome.is_disturbed() { 96 } else { 0 };
    assert_eq!(outcome.code, expected, "{outcome}");
    let thresholds = outcome.at("/thresholds").as_array().expect("a list");
    assert!(
        thresholds
            .iter()
            .all(|threshold| threshold["passed"] == true),
        "{outcome}"
    );
    assert!(outcome.folder.starts_with(outcome.home().join("results")));
    assert_eq!(outcome.at("/profile/name"), "kaa-fleet");
    assert_eq!(outcome.at("/simulated_tenant"), true);
    assert_eq!(outcome.count("/connections/connected"), 1000);
    assert!(outcome.stdout.contains("simulated tenant"), "{outcome}");
    outcome.keeps_its_accounts();
}

#[test]
fn a_low_soft_limit_of_descriptors_does_not_matter() {
    let outcome = Midge::small()
        .brief()
        .set("fleet.endpoints", "400")
        .after("ulimit -Sn 256")
        .go();
    assert_eq!(outcome.count("/connections/connected"), 400, "{outcome}");
    outcome.keeps_its_accounts();
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((
                path.display().to_string(),
                std::fs::read(&path).expect("a file"),
            ));
        }
    }
    found
}

/// Fails if the secret stands anywhere in what a call has left or said.
#[track_caller]
fn keeps_the_secret(outcome: &Outcome, secret: &str) {
    let mut places = contents(outcome.home());
    assert!(!places.is_empty(), "{outcome}");
    places.push(("stdout".to_owned(), outcome.stdout.clone().into_bytes()));
    places.push(("stderr".to_owned(), outcome.stderr.clone().into_bytes()));
    for (place, bytes) in places {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "the secret stands in {place}");
    }
}

const CANARY: &str = "canary-5up3r-s3cret";

/// A run whose password is in the environment.
fn with_password(tenant: &Tenant) -> Midge {
    Midge::small()
        .brief()
        .target(&tenant.url)
        .set("target.username", "fleet")
        .set("target.password", "env:MIDGE_TEST_CANARY")
        .environment("MIDGE_TEST_CANARY", CANARY)
}

#[test]
fn a_password_is_used_and_stands_nowhere() {
    let tenant = Tenant::start(["--user=fleet", &format!("--password={CANARY}")]);
    let outcome = with_password(&tenant).go();
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
    keeps_the_secret(&outcome, CANARY);
}

#[test]
fn a_password_that_is_refused_stands_nowhere() {
    let tenant = Tenant::start(["--user=fleet", "--password=something-else"]);
    let outcome = with_password(&tenant).go_undisturbed().ends_with(99);
    let failed_by = outcome.at("/connections/failed_by");
    assert_eq!(failed_by["bad_credentials"], 50, "{failed_by}");
    keeps_the_secret(&outcome, CANARY);
}

#[test]
fn a_password_from_a_file_is_used_and_stands_nowhere() {
    let tenant = Tenant::start(["--user=fleet", &format!("--password={CANARY}")]);
    let apart = tempfile::tempdir().expect("a temporary folder");
    let file = apart.path().join("password");
    std::fs::write(&file, format!("{CANARY}\n")).expect("a file");
    let outcome = Midge::small()
        .brief()
        .target(&tenant.url)
        .set("target.username", "fleet")
        .set("target.password", &format!("file:{}", file.display()))
        .go();
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
    keeps_the_secret(&outcome, CANARY);
}

#[test]
fn a_password_in_clear_text_is_refused_and_not_repeated() {
    let outcome = Midge::small()
        .set("target.username", "fleet")
        .set("target.password", CANARY)
        .go()
        .ends_with(104);
    assert!(outcome.stderr.contains("env:"), "{outcome}");
    assert!(!outcome.stderr.contains(CANARY), "{outcome}");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let url = format!("mqtt://fleet:{CANARY}@127.0.0.1:1883");
    let outcome = Midge::small().target(&url).go().ends_with(104);
    assert!(!outcome.stderr.contains(CANARY), "{outcome}");
}

#[test]
fn data_goes_to_stdout_and_words_to_stderr() {
    let outcome = eventful().go();
    assert!(outcome.stdout.contains("verdict"), "{outcome}");
    assert!(!outcome.stdout.contains("connected; load for"), "{outcome}");
    assert!(outcome.stderr.contains("connected; load for"), "{outcome}");
    assert!(!outcome.stdout.contains('\x1b') && !outcome.stderr.contains('\x1b'));
}

#[test]
fn a_tenant_says_where_it_listens_and_counts_what_it_got() {
    let tenant = Tenant::start(["--service-time=1ms"]);
    assert!(tenant.url.starts_with("mqtt://127.0.0.1:"));
    let counts = tenant.stop();
    for key in [
        "format",
        "received",
        "replied_ok",
        "replied_error",
        "lost",
        "duplicated",
        "rejected",
        "pushed",
        "results",
        "connections",
        "disconnected",
    ] {
        assert!(!counts[key].is_null(), "{key}: {counts}");
    }
}

#[test]
fn an_address_that_is_taken_is_an_error_of_the_environment() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let outcome = Midge::call(["tenant", "--listen", &address])
        .go()
        .ends_with(107);
    assert!(outcome.stderr.contains(&address), "{outcome}");
}
