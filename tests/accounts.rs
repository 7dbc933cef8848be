//! Two accounts of the same run, the fleet's and the tenant's, agree to the message.
//!
//! Whether a busy machine may be believed is no question here: counts do not depend on it. Deadlines
//! are long enough that only a lost reply meets one.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{CONNACK, FakeBroker, LEDGER, Midge, Outcome, Peer, Tenant};

/// Several hundred requests of three kinds.
fn kaa() -> Midge {
    Midge::small()
        .brief()
        .set("load.in_flight_max", "200")
        .set("load.drain", "10s")
}

/// Against a tenant that loses, repeats and refuses.
fn kaa_with_faults() -> Midge {
    kaa()
        .set("request.*.deadline", "2s")
        .set("tenant.loss", "1%")
        .set("tenant.duplicate", "1%")
        .set("tenant.error_rate", "2%")
}

fn whole_run(outcome: &Outcome, request: &str, count: &str) -> u64 {
    outcome.count(&format!("/requests/{request}/whole_run/{count}"))
}

/// Counts of one name, by request.
fn by_request(outcome: &Outcome, count: &str) -> BTreeMap<String, u64> {
    let requests = outcome.requests();
    requests
        .into_iter()
        .map(|request| {
            let counted = whole_run(outcome, &request, count);
            (request, counted)
        })
        .collect()
}

/// Every count of every request against the tenant's.
#[track_caller]
fn agree(outcome: &Outcome, tenant: &Value) {
    outcome.keeps_its_accounts();
    for request in outcome.requests() {
        for (ours, theirs) in [
            ("sent", "received"),
            ("ok", "replied_ok"),
            ("error", "replied_error"),
            ("timeout", "lost"),
            ("duplicate", "duplicated"),
        ] {
            let counted = tenant[theirs][&request].as_u64().unwrap_or(0);
            assert_eq!(
                whole_run(outcome, &request, ours),
                counted,
                "{request}: {ours} here, {theirs} there\n{tenant}\n{outcome}"
            );
        }
    }
    for none in ["orphan", "late", "unattributed_errors"] {
        assert_eq!(outcome.count(&format!("/whole_run/{none}")), 0, "{none}");
    }
}

/// Runs it, and compares with the tenant that it has started.
#[track_caller]
fn agrees(midge: Midge) -> Outcome {
    let outcome = midge.go();
    let tenant = outcome.at("/tenant").clone();
    assert_eq!(tenant["format"], 1, "{outcome}");
    agree(&outcome, &tenant);
    assert!(outcome.count("/whole_run/ok") > 0, "{outcome}");
    outcome
}

#[track_caller]
fn answers_everything(outcome: &Outcome) {
    assert_eq!(
        outcome.count("/whole_run/ok"),
        outcome.count("/whole_run/planned"),
        "{outcome}"
    );
}

#[test]
fn losses_repetitions_and_errors_agree_to_the_message() {
    let outcome = agrees(kaa_with_faults());
    for count in ["timeout", "duplicate", "error"] {
        let counted = outcome.count(&format!("/whole_run/{count}"));
        assert!(counted > 0, "{count}\n{outcome}");
    }
}

#[test]
fn they_agree_with_two_workers_and_a_tenant_that_takes_its_time() {
    agrees(
        kaa_with_faults()
            .workers(2)
            .set("tenant.service_time", "exp:2ms"),
    );
}

#[test]
fn they_agree_with_a_tenant_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("arrivals");
    let arrivals = format!("--arrivals={}", file.display());
    let tenant = Tenant::start(["--loss=1%", "--duplicate=1%", "--error-rate=2%", &arrivals]);
    let midge = kaa().set("request.*.deadline", "2s").target(&tenant.url);
    let outcome = midge.go();
    let counts = tenant.stop();
    agree(&outcome, &counts);
    assert_eq!(outcome.at("/simulated_tenant"), false);
    // One instant of eight bytes for each message, in order.
    let bytes = std::fs::read(file).expect("a file of instants");
    assert_eq!(bytes.len() as u64, 8 * outcome.count("/whole_run/sent"));
    let instants: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight bytes")))
        .collect();
    assert!(instants.is_sorted());
}

