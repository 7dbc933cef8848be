//! The first reply of any kind, where intermediate ones may come before the final one.
//!
//! Not here: the final answer (see `reply`).

use super::exchange::{Exchange, State};
use super::worker::Worker;

impl Worker<'_> {
    /// A reply to this exchange was read, a final one or not.
    pub(super) fn first_reply(&mut self, slot: u32, at: u64) {
        let exchange = self.exchanges.get_mut(slot);
        let request = exchange.request;
        if !exchange.replied && self.plan.requests[usize::from(request)].intermediate {
            exchange.replied = true;
            let intended = exchange.intended;
            self.recorder.first_reply(request, intended, at);
        }
    }

    /// An exchange ends without a final answer: if there was no other one either, it has waited
    /// until now. What was never sent is certain of no wait.
    pub(super) fn no_first_reply(&mut self, exchange: &Exchange, at: u64) {
        let definition = &self.plan.requests[usize::from(exchange.request)];
        if exchange.state == State::Sent && !exchange.replied && definition.intermediate {
            self.recorder
                .no_first_reply(exchange.request, exchange.intended, at);
        }
    }
}
