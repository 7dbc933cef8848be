//! Messages on their way from those who publish them to those who hear them, one by one.
//!
//! Each has a line (its publisher) and a number in it, so that what is lost, comes twice or comes too
//! early is known exactly, whatever a broker acknowledges. Whatever a line's numbers were, what was heard
//! of them is kept in bits. Not here: who is to hear what, and the stamp by which a message is known.

use std::collections::VecDeque;

use foldhash::HashMap;

use super::distribution::{Distribution, Population};
use super::recorder::Recorder;
use super::samples::{Bounds, Samples};
use super::shape::{Audience, DeliveryShape, Shape};
use super::tally::{RequestTally, Tally};

/// Words of 64 messages of which it is known whether they were heard, for each inbound message of a
/// worker; what does not fit is counted as untracked.
const WORDS_MAX: usize = 4 << 20;

/// Which numbers of a line were heard.
#[derive(Debug, Clone, Default)]
struct Numbers {
    /// Words in front of these, in each of which every number was heard.
    whole: usize,
    words: VecDeque<u64>,
}

/// Whether a number was heard before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    First,
    Again,
    /// There is no room to know.
    Untold,
}

impl Numbers {
    /// Hears a number; `room`: words that may still be added, less those that were.
    fn hear(&mut self, number: u32, room: &mut usize) -> Heard {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        let Some(place) = word.checked_sub(self.whole) else {
            return Heard::Again;
        };
        let missing = (place + 1).saturating_sub(self.words.len());
        if missing > *room {
            return Heard::Untold;
        }
        *room -= missing;
        self.words.extend(std::iter::repeat_n(0, missing));
        if self.words[place] & bit != 0 {
            return Heard::Again;
        }
        self.words[place] |= bit;
        while self.words.front() == Some(&u64::MAX) {
            self.words.pop_front();
            self.whole += 1;
            *room += 1;
        }
        Heard::First
    }

    fn word(&self, number: usize) -> u64 {
        match number.checked_sub(self.whole) {
            None => u64::MAX,
            Some(place) => self.words.get(place).copied().unwrap_or(0),
        }
    }

    /// Adds what another one has heard; how many numbers both have.
    fn merge(&mut self, other: &Self) -> u64 {
        let end = |numbers: &Self| numbers.whole + numbers.words.len();
        let both =
            (0..end(self).max(end(other))).map(|place| (self.word(place), other.word(place)));
        let common = both
            .clone()
            .map(|(one, two)| u64::from((one & two).count_ones()));
        let common = common.sum();
        self.words = both.map(|(one, two)| one | two).collect();
        self.whole = 0;
        common
    }
}

/// One line as a listener hears it.
#[derive(Debug, Clone, Default)]
struct Line {
    heard: Numbers,
    /// The number after the highest one.
    next: u32,
}

/// Who listens, and to which line.
type Ear = (u32, u32);

/// Deliveries of one inbound message, over the whole run.
#[derive(Debug, Clone)]
pub struct Deliveries {
    shape: DeliveryShape,
    lines: HashMap<Ear, Line>,
    /// Where listeners share a subscription: what each of them heard last.
    order: HashMap<Ear, u32>,
    room: usize,
    /// Messages with a stamp of this run, repeated ones included.
    pub received: u64,
    /// Of these, each once.
    pub delivered: u64,
    /// Heard for the first time, after a later one of the same line.
    pub reordered: u64,
    /// That the broker had kept.
    pub retained: u64,
    /// Without a stamp of this run.
    pub foreign: u64,
    /// For which there was no room: neither delivered nor repeated, as far as it is known.
    pub untracked: u64,
    /// From the stamp to the read, of those intended in the measure phase, each once.
    pub time: Samples,
}

impl Deliveries {
    pub(super) fn new(shape: DeliveryShape, bounds: Bounds) -> Self {
        Self {
            shape,
            lines: HashMap::default(),
            order: HashMap::default(),
            room: WORDS_MAX,
            received: 0,
            delivered: 0,
            reordered: 0,
            retained: 0,
            foreign: 0,
            untracked: 0,
            time: Samples::new(bounds),
        }
    }

    /// A listener hears a message; `took_ns` if it is measured.
    fn hear(&mut self, listener: u32, line: u32, number: u32, took_ns: Option<u64>) {
        self.received += 1;
        let shared = self.shape.audience == Audience::OneOf;
        let ear = (if shared { 0 } else { listener }, line);
        let known = self.lines.entry(ear).or_default();
        match known.heard.hear(number, &mut self.room) {
            Heard::Untold => return self.untracked += 1,
            Heard::Again => return,
            Heard::First => self.delivered += 1,
        }
        let next = if shared {
            self.order.entry((listener, line)).or_default()
        } else {
            &mut known.next
        };
        self.reordered += u64::from(number < *next);
        *next = (*next).max(number.saturating_add(1));
        self.time.prepare();
        if let Some(took_ns) = took_ns {
            self.time.record(took_ns);
        }
    }

