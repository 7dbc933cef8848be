//! House rules, held against the text of every file.
//!
//! They say what a reader may rely on without looking: where platforms are named, who reads the
//! clock, who prints, how long a file is. Not here: what the code does, and what clippy checks.

#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/source.rs"]
mod source;

use source::{Source, files, none_of, root, rust, words};

const LINES_MAX: usize = 400;
const FUNCTION_MAX: usize = 70;

/// Rust that people read: everything but the generated.
const EVERYWHERE: [&str; 4] = ["src", "tests", "benches", "profiles"];

/// The file that has to spell out what others must not contain.
const THIS: &str = "tests/tidy.rs";

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let broken: Vec<String> = rust(&EVERYWHERE)
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    none_of("these files do not open with `//! `", &broken);
}

#[test]
fn files_are_short() {
    let broken: Vec<String> = rust(&["src", "benches", "tests/tidy"])
        .iter()
        .map(|file| (file.path.clone(), file.program().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect();
    none_of(
        "these files have more than 400 lines before their tests",
        &broken,
    );
}

#[test]
fn functions_are_short() {
    let mut broken = Vec::new();
    for file in rust(&["src", "benches", "tests/tidy"]) {
        for (line, length) in file.functions() {
            if length > FUNCTION_MAX {
                broken.push(format!("{}:{line}: {length}", file.path));
            }
        }
    }
    none_of("these functions have more than 70 lines", &broken);
}

#[test]
fn a_module_is_a_file_beside_its_folder() {
    let broken: Vec<String> = rust(&["src"])
        .into_iter()
        .map(|file| file.path)
        .filter(|path| path.ends_with("mod.rs"))
        .collect();
    none_of("no mod.rs: src/foo.rs and src/foo/*.rs", &broken);
}

/// Lines of a file that contain one of these.
fn places(file: &Source, forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in file.code() {
        for text in forbidden.iter().filter(|text| line.contains(**text)) {
            found.push(format!("{}:{number}: {text}", file.path));
        }
    }
    found
}

#[test]
fn pure_modules_read_no_clock_socket_file_or_environment() {
    const PURE: [&str; 4] = ["mqtt", "plan", "measure", "report"];
    /// The one file of the report that writes.
    const FOLDER: &str = "src/report/folder.rs";
    const FORBIDDEN: [&str; 11] = [
        "std::net",
        "std::fs",
        "std::env::",
        "std::thread",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "print!",
        "println!",
        "tokio",
    ];
    let broken: Vec<String> = rust(&["src"])
        .iter()
        .filter(|file| file.module().is_some_and(|module| PURE.contains(&module)))
        .filter(|file| file.path != FOLDER)
        .flat_map(|file| places(file, &FORBIDDEN))
        .collect();
    none_of("pure modules", &broken);
}

/// Each module, and what it may use of the crate besides itself.
const LAYERS: [(&str, &[&str]); 22] = [
    ("calibration", &["measure", "profile", "report"]),
    (
        "cli",
        &[
            "calibration",
            "conclusion",
            "engine",
            "event",
            "measure",
            "mqtt",
            "nearest",
            "plan",
            "profile",
            "report",
            "selftest",
            "simulation",
            "sink",
            "tenant",
            "units",
            "witness",
        ],
    ),
    (
        "conclusion",
        &[
            "engine", "event", "measure", "plan", "planted", "profile", "report",
        ],
    ),
    ("delay", &["random", "units"]),
    (
        "engine",
        &["event", "measure", "mqtt", "plan", "planted", "profile"],
    ),
    ("event", &["planted"]),
    ("lib", &[]),
    ("main", &[]),
    ("measure", &["planted"]),
    ("mqtt", &[]),
    ("nearest", &[]),
    ("plan", &["nearest", "profile", "random", "units"]),
    ("planted", &[]),
    ("profile", &["delay", "nearest", "units"]),
    ("random", &[]),
    ("report", &["measure"]),
    (
        "selftest",
        &[
            "conclusion",
            "delay",
            "engine",
            "event",
            "measure",
            "plan",
            "profile",
            "random",
            "report",
            "simulation",
            "tenant",
        ],
    ),
    (
        "simulation",
        &["engine", "event", "measure", "plan", "profile", "tenant"],
    ),
    ("sink", &["event"]),
    (
        "tenant",
        // Of the profile the definitions alone; plan and engine never.
        &[
            "delay", "event", "mqtt", "nearest", "profile", "random", "units",
        ],
    ),
    ("units", &[]),
    (
        "witness",
        &[
            "event", "measure", "mqtt", "plan", "profile", "random", "units",
        ],
    ),
];

#[test]
fn layers_point_down() {
    let mut broken = Vec::new();
    for file in rust(&["src"]) {
        let module = file.module().expect("a file of src");
        // As many steps up as lead out of the module.
        let up = "super::".repeat(file.path.matches('/').count());
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            broken.push(format!("{}: {module} has no place in LAYERS", file.path));
            continue;
        };
        for (number, line) in file.code() {
            let from_root = line.split("crate::").skip(1);
            // Within an inline module the first step leads to its own file.
            let from_here = if line.starts_with(' ') { "" } else { line };
            for after in from_root.chain(from_here.split(&up).skip(1)) {
                let used: String = after
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if used != module && !below.contains(&used.as_str()) {
                    broken.push(format!("{}:{number}: {module} uses {used:?}", file.path));
                }
            }
        }
    }
    none_of("nothing points up", &broken);
}

#[test]
fn platform_names_stay_in_the_tenant_and_the_profiles() {
    const NAMES: [&str; 9] = [
        "kaa",
        "kp1",
        "kpc",
        "enapter",
        "thingsboard",
        "azure",
        "losant",
        "ubidots",
        "tuya",
    ];
    /// Files that have to say one, and why.
    const ALLOWED: [(&str, &str); 3] = [
        ("src/cli.rs", "the profile that runs by default has a name"),
        (
            "src/cli/tenant.rs",
            "a flag of the tenant has a value of that name",
        ),
        ("src/lib.rs", "the code map names the files of the tenant"),
    ];
    let mut broken = Vec::new();
    for file in rust(&["src"]) {
        let allowed = ALLOWED.iter().any(|(path, _)| *path == file.path);
        if allowed || file.module() == Some("tenant") {
            continue;
        }
        for (number, line) in file.program() {
            for word in words(line) {
                if NAMES.contains(&word.as_str()) {
                    broken.push(format!("{}:{number}: {word}", file.path));
                }
            }
        }
    }
    none_of("platforms are data", &broken);
    for (path, why) in ALLOWED {
        let said = words(&Source::read(path).text);
        let needed = said.iter().any(|word| NAMES.contains(&word.as_str()));
        assert!(needed, "{path} needs no exception any more: {why}");
    }
}

/// Everything that is committed and written by people.
fn written() -> Vec<Source> {
    let mut all = files(
        &["src", "tests", "benches", "profiles", "results"],
        &|path| {
            let name = path.to_string_lossy();
            [".rs", ".toml", ".md", "/run"]
                .iter()
                .any(|end| name.ends_with(end))
        },
    );
    all.extend(["README.md", "Cargo.toml", ".ci/run"].map(Source::read));
    all.retain(|file| file.path != THIS && !is_a_run(&file.path));
    all
}

/// `results/20260901-120000Z-name/...`: what a run has written, not a person.
fn is_a_run(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("results") && parts.nth(1).is_some()
}

#[test]
fn times_have_precise_names() {
    let mut broken = Vec::new();
    for file in written() {
        for (number, line) in file.text.lines().enumerate() {
            if words(line).iter().any(|word| word == "latency") {
                broken.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none_of(
        "say response time, service time, schedule lag or acknowledge time",
        &broken,
    );
}

#[test]
fn nothing_is_left_half_done() {
    const FORBIDDEN: [&str; 6] = ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX", "TODO"];
    let mut broken = Vec::new();
    for file in written() {
        for (number, line) in file.text.lines().enumerate() {
            for text in FORBIDDEN.iter().filter(|text| line.contains(**text)) {
                broken.push(format!("{}:{}: {text}", file.path, number + 1));
            }
        }
    }
    none_of("finish it", &broken);
}

#[test]
fn no_file_knows_where_it_was_written() {
    let mut broken = Vec::new();
    for file in written() {
        for (number, line) in file.text.lines().enumerate() {
            for path in ["/root/", "/home/", "/work/"] {
                if line.contains(path) {
                    broken.push(format!("{}:{}: {path}", file.path, number + 1));
                }
            }
        }
    }
    none_of("paths of one machine", &broken);
}

#[test]
fn only_main_exits_and_only_the_command_line_prints() {
    let mut broken = Vec::new();
    for file in rust(&["src"]) {
        if file.path != "src/main.rs" {
            broken.extend(places(&file, &["process::exit", "process::abort"]));
        }
        if file.module() != Some("cli") {
            broken.extend(places(&file, &["print!", "println!"]));
        }
    }
    none_of("exits and prints", &broken);
}

#[test]
fn names_are_imported_one_by_one_outside_of_tests() {
    let broken: Vec<String> = rust(&["src"])
        .iter()
        .flat_map(|file| places(file, &["use super::*", "use crate::*"]))
        .filter(|place| !place.contains("/tests.rs:"))
        .collect();
    none_of("imports", &broken);
}

#[test]
fn every_shipped_profile_opens_with_its_question_and_an_example() {
    let profiles = files(&["profiles"], &|path| {
        let name = path.to_string_lossy();
        name.ends_with(".toml") && !name.contains("/platform/")
    });
    for profile in profiles {
        let mut lines = profile.text.lines();
        for opening in ["# Question: ", "# Example: "] {
            let line = lines.next().unwrap_or_default();
            assert!(
                line.starts_with(opening),
                "{}: {line:?} does not begin with {opening:?}",
                profile.path
            );
        }
    }
}

/// Names of the dependencies in one table of Cargo.toml.
fn dependencies(table: &str) -> Vec<String> {
    let manifest: toml::Table =
        toml::from_str(&Source::read("Cargo.toml").text).expect("cargo has read it");
    let table = manifest.get(table).and_then(toml::Value::as_table);
    table
        .expect("the manifest has this table")
        .keys()
        .cloned()
        .collect()
}

#[test]
fn every_dependency_is_used_and_readme_says_why() {
    let readme = Source::read("README.md").text;
    let program = rust(&["src"]);
    let tests = rust(&["tests", "benches"]);
    for (table, users) in [("dependencies", &program), ("dev-dependencies", &tests)] {
        for name in dependencies(table) {
            let row = format!("| `{name}` |");
            assert!(readme.contains(&row), "README.md has no row {row:?}");
            let path = format!("{}::", name.replace('-', "_"));
            let used = users
                .iter()
                .any(|file| file.code().any(|(_, line)| line.contains(&path)));
            assert!(used, "{name} is in Cargo.toml and nothing uses it");
        }
    }
}

/// What benchmarks share: no benchmark itself.
const SHARED: &str = "benches/support/";

#[test]
fn every_test_and_benchmark_of_the_package_has_its_file() {
    let manifest = Source::read("Cargo.toml").text;
    let benches: Vec<String> = rust(&["benches"])
        .into_iter()
        .map(|file| file.path)
        .filter(|path| !path.starts_with(SHARED))
        .collect();
    for path in &benches {
        // A benchmark is a file, with a folder for its parts, or a folder with a `main.rs`.
        let inside = &path["benches/".len()..];
        let name = match inside.split_once('/') {
            Some((folder, _)) => {
                let whole = ["benches/{}.rs", "benches/{}/main.rs"];
                let mut whole = whole.iter().map(|name| name.replace("{}", folder));
                let found = whole.any(|file| benches.contains(&file));
                assert!(found, "{path} belongs to no benchmark {folder}");
                folder
            }
            None => inside.trim_end_matches(".rs"),
        };
        let entry = format!("name = \"{name}\"");
        assert!(manifest.contains(&entry), "{path} has no [[bench]] entry");
    }
    for shared in files(&["benches/support"], &|_| true) {
        let name = &shared.path["benches/".len()..];
        let used = rust(&["benches", "tests"])
            .iter()
            .any(|file| file.path != THIS && file.text.contains(name));
        assert!(used, "nothing uses {}", shared.path);
    }
    for script in ["tests/run", ".ci/run"] {
        assert!(root().join(script).is_file(), "{script} is missing");
    }
}
