//! What goes wrong on request, and that every reply is accounted for.
//!
//! Not here: mistakes of clients.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client::{Client, Message, counts, publish_0, tenant};
#[test]
fn every_reply_is_accounted_for_under_faults() {
    let tenant = tenant(&[
        ("error-rate", "10%"),
        ("loss", "10%"),
        ("duplicate", "10%"),
        ("seed", "1"),
    ]);
    let mut client = tenant.client("ep");
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..20 {
        let batch: Vec<u8> = (0..100)
            .flat_map(|id| publish_0(&format!("kp1/a-1/dcx/tok/json/{}", round * 100 + id), "1"))
            .collect();
        client.send(&batch);
    }
    // Replies are written at once, so all there are come before the answer to this PINGREQ.
    client.send(&[0xc0, 0]);
    loop {
        let (first, body) = client.packet();
        if first == 0xd0 {
            break;
        }
        *seen.entry(Message::parse(first, &body).topic).or_default() += 1;
    }
    let report = tenant.report();
    let of = |counted: &BTreeMap<String, u64>| counted.get("dcx-json").copied().unwrap_or(0);
    let suffixed =
        |suffix: &str| seen.keys().filter(|topic| topic.ends_with(suffix)).count() as u64;
    assert_eq!(of(&report.received), 2_000);
    assert_eq!(of(&report.replied_ok), suffixed("/status"));
    assert_eq!(of(&report.replied_error), suffixed("/error"));
    assert_eq!(of(&report.lost), 2_000 - seen.len() as u64);
    assert_eq!(
        of(&report.duplicated),
        seen.values().filter(|&&n| n == 2).count() as u64
    );
    assert!(seen.values().all(|&n| n <= 2));
    for share in [&report.replied_error, &report.lost, &report.duplicated] {
        assert!((130..270).contains(&of(share)), "{report:?}");
    }
}

#[test]
fn a_stall_delays_everything_and_loses_nothing() {
    let tenant = tenant(&[("stall", "0s+700ms")]);
    let mut client = tenant.client("ep");
    let topic = |id: usize| format!("kp1/app-v1/dcx/tok/json/{id}");
    client.send(&publish_0(&topic(0), "1"));
    let begin = Instant::now();
    client.topic_and_payload();
    // The reply left before the stall, or it came after it. In both cases what is sent now
    // arrives during it, or later.
    let late = begin.elapsed() > Duration::from_millis(600);
    for id in 1..=50 {
        client.send(&publish_0(&topic(id), "1"));
    }
    for id in 1..=50 {
        assert_eq!(
            client.topic_and_payload().0,
            format!("{}/status", topic(id))
        );
    }
    assert!(
        late || begin.elapsed() > Duration::from_millis(500),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(tenant.report().replied_ok, counts(&[("dcx-json", 51)]));
}

#[test]
fn a_stalled_tenant_can_be_stopped() {
    let tenant = tenant(&[("stall", "0s+1h")]);
    let mut client = tenant.client("ep");
    client.send(&publish_0("a", ""));
    client.send(&[0xc0, 0]);
    let report = tenant.report();
    assert!(report.received.values().sum::<u64>() <= 1);
}

#[test]
fn one_server_answers_one_request_after_the_other() {
    let tenant = tenant(&[("service-time", "fixed:10ms"), ("servers", "1")]);
    let mut client = tenant.client("ep");
    let begin = Instant::now();
    for id in 0..20 {
        client.send(&publish_0(&format!("kp1/a-1/dcx/tok/json/{id}"), "1"));
    }
    for id in 0..20 {
        assert_eq!(
            client.topic_and_payload().0,
            format!("kp1/a-1/dcx/tok/json/{id}/status")
        );
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(200),
        "{:?}",
        begin.elapsed()
    );
    tenant.report();
}

#[test]
fn replies_that_are_not_ready_at_the_end_count_as_lost() {
    let tenant = tenant(&[("service-time", "1h")]);
    let mut client = tenant.client("ep");
    client.send(&publish_0("kp1/a-1/dcx/tok/json/1", "1"));
    client.nothing_else();
    assert_eq!(tenant.report().lost, counts(&[("dcx-json", 1)]));
}

#[test]
fn connections_are_closed_at_random_when_asked() {
    let tenant = tenant(&[("disconnect-rate", "100/s")]);
    let mut clients: Vec<Client> = (0..5).map(|n| tenant.client(&n.to_string())).collect();
    for client in &mut clients {
        client.closed();
    }
    let report = tenant.report();
    assert_eq!((report.connections, report.disconnected), (5, 5));
    assert!(report.rejected.is_empty());
}

#[test]
fn misdirected_replies_reach_another_connection_and_are_not_lost() {
    let tenant = tenant(&[("misdirect", "100%")]);
    let mut one = tenant.client("one");
    let mut other = tenant.client("other");
    one.send(&publish_0("kp1/a-1/dcx/tok/json/7", "1"));
    let (topic, _) = other.topic_and_payload();
    assert_eq!(topic, "kp1/a-1/dcx/tok/json/7/status");
    let report = tenant.report();
    assert_eq!(report.misdirected, counts(&[("dcx-json", 1)]));
    assert_eq!((report.replied_ok, report.lost), (counts(&[]), counts(&[])));
}

#[test]
fn a_misdirected_reply_is_lost_if_there_is_nobody_else() {
    let tenant = tenant(&[("misdirect", "100%")]);
    let mut client = tenant.client("one");
    client.send(&publish_0("kp1/a-1/dcx/tok/json/7", "1"));
    client.send(&[0xc0, 0]);
    assert_eq!(client.packet().0, 0xd0);
    let report = tenant.report();
    assert_eq!(report.lost, counts(&[("dcx-json", 1)]));
    assert_eq!(report.misdirected, counts(&[]));
}

#[test]
fn an_orphan_follows_its_reply_with_an_id_that_nobody_used() {
    let tenant = tenant(&[("orphan", "100%")]);
    let mut client = tenant.client("one");
    client.send(&publish_0("kp1/a-1/dcx/tok/json/10234", "1"));
    for id in ["10234", "99999"] {
        let (topic, _) = client.topic_and_payload();
        assert_eq!(topic, format!("kp1/a-1/dcx/tok/json/{id}/status"));
    }
    let report = tenant.report();
    assert_eq!(report.replied_ok, counts(&[("dcx-json", 1)]));
    assert_eq!(report.orphaned, counts(&[("dcx-json", 1)]));
}
