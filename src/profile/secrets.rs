//! What must not be shown, as far as its looks tell: passwords, keys, and lines that hold them.
//!
//! Errors quote the line in which a mistake stands, and a secret in the wrong place is a mistake; so lines go
//! through here before anybody sees them. Names and shapes decide, misspellings included, and in doubt a line is
//! covered. Not here: fetching a secret from where it is.

use super::tree::{Node, Table, Value};

/// Whether a text is a key or a certificate, where the path of one belongs: PEM, or its Base64 alone.
pub fn is_key_material(text: &str) -> bool {
    start_of_key(text).is_some()
}

/// Where a key or a certificate begins in a text.
fn start_of_key(text: &str) -> Option<usize> {
    let armour = ["-----BEGIN", "PRIVATE KEY"].map(|words| text.find(words));
    armour.into_iter().flatten().chain(bare(text)).min()
}

/// Where DER in Base64 begins. What it encodes is a SEQUENCE (0x30), hence the M; the shortest private key
/// (Ed25519 by RFC 8410) makes 64 characters, and paths that long have dots, hyphens or underscores.
fn bare(text: &str) -> Option<usize> {
    const SHORTEST: usize = 60;
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut runs = text.split(|c| !of_base64(c));
    let run = runs.find(|run| run.len() >= SHORTEST && run.starts_with('M'))?;
    Some(run.as_ptr() as usize - text.as_ptr() as usize)
}

/// Whether a key, or a header of HTTP, sounds as if its value were a secret, misspellings included.
pub(super) fn holds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let within = [
        "pass",
        "pwd",
        "secret",
        "credential",
        "bearer",
        "authori",
        "cookie",
        "-auth",
        "private",
        "apikey",
    ];
    let behind = ["-key", "_key", "-token", "_token"];
    within.iter().any(|word| key.contains(word))
        || behind.iter().any(|word| key.ends_with(word))
        || strsim::osa_distance(&key, "password") <= 2
}

/// A value of the command line as it may be printed; `None`: not at all.
pub(super) fn shown_of(key: &str, value: &str) -> Option<String> {
    let last = key.rsplit('.').next().unwrap_or_default();
    let secret = holds_secret(last)
        || words(value).any(|(_, word)| holds_secret(word))
        || is_key_material(value);
    if secret {
        return None;
    }
    Some(match last {
        "url" | "target" => without_credentials(value, 0),
        _ => without_user_information(value),
    })
}

/// The line that begins at this byte, without what may be a secret. As long as it was, so that columns stay right.
pub(super) fn covered(text: &str, first: usize, line: &str) -> String {
    if goes_on(text.get(..first).unwrap_or_default(), line) {
        return stars(line);
    }
    let of_name = assignments(line).find_map(|(word, value)| {
        let quoted = value.trim_start();
        let bare = quoted.trim_start_matches(['"', '\'']);
        let refers = bare.starts_with("env:") || bare.starts_with("file:");
        (holds_secret(word) && !refers).then_some(line.len() - quoted.len())
    });
    if let Some(kept) = of_name.into_iter().chain(start_of_key(line)).min() {
        return format!("{}{}", &line[..kept], stars(&line[kept..]));
    }
    let url = assignments(line).find(|(word, _)| *word == "url");
    match url {
        Some((_, value)) => without_credentials(line, line.len() - value.len()),
        None => without_user_information(line),
    }
}

/// Whether a line goes on with a secret that began before it: inside of PEM, or of a value over several lines.
fn goes_on(before: &str, line: &str) -> bool {
    let begun = before.rfind("-----BEGIN");
    if begun.is_some_and(|begun| !before[begun..].contains("-----END")) {
        return true;
    }
    // Base64 ends in equals signs, and a text in a quote; but a value over several lines begins with one.
    let begins = |line: &str, least: &[char]| {
        let is_value =
            |value: &str| !value.starts_with('=') && !value.trim_matches(least).is_empty();
        line.trim_start().starts_with('[') || assignments(line).any(|(_, value)| is_value(value))
    };
    if begins(line, &['"', '\'', ' ', '\t']) {
        return false;
    }
    let mut above = before.lines().rev();
    let owner = above.find(|line| begins(line, &[' ', '\t']));
    owner.is_some_and(|owner| {
        let mut keys = assignments(owner).map(|(word, _)| word);
        keys.any(|word| holds_secret(word) || ["key", "certificate", "ca"].contains(&word))
    })
}

