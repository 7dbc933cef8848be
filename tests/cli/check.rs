//! What `midge check` teaches, and what a run says before it begins.
//!
//! Not here: the rules of the simulated tenant.

use super::support::{Midge, Outcome};

/// A profile of three endpoints with these lines for its requests.
fn profile(platform: &str, lines: &str) -> String {
    format!(
        "format = 1\nname = \"mine\"\nplatforms = [\"{platform}\"]\n[fleet]\nendpoints = 3\n\
         subscribe = \"auto\"\n[load]\narrival_rate = \"10/s\"\nwarm_up = \"100ms\"\nmeasure = \"200ms\"\n{lines}"
    )
}

fn check(text: &str) -> Midge {
    Midge::call(["check", "./mine.toml"]).file("mine.toml", text)
}

/// The line that begins with this label, below this heading.
#[track_caller]
fn line<'a>(outcome: &'a Outcome, heading: &str, label: &str) -> &'a str {
    let lines = outcome.stdout.lines();
    let mut below = lines.skip_while(|line| !line.starts_with(heading)).skip(1);
    let found = below.find_map(|line| line.trim_start().strip_prefix(label));
    found
        .unwrap_or_else(|| panic!("{heading} {label}\n{outcome}"))
        .trim()
}

fn warnings(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines();
    lines
        .filter_map(|line| line.strip_prefix("warning: "))
        .collect()
}

#[test]
fn the_simulated_tenant_takes_what_the_shipped_profiles_send() {
    for (profile, _) in midge::profile::shipped() {
        let outcome = Midge::call(["check", profile]).go().ends_with(0);
        assert!(warnings(&outcome).is_empty(), "{outcome}");
        assert!(outcome.stdout.contains("  rules    "), "{outcome}");
        assert!(!outcome.stdout.contains("  rules    refused"), "{outcome}");
    }
}

#[test]
fn a_payload_that_the_simulated_tenant_would_refuse_is_a_warning() {
    let text = profile(
        "kaa",
        "[[request]]\nuse = \"kaa/dcx-json\"\npayload = '{\"state\":{state}}'\n\
         generate.state = { choice = [\"1\", \"2\", \"open\"] }\n",
    );
    let outcome = check(&text).go().ends_with(0);
    assert_eq!(
        line(&outcome, "request dcx-json", "rules"),
        "refused as invalid-json: 400 Payload is not valid JSON"
    );
    let [warning] = warnings(&outcome)[..] else {
        panic!("one warning\n{outcome}");
    };
    assert!(
        warning.starts_with(
            "request dcx-json: the simulated tenant would refuse this: 400 Payload is not valid JSON"
        ),
        "{warning}"
    );
    // It is found in whichever of the messages has it.
    assert!(
        warning.contains("{\"state\":open}")
            || outcome.stdout.contains("payload  {\"state\":open}")
    );
    assert!(warning.contains("quotes"), "{warning}");
    let run = Midge::run("./mine.toml").file("mine.toml", &text).go();
    assert!(!run.stderr.contains("refuse") && !run.stdout.contains("refuse"));
}

#[test]
fn a_refusal_says_which_setting_of_the_tenant_would_change_it() {
    let text = profile("kaa", "[[request]]\nuse = \"kaa/dcx-plain\"\n");
    let outcome = check(&text).go().ends_with(0);
    assert!(
        warnings(&outcome)[0].contains("404 Unknown resource path"),
        "{outcome}"
    );
    assert!(
        warnings(&outcome)[0].contains("tenant.relaxed_paths"),
        "{outcome}"
    );
    let outcome = check(&text)
        .set("tenant.relaxed_paths", "on")
        .go()
        .ends_with(0);
    assert!(warnings(&outcome).is_empty(), "{outcome}");
}

#[test]
fn what_only_the_moment_decides_is_not_warned_of() {
    let text = profile(
        "kaa",
        "[[request]]\nuse = \"kaa/config-applied\"\n[[request]]\nuse = \"kaa/command-result\"\n",
    );
    let outcome = check(&text).go().ends_with(0);
    assert!(warnings(&outcome).is_empty(), "{outcome}");
    assert_eq!(
        line(&outcome, "request command-result", "done"),
        "ok without an error within 5 s"
    );
}

#[test]
fn replies_are_shown_on_their_topics() {
    let outcome = Midge::call(["check", "kaa-fleet", "--set", "request.*.deadline=1500ms"])
        .go()
        .ends_with(0);
    let topic = line(&outcome, "request dcx-json", "topic").to_owned();
    assert_eq!(
        line(&outcome, "request dcx-json", "ok"),
        format!("{topic}/status")
    );
    assert_eq!(
        line(&outcome, "request dcx-json", "error"),
        format!("{topic}/error")
    );
    assert_eq!(
        line(&outcome, "request dcx-json", "done"),
        "with its reply; timeout after 1.5 s"
    );
    let outcome = Midge::call(["check", "enapter-commands"]).go().ends_with(0);
    assert!(line(&outcome, "request set-power", "reply").ends_with("/v1/command/responses"));
    assert_eq!(
        line(&outcome, "request set-power", "outcome"),
        "ok: completed; error: error; goes on: log"
    );
    let outcome = Midge::call(["check", "mqtt-publish"]).go().ends_with(0);
    assert_eq!(
        line(&outcome, "request publish", "rules"),
        "none known for this topic"
    );
    assert_eq!(
        line(&outcome, "request publish", "done"),
        "when it is written"
    );
}

