//! How much a run will send, for how long and where to, in words: before anything is opened.
//!
//! Not here: whether it fits into this machine (`limits`).

use std::time::Duration;

use crate::plan::{Arithmetic, Plan};
use crate::profile::{Model, Profile};

/// Requests of the profile in one phrase; `within` is put behind their number:
/// `about 12,000 requests in 10 s, 1.0 MB`.
pub(super) fn requests(profile: &Profile, plan: &Plan, size: &Arithmetic, within: &str) -> String {
    let load = &profile.load;
    let lasts = (load.warm_up + load.measure).as_secs_f64();
    let limit = profile.limits.messages_per_s.0;
    let unscheduled = |allowed_by: &str, cap: f64| {
        let most = count(cap.min(limit) * lasts);
        let why = if limit <= cap {
            " (limits.messages_per_s)"
        } else {
            ""
        };
        format!("as many requests as {allowed_by}{within}, at most {most}{why}")
    };
    let unscheduled = match load.model {
        Model::Open(_) | Model::OpenOwnRates => None,
        Model::Max => Some(unscheduled("the sockets take", f64::INFINITY)),
        Model::Closed { cap, .. } => Some(unscheduled(
            "the replies allow",
            cap.map_or(f64::INFINITY, |rate| rate.0),
        )),
    };
    let scheduled = (unscheduled.is_none() || size.total > 0.0).then(|| {
        let (total, bytes) = (count(size.total), bytes(size.bytes_sent));
        format!("about {total} requests{within}, {bytes}")
    });
    let phrases: Vec<String> = scheduled.into_iter().chain(unscheduled).collect();
    let answers = plan.requests.iter().any(|r| r.reactive.is_some());
    let beside = if answers {
        ", besides answers to what is pushed"
    } else {
        ""
    };
    format!("{}{beside}", phrases.join(", and "))
}

/// The size of a run in one line: connections, requests, duration of each phase and in total.
pub(super) fn line(profile: &Profile, plan: &Plan, size: &Arithmetic) -> String {
    let load = &profile.load;
    let connections = size.connections + size.callers;
    let connect = connections as f64 / profile.fleet.connect_rate.0.max(1e-9);
    let sends = load.warm_up + load.measure;
    let least = connect + sends.as_secs_f64();
    let within = format!(
        " in {} s ({} s warm-up, {} s measured)",
        seconds(sends),
        seconds(load.warm_up),
        seconds(load.measure),
    );
    format!(
        "plan  {} endpoints, {} connections in about {} s, then {}; drain at most {} s: {} to {} s in all",
        count(f64::from(profile.fleet.endpoints)),
        count(connections as f64),
        rounded(connect),
        requests(profile, plan, size, &within),
        seconds(load.drain),
        rounded(least),
        rounded(least + load.drain.as_secs_f64()),
    )
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Tenths are enough for what is only about.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

/// A whole number in groups of three digits: `12,000`.
pub(super) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} kB", b / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (12_345.6, "12,346"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(bytes(999.0), "1.0 kB");
        assert_eq!(bytes(1_049_000.0), "1.0 MB");
        assert_eq!(bytes(2.5e9), "2.5 GB");
    }
}
