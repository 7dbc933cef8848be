//! Passwords and keys: wherever they are written by mistake, and where they belong, no output has them.
//!
//! The real program; what it says and every file that it leaves is searched. Not here: passwords that a tenant
//! takes or refuses over TCP (`cli`), and which names and shapes are taken for secrets (`profile::secrets`).

mod support;

use std::path::{Path, PathBuf};

use support::{Authority, Midge, Outcome, Tenant};
use tempfile::TempDir;

/// What must not be found anywhere.
const CANARY: &str = "hunter2Canary5up3r";

/// A line that is wrong in another place: an error then quotes it, or its neighbours.
const PROFILE: &str = r#"format = 1
name = "secrets"
description = "Secrets where they do not belong"
platforms = ["kaa"]
[target]
URL
LINES
[fleet]
endpoints = 1
[load]
arrival_rate = "1/s"
warm_up = "0s"
measure = "1s"
[[request]]
use = "kaa/dcx-json"
"#;

fn profile(url: &str, lines: &str) -> String {
    let lines = lines.replace("CANARY", CANARY);
    let url = url.replace("CANARY", CANARY);
    PROFILE.replace("URL", &url).replace("LINES", &lines)
}

/// Fails if the secret stands in what was said, or in a file that was left.
#[track_caller]
fn nowhere(outcome: &Outcome, secret: &str, what: &str) {
    for said in [&outcome.stdout, &outcome.stderr] {
        assert!(!said.contains(secret), "{what}\n{outcome}");
    }
    let profile = outcome.home().join("secrets.toml");
    let list = outcome.home().join("fleet.csv");
    for (place, bytes) in contents(outcome.home()) {
        if [&profile, &list].contains(&&place) {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(secret),
            "{what}: {}\n{text}",
            place.display()
        );
    }
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.push((path, bytes));
        }
    }
    found
}

/// Refused by both commands, which do not repeat the secret.
#[track_caller]
fn refused(what: &str, call: impl Fn(Midge) -> Midge) {
    for command in ["check", "run"] {
        let midge = match command {
            "check" => Midge::call(["check", "./secrets.toml"]),
            _ => Midge::run("./secrets.toml"),
        };
        let outcome = call(midge).go();
        nowhere(&outcome, CANARY, what);
        assert_eq!(outcome.code, 104, "{what}\n{outcome}");
        assert!(outcome.stderr.contains("error"), "{what}\n{outcome}");
    }
}

const MQTTS: &str = "url = \"mqtts://localhost:1\"";
const WSS: &str = "url = \"wss://localhost:1/mqtt\"";

