//! The reader and the key table agree.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::profile::keys::keys_table;
use crate::profile::origin::SourceFile;
use crate::profile::tree;

/// Profiles that together have every kind of table, so that the reader asks for every key.
const SINKS: [&str; 2] = [
    r#"
    [target]
    protocol = "5"
    [fleet]
    will = { topic = "gone/{endpoint}", user_properties = { a = "b" } }
    user_properties = { a = "b" }
    vars = { a = "b" }
    [load]
    arrival_rate = "1/s"
    stages = [{ for = "1s", to = "2/s" }]
    [[request]]
    name = "a"
    topic = "t/{request_id}"
    request_id = { in = "topic" }
    user_properties = { a = "b" }
    reply = { topic = "r", outcome = "/state", ok = "done", carries = "b" }
    generate.a = { counter = 0 }
    generate.b = { uniform = [0, 1] }
    generate.c = { choice = ["a"], weights = [1] }
    generate.d = { timestamp = "s" }
    generate.e = { uuid = true }
    generate.f = { bytes = "1B" }
    generate.g = { normal = [0, 1] }
    generate.h = { walk = [0, 1] }
    [[inbound]]
    name = "b"
    topic = "t"
    answer = [{ topic = "u" }]
    [tenant]
    [thresholds]
    "#,
    "",
];

#[test]
fn the_reader_knows_exactly_the_keys_of_the_table() {
    let mut asked = BTreeSet::new();
    for sink in SINKS {
        let log = Log::default();
        let file = SourceFile {
            name: "sink.toml".into(),
            text: sink.into(),
        };
        let root = tree::document(&std::sync::Arc::new(file)).unwrap();
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let around = Around {
            folder: Path::new(""),
            stem: "sink",
            read: &read,
        };
        profile(&root, &around, &log);
        asked.extend(log.asked());
        assert_eq!(log.into_errors(), []);
    }
    let table: BTreeSet<String> = keys_table().iter().map(|key| key.path.to_owned()).collect();
    // The name of a section is no key.
    let section = |path: &&String| table.iter().any(|key| key.starts_with(&format!("{path}.")));
    let unknown: Vec<&String> = asked
        .difference(&table)
        .filter(|path| !section(path))
        .collect();
    let unread: Vec<&String> = table.difference(&asked).collect();
    assert!(unknown.is_empty(), "read but not in the table: {unknown:?}");
    assert!(unread.is_empty(), "in the table but not read: {unread:?}");
}
