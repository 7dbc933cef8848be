//! What a threshold compares: the metric that its key names, and that metric's value.
//!
//! `[request.]metric[.statistic]`, or `inbound.metric[.statistic]` of deliveries. Private to `threshold`. Not here: comparing.

use super::delivery_figures::DeliveryFigures;
use super::distribution::{Distribution, Statistic};
use super::figures::Figures;
use super::quantity::Quantity;
use super::shape::Shape;
use super::threshold::ThresholdError;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Time(Timing, Statistic),
    ErrorRate,
    FailureRate,
    Throughput,
    Count(Count),
    DeliveryTime(Statistic),
    Deliveries(Delivered),
}

/// Whose figures are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Total,
    Request(u16),
    /// Its deliveries.
    Inbound(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    Expected,
    Heard,
    Lost,
    Duplicate,
    Reordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    Response,
    Service,
    Lag,
    Acknowledge,
    FirstReply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Planned,
    Dropped,
    Sent,
    Ok,
    Error,
    Timeout,
    Failed,
    Late,
    Duplicate,
    Orphan,
}

impl Metric {
    pub(super) fn is_response_time(self) -> bool {
        matches!(self, Self::Time(Timing::Response, _))
    }
}

const TIMINGS: [(&str, Timing); 5] = [
    ("response_time", Timing::Response),
    ("service_time", Timing::Service),
    ("schedule_lag", Timing::Lag),
    ("acknowledge_time", Timing::Acknowledge),
    ("first_reply_time", Timing::FirstReply),
];

const SIMPLE: [(&str, Metric); 13] = [
    ("error_rate", Metric::ErrorRate),
    ("failure_rate", Metric::FailureRate),
    ("throughput", Metric::Throughput),
    ("planned", Metric::Count(Count::Planned)),
    ("dropped", Metric::Count(Count::Dropped)),
    ("sent", Metric::Count(Count::Sent)),
    ("ok", Metric::Count(Count::Ok)),
    ("error", Metric::Count(Count::Error)),
    ("timeout", Metric::Count(Count::Timeout)),
    ("failed", Metric::Count(Count::Failed)),
    ("late", Metric::Count(Count::Late)),
    ("duplicate", Metric::Count(Count::Duplicate)),
    ("orphan", Metric::Count(Count::Orphan)),
];

const DELIVERIES: [(&str, Delivered); 5] = [
    ("expected", Delivered::Expected),
    ("delivered", Delivered::Heard),
    ("lost", Delivered::Lost),
    ("duplicate", Delivered::Duplicate),
    ("reordered", Delivered::Reordered),
];
const DELIVERY_TIME: &str = "delivery_time";

/// Request and metric of a key. Request names have no dot and no underscore, metrics may have the
/// latter, so the parts tell themselves apart.
pub(super) fn subject(key: &str, shape: &Shape) -> Result<(Subject, Metric), ThresholdError> {
    let parts: Vec<&str> = key.split('.').collect();
    if let [name, metric, ..] = parts[..]
        && let Some(place) = delivered(name, shape)
    {
        let metric = delivery(key, metric, &parts[2..])?;
        return Ok((Subject::Inbound(place), metric));
    }
    let timed = |name: &str| {
        TIMINGS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, timing)| *timing)
    };
    match parts[..] {
        [name] => Ok((Subject::Total, simple(key, name)?)),
        [name, statistic] if timed(name).is_some() => {
            Ok((Subject::Total, time(key, name, statistic)?))
        }
        [request, name] => Ok((find(key, request, shape)?, simple(key, name)?)),
        [request, name, statistic] => Ok((find(key, request, shape)?, time(key, name, statistic)?)),
        _ => Err(error(
            key,
            "has too many parts: it is [request.]metric[.statistic]",
        )),
    }
}

fn simple(key: &str, name: &str) -> Result<Metric, ThresholdError> {
    if let Some((_, metric)) = SIMPLE.iter().find(|(known, _)| *known == name) {
        return Ok(*metric);
    }
    if TIMINGS.iter().any(|(known, _)| *known == name) {
        return Err(ThresholdError {
            suggestion: Some(format!("{key}.p99")),
            ..error(key, "names no statistic")
        });
    }
    let known = SIMPLE
        .iter()
        .map(|(known, _)| *known)
        .chain(TIMINGS.iter().map(|(known, _)| *known));
    Err(unknown(key, "metric", name, known))
}

fn time(key: &str, name: &str, statistic: &str) -> Result<Metric, ThresholdError> {
    let Some((_, timing)) = TIMINGS.iter().find(|(known, _)| *known == name) else {
        return match simple(key, name) {
            Ok(_) => Err(error(
                key,
                &format!("names a statistic, but {name} has none"),
            )),
            Err(_) => Err(unknown(
                key,
                "metric",
                name,
                TIMINGS.iter().map(|(known, _)| *known),
            )),
        };
    };
    Ok(Metric::Time(*timing, of_name(key, statistic)?))
}

fn of_name(key: &str, statistic: &str) -> Result<Statistic, ThresholdError> {
    let known = Statistic::ALL
        .iter()
        .find(|known| known.name() == statistic);
    known.copied().ok_or_else(|| {
        unknown(
            key,
            "statistic",
            statistic,
            Statistic::ALL.iter().map(|s| s.name()),
        )
    })
}

/// The place of an inbound message whose deliveries are accounted for; a request of the same name wins.
fn delivered(name: &str, shape: &Shape) -> Option<u16> {
    let place = shape.inbound.iter().position(|known| known == name)?;
    let is_request = shape.names().any(|known| known == name);
    let accounted = shape.deliveries.get(place).is_some_and(Option::is_some);
    (accounted && !is_request).then_some(place as u16)
}