#[test]
fn pushes_are_shown_with_filter_and_answers_with_an_id_of_the_right_kind() {
    let text = profile(
        "kaa",
        "[[request]]\nuse = \"kaa/dcx-json\"\n[[inbound]]\nuse = \"kaa/command\"\n[[inbound]]\nuse = \"kaa/config\"\n",
    );
    let outcome = check(&text).go().ends_with(0);
    let topic = line(&outcome, "inbound command", "topic");
    assert!(
        topic.ends_with("/cex/ep-0/command/{command_type}/status"),
        "{topic}"
    );
    let filter = line(&outcome, "inbound command", "filter");
    assert!(filter.ends_with("/cex/ep-0/command/+/status"), "{filter}");
    assert_eq!(
        line(&outcome, "inbound command", "answers"),
        "command-answer"
    );
    let answer = "answer command-answer";
    assert!(line(&outcome, answer, "topic").ends_with("/result/{command_type}"));
    // A command's ID is a number there, a configuration's is a text.
    assert_eq!(
        line(&outcome, answer, "payload"),
        r#"[{"id":1,"statusCode":200}]"#
    );
    assert_eq!(
        line(&outcome, "answer config-answer", "payload"),
        r#"{"configId":"1","statusCode":200}"#
    );
    assert_eq!(line(&outcome, answer, "after"), "exp:20ms");
    let silent = check(&text).set("fleet.subscribe", "none").go();
    assert!(line(&silent, "inbound command", "filter").starts_with("none"));
}

#[test]
fn mistakes_in_a_list_of_identities_name_its_line() {
    let text = profile("kaa", "[[request]]\nuse = \"kaa/dcx-json\"\n");
    let with = |list: &str| {
        check(&text)
            .file("fleet.csv", list)
            .set("fleet.identities", "fleet.csv")
            .go()
    };
    let good = with("token\r\nred\r\nblue\r\ngreen\r\n").ends_with(0);
    assert!(line(&good, "request dcx-json", "topic").contains("/dcx/red/json/"));
    for (list, saying) in [
        ("token\nred\nblue\n", "line 4: 2 rows for 3 endpoints"),
        (
            "token\nred\nblue\nred\n",
            "line 4: `token` is the same as in line 2",
        ),
        (
            "tokens\nred\nblue\ngreen\n",
            "line 1: no template uses the column `tokens`",
        ),
        ("tokens\nred\nblue\ngreen\n", "did you mean `token`?"),
        ("token\nred\nb/e\ngreen\n", "line 3: column `token` has `/`"),
        (
            "token\nred\n\"blue\ngreen\n",
            "line 3: a quote is never closed",
        ),
    ] {
        let outcome = with(list).ends_with(104);
        assert!(outcome.stderr.contains("fleet.csv"), "{outcome}");
        assert!(outcome.stderr.contains(saying), "{saying}\n{outcome}");
        assert!(outcome.stderr.contains("nothing was sent"), "{outcome}");
    }
}

/// The line in which a run says what it is about to do.
#[track_caller]
fn plan(outcome: &Outcome) -> &str {
    let mut lines = outcome.stderr.lines();
    let found = lines.find(|line| line.starts_with("plan  "));
    found.unwrap_or_else(|| panic!("no plan\n{outcome}"))
}

#[test]
fn a_run_says_how_much_it_will_send_before_it_connects() {
    let outcome = Midge::small()
        .brief()
        .set("fleet.connect_rate", "100/s")
        .set("load.arrival_rate", "1_000/s")
        .set("load.drain", "1s")
        .go();
    assert_eq!(
        plan(&outcome),
        "plan  50 endpoints, 50 connections in about 0.5 s, then about 1,200 requests in 1.2 s \
         (0.2 s warm-up, 1 s measured), 101.0 kB; drain at most 1 s: 1.7 to 2.7 s in all"
    );
    let first = outcome.stderr.lines().next().unwrap_or_default();
    assert!(first.contains("mqtt://127.0.0.1:"), "{outcome}");
    let planned = outcome.count("/whole_run/planned");
    assert!((1_000..1_400).contains(&planned), "{planned}");
    let bytes = outcome.count("/generator/bytes_sent");
    assert!((85_000..120_000).contains(&bytes), "{bytes}");
}

#[test]
fn a_run_without_a_schedule_says_what_is_known() {
    let brief = || Midge::small().brief().set("load.measure", "300ms");
    let outcome = brief()
        .set("load.model", "closed")
        .set("load.arrival_rate", "100/s");
    let outcome = outcome.go();
    assert!(
        plan(&outcome).contains("then as many requests as the replies allow in 0.5 s (0.2 s warm-up, 0.3 s measured), at most 50; drain"),
        "{outcome}"
    );
    let outcome = brief()
        .set("load.arrival_rate", "max")
        .set("limits.messages_per_s", "1_000")
        .go();
    assert!(
        plan(&outcome).contains("as many requests as the sockets take in 0.5 s (0.2 s warm-up, 0.3 s measured), at most 500 (limits.messages_per_s);"),
        "{outcome}"
    );
}
