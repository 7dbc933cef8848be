//! Buffers that are used again: a connection has one only while bytes wait in it.
//!
//! Not here: what is in them.

/// Buffers larger than this are not kept for the next use; bytes.
const SIZE_MAX: usize = 256 << 10;
/// Buffers kept for the next use.
const KEPT_MAX: usize = 1 << 10;

/// Empty buffers that nobody uses.
#[derive(Debug, Default)]
pub struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Gives a buffer back; what is in it is dropped.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        let size = buffer.capacity();
        if (1..=SIZE_MAX).contains(&size) && self.0.len() < KEPT_MAX {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_large_ones_do_not() {
        let mut buffers = Buffers::default();
        buffers.give(Vec::new());
        buffers.give(Vec::with_capacity(SIZE_MAX + 1));
        assert_eq!(buffers.take().capacity(), 0);
        let mut used = Vec::with_capacity(100);
        used.push(1);
        buffers.give(used);
        let again = buffers.take();
        assert!(again.is_empty() && again.capacity() >= 100);
        for _ in 0..2 * KEPT_MAX {
            buffers.give(vec![1]);
        }
        assert_eq!(buffers.0.len(), KEPT_MAX);
    }
}
