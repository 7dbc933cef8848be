//! Conditions that a run must keep: `"telemetry.response_time.p99" = "< 50ms"` as a value that judges figures.
//!
//! A threshold without data fails, and so does an upper bound on a percentile that is only known to
//! be at least something. Not here: whether the run may be believed at all (see `verdict`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::delivery_figures::DeliveryFigures;
use super::figures::Figures;
use super::metric::{Metric, Subject, error, limit, subject};
use super::quantity;
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

/// One condition, checked against the requests of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    expression: String,
    subject: Subject,
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
                .any(|other| (other.subject, other.metric) == (threshold.subject, threshold.metric))
            {
                return Err(error(key, "is there twice"));
            }
            all.push(threshold);
        }
        Ok(all)
    }

    fn parse(key: &str, condition: &str, shape: &Shape) -> Result<Self, ThresholdError> {
        let (subject, metric) = subject(key.trim(), shape)?;
        let (operator, quantity) = quantity::condition(condition)
            .map_err(|problem| error(key, &format!("= \"{condition}\" {problem}")))?;
        let limit = limit(metric, quantity)
            .map_err(|wanted| error(key, &format!("= \"{condition}\" wants {wanted}")))?;
        let expression = format!("{} {}", key.trim(), condition.trim());
        Ok(Self {
            expression,
            subject,
            metric,
            operator,
            limit,
        })
    }

    /// Whose figures it judges: index of a request, `None` for the total.
    pub fn request(&self) -> Option<u16> {
        match self.subject {
            Subject::Request(request) => Some(request),
            Subject::Total | Subject::Inbound(_) => None,
        }
    }

    /// The inbound message whose deliveries it judges, by its index; `None`: it judges requests.
    pub fn inbound(&self) -> Option<u16> {
        match self.subject {
            Subject::Inbound(inbound) => Some(inbound),
            Subject::Total | Subject::Request(_) => None,
        }
    }

    /// The upper bound that it sets on a response time, ms.
    pub fn response_time_below_ms(&self) -> Option<f64> {
        let upper = matches!(self.operator, Operator::Less | Operator::LessOrEqual);
        (upper && self.metric.is_response_time()).then_some(self.limit / 1000.0)
    }

    /// Judges the figures of its request (or the total) over a measure phase of this length.
    pub fn judge(&self, figures: &Figures, measure_s: f64) -> Judged {
        let value = self.metric.value(figures, measure_s);
        self.judged(value, self.metric.is_at_least(figures))
    }

    /// Judges deliveries; `None`: there is no account of them.
    pub fn judge_delivery(&self, figures: Option<&DeliveryFigures>) -> Judged {
        let value = figures.and_then(|figures| self.metric.of_deliveries(figures));
        let at_least = figures.is_some_and(|of| self.metric.is_at_least_of_deliveries(of));
        self.judged(value, at_least)
    }

    fn judged(&self, value: Option<f64>, at_least: bool) -> Judged {
        let passed = value.is_some_and(|value| {
            if at_least {
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

#[cfg(test)]
mod tests {
    use super::super::distribution::{Distribution, Statistic};
    use super::super::figures::LedgerCounts;
    use super::super::shape::Replies;
    use super::*;

    fn shape() -> Shape {
        let request = |name: &str, has_reply, reactive| RequestShape {
            name: name.to_owned(),
            reactive,
            has_reply,
            replies: Replies::One,
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
            deliveries: vec![],
            warm_up_ns: 0,
            measure_ns: 1,
            stages: vec![],
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
    fn the_first_reply_is_judged_as_any_other_time() {
        let first_reply_time_us = Distribution {
            p99: Some(3_000.0),
            ..Distribution::default()
        };
        let figures = Figures {
            first_reply_time_us,
            ..figures()
        };
        let passed = |condition| {
            let threshold = parse("telemetry.first_reply_time.p99", condition).unwrap();
            threshold.judge(&figures, 10.0).passed
        };
        assert!(passed("< 4ms") && !passed("< 3ms"));
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
