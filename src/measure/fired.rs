//! Messages that are complete with their write, several at a time.
//!
//! Not here: events of one request (`recorder`).

use super::entry::End;
use super::recorder::Recorder;
use super::shape::Shape;
use super::tally::{RequestTally, Tally};

impl Recorder {
    /// So many planned messages, all due at `intended`, are written at `sent` and complete with that:
    /// what [`Recorder::sent`] and [`Recorder::completed`] would count for each of them. Together,
    /// because messages that share an instant and a write share every figure.
    pub fn fired(&mut self, request: u16, intended: u64, due: u64, sent: u64, count: u64) {
        self.log(request, [intended, sent, sent], End::Written, count);
        let mut row = self.row(request, intended);
        row.count(|ledger| {
            ledger.sent += count;
            ledger.ok += count;
        });
        row.interval.sent += count;
        row.interval.ok += count;
        let lag = sent.saturating_sub(intended);
        row.interval.lag.record_many(lag, count);
        row.interval.late(intended, due, sent);
        // In warm-up already, so that measuring does not begin with page faults.
        row.tally.lag.prepare();
        if row.measured {
            row.tally.lag.record_many(lag, count);
            row.paced(due.saturating_sub(intended), count);
            row.tally.status.add_ok(count);
        }
        if let Some(stage) = row.stage() {
            stage.lag.record_many(lag, count);
        }
    }
}

impl Tally {
    /// The same for all requests that end with their write.
    pub(super) fn fill_fired(&mut self, shape: &Shape) {
        for (tally, shape) in self.requests.iter_mut().zip(&shape.requests) {
            if shape.ends_with_write() {
                tally.fill_fired();
            }
        }
    }
}

impl RequestTally {
    /// Fills in the waits that [`Recorder::fired`] leaves out: complete when written means that the
    /// response time is the lag and the service time 0. Copied once, because recording each message
    /// into three more histograms took a tenth of the time in which it is made.
    pub(super) fn fill_fired(&mut self) {
        self.response = self.lag.clone();
        self.service.record_many(0, self.lag.count());
        for stage in &mut self.stages {
            stage.response = stage.lag.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Outcome;
    use super::super::shape::{Replies, RequestShape, StageShape};
    use super::*;

    fn shape() -> Shape {
        let stage = |from_ns, to_ns| StageShape {
            from_ns,
            to_ns,
            asked_from_per_s: 1.0,
            asked_to_per_s: 1.0,
        };
        Shape {
            requests: vec![RequestShape {
                name: "telemetry".into(),
                reactive: false,
                has_reply: false,
                silence_is_ok: false,
                replies: Replies::One,
                qos: 0,
                deadline_ns: 1_000_000,
            }],
            inbound: Vec::new(),
            deliveries: Vec::new(),
            stages: vec![stage(0, 500), stage(500, 1_000)],
            warm_up_ns: 100,
            measure_ns: 1_000,
        }
    }

    #[test]
    fn several_at_a_time_are_as_many_one_by_one() {
        let recorder = || {
            let mut recorder = Recorder::new(Arc::new(shape()));
            recorder.begin_load(1_000);
            recorder
        };
        let (mut together, mut apart) = (recorder(), recorder());
        // In warm-up, in the first and in the second stage.
        for (intended, due, sent, count) in [
            (1_050, 1_060, 1_080, 3),
            (1_200, 1_200, 1_200, 2),
            (1_900, 1_950, 190_000, 16),
        ] {
            for _ in 0..count {
                together.planned(0, intended);
                apart.planned(0, intended);
                apart.sent(0, intended, due, sent);
                apart.completed(0, intended, sent, sent, Outcome::Ok, None);
            }
            together.fired(0, intended, due, sent, count);
        }
        let mut second = together.roll(2_000);
        let waits = second.requests[0].waits(&shape().requests[0]).clone();
        second.requests[0].response = waits;
        assert_eq!(format!("{second:?}"), format!("{:?}", apart.roll(2_000)));
        let (together, apart) = (together.finish(), apart.tally().clone());
        assert_eq!(format!("{together:?}"), format!("{apart:?}"));
        assert_eq!(together.requests[0].whole_run.ok, 21);
        assert_eq!(together.requests[0].service.count(), 18);
    }
}
