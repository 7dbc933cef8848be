//! What a run shows while it goes on: one line that is redrawn, or plain lines where nobody watches.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::Progress;
use crate::measure::Live;

/// Shows progress on stderr.
#[derive(Debug)]
pub(super) struct ProgressLine {
    bar: Option<ProgressBar>,
    connections: u64,
    /// Warm-up and measure.
    planned: Duration,
}

impl ProgressLine {
    /// For a run with this many connections and this long a load.
    pub(super) fn new(connections: u64, planned: Duration) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            connections,
            planned,
        }
    }

    /// Shows one step.
    pub(super) fn show(&self, progress: Progress) {
        let text = match progress {
            Progress::Connecting { up } => format!("connecting: {up} of {}", self.connections),
            Progress::Loading => format!("connected; load for {} s", self.planned.as_secs_f64()),
            Progress::Second { number, live } => self.second(number, &live),
        };
        self.say(&text);
    }

    /// Shows words.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn second(&self, number: u64, live: &Live) -> String {
        let left = self.planned.as_secs_f64() - number as f64;
        let left = if left > 0.0 {
            format!("{left:.0} s left")
        } else {
            "draining".to_owned()
        };
        let p99 = live
            .p99_us
            .map_or("-".to_owned(), |us| format!("{:.1} ms", us / 1000.0));
        format!(
            "{number:>4} s  {}  asked {:.0}/s  achieved {:.0}/s  in flight {}  p99 {p99}  failures {}  {left}",
            live.phase.name(),
            live.asked_per_s,
            live.achieved_per_s,
            live.in_flight,
            live.failures,
        )
    }
}
