//! When every request of the open model is due: a pure function of (seed, endpoint, number).
//!
//! Each endpoint has a few streams (one that all weighted requests share, one for each request with
//! an own rate or period) and walks them with a small cursor. No stream looks at another endpoint,
//! so a shard needs no more than its own. Not here: clocks, waiting, and what was really sent.

use crate::plan::curve::Curve;
use crate::plan::error::PlanError;
use crate::plan::hash::{self, Purpose, Weights};
use crate::profile::{Arrivals, Load, Model, Pace, Profile, Request, Stage};
use crate::random::{below, exponential, hash};
use crate::units::nanoseconds;

/// One request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// Nanoseconds since the load began (the start of the warm-up).
    pub intended: u64,
    /// Index into the plan's requests.
    pub request: u16,
}

/// Where one endpoint stands in one stream. There is one for each of a fleet: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cursor {
    /// Arrivals so far, and above these bits the request of the latest one.
    index: u64,
    /// Sum of the unit-rate gaps so far (Poisson only).
    position: f64,
}

/// At a million per second and endpoint these last nine years.
const INDEX_BITS: u32 = 48;

impl Cursor {
    /// The request of the arrival that [`Schedule::next`] returned last; 0 before the first.
    pub fn request(&self) -> u16 {
        (self.index >> INDEX_BITS) as u16
    }

    fn number(&self) -> u64 {
        self.index & ((1 << INDEX_BITS) - 1)
    }

    fn passed(&mut self, request: u16) {
        self.index = (u64::from(request) << INDEX_BITS) | (self.number() + 1);
    }
}

/// The schedule of the whole fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    endpoints: u32,
    streams: Vec<Stream>,
    warm_up_ns: u64,
    end_ns: u64,
    /// Requests with a weight, and how arrivals are shared among them.
    picker: Option<Picker>,
}

#[derive(Debug, Clone, PartialEq)]
struct Picker {
    key: u64,
    weights: Weights,
    /// Request and its share of all weights.
    requests: Vec<(u16, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Stream {
    /// Arrivals at a rate of the whole fleet.
    Paced {
        key: u64,
        curve: Curve,
        arrivals: Arrivals,
        what: What,
    },
    /// Each endpoint on its own.
    Every {
        phase_key: u64,
        jitter_key: u64,
        period_ns: u64,
        jitter_ns: u64,
        request: u16,
    },
}

/// Which request an arrival is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Picked,
    Always(u16),
}

impl Schedule {
    /// Reads `load` and each request's pace. At `"max"` and in the closed model weighted requests
    /// have no stream; requests with an own rate or period keep theirs.
    pub(crate) fn compile(profile: &Profile) -> Result<Self, PlanError> {
        let load = &profile.load;
        let warm_up_ns = nanoseconds(load.warm_up);
        let picker = Picker::compile(profile)?;
        if picker.is_none() && load.model != Model::OpenOwnRates {
            return Err(PlanError::value(
                "load",
                "no request has a weight, so the load has nothing to send",
            ));
        }
        let mut streams = Vec::new();
        if let Model::Open(rate) = load.model {
            streams.push(Stream::shared(rate.0, load)?);
        }
        for (index, request) in profile.requests.iter().enumerate() {
            streams.extend(Stream::own(request, index, load)?);
        }
        let end_ns = warm_up_ns.saturating_add(nanoseconds(load.measure));
        Ok(Self {
            endpoints: profile.fleet.endpoints,
            streams,
            warm_up_ns,
            end_ns,
            picker,
        })
    }

    /// How many streams each endpoint has.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The start of a stream.
    pub fn cursor(&self, _stream: usize, _endpoint: u32) -> Cursor {
        Cursor::default()
    }

