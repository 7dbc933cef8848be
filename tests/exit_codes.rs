//! Every exit code, provoked for real.

mod support;

use support::{FakeBroker, Midge};

#[test]
fn a_run_that_keeps_its_thresholds_passes() {
    let outcome = Midge::run("kaa-fleet").brief().go().ends_with(0);
    assert!(outcome.is_valid());
    outcome.keeps_its_accounts();
}

#[test]
fn a_target_that_refuses_fails_the_thresholds_of_a_valid_run() {
    let outcome = Midge::run("kaa-fleet")
        .brief()
        .target(&FakeBroker::closed_port())
        .go()
        .ends_with(99);
    assert!(outcome.is_valid());
    assert_eq!(outcome.count("/connections/failed_by/refused"), 50);
}
