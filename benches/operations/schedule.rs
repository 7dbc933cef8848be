//! What it costs to know the next instant at which an endpoint's request is due.
//!
//! Not here: waiting for it (see `wheel`), and what a rate limiter would do (see `pacing.rs` beside
//! this folder).

use std::hint::black_box;

use midge::plan::Plan;

use super::{Measure, plans};

const DAY: &str = "measure = \"24h\"";

fn plan(load: &str, request: &str) -> Plan {
    plans::of_text(&format!(
        "format = 1\nname = \"schedule\"\n[fleet]\nendpoints = 1_000\nsubscribe = \"none\"\n\
         [load]\nwarm_up = \"0s\"\n{load}\n\
         [[request]]\nname = \"tick\"\ntopic = \"tick\"\npayload = \"\"\n{request}\n"
    ))
}

pub fn each(measure: &mut impl Measure) {
    let rate = "arrival_rate = \"5_000/s\"";
    // The length of the load is that of its stages, if it has some.
    let stages = r#"stages = [{ for = "12h", to = "9_000/s" }, { for = "12h", to = "5_000/s" }]"#;
    for (what, arrivals, length) in [
        ("Poisson", "poisson", DAY),
        ("constant rate", "constant", DAY),
        ("ramp", "constant", stages),
    ] {
        let load = format!("{rate}\narrivals = \"{arrivals}\"\n{length}");
        next(measure, &plan(&load, ""), what);
    }
    let every = plan(DAY, "every = \"200ms\"\njitter = \"50ms\"");
    next(measure, &every, "period with jitter");

    let fleet = plans::shipped("kaa-fleet");
    let mut number = 0;
    measure.operation("schedule/which of 12 requests, by weight", || {
        number += 1;
        fleet.pick(7, black_box(number))
    });
}

fn next(measure: &mut impl Measure, plan: &Plan, what: &str) {
    let mut cursor = plan.schedule.cursor(0, 7);
    measure.operation(&format!("schedule/next arrival, {what}"), || {
        let next = plan.schedule.next(0, 7, black_box(&mut cursor));
        if next.is_none() {
            cursor = plan.schedule.cursor(0, 7);
        }
        next
    });
}
