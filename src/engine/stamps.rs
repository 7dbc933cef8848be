//! Which reads ask the kernel when it had received what they brought, and what it said of the read at hand.
//!
//! A share of all reads, at gaps that seed, worker and number of the sample decide, so that each reply
//! is sampled with the same probability, whatever connection it comes on. A read that does not ask
//! is the same system call as without any of this. Not here: how the kernel is asked (`event`), and
//! what its answer means (`measure`).

use std::io;

use super::worker::Worker;
use crate::event::{Aside, Socket};
use crate::measure::ReadStamp;
use crate::plan::hash;

/// The sampling of one worker.
#[derive(Debug)]
pub(super) struct Stamps {
    /// Of the reads, that shall ask.
    share: f64,
    /// Of the gaps.
    key: u64,
    /// Reads that have asked.
    asked: u64,
    /// Reads to the next one that asks, itself included: never 0.
    left: u64,
    aside: Aside,
    /// Whether the read at hand took everything that was there.
    dry: bool,
    /// What was said of the read at hand, if it has asked.
    said: Option<ReadStamp>,
}

impl Stamps {
    /// For so large a share of the reads, 0 to 1.
    pub(super) fn new(share: f64, key: u64) -> Self {
        Self {
            share,
            key,
            asked: 0,
            left: gap(share, hash::hash(key, 0, 0)),
            aside: Aside::new(),
            dry: false,
            said: None,
        }
    }

    /// Whether any read asks, so that sockets have to be told.
    pub(super) fn are_wanted(&self) -> bool {
        self.share > 0.0
    }

    /// One read.
    #[inline]
    pub(super) fn receive(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
        if self.left > 1 {
            self.left -= 1;
            return socket.receive(into);
        }
        self.ask(socket, into)
    }

    #[cold]
    fn ask(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
        // One that brings nothing is asked for again.
        let (count, age_ns) = socket.receive_stamped(into, &mut self.aside)?;
        self.asked += 1;
        self.left = gap(self.share, hash::hash(self.key, self.asked, 0));
        self.dry = count < into.len();
        self.said = Some(ReadStamp {
            age_ns,
            ends: false,
        });
        Ok(count)
    }

    /// The next packet of the read at hand is its last one and complete, or it is not.
    #[inline]
    pub(super) fn packet(&mut self, last: bool) {
        if let Some(said) = &mut self.said {
            said.ends = last && self.dry;
        }
    }

    /// Everything of the read at hand has been dealt with.
    pub(super) fn done(&mut self) {
        self.said = None;
    }
}

impl Worker<'_> {
    /// A request that was sent has got the reply that completes it, by the read at hand.
    #[inline]
    pub(super) fn sample(&mut self, request: u16, intended: u64, sent: u64, at: u64) {
        if let Some(said) = self.stamps.said {
            self.recorder.sampled(request, intended, sent, at, said);
        }
    }
}

/// From one read that asks to the next, if each asks with this probability whatever the others do: a
/// geometric number, from uniform bits.
fn gap(share: f64, bits: u64) -> u64 {
    if share <= 0.0 {
        return u64::MAX;
    }
    // Above 0, so that its logarithm is finite.
    let uniform = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    // The cast saturates.
    ((uniform.ln() / (-share).ln_1p()) as u64).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reads_ask_or_none() {
        for bits in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(gap(1.0, bits), 1);
            assert_eq!(gap(0.0, bits), u64::MAX);
            assert!(gap(1e-300, bits) >= 1);
        }
    }

    #[test]
    fn gaps_are_those_of_independent_choices() {
        const SHARE: f64 = 0.1;
        const COUNT: u64 = 100_000;
        let gaps: Vec<u64> = (0..COUNT)
            .map(|number| gap(SHARE, hash::hash(7, number, 0)))
            .collect();
        let mean = gaps.iter().sum::<u64>() as f64 / COUNT as f64;
        // Standard deviation of the mean: sqrt(0.9) / 0.1 / sqrt(100,000) = 0.03.
        assert!((mean - 1.0 / SHARE).abs() < 0.15, "{mean}");
        let at_once = gaps.iter().filter(|gap| **gap == 1).count() as f64 / COUNT as f64;
        assert!((at_once - SHARE).abs() < 0.005, "{at_once}");
    }

    #[test]
    fn seed_and_worker_decide_which() {
        let first = |key| (0..20).map(move |number| gap(0.01, hash::hash(key, number, 0)));
        assert!(first(1).eq(first(1)));
        assert!(first(1).ne(first(2)));
    }

    /// A network without a kernel: nothing is said, and the bytes come all the same.
    #[test]
    fn where_nothing_is_said_reads_are_reads() {
        use crate::event::Clock;
        use crate::event::memory::Network;
        let network = Network::new(64);
        let place = network.place(Clock::standing(0), std::time::Duration::ZERO);
        let address = ([127, 0, 0, 1], 1).into();
        let listener = place.listen(address).unwrap();
        let near = place.dial(address).unwrap();
        let far = listener.accept().unwrap();
        far.transmit(b"four").unwrap();
        let (mut stamps, mut buffer) = (Stamps::new(1.0, 7), [0; 8]);
        let mut socket = Socket::Memory(Box::new(near));
        assert_eq!(stamps.receive(&mut socket, &mut buffer).unwrap(), 4);
        stamps.packet(true);
        let nothing = ReadStamp {
            age_ns: None,
            ends: true,
        };
        assert_eq!(stamps.said, Some(nothing));
        stamps.done();
        assert!(stamps.receive(&mut socket, &mut buffer).is_err());
        assert_eq!(stamps.said, None);
    }
}
