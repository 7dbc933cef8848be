//! Texts of the tenant's flags, read into values with bounds.
//!
//! Errors are sentences without the flag's name. Not here: which flag takes what (`options`).

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use super::Stall;
use crate::units::{Bytes, Rate, Span, UnitError, nanoseconds};

/// No stall begins later or lasts longer: a year.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// No rate is higher: beyond it the tenant would do nothing else.
const FASTEST: Rate = Rate(1e6);

/// More types of commands serve no test.
const TYPES_MAX: usize = 16;
/// A level of a topic; bytes.
const TYPE_LENGTH_MAX: usize = 64;

pub fn address(value: &str) -> Result<SocketAddr, String> {
    let mut found = value.to_socket_addrs().map_err(|problem| {
        format!("'{value}' is not an address such as 127.0.0.1:1883: {problem}")
    })?;
    found
        .next()
        .ok_or_else(|| format!("'{value}' has no address"))
}

pub fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices
        .iter()
        .find(|(name, _)| *name == value)
        .map(|&(_, choice)| choice)
        .ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("'{value}' is neither {}", names.join(" nor "))
        })
}

pub fn number(value: &str, lowest: u32, highest: u32) -> Result<u32, String> {
    let parsed = value.replace('_', "").parse().ok();
    parsed
        .filter(|n| (lowest..=highest).contains(n))
        .ok_or_else(|| format!("'{value}' is not a number from {lowest} to {highest}"))
}

pub fn stall(value: &str) -> Result<Stall, String> {
    let (after, length) = value
        .split_once('+')
        .ok_or_else(|| format!("'{value}' is not AT+FOR, such as 5s+500ms"))?;
    Ok(Stall {
        after_ns: duration_ns(after)?,
        for_ns: duration_ns(length)?,
    })
}

/// A quantity with its unit; what is wrong with it, and what to write instead.
pub fn quantity<T: FromStr<Err = UnitError>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|wrong: UnitError| wrong.to_string())
}

/// In nanoseconds.
pub fn duration_ns(value: &str) -> Result<u64, String> {
    let Span(duration) = quantity(value)?;
    if duration > LONGEST {
        let problem = format!("the duration {value:?} is too long");
        return Err(UnitError::new(problem, format!("at most \"{}\"", Span(LONGEST))).to_string());
    }
    Ok(nanoseconds(duration))
}

pub fn rate_per_s(value: &str) -> Result<f64, String> {
    let rate: Rate = quantity(value)?;
    if rate > FASTEST {
        let problem = format!("the rate {value:?} is too high");
        return Err(UnitError::new(problem, format!("at most \"{FASTEST}\"")).to_string());
    }
    Ok(rate.0)
}

/// In bytes; a bare number is one of bytes.
pub fn size(value: &str, lowest: u32, highest: u32) -> Result<usize, String> {
    if value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return Ok(number(value, lowest, highest)? as usize);
    }
    let Bytes(size) = quantity(value)?;
    if !(u64::from(lowest)..=u64::from(highest)).contains(&size) {
        let [lowest, highest] = [lowest, highest].map(|bytes| Bytes(u64::from(bytes)));
        return Err(format!(
            "{value:?} is not a size from {lowest} to {highest}"
        ));
    }
    Ok(size as usize)
}

/// `a, b,c`: the names between commas (or lines), without the empty ones.
pub fn names(value: &str) -> BTreeSet<String> {
    value
        .split([',', '\n', '\r'])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A value that names a file is that file's lines, anything else a comma list.
pub fn tokens(value: &str) -> Result<BTreeSet<String>, String> {
    let is_file = value.contains('/') || std::path::Path::new(value).is_file();
    if !is_file {
        return Ok(names(value));
    }
    let content =
        std::fs::read_to_string(value).map_err(|problem| format!("{value}: {problem}"))?;
    Ok(names(&content))
}

/// `a, b`: the types of commands in their order. A type of digits would be a request ID.
pub fn command_types(value: &str) -> Result<Vec<String>, String> {
    let types: Vec<String> = value
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    if types.len() > TYPES_MAX {
        return Err(format!("more than {TYPES_MAX} types of commands"));
    }
    for (position, name) in types.iter().enumerate() {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > TYPE_LENGTH_MAX || !name.bytes().all(is_letter) {
            return Err(format!(
                "'{name}' is not a type of 1 to {TYPE_LENGTH_MAX} letters, digits, '_' and '-'"
            ));
        }
        if name.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!(
                "'{name}' would be a request ID in the topic; put a letter into it"
            ));
        }
        if types[..position].contains(name) {
            return Err(format!("'{name}' is there twice"));
        }
    }
    Ok(types)
}

/// `/mqtt`: where something is on a server.
pub fn url_path(value: &str) -> Result<String, String> {
    let is_of_path = |c: char| c.is_ascii_graphic() && !"?#".contains(c);
    if value.starts_with('/') && value.chars().all(is_of_path) {
        return Ok(value.to_owned());
    }
    Err(format!("'{value}' is no path such as /mqtt"))
}
