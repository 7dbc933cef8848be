//! `midge profiles`: what is shipped, and every key that a profile may have.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::{Failure, print_data};
use crate::nearest::nearest;
use crate::profile::{self, keys_table};
use crate::report::Exit;

#[derive(Debug, Args)]
pub(super) struct ProfilesArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints a shipped profile (or platform definition), ready to be copied and changed
    Show {
        /// Its name
        name: String,
    },
    /// Prints every key with its default, unit and meaning
    Keys,
}

pub(super) fn run(args: &ProfilesArgs) -> Result<Exit, Failure> {
    match &args.what {
        None => print_data(&list())?,
        Some(What::Keys) => print_data(&keys())?,
        Some(What::Show { name }) => {
            let all = || profile::shipped().iter().chain(profile::platforms());
            let Some((_, text)) = all().find(|(shipped, _)| shipped == name) else {
                let meant = nearest(name, all().map(|&(shipped, _)| shipped))
                    .map_or("see: midge profiles".to_owned(), |near| {
                        format!("did you mean {near:?}?")
                    });
                return Err(Failure::usage(format!(
                    "no profile is called {name:?}; {meant}"
                )));
            };
            print_data(text)?;
        }
    }
    Ok(Exit::Passed)
}

fn list() -> String {
    let width = profile::shipped()
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    profile::shipped()
        .iter()
        .fold(String::new(), |mut out, (name, text)| {
            // Every shipped profile opens with its question.
            let mut lines = text.lines().map(|line| line.trim_start_matches("# "));
            let question = lines
                .find_map(|line| line.strip_prefix("Question:"))
                .unwrap_or("")
                .trim();
            let _ = writeln!(out, "{name:width$}  {question}");
            out
        })
}

fn keys() -> String {
    let rows = keys_table();
    let width = rows.iter().map(|key| key.path.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut out, key| {
        let default = key
            .default
            .map(|value| format!(" (default {value})"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:width$}  {}{default}: {}",
            key.path, key.unit, key.meaning
        );
        out
    })
}
