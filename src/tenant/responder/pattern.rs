//! Topics of definitions: recognised, and written again with what was found in another one.
//!
//! A field is any text that is not empty, within one level, up to the literal that follows. Not
//! here: the fleet's way to recognise its replies, which shares nothing with this one.

use smallvec::SmallVec;

use super::names::Token;

/// Fields of one topic.
const FIELDS_MAX: usize = 64;

/// Values of the fields of one topic; few topics have more fields than are kept in place.
pub type Values<'t> = SmallVec<[&'t str; 8]>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    /// A place in the list of fields.
    Field(usize),
}

/// A topic with fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Box<[Segment]>,
    fields: Vec<String>,
}

impl Pattern {
    /// From the parts of a template.
    ///
    /// # Errors
    /// Two fields without text between them, or too many fields.
    pub fn new(tokens: Vec<Token>) -> Result<Self, String> {
        let mut fields: Vec<String> = Vec::new();
        let mut segments: Vec<Segment> = Vec::with_capacity(tokens.len());
        for token in tokens {
            match token {
                Token::Literal(text) => segments.push(Segment::Literal(text.into())),
                Token::Field(name) => {
                    if matches!(segments.last(), Some(Segment::Field(_))) {
                        return Err(format!(
                            "nothing says where the field before {{{name}}} ends"
                        ));
                    }
                    let known = fields.iter().position(|field| *field == name);
                    segments.push(Segment::Field(known.unwrap_or(fields.len())));
                    if known.is_none() {
                        fields.push(name);
                    }
                }
            }
        }
        if fields.len() > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        Ok(Self {
            segments: segments.into(),
            fields,
        })
    }

