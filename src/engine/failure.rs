//! From what the operating system and the protocol say to the classes that a report counts.

use std::io;

use crate::event::tls::{Failure, Fault};
use crate::event::websocket;
use crate::measure::{ConnectFailure, FailReason};
use crate::mqtt::Reason;

/// The class of an error on an open connection.
pub(super) fn of_open(error: &io::Error) -> FailReason {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailReason::Reset,
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => {
            FailReason::Closed
        }
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => FailReason::Unreachable,
        _ if Failure::within(error).is_some() => FailReason::Protocol,
        _ if websocket::Failure::within(error).is_some() => FailReason::Protocol,
        _ => FailReason::Other,
    }
}

/// The class of an error of TLS, if it is one.
pub(super) fn of_tls(error: &io::Error) -> Option<ConnectFailure> {
    Failure::within(error).map(|failure| match failure.fault {
        Fault::UnknownCa => ConnectFailure::TlsUnknownCa,
        Fault::Expired => ConnectFailure::TlsExpired,
        Fault::WrongName => ConnectFailure::TlsWrongName,
        Fault::PeerCertificate => ConnectFailure::TlsCertificate,
        Fault::NoCertificate => ConnectFailure::TlsNoClientCertificate,
        Fault::OwnCertificate => ConnectFailure::TlsClientCertificate,
        Fault::Protocol => ConnectFailure::TlsProtocol,
    })
}

/// The class of an error of WebSocket, if it is one.
pub(super) fn of_websocket(error: &io::Error) -> Option<ConnectFailure> {
    use websocket::Fault;
    websocket::Failure::within(error).map(|failure| match failure.fault {
        Fault::Refused(404) => ConnectFailure::WsNotFound,
        Fault::Refused(401 | 403) => ConnectFailure::WsUnauthorized,
        Fault::Refused(_) => ConnectFailure::WsRefused,
        Fault::Upgrade => ConnectFailure::WsUpgrade,
        Fault::Subprotocol => ConnectFailure::WsSubprotocol,
        Fault::Frame | Fault::Text | Fault::Reason => ConnectFailure::WsProtocol,
    })
}

/// The class of an error while connecting. EMFILE, ENFILE and EADDRNOTAVAIL are this machine's limits.
pub(super) fn of_connect(error: &io::Error) -> ConnectFailure {
    use rustix::io::Errno;
    if let Some(failure) = of_tls(error).or_else(|| of_websocket(error)) {
        return failure;
    }
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => return ConnectFailure::Descriptors,
        Some(Errno::ADDRNOTAVAIL) => return ConnectFailure::Ports,
        Some(Errno::NOMEM | Errno::NOBUFS) => return ConnectFailure::Memory,
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        io::ErrorKind::TimedOut => ConnectFailure::Timeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => ConnectFailure::Reset,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ConnectFailure::Unreachable
        }
        _ => ConnectFailure::Other,
    }
}

/// The class of an error while binding to a source address. There EADDRNOTAVAIL is about the
/// address, and EADDRINUSE about its ports.
pub(super) fn of_bind(error: &io::Error) -> ConnectFailure {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::ADDRNOTAVAIL) => ConnectFailure::SourceAddress,
        Some(Errno::ADDRINUSE) => ConnectFailure::Ports,
        _ => of_connect(error),
    }
}

/// A connection that ended before it was up.
pub(super) fn before_up(reason: FailReason) -> ConnectFailure {
    match reason {
        FailReason::Reset => ConnectFailure::Reset,
        FailReason::Closed => ConnectFailure::Closed,
        FailReason::Protocol => ConnectFailure::Protocol,
        FailReason::Unreachable => ConnectFailure::Unreachable,
        _ => ConnectFailure::Other,
    }
}

/// What a CONNACK refuses with (section 3.2.2.3).
pub(super) fn of_reason(reason: Reason) -> ConnectFailure {
    match reason {
        Reason::BadUserNameOrPassword => ConnectFailure::BadCredentials,
        Reason::NotAuthorized => ConnectFailure::NotAuthorized,
        Reason::ClientIdentifierNotValid => ConnectFailure::IdentifierRejected,
        Reason::ServerUnavailable => ConnectFailure::ServerUnavailable,
        Reason::UnsupportedProtocolVersion => ConnectFailure::UnsupportedVersion,
        _ => ConnectFailure::Other,
    }
}

/// What a thread said when it broke down.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is mapped over results of joining"
)]
pub(super) fn said(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "panicked".into())
}
