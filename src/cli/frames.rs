//! What each message of a plan looks like, and what the simulated tenant would say to it.
//!
//! Shown is the first message of the first endpoint; judged are several of different endpoints and
//! instants, since values differ. Nothing is sent. Not here: the rules (the tenant has them).

use std::fmt::Write as _;

use crate::mqtt::{self, Packet, Property, Publish, Role, Version};
use crate::plan::{
    Captures, Message, Moment, Plan, ReplyMeaning, Request, RequestIdKind, Sheet, uuid_request_id,
};
use crate::profile::{Outcome, Profile, Protocol, Sender, Subscribe};
use crate::tenant::{Judge, Judgement, TenantOptions};

/// Messages of each request that are judged, unless they are too large.
const JUDGED: u32 = 20;

/// Bytes of all judged messages together; beyond it only the first message of each request.
const JUDGED_BYTES: usize = 64 << 20;

/// The instant of the first message: 2023-11-14T22:13:20Z.
const FIRST_UNIX_NS: u64 = 1_700_000_000_000_000_000;

/// From one judged message to the next: not a whole number of seconds, minutes or hours.
const STEP_NS: u64 = 100_003_123_456_789;

/// Item IDs to try in answers, as a message may have them; the first one that the rules accept is
/// shown.
const ITEM_IDS: [&[u8]; 2] = [b"1", b"\"1\""];

/// Everything that is shown, and what is to be warned of.
pub(super) struct Frames<'a> {
    profile: &'a Profile,
    plan: &'a Plan,
    version: Version,
    judge: Judge,
    /// Bytes that may still be judged.
    left: usize,
    pub out: String,
    pub warnings: Vec<String>,
}

impl<'a> Frames<'a> {
    /// Shows all requests, then all pushes with their answers.
    pub(super) fn show(profile: &'a Profile, plan: &'a Plan) -> Self {
        let mut options = TenantOptions::default();
        let mut warnings = Vec::new();
        for (flag, value) in &profile.tenant {
            if let Err(error) = options.set(flag, value) {
                warnings.push(format!("the simulated tenant would not start: {error}"));
            }
        }
        let mut this = Self {
            profile,
            plan,
            version: match profile.target.protocol {
                Protocol::V311 => Version::V311,
                Protocol::V5 => Version::V5,
            },
            judge: Judge::new(&options),
            left: JUDGED_BYTES,
            out: String::new(),
            warnings,
        };
        for (index, request) in plan.requests.iter().enumerate() {
            if request.reactive.is_none() {
                this.request(index as u16, request, &Captures::new());
            }
        }
        for index in 0..plan.inbound.len() {
            this.inbound(index);
        }
        this
    }

    fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.out, "  {label:<8} {text}");
    }

    /// One request or answer.
    fn request(&mut self, index: u16, request: &Request, captures: &Captures) {
        let kind = kind(request);
        let _ = writeln!(self.out, "\n{kind} {} (QoS {})", request.name, request.qos);
        let item = request
            .reactive
            .map(|_| self.with_item_id(request, captures));
        let captures = item.as_ref().unwrap_or(captures);
        let moment = moment(0);
        let message = self.message(request, 0, captures, &moment);
        let frame = self.frame(request, 0, captures);
        let Some(publish) = publish(&frame, self.version) else {
            self.line("topic", "(does not decode as a PUBLISH packet)");
            return;
        };
        self.line("topic", publish.topic);
        for property in publish.properties.iter() {
            self.line("property", &property_in_words(property));
        }
        self.line("payload", &readable(publish.payload));
        self.rules(request, captures);
        if let Some(delay) = request.reactive {
            self.line("after", &delay.to_string());
        }
        for reply in self.plan.reply_topics(index, &message) {
            let label = match reply.meaning {
                ReplyMeaning::Ok => "ok",
                ReplyMeaning::Error => "error",
                ReplyMeaning::Content => "reply",
            };
            self.line(label, &reply.topic);
        }
        let asked = self.profile.requests.iter();
        let mut asked = asked.filter(|asked| asked.name == request.name);
        let outcome = asked.find_map(|asked| asked.reply.as_ref()?.outcome.as_ref());
        if let Some(outcome) = outcome {
            self.line("outcome", &outcome_in_words(outcome));
        }
        if let Some(inbound) = request.carries() {
            let name = &self.plan.inbound[usize::from(inbound)].name;
            let carries = format!("{name}, carried out as if it had been pushed");
            self.line("carries", &carries);
        }
        if request.observe {
            self.line(
                "observe",
                "more may follow on the reply topic; no ID is used twice",
            );
        }
        self.line("done", &done(request));
    }

    /// What the simulated tenant says to several messages; a refusal is shown with its message.
    fn rules(&mut self, request: &Request, captures: &Captures) {
        let judged = judged(request.frame_longest, &mut self.left);
        let mut accepted = None;
        for number in 0..judged {
            let frame = self.frame(request, number, captures);
            let Some(publish) = publish(&frame, self.version) else {
                continue;
            };
            match self.judge.judge(publish.topic, publish.payload) {
                Judgement::Unknown => {}
                Judgement::Accepted { kind } => accepted = Some(kind),
                Judgement::Refused {
                    reason,
                    status,
                    words,
                    advice,
                } => {
                    let status = status.map_or(String::new(), |status| format!("{status} "));
                    self.line("rules", &format!("refused as {reason}: {status}{words}"));
                    let mut example = String::new();
                    if number > 0 {
                        let (topic, payload) = (publish.topic, readable(publish.payload));
                        example = format!(" (for example {topic} with {payload})");
                    }
                    self.warnings.push(format!(
                        "{} {}: the simulated tenant would refuse this: {status}{words}{example}; {advice}",
                        kind(request),
                        request.name
                    ));
                    return;
                }
            }
        }
        match accepted {
            Some(kind) => self.line("rules", &format!("accepted as {kind}")),
            None => self.line("rules", "none known for this topic"),
        }
    }

    /// What the tenant may push, and the answers to it.
    fn inbound(&mut self, index: usize) {
        let plan = self.plan;
        let pushed = &plan.inbound[index];
        let _ = writeln!(self.out, "\ninbound {}", pushed.name);
        let endpoint = plan.identities.kept().start;
        let Some(example) = plan.push_example(index, endpoint) else {
            return;
        };
        let mut filters = Vec::new();
        plan.filters(endpoint, &mut filters);
        self.line("topic", &example.topic);
        match &self.profile.fleet.subscribe {
            _ if pushed.at == Sender::Caller => self.line("filter", &example.filter),
            Subscribe::None => self.line(
                "filter",
                "none: the tenant has to deliver without a subscription (fleet.subscribe)",
            ),
            Subscribe::Auto => self.line("filter", &example.filter),
            Subscribe::Filters(_) => self.line("filter", &filters.join(" ")),
        }
        if let Some(of) = pushed.delivery {
            let request = &plan.requests[usize::from(of.request)].name;
            let said = format!("of each {request}, by publisher and number");
            self.line("account", &said);
        }
        let names = pushed.answers.iter();
        let names = names.map(|answer| plan.requests[usize::from(*answer)].name.as_str());
        let names: Vec<&str> = names.collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", then ")
        };
        self.line("answers", &names);
        for answer in &pushed.answers {
            let request = &plan.requests[usize::from(*answer)];
            self.request(*answer, request, &example.captures);
        }
    }

    /// An item ID of the kind that the rules want in this answer; a number if they do not say.
    fn with_item_id(&self, request: &Request, captures: &Captures) -> Captures {
        let with = |id: &[u8]| {
            let mut captures = *captures;
            captures.set_item_id(id);
            captures
        };
        let good = ITEM_IDS.iter().map(|id| with(id)).find(|captures| {
            let frame = self.frame(request, 0, captures);
            publish(&frame, self.version).is_some_and(|publish| {
                let judgement = self.judge.judge(publish.topic, publish.payload);
                matches!(judgement, Judgement::Accepted { .. })
            })
        });
        good.unwrap_or_else(|| with(ITEM_IDS[0]))
    }

    /// One of several messages, from endpoints and IDs all over their ranges.
    fn message<'m>(
        &self,
        request: &Request,
        number: u32,
        captures: &'m Captures,
        moment: &'m Moment,
    ) -> Message<'m>
    where
        'a: 'm,
    {
        let endpoint = u64::from(self.plan.endpoints) * u64::from(number) / u64::from(JUDGED);
        Message {
            endpoint: endpoint as u32,
            request_id: match request.id_kind {
                RequestIdKind::Decimal(range) => {
                    let above = (range.size() - 1) * u64::from(number) / u64::from(JUDGED - 1);
                    u128::from(u64::from(range.first) + above)
                }
                RequestIdKind::Uuid => uuid_request_id(0, 0, 1 + u64::from(number)),
                RequestIdKind::None => 0,
            },
            packet_id: 1,
            moment,
            identities: &self.plan.identities,
            captures,
        }
    }

    /// The packet of message `number` of its endpoint.
    fn frame(&self, request: &Request, number: u32, captures: &Captures) -> Vec<u8> {
        let mut state = vec![0; self.plan.state_words];
        let moment = moment(number);
        let message = self.message(request, number, captures, &moment);
        for _ in 0..number {
            request.skip(message.endpoint, &mut state);
        }
        let mut frame = Sheet::default();
        request.encode(&mut frame, &message, &mut state);
        frame.into()
    }
}

