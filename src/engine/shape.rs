//! What a plan will have measured: the rows of its tally.

use crate::measure::{Audience, DeliveryShape, Replies, RequestShape, Shape, StageShape};
use crate::plan::{self, Plan};
use crate::profile::Profile;

/// The rows, by the indices that the plan gives to requests and inbound messages.
pub fn shape(plan: &Plan, profile: &Profile) -> Shape {
    let requests = plan.requests.iter().map(|request| RequestShape {
        name: request.name.clone(),
        reactive: request.reactive.is_some(),
        has_reply: request.has_reply(),
        replies: if request.intermediate {
            Replies::Several
        } else {
            Replies::One
        },
        silence_is_ok: request.silence_is_ok(),
        qos: request.qos,
        deadline_ns: request.deadline_ns,
    });
    Shape {
        requests: requests.collect(),
        inbound: plan
            .inbound
            .iter()
            .map(|inbound| inbound.name.clone())
            .collect(),
        deliveries: plan
            .inbound
            .iter()
            .map(|inbound| inbound.delivery.map(delivery))
            .collect(),
        warm_up_ns: profile.load.warm_up.as_nanos() as u64,
        measure_ns: profile.load.measure.as_nanos() as u64,
        stages: plan
            .stages
            .iter()
            .map(|stage| StageShape {
                from_ns: stage.from_ns,
                to_ns: stage.to_ns,
                asked_from_per_s: stage.from_per_s,
                asked_to_per_s: stage.to_per_s,
            })
            .collect(),
    }
}

fn delivery(of: plan::Delivery) -> DeliveryShape {
    DeliveryShape {
        request: of.request,
        audience: match of.audience {
            plan::Audience::Each(listeners) => Audience::Each(listeners),
            plan::Audience::OneOf => Audience::OneOf,
        },
    }
}
