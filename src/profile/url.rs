//! The address of a target.
//!
//! Reading and printing only. Not here: resolving the name (the engine does, when it connects) and
//! the question whether a host may be loaded (the command line).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::units::UnitError;

/// An address to connect to: `mqtt`, or `mqtts` for MQTT over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host name or address literal, without brackets.
    pub host: String,
    /// Port; 1883 unless given, or 8883 with TLS.
    pub port: u16,
    /// Whether it is reached by TLS.
    pub tls: bool,
}

/// Registered for MQTT over plain TCP.
const PORT: u16 = 1883;
/// Registered for MQTT over TLS.
const TLS_PORT: u16 = 8883;

impl FromStr for Url {
    type Err = UnitError;

    /// `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`. Never repeats user information, which may hold a password.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let example = "\"mqtt://127.0.0.1:1883\"";
        let wrong = |problem: String| UnitError::new(problem, example);
        if text.contains('@') {
            return Err(UnitError::new(
                "a target url takes no user name or password",
                "them as target.username and target.password = \"env:NAME\"",
            ));
        }
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            Some((scheme @ ("ws" | "wss"), _)) => {
                return Err(wrong(format!("{scheme}:// is not supported yet")));
            }
            Some((scheme, _)) => return Err(wrong(format!("{scheme:?} is no scheme of MQTT"))),
            None => {
                let problem = format!("the target {text:?} has no scheme");
                return Err(UnitError::new(problem, format!("\"mqtt://{text}\"")));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(wrong(format!(
                "{text:?} has a path, which no url of MQTT over TCP has"
            )));
        }
        let (host, port) = split(rest).ok_or_else(|| wrong(format!("{text:?} has no host")))?;
        let port = match port.map(str::parse) {
            None if tls => TLS_PORT,
            None => PORT,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err(wrong(format!("the port of {text:?} is not 1 to 65535"))),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// Host without brackets, and the text of the port.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(literal) = text.strip_prefix('[') {
        let (host, rest) = literal.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.chars().all(named)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Option<(String, u16)> {
        text.parse().ok().map(|url: Url| (url.host, url.port))
    }

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port() {
        assert_eq!(
            url("mqtt://broker.example"),
            Some(("broker.example".into(), 1883))
        );
        assert_eq!(
            url("mqtt://127.0.0.1:1884/"),
            Some(("127.0.0.1".into(), 1884))
        );
        assert_eq!(url("mqtt://[::1]:1885"), Some(("::1".into(), 1885)));
        assert_eq!(url("mqtts://a.b"), Some(("a.b".into(), 8883)));
        assert_eq!(url("mqtts://a.b:1883"), Some(("a.b".into(), 1883)));
        for wrong in [
            "",
            "mqtt://",
            "mqtt://:1",
            "mqtt://a:0",
            "mqtt://a:65536",
            "mqtt://a b",
            "mqtt://[::1",
            "mqtt://[x]:1",
            "mqtt://a/b",
            "http://a",
            "wss://a",
            "mqtts://",
            "a:1883",
        ] {
            assert_eq!(url(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = "mqtt://me:hunter2@host".parse::<Url>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_url_prints_as_it_is_read() {
        for text in [
            "mqtt://broker.example:1883",
            "mqtt://[::1]:1885",
            "mqtts://broker.example:8883",
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
    }
}
