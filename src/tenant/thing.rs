//! What the tenant keeps for one Kaa endpoint: metadata, outstanding commands, configuration.
//!
//! Does what a well-formed request asks for and says what is to be pushed. Not here: whether a
//! request is well-formed (`kaa`), and to which connection anything goes.

use std::collections::VecDeque;
use std::io::Write as _;

use super::commands::{SECOND_FINAL, UNKNOWN_COMMAND};
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
    /// The outstanding commands of one type.
    Outstanding {
        /// Whether this type has any.
        any: bool,
    },
    /// Results of commands of one type.
    Results {
        /// Whether this type has any commands.
        known_type: bool,
        /// At least one.
        results: Vec<CommandResult>,
    },
    /// The configuration, unless it is the one with this id.
    Config(Option<String>),
    /// The configuration with this id was applied, or refused, by the status code.
    Applied(String, u16),
}

#[derive(Debug, Clone, Copy)]
struct Command {
    id: u64,
    power: u32,
}

/// The state of one endpoint.
#[derive(Debug, Default)]
pub struct Thing {
    metadata: Metadata,
    outstanding: VecDeque<Command>,
    last_command: u64,
    /// Number and content of the latest configuration; `None`: never had one.
    config: Option<(u64, u32)>,
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
            Action::Outstanding { any: true } => {
                let all: Vec<Command> = self.outstanding.iter().copied().collect();
                write_commands(&all, out);
            }
            Action::Outstanding { any: false } => write_commands(&[], out),
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
            Action::Config(known) => {
                let unchanged = self.config.is_some() && known == self.config_id();
                if unchanged {
                    out.extend_from_slice(b"{}");
                } else {
                    self.write_config(out);
                }
            }
            Action::Applied(id, status) => {
                // A newer one may be on its way to the endpoint already.
                let number = id.strip_prefix('c').and_then(|number| number.parse().ok());
                let latest = self.config.map_or(0, |(number, _)| number);
                if !number.is_some_and(|number| (1..=latest).contains(&number)) {
                    return Err(UNKNOWN_CONFIG);
                }
                let applied = (200..300).contains(&status);
                counts.result(if applied { "applied" } else { "not-applied" });
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
        write_commands(&[command], out);
    }

    /// A new configuration; appends the payload that announces it.
    pub fn next_config(&mut self, interval: u32, out: &mut Vec<u8>) {
        let number = self.config.map_or(1, |(number, _)| number + 1);
        self.config = Some((number, interval));
        self.write_config(out);
    }

    fn config_id(&self) -> Option<String> {
        self.config.map(|(number, _)| format!("c{number}"))
    }

    /// Without a configuration the id is empty and the content null. Some endpoints drop what
    /// comes without a status code of 200.
    fn write_config(&self, out: &mut Vec<u8>) {
        // Writing into a Vec cannot fail.
        let _ = match self.config {
            None => write!(out, r#"{{"configId":"","config":null,"#),
            Some((number, interval)) => {
                write!(
                    out,
                    r#"{{"configId":"c{number}","config":{{"interval":{interval}}},"#
                )
            }
        };
        out.extend_from_slice(br#""statusCode":200,"reasonPhrase":"ok"}"#);
    }
}

fn write_commands(commands: &[Command], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, Command { id, power }) in commands.iter().enumerate() {
        let separator = if position > 0 { "," } else { "" };
        // Writing into a Vec cannot fail.
        let _ = write!(
            out,
            r#"{separator}{{"id":{id},"payload":{{"power":{power}}}}}"#
        );
    }
    out.push(b']');
}