#[test]
fn a_secret_in_a_profile_is_refused_and_not_repeated() {
    let body = "M".to_owned() + &"IGHAgEAMBMGByqGSM49".repeat(4) + "CANARY";
    for (url, lines) in [
        (
            MQTTS,
            "certificate = \"a\"\nkey = \"-----BEGIN PRIVATE KEY-----\\nCANARY\"",
        ),
        (
            MQTTS,
            "certificate = \"a\"\nkey = '''\n-----BEGIN EC PRIVATE KEY-----\nCANARY\n-----END EC PRIVATE KEY-----\n'''",
        ),
        (
            MQTTS,
            "certificate = \"a\"\nkey = '''\n-----BEGIN PRIVATE KEY-----\nCANARY",
        ),
        (
            MQTTS,
            "certificate = \"a\"\nkey = \"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\"",
        ),
        (MQTTS, "certificate = \"a\"\nkey = \"\nCANARYxyz==\""),
        (
            MQTTS,
            "certificate = \"a\"\nkey = -----BEGIN PRIVATE KEY-----CANARY",
        ),
        (MQTTS, &format!("certificate = \"a\"\nkey = \"{body}\"")),
        (
            MQTTS,
            "certificate = \"-----BEGIN PRIVATE KEY-----CANARY\"\nkey = \"a\"",
        ),
        (MQTTS, "ca = \"-----BEGIN PRIVATE KEY-----CANARY\""),
        (MQTTS, "private_key = \"CANARY\""),
        (MQTTS, "username = \"u\"\npassword = \"CANARY\""),
        (MQTTS, "username = \"u\"\npassword = 5CANARY"),
        (MQTTS, "username = \"u\"\npassword = CANARY"),
        (MQTTS, "username = \"u\"\npassword = \"x\nCANARY\""),
        (MQTTS, "username = \"u\"\npassword = '''\nCANARY\n'''"),
        (MQTTS, "username = \"u\"\npassword = [\n\"CANARY\"\n]"),
        (MQTTS, "username = \"u\"\npwd = \"CANARY\""),
        (MQTTS, "username = \"u\"\npassphrase = \"CANARY\""),
        (WSS, "headers = { Authorization = \"Bearer CANARY\" }"),
        (
            WSS,
            "headers = { X-Tenant = \"7\", authorisation = \"Bearer CANARY\" }",
        ),
        (WSS, "[target.headers]\nX-Api-Key = \"CANARY\""),
        (WSS, "[target.headers]\nX-Tenant = 7\nCookie = \"CANARY\""),
        ("url = \"mqtts://user:CANARY@host\"", ""),
        ("url = \"user:CANARY@host\"", ""),
        ("url = \"mqtts:/user:CANARY@host\"", ""),
        ("url = [\"mqtts://host\", \"mqtts://user:CANARY@host\"]", ""),
        ("url = mqtts://user:CANARY@host", ""),
        ("url = \"mqtts://user:CANARY@host", ""),
        ("url = \"wss://host/mqtt?token=CANARY\"", ""),
        (
            MQTTS,
            "[fleet.vars]\nx = \"-----BEGIN PRIVATE KEY-----\\nCANARY\\n-----END PRIVATE KEY-----\"\n[ignored]",
        ),
    ] {
        let text = profile(url, lines);
        refused(&text, |midge| midge.file("secrets.toml", &text));
    }
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let text = profile(MQTTS, "");
    for (key, value) in [
        ("target.key", "-----BEGIN PRIVATE KEY-----CANARY"),
        ("target", "{ key = \"-----BEGIN PRIVATE KEY-----CANARY\" }"),
        ("target.certificate", "-----BEGIN PRIVATE KEY-----CANARY"),
        ("target.ca", "-----BEGIN PRIVATE KEY-----CANARY"),
        ("target.password", "CANARY"),
        ("target.pwd", "CANARY"),
        ("target.url", "mqtts://user:CANARY@host"),
        ("target.url", "user:CANARY@host"),
        ("target.url", "wss://host/mqtt?CANARY"),
        ("target.headers", "{ Authorization = \"CANARY\" }"),
        ("target.headers.Authorization", "CANARY"),
        ("target.headers.authorisation", "CANARY"),
        ("fleet.vars.x", "-----BEGIN PRIVATE KEY-----CANARY"),
    ] {
        let value = value.replace("CANARY", CANARY);
        refused(key, |midge| {
            midge.file("secrets.toml", &text).set(key, &value)
        });
    }
    for url in [
        "mqtts://user:CANARY@host",
        "user:CANARY@host",
        "wss://host/?CANARY",
    ] {
        let url = url.replace("CANARY", CANARY);
        refused(&url, |midge| midge.file("secrets.toml", &text).target(&url));
    }
    let tenant = Midge::call(["tenant", "--listen", "127.0.0.1:0"])
        .argument(format!(
            "--tls-certificate=-----BEGIN PRIVATE KEY-----{CANARY}"
        ))
        .argument(format!("--tls-key=-----BEGIN PRIVATE KEY-----{CANARY}"))
        .go();
    assert_ne!(tenant.code, 0, "{tenant}");
    nowhere(&tenant, CANARY, "midge tenant --tls-key");
}