/// The wall clock of message `number`.
fn moment(number: u32) -> Moment {
    Moment::at(FIRST_UNIX_NS + u64::from(number) * STEP_NS)
}

fn kind(request: &Request) -> &'static str {
    match request.reactive {
        Some(_) => "answer",
        None => "request",
    }
}

fn publish(frame: &[u8], version: Version) -> Option<Publish<'_>> {
    match mqtt::decode(frame, Role::Server, version, usize::MAX) {
        Ok(Some((Packet::Publish(publish), _))) => Some(publish),
        _ => None,
    }
}

/// One property of MQTT 5, as a profile calls it.
fn property_in_words(property: Property<'_>) -> String {
    match property {
        Property::PayloadFormatIndicator(true) => "payload format: text".to_owned(),
        Property::PayloadFormatIndicator(false) => "payload format: bytes".to_owned(),
        Property::MessageExpiryInterval(seconds) => format!("message expiry: {seconds} s"),
        Property::ContentType(text) => format!("content type: {text}"),
        Property::ResponseTopic(topic) => format!("response topic: {topic}"),
        Property::CorrelationData(data) => format!("correlation data: {}", readable(data)),
        Property::UserProperty((name, value)) => format!("{name}: {value}"),
        other => format!("{other:?}"),
    }
}

/// How many messages of at most this size are judged; takes their bytes from what is left.
fn judged(longest: usize, left: &mut usize) -> u32 {
    let all = longest.saturating_mul(JUDGED as usize);
    if all > *left {
        return 1;
    }
    *left -= all;
    JUDGED
}

fn outcome_in_words(outcome: &Outcome) -> String {
    let ok = match outcome.ok.as_slice() {
        [] => "every other status from 200 to 299".to_owned(),
        listed => listed.join(", "),
    };
    let mut text = format!("ok: {ok}");
    for (meaning, values) in [
        ("error", &outcome.error),
        ("goes on", &outcome.intermediate),
    ] {
        if !values.is_empty() {
            let _ = write!(text, "; {meaning}: {}", values.join(", "));
        }
    }
    text
}

/// What ends a request.
fn done(request: &Request) -> String {
    let within = format!("{} s", request.deadline_ns as f64 / 1e9);
    if request.silence_is_ok() {
        format!("ok without an error within {within}")
    } else if request.has_reply() {
        format!("with its reply; timeout after {within}")
    } else if request.qos > 0 {
        format!("with its acknowledgement; timeout after {within}")
    } else {
        "when it is written".to_owned()
    }
}

/// At most a screen's width of text; other bytes as hexadecimal numbers.
fn readable(payload: &[u8]) -> String {
    const MOST: usize = 200;
    let mut shown = &payload[..payload.len().min(MOST)];
    // A character that is cut in two is no reason for numbers.
    if let Err(error) = std::str::from_utf8(shown)
        && error.error_len().is_none()
        && shown.len() < payload.len()
    {
        shown = &shown[..error.valid_up_to()];
    }
    let rest = payload.len() - shown.len();
    let more = if rest > 0 {
        format!("… ({rest} bytes more)")
    } else {
        String::new()
    };
    match std::str::from_utf8(shown) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) => format!(
            "{}{more}",
            text.escape_debug().to_string().replace("\\\"", "\"")
        ),
        Err(_) => {
            let mut text = String::new();
            for byte in shown {
                let _ = write!(text, "{byte:02x}");
            }
            text + &more
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_are_judged_once() {
        let mut left = JUDGED_BYTES;
        assert_eq!(judged(100, &mut left), JUDGED);
        assert_eq!(judged(JUDGED_BYTES, &mut left), 1);
        assert_eq!(judged(usize::MAX, &mut left), 1);
        assert_eq!(left, JUDGED_BYTES - 100 * JUDGED as usize);
        let all = (0..100).map(|_| judged(1 << 20, &mut left)).sum::<u32>();
        assert_eq!(all, 3 * JUDGED + 97);
    }

    #[test]
    fn a_payload_is_text_or_hexadecimal_numbers() {
        assert_eq!(readable(b""), "(empty)");
        assert_eq!(readable(br#"{"a":"\n"}"#), r#"{"a":"\\n"}"#);
        assert_eq!(readable(b"a\nb"), "a\\nb");
        assert_eq!(readable(&[0xff, 0x00]), "ff00");
        let long = "é".repeat(150);
        let cut = format!("x{long}");
        assert!(readable(cut.as_bytes()).ends_with("é… (102 bytes more)"));
    }
}
