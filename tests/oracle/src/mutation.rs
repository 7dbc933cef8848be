//! Valid packets, broken at random from a seed. Shared by the oracle package and `tests/codec.rs`.
//!
//! Not a fuzzer with feedback: blind edits, many of which leave the remaining length right, so that
//! they reach the fields.

use midge::mqtt::header;

/// A small seeded generator (SplitMix64): the same seed gives the same mutations on every machine.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` - 1; 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.next().checked_rem(limit as u64).unwrap_or(0) as usize
    }

    /// One of `all`, which are some.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Yes or no.
    pub fn flip(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// One of `valid`, edited one to three times, with the remaining length made right again two times
/// out of three.
pub fn mutate(random: &mut Random, valid: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = valid[random.below(valid.len())].clone();
    for _ in 0..=random.below(3) {
        edit(random, &mut bytes, valid);
    }
    if random.below(3) > 0 {
        bytes = with_right_length(&bytes);
    }
    bytes
}

fn edit(random: &mut Random, bytes: &mut Vec<u8>, valid: &[Vec<u8>]) {
    // Bytes that mean something somewhere: lengths, wildcards, flags, pieces of UTF-8, the bound of
    // a length group.
    const TELLING: [u8; 16] = [
        0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, b'+', b'#', b'/', b'$', 0xc3, 0xed, 0xef, 0xf4,
    ];
    let at = random.below(bytes.len());
    let telling = TELLING[random.below(TELLING.len())];
    match random.below(7) {
        0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        2 if !bytes.is_empty() => bytes[at] = telling,
        3 => bytes.insert(at, telling),
        4 if !bytes.is_empty() => drop(bytes.remove(at)),
        5 => bytes.truncate(at),
        _ => {
            let other = &valid[random.below(valid.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len())..]);
        }
    }
}

/// The same first byte and body behind a remaining length that fits.
fn with_right_length(bytes: &[u8]) -> Vec<u8> {
    let Ok(Some(found)) = header::read(bytes) else {
        return bytes.to_vec();
    };
    let body = &bytes[found.len..];
    let mut out = vec![found.first_byte];
    header::write_remaining_length(body.len() as u32, &mut out);
    out.extend_from_slice(body);
    out
}
