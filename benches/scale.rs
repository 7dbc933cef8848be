//! How far one machine goes: what a message and an endpoint cost as the fleet grows.
//!
//! `cargo bench --bench scale -- --out results/scale` measures cells (a load, a number of workers, a
//! number of endpoints) and writes curves as CSV; `--help` has the settings. Then it computes from these
//! what a larger machine would need, into `arithmetic.md`; with `--report` it does only that, from CSV
//! that is there. Without `--out` each part is tried briefly, into a folder that vanishes. Each cell is
//! a process of its own, and so is the simulated tenant, so that each is accounted apart.
//! Not here: whether the target keeps up (that is a profile's question), and other load generators.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "progress and the arithmetic are for whoever runs the benchmark"
)]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use midge::plan::FILES_APART;

#[path = "scale/arithmetic.rs"]
mod arithmetic;
#[path = "scale/cell.rs"]
mod cell;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "scale/larger.rs"]
mod larger;
#[path = "scale/load.rs"]
mod load;
#[path = "scale/machine.rs"]
mod machine;
#[path = "scale/measured.rs"]
mod measured;
#[path = "scale/memory.rs"]
mod memory;
#[path = "scale/processes.rs"]
mod processes;
#[path = "scale/table.rs"]
mod table;
#[path = "scale/target.rs"]
mod target;

use cell::Order;
use load::Load;
use machine::Machine;
use table::{CostRow, Sample};
use target::Target;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// cost.csv: CPU per message, rate and schedule lag over the number of endpoints
    Cost,
    /// memory.csv: what endpoints take that only keep their connection
    Memory,
    /// processes.csv: several processes, each with a source address of its own
    Processes,
}

#[derive(Debug, Parser)]
#[command(
    about = "How far one machine goes: what a message and an endpoint cost as the fleet grows"
)]
struct Arguments {
    /// Folder of the CSV files; those of the same name are replaced
    #[arg(long)]
    out: PathBuf,
    /// What to measure
    #[arg(long, value_delimiter = ',', default_value = "cost,memory,processes")]
    only: Vec<Part>,
    /// Loads
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "flood-1,flood-16,closed,paced,kaa"
    )]
    loads: Vec<Load>,
    /// Numbers of endpoints, one connection each
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "100,300,1000,3000,10000,15000"
    )]
    endpoints: Vec<u32>,
    /// Numbers of worker threads
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    workers: Vec<u16>,
    /// How often each cell is measured; the row is the median
    #[arg(long, default_value_t = 3)]
    repeats: u32,
    /// Before the measured part of each cell
    #[arg(long, default_value = "1s")]
    warm_up: String,
    /// The measured part of each cell
    #[arg(long, default_value = "2s")]
    measure: String,
    /// Processes at once, for processes.csv
    #[arg(long, default_value_t = 2)]
    processes: u8,
    /// Endpoints of each of these processes
    #[arg(long, default_value_t = 10_000)]
    endpoints_each: u32,
    /// A broker or sink at ADDRESS:PORT, on loopback or in a private network, in place of simulated
    /// tenants; with several, connections are spread over them
    #[arg(long, value_delimiter = ',', value_parser = target::near)]
    target: Vec<SocketAddr>,
    /// Measure nothing: compute arithmetic.md from the CSV that is there
    #[arg(long)]
    report: bool,
    /// `cargo bench` adds it
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Enough to see that everything works.
    fn trial(out: &Path) -> Self {
        let words = "scale --endpoints 3,6 --workers 1 --repeats 1 --warm-up 100ms --measure 200ms \
                     --endpoints-each 4 --out";
        let words = words.split_whitespace().map(OsString::from);
        Self::parse_from(words.chain([out.into()]))
    }

    fn asks_for(&self, part: Part) -> bool {
        self.only.contains(&part)
    }

    /// Sizes that this machine's descriptors allow.
    fn sizes(&self, descriptors: u64) -> Vec<u32> {
        let fits = |endpoints: &u32| {
            let fits = u64::from(*endpoints) + FILES_APART <= descriptors;
            if !fits {
                eprintln!(
                    "{endpoints} endpoints are left out: {descriptors} open files (ulimit -Hn)"
                );
            }
            fits
        };
        self.endpoints.iter().copied().filter(fits).collect()
    }

    /// What all cells have in common.
    fn order(&self, load: Load, endpoints: u32, workers: u16) -> Order {
        let mut sets = load.sets();
        sets.push(format!("fleet.endpoints={endpoints}"));
        sets.push(format!("load.warm_up={}", self.warm_up));
        sets.push(format!("load.measure={}", self.measure));
        Order {
            profile: load.profile(),
            sets,
            workers,
            targets: Vec::new(),
            target_process: None,
        }
    }
}

