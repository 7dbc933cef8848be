//! What this machine can do, as `midge calibrate` found it: a file that later runs quote.
//!
//! A [`Calibration`] is a value with a text, in TOML. It holds for the machine, the program and the
//! number of workers that it was made with, and says so. Not here: where the file is and who makes it
//! (the command line), and what a run makes of the ceiling (see `measure`).

use serde::{Deserialize, Serialize};

use crate::measure::Ceiling;
use crate::report::Environment;

mod figures;
mod load;

pub use figures::{Capability, Connections, Lag};
pub use load::{FarSide, Load, Size};

/// Share of the best round that every round reaches where nothing disturbs them, and of a processor
/// that is kept busy.
const UNDISTURBED: f64 = 0.8;

/// How the file begins.
const HEADING: &str = "\
# What this machine can do, found out by `midge calibrate`. Later runs quote it.
# per_s: in the best round; *_cpus: processors kept busy; far: who was at the other end.
";

/// Everything that was found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of this format: 1.
    pub format: u32,
    /// Version of the program.
    pub midge: String,
    /// RFC 3339, UTC.
    pub date: String,
    /// Threads that drove the fleet.
    pub workers: u32,
    /// How often each load was carried out.
    pub rounds: u32,
    /// For how long each time, s.
    pub measured_s: f64,
    /// Where.
    pub machine: Machine,
    /// Messages that nothing answers, one per write.
    pub qos0: Capability,
    /// The same, 16 per write.
    pub qos0_batched: Capability,
    /// Messages that are acknowledged.
    pub qos1: Capability,
    /// Messages whose acknowledgement is acknowledged.
    pub qos2: Capability,
    /// Requests that are replied to.
    pub request_reply: Capability,
    /// Connections that come up.
    pub connects: Capability,
    /// Connections that are up at once.
    pub connections: Connections,
    /// Lateness of what was due at an instant.
    pub lag: Vec<Lag>,
}

/// What must be equal for figures to hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Its name; empty if not known, as are all texts.
    pub host: String,
    /// Model name of the processor.
    pub cpu: String,
    /// Processors that the process may use.
    pub cpus: u32,
    /// CPU quota of the control group, in processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// `x86_64`
    pub architecture: String,
    /// `linux`
    pub os: String,
    /// Release of the kernel.
    pub kernel: String,
    /// How the program was compiled: `release`, `debug`.
    pub build: String,
}

impl Machine {
    /// Of what was found out about a machine.
    pub fn of(environment: &Environment) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            host: text(&environment.host),
            cpu: text(&environment.cpu),
            cpus: environment.cpus,
            cpu_quota: environment.cpu_quota,
            architecture: environment.architecture.clone(),
            os: environment.os.clone(),
            kernel: text(&environment.kernel),
            build: environment.build.clone(),
        }
    }

    /// Name and value of each part.
    fn parts(&self) -> [(&'static str, String); 8] {
        let quota = self
            .cpu_quota
            .map_or_else(|| "none".into(), |of| of.to_string());
        [
            ("host", self.host.clone()),
            ("processor", self.cpu.clone()),
            ("number of processors", self.cpus.to_string()),
            ("CPU quota", quota),
            ("architecture", self.architecture.clone()),
            ("system", self.os.clone()),
            ("kernel", self.kernel.clone()),
            ("build", self.build.clone()),
        ]
    }
}

impl Calibration {
    /// Version of the format.
    pub const FORMAT: u32 = 1;

