//! Replies that hold what else would be pushed, and requests that ask for more on their reply topic,
//! against a broker that answers as each test tells it to.
//!
//! Counts are compared, not times. Not here: what real platforms answer (`platforms`).

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{FakeBroker, Midge, Outcome, Peer};

/// What endpoints may be told, pushed or carried by a reply, and how they answer.
const COMMAND: &str = r#"
[[inbound]]
name = "command"
topic = "t/{endpoint}/command/{command_type}/status"
items = "each"
id = "/id"
key = ["endpoint", "command_type", "id"]
answer = [{ topic = "t/{endpoint}/result/{command_type}", payload = '{"id":{id}}' }]
"#;

/// Asks for outstanding commands. The subscriptions are those of a platform that needs none.
fn profile(endpoints: u32, keys: &str, requests: &str) -> String {
    format!(
        "[fleet]\nendpoints = {endpoints}\nsubscribe = \"none\"\n{keys}\n\
         [load]\nwarm_up = \"0s\"\nmeasure = \"1s\"\n{requests}\n{COMMAND}"
    )
}

fn poll(keys: &str) -> String {
    format!(
        "[[request]]\nname = \"poll\"\npayload = \"poll\"\nrequest_id.scope = \"command\"\n\
         topic = \"t/{{endpoint}}/command/on/{{request_id}}\"\n\
         reply = {{ ok = \"{{topic}}/status\", error = \"{{topic}}/error\", carries = \"command\" }}\n{keys}\n"
    )
}

fn observe(keys: &str) -> String {
    poll(keys).replace("\"poll\"", "\"observe\"").replace(
        "request_id.scope",
        "request_id.observe = true\nrequest_id.scope",
    )
}

/// A message as the broker reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    topic: String,
    payload: String,
}

impl Message {
    fn is_result(&self) -> bool {
        self.topic.contains("/result/")
    }

    /// The level of the request ID.
    fn id(&self) -> &str {
        self.topic.rsplit('/').next().expect("a level")
    }
}

/// Topic and payload of a PUBLISH with QoS 0 (MQTT 3.1.1, section 3.3).
fn read(body: &[u8]) -> Message {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    Message {
        topic: text(&body[2..2 + length]),
        payload: text(&body[2 + length..]),
    }
}

fn publish(peer: &mut Peer, topic: &str, payload: &str) {
    let length = 2 + topic.len() + payload.len();
    assert!(length < 128 * 128, "two bytes of length are enough");
    let mut packet = vec![0x30, (length % 128) as u8 | 0x80, (length / 128) as u8];
    packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    packet.extend_from_slice(topic.as_bytes());
    packet.extend_from_slice(payload.as_bytes());
    peer.send(&packet);
}

/// What the broker was sent, in the order of arrival.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<Message>>>);

impl Heard {
    fn all(&self) -> Vec<Message> {
        self.0.lock().expect("no panic").clone()
    }

    fn results(&self) -> Vec<Message> {
        self.all().into_iter().filter(Message::is_result).collect()
    }

    /// IDs of the requests with this payload.
    fn ids(&self, payload: &str) -> Vec<String> {
        let all = self.all().into_iter();
        let of = all.filter(|message| message.payload == payload);
        of.map(|message| message.id().to_owned()).collect()
    }
}

/// A broker that lets everybody in and does this for each request.
fn broker(answer: impl Fn(&mut Peer, &Message) + Send + Sync + 'static) -> (FakeBroker, Heard) {
    let heard = Heard::default();
    let kept = heard.clone();
    let broker = FakeBroker::start(move |peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                let message = read(&body);
                kept.0.lock().expect("no panic").push(message.clone());
                if !message.is_result() {
                    answer(peer, &message);
                }
            }
        }
    });
    (broker, heard)
}

fn run(profile: &str, broker: &FakeBroker) -> Outcome {
    let midge = Midge::run("./carried.toml").file("carried.toml", profile);
    go(midge.target(&broker.url))
}

fn go(midge: Midge) -> Outcome {
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/whole_run/orphan"), 0, "{outcome}");
    outcome
}

fn inbound(outcome: &Outcome, count: &str) -> u64 {
    outcome.count(&format!("/inbound/command/{count}"))
}

fn of(outcome: &Outcome, request: &str, count: &str) -> u64 {
    outcome.count(&format!("/requests/{request}/whole_run/{count}"))
}

