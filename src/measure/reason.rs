//! Why something did not happen: closed lists of reasons, each with its name in the result files
//! and whether its cause is on our side of the socket.
//!
//! Not here: texts of errors (they vary; see `errors`), and what to do about them (see `verdict`).

/// A closed list of reasons that can index a table of counts.
pub trait Reason: Copy + 'static {
    /// Every reason, in the order of the counts.
    const ALL: &'static [Self];

    /// Place in [`Reason::ALL`].
    fn index(self) -> usize;

    /// The key in the result files.
    fn name(self) -> &'static str;

    /// True if the cause is this program or this machine, so that the target is not to blame.
    fn is_ours(self) -> bool;
}

/// Declares one list: `Variant = "name", Ours or Theirs`, each with its documentation.
macro_rules! reasons {
    ($(#[$outer:meta])* $list:ident { $($(#[$inner:meta])* $variant:ident = $name:literal, $side:ident;)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $list { $($(#[$inner])* $variant,)+ }

        impl $list {
            /// How many reasons there are.
            pub const COUNT: usize = [$($list::$variant),+].len();

            /// Place in the list.
            pub fn index(self) -> usize {
                self as usize
            }

            /// The key in the result files.
            pub fn name(self) -> &'static str {
                match self { $($list::$variant => $name,)+ }
            }

            /// True if the cause is this program or this machine.
            pub fn is_ours(self) -> bool {
                let side = match self { $($list::$variant => Side::$side,)+ };
                side == Side::Ours
            }
        }

        impl Reason for $list {
            const ALL: &'static [Self] = &[$($list::$variant),+];

            fn index(self) -> usize {
                $list::index(self)
            }

            fn name(self) -> &'static str {
                $list::name(self)
            }

            fn is_ours(self) -> bool {
                $list::is_ours(self)
            }
        }
    };
}

/// Where a cause lies.
#[derive(PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

reasons! {
    /// Why a planned request was not written.
    DropReason {
        /// The endpoint already has `load.in_flight_max` requests in flight, or the fleet its limit.
        InFlight = "in_flight", Theirs;
        /// All request IDs of the endpoint's range are outstanding or in quarantine.
        RequestId = "request_id", Theirs;
        /// The connection is down.
        NotConnected = "not_connected", Theirs;
        /// The socket does not take more, or the receive maximum is reached.
        BackPressure = "back_pressure", Theirs;
        /// `limits.messages_per_s` held it back for longer than its deadline.
        Cap = "cap", Theirs;
        /// The worker came to it after its deadline. Only for lateness of our own: if back-pressure
        /// or a lost connection held it, that is the reason.
        Late = "late", Ours;
        /// The run was stopped (a signal) before it was due to be written.
        Stopped = "stopped", Theirs;
    }
}

reasons! {
    /// Why a request that was sent, or an established connection, came to an end without an answer.
    FailReason {
        /// The peer reset the connection (ECONNRESET, EPIPE).
        Reset = "reset", Theirs;
        /// The peer closed the connection in order (end of stream, or DISCONNECT of MQTT 5).
        Closed = "closed", Theirs;
        /// The peer sent what MQTT or WebSocket forbids, or a packet above `limits.packet_size`.
        Protocol = "protocol", Theirs;
        /// No PINGRESP in time (MQTT 3.1.1 section 3.1.2.10).
        KeepAlive = "keep_alive", Theirs;
        /// The target refused this message (MQTT 5 reason code of 0x80 and above in an acknowledgement).
        Refused = "refused", Theirs;
        /// Network or host unreachable, connection timed out in the kernel.
        Unreachable = "unreachable", Theirs;
        /// We dropped the connection because its buffer limit was reached.
        BackPressure = "back_pressure", Theirs;
        /// The endpoint ended the connection itself, as `fleet.churn_rate` asks.
        Left = "left", Theirs;
        /// Anything else the system reported.
        Other = "other", Theirs;
    }
}

