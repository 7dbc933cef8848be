//! What the tenant keeps for one Kaa endpoint: metadata, outstanding commands, configurations.
//!
//! Does what a well-formed request asks for and says what is to be pushed. Not here: whether a
//! request is well-formed (`kaa`), and to which connection anything goes.

use std::collections::VecDeque;
use std::io::Write as _;

use super::commands::{SECOND_FINAL, UNKNOWN_COMMAND};
use super::configuration::{Configuration, Content};
use super::kaa_payload::CommandResult;
use super::metadata::{Metadata, Values};
use super::problem::Problem;
use super::report::Counts;

/// The only type of command that this tenant sends.
pub const COMMAND_TYPE: &str = "set_power";

/// The endpoint was never told of this configuration.
pub const UNKNOWN_CONFIG: Problem = Problem::new("unknown-config", 404, "Unknown configuration");

/// Outstanding commands of one endpoint; beyond it the oldest one expires.
const OUTSTANDING_MAX: usize = 64;

/// What a well-formed request asks for.
#[derive(Debug)]
pub enum Action {
    /// Nothing that this tenant would keep.
    Accept,
    /// Metadata of these keys, or all.
    Get(Option<Vec<String>>),
    /// The names of all metadata keys.
    Keys,
    /// New metadata instead of all there is.
    Replace(Values),
    /// New metadata beside what there is.
    Merge(Values),
    /// Metadata without these keys.
    Delete(Vec<String>),
    /// The outstanding commands.
    Outstanding(Wanted),
    /// Results of commands of one type.
    Results {
        /// Whether this type has any commands.
        known_type: bool,
        /// At least one.
        results: Vec<CommandResult>,
    },
    /// The configuration, unless it is the one with this id.
    Config(Content, Option<String>),
    /// The configuration with this id was applied, or refused, by the status code.
    Applied(Content, String, u16),
    /// A token for uploads.
    Token,
}

/// Which outstanding commands are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those of [`COMMAND_TYPE`].
    Ours,
    /// Those of another type; there are none.
    Others,
    /// Those of all types, each with its type.
    All,
}

#[derive(Debug, Clone, Copy)]
struct Command {
    id: u64,
    power: u32,
}

/// The state of one endpoint.
#[derive(Debug)]
pub struct Thing {
    metadata: Metadata,
    outstanding: VecDeque<Command>,
    last_command: u64,
    settings: Configuration,
    software: Configuration,
    uses_software: bool,
    last_token: u64,
}

impl Default for Thing {
    fn default() -> Self {
        Self {
            metadata: Metadata::default(),
            outstanding: VecDeque::new(),
            last_command: 0,
            settings: Configuration::new(Content::Settings),
            software: Configuration::new(Content::Software),
            uses_software: false,
            last_token: 0,
        }
    }
}

impl Thing {
    /// Does what is asked and appends the reply's payload to `out`.
    ///
    /// # Errors
    /// Why it cannot be done; then nothing is changed.
    pub fn perform(
        &mut self,
        action: Action,
        out: &mut Vec<u8>,
        counts: &mut Counts,
    ) -> Result<(), Problem> {
        match action {
            Action::Accept => {}
            Action::Get(keys) => self.metadata.write(keys.as_deref(), out),
            Action::Keys => self.metadata.write_keys(out),
            Action::Replace(values) => self.metadata.replace(values)?,
            Action::Merge(values) => self.metadata.merge(values)?,
            Action::Delete(keys) => self.metadata.delete(&keys),
            Action::Outstanding(wanted) => {
                let all: Vec<Command> = self.outstanding.iter().copied().collect();
                write_commands(&all, wanted, out);
            }
            Action::Results {
                known_type,
                results,
            } => {
                for result in results {
                    match self.finish(known_type, result) {
                        Ok(name) => counts.result(name),
                        Err(problem) => counts.reject(problem.name),
                    }
                }
            }
            Action::Config(content, known) => {
                self.configuration(content).answer(known.as_deref(), out);
            }
            Action::Applied(content, id, status) => {
                // A newer one may be on its way to the endpoint already.
                if !self.configuration(content).was_told(&id) {
                    return Err(UNKNOWN_CONFIG);
                }
                let applied = (200..300).contains(&status);
                counts.result(if applied { "applied" } else { "not-applied" });
            }
            Action::Token => {
                self.last_token += 1;
                // Writing into a Vec cannot fail.
                let _ = write!(out, r#"{{"token":"upload-{}"}}"#, self.last_token);
            }
        }
        Ok(())
    }

    fn finish(&mut self, known_type: bool, result: CommandResult) -> Result<&'static str, Problem> {
        let Some(place) = self
            .outstanding
            .iter()
            .position(|c| known_type && c.id == result.id)
        else {
            let was_sent = known_type && (1..=self.last_command).contains(&result.id);
            return Err(if was_sent {
                SECOND_FINAL
            } else {
                UNKNOWN_COMMAND
            });
        };
        self.outstanding.remove(place);
        Ok(if (200..300).contains(&result.status) {
            "completed"
        } else {
            "error"
        })
    }

    /// A new command; appends the payload that announces it.
    pub fn next_command(&mut self, power: u32, out: &mut Vec<u8>) {
        if self.outstanding.len() == OUTSTANDING_MAX {
            self.outstanding.pop_front();
        }
        self.last_command += 1;
        let command = Command {
            id: self.last_command,
            power,
        };
        self.outstanding.push_back(command);
        write_commands(&[command], Wanted::Ours, out);
    }

    /// A new configuration; appends the payload that announces it.
    pub fn next_config(&mut self, content: Content, interval: u32, out: &mut Vec<u8>) {
        let configuration = self.configuration(content);
        configuration.advance(interval);
        configuration.write(out);
    }

    /// Whether it ever asked for software or reported some.
    pub fn uses_software(&self) -> bool {
        self.uses_software
    }

    fn configuration(&mut self, content: Content) -> &mut Configuration {
        match content {
            Content::Settings => &mut self.settings,
            Content::Software => {
                self.uses_software = true;
                &mut self.software
            }
        }
    }
}

fn write_commands(commands: &[Command], wanted: Wanted, out: &mut Vec<u8>) {
    let (commands, command_type) = match wanted {
        Wanted::Ours => (commands, String::new()),
        Wanted::Others => (&[][..], String::new()),
        Wanted::All => (commands, format!(r#""type":"{COMMAND_TYPE}","#)),
    };
    out.push(b'[');
    for (position, Command { id, power }) in commands.iter().enumerate() {
        let separator = if position > 0 { "," } else { "" };
        // Writing into a Vec cannot fail.
        let _ = write!(
            out,
            r#"{separator}{{"id":{id},{command_type}"payload":{{"power":{power}}}}}"#
        );
    }
    out.push(b']');
}