/// Every reply holds the same two commands (and things that are none); each endpoint answers both of
/// them once.
#[track_caller]
fn each_command_is_answered_once(endpoints: u32, keys: &str, workers: usize) {
    let (broker, heard) = broker(|peer, request| {
        let items = r#"[{"id":1},{"id":"b"},{"id":null},{"id":""},{}]"#;
        publish(peer, &format!("{}/status", request.topic), items);
    });
    let profile = profile(endpoints, keys, &poll("every = \"100ms\""));
    let midge = Midge::run("./carried.toml")
        .file("carried.toml", &profile)
        .workers(workers);
    let outcome = go(midge.target(&broker.url));
    let asked = of(&outcome, "poll", "ok");
    assert!(asked > u64::from(endpoints), "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 2 * asked, "{outcome}");
    let answered = 2 * u64::from(endpoints);
    assert_eq!(inbound(&outcome, "answered"), answered, "{outcome}");
    assert_eq!(
        inbound(&outcome, "duplicate"),
        2 * asked - answered,
        "{outcome}"
    );
    for none in ["duplicate", "unattributed_errors"] {
        assert_eq!(outcome.count(&format!("/whole_run/{none}")), 0, "{outcome}");
    }
    let mut results = heard.results();
    results.sort();
    let mut expected: Vec<Message> = (0..endpoints)
        .flat_map(|endpoint| {
            [r#"{"id":"b"}"#, r#"{"id":1}"#].map(|payload| Message {
                topic: format!("t/{endpoint}/result/on"),
                payload: payload.to_owned(),
            })
        })
        .collect();
    expected.sort();
    assert_eq!(results, expected, "{outcome}");
}

#[test]
fn the_items_of_replies_are_answered_as_if_they_had_been_pushed() {
    each_command_is_answered_once(4, "", 1);
}

#[test]
fn every_endpoint_of_a_gateway_answers_what_it_is_told_itself() {
    each_command_is_answered_once(6, "connections = { endpoints_per_connection = 3 }", 1);
}

#[test]
fn every_worker_carries_out_what_its_own_endpoints_are_told() {
    each_command_is_answered_once(5, "", 2);
}

