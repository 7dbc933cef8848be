//! midge: a load-testing instrument for IoT tenants over MQTT.

pub mod cli;
pub mod engine;
pub mod event;
pub mod measure;
pub mod mqtt;
pub mod plan;
pub mod profile;
pub mod report;
pub mod tenant;
pub mod units;
