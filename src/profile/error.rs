//! What is wrong with a profile: the rule, the line, what was found, what to write instead.
//!
//! A value that renders itself to text. Not here: printing, and the decision whether there is a
//! terminal that shows colours.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// One mistake in a profile, a platform file or a `--set`. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The rule that was broken, with what was found; one sentence without a full stop.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What stands beneath the marked text.
    pub label: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

/// Where a mistake was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In no text: a file that could not be read, for example.
    Nowhere,
    /// In a file as a whole: something is missing from it.
    File(String),
    /// In an override, shown as `--set KEY=VALUE`.
    Override(String),
    /// In a line of a file.
    Line(Box<Mark>),
}

/// A line of a file and the part of it that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Name of the file as the user gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The line, without its end; of a very long one only the part around the mistake.
    pub text: String,
    /// First wrong byte of `text`.
    pub from: usize,
    /// Behind the last wrong byte of `text`.
    pub to: usize,
}

impl Place {
    /// Whether what is wrong must not be shown.
    pub(super) fn is_covered(&self) -> bool {
        match self {
            Self::Nowhere | Self::File(_) => false,
            Self::Override(set) => set.ends_with("=***"),
            Self::Line(mark) => mark
                .text
                .get(mark.from..)
                .is_some_and(|rest| rest.starts_with('*')),
        }
    }
}

/// Whether rendered text may hold terminal sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

impl ProfileError {
    /// A mistake that belongs to no line.
    pub fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: Place::Nowhere,
            label: None,
            help: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Several lines: what is wrong, the source line, what to do. Ends without a line feed.
    pub fn render(&self, colour: Colour) -> String {
        let headline = self.to_string();
        let mut group = Group::with_title(Level::ERROR.primary_title(&headline));
        if let Place::Line(line) = &self.place {
            let mut mark = AnnotationKind::Primary.span(line.from..line.to);
            if let Some(label) = &self.label {
                mark = mark.label(label);
            }
            let snippet = Snippet::source(&line.text).line_start(line.line);
            group = group.element(snippet.annotation(mark));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        let renderer = match colour {
            Colour::Never => Renderer::plain(),
            Colour::Always => Renderer::styled(),
        };
        let text = renderer.render(&[group]);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n")
    }
}

impl fmt::Display for ProfileError {
    /// The first line of `render`, without `error: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Nowhere => {}
            Place::File(file) => write!(f, "{file}: ")?,
            Place::Override(set) => write!(f, "{}: ", visible(set))?,
            Place::Line(line) => write!(f, "{}:{}:{}: ", line.file, line.line, line.column)?,
        }
        f.write_str(&visible(&self.message))
    }
}

impl std::error::Error for ProfileError {}

/// Text on one line: what a profile quotes must not steer the terminal.
fn visible(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