    /// The next arrival of a stream; `None`, for ever, when it has ended. Instants never go back.
    pub fn next(&self, stream: usize, endpoint: u32, cursor: &mut Cursor) -> Option<Arrival> {
        let number = cursor.number();
        let (intended, request) = match self.streams.get(stream)? {
            Stream::Paced {
                key,
                curve,
                arrivals,
                what,
            } => {
                let position = self.position(*key, *arrivals, endpoint, cursor);
                let request = match what {
                    What::Always(request) => *request,
                    What::Picked => self.pick(endpoint, number)?,
                };
                (curve.instant(position)?, request)
            }
            Stream::Every {
                phase_key,
                jitter_key,
                period_ns,
                jitter_ns,
                request,
            } => {
                let phase = below(hash(*phase_key, u64::from(endpoint), 0), *period_ns);
                let due = period_ns.checked_mul(number)?.checked_add(phase)?;
                let moved = below(
                    hash(*jitter_key, u64::from(endpoint), number),
                    2 * jitter_ns + 1,
                );
                (
                    due.saturating_add(moved).saturating_sub(*jitter_ns),
                    *request,
                )
            }
        };
        if intended >= self.end_ns {
            return None;
        }
        cursor.passed(request);
        Some(Arrival { intended, request })
    }

    /// The request that arrival `number` of an endpoint is, by weight; `None` when none has one.
    pub fn pick(&self, endpoint: u32, number: u64) -> Option<u16> {
        let picker = self.picker.as_ref()?;
        if let [(request, _)] = picker.requests.as_slice() {
            return Some(*request);
        }
        let index = picker
            .weights
            .pick(hash(picker.key, u64::from(endpoint), number));
        picker.requests.get(index).map(|(request, _)| *request)
    }

    /// When measure begins, in nanoseconds since the load began.
    pub fn warm_up_ns(&self) -> u64 {
        self.warm_up_ns
    }

    /// When the load ends, in nanoseconds since it began.
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Expected arrivals of a request in the measure phase; 0 for what has no schedule.
    pub fn expected_in_measure(&self, request: u16) -> f64 {
        self.expected_until(request, self.end_ns) - self.expected_until(request, self.warm_up_ns)
    }

    /// Expected arrivals of a request from warm-up to the end of measure; 0 for what has no schedule.
    pub fn expected_total(&self, request: u16) -> f64 {
        self.expected_until(request, self.end_ns)
    }

    /// Expected arrivals of all requests until `at_ns` after the load began: the integral of the rate,
    /// in which the gaps of Poisson arrivals are exponential with mean 1.
    pub fn expected_by(&self, at_ns: u64) -> f64 {
        self.streams
            .iter()
            .map(|stream| stream.expected(self.endpoints, at_ns))
            .sum()
    }

    /// Whether a stream decides when this request is due.
    pub fn is_scheduled(&self, wanted: u16) -> bool {
        self.streams.iter().any(|stream| match stream {
            Stream::Paced {
                what: What::Picked, ..
            } => self.share(wanted) > 0.0,
            Stream::Paced {
                what: What::Always(request),
                ..
            }
            | Stream::Every { request, .. } => *request == wanted,
        })
    }

    fn expected_until(&self, wanted: u16, until_ns: u64) -> f64 {
        let of_stream = |stream: &Stream| {
            let share = match stream {
                Stream::Paced {
                    what: What::Picked, ..
                } => self.share(wanted),
                Stream::Paced {
                    what: What::Always(request),
                    ..
                }
                | Stream::Every { request, .. } => f64::from(*request == wanted),
            };
            // What has no share must not become a zero times infinity.
            if share > 0.0 {
                stream.expected(self.endpoints, until_ns) * share
            } else {
                0.0
            }
        };
        self.streams.iter().map(of_stream).sum()
    }

    fn share(&self, wanted: u16) -> f64 {
        let requests = self.picker.iter().flat_map(|picker| &picker.requests);
        requests
            .filter(|(request, _)| *request == wanted)
            .map(|(_, share)| share)
            .sum()
    }

