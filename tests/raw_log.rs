//! The raw log against every other account of the same run: ledger, plan, histograms, tenant.
//!
//! Counts and instants must be equal, so a busy machine changes nothing here. Not here: how good the
//! arrivals are (`cargo bench --bench arrivals`), and what a page or a row is (beside their code).

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use midge::measure::{End, Entry};
use midge::plan::{Identities, Plan};
use serde_json::Value;
use support::{Midge, Outcome, Signal, Tenant};

const LOG: &str = "log.npy";

/// A run with a raw log in its working directory.
fn logged(midge: Midge) -> Midge {
    midge.argument("--raw-log").argument(LOG)
}

fn entries(outcome: &Outcome) -> Vec<Entry> {
    let file = std::fs::read(outcome.home().join(LOG)).expect("the run has made it");
    Entry::read(&file).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
}

fn load_start(outcome: &Outcome) -> u64 {
    let text = outcome.at("/raw_log/load_start_ns").as_str();
    let text = text.expect("it is in the result");
    text.parse().expect("a number")
}

/// The ledger has a count for each end; the log must have as many rows.
fn agrees_with_the_ledger(outcome: &Outcome) -> Vec<Entry> {
    outcome.keeps_its_accounts();
    let entries = entries(outcome);
    assert_eq!(
        outcome.count("/raw_log/entries"),
        entries.len() as u64,
        "{outcome}"
    );
    assert_eq!(outcome.count("/raw_log/lost"), 0, "{outcome}");
    for (request, name) in outcome.requests().iter().enumerate() {
        let rows: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.request == request as u32)
            .collect();
        for (place, measured) in [("/whole_run", false), ("", true)] {
            let of = |ends: &[End]| {
                let counted = rows.iter().filter(|row| row.measured || !measured);
                counted.filter(|row| ends.contains(&row.end)).count() as u64
            };
            for (count, ends) in [
                ("ok", &[End::Written, End::Ok, End::Silent][..]),
                ("error", &[End::Error]),
                ("timeout", &[End::Timeout]),
                ("failed", &[End::Failed]),
                ("in_flight", &[End::InFlight]),
            ] {
                let pointer = format!("/requests/{name}{place}/{count}");
                assert_eq!(outcome.count(&pointer), of(ends), "{pointer}\n{outcome}");
            }
        }
    }
    entries
}

/// What the plan of a profile as run says: every intended instant, ns since the load began, sorted.
fn planned(outcome: &Outcome) -> Vec<(u64, u32)> {
    let text = outcome.file("profile.toml");
    let loaded = midge::profile::load("./profile.toml", &[], &|_| Ok(text.clone()));
    let profile = loaded.expect("it was run").profile;
    let plan = Plan::compile(&profile, Identities::none()).expect("it was run");
    let mut all = Vec::new();
    for endpoint in 0..plan.endpoints {
        for stream in 0..plan.schedule.streams() {
            let mut cursor = plan.schedule.cursor(stream, endpoint);
            while let Some(arrival) = plan.schedule.next(stream, endpoint, &mut cursor) {
                all.push((arrival.intended, arrival.request.into()));
            }
        }
    }
    all.sort_unstable();
    all
}

/// From, to (us) and count.
type Bucket = (f64, f64, u64);

/// Rows of `histogram.csv` by request and metric.
fn buckets(outcome: &Outcome) -> BTreeMap<(String, String), Vec<Bucket>> {
    let text = outcome.file("histogram.csv");
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.expect("a row");
        let number = |column: usize| row[column].parse().expect("a number");
        let count = row[4].parse().expect("a count");
        let key = (row[0].to_owned(), row[1].to_owned());
        let bucket = (number(2), number(3), count);
        found.entry(key).or_default().push(bucket);
    }
    found
}

