//! Brokers of other makers by transport and version of MQTT: what gets through each of them, to the last
//! message, and what the program says where one refuses.
//!
//! What came out is kept in `results/brokers`, and must come out again; with `RENEW=yes` it is written anew
//! (`tests/run --renew-brokers`). `RabbitMQ` and ejabberd are left out unless they are asked for: `tests/run
//! --all-brokers`. Not here: the page that shows it (`matrix`), and what Mosquitto alone is asked
//! (`mosquitto`, `tls`).

#[path = "brokers/cell.rs"]
mod cell;
mod interop;
#[path = "brokers/kept.rs"]
mod kept;
mod real;
mod support;

use interop::alone;
use kept::{Cell, Kept, Refusal, Wrong};
use real::{
    Broker, Door, EJABBERD, Ground, MOSQUITTO, NATS, RABBITMQ, RUMQTTD, Running, Transport, Version,
};

/// Goes through every door of a broker that the program can use.
#[track_caller]
fn goes_through(broker: &Broker) {
    let _alone = alone();
    let ground = Ground::new();
    let mut found = Kept {
        broker: broker.name.to_owned(),
        version: (broker.version)(),
        cells: Vec::new(),
        refusals: Vec::new(),
    };
    for transports in broker.processes {
        let running = (broker.start)(&ground, transports);
        every_door(broker, &ground, &running, &mut found);
    }
    for transports in broker.processes {
        for transport in *transports {
            let there = found.cells.iter().any(|cell| cell.transport == *transport);
            assert!(
                there,
                "{} was not reached by {}",
                broker.name,
                transport.name()
            );
        }
    }
    found.sort();
    if std::env::var_os("RENEW").is_some() {
        found.write();
        return;
    }
    let kept = Kept::read(broker.name);
    assert_eq!(
        found.shape(),
        kept.shape(),
        "{} is {}, and was {} when it was kept: make it anew with tests/run --renew-brokers",
        broker.name,
        found.version,
        kept.version
    );
}

fn every_door(broker: &Broker, ground: &Ground, running: &Running, found: &mut Kept) {
    for door in &running.doors {
        let levels: Vec<u8> = (0..=broker.qos_max).collect();
        for (&qos, messages) in levels.iter().zip(cell::gets_through(ground, door, &levels)) {
            found.cells.push(Cell {
                transport: door.transport,
                mqtt: door.version,
                qos,
                messages,
            });
        }
        for (wrong, class) in wrongs(broker, door) {
            let (exit_code, failed_by) = match wrong {
                Wrong::Qos => cell::is_cut_off(ground, door, broker.qos_max + 1),
                _ => cell::is_kept_out(ground, door, wrong),
            };
            let said = format!("{} to a wrong {wrong:?} over {door:?}", broker.name);
            assert_eq!((exit_code, &*failed_by.join(" ")), (99, class), "{said}");
            found.refusals.push(Refusal {
                wrong,
                transport: door.transport,
                mqtt: door.version,
                exit_code,
                failed_by,
            });
        }
    }
}

/// What is done wrong at a door, and the class under which the program must count it.
fn wrongs(broker: &Broker, door: &Door) -> Vec<(Wrong, &'static str)> {
    let refusals = &broker.refusals;
    let mut wrongs = Vec::new();
    match door.transport {
        Transport::Tcp => {
            wrongs.push((Wrong::Password, refusals.password));
            wrongs.push((Wrong::Qos, refusals.qos));
        }
        // Over TLS nothing depends on the version of MQTT.
        _ if door.version != Version::V311 => {}
        Transport::Tls | Transport::Wss => {
            wrongs.push((Wrong::Authority, "tls_unknown_ca"));
            wrongs.push((Wrong::Name, "tls_wrong_name"));
        }
        Transport::MutualTls => {
            wrongs.push((Wrong::NoCertificate, refusals.no_certificate));
            wrongs.push((Wrong::ForeignCertificate, refusals.foreign_certificate));
        }
        Transport::Ws => {}
    }
    wrongs.retain(|(_, class)| !class.is_empty());
    wrongs
}

#[test]
fn mosquitto_takes_what_it_offers_to_the_last_message() {
    goes_through(&MOSQUITTO);
}

#[test]
fn nats_takes_what_it_offers_to_the_last_message() {
    goes_through(&NATS);
}

#[test]
fn rumqttd_takes_what_it_offers_to_the_last_message() {
    goes_through(&RUMQTTD);
}

#[test]
#[ignore = "needs RabbitMQ: tests/run --all-brokers"]
fn rabbitmq_takes_what_it_offers_to_the_last_message() {
    goes_through(&RABBITMQ);
}

#[test]
#[ignore = "needs ejabberd: tests/run --all-brokers"]
fn ejabberd_takes_what_it_offers_to_the_last_message() {
    goes_through(&EJABBERD);
}
