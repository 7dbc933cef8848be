//! The table of requests in flight: one row per exchange, found by (owner, scope, request ID).
//!
//! Rows live in a slab and are threaded into a list per endpoint, so that a lost connection finds its
//! own without a search. A timed-out row stays as long as its ID is in quarantine: that is what makes
//! a late reply late and not the answer to a younger request.
//! Not here: clocks, counters, what a reply looks like. Public, so that it can be measured alone.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::event::{Handle, room};

/// No row: the end of a list.
pub const NONE: u32 = u32::MAX;

/// Where an exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Encoded; not one byte of it was taken by the kernel yet.
    Queued,
    /// On its way.
    Sent,
    /// Over, but its ID must not be used yet.
    Quarantined,
    /// Nobody's.
    Free,
}

/// Which ID space a key belongs to: an endpoint's or a caller's, and the request's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Local endpoint index, or `CALLER`.
    pub owner: u32,
    /// Index of the request's scope in the plan.
    pub scope: u16,
    /// Request ID; 0 where there is none.
    pub id: u128,
}

/// Owner of the IDs that a caller hands out: they are unique over all its endpoints.
pub const CALLER: u32 = u32::MAX;

/// One request in flight. Instants are ns since the run's epoch.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// When it was due.
    pub intended: u64,
    /// When it was written; 0 until the kernel took it.
    pub sent: u64,
    /// When its timer is due: the deadline of the request, or the end of the quarantine.
    pub deadline: u64,
    /// What replies find it by.
    pub key: Key,
    /// Its timer.
    pub timer: Option<Handle>,
    /// Local endpoint index.
    pub endpoint: u32,
    /// How often the row was used before.
    pub generation: u32,
    next: u32,
    previous: u32,
    /// Index of the request in the plan.
    pub request: u16,
    /// The endpoint's epoch at the time of sending (see `Endpoint::epoch`).
    pub epoch: u16,
    /// Where it stands.
    pub state: State,
    /// Whether `key` is in the index (a request without an ID is not).
    pub indexed: bool,
    /// Whether the drain waits for it.
    awaited: bool,
    /// Whether a reply was seen, a final one or not; of no meaning where only final ones may come.
    pub replied: bool,
}

impl Exchange {
    /// Whether a timer that was set for `at` concerns this exchange. One that had fired already when
    /// its own exchange ended may find the row in other hands, or in quarantine.
    pub fn is_due(&self, at: u64) -> bool {
        at >= self.deadline
    }
}

/// Names a row and fails to find it once the row is used for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The row.
    pub slot: u32,
    /// Of the row, while it is this exchange's.
    pub generation: u32,
}

/// All exchanges of one worker.
#[derive(Debug)]
pub struct Exchanges {
    rows: Vec<Exchange>,
    index: HashMap<Key, u32, BuildHasherDefault<Mixer>>,
    free: u32,
    awaited: usize,
    limit: usize,
}

