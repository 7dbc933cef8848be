//! The simulated tenant: the far side of a run, in a process of its own. It speaks Kaa's kp1 and
//! Enapter's v1 over MQTT 3.1.1, and any other platform as far as a profile's definitions say. It answers
//! strictly, and misbehaves on request.
//!
//! One thread, one event loop. A PUBLISH goes from `server` (bytes) over `packets` (MQTT) to
//! `platforms` (what it means); replies go through `router` (to whom) back to the sockets.
//! Every table and buffer has a limit, and every message is counted in the [`TenantReport`]. It
//! is no broker: no retained messages, no kept sessions, no wills; but it can be the client of one
//! (`attachment`, `attached`), and answer from there. It shares the codec, the
//! event loop's parts, how delays are written and drawn, and the text of definitions with the fleet, and
//! nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

mod accept;
mod agenda;
mod arrivals;
mod attached;
mod attachment;
mod buffers;
mod commands;
mod configuration;
mod configurations;
mod defined;
mod devices;
mod echoes;
mod enapter;
mod endpoints;
mod faults;
mod filters;
mod flow;
mod greeting;
mod instances;
mod json;
mod judge;
mod kaa;
mod kaa_address;
mod kaa_payload;
mod kept;
mod kind;
mod metadata;
mod options;
mod outage;
mod outstanding;
mod packets;
mod pending;
mod platforms;
mod problem;
mod pushes;
mod random;
mod report;
mod responder;
mod resume;
mod router;
mod routes;
mod rules;
mod server;
mod service;
mod session;
mod sessions;
mod stray;
mod subscriptions;
mod terms;
mod thing;
mod timers;
mod tls;
mod watch;

pub use crate::delay::Delay;
pub use arrivals::arrivals;
pub use attachment::{Attach, AttachTls, AttachedReport, CLIENTS_MAX};
pub use instances::{Extension, Instances};
pub use judge::{Judge, Judgement};
pub use options::{
    AbsentKeys, Delivery, FLAGS, ObserveReplies, OnConnect, Paths, Redirects, Stall, TenantOptions,
};
pub use report::TenantReport;
pub use tls::TlsFiles;

use crate::event::Clock;
use crate::event::memory::Place;
use crate::profile::Definitions;
use server::Server;

/// Which of the definitions the tenant cannot answer from, and why: a sentence for each.
pub fn left_out(definitions: &Definitions) -> Vec<String> {
    responder::Responder::new(definitions).notes
}

/// A tenant that listens, or attaches itself to a broker, and is about to serve.
pub struct Tenant {
    server: Server,
    address: SocketAddr,
    stopper: Stopper,
}

/// Stops a tenant from another thread or a signal's task.
#[derive(Debug, Clone)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    waker: Arc<mio::Waker>,
}

impl Stopper {
    /// Makes [`Tenant::run`] return soon, also during a stall. Calling it again does nothing.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // If the wake-up fails, the loop sees the flag at its next event.
        let _ = self.waker.wake();
    }
}

/// A tenant of a simulated run, called turn by turn.
pub struct Steps(Server);

impl Steps {
    /// A tenant that listens on the address of the options, in the network of this place.
    ///
    /// # Errors
    /// When somebody listens there already, or the arrivals file cannot be made.
    pub fn at(clock: Clock, place: Place, options: TenantOptions) -> io::Result<Self> {
        Server::at(clock, place, options).map(Self)
    }

    /// Lets it take its turn. When something is due next; `None`: not before an event.
    ///
    /// # Errors
    /// When the poller fails.
    pub fn turn(&mut self) -> io::Result<Option<u64>> {
        self.0.turn()
    }

    /// Closes all connections; what it has counted.
    ///
    /// # Errors
    /// When the arrivals file cannot be written.
    pub fn finish(self) -> io::Result<TenantReport> {
        self.0.finish()
    }
}

impl Tenant {
    /// Listens on the address of the options; clients can connect from now on. Best called by
    /// the thread that calls [`Tenant::run`], whose timers become precise by it.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the arrivals file cannot be made.
    pub fn bind(options: TenantOptions) -> io::Result<Self> {
        Server::bind(options).and_then(Self::with)
    }

    /// Attaches itself to a broker as its clients, and answers from there; what is published there takes
    /// the same way as what a tenant that listens is sent. `words`: what people should know of it, such
    /// as when it is attached. As for [`Tenant::bind`], best called by the thread that calls
    /// [`Tenant::run`].
    ///
    /// # Errors
    /// When the arrivals file cannot be made. A broker that is not there is waited for.
    pub fn attach(options: TenantOptions, to: Attach, words: Sender<String>) -> io::Result<Self> {
        Server::attach(options, to, words).and_then(Self::with)
    }

    fn with((server, stopped, waker): (Server, Arc<AtomicBool>, mio::Waker)) -> io::Result<Self> {
        let address = server.address()?;
        Ok(Self {
            server,
            address,
            stopper: Stopper {
                stopped,
                waker: Arc::new(waker),
            },
        })
    }

    /// The address it listens on, with the port that was really taken; or that of the broker.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is stopped; then all connections are closed.
    ///
    /// # Errors
    /// When the poller fails, or the arrivals file cannot be written.
    pub fn run(self) -> io::Result<TenantReport> {
        self.server.run()
    }
}