#[test]
fn they_agree_when_replies_go_through_subscriptions() {
    let outcome = agrees(
        kaa()
            .set("tenant.delivery", "broker")
            .set("fleet.subscribe", "auto"),
    );
    answers_everything(&outcome);
}

#[test]
fn they_agree_at_qos_0_1_and_2() {
    for qos in ["0", "1", "2"] {
        let midge = kaa().set("request.*.qos", qos);
        let outcome = agrees(midge);
        answers_everything(&outcome);
        let acknowledged = outcome.count("/total/acknowledge_time_us/count");
        let expected = if qos == "0" {
            0
        } else {
            outcome.count("/total/sent")
        };
        assert_eq!(acknowledged, expected, "QoS {qos}\n{outcome}");
    }
}

#[test]
fn they_agree_when_replies_have_qos_2_too() {
    let outcome = agrees(
        kaa()
            .set("request.*.qos", "2")
            .set("fleet.subscribe", "auto")
            .set("fleet.subscribe_qos", "2")
            .set("tenant.delivery", "broker"),
    );
    answers_everything(&outcome);
}

#[test]
fn they_agree_in_the_closed_model() {
    let outcome = agrees(
        kaa_with_faults()
            .set("fleet.endpoints", "20")
            .set("load.model", "closed")
            .set("load.think_time", "5ms"),
    );
    assert!(outcome.count("/total/planned") > 0);
}

#[test]
fn they_agree_as_fast_as_the_sockets_take() {
    let outcome = agrees(
        kaa()
            .set("fleet.endpoints", "20")
            .set("load.arrival_rate", "max")
            .set("request.*.deadline", "20s")
            .set("load.drain", "20s"),
    );
    answers_everything(&outcome);
}

#[test]
fn they_agree_with_a_rate_and_a_period_for_each_request() {
    let profile = r#"
format = 1
name = "own-rates"
platforms = ["kaa"]

[fleet]
endpoints = 50
subscribe = "none"

[load]
warm_up = "200ms"
measure = "1s"
drain = "10s"

[[request]]
use = "kaa/dcx-json"
rate = "300/s"

[[request]]
use = "kaa/metadata-get"
every = "500ms"
"#;
    let midge = Midge::run("./own-rates.toml").file("own-rates.toml", profile);
    let outcome = agrees(midge);
    answers_everything(&outcome);
    // Each endpoint twice a second, whatever its phase.
    assert_eq!(outcome.count("/requests/metadata-get/planned"), 100);
}

#[test]
fn two_connections_of_each_endpoint_answer_everything() {
    let outcome = agrees(
        kaa()
            .set("fleet.connections.per_endpoint", "2")
            .set("fleet.subscribe", "auto")
            .set("tenant.delivery", "broker"),
    );
    answers_everything(&outcome);
    assert_eq!(outcome.count("/connections/connected"), 100);
    assert_eq!(outcome.count("/tenant/connections"), 100);
}

#[test]
fn ten_endpoints_of_each_connection_answer_everything() {
    for delivery in ["kpc", "broker"] {
        let subscribe = if delivery == "kpc" { "none" } else { "auto" };
        let outcome = agrees(
            kaa()
                .set("fleet.connections.endpoints_per_connection", "10")
                .set("fleet.subscribe", subscribe)
                .set("tenant.delivery", delivery),
        );
        answers_everything(&outcome);
        assert_eq!(outcome.count("/connections/connected"), 5);
    }
}

#[test]
fn the_same_seed_plans_the_same_on_one_worker_and_on_three() {
    let one = agrees(kaa());
    let three = agrees(kaa().workers(3));
    assert_eq!(three.count("/generator/workers"), 3);
    for request in one.requests() {
        for place in ["", "/whole_run"] {
            let pointer = format!("/requests/{request}{place}/planned");
            assert_eq!(one.count(&pointer), three.count(&pointer), "{pointer}");
        }
    }
    assert_eq!(by_request(&one, "planned"), by_request(&three, "planned"));
    assert_eq!(one.at("/tenant/received"), three.at("/tenant/received"));
}

