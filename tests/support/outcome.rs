//! What a call of the program has left: its code, what it said, its folder and its result.
//!
//! Also the accounts that every result must keep. Not here: what a particular run should yield.

use std::fmt;
use std::path::{Path, PathBuf};

use super::midge::Midge;
use super::process::Ended;
use serde_json::Value;

/// The counts of a ledger that are compared with other accounts.
pub const LEDGER: [&str; 11] = [
    "planned",
    "dropped",
    "sent",
    "ok",
    "error",
    "timeout",
    "failed",
    "in_flight",
    "duplicate",
    "copies",
    "orphan",
];

/// The end of one call.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; minus the signal's number if one ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The run's folder (there may be none if the run was refused).
    pub folder: PathBuf,
    /// `run.json`, if there is one.
    pub result: Option<Value>,
    /// What was called; its working directory lives as long as this.
    midge: Midge,
}

impl Outcome {
    /// The rows of a selftest that was told to keep them in `rows.json`.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home().join("rows.json"));
        let text = text.unwrap_or_else(|error| panic!("{error}\n{self}"));
        serde_json::from_str(&text).expect("a list")
    }

    pub(super) fn of(ended: &Ended, midge: Midge) -> Self {
        let folder = midge
            .folder()
            .map(Path::to_owned)
            .or_else(|| only_folder(&midge.home().join("results")))
            .unwrap_or_else(|| midge.home().join("out"));
        let result = std::fs::read(folder.join("run.json"))
            .ok()
            .map(|bytes| serde_json::from_slice(&bytes).expect("run.json is JSON"));
        Self {
            code: ended.code(),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
            folder,
            result,
            midge,
        }
    }

    /// The same call once more; its folder is made empty.
    pub fn again(self) -> Midge {
        let _ = std::fs::remove_dir_all(&self.folder);
        self.midge
    }

    /// Whether the instrument says that it was kept from running, and nothing else.
    pub fn is_disturbed(&self) -> bool {
        const OF_THE_MACHINE: [&str; 7] = [
            "pacer_lag_max",
            "pacer_lag_p99",
            "pacer_lag_p999",
            "hiccup",
            "not_written",
            "busy",
            "throttled",
        ];
        let reasons = self
            .result
            .as_ref()
            .and_then(|result| result.pointer("/verdict/reasons"))
            .and_then(Value::as_array);
        reasons.is_some_and(|reasons| {
            let of_the_machine = |reason: &Value| {
                let code = reason["code"].as_str().unwrap_or_default();
                OF_THE_MACHINE.contains(&code)
            };
            !reasons.is_empty() && reasons.iter().all(of_the_machine)
        })
    }

    /// Its working directory.
    pub fn home(&self) -> &Path {
        self.midge.home()
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// The result.
    #[track_caller]
    pub fn result(&self) -> &Value {
        self.result
            .as_ref()
            .unwrap_or_else(|| panic!("there is no run.json\n{self}"))
    }

    /// A value of the result by its JSON pointer; null if there is none.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        self.result().pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A count of the result; 0 where a table has no such row.
    #[track_caller]
    pub fn count(&self, pointer: &str) -> u64 {
        self.at(pointer).as_u64().unwrap_or(0)
    }

    /// The bytes of one of its files.
    #[track_caller]
    pub fn file(&self, name: &str) -> String {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{self}", path.display()))
    }

    /// Names of its requests.
    #[track_caller]
    pub fn requests(&self) -> Vec<String> {
        let requests = self.at("/requests").as_object().expect("a table");
        requests.keys().cloned().collect()
    }

    /// Whether the instrument may be believed.
    #[track_caller]
    pub fn is_valid(&self) -> bool {
        self.at("/verdict/valid").as_bool().expect("a verdict")
    }

    /// Codes of the reasons why it may not be believed.
    #[track_caller]
    pub fn reasons(&self) -> Vec<&str> {
        let reasons = self.at("/verdict/reasons").as_array().expect("a list");
        reasons
            .iter()
            .map(|reason| reason["code"].as_str().expect("a code"))
            .collect()
    }

    /// Fails if any equation of any ledger does not hold.
    #[track_caller]
    pub fn keeps_its_accounts(&self) -> &Self {
        let mut places = vec!["/total".to_owned(), "/whole_run".to_owned()];
        for request in self.requests() {
            places.push(format!("/requests/{request}"));
            places.push(format!("/requests/{request}/whole_run"));
        }
        for place in &places {
            let of = |names: &[&str]| -> u64 {
                let counts = names.iter().map(|name| self.at(&format!("{place}/{name}")));
                counts.map(|count| count.as_u64().expect("a count")).sum()
            };
            let by = |table: &str| -> u64 {
                let rows = self.at(&format!("{place}/{table}")).as_object();
                let rows = rows.expect("a table");
                rows.values()
                    .map(|count| count.as_u64().expect("a count"))
                    .sum()
            };
            assert_eq!(
                of(&["planned"]),
                of(&["sent", "dropped"]),
                "{place}\n{self}"
            );
            let ends = ["ok", "error", "timeout", "failed", "in_flight"];
            assert_eq!(of(&["sent"]), of(&ends), "{place}\n{self}");
            assert_eq!(of(&["dropped"]), by("dropped_by"), "{place}\n{self}");
            assert_eq!(of(&["failed"]), by("failed_by"), "{place}\n{self}");
        }
        for name in LEDGER {
            let requests = self.requests();
            for (total, part) in [("/total", ""), ("/whole_run", "/whole_run")] {
                let rows = requests
                    .iter()
                    .map(|request| self.count(&format!("/requests/{request}{part}/{name}")));
                let all = self.count(&format!("{total}/{name}"));
                // Orphans belong to no request: the sum may be more.
                assert!(
                    rows.clone().sum::<u64>() == all || name == "orphan",
                    "{total}/{name}: {all} of {:?}\n{self}",
                    rows.collect::<Vec<_>>()
                );
            }
        }
        self
    }
}

fn only_folder(parent: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(parent).ok()?;
    let first = entries.next()?.ok()?.path();
    entries.next().is_none().then_some(first)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "code {}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.code, self.stdout, self.stderr
        )
    }
}
