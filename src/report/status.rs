//! `status.csv`: how often each request was answered with each status code, measure phase.

use super::result::RunResult;
use super::table::{Table, harmless};

/// The whole file.
pub fn status_csv(result: &RunResult) -> String {
    let mut table = Table::new(["request", "status", "count"]);
    for (name, request) in result.requests.iter() {
        for (status, count) in request.status_codes.iter() {
            table.row([name, &harmless(status), &count.to_string()]);
        }
    }
    table.finish()
}
