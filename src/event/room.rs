//! Room in tables that grow with a fleet: an eighth more each time, instead of twice as much.
//!
//! A table of a million rows that doubles holds room for up to a million that never come. Not here:
//! what is in a table.

use std::collections::VecDeque;

/// Fewest rows that are added, and fewest that are worth giving back.
const STEP: usize = 64;

/// Makes room for one more. Growing to n rows moves each of them about nine times in all.
pub fn grow<T>(table: &mut Vec<T>) {
    if table.len() == table.capacity() {
        table.reserve_exact((table.len() / 8).max(STEP));
    }
}

/// Gives back what a queue needed in a burst, when it holds less than a quarter of it.
pub fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > 64 * STEP && queue.len() < queue.capacity() / 4 {
        queue.shrink_to(queue.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_never_more_than_an_eighth_to_spare() {
        let mut table = Vec::new();
        for row in 0..100_000_u32 {
            grow(&mut table);
            table.push(row);
            assert!(table.capacity() <= table.len() + (table.len() / 8).max(STEP));
        }
    }

    #[test]
    fn a_queue_keeps_what_it_uses_and_gives_back_what_a_burst_took() {
        let mut queue: VecDeque<u32> = (0..100_000).collect();
        let full = queue.capacity();
        give_back(&mut queue);
        assert_eq!(queue.capacity(), full);
        queue.drain(1_000..);
        give_back(&mut queue);
        assert!(queue.capacity() < 10_000 && queue.len() == 1_000);
        let small = queue.capacity();
        queue.clear();
        give_back(&mut queue);
        assert_eq!(queue.capacity(), small);
    }
}
