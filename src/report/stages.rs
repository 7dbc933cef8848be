//! The stages of a run: as values of `run.json`, and as `stages.csv`, one row per stage and request.
//!
//! A request belongs to the stage of its intended instant. Not here: how stages are counted.

use super::result::{PhaseLengths, StageResult};
use super::table::{Table, optional};
use crate::measure::{Named, Shape, StageFigures, StageShape, StageTally, Statistic, Tally};

const HEADER: [&str; 21] = [
    "stage",
    "from_s",
    "to_s",
    "asked_from_per_s",
    "asked_to_per_s",
    "request",
    "planned",
    "sent",
    "ok",
    "error",
    "timeout",
    "failed",
    "dropped",
    "throughput_per_s",
    "failure_rate",
    "response_time_p50_us",
    "response_time_p90_us",
    "response_time_p99_us",
    "response_time_p999_us",
    "response_time_max_us",
    "schedule_lag_p99_us",
];

/// The whole file.
pub fn stages_csv(stages: &[StageResult]) -> String {
    let mut table = Table::new(HEADER);
    for stage in stages {
        for (name, figures) in stage.requests.iter() {
            table.row(row(stage, name, figures));
        }
        table.row(row(stage, "total", &stage.total));
    }
    table.finish()
}

fn row(stage: &StageResult, request: &str, figures: &StageFigures) -> Vec<String> {
    let of = &figures.ledger;
    let counts = [
        of.planned, of.sent, of.ok, of.error, of.timeout, of.failed, of.dropped,
    ];
    let waits = [
        Statistic::P50,
        Statistic::P90,
        Statistic::P99,
        Statistic::P999,
        Statistic::Max,
    ];
    let mut cells = vec![
        stage.stage.to_string(),
        stage.from_s.to_string(),
        stage.to_s.to_string(),
        optional(stage.asked_from_per_s),
        optional(stage.asked_to_per_s),
        request.to_owned(),
    ];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(format!("{:.3}", figures.throughput_per_s));
    cells.push(optional(figures.failure_rate));
    cells.extend(waits.map(|statistic| optional(figures.response_time_us.value(statistic))));
    cells.push(optional(figures.schedule_lag_us.value(Statistic::P99)));
    cells
}

/// The stages as values. A load that has none is one stage: the measure phase.
pub(super) fn stages(
    shape: &Shape,
    tally: &Tally,
    phases: PhaseLengths,
    asked_per_s: Option<f64>,
) -> Vec<StageResult> {
    let total = tally.total(shape.bounds());
    if total.stages.is_empty() {
        let of = |stage: &StageShape| (Some(stage.asked_from_per_s), Some(stage.asked_to_per_s));
        let asked = shape.stages.first().map_or((asked_per_s, asked_per_s), of);
        let rows = shape.names().zip(&tally.requests);
        let figures = rows.map(|(name, row)| (name.to_owned(), row.only_stage(phases.measure_s)));
        let span = (0.0, phases.measure_s);
        let total = total.only_stage(phases.measure_s);
        return vec![one(1, span, asked, shape, total, figures.collect())];
    }
    let each = shape.stages.iter().zip(&total.stages).enumerate();
    each.map(|(index, (stage, total))| {
        let span = (seconds(stage.from_ns), seconds(stage.to_ns));
        // A run that was stopped has less of it.
        let lasted_s = (phases.measure_s.min(span.1) - span.0).max(0.0);
        let figures = |tally: &StageTally| tally.figures(lasted_s);
        let rows = shape.names().zip(&tally.requests);
        let requests = rows.map(|(name, row)| (name.to_owned(), figures(&row.stages[index])));
        let asked = (Some(stage.asked_from_per_s), Some(stage.asked_to_per_s));
        let (number, total) = (index as u32 + 1, figures(total));
        one(number, span, asked, shape, total, requests.collect())
    })
    .collect()
}

fn one(
    stage: u32,
    (from_s, to_s): (f64, f64),
    (asked_from_per_s, asked_to_per_s): (Option<f64>, Option<f64>),
    shape: &Shape,
    total: StageFigures,
    requests: Vec<(String, StageFigures)>,
) -> StageResult {
    let scheduled = requests.iter().zip(&shape.requests);
    let achieved = scheduled
        .filter(|(_, shape)| !shape.reactive)
        .map(|((_, figures), _)| figures.throughput_per_s)
        .sum::<f64>();
    StageResult {
        stage,
        from_s,
        to_s,
        asked_from_per_s,
        asked_to_per_s,
        achieved_per_s: (achieved * 1000.0).round() / 1000.0,
        total,
        requests: Named(requests),
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
