//! Reason codes: how one side tells the other what became of its packet (5.0: section 2.4). Not here:
//! what is done about one.
//!
//! CONNACK of 3.1.1 has return codes of its own, six of which five are failures; each has a
//! counterpart here (see `connack`).

use super::place::{Place, Places};
use super::{DecodeError, Kind};

macro_rules! reasons {
    ($($(#[$doc:meta])+ $reason:ident = $byte:literal, $name:literal, $places:expr;)+) => {
        /// What became of a packet, by the name that the specification gives it (5.0: table 2-6).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[$doc])+ $reason = $byte,)+
        }

        impl Reason {
            /// Every one, by rising code.
            pub const ALL: [Self; [$($byte),+].len()] = [$(Self::$reason),+];

            /// The reason as a short word, for counters and file formats: stable, lower case, with
            /// hyphens.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)+
                }
            }

            const fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$reason),)+
                    _ => None,
                }
            }

            /// Who may send it in which packet: the tables of the packets' own sections.
            const fn places(self) -> Places {
                match self {
                    $(Self::$reason => $places,)+
                }
            }
        }
    };
}

/// PUBACK and PUBREC (tables 3-4 and 3-5).
const RECEIVED: Places = Places::of(&[Kind::PubAck, Kind::PubRec]);
/// PUBREL and PUBCOMP (tables 3-6 and 3-7).
const RELEASED: Places = Places::of(&[Kind::PubRel, Kind::PubComp]);
/// SUBACK and UNSUBACK (tables 3-8 and 3-9).
const SUBSCRIPTIONS: Places = Places::of(&[Kind::SubAck, Kind::UnsubAck]);
/// CONNACK (table 3-1).
const CONNACK: Places = Places::of(&[Kind::ConnAck]);
/// DISCONNECT of either side (table 3-10).
const DISCONNECT: Places = Places::of(&[Kind::Disconnect]);
/// DISCONNECT of the server alone.
const SERVER_DISCONNECT: Places = Places::by_server(&[Kind::Disconnect]);
const SUBACK: Places = Places::of(&[Kind::SubAck]);

