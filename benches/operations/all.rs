//! Every operation of the hot path, each with a name, for whoever measures one.
//!
//! `operations.rs` says how long they take, `instructions.rs` how many instructions. Not here: how
//! either is found out, and anything with a socket.
//!
//! What an operation reads is on the heap: constants move with each edit, and near the end of a page
//! the C library's `memcmp` takes more instructions.

pub mod codec;
mod encoder;
mod histogram;
mod matching;
pub mod plans;
mod recorder;
mod request_ids;
mod schedule;
mod wheel;

/// Carries an operation out as often as it takes to say what one costs.
pub trait Measure {
    /// `name` is `group/what it does`. The operation may be repeated for ever.
    fn operation<R>(&mut self, name: &str, operation: impl FnMut() -> R);
}

/// Shows every operation to `measure`, always in the same order.
pub fn each(measure: &mut impl Measure) {
    codec::each(measure);
    encoder::each(measure);
    schedule::each(measure);
    wheel::each(measure);
    request_ids::each(measure);
    matching::each(measure);
    recorder::each(measure);
    histogram::each(measure);
}
