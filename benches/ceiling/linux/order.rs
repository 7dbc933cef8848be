//! How much is run: what the environment asks for, and what one client is told.
//!
//! Not here: what a mode is.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use midge::units::Span;
use serde::{Deserialize, Serialize};

use super::mode::{MODES, Mode};

/// What one client has to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// Name of the mode.
    pub mode: String,
    /// Connections.
    pub endpoints: u32,
    /// Load before the window.
    pub warm_up: Duration,
    /// Load that is measured.
    pub window: Duration,
    /// The far side.
    pub target: SocketAddr,
}

impl Order {
    /// The mode of that name.
    pub fn mode(&self) -> &'static Mode {
        let named = MODES.iter().find(|mode| mode.name == self.mode);
        named.expect("it was chosen from them")
    }
}

/// What the whole benchmark has to do.
#[derive(Debug)]
pub struct Scale {
    /// Pairs per mode.
    pub pairs: u32,
    /// Connections.
    pub endpoints: u32,
    /// Load before each window.
    pub warm_up: Duration,
    /// Load that is measured in each turn.
    pub window: Duration,
    /// Names of modes; empty: all.
    modes: Vec<String>,
}

impl Scale {
    /// From the environment; short unless `cargo bench` says that it is one.
    pub fn asked() -> Result<Self, String> {
        let given = |flag| std::env::args().any(|argument| argument == flag);
        let short = given("--test") || !given("--bench");
        let (pairs, endpoints, window) = if short {
            (1, 20, Duration::from_millis(100))
        } else {
            (5, 1_000, Duration::from_secs(2))
        };
        let Span(window) = variable("MIDGE_CEILING_WINDOW")?.unwrap_or(Span(window));
        let scale = Self {
            pairs: variable("MIDGE_CEILING_PAIRS")?.unwrap_or(pairs),
            endpoints: variable("MIDGE_CEILING_ENDPOINTS")?.unwrap_or(endpoints),
            warm_up: window / 4,
            window,
            modes: modes(variable("MIDGE_CEILING_MODES")?.unwrap_or_default())?,
        };
        if scale.pairs == 0 || scale.endpoints == 0 || scale.window < Duration::from_millis(10) {
            return Err("at least 1 pair, 1 endpoint and a window of 10ms are needed".into());
        }
        Ok(scale)
    }

    /// Whether this mode was asked for.
    pub fn wants(&self, mode: &Mode) -> bool {
        self.modes.is_empty() || self.modes.iter().any(|name| name == mode.name)
    }

    /// What a client of this mode is told.
    pub fn order(&self, mode: &Mode, target: SocketAddr) -> Order {
        Order {
            mode: mode.name.to_owned(),
            endpoints: self.endpoints,
            warm_up: self.warm_up,
            window: self.window,
            target,
        }
    }
}

/// A value of the environment.
fn variable<T: FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Option<T>, String> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let value = text.parse();
    value
        .map(Some)
        .map_err(|error| format!("{name}={text}: {error}"))
}

/// The names in a list with commas.
#[allow(clippy::needless_pass_by_value, reason = "the text is of no more use")]
fn modes(list: String) -> Result<Vec<String>, String> {
    let names: Vec<String> = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let known: Vec<&str> = MODES.iter().map(|mode| mode.name).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!(
            "MIDGE_CEILING_MODES={list}: there is no mode {name:?}; there are {}",
            known.join(", ")
        )),
        None => Ok(names),
    }
}
