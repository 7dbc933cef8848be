//! Profiles as users meet them: the shipped ones load, overrides reach every key, and each typical
//! mistake is answered with the line, the rule and what to write instead.
//!
//! Not here: the single rules, which are tested beside the readers.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use midge::profile::{
    Colour, Connections, Generator, IdKind, IdPlace, Loaded, Model, Pace, Payload, ProfileError,
    Secret, Sender, Subscribe, load, platforms, shipped,
};
use midge::units::Rate;
use proptest::prelude::*;

/// Smallest profile of one request, to which mistakes are added.
const SMALL: &str = "\
format = 1
name = \"small\"

[fleet]
endpoints = 10

[load]
arrival_rate = \"100/s\"

[[request]]
name = \"data\"
topic = \"devices/{endpoint}/data\"
payload = \"{}\"
";

fn files(list: &[(&str, &str)], path: &Path) -> io::Result<String> {
    let found = list.iter().find(|(name, _)| Path::new(name) == path);
    found
        .map(|(_, text)| (*text).to_owned())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn load_text(text: &str, sets: &[&str]) -> Result<Loaded, Vec<ProfileError>> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    load("profile.toml", &sets, &|path| {
        files(&[("profile.toml", text)], path)
    })
}

fn load_shipped(name: &str, sets: &[&str]) -> Result<Loaded, Vec<ProfileError>> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    load(name, &sets, &|path| files(&[], path))
}

#[track_caller]
fn good(result: Result<Loaded, Vec<ProfileError>>) -> Loaded {
    result.unwrap_or_else(|errors| panic!("{}", rendered(&errors)))
}

fn rendered(errors: &[ProfileError]) -> String {
    let texts: Vec<String> = errors
        .iter()
        .map(|error| error.render(Colour::Never))
        .collect();
    texts.join("\n\n")
}

/// The rendered errors of a profile that must not load.
#[track_caller]
fn complaint(text: &str, sets: &[&str]) -> String {
    match load_text(text, sets) {
        Ok(_) => panic!("this loads"),
        Err(errors) => rendered(&errors),
    }
}

/// `SMALL` with one piece of text replaced.
fn small(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from:?} is not in the small profile");
    SMALL.replacen(from, to, 1)
}

#[test]
fn every_shipped_profile_loads_and_opens_with_its_question() {
    for (name, text) in shipped() {
        let loaded = good(load_shipped(name, &[]));
        assert_eq!(loaded.profile.name, *name);
        assert!(!loaded.profile.description.is_empty(), "{name}");
        assert!(text.starts_with("# Question: "), "{name}");
        assert!(text.contains("\n# Example:  "), "{name}");
    }
}

#[test]
fn every_file_in_the_folder_is_shipped() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("profiles");
    for (folder, list) in [
        (root.clone(), shipped()),
        (root.join("platform"), platforms()),
    ] {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
            }
        }
        let mut known: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
        names.sort();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}

#[test]
fn every_definition_of_every_platform_can_be_used_alone() {
    for (platform, text) in platforms() {
        let root: toml::Table = text.parse().unwrap();
        for list in ["request", "inbound"] {
            for definition in root[list].as_array().unwrap() {
                let name = definition["name"].as_str().unwrap();
                let profile = format!(
                    "platforms = [{platform:?}]\n[load]\narrival_rate = \"1/s\"\n\
                     [[{list}]]\nuse = \"{platform}/{name}\"\n"
                );
                good(load_text(&profile, &[]));
            }
        }
    }
}

