//! What a run asks its targets for, so that each connection becomes a WebSocket.
//!
//! Secrets are fetched here, before anything is sent; errors name their key and place, never the content.
//! Not here: the upgrade itself.

use super::Failure;
use super::prepare::fetch_for;
use crate::engine::Settings;
use crate::event::websocket::Request;
use crate::profile::{Header, HeaderValue, Profile};

/// One for each target; none if they are reached without.
pub(super) fn requests(profile: &Profile) -> Result<Vec<Request>, Failure> {
    let target = &profile.target;
    let mut headers: Vec<(&str, String)> = Vec::with_capacity(target.headers.len());
    for header in &target.headers {
        headers.push((&header.name, value(header)?));
    }
    let requests = target.urls.iter().filter_map(|url| {
        let path = url.path.as_deref()?;
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        Some(Request::new(&url.authority(), path, headers))
    });
    Ok(requests.collect())
}

fn value(header: &Header) -> Result<String, Failure> {
    let secret = match &header.value {
        HeaderValue::Text(text) => return Ok(text.clone()),
        HeaderValue::Secret(secret) => secret,
    };
    let key = format!("target.headers.{}", header.name);
    let bytes = fetch_for(&key, secret)?;
    match String::from_utf8(bytes) {
        Ok(text) if Header::can_be(text.as_bytes()) => Ok(text),
        _ => Err(Failure::usage(format!(
            "{key}: what is found there is no value of a header: it must be ASCII on one line\n\
             nothing was sent"
        ))),
    }
}

/// Refuses a witness beside WebSocket.
pub(super) fn admit_witness(settings: &Settings, witness: bool) -> Result<(), Failure> {
    if witness && !settings.websocket.is_empty() {
        return Err(Failure::usage(
            "the witness speaks no WebSocket; nothing was sent\n\
             help: leave --witness out, or use an mqtt:// target",
        ));
    }
    Ok(())
}
