//! The upgrade from HTTP to WebSocket, as both ends write and read it (RFC 6455, section 4).
//!
//! Texts and checks. Both ends speak MQTT or do not upgrade [MQTT-6.0.0-3, MQTT-6.0.0-4]. Not here: sockets.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use httparse::{EMPTY_HEADER, Header, Status};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::failure::{Failure, Fault};
use super::mask;

/// Longest request or answer, in bytes, and most headers in it. Nobody's are longer by far.
pub const HEAD_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 100;
/// Appended to a key before it is digested (section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Name of MQTT among sub-protocols.
const SUBPROTOCOL: &str = "mqtt";

/// What connections ask a target for: the same by all of them, but for a key. Copies share it.
#[derive(Clone)]
pub struct Request(Arc<str>);

// Headers may be secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.0.lines().next().unwrap_or_default();
        f.debug_tuple("Request").field(&line).finish()
    }
}

impl Request {
    /// For `path` of the host and port `authority`, with these headers beside those of the upgrade. Names and
    /// values must be such as HTTP allows.
    pub fn new<'a>(
        authority: &str,
        path: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut text = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
        );
        for (name, value) in headers {
            // Writing to a String cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("Sec-WebSocket-Key: ");
        Self(text.into())
    }

    /// The bytes of one connection's request, and what its answer must prove.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(super) fn ask(&self) -> io::Result<(Vec<u8>, String)> {
        let mut nonce = [0; 16];
        mask::fill(&mut nonce)?;
        let key = BASE64_STANDARD.encode(nonce);
        let request = format!("{}{key}\r\n\r\n", self.0);
        Ok((request.into_bytes(), accept_of(&key)))
    }
}

/// What proves that a key was read (section 4.2.2).
fn accept_of(key: &str) -> String {
    let text = format!("{key}{GUID}");
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// Reads an answer that must prove this; its length, or `None` while its end is missing.
///
/// # Errors
/// It is no upgrade to MQTT.
pub(super) fn read_answer(head: &[u8], accept: &str) -> Result<Option<usize>, Failure> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(head);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return unfinished(head),
        Err(error) => return Err(no_http(error)),
    };
    let status = answer.code.unwrap_or_default();
    if status != 101 {
        let reason = answer.reason.unwrap_or_default();
        let text = format!("HTTP status {status} {reason}");
        return Err(Failure::new(Fault::Refused(status), text.trim_end()));
    }
    let headers = Headers(answer.headers);
    let wrong = |text: &str| Err(Failure::new(Fault::Upgrade, text));
    if !headers.upgrades() {
        return wrong("status 101 without an upgrade to WebSocket");
    }
    if headers.one("Sec-WebSocket-Accept") != Some(accept) {
        return wrong("a Sec-WebSocket-Accept that does not fit the request");
    }
    if headers.one("Sec-WebSocket-Protocol") != Some(SUBPROTOCOL) {
        return Err(Failure::new(
            Fault::Subprotocol,
            "the sub-protocol mqtt is not agreed on",
        ));
    }
    if headers.all("Sec-WebSocket-Extensions").next().is_some() {
        return wrong("an extension that was not offered");
    }
    Ok(Some(length))
}

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Answer {
    /// Frames begin behind so many bytes of the request.
    Upgrade(usize, String),
    /// Nothing follows.
    Refusal(Failure, String),
}

