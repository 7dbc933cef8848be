//! What this tenant knows of Kaa's applications, endpoints and keys, and how it does what the
//! specification leaves open.
//!
//! Settings that do not change, and who is admitted by them. Not here: what a request is (`kaa`),
//! what it does (`thing`).

use std::collections::{BTreeSet, HashSet};

use super::instances::Instances;
use super::kaa_address::Address;
use super::options::{AbsentKeys, ObserveReplies, OnConnect, Paths, Redirects, TenantOptions};
use super::problem::Problem;

/// The application version name is not among the known ones.
pub const UNKNOWN_APPLICATION: Problem =
    Problem::new("unknown-application", 404, "Unknown application version");
/// The endpoint token is not among the known ones.
pub const UNKNOWN_TOKEN: Problem = Problem::new("unknown-token", 401, "Unknown endpoint token");
/// The token contains a character that tokens must not have.
pub const MALFORMED_TOKEN: Problem =
    Problem::new("malformed-token", 400, "Malformed endpoint token");

/// What this tenant accepts.
#[derive(Debug, Clone)]
pub struct Rules {
    applications: Option<HashSet<String>>,
    tokens: Option<HashSet<String>>,
    /// Metadata keys that an endpoint must not write.
    pub read_only_keys: BTreeSet<String>,
    /// Metadata keys that an endpoint must not read.
    pub unreadable_keys: BTreeSet<String>,
    /// What absent metadata is.
    pub absent_keys: AbsentKeys,
    /// Which paths data collection has.
    pub paths: Paths,
    /// The names of the extension instances.
    pub instances: Instances,
    /// Where changes are told.
    pub observe_replies: ObserveReplies,
    /// What a status of 300 to 399 means.
    pub redirects: Redirects,
    /// What an endpoint is sent at first.
    pub on_connect: OnConnect,
    /// The types of commands; at least one.
    pub command_types: Vec<String>,
    /// New commands in one push; at least 1.
    pub commands_per_push: u32,
    /// Share of pushes that repeat what is outstanding.
    pub command_redelivery: f64,
}

impl Rules {
    /// The rules that the options ask for.
    pub fn new(options: &TenantOptions) -> Self {
        let hashed = |names: &Option<BTreeSet<String>>| {
            names.as_ref().map(|names| names.iter().cloned().collect())
        };
        Self {
            applications: hashed(&options.applications),
            tokens: hashed(&options.tokens),
            read_only_keys: options.read_only_keys.clone(),
            unreadable_keys: options.unreadable_keys.clone(),
            absent_keys: options.absent_keys,
            paths: options.paths,
            instances: options.instances.clone(),
            observe_replies: options.observe_replies,
            redirects: options.redirects,
            on_connect: options.on_connect,
            command_types: options.command_types.clone(),
            commands_per_push: options.commands_per_push,
            command_redelivery: options.command_redelivery,
        }
    }

    /// Whether this application and this endpoint exist.
    ///
    /// # Errors
    /// [`UNKNOWN_APPLICATION`], [`MALFORMED_TOKEN`] or [`UNKNOWN_TOKEN`].
    pub fn admit(&self, address: &Address) -> Result<(), Problem> {
        let name = address.application;
        let well_formed = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if !well_formed
            || self
                .applications
                .as_ref()
                .is_some_and(|known| !known.contains(name))
        {
            return Err(UNKNOWN_APPLICATION);
        }
        if address.token.contains('.') {
            return Err(MALFORMED_TOKEN);
        }
        if self
            .tokens
            .as_ref()
            .is_some_and(|known| !known.contains(address.token))
        {
            return Err(UNKNOWN_TOKEN);
        }
        Ok(())
    }
}
