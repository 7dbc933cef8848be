//! Timers that keep their exact instants.
//!
//! A hashed wheel: a timer lies in the slot of its instant (65.5 us wide), timers of later turns lie
//! there too and are passed over. Insert and cancel are O(1) and do not allocate once the slab has
//! grown; what is due comes out in order of instant, however late it is asked for, and what is due
//! at the same instant in the order in which it was set. A bitmap of
//! occupied slots finds the next wake-up without walking empty ones.
//! Not here: clocks and waiting; the caller brings `now`.

use super::room;

const SLOT_SHIFT: u32 = 16;
const SLOTS: usize = 1 << 14;
const MASK: u64 = SLOTS as u64 - 1;
const NONE: u32 = u32::MAX;

/// Names a timer until it has fired or was cancelled; afterwards it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    index: u32,
    generation: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node<T> {
    at: u64,
    previous: u32,
    next: u32,
    generation: u32,
    /// Where it lies; a timer set in the past does not lie at the slot of its instant.
    slot: u16,
    /// `None` in a free node.
    what: Option<T>,
}

/// A set of timers, each with an instant in nanoseconds and something to say.
#[derive(Debug)]
pub struct Wheel<T: Copy> {
    heads: Vec<u32>,
    /// Of each slot: nothing in it is due before. Tells a slot of later turns without walking it.
    bounds: Vec<u64>,
    occupied: Vec<u64>,
    nodes: Vec<Node<T>>,
    free: u32,
    len: usize,
    /// Everything in slots before this absolute slot number has fired.
    turn: u64,
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel that begins at `now`.
    pub fn new(now: u64) -> Self {
        Self {
            heads: vec![NONE; SLOTS],
            bounds: vec![u64::MAX; SLOTS],
            occupied: vec![0; SLOTS / 64],
            nodes: Vec::new(),
            free: NONE,
            len: 0,
            turn: now >> SLOT_SHIFT,
        }
    }

    /// Makes room for so many more timers, and not for twice as many.
    pub fn reserve(&mut self, more: usize) {
        self.nodes.reserve_exact(more);
    }

    /// Bytes that a timer takes.
    pub const fn timer_bytes() -> usize {
        size_of::<Node<T>>()
    }

    /// Number of timers that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a timer. An instant in the past is due at once.
    // Inlined so that `what` is made where it lies: passed on, it was read back before it had been
    // written, a stall of a hundred cycles for each message.
    #[inline]
    pub fn insert(&mut self, at: u64, what: T) -> Handle {
        let index = self.link(at);
        let node = &mut self.nodes[index as usize];
        node.what = Some(what);
        Handle {
            index,
            generation: node.generation,
        }
    }

    /// Takes a node and puts it at the head of the slot of `at`.
    fn link(&mut self, at: u64) -> u32 {
        let slot = self.slot_of(at);
        let next = self.heads[slot];
        let index = self.take_node();
        let node = &mut self.nodes[index as usize];
        node.at = at;
        node.previous = NONE;
        node.next = next;
        node.slot = slot as u16;
        if next != NONE {
            self.nodes[next as usize].previous = index;
        }
        self.heads[slot] = index;
        self.bounds[slot] = self.bounds[slot].min(at);
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.len += 1;
        index
    }

