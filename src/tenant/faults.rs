//! Which replies go wrong on purpose. Seeded, one decision after the other in the order of the
//! requests; not here: what an error looks like, and doing without the reply.

use super::options::TenantOptions;
use super::random::{Random, Stream};

/// How often a reply is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Not at all.
    Lost,
    /// As it should be.
    Once,
    /// Twice, back to back.
    Twice,
}

/// Draws the faults of each reply.
#[derive(Debug)]
pub struct Faults {
    error_rate: f64,
    loss: f64,
    duplicate: f64,
    random: Random,
}

impl Faults {
    /// With the shares and the seed of the options.
    pub fn new(options: &TenantOptions) -> Self {
        Self {
            error_rate: options.error_rate,
            loss: options.loss,
            duplicate: options.duplicate,
            random: Random::new(options.seed, Stream::Faults),
        }
    }

    /// Whether a reply that would be ok becomes an error.
    pub fn fails(&mut self) -> bool {
        self.random.chance(self.error_rate)
    }

    /// How often a reply is sent, ok or error.
    pub fn copies(&mut self) -> Copies {
        if self.random.chance(self.loss) {
            Copies::Lost
        } else if self.random.chance(self.duplicate) {
            Copies::Twice
        } else {
            Copies::Once
        }
    }
}
