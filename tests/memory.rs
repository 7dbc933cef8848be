//! What a fleet costs in a run that goes on: bytes of heap for each endpoint, counted by the allocator,
//! and RSS before there is any.
//!
//! For the heap the engine runs in this process under a counting allocator, the simulated tenant in its own. Two
//! fleets differ in nothing but their size; what the larger one holds more, divided by its
//! endpoints, is the price of one. The same is what `midge check` computes. A binary of its own,
//! because the allocator counts everything that the process does, and one test after the other for
//! the same reason. For the RSS, which no allocator knows, the program itself runs.
//! Not here: what the kernel holds for each socket.
#![allow(
    clippy::print_stdout,
    reason = "figures for whoever asks with --nocapture"
)]
#![allow(clippy::print_stderr, reason = "README.md shows what it counts")]

use std::alloc::System;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use midge::engine::{self, Progress, Security, Settings};
use midge::event::Clock;
use midge::event::tls::{ClientSetting, Connector, Credentials, Protocols, Roots};
use midge::event::websocket::Request;
use midge::plan::{Identities, Plan};
use midge::profile;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "../benches/support/far.rs"]
mod far;
mod support;

use far::Far;
use support::Authority;
#[cfg(target_os = "linux")]
use support::Midge;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts what all of them do.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A tenant that pushes and errs.
fn tenant() -> Far {
    let flags = "--relaxed-paths on --commands 50/s --config-push 50/s --error-rate 1%";
    Far::tenant(flags.split(' ').map(str::to_owned))
}

/// A kind of fleet.
#[derive(Clone, Copy)]
struct Kind {
    profile: &'static str,
    sets: &'static [&'static str],
    /// Whether a list says who the endpoints are.
    listed: bool,
    /// Seconds of load after which it is looked at.
    after: u64,
    tls: Option<Shown>,
    /// Whether each of its connections is a WebSocket.
    websocket: bool,
}

/// Where a tenant's WebSocket is.
const PATH: &str = "/mqtt";

/// What connections under TLS show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// All of them the same certificate.
    Shared,
    /// Each its own, PEM from a list.
    Own,
}

/// As [`IDLE`], under TLS; the tenant wants to see certificates.
const IDLE_SHARED: Kind = Kind {
    sets: &["load.arrival_rate=20/s", "fleet.connect_rate=1_000/s"],
    tls: Some(Shown::Shared),
    ..IDLE
};

/// The same with a certificate for each endpoint, of which the list holds certificate and key.
const IDLE_OWN: Kind = Kind {
    sets: &[
        "load.arrival_rate=20/s",
        "fleet.connect_rate=1_000/s",
        "target.certificate='{certificate}'",
        "target.key='{key}'",
    ],
    tls: Some(Shown::Own),
    ..IDLE
};

/// As [`IDLE`], over WebSocket.
const IDLE_WEBSOCKET: Kind = Kind {
    websocket: true,
    ..IDLE
};

/// As [`IDLE_SHARED`] and [`IDLE_OWN`], over WebSocket.
const IDLE_SHARED_WEBSOCKET: Kind = Kind {
    websocket: true,
    ..IDLE_SHARED
};
const IDLE_OWN_WEBSOCKET: Kind = Kind {
    websocket: true,
    ..IDLE_OWN
};

/// A tenant under TLS, who it trusts, and its files.
struct Secured {
    far: Far,
    authority: Authority,
    _files: tempfile::TempDir,
}

impl Secured {
    fn start(websocket: bool) -> Self {
        let authority = Authority::new("authority of the test");
        let own = authority.signs("tenant", &["localhost"]);
        let files = tempfile::tempdir().unwrap();
        let flag = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("--tls-{name}={}", path.display())
        };
        let mut flags = vec![
            flag("certificate", &own.certificate),
            flag("key", &own.key),
            flag("client-ca", &authority.pem()),
        ];
        if websocket {
            flags.push(format!("--websocket={PATH}"));
        }
        Self {
            far: Far::tenant(flags),
            authority,
            _files: files,
        }
    }

    fn security(&self, shown: Shown) -> Security {
        let roots = Roots::from_pem(self.authority.pem().as_bytes()).unwrap();
        let setting = ClientSetting {
            roots: Some(roots),
            protocols: Protocols::Both,
            resumption: false,
        };
        let own = self.authority.signs("fleet", &[]);
        let credentials = Credentials::from_pem(own.certificate.as_bytes(), own.key.as_bytes());
        Security {
            connector: Connector::new(&setting).unwrap(),
            names: vec!["localhost".to_owned()],
            credentials: (shown == Shown::Shared).then(|| credentials.unwrap()),
        }
    }
}

/// Plain endpoints that keep their connections. A few messages per second, so that both fleets hold
/// the same histograms.
const IDLE: Kind = Kind {
    profile: "./profiles/bench/idle.toml",
    sets: &["load.arrival_rate=20/s"],
    listed: false,
    after: 4,
    tls: None,
    websocket: false,
};

