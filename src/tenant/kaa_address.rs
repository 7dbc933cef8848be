//! What a kp1 topic says: application, extension instance, token, resource and request ID (1/KP).
//!
//! Pure. Not here: whether any of these exist (`rules`), what the resource is for (`kaa`).

use super::problem::Problem;

/// What a kp1 topic says (RFC 1/KP): `kp1/{application}/{extension}/{token}/{path}[/{id}]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Application version name.
    pub application: &'a str,
    /// Extension instance name.
    pub extension: &'a str,
    /// Endpoint token.
    pub token: &'a str,
    /// Resource path without the request ID; empty if there is only an ID.
    pub path: &'a str,
    /// Request ID in canonical decimal: the last level, if it consists of digits. 0 counts.
    pub id: Option<&'a str>,
    /// The topic without the request ID.
    pub resource: &'a str,
}

/// What every topic begins with.
const PREFIX: &str = "kp1/";

/// Where the parts of a topic end, in bytes: what is needed to read it again without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    application: u16,
    extension: u16,
    token: u16,
}

impl<'a> Address<'a> {
    /// Of a topic that was parsed before: what it is without its request ID, and the ID, which may
    /// be another one now. Empty: it has none.
    pub fn again(spans: Spans, resource: &'a str, id: &'a str) -> Self {
        let [application, extension, token] =
            [spans.application, spans.extension, spans.token].map(usize::from);
        let part = |from, to| resource.get(from..to).unwrap_or_default();
        Self {
            application: part(PREFIX.len(), application),
            extension: part(application + 1, extension),
            token: part(extension + 1, token),
            path: part(token + 1, resource.len()),
            id: (!id.is_empty()).then(|| canonical(id)),
            resource,
        }
    }

    /// For [`Address::again`].
    pub fn spans(&self) -> Spans {
        // No topic is longer (MQTT 3.1.1, 1.5.3).
        let application = PREFIX.len() + self.application.len();
        let extension = application + 1 + self.extension.len();
        Spans {
            application: application as u16,
            extension: extension as u16,
            token: (extension + 1 + self.token.len()) as u16,
        }
    }

    /// `None` if the topic is not of this form (also for empty levels).
    pub fn parse(topic: &'a str) -> Option<Self> {
        let rest = topic.strip_prefix(PREFIX)?;
        let mut levels = rest.splitn(4, '/');
        let (application, extension) = (levels.next()?, levels.next()?);
        let (token, path) = (levels.next()?, levels.next()?);
        if application.is_empty() || extension.is_empty() || token.is_empty() {
            return None;
        }
        if path.split('/').any(str::is_empty) {
            return None;
        }
        let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
        if !last.bytes().all(|b| b.is_ascii_digit()) {
            let id = None;
            return Some(Self {
                application,
                extension,
                token,
                path,
                id,
                resource: topic,
            });
        }
        let resource = &topic[..topic.len() - last.len() - 1];
        let id = Some(canonical(last));
        Some(Self {
            application,
            extension,
            token,
            path: before,
            id,
            resource,
        })
    }

    /// Appends the topic of the reply: `.../status` if `outcome` is ok, else `.../error`.
    pub fn write_reply_topic(&self, outcome: Result<(), Problem>, out: &mut String) {
        out.push_str(self.resource);
        if let Some(id) = self.id {
            out.push('/');
            out.push_str(id);
        }
        out.push_str(if outcome.is_ok() { "/status" } else { "/error" });
    }

    /// The name that all versions of the application share; tokens are unique within it.
    pub fn family(&self) -> &'a str {
        self.application
            .rsplit_once('-')
            .map_or(self.application, |(family, _)| family)
    }
}

/// The digits without leading zeros.
fn canonical(digits: &str) -> &str {
    let stripped = digits.trim_start_matches('0');
    if stripped.is_empty() {
        &digits[digits.len() - 1..]
    } else {
        stripped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_id_is_the_last_level_if_it_is_all_digits() {
        for (topic, path, id) in [
            ("kp1/app-v1/dcx/tok/json/42", "json", Some("42")),
            ("kp1/app-v1/dcx/tok/json/0", "json", Some("0")),
            ("kp1/app-v1/dcx/tok/json/007", "json", Some("7")),
            ("kp1/app-v1/dcx/tok/json/000", "json", Some("0")),
            ("kp1/app-v1/dcx/tok/json", "json", None),
            ("kp1/app-v1/dcx/tok/json/4x", "json/4x", None),
            ("kp1/app-v1/dcx/tok/json/-1", "json/-1", None),
            (
                "kp1/app-v1/epmx/tok/get/keys/99999999999999999999",
                "get/keys",
                Some("99999999999999999999"),
            ),
            ("kp1/app-v1/dcx/tok/42", "", Some("42")),
            ("kp1/app-v1/dcx/12/json", "json", None),
        ] {
            let address = Address::parse(topic).unwrap();
            assert_eq!((address.path, address.id), (path, id), "{topic}");
        }
    }

    #[test]
    fn a_topic_with_too_few_or_empty_levels_is_no_address() {
        for topic in [
            "",
            "kp1",
            "kp1/app",
            "kp1/app/dcx/tok",
            "kp1/app/dcx/tok/",
            "kp1/app/dcx//json",
            "kp1//dcx/tok/json",
            "kp1/app/dcx/tok/json/",
            "/kp1/app/dcx/tok/json",
            "kp2/app/dcx/tok/json",
        ] {
            assert_eq!(Address::parse(topic), None, "{topic}");
        }
    }

    #[test]
    fn versions_of_an_application_share_its_endpoints() {
        let family = |topic| Address::parse(topic).unwrap().family();
        assert_eq!(family("kp1/bspu-x-v1/dcx/t/json"), "bspu-x");
        assert_eq!(family("kp1/plain/dcx/t/json"), "plain");
    }
}