reasons! {
    /// Success; normal disconnection; QoS 0 is granted.
    Success = 0x00, "success", CONNACK.and(RECEIVED).and(RELEASED).and(SUBSCRIPTIONS).and(DISCONNECT)
        .and(Places::by_server(&[Kind::Auth]));
    /// QoS 1 is granted.
    GrantedQos1 = 0x01, "granted-qos-1", SUBACK;
    /// QoS 2 is granted.
    GrantedQos2 = 0x02, "granted-qos-2", SUBACK;
    /// The client goes and wants its will published all the same.
    DisconnectWithWill = 0x04, "disconnect-with-will", Places::by_client(&[Kind::Disconnect]);
    /// The message was accepted and nobody subscribes to it. Only servers know.
    NoMatchingSubscribers = 0x10, "no-matching-subscribers", Places::by_server(&[Kind::PubAck, Kind::PubRec]);
    /// There was no such subscription.
    NoSubscriptionExisted = 0x11, "no-subscription-existed", Places::of(&[Kind::UnsubAck]);
    /// The authentication needs another step.
    ContinueAuthentication = 0x18, "continue-authentication", Places::of(&[Kind::Auth]);
    /// The client begins an authentication anew.
    ReAuthenticate = 0x19, "re-authenticate", Places::by_client(&[Kind::Auth]);
    /// The sender does not say why, or no other code fits.
    UnspecifiedError = 0x80, "unspecified-error", CONNACK.and(RECEIVED).and(SUBSCRIPTIONS).and(DISCONNECT);
    /// The packet cannot be read as the specification says.
    MalformedPacket = 0x81, "malformed-packet", CONNACK.and(DISCONNECT);
    /// The packet was unexpected or out of order.
    ProtocolError = 0x82, "protocol-error", CONNACK.and(DISCONNECT);
    /// The packet is valid and this implementation does not accept it.
    ImplementationSpecificError = 0x83, "implementation-specific-error",
        CONNACK.and(RECEIVED).and(SUBSCRIPTIONS).and(DISCONNECT);
    /// The server does not speak this version.
    UnsupportedProtocolVersion = 0x84, "unsupported-protocol-version", CONNACK;
    /// The client identifier is not allowed.
    ClientIdentifierNotValid = 0x85, "client-identifier-not-valid", CONNACK;
    /// The user name or the password is not accepted.
    BadUserNameOrPassword = 0x86, "bad-user-name-or-password", CONNACK;
    /// The client may not do this.
    NotAuthorized = 0x87, "not-authorized", CONNACK.and(RECEIVED).and(SUBSCRIPTIONS).and(SERVER_DISCONNECT);
    /// The server is not available.
    ServerUnavailable = 0x88, "server-unavailable", CONNACK;
    /// The server is busy: try later.
    ServerBusy = 0x89, "server-busy", CONNACK.and(SERVER_DISCONNECT);
    /// The client is banned by its administrator.
    Banned = 0x8a, "banned", CONNACK;
    /// The server shuts down.
    ServerShuttingDown = 0x8b, "server-shutting-down", SERVER_DISCONNECT;
    /// The authentication method is not supported, or not the one begun with. Table 2-6 has it for
    /// DISCONNECT too, table 3-10 has not.
    BadAuthenticationMethod = 0x8c, "bad-authentication-method", CONNACK.and(SERVER_DISCONNECT);
    /// Nothing came for 1.5 times the keep-alive.
    KeepAliveTimeout = 0x8d, "keep-alive-timeout", SERVER_DISCONNECT;
    /// Another connection has this client identifier now.
    SessionTakenOver = 0x8e, "session-taken-over", SERVER_DISCONNECT;
    /// The topic filter is well-formed and not accepted.
    TopicFilterInvalid = 0x8f, "topic-filter-invalid", SUBSCRIPTIONS.and(SERVER_DISCONNECT);
    /// The topic name is well-formed and not accepted.
    TopicNameInvalid = 0x90, "topic-name-invalid", CONNACK.and(RECEIVED).and(DISCONNECT);
    /// The packet identifier is in use already.
    PacketIdentifierInUse = 0x91, "packet-identifier-in-use", RECEIVED.and(SUBSCRIPTIONS);
    /// The packet identifier is not known.
    PacketIdentifierNotFound = 0x92, "packet-identifier-not-found", RELEASED;
    /// More messages are unacknowledged than the receiver allows.
    ReceiveMaximumExceeded = 0x93, "receive-maximum-exceeded", DISCONNECT;
    /// The topic alias is above the receiver's maximum.
    TopicAliasInvalid = 0x94, "topic-alias-invalid", DISCONNECT;
    /// The packet is larger than the receiver allows.
    PacketTooLarge = 0x95, "packet-too-large", CONNACK.and(DISCONNECT);
    /// Messages come too fast.
    MessageRateTooHigh = 0x96, "message-rate-too-high", DISCONNECT;
    /// A limit of the implementation or its administrator is exceeded.
    QuotaExceeded = 0x97, "quota-exceeded", CONNACK.and(RECEIVED).and(SUBACK).and(DISCONNECT);
    /// An administrator closes the connection.
    AdministrativeAction = 0x98, "administrative-action", DISCONNECT;
    /// The payload is not what its format indicator says.
    PayloadFormatInvalid = 0x99, "payload-format-invalid", CONNACK.and(RECEIVED).and(DISCONNECT);
    /// The server retains no messages.
    RetainNotSupported = 0x9a, "retain-not-supported", CONNACK.and(SERVER_DISCONNECT);
    /// The QoS is above the server's maximum.
    QosNotSupported = 0x9b, "qos-not-supported", CONNACK.and(SERVER_DISCONNECT);
    /// Use another server for now.
    UseAnotherServer = 0x9c, "use-another-server", CONNACK.and(SERVER_DISCONNECT);
    /// Use another server from now on.
    ServerMoved = 0x9d, "server-moved", CONNACK.and(SERVER_DISCONNECT);
    /// The server has no shared subscriptions.
    SharedSubscriptionsNotSupported = 0x9e, "shared-subscriptions-not-supported", SUBACK.and(SERVER_DISCONNECT);
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9f, "connection-rate-exceeded", CONNACK.and(SERVER_DISCONNECT);
    /// The connection has lasted as long as it was allowed to.
    MaximumConnectTime = 0xa0, "maximum-connect-time", SERVER_DISCONNECT;
    /// The server has no subscription identifiers.
    SubscriptionIdentifiersNotSupported = 0xa1, "subscription-identifiers-not-supported",
        SUBACK.and(SERVER_DISCONNECT);
    /// The server has no subscriptions with wildcards.
    WildcardSubscriptionsNotSupported = 0xa2, "wildcard-subscriptions-not-supported",
        SUBACK.and(SERVER_DISCONNECT);
}

