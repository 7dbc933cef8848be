//! The window in which a client is measured: two looks at both ends, and what lies between them.
//!
//! Both sides are measured by this. The sink is asked what it has counted; a tenant cannot be asked,
//! it writes down what arrives and when. Not here: anything that is sent.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use midge::event::Clock;
use midge::sink::Counts;
use rustix::time::{ClockId, clock_gettime};

use super::cpu::cpu_ns;
use super::mode::FarSide;
use super::turn::{Lag, Sunk, Turn};

/// How long counters may take to come and, at the end, to be what they should be.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of the far side while it runs.
#[derive(Debug)]
pub enum Meter {
    /// A connection that asks the sink.
    Sink(TcpStream),
    /// Nothing.
    Tenant,
}

impl Meter {
    pub fn of(far: FarSide, target: SocketAddr) -> io::Result<Self> {
        if far == FarSide::Tenant {
            return Ok(Self::Tenant);
        }
        let socket = TcpStream::connect(target)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self::Sink(socket))
    }

    fn count(&mut self) -> io::Result<Option<Counts>> {
        match self {
            Self::Sink(socket) => Counts::ask(socket).map(Some),
            Self::Tenant => Ok(None),
        }
    }

    /// Fails unless the sink has counted exactly the messages that were sent. It may still be reading.
    pub fn agrees(&mut self, sent: u64) -> io::Result<()> {
        let begun = Instant::now();
        while let Some(Counts { messages, .. }) = self.count()? {
            if messages == sent {
                break;
            }
            if begun.elapsed() > PATIENCE {
                let told = format!("{sent} messages were sent and the sink has counted {messages}");
                return Err(io::Error::other(told));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// What the sink did between two looks, by its own time.
fn between(earlier: &Counts, later: &Counts) -> Sunk {
    Sunk {
        messages: later.messages - earlier.messages,
        per_s: later.per_s_since(earlier),
        busy: later.busy_since(earlier),
    }
}

/// One look, and the client's clocks, ns.
#[derive(Debug, Clone, Copy)]
struct Look {
    count: Option<Counts>,
    at_ns: u64,
    cpu_ns: u64,
}

/// From `opens` to `closes`, ns of the client's clock.
#[derive(Debug)]
pub struct Window {
    pub meter: Meter,
    opens: u64,
    closes: u64,
    first: Option<Look>,
    last: Option<Look>,
}

impl Window {
    /// Opens `warm_up` after `begins`, for so long.
    pub fn new(meter: Meter, begins: u64, warm_up: Duration, open: Duration) -> Self {
        let opens = begins + warm_up.as_nanos() as u64;
        Self {
            meter,
            opens,
            closes: opens + open.as_nanos() as u64,
            first: None,
            last: None,
        }
    }

    /// Whether it has opened and not closed.
    pub fn is_open(&self) -> bool {
        self.first.is_some() && self.last.is_none()
    }

    /// To be asked often: looks when it is time to. Whether it has closed.
    pub fn is_over(&mut self, now: u64) -> io::Result<bool> {
        if now < self.opens {
            return Ok(false);
        }
        if self.first.is_none() {
            self.first = Some(self.look()?);
        } else if now >= self.closes && self.last.is_none() {
            self.last = Some(self.look()?);
        }
        Ok(self.last.is_some())
    }

    /// For a client that runs on threads of its own: sleeps from look to look until it has closed.
    pub fn pass(&mut self, clock: Clock) -> io::Result<()> {
        for instant in [self.opens, self.closes] {
            let left = instant.saturating_sub(clock.now());
            std::thread::sleep(Duration::from_nanos(left));
            self.is_over(clock.now())?;
        }
        Ok(())
    }

    /// The sink counts while this waits for its answer, and threads of the client may go on: its
    /// processor time half-way is the one that belongs to the count.
    fn look(&mut self) -> io::Result<Look> {
        let asked = cpu_ns();
        let count = self.meter.count()?;
        let now = clock_gettime(ClockId::Monotonic);
        Ok(Look {
            count,
            at_ns: now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64,
            cpu_ns: u64::midpoint(asked, cpu_ns()),
        })
    }

    /// What was seen.
    pub fn turn(&self, sent: u64, lag: Option<Lag>) -> Turn {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            panic!("the window has not closed");
        };
        let counts = last.count.zip(first.count);
        Turn {
            opened_ns: first.at_ns,
            closed_ns: last.at_ns,
            cpu_ns: last.cpu_ns - first.cpu_ns,
            sent,
            sink: counts.map(|(last, first)| between(&first, &last)),
            lag,
        }
    }
}