#[test]
fn another_seed_plans_something_else() {
    let outcomes = ["1", "2"].map(|seed| agrees(kaa().argument("--seed").argument(seed)));
    let [one, other] = outcomes.map(|outcome| by_request(&outcome, "planned"));
    assert_ne!(one, other);
}

#[test]
fn connections_that_the_tenant_cuts_are_counted_and_come_back() {
    let outcome = kaa()
        .set("tenant.disconnect_rate", "20/s")
        .set("load.measure", "2s")
        .go();
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert!(count("/connections/lost") > 0, "{outcome}");
    assert!(count("/connections/reconnects") > 0, "{outcome}");
    assert!(count("/whole_run/dropped_by/not_connected") > 0);
    // One may be cut while the run says goodbye.
    assert!(count("/connections/lost") <= count("/tenant/disconnected"));
    let opened = count("/connections/connected") + count("/connections/reconnects");
    assert_eq!(count("/tenant/connections"), opened, "{outcome}");
    for request in outcome.requests() {
        let replied = count(&format!("/tenant/replied_ok/{request}"));
        // What was under way when the connection was cut is failed here and replied there.
        assert!(whole_run(&outcome, &request, "ok") <= replied);
        let received = count(&format!("/tenant/received/{request}"));
        assert!(received <= whole_run(&outcome, &request, "sent"));
    }
}

#[test]
fn commands_reach_the_devices_and_their_answers_the_cloud() {
    let outcome = Midge::run("enapter-commands")
        .brief()
        .set("load.drain", "10s")
        .go();
    outcome.keeps_its_accounts();
    let planned = whole_run(&outcome, "set-power", "planned");
    assert!(planned > 0);
    assert_eq!(whole_run(&outcome, "set-power", "ok"), planned, "{outcome}");
    let count = |pointer: &str| outcome.count(pointer);
    // The tenant has seen each command, each report and each of both answers.
    assert_eq!(count("/tenant/received/command"), planned);
    assert_eq!(
        count("/tenant/received/telemetry"),
        whole_run(&outcome, "telemetry", "sent")
    );
    assert_eq!(count("/tenant/received/command-answer"), 2 * planned);
    assert_eq!(count("/tenant/results/completed"), planned);
    // Progress comes before the end, always.
    assert_eq!(count("/tenant/results/log"), planned, "{outcome}");
    assert_eq!(outcome.at("/tenant/rejected"), &serde_json::json!({}));
    // The devices have received each of them once and answered it.
    assert_eq!(count("/inbound/command/received"), planned);
    assert_eq!(count("/inbound/command/answered"), planned);
    assert_eq!(count("/inbound/command/duplicate"), 0);
    for answer in ["command-answer-1", "command-answer-2"] {
        assert_eq!(whole_run(&outcome, answer, "ok"), planned, "{answer}");
        assert_eq!(
            outcome.at(&format!("/requests/{answer}/reactive")),
            true,
            "{answer}"
        );
    }
}

/// Of the command's distributions.
fn first_reply(outcome: &Outcome) -> Value {
    outcome
        .at("/requests/set-power/first_reply_time_us")
        .clone()
}

#[test]
fn a_command_that_times_out_may_have_had_its_first_reply() {
    // The device takes 20 ms on average for the final answer, and 1 ms for the log before it.
    let outcome = Midge::run("enapter-commands")
        .brief()
        .set("request.set-power.deadline", "8ms")
        .go();
    outcome.keeps_its_accounts();
    let heard = first_reply(&outcome);
    assert!(
        outcome.count("/requests/set-power/timeout") > 0,
        "{outcome}"
    );
    assert!(heard["count"].as_u64() > Some(outcome.count("/requests/set-power/ok")));
    let planned = outcome.count("/requests/set-power/planned");
    assert_eq!(heard["planned"], planned, "{outcome}");
}

