//! The tenant is gone for a while, as a process that was killed and is started again.
//!
//! Nobody can connect, all connections have ended without a word, and replies that were not ready never
//! are. What it knows of endpoints it knows again, as from a database. Attached to a broker, its clients
//! are gone and come back. Not here: when it begins (`packets`), and freezing (`timers`).

use std::io;

use super::server::{LISTENER, Server};
use super::session::Ending;
use super::timers::Timer;
use crate::event::Listener;

/// Pause after somebody else was found at the address.
const AGAIN_NS: u64 = 50_000_000;

impl Server {
    /// The outage begins; `at` is the instant it was due.
    pub(super) fn crash(&mut self, at: u64) {
        let (Some(outage), Ok(address)) = (self.options.outage, self.address()) else {
            return;
        };
        let until = at + outage.for_ns;
        if self.attachment.is_some() {
            self.stay_away(until);
        } else {
            // Port 0 would be another one the next time.
            self.options.listen = address;
            self.listener = None;
            self.agenda.insert(until, Timer::Return);
        }
        for id in self.router.sessions.all() {
            self.close(id, Ending::Injected);
        }
        for waiting in self.pending.forget() {
            self.platforms.counts.lost.add(waiting.reply.name);
        }
    }

    /// The outage is over.
    pub(super) fn come_back(&mut self) {
        if let Ok(listener) = self.listen_again() {
            self.listener = Some(listener);
        } else {
            let again = self.clock.now() + AGAIN_NS;
            self.agenda.insert(again, Timer::Return);
        }
    }

    fn listen_again(&mut self) -> io::Result<Listener> {
        let address = self.options.listen;
        let mut listener = match self.poller.place() {
            Some(place) => Listener::Memory(place.listen(address)?),
            None => Listener::bind(address)?,
        };
        self.poller.watch_listener(&mut listener, LISTENER)?;
        Ok(listener)
    }
}