    /// Adds another worker's.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            shape: _,
            lines,
            order: _,
            room: _,
            received,
            delivered,
            reordered,
            retained,
            foreign,
            untracked,
            time,
        } = other;
        self.delivered += delivered;
        for (ear, line) in lines {
            let mine = self.lines.entry(*ear).or_default();
            // Listeners of several workers may share a subscription.
            self.delivered -= mine.heard.merge(&line.heard);
        }
        self.received += received;
        self.reordered += reordered;
        self.retained += retained;
        self.foreign += foreign;
        self.untracked += untracked;
        self.time.merge(time);
    }

    /// Messages that came more than once: how many times too often.
    pub fn duplicate(&self) -> u64 {
        self.received - self.delivered - self.untracked
    }

    /// How many deliveries so many messages make.
    pub fn expected(&self, sent: u64) -> u64 {
        match self.shape.audience {
            Audience::Each(listeners) => sent * u64::from(listeners),
            Audience::OneOf => sent,
        }
    }

    /// Its request's place in the shape.
    pub fn request(&self) -> usize {
        usize::from(self.shape.request)
    }

    /// The delivery time over all deliveries that are due: what is lost ranks above all others.
    pub fn delivery_time(&self, request: &RequestTally) -> Distribution {
        let population = Population {
            planned: self.expected(request.measured.sent),
            longest_unanswered_ns: 0,
        };
        Distribution::of(&self.time, population)
    }
}

impl Recorder {
    /// A listener hears a message of this run for which it has subscribed, `took_ns` after it was
    /// published if that was in the measure phase.
    pub fn delivered(
        &mut self,
        inbound: u16,
        listener: u32,
        (line, number): (u32, u32),
        took_ns: Option<u64>,
    ) {
        if let Some(deliveries) = self.of_inbound(inbound) {
            deliveries.hear(listener, line, number, took_ns);
        }
    }

    /// A listener is sent what the broker had kept.
    pub fn retained(&mut self, inbound: u16) {
        if let Some(deliveries) = self.of_inbound(inbound) {
            deliveries.retained += 1;
        }
    }

    /// A listener hears something that is none of this run.
    pub fn foreign(&mut self, inbound: u16) {
        if let Some(deliveries) = self.of_inbound(inbound) {
            deliveries.foreign += 1;
        }
    }

    fn of_inbound(&mut self, inbound: u16) -> Option<&mut Deliveries> {
        let place = usize::from(inbound);
        self.tally.deliveries.get_mut(place)?.as_mut()
    }

    /// Deliveries that what was sent so far comes to, and those that were heard.
    pub fn deliveries(&self) -> (u64, u64) {
        let mut counts = (0, 0);
        for deliveries in self.tally.deliveries.iter().flatten() {
            let sent = self.tally.requests[deliveries.request()].whole_run.sent;
            counts.0 += deliveries.expected(sent);
            counts.1 += deliveries.delivered;
        }
        counts
    }

    /// Whether this instant is in the measure phase.
    pub fn measures(&self, at: u64) -> bool {
        self.phases.measures(at)
    }
}

impl Tally {
    pub(super) fn deliveries_of(shape: &Shape) -> Vec<Option<Deliveries>> {
        let bounds = shape.bounds();
        let of = |shape: &Option<DeliveryShape>| shape.map(|shape| Deliveries::new(shape, bounds));
        shape.deliveries.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliveries(audience: Audience) -> Deliveries {
        let shape = DeliveryShape {
            request: 0,
            audience,
        };
        Deliveries::new(shape, Bounds::up_to(1_000_000))
    }

    #[test]
    fn what_is_lost_repeated_or_out_of_order_is_counted_exactly() {
        let mut all = deliveries(Audience::Each(2));
        for number in (0..1_000).filter(|number| number % 100 != 7) {
            all.hear(0, 5, number, Some(10));
            if number % 100 == 9 {
                all.hear(0, 5, number, Some(10));
            }
        }
        // The second listener hears it the other way round.
        for number in (0..10).rev() {
            all.hear(1, 5, number, None);
        }
        assert_eq!((all.delivered, all.duplicate()), (990 + 10, 10));
        assert_eq!(all.reordered, 9);
        assert_eq!(all.expected(1_000) - all.delivered, 10 + 990);
        assert_eq!(all.time.count(), 990);
    }

    #[test]
    fn what_comes_late_is_neither_lost_nor_repeated() {
        let mut all = deliveries(Audience::Each(1));
        for number in [0, 2, 1, 1, 300, 3] {
            all.hear(0, 0, number, None);
        }
        assert_eq!((all.delivered, all.duplicate(), all.reordered), (5, 1, 2));
    }

    #[test]
    fn listeners_that_share_hear_each_message_once_whichever_worker_they_belong_to() {
        let mut one = deliveries(Audience::OneOf);
        let mut two = deliveries(Audience::OneOf);
        for number in 0..200 {
            let half = if number % 2 == 0 { &mut one } else { &mut two };
            half.hear(number % 3, 0, number, None);
        }
        // Both have heard these.
        two.hear(0, 0, 0, None);
        two.hear(0, 0, 2, None);
        one.merge(&two);
        assert_eq!((one.received, one.delivered), (202, 200));
        assert_eq!(one.duplicate(), 2);
        assert_eq!(one.expected(200), 200);
        // Each of them hears in order, but for the two that came again.
        assert_eq!(one.reordered, 2);
    }

    #[test]
    fn numbers_that_were_all_heard_take_no_room() {
        let mut numbers = Numbers::default();
        let mut room = 2;
        for number in 0..6_400 {
            assert_eq!(numbers.hear(number, &mut room), Heard::First);
        }
        assert_eq!((numbers.words.len(), room), (0, 2));
        assert_eq!(numbers.hear(6_399, &mut room), Heard::Again);
        assert_eq!(numbers.hear(6_400 + 128, &mut room), Heard::Untold);
        assert_eq!(numbers.hear(6_400 + 127, &mut room), Heard::First);
        assert_eq!(room, 0);
    }
}
