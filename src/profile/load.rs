//! From the name of a profile to the checked value: the order in which the parts are asked.
//!
//! Reads files only through a function that it is given. Not here: any of the rules.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::{Place, ProfileError};
use super::origin::{Origin, SourceFile, shortened};
use super::read::check::{self, Kind};
use super::read::{self, Around, Log};
use super::set::{Set, When};
use super::tree::{self, Entry, Node, Table, Value};
use super::{Profile, platform, shipped as files, write};
use crate::nearest::nearest;

/// A profile that may be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub profile: Profile,
    /// The profile as run: platforms and overrides merged into one TOML text, which reads back to
    /// the same profile. Secrets are references in it, as everywhere.
    pub source_text: String,
    /// SHA-256 of `source_text`, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Largest file that is read as a profile or platform.
const LARGEST: usize = 1 << 20;

/// Names and texts of the profiles in the binary.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    files::PROFILES
}

/// Names and texts of the platform definitions in the binary.
pub fn platforms() -> &'static [(&'static str, &'static str)] {
    files::PLATFORMS
}

/// Reads a profile: a shipped name, or a path if there is a `/` in it or `.toml` at its end.
///
/// `sets` are the `KEY=VALUE` of the command line in their order, later ones win. `read` reads a
/// file; paths in the profile are relative to its folder. Errors come all at once, sorted by line.
pub fn load(
    name_or_path: &str,
    sets: &[String],
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Loaded, Vec<ProfileError>> {
    let file = if is_path(name_or_path) {
        source(name_or_path, Path::new(name_or_path), read)
    } else {
        find_shipped(name_or_path)
    };
    let file = file.map_err(|error| vec![error])?;
    loaded(&file, sets, read)
}

/// Reads one of the profiles that load this program itself: `flood`, `closed`, `request-reply`,
/// `paced`, `idle`.
///
/// # Errors
/// There is no such profile, or the overrides are wrong.
pub fn load_bench(name: &str, sets: &[String]) -> Result<Loaded, Vec<ProfileError>> {
    let Some((_, text)) = files::BENCH.iter().find(|(known, _)| *known == name) else {
        let message = format!("there is no profile {name:?} to measure with");
        return Err(vec![ProfileError::plain(message)]);
    };
    let file = SourceFile {
        name: format!("{name}.toml"),
        text: (*text).to_owned(),
    };
    let nowhere = |_: &Path| Err(io::ErrorKind::NotFound.into());
    loaded(&Arc::new(file), sets, &nowhere)
}

/// Reads the text of a profile that was loaded before, whatever its size.
pub(super) fn as_run(
    name: &str,
    text: String,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Loaded, Vec<ProfileError>> {
    let name = name.to_owned();
    loaded(&Arc::new(SourceFile { name, text }), &[], read)
}

fn loaded(
    file: &Arc<SourceFile>,
    sets: &[String],
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Loaded, Vec<ProfileError>> {
    let path = Path::new(&file.name);
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let around = Around {
        folder: path.parent().unwrap_or(Path::new("")),
        stem: stem.as_deref().unwrap_or(""),
        read,
    };
    let log = Log::default();
    let result = merged(file, sets, &around, &log);
    let (root, profile) = match result {
        Ok(Some(done)) if log.is_empty() => done,
        Ok(_) => return Err(sorted(log.into_errors())),
        Err(error) => return Err(vec![error]),
    };
    let source_text = text_as_run(&file.text, root, &profile.name);
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(source_text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Loaded {
        profile,
        source_text,
        sha256,
    })
}

/// Whether an argument means a file and not a shipped name.
pub(super) fn is_path(text: &str) -> bool {
    text.contains('/') || Path::new(text).extension().is_some_and(|end| end == "toml")
}

/// Reads a file of limited size.
pub(super) fn source(
    name: &str,
    path: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Arc<SourceFile>, ProfileError> {
    let text = read(path).map_err(|error| {
        ProfileError::plain(format!("cannot read {}: {error}", shortened(name)))
    })?;
    if text.len() > LARGEST {
        let message = format!("{} is {} bytes long", shortened(name), text.len());
        return Err(ProfileError::plain(message).with_help("a profile has at most 1 MiB"));
    }
    Ok(Arc::new(SourceFile {
        name: name.to_owned(),
        text,
    }))
}

fn find_shipped(name: &str) -> Result<Arc<SourceFile>, ProfileError> {
    if let Some((_, text)) = shipped().iter().find(|(known, _)| *known == name) {
        let file = SourceFile {
            name: format!("{name}.toml"),
            text: (*text).to_owned(),
        };
        return Ok(Arc::new(file));
    }
    let near = nearest(name, shipped().iter().map(|(known, _)| *known));
    let hint = near
        .map(|near| format!(", did you mean {near:?}?"))
        .unwrap_or_default();
    let message = format!("there is no shipped profile {:?}{hint}", shortened(name));
    let help = format!(
        "shipped are: {}; a file of your own needs a path: ./FILE.toml",
        names(shipped())
    );
    Err(ProfileError::plain(message).with_help(help))
}

/// The names of a list, for messages.
pub(super) fn names(list: &[(&str, &str)]) -> String {
    let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Tree and profile; `None` where the tree is so wrong that reading it would only add noise.
fn merged(
    file: &Arc<SourceFile>,
    sets: &[String],
    around: &Around<'_>,
    log: &Log,
) -> Result<Option<(Node, Profile)>, ProfileError> {
    let Node {
        value: Value::Table(mut root),
        origin,
    } = tree::document(file)?
    else {
        return Ok(None);
    };
    flatten(&mut root);
    check::keys(&root, Kind::Profile, log);
    let mut parsed = Vec::with_capacity(sets.len());
    for set in sets {
        match Set::new(set) {
            Ok(set) => parsed.push(set),
            Err(error) => log.push_placed(error),
        }
    }
    apply(&parsed, When::BeforePlatforms, &mut root, log);
    let before = log.count();
    platform::resolve(&mut root, around, log);
    if log.count() > before {
        return Ok(None);
    }
    apply(&parsed, When::AfterPlatforms, &mut root, log);
    check::keys(&root, Kind::Profile, log);
    let root = Node {
        value: Value::Table(root),
        origin,
    };
    let profile = read::profile(&root, around, log);
    Ok(Some((root, profile)))
}

fn apply(sets: &[Set], when: When, root: &mut Table, log: &Log) {
    for set in sets.iter().filter(|set| set.when() == when) {
        if let Err(error) = set.apply(root) {
            log.push(set.origin(), error);
        }
    }
}

/// Brings two tables into the one form that everything else expects: conditions written as nested
/// tables get dotted names, flags of the tenant get underscores.
fn flatten(root: &mut Table) {
    if let Some(Value::Table(table)) = root
        .get_mut("thresholds")
        .map(|entry| &mut entry.node.value)
    {
        let mut flat = Vec::new();
        dotted("", std::mem::take(table), &mut flat);
        table.entries = flat;
    }
    if let Some(Value::Table(table)) = root.get_mut("tenant").map(|entry| &mut entry.node.value) {
        for entry in &mut table.entries {
            entry.key = entry.key.replace('-', "_");
        }
    }
}

fn dotted(prefix: &str, table: Table, flat: &mut Vec<Entry>) {
    for entry in table.entries {
        let key = if prefix.is_empty() {
            entry.key
        } else {
            format!("{prefix}.{}", entry.key)
        };
        match entry.node.value {
            Value::Table(inner) => dotted(&key, inner, flat),
            _ => flat.push(Entry { key, ..entry }),
        }
    }
}

/// By place: overrides first, then line by line.
pub(super) fn sorted(mut errors: Vec<ProfileError>) -> Vec<ProfileError> {
    errors.sort_by_key(|error| match &error.place {
        Place::Nowhere => (0, String::new(), 0, 0),
        Place::Override(_) => (1, String::new(), 0, 0),
        Place::File(file) => (2, file.clone(), 0, 0),
        Place::Line(line) => (2, line.file.clone(), line.line, line.column),
    });
    errors
}

/// The comments that open the source, then everything that was merged.
fn text_as_run(source: &str, root: Node, name: &str) -> String {
    let Value::Table(mut root) = root.value else {
        return String::new();
    };
    let value = Value::Text(name.to_owned());
    let node = Node {
        value,
        origin: Origin::Nowhere,
    };
    root.put(Entry {
        key: "name".to_owned(),
        key_origin: Origin::Nowhere,
        node,
    });
    let opening = source.lines().take_while(|line| line.starts_with('#'));
    let mut text: String = opening.flat_map(|line| [line.trim_end(), "\n"]).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&write::document(&root));
    text
}
