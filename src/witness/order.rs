//! What the witness is asked to do: which requests, how often. Refuses what it cannot do.
//!
//! Not here: doing it.

use std::net::SocketAddr;

use super::{CONNECTIONS, Slots};
use crate::plan::{Plan, ReplyUse, Request, RequestIdKind};
use crate::profile::{Model, Profile, Protocol, Sender};
use crate::random::unit;
use crate::units::Rate;

/// Share of the fleet's arrival rate that is probed, unless asked otherwise.
const SHARE: f64 = 0.01;
/// Probes per second, whatever the share is.
const RATE_MIN: f64 = 5.0;
const RATE_MAX: f64 = 200.0;

/// What to probe, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Probes per second.
    pub(super) rate: f64,
    /// Rows of the plan, with the sum of the shares up to here; the last one is 1.
    shares: Vec<(u16, f64)>,
    /// Rows that cannot be probed, and why.
    pub(super) not_probed: Vec<(u16, &'static str)>,
}

impl Order {
    /// What can be done for this plan. `rate` as text, such as `"20/s"`.
    ///
    /// # Errors
    /// The rate is none or out of bounds, the client cannot reach such a target, or no request can be
    /// probed; the text says which.
    pub fn new(plan: &Plan, profile: &Profile, rate: Option<&str>) -> Result<Self, String> {
        reachable(profile)?;
        let open = matches!(profile.load.model, Model::Open(_) | Model::OpenOwnRates);
        let (mut weights, mut not_probed) = (Vec::new(), Vec::new());
        let planned = (0..plan.requests.len() as u16)
            .filter(|row| plan.requests[usize::from(*row)].reactive.is_none());
        for row in planned {
            let weight = if open {
                plan.schedule.expected_in_measure(row)
            } else {
                picked(plan, row)
            };
            match why_not(&plan.requests[usize::from(row)]) {
                None if weight > 0.0 => weights.push((row, weight)),
                None => not_probed.push((row, "none is due in the measure phase")),
                Some(why) => not_probed.push((row, why)),
            }
        }
        let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
        if weights.is_empty() {
            return Err(nothing_to_probe(plan, &not_probed));
        }
        let mut sum = 0.0;
        let shares = weights.iter().map(|(row, weight)| {
            sum += weight / all;
            (*row, sum)
        });
        let shares = shares.collect();
        let seconds = profile.load.measure.as_secs_f64().max(1e-9);
        let arrivals = if open { all / seconds } else { 0.0 };
        let rate = match rate {
            Some(text) => wanted(text)?,
            None => (SHARE * arrivals).clamp(RATE_MIN, RATE_MAX),
        };
        let cap = profile.limits.messages_per_s.0;
        if rate > cap / 2.0 {
            return Err(format!(
                "limits.messages_per_s = {cap}/s leaves no room for {rate}/s of the witness; lower \
                 --witness-rate or raise the cap"
            ));
        }
        Ok(Self {
            rate,
            shares,
            not_probed,
        })
    }

    /// Probes per second; the fleet's cap on messages is lowered by as much.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether the client can connect to these addresses.
    ///
    /// # Errors
    /// It cannot; the text says why.
    pub fn reach(&self, targets: &[SocketAddr]) -> Result<(), String> {
        match targets.iter().find(|target| target.is_ipv6()) {
            Some(target) => Err(format!(
                "the witness's client cannot connect to IPv6 addresses such as {target}"
            )),
            None => Ok(()),
        }
    }

    /// Rows that are probed.
    pub(super) fn requests(&self) -> Vec<u16> {
        self.shares.iter().map(|(row, _)| *row).collect()
    }

    /// The instants of one connection.
    pub(super) fn slots(&self, connection: u32, seed: u64) -> Slots {
        debug_assert!(
            connection < CONNECTIONS,
            "each connection has its own slots"
        );
        Slots {
            connection,
            period_ns: 1e9 / self.rate,
            key: seed,
        }
    }

    /// One of the requests, in their shares.
    pub(super) fn pick(&self, bits: u64) -> u16 {
        let at = unit(bits);
        let found = self.shares.iter().find(|(_, until)| at < *until);
        // The sum of shares may round to just below 1.
        found.or(self.shares.last()).map_or(0, |(row, _)| *row)
    }
}

fn reachable(profile: &Profile) -> Result<(), String> {
    if profile.target.protocol != Protocol::V311 {
        return Err("the witness's client speaks MQTT 3.1.1 only".into());
    }
    let plain = |url: &String| url.starts_with("mqtt://");
    let mut urls = profile.target.urls.iter().map(ToString::to_string);
    match urls.find(|url| !plain(url)) {
        Some(url) => Err(format!(
            "the witness's client speaks plain TCP only (mqtt://), not {url}"
        )),
        None => Ok(()),
    }
}

