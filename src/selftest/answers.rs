//! What must come out, by arithmetic: stalls, delays and queues whose distribution is known.
//!
//! Times are in milliseconds. Not here: how near a figure has to be.

use statrs::distribution::{Continuous, ContinuousCDF, Exp, LogNormal};

use crate::delay::Delay;

/// A tenant that takes `service` for each reply and stands still once, for `stall` (the longer one) of the
/// whole time `over`, while requests come evenly; or a generator that does.
///
/// Who came in the stall waits for the rest of it and to be served. Who was being served when it began
/// waits for its end: replies that were ready are not written, or not read.
#[derive(Debug, Clone, Copy)]
pub struct Stalled {
    /// Time for one reply, ms.
    pub service: f64,
    /// How long it stands still, ms.
    pub stall: f64,
    /// Length of the measure phase, ms.
    pub over: f64,
}

impl Stalled {
    /// Response time at a quantile: the service time for those whom the stall does not concern. Without
    /// a service time, the published `L(p) = S - (1 - p) T`.
    pub fn quantile(self, p: f64) -> f64 {
        let behind = (1.0 - p) * self.over;
        // The longest waits are of two kinds: the first ones in the stall, and those being served.
        let of_both = self.stall + self.service - behind / 2.0;
        if behind <= 2.0 * self.service {
            of_both
        } else {
            (self.stall + 2.0 * self.service - behind).max(self.service)
        }
    }

    /// Share of the requests that wait for longer than `wait`, which is longer than the service time
    /// and not longer than the stall.
    pub fn share_above(self, wait: f64) -> f64 {
        (self.stall + 2.0 * self.service - wait).max(0.0) / self.over
    }
}

/// The value that a delay does not exceed with probability `p`; 0 < p < 1.
pub fn quantile(delay: Delay, p: f64) -> f64 {
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    match delay {
        Delay::Fixed(time) => ms(time),
        Delay::Bimodal(usual, rare, share) => ms(if p <= 1.0 - share { usual } else { rare }),
        Delay::Exponential(_) | Delay::Lognormal(..) => {
            continuous(delay).map_or(f64::NAN, |(quantile, _)| quantile(p))
        }
    }
}

/// Standard deviation of that quantile in samples of `n`: `sqrt(p (1 - p) / n)` by the density there;
/// 0 where the distribution has no density (its quantiles do not vary).
pub fn deviation(delay: Delay, p: f64, n: u64) -> f64 {
    continuous(delay).map_or(0.0, |(quantile, density)| {
        (p * (1.0 - p) / n as f64).sqrt() / density(quantile(p))
    })
}

/// Quantile and density.
type Functions = (Box<dyn Fn(f64) -> f64>, Box<dyn Fn(f64) -> f64>);

fn continuous(delay: Delay) -> Option<Functions> {
    fn of<D: ContinuousCDF<f64, f64> + Continuous<f64, f64> + Copy + 'static>(d: D) -> Functions {
        (
            Box::new(move |p| d.inverse_cdf(p)),
            Box::new(move |x| d.pdf(x)),
        )
    }
    match delay {
        Delay::Exponential(mean) => Exp::new(1e-3 / mean.as_secs_f64()).ok().map(of),
        Delay::Lognormal(median, sigma) => {
            let location = (median.as_secs_f64() * 1e3).ln();
            LogNormal::new(location, sigma).ok().map(of)
        }
        Delay::Fixed(_) | Delay::Bimodal(..) => None,
    }
}

/// Time in an M/M/1 queue, waiting and service, at a quantile: exponential with rate `mu - lambda`
/// (both per second, lambda the smaller one).
pub fn queue_quantile(lambda: f64, mu: f64, p: f64) -> f64 {
    -(1.0 - p).ln() / (mu - lambda) * 1e3
}