#[test]
fn a_command_that_nobody_answers_has_waited_its_deadline_for_the_first_reply() {
    let outcome = Midge::run("enapter-commands")
        .brief()
        .set("inbound.command.answer", "[]")
        .set("request.set-power.deadline", "300ms")
        .go();
    outcome.keeps_its_accounts();
    let heard = first_reply(&outcome);
    assert_eq!(heard["count"], 0, "{outcome}");
    assert!(heard["planned"].as_u64() >= Some(5), "{outcome}");
    assert_eq!(heard["at_least"][0], "p50", "{outcome}");
    assert!(heard["p50"].as_f64() >= Some(300_000.0), "{outcome}");
}

#[test]
fn commands_that_kaa_pushes_are_answered_once() {
    let profile = r#"
format = 1
name = "commanded"
platforms = ["kaa"]

[fleet]
endpoints = 50
subscribe = "none"

[load]
arrival_rate = "500/s"
warm_up = "200ms"
measure = "1s"
drain = "10s"

[[request]]
use = "kaa/dcx-json"

[[inbound]]
use = "kaa/command"

[tenant]
commands = "100/s"
"#;
    let midge = Midge::run("./commanded.toml").file("commanded.toml", profile);
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    let received = outcome.count("/inbound/command/received");
    assert!(received > 0, "{outcome}");
    // Those whose answer was still to come at the end: nobody waits for answers to what is pushed
    // after the load, and the tenant pushes one every 10 ms.
    let due = received - outcome.count("/inbound/command/duplicate");
    let answered = outcome.count("/inbound/command/answered");
    assert!((due - 20..=due).contains(&answered), "{outcome}");
    // One may be pushed while the run says goodbye.
    assert!(received <= outcome.count("/tenant/pushed/command"));
}

#[test]
fn commands_that_kaa_repeats_are_told_from_new_ones_of_any_type_and_instance() {
    let profile = r#"
format = 1
name = "repeated"
platforms = ["kaa"]

[fleet]
endpoints = 20
subscribe = "none"

[fleet.vars]
dcx_instance = "data"
cex_instance = "orders"

[load]
arrival_rate = "200/s"
warm_up = "200ms"
measure = "1s"
drain = "10s"

[[request]]
use = "kaa/dcx-json"

[[inbound]]
use = "kaa/command"

[tenant]
instances = "dcx=data,cex=orders"
commands = "200/s"
command_types = "set_power,reboot"
commands_per_push = 2
command_redelivery = "50%"
"#;
    let midge = Midge::run("./repeated.toml").file("repeated.toml", profile);
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    answers_everything(&outcome);
    let count = |pointer: &str| outcome.count(pointer);
    let duplicates = count("/inbound/command/duplicate");
    assert!(duplicates > 0, "{outcome}");
    // Some may be pushed while the run says goodbye.
    assert!(duplicates <= count("/tenant/pushed/command-repeated"));
    let answered = count("/inbound/command/answered");
    assert!(answered <= count("/tenant/pushed/command"));
    // Nothing was answered twice, and nothing under the id of another type.
    assert_eq!(count("/tenant/received/command-answer"), answered);
    assert_eq!(count("/tenant/results/completed"), answered, "{outcome}");
    for wrong in ["second-final", "unknown-command", "unknown-extension"] {
        assert!(
            outcome.at("/tenant/rejected").get(wrong).is_none(),
            "{outcome}"
        );
    }
}

#[test]
fn every_endpoint_that_comes_is_sent_its_configuration_once_and_applies_it() {
    let profile = r#"
format = 1
name = "greeted"
platforms = ["kaa"]

[fleet]
endpoints = 20
subscribe = "none"

[load]
arrival_rate = "500/s"
warm_up = "500ms"
measure = "1s"
drain = "10s"

[[request]]
use = "kaa/dcx-json"

[[inbound]]
use = "kaa/config"

[tenant]
config_on_connect = "on"
"#;
    let midge = Midge::run("./greeted.toml").file("greeted.toml", profile);
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    answers_everything(&outcome);
    let count = |pointer: &str| outcome.count(pointer);
    assert_eq!(count("/tenant/pushed/config"), 20, "{outcome}");
    assert_eq!(count("/inbound/config/received"), 20);
    assert_eq!(count("/inbound/config/answered"), 20);
    assert_eq!(count("/tenant/results/applied"), 20);
    assert_eq!(outcome.at("/tenant/rejected"), &serde_json::json!({}));
}

