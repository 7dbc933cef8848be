//! Which replies go wrong on purpose. Seeded, one decision after the other in the order of the
//! requests; not here: what an error looks like, and doing without the reply. Replies that come late
//! or overtake each other are no fault of their own: a service time that varies makes them.

use super::options::TenantOptions;
use super::random::{Random, Stream};

/// What becomes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is not sent.
    Lost,
    /// It is sent as it should be.
    Sent,
    /// It is sent twice, back to back.
    Repeated,
    /// It is sent to another connection, and not to the one that waits for it.
    Misdirected,
    /// It is sent, and after it one to a request that nobody has made.
    Orphaned,
}

/// Draws the faults of each reply.
#[derive(Debug)]
pub struct Faults {
    error_rate: f64,
    loss: f64,
    duplicate: f64,
    misdirect: f64,
    orphan: f64,
    random: Random,
}

impl Faults {
    /// With the shares and the seed of the options.
    pub fn new(options: &TenantOptions) -> Self {
        Self {
            error_rate: options.error_rate,
            loss: options.loss,
            duplicate: options.duplicate,
            misdirect: options.misdirect,
            orphan: options.orphan,
            random: Random::new(options.seed, Stream::Faults),
        }
    }

    /// Whether a reply that would be ok becomes an error.
    pub fn fails(&mut self) -> bool {
        self.random.chance(self.error_rate)
    }

    /// What becomes of a reply, ok or error.
    pub fn fate(&mut self) -> Fate {
        if self.random.chance(self.loss) {
            Fate::Lost
        } else if self.random.chance(self.duplicate) {
            Fate::Repeated
        } else if self.misdirect > 0.0 && self.random.chance(self.misdirect) {
            // Where a fault is not asked for, the numbers of the others stay what they were.
            Fate::Misdirected
        } else if self.orphan > 0.0 && self.random.chance(self.orphan) {
            Fate::Orphaned
        } else {
            Fate::Sent
        }
    }

    /// One of so many that a misdirected reply may go to.
    pub fn choose(&mut self, of: usize) -> usize {
        self.random.below(of)
    }
}
