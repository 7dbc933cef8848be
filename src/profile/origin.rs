//! Where a value was written: a span of a file, or a `--set` of the command line.
//!
//! Every node of the tree carries one, also after platform definitions were laid beneath it, so
//! that any later complaint can point at the text. Not here: how the complaint looks (`error`).

use std::ops::Range;
use std::sync::Arc;

use super::error::{Mark, Place};

/// A file that was read, with the name that the user knows it by.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) name: String,
    pub(super) text: String,
}

/// One `KEY=VALUE` of the command line, as typed.
#[derive(Debug)]
pub(super) struct Override {
    pub(super) key: String,
    pub(super) value: String,
}

/// Where something was written.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// These bytes of a file.
    File(Arc<SourceFile>, Range<usize>),
    /// A file as a whole.
    Whole(Arc<SourceFile>),
    /// An override.
    Set(Arc<Override>),
    /// Nowhere: a default, or a file that could not be read.
    Nowhere,
}

/// A longer line is shown in part.
const SHOWN: usize = 400;

impl Origin {
    /// The same as plain data for an error, with secrets covered.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Nowhere => Place::Nowhere,
            Self::Whole(file) => Place::File(file.name.clone()),
            Self::Set(set) => Place::Override(set.shown()),
            Self::File(file, span) => Place::Line(Box::new(line(file, span))),
        }
    }
}

impl Override {
    /// As it may be printed.
    pub(super) fn shown(&self) -> String {
        let last = self.key.rsplit('.').next().unwrap_or_default();
        if holds_secret(last) || words(&self.value).any(|(_, word)| holds_secret(word)) {
            return format!("--set {}=***", self.key);
        }
        let value = without_user_information(&self.value);
        format!("--set {}={}", self.key, shortened(&value))
    }
}

/// The first line of a span, as much of it as fits a screen.
fn line(file: &SourceFile, span: &Range<usize>) -> Mark {
    let text = file.text.as_str();
    let start = boundary(text, span.start);
    let end = boundary(text, span.end).max(start);
    let first = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let last = text[start..]
        .find('\n')
        .map_or(text.len(), |newline| start + newline);
    let whole = text[first..last].trim_end_matches('\r');
    let covered = covered(whole);
    let from = (start - first).min(covered.len());
    let to = (end - first).clamp(from, covered.len());
    // Everything below works on the part of the line that is shown.
    let left = boundary(&covered, from.saturating_sub(SHOWN / 4));
    let cut = if covered.len() > SHOWN { left } else { 0 };
    let right = boundary(&covered, (cut + SHOWN).min(covered.len()));
    Mark {
        file: file.name.clone(),
        line: text[..first].matches('\n').count() + 1,
        column: whole
            .get(..from)
            .map_or(from, |before| before.chars().count())
            + 1,
        text: covered[cut..right].to_owned(),
        from: boundary(&covered, from).min(right) - cut,
        to: boundary(&covered, to).clamp(cut, right) - cut,
    }
}

/// The line with everything behind a key that holds a secret replaced, unless it is a reference.
fn covered(line: &str) -> String {
    for (at, word) in words(line) {
        let after = &line[at + word.len()..];
        let value = after.trim_start_matches(['"', '\'', ' ', '\t']);
        let Some(value) = value.strip_prefix('=').filter(|_| holds_secret(word)) else {
            continue;
        };
        let quoted = value.trim_start();
        let bare = quoted.trim_start_matches(['"', '\'']);
        if bare.starts_with("env:") || bare.starts_with("file:") {
            continue;
        }
        let kept = line.len() - quoted.len();
        // One star per byte keeps the columns right.
        return format!("{}{}", &line[..kept], "*".repeat(quoted.len()));
    }
    without_user_information(line)
}

/// The text with the user information of a URL covered.
fn without_user_information(text: &str) -> String {
    if let (Some(scheme), Some(at)) = (text.find("://"), text.rfind('@'))
        && scheme + 3 < at
    {
        let stars = "*".repeat(at - scheme - 3);
        return format!("{}{stars}{}", &text[..scheme + 3], &text[at..]);
    }
    text.to_owned()
}

/// The words of a text and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let pieces = text
        .split(move |c| !inside(c))
        .filter(|word| !word.is_empty());
    pieces.map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Whether a key, or a header of HTTP, sounds as if its value were a secret, misspellings included.
pub(super) fn holds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let within = ["pass", "secret", "authorization", "cookie", "-auth"];
    let behind = ["-key", "-token"];
    within.iter().any(|word| key.contains(word))
        || behind.iter().any(|word| key.ends_with(word))
        || strsim::osa_distance(&key, "password") <= 2
}

/// The largest character boundary that is not beyond `at`.
fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// A value as it fits into a sentence.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(57).chain("...".chars()).collect()
}