#[test]
fn the_measure_phase_is_a_part_of_the_whole_run() {
    let outcome = agrees(kaa_with_faults());
    for request in outcome.requests() {
        for count in LEDGER {
            let measured = outcome.count(&format!("/requests/{request}/{count}"));
            let whole = whole_run(&outcome, &request, count);
            assert!(
                measured <= whole,
                "{request} {count}: {measured} of {whole}"
            );
        }
    }
}

#[test]
fn replies_that_come_too_late_are_timeouts_and_counted_as_late() {
    let outcome = kaa()
        .set("tenant.service_time", "300ms")
        .set("request.*.deadline", "100ms")
        .set("load.in_flight_max", "1000")
        .go();
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert!(count("/whole_run/late") > 0, "{outcome}");
    assert_eq!(count("/whole_run/ok"), 0);
    assert_eq!(count("/whole_run/timeout"), count("/whole_run/sent"));
    assert_eq!(count("/whole_run/duplicate"), 0);
    for request in outcome.requests() {
        // Nobody waits for the last ones: the run is over when nothing is in flight.
        let replied = count(&format!("/tenant/replied_ok/{request}"));
        assert!(whole_run(&outcome, &request, "late") <= replied);
    }
}

#[test]
fn what_a_bound_holds_back_is_dropped_by_its_name_and_never_received() {
    let slow = || kaa().set("tenant.service_time", "300ms");
    let bounded = [
        ("in_flight", slow().set("load.in_flight_max", "1")),
        ("in_flight", slow().set("limits.in_flight", "10")),
        (
            "request_id",
            slow().set("request.dcx-json.request_id.range", "[10, 11]"),
        ),
        (
            "cap",
            kaa()
                .set("limits.messages_per_s", "100/s")
                .set("request.*.deadline", "500ms"),
        ),
    ];
    for (reason, midge) in bounded {
        let outcome = midge.go();
        outcome.keeps_its_accounts();
        let dropped = outcome.count(&format!("/whole_run/dropped_by/{reason}"));
        assert!(dropped > 0, "{reason}\n{outcome}");
        assert_eq!(outcome.count("/whole_run/dropped"), dropped, "{reason}");
        for request in outcome.requests() {
            assert_eq!(
                outcome.count(&format!("/tenant/received/{request}")),
                whole_run(&outcome, &request, "sent"),
                "{reason} {request}\n{outcome}"
            );
        }
    }
}

/// Pushed to without end: commands and configuration, answered after a while.
fn pushed_to() -> Midge {
    let profile = r#"
format = 1
name = "pushed-to"
platforms = ["kaa"]

[fleet]
endpoints = 50
subscribe = "none"

[load]
arrival_rate = "500/s"
warm_up = "200ms"
measure = "1s"
drain = "10s"

[[request]]
use = "kaa/dcx-json"

[[inbound]]
use = "kaa/command"

[[inbound]]
use = "kaa/config"

[tenant]
commands = "2000/s"
config_push = "2000/s"
"#;
    Midge::run("./pushed-to.toml").file("pushed-to.toml", profile)
}