reasons! {
    /// Why an attempt to connect came to nothing.
    ConnectFailure {
        /// Nobody listens (ECONNREFUSED).
        Refused = "refused", Theirs;
        /// No CONNACK within `target.connect_timeout`.
        Timeout = "timeout", Theirs;
        /// Reset before the CONNACK.
        Reset = "reset", Theirs;
        /// Closed before the CONNACK.
        Closed = "closed", Theirs;
        /// The answer to CONNECT was no valid CONNACK.
        Protocol = "protocol", Theirs;
        /// CONNACK: not authorized (3.1.1 code 5, 5.0 code 0x87).
        NotAuthorized = "not_authorized", Theirs;
        /// CONNACK: bad user name or password (3.1.1 code 4, 5.0 code 0x86).
        BadCredentials = "bad_credentials", Theirs;
        /// CONNACK: client identifier rejected (3.1.1 code 2, 5.0 code 0x85).
        IdentifierRejected = "identifier_rejected", Theirs;
        /// CONNACK: server unavailable or busy (3.1.1 code 3, 5.0 codes 0x88 and 0x89).
        ServerUnavailable = "server_unavailable", Theirs;
        /// CONNACK: protocol version not supported (3.1.1 code 1, 5.0 code 0x84).
        UnsupportedVersion = "unsupported_version", Theirs;
        /// CONNACK with any other code of refusal.
        Rejected = "rejected", Theirs;
        /// SUBACK refused a filter that the run needs.
        SubscribeRefused = "subscribe_refused", Theirs;
        /// Host or network unreachable.
        Unreachable = "unreachable", Theirs;
        /// TLS: nobody who is trusted has signed the target's certificate.
        TlsUnknownCa = "tls_unknown_ca", Theirs;
        /// TLS: the target's certificate is not valid yet, or not any more.
        TlsExpired = "tls_expired", Theirs;
        /// TLS: the target's certificate is for other names.
        TlsWrongName = "tls_wrong_name", Theirs;
        /// TLS: the target's certificate is bad in another way.
        TlsCertificate = "tls_certificate", Theirs;
        /// TLS: the target wants a certificate and got none.
        TlsNoClientCertificate = "tls_no_client_certificate", Theirs;
        /// TLS: the target does not accept the certificate that it got.
        TlsClientCertificate = "tls_client_certificate", Theirs;
        /// TLS: no version in common, no TLS at all, anything else.
        TlsProtocol = "tls_protocol", Theirs;
        /// The certificate or the key of a connection could not be read when it was needed.
        TlsCredentials = "tls_credentials", Ours;
        /// WebSocket: the target has nothing at the path of the url (HTTP status 404).
        WsNotFound = "ws_not_found", Theirs;
        /// WebSocket: the target wants to know who asks, or does not want to answer them (401, 403).
        WsUnauthorized = "ws_unauthorized", Theirs;
        /// WebSocket: any other HTTP status than 101.
        WsRefused = "ws_refused", Theirs;
        /// WebSocket: the target speaks no HTTP, or its answer is none to this upgrade.
        WsUpgrade = "ws_upgrade", Theirs;
        /// WebSocket: the target does not agree on the sub-protocol `mqtt`.
        WsSubprotocol = "ws_subprotocol", Theirs;
        /// WebSocket: a frame that is forbidden by RFC 6455 or, if it is a text frame, by MQTT.
        WsProtocol = "ws_protocol", Theirs;
        /// The host name does not resolve.
        NameNotFound = "name_not_found", Theirs;
        /// Out of file descriptors (EMFILE, ENFILE).
        Descriptors = "descriptors", Ours;
        /// Out of local ports (EADDRNOTAVAIL).
        Ports = "ports", Ours;
        /// An address of `target.bind` that this machine does not have (EADDRNOTAVAIL).
        SourceAddress = "source_address", Ours;
        /// Out of memory (ENOMEM, ENOBUFS).
        Memory = "memory", Ours;
        /// Anything else the system reported.
        Other = "other", Theirs;
    }
}

reasons! {
    /// Why the client's own share of a sampled reply's times is not known.
    LeftOut {
        /// The kernel did not say when it had received the reply.
        NoTimestamp = "no_timestamp", Ours;
        /// Other packets left with the request, in the same write.
        SharedWrite = "shared_write", Ours;
        /// The kernel kept the request, or a part of it, beyond the write, or did not say when it left.
        HeldBack = "held_back", Theirs;
        /// The read that brought the reply's end brought more than the reply, or not all of it.
        SharedRead = "shared_read", Theirs;
        /// The wall clock made a step between request and reply.
        ClockStep = "clock_step", Ours;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names_are_unique_and_indices_count_up<R: Reason>() {
        let names: BTreeSet<_> = R::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), R::ALL.len());
        assert!(
            R::ALL
                .iter()
                .enumerate()
                .all(|(place, reason)| reason.index() == place)
        );
    }

    #[test]
    fn every_reason_has_a_name_and_a_place_of_its_own() {
        names_are_unique_and_indices_count_up::<DropReason>();
        names_are_unique_and_indices_count_up::<FailReason>();
        names_are_unique_and_indices_count_up::<ConnectFailure>();
        names_are_unique_and_indices_count_up::<LeftOut>();
    }

    #[test]
    fn only_what_this_machine_lacks_is_ours() {
        let ours: Vec<_> = ConnectFailure::ALL
            .iter()
            .filter(|r| r.is_ours())
            .map(|r| r.name())
            .collect();
        assert_eq!(
            ours,
            [
                "tls_credentials",
                "descriptors",
                "ports",
                "source_address",
                "memory"
            ]
        );
        assert!(DropReason::Late.is_ours() && !DropReason::BackPressure.is_ours());
    }
}
