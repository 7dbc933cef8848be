//! How much a load takes of what this machine was found to manage.
//!
//! Of three seconds in a row the middle one counts: after a stall of our own, what is overdue comes due
//! within one second, and that is no load that anybody asked for.
//!
//! Values only. Not here: finding it out (`midge calibrate`), keeping it (see `calibration`), and what
//! share is too much (see `gates` and `verdict`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::collector::{IntervalRow, Live, Seconds};
use super::phase::Phase;
use super::shape::{RequestShape, Shape};
use super::tally::Tally;

/// Shorter parts of a second are too few requests for a rate, ns.
const LEAST_NS: u64 = 500_000_000;

/// Requests per second that this machine manages, each kind by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Ceiling {
    /// When it was found out, RFC 3339.
    pub date: String,
    /// Nothing answers them: `QoS` 0, each a write of its own.
    pub qos0_per_s: f64,
    /// Acknowledged: `QoS` 1.
    pub qos1_per_s: f64,
    /// Acknowledged twice: `QoS` 2.
    pub qos2_per_s: f64,
    /// Replied to.
    pub request_reply_per_s: f64,
}

/// A load against the ceiling; serialised as `generator.calibration` of the result files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OfCeiling {
    /// When the ceiling was found out, RFC 3339.
    pub date: String,
    /// Requests that came due per second when there were most of them.
    pub planned_per_s: f64,
    /// As many of that mix as this machine manages.
    pub ceiling_per_s: f64,
    /// The one divided by the other.
    pub share: f64,
}

impl OfCeiling {
    /// Percent.
    pub(super) fn percent(&self) -> f64 {
        self.share * 100.0
    }
}

impl fmt::Display for OfCeiling {
    /// For the screen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            ceiling_per_s,
            ..
        } = self;
        let percent = self.percent();
        write!(
            f,
            "{percent:.1} % of the {ceiling_per_s:.0}/s that this machine managed when it was calibrated ({date})"
        )
    }
}

impl Ceiling {
    /// The load when there was most of it, or of the whole measure phase if that is more (a phase may
    /// be too short for seconds). `None`: nothing was due.
    pub fn held_against(
        &self,
        shape: &Shape,
        tally: &Tally,
        seconds: &Seconds,
        measure_s: f64,
    ) -> Option<OfCeiling> {
        let measured = seconds.together.iter().filter(|live| {
            live.phase == Phase::Measure && live.end.saturating_sub(live.start) >= LEAST_NS
        });
        let each: Vec<OfCeiling> = measured
            .filter_map(|live| self.of_second(shape, live, &seconds.rows))
            .collect();
        let middle = |three: &[OfCeiling]| {
            let mut three = three.to_vec();
            three.sort_by(|a, b| a.share.total_cmp(&b.share));
            three.swap_remove(1)
        };
        let whole = tally.requests.iter().map(|of| of.measured.planned);
        let whole = self.share(shape, whole.enumerate(), measure_s);
        let all = each.windows(3).map(middle).chain(whole);
        all.max_by(|a, b| a.share.total_cmp(&b.share))
    }

    /// `rows` are ordered by second.
    fn of_second(&self, shape: &Shape, live: &Live, rows: &[IntervalRow]) -> Option<OfCeiling> {
        let from = rows.partition_point(|row| row.second < live.second);
        let rows = rows[from..].iter();
        let rows = rows.take_while(|row| row.second == live.second);
        let planned = rows.map(|row| (usize::from(row.request), row.planned));
        self.share(shape, planned, (live.end - live.start) as f64 / 1e9)
    }

    /// Of so many requests of each row within this time.
    fn share(
        &self,
        shape: &Shape,
        planned: impl Iterator<Item = (usize, u64)>,
        lasted_s: f64,
    ) -> Option<OfCeiling> {
        let (mut requests, mut needed_s) = (0, 0.0);
        for (row, count) in planned {
            requests += count;
            needed_s += count as f64 / self.per_s(&shape.requests[row]);
        }
        (requests > 0 && lasted_s > 0.0).then(|| OfCeiling {
            date: self.date.clone(),
            planned_per_s: rounded(requests as f64 / lasted_s),
            ceiling_per_s: rounded(requests as f64 / needed_s),
            share: needed_s / lasted_s,
        })
    }

    /// Of this request alone.
    fn per_s(&self, request: &RequestShape) -> f64 {
        // What a healthy tenant answers with silence has no reply to read.
        if request.has_reply && !request.silence_is_ok {
            return self.request_reply_per_s;
        }
        match request.qos {
            0 => self.qos0_per_s,
            1 => self.qos1_per_s,
            _ => self.qos2_per_s,
        }
    }
}

