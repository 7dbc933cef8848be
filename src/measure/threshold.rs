//! Conditions that a run must keep: `"dcx.response_time.p99" = "< 50ms"` as a value that judges figures.
//!
//! A threshold without data fails, and so does an upper bound on a percentile that is only known to
//! be at least something. Not here: whether the run may be believed at all (see `verdict`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Statistic};
use super::figures::Figures;
use super::quantity::{self, Quantity};
use super::shape::{RequestShape, Shape};

/// How a value is compared with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `=`
    Equal,
}

impl Operator {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
            // Limits are written by people: 0.1 % read from text must equal 1 / 1000.
            Self::Equal => (value - limit).abs() <= f64::EPSILON * value.abs().max(limit.abs()),
        }
    }

    /// Whether a value that is only known to be at least `value` can be said to keep the limit.
    fn holds_at_least(self, value: f64, limit: f64) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual) && self.holds(value, limit)
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Time(Timing, Statistic),
    ErrorRate,
    FailureRate,
    Throughput,
    Count(Count),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timing {
    Response,
    Service,
    Lag,
    Acknowledge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
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

const TIMINGS: [(&str, Timing); 4] = [
    ("response_time", Timing::Response),
    ("service_time", Timing::Service),
    ("schedule_lag", Timing::Lag),
    ("acknowledge_time", Timing::Acknowledge),
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

/// One condition, checked against the requests of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    expression: String,
    request: Option<u16>,
    metric: Metric,
    operator: Operator,
    limit: f64,
}

/// What became of a threshold; serialised as the result files have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// `response_time.p99 < 50ms`
    pub expression: String,
    /// In the unit of the result files: us, a share of 1, per second, or a count. Null without data.
    pub value: Option<f64>,
    /// Whether the run kept it.
    pub passed: bool,
    /// Always on, not from the profile.
    pub builtin: bool,
}

/// A threshold that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("threshold \"{key}\" {problem}{}", help(.suggestion.as_ref()))]
pub struct ThresholdError {
    /// The left side as written.
    pub key: String,
    /// What is wrong, in words that follow the key.
    pub problem: String,
    /// The nearest that would be right.
    pub suggestion: Option<String>,
}

fn help(suggestion: Option<&String>) -> impl fmt::Display {
    suggestion
        .map(|nearest| format!("; did you mean \"{nearest}\"?"))
        .unwrap_or_default()
}

impl Threshold {
    /// Reads all thresholds of a profile: `[request.]metric[.statistic]` and condition.
    ///
    /// # Errors
    /// The first that names an unknown request, metric or statistic, compares with the wrong unit,
    /// or judges what another one judges already.
    pub fn parse_all(
        texts: &[(String, String)],
        shape: &Shape,
    ) -> Result<Vec<Self>, ThresholdError> {
        let mut all: Vec<Self> = Vec::with_capacity(texts.len());
        for (key, condition) in texts {
            let threshold = Self::parse(key, condition, shape)?;
            if all
                .iter()
                .any(|other| (other.request, other.metric) == (threshold.request, threshold.metric))
            {
                return Err(error(key, "is there twice"));
            }
            all.push(threshold);
        }
        Ok(all)
    }

    fn parse(key: &str, condition: &str, shape: &Shape) -> Result<Self, ThresholdError> {
        let (request, metric) = subject(key.trim(), shape)?;
        let (operator, quantity) = quantity::condition(condition)
            .map_err(|problem| error(key, &format!("= \"{condition}\" {problem}")))?;
        let limit = limit(metric, quantity)
            .map_err(|wanted| error(key, &format!("= \"{condition}\" wants {wanted}")))?;
        let expression = format!("{} {}", key.trim(), condition.trim());
        Ok(Self {
            expression,
            request,
            metric,
            operator,
            limit,
        })
    }

    /// Whose figures it judges: index of a request, `None` for the total.
    pub fn request(&self) -> Option<u16> {
        self.request
    }

    /// Judges the figures of its request (or the total) over a measure phase of this length.
    pub fn judge(&self, figures: &Figures, measure_s: f64) -> Judged {
        let value = self.metric.value(figures, measure_s);
        let passed = value.is_some_and(|value| {
            if self.metric.is_at_least(figures) {
                self.operator.holds_at_least(value, self.limit)
            } else {
                self.operator.holds(value, self.limit)
            }
        });
        Judged {
            expression: self.expression.clone(),
            value,
            passed,
            builtin: false,
        }
    }
}

