//! The window in which a client is measured: two looks at both ends, and what lies between them.
//!
//! Both sides are measured by this. The sink is asked what it has counted; a client against a tenant
//! says itself how many replies it has. Not here: anything that is sent.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use midge::event::Clock;
use midge::measure::Distribution;
use serde::{Deserialize, Serialize};

use super::cpu::cpu_ns;
use super::mode::FarSide;
use super::sink::{ANSWER, ASK};

/// How long counters may take to come and, at the end, to be what they should be.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one turn has yielded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Outcome {
    /// Messages per second.
    pub per_s: f64,
    /// Processor time of the client's process per message, us; none if there was no message.
    pub cpu_us: Option<f64>,
    /// Share of the window that a sink was on its processor; nobody asks a tenant.
    pub far_busy: Option<f64>,
    /// How late messages left, if there was a schedule.
    pub lag: Option<Lag>,
}

/// How late messages left, us.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Lag {
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Lag {
    /// From the distribution of a turn.
    pub fn of(lag: &Distribution) -> Option<Self> {
        let (p50_us, p99_us) = (lag.p50?, lag.p99?);
        Some(Self { p50_us, p99_us })
    }
}

/// What is known of the far side.
#[derive(Debug)]
pub enum Meter {
    /// A connection that asks the sink.
    Sink(TcpStream),
    /// The client counts.
    Own,
}

impl Meter {
    pub fn of(far: FarSide, target: SocketAddr) -> io::Result<Self> {
        if far == FarSide::Tenant {
            return Ok(Self::Own);
        }
        let socket = TcpStream::connect(target)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self::Sink(socket))
    }

    /// `own` counts where the far side does not.
    fn count(&mut self, own: u64) -> io::Result<Count> {
        let Self::Sink(socket) = self else {
            return Ok(Count {
                messages: own,
                far: None,
            });
        };
        let mut answer = [0; ANSWER];
        socket.write_all(&ASK)?;
        socket.read_exact(&mut answer)?;
        let (numbers, _) = answer.as_chunks::<8>();
        let at = |index: usize| u64::from_be_bytes(numbers[index]);
        Ok(Count {
            messages: at(0),
            far: Some(Spent {
                at_ns: at(1),
                cpu_ns: at(2),
            }),
        })
    }

    /// Fails unless the sink has counted exactly the messages that were sent. It may still be reading.
    pub fn agrees(&mut self, sent: u64) -> io::Result<()> {
        if matches!(self, Self::Own) {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            let counted = self.count(0)?.messages;
            if counted == sent {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let told = format!("{sent} messages were sent and the sink has counted {counted}");
                return Err(io::Error::other(told));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Messages so far, and the sink's own clocks when it counted them.
#[derive(Debug, Clone, Copy)]
struct Count {
    messages: u64,
    far: Option<Spent>,
}

/// Two clocks of one process, ns.
#[derive(Debug, Clone, Copy)]
struct Spent {
    at_ns: u64,
    cpu_ns: u64,
}

impl Spent {
    fn seconds_since(self, earlier: Self) -> f64 {
        (self.at_ns - earlier.at_ns) as f64 / 1e9
    }

    /// Share of the time that it was on a processor.
    fn share_since(self, earlier: Self) -> f64 {
        (self.cpu_ns - earlier.cpu_ns) as f64 / 1e9 / self.seconds_since(earlier)
    }
}

/// One look.
#[derive(Debug, Clone, Copy)]
struct Look {
    count: Count,
    client: Spent,
}

/// From `opens` to `closes`, ns of the client's clock.
#[derive(Debug)]
pub struct Window {
    pub meter: Meter,
    clock: Clock,
    opens: u64,
    closes: u64,
    first: Option<Look>,
    last: Option<Look>,
}

/// What lies between the two looks.
#[derive(Debug, Clone, Copy)]
pub struct Between {
    /// Messages per second.
    pub per_s: f64,
    client_share: f64,
    far_busy: Option<f64>,
}

impl Between {
    /// As the outcome of the turn.
    pub fn with(self, lag: Option<Lag>) -> Outcome {
        Outcome {
            per_s: self.per_s,
            cpu_us: (self.per_s > 0.0).then(|| self.client_share / self.per_s * 1e6),
            far_busy: self.far_busy,
            lag,
        }
    }
}

impl Window {
    /// Opens `warm_up` after `begins`.
    pub fn new(meter: Meter, clock: Clock, begins: u64, warm_up: Duration, open: Duration) -> Self {
        let opens = begins + warm_up.as_nanos() as u64;
        Self {
            meter,
            clock,
            opens,
            closes: opens + open.as_nanos() as u64,
            first: None,
            last: None,
        }
    }

    /// When it opens and closes, ns of the client's clock.
    pub fn ends(&self) -> [u64; 2] {
        [self.opens, self.closes]
    }

    /// Whether it has opened and not closed.
    pub fn is_open(&self) -> bool {
        self.first.is_some() && self.last.is_none()
    }

    /// To be asked often: looks when it is time to. Whether it has closed.
    pub fn is_over(&mut self, now: u64, own: u64) -> io::Result<bool> {
        if now < self.opens {
            return Ok(false);
        }
        if self.first.is_none() {
            self.first = Some(self.look(own)?);
        } else if now >= self.closes && self.last.is_none() {
            self.last = Some(self.look(own)?);
        }
        Ok(self.last.is_some())
    }

    fn look(&mut self, own: u64) -> io::Result<Look> {
        Ok(Look {
            count: self.meter.count(own)?,
            client: Spent {
                at_ns: self.clock.now(),
                cpu_ns: cpu_ns(),
            },
        })
    }

    /// What was seen. The sink's messages are divided by the sink's time, the client's by the
    /// client's: the looks of the two are not quite at the same instant.
    pub fn between(&self) -> Between {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            panic!("the window has not closed");
        };
        let far = last.count.far.zip(first.count.far);
        let seconds = far.map_or_else(
            || last.client.seconds_since(first.client),
            |(last, first)| last.seconds_since(first),
        );
        Between {
            per_s: (last.count.messages - first.count.messages) as f64 / seconds,
            client_share: last.client.share_since(first.client),
            far_busy: far.map(|(last, first)| last.share_since(first)),
        }
    }
}