#[test]
fn a_secret_in_a_list_of_identities_is_not_repeated() {
    let text = profile(
        MQTTS,
        "certificate = \"{certificate}\"\nkey = \"{key}\"\n[fleet.vars]\ntoken = \"ep-{endpoint}\"",
    )
    .replace(
        "endpoints = 1\n",
        "endpoints = 1\nidentities = \"fleet.csv\"\n",
    );
    let body = "M".to_owned() + &"IGHAgEAMBMGByqGSM49".repeat(4) + CANARY;
    for table in [
        // No header, so that the first row is taken for one.
        format!("{CANARY},-----BEGIN PRIVATE KEY-----{CANARY}\n"),
        format!("certificate,key\na.pem,-----BEGIN PRIVATE KEY-----{CANARY}\n"),
        format!("certificate,key\n-----BEGIN PRIVATE KEY-----{CANARY},b.pem\n"),
        format!("certificate,key\na.pem,{body}\n"),
        format!("certificate,key\n{body},{body}\n"),
        format!("certificate,key\na.pem,\"-----BEGIN PRIVATE KEY-----{CANARY}\n"),
        format!("certificate,key\na.pem,b.pem,-----BEGIN PRIVATE KEY-----{CANARY}\n"),
    ] {
        // A certificate that is there, so that the key is looked at too.
        let own = Authority::new("authority of the test").signs("fleet", &[]);
        refused(&table, |midge| {
            midge
                .file("secrets.toml", &text)
                .file("fleet.csv", &table)
                .file("a.pem", &own.certificate)
        });
    }
}

/// A run that is told every secret in the place where it belongs.
fn told_everything(
    tenant: &Tenant,
    files: &TempDir,
    authority: &Authority,
) -> (Midge, Vec<String>) {
    let mut secrets = vec![CANARY.to_owned()];
    let mut table = "token,certificate,key\n".to_owned();
    for endpoint in 0..50 {
        let own = authority.signs(&format!("endpoint {endpoint}"), &[]);
        secrets.push(own.key.lines().nth(1).expect("PEM").to_owned());
        let row = format!("t{endpoint},\"{}\",\"{}\"\n", own.certificate, own.key);
        table.push_str(&row);
    }
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file in a new folder");
        path.display().to_string()
    };
    let url = tenant.url.replace("mqtt://127.0.0.1", "wss://localhost") + "/mqtt";
    let run = Midge::small()
        .brief()
        .gentle()
        .target(&url)
        .set("target.ca", &file("ca.pem", &authority.pem()))
        .set("target.certificate", "'{certificate}'")
        .set("target.key", "'{key}'")
        .set("target.username", "fleet")
        .set("target.password", "env:MIDGE_TEST_PASSWORD")
        .set("target.headers.Authorization", "env:MIDGE_TEST_BEARER")
        .set(
            "target.headers.X-Api-Key",
            &format!("file:{}", file("api-key", CANARY)),
        )
        .set("fleet.identities", &file("fleet.csv", &table))
        .environment("MIDGE_TEST_PASSWORD", CANARY)
        .environment("MIDGE_TEST_BEARER", &format!("Bearer {CANARY}"))
        .argument("--raw-log=messages.csv");
    (run, secrets)
}

#[test]
fn secrets_in_their_places_are_used_and_stand_in_no_output() {
    let authority = Authority::new("authority of the test");
    let own = authority.signs("tenant", &["localhost"]);
    let files = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file in a new folder");
        path.display().to_string()
    };
    let flags = |password: &str| {
        [
            "--websocket=/mqtt".to_owned(),
            "--user=fleet".to_owned(),
            format!("--password={password}"),
            format!("--tls-certificate={}", file("tenant.pem", &own.certificate)),
            format!("--tls-key={}", file("tenant-key.pem", &own.key)),
            format!("--tls-client-ca={}", file("clients.pem", &authority.pem())),
        ]
    };
    // One that takes everybody, and one that takes nobody.
    for (password, connected) in [(CANARY, 50), ("another", 0)] {
        let tenant = Tenant::start(flags(password));
        let (run, secrets) = told_everything(&tenant, &files, &authority);
        let outcome = run.go();
        assert_eq!(
            outcome.count("/connections/connected"),
            connected,
            "{outcome}"
        );
        assert!(
            outcome
                .file("profile.toml")
                .contains("env:MIDGE_TEST_BEARER")
        );
        for secret in &secrets {
            nowhere(&outcome, secret, "a run");
        }
    }
}
