//! How a run waits: what it does on a kernel without `epoll_pwait2`, and what `--spin` does.
//!
//! Such a kernel (older than 5.11, an emulator, a sandbox) is played by a filter of system calls
//! (seccomp) that a thread puts on itself and that its children inherit. Not here: whether the ways to
//! wait keep their promises (see the poller's own tests), and how late anything is.
#![cfg(target_os = "linux")]

mod support;

use midge::event::{Clock, Poller, Waiting};
use support::{Midge, refusing};

/// The same on every architecture.
const EPOLL_PWAIT2: i64 = 441;
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// Does `what` on a thread whose every `epoll_pwait2` fails with `errno`.
fn without_the_call<T: Send>(errno: u32, what: impl FnOnce() -> T + Send) -> T {
    refusing(EPOLL_PWAIT2, Vec::new(), errno, what)
}

#[test]
fn a_poller_finds_out_what_the_kernel_has() {
    assert_eq!(Poller::new(8).unwrap().waiting(), Waiting::Nanoseconds);
    for errno in [ENOSYS, EPERM] {
        without_the_call(errno, || {
            let mut best = Poller::waiting_by(Waiting::Nanoseconds, 8).unwrap();
            assert!(best.wait(Some(0)).is_err(), "the filter does nothing");
            let mut poller = Poller::new(8).unwrap();
            assert_eq!(poller.waiting(), Waiting::Timer);
            let clock = Clock::start();
            poller.wait(Some(300_000)).unwrap();
            assert!(clock.now() >= 300_000);
        });
    }
}

#[test]
fn a_run_goes_on_without_the_call_and_says_how_it_waited() {
    let usual = Midge::small().brief().gentle().go();
    assert_eq!(usual.at("/generator/waiting"), "nanoseconds");
    for spin in [false, true] {
        let outcome = without_the_call(ENOSYS, || {
            let midge = Midge::small().brief().gentle();
            if spin {
                midge.argument("--spin")
            } else {
                midge
            }
            .go()
        });
        assert_eq!(outcome.at("/generator/waiting"), "timer");
        assert_eq!(outcome.at("/generator/spin"), spin);
        let (planned, ok) = (outcome.count("/total/planned"), outcome.count("/total/ok"));
        assert!(planned > 20 && ok == planned, "{ok} of {planned}");
    }
}

/// Each instant is preceded by 100 us awake, in which there is time for a hundred looks.
#[test]
fn a_run_that_spins_says_so_and_looks_at_its_sockets_instead_of_sleeping() {
    let asleep = Midge::small().brief().gentle().go();
    assert_eq!(asleep.at("/generator/spin"), false);
    assert_eq!(asleep.at("/generator/spin_looks"), 0);

    let awake = Midge::small().brief().gentle().argument("--spin").go();
    assert_eq!(awake.at("/generator/spin"), true);
    let looks = awake.count("/generator/spin_looks");
    let sent = awake.count("/whole_run/sent");
    assert!(sent > 20 && looks > sent, "{looks} looks for {sent}");
    assert_eq!(awake.at("/total/planned"), asleep.at("/total/planned"));
    assert_eq!(awake.at("/total/ok"), awake.at("/total/planned"));
}