    /// The arrival's place in the fleet's expected count.
    fn position(&self, key: u64, arrivals: Arrivals, endpoint: u32, cursor: &mut Cursor) -> f64 {
        let endpoints = u64::from(self.endpoints);
        match arrivals {
            Arrivals::Constant => cursor
                .number()
                .saturating_mul(endpoints)
                .saturating_add(u64::from(endpoint)) as f64,
            Arrivals::Poisson => {
                // A unit-rate process per endpoint, stretched: together they are one of the fleet's rate.
                cursor.position += exponential(hash(key, u64::from(endpoint), cursor.number()));
                cursor.position * endpoints as f64
            }
        }
    }
}

impl Stream {
    /// Expected arrivals of so many endpoints until an instant.
    fn expected(&self, endpoints: u32, until_ns: u64) -> f64 {
        match self {
            Self::Paced { curve, .. } => curve.expected(until_ns as f64 / 1e9),
            Self::Every { period_ns, .. } => {
                f64::from(endpoints) * until_ns as f64 / *period_ns as f64
            }
        }
    }

    /// The stream of all weighted requests.
    fn shared(rate: f64, load: &Load) -> Result<Self, PlanError> {
        check_rate(rate, "load.arrival_rate")?;
        for stage in &load.stages {
            check_rate(stage.to.0, "load.stages")?;
        }
        let ramp = |stage: &Stage| (stage.duration.as_secs_f64(), stage.to.0);
        let curve = if load.stages.is_empty() {
            flat(rate, load)
        } else {
            let ramps = load.stages.iter().map(ramp);
            Curve::new(rate, load.warm_up.as_secs_f64(), ramps)
        };
        Ok(Self::Paced {
            key: hash::key(load.seed, Purpose::Gap, 0),
            curve,
            arrivals: load.arrivals,
            what: What::Picked,
        })
    }

    /// The stream of one request with an own rate or period.
    fn own(request: &Request, index: usize, load: &Load) -> Result<Option<Self>, PlanError> {
        let error = |key: &str, reason| {
            let place = format!("request {}, {key}", request.name);
            Err(PlanError::value(place, reason))
        };
        let key = |purpose| hash::key(load.seed, purpose, index as u64 + 1);
        Ok(match request.pace {
            Pace::Weight(_) => None,
            Pace::Rate(rate) => {
                check_rate(rate.0, &format!("request {}, rate", request.name))?;
                Some(Self::Paced {
                    key: key(Purpose::Gap),
                    curve: flat(rate.0, load),
                    arrivals: load.arrivals,
                    what: What::Always(index as u16),
                })
            }
            Pace::Every { period, jitter } => {
                let (period_ns, jitter_ns) = (nanoseconds(period), nanoseconds(jitter));
                if period_ns == 0 {
                    return error("every", "the period must not be zero");
                }
                if jitter_ns > period_ns / 2 {
                    return error("jitter", "at most half of the period");
                }
                Some(Self::Every {
                    phase_key: key(Purpose::Phase),
                    jitter_key: key(Purpose::Jitter),
                    period_ns,
                    jitter_ns,
                    request: index as u16,
                })
            }
        })
    }
}

impl Picker {
    fn compile(profile: &Profile) -> Result<Option<Self>, PlanError> {
        let mut requests = Vec::new();
        for (index, request) in profile.requests.iter().enumerate() {
            if let Pace::Weight(weight) = request.pace {
                requests.push((index as u16, weight));
            }
        }
        if requests.is_empty() {
            return Ok(None);
        }
        let weights =
            Weights::new(requests.iter().map(|(_, weight)| *weight)).ok_or_else(|| {
                PlanError::value(
                    "request.*.weight",
                    "weights must not be negative, and one must be positive",
                )
            })?;
        let total: f64 = requests.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut requests {
            *weight /= total;
        }
        let key = hash::key(profile.load.seed, Purpose::Pick, 0);
        Ok(Some(Self {
            key,
            weights,
            requests,
        }))
    }
}

fn flat(rate: f64, load: &Load) -> Curve {
    let measure = std::iter::once((load.measure.as_secs_f64(), rate));
    Curve::new(rate, load.warm_up.as_secs_f64(), measure)
}

fn check_rate(rate: f64, place: &str) -> Result<(), PlanError> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(());
    }
    Err(PlanError::value(
        place,
        "a rate must be finite and not negative",
    ))
}