/// Endpoints that may use every service. All kinds of requests occur in every second, so that both
/// fleets hold the same histograms, and few are in flight.
const QUIET: Kind = Kind {
    profile: "kaa-fleet",
    sets: &[
        "fleet.connect_rate=10_000/s",
        "load.arrival_rate=500/s",
        "load.warm_up=1s",
        "request.*.weight=1",
    ],
    listed: true,
    after: 4,
    tls: None,
    websocket: false,
};

/// Endpoints of which each has used every service.
const BUSY: Kind = Kind {
    profile: "kaa-fleet",
    sets: &[
        "fleet.connect_rate=10_000/s",
        "load.arrival_rate=2_000/s",
        "load.warm_up=1s",
        "load.measure=12s",
        "request.*.weight=1",
    ],
    listed: true,
    after: 10,
    tls: None,
    websocket: false,
};

/// A token of 22 characters for each endpoint.
fn list(endpoints: u32) -> Identities {
    let mut text = "token\n".to_owned();
    for endpoint in 0..endpoints {
        let _ = writeln!(text, "token-{endpoint:016}");
    }
    Identities::from_csv(text.as_bytes(), endpoints, 0..endpoints).unwrap()
}

/// Bytes of heap that a fleet of this size holds in mid-run, and what the plan says of all memory.
fn held(kind: Kind, endpoints: u32) -> (f64, f64) {
    let secured = kind
        .tls
        .map(|shown| (Secured::start(kind.websocket), shown));
    let tenant = match (&secured, kind.websocket) {
        (Some(_), _) => None,
        (None, false) => Some(tenant()),
        (None, true) => Some(Far::tenant([format!("--websocket={PATH}")])),
    };
    let mut sets: Vec<String> = kind.sets.iter().map(ToString::to_string).collect();
    sets.push(format!("fleet.endpoints={endpoints}"));
    match (secured.is_some(), kind.websocket) {
        (false, false) => {}
        (true, false) => sets.push("target.url=mqtts://localhost".to_owned()),
        (false, true) => sets.push(format!("target.url=ws://localhost{PATH}")),
        (true, true) => sets.push(format!("target.url=wss://localhost{PATH}")),
    }
    let certificates = match &secured {
        Some((secured, Shown::Own)) => Some(secured.authority.signs_fleet(endpoints)),
        _ => None,
    };
    let tls = secured
        .as_ref()
        .map(|(secured, shown)| secured.security(*shown));
    let far = secured
        .as_ref()
        .map(|(secured, _)| &secured.far)
        .or(tenant.as_ref());
    let target = far.expect("one of the two").address;
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    let loaded = profile::load(kind.profile, &sets, &read).unwrap();
    let region = Region::new(ALLOCATOR);
    let identities = if kind.listed {
        list(endpoints)
    } else if let Some(text) = &certificates {
        Identities::from_csv(text.as_bytes(), endpoints, 0..endpoints).unwrap()
    } else {
        Identities::none()
    };
    let plan = Arc::new(Plan::compile(&loaded.profile, identities).unwrap());
    let computed = plan.arithmetic(1).memory_bytes as f64;
    let shape = Arc::new(engine::shape(&plan, &loaded.profile));
    let settings = Settings {
        profile: loaded.profile,
        targets: vec![target],
        password: None,
        tls,
        websocket: if kind.websocket {
            vec![Request::new("localhost", PATH, [])]
        } else {
            Vec::new()
        },
        nonce: 7,
        workers: 1,
        raw_log: None,
        approach: engine::Approach::Asleep,
        kernel_timestamps: 0.0,
    };
    let run = engine::start(plan, shape, settings, Clock::start()).unwrap();
    let seconds = run.progress.iter().filter_map(|progress| match progress {
        Progress::Second { number, live } => Some((number, live)),
        _ => None,
    });
    let (_, live) = { seconds }
        .find(|(number, _)| *number >= kind.after)
        .expect("the run lasts longer");
    let change = region.change();
    let counted = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    assert_eq!(live.connected, u64::from(endpoints), "all are connected");
    run.stopper().stop();
    run.stopper().abort();
    run.finish().unwrap();
    (counted, computed)
}

/// What mio keeps of a stream where debug assertions are on; a standard build has sockets of 16 bytes.
const DEBUGGING: f64 = (size_of::<Option<midge::event::Socket>>() - 16) as f64;

/// What one endpoint costs: as counted, and as computed.
fn price(kind: Kind, few: u32, many: u32) -> (f64, f64) {
    let (small, large) = (held(kind, few), held(kind, many));
    let more = f64::from(many - few);
    // Beneath a WebSocket there is another socket.
    let sockets = if kind.websocket { 2.0 } else { 1.0 };
    let counted = (large.0 - small.0) / more - sockets * DEBUGGING;
    let computed = (large.1 - small.1) / more;
    eprintln!(
        "{}{}{}: {counted:.1} bytes per endpoint, computed {computed:.1}",
        kind.profile,
        if kind.websocket {
            " over WebSocket"
        } else {
            ""
        },
        match kind.tls {
            None => "",
            Some(Shown::Shared) => " under TLS",
            Some(Shown::Own) => " under TLS, each with its own certificate",
        }
    );
    (counted, computed)
}

