//! TLS and mutual TLS: the program against the simulated tenant and against Mosquitto.
//!
//! Certificates are made by each test. Not here: TLS by itself (`event::tls`), and what a profile may
//! say about it (`profiles`).

mod interop;
mod support;

use std::sync::Arc;

use interop::{Mosquitto, all_went_well, alone, ends_with_unless_disturbed, nobody_comes_in};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use support::{Authority, FakeBroker, Midge, Pair, Tenant};
use tempfile::TempDir;

/// A tenant with TLS, its authority, and files for whoever connects.
struct Secured {
    tenant: Tenant,
    authority: Authority,
    files: TempDir,
}

impl Secured {
    /// One whose certificate is for `localhost`.
    fn tenant(more: &[&str]) -> Self {
        Self::showing(
            |authority| authority.signs("tenant", &["localhost"]),
            false,
            more,
        )
    }

    /// One that wants to see a certificate of its own authority.
    fn mutual(more: &[&str]) -> Self {
        Self::showing(
            |authority| authority.signs("tenant", &["localhost"]),
            true,
            more,
        )
    }

    fn showing(own: impl FnOnce(&Authority) -> Pair, mutual: bool, more: &[&str]) -> Self {
        let authority = Authority::new("authority of the test");
        let files = tempfile::tempdir().expect("a temporary folder");
        let own = own(&authority);
        let this = |name: &str, text: &str| file(&files, name, text);
        let mut flags = vec![
            format!("--tls-certificate={}", this("tenant.pem", &own.certificate)),
            format!("--tls-key={}", this("tenant-key.pem", &own.key)),
        ];
        this("ca.pem", &authority.pem());
        if mutual {
            flags.push(format!(
                "--tls-client-ca={}",
                this("ca.pem", &authority.pem())
            ));
        }
        flags.extend(more.iter().map(ToString::to_string));
        Self {
            tenant: Tenant::start(flags),
            authority,
            files,
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        file(&self.files, name, text)
    }

    fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// A small run against it that trusts its authority.
    fn run(&self) -> Midge {
        self.run_unsure().set("target.ca", &self.path("ca.pem"))
    }

    /// The same, without saying who is trusted.
    fn run_unsure(&self) -> Midge {
        let url = self
            .tenant
            .url
            .replace("mqtt://127.0.0.1", "mqtts://localhost");
        Midge::small().brief().gentle().target(&url)
    }

    /// Shows a certificate of everybody's.
    fn shows(&self, run: Midge, own: &Pair) -> Midge {
        run.set(
            "target.certificate",
            &self.file("own.pem", &own.certificate),
        )
        .set("target.key", &self.file("own-key.pem", &own.key))
    }
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file in a new folder");
    path.display().to_string()
}

#[test]
fn a_fleet_sends_over_tls_in_both_versions() {
    let secured = Secured::tenant(&[]);
    for version in ["1.2", "1.3"] {
        let run = secured.run().set("target.tls_version", version);
        let outcome = run.go();
        all_went_well(&outcome);
        let tls = |pointer: &str| outcome.at(&format!("/connections/tls/{pointer}"));
        assert_eq!(tls("verified"), true);
        assert_eq!(
            tls("versions"),
            &serde_json::json!({ version: 50 }),
            "{outcome}"
        );
        assert_eq!(tls("resumed"), 0);
        assert_eq!(tls("handshake_time_us/count"), 50, "{outcome}");
        let handshake = tls("handshake_time_us/max").as_f64().expect("a number");
        let connect = outcome.at("/connections/connect_time_us/max").as_f64();
        assert!(handshake > 0.0 && Some(handshake) < connect, "{outcome}");
        assert!(
            outcome
                .stdout
                .contains(&format!("TLS {version}: 50 handshakes")),
            "{outcome}"
        );
    }
    let counts = secured.tenant.stop();
    assert_eq!(counts["connections"], 100, "{counts}");
}

#[test]
fn a_fleet_shows_one_certificate_or_each_endpoint_its_own() {
    let secured = Secured::mutual(&[]);
    let own = secured.authority.signs("fleet", &[]);
    all_went_well(&secured.shows(secured.run(), &own).go());

    let mut table = String::from("token,certificate,key\n");
    for endpoint in 0..50 {
        let own = secured
            .authority
            .signs(&format!("endpoint {endpoint}"), &[]);
        secured.file(&format!("{endpoint}.pem"), &own.certificate);
        secured.file(&format!("{endpoint}-key.pem"), &own.key);
        let row = format!("t{endpoint},\"{}\",\"{}\"\n", own.certificate, own.key);
        table.push_str(&row);
    }
    let columns = secured
        .run()
        .set("fleet.identities", &secured.file("fleet.csv", &table))
        .set("target.certificate", "'{certificate}'")
        .set("target.key", "'{key}'")
        .go();
    all_went_well(&columns);
    let files = secured
        .run()
        .set("target.certificate", &secured.path("{endpoint}.pem"))
        .set("target.key", &secured.path("{endpoint}-key.pem"))
        .go();
    all_went_well(&files);
    // Nothing that was written by the run holds a key.
    for outcome in [&columns, &files] {
        for entry in std::fs::read_dir(&outcome.folder).expect("the run's folder") {
            let text = std::fs::read(entry.expect("an entry").path()).expect("a file");
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains("PRIVATE KEY"), "{text}");
        }
    }
    secured.tenant.stop();
}