/// The drain is over long before its limit, and nothing is missing from the accounts.
#[track_caller]
fn its_drain_ends_with_the_plan(midge: Midge) -> Outcome {
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    let drain_s = outcome.at("/load/phases/drain_s").as_f64();
    assert!(drain_s.is_some_and(|seconds| seconds < 5.0), "{outcome}");
    let count = |pointer: &str| outcome.count(pointer);
    assert_eq!(
        whole_run(&outcome, "dcx-json", "ok"),
        whole_run(&outcome, "dcx-json", "planned"),
        "{outcome}"
    );
    for inbound in ["command", "config"] {
        let of = |name: &str| count(&format!("/inbound/{inbound}/{name}"));
        // Far more than the tenant could have pushed in warm-up alone.
        assert!(of("received") > 600, "{inbound}\n{outcome}");
        assert!(of("answered") > 600, "{inbound}\n{outcome}");
        assert!(of("answered") <= of("received") - of("duplicate"));
        // What was planned was written, and is done with that or with its acknowledgement.
        let answer = format!("{inbound}-answer");
        let ends = whole_run(&outcome, &answer, "ok") + whole_run(&outcome, &answer, "in_flight");
        assert_eq!(whole_run(&outcome, &answer, "sent"), ends, "{outcome}");
        assert_eq!(of("answered"), whole_run(&outcome, &answer, "sent"));
        assert_eq!(whole_run(&outcome, &answer, "dropped"), 0, "{outcome}");
    }
    outcome
}

#[test]
fn a_tenant_that_goes_on_pushing_does_not_keep_the_drain_going() {
    let outcome = its_drain_ends_with_the_plan(pushed_to());
    assert_eq!(outcome.count("/whole_run/in_flight"), 0, "{outcome}");
}

#[test]
fn nor_do_its_pushes_to_several_workers() {
    its_drain_ends_with_the_plan(pushed_to().workers(3));
}

#[test]
fn nor_do_answers_that_want_an_acknowledgement() {
    // At 2,000 a second one of them is always waiting for its delay or in flight.
    its_drain_ends_with_the_plan(
        pushed_to()
            .set("load.in_flight_max", "10000")
            .set("inbound.command.answer", ANSWER_QOS_1),
    );
}

const ANSWER_QOS_1: &str = r#"[{ after = "300ms", topic = "kp1/{appversion_name}/cex/{token}/result/{command_type}", payload = '[{"id":{id},"statusCode":200}]', qos = 1 }]"#;

#[test]
fn answers_to_what_came_before_the_drain_are_waited_for() {
    // Longer than the rest of the run: answers are due in the drain alone, and all of these come.
    let slow = ANSWER_QOS_1.replace("300ms", "1500ms");
    let outcome = pushed_to()
        .set("tenant.config_push", "0/s")
        .set("tenant.commands", "100/s")
        .set("inbound.command.answer", &slow)
        .go();
    outcome.keeps_its_accounts();
    let drain_s = outcome.at("/load/phases/drain_s").as_f64();
    let expected = 1.0..5.0;
    assert!(drain_s.is_some_and(|s| expected.contains(&s)), "{outcome}");
    // A hundred each second in the 1.2 s of load, of which only the drain can have answered any.
    let answered = outcome.count("/inbound/command/answered");
    assert!((80..=160).contains(&answered), "{outcome}");
    assert!(answered < outcome.count("/inbound/command/received"));
}

#[test]
fn accounts_are_kept_however_the_fleet_is_built_when_connections_are_cut() {
    let cut = || {
        kaa()
            .set("tenant.disconnect_rate", "50/s")
            .set("request.*.deadline", "1s")
    };
    let fleets = [
        ("qos 2", cut().set("request.*.qos", "2")),
        ("closed", cut().set("load.model", "closed")),
        ("max", cut().set("load.arrival_rate", "max")),
        ("three workers", cut().workers(3)),
        (
            "gateways",
            cut().set("fleet.connections.endpoints_per_connection", "10"),
        ),
        (
            "two connections",
            cut()
                .set("fleet.connections.per_endpoint", "2")
                .set("fleet.subscribe", "auto")
                .set("tenant.delivery", "broker"),
        ),
    ];
    for (fleet, midge) in fleets {
        let outcome = midge.go();
        outcome.keeps_its_accounts();
        assert!(outcome.count("/connections/lost") > 0, "{fleet}");
        assert!(!outcome.stderr.contains("panicked"), "{fleet}\n{outcome}");
        for request in outcome.requests() {
            let received = outcome.count(&format!("/tenant/received/{request}"));
            let replied = outcome.count(&format!("/tenant/replied_ok/{request}"));
            let sent = whole_run(&outcome, &request, "sent");
            let ok = whole_run(&outcome, &request, "ok");
            assert!(
                ok <= replied && replied <= received && received <= sent,
                "{fleet} {request}: {ok} {replied} {received} {sent}\n{outcome}"
            );
        }
    }
}