    /// The file.
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn text(&self) -> Result<String, String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        Ok(format!("{HEADING}\n{text}"))
    }

    /// What [`Calibration::text`] wrote.
    ///
    /// # Errors
    /// It is no calibration, or one of another format, or a rate in it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let table = text.parse::<toml::Table>();
        let table = table.map_err(|error| error.to_string())?;
        let format = table.get("format").and_then(toml::Value::as_integer);
        if format != Some(i64::from(Self::FORMAT)) {
            let found = format.map_or_else(|| "none".into(), |format| format.to_string());
            let reads = Self::FORMAT;
            return Err(format!(
                "its format is {found}, and this program reads {reads}"
            ));
        }
        let read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, of) in [
            ("qos0", &read.qos0),
            ("qos1", &read.qos1),
            ("qos2", &read.qos2),
            ("request_reply", &read.request_reply),
        ] {
            if !(of.per_s.is_finite() && of.per_s > 0.0) {
                return Err(format!("{name}.per_s is {}, which is no ceiling", of.per_s));
            }
        }
        Ok(read)
    }

    /// Why it says nothing of a run of so many workers of this version on this machine.
    pub fn does_not_hold(&self, version: &str, here: &Machine, workers: u32) -> Option<String> {
        if self.midge != version {
            let made = &self.midge;
            return Some(format!(
                "it was made by midge {made}, and this is {version}"
            ));
        }
        let (there, here) = (self.machine.parts(), here.parts());
        let mut parts = there.into_iter().zip(here);
        if let Some(((what, there), (_, here))) = parts.find(|(there, here)| there != here) {
            return Some(format!(
                "it is another machine's: its {what} was {there:?}, and this one's is {here:?}"
            ));
        }
        (self.workers != workers).then(|| {
            let made = self.workers;
            format!("it was made with --workers {made}, and this run has {workers}")
        })
    }

    /// Whether something else had the processors meanwhile: rounds differ much, or neither of two
    /// processes that nothing held back kept one busy.
    pub fn is_disturbed(&self) -> bool {
        let at_full_speed = [
            &self.qos0,
            &self.qos0_batched,
            &self.qos1,
            &self.qos2,
            &self.request_reply,
        ];
        // Connects are over before processors are busy.
        let starved = at_full_speed
            .iter()
            .any(|of| of.busier_cpus() < UNDISTURBED);
        let all = at_full_speed.into_iter().chain([&self.connects]);
        starved
            || all
                .into_iter()
                .any(|of| of.lowest_per_s < UNDISTURBED * of.per_s)
    }

    /// What runs are held against.
    pub fn ceiling(&self) -> Ceiling {
        Ceiling {
            date: self.date.clone(),
            qos0_per_s: self.qos0.per_s,
            qos1_per_s: self.qos1.per_s,
            qos2_per_s: self.qos2.per_s,
            request_reply_per_s: self.request_reply.per_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine::of(&Environment {
            host: Some("here".to_owned()),
            cpu: Some("Processor \"X\"".to_owned()),
            cpus: 2,
            kernel: Some("6.1.0".to_owned()),
            os: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            build: "release".to_owned(),
            ..Environment::default()
        })
    }

    fn calibration() -> Calibration {
        let of = |per_s| Capability::new(per_s, FarSide::Sink, 0.99, Some(0.5));
        Calibration {
            format: Calibration::FORMAT,
            midge: "1.2.3".to_owned(),
            date: "2026-01-02T03:04:05Z".to_owned(),
            workers: 1,
            rounds: 3,
            measured_s: 2.5,
            machine: machine(),
            qos0: of(400_000.0),
            qos0_batched: of(2_000_000.0),
            qos1: of(150_000.0),
            qos2: of(80_000.0),
            request_reply: Capability::new(90_000.0, FarSide::Tenant, 0.8, None),
            connects: of(30_000.0),
            connections: Connections::new(
                5_000,
                [(20, "descriptors"), (30, "ports"), (40, "memory")],
            ),
            lag: vec![Lag {
                at_per_s: 1000.0,
                messages: 3000,
                p50_us: Some(5.5),
                p99_us: None,
            }],
        }
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let text = calibration().text().unwrap();
        assert!(text.starts_with("# What this machine can do"), "{text}");
        assert_eq!(Calibration::read(&text).unwrap(), calibration(), "{text}");
        let ceiling = Ceiling {
            date: calibration().date,
            qos0_per_s: 400_000.0,
            qos1_per_s: 150_000.0,
            qos2_per_s: 80_000.0,
            request_reply_per_s: 90_000.0,
        };
        assert_eq!(calibration().ceiling(), ceiling);
    }

    #[test]
    fn rounds_that_differ_and_idle_processors_are_a_disturbance() {
        assert!(!calibration().is_disturbed());
        let mut differ = calibration();
        differ.connects.lowest_per_s = 20_000.0;
        assert!(differ.is_disturbed());
        let mut starved = calibration();
        starved.qos1.midge_cpus = 0.5;
        assert!(starved.is_disturbed());
        starved.qos1.far_cpus = Some(0.9);
        assert!(!starved.is_disturbed(), "the far side was the slower one");
    }

    #[test]
    fn what_is_no_calibration_is_refused_with_a_reason() {
        let good = calibration().text().unwrap();
        for (wrong, why) in [
            (String::new(), "format is none"),
            (good.replace("format = 1", "format = 2"), "format is 2"),
            (
                good.replace("per_s = 150000.0", "per_s = 0.0"),
                "qos1.per_s is 0",
            ),
            (
                good.replace("per_s = 400000.0", "per_s = nan"),
                "qos0.per_s is NaN",
            ),
            (good.replace("[qos1]", "[other]"), "qos1"),
            (good[..good.len() / 2].to_owned(), ""),
            ("format = ".to_owned(), ""),
        ] {
            assert_ne!(wrong, good);
            let said = Calibration::read(&wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    fn there(change: impl FnOnce(&mut Machine)) -> Machine {
        let mut other = machine();
        change(&mut other);
        other
    }

    #[test]
    fn it_holds_for_its_machine_version_and_workers_alone() {
        let of = |version, machine: &Machine, workers| {
            calibration().does_not_hold(version, machine, workers)
        };
        assert_eq!(of("1.2.3", &machine(), 1), None);
        assert!(of("1.2.4", &machine(), 1).unwrap().contains("1.2.4"));
        assert!(of("1.2.3", &machine(), 2).unwrap().contains("--workers 1"));
        let another: [(&str, Machine); 8] = [
            ("host", there(|of| of.host = "there".to_owned())),
            ("processor", there(|of| of.cpu = "Y".to_owned())),
            ("number of processors", there(|of| of.cpus = 4)),
            ("CPU quota", there(|of| of.cpu_quota = Some(1.5))),
            (
                "architecture",
                there(|of| of.architecture = "arm".to_owned()),
            ),
            ("system", there(|of| of.os = "other".to_owned())),
            ("kernel", there(|of| of.kernel = "6.2.0".to_owned())),
            ("build", there(|of| of.build = "debug".to_owned())),
        ];
        for (what, other) in another {
            let said = of("1.2.3", &other, 1).unwrap();
            assert!(said.contains(&format!("its {what} was")), "{said}");
        }
    }
}
