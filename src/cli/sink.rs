//! `midge sink`: the null broker as a process of its own, and that process as `midge calibrate` holds it.
//!
//! It ends when its standard input is closed, so it cannot outlive a parent that was killed. Not here:
//! what it answers.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::simulated::{LISTENING, address, forward};
use super::{Failure, limits};
use crate::report::Exit;
use crate::sink::{Counts, Sink};

/// How long it may take to tell its counts; it reads what was sent before.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run() -> Result<Exit, Failure> {
    let failed = |error: io::Error| Failure::internal(format!("the sink broke down: {error}"));
    limits::raise_descriptors();
    let sink = Sink::bind().map_err(failed)?;
    let stopper = sink.stopper();
    eprintln!("{LISTENING}{}", sink.address());
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stopper.stop();
    });
    sink.run().map_err(failed)?;
    Ok(Exit::Passed)
}

/// A sink that listens, as long as this value lives.
#[derive(Debug)]
pub(super) struct SinkProcess {
    child: Child,
    words: Option<JoinHandle<()>>,
    /// Asks for its counts.
    meter: TcpStream,
    pub address: SocketAddr,
}

impl SinkProcess {
    pub(super) fn start() -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::internal(format!("cannot start the sink: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let Some(stderr) = child.stderr.take() else {
            return Err(Failure::internal("the sink has no output"));
        };
        let mut stderr = BufReader::new(stderr);
        let listening = address(&mut stderr)
            .map_err(io::Error::other)
            .and_then(|address| {
                let meter = TcpStream::connect(address)?;
                meter.set_nodelay(true)?;
                meter.set_read_timeout(Some(PATIENCE))?;
                Ok((address, meter))
            });
        match listening {
            Ok((address, meter)) => Ok(Self {
                words: Some(std::thread::spawn(move || forward("sink", stderr))),
                child,
                meter,
                address,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(failed(error))
            }
        }
    }

    /// What it has seen so far.
    pub(super) fn counts(&mut self) -> Result<Counts, Failure> {
        Counts::ask(&mut self.meter)
            .map_err(|error| Failure::internal(format!("the sink does not answer: {error}")))
    }
}

impl Drop for SinkProcess {
    fn drop(&mut self) {
        // Nothing that it has is to be kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(words) = self.words.take() {
            let _ = words.join();
        }
    }
}
