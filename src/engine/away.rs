//! Connections that are not up and shall come back: since when, and what their waits were.
//!
//! A table apart, because at most times it is empty, and an idle connection has nothing of it. Not
//! here: when they try (`loss`), and what becomes of their messages (`resume`).

use std::collections::HashMap;

use super::reconnect::Waits;

/// Of one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Away {
    /// When it was lost, ns since the run's epoch; `None`: it was never up.
    pub since: Option<u64>,
    pub waits: Waits,
}

/// Of all connections of a worker, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Absences(HashMap<u32, Away>);

impl Absences {
    /// A connection that was up is lost.
    pub(super) fn begin(&mut self, connection: u32, since: u64) {
        self.0.entry(connection).or_default().since = Some(since);
    }

    /// What is known of a connection that is not up.
    pub(super) fn of(&mut self, connection: u32) -> &mut Away {
        self.0.entry(connection).or_default()
    }

    /// A connection is up. Since when it was not, if it was up before.
    pub(super) fn end(&mut self, connection: u32) -> Option<u64> {
        self.0.remove(&connection)?.since
    }

    /// Since when each is away that was up before.
    pub(super) fn lasting(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.values().filter_map(|away| away.since)
    }

    /// Returns the room that an outage took.
    pub(super) fn give_back(&mut self) {
        self.0.shrink_to(self.0.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_lasts_until_the_connection_is_up_and_one_that_never_was_has_none() {
        let mut absences = Absences::default();
        absences.begin(3, 70);
        absences.of(5).waits = Waits::default();
        assert_eq!(absences.lasting().collect::<Vec<_>>(), [70]);
        assert_eq!((absences.end(3), absences.end(5)), (Some(70), None));
        assert_eq!((absences.end(3), absences.lasting().count()), (None, 0));
    }
}