impl Reason {
    /// Whether what was asked for was not done: 0x80 and above (5.0: section 2.4).
    pub const fn is_failure(self) -> bool {
        self as u8 >= 0x80
    }

    /// The reason that `byte` stands for at `place`: one that has no place there is an error.
    pub(super) fn read(byte: u8, place: Place) -> Result<Self, DecodeError> {
        Self::of(byte)
            .ok_or(DecodeError::ReasonCode(byte))?
            .check(place)
    }

    /// Itself, where it has its place.
    pub(super) const fn check(self, place: Place) -> Result<Self, DecodeError> {
        if self.places().contain(place) {
            Ok(self)
        } else {
            Err(DecodeError::ReasonCode(self as u8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Role;
    use std::collections::BTreeSet;

    fn allowed(kind: Kind, reader: Role) -> Vec<u8> {
        let place = Place::read_by(kind, reader);
        (0..=u8::MAX)
            .filter(|&byte| Reason::read(byte, place).is_ok())
            .collect()
    }

    #[test]
    fn every_reason_has_its_code_and_a_name_of_its_own() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), 43);
        assert!(Reason::ALL.is_sorted());
        for reason in Reason::ALL {
            assert_eq!(Reason::of(reason as u8), Some(reason));
        }
        assert_eq!(
            (0..=u8::MAX).filter_map(Reason::of).collect::<Vec<_>>(),
            Reason::ALL
        );
        assert!(!Reason::ReAuthenticate.is_failure() && Reason::UnspecifiedError.is_failure());
    }

    #[test]
    fn the_tables_of_the_packets_are_those_of_the_specification() {
        use Role::{Client, Server};
        let connack = [
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
            0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
        ];
        assert_eq!(allowed(Kind::ConnAck, Client), connack);
        let received = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
        assert_eq!(allowed(Kind::PubAck, Client), received);
        assert_eq!(allowed(Kind::PubRec, Client), received);
        // "This is sent only by the Server."
        let by_client = received.into_iter().filter(|&byte| byte != 0x10);
        assert_eq!(allowed(Kind::PubAck, Server), by_client.collect::<Vec<_>>());
        for reader in [Client, Server] {
            assert_eq!(allowed(Kind::PubRel, reader), [0x00, 0x92]);
            assert_eq!(allowed(Kind::PubComp, reader), [0x00, 0x92]);
        }
        let suback = [
            0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
        ];
        assert_eq!(allowed(Kind::SubAck, Client), suback);
        let unsuback = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];
        assert_eq!(allowed(Kind::UnsubAck, Client), unsuback);
        let by_client = [
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
        ];
        assert_eq!(allowed(Kind::Disconnect, Server), by_client);
        let by_server = [
            0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93,
            0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1,
            0xa2,
        ];
        assert_eq!(allowed(Kind::Disconnect, Client), by_server);
        assert_eq!(allowed(Kind::Auth, Client), [0x00, 0x18]);
        assert_eq!(allowed(Kind::Auth, Server), [0x18, 0x19]);
        assert!(allowed(Kind::Publish, Server).is_empty());
    }
}
