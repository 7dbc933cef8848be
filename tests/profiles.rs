//! Profiles as users meet them: the shipped ones load, overrides reach every key, and each typical
//! mistake is answered with the line, the rule and what to write instead.
//!
//! Not here: the single rules, which are tested beside the readers.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use midge::profile::{
    Colour, IdKind, IdPlace, Loaded, Model, Pace, ProfileError, Request, Secret, Sender, Subscribe,
    load, platforms, shipped,
};
use midge::units::Rate;

#[path = "profiles/bounds.rs"]
mod bounds;
#[path = "profiles/mistakes.rs"]
mod mistakes;
#[path = "profiles/mutations.rs"]
mod mutations;
#[path = "profiles/overrides.rs"]
mod overrides;
#[path = "profiles/syntax.rs"]
mod syntax;

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
    // The weights are percents, and most of them are telemetry.
    let weight = |request: &Request| match request.pace {
        Pace::Weight(weight) => weight as u32,
        other => panic!("{}: {other:?}", request.name),
    };
    assert_eq!(profile.requests.iter().map(weight).sum::<u32>(), 100);
    let of = |service: &str| {
        let scope = format!("kaa-{service}");
        let of = profile.requests.iter();
        of.filter(|request| request.request_id.scope == scope)
            .map(weight)
            .sum::<u32>()
    };
    let services = ["dcx", "epmx", "cex", "cmx", "cmx-ota", "bcx"];
    assert_eq!(services.map(of), [75, 9, 3, 3, 3, 1]);
    for request in &profile.requests {
        let Some(reply) = &request.reply else {
            assert_eq!(request.name, "dcx-json-unreliable");
            continue;
        };
        assert_eq!(request.request_id.kind, IdKind::Range(10_000, 99_999));
        assert_eq!(reply.ok_topic.as_deref(), Some("{topic}/status"));
        assert_eq!(reply.error_topic.as_deref(), Some("{topic}/error"));
        assert_eq!(reply.status.as_deref(), Some("/statusCode"));
    }
    let pushed: Vec<&str> = profile.inbound.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(pushed, ["command", "config", "ota-config"]);
    assert_eq!(profile.tenant["error-rate"], "1%");
    assert_eq!(
        profile.thresholds[0],
        ("error_rate".to_owned(), "< 3%".to_owned())
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
    let names: Vec<&str> = shipped().iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    assert_eq!(
        rendered(&load_shipped("kaa-flet", &[]).unwrap_err()),
        format!(
            "\
error: there is no shipped profile \"kaa-flet\", did you mean \"kaa-fleet\"?
 |
 = help: shipped are: {names}; a file of your own needs a path: ./FILE.toml"
        )
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
fn source_addresses_are_one_a_list_or_ranges_and_a_mistake_is_shown() {
    let with = |bind: &str| small("[fleet]", &format!("[target]\nbind = {bind}\n\n[fleet]"));
    let bound = |text: &str, sets: &[&str]| -> Vec<String> {
        let bind = good(load_text(text, sets)).profile.target.bind;
        bind.iter().map(|address| address.to_string()).collect()
    };
    assert!(bound(SMALL, &[]).is_empty());
    assert_eq!(bound(&with("\"127.0.0.2\""), &[]), ["127.0.0.2"]);
    let list = with("[\"127.0.0.8-127.0.0.9\", \"::1\"]");
    assert_eq!(bound(&list, &[]), ["127.0.0.8", "127.0.0.9", "::1"]);
    assert_eq!(
        bound(&list, &["target.bind=127.0.0.5-127.0.0.6"]),
        ["127.0.0.5", "127.0.0.6"]
    );
    assert_eq!(
        complaint(&with("[\"127.0.0.2\", \"localhost\"]"), &[]),
        "\
error: profile.toml:5:8: target.bind is wrong: \"localhost\" is no IP address
  |
5 | bind = [\"127.0.0.2\", \"localhost\"]
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write \"127.0.0.2\" or \"127.0.0.2-127.0.0.9\""
    );
    assert!(complaint(&with("[]"), &[]).contains("target.bind is an empty list"));
    assert!(complaint(&with("127"), &[]).contains("target.bind must be text"));
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