fn rounded(per_s: f64) -> f64 {
    (per_s * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Recorder, Replies};
    use std::sync::Arc;

    const S: u64 = 1_000_000_000;

    fn request(qos: u8, has_reply: bool, silence_is_ok: bool) -> RequestShape {
        RequestShape {
            name: "request".to_owned(),
            reactive: false,
            has_reply,
            replies: Replies::One,
            silence_is_ok,
            qos,
            deadline_ns: S,
        }
    }

    /// Nothing, `QoS` 1, `QoS` 2, a reply, and silence.
    fn shape() -> Shape {
        Shape {
            requests: vec![
                request(0, false, false),
                request(1, false, false),
                request(2, false, false),
                request(1, true, false),
                request(0, true, true),
            ],
            inbound: vec![],
            deliveries: vec![],
            warm_up_ns: 0,
            measure_ns: 2 * S,
            stages: vec![],
        }
    }

    fn ceiling() -> Ceiling {
        Ceiling {
            date: "2026-01-02T03:04:05Z".to_owned(),
            qos0_per_s: 1000.0,
            qos1_per_s: 500.0,
            qos2_per_s: 250.0,
            request_reply_per_s: 100.0,
        }
    }

    /// A second of the measure phase with so many requests of each row.
    fn second(number: u64, planned: [u64; 5], all: &mut Seconds) {
        let rows = planned
            .iter()
            .enumerate()
            .map(|(request, planned)| IntervalRow {
                second: number,
                phase: Phase::Measure,
                request: request as u16,
                planned: *planned,
                sent: 0,
                ok: 0,
                error: 0,
                timeout: 0,
                failed: 0,
                dropped: 0,
                in_flight: 0,
                response_time_p50_us: None,
                response_time_p99_us: None,
                response_time_max_us: None,
                schedule_lag_p99_us: None,
                pacer_lag_max_us: None,
                back_pressure_lag_max_us: None,
                connected: 0,
            });
        all.rows.extend(rows);
        all.together.push(Live {
            second: number,
            start: number * S,
            end: (number + 1) * S,
            phase: Phase::Measure,
            asked_per_s: 0.0,
            achieved_per_s: 0.0,
            in_flight: 0,
            p50_us: None,
            p99_us: None,
            failures: 0,
            connected: 0,
            busy_max: 0.0,
        });
    }

    fn none() -> (Tally, Seconds) {
        let tally = Recorder::new(Arc::new(shape())).finish();
        (tally, Seconds::default())
    }

    fn held(tally: &Tally, seconds: &Seconds) -> Option<OfCeiling> {
        ceiling().held_against(&shape(), tally, seconds, 2.0)
    }

    #[test]
    fn each_kind_takes_its_part_and_the_busiest_seconds_count() {
        let (tally, mut seconds) = none();
        second(0, [100, 0, 0, 0, 0], &mut seconds);
        // A tenth of each of the five ceilings.
        second(1, [100, 50, 25, 10, 100], &mut seconds);
        second(2, [100, 50, 25, 10, 100], &mut seconds);
        second(3, [0, 0, 0, 20, 0], &mut seconds);
        let of = held(&tally, &seconds).unwrap();
        assert!((of.share - 0.5).abs() < 1e-9, "{of:?}");
        assert!((of.planned_per_s - 285.0).abs() < 1e-9);
        assert!((of.ceiling_per_s - 570.0).abs() < 1e-9);
        assert_eq!(of.date, ceiling().date);
        let said = of.to_string();
        assert!(said.starts_with("50.0 % of the 570/s"), "{said}");
    }

    #[test]
    fn what_comes_due_late_after_a_stall_of_our_own_is_no_load() {
        let (tally, mut seconds) = none();
        for (number, planned) in [40, 10, 70, 40, 40].into_iter().enumerate() {
            second(number as u64, [0, 0, 0, planned, 0], &mut seconds);
        }
        let of = held(&tally, &seconds).unwrap();
        assert!((of.share - 0.4).abs() < 1e-9, "{of:?}");
    }

    #[test]
    fn a_phase_that_is_too_short_for_a_second_counts_as_a_whole() {
        let mut recorder = Recorder::new(Arc::new(shape()));
        recorder.begin_load(0);
        for number in 0..100 {
            recorder.planned(3, number);
        }
        let (_, mut seconds) = none();
        second(0, [0, 0, 0, 40, 0], &mut seconds);
        seconds.together[0].end = S / 4;
        // 100 in two seconds, of 100 per second.
        let of = held(&recorder.finish(), &seconds).unwrap();
        assert!((of.share - 0.5).abs() < 1e-9, "{of:?}");
    }

    #[test]
    fn where_nothing_was_due_there_is_no_share() {
        let (tally, mut seconds) = none();
        assert_eq!(held(&tally, &seconds), None);
        second(0, [0; 5], &mut seconds);
        assert_eq!(held(&tally, &seconds), None);
    }
}
