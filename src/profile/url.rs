//! The address of a target.
//!
//! Reading and printing only. Not here: resolving the name (the engine does, when it connects) and
//! the question whether a host may be loaded (the command line).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::units::UnitError;

/// An address to connect to: `mqtt`, `mqtts` for MQTT over TLS, `ws` and `wss` for the same over WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host name or address literal, without brackets.
    pub host: String,
    /// Port; unless given 1883, 8883 with TLS, 80 with WebSocket, 443 with both.
    pub port: u16,
    /// Whether it is reached by TLS.
    pub tls: bool,
    /// Where its WebSocket is, from `/` on; `None`: it is reached without.
    pub path: Option<String>,
}

const EXAMPLE: &str = "\"mqtt://127.0.0.1:1883\"";

impl Url {
    /// Whether it is reached by WebSocket.
    pub fn is_websocket(&self) -> bool {
        self.path.is_some()
    }

    /// Host and port as HTTP names them: the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        let host = Host(&self.host);
        if self.port == usual_port(self.tls, self.is_websocket()) {
            host.to_string()
        } else {
            format!("{host}:{}", self.port)
        }
    }

    fn scheme(&self) -> &'static str {
        match (self.is_websocket(), self.tls) {
            (false, false) => "mqtt",
            (false, true) => "mqtts",
            (true, false) => "ws",
            (true, true) => "wss",
        }
    }
}

/// The registered one.
fn usual_port(tls: bool, websocket: bool) -> u16 {
    match (websocket, tls) {
        (false, false) => 1883,
        (false, true) => 8883,
        (true, false) => 80,
        (true, true) => 443,
    }
}

impl FromStr for Url {
    type Err = UnitError;

    /// `mqtt://HOST[:PORT]`, `mqtts://HOST[:PORT]`, `ws://HOST[:PORT][/PATH]` or `wss://HOST[:PORT][/PATH]`.
    /// Never repeats user information, which may hold a password, nor a query, which may too.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = |problem: String| UnitError::new(problem, EXAMPLE);
        if text.contains('@') {
            return Err(UnitError::new(
                "a target url takes no user name or password",
                "them as target.username and target.password = \"env:NAME\"",
            ));
        }
        if text.contains(['?', '#']) {
            return Err(UnitError::new(
                "a target url takes no query, which may hold a secret",
                "what identifies you as target.headers = { NAME = \"env:NAME\" }",
            ));
        }
        let (tls, websocket, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, false, rest),
            Some(("mqtts", rest)) => (true, false, rest),
            Some(("ws", rest)) => (false, true, rest),
            Some(("wss", rest)) => (true, true, rest),
            Some((scheme, _)) => return Err(wrong(format!("{scheme:?} is no scheme of MQTT"))),
            None => {
                let problem = format!("the target {text:?} has no scheme");
                return Err(UnitError::new(problem, format!("\"mqtt://{text}\"")));
            }
        };
        let (rest, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if !websocket && path != "/" {
            return Err(wrong(format!(
                "{text:?} has a path, which no url of MQTT over TCP has"
            )));
        }
        if !path.chars().all(is_of_path) {
            return Err(UnitError::new(
                format!("the path of {text:?} has characters that no path has"),
                "them as %XX",
            ));
        }
        let (host, port) = split(rest).ok_or_else(|| wrong(format!("{text:?} has no host")))?;
        let port = match port.map(str::parse) {
            None => usual_port(tls, websocket),
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err(wrong(format!("the port of {text:?} is not 1 to 65535"))),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
            path: websocket.then(|| path.to_owned()),
        })
    }
}

/// RFC 3986, section 3.3.
fn is_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c)
}

/// A host as urls have it: addresses of IPv6 in brackets.
struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (self.scheme(), Host(&self.host), self.port);
        let path = self.path.as_deref().unwrap_or_default();
        write!(f, "{scheme}://{host}:{port}{path}")
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
            "mqtts://",
            "ws:///mqtt",
            "ws://a b/",
            "ws://a/b c",
            "ws://a/\u{e9}",
            "ws://a/b?c",
            "ws://a/b#c",
            "ws://a/{b}",
            "a:1883",
        ] {
            assert_eq!(url(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_url_of_websocket_has_a_path() {
        let parts = |text: &str| {
            let url: Url = text.parse().unwrap();
            (url.authority(), url.port, url.tls, url.path)
        };
        let path = |path: &str| Some(path.to_owned());
        assert_eq!(parts("ws://a.b"), ("a.b".into(), 80, false, path("/")));
        assert_eq!(
            parts("wss://a.b:443/mqtt/x"),
            ("a.b".into(), 443, true, path("/mqtt/x"))
        );
        assert_eq!(
            parts("ws://[::1]:8083/"),
            ("[::1]:8083".into(), 8083, false, path("/"))
        );
        assert_eq!(parts("mqtt://a:80"), ("a:80".into(), 80, false, None));
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = "mqtt://me:hunter2@host".parse::<Url>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error = "wss://host/mqtt?token=hunter2".parse::<Url>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_url_prints_as_it_is_read() {
        for text in [
            "mqtt://broker.example:1883",
            "mqtt://[::1]:1885",
            "mqtts://broker.example:8883",
            "ws://[::1]:80/",
            "wss://broker.example:8084/mqtt",
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
    }
}
