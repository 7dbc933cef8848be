//! One cell of the matrix: the real program through one door of a broker.
//!
//! The cloud side asks endpoints, and each answers: every message goes through the broker, and one that
//! does not arrive, or arrives twice, shows in an account. Not here: which doors there are (`real`).

use crate::kept::Wrong;
use crate::real::{Door, Ground, PASSWORD, Transport, USER};
use crate::support::{Midge, Outcome};

const ENDPOINTS: u64 = 10;

const FLEET: &str = r#"
format = 1
name = "cell"

[fleet]
endpoints = 10
connect_rate = "1_000/s"

[load]
warm_up = "0s"
measure = "500ms"

# Counts are judged here, and no times: those hold on a busy machine too.
[gates]
busy = "100%"
hiccup = "1m"
pacer_lag_p99 = "1m"
pacer_lag_p999 = "1m"
pacer_lag_max = "1m"

[thresholds]
"failure_rate" = "< 1%"
"#;

/// `LEVEL` is the `QoS`.
const LEVEL: &str = r#"
[[request]]
name = "ask-LEVEL"
from = "caller"
rate = "50/s"
topic = "cell/{endpoint}/ask-LEVEL"
payload = '{"id":"{request_id}"}'
qos = LEVEL
request_id = { in = "/id", generate = "uuid" }
reply = { ok = "cell/{endpoint}/answer-LEVEL" }

[[inbound]]
name = "asked-LEVEL"
topic = "cell/{endpoint}/ask-LEVEL"
id = "/id"

[[inbound.answer]]
topic = "cell/{endpoint}/answer-LEVEL"
payload = '{"id":{id}}'
qos = LEVEL
"#;

/// By somebody who may come in, with messages of these levels.
fn through(ground: &Ground, door: &Door, levels: &[u8]) -> Midge {
    let of_level = |level: &u8| LEVEL.replace("LEVEL", &level.to_string());
    let requests: String = levels.iter().map(of_level).collect();
    let highest = levels.last().expect("there is one");
    let mut midge = Midge::run("./cell.toml")
        .file("cell.toml", &format!("{FLEET}{requests}"))
        .target(&door.url)
        .workers(1)
        .set("target.protocol", door.version.name())
        .set("target.username", USER)
        .set("target.password", "env:BROKER_PASSWORD")
        .environment("BROKER_PASSWORD", PASSWORD)
        .set("fleet.subscribe_qos", &highest.to_string());
    if door.transport.is_secured() {
        midge = midge.set("target.ca", &ground.pem("ca"));
    }
    if door.transport == Transport::MutualTls {
        midge = showing(midge, ground, "fleet");
    }
    midge
}

fn showing(midge: Midge, ground: &Ground, who: &str) -> Midge {
    midge
        .set("target.certificate", &ground.pem(who))
        .set("target.key", &ground.pem(&format!("{who}-key")))
}

/// Everything arrives, once, in both directions. How many messages there were, for each level.
#[track_caller]
pub fn gets_through(ground: &Ground, door: &Door, levels: &[u8]) -> Vec<u64> {
    let outcome = through(ground, door, levels).go();
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    // One connection is the caller's.
    assert_eq!(
        count("/connections/connected"),
        ENDPOINTS + 1,
        "{door:?}\n{outcome}"
    );
    for none in ["connections/failed", "connections/lost", "whole_run/late"] {
        assert_eq!(count(&format!("/{none}")), 0, "{none}, {door:?}\n{outcome}");
    }
    for none in ["duplicate", "copies", "orphan"] {
        assert_eq!(
            count(&format!("/whole_run/{none}")),
            0,
            "{none}, {door:?}\n{outcome}"
        );
    }
    let messages = levels.iter().map(|level| {
        let of = |row: &str, name: &str| count(&format!("/requests/{row}/whole_run/{name}"));
        let heard = |name: &str| count(&format!("/inbound/asked-{level}/{name}"));
        let ask = format!("ask-{level}");
        let answer = format!("asked-{level}-answer");
        let asked = of(&ask, "sent");
        assert!(asked > 0, "{door:?}\n{outcome}");
        assert_eq!(heard("received"), asked, "{door:?}\n{outcome}");
        assert_eq!(heard("duplicate"), 0, "{door:?}\n{outcome}");
        assert_eq!(heard("answered"), asked, "{door:?}\n{outcome}");
        assert_eq!(of(&answer, "ok"), asked, "{door:?}\n{outcome}");
        assert_eq!(of(&ask, "ok"), asked, "{door:?}\n{outcome}");
        2 * asked
    });
    let messages = messages.collect();
    assert_eq!(outcome.code, 0, "{door:?}\n{outcome}");
    messages
}

/// Nobody comes in; the exit code and the classes of failure.
#[track_caller]
pub fn is_kept_out(ground: &Ground, door: &Door, wrong: Wrong) -> (i32, Vec<String>) {
    let midge = through(ground, door, &[0]).set("fleet.endpoints", "2");
    let midge = match wrong {
        Wrong::Password => midge.environment("BROKER_PASSWORD", "wrong"),
        Wrong::Authority => midge.set("target.ca", &ground.pem("strange-ca")),
        Wrong::Name => midge.set("target.server_name", "broker.example"),
        Wrong::NoCertificate => without_certificate(ground, door),
        Wrong::ForeignCertificate => showing(midge, ground, "stranger"),
        Wrong::Qos => unreachable!("whoever asks too much comes in first"),
    };
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/connected"), 0, "{outcome}");
    assert_eq!(outcome.count("/whole_run/sent"), 0, "{outcome}");
    (outcome.code, classes(&outcome, "/connections/failed_by"))
}

fn without_certificate(ground: &Ground, door: &Door) -> Midge {
    let plainly = Door {
        transport: Transport::Tls,
        ..door.clone()
    };
    through(ground, &plainly, &[0]).set("fleet.endpoints", "2")
}

/// Whoever sends at this level loses the connection; the exit code and the classes of failure.
#[track_caller]
pub fn is_cut_off(ground: &Ground, door: &Door, level: u8) -> (i32, Vec<String>) {
    let outcome = through(ground, door, &[level]).go();
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/failed"), 0, "{outcome}");
    assert!(outcome.count("/connections/lost") > 0, "{outcome}");
    (outcome.code, classes(&outcome, "/connections/lost_by"))
}

/// Names of the rows of a table of counts.
fn classes(outcome: &Outcome, table: &str) -> Vec<String> {
    let rows = outcome.at(table).as_object().expect("a table");
    let some = rows.iter().filter(|(_, count)| count.as_u64() > Some(0));
    some.map(|(name, _)| name.clone()).collect()
}