impl Exchanges {
    /// A table for at most `limit` exchanges, quarantined ones included.
    pub fn new(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            index: HashMap::default(),
            free: NONE,
            awaited: 0,
            limit,
        }
    }

    /// Exchanges that wait for something and that the drain waits for.
    pub fn awaited(&self) -> usize {
        self.awaited
    }

    /// The drain shall not wait for this one.
    pub fn do_not_await(&mut self, ticket: Ticket) {
        if let Some(row) = self.live(ticket)
            && std::mem::take(&mut row.awaited)
        {
            self.awaited -= 1;
        }
    }

    /// Whether another row would be beyond the limit.
    pub fn is_full(&self) -> bool {
        self.free == NONE && self.rows.len() >= self.limit
    }

    /// A row that a ticket or a key has led to.
    pub fn get(&self, slot: u32) -> &Exchange {
        &self.rows[slot as usize]
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, slot: u32) -> &mut Exchange {
        &mut self.rows[slot as usize]
    }

    /// The row of a ticket, if it is still the same exchange and still waits.
    pub fn live(&mut self, ticket: Ticket) -> Option<&mut Exchange> {
        let row = self.rows.get_mut(ticket.slot as usize)?;
        let same = row.generation == ticket.generation;
        (same && matches!(row.state, State::Queued | State::Sent)).then_some(row)
    }

    /// The row of a key, quarantined ones included.
    pub fn find(&self, key: &Key) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// The next row of the same endpoint.
    pub fn next_of(&self, slot: u32) -> u32 {
        self.rows[slot as usize].next
    }

    /// Whether an ID must not be used: it is outstanding, or in quarantine since the last clean
    /// reconnect.
    pub fn is_busy(&self, key: &Key, epoch: u16) -> bool {
        self.find(key).is_some_and(|slot| {
            let row = self.get(slot);
            row.state != State::Quarantined || row.epoch == epoch
        })
    }

    /// Adds a row in state `Queued` to the list that starts at `head`.
    pub fn insert(&mut self, head: &mut u32, row: NewExchange) -> Ticket {
        let slot = self.take_slot();
        let generation = self.rows[slot as usize].generation;
        self.rows[slot as usize] = Exchange {
            intended: row.intended,
            sent: 0,
            deadline: row.deadline,
            key: row.key,
            timer: None,
            endpoint: row.endpoint,
            generation,
            next: *head,
            previous: NONE,
            request: row.request,
            epoch: row.epoch,
            state: State::Queued,
            indexed: row.indexed,
            awaited: true,
            replied: false,
        };
        if *head != NONE {
            self.rows[*head as usize].previous = slot;
        }
        *head = slot;
        if row.indexed {
            self.index.insert(row.key, slot);
        }
        self.awaited += 1;
        Ticket { slot, generation }
    }

    /// Takes a row out of its endpoint's list, keeping it and its ID `until` then: quarantine.
    pub fn quarantine(&mut self, head: &mut u32, slot: u32, until: u64) {
        self.unlink(head, slot);
        self.end_wait(slot);
        let row = &mut self.rows[slot as usize];
        row.state = State::Quarantined;
        row.deadline = until;
    }

    /// Removes a row for good.
    pub fn remove(&mut self, head: &mut u32, slot: u32) {
        match self.rows[slot as usize].state {
            State::Queued | State::Sent => {
                self.unlink(head, slot);
                self.end_wait(slot);
            }
            State::Quarantined => {}
            State::Free => return,
        }
        self.release(slot);
    }

    /// Removes a quarantined row.
    pub fn release_quarantined(&mut self, slot: u32) {
        if self.rows[slot as usize].state == State::Quarantined {
            self.release(slot);
        }
    }

    fn end_wait(&mut self, slot: u32) {
        let awaited = std::mem::take(&mut self.rows[slot as usize].awaited);
        self.awaited -= usize::from(awaited);
    }

    fn release(&mut self, slot: u32) {
        let free = self.free;
        let row = &mut self.rows[slot as usize];
        let (key, indexed) = (row.key, row.indexed);
        row.state = State::Free;
        row.generation = row.generation.wrapping_add(1);
        row.next = free;
        row.timer = None;
        self.free = slot;
        if indexed && self.index.get(&key) == Some(&slot) {
            self.index.remove(&key);
        }
    }

    fn unlink(&mut self, head: &mut u32, slot: u32) {
        let (next, previous) = {
            let row = &self.rows[slot as usize];
            (row.next, row.previous)
        };
        if next != NONE {
            self.rows[next as usize].previous = previous;
        }
        if previous == NONE {
            *head = next;
        } else {
            self.rows[previous as usize].next = next;
        }
    }

    fn take_slot(&mut self) -> u32 {
        if self.free == NONE {
            room::grow(&mut self.rows);
            self.rows.push(Exchange {
                intended: 0,
                sent: 0,
                deadline: 0,
                key: Key {
                    owner: 0,
                    scope: 0,
                    id: 0,
                },
                timer: None,
                endpoint: 0,
                generation: 0,
                next: NONE,
                previous: NONE,
                request: 0,
                epoch: 0,
                state: State::Free,
                indexed: false,
                awaited: false,
                replied: false,
            });
            return (self.rows.len() - 1) as u32;
        }
        let slot = self.free;
        self.free = self.rows[slot as usize].next;
        slot
    }
}