#[test]
fn a_certificate_that_is_not_trusted_keeps_everybody_out_and_is_named() {
    let secured = Secured::tenant(&[]);
    let other = secured.file("other.pem", &Authority::new("another one").pem());
    let run = secured.run_unsure().set("target.ca", &other);
    nobody_comes_in(run, "tls_unknown_ca", "as target.ca");
    let run = secured.run().set("target.server_name", "broker.example");
    nobody_comes_in(run, "tls_wrong_name", "as target.server_name");
    let expired = Secured::showing(
        |authority| authority.signs_expired("tenant", &["localhost"]),
        false,
        &[],
    );
    nobody_comes_in(expired.run(), "tls_expired", "renew it");
    let early = Secured::showing(
        |authority| authority.signs_too_early("tenant", &["localhost"]),
        false,
        &[],
    );
    nobody_comes_in(early.run(), "tls_expired", "set this machine's clock");
    let counts = secured.tenant.stop();
    assert!(counts["rejected"]["tls"].as_u64() >= Some(4), "{counts}");
}

#[test]
fn a_tenant_that_wants_certificates_takes_nobody_without_or_with_a_foreign_one() {
    let secured = Secured::mutual(&[]);
    let foreign = Authority::new("another one").signs("fleet", &[]);
    for version in ["1.2", "1.3"] {
        let run = || secured.run().set("target.tls_version", version);
        let advice = "as target.certificate and target.key";
        nobody_comes_in(run(), "tls_no_client_certificate", advice);
        let run = secured.shows(run(), &foreign);
        nobody_comes_in(run, "tls_client_certificate", "See target.certificate");
    }
}

#[test]
fn a_target_that_speaks_something_else_breaks_the_protocol() {
    let other = FakeBroker::start(|peer| {
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.swallow();
    });
    let run = Midge::small()
        .brief()
        .gentle()
        .target(&other.url.replace("mqtt://", "mqtts://"))
        .set("target.insecure", "true");
    nobody_comes_in(run, "tls_protocol", "check the port of target.url");
}

/// Most of them wait for the turn of their handshake, and what the target says has come before it.
#[test]
fn what_a_target_says_before_a_handshake_begins_is_heard() {
    let other = FakeBroker::start(|peer| {
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.swallow();
    });
    let outcome = Midge::small()
        .gentle()
        .target(&other.url.replace("mqtt://", "mqtts://"))
        .set("target.insecure", "true")
        .set("fleet.endpoints", "60")
        .set("fleet.connect_rate", "1_000_000/s")
        .set("fleet.connects_in_progress", "60")
        .set("fleet.reconnect.initial_delay", "1h")
        .set("fleet.reconnect.max_delay", "1h")
        .go();
    let by_class = |class: &str| outcome.count(&format!("/connections/failed_by/{class}"));
    assert_eq!(
        (by_class("tls_protocol"), by_class("timeout")),
        (60, 0),
        "{outcome}"
    );
}

/// A server of another make that speaks TLS 1.2 alone.
fn only_1_2(authority: &Authority) -> FakeBroker {
    let own = authority.signs("server", &["localhost"]);
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    FakeBroker::start(move |peer| {
        let mut tls = ServerConnection::new(config.clone()).expect("a setting");
        let mut stream = peer.stream();
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
    })
}

#[test]
fn no_version_in_common_breaks_the_protocol() {
    let authority = Authority::new("authority of the test");
    let server = only_1_2(&authority);
    let files = tempfile::tempdir().expect("a temporary folder");
    let url = server.url.replace("mqtt://127.0.0.1", "mqtts://localhost");
    let run = Midge::small()
        .brief()
        .gentle()
        .target(&url)
        .set("target.ca", &file(&files, "ca.pem", &authority.pem()))
        .set("target.tls_version", "1.3");
    nobody_comes_in(run, "tls_protocol", "and target.tls_version");
}

