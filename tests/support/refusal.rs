//! A kernel that lacks a system call, or an option of one: played by a filter (seccomp) that a thread
//! puts on itself and that its children inherit.
//!
//! Not here: what midge does there.

use std::collections::BTreeMap;
use std::thread;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// Does `what` on a thread whose `call` fails with `errno`: always, or if one of the rules fits.
pub fn refusing<T: Send>(
    call: i64,
    rules: Vec<SeccompRule>,
    errno: u32,
    what: impl FnOnce() -> T + Send,
) -> T {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).expect("a filter for it");
    let filter = SeccompFilter::new(
        BTreeMap::from([(call, rules)]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        architecture,
    );
    let program = filter.and_then(BpfProgram::try_from).expect("a filter");
    thread::scope(|scope| {
        let filtered = scope.spawn(|| {
            apply_filter(&program).expect("a kernel that filters system calls");
            what()
        });
        filtered.join().expect("it does not panic")
    })
}