/// Every bucket of a wait holds exactly the waits of the log that belong into it, and percentiles are
/// those of the sorted waits, up to the end of their bucket.
fn histogram_is_the_log(
    outcome: &Outcome,
    request: &str,
    metric: &str,
    place: &str,
    mut waits: Vec<u64>,
) {
    waits.sort_unstable();
    assert!(waits.len() > 100, "{request}: {} waits", waits.len());
    let buckets = buckets(outcome);
    let buckets = &buckets[&(request.to_owned(), metric.to_owned())];
    let us: Vec<f64> = waits.iter().map(|ns| *ns as f64 / 1000.0).collect();
    for (from, to, count) in buckets {
        let inside = us.partition_point(|wait| wait < to) - us.partition_point(|wait| wait < from);
        assert_eq!(inside as u64, *count, "{request} {metric} {from} to {to}");
    }
    let counted: u64 = buckets.iter().map(|(.., count)| count).sum();
    assert_eq!(counted, waits.len() as u64, "{request} {metric}");
    let distribution = outcome.at(&format!("{place}/{metric}_us"));
    let planned = distribution["planned"].as_u64().expect("a count");
    for (name, per_10k) in [("p50", 5_000), ("p90", 9_000), ("p99", 9_900)] {
        let rank = (planned * per_10k).div_ceil(10_000) as usize;
        let (Some(exact), Some(said)) = (us.get(rank - 1), distribution[name].as_f64()) else {
            continue;
        };
        let bucket = buckets
            .iter()
            .find(|(from, to, _)| (from..to).contains(&exact));
        let (from, to, _) = bucket.expect("every wait has one");
        assert!(
            (*from..*to).contains(&said) && said >= *exact,
            "{request} {metric} {name}: {said}, exactly {exact}"
        );
    }
    let max = distribution["max"].as_f64().expect("a number");
    let longest = us.last().expect("there are some");
    assert!(max >= *longest, "{request} {metric}: {max} {longest}");
}

fn histograms_are_the_log(outcome: &Outcome, entries: &[Entry]) {
    let mut places = vec![("total".to_owned(), "/total".to_owned(), None)];
    for (index, name) in outcome.requests().into_iter().enumerate() {
        let place = format!("/requests/{name}");
        places.push((name, place, Some(index as u32)));
    }
    for (name, place, index) in places {
        let rows = || {
            entries
                .iter()
                .filter(|row| row.measured && index.is_none_or(|index| row.request == index))
        };
        let answered = || rows().filter(|row| row.end.is_answered());
        let response = answered().map(|row| row.ended - row.intended).collect();
        histogram_is_the_log(outcome, &name, "response_time", &place, response);
        let service = answered().map(|row| row.ended - row.sent).collect();
        histogram_is_the_log(outcome, &name, "service_time", &place, service);
        let lag = rows().map(|row| row.sent - row.intended).collect();
        histogram_is_the_log(outcome, &name, "schedule_lag", &place, lag);
    }
}

#[test]
fn a_log_has_the_ledger_the_plan_and_the_histograms_of_its_run() {
    for workers in [1, 2] {
        let run = logged(Midge::small())
            .brief()
            .set("load.arrival_rate", "2_000/s")
            .set("tenant.error_rate", "5%")
            .workers(workers)
            .go();
        let entries = agrees_with_the_ledger(&run);
        assert_eq!(
            run.count("/whole_run/dropped"),
            0,
            "nothing to compare with the plan\n{run}"
        );
        let start = load_start(&run);
        let mut intended: Vec<_> = entries
            .iter()
            .map(|row| (row.intended - start, row.request))
            .collect();
        intended.sort_unstable();
        assert!(intended == planned(&run), "not the plan's instants\n{run}");
        assert!(
            entries
                .iter()
                .all(|row| row.intended <= row.sent && row.sent <= row.ended)
        );
        let used: std::collections::BTreeSet<_> = entries.iter().map(|row| row.worker).collect();
        assert_eq!(used.len(), workers);
        histograms_are_the_log(&run, &entries);
    }
}

