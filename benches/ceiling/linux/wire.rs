//! Packets in a stream of bytes, by fixed header and remaining length alone (MQTT 3.1.1, section 2.2).
//!
//! Written apart from the crate's codec, which is part of what is measured. Not here: what is in them.

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A whole packet: where its body begins and where it ends.
    Packet { body: usize, end: usize },
    /// A packet that has not ended.
    Partial,
    /// No packet.
    Broken,
}

/// The first packet of `bytes`.
pub fn cut(bytes: &[u8]) -> Cut {
    let mut length = 0;
    for index in 1..=4 {
        let Some(byte) = bytes.get(index) else {
            return Cut::Partial;
        };
        length |= usize::from(byte & 127) << (7 * (index - 1));
        if byte & 128 == 0 {
            let body = index + 1;
            let end = body + length;
            return if end <= bytes.len() {
                Cut::Packet { body, end }
            } else {
                Cut::Partial
            };
        }
    }
    Cut::Broken
}

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