/// Nobody was connected, and the screen asks whether the scheme is right.
#[track_caller]
fn is_the_wrong_scheme(run: Midge) {
    let outcome = run
        .set("fleet.endpoints", "2")
        .set("load.measure", "500ms")
        .go()
        .ends_with(99);
    let classes = ["closed", "reset", "protocol"];
    let ended = classes.map(|class| outcome.count(&format!("/connections/failed_by/{class}")));
    let failed = outcome.count("/connections/failed");
    assert!(failed >= 2, "{outcome}");
    assert_eq!(ended.iter().sum::<u64>(), failed, "{outcome}");
    assert!(
        outcome.stdout.contains("check scheme and port"),
        "{outcome}"
    );
}

#[test]
fn tls_to_a_port_without_and_the_other_way_round_is_a_question_of_the_scheme() {
    let plain = Tenant::start(["--seed=1"]);
    let url = plain.url.replace("mqtt://127.0.0.1", "mqtts://localhost");
    let run = |url: &str| Midge::small().brief().gentle().target(url);
    is_the_wrong_scheme(run(&url).set("target.insecure", "true"));
    let secured = Secured::tenant(&[]);
    is_the_wrong_scheme(run(&secured.tenant.url));
    let websocket = Tenant::start(["--websocket=/mqtt"]);
    is_the_wrong_scheme(run(&websocket.url));
}

#[test]
fn what_is_not_verified_is_said_wherever_somebody_looks() {
    let secured = Secured::tenant(&[]);
    let outcome = secured.run_unsure().set("target.insecure", "true").go();
    all_went_well(&outcome);
    assert_eq!(outcome.at("/connections/tls/verified"), false);
    assert!(
        outcome.stderr.contains("whose certificate is not verified"),
        "{outcome}"
    );
    assert!(outcome.stdout.contains("WAS NOT VERIFIED"), "{outcome}");
}

#[test]
fn a_connection_that_comes_back_resumes_its_session_if_it_may() {
    let secured = Secured::tenant(&["--disconnect-rate=40/s"]);
    for version in ["1.2", "1.3"] {
        for resumption in [true, false] {
            let outcome = secured
                .run()
                .set("target.tls_version", version)
                .set("target.session_resumption", &resumption.to_string())
                .set("load.measure", "3s")
                .go();
            outcome.keeps_its_accounts();
            // Each but an endpoint's first one; a connection may be lost again before it counts as back.
            let handshakes = outcome.count(&format!("/connections/tls/versions/{version}"));
            let back = handshakes - 50;
            assert!(back > 10, "{outcome}");
            let resumed = outcome.count("/connections/tls/resumed");
            assert_eq!(
                resumed,
                if resumption { back } else { 0 },
                "{version}\n{outcome}"
            );
        }
    }
}

#[test]
fn files_that_are_not_what_they_should_be_are_named_and_not_shown() {
    let secured = Secured::tenant(&[]);
    let own = secured.authority.signs("fleet", &[]);
    let other = secured.authority.signs("other", &[]);
    let mixed = Pair {
        key: other.key.clone(),
        ..own
    };
    let refused = |run: Midge, sentence: &str| {
        let outcome = run.go().ends_with(104);
        assert!(outcome.stderr.contains(sentence), "{sentence}\n{outcome}");
        assert!(outcome.stderr.contains("nothing was sent"), "{outcome}");
        assert!(!outcome.stderr.contains("-----BEGIN"), "{outcome}");
    };
    let check = Midge::call(["check", "kaa-fleet", "--target", "mqtts://localhost"])
        .set("target.ca", "no-such.pem");
    refused(check, "target.ca: no-such.pem: No such file");
    let run = secured.run_unsure().set("target.ca", "no-such.pem");
    refused(run, "target.ca: no-such.pem: No such file");
    let empty = secured.file("empty.pem", "");
    let run = secured.run_unsure().set("target.ca", &empty);
    refused(run, "empty.pem holds no certificate in PEM");
    for ca in [
        "no PEM at all",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let run = secured
            .run_unsure()
            .set("target.ca", &secured.file("bad.pem", ca));
        refused(run, "bad.pem holds ");
    }
    let with = |certificate: &str, key: &str| {
        let own = Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        secured.shows(secured.run(), &own)
    };
    let good = secured.authority.signs("good", &[]);
    refused(
        with("no PEM at all", &good.key),
        "own.pem holds no certificate in PEM",
    );
    refused(
        with(
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            &good.key,
        ),
        "own.pem holds a certificate that cannot be read",
    );
    refused(
        with(&good.certificate, "no PEM at all"),
        "own-key.pem holds no private key in PEM",
    );
    let encrypted = good.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    refused(
        with(&good.certificate, &encrypted),
        "own-key.pem holds a key with a passphrase",
    );
    refused(
        secured.shows(secured.run(), &mixed),
        "own-key.pem does not belong to the certificate",
    );
    let run = secured
        .run()
        .set("target.certificate", &secured.path("{endpoint}.pem"))
        .set("target.key", &secured.path("{endpoint}-key.pem"));
    refused(run, "target.certificate of endpoint 0: ");
    let table = format!(
        "token,certificate,key\na,\"{}\",\"{}\"\n",
        mixed.certificate, mixed.key
    );
    let run = secured
        .run()
        .set("fleet.endpoints", "1")
        .set("fleet.identities", &secured.file("fleet.csv", &table))
        .set("target.certificate", "'{certificate}'")
        .set("target.key", "'{key}'");
    refused(
        run,
        "target.key of endpoint 0: does not belong to the certificate",
    );
}

