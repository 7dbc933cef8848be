//! Counts packets in a stream of bytes, cut as the sink cuts them.
//!
//! Not here: what is in them.

use midge::sink::{Cut, cut};

/// Counts the packets that come on one connection.
#[derive(Debug, Default)]
pub struct Counter {
    /// The beginning of a packet whose end has not come.
    rest: Vec<u8>,
}

impl Counter {
    /// How many packets end in these bytes.
    pub fn count(&mut self, bytes: &[u8]) -> u64 {
        if self.rest.is_empty() {
            let (count, eaten) = packets(bytes);
            self.rest.extend_from_slice(&bytes[eaten..]);
            return count;
        }
        self.rest.extend_from_slice(bytes);
        let (count, eaten) = packets(&self.rest);
        self.rest.drain(..eaten);
        count
    }
}

/// Whole packets, and where they end.
fn packets(bytes: &[u8]) -> (u64, usize) {
    let (mut count, mut at) = (0, 0);
    loop {
        match cut(&bytes[at..]) {
            Cut::Packet { end, .. } => {
                count += 1;
                at += end;
            }
            Cut::Partial => return (count, at),
            Cut::Broken => panic!("the far side sent what is no packet"),
        }
    }
}
