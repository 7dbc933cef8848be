//! How a session goes from one connection of its client to the next: MQTT 3.1.1 with clean session 0.
//!
//! To clients of 5.0 the tenant says that it keeps none (`terms`). Not here: what is kept meanwhile (`kept`).

use super::kept::{Away, Unacknowledged};
use super::server::Server;
use super::session::Stage;
use super::sessions::ConnectionId;
use crate::mqtt::{Packet, PubRel, Version};

impl Server {
    /// A connection ends, or another one of its client begins: the session stays, if it is to.
    pub(super) fn keep(&mut self, id: ConnectionId) {
        let full = self.router.kept.is_full();
        let Some(session) = self.router.sessions.get(id) else {
            return;
        };
        if full || session.stage != Stage::Connected {
            return;
        }
        let (Some(unacknowledged), Some(client_id)) =
            (session.unacknowledged.take(), &session.client_id)
        else {
            return;
        };
        let client_id = client_id.clone();
        let away = Away {
            filters: std::mem::take(&mut session.filters),
            flow: std::mem::take(&mut session.flow),
            unacknowledged: *unacknowledged,
        };
        self.router.kept.insert(client_id, id, away);
    }

    /// A CONNECT is accepted: whether its session outlives the connection, and the one that goes on with it.
    /// A clean session ends an earlier one [MQTT-3.1.2-6].
    pub(super) fn earlier(
        &mut self,
        client_id: &str,
        version: Version,
        clean: bool,
    ) -> (bool, Option<Away>) {
        // Its connection is about to be closed, and hands the session on.
        if let Some(older) = self.router.sessions.of_client(client_id) {
            self.keep(older);
        }
        let outlives = version == Version::V311 && !clean && !client_id.is_empty();
        let Some((last, away)) = self.router.kept.take(client_id) else {
            return (outlives, None);
        };
        for filter in away.filters.keys() {
            self.router.subscriptions.remove(filter, last);
        }
        (outlives, outlives.then_some(away))
    }

    /// The session of this connection outlives it, and goes on with an earlier one: its subscriptions are those, and
    /// what nothing has acknowledged is sent again.
    pub(super) fn go_on(&mut self, id: ConnectionId, earlier: Option<Away>) {
        let Some(session) = self.router.sessions.writing(id) else {
            return;
        };
        let Some(Away {
            filters,
            flow,
            mut unacknowledged,
        }) = earlier
        else {
            session.unacknowledged = Some(Box::new(Unacknowledged::default()));
            return;
        };
        let unreleased = flow.unreleased();
        session.flow = flow;
        unacknowledged.send_again(&mut session.out);
        session.unacknowledged = Some(Box::new(unacknowledged));
        session.filters.clone_from(&filters);
        for packet_id in unreleased {
            self.write(id, &Packet::PubRel(PubRel::of(packet_id)));
        }
        for (filter, qos) in &filters {
            self.router.subscriptions.add(filter, id, *qos);
            self.platforms.subscribed(id, filter);
        }
    }
}
