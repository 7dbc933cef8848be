//! The instrument tested against what is known beforehand: delays, stalls, queues and faults whose
//! effect on every figure is arithmetic.
//!
//! Twelve tests, T1 to T12, one file each. A test makes an [`Order`] (a load, and a tenant that behaves
//! in a known way), has it carried out by a [`Runner`], and holds the figures of the report against the
//! [`answers`]. It does not know whether the runner has real sockets and real time ([`Sockets`]) or neither
//! ([`VirtualTime`]), only its [`Terms`]. A run that calls itself INVALID because the machine was busy is
//! repeated, never judged.
//! Not here: printing (`cli`), and making up figures: every one comes out of a result as users get it.

pub mod answers;
mod arrivals;
mod bench;
mod change;
mod counts;
mod delays;
mod drift;
mod folder;
mod histogram;
mod little;
mod observed;
mod order;
mod queue;
mod replies;
mod row;
mod runner;
mod sickness;
mod silence;
mod sockets;
mod stall;
mod virtual_time;

pub use bench::{Bench, Proof, Trouble};
pub use observed::Observed;
pub use order::{Arrivals, Hold, Machine, Order};
pub use row::{Row, Rows};
pub use runner::{Broken, Runner, Terms};
pub use sockets::Sockets;
pub use virtual_time::VirtualTime;

/// One of the tests.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// `T1` to `T12`.
    pub id: &'static str,
    /// What is known beforehand.
    pub about: &'static str,
    judge: fn(&Bench, &mut Rows) -> Result<(), Trouble>,
}

impl Test {
    /// Every one, in order.
    pub const ALL: [Self; 12] = [
        Self::new("T1", "a known stall", stall::judge),
        Self::new("T2", "known delays", delays::judge),
        Self::new("T3", "a known queue (M/M/1)", queue::judge),
        Self::new("T4", "a tenant that never answers again", silence::judge),
        Self::new("T5", "arrivals of a Poisson process", arrivals::judge),
        Self::new("T6", "counts of both sides", counts::judge),
        Self::new("T7", "a sick generator", sickness::judge),
        Self::new("T8", "Little's law", little::judge),
        Self::new("T9", "the histogram against a sorted log", histogram::judge),
        Self::new("T10", "drift over a million sends", drift::judge),
        Self::new("T11", "replies that are wrong", replies::judge),
        Self::new("T12", "no change, and a known one", change::judge),
    ];

    const fn new(
        id: &'static str,
        about: &'static str,
        judge: fn(&Bench, &mut Rows) -> Result<(), Trouble>,
    ) -> Self {
        Self { id, about, judge }
    }

    /// The test of this name, in any case.
    pub fn find(id: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|test| test.id.eq_ignore_ascii_case(id))
    }

    /// Carries it out. A run that could not be believed is a row that does not hold.
    ///
    /// # Errors
    /// Nothing could be run, or it was stopped.
    pub fn prove(self, runner: &dyn Runner) -> Result<Proof, Broken> {
        let bench = Bench::new(runner);
        let mut rows = Rows::new(self.id, 0);
        match (self.judge)(&bench, &mut rows) {
            Ok(()) => {}
            Err(Trouble::Unbelievable { runs, why }) => {
                rows.about(runs);
                rows.exact(&format!("runs to be believed ({why})"), 1, 0);
            }
            Err(Trouble::Broken(broken)) => return Err(broken),
        }
        Ok(bench.proof(self, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_numbered_in_order_and_found_by_their_number() {
        for (place, test) in Test::ALL.iter().enumerate() {
            assert_eq!(test.id, format!("T{}", place + 1));
            let found = Test::find(&test.id.to_lowercase()).expect("it is there");
            assert_eq!(found.id, test.id);
        }
        assert!(Test::find("T13").is_none() && Test::find("").is_none());
    }
}
