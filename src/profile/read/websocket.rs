//! Reads `target.headers`, which is about WebSocket.

use super::super::origin::holds_secret;
use super::super::tree::Node;
use super::super::{Header, HeaderValue, Url};
use super::target;
use super::value::{self, Wrong};
use super::{Section, Table};

/// Headers that the upgrade itself has, or that would make it another request.
const TAKEN: [&str; 6] = [
    "host",
    "upgrade",
    "connection",
    "content-length",
    "transfer-encoding",
    "expect",
];
const TAKEN_PREFIX: &str = "sec-websocket-";

/// Longest value, in bytes.
const LONGEST: usize = 8 << 10;
/// Most headers.
const MOST: usize = 32;

/// The headers; they must be of use for these targets (`None`: nobody knows them).
pub(super) fn read(target: &Section<'_>, urls: Option<&[Url]>) -> Vec<Header> {
    let empty = Table::default();
    let given = target.section("headers");
    if let Some(urls) = urls {
        let websockets = urls.iter().filter(|url| url.is_websocket()).count();
        if websockets == 0 && given.is_some() {
            let wrong = Wrong::new("is about WebSocket, and the target is reached without");
            let instead = "url = \"ws://HOST/PATH\" or \"wss://HOST/PATH\", or leave it out";
            target.wrong_at("headers", wrong.instead(instead));
        } else if websockets > 0 && websockets < urls.len() {
            let wrong = Wrong::new("is a list of targets with WebSocket and without");
            target.wrong_at("url", wrong.instead("ws:// or mqtt:// in all of them"));
        }
    }
    let path = "target.headers";
    let none = || Section::new(&empty, path, path, target.origin, target.log);
    let section = given.unwrap_or_else(none);
    let entries = section.entries();
    if entries.len() > MOST {
        let wrong = Wrong::new(format!("has {} headers", entries.len()));
        target.wrong_at("headers", wrong.instead(format!("at most {MOST}")));
    }
    let mut headers = Vec::with_capacity(entries.len());
    for entry in entries {
        match header(&entry.key, &entry.node) {
            Ok(header) => headers.push(header),
            Err(wrong) => section.wrong_at(&entry.key, wrong),
        }
    }
    headers
}

fn header(name: &str, node: &Node) -> Result<Header, Wrong> {
    let lower = name.to_ascii_lowercase();
    if lower.is_empty() || !lower.bytes().all(is_of_name) {
        return Err(Wrong::new("is no name of a header").instead("letters, digits and hyphens"));
    }
    if TAKEN.contains(&lower.as_str()) || lower.starts_with(TAKEN_PREFIX) {
        return Err(Wrong::new("belongs to the upgrade itself").instead("other headers"));
    }
    let text = value::text(node);
    let refers = |text: &String| text.starts_with("env:") || text.starts_with("file:");
    let by_reference = text.as_ref().is_ok_and(refers);
    let value = if by_reference || holds_secret(&lower) {
        HeaderValue::Secret(target::secret(node)?)
    } else {
        let text = text?;
        if text.len() > LONGEST || !Header::can_be(text.as_bytes()) {
            return Err(Wrong::new("is no value of a header")
                .instead(format!("ASCII on one line, at most {LONGEST} bytes")));
        }
        HeaderValue::Text(text)
    };
    Ok(Header {
        name: name.to_owned(),
        value,
    })
}

/// RFC 9110, section 5.6.2.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
