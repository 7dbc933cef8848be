//! How the values of payload fields are made: the types alone.
//!
//! Not here: the numbers themselves, which the plan makes from seed, endpoint and message number.

/// A value made anew for each message, from (seed, endpoint, message number) alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Generator {
    /// `start`, `start + step`, ... per endpoint.
    Counter {
        /// First value.
        start: i64,
        /// Difference.
        step: i64,
    },
    /// Uniform between both ends, with this many decimals.
    Uniform {
        /// Lowest value.
        low: f64,
        /// Highest value.
        high: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// Normal distribution.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation; not negative.
        deviation: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// Random walk between both ends, reflected there.
    Walk {
        /// Lowest value.
        low: f64,
        /// Highest value.
        high: f64,
        /// Largest step; each step is uniform in plus or minus this.
        step: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// One of these texts, each with a weight, inserted literally.
    Choice(Vec<(String, f64)>),
    /// The wall clock at sending.
    Timestamp(TimestampFormat),
    /// A random UUID (version 4) in text form.
    Uuid,
    /// This many printable random bytes.
    Bytes(u32),
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Unix time in seconds: `1759212723`
    Seconds,
    /// Unix time in milliseconds.
    Milliseconds,
    /// `2019-04-26T15:41:07+00:00`
    Iso8601,
    /// `2019-04-26T15:41:07+0000`: the offset without a colon (ISO 8601 basic).
    Iso8601Basic,
}