    /// Removes a timer; false when it has fired or was cancelled before.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        match self.nodes.get(handle.index as usize) {
            Some(node) if node.generation == handle.generation && node.what.is_some() => {
                self.remove(handle.index);
                true
            }
            _ => false,
        }
    }

    /// The earliest instant, or an instant before it at which asking again is worth while: `until` if
    /// nothing is due before. Slots beyond it are not looked at; thousands of timers may lie there.
    pub fn next(&mut self, until: u64) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        let start = (self.turn & MASK) as usize;
        let ahead = (until >> SLOT_SHIFT).saturating_sub(self.turn) as usize;
        let mut offset = 0;
        while let Some(slot) = self.occupied_slot(start, offset) {
            let distance = (slot + SLOTS - start) % SLOTS;
            if distance > ahead {
                return Some(until);
            }
            let absolute = self.turn + distance as u64;
            if let Some(at) = self.earliest_in(slot, absolute) {
                return Some(at);
            }
            offset = distance + 1;
            if offset >= SLOTS {
                break;
            }
        }
        // All timers are more than one turn away.
        Some(until.min((self.turn + SLOTS as u64) << SLOT_SHIFT))
    }

    /// Appends every timer with an instant at or before `now` to `out`, in order of instant.
    pub fn expire(&mut self, now: u64, out: &mut Vec<(u64, T)>) {
        let begin = out.len();
        let last = now >> SLOT_SHIFT;
        if last >= self.turn && self.len > 0 {
            let start = (self.turn & MASK) as usize;
            let span = ((last - self.turn) as usize).min(SLOTS - 1);
            let mut offset = 0;
            while offset <= span {
                let Some(slot) = self.occupied_slot(start, offset) else {
                    break;
                };
                let distance = (slot + SLOTS - start) % SLOTS;
                if distance > span {
                    break;
                }
                self.drain_slot(slot, now, out);
                offset = distance + 1;
            }
        }
        self.turn = self.turn.max(last);
        out[begin..].sort_by_key(|&(at, _)| at);
    }

    /// Slots never lie before `turn`, so that a timer set in the past is found at once.
    fn slot_of(&self, at: u64) -> usize {
        ((at >> SLOT_SHIFT).max(self.turn) & MASK) as usize
    }

    fn take_node(&mut self) -> u32 {
        if self.free == NONE {
            room::grow(&mut self.nodes);
            self.nodes.push(Node {
                at: 0,
                previous: NONE,
                next: NONE,
                generation: 0,
                slot: 0,
                what: None,
            });
            return (self.nodes.len() - 1) as u32;
        }
        let index = self.free;
        self.free = self.nodes[index as usize].next;
        index
    }

    /// Unlinks a node and gives it to the free list.
    fn remove(&mut self, index: u32) -> Option<(u64, T)> {
        let Node {
            at,
            previous,
            next,
            slot,
            ..
        } = self.nodes[index as usize];
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous == NONE {
            let slot = usize::from(slot);
            self.heads[slot] = next;
            if next == NONE {
                self.bounds[slot] = u64::MAX;
                self.occupied[slot / 64] &= !(1 << (slot % 64));
            }
        } else {
            self.nodes[previous as usize].next = next;
        }
        let free = self.free;
        let node = &mut self.nodes[index as usize];
        let what = node.what.take();
        node.generation = node.generation.wrapping_add(1);
        node.next = free;
        self.free = index;
        self.len -= 1;
        what.map(|what| (at, what))
    }

    fn drain_slot(&mut self, slot: usize, now: u64, out: &mut Vec<(u64, T)>) {
        if self.bounds[slot] > now {
            return;
        }
        let (mut left, begin) = (u64::MAX, out.len());
        let mut index = self.heads[slot];
        while index != NONE {
            let Node { at, next, .. } = self.nodes[index as usize];
            if at <= now {
                out.extend(self.remove(index));
            } else {
                left = left.min(at);
            }
            index = next;
        }
        self.bounds[slot] = left;
        // The youngest lies in front; those of one instant come in the order in which they were set.
        out[begin..].reverse();
    }

    /// The first occupied slot at `start + offset` or after, in wheel order, within one turn.
    fn occupied_slot(&self, start: usize, offset: usize) -> Option<usize> {
        let words = self.occupied.len();
        let first = (start + offset) % SLOTS;
        let remaining = SLOTS - offset;
        let mut word = first / 64;
        let mut bits = self.occupied[word] & (u64::MAX << (first % 64));
        for _ in 0..=words {
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                let distance = (slot + SLOTS - first) % SLOTS;
                return (distance < remaining).then_some(slot);
            }
            word = (word + 1) % words;
            bits = self.occupied[word];
        }
        None
    }

    /// The earliest instant in a slot that belongs to this turn (or is overdue).
    fn earliest_in(&mut self, slot: usize, absolute: u64) -> Option<u64> {
        let end = (absolute + 1) << SLOT_SHIFT;
        if self.bounds[slot] >= end {
            return None;
        }
        let mut earliest = u64::MAX;
        let mut index = self.heads[slot];
        while index != NONE {
            let node = &self.nodes[index as usize];
            earliest = earliest.min(node.at);
            index = node.next;
        }
        // What was cancelled has left it too low.
        self.bounds[slot] = earliest;
        (earliest < end).then_some(earliest)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn fired(wheel: &mut Wheel<u32>, now: u64) -> Vec<(u64, u32)> {
        let mut out = Vec::new();
        wheel.expire(now, &mut out);
        out
    }

    #[test]
    fn a_timer_fires_at_its_instant_and_not_a_nanosecond_before() {
        let mut wheel = Wheel::new(0);
        wheel.insert(1_000_001, 1);
        assert_eq!(fired(&mut wheel, 1_000_000), []);
        assert_eq!(wheel.next(u64::MAX), Some(1_000_001));
        assert_eq!(fired(&mut wheel, 1_000_001), [(1_000_001, 1)]);
        assert_eq!(wheel.next(u64::MAX), None);
    }

    #[test]
    fn after_a_stall_everything_overdue_comes_out_in_order_of_instant() {
        let mut wheel = Wheel::new(0);
        for at in [5_000_000_000, 10, 2_500_000_000, 2_500_000_001, 70_000] {
            wheel.insert(at, 0);
        }
        let order: Vec<u64> = fired(&mut wheel, 6_000_000_000)
            .iter()
            .map(|timer| timer.0)
            .collect();
        assert_eq!(
            order,
            [10, 70_000, 2_500_000_000, 2_500_000_001, 5_000_000_000]
        );
    }

    #[test]
    fn timers_of_one_instant_fire_in_the_order_in_which_they_were_set() {
        let mut wheel = Wheel::new(0);
        for number in 0..5 {
            wheel.insert(70_000, number);
        }
        let order: Vec<u32> = fired(&mut wheel, 80_000)
            .iter()
            .map(|timer| timer.1)
            .collect();
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_timer_set_in_the_past_is_due_at_once_and_can_be_cancelled() {
        let mut wheel = Wheel::new(0);
        fired(&mut wheel, 9_000_000_000);
        let late = wheel.insert(5, 1);
        wheel.insert(6, 2);
        assert!(wheel.cancel(late));
        assert!(!wheel.cancel(late));
        assert_eq!(fired(&mut wheel, 9_000_000_000), [(6, 2)]);
    }

    #[test]
    fn a_handle_of_a_fired_timer_cancels_nothing_else() {
        let mut wheel = Wheel::new(0);
        let first = wheel.insert(1, 1);
        fired(&mut wheel, 2);
        wheel.insert(3, 2);
        assert!(!wheel.cancel(first));
        assert_eq!(wheel.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_wheel_does_what_a_sorted_map_does(
            steps in prop::collection::vec((0u64..4_000_000_000, 0u64..300_000_000, prop::bool::weighted(0.2)), 1..200)
        ) {
            let mut wheel = Wheel::new(0);
            let mut model: BTreeMap<(u64, u32), Handle> = BTreeMap::new();
            let mut now = 0;
            for (number, (ahead, advance, cancel)) in steps.into_iter().enumerate() {
                let at = (now + ahead).saturating_sub(500_000_000);
                let handle = wheel.insert(at, number as u32);
                model.insert((at, number as u32), handle);
                if cancel {
                    let (&key, &handle) = model.iter().next_back().unwrap();
                    prop_assert!(wheel.cancel(handle));
                    model.remove(&key);
                }
                if let (Some(bound), Some((&(at, _), _))) = (wheel.next(now + ahead), model.iter().next()) {
                    prop_assert!(bound <= at.max(now), "next() must not be after the earliest timer");
                }
                now += advance;
                let mut expected: Vec<(u64, u32)> = model.keys().copied().filter(|key| key.0 <= now).collect();
                model.retain(|key, _| key.0 > now);
                let mut got = fired(&mut wheel, now);
                prop_assert!(got.is_sorted_by_key(|timer| timer.0));
                got.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(got, expected);
                prop_assert_eq!(wheel.len(), model.len());
            }
        }
    }
}