/// The thresholds that are always on: every connection came up, and every scheduled request with a
/// reply pattern got an ok: in the measure phase, or, if none was due there, in the run.
pub fn builtin(
    shape: &Shape,
    connected: u64,
    planned: u64,
    oks: impl Fn(usize) -> u64,
) -> Vec<Judged> {
    let judged = |expression, value: u64, passed| Judged {
        expression,
        value: Some(value as f64),
        passed,
        builtin: true,
    };
    let mut all = vec![judged(
        format!("connections.connected >= {planned}"),
        connected,
        connected >= planned,
    )];
    let answered = |request: &RequestShape| request.has_reply && !request.reactive;
    for (index, request) in shape
        .requests
        .iter()
        .enumerate()
        .filter(|(_, request)| answered(request))
    {
        all.push(judged(
            format!("{}.ok >= 1", request.name),
            oks(index),
            oks(index) >= 1,
        ));
    }
    all
}

impl Metric {
    fn value(self, figures: &Figures, measure_s: f64) -> Option<f64> {
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
        }
    }

    fn is_at_least(self, figures: &Figures) -> bool {
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
        }
    }
}

/// The limit in the unit of the metric, or what kind of value it wants.
fn limit(metric: Metric, quantity: Quantity) -> Result<f64, &'static str> {
    match (metric, quantity) {
        (Metric::Time(..), Quantity::Time(micros)) => Ok(micros),
        (Metric::Time(..), _) => Err("a time, such as 50ms"),
        (
            Metric::ErrorRate | Metric::FailureRate,
            Quantity::Share(share) | Quantity::Plain(share),
        ) => Ok(share),
        (Metric::ErrorRate | Metric::FailureRate, _) => Err("a share, such as 0.1%"),
        (Metric::Throughput, Quantity::PerSecond(rate) | Quantity::Plain(rate)) => Ok(rate),
        (Metric::Throughput, _) => Err("a rate, such as 500/s"),
        (Metric::Count(_), Quantity::Plain(count)) => Ok(count),
        (Metric::Count(_), _) => Err("a bare number"),
    }
}

/// Request and metric of a key. Request names have no dot and no underscore, metrics may have the
/// latter, so the parts tell themselves apart.
fn subject(key: &str, shape: &Shape) -> Result<(Option<u16>, Metric), ThresholdError> {
    let parts: Vec<&str> = key.split('.').collect();
    let timed = |name: &str| {
        TIMINGS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, timing)| *timing)
    };
    match parts[..] {
        [name] => Ok((None, simple(key, name)?)),
        [name, statistic] if timed(name).is_some() => Ok((None, time(key, name, statistic)?)),
        [request, name] => Ok((Some(find(key, request, shape)?), simple(key, name)?)),
        [request, name, statistic] => Ok((
            Some(find(key, request, shape)?),
            time(key, name, statistic)?,
        )),
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
    let known = Statistic::ALL
        .iter()
        .find(|known| known.name() == statistic);
    let statistic = known.ok_or_else(|| {
        unknown(
            key,
            "statistic",
            statistic,
            Statistic::ALL.iter().map(|s| s.name()),
        )
    })?;
    Ok(Metric::Time(*timing, *statistic))
}

fn find(key: &str, request: &str, shape: &Shape) -> Result<u16, ThresholdError> {
    let place = shape.names().position(|name| name == request);
    place
        .map(|place| place as u16)
        .ok_or_else(|| unknown(key, "request", request, shape.names()))
}

