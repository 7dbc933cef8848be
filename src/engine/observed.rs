//! IDs of requests that asked for more: each is the name of a stream of pushed messages from then on.
//!
//! They are remembered for the whole run, whatever became of the request and its connection, so that
//! none is issued twice. Only requests with `request_id.observe` come here; without them the table
//! is empty. Not here: requests in flight.

use std::collections::HashMap;

use super::exchange::Key;

/// IDs that are remembered per endpoint and scope. One more request is dropped.
pub(super) const OBSERVED_MAX: usize = 64;

/// One ID that is never issued again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observation {
    pub id: u128,
    pub request: u16,
    /// Intended instant of a request that has timed out: its answer would be late.
    pub overdue: Option<u64>,
}

/// All such IDs of one worker.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// By owner and scope.
    rows: HashMap<(u32, u16), Vec<Observation>>,
}

impl Observed {
    /// The IDs that the owner of a key has used in its scope.
    pub(super) fn beside(&self, key: &Key) -> &[Observation] {
        self.rows
            .get(&(key.owner, key.scope))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the owner of a key has used as many as are remembered.
    pub(super) fn is_full(&self, key: &Key) -> bool {
        self.beside(key).len() >= OBSERVED_MAX
    }

    /// Remembers an ID that was issued just now.
    pub(super) fn add(&mut self, key: &Key, request: u16) {
        let row = self.rows.entry((key.owner, key.scope)).or_default();
        row.push(Observation {
            id: key.id,
            request,
            overdue: None,
        });
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<&mut Observation> {
        let row = self.rows.get_mut(&(key.owner, key.scope))?;
        row.iter_mut().find(|observation| observation.id == key.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(owner: u32, scope: u16, id: u128) -> Key {
        Key { owner, scope, id }
    }

    #[test]
    fn an_id_belongs_to_one_endpoint_and_scope() {
        let mut observed = Observed::default();
        observed.add(&key(1, 2, 42), 7);
        assert_eq!(
            observed.find(&key(1, 2, 42)).map(|found| found.request),
            Some(7)
        );
        for other in [key(0, 2, 42), key(1, 1, 42), key(1, 2, 43)] {
            assert_eq!(observed.find(&other), None);
        }
        assert_eq!(observed.beside(&key(1, 2, 0)).len(), 1);
        assert_eq!(observed.beside(&key(1, 1, 0)), []);
    }

    #[test]
    fn only_so_many_ids_are_remembered_of_each() {
        let mut observed = Observed::default();
        for id in 0..OBSERVED_MAX {
            assert!(!observed.is_full(&key(1, 0, 0)));
            observed.add(&key(1, 0, id as u128), 0);
        }
        assert!(observed.is_full(&key(1, 0, 0)));
        assert!(!observed.is_full(&key(1, 1, 0)) && !observed.is_full(&key(2, 0, 0)));
    }
}
