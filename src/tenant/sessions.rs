//! All connections of the tenant, by a number that is never mistaken for an older connection's.
//!
//! Also the bookkeeping that concerns several: who holds a client identifier, who has something
//! to write, who is to be closed. Not here: subscriptions, and the event loop.

use std::sync::Arc;

use foldhash::HashMap;

use super::buffers::Buffers;
use super::session::{Ending, Session, Stage};

/// Names a connection; after its end it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

impl ConnectionId {
    /// The connection in this slot, the `generation`-th there.
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }

    /// The slot, unique among the connections that are open.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    session: Option<Session>,
}

/// The table of connections.
#[derive(Debug, Default)]
pub struct Sessions {
    slots: Vec<Slot>,
    free: Vec<u32>,
    connected: Vec<ConnectionId>,
    by_client: HashMap<Arc<str>, ConnectionId>,
    noted: Vec<ConnectionId>,
    doomed: Vec<(ConnectionId, Ending)>,
    buffers: Buffers,
}

impl Sessions {
    /// The number that [`Sessions::insert`] will give next.
    pub fn next_id(&self) -> ConnectionId {
        match self.free.last() {
            Some(&slot) => ConnectionId::new(slot, self.slots[slot as usize].generation),
            None => ConnectionId::new(self.slots.len() as u32, 0),
        }
    }

    /// Adds a connection under [`Sessions::next_id`].
    pub fn insert(&mut self, session: Session) -> ConnectionId {
        let id = self.next_id();
        if self.free.pop().is_none() {
            self.slots.push(Slot::default());
        }
        self.slots[id.slot()].session = Some(session);
        id
    }

    /// The connection, unless it has ended.
    pub fn get(&mut self, id: ConnectionId) -> Option<&mut Session> {
        let slot = self
            .slots
            .get_mut(id.slot())
            .filter(|slot| slot.generation == id.generation)?;
        slot.session.as_mut()
    }

    /// The open connection in this slot.
    pub fn in_slot(&self, slot: usize) -> Option<ConnectionId> {
        let found = self.slots.get(slot).filter(|slot| slot.session.is_some())?;
        Some(ConnectionId::new(slot as u32, found.generation))
    }

    /// All connections that are open.
    pub fn all(&self) -> Vec<ConnectionId> {
        let slots = 0..self.slots.len();
        slots.filter_map(|slot| self.in_slot(slot)).collect()
    }

    /// Connections whose CONNECT was accepted.
    pub fn connected(&self) -> &[ConnectionId] {
        &self.connected
    }

    /// Whether a connection has this client identifier.
    pub fn has_client(&self, client_id: &str) -> bool {
        self.by_client.contains_key(client_id)
    }

    /// CONNECT was accepted under this client identifier. The older connection of the same,
    /// non-empty identifier is doomed.
    pub fn connect(&mut self, id: ConnectionId, client_id: &str) {
        let place = self.connected.len();
        let Some(session) = self.get(id) else { return };
        session.stage = Stage::Connected;
        session.place = place;
        if !client_id.is_empty() {
            let client_id: Arc<str> = client_id.into();
            session.client_id = Some(Arc::clone(&client_id));
            if let Some(older) = self.by_client.insert(client_id, id) {
                self.doom(older, Ending::TakenOver);
            }
        }
        self.connected.push(id);
    }

    /// Takes a connection out of all lists.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Session> {
        let slot = self
            .slots
            .get_mut(id.slot())
            .filter(|slot| slot.generation == id.generation)?;
        let session = slot.session.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        if session.stage == Stage::Connected {
            self.connected.swap_remove(session.place);
            if let Some(&moved) = self.connected.get(session.place)
                && let Some(moved) = self.get(moved)
            {
                moved.place = session.place;
            }
        }
        if let Some(client_id) = &session.client_id
            && self.by_client.get(client_id) == Some(&id)
        {
            self.by_client.remove(client_id);
        }
        Some(session)
    }

    /// The connection, with a buffer to append to; it is noted for the next [`Sessions::flush`].
    pub fn writing(&mut self, id: ConnectionId) -> Option<&mut Session> {
        let slot = self
            .slots
            .get_mut(id.slot())
            .filter(|slot| slot.generation == id.generation)?;
        let session = slot.session.as_mut()?;
        if session.out.capacity() == 0 {
            session.out = self.buffers.take();
        }
        if !session.noted {
            session.noted = true;
            self.noted.push(id);
        }
        Some(session)
    }

    /// The connection is to be closed at the next [`Sessions::next_doomed`].
    pub fn doom(&mut self, id: ConnectionId, ending: Ending) {
        self.doomed.push((id, ending));
    }

    /// Writes everything that is noted. A connection whose socket fails is doomed.
    pub fn flush(&mut self) {
        while let Some(id) = self.noted.pop() {
            self.flush_one(id);
        }
    }

    /// Writes what waits for one connection.
    pub fn flush_one(&mut self, id: ConnectionId) {
        let Some(session) = self.get(id) else { return };
        session.noted = false;
        if session.flush().is_err() {
            self.doom(id, Ending::Peer);
        } else if session.out.is_empty() && session.out.capacity() > 0 {
            let buffer = std::mem::take(&mut session.out);
            self.buffers.give(buffer);
        }
    }

    /// Keeps the beginning of a packet whose end has not come yet; empty: there is none.
    pub fn keep_partial(&mut self, id: ConnectionId, mut partial: Vec<u8>, rest: &[u8]) {
        if rest.is_empty() {
            return self.buffers.give(partial);
        }
        if partial.capacity() == 0 {
            partial = self.buffers.take();
        }
        partial.extend_from_slice(rest);
        if let Some(session) = self.get(id) {
            session.partial = partial;
        }
    }

    /// Whether the connection is open and not about to be closed.
    pub fn is_alive(&mut self, id: ConnectionId) -> bool {
        let doomed = !self.doomed.is_empty() && self.doomed.iter().any(|&(other, _)| other == id);
        !doomed && self.get(id).is_some()
    }

    /// Takes the next connection that is to be closed, and why.
    pub fn next_doomed(&mut self) -> Option<(ConnectionId, Ending)> {
        self.doomed.pop()
    }
}
