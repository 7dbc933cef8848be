//! `midge compare`: two stored runs side by side, and whether the second one is worse.
//!
//! Sends nothing. Not here: what is compared and how it is judged (see `report`).

use std::path::PathBuf;

use clap::Args;

use super::report::read;
use super::{Failure, print_data};
use crate::report::format::comparison_screen;
use crate::report::{Comparison, Decision, Exit, Limits};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Folder of the run that was: the baseline
    #[arg(value_name = "RUN_DIR_A")]
    a: PathBuf,
    /// Folder of the run that is to be judged
    #[arg(value_name = "RUN_DIR_B")]
    b: PathBuf,
    /// Prints the comparison as JSON instead of the screen
    #[arg(long)]
    json: bool,
    /// Ends with 98 instead of 0 if the two runs are not comparable
    #[arg(long)]
    strict: bool,
    /// How much p50 and p99 of the response time may grow, instead of 5 % and 10 %
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_change: Option<f64>,
}

pub(super) fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let limits = match args.max_change {
        Some(percent) => Limits::default().with_percent(percent),
        None => Limits::default(),
    };
    let comparison = Comparison::of(&a, &b, limits);
    if args.json {
        let text = serde_json::to_string_pretty(&comparison)
            .map_err(|error| Failure::internal(format!("cannot write JSON: {error}")))?;
        print_data(&format!("{text}\n"))?;
    } else {
        let folders = [&args.a, &args.b].map(|folder| folder.display().to_string());
        print_data(&comparison_screen(&comparison, [&folders[0], &folders[1]]))?;
    }
    Ok(match comparison.decision {
        Decision::Inconclusive if !args.strict => Exit::Passed,
        decision => decision.exit(),
    })
}

/// `20` or `20%`
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent),
        _ => Err("a number of percent is expected, such as 20 or 20%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_may_have_its_sign() {
        assert_eq!(percent("20"), Ok(20.0));
        assert_eq!(percent("7.5%"), Ok(7.5));
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for text in ["", "%", "-1", "inf", "NaN", "much", "20%%"] {
            assert!(percent(text).is_err(), "{text:?}");
        }
    }
}
