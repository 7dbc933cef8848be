//! The tables of brokers in README.md against what is kept in `results/brokers`.
//!
//! With `RENEW=yes` the page is written instead of compared; `tests/run --renew-brokers` does that after it
//! has made the results. Not here: making them, and whether they hold today (`brokers`).

mod interop;
#[path = "brokers/kept.rs"]
mod kept;
mod real;
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use kept::{Kept, Wrong};
use real::{Broker, EJABBERD, MOSQUITTO, NATS, RABBITMQ, RUMQTTD, Transport, Version};

const BEGIN: &str = "<!-- Made by tests/run --renew-brokers. -->\n";
const END: &str = "<!-- End of what tests/run --renew-brokers makes. -->\n";

/// In the order of the page.
const BROKERS: [&Broker; 5] = [&MOSQUITTO, &NATS, &RUMQTTD, &RABBITMQ, &EJABBERD];

const WRONGS: [(Wrong, &str); 6] = [
    (Wrong::Password, "wrong password"),
    (Wrong::Authority, "the broker's authority is not trusted"),
    (Wrong::Name, "the broker's certificate is for another name"),
    (Wrong::NoCertificate, "midge shows no certificate"),
    (
        Wrong::ForeignCertificate,
        "midge shows one of another authority",
    ),
    (Wrong::Qos, "QoS 2, where the broker keeps less"),
];

/// A row of a table.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

fn header(names: &[&str]) -> String {
    let rule = "---|".repeat(names.len());
    format!("{}|{rule}\n", row(names.iter().map(ToString::to_string)))
}

/// Which levels get through each transport.
fn what_gets_through(all: &[Kept]) -> String {
    let cells = || all.iter().flat_map(|kept| &kept.cells);
    let transports: BTreeSet<Transport> = cells().map(|cell| cell.transport).collect();
    let versions: BTreeSet<Version> = cells().map(|cell| cell.mqtt).collect();
    let mut names = vec!["broker", "MQTT"];
    names.extend(transports.iter().map(|transport| transport.name()));
    let mut text = header(&names);
    for kept in all {
        for &version in &versions {
            let levels = |transport: Transport| {
                let here = kept.cells.iter();
                let here = here.filter(|cell| (cell.transport, cell.mqtt) == (transport, version));
                let levels: Vec<String> = here.map(|cell| cell.qos.to_string()).collect();
                if levels.is_empty() {
                    "-".to_owned()
                } else {
                    format!("QoS {}", levels.join(" "))
                }
            };
            let each: Vec<String> = transports.iter().copied().map(levels).collect();
            if each.iter().all(|levels| levels == "-") {
                continue;
            }
            let name = format!("{} {}", kept.broker, kept.version);
            let begin = [name, version.name().to_owned()];
            text.push_str(&row(begin.into_iter().chain(each)));
        }
    }
    text
}

/// What the program says where a broker refuses.
fn what_is_refused(all: &[Kept]) -> String {
    let mut names = vec!["what is wrong"];
    names.extend(all.iter().map(|kept| &*kept.broker));
    let mut text = header(&names);
    for (wrong, words) in WRONGS {
        let said = |kept: &Kept| {
            let here = kept
                .refusals
                .iter()
                .filter(|refusal| refusal.wrong == wrong);
            let said: BTreeSet<String> = here
                .map(|refusal| {
                    format!(
                        "`{}`, {}",
                        refusal.failed_by.join("`, `"),
                        refusal.exit_code
                    )
                })
                .collect();
            if said.is_empty() {
                "-".to_owned()
            } else {
                Vec::from_iter(said).join("; ")
            }
        };
        text.push_str(&row([words.to_owned()]
            .into_iter()
            .chain(all.iter().map(said))));
    }
    text
}

fn section() -> String {
    let all = BROKERS.map(|broker| Kept::read(broker.name));
    let messages = || {
        all.iter()
            .flat_map(|kept| &kept.cells)
            .map(|cell| cell.messages)
    };
    let mut text = BEGIN.to_owned();
    let _ = write!(
        text,
        "{}\nA cell says that {} to {} messages of each QoS went through and came back, each exactly once.\n\n{}",
        what_gets_through(&all),
        messages().min().expect("there are cells"),
        messages().max().expect("there are cells"),
        what_is_refused(&all)
    );
    text.push_str(END);
    text
}

#[test]
fn the_page_shows_the_matrix_that_was_kept() {
    let page = fs::read_to_string("README.md").expect("the page");
    let begin = page.find(BEGIN).expect("the tables have a beginning");
    let end = page.find(END).expect("the tables have an end") + END.len();
    let section = section();
    if std::env::var_os("RENEW").is_some() {
        let renewed = format!("{}{section}{}", &page[..begin], &page[end..]);
        fs::write("README.md", renewed).expect("the page can be written");
        return;
    }
    assert_eq!(
        &page[begin..end],
        section,
        "make it anew with tests/run --renew-brokers, not by hand"
    );
}

#[test]
fn what_is_kept_is_all_that_is_offered() {
    for broker in BROKERS {
        let mut offered = BTreeSet::new();
        for &transport in broker.processes.iter().copied().flatten() {
            for &version in (broker.speaks)(transport) {
                offered.extend((0..=broker.qos_max).map(|qos| (transport, version, qos)));
            }
        }
        let kept = Kept::read(broker.name);
        let (cells, _) = kept.shape();
        assert_eq!(BTreeSet::from_iter(cells), offered, "{}", broker.name);
    }
}