    /// The names of its fields, each once.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The place of a field in what [`Pattern::matches`] finds.
    pub fn place(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|known| known == field)
    }

    /// How much of it is fixed, in bytes: the more, the less else it could mean.
    pub fn fixed(&self) -> usize {
        let literals = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.len(),
            Segment::Field(_) => 0,
        });
        literals.sum()
    }

    /// The values of the fields if a topic is of this form. A field that stands in it twice has one
    /// value.
    pub fn matches<'t>(&self, topic: &'t str) -> Option<Values<'t>> {
        // Most topics that are not of this form differ at one of their ends.
        if let Some(Segment::Literal(text)) = self.segments.first()
            && !topic.starts_with(&**text)
        {
            return None;
        }
        if let Some(Segment::Literal(text)) = self.segments.last()
            && !topic.ends_with(&**text)
        {
            return None;
        }
        let mut values = Values::from_elem("", self.fields.len());
        let mut rest = topic;
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Literal(text) => rest = rest.strip_prefix(&**text)?,
                Segment::Field(field) => {
                    let length = self.length(at, rest)?;
                    let (value, after) = rest.split_at_checked(length)?;
                    let before = std::mem::replace(&mut values[*field], value);
                    if !before.is_empty() && before != value {
                        return None;
                    }
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(values)
    }

    /// Length of the field at a segment: not 0, up to the next literal, within one level.
    fn length(&self, at: usize, rest: &str) -> Option<usize> {
        let level = rest.find('/').unwrap_or(rest.len());
        let length = match self.segments.get(at + 1) {
            Some(Segment::Literal(text)) if text.starts_with('/') => level,
            // The last literal is at the end, wherever else it may stand.
            Some(Segment::Literal(text)) if at + 2 == self.segments.len() => {
                rest.strip_suffix(&**text)?.len()
            }
            Some(Segment::Literal(text)) => {
                let first = rest.chars().next()?.len_utf8();
                first + rest.get(first..)?.find(&**text)?
            }
            _ => rest.len(),
        };
        (1..=level).contains(&length).then_some(length)
    }

    /// A topic filter that matches every topic of this form: a level with a field may be anything.
    pub fn filter(&self) -> String {
        // No topic holds the character that stands for a field (MQTT 3.1.1, 1.5.3).
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text,
            Segment::Field(_) => "\0",
        });
        let text: String = segments.collect();
        let level = |level| match level {
            fixed if !str::contains(fixed, '\0') => fixed,
            _ => "+",
        };
        text.split('/').map(level).collect::<Vec<_>>().join("/")
    }

    /// A topic of this form.
    pub fn example(&self) -> String {
        let segments = self.segments.iter();
        segments
            .map(|segment| match segment {
                Segment::Literal(text) => text,
                Segment::Field(_) => "x",
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names::{Depth, Names};
    use super::*;

    fn pattern(template: &str) -> Result<Pattern, String> {
        let vars = std::collections::BTreeMap::new();
        let tokens = Names::new(&vars).expand(template, None, Depth::Levels);
        Pattern::new(tokens.unwrap())
    }

    #[test]
    fn fields_are_found_within_their_levels() {
        for (template, topic, expected) in [
            ("a/{x}/c", "a/b/c", Some(vec!["b"])),
            ("a/{x}/c", "a//c", None),
            ("a/{x}/c", "a/b/b/c", None),
            ("a/{x}", "a/b/c", None),
            ("a/{x}", "a/b", Some(vec!["b"])),
            ("{x}/c", "b/c", Some(vec!["b"])),
            ("/sys/{x}/y", "/sys/b/y", Some(vec!["b"])),
            ("t/?$rid={r}", "t/?$rid=12", Some(vec!["12"])),
            ("t/{m}/?$rid={r}", "t/go/?$rid=1", Some(vec!["go", "1"])),
            ("S{h}-{c}/x", "Sab-s/x", Some(vec!["ab", "s"])),
            ("{x}x", "axbx", Some(vec!["axb"])),
            ("{x}b/c", "a/ab/c", None),
            ("{a}/{b}/{a}", "1/2/1", Some(vec!["1", "2"])),
            ("{a}/{b}/{a}", "1/2/3", None),
            ("{a}-{b}", "\u{fc}-\u{e4}", Some(vec!["\u{fc}", "\u{e4}"])),
            ("a/b", "a/b", Some(vec![])),
            ("a/b", "a/b/c", None),
            ("{x}", "a", Some(vec!["a"])),
        ] {
            let found = pattern(template).unwrap();
            let values = found.matches(topic).map(|values| values.to_vec());
            assert_eq!(values, expected, "{template} {topic}");
        }
    }

    #[test]
    fn fields_need_an_end() {
        assert!(pattern("a/{x}{y}").is_err());
        let many: Vec<String> = (0..65).map(|n| format!("/{{f{n}}}")).collect();
        assert!(pattern(&many.concat()).is_err());
    }

    #[test]
    fn an_example_is_of_its_own_form() {
        for template in ["a/{x}/c", "t/{m}/?$rid={r}", "{x}"] {
            let pattern = pattern(template).unwrap();
            assert!(pattern.matches(&pattern.example()).is_some(), "{template}");
            assert!(crate::mqtt::topic::matches(
                &pattern.filter(),
                &pattern.example()
            ));
        }
        assert_eq!(pattern("a/{x}/c").unwrap().fixed(), 4);
        let filter = pattern("a/S{x}-{y}/c/{z}").unwrap().filter();
        assert_eq!(filter, "a/+/c/+");
    }

    proptest! {
        #[test]
        fn any_topic_is_judged_without_a_panic(topic: String) {
            for template in ["{a}x{b}", "{a}/{b}", "\u{fc}{a}\u{fc}", "{a}"] {
                let _ = pattern(template).unwrap().matches(&topic);
            }
        }

        #[test]
        fn what_was_put_together_comes_apart(a in "[a-z]{1,9}", b in "[0-9]{1,9}") {
            let topic = format!("x/{a}/y-{b}");
            let pattern = pattern("x/{a}/y-{b}").unwrap();
            let values = pattern.matches(&topic).unwrap();
            prop_assert_eq!(values.as_slice(), [a.as_str(), b.as_str()]);
        }
    }
}
