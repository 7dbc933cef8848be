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
    resource: &'a str,
}

impl<'a> Address<'a> {
    /// `None` if the topic is not of this form (also for empty levels).
    pub fn parse(topic: &'a str) -> Option<Self> {
        let rest = topic.strip_prefix("kp1/")?;
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