#[test]
fn the_default_run_is_what_its_description_says() {
    let profile = good(load_shipped("kaa-fleet", &[])).profile;
    assert_eq!(profile.fleet.endpoints, 1_000);
    assert_eq!(profile.fleet.connect_rate, Rate(2_000.0));
    assert_eq!(profile.fleet.subscribe, Subscribe::None);
    assert_eq!(profile.fleet.vars["token"], "ep-{endpoint}");
    assert_eq!(profile.load.model, Model::Open(Rate(1_200.0)));
    assert_eq!(profile.load.measure, Duration::from_secs(8));
    assert_eq!(profile.load.warm_up, Duration::from_secs(2));
    assert_eq!(profile.tenant["service-time"], "exp:2ms");
    let shares: Vec<(&str, Pace)> = profile
        .requests
        .iter()
        .map(|request| (request.name.as_str(), request.pace))
        .collect();
    let expected = [
        ("dcx-json", Pace::Weight(8.0)),
        ("metadata-update", Pace::Weight(1.0)),
        ("metadata-get", Pace::Weight(1.0)),
    ];
    assert_eq!(shares, expected);
    let scopes: Vec<&str> = profile
        .requests
        .iter()
        .map(|request| request.request_id.scope.as_str())
        .collect();
    assert_eq!(scopes, ["kaa-dcx", "kaa-epmx", "kaa-epmx"]);
    for request in &profile.requests {
        assert_eq!(request.request_id.kind, IdKind::Range(10_000, 99_999));
        let reply = request.reply.as_ref().unwrap();
        assert_eq!(reply.ok_topic.as_deref(), Some("{topic}/status"));
        assert_eq!(reply.error_topic.as_deref(), Some("{topic}/error"));
        assert_eq!(reply.status.as_deref(), Some("/statusCode"));
    }
    assert_eq!(
        profile.thresholds[0],
        ("failure_rate".to_owned(), "< 1%".to_owned())
    );
}

#[test]
fn commands_go_from_a_caller_to_a_device_and_back() {
    let profile = good(load_shipped("enapter-commands", &[])).profile;
    assert_eq!(profile.load.model, Model::OpenOwnRates);
    let command = &profile.requests[0];
    assert_eq!(
        (command.name.as_str(), command.from),
        ("set-power", Sender::Caller)
    );
    assert_eq!(command.request_id.place, IdPlace::Payload("/id".to_owned()));
    assert_eq!(command.request_id.kind, IdKind::Uuid);
    let outcome = command.reply.as_ref().unwrap().outcome.as_ref().unwrap();
    assert_eq!(outcome.intermediate, ["log"]);
    let inbound = &profile.inbound[0];
    assert_eq!(inbound.answers.len(), 2);
    assert!(
        inbound.answers[1]
            .payload
            .contains("\"state\":\"completed\"")
    );
}

#[test]
fn what_is_stored_as_run_reads_back_to_the_same_profile() {
    for (name, _) in shipped() {
        let sets = [
            "fleet.vars.odd='a \"b\" \\ c'",
            "fleet.endpoints=7",
            "load.drain=1.5s",
        ];
        let loaded = good(load_shipped(name, &sets));
        assert!(
            !loaded.source_text.contains("platforms"),
            "{}",
            loaded.source_text
        );
        assert!(loaded.source_text.starts_with("# Question: "));
        let again = good(load_text(&loaded.source_text, &[]));
        assert_eq!(again.profile, loaded.profile, "{name}");
        assert_eq!(again.sha256, loaded.sha256, "{name}");
        assert_eq!(loaded.sha256.len(), 64);
    }
}

#[test]
fn overrides_reach_fleet_load_and_requests() {
    let sets = [
        "fleet.endpoints=5000",
        "load.measure=30s",
        "load.arrival_rate=5_000/s",
        "request.dcx-json.qos=1",
        "request.*.deadline=2s",
        "request.metadata-get.request_id.range=[1, 99]",
        "request.dcx-json.generate.humidity={ uniform = [1, 2] }",
        "fleet.vars.token=t{endpoint}",
        "fleet.connections.endpoints_per_connection=50",
        "thresholds.response_time.p99=< 50ms",
        "tenant.error-rate=1%",
        "name=other",
    ];
    let profile = good(load_shipped("kaa-fleet", &sets)).profile;
    assert_eq!(profile.name, "other");
    assert_eq!(profile.fleet.endpoints, 5_000);
    assert_eq!(profile.fleet.connections, Connections::Shared(50));
    assert_eq!(profile.fleet.vars["token"], "t{endpoint}");
    assert_eq!(profile.load.measure, Duration::from_secs(30));
    assert_eq!(profile.load.model, Model::Open(Rate(5_000.0)));
    assert_eq!(profile.requests[0].qos, 1);
    assert_eq!(profile.requests[1].qos, 0);
    let humidity = &profile.requests[0].generators["humidity"];
    assert_eq!(
        *humidity,
        Generator::Uniform {
            low: 1.0,
            high: 2.0,
            decimals: 0
        }
    );
    assert_eq!(profile.requests[2].request_id.kind, IdKind::Range(1, 99));
    assert!(
        profile
            .requests
            .iter()
            .all(|request| request.deadline == Duration::from_secs(2))
    );
    assert_eq!(profile.tenant["error-rate"], "1%");
    assert_eq!(profile.tenant["service-time"], "exp:2ms");
    let p99 = profile
        .thresholds
        .iter()
        .find(|(metric, _)| metric == "response_time.p99");
    assert_eq!(p99.unwrap().1, "< 50ms");
    let max = good(load_shipped("kaa-fleet", &["load.arrival_rate=max"])).profile;
    assert_eq!(max.load.model, Model::Max);
    let closed = good(load_shipped(
        "kaa-fleet",
        &["load.model=closed", "load.think_time=1ms"],
    ));
    let model = Model::Closed {
        think_time: Duration::from_millis(1),
        cap: Some(Rate(1_200.0)),
    };
    assert_eq!(closed.profile.load.model, model);
}

