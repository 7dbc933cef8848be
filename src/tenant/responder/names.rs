//! What the names in a template stand for, as far as the far side can know.
//!
//! The tenant sees only topics, so a variable is a part of a topic that may be any text; what it
//! stands for matters where several levels hide behind it. Not here: matching (`pattern`).

use std::collections::{BTreeMap, BTreeSet};

use crate::profile::{Part, parts};

/// Longest template after its variables were replaced: the longest topic (MQTT 3.1.1, 1.5.3).
const LENGTH_MAX: usize = 65_535;
/// Variables within variables.
const DEPTH_MAX: usize = 16;
/// Fields of one message, not of its endpoint.
const OF_MESSAGES: [&str; 7] = ["request_id", "seq", "uuid", "now", "now_s", "now_ms", "id"];

/// How far variables are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only those that stand for several levels; the others are fields.
    Levels,
    /// All of them, down to what differs between endpoints.
    Endpoint,
}

/// A part of a template whose variables were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Text; neighbouring texts are one.
    Literal(String),
    /// A field, with its format if it has one: `endpoint:06`.
    Field(String),
}

/// The variables of a platform, and which names are columns of identities.
#[derive(Debug)]
pub struct Names<'a> {
    vars: &'a BTreeMap<String, String>,
    columns: BTreeSet<String>,
}

impl<'a> Names<'a> {
    /// With these variables; no columns yet.
    pub fn new(vars: &'a BTreeMap<String, String>) -> Self {
        Self {
            vars,
            columns: BTreeSet::new(),
        }
    }

    /// The parts of a template; `topic` is what `{topic}` stands for.
    ///
    /// # Errors
    /// Variables in a circle, or a text that is too long.
    pub fn expand(
        &self,
        template: &str,
        topic: Option<&str>,
        depth: Depth,
    ) -> Result<Vec<Token>, String> {
        let mut out = Expansion::default();
        self.fill(template, topic, depth, 0, &mut out)?;
        Ok(out.tokens)
    }

    fn fill(
        &self,
        template: &str,
        topic: Option<&str>,
        depth: Depth,
        within: usize,
        out: &mut Expansion,
    ) -> Result<(), String> {
        if within > DEPTH_MAX {
            return Err("its variables are nested too deeply".to_owned());
        }
        for part in parts(template) {
            match part {
                Part::Literal(text) => out.literal(text)?,
                Part::Field { name: "topic", .. } if topic.is_some() => {
                    self.fill(topic.unwrap_or_default(), None, depth, within + 1, out)?;
                }
                Part::Field { name, format } => match self.vars.get(name) {
                    Some(inner) if depth == Depth::Endpoint || self.has_levels(inner) => {
                        // Each step counts, so that empty variables cannot go on without end.
                        out.grow(1)?;
                        self.fill(inner, None, depth, within + 1, out)?;
                    }
                    _ => out.field(name, format)?,
                },
            }
        }
        Ok(())
    }

    /// Whether there is more than one level behind a template.
    fn has_levels(&self, template: &'a str) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![template];
        while let Some(template) = left.pop() {
            for part in parts(template) {
                match part {
                    Part::Literal(text) if text.contains('/') => return true,
                    Part::Field { name, .. } if seen.insert(name) => {
                        left.extend(self.vars.get(name).map(String::as_str));
                    }
                    _ => {}
                }
            }
        }
        false
    }