/// Reads a request, for a server of this path; `None` while its end is missing.
pub(super) fn read_request(head: &[u8], path: &str) -> Option<Answer> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(head) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => match unfinished(head) {
            Ok(_) => return None,
            Err(failure) => {
                return Some(refusal(failure, "431 Request Header Fields Too Large", ""));
            }
        },
        Err(error) => return Some(refusal(no_http(error), "400 Bad Request", "")),
    };
    let headers = Headers(request.headers);
    let refused = |status: &str, more: &str, text: &str| {
        Some(refusal(Failure::new(Fault::Upgrade, text), status, more))
    };
    if request.path != Some(path) {
        return refused("404 Not Found", "", "another path");
    }
    if request.method != Some("GET") || request.version != Some(1) || !headers.upgrades() {
        let more = "Upgrade: websocket\r\n";
        return refused("426 Upgrade Required", more, "no upgrade to WebSocket");
    }
    if headers.one("Sec-WebSocket-Version") != Some("13") {
        let more = "Sec-WebSocket-Version: 13\r\n";
        return refused("426 Upgrade Required", more, "another version of WebSocket");
    }
    let key = headers.one("Sec-WebSocket-Key").unwrap_or_default();
    if headers.one("Host").is_none() || !is_nonce(key) {
        return refused("400 Bad Request", "", "no host, or no nonce of 16 bytes");
    }
    if !headers.have("Sec-WebSocket-Protocol", SUBPROTOCOL) {
        let failure = Failure::new(Fault::Subprotocol, "mqtt is not among the sub-protocols");
        return Some(refusal(failure, "400 Bad Request", ""));
    }
    let accept = accept_of(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    Some(Answer::Upgrade(length, answer))
}

fn refusal(failure: Failure, status: &str, more: &str) -> Answer {
    let answer =
        format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n");
    Answer::Refusal(failure, answer)
}

/// What was read so far has no end; it must come soon.
fn unfinished(head: &[u8]) -> Result<Option<usize>, Failure> {
    if head.len() < HEAD_MAX {
        return Ok(None);
    }
    let text = format!("more than {HEAD_MAX} bytes of HTTP headers");
    Err(Failure::new(Fault::Upgrade, text))
}

fn no_http(error: httparse::Error) -> Failure {
    Failure::new(Fault::Upgrade, format!("no HTTP: {error}"))
}

fn is_nonce(key: &str) -> bool {
    BASE64_STANDARD
        .decode(key)
        .is_ok_and(|nonce| nonce.len() == 16)
}