type Result<T> = std::result::Result<T, String>;

/// Cost per message. Repetitions are the outer loop, so that what disturbs the machine for a while
/// does not meet all of one cell's.
fn cost(arguments: &Arguments, sizes: &[u32]) -> Result<()> {
    let mut cells: Vec<(Load, u16, u32, Vec<Sample>)> = Vec::new();
    for &load in &arguments.loads {
        for &workers in &arguments.workers {
            cells.extend(sizes.iter().map(|size| (load, workers, *size, Vec::new())));
        }
    }
    for repeat in 1..=arguments.repeats {
        for (load, workers, endpoints, samples) in &mut cells {
            let mut order = arguments.order(*load, *endpoints, *workers);
            let target = Target::start(&arguments.target, &order.profile)?;
            target.aim(&mut order);
            let sample = order.carry_out()?;
            eprintln!(
                "cost {repeat}/{}: {load}, {workers} workers, {endpoints} endpoints: {:.0}/s, {:.3} us each",
                arguments.repeats,
                sample.messages_per_s(),
                sample.cpu_us_per_message()
            );
            samples.push(sample);
        }
        let rows = cells.iter().map(|(load, workers, endpoints, samples)| {
            CostRow::of(*load, *workers, *endpoints, samples)
        });
        table::write(&arguments.out, "cost.csv", rows)?;
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<()> {
    let descriptors = machine::raise_descriptors();
    let sizes = arguments.sizes(descriptors);
    let create = std::fs::create_dir_all(&arguments.out);
    create.map_err(|error| format!("{}: {error}", arguments.out.display()))?;
    let mut machine = Machine::look(descriptors);
    if arguments.asks_for(Part::Cost) {
        cost(arguments, &sizes)?;
    }
    if arguments.asks_for(Part::Memory) {
        memory::measure(arguments, &sizes)?;
    }
    let each = u64::from(arguments.endpoints_each) + FILES_APART;
    if arguments.asks_for(Part::Processes) && each > descriptors {
        eprintln!("the processes are left out: {each} open files each, {descriptors} are allowed");
    } else if arguments.asks_for(Part::Processes) {
        processes::measure(arguments)?;
    }
    machine.ended();
    table::write(&arguments.out, "machine.csv", machine.rows())
}

fn run(arguments: &Arguments) -> Result<()> {
    if !arguments.report {
        measure(arguments)?;
    }
    let text = arithmetic::text(&arguments.out)?;
    let path = arguments.out.join("arithmetic.md");
    std::fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{text}");
    Ok(())
}

fn main() {
    if let Some(order) = Order::of_this_process() {
        return order.obey();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Words for other benchmarks of the same call are none for this one.
    let mut words = std::env::args();
    let asked = words.any(|word| word == "--help" || word == "--out" || word.starts_with("--out="));
    let arguments = if asked {
        Arguments::parse()
    } else {
        Arguments::trial(&folder.path().join("scale"))
    };
    if let Err(error) = run(&arguments) {
        // Not an exit code: folders and processes would stay behind.
        panic!("{error}");
    }
}
