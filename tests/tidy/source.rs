//! The files of this package as text, with just enough understanding to hold rules against them.
//!
//! Not here: the rules. No parser either: formatted code ends a function with a brace at the
//! indentation of its first line, and that is all that is needed.

use std::fs;
use std::path::{Path, PathBuf};

/// Folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One text file.
#[derive(Debug)]
pub struct Source {
    /// From the root of the package, with slashes.
    pub path: String,
    pub text: String,
}

impl Source {
    /// Reads one file.
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| {
            panic!("{path}: {error}");
        });
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// The lines before the unit tests, numbered from 1.
    pub fn program(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .map(|(index, line)| (index + 1, line))
    }

    /// The same without comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.program()
            .map(|(number, line)| (number, without_comment(line)))
    }

    /// Functions with their first line and their length, unit tests included.
    pub fn functions(&self) -> Vec<(usize, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let indentation = &line[..line.len() - line.trim_start().len()];
            let one_line = line.ends_with(['}', ';']);
            if is_function(line.trim_start()) && !one_line {
                let end = format!("{indentation}}}");
                let length = lines[index..].iter().position(|line| *line == end);
                found.push((index + 1, length.map_or(1, |last| last + 1)));
            }
        }
        found
    }

    /// `src/plan/text.rs` is of the module `plan`; `src/plan.rs` too.
    pub fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        Some(first.trim_end_matches(".rs"))
    }
}

/// Cuts a comment off; the slashes of a URL are none.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| at + from) {
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let modifiers = ["const", "async", "pub", "pub(crate)", "pub(super)"];
    words.find(|word| !modifiers.contains(word)) == Some("fn")
}

/// Every Rust file in these folders, sorted by path.
pub fn rust(folders: &[&str]) -> Vec<Source> {
    files(folders, &|path| {
        path.extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("rs"))
    })
}

/// Every file of these folders that is wanted, sorted by path; build folders are left out.
pub fn files(folders: &[&str], wanted: &dyn Fn(&Path) -> bool) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    assert!(!paths.is_empty(), "no files in {folders:?}");
    let relative = |path: &PathBuf| {
        let inside = path.strip_prefix(root()).expect("collected below the root");
        inside.to_string_lossy().replace('\\', "/")
    };
    paths
        .iter()
        .filter(|path| wanted(path))
        .map(|path| Source::read(&relative(path)))
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| {
        panic!("{}: {error}", folder.display());
    });
    for entry in entries {
        let path = entry.expect("a folder can be read to its end").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, into);
            }
        } else {
            paths_push(path, into);
        }
    }
}

/// Regression files of the property tests are written by a tool.
fn paths_push(path: PathBuf, into: &mut Vec<PathBuf>) {
    if !path.to_string_lossy().ends_with(".proptest-regressions") {
        into.push(path);
    }
}

/// Alphanumeric words in lower case; `CamelCase` and `snake_case` are several words.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in line.chars() {
        let hump = character.is_uppercase() && before.is_lowercase();
        if hump || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            let word = words.last_mut().expect("there is always one");
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Fails with every broken place at once, so that one run shows all of them.
pub fn none_of(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}
