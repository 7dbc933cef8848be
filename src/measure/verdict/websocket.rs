//! What to do about a connection that does not become a WebSocket: nothing here makes a run INVALID.
//!
//! Not here: what the classes are (see `reason`).

use super::tls::{Advice, occurred};
use super::{Evidence, Finding};
use crate::measure::reason::ConnectFailure;

const ADVICE: [Advice; 6] = [
    (
        ConnectFailure::WsNotFound,
        "the target has no WebSocket at the path of the url",
        "name its path in target.url; many brokers have /mqtt, some /ws",
    ),
    (
        ConnectFailure::WsUnauthorized,
        "the target does not let this upgrade pass",
        "does it want a header? See target.headers",
    ),
    (
        ConnectFailure::WsRefused,
        "the target answers the upgrade with an HTTP status of its own",
        "ask it yourself: curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' URL",
    ),
    (
        ConnectFailure::WsUpgrade,
        "the target's answer is no upgrade to WebSocket",
        "check the port of target.url, and whether it is ws:// or wss://",
    ),
    (
        ConnectFailure::WsSubprotocol,
        "the target does not speak MQTT over WebSocket: it does not agree on the sub-protocol mqtt",
        "check host, port and path of target.url",
    ),
    (
        ConnectFailure::WsProtocol,
        "the target sends frames that WebSocket or MQTT forbids",
        "MQTT goes in binary frames, and a server's are not masked: look at what is between",
    ),
];

/// One for each class that occurred.
pub(super) fn failures<'a>(evidence: &'a Evidence) -> impl Iterator<Item = Finding> + 'a {
    occurred(&ADVICE, evidence)
}
