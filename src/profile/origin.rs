//! Where a value was written: a span of a file, or a `--set` of the command line.
//!
//! Every node of the tree carries one, also after platform definitions were laid beneath it, so
//! that any later complaint can point at the text. Not here: how the complaint looks (`error`).

use std::ops::Range;
use std::sync::Arc;

use super::error::{Mark, Place};
use super::secrets;

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
        match secrets::shown_of(&self.key, &self.value) {
            Some(value) => format!("--set {}={}", self.key, shortened(&value)),
            None => format!("--set {}=***", self.key),
        }
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
    let covered = secrets::covered(text, first, whole);
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
