//! The engine: carries a plan out and returns what was measured. It never prints.
//!
//! A coordinator thread starts the workers, arms them together once the fleet is connected, collects
//! their seconds and merges what they measured. Each worker is one thread with its own event loop,
//! its own slice of the endpoints and its own tables; nothing is shared between them per message.
//!
//! | file | noun |
//! |---|---|
//! | `run`, `lengths` | the coordinator: threads, phases, stop; how long the phases were |
//! | `crew` | the workers as the coordinator sees them; what they have measured together |
//! | `steps` | a run without threads, turn by turn |
//! | `control` | orders and reports between coordinator and workers |
//! | `worker`, `setup` | one thread's tables and the turn of its loop; how the tables are made |
//! | `connect`, `loss`, `close` | connections come up and stay up; fail and come back; end |
//! | `dialect`, `terms` | what only MQTT 5 has; what its targets allow |
//! | `secure`, `upgrade` | TLS, and WebSocket, before MQTT begins |
//! | `reconnect`, `admission`, `away` | the next wait before an attempt to come back; which attempts may begin; who is away |
//! | `resume`, `churn` | sessions that outlive their connections; endpoints that come and go |
//! | `dial` | the socket of one connection: both of its addresses |
//! | `send` | from an intended instant to an encoded frame, or a reason to drop it |
//! | `write` | from frames to bytes in the kernel |
//! | `cap` | what the aggregate cap holds back |
//! | `receive` | from bytes in the kernel to packets |
//! | `reply` | from a message to the request that it answers |
//! | `first_reply` | the first reply, where intermediate ones may come before the final one |
//! | `stamps` | which requests ask the kernel when they left and when their replies came |
//! | `pushed` | what the tenant pushes, and the answers |
//! | `observed` | IDs of requests that asked for more |
//! | `pace`, `prepare` | closed and `"max"` models: whose turn it is; rendering and writing in turns |
//! | `approach` | the last microseconds before an instant |
//! | `connection`, `endpoint`, `exchange`, `acks`, `timer` | rows of the tables |
//! | `cold`, `outbox` | what a connection needs only at times |
//! | `batch` | frames on their way to a write |
//! | `limiter`, `failure` | rate caps; error classes |
//! | `heartbeat`, `machine`, `cgroup` | was the process kept from running; how it fares; what the kernel's files say of that |
//! | `logger` | the file of the raw log |

mod acks;
mod admission;
mod approach;
mod attempts;
mod away;
mod batch;
mod cap;
mod cgroup;
mod churn;
mod close;
mod cold;
mod connect;
mod connection;
mod control;
mod copies;
mod crew;
mod deliveries;
mod dial;
mod dialect;
mod drain;
mod endpoint;
pub mod exchange;
mod failure;
mod first_reply;
mod heartbeat;
mod last_words;
mod lengths;
mod limiter;
mod logger;
mod loss;
mod machine;
mod observed;
mod outbox;
mod pace;
mod prepare;
mod pushed;
mod receive;
mod reconnect;
mod reply;
mod reports;
mod resume;
mod run;
mod secure;
mod send;
mod setup;
mod shape;
mod stamps;
mod steps;
mod terms;
mod timer;
mod upgrade;
mod upkeep;
mod worker;
mod write;

pub use approach::Approach;
pub use lengths::Lengths;
pub use logger::Logged;
pub use run::{Measured, Progress, Run, Settings, Stopper, start};
pub use secure::{OwnError, Security, own_credentials};
pub use shape::shape;
pub use steps::{Fleet, in_steps};
