//! Rate limits around the schedule: connects, the aggregate message cap, the closed model's cap.
//!
//! governor (GCRA) answers yes or "not before"; it never paces the open model. Its clock is the
//! worker's own, moved once per turn, so that asking costs no clock read. Where the burst is large,
//! permissions are fetched by the bundle: its compare-and-swap took a fifth of the time in which a
//! message was made.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// A clock that shows what it was last set to, in nanoseconds since the run's epoch.
#[derive(Debug, Clone, Default)]
struct TurnClock(Arc<AtomicU64>);

impl Clock for TurnClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // Relaxed: one thread sets it and asks.
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

/// Permissions that are fetched at once: so many at most and at least, and a small part of a burst.
const BUNDLE_MAX: u32 = 256;
const BUNDLE_MIN: u32 = 16;
const BUNDLES_PER_BURST: u32 = 16;

/// A limit on how many things may be done per second.
#[derive(Debug)]
pub(super) struct Limiter {
    clock: TurnClock,
    /// `None` where the burst is too small for bundles.
    bundle: Option<NonZeroU32>,
    /// Permissions that were fetched and not used yet.
    left: u32,
    inner: RateLimiter<NotKeyed, InMemoryState, TurnClock, NoOpMiddleware<Nanos>>,
}

impl Limiter {
    /// At most `per_second` on average and about `burst_seconds` of it at once (at least one).
    pub(super) fn new(per_second: f64, burst_seconds: f64) -> Self {
        let clock = TurnClock::default();
        let period = Duration::from_secs_f64((1.0 / per_second.max(1e-6)).clamp(1e-9, 1e6));
        let burst = NonZeroU32::new((per_second * burst_seconds).clamp(1.0, 1e9) as u32)
            .unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period)
            .unwrap_or(Quota::per_second(NonZeroU32::MAX))
            .allow_burst(burst);
        Self {
            inner: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            bundle: NonZeroU32::new((burst.get() / BUNDLES_PER_BURST).min(BUNDLE_MAX))
                .filter(|bundle| bundle.get() >= BUNDLE_MIN),
            left: 0,
        }
    }

    /// Asks for one at `now`.
    ///
    /// # Errors
    /// The earliest instant at which asking again may help.
    #[inline]
    pub(super) fn check(&mut self, now: u64) -> Result<(), u64> {
        if self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        self.fetch(now)
    }

    fn fetch(&mut self, now: u64) -> Result<(), u64> {
        self.clock.0.store(now, Ordering::Relaxed);
        if let Some(bundle) = self.bundle
            && matches!(self.inner.check_n(bundle), Ok(Ok(())))
        {
            self.left = bundle.get() - 1;
            return Ok(());
        }
        self.inner.check().map_err(|denied| {
            let earliest = denied.earliest_possible().duration_since(Nanos::new(0));
            earliest.as_u64().max(now + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_limiter_lets_through_its_rate_and_no_more() {
        let mut limiter = Limiter::new(1000.0, 0.01);
        let passed = (0..SECOND)
            .step_by(100_000)
            .filter(|&now| limiter.check(now).is_ok())
            .count();
        assert!(
            (1000..=1011).contains(&passed),
            "{passed} passed in a second"
        );
    }

    #[test]
    fn bundles_change_nothing_in_what_a_second_lets_through() {
        let mut limiter = Limiter::new(100_000.0, 0.02);
        assert!(limiter.bundle.is_some());
        let passed = (0..SECOND)
            .step_by(1_000)
            .filter(|&now| limiter.check(now).is_ok())
            .count();
        assert!(
            (100_000..=102_016).contains(&passed),
            "{passed} passed in a second"
        );
    }

    #[test]
    fn a_denied_caller_is_told_when_to_ask_again() {
        let mut limiter = Limiter::new(10.0, 0.0);
        assert_eq!(limiter.check(SECOND), Ok(()));
        let again = limiter.check(SECOND).unwrap_err();
        assert_eq!(again, SECOND + SECOND / 10);
        assert_eq!(limiter.check(again), Ok(()));
    }

    #[test]
    fn slow_rates_work_too() {
        let mut limiter = Limiter::new(0.5, 0.0);
        assert_eq!(limiter.check(0), Ok(()));
        assert_eq!(limiter.check(0), Err(2 * SECOND));
    }
}