#[test]
fn a_pushed_command_that_a_reply_repeats_is_answered_once() {
    let (broker, heard) = broker(|peer, request| {
        let resource = request.topic.trim_end_matches(|c| c != '/');
        publish(peer, &format!("{resource}status"), r#"[{"id":1}]"#);
        publish(peer, &format!("{}/status", request.topic), r#"[{"id":1}]"#);
    });
    let outcome = run(&profile(1, "", &poll("every = \"200ms\"")), &broker);
    let asked = of(&outcome, "poll", "ok");
    assert_eq!(inbound(&outcome, "received"), 2 * asked, "{outcome}");
    assert_eq!(inbound(&outcome, "answered"), 1, "{outcome}");
    assert_eq!(heard.results().len(), 1, "{outcome}");
}

#[test]
fn a_failure_carries_nothing() {
    let (broker, heard) = broker(|peer, request| {
        publish(peer, &format!("{}/error", request.topic), r#"[{"id":1}]"#);
    });
    let outcome = run(&profile(1, "", &poll("every = \"200ms\"")), &broker);
    assert!(of(&outcome, "poll", "error") > 0, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 0, "{outcome}");
    assert_eq!(heard.results(), []);
}

#[test]
fn what_carries_no_list_is_counted_and_an_empty_reply_is_nothing() {
    for (payload, errors) in [("", 0), ("{}", 1)] {
        let (broker, _) = broker(move |peer, request| {
            publish(peer, &format!("{}/status", request.topic), payload);
        });
        let outcome = run(&profile(1, "", &poll("every = \"200ms\"")), &broker);
        let asked = of(&outcome, "poll", "ok");
        assert!(asked > 0, "{outcome}");
        assert_eq!(inbound(&outcome, "received"), 0, "{outcome}");
        let counted = outcome.count("/whole_run/unattributed_errors");
        assert_eq!(counted, errors * asked, "{payload:?}\n{outcome}");
    }
}

#[test]
fn without_the_inbound_message_a_reply_is_a_reply_and_nothing_else() {
    let (broker, heard) = broker(|peer, request| {
        publish(peer, &format!("{}/status", request.topic), r#"[{"id":1}]"#);
        publish(peer, &format!("{}/status", request.topic), r#"[{"id":2}]"#);
    });
    let requests = poll("every = \"200ms\"") + &observe("every = \"200ms\"");
    let profile = profile(1, "", &requests).replace(COMMAND, "");
    let outcome = run(&profile, &broker);
    let polled = of(&outcome, "poll", "ok");
    assert!(polled > 0 && of(&outcome, "observe", "ok") > 0, "{outcome}");
    // The second one answers nothing; but the one of an observe was asked for.
    assert_eq!(outcome.count("/whole_run/duplicate"), polled, "{outcome}");
    assert_eq!(heard.results(), []);
}

#[test]
fn what_follows_the_answer_of_an_observe_is_pushed_and_no_duplicate() {
    let (broker, heard) = broker(|peer, request| {
        let reply = format!("{}/status", request.topic);
        publish(peer, &reply, "[]");
        publish(peer, &reply, &format!("[{{\"id\":{}}}]", request.id()));
        publish(peer, &reply, &format!("[{{\"id\":-{}}}]", request.id()));
    });
    let outcome = run(&profile(3, "", &observe("every = \"200ms\"")), &broker);
    let asked = of(&outcome, "observe", "ok");
    assert!(asked > 0, "{outcome}");
    assert_eq!(of(&outcome, "observe", "planned"), asked, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 2 * asked, "{outcome}");
    assert_eq!(inbound(&outcome, "duplicate"), 0, "{outcome}");
    assert_eq!(heard.results().len() as u64, 2 * asked, "{outcome}");
    assert_eq!(outcome.count("/whole_run/duplicate"), 0, "{outcome}");
}

#[test]
fn a_failure_after_the_answer_of_an_observe_is_a_duplicate() {
    let (broker, _) = broker(|peer, request| {
        publish(peer, &format!("{}/status", request.topic), "[]");
        publish(peer, &format!("{}/error", request.topic), "{}");
    });
    let outcome = run(&profile(1, "", &observe("every = \"200ms\"")), &broker);
    let asked = of(&outcome, "observe", "ok");
    assert!(asked > 0, "{outcome}");
    assert_eq!(of(&outcome, "observe", "duplicate"), asked, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 0, "{outcome}");
}

#[test]
fn the_id_of_an_observe_is_never_issued_again_in_its_scope() {
    // Failures, silence and answers alike: five observes, and polls that use up the other IDs.
    let (broker, heard) = broker(|peer, request| {
        if request.payload == "poll" || request.id().ends_with('1') {
            publish(peer, &format!("{}/status", request.topic), "[]");
        } else if request.id().ends_with('2') {
            publish(peer, &format!("{}/error", request.topic), "{}");
        }
    });
    let few = "request_id.range = [1, 9]\ndeadline = \"400ms\"";
    let requests =
        observe(&format!("every = \"200ms\"\n{few}")) + &poll(&format!("every = \"10ms\"\n{few}"));
    let outcome = run(&profile(1, "", &requests), &broker);
    let observed = heard.ids("observe");
    let once: BTreeSet<&String> = observed.iter().collect();
    assert_eq!(once.len(), observed.len(), "{observed:?}\n{outcome}");
    assert!(once.len() >= 3, "{observed:?}\n{outcome}");
    let all = heard.all();
    let mut issued: BTreeMap<&str, &str> = BTreeMap::new();
    for request in all.iter().filter(|message| !message.is_result()) {
        let before = issued.insert(request.id(), &request.payload);
        assert_ne!(before, Some("observe"), "{request:?} again\n{outcome}");
    }
    let polled = heard.ids("poll");
    let distinct: BTreeSet<&String> = polled.iter().collect();
    assert!(
        polled.len() > distinct.len(),
        "IDs of polls come back\n{outcome}"
    );
}

#[test]
fn an_endpoint_observes_a_limited_number_of_ids() {
    let (broker, heard) = broker(|peer, request| {
        publish(peer, &format!("{}/status", request.topic), "[]");
    });
    let requests = observe("every = \"5ms\"");
    let outcome = run(&profile(2, "", &requests), &broker);
    assert_eq!(heard.ids("observe").len(), 2 * 64, "{outcome}");
    assert_eq!(of(&outcome, "observe", "sent"), 2 * 64, "{outcome}");
    let dropped = of(&outcome, "observe", "dropped");
    assert!(dropped > 0, "{outcome}");
    let by_id = of(&outcome, "observe", "dropped_by/request_id");
    assert_eq!(by_id, dropped, "{outcome}");
}

#[test]
fn the_late_answer_of_an_observe_is_late_once_and_carried_out() {
    let (broker, heard) = broker(|peer, request| {
        if request.payload == "observe" {
            std::thread::sleep(Duration::from_millis(150));
            let reply = format!("{}/status", request.topic);
            publish(peer, &reply, &format!("[{{\"id\":{}}}]", request.id()));
            publish(peer, &reply, &format!("[{{\"id\":-{}}}]", request.id()));
        }
    });
    // The poll is never answered, so the run goes on until its deadline.
    let requests = observe("every = \"400ms\"\ndeadline = \"50ms\"")
        + &poll("every = \"900ms\"\ndeadline = \"3s\"");
    let outcome = run(&profile(1, "", &requests), &broker);
    let asked = of(&outcome, "observe", "sent");
    assert!(asked > 0, "{outcome}");
    assert_eq!(of(&outcome, "observe", "timeout"), asked, "{outcome}");
    assert_eq!(of(&outcome, "observe", "late"), asked, "{outcome}");
    assert_eq!(outcome.count("/whole_run/duplicate"), 0, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 2 * asked, "{outcome}");
    assert_eq!(heard.results().len() as u64, 2 * asked, "{outcome}");
}

#[test]
fn the_late_answer_of_a_poll_is_late_and_carried_out() {
    let (broker, heard) = broker(|peer, request| {
        if request.payload == "poll" {
            std::thread::sleep(Duration::from_millis(150));
            publish(peer, &format!("{}/status", request.topic), r#"[{"id":1}]"#);
        }
    });
    let requests = poll("every = \"400ms\"\ndeadline = \"50ms\"")
        + &observe("every = \"900ms\"\ndeadline = \"3s\"");
    let outcome = run(&profile(1, "", &requests), &broker);
    let asked = of(&outcome, "poll", "sent");
    assert!(asked > 0, "{outcome}");
    assert_eq!(of(&outcome, "poll", "late"), asked, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), asked, "{outcome}");
    assert_eq!(heard.results().len(), 1, "{outcome}");
}

#[test]
fn an_observe_outlives_its_connection() {
    let before: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Heard::default();
    let kept = heard.clone();
    let broker = FakeBroker::start(move |peer| {
        peer.welcome();
        let replies = before.lock().expect("no panic").clone();
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 != 3 {
                continue;
            }
            let message = read(&body);
            kept.0.lock().expect("no panic").push(message.clone());
            if message.is_result() {
                continue;
            }
            if peer.number == 0 {
                // Answers one and goes.
                let reply = format!("{}/status", message.topic);
                publish(peer, &reply, "[]");
                before.lock().expect("no panic").push(reply);
                return;
            }
            // Under the ID that the lost connection asked with.
            publish(peer, &replies[0], &format!("[{{\"id\":{}}}]", message.id()));
            publish(peer, &format!("{}/status", message.topic), "[]");
        }
    });
    // So few IDs that one would come back if it might.
    let requests = observe("every = \"200ms\"\nrequest_id.range = [1, 4]");
    let profile = profile(1, "", &requests).replace("\"1s\"", "\"3s\"");
    let outcome = run(&profile, &broker);
    assert!(broker.accepted() >= 2, "{outcome}");
    let ids = heard.ids("observe");
    assert!(ids.len() > 1, "{outcome}");
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}\n{outcome}");
    assert_eq!(outcome.count("/whole_run/duplicate"), 0, "{outcome}");
    let asked = of(&outcome, "observe", "ok");
    assert_eq!(inbound(&outcome, "received"), asked - 1, "{outcome}");
    assert_eq!(heard.results().len() as u64, asked - 1, "{outcome}");
}

#[test]
fn a_reply_without_an_id_answers_the_oldest_request_before_it_is_a_push() {
    let (broker, heard) = broker(|peer, request| {
        let topic = format!("{}/status", request.topic);
        publish(peer, &topic, r#"[{"id":1}]"#);
        publish(peer, &topic, r#"[{"id":2}]"#);
    });
    let requests = poll("every = \"200ms\"").replace("/{request_id}", "");
    let outcome = run(&profile(1, "", &requests), &broker);
    let asked = of(&outcome, "poll", "ok");
    assert!(asked > 0, "{outcome}");
    assert_eq!(inbound(&outcome, "received"), 2 * asked, "{outcome}");
    assert_eq!(inbound(&outcome, "answered"), 2, "{outcome}");
    assert_eq!(outcome.count("/whole_run/duplicate"), 0, "{outcome}");
    assert_eq!(heard.results().len(), 2, "{outcome}");
}

#[test]
fn check_says_what_replies_carry_and_what_is_observed() {
    let requests = poll("every = \"200ms\"") + &observe("every = \"200ms\"");
    let outcome = Midge::call(["check", "./carried.toml"])
        .file("carried.toml", &profile(1, "", &requests))
        .go()
        .ends_with(0);
    let carries = "  carries  command, carried out as if it had been pushed\n";
    let observes = "  observe  more may follow on the reply topic; no ID is used twice\n";
    assert_eq!(outcome.stdout.matches(carries).count(), 2, "{outcome}");
    assert_eq!(outcome.stdout.matches(observes).count(), 1, "{outcome}");
}
