//! Replies that reach the wrong place on purpose: another connection, or a request that nobody made.
//!
//! Not here: which replies (`faults`), and when (`timers`).

use super::platforms::{Recipient, Reply};
use super::router::Message;
use super::server::Server;

impl Server {
    /// Sends a reply to a random connection that does not wait for it. False: there is none.
    pub(super) fn misdirect(&mut self, reply: Reply, message: Message) -> bool {
        let own = match reply.to {
            Recipient::Session(connection) | Recipient::Connection(connection) => Some(connection),
            Recipient::Endpoint(_) => self.platforms.speaker(reply.to),
        };
        let connected = self.router.sessions.connected();
        let first = self.platforms.faults.choose(connected.len());
        let from_there = connected[first..].iter().chain(&connected[..first]);
        let Some(other) = from_there.copied().find(|id| Some(*id) != own) else {
            return false;
        };
        self.router.send_to_connection(other, message)
    }

    /// Sends what looks like a reply to a request that nobody made. False: the topic of the reply has
    /// no ID, or its recipient is gone.
    pub(super) fn send_orphan(&mut self, reply: Reply, message: Message) -> bool {
        let Some(topic) = with_another_id(message.topic) else {
            return false;
        };
        let topic = topic.as_str();
        self.deliver(reply.to, Message { topic, ..message })
    }
}

/// The same topic with the largest ID of as many digits, which whoever counts up has not reached yet.
/// The ID is the last level of digits. `None`: there is none, or it is this one.
fn with_another_id(topic: &str) -> Option<String> {
    let is_id = |level: &str| !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_digit());
    let levels: Vec<&str> = topic.split('/').collect();
    let place = levels.iter().rposition(|level| is_id(level))?;
    let nines = "9".repeat(levels[place].len());
    if levels[place] == nines {
        return None;
    }
    let mut other = levels;
    other[place] = &nines;
    Some(other.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_has_the_largest_id_of_as_many_digits() {
        let other = |topic| with_another_id(topic);
        assert_eq!(other("a/7/10234/ok").as_deref(), Some("a/7/99999/ok"));
        assert_eq!(other("10/ok").as_deref(), Some("99/ok"));
        for without in ["a/b/ok", "", "/", "a/99/ok", "a/1x/ok"] {
            assert_eq!(other(without), None, "{without:?}");
        }
    }
}
