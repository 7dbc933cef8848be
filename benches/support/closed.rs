//! What a message costs the engine in CPU time: one worker, the next message of a connection when the last was
//! acknowledged.
//!
//! Shared by benchmarks of what lies beneath MQTT, and so is the plain loop that it is compared with. Not here: what a
//! connection of that loop does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use midge::engine::{self, Approach, Progress, Security, Settings};
use midge::event::Clock;
use midge::event::websocket::Request;
use midge::mqtt::{Connect, Properties, Publish, Qos, Version};
use midge::plan::{Identities, Plan};
use midge::profile::{self, Model};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::cpu::cpu_ns;

pub const CONNECTIONS: u32 = 200;
pub const LENGTH: Duration = Duration::from_secs(2);

/// CPU time and messages, each acknowledged.
pub struct Cost {
    pub cpu_ns: u64,
    pub messages: u64,
}

impl Cost {
    pub fn us_per_message(&self) -> f64 {
        self.cpu_ns as f64 / 1000.0 / self.messages.max(1) as f64
    }
}

/// How often everything is measured: fewer times where it is only to be seen that it works.
pub fn rounds() -> usize {
    let measured = std::env::args().any(|argument| argument == "--bench");
    if measured { 9 } else { 3 }
}

/// The middle one of an odd number of ratios, each of costs of one round: a machine whose speed changes between rounds
/// changes both.
pub fn middle(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// The engine against this target, by the scheme and path of the URL.
pub fn engine(
    url: &str,
    target: SocketAddr,
    tls: Option<Security>,
    websocket: Vec<Request>,
) -> Cost {
    let sets = [
        format!("fleet.endpoints={CONNECTIONS}"),
        "load.warm_up=0s".to_owned(),
        format!("load.measure={}ms", LENGTH.as_millis()),
        "limits.messages_per_s=1_000_000/s".to_owned(),
        "request.*.qos=1".to_owned(),
        format!("target.url={url}"),
    ];
    let loaded = profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped"));
    let mut profile = loaded.expect("a shipped profile").profile;
    profile.load.model = Model::Closed {
        think_time: Duration::ZERO,
        cap: None,
    };
    let plan = Plan::compile(&profile, Identities::none()).expect("a shipped profile");
    let shape = Arc::new(engine::shape(&plan, &profile));
    let settings = Settings {
        profile,
        targets: vec![target],
        password: None,
        tls,
        websocket,
        nonce: 1,
        workers: 1,
        raw_log: None,
        approach: Approach::Asleep,
        kernel_timestamps: 0.0,
    };
    let run = engine::start(Arc::new(plan), shape, settings, Clock::start()).expect("threads");
    let mut begun = 0;
    for progress in &run.progress {
        if progress == Progress::Loading {
            begun = cpu_ns();
        }
    }
    let cpu_ns = cpu_ns() - begun;
    let measured = run.finish().expect("a run");
    Cost {
        cpu_ns,
        messages: measured.tally.requests[0].whole_run.ok,
    }
}

/// A connection of a plain loop, which waits for an acknowledgement.
pub trait Waiting {
    fn stream(&mut self) -> &mut TcpStream;

    /// Sends the next message.
    fn send(&mut self);

    /// Reads once; true when an acknowledgement is complete.
    fn acknowledged(&mut self) -> bool;
}

/// A loop that does nothing else.
pub fn plain<C: Waiting>(connections: impl Iterator<Item = C>) -> Cost {
    let mut poll = Poll::new().expect("a poller");
    let mut connections: Vec<C> = connections.collect();
    for (number, waiting) in connections.iter_mut().enumerate() {
        let readable = Interest::READABLE;
        let registry = poll.registry();
        let registered = registry.register(waiting.stream(), Token(number), readable);
        registered.expect("a socket");
    }
    let (begun, until) = (cpu_ns(), Instant::now() + LENGTH);
    let mut messages = 0;
    connections.iter_mut().for_each(C::send);
    let mut events = Events::with_capacity(1024);
    while Instant::now() < until {
        poll.poll(&mut events, Some(Duration::from_millis(10)))
            .expect("events");
        for event in &events {
            let connection = &mut connections[event.token().0];
            if connection.acknowledged() {
                messages += 1;
                connection.send();
            }
        }
    }
    Cost {
        cpu_ns: cpu_ns() - begun,
        messages,
    }
}

/// CONNECT of a plain loop's connection.
pub fn connect(number: u32) -> Vec<u8> {
    let client_id = format!("plain-{number}");
    let connect = Connect {
        clean_session: true,
        keep_alive: 60,
        client_id: &client_id,
        username: None,
        password: None,
        will: None,
        properties: Properties::NONE,
    };
    let mut bytes = Vec::new();
    connect.write(Version::V311, &mut bytes).expect("a packet");
    bytes
}

/// The message that a plain loop's connection sends again and again: that of the profile.
pub fn publish(number: u32) -> Vec<u8> {
    let topic = format!("bench/{number}/telemetry");
    let publish = Publish {
        dup: false,
        qos: Qos::AtLeastOnce,
        retain: false,
        topic: &topic,
        packet_id: 1,
        properties: Properties::NONE,
        payload: &[b'x'; 64],
    };
    let mut packet = Vec::new();
    publish.write(Version::V311, &mut packet).expect("a packet");
    packet
}