/// How often the closed model picks a request, of a few thousand times.
fn picked(plan: &Plan, row: u16) -> f64 {
    const TIMES: u64 = 4_096;
    let picks = (0..TIMES).filter(|number| plan.pick(0, *number) == Some(row));
    picks.count() as f64
}

/// Why a request cannot be probed.
fn why_not(request: &Request) -> Option<&'static str> {
    if request.from == Sender::Caller {
        return Some("callers send it");
    }
    match request.reply {
        ReplyUse::None => return Some("it has no reply"),
        ReplyUse::ErrorsOnly => return Some("only its errors are answered"),
        ReplyUse::Expected => {}
    }
    if request.id_kind == RequestIdKind::None {
        return Some("its reply names no request ID");
    }
    (request.qos > 0).then_some(
        "with QoS 1 and 2 the client does not read while it waits for the acknowledgement",
    )
}

fn nothing_to_probe(plan: &Plan, not_probed: &[(u16, &'static str)]) -> String {
    let reasons: Vec<String> = not_probed
        .iter()
        .map(|(row, why)| format!("\n  {}: {why}", plan.requests[usize::from(*row)].name))
        .collect();
    format!(
        "the witness can probe no request of this profile{}",
        reasons.concat()
    )
}

fn wanted(text: &str) -> Result<f64, String> {
    let Rate(rate) = text
        .parse()
        .map_err(|error| format!("--witness-rate: {error}"))?;
    if rate > 0.0 && rate <= RATE_MAX {
        Ok(rate)
    } else {
        Err(format!(
            "--witness-rate: {text} is not above 0 and at most {RATE_MAX}/s: a witness is no load"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Identities;
    use crate::profile;

    fn order(name: &str, sets: &[&str], rate: Option<&str>) -> Result<Order, String> {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        let loaded = profile::load(name, &sets, &|_| unreachable!("shipped")).unwrap();
        let plan = Plan::compile(&loaded.profile, Identities::none()).unwrap();
        Order::new(&plan, &loaded.profile, rate)
    }

    #[test]
    fn requests_are_probed_in_the_shares_that_the_fleet_sends_them_in() {
        let order = order("kaa-fleet", &[], None).unwrap();
        assert!((order.rate - 12.0).abs() < 1e-9, "1 % of 1,200/s");
        let first = (0..10_000)
            .filter(|n| order.pick(crate::random::hash(1, *n, 1)) == 0)
            .count();
        assert!(
            (7_800..8_200).contains(&first),
            "{first} of 10,000, 80 % asked"
        );
        assert_eq!(order.pick(u64::MAX), 2);
    }

    #[test]
    fn the_rate_stays_within_bounds() {
        let rate = |sets: &[&str], rate| order("kaa-fleet", sets, rate).map(|order| order.rate);
        assert_eq!(rate(&["load.arrival_rate=10/s"], None), Ok(5.0));
        assert_eq!(rate(&["load.arrival_rate=40_000/s"], None), Ok(200.0));
        assert_eq!(rate(&["load.model=closed"], None), Ok(5.0));
        assert_eq!(rate(&[], Some("90/min")), Ok(1.5));
        for wrong in ["0/s", "201/s", "many", "-1/s"] {
            let said = rate(&[], Some(wrong)).unwrap_err();
            assert!(said.starts_with("--witness-rate: "), "{said}");
        }
        let capped = rate(&["limits.messages_per_s=20/s"], None).unwrap_err();
        assert!(capped.contains("limits.messages_per_s"), "{capped}");
    }

    #[test]
    fn what_cannot_be_probed_is_named_with_the_reason() {
        let said = order("mqtt-publish", &[], None).unwrap_err();
        assert!(said.contains("publish: it has no reply"), "{said}");
        let said = order("kaa-fleet", &["request.*.qos=1"], None).unwrap_err();
        assert!(said.contains("dcx-json: with QoS 1"), "{said}");
        let some = order("kaa-fleet", &["request.metadata-get.qos=1"], None).unwrap();
        assert_eq!((some.requests(), some.not_probed[0].0), (vec![0, 1], 2));
    }

    #[test]
    fn addresses_that_the_client_cannot_take_are_refused() {
        let order = order("kaa-fleet", &[], None).unwrap();
        assert!(order.reach(&["127.0.0.1:1883".parse().unwrap()]).is_ok());
        assert!(order.reach(&["[::1]:1883".parse().unwrap()]).is_err());
    }
}