/// Mean wait for a server that takes exactly `service` for each, while Poisson arrivals keep it busy for
/// a share `load` of the time: the M/D/1 queue (Pollaczek 1930, Khinchine 1932). In the unit of `service`.
pub fn mean_wait(load: f64, service: f64) -> f64 {
    load / (2.0 * (1.0 - load)) * service
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, published: f64, within: f64) {
        assert!((found - published).abs() <= within, "{found} {published}");
    }

    const STALLED: Stalled = Stalled {
        service: 2.0,
        stall: 2_000.0,
        over: 60_000.0,
    };

    #[test]
    fn a_stall_of_two_seconds_in_a_minute_has_the_published_tail() {
        // Published for a service time that is nothing beside the stall, and added at the end.
        let quick = Stalled {
            service: 0.0,
            ..STALLED
        };
        let found = [0.5, 0.95, 0.99, 0.999, 1.0].map(|p| 2.0 + quick.quantile(p));
        for (found, published) in found.into_iter().zip([2.0, 2.0, 1402.0, 1942.0, 2002.0]) {
            near(found, published, 1e-9);
        }
        near(quick.share_above(0.0), 0.0333, 5e-5);
    }

    #[test]
    fn a_stall_concerns_those_who_are_being_served() {
        // Sixteen for each millisecond, one by one.
        let (count, begin) = (60_000 * 16, 30_000.0);
        let mut waits: Vec<f64> = (0..count)
            .map(|number| {
                let came = f64::from(number) / 16.0 + 1.0 / 32.0;
                let stall = begin..begin + STALLED.stall;
                let served = match came {
                    came if stall.contains(&came) => stall.end + STALLED.service,
                    came if stall.contains(&(came + STALLED.service)) => stall.end,
                    came => came + STALLED.service,
                };
                served - came
            })
            .collect();
        waits.sort_unstable_by(f64::total_cmp);
        for p in [0.5, 0.95, 0.967, 0.99, 0.999, 0.9999, 0.999_95, 1.0] {
            let rank = (p * f64::from(count)).ceil() as usize;
            near(STALLED.quantile(p), waits[rank - 1], 1.0 / 16.0);
        }
        for wait in [2.5, 50.0, 1_000.0, 1_999.0] {
            let above = waits.iter().filter(|found| **found > wait).count();
            let share = above as f64 / f64::from(count);
            near(STALLED.share_above(wait), share, 2.0 / f64::from(count));
        }
    }

    #[test]
    fn a_server_without_chance_halves_the_wait_of_one_with_exponential_times() {
        // M/M/1: load / (mu - lambda), with mu = 1 per unit of the service time.
        for load in [0.1, 0.5, 0.8] {
            near(mean_wait(load, 3.0), 3.0 * load / (1.0 - load) / 2.0, 1e-12);
        }
    }

    #[test]
    fn a_queue_with_four_fifths_of_its_capacity_has_the_published_percentiles() {
        let published = [(0.5, 3.47), (0.9, 11.51), (0.99, 23.03), (0.999, 34.54)];
        for (p, ms) in published {
            near(queue_quantile(800.0, 1000.0, p), ms, 0.005);
            // Twice as fast, half as long.
            near(queue_quantile(1600.0, 2000.0, p), ms / 2.0, 0.005);
        }
    }

    #[test]
    fn delays_have_the_quantiles_of_the_tables() {
        let delay = |text: &str| text.parse::<Delay>().expect("a delay");
        // And 5 e^(z / 2) with z = 0, 1.2816, 2.3263.
        for (p, exponential, lognormal) in [
            (0.5, std::f64::consts::LN_2, 5.0),
            (
                0.9,
                std::f64::consts::LN_10,
                5.0 * (1.281_552_f64 / 2.0).exp(),
            ),
            (0.99, 4.605_170, 5.0 * (2.326_348_f64 / 2.0).exp()),
        ] {
            near(quantile(delay("exp:1ms"), p), exponential, 1e-5);
            near(quantile(delay("lognormal:5ms,0.5"), p), lognormal, 1e-4);
            near(quantile(delay("fixed:5ms"), p), 5.0, 1e-9);
        }
        let bimodal = delay("bimodal:2ms,50ms,1%");
        near(quantile(bimodal, 0.9), 2.0, 1e-9);
        near(quantile(bimodal, 0.999), 50.0, 1e-9);
    }

    #[test]
    fn estimates_vary_as_order_statistics_do() {
        // Of an exponential distribution: mean * sqrt(p / (1 - p) / n).
        let delay = "exp:10ms".parse().expect("a delay");
        near(deviation(delay, 0.5, 10_000), 0.1, 1e-6);
        near(deviation(delay, 0.99, 9_900), 1.0, 1e-6);
        near(deviation(Delay::ZERO, 0.5, 10), 0.0, 0.0);
    }
}
