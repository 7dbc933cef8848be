//! What the tenant keeps for one Kaa endpoint: metadata, outstanding commands, configurations.
//!
//! Does what a well-formed request asks for. Most endpoints use little of this, and there may be
//! many: what is empty takes no memory of its own. Not here: whether a request is well-formed
//! (`kaa`), what is pushed (`pushes`), and to which connection anything goes.

use std::borrow::Cow;
use std::io::Write as _;

use super::configuration::Which;
use super::configurations::{Configurations, UNKNOWN_CONFIG};
use super::instances::InstanceId;
use super::kaa_payload::CommandResult;
use super::metadata::{ABSENT_KEY, Metadata, Values};
use super::options::{AbsentKeys, Redirects};
use super::outstanding::{Outstanding, TypeId, Wanted};
use super::problem::Problem;
use super::report::Counts;
use super::rules::Rules;
use super::watch::Asking;

/// What a well-formed request asks for.
#[derive(Debug)]
pub enum Action<'a> {
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
    /// The outstanding commands of this instance.
    Outstanding(InstanceId, Wanted, Asking),
    /// Results of commands of one type; `None`: a type that this tenant does not have.
    Results(InstanceId, Option<TypeId>, Vec<CommandResult>),
    /// The configuration, unless it is the one with this id.
    Config(Which<'a>, Option<Cow<'a, str>>, Asking),
    /// The configuration with this id was applied, or refused, by the status code.
    Applied(Which<'a>, Cow<'a, str>, u16),
    /// A token for uploads.
    Token,
}

/// The state of one endpoint.
#[derive(Debug, Default)]
pub struct Thing {
    metadata: Metadata,
    /// Its commands.
    pub commands: Outstanding,
    /// Its configurations.
    pub configurations: Configurations,
    last_token: u64,
}

impl Thing {
    /// Does what is asked and appends the reply's payload to `out`.
    ///
    /// # Errors
    /// Why it cannot be done; then nothing is changed.
    pub fn perform(
        &mut self,
        action: Action,
        rules: &Rules,
        out: &mut Vec<u8>,
        counts: &mut Counts,
    ) -> Result<(), Problem> {
        match action {
            Action::Accept => {}
            Action::Get(keys) => {
                self.check_present(keys.as_deref().unwrap_or_default(), rules)?;
                self.metadata
                    .write(keys.as_deref(), &rules.unreadable_keys, out);
            }
            Action::Keys => self.metadata.write_keys(&rules.unreadable_keys, out),
            Action::Replace(values) => self.metadata.replace(values)?,
            Action::Merge(values) => self.metadata.merge(values)?,
            Action::Delete(keys) => {
                self.check_present(&keys, rules)?;
                self.metadata.delete(&keys);
            }
            Action::Outstanding(instance, wanted, asking) => {
                self.commands.spoken_to(instance);
                self.commands.ask(instance, wanted, asking);
                self.commands
                    .write(instance, wanted, &rules.command_types, out);
            }
            Action::Results(instance, command_type, results) => {
                self.commands.spoken_to(instance);
                for result in results {
                    match self.commands.finish(instance, command_type, result) {
                        Ok(name) => counts.result(name),
                        Err(problem) => counts.reject(problem.name),
                    }
                }
            }
            Action::Config(which, known, asking) => {
                let configuration = self.configurations.entry(which, rules.on_connect)?;
                configuration.watch.ask(asking);
                configuration.answer(known.as_deref(), out);
            }
            Action::Applied(which, id, status) => {
                counts.result(self.report(which, &id, status, rules)?);
            }
            Action::Token => {
                self.last_token += 1;
                // Writing into a Vec cannot fail.
                let _ = write!(out, r#"{{"token":"upload-{}"}}"#, self.last_token);
            }
        }
        Ok(())
    }

    /// The endpoint speaks on another connection, or as another application version.
    pub fn moved(&mut self) {
        self.commands.moved();
        self.configurations.moved();
    }

    fn check_present(&self, keys: &[String], rules: &Rules) -> Result<(), Problem> {
        match rules.absent_keys {
            AbsentKeys::Error if !self.metadata.has_all(keys) => Err(ABSENT_KEY),
            _ => Ok(()),
        }
    }

    /// A report on a configuration: the word it is counted under.
    fn report(
        &mut self,
        which: Which,
        id: &str,
        status: u16,
        rules: &Rules,
    ) -> Result<&'static str, Problem> {
        let configuration = self.configurations.reported(which, rules.on_connect)?;
        // A newer one may be on its way to the endpoint already.
        if !configuration.was_told(id) {
            return Err(UNKNOWN_CONFIG);
        }
        let applied = match status {
            200..=299 => true,
            300..=399 => rules.redirects == Redirects::Applied,
            _ => false,
        };
        if applied {
            configuration.apply(id);
            Ok("applied")
        } else {
            Ok("not-applied")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_has_nothing_takes_little_memory() {
        // Some hundred thousand of them are to fit into memory beside their connections.
        let size = size_of::<Thing>();
        assert!(size <= 128, "{size} bytes");
    }
}