    /// The text of a variable that is the same for all endpoints.
    pub fn constant(&self, name: &str) -> Option<String> {
        let template = self.vars.get(name)?;
        let tokens = self.expand(template, None, Depth::Endpoint).ok()?;
        match tokens.as_slice() {
            [] => Some(String::new()),
            [Token::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether a field of a request's topic tells its endpoint from others. What is neither a
    /// variable nor made per message (`generated` holds some of these) is a column.
    pub fn of_endpoint(&mut self, field: &str, generated: impl Fn(&str) -> bool) -> bool {
        let name = bare(field);
        if OF_MESSAGES.contains(&name) || generated(name) {
            return false;
        }
        if self.vars.contains_key(name) {
            return self.constant(name).is_none();
        }
        self.columns.insert(name.to_owned());
        true
    }

    /// Whether a field of a pushed message's topic tells its endpoint from others; otherwise it is
    /// one of the message itself. A column shows in the topic of a request.
    pub fn of_pushed_endpoint(&self, field: &str) -> bool {
        let name = bare(field);
        if self.vars.contains_key(name) {
            return self.constant(name).is_none();
        }
        name == "endpoint" || self.columns.contains(name)
    }
}

/// The name of a field without its format.
fn bare(field: &str) -> &str {
    field.split_once(':').map_or(field, |(name, _)| name)
}

#[derive(Debug, Default)]
struct Expansion {
    tokens: Vec<Token>,
    length: usize,
}

impl Expansion {
    fn literal(&mut self, text: &str) -> Result<(), String> {
        self.grow(text.len())?;
        match self.tokens.last_mut() {
            Some(Token::Literal(before)) => before.push_str(text),
            _ => self.tokens.push(Token::Literal(text.to_owned())),
        }
        Ok(())
    }

    fn field(&mut self, name: &str, format: Option<&str>) -> Result<(), String> {
        self.grow(1)?;
        self.tokens.push(Token::Field(match format {
            Some(format) => format!("{name}:{format}"),
            None => name.to_owned(),
        }));
        Ok(())
    }

    fn grow(&mut self, by: usize) -> Result<(), String> {
        self.length += by;
        if self.length > LENGTH_MAX {
            return Err(format!("it is longer than {LENGTH_MAX} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> BTreeMap<String, String> {
        [
            ("base", "v1/devices"),
            ("token", "ep-{endpoint:06}"),
            ("app", "demo"),
            ("round", "{trip}"),
            ("trip", "{round}"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
    }

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    fn field(text: &str) -> Token {
        Token::Field(text.to_owned())
    }

    #[test]
    fn only_variables_with_levels_are_replaced_unless_all_are() {
        let vars = vars();
        let names = Names::new(&vars);
        let expand = |template, depth| names.expand(template, Some("{base}/up"), depth).unwrap();
        assert_eq!(
            expand("{base}/{app}/{token}", Depth::Levels),
            [
                literal("v1/devices/"),
                field("app"),
                literal("/"),
                field("token")
            ]
        );
        assert_eq!(
            expand("{base}/{app}/{token}", Depth::Endpoint),
            [literal("v1/devices/demo/ep-"), field("endpoint:06")]
        );
        assert_eq!(
            expand("{topic}/ok", Depth::Levels),
            [literal("v1/devices/up/ok")]
        );
        assert!(names.expand("{round}", None, Depth::Endpoint).is_err());
        assert_eq!(expand("{round}", Depth::Levels), [field("round")]);
    }

    #[test]
    fn a_template_that_grows_without_end_is_an_error() {
        for innermost in ["0123456789abcdef", ""] {
            let mut vars = BTreeMap::from([("v0".to_owned(), innermost.to_owned())]);
            for number in 1..=14 {
                let before = number - 1;
                let text = format!("{{v{before}}}{{v{before}}}{{v{before}}}{{v{before}}}");
                vars.insert(format!("v{number}"), text);
            }
            let names = Names::new(&vars);
            assert!(names.expand("{v14}", None, Depth::Endpoint).is_err());
            assert!(names.expand("{v14}", None, Depth::Levels).is_ok());
            assert_eq!(names.constant("v14"), None);
        }
    }

    #[test]
    fn what_tells_endpoints_apart_is_neither_constant_nor_of_a_message() {
        let vars = vars();
        let mut names = Names::new(&vars);
        let generated = |name: &str| name == "temperature";
        for (name, expected) in [
            ("token", true),
            ("endpoint:06", true),
            ("serial", true),
            ("app", false),
            ("request_id", false),
            ("now:ms", false),
            ("temperature", false),
        ] {
            assert_eq!(names.of_endpoint(name, generated), expected, "{name}");
        }
        assert!(names.of_pushed_endpoint("token") && names.of_pushed_endpoint("serial"));
        assert!(!names.of_pushed_endpoint("rpc_id") && !names.of_pushed_endpoint("app"));
    }
}
