//! Why the tenant refuses a message: a name for the report, a status and a phrase for the reply.
//!
//! Kaa publishes which form an error reply has, not which code belongs to which fault: the codes
//! are this tenant's choice. Enapter has no error replies; there only the name counts.

use std::io::Write as _;

/// One reason to refuse a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Short class word, the key in the report's `rejected`.
    pub name: &'static str,
    /// HTTP-like status code.
    pub status: u16,
    /// One phrase, plain ASCII without quotation marks.
    pub phrase: &'static str,
}

impl Problem {
    /// A problem by its three parts.
    pub const fn new(name: &'static str, status: u16, phrase: &'static str) -> Self {
        Self {
            name,
            status,
            phrase,
        }
    }

    /// Appends `{"statusCode":..,"reasonPhrase":".."}`.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing into a Vec cannot fail.
        let _ = write!(
            out,
            r#"{{"statusCode":{},"reasonPhrase":"{}"}}"#,
            self.status, self.phrase
        );
    }
}

/// The error that `--error-rate` injects.
pub const INJECTED: Problem = Problem::new("injected", 500, "Internal Server Error");
/// A table of the tenant is full.
pub const FULL: Problem = Problem::new("endpoints-full", 503, "Too many endpoints");
/// A topic that begins like a platform's and does not follow its grammar.
pub const MALFORMED_TOPIC: Problem = Problem::new("malformed-topic", 400, "Malformed topic");
/// Not UTF-8 or not one JSON value.
pub const INVALID_JSON: Problem = Problem::new("invalid-json", 400, "Payload is not valid JSON");
/// JSON of another shape than asked for, or without a required field.
pub const INVALID_FIELDS: Problem =
    Problem::new("invalid-fields", 400, "Payload does not follow the schema");
