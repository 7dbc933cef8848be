//! A merged tree as TOML again: the profile "as run" that a results folder keeps.
//!
//! What is written here reads back to the same profile, without the platforms it was made from.
//! Not here: the layout of the shipped files, which people wrote.

use super::tree::{Entry, Node, Table, Value};

/// The text of a whole profile: plain keys first, then tables, each key on its own line.
pub(super) fn document(tree: &Table) -> String {
    let mut out = String::new();
    let is_section = |entry: &&Entry| match &entry.node.value {
        Value::Table(_) => true,
        Value::Array(items) => {
            !items.is_empty()
                && items
                    .iter()
                    .all(|item| matches!(item.value, Value::Table(_)))
        }
        _ => false,
    };
    for entry in tree.entries.iter().filter(|entry| !is_section(entry)) {
        pair(&mut out, entry);
    }
    for entry in tree.entries.iter().filter(is_section) {
        match &entry.node.value {
            Value::Table(table) => section(&mut out, ("[", &entry.key, "]"), table),
            Value::Array(items) => {
                for item in items {
                    if let Value::Table(table) = &item.value {
                        section(&mut out, ("[[", &entry.key, "]]"), table);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

fn section(out: &mut String, (open, name, close): (&str, &str, &str), table: &Table) {
    out.push_str(&format!("\n{open}{}{close}\n", key(name)));
    for entry in &table.entries {
        pair(out, entry);
    }
}

fn pair(out: &mut String, entry: &Entry) {
    out.push_str(&key(&entry.key));
    out.push_str(" = ");
    inline(out, &entry.node);
    out.push('\n');
}

fn inline(out: &mut String, node: &Node) {
    match &node.value {
        Value::Text(text) => out.push_str(&toml::Value::from(text.as_str()).to_string()),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&toml::Value::from(*number).to_string()),
        Value::Boolean(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                inline(out, item);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (index, entry) in table.entries.iter().enumerate() {
                out.push_str(if index == 0 { " " } else { ", " });
                out.push_str(&key(&entry.key));
                out.push_str(" = ");
                inline(out, &entry.node);
            }
            out.push_str(if table.entries.is_empty() { "}" } else { " }" });
        }
    }
}

/// A key bare where TOML allows it, quoted otherwise.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        return name.to_owned();
    }
    // Escapes and \u{..} of Rust differ from TOML's: let TOML quote it, on one line.
    let quoted = toml::Value::from(name).to_string();
    if quoted.starts_with("'''") || quoted.starts_with("\"\"\"") {
        let escaped: String = name
            .chars()
            .map(|c| format!("\\U{:08X}", u32::from(c)))
            .collect();
        return format!("\"{escaped}\"");
    }
    quoted
}