/// What is known of an exchange when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewExchange {
    /// When it is due.
    pub intended: u64,
    /// When its timer is due.
    pub deadline: u64,
    /// What replies find it by.
    pub key: Key,
    /// Local endpoint index.
    pub endpoint: u32,
    /// Index of the request in the plan.
    pub request: u16,
    /// The endpoint's epoch at the time of sending.
    pub epoch: u16,
    /// Whether replies carry the ID.
    pub indexed: bool,
}

/// A multiply-and-fold hasher: the keys are our own numbers, nobody can choose them to collide.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Mixer {
    fn fold(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.fold(u64::from(byte));
        }
    }

    fn write_u16(&mut self, value: u16) {
        self.fold(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    fn write_u128(&mut self, value: u128) {
        self.fold(value as u64);
        self.fold((value >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_a_cache_line_and_a_half() {
        assert_eq!(size_of::<Exchange>(), 96);
    }

    fn row(id: u128) -> NewExchange {
        NewExchange {
            intended: 1,
            deadline: 2,
            key: Key {
                owner: 3,
                scope: 0,
                id,
            },
            endpoint: 3,
            request: 0,
            epoch: 0,
            indexed: true,
        }
    }

    #[test]
    fn an_exchange_is_found_by_its_key_until_it_is_removed() {
        let mut table = Exchanges::new(10);
        let mut head = NONE;
        let ticket = table.insert(&mut head, row(42));
        assert_eq!(table.find(&row(42).key), Some(ticket.slot));
        table.remove(&mut head, ticket.slot);
        assert_eq!(table.find(&row(42).key), None);
        assert_eq!((head, table.awaited()), (NONE, 0));
    }

    #[test]
    fn a_ticket_does_not_name_the_next_user_of_its_row() {
        let mut table = Exchanges::new(10);
        let mut head = NONE;
        let old = table.insert(&mut head, row(1));
        table.remove(&mut head, old.slot);
        let new = table.insert(&mut head, row(2));
        assert_eq!(old.slot, new.slot);
        assert!(table.live(old).is_none());
        assert!(table.live(new).is_some());
    }

    #[test]
    fn a_quarantined_id_stays_taken_and_its_row_is_no_longer_awaited() {
        let mut table = Exchanges::new(10);
        let mut head = NONE;
        let first = table.insert(&mut head, row(1));
        let second = table.insert(&mut head, row(2));
        table.quarantine(&mut head, first.slot, 9);
        assert_eq!(table.awaited(), 1);
        assert_eq!(head, second.slot);
        assert_eq!(table.find(&row(1).key), Some(first.slot));
        table.release_quarantined(first.slot);
        assert_eq!(table.find(&row(1).key), None);
    }

    #[test]
    fn an_exchange_that_nobody_awaits_is_not_counted_whatever_becomes_of_it() {
        let mut table = Exchanges::new(10);
        let mut head = NONE;
        let (first, second) = (
            table.insert(&mut head, row(1)),
            table.insert(&mut head, row(2)),
        );
        table.do_not_await(second);
        table.do_not_await(second);
        assert_eq!(table.awaited(), 1);
        table.quarantine(&mut head, second.slot, 9);
        assert_eq!(table.awaited(), 1);
        table.remove(&mut head, first.slot);
        assert_eq!(table.awaited(), 0);
        // The next user of the row is awaited again.
        table.insert(&mut head, row(3));
        assert_eq!(table.awaited(), 1);
    }

    #[test]
    fn a_timer_that_outlived_its_exchange_ends_neither_the_next_one_nor_the_quarantine() {
        let mut table = Exchanges::new(10);
        let mut head = NONE;
        let first = table.insert(&mut head, row(1));
        assert!(table.get(first.slot).is_due(2));
        table.quarantine(&mut head, first.slot, 9);
        assert!(!table.get(first.slot).is_due(2));
        assert!(table.get(first.slot).is_due(9));
        table.release_quarantined(first.slot);
        let later = NewExchange {
            deadline: 5,
            ..row(2)
        };
        let second = table.insert(&mut head, later);
        assert_eq!(second.slot, first.slot);
        assert!(!table.get(second.slot).is_due(2));
    }

    #[test]
    fn the_table_is_full_at_its_limit() {
        let mut table = Exchanges::new(2);
        let mut head = NONE;
        table.insert(&mut head, row(1));
        assert!(!table.is_full());
        table.insert(&mut head, row(2));
        assert!(table.is_full());
    }
}