#[test]
fn every_message_reaches_mosquitto_over_mutual_tls_to_the_last() {
    let _alone = alone();
    let authority = Authority::new("authority of the test");
    let (broker, port) = Mosquitto::with_tls(&authority);
    let files = tempfile::tempdir().expect("a temporary folder");
    let own = authority.signs("fleet", &[]);
    for (version, qos) in [("1.2", 0), ("1.3", 0), ("1.3", 1)] {
        let subscriber = broker.subscribe("bench/#", qos);
        // Until the very end of the run, so that the last messages are the connections' last.
        let outcome = Midge::run("mqtt-publish")
            .target(&format!("mqtts://localhost:{port}"))
            .set("target.ca", &file(&files, "ca.pem", &authority.pem()))
            .set(
                "target.certificate",
                &file(&files, "own.pem", &own.certificate),
            )
            .set("target.key", &file(&files, "own-key.pem", &own.key))
            .set("target.tls_version", version)
            .set("fleet.endpoints", "50")
            .set("load.arrival_rate", "1_000/s")
            .set("load.warm_up", "0s")
            .set("load.measure", "1s")
            .set("request.*.qos", &qos.to_string())
            .go();
        outcome.keeps_its_accounts();
        assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
        let sent = outcome.count("/whole_run/sent");
        assert!(sent > 800, "{outcome}");
        assert_eq!(outcome.count("/whole_run/ok"), sent, "{outcome}");
        assert_eq!(
            subscriber.messages(sent).len() as u64,
            sent,
            "{version}\n{outcome}"
        );
        ends_with_unless_disturbed(&outcome, 0);
    }
}

#[test]
fn mosquitto_too_says_why_it_takes_nobody() {
    let authority = Authority::new("authority of the test");
    let (_broker, port) = Mosquitto::with_tls(&authority);
    let files = tempfile::tempdir().expect("a temporary folder");
    let foreign = Authority::new("another one").signs("fleet", &[]);
    for version in ["1.2", "1.3"] {
        let run = || {
            Midge::run("mqtt-publish")
                .target(&format!("mqtts://localhost:{port}"))
                .set("target.ca", &file(&files, "ca.pem", &authority.pem()))
                .set("target.tls_version", version)
                .set("load.warm_up", "0s")
        };
        let advice = "as target.certificate and target.key";
        nobody_comes_in(run(), "tls_no_client_certificate", advice);
        let run = run()
            .set(
                "target.certificate",
                &file(&files, "own.pem", &foreign.certificate),
            )
            .set("target.key", &file(&files, "own-key.pem", &foreign.key));
        nobody_comes_in(run, "tls_client_certificate", "See target.certificate");
    }
}

/// With `--features thorough` as large a fleet as a site may have.
const FLEET: u32 = if cfg!(feature = "thorough") {
    5_000
} else {
    300
};

#[allow(
    clippy::print_stdout,
    reason = "figures for whoever asks with --nocapture"
)]
#[test]
fn a_fleet_in_which_each_endpoint_has_its_own_certificate_comes_to_mosquitto() {
    let _alone = alone();
    let authority = Authority::new("authority of the test");
    let (_broker, port) = Mosquitto::with_tls(&authority);
    let files = tempfile::tempdir().expect("a temporary folder");
    let table = authority.signs_fleet(FLEET);
    let run = Midge::run("mqtt-publish")
        .target(&format!("mqtts://localhost:{port}"))
        .set("target.ca", &file(&files, "ca.pem", &authority.pem()))
        .set("fleet.identities", &file(&files, "fleet.csv", &table))
        .set("target.certificate", "'{certificate}'")
        .set("target.key", "'{key}'")
        .set("fleet.endpoints", &FLEET.to_string())
        .set("fleet.connect_rate", "500/s")
        .set("load.arrival_rate", "200/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.*.qos", "1");
    let outcome = run.go_undisturbed();
    println!("{}", outcome.stdout);
    outcome.keeps_its_accounts();
    assert_eq!(
        outcome.count("/connections/connected"),
        u64::from(FLEET),
        "{outcome}"
    );
    assert_eq!(outcome.count("/connections/failed"), 0, "{outcome}");
    assert_eq!(
        outcome.count("/connections/tls/versions/1.3"),
        u64::from(FLEET),
        "{outcome}"
    );
    ends_with_unless_disturbed(&outcome, 0);
}