#[test]
fn an_override_of_the_pace_or_the_payload_replaces_the_other_form() {
    let profile = good(load_shipped("kaa-fleet", &["request.dcx-json.rate=5/s"])).profile;
    assert_eq!(profile.requests[0].pace, Pace::Rate(Rate(5.0)));
    let profile = good(load_shipped("kaa-fleet", &["request.dcx-json.bytes=1KiB"])).profile;
    assert_eq!(profile.requests[0].payload, Payload::Bytes(1_024));
    let sets = [
        "request.dcx-json.sample={\"a\":1}",
        "request.dcx-json.batch=10",
    ];
    // Braces begin a TOML table, so this one needs its quotes.
    assert!(load_shipped("kaa-fleet", &sets).is_err());
    let sets = [
        "request.dcx-json.sample='{\"a\":1}'",
        "request.dcx-json.batch=10",
    ];
    let profile = good(load_shipped("kaa-fleet", &sets)).profile;
    assert!(matches!(
        profile.requests[0].payload,
        Payload::Batch { batch: 10, .. }
    ));
}

#[test]
fn an_override_without_a_target_names_the_nearest() {
    let error = |set: &str| rendered(&load_shipped("kaa-fleet", &[set]).unwrap_err());
    assert_eq!(
        error("fleet.endpionts=5"),
        "error: --set fleet.endpionts=5: unknown key \"endpionts\" of fleet, did you mean \"endpoints\"?"
    );
    assert_eq!(
        error("request.dcx-jsn.qos=1"),
        "error: --set request.dcx-jsn.qos=1: there is no request \"dcx-jsn\", did you mean \"dcx-json\"?
  |
  = help: known are: dcx-json, metadata-update, metadata-get"
    );
    assert_eq!(
        error("request.*.deadlin=1s"),
        "error: --set request.*.deadlin=1s: unknown key \"deadlin\" of a [[request]], did you mean \"deadline\"?"
    );
    assert_eq!(
        error("endpoints=5"),
        "error: --set endpoints=5: unknown key \"endpoints\" at the top of a profile
  |
  = help: \"endpoints\" is known as fleet.endpoints"
    );
    assert_eq!(
        error("fleet.keep_alive=60"),
        "error: --set fleet.keep_alive=60: fleet.keep_alive is wrong: the duration \"60\" has no unit
  |
  = help: write \"60s\""
    );
    assert_eq!(
        error("fleet"),
        "error: --set takes KEY=VALUE\n  |\n  = help: write --set fleet.endpoints=5000"
    );
}

