//! Memory of a fleet that only keeps its connections.
//!
//! Not here: memory under load, which is a column of the costs.

use super::load::Load;
use super::table::{self, MemoryRow, Sample, median, rounded};
use super::target::Target;
use super::{Arguments, Result};

/// memory.csv
pub fn measure(arguments: &Arguments, sizes: &[u32]) -> Result<()> {
    let mut cells: Vec<(u32, Vec<Sample>)> = sizes.iter().map(|size| (*size, Vec::new())).collect();
    for repeat in 1..=arguments.repeats {
        for (endpoints, samples) in &mut cells {
            let mut order = arguments.order(Load::Idle, *endpoints, 1);
            let target = Target::start(&arguments.target, &order.profile)?;
            target.aim(&mut order);
            let sample = order.carry_out()?;
            eprintln!(
                "memory {repeat}/{}: {endpoints} endpoints: {} kB resident",
                arguments.repeats,
                sample.rss_bytes / 1000
            );
            samples.push(sample);
        }
        let rows = cells
            .iter()
            .map(|(endpoints, samples)| row(*endpoints, samples));
        table::write(&arguments.out, "memory.csv", rows)?;
    }
    Ok(())
}

fn row(endpoints: u32, samples: &[Sample]) -> MemoryRow {
    let sample = median(samples, |sample| sample.rss_bytes as f64);
    // What else runs moves this one, so it has a median of its own.
    let slab = median(samples, |sample| sample.slab_bytes as f64).slab_bytes;
    let each = |bytes: u64| rounded(bytes as f64 / f64::from(endpoints));
    MemoryRow {
        endpoints,
        repeats: samples.len(),
        not_connected: u64::from(endpoints).saturating_sub(sample.connected),
        rss_before_bytes: sample.rss_before_bytes,
        rss_bytes: sample.rss_bytes,
        rss_bytes_per_endpoint: each(sample.rss_bytes.saturating_sub(sample.rss_before_bytes)),
        slab_bytes: slab,
        slab_bytes_per_endpoint: each(slab),
        target_rss_bytes: sample.target_rss_bytes,
    }
}
