//! Where a run took place: what must be equal before two results may be compared.
//!
//! Only the type. It is filled by the command that runs, which may look at the machine.

use serde::{Deserialize, Serialize};

/// Machine and build. What could not be found out is null, empty or 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Name of the machine.
    pub host: Option<String>,
    /// `linux`
    pub os: String,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// `x86_64`
    pub architecture: String,
    /// Model name of the processor.
    pub cpu: Option<String>,
    /// Processors that this process may use.
    pub cpus: u32,
    /// CPU quota of the control group, in processors.
    pub cpu_quota: Option<f64>,
    /// Physical memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Soft limit of open files during the run.
    pub descriptors: u64,
    /// `release`, `dist`, `debug`: only optimised builds give numbers worth comparing.
    pub build: String,
    /// Commit that the program was built from.
    pub commit: Option<String>,
    /// Arguments of the command line, secrets redacted.
    pub arguments: Vec<String>,
}
