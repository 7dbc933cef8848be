//! Colour on the screen: numbers that nobody should believe are grey.
//!
//! Nothing depends on it: what is grey stands below a verdict that says so in words.

/// Whether what reads the screen understands colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A terminal.
    Always,
    /// A file, a pipe, or somebody who wants none.
    Never,
}

/// How the numbers of one result are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    grey: bool,
}

impl Ink {
    /// Grey where the result is not valid and there is colour.
    pub(super) fn new(valid: bool, colour: Colour) -> Self {
        Self {
            grey: !valid && colour == Colour::Always,
        }
    }

    /// Waits, as they are to be written. A line stays one line.
    pub(super) fn waits(self, text: String) -> String {
        if self.grey && !text.is_empty() {
            // ECMA-48, 8.3.117: "bright black" of the common palette, then the default again.
            format!("\x1b[90m{}\x1b[0m", text.trim_end())
        } else {
            text
        }
    }
}
