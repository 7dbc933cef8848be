//! What a variable, a generated field or a column may be called.
//!
//! Not here: what a name stands for in a template (the plan).

/// `[a-z_][a-z0-9_]*`: what a template reads as a field between braces. Any other brace is
/// literal there, so no other name could ever be used.
pub(crate) fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_lower_case_and_begins_with_no_digit() {
        for name in ["a", "_", "hardware_id", "x1"] {
            assert!(is_field_name(name), "{name}");
        }
        for name in ["", "1x", "deviceId", "a-b", "a b", "\u{e4}"] {
            assert!(!is_field_name(name), "{name}");
        }
    }
}
