//! What the table of requests in flight costs: an ID that is free, a row, finding it, giving it back.
//!
//! Not here: the deadline's timer (see `wheel`), and reading an ID out of a reply (see `matching`).

use std::hint::black_box;

use midge::engine::exchange::{Exchanges, Key, NONE, NewExchange};
use midge::plan::{IdCursor, IdRange};

use super::Measure;

const IDS: IdRange = IdRange {
    first: 10_000,
    last: 99_999,
};
/// Rows that one endpoint has at most.
const EACH: usize = 50;

/// One endpoint's part of the table.
#[derive(Clone, Copy)]
struct Owner {
    head: u32,
    cursor: IdCursor,
    /// ID that has been in flight for longest.
    oldest: u32,
}

/// A table with so many rows, spread over endpoints.
struct Table {
    exchanges: Exchanges,
    owners: Vec<Owner>,
    turn: usize,
}

fn key(owner: usize, id: u32) -> Key {
    Key {
        owner: owner as u32,
        scope: 0,
        id: u128::from(id),
    }
}

impl Table {
    fn new(rows: usize) -> Self {
        let owner = Owner {
            head: NONE,
            cursor: IdCursor::START,
            oldest: IDS.first,
        };
        let mut table = Self {
            exchanges: Exchanges::new(100_000),
            owners: vec![owner; rows.div_ceil(EACH)],
            turn: 0,
        };
        for row in 0..rows {
            table.begin(row % table.owners.len());
        }
        table
    }

    /// Takes an ID that nobody waits for, and a row for it.
    fn begin(&mut self, number: usize) {
        let (owner, exchanges) = (&mut self.owners[number], &self.exchanges);
        let busy = |id| exchanges.is_busy(&key(number, id), 0);
        let id = IDS
            .allocate(&mut owner.cursor, busy)
            .expect("some are free");
        let row = NewExchange {
            intended: 1,
            deadline: 2,
            key: key(number, id),
            endpoint: number as u32,
            request: 0,
            epoch: 0,
            indexed: true,
        };
        self.exchanges.insert(&mut owner.head, row);
    }

    /// Finds the row of a reply and gives it back.
    fn end(&mut self, number: usize) {
        let owner = &mut self.owners[number];
        let slot = self.exchanges.find(&key(number, owner.oldest));
        self.exchanges
            .remove(&mut owner.head, slot.expect("it is in flight"));
        owner.oldest = (owner.oldest + 1 - IDS.first) % 90_000 + IDS.first;
    }

    fn next_owner(&mut self) -> usize {
        self.turn += 1;
        if self.turn == self.owners.len() {
            self.turn = 0;
        }
        self.turn
    }
}

pub fn each(measure: &mut impl Measure) {
    for (rows, many) in [(1, "1"), (1_000, "1,000"), (50_000, "50,000")] {
        let mut table = Table::new(rows);
        measure.operation(&format!("request_ids/find, {many} in flight"), || {
            let number = table.next_owner();
            let oldest = table.owners[number].oldest;
            table.exchanges.find(black_box(&key(number, oldest)))
        });
        let name = format!("request_ids/find and remove, allocate and insert, {many} in flight");
        measure.operation(&name, || {
            let number = table.next_owner();
            table.end(black_box(number));
            table.begin(number);
        });
        assert_eq!(table.exchanges.awaited(), rows);
    }
}
