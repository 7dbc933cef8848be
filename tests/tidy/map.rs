//! The page of architecture in `src/lib.rs` against the files and tests that it names.
//!
//! Not here: whether what it says of them is true.

use std::collections::BTreeSet;

use crate::source::{Source, none_of, rust};

/// A bullet of the code map: the module, and the names in backticks.
fn code_map() -> Vec<(String, BTreeSet<String>)> {
    let map = section("# Code map");
    let bullets = map.split("* [`").skip(1);
    bullets
        .map(|bullet| {
            let (module, rest) = bullet.split_once('`').expect("a name ends with a backtick");
            let named = rest.split('`').skip(1).step_by(2);
            let files = named
                .filter(|name| {
                    name.chars()
                        .all(|c| c.is_ascii_lowercase() || "_/".contains(c))
                })
                .map(str::to_owned);
            (module.to_owned(), files.collect())
        })
        .collect()
}

/// The text of one section of lib.rs.
fn section(title: &str) -> String {
    let text = Source::read("src/lib.rs").text;
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(str::trim_start)
        .collect();
    let begin = lines.iter().position(|line| *line == title);
    let inside = &lines[begin.expect("lib.rs has this section") + 1..];
    let end = inside.iter().position(|line| line.starts_with("# "));
    inside[..end.unwrap_or(inside.len())].join("\n")
}

#[test]
fn the_code_map_names_every_file_and_no_other() {
    let mut there = BTreeSet::new();
    for file in rust(&["src"]) {
        let inside = file.path["src/".len()..].trim_end_matches(".rs").to_owned();
        if inside != "lib" && inside != "main" {
            there.insert(inside);
        }
    }
    let mut named = BTreeSet::new();
    for (module, files) in code_map() {
        named.extend(files.iter().map(|file| format!("{module}/{file}")));
        named.insert(module);
    }
    let missing: Vec<String> = there.difference(&named).cloned().collect();
    none_of("not in the code map of lib.rs", &missing);
    let gone: Vec<String> = named.difference(&there).cloned().collect();
    none_of("in the code map of lib.rs, but not in src", &gone);
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let all = rust(&["src", "tests"]);
    let is_test = |name: &str| {
        let start = format!("fn {name}(");
        all.iter().any(|file| file.text.contains(&start))
    };
    let text = section("# Invariants");
    let mut numbered = 0;
    for invariant in text.split("\n\n").flat_map(invariants) {
        numbered += 1;
        let names = invariant.split('`').skip(1).step_by(2);
        let tests: Vec<&str> = names
            .filter(|name| name.matches('_').count() >= 2)
            .collect();
        assert!(!tests.is_empty(), "no test holds this one: {invariant}");
        for name in tests {
            assert!(is_test(name), "there is no test called {name}");
        }
    }
    assert!(numbered >= 8, "{numbered} invariants found");
}

/// Items of a numbered list.
fn invariants(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in text.lines() {
        let number = line.split_once(". ").map(|(number, _)| number);
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            items.push(String::new());
        }
        if let Some(item) = items.last_mut() {
            item.push_str(line);
            item.push(' ');
        }
    }
    items
}
