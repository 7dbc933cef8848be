//! midge: a load-testing instrument for IoT tenants over MQTT.

pub mod cli;
pub mod delay;
pub mod engine;
pub mod event;
pub mod measure;
pub mod mqtt;
mod nearest;
pub mod plan;
pub mod profile;
mod random;
pub mod report;
pub mod tenant;
pub mod units;