/// As many connections as the kernel lets this process have; true if these fit.
fn room_for(connections: u32) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).is_ok()
        && limit
            .maximum
            .is_none_or(|most| most > u64::from(connections) + 64)
}

#[track_caller]
fn assert_price(kind: Kind, few: u32, many: u32, most: f64) {
    let _alone = ONE_AT_A_TIME.lock();
    assert!(room_for(many), "ulimit -Hn must be above {many}");
    let kept =
        |(counted, computed): (f64, f64)| counted <= most && (computed / counted - 1.0).abs() < 0.2;
    // What was in flight at once counts too, and a machine that holds one of the two runs up for a
    // second makes that much: three pairs that are off are no accident.
    assert!(
        (0..3).any(|_| kept(price(kind, few, many))),
        "three times more than {most} bytes per endpoint, or not what is computed"
    );
}

#[test]
fn an_idle_endpoint_takes_few_bytes_and_as_many_as_computed() {
    assert_price(IDLE, 1_000, 5_000, 160.0);
}

#[test]
fn an_idle_endpoint_under_tls_takes_few_bytes_and_as_many_as_computed() {
    assert_price(IDLE_SHARED, 500, 2_500, 4.5 * 1024.0);
}

#[test]
fn an_idle_endpoint_with_a_certificate_of_its_own_takes_few_bytes_and_as_many_as_computed() {
    assert_price(IDLE_OWN, 500, 2_500, 6.0 * 1024.0);
}

#[test]
fn an_idle_endpoint_over_websocket_takes_few_bytes_and_as_many_as_computed() {
    assert_price(IDLE_WEBSOCKET, 1_000, 5_000, 320.0);
}

/// What a WebSocket may take besides what is beneath it: half of the limit of all, as over TCP.
const OF_WEBSOCKET: f64 = 320.0 - 160.0;

#[test]
fn an_idle_endpoint_over_websocket_under_tls_takes_few_bytes_and_as_many_as_computed() {
    assert_price(
        IDLE_SHARED_WEBSOCKET,
        500,
        2_500,
        4.5 * 1024.0 + OF_WEBSOCKET,
    );
}

#[test]
fn an_idle_endpoint_over_websocket_with_a_certificate_of_its_own_takes_few_bytes_and_as_many_as_computed()
 {
    assert_price(IDLE_OWN_WEBSOCKET, 500, 2_500, 6.0 * 1024.0 + OF_WEBSOCKET);
}

#[test]
fn an_endpoint_with_every_service_takes_few_bytes_and_as_many_as_computed() {
    assert_price(QUIET, 500, 4_500, 340.0);
}

/// Nothing of an endpoint grows with use.
#[test]
fn an_endpoint_that_has_used_every_service_takes_no_more() {
    let _alone = ONE_AT_A_TIME.lock();
    assert!(room_for(1_000));
    // See above.
    assert!(
        (0..3).any(|_| price(BUSY, 100, 600).0 <= 900.0),
        "three times more than 900 bytes per endpoint"
    );
}

/// Most RSS of `kaa-fleet` without any endpoint, MiB.
#[cfg(target_os = "linux")]
const BASE_MAX_MIB: f64 = 20.0;

/// MiB of RSS that `kaa-fleet` holds with so many endpoints, when all kinds of requests were sent.
#[cfg(target_os = "linux")]
fn resident(endpoints: u32) -> f64 {
    let tenant = tenant();
    let mut running = Midge::run("kaa-fleet")
        .target(&format!("mqtt://{}", tenant.address))
        .set("fleet.endpoints", &endpoints.to_string())
        .set("fleet.connect_rate", "10_000/s")
        .set("load.measure", "20s")
        .spawn();
    running.process.await_words(" 6 s  measure");
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.process.id())).unwrap();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .expect("the kernel says what is resident");
    kib.trim().parse::<f64>().unwrap() / 1024.0
}

/// The line through two fleets, back to no endpoint.
#[test]
#[cfg(target_os = "linux")]
fn a_fleet_without_endpoints_takes_little() {
    let _alone = ONE_AT_A_TIME.lock();
    let (few, many) = (5_000, 15_000);
    assert!(room_for(many), "ulimit -Hn must be above {many}");
    let (small, large) = (resident(few), resident(many));
    let each = (large - small) / f64::from(many - few);
    let base = small - each * f64::from(few);
    eprintln!(
        "kaa-fleet: {base:.1} MiB of RSS without endpoints ({small:.1} with {few}, {large:.1} with {many})"
    );
    assert!(
        base <= BASE_MAX_MIB,
        "more than {BASE_MAX_MIB} MiB without any endpoint"
    );
}
