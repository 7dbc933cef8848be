//! The simulated tenant over real sockets: what is written and read is MQTT, byte by byte.
//!
//! One file per topic; `client` is what they share.

#[path = "tenant/client.rs"]
mod client;
#[path = "tenant/connections.rs"]
mod connections;
#[path = "tenant/enapter.rs"]
mod enapter;
#[path = "tenant/faults.rs"]
mod faults;
#[path = "tenant/five.rs"]
mod five;
#[path = "tenant/kaa.rs"]
mod kaa;
#[path = "tenant/kaa_pushes.rs"]
mod kaa_pushes;
