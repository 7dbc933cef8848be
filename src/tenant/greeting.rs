//! How a connection to the tenant begins and how it ends: CONNECT and its answer, broken rules, and what
//! the client is told last. Not here: the packets in between (`packets`), the terms of 5.0 (`terms`).

use super::server::Server;
use super::session::{Ending, Stage};
use super::sessions::ConnectionId;
use super::terms::{self, Terms};
use crate::mqtt::{
    ConnAck, Connect, DecodeError, Disconnect, Packet, PropertyList, Reason, Version,
};

impl Server {
    /// Its CONNECT is one of 5.0.
    pub(super) fn speaks_5(&mut self, id: ConnectionId) {
        let session = self.router.sessions.get(id);
        if let Some(session) = session.filter(|session| session.stage == Stage::Opened) {
            session.version = Version::V5;
        }
    }

    /// How a packet that breaks a rule ends the connection [MQTT-4.8.0-1]; 5.0: [MQTT-4.13.1-1].
    pub(super) fn refuse(&mut self, id: ConnectionId, error: DecodeError) -> Ending {
        let session = self.router.sessions.get(id);
        let (opened, version) = session.map_or((false, Version::V311), |session| {
            (session.stage == Stage::Opened, session.version)
        });
        let code = match error {
            // [MQTT-3.1.2-2]
            DecodeError::UnsupportedProtocol(_) => Reason::UnsupportedProtocolVersion,
            // [MQTT-3.1.3-8]
            DecodeError::EmptyClientId => Reason::ClientIdentifierNotValid,
            // 5.0 says so in CONNACK too [MQTT-3.1.4-1].
            other => {
                if opened && version == Version::V5 {
                    let reason = terms::of_rule(other.name());
                    self.write(id, &Packet::ConnAck(ConnAck::of(false, reason)));
                }
                return Ending::Protocol(other.name());
            }
        };
        if !opened {
            return Ending::Protocol(error.name());
        }
        self.write(id, &Packet::ConnAck(ConnAck::of(false, code)));
        Ending::Refused(code)
    }

    /// CONNECT is in: takes the client or says why not.
    pub(super) fn connect(
        &mut self,
        id: ConnectionId,
        connect: &Connect,
        now: u64,
    ) -> Result<(), Ending> {
        let Some(session) = self.router.sessions.get(id) else {
            return Err(Ending::Peer);
        };
        let version = session.version;
        let terms = Terms::of(connect);
        let mut code = self.judge(connect);
        if version == Version::V5 && code == Reason::Success {
            code = terms.refusal().unwrap_or(code);
        }
        if code != Reason::Success {
            self.write(id, &Packet::ConnAck(ConnAck::of(false, code)));
            return Err(Ending::Refused(code));
        }
        let assigned = (version == Version::V5 && connect.client_id.is_empty())
            .then(|| self.unused_client_id(id));
        let answer = match version {
            Version::V311 => PropertyList::new(),
            Version::V5 => terms
                .answer(self.options.max_packet, assigned.as_deref())
                .unwrap_or_default(),
        };
        self.write(
            id,
            &Packet::ConnAck(ConnAck {
                properties: answer.as_properties(),
                ..ConnAck::of(false, code)
            }),
        );
        if let Some(session) = self.router.sessions.get(id) {
            session.receive_max = terms.receive_max;
            session.packet_max = terms.packet_max;
        }
        let client_id = assigned.as_deref().unwrap_or(connect.client_id);
        self.router.sessions.connect(id, client_id);
        // One and a half times the keep-alive, 0 is for ever [MQTT-3.1.2-24].
        let patience_ns = u64::from(connect.keep_alive) * 1_500_000_000;
        if let Some(session) = self.router.sessions.get(id) {
            session.patience_ns = (patience_ns > 0).then_some(patience_ns);
        }
        if patience_ns > 0 {
            self.watch(id, now + patience_ns);
        }
        self.platforms.counts.connections += 1;
        if self.platforms.counts.connections == 1 {
            self.begin(now);
        }
        Ok(())
    }

    /// A client identifier for a client without one (5.0: [MQTT-3.1.3-6]).
    fn unused_client_id(&self, id: ConnectionId) -> String {
        let mut client_id = format!("assigned-{}", id.slot());
        while self.router.sessions.has_client(&client_id) {
            client_id.push('x');
        }
        client_id
    }

    fn judge(&self, connect: &Connect) -> Reason {
        let user_differs = self
            .options
            .user
            .as_deref()
            .is_some_and(|user| connect.username != Some(user));
        let password_differs = self
            .options
            .password
            .as_deref()
            .is_some_and(|password| connect.password != Some(password.as_bytes()));
        if !user_differs && !password_differs {
            Reason::Success
        } else if connect.username.is_none() {
            Reason::NotAuthorized
        } else {
            Reason::BadUserNameOrPassword
        }
    }

    /// Says why the connection will be closed; 3.1.1 cannot.
    pub(super) fn farewell(&mut self, id: ConnectionId, reason: Reason) {
        let session = self.router.sessions.get(id);
        if session.is_some_and(|s| s.version == Version::V5 && s.stage == Stage::Connected) {
            self.write(id, &Packet::Disconnect(Disconnect::of(reason)));
            self.router.sessions.flush_one(id);
        }
    }
}
