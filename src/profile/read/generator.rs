//! Reads `generate.FIELD = { ... }`: how the values of a field are made.
//!
//! Not here: making them (the plan).

use std::collections::BTreeMap;

use super::super::tree::{Node, Value};
use super::super::{Generator, TimestampFormat, is_field_name};
use super::Section;
use super::request::size;
use super::value::{self, Wrong};

/// The forms; exactly one of them stands in a generator.
const FORMS: [&str; 8] = [
    "counter",
    "uniform",
    "normal",
    "walk",
    "choice",
    "timestamp",
    "uuid",
    "bytes",
];

/// The keys that go with a form.
const WITH: [(&str, &[&str]); 3] = [
    ("step", &["counter", "walk"]),
    ("decimals", &["uniform", "normal", "walk"]),
    ("weights", &["choice"]),
];

const TIMESTAMPS: [(&str, TimestampFormat); 4] = [
    ("s", TimestampFormat::Seconds),
    ("ms", TimestampFormat::Milliseconds),
    ("iso8601", TimestampFormat::Iso8601),
    ("iso8601-basic", TimestampFormat::Iso8601Basic),
];

/// All generators of a request.
pub(super) fn all(request: &Section<'_>) -> BTreeMap<String, Generator> {
    let mut generators = BTreeMap::new();
    let Some(fields) = request.section("generate") else {
        return generators;
    };
    for entry in fields.entries() {
        let name = entry.key.as_str();
        if !is_field_name(name) {
            let wrong = Wrong::new("is no name for a field");
            fields.wrong_at(
                name,
                wrong.instead("lower-case letters, digits and underscores, no digit first"),
            );
            continue;
        }
        let Value::Table(table) = &entry.node.value else {
            let wrong = value::mismatch(&entry.node, "a table");
            fields.wrong_at(
                name,
                wrong.instead("{ uniform = [15.0, 30.0], decimals = 1 }"),
            );
            continue;
        };
        let path = "request.*.generate.*";
        let shown = fields.shown_of(name);
        let section = Section::new(table, path, &shown, &entry.node.origin, fields.log);
        if let Some(generator) = one(&section) {
            generators.insert(name.to_owned(), generator);
        }
    }
    generators
}

fn one(section: &Section<'_>) -> Option<Generator> {
    let written: Vec<&str> = FORMS.into_iter().filter(|form| section.has(form)).collect();
    let &[form] = written.as_slice() else {
        let problem = format!("needs exactly one form, but has {}", written.len());
        section.wrong_at(
            "",
            Wrong::new(problem).instead(format!("one of {}", FORMS.join(", "))),
        );
        return None;
    };
    for (key, forms) in WITH {
        if section.has(key) && !forms.contains(&form) {
            let wrong = Wrong::new(format!("has no meaning beside {form}"));
            section.wrong_at(
                key,
                wrong.instead(format!("it beside {}", forms.join(" or "))),
            );
        }
    }
    let decimals = section
        .read("decimals", |node| value::integer(node, 0..=9))
        .unwrap_or_default();
    match form {
        "counter" => counter(section),
        "choice" => choice(section),
        "timestamp" => section
            .read("timestamp", |node| value::choice(node, &TIMESTAMPS))
            .map(Generator::Timestamp),
        "uuid" => section.read("uuid", truth).map(|()| Generator::Uuid),
        "bytes" => section
            .read("bytes", |node| size(node, 1))
            .and_then(|size| u32::try_from(size).ok())
            .map(Generator::Bytes),
        _ => numeric(section, form, decimals),
    }
}

/// Numbers beyond this lose their last digits in a double.
const LARGEST: f64 = 1e15;

fn numeric(section: &Section<'_>, form: &str, decimals: u8) -> Option<Generator> {
    let (first, second) = section.read(form, value::pair)?;
    let step = section.read("step", value::number).unwrap_or(1.0);
    let large = [first, second, step]
        .into_iter()
        .any(|number| number.abs() > LARGEST);
    let wrong = match form {
        _ if large => Wrong::new("is too large").instead("numbers up to 1e15"),
        "normal" if second < 0.0 => {
            Wrong::new("has a negative deviation").instead(format!("[{first}, {}]", -second))
        }
        "uniform" | "walk" if first > second => {
            Wrong::new("ends before it begins").instead(format!("[{second}, {first}]"))
        }
        "walk" if step <= 0.0 => {
            section.wrong_at("step", Wrong::new("must be above 0").instead("step = 0.5"));
            return None;
        }
        "normal" => {
            return Some(Generator::Normal {
                mean: first,
                deviation: second,
                decimals,
            });
        }
        "uniform" => {
            return Some(Generator::Uniform {
                low: first,
                high: second,
                decimals,
            });
        }
        _ => {
            return Some(Generator::Walk {
                low: first,
                high: second,
                step,
                decimals,
            });
        }
    };
    section.wrong_at(form, wrong);
    None
}

fn counter(section: &Section<'_>) -> Option<Generator> {
    let whole = |node: &Node| value::integer(node, i64::MIN..=i64::MAX);
    let start = section.read("counter", whole)?;
    let step = if section.has("step") {
        section.read("step", whole)?
    } else {
        1
    };
    Some(Generator::Counter { start, step })
}

fn choice(section: &Section<'_>) -> Option<Generator> {
    let texts = section.read("choice", value::one_or_more)?;
    if texts.is_empty() {
        section.wrong_at("choice", Wrong::new("is empty").instead("[\"a\", \"b\"]"));
        return None;
    }
    if !section.has("weights") {
        return Some(Generator::Choice(
            texts.into_iter().map(|text| (text, 1.0)).collect(),
        ));
    }
    let weights = section.read("weights", |node| {
        value::list(node)?
            .iter()
            .map(value::number)
            .collect::<Result<Vec<f64>, _>>()
    })?;
    if weights.len() != texts.len() {
        let problem = format!(
            "are {}, but there are {} choices",
            weights.len(),
            texts.len()
        );
        section.wrong_at(
            "weights",
            Wrong::new(problem).instead("one weight for each choice"),
        );
        return None;
    }
    let wrong = weights.iter().any(|weight| !(0.0..=1e9).contains(weight));
    if wrong || weights.iter().sum::<f64>() <= 0.0 {
        let wrong = Wrong::new("must be numbers from 0, and not all 0");
        section.wrong_at("weights", wrong.instead("[8, 1, 1]"));
        return None;
    }
    Some(Generator::Choice(texts.into_iter().zip(weights).collect()))
}

fn truth(node: &Node) -> Result<(), Wrong> {
    if value::truth(node)? {
        Ok(())
    } else {
        Err(Wrong::new("can only be true").instead("true, or remove the field"))
    }
}
