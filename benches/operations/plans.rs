//! Plans that the operations work on: shipped profiles, and some that are made for one question.
//!
//! Not here: which operation needs which.

use std::path::Path;

use midge::plan::{Captures, Identities, Message, Moment, Plan};

/// Compiles the text of a profile.
pub fn of_text(text: &str) -> Plan {
    compiled("./bench.toml", text)
}

/// Compiles a shipped profile.
pub fn shipped(name: &str) -> Plan {
    compiled(name, "")
}

/// The same of a text or a shipped profile, in MQTT 5.
pub fn in_5(name: &str, text: &str) -> Plan {
    of(name, text, &["target.protocol=5".to_owned()])
}

fn compiled(name: &str, text: &str) -> Plan {
    of(name, text, &[])
}

fn of(name: &str, text: &str, sets: &[String]) -> Plan {
    let read = |_: &Path| Ok(text.to_owned());
    let loaded = midge::profile::load(name, sets, &read);
    let profile = loaded.expect("a sound profile").profile;
    Plan::compile(&profile, Identities::none()).expect("a sound plan")
}

/// Index of a request.
pub fn request(plan: &Plan, name: &str) -> usize {
    let found = plan.requests.iter().position(|row| row.name == name);
    found.unwrap_or_else(|| panic!("the plan has no request {name:?}"))
}

/// When the messages are sent, in nanoseconds since 1970.
pub const UNIX_NS: u64 = 1_759_212_723_456_000_000;

/// A message of endpoint 7 that answers nothing.
pub fn message<'a>(
    plan: &'a Plan,
    captures: &'a Captures,
    moment: &'a Moment,
    request_id: u128,
) -> Message<'a> {
    Message {
        endpoint: 7,
        request_id,
        packet_id: 0,
        moment,
        identities: &plan.identities,
        captures,
    }
}