/// Headers of a request or an answer.
struct Headers<'a>(&'a [Header<'a>]);

impl<'a> Headers<'a> {
    /// Values under this name, which is the same in capitals.
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = move |header: &&Header<'a>| header.name.eq_ignore_ascii_case(name);
        // What is no text is nothing that is asked for here.
        let text = |header: &Header<'a>| std::str::from_utf8(header.value).unwrap_or_default();
        self.0.iter().filter(named).map(text).map(str::trim)
    }

    /// The only value under this name.
    fn one(&self, name: &'static str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether a list of words has this one.
    fn have(&self, name: &'static str, word: &str) -> bool {
        let mut words = self.all(name).flat_map(|list| list.split(','));
        words.any(|other| other.trim().eq_ignore_ascii_case(word))
    }

    fn upgrades(&self) -> bool {
        self.have("Upgrade", "websocket") && self.have("Connection", "upgrade")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";

    const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn fault(answer: &str) -> Option<Fault> {
        let read = read_answer(answer.as_bytes(), ACCEPT);
        read.err().map(|failure| failure.fault)
    }

    #[test]
    fn a_key_is_proved_as_in_the_specification() {
        assert_eq!(accept_of(KEY), ACCEPT);
    }

    #[test]
    fn an_answer_ends_where_the_frames_begin() {
        let mut bytes = ANSWER.as_bytes().to_vec();
        bytes.extend_from_slice(b"\x82\x00");
        assert_eq!(read_answer(&bytes, ACCEPT), Ok(Some(ANSWER.len())));
        for cut in 0..ANSWER.len() {
            assert_eq!(read_answer(&bytes[..cut], ACCEPT), Ok(None), "{cut}");
        }
    }

    #[test]
    fn an_answer_that_is_not_the_one_is_refused_by_class() {
        assert_eq!(fault(ANSWER), None);
        let with = |from: &str, to: &str| {
            assert!(ANSWER.contains(from), "{from}");
            fault(&ANSWER.replace(from, to))
        };
        assert_eq!(with("kYGzz", "kYGzy"), Some(Fault::Upgrade));
        assert_eq!(with("upgrade: WebSocket\r\n", ""), Some(Fault::Upgrade));
        assert_eq!(with(", Upgrade", ""), Some(Fault::Upgrade));
        assert_eq!(
            with("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
            Some(Fault::Upgrade)
        );
        let subprotocol = Some(Fault::Subprotocol);
        assert_eq!(
            with("Protocol: mqtt\r\n", "Protocol: mqttv3.1\r\n"),
            subprotocol
        );
        assert_eq!(with("Sec-WebSocket-Protocol: mqtt\r\n", ""), subprotocol);
        assert_eq!(
            fault("HTTP/1.1 404 Not Found\r\n\r\n"),
            Some(Fault::Refused(404))
        );
        assert_eq!(fault("HTTP/1.0 200\r\n\r\n"), Some(Fault::Refused(200)));
        assert_eq!(fault("\x20\x02\x00\x00"), Some(Fault::Upgrade));
        let endless = format!("HTTP/1.1 101 S\r\nX: {}", "x".repeat(HEAD_MAX));
        assert_eq!(fault(&endless), Some(Fault::Upgrade));
    }

    fn status(request: &str) -> String {
        let answer = match read_request(request.as_bytes(), "/mqtt").expect("it is whole") {
            Answer::Upgrade(_, answer) | Answer::Refusal(_, answer) => answer,
        };
        let mut words = answer.split(' ');
        words.nth(1).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_request_is_answered_and_any_other_refused() {
        let Some(Answer::Upgrade(length, answer)) = read_request(REQUEST.as_bytes(), "/mqtt")
        else {
            panic!("it is in order");
        };
        assert_eq!(length, REQUEST.len());
        assert_eq!(
            read_answer(answer.as_bytes(), ACCEPT),
            Ok(Some(answer.len()))
        );
        for cut in 0..REQUEST.len() {
            assert!(read_request(&REQUEST.as_bytes()[..cut], "/mqtt").is_none());
        }
        for (from, to, expected) in [
            ("/mqtt", "/", "404"),
            ("/mqtt", "/mqtt/", "404"),
            ("GET", "POST", "426"),
            ("HTTP/1.1", "HTTP/1.0", "426"),
            ("Upgrade: websocket", "Upgrade: h2c", "426"),
            ("Version: 13", "Version: 8", "426"),
            ("Host: h\r\n", "", "400"),
            ("dGhl", "", "400"),
            (", mqtt", "", "400"),
            ("GET", "\x10", "400"),
        ] {
            assert!(REQUEST.contains(from), "{from}");
            assert_eq!(status(&REQUEST.replacen(from, to, 1)), expected, "{from:?}");
        }
        let endless = format!("GET /mqtt HTTP/1.1\r\nX: {}", "x".repeat(HEAD_MAX));
        assert_eq!(status(&endless), "431");
    }

    #[test]
    fn a_request_of_ours_is_one_and_its_headers_are_not_shown() {
        let ours = Request::new("h:81", "/mqtt", [("X-Tenant", "hunter2")]);
        assert!(!format!("{ours:?}").contains("hunter2"));
        let (bytes, accept) = ours.ask().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains("\r\nHost: h:81\r\n"), "{text}");
        assert!(text.contains("\r\nX-Tenant: hunter2\r\n"), "{text}");
        let Some(Answer::Upgrade(_, answer)) = read_request(&bytes, "/mqtt") else {
            panic!("it is in order");
        };
        assert_eq!(
            read_answer(answer.as_bytes(), &accept),
            Ok(Some(answer.len()))
        );
        let (again, _) = ours.ask().unwrap();
        assert_ne!(again, bytes, "each connection has its own key");
    }
}
