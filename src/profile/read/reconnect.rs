//! Reads `fleet.reconnect` and `fleet.reconnect_rate`.

use std::time::Duration;

use super::super::tree::{Node, Table, Value};
use super::super::{Jitter, Policy, Reconnect, ReconnectRate};
use super::Section;
use super::value::{self, Wrong};
use crate::units::Share;

const POLICIES: [(&str, Policy); 2] = [
    ("exponential", Policy::Exponential),
    ("fixed", Policy::Fixed),
];

/// How lost connections of the fleet come back; without the keys, all defaults.
pub(super) fn read(fleet: &Section<'_>) -> Reconnect {
    let empty = Table::default();
    let path = "fleet.reconnect";
    let section = fleet
        .section("reconnect")
        .unwrap_or_else(|| Section::new(&empty, path, path, fleet.origin, fleet.log));
    let delay = |key| section.read(key, |node| value::duration(node, SHORTEST..=value::HOUR));
    let reconnect = Reconnect {
        policy: section
            .read("policy", |node| value::choice(node, &POLICIES))
            .unwrap_or(Policy::Fixed),
        jitter: section.read("jitter", jitter).unwrap_or(Jitter::Full),
        initial_delay: delay("initial_delay").unwrap_or_default(),
        max_delay: delay("max_delay").unwrap_or(Duration::MAX),
        give_up_after: section.read("give_up_after", |node| value::integer(node, 1..=u32::MAX)),
        rate: fleet
            .read("reconnect_rate", rate)
            .unwrap_or(ReconnectRate::AsConnects),
    };
    if reconnect.policy == Policy::Fixed && reconnect.jitter == Jitter::Decorrelated {
        let wrong =
            Wrong::new("\"decorrelated\" grows from wait to wait, which policy \"fixed\" does not")
                .instead("\"25%\", \"full\", or policy = \"exponential\"");
        section.wrong_at("jitter", wrong);
    }
    let grows = reconnect.policy == Policy::Exponential;
    if grows && reconnect.initial_delay > reconnect.max_delay {
        let wrong = Wrong::new("is longer than max_delay").instead("a shorter one");
        section.wrong_at("initial_delay", wrong);
    }
    reconnect
}

/// A fleet that waits for less is one that does not wait.
const SHORTEST: Duration = Duration::from_millis(1);

fn jitter(node: &Node) -> Result<Jitter, Wrong> {
    match value::any_text(node)?.as_str() {
        "none" => Ok(Jitter::Around(0.0)),
        "full" => Ok(Jitter::Full),
        "decorrelated" => Ok(Jitter::Decorrelated),
        text if text.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            value::unit(node).map(|Share(part)| Jitter::Around(part))
        }
        _ => Err(Wrong::new("is neither a share nor a word for it")
            .instead("\"25%\", \"full\", \"decorrelated\" or \"none\"")),
    }
}

fn rate(node: &Node) -> Result<ReconnectRate, Wrong> {
    match &node.value {
        Value::Text(text) if text == "none" => Ok(ReconnectRate::Unlimited),
        _ => value::rate(node).map(ReconnectRate::Own),
    }
}
