//! Masking: what a client sends goes through XOR with a key of four bytes (RFC 6455, section 5.3).
//!
//! Eight bytes at a time, in loops that the compiler turns into wider ones. Not here: headers.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// Four bytes, different for each frame.
pub type Key = [u8; 4];

/// XORs bytes with a key that begins with the first of them.
pub fn apply(bytes: &mut [u8], key: Key) {
    let wide = doubled(key);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Copies `from` to the beginning of `to`, which is at least as long, through XOR with the key.
pub fn copy(from: &[u8], to: &mut [u8], key: Key) {
    let wide = doubled(key);
    let (from, from_rest) = from.as_chunks::<8>();
    let (to, to_rest) = to[..from.len() * 8 + from_rest.len()].as_chunks_mut::<8>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = (u64::from_ne_bytes(*from) ^ wide).to_ne_bytes();
    }
    let rest = to_rest.iter_mut().zip(from_rest);
    for ((to, from), key) in rest.zip(key.iter().cycle()) {
        *to = from ^ key;
    }
}

/// The key for what follows `count` bytes that it was applied to.
pub fn behind(mut key: Key, count: usize) -> Key {
    key.rotate_left(count % 4);
    key
}

fn doubled([a, b, c, d]: Key) -> u64 {
    u64::from_ne_bytes([a, b, c, d, a, b, c, d])
}

/// Keys that nobody can foretell, as section 10.3 wants them: drawn from the system, many at a time,
/// because a call for each would cost more than the masking.
pub struct Keys {
    drawn: [u8; 1024],
    used: usize,
}

impl Keys {
    /// None drawn yet.
    pub const fn new() -> Self {
        Self {
            drawn: [0; 1024],
            used: 1024,
        }
    }

    /// The next one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn draw(&mut self) -> io::Result<Key> {
        if self.used == self.drawn.len() {
            fill(&mut self.drawn)?;
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.drawn[self.used..self.used + 4]);
        self.used += 4;
        Ok(key)
    }
}

/// Random bytes of the system.
///
/// # Errors
/// It has none.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let none = |_| io::Error::other("the system has no randomness");
    SystemRandom::new().fill(bytes).map_err(none)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// As the specification writes it.
    fn byte_by_byte(bytes: &[u8], key: Key) -> Vec<u8> {
        let masked = bytes.iter().enumerate();
        masked.map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn every_length_is_masked_as_the_specification_says() {
        let bytes: Vec<u8> = (0..100).map(|i| (i * 7) as u8).collect();
        let key = [1, 20, 130, 255];
        for length in 0..bytes.len() {
            let expected = byte_by_byte(&bytes[..length], key);
            let mut applied = bytes[..length].to_vec();
            apply(&mut applied, key);
            assert_eq!(applied, expected);
            let mut copied = vec![9; length + 3];
            copy(&bytes[..length], &mut copied, key);
            assert_eq!(copied[..length], expected);
            assert_eq!(copied[length..], [9; 3]);
        }
    }

    #[test]
    fn masking_goes_on_wherever_it_was_interrupted() {
        let bytes: Vec<u8> = (0..40).collect();
        let key = [3, 5, 7, 11];
        let whole = byte_by_byte(&bytes, key);
        for cut in 0..bytes.len() {
            let mut pieces = bytes.clone();
            let (first, second) = pieces.split_at_mut(cut);
            apply(first, key);
            apply(second, behind(key, cut));
            assert_eq!(pieces, whole, "cut at {cut}");
        }
    }

    #[test]
    fn keys_differ() {
        let mut keys = Keys::new();
        let drawn: BTreeSet<Key> = (0..2000).map(|_| keys.draw().unwrap()).collect();
        // Two of two thousand are equal once in two thousand times; ten never.
        assert!(drawn.len() > 1990);
    }
}
