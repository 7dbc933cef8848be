//! Tables as CSV text: quoting is the `csv` crate's, the rest is here.
//!
//! Not here: which columns a file has.

use crate::measure::{RequestTally, Samples, Shape, Tally};

/// What the time of a delivery is called in tables.
pub(super) const DELIVERY_TIME: &str = "delivery_time";

/// A table that is being written.
pub(super) struct Table(csv::Writer<Vec<u8>>);

impl Table {
    pub(super) fn new<S: AsRef<[u8]>>(header: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self(csv::Writer::from_writer(Vec::new()));
        table.row(header);
        table
    }

    pub(super) fn row<S: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.0
            .write_record(cells)
            .expect("rows are as long as the header, and memory takes them");
    }

    pub(super) fn finish(self) -> String {
        let bytes = self.0.into_inner().expect("memory takes everything");
        String::from_utf8(bytes).expect("cells were text")
    }
}

/// An empty cell for what is not known.
pub(super) fn optional(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Makes text from outside safe for spreadsheets, which take some beginnings for a formula.
pub(super) fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The waits of a request by the names of the result files, and how many there would be if every
/// request had one.
pub(super) fn waits(tally: &RequestTally) -> [(&'static str, &Samples, u64); 6] {
    let [response, service, lag, acknowledge, first_reply, client] =
        tally.populations().map(|population| population.planned);
    [
        ("response_time", &tally.response, response),
        ("service_time", &tally.service, service),
        ("schedule_lag", &tally.lag, lag),
        ("acknowledge_time", &tally.acknowledge, acknowledge),
        ("first_reply_time", &tally.first_reply.waits, first_reply),
        ("client_share", &tally.client.shares, client),
    ]
}

/// Calls `each` for every inbound message whose deliveries are accounted for: with its name, how long they
/// took, and how many are due.
pub(super) fn for_deliveries(
    shape: &Shape,
    tally: &Tally,
    mut each: impl FnMut(&str, &Samples, u64),
) {
    for (name, deliveries) in shape.inbound.iter().zip(&tally.deliveries) {
        if let Some(of) = deliveries {
            let sent = tally.requests[of.request()].measured.sent;
            each(name, &of.time, of.expected(sent));
        }
    }
}

/// Calls `each` for every request and then for the total.
pub(super) fn for_rows(shape: &Shape, tally: &Tally, mut each: impl FnMut(&str, &RequestTally)) {
    for (name, request) in shape.names().zip(&tally.requests) {
        each(name, request);
    }
    each("total", &tally.total(shape.bounds()));
}
