//! Connections leave from the addresses that the profile names, and a run that cannot do so says why.
//!
//! Not here: how `target.bind` is written (`tests/profiles.rs`), and the arithmetic of ports, which
//! is held where it is done.

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use support::{FakeBroker, Midge, Outcome};

const NOT_OURS: &str = "192.0.2.1"; // TEST-NET-1 (RFC 5737)

/// Six endpoints that publish twenty messages or so.
fn six(target: &str) -> Midge {
    Midge::run("mqtt-publish")
        .target(target)
        .set("fleet.endpoints", "6")
        .set("load.arrival_rate", "40/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "500ms")
        .set("request.publish.qos", "0")
}

/// The client identifier of CONNECT: behind ten bytes of header and two of length.
fn client_id(connect: &[u8]) -> String {
    let length = usize::from(u16::from_be_bytes([connect[10], connect[11]]));
    String::from_utf8_lossy(&connect[12..12 + length]).into_owned()
}

/// Which client came from where, in a run with these sources.
#[track_caller]
fn origins(sources: &str, workers: usize) -> BTreeMap<String, IpAddr> {
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let of_broker = seen.clone();
    let broker = FakeBroker::start(move |peer| {
        let Some((_, connect)) = peer.next_packet() else {
            return;
        };
        let from = peer.address().ip();
        of_broker
            .lock()
            .expect("no panic")
            .insert(client_id(&connect), from);
        peer.send(&support::CONNACK);
        peer.swallow();
    });
    let outcome = six(&broker.url)
        .set("target.bind", sources)
        .workers(workers)
        .go_undisturbed()
        .ends_with(0);
    assert_eq!(outcome.count("/connections/connected"), 6, "{outcome}");
    assert_eq!(
        outcome.at("/connections/source_addresses"),
        &serde_json::json!(["127.0.0.2", "127.0.0.3"]),
        "{outcome}"
    );
    assert!(
        outcome.stderr.contains("from 127.0.0.2, 127.0.0.3 against"),
        "{outcome}"
    );
    drop(broker);
    let seen = seen.lock().expect("no panic");
    seen.clone()
}

#[test]
fn connections_leave_from_the_addresses_in_turn_whatever_the_number_of_workers() {
    let expected: BTreeMap<String, IpAddr> = (0..6)
        .map(|endpoint| {
            let source = IpAddr::from([127, 0, 0, 2 + endpoint % 2]);
            (format!("midge-{endpoint}"), source)
        })
        .collect();
    assert_eq!(origins(r#"["127.0.0.2", "127.0.0.3"]"#, 1), expected);
    // Shards of three endpoints: counted anew in each, the second would begin with the first source.
    assert_eq!(origins("127.0.0.2-127.0.0.3", 2), expected);
    // Shards of one and two.
    assert_eq!(origins("127.0.0.2-127.0.0.3", 4), expected);
}

/// 300 endpoints and their tenant in a network of their own, where a source address has 100 ports.
#[cfg(target_os = "linux")]
fn where_ports_are_few(sources: &str) -> Outcome {
    const NARROW: &str = r#"exec unshare --user --map-root-user --net sh -c '
        ip link set lo up && echo 40000 40099 >/proc/sys/net/ipv4/ip_local_port_range &&
            exec "$0" "$@"' "$0" "$@" "#;
    Midge::run("mqtt-publish")
        .brief()
        .gentle()
        .set("fleet.endpoints", "300")
        .set("target.bind", sources)
        .after(NARROW)
        .go()
}

#[test]
#[cfg(target_os = "linux")]
fn a_fleet_with_more_connections_than_an_address_has_ports_leaves_from_several() {
    let outcome = where_ports_are_few("127.0.0.2-127.0.0.5");
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/connected"), 300, "{outcome}");
    assert_eq!(outcome.count("/connections/failed"), 0, "{outcome}");
    let refused = where_ports_are_few("127.0.0.2").ends_with(107);
    let said = "the run needs 300 local ports and there are 100";
    assert!(refused.stderr.contains(said), "{refused}");
    assert!(refused.result.is_none(), "{refused}");
}

#[test]
fn the_simulated_tenant_is_reached_from_other_addresses_too() {
    let outcome = Midge::run("enapter-telemetry")
        .brief()
        .set("target.bind", "127.0.0.2-127.0.0.9")
        .go_undisturbed()
        .ends_with(0);
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
    outcome.keeps_its_accounts();
}

#[test]
fn without_sources_the_result_does_not_speak_of_them() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        peer.swallow();
    });
    let outcome = six(&broker.url).go_undisturbed().ends_with(0);
    assert!(outcome.at("/connections/source_addresses").is_null());
    assert!(outcome.stderr.contains("6 endpoints against"), "{outcome}");
}

#[test]
fn an_address_that_is_not_ours_is_refused_before_anything_is_sent() {
    let broker = FakeBroker::start(support::Peer::swallow);
    let sources = format!(r#"["127.0.0.2", "{NOT_OURS}"]"#);
    let outcome = six(&broker.url)
        .set("target.bind", &sources)
        .go()
        .ends_with(104);
    let said = "target.bind: 192.0.2.1 is no address of this machine; nothing was sent";
    assert!(outcome.stderr.contains(said), "{outcome}");
    assert!(outcome.stderr.contains("help: "), "{outcome}");
    assert!(outcome.result.is_none(), "{outcome}");
    assert_eq!(broker.accepted(), 0);
    let check = Midge::call(["check", "mqtt-publish"])
        .set("target.bind", NOT_OURS)
        .go()
        .ends_with(104);
    assert!(check.stderr.contains(said), "{check}");
}

#[test]
fn a_target_of_the_other_family_is_refused() {
    for midge in [
        six("mqtt://127.0.0.1:1"),
        Midge::run("mqtt-publish"),
        Midge::call(["check", "mqtt-publish"]),
    ] {
        let outcome = midge.set("target.bind", "::1").go().ends_with(104);
        let said = "target.bind has no IPv4 address to reach the target 127.0.0.1 from";
        assert!(outcome.stderr.contains(said), "{outcome}");
        assert!(outcome.result.is_none(), "{outcome}");
    }
}

#[test]
fn check_says_how_many_ports_of_each_address_are_taken() {
    let outcome = Midge::call(["check", "mqtt-publish"])
        .set("fleet.endpoints", "1_000")
        .set("target.bind", "127.0.0.2-127.0.0.5")
        .set(
            "target.url",
            r#"["mqtt://127.0.0.1:1", "mqtt://127.0.0.1:2"]"#,
        )
        .go()
        .ends_with(0);
    let said = "sources  127.0.0.2, 127.0.0.3, 127.0.0.4, 127.0.0.5; 125 of ";
    assert!(outcome.stdout.contains(said), "{outcome}");
    let none = Midge::call(["check", "mqtt-publish"]).go().ends_with(0);
    assert!(!none.stdout.contains("  sources  "), "{none}");
}
