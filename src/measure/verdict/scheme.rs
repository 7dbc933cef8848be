//! What to do when every connection is ended before it is accepted: nothing here makes a run INVALID.
//!
//! Who speaks TLS or WebSocket to a port that expects neither, or the other way round, is often told nothing: the target
//! closes. Not here: classes that say themselves what was the matter (`tls`, `websocket`).

use super::{Evidence, Finding, finding};
use crate::measure::reason::ConnectFailure;

/// How a target ends a connection whose first words it does not understand.
const WORDLESS: [ConnectFailure; 3] = [
    ConnectFailure::Closed,
    ConnectFailure::Reset,
    ConnectFailure::Protocol,
];

/// One, if nobody was ever connected, and all failed like that.
pub(super) fn mistaken(evidence: &Evidence) -> Option<Finding> {
    let connections = &evidence.tally.connections;
    let wordless = WORDLESS.map(|class| connections.failed_by[class.index()]);
    let ended: u64 = wordless.iter().sum();
    let all = ended > 0 && ended == connections.failed && connections.connected == 0;
    let detail = format!("the target ended each of {ended} connections before it accepted one");
    let advice = "check scheme and port of target.url: mqtt:// is plain MQTT, mqtts:// is TLS, ws:// and wss:// are \
                  WebSocket; then look at the target's log";
    all.then(|| {
        finding(
            "nobody_accepted",
            ended as f64,
            0.0,
            "attempts",
            detail,
            advice,
        )
    })
}
