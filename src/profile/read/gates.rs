//! Reads `[gates]`: how much may go wrong on our side before a run is INVALID.
//!
//! Not here: what is measured against them.

use std::time::Duration;

use super::super::Gates;
use super::super::tree::{Node, Table};
use super::Section;
use super::value::{self, Wrong};
use crate::units::Share;

/// The gates; without `[gates]`, all defaults.
pub(super) fn read(top: &Section<'_>) -> Gates {
    let empty = Table::default();
    let section = top
        .section("gates")
        .unwrap_or_else(|| Section::new(&empty, "gates", "gates", top.origin, top.log));
    let share = |key| {
        let read = section.read(key, value::unit::<Share>);
        read.unwrap_or(Share(0.0))
    };
    let lag = |key| section.read(key, lag).unwrap_or_default();
    Gates {
        not_written: share("not_written"),
        pacer_lag_p99: lag("pacer_lag_p99"),
        pacer_lag_p999: lag("pacer_lag_p999"),
        pacer_lag_max: lag("pacer_lag_max"),
        busy: share("busy"),
        ceiling: share("ceiling"),
        hiccup: lag("hiccup"),
        throttled: section
            .read("throttled", |node| value::integer(node, 0..=u32::MAX))
            .unwrap_or_default(),
        memory: share("memory"),
    }
}

fn lag(node: &Node) -> Result<Duration, Wrong> {
    value::duration(node, value::ABOVE_ZERO..=value::HOUR)
}
