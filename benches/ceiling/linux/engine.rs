//! The engine's turn: the profile of a mode, one worker, as `midge run` would carry it out.
//!
//! Not here: command line, report, progress on the screen; they are no part of the load.

use std::sync::Arc;
use std::time::Duration;

use midge::engine::{self, Approach, Measured, Progress, Settings};
use midge::event::Clock;

use super::order::Order;
use super::turn::{Lag, Turn};
use super::window::{Meter, Window};

/// The load goes on for so long after the window, so that the second look still sees it.
const BEYOND: Duration = Duration::from_millis(100);

/// Runs the order.
pub fn drive(order: &Order) -> Turn {
    let mode = order.mode();
    let meter = Meter::of(mode.far, order.target).expect("the far side listens");
    let (loaded, plan) = mode.load(order.endpoints, order.warm_up, order.window + BEYOND);
    let shape = Arc::new(engine::shape(&plan, &loaded.profile));
    let settings = Settings {
        profile: loaded.profile,
        targets: vec![order.target],
        password: None,
        tls: None,
        websocket: Vec::new(),
        nonce: 1,
        workers: 1,
        raw_log: None,
        approach: Approach::Asleep,
        kernel_timestamps: 0.0,
    };
    let clock = Clock::start();
    let run = engine::start(Arc::new(plan), shape, settings, clock).expect("threads");
    let mut progress = run.progress.iter();
    let loading = progress.any(|progress| progress == Progress::Loading);
    assert!(loading, "nobody could connect");
    let begins = run.load_start().expect("it is loading");
    let mut window = Window::new(meter, begins, order.warm_up, order.window);
    window.pass(clock).expect("the sink answers");
    let measured = run.finish().expect("threads");
    let sent = checked(&measured, order);
    window
        .meter
        .agrees(sent)
        .expect("the sink counts what is sent");
    let lag = mode
        .is_paced()
        .then(|| measured.tally.requests[0].figures().schedule_lag_us);
    window.turn(sent, lag.as_ref().and_then(Lag::of))
}

/// A turn whose accounts are wrong is no turn. How many messages it has sent.
fn checked(measured: &Measured, order: &Order) -> u64 {
    assert_eq!(measured.panics, Vec::<String>::new());
    assert_eq!(measured.tally.imbalances(), []);
    assert_eq!(measured.connections_made, u64::from(order.endpoints));
    let sent = measured.tally.requests[0].whole_run.sent;
    assert!(sent > 0, "nothing was sent");
    sent
}
