//! Commands that were sent to Enapter endpoints and what was answered to each.
//!
//! A table of limited size: the oldest command is forgotten when a new one needs its place.
//! Not here: topics and payloads (`enapter`).

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;

use super::enapter::State;
use super::problem::Problem;

/// A command with this id is known already.
pub const DUPLICATE_COMMAND: Problem =
    Problem::new("duplicate-command", 409, "Command id is in use");
/// No such command was sent to this endpoint (or it was long ago).
pub const UNKNOWN_COMMAND: Problem = Problem::new("unknown-command", 404, "Unknown command id");
/// The command had its final answer already.
pub const SECOND_FINAL: Problem = Problem::new("second-final", 409, "Second final answer");
/// A log came after the final answer.
pub const LOG_AFTER_FINAL: Problem =
    Problem::new("log-after-final", 409, "Log after the final answer");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    Finished,
}

/// The commands that are remembered, by endpoint and id (one text that holds both).
#[derive(Debug)]
pub struct Commands {
    capacity: usize,
    known: HashMap<Arc<str>, Progress>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Commands {
    /// Remembers at most `capacity` commands; at least 1.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            known: HashMap::default(),
            oldest_first: VecDeque::new(),
        }
    }

    /// A command is on its way.
    ///
    /// # Errors
    /// [`DUPLICATE_COMMAND`]
    pub fn open(&mut self, key: &str) -> Result<(), Problem> {
        if self.known.contains_key(key) {
            return Err(DUPLICATE_COMMAND);
        }
        if self.oldest_first.len() == self.capacity
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        let key: Arc<str> = key.into();
        self.oldest_first.push_back(Arc::clone(&key));
        self.known.insert(key, Progress::Open);
        Ok(())
    }

    /// An endpoint answers.
    ///
    /// # Errors
    /// [`UNKNOWN_COMMAND`], [`SECOND_FINAL`] or [`LOG_AFTER_FINAL`]
    pub fn answer(&mut self, key: &str, state: State) -> Result<(), Problem> {
        let progress = self.known.get_mut(key).ok_or(UNKNOWN_COMMAND)?;
        match (*progress, state) {
            (Progress::Open, State::Log) => Ok(()),
            (Progress::Open, State::Completed | State::Error) => {
                *progress = Progress::Finished;
                Ok(())
            }
            (Progress::Finished, State::Log) => Err(LOG_AFTER_FINAL),
            (Progress::Finished, State::Completed | State::Error) => Err(SECOND_FINAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_logs_then_one_final() {
        let mut commands = Commands::new(10);
        commands.open("e/1").unwrap();
        assert_eq!(commands.open("e/1"), Err(DUPLICATE_COMMAND));
        assert_eq!(commands.answer("e/1", State::Log), Ok(()));
        assert_eq!(commands.answer("e/1", State::Log), Ok(()));
        assert_eq!(commands.answer("e/1", State::Completed), Ok(()));
        assert_eq!(commands.answer("e/1", State::Log), Err(LOG_AFTER_FINAL));
        assert_eq!(commands.answer("e/1", State::Error), Err(SECOND_FINAL));
        assert_eq!(commands.answer("e/2", State::Log), Err(UNKNOWN_COMMAND));
    }

    #[test]
    fn the_oldest_command_is_forgotten_first() {
        let mut commands = Commands::new(2);
        for key in ["1", "2", "3"] {
            commands.open(key).unwrap();
        }
        assert_eq!(commands.answer("1", State::Log), Err(UNKNOWN_COMMAND));
        assert_eq!(commands.answer("2", State::Log), Ok(()));
        assert_eq!(commands.answer("3", State::Log), Ok(()));
    }
}
