//! What is kept of the matrix in `results/brokers`: a file of JSON for each broker.
//!
//! Not here: how it is found out (`cell`), and how the page shows it (`matrix`).
#![allow(
    dead_code,
    reason = "a module of two test binaries: one writes, the other reads"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::real::{Transport, Version};

/// Everything about one broker.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub broker: String,
    /// The one that was there.
    pub version: String,
    pub cells: Vec<Cell>,
    pub refusals: Vec<Refusal>,
}

/// Every message arrived, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub transport: Transport,
    pub mqtt: Version,
    pub qos: u8,
    /// In both directions together.
    pub messages: u64,
}

/// What the program said when the broker refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub wrong: Wrong,
    pub transport: Transport,
    pub mqtt: Version,
    pub exit_code: i32,
    /// Classes of `connections.failed_by`; of `lost_by` for a connection that was up.
    pub failed_by: Vec<String>,
}

/// What was done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    Password,
    /// The broker's certificate is of an authority that is not trusted.
    Authority,
    /// It is for another name.
    Name,
    /// None is shown to a broker that asks for one.
    NoCertificate,
    /// The one that is shown is of an authority that the broker does not trust.
    ForeignCertificate,
    /// A message of a `QoS` that the broker does not keep.
    Qos,
}

impl Kept {
    fn file(broker: &str) -> PathBuf {
        let name = format!("results/brokers/{}.json", broker.to_lowercase());
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    #[track_caller]
    pub fn read(broker: &str) -> Self {
        let file = Self::file(broker);
        let text = fs::read(&file).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; tests/run --renew-brokers makes it",
                file.display()
            )
        });
        serde_json::from_slice(&text).expect("it was written by a test")
    }

    pub fn write(&self) {
        let file = Self::file(&self.broker);
        let mut text =
            serde_json::to_string_pretty(self).expect("it has nothing but text and numbers");
        text.push('\n');
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// In one order, in whichever the broker was asked.
    pub fn sort(&mut self) {
        self.cells
            .sort_by_key(|cell| (cell.mqtt, cell.transport, cell.qos));
        self.refusals
            .sort_by_key(|refusal| (refusal.mqtt, refusal.wrong, refusal.transport));
    }

    /// What must come out again: everything but how many messages there were and of which version it is.
    pub fn shape(&self) -> (Vec<(Transport, Version, u8)>, &[Refusal]) {
        let cells = self.cells.iter();
        let cells = cells.map(|cell| (cell.transport, cell.mqtt, cell.qos));
        (cells.collect(), &self.refusals)
    }
}
