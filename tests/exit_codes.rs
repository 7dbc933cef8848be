//! Every exit code, provoked for real.

mod support;

use support::{FakeBroker, Midge};

/// A run with little to do.
fn small() -> Midge {
    Midge::small().brief().gentle()
}

#[track_caller]
fn is_refused(midge: Midge, saying: &str) {
    let outcome = midge.go().ends_with(104);
    assert!(outcome.stderr.contains(saying), "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
    assert!(outcome.result.is_none(), "{outcome}");
}

#[test]
fn a_run_that_keeps_its_thresholds_passes() {
    let outcome = Midge::run("enapter-telemetry")
        .brief()
        .go_undisturbed()
        .ends_with(0);
    assert!(outcome.is_valid());
    assert_eq!(outcome.at("/exit_code"), 0);
    outcome.keeps_its_accounts();
}

#[test]
fn a_gate_of_the_profile_decides_whether_a_run_is_invalid() {
    // No sleep ends within a microsecond of what was asked for.
    let strict = small().set("gates.hiccup", "1us").go().ends_with(96);
    assert!(strict.reasons().contains(&"hiccup"), "{strict}");
    assert_eq!(strict.at("/verdict/reasons/0/limit"), 0.001, "{strict}");
    assert!(strict.stdout.starts_with("verdict     INVALID"), "{strict}");
    let loose = small().set("gates.hiccup", "1h").go();
    assert!(!loose.reasons().contains(&"hiccup"), "{loose}");
    let warnings = loose.at("/verdict/warnings").as_array().expect("a list");
    let loosened = warnings.iter().find(|one| one["code"] == "gate_loosened");
    assert_eq!(loosened.expect("a warning")["limit"], 50.0, "{loose}");
}

#[test]
fn a_gate_that_does_not_exist_is_refused() {
    is_refused(small().set("gates.hicup", "1s"), "hiccup");
    is_refused(small().set("gates.busy", "much"), "gates.busy");
}

#[test]
fn an_unknown_flag_is_refused() {
    is_refused(small().argument("--speed=9"), "--speed");
}

#[test]
fn an_unknown_command_is_refused() {
    is_refused(Midge::call(["sprint"]), "sprint");
}

#[test]
fn an_impossible_number_of_workers_is_refused() {
    is_refused(small().workers(0), "--workers");
}

#[test]
fn an_unknown_profile_is_refused() {
    is_refused(Midge::run("kaa-flet"), "kaa-fleet");
}

#[test]
fn a_profile_that_is_not_there_is_refused() {
    is_refused(Midge::run("./nowhere.toml"), "nowhere.toml");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    is_refused(small().set("fleet.endpionts", "9"), "endpoints");
}

#[test]
fn a_mistake_in_a_profile_is_shown_with_its_line() {
    let text = "format = 1\nname = \"wrong\"\n\n[load]\nmeasure = \"soon\"\n";
    let midge = Midge::run("./wrong.toml").file("wrong.toml", text);
    let outcome = midge.go().ends_with(104);
    assert!(outcome.stderr.contains("wrong.toml:5"), "{outcome}");
    assert!(outcome.stderr.contains("nothing was sent"), "{outcome}");
}

#[test]
fn a_threshold_of_an_unknown_metric_is_refused() {
    is_refused(small().set("thresholds.speed", "< 50ms"), "speed");
}

#[test]
fn a_threshold_of_an_unknown_request_is_refused() {
    is_refused(small().set("thresholds.nobody.ok", "> 1"), "nobody");
}

#[test]
fn a_far_host_is_refused_unless_it_is_allowed() {
    let midge = small().target("mqtt://203.0.113.7:1883");
    is_refused(midge, "--allow-target 203.0.113.7");
}

#[test]
fn a_target_port_of_zero_is_refused() {
    is_refused(small().target("mqtt://127.0.0.1:0"), "port");
}

#[test]
fn a_target_of_another_protocol_is_refused() {
    is_refused(small().target("http://127.0.0.1:1883"), "http");
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let kept = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(kept.path().join("mine"), "precious").expect("a file");
    is_refused(small().out(kept.path()), "not empty");
    let names: Vec<_> = std::fs::read_dir(kept.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["mine"]);
}

#[test]
fn an_impossible_wish_of_the_tenant_is_refused() {
    is_refused(small().set("tenant.loss", "lots"), "loss");
}

#[test]
fn a_password_that_is_not_there_is_refused() {
    let midge = small()
        .set("target.username", "fleet")
        .set("target.password", "env:MIDGE_TEST_NOT_SET");
    is_refused(midge, "MIDGE_TEST_NOT_SET");
}

#[test]
fn too_many_endpoints_for_the_descriptors_are_an_error_of_the_environment() {
    let outcome = Midge::small().after("ulimit -n 256").go().ends_with(107);
    assert!(outcome.stderr.contains("open files"), "{outcome}");
    assert!(outcome.stderr.contains("fleet.endpoints"), "{outcome}");
}

#[test]
fn results_that_cannot_be_kept_are_an_error_of_the_environment_but_are_shown() {
    let mut running = small().spawn();
    running.await_load();
    let folder = running.folder().to_owned();
    std::fs::remove_dir(&folder).expect("an empty folder");
    std::fs::write(&folder, "in the way").expect("a file in its place");
    let outcome = running.finish().ends_with(107);
    assert!(outcome.stdout.contains("dcx-json"), "{outcome}");
    assert!(outcome.stderr.contains("could not be kept"), "{outcome}");
}

#[test]
fn a_threshold_that_is_not_kept_fails() {
    let outcome = small()
        .set("thresholds.response_time.max", "< 1ns")
        .go_undisturbed()
        .ends_with(99);
    assert!(outcome.is_valid());
    assert_eq!(outcome.at("/exit_code"), 99);
}

#[test]
fn a_tenant_that_never_answers_fails_the_thresholds_of_a_valid_run() {
    let outcome = small()
        .set("tenant.loss", "100%")
        .set("request.*.deadline", "500ms")
        .go_undisturbed()
        .ends_with(99);
    assert!(outcome.is_valid());
    assert_eq!(outcome.count("/total/ok"), 0);
    assert_eq!(
        outcome.count("/total/timeout"),
        outcome.count("/total/planned")
    );
    outcome.keeps_its_accounts();
}

#[test]
fn a_target_that_refuses_fails_the_thresholds_of_a_valid_run() {
    let outcome = small()
        .target(&FakeBroker::closed_port())
        .go_undisturbed()
        .ends_with(99);
    assert!(outcome.is_valid());
    assert_eq!(outcome.count("/connections/failed_by/refused"), 50);
}

#[cfg(not(feature = "witness"))]
#[test]
fn a_build_without_the_witness_says_how_to_get_it() {
    let midge = small().argument("--witness");
    is_refused(midge, "cargo build --release --features witness");
}
