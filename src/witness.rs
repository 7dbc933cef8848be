//! The witness: a second, independent client that sends probes in the same run.
//!
//! It is `mqtt-async-client` on tokio, on a thread of its own, with connections and identities that
//! are not the fleet's. It shares nothing with the engine but the plan's encoder and patterns, so a
//! mistake of the engine's clocks, sockets or matching is not a mistake of both. What it says is
//! evidence, never a load and never a verdict. Not here: comparing (that is `measure`).

mod connection;
mod order;
mod setting;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::event::Clock;
use crate::measure::{Bounds, Probes, Testimony};
use crate::random::{hash, unit};
use crate::units::nanoseconds;

use connection::{Connection, Part};
pub use order::Order;
pub use setting::Setting;

/// Connections, and endpoints, of the witness.
///
/// Each has at most one probe under way, and rests afterwards: the client does not set `TCP_NODELAY`,
/// so a second message behind one that is not acknowledged would wait for the far side's delayed
/// acknowledgement of 40 ms. At the highest rate a connection is used every 160 ms.
pub const CONNECTIONS: u32 = 32;

/// What the client is called in results.
const CLIENT: &str = "mqtt-async-client";

/// When probes are due and when all is over, ns of the run's clock; `u64::MAX` is not known yet.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: u64,
    until: u64,
    end: u64,
}

impl Window {
    const UNKNOWN: Self = Self {
        from: u64::MAX,
        until: u64::MAX,
        end: u64::MAX,
    };
}

/// The instants of one connection: every slot of `CONNECTIONS` periods has one, anywhere in its part.
#[derive(Debug, Clone, Copy)]
struct Slots {
    connection: u32,
    period_ns: f64,
    key: u64,
}

impl Slots {
    /// When number `slot` is due; `None` while the beginning is not known, or when it is too late.
    fn due(self, slot: u64, window: Window) -> Option<u64> {
        if window.from == u64::MAX {
            return None;
        }
        // Even spacing could fall into step with something periodic on the other side.
        let within = unit(hash(self.key, u64::from(self.connection), slot));
        let periods = slot as f64 * f64::from(CONNECTIONS) + f64::from(self.connection) + within;
        let due = window
            .from
            .saturating_add((periods * self.period_ns) as u64);
        (due < window.until).then_some(due)
    }

    /// How many there are.
    fn count(self, window: Window) -> u64 {
        let mut slot = 0;
        while self.due(slot, window).is_some() {
            slot += 1;
        }
        slot
    }
}

/// A witness at work.
#[derive(Debug)]
pub struct Witness {
    window: watch::Sender<Window>,
    thread: JoinHandle<std::io::Result<Vec<Part>>>,
    order: Arc<Order>,
    seed: u64,
    clock: Clock,
    bounds: Bounds,
}

impl Witness {
    /// Starts its thread, which begins to connect.
    ///
    /// # Errors
    /// No thread could be made.
    pub fn start(order: Order, setting: Setting) -> std::io::Result<Self> {
        let order = Arc::new(order);
        let (window, watched) = watch::channel(Window::UNKNOWN);
        let (seed, clock, bounds) = (setting.profile.load.seed, setting.clock, setting.bounds);
        let of_thread = order.clone();
        let thread = std::thread::Builder::new()
            .name("witness".into())
            .spawn(move || work(&of_thread, &Arc::new(setting), &watched))?;
        Ok(Self {
            window,
            thread,
            order,
            seed,
            clock,
            bounds,
        })
    }

    /// Probes are due between these two instants, ns of the run's clock.
    pub fn begin(&self, from: u64, until: u64) {
        self.window.send_modify(|window| {
            window.from = from;
            window.until = until.min(window.until);
        });
    }

    /// No more probes; those under way are waited for.
    pub fn stop(&self) {
        let now = self.clock.now();
        self.window
            .send_modify(|window| window.until = window.until.min(now));
    }

    /// Waits for what is under way, at most for `drain`, and takes the testimony.
    pub fn finish(self, drain: Duration) -> Testimony {
        self.stop();
        let end = self.clock.now().saturating_add(nanoseconds(drain));
        self.window.send_modify(|window| window.end = end);
        // A thread that broke down leaves no probes; the report then says that the witness was silent.
        let parts = self
            .thread
            .join()
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default();
        let window = *self.window.borrow();
        let mut probes = Probes::new(self.bounds);
        for part in &parts {
            probes.merge(&part.probes);
        }
        probes.planned = (0..CONNECTIONS)
            .map(|connection| self.order.slots(connection, self.seed).count(window))
            .sum();
        Testimony {
            client: CLIENT,
            requests: self.order.requests(),
            not_probed: self.order.not_probed.clone(),
            rate: self.order.rate,
            connections: CONNECTIONS,
            connected: parts.iter().filter(|part| part.connected).count() as u32,
            probes,
        }
    }
}

/// The thread: one task for each connection, and one of the client's own.
fn work(
    order: &Arc<Order>,
    setting: &Arc<Setting>,
    window: &watch::Receiver<Window>,
) -> std::io::Result<Vec<Part>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = LocalSet::new();
    let parts = runtime.block_on(tasks.run_until(async {
        let started: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let connection =
                    Connection::new(number, order.clone(), setting.clone(), window.clone());
                tokio::task::spawn_local(connection.run())
            })
            .collect();
        let mut parts = Vec::with_capacity(started.len());
        for task in started {
            parts.extend(task.await);
        }
        parts
    }));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(connection: u32, rate: f64) -> Slots {
        Slots {
            connection,
            period_ns: 1e9 / rate,
            key: 7,
        }
    }

    #[test]
    fn together_the_connections_keep_the_rate_and_none_is_used_in_quick_succession() {
        let window = Window {
            from: 5_000_000_000,
            until: 15_000_000_000,
            end: u64::MAX,
        };
        let all: u64 = (0..CONNECTIONS)
            .map(|each| slots(each, 200.0).count(window))
            .sum();
        assert!((1_998..=2_002).contains(&all), "{all}");
        for connection in 0..CONNECTIONS {
            let slots = slots(connection, 200.0);
            let instants: Vec<u64> = (0..).map_while(|slot| slots.due(slot, window)).collect();
            assert!(instants[0] >= window.from);
            // 160 ms, give or take one part of 5 ms.
            assert!(
                instants
                    .windows(2)
                    .all(|pair| pair[1] - pair[0] >= 154_000_000)
            );
        }
    }

    #[test]
    fn nothing_is_due_before_the_beginning_is_known() {
        assert_eq!(slots(0, 10.0).due(0, Window::UNKNOWN), None);
        assert_eq!(slots(0, 10.0).count(Window::UNKNOWN), 0);
    }
}