#[test]
fn an_own_platform_lies_beside_the_profile() {
    let acme = "\
name = \"acme\"
[vars]
site = \"north\"
device = \"d{endpoint}\"
[[request]]
name = \"report\"
topic = \"acme/{site}/{device}/report/{request_id}\"
payload = \"{}\"
reply = { ok = \"{topic}/ok\", status = \"/code\" }
";
    let profile = "\
platforms = [\"./acme.toml\"]
[fleet]
vars = { site = \"south\" }
[load]
arrival_rate = \"1/s\"
[[request]]
use = \"acme/report\"
name = \"fast\"
deadline = \"1s\"
reply = { status = \"/statusCode\" }
[[request]]
use = \"acme/report\"
reply = {}
";
    let list = [("my/profile.toml", profile), ("my/./acme.toml", acme)];
    let loaded = good(load("my/profile.toml", &[], &|path| files(&list, path)));
    let profile = loaded.profile;
    assert_eq!(profile.fleet.vars["site"], "south");
    assert_eq!(profile.fleet.vars["device"], "d{endpoint}");
    let [fast, report] = &profile.requests[..] else {
        panic!("two requests")
    };
    assert_eq!(
        (fast.name.as_str(), report.name.as_str()),
        ("fast", "report")
    );
    let reply = fast.reply.as_ref().unwrap();
    assert_eq!(reply.ok_topic.as_deref(), Some("{topic}/ok"));
    assert_eq!(reply.status.as_deref(), Some("/statusCode"));
    assert_eq!(report.reply, None);
    assert_eq!(fast.request_id.place, IdPlace::Topic);
    assert_eq!(fast.request_id.scope, "fast");
}

#[test]
fn a_mistake_in_a_platform_file_points_into_that_file() {
    let acme = "[[request]]\nname = \"report\"\ntopic = \"a/+\"\n";
    let text =
        "platforms = [\"./acme.toml\"]\n[[request]]\nuse = \"acme/report\"\nrate = \"1/s\"\n";
    let list = [("profile.toml", text), ("./acme.toml", acme)];
    let errors = load("profile.toml", &[], &|path| files(&list, path)).unwrap_err();
    assert_eq!(
        rendered(&errors),
        "\
error: ./acme.toml:3:9: request.report.topic holds the wildcard '+', but a message has one topic
  |
3 | topic = \"a/+\"
  |         ^^^^^
  |
  = help: write a field in braces, such as {endpoint}"
    );
}

#[test]
fn a_profile_that_is_not_there_is_named_with_its_neighbour() {
    assert_eq!(
        rendered(&load_shipped("kaa-flet", &[]).unwrap_err()),
        "\
error: there is no shipped profile \"kaa-flet\", did you mean \"kaa-fleet\"?
  |
  = help: shipped are: kaa-fleet, enapter-telemetry, enapter-commands, mqtt-publish; a file of your own needs a path: ./FILE.toml"
    );
    let errors = load("./gone.toml", &[], &|path| files(&[], path)).unwrap_err();
    assert_eq!(
        rendered(&errors),
        "error: cannot read ./gone.toml: entity not found"
    );
}

#[test]
fn a_password_is_only_taken_by_reference_and_never_repeated() {
    let with = |line: &str| small("[fleet]", &format!("[target]\n{line}\n\n[fleet]"));
    let loaded = good(load_text(
        &with("username = \"me\"\npassword = \"env:SECRET\""),
        &[],
    ));
    assert_eq!(
        loaded.profile.target.password,
        Some(Secret::Environment("SECRET".to_owned()))
    );
    assert_eq!(
        complaint(&with("username = \"me\"\npassword = \"hunter2\""), &[]),
        "\
error: profile.toml:6:12: target.password must not be written into a profile
  |
6 | password = *********
  |            ^^^^^^^^^ only by reference
  |
  = help: write \"env:NAME\" or \"file:PATH\""
    );
    let spellings = [
        "password = \"hunter2",
        "passwrd = \"hunter2\"",
        "\"password\" = \"hunter2\"",
        "password = [\"hunter2\"]",
        "url = \"mqtt://me:hunter2@host\"",
        "url = 5 # ignored\npassword = '''\nhunter2'''",
        "password = \"env:\"\nextra = { password = \"hunter2\", x = 1 }",
    ];
    for line in spellings {
        let text = complaint(&with(line), &[]);
        assert!(!text.contains("hunter2"), "{text}");
    }
    for set in [
        "target.password=hunter2",
        "target.pasword=hunter2",
        "hunter2",
        "password=hunter2",
    ] {
        let text = complaint(SMALL, &[set]);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = small("endpoints = 10", "endpoints = 0\nconect_rate = \"1/s\"");
    let text = text.replace("name = \"data\"", "name = \"Data\"\nqos = 3");
    let errors = load_text(&text, &["load.sed=1"]).unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "--set load.sed=1: unknown key \"sed\" of load, did you mean \"seed\"?",
            "profile.toml:5:13: fleet.endpoints is out of range: 0",
            "profile.toml:6:1: unknown key \"conect_rate\" of fleet, did you mean \"connect_rate\"?",
            "profile.toml:12:8: request.Data.name cannot be \"Data\"",
            "profile.toml:13:7: request.Data.qos is out of range: 3",
        ]
    );
}

/// A short text cut from a shipped profile and put elsewhere, or bytes of chance.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = (
        0..shipped().len(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        "\\PC{0,6}",
    );
    pieces.prop_map(|(which, from, to, at, noise)| {
        let text = shipped()[which].1;
        let place = |index: prop::sample::Index| text.floor_char_boundary(index.index(text.len()));
        let (from, to, at) = (place(from), place(to), place(at));
        let piece = &text[from.min(to)..to.max(from).min(from.min(to) + 40)];
        format!(
            "{}{noise}{piece}{}",
            &text[..at],
            &text[text.floor_char_boundary(at + noise.len())..]
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(feature = "thorough") { 20_000 } else { 150 }))]

    #[test]
    fn a_mutated_profile_is_read_or_refused(text in mutated()) {
        if let Err(errors) = load_text(&text, &[]) {
            prop_assert!(!errors.is_empty());
            for error in &errors {
                prop_assert!(error.render(Colour::Never).starts_with("error: "));
                error.render(Colour::Always);
            }
        }
    }

    #[test]
    fn arbitrary_text_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), set in "[a-z.*=_]{0,12}=\\PC{0,12}") {
        let text = String::from_utf8_lossy(&bytes);
        for result in [load_text(&text, &[]), load_text(SMALL, &[&set])] {
            if let Err(errors) = result {
                prop_assert!(rendered(&errors).starts_with("error: "));
            }
        }
    }
}
#[test]
fn print_mistakes() {
    let cases = [
        small("endpoints", "endpionts"),
        small("[load]", "[laod]"),
        small("\"100/s\"", "100"),
        small(
            "arrival_rate = \"100/s\"",
            "arrival_rate = \"100/s\"\nmeasure = 30",
        ),
        small("arrival_rate = \"100/s\"\n", ""),
        small("payload = \"{}\"", "payload = \"{}\"\nbytes = \"256B\""),
        small("payload = \"{}\"", "generate.t = { uniform = [5, 1] }"),
        small(
            "payload = \"{}\"",
            "payload = '{\"id\":{request_id}}'\nreply = { ok = \"{topic}/ok\" }",
        ),
        small("payload = \"{}\"", "use = \"kaa/dcx-jsn\"")
            .replace("format = 1", "platforms = [\"kaa\"]"),
        small("payload = \"{}\"", "use = \"kaa/dcx-json\""),
        small("[fleet]", "[target]\nurl = \"127.0.0.1:1883\"\n[fleet]"),
        small(
            "[fleet]",
            "[target]\nurl = \"mqtts://h\"\nca = \"ca.pem\"\nprotocol = \"5\"\n[fleet]",
        ),
        small(
            "endpoints = 10",
            "endpoints = \"many\"\nsubscribe = \"devices/#\"",
        ),
        small("[load]", "[load]\nmodel = \"close\""),
        small(
            "[load]",
            "[thresholds]\nfailure_rate = 0.01\nresponse_time.p99 = \"< 50 parsecs\"\n[load]",
        ),
        small("endpoints = 10", "endpoints = "),
        small("endpoints = 10", "endpoints = 10\nendpoints = 11"),
        small(
            "payload = \"{}\"",
            "deadline = \"2h\"\nevery = \"10s\"\njitter = \"6s\"\nreply = { ok = \"x\", status = \"code\" }",
        ),
        small("[[request]]", "[request]"),
        small("format = 1", "format = 2\nplatforms = [\"kaaa\"]"),
        small(
            "arrival_rate = \"100/s\"",
            "arrival_rate = \"1000000/s\"\nmeasure = \"480h\"",
        ),
        format!("{SMALL}[[request]]\nname = \"data\"\ntopic = \"x\"\n"),
        small(
            "[load]",
            "[tenant]\nservice_tme = \"1ms\"\nservice-time = \"gauss:1ms\"\n[load]",
        ),
    ];
    for case in cases {
        println!("{}\n----", complaint(&case, &[]));
    }
}