fn error(key: &str, problem: &str) -> ThresholdError {
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

#[cfg(test)]
mod tests {
    use super::super::figures::LedgerCounts;
    use super::*;

    fn shape() -> Shape {
        let request = |name: &str, has_reply, reactive| RequestShape {
            name: name.to_owned(),
            reactive,
            has_reply,
            silence_is_ok: false,
            qos: 0,
            deadline_ns: 5_000_000_000,
        };
        let requests = vec![
            request("telemetry", true, false),
            request("ok", false, false),
            request("answer", true, true),
        ];
        Shape {
            requests,
            inbound: vec![],
            warm_up_ns: 0,
            measure_ns: 1,
        }
    }

    fn parse(key: &str, condition: &str) -> Result<Threshold, ThresholdError> {
        let mut all = Threshold::parse_all(&[(key.to_owned(), condition.to_owned())], &shape())?;
        Ok(all.remove(0))
    }

    fn figures() -> Figures {
        let ledger = LedgerCounts {
            planned: 1000,
            ok: 999,
            error: 1,
            ..LedgerCounts::default()
        };
        let response_time_us = Distribution {
            p95: Some(40_000.0),
            p99: Some(90_000.0),
            at_least: vec![Statistic::P99],
            too_few: vec![Statistic::P999],
            ..Distribution::default()
        };
        Figures {
            ledger,
            error_rate: Some(0.001),
            response_time_us,
            ..Figures::default()
        }
    }

    fn passes(key: &str, condition: &str) -> bool {
        parse(key, condition)
            .unwrap()
            .judge(&figures(), 10.0)
            .passed
    }

    #[test]
    fn metrics_are_judged_in_their_units() {
        assert!(passes("response_time.p95", "< 41ms") && !passes("response_time.p95", "< 40ms"));
        assert!(passes("telemetry.error_rate", "= 0.1%") && passes("error_rate", "<= 0.001"));
        assert!(passes("throughput", "> 99/s") && !passes("throughput", ">= 100/s"));
        assert!(
            passes("dropped", "= 0") && passes("ok.planned", "> 999") && passes("ok", "< 1_000")
        );
        let judged = parse("response_time.p95", " < 41ms ")
            .unwrap()
            .judge(&figures(), 10.0);
        assert_eq!(
            (judged.expression.as_str(), judged.value),
            ("response_time.p95 < 41ms", Some(40_000.0))
        );
    }

    #[test]
    fn a_lower_bound_keeps_no_upper_limit() {
        assert!(!passes("response_time.p99", "< 10s") && !passes("response_time.p99", "= 90ms"));
        assert!(passes("response_time.p99", "> 50ms"));
    }

    #[test]
    fn no_data_fails() {
        assert!(!passes("response_time.p999", "< 10s") && !passes("service_time.mean", "> 0s"));
        assert!(!passes("failure_rate", "< 100%"));
    }

    #[test]
    fn the_key_tells_request_metric_and_statistic_apart() {
        assert_eq!(parse("response_time.max", "< 1s").unwrap().request(), None);
        assert_eq!(
            parse("telemetry.response_time.max", "< 1s")
                .unwrap()
                .request(),
            Some(0)
        );
        assert_eq!(parse("ok.ok", "> 1").unwrap().request(), Some(1));
        assert_eq!(parse("ok", "> 1").unwrap().request(), None);
    }

    #[test]
    fn mistakes_are_explained_with_the_nearest_right_word() {
        let text = |key, condition| parse(key, condition).unwrap_err().to_string();
        assert!(text("telemetri.ok", "> 1").ends_with("did you mean \"telemetry.ok\"?"));
        assert!(text("respons_time.p99", "< 1s").contains("no request"));
        assert!(
            text("telemetry.respons_time.p99", "< 1s").contains("\"telemetry.response_time.p99\"")
        );
        assert!(text("response_time", "< 1s").contains("\"response_time.p99\""));
        assert!(text("response_time.p98", "< 1s").contains("no statistic"));
        assert!(text("telemetry.ok.p99", "< 1").contains("ok has none"));
        assert!(text("response_time.p99", "< 50").contains("such as 50ms"));
        assert!(text("error_rate", "< 5ms").contains("such as 0.1%"));
        assert!(text("ok", "> 1%").contains("bare number"));
        assert!(text("a.b.c.d", "> 1").contains("too many parts"));
        assert!(text("", "> 1").contains("no metric"));
    }

    #[test]
    fn judging_the_same_twice_is_an_error() {
        let two = [("ok", "> 1"), ("ok ", "> 2")]
            .map(|(key, condition)| (key.to_owned(), condition.to_owned()));
        assert!(
            Threshold::parse_all(&two, &shape())
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }

    #[test]
    fn the_builtin_ones_want_every_connection_and_an_ok_of_every_scheduled_request() {
        let all = builtin(&shape(), 9, 10, |_| 1);
        let found: Vec<_> = all
            .iter()
            .map(|judged| (judged.expression.as_str(), judged.passed))
            .collect();
        assert_eq!(
            found,
            [
                ("connections.connected >= 10", false),
                ("telemetry.ok >= 1", true)
            ]
        );
        assert!(!builtin(&shape(), 10, 10, |_| 0)[1].passed);
    }
}
