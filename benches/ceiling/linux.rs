//! Takes turns: who runs when, in which process, on which core.
//!
//! This program is all of the processes: without the variable `ROLE` it is the one that starts the
//! others. Not here: what the others do.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

mod bare;
mod cores;
mod engine;
mod mode;
mod order;
mod table;
mod turn;
mod window;
mod wire;

#[path = "../support/cpu.rs"]
mod cpu;
#[path = "../support/far.rs"]
mod far;

use cores::Cores;
use far::Far;
use mode::{FarSide, MODES, Mode};
use order::{Order, Scale};
use turn::{Outcome, Turn};

/// Tells a process what it is: a side and an [`Order`].
const ROLE: &str = "MIDGE_BENCH_CEILING";

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Bare,
    Engine,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Engine => "engine",
        }
    }
}

/// One turn of each side.
#[derive(Debug, Clone, Copy)]
struct Pair {
    bare: Outcome,
    engine: Outcome,
}

pub fn main() -> ExitCode {
    if let Ok(role) = std::env::var(ROLE) {
        play(&role);
        return ExitCode::SUCCESS;
    }
    let scale = match Scale::asked() {
        Ok(scale) => scale,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    raise_descriptors();
    let cores = Cores::choose();
    table::head(&scale, &cores);
    for mode in MODES.iter().filter(|mode| scale.wants(mode)) {
        let pairs: Vec<Pair> = (0..scale.pairs)
            .map(|number| pair(mode, number, &scale, &cores))
            .collect();
        table::rows(mode, &pairs);
    }
    table::foot();
    ExitCode::SUCCESS
}

/// In a process of its own.
fn play(role: &str) {
    let (side, order) = role.split_once(' ').expect("a side and an order");
    let order: Order = serde_json::from_str(order).expect("an order");
    let turn = match side {
        "bare" => bare::drive(&order).expect("a far side that listens and keeps up"),
        "engine" => engine::drive(&order),
        other => panic!("{other:?} is no side"),
    };
    println!("{}", serde_json::to_string(&turn).expect("numbers"));
}

/// Bare loop first in even pairs, engine first in odd ones: a drift of the machine favours neither.
fn pair(mode: &Mode, number: u32, scale: &Scale, cores: &Cores) -> Pair {
    let turn = |side| turn(side, mode, scale, cores);
    if number.is_multiple_of(2) {
        let bare = turn(Side::Bare);
        let engine = turn(Side::Engine);
        Pair { bare, engine }
    } else {
        let engine = turn(Side::Engine);
        let bare = turn(Side::Bare);
        Pair { bare, engine }
    }
}

/// One side in a process of its own, against a far side of its own.
fn turn(side: Side, mode: &Mode, scale: &Scale, cores: &Cores) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let arrivals = folder.path().join("arrivals");
    let far = cores.on_far(|| far_side(mode, &arrivals));
    let order = scale.order(mode, far.address);
    let order = serde_json::to_string(&order).expect("plain values");
    let mut command = this_program(&format!("{} {order}", side.word()));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cores.on_client(|| command.output());
    let output = output.expect("this program again");
    let (name, side) = (mode.name, side.word());
    assert!(output.status.success(), "{name}, {side}: {}", output.status);
    let turn: Turn = serde_json::from_slice(&output.stdout).expect("a turn");
    // A tenant writes its file to the end when it ends.
    drop(far);
    turn.outcome(&arrivals)
}

fn far_side(mode: &Mode, arrivals: &Path) -> Far {
    match mode.far {
        FarSide::Sink => Far::sink(),
        FarSide::Tenant => {
            let file = format!("--arrivals={}", arrivals.display());
            Far::tenant(mode.tenant_flags().into_iter().chain([file]))
        }
    }
}

fn this_program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.env(ROLE, role);
    command
}

/// Children inherit the limit; a thousand connections are more than the usual one.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    // Where it fails, opening a connection says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
}
