//! Signals, and a tick, while something else runs: the control plane.
//!
//! tokio waits on the main thread; the work itself is done by other threads that know nothing of it.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What woke the main thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// Time has passed.
    Tick,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Waits for signals. From its making on, they no longer end the process.
#[derive(Debug)]
pub(super) struct Signals {
    runtime: tokio::runtime::Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(guard);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits for a signal, at most for `tick`.
    pub(super) fn wait(&mut self, tick: Duration) -> Wake {
        let Self {
            runtime,
            interrupt,
            terminate,
        } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => Wake::Interrupt,
                _ = terminate.recv() => Wake::Terminate,
                () = tokio::time::sleep(tick) => Wake::Tick,
            }
        })
    }
}
