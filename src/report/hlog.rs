//! `histograms.hlog`: response times per second and request as an `HdrHistogram` interval log.
//!
//! Read by the usual tools (one `Tag` per request). Values are nanoseconds, the readable maximum of
//! each line is in milliseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::measure::{Seconds, Shape};

/// The whole file. Instants in it count from the run's epoch, which was at `started_unix_ns`.
pub fn histograms_hlog(shape: &Shape, seconds: &Seconds, started_unix_ns: u64) -> String {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    let started_s = started_unix_ns as f64 / 1e9;
    builder
        .add_comment("[Response times from the intended instant; nanoseconds]")
        // Written by hand because the builder wants a system time, which formats do not deal in.
        .add_comment(&format!("[BaseTime: {started_s:.3} (seconds since epoch)]"))
        .with_max_value_divisor(1e6);
    let mut log = builder
        .begin_log_with(&mut text, &mut serializer)
        .expect("memory takes everything");
    for stored in &seconds.histograms {
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut stored.v2.as_slice())
            .expect("the collector has serialised it");
        let start = Duration::from_nanos(stored.start);
        let length = Duration::from_nanos(stored.end.saturating_sub(stored.start));
        let tag = Tag::new(&shape.requests[usize::from(stored.request)].name);
        log.write_histogram(&histogram, start, length, tag)
            .expect("memory takes every histogram");
    }
    String::from_utf8(text).expect("an interval log is text")
}