#[test]
fn what_is_not_answered_is_in_the_log_with_its_end() {
    // Lost replies, lost connections, and requests that nobody waits for to the end.
    let run = logged(Midge::small())
        .brief()
        .set("tenant.loss", "10%")
        .set("tenant.disconnect_rate", "20/s")
        .set("tenant.service_time", "exp:20ms")
        .set("request.dcx-json.deadline", "300ms")
        .set("load.drain", "100ms")
        .go();
    let entries = agrees_with_the_ledger(&run);
    for end in [End::Ok, End::Timeout, End::Failed, End::InFlight] {
        assert!(entries.iter().any(|row| row.end == end), "{end:?}\n{run}");
    }
}

#[test]
fn a_message_that_is_complete_once_written_is_in_the_log_and_in_the_file_of_the_tenant() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("arrivals");
    let file = file.to_str().expect("a name");
    let tenant = Tenant::start(["--arrivals", file]);
    let run = logged(Midge::run("mqtt-publish"))
        .target(&tenant.url)
        .brief()
        .set("request.*.qos", "0")
        .set("load.arrival_rate", "2_000/s")
        .go();
    tenant.stop();
    let entries = agrees_with_the_ledger(&run);
    assert!(entries.iter().all(|row| row.end == End::Written));
    let received = received(Path::new(file));
    assert_eq!(received.len(), entries.len());
    // One clock: the k-th that arrives has been sent, and is not from another day.
    let mut sent: Vec<u64> = entries.iter().map(|row| row.sent).collect();
    sent.sort_unstable();
    for (sent, received) in sent.iter().zip(received) {
        assert!((*sent..sent + 60_000_000_000).contains(&received));
    }
}

/// Instants of a tenant's `--arrivals`, sorted.
fn received(file: &Path) -> Vec<u64> {
    let bytes = std::fs::read(file).expect("the tenant has made it");
    let mut instants = midge::tenant::arrivals(&bytes).expect("whole instants");
    instants.sort_unstable();
    instants
}

#[test]
fn closed_and_unpaced_runs_are_logged_too() {
    for (key, value) in [("load.model", "closed"), ("load.arrival_rate", "max")] {
        let run = logged(Midge::run("mqtt-publish"))
            .brief()
            .set(key, value)
            .set("load.measure", "300ms")
            .set("request.*.qos", "1")
            .go();
        let entries = agrees_with_the_ledger(&run);
        assert!(entries.len() > 100, "{run}");
    }
}

#[test]
fn a_run_that_is_stopped_leaves_a_whole_log() {
    let mut run = logged(Midge::small())
        .brief()
        .set("load.measure", "60s")
        .spawn();
    run.await_load();
    std::thread::sleep(std::time::Duration::from_millis(500));
    run.process.signal(Signal::INT);
    let run = run.finish().ends_with(105);
    agrees_with_the_ledger(&run);
}

#[test]
fn without_the_flag_nothing_is_said_of_a_log() {
    let run = Midge::small().brief().set("load.measure", "200ms").go();
    assert_eq!(*run.at("/raw_log"), Value::Null);
    assert!(!run.stdout.contains("raw log"), "{run}");
}

#[test]
fn a_file_that_cannot_be_made_is_refused_before_anything_is_sent() {
    let run = Midge::small()
        .brief()
        .argument("--raw-log")
        .argument("no/such/folder")
        .go();
    let run = run.ends_with(104);
    assert!(run.stderr.contains("no/such/folder"), "{run}");
    assert!(run.result.is_none());
}

#[test]
fn a_disk_that_is_full_costs_the_log_and_not_the_results() {
    let run = Midge::small()
        .brief()
        .set("load.measure", "300ms")
        .argument("--raw-log")
        .argument("/dev/full")
        .go();
    let run = run.ends_with(107);
    assert!(run.stderr.contains("raw log"), "{run}");
    assert_eq!(run.count("/raw_log/entries"), 0);
    assert_eq!(run.count("/raw_log/lost"), run.count("/whole_run/sent"));
    assert!(run.stdout.contains("NOT COMPLETE"), "{run}");
}
