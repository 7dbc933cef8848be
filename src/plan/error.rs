//! Why a profile cannot become a plan.
//!
//! One enum: each variant is one broken rule and says where it was broken. Not here: lines of the
//! profile file (its reader knows them) and anything that can go wrong once a run has begun.

/// A profile that is well-formed and still cannot be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A template names a field that does not exist there.
    #[error(
        "{place}: unknown field {{{field}}}{}{}",
        if columns.is_empty() { String::new() } else { format!("; line 1 of fleet.identities has the columns {}", columns.join(", ")) },
        nearest.as_ref().map_or(String::new(), |n| format!("; did you mean {{{n}}}?"))
    )]
    UnknownField {
        /// Request (or other owner) and key.
        place: String,
        /// As written.
        field: String,
        /// The known field whose name is most like it.
        nearest: Option<String>,
        /// Columns of the identities, if there are any.
        columns: Vec<String>,
    },
    /// A field does not have such a format.
    #[error("{place}: field {{{field}}} has no format `{format}`; {known}")]
    UnknownFormat {
        /// Request (or other owner) and key.
        place: String,
        /// Field name.
        field: String,
        /// What follows the colon.
        format: String,
        /// The formats that exist.
        known: &'static str,
    },
    /// Variables that refer to each other in a circle.
    #[error("fleet.vars: {} refer to each other in a circle", names.join(" -> "))]
    VariableCycle {
        /// In the order of reference, the first one again at the end.
        names: Vec<String>,
    },
    /// A topic that MQTT does not allow to publish to (MQTT 3.1.1, section 4.7).
    #[error("{place}: {reason}")]
    InvalidTopic {
        /// Request (or other owner) and key.
        place: String,
        /// The rule.
        reason: &'static str,
    },
    /// A pattern in which two parts cannot be told apart.
    #[error(
        "{place}: {{{field}}} must be followed by literal text or the end of the topic, or its end cannot be found"
    )]
    AmbiguousTopic {
        /// Request (or other owner) and key.
        place: String,
        /// The first of the two.
        field: String,
    },
    /// An ID is needed and is not there, or is there and not declared.
    #[error("{place}: {reason}")]
    RequestId {
        /// Request and key.
        place: String,
        /// The rule.
        reason: &'static str,
    },
    /// Not an RFC 6901 pointer.
    #[error("{place}: `{pointer}` is not a JSON pointer; it must be empty or begin with `/`")]
    InvalidPointer {
        /// Request (or other owner) and key.
        place: String,
        /// As written.
        pointer: String,
    },
    /// A number or text of a definition that makes no sense.
    #[error("{place}: {reason}")]
    InvalidValue {
        /// Request (or other owner) and key.
        place: String,
        /// The rule.
        reason: &'static str,
    },
    /// More of something than the plan's indices can address.
    #[error("too many {what}: {count}, at most {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The identities file has a bad line.
    #[error("identities, line {line}: {reason}")]
    Identities {
        /// From 1.
        line: u64,
        /// The rule and the value that broke it.
        reason: String,
    },
}

impl PlanError {
    /// Short form for values that break a rule.
    pub(crate) fn value(place: impl Into<String>, reason: &'static str) -> Self {
        Self::InvalidValue {
            place: place.into(),
            reason,
        }
    }
}
