//! Templates as the profile writes them: what is a field in a text, and what a field may be called.
//!
//! Not here: what a name stands for in a template (the plan, and the tenant for itself).

/// `[a-z_][a-z0-9_]*`: what a template reads as a field between braces. Any other brace is
/// literal there, so no other name could ever be used.
pub(crate) fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// Text that stands for itself; not empty.
    Literal(&'t str),
    /// `{name}` or `{name:format}`, without the braces.
    Field {
        /// `[a-z_][a-z0-9_]*`
        name: &'t str,
        /// What follows the colon.
        format: Option<&'t str>,
    },
}

/// The parts of a template in order. A brace that begins no field is literal.
pub fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut literal_from, mut at) = (0, 0);
    while let Some(open) = template[at..].find('{').map(|offset| at + offset) {
        at = open + 1;
        let Some(close) = template[at..].find('}').map(|offset| at + offset) else {
            break;
        };
        let inside = &template[at..close];
        let (name, format) = match inside.split_once(':') {
            Some((name, format)) => (name, Some(format)),
            None => (inside, None),
        };
        let formats = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let plain = format.is_none_or(|text| !text.is_empty() && text.chars().all(formats));
        if !is_field_name(name) || !plain {
            continue;
        }
        if literal_from < open {
            parts.push(Part::Literal(&template[literal_from..open]));
        }
        parts.push(Part::Field { name, format });
        at = close + 1;
        literal_from = at;
    }
    if literal_from < template.len() {
        parts.push(Part::Literal(&template[literal_from..]));
    }
    parts
}

/// The template with this text for each field.
pub(super) fn filled(template: &str, text: &str) -> String {
    let parts = parts(template).into_iter();
    parts
        .map(|part| match part {
            Part::Literal(literal) => literal,
            Part::Field { .. } => text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_the_braces_of_json() {
        let field = |name, format| Part::Field { name, format };
        assert_eq!(
            parts(r#"{"a":{b},"c":"{now:s}-{D}"}"#),
            [
                Part::Literal(r#"{"a":"#),
                field("b", None),
                Part::Literal(r#","c":""#),
                field("now", Some("s")),
                Part::Literal(r#"-{D}"}"#)
            ]
        );
        assert_eq!(parts("{a}{b_1}"), [field("a", None), field("b_1", None)]);
        for literal in ["{", "}", "{}", "{a b}", "{a:}", "{1}"] {
            assert_eq!(parts(literal), [Part::Literal(literal)]);
        }
        assert_eq!(parts(""), []);
        assert_eq!(filled("{\"a\":{a}}", "1"), "{\"a\":1}");
    }

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
