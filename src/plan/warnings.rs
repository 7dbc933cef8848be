//! What a profile may say and probably does not mean: one sentence each.
//!
//! Not here: mistakes, which make no plan.

use crate::plan::compile::Compiler;
use crate::plan::generator::Generator;
use crate::plan::request_id::RequestIdKind;
use crate::plan::template::Template;
use crate::plan::topic::warn_about_digits;
use crate::profile;

impl Compiler<'_> {
    /// About one request.
    pub(crate) fn warn(
        &mut self,
        request: &profile::Request,
        topic: &Template,
        generators: &[Generator],
        id_kind: RequestIdKind,
    ) {
        let digits = warn_about_digits(&request.name, topic, generators, self.identities);
        self.warnings.extend(digits);
        let unpaced = matches!(request.pace, profile::Pace::Weight(_));
        if unpaced && self.profile.load.model == profile::Model::OpenOwnRates {
            self.warnings.push(format!(
                "request {}: never sent; it has a weight, but there is no load.arrival_rate",
                request.name
            ));
        }
        if let RequestIdKind::Decimal(range) = id_kind
            && request.reply.is_some()
            && range.size() < 2 * u64::from(self.profile.load.in_flight_max)
        {
            self.warnings.push(format!(
                "request {}: {} request IDs for up to {} requests in flight per endpoint; IDs of timed-out requests are withheld, so requests may be dropped",
                request.name, range.size(), self.profile.load.in_flight_max
            ));
        }
    }

    /// About what no single request tells.
    pub(crate) fn warn_about_all(&mut self) {
        self.warn_about_scopes();
        self.warn_about_sessions();
    }

    /// In MQTT 5 a session ends with its connection where nothing else is said (5.0: section 3.1.2.11.2).
    fn warn_about_sessions(&mut self) {
        let fleet = &self.profile.fleet;
        let five = self.profile.target.protocol == profile::Protocol::V5;
        if five && !fleet.clean_start && fleet.session.expiry_s.unwrap_or(0) == 0 {
            self.warnings.push(
                "fleet.clean_start is false, but in MQTT 5 a session ends with its connection without a fleet.session_expiry".to_owned(),
            );
        }
    }

    /// A reply is looked up in the scope of the first request whose pattern fits.
    fn warn_about_scopes(&mut self) {
        for side in [&self.recogniser.endpoint, &self.recogniser.caller] {
            for (index, rule) in side.replies.iter().enumerate() {
                let mine = &self.requests[usize::from(rule.request)];
                let clash = side.replies[..index]
                    .iter()
                    .filter(|first| first.pattern == rule.pattern)
                    .map(|first| &self.requests[usize::from(first.request)])
                    .find(|first| first.scope != mine.scope && first.name != mine.name);
                if let Some(first) = clash {
                    self.warnings.push(format!(
                        "requests {} and {} share a reply topic but not a request_id.scope; replies to the second one cannot be matched",
                        first.name, mine.name
                    ));
                }
            }
        }
    }
}