/// Keys of a line, each with everything behind its equals sign.
fn assignments(line: &str) -> impl Iterator<Item = (&str, &str)> {
    words(line).filter_map(move |(at, word)| {
        let after = &line[at + word.len()..];
        let value = after.trim_start_matches(['"', '\'', ' ', '\t']);
        Some((word, value.strip_prefix('=')?))
    })
}

/// One for each byte.
fn stars(text: &str) -> String {
    "*".repeat(text.len())
}

/// The text with the user information of a URL covered.
fn without_user_information(text: &str) -> String {
    if let (Some(scheme), Some(at)) = (text.find("://"), text.rfind('@'))
        && scheme + 3 < at
    {
        let covered = stars(&text[scheme + 3..at]);
        return format!("{}{covered}{}", &text[..scheme + 3], &text[at..]);
    }
    text.to_owned()
}

/// The text, from this byte on with addresses, without their user information and queries, and also where what
/// is written is no proper URL.
fn without_credentials(text: &str, from: usize) -> String {
    let mut out = without_user_information(text);
    if let Some(at) = out
        .rfind('@')
        .filter(|at| from < *at && !out.contains("://"))
    {
        out = format!("{}{}{}", &out[..from], stars(&out[from..at]), &out[at..]);
    }
    let query = out[from..].find(['?', '#']).map(|at| from + at + 1);
    match query {
        Some(query) => format!("{}{}", &out[..query], stars(&out[query..])),
        None => out,
    }
}

/// The words of a text and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let pieces = text
        .split(move |c| !inside(c))
        .filter(|word| !word.is_empty());
    pieces.map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Private keys that stand anywhere in a profile: each key's path, and its value.
pub(super) fn private_keys(root: &Table) -> Vec<(String, &Node)> {
    let mut found = Vec::new();
    for entry in &root.entries {
        look_into(&entry.node, entry.key.clone(), &mut found);
    }
    found
}

fn look_into<'a>(node: &'a Node, path: String, found: &mut Vec<(String, &'a Node)>) {
    match &node.value {
        Value::Text(text) if text.contains("PRIVATE KEY-----") => found.push((path, node)),
        Value::Array(items) => {
            for item in items {
                look_into(item, path.clone(), found);
            }
        }
        Value::Table(table) => {
            for entry in &table.entries {
                look_into(&entry.node, format!("{path}.{}", entry.key), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_secrets_is_shown_as_it_is() {
        for line in [
            "payload = '{\"mail\":\"a@b.c\"}'",
            "key = [\"token\", \"command_type\", \"id\"]",
            "key = \"certificates/of-the-fleet/all-of-them/endpoint-{endpoint}-key.pem\"",
            "url = \"wss://host:8084/mqtt\"",
            "password = \"env:NAME\"",
            "vars = { token = \"ep-{endpoint}\" }",
        ] {
            assert_eq!(covered("", 0, line), line);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_covered_and_the_line_stays_as_long() {
        let der = "M".repeat(64);
        for line in [
            "pwd = \"hunter2\"",
            "key = -----BEGIN PRIVATE KEY-----hunter2",
            "url = \"me:hunter2@host\"",
            "url = \"mqtts:/me:hunter2@host\"",
            "url = [\"wss://a/b?hunter2\", \"wss://a/b\"]",
            &format!("key = \"{der}hunter2\""),
        ] {
            let covered = covered("", 0, line);
            assert!(!covered.contains("hunter2"), "{covered}");
            assert_eq!(covered.len(), line.len());
        }
    }

    #[test]
    fn lines_that_go_on_with_a_secret_are_covered_whole() {
        for text in [
            "password = \"a\nhunter2\"",
            "key = '''\n-----BEGIN PRIVATE KEY-----\nhunter2==",
            "key = \"\nhunter2==\"",
            "x = 1\npassword = [\n\nhunter2",
        ] {
            let first = text.rfind('\n').unwrap() + 1;
            let line = &text[first..];
            assert_eq!(covered(text, first, line), "*".repeat(line.len()), "{text}");
        }
        let text = "password = \"env:A\"\nurl = 5";
        assert_eq!(covered(text, 19, "url = 5"), "url = 5");
    }
}