fn delivery(key: &str, metric: &str, rest: &[&str]) -> Result<Metric, ThresholdError> {
    let counted = DELIVERIES.iter().find(|(known, _)| *known == metric);
    match (counted, rest) {
        (Some((_, count)), []) => Ok(Metric::Deliveries(*count)),
        (Some(_), _) => Err(error(
            key,
            &format!("names a statistic, but {metric} has none"),
        )),
        (None, [statistic]) if metric == DELIVERY_TIME => {
            Ok(Metric::DeliveryTime(of_name(key, statistic)?))
        }
        (None, _) => {
            let counts = DELIVERIES.iter().map(|(known, _)| *known);
            let known = counts.chain(["delivery_time.p99"]);
            Err(unknown(key, "metric of deliveries", metric, known))
        }
    }
}

fn find(key: &str, request: &str, shape: &Shape) -> Result<Subject, ThresholdError> {
    let place = shape.names().position(|name| name == request);
    place
        .map(|place| Subject::Request(place as u16))
        .ok_or_else(|| unknown(key, "request", request, shape.names()))
}

pub(super) fn error(key: &str, problem: &str) -> ThresholdError {
    ThresholdError {
        key: key.to_owned(),
        problem: problem.to_owned(),
        suggestion: None,
    }
}

fn unknown<'a>(
    key: &str,
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> ThresholdError {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = scored
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let suggestion = nearest.map(|(_, nearest)| key.replacen(name, nearest, 1));
    ThresholdError {
        suggestion,
        ..error(key, &format!("names no {kind} of this run: \"{name}\""))
    }
}

impl Metric {
    pub(super) fn value(self, figures: &Figures, measure_s: f64) -> Option<f64> {
        let ledger = &figures.ledger;
        let count = |count| Some(count as f64);
        match self {
            Self::Time(timing, statistic) => timing.of(figures).value(statistic),
            Self::ErrorRate => figures.error_rate,
            Self::FailureRate => figures.failure_rate,
            Self::Throughput => (measure_s > 0.0).then(|| ledger.ok as f64 / measure_s),
            Self::Count(Count::Planned) => count(ledger.planned),
            Self::Count(Count::Dropped) => count(ledger.dropped),
            Self::Count(Count::Sent) => count(ledger.sent),
            Self::Count(Count::Ok) => count(ledger.ok),
            Self::Count(Count::Error) => count(ledger.error),
            Self::Count(Count::Timeout) => count(ledger.timeout),
            Self::Count(Count::Failed) => count(ledger.failed),
            Self::Count(Count::Late) => count(ledger.late),
            Self::Count(Count::Duplicate) => count(ledger.duplicate),
            Self::Count(Count::Orphan) => count(ledger.orphan),
            Self::DeliveryTime(_) | Self::Deliveries(_) => None,
        }
    }

    /// The same of deliveries.
    pub(super) fn of_deliveries(self, figures: &DeliveryFigures) -> Option<f64> {
        let count = |count| Some(count as f64);
        match self {
            Self::DeliveryTime(statistic) => figures.delivery_time_us.value(statistic),
            Self::Deliveries(Delivered::Expected) => count(figures.expected),
            Self::Deliveries(Delivered::Heard) => count(figures.delivered),
            Self::Deliveries(Delivered::Lost) => count(figures.lost),
            Self::Deliveries(Delivered::Duplicate) => count(figures.duplicate),
            Self::Deliveries(Delivered::Reordered) => count(figures.reordered),
            _ => None,
        }
    }

    pub(super) fn is_at_least_of_deliveries(self, figures: &DeliveryFigures) -> bool {
        match self {
            Self::DeliveryTime(statistic) => figures.delivery_time_us.is_at_least(statistic),
            _ => false,
        }
    }

    pub(super) fn is_at_least(self, figures: &Figures) -> bool {
        match self {
            Self::Time(timing, statistic) => timing.of(figures).is_at_least(statistic),
            _ => false,
        }
    }
}

impl Timing {
    fn of(self, figures: &Figures) -> &Distribution {
        match self {
            Self::Response => &figures.response_time_us,
            Self::Service => &figures.service_time_us,
            Self::Lag => &figures.schedule_lag_us,
            Self::Acknowledge => &figures.acknowledge_time_us,
            Self::FirstReply => &figures.first_reply_time_us,
        }
    }
}

/// The limit in the unit of the metric, or what kind of value it wants.
pub(super) fn limit(metric: Metric, quantity: Quantity) -> Result<f64, &'static str> {
    match (metric, quantity) {
        (Metric::Time(..) | Metric::DeliveryTime(_), Quantity::Time(micros)) => Ok(micros),
        (Metric::Time(..) | Metric::DeliveryTime(_), _) => Err("a time, such as 50ms"),
        (
            Metric::ErrorRate | Metric::FailureRate,
            Quantity::Share(share) | Quantity::Plain(share),
        ) => Ok(share),
        (Metric::ErrorRate | Metric::FailureRate, _) => Err("a share, such as 0.1%"),
        (Metric::Throughput, Quantity::PerSecond(rate) | Quantity::Plain(rate)) => Ok(rate),
        (Metric::Throughput, _) => Err("a rate, such as 500/s"),
        (Metric::Count(_) | Metric::Deliveries(_), Quantity::Plain(count)) => Ok(count),
        (Metric::Count(_) | Metric::Deliveries(_), _) => Err("a bare number"),
    }
}