#[test]
fn endpoints_are_spread_over_two_targets() {
    let tenants = [(); 2].map(|()| Tenant::start(["--service-time=1ms"]));
    let urls = format!("[\"{}\", \"{}\"]", tenants[0].url, tenants[1].url);
    let outcome = kaa().set("target.url", &urls).go();
    outcome.keeps_its_accounts();
    answers_everything(&outcome);
    let counts = tenants.map(Tenant::stop);
    for tenant in &counts {
        assert_eq!(tenant["connections"], 25, "{tenant}");
    }
    for request in outcome.requests() {
        let received = counts
            .iter()
            .map(|tenant| tenant["received"][&request].as_u64().unwrap_or(0));
        assert_eq!(received.sum::<u64>(), whole_run(&outcome, &request, "sent"));
    }
}

/// A broker that takes its time with what endpoint 1 publishes, and hands it on to the one that
/// subscribes only when that one asks whether it is still there. In order, as MQTT wants it.
fn broker_that_lingers() -> FakeBroker {
    const SUBSCRIBE: u8 = 0x82;
    const PINGREQ: u8 = 0xC0;
    let published: Arc<Mutex<Vec<u8>>> = Arc::default();
    FakeBroker::start(move |peer: &mut Peer| {
        let (_, connect) = peer.next_packet().expect("it connects");
        let slow = connect.ends_with(b"midge-1");
        peer.send(&CONNACK);
        let mut subscribed = false;
        while let Some((first, body)) = peer.next_packet() {
            let queue = || published.lock().expect("no panic");
            match first {
                SUBSCRIBE => {
                    subscribed = true;
                    peer.send(&[0x90, 3, body[0], body[1], 0]);
                }
                PINGREQ => {
                    let due = if subscribed {
                        std::mem::take(&mut *queue())
                    } else {
                        Vec::new()
                    };
                    peer.send(&due);
                    peer.send(&[0xD0, 0]);
                }
                publish if publish >> 4 == 3 => {
                    std::thread::sleep(Duration::from_millis(if slow { 700 } else { 0 }));
                    let mut queue = queue();
                    queue.extend([publish, body.len() as u8]);
                    queue.extend(body);
                }
                _ => {}
            }
        }
    })
}

#[test]
fn what_a_broker_passes_on_late_is_heard_before_the_run_ends() {
    let profile = r#"
format = 1
name = "fan-in"

[fleet]
endpoints = 2

[load]
warm_up = "200ms"
measure = "1s"
drain = "20s"

[[request]]
name = "publish"
topic = "fan-in/device-{endpoint}"
payload = "x"
every = "500ms"

[[inbound]]
name = "heard"
at = "caller"
topic = "fan-in/device-{endpoint}"
"#;
    for workers in [1, 2] {
        let broker = broker_that_lingers();
        let outcome = Midge::run("./fan-in.toml")
            .file("fan-in.toml", profile)
            .target(&broker.url)
            .workers(workers)
            .go();
        outcome.keeps_its_accounts();
        let sent = outcome.count("/whole_run/sent");
        assert!(sent >= 4, "{outcome}");
        assert_eq!(outcome.count("/whole_run/ok"), sent, "{outcome}");
        assert_eq!(outcome.count("/inbound/heard/received"), sent, "{outcome}");
        assert_eq!(broker.accepted(), 3, "two endpoints and one caller");
        let drain_s = outcome.at("/load/phases/drain_s").as_f64();
        assert!(drain_s.is_some_and(|seconds| seconds < 10.0), "{outcome}");
    }
}
