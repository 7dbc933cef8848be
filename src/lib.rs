//! midge drives a fleet of virtual MQTT endpoints against an `IoT` tenant and says how the tenant
//! answers, and whether its own numbers may be believed.
//!
//! This page is the map. How to use the program is in README.md; the words used here (endpoint,
//! fleet, target, tenant, caller, plan, phase, ledger, verdict) mean the same everywhere.
//!
//! # Flow
//!
//! ```text
//! main ── cli ──┬── profile ──── plan ──────┬── engine ──────── measure ──────── report
//!               │   what to do   numbers,   │   one thread      counts, waits,   files and
//!               │   (TOML)       frames,    │   per worker,     verdict          the screen
//!               │                instants   │   event, mqtt
//!               │                           │
//!               └── tenant                  └── sockets ── the target: a broker, a tenant,
//!                   a process of its own,                  or the simulated tenant
//!                   on event and mqtt
//! ```
//!
//! A profile is text. [`profile`] turns it into a value that can only be valid, or into errors that
//! point at lines. [`plan`] compiles that value once: a schedule of intended instants, frames whose
//! fields are filled in per message, and patterns for what comes back. [`engine`] starts workers,
//! one thread each, and gives every worker its own endpoints and tables. A worker fills a frame,
//! writes it, and matches replies to requests; it notes each event in its own recorder of
//! [`measure`]. At the end the workers' tallies are added up, [`measure`] weighs them, and
//! [`report`] makes files of them. The report never sees the engine, and the engine never prints.
//!
//! Without a target the run starts [`tenant`] as a child process and sends to it over loopback.
//! Fleet and tenant share the codec, the event loop's parts, the leaves at the end of the map, and
//! bytes on a socket, and read the same definitions: nothing else, so a mistake in one of them is no
//! mistake in both.
//!
//! Every request has three instants. *Intended* comes from the schedule, *sent* is the clock just
//! before the write, *replied* the clock just after the read. `response time = schedule lag +
//! service time`, so lateness of our own shows in the response time and cannot hide.
//!
//! # Code map
//!
//! In the order of the flow; names in a bullet are files of that folder.
//!
//! * [`cli`]: what can be asked and who does it; the only place that prints. One file per command
//!   (`run`, `check`, `tenant`, `profiles`, `report`, `compare`, `selftest`, `calibrate`, `sink`). What they share: `prepare` (arguments to a
//!   plan), `limits` (what this machine has, and does the run fit), `size` (what will be sent, in words), `frames`
//!   (the first messages, for people), `target` (may this host be loaded), `sources` (may connections leave from there),
//!   `simulated` (the tenant as a child process), `attach` (the broker of a tenant that listens nowhere), `tls` (certificates and keys), `websocket` (what is asked for), `witness` (its place in a run), `raw_log` (its file),
//!   `kernel_timestamps` (when replies came in), `calibration` (the machine's, as a run finds it), `round` (one load of `calibrate`),
//!   `signals`, `progress`, `environment`.
//! * [`profile`]: a TOML file in, a checked value out. The value: `load`, `request`, `inbound`,
//!   `properties` (of MQTT 5), `generator`, `field`, `platform`, `definitions` (those of a platform alone), `url`, `tls`, `websocket`, `sources`, `reconnect`. The way there: `tree` (values that know their line),
//!   `overlay` (a request over its definition), `set` (overrides), `origin`, `secrets` (what errors must not show), `error`. The reader:
//!   `read`, one file per section (`read/target`, `read/fleet`, `read/load`, `read/request`,
//!   `read/tls`, `read/websocket`, `read/reconnect`, `read/reply`, `read/inbound`, `read/generator`, `read/properties`, `read/limits`, `read/gates`) over `read/value`, with
//!   `read/check` for keys that nothing reads and `read/tests`. The list of all keys: `keys`,
//!   `keys/table`. Back to text: `write`.
//! * [`plan`]: what a profile compiles to. When: `schedule`, `curve`, `stages`, `shard`. What: `request`,
//!   `template`, `generator`, `encoder`, `text`, `moment`, `properties` (of MQTT 5), `pen` and `sheet` (what they write on),
//!   `hash`, `bodies`, `identities` from an
//!   `identity_file`, `columns` (are they all used). Request IDs:
//!   `request_id`. What comes back: `recognise` over `trie`, `pattern`, `pointer`, `reply`, `replies`,
//!   `inbound`, `pushes`, `carried`, `items`, `captures`, `deliveries` with their `stamp`, with `recognise/tests`
//!   and `recognise/tests/random`. For people: `example`. Connections: `connection`,
//!   `connections`, `overlap`. Around it: `compile`, `topic` (checks), `warnings`, `arithmetic` (how large a run
//!   will be), `error`.
//! * [`engine`]: carries the plan out. `run` is the coordinator with its threads, `steps` the same without any, over
//!   `crew`; `control` is what they say to the
//!   workers; `worker` is one thread and the turn of its loop, `reports` is what it tells the coordinator, `lengths` of the phases, `setup` makes its tables, `shape` the
//!   rows of its measurement. What it does: `connect`, `dialect` (what only MQTT 5 has), `dial` (which addresses), `secure` (TLS), `upgrade` (WebSocket), `last_words`, `loss` (and coming back: `reconnect`, `attempts`, `admission`, `away`, `resume`), `upkeep` of connections, `churn`, `drain`, `close`, `send` (instants to packets), `write`
//!   (packets to the kernel), `receive`, `stamps` (when a sample left and came back by the kernel), `reply`, `first_reply`, `copies`, `pushed`, `deliveries`, `pace` and `prepare` (closed and `"max"`), `approach` (the last microseconds). Rows of its
//!   tables: `connection` with what is `cold` in it, `terms` (of the target), `endpoint`, `exchange`, `acks`, `observed`, `batch`, `outbox`, `timer`. Beside it: `limiter` (rates),
//!   `cap` (what the cap on all messages held back), `failure` (error classes), `heartbeat` (was the
//!   process kept from running) with `machine` (how it fares) over `cgroup` (files of the kernel), `logger` (the file of the raw log).
//! * [`event`]: what an event loop is made of: `clock`, `socket`, `stamps` (when the kernel passed bytes on and received them), `wheel`, `room`, and `poller` with its ways to
//!   wait: `poller/nanoseconds`, `poller/timer`, `poller/milliseconds`; `memory` is a network without a kernel,
//!   over `memory/streams`; `tls` lies over the kernel's sockets, with its sides `tls/client` (and `tls/client/sessions`,
//!   `tls/client/unverified`) and `tls/server`, what these share is `tls/side`, `tls/credentials`, `tls/roots`, `tls/failure` (error classes), and `tls/tests`;
//!   `websocket` lies over any of them: `websocket/handshake`, `websocket/frame` with its `websocket/mask`,
//!   `websocket/failure`, and `websocket/tests`.
//! * [`mqtt`]: the codec, both roles, no I/O. `packet` takes one off a stream of bytes; one file per
//!   packet: `connect` with its `will`, `connack`, `publish`, `puback`, `pubrec`, `pubrel`,
//!   `pubcomp`, `subscribe`, `suback`, `unsubscribe`, `unsuback`, `pingreq`, `pingresp`,
//!   `disconnect`, `auth`. Their parts: `header`, `kind`, `qos`, `topic`, `ack`, `empty`, `reader`,
//!   `writer`, `error`, and of 5.0 `properties` of `property` over `wire`, `reason`, and `place`, where those
//!   may stand; `vector` holds packets against their bytes in tests.
//! * [`measure`]: what happened, as values. Writing down: `recorder` and `around` over `across`, `row`, `ledger`, `samples` with `counts`,
//!   `status`, `errors`, `reason`, `connection`, `recovery` (outages), `stage`, `first_reply`, `client_share`, `fired`;
//!   every message of its own in a `logbook` of `entry`s; from publisher to listener: `delivery` with its `delivery_figures`. Adding up: `tally` (a run), `interval` and `collector`
//!   (seconds). Summing up: `distribution`, `figures`, `machine` (its worst). Was it steady: `statistics` over `trend`. Judging: `verdict` (of us;
//!   `verdict/reasons`, `verdict/warnings`, `verdict/tls`, `verdict/websocket`, `verdict/scheme`) against `gates` and the machine's `ceiling`, `threshold` with
//!   `metric` and `quantity` (of the target). A second opinion: `testimony`. Arrivals
//!   against the process that was planned: `fit`. What there is to
//!   measure: `shape`, `phase`.
//! * [`report`]: what a run leaves behind. `build` makes the `result`, with its `environment`, `tls`, `recovery`, `raw_log` and `kernel_timestamps`;
//!   one file per format: `summary`, `stages`, `intervals`, `percentiles`, `histogram`, `hlog`, `status`,
//!   `errors`, and `text` for the screen with `stages_text`, `thresholds_text`, `deliveries` and `ink`, over `table`.
//!   `witness` stands beside the fleet. `folder` writes them, `exit` is the code.
//!   Two results: `compare` with `difference` (what is not equal) and `change` (one number), shown by
//!   `compare_text`.
//! * [`tenant`]: the far side, in a process of its own. `server` is its loop, `accept` takes connections, `session` and
//!   `sessions` its connections with their `buffers`, `packets`, `greeting` and `flow` its half of MQTT, `resume` and `kept` (sessions that go on), `terms` what MQTT 5 agrees on, `subscriptions` and
//!   `router` who gets what. As clients of a broker: `attachment` (where, by whom), `attached` (how), with its
//!   `filters` and `echoes`. `platforms` says what a message means: `kaa`, `kaa_address`,
//!   `kaa_payload`, `rules`, `instances`, `enapter`, `devices`, `json`, `kind`, `problem`; `defined` does so for
//!   all others, from a profile's own definitions: `responder` over `responder/names`,
//!   `responder/pattern`, `responder/place`, `responder/id`, `responder/answer`, `responder/push` and
//!   `responder/known`, with `responder/tests`. What it remembers:
//!   `endpoints`, `thing`, `metadata`, `commands`, `outstanding`, `configuration`, `configurations`,
//!   `watch`, and of topics `routes`. How it behaves: `options`, `options/value`, `service`, `pending`, `timers`, `agenda`, `faults`, `outage`, `stray`,
//!   `pushes`, `random`. Whom it takes: `tls`. What it tells: `report`, `arrivals`;
//!   `judge` is its opinion of a message that nobody has sent.
//! * [`witness`]: a client of another make that sends probes beside the fleet, behind the feature of
//!   that name. `order` says what to probe, `connection` does it, `setting` is what the run gives it;
//!   `absent` stands in its place without the feature.
//! * [`conclusion`]: from what the engine has measured to the result; the one place that knows both.
//! * [`simulation`]: a run in virtual time: fleet and tenant in one thread, whose clocks it moves.
//! * [`selftest`]: the whole instrument against what is known beforehand. A test makes an `order`, has a
//!   `runner` carry it out (`sockets`: processes and sockets; `virtual_time`: a simulation), looks at what is
//!   `observed` of its `folder`, and holds it
//!   against `answers`, `row` by row; `bench` repeats what was disturbed. The tests: `stall`, `delays`, `queue`,
//!   `silence`, `arrivals`, `counts`, `sickness`, `little`, `histogram`, `drift`, `replies`, `change`.
//! * [`calibration`]: what this machine can do, as a file that later runs quote: `load`s that find it out, and
//!   their `figures`.
//! * [`sink`]: a null broker to measure that against, which looks at packets with a `wire` of its own.
//! * [`units`]: rates, durations, sizes and shares as people write them.
//! * [`delay`]: a delay as people write it, and draws from it.
//! * [`random`]: random bits and distributions as pure functions.
//! * [`planted`]: mistakes that are made on purpose, in builds with the feature of that name.
//! * [`nearest`]: the known word that a misspelt one was meant to be.
//!
//! # Invariants
//!
//! Each is held by the tests named after it.
//!
//! 1. [`mqtt`], [`plan`], [`measure`] and the formats of [`report`] read no clock, socket, file or
//!    environment: time is an argument.
//!    `pure_modules_read_no_clock_socket_file_or_environment`
//! 2. Nothing points up: a module uses only those that are below it in the flow.
//!    `layers_point_down`
//! 3. The intended instant travels with the request from the schedule to the ledger: being late is
//!    response time and schedule lag, never service time, and a request belongs to the phase of its
//!    intended instant.
//!    `a_late_send_shows_in_response_time_and_lag_and_not_in_service_time`,
//!    `a_request_belongs_to_the_phase_of_its_intended_instant`
//! 4. The ledger: `planned = sent + dropped`, and `sent` is the sum of its five ends. Counters are
//!    counted one by one and the sums checked at the end of every run, in release builds too.
//!    `every_end_of_a_request_has_its_own_counter_and_the_ledger_balances`,
//!    `a_request_that_vanished_is_named_with_figures`,
//!    `the_machine_and_defects_of_our_own_make_any_run_invalid`
//! 5. Percentiles are over planned requests: what was not answered ranks above every answer.
//!    `unanswered_requests_stand_with_their_longest_certain_wait`,
//!    `a_percentile_among_timeouts_is_the_longest_certain_wait`
//! 6. INVALID has causes on our side only; whatever the target does, the run is valid.
//!    `a_healthy_run_is_valid_whatever_the_target_does`, `only_what_this_machine_lacks_is_ours`
//! 7. The schedule is a pure function of (seed, endpoint, number): one worker or many, and whatever
//!    was dropped, the same requests with the same values are due at the same instants.
//!    `one_shard_or_eight_give_the_same_requests_instants_and_payloads`,
//!    `a_dropped_request_changes_no_later_value`, `the_seed_decides_values_and_instants`
//! 8. Bytes from outside never panic the codec, and it takes only what the specification allows. So it
//!    is with WebSocket's frames.
//!    `mutations_of_valid_packets_never_panic_and_what_reads_writes_the_same_bytes`,
//!    `every_vector_is_judged_as_the_specification_says`,
//!    `any_bytes_mean_the_same_however_they_come`,
//!    `what_another_implementation_refuses_is_refused_and_nothing_else`
//! 9. Tables have limits, and reaching one is an outcome with a name.
//!    `the_table_is_full_at_its_limit`, `captures_that_do_not_fit_are_not_recognised`,
//!    `an_endpoint_observes_a_limited_number_of_ids`,
//!    `a_client_that_does_not_read_is_disconnected`, `a_session_keeps_a_limited_number_of_messages`, `metadata_stops_growing_at_its_limit`,
//!    `what_never_comes_back_is_forgotten_at_the_limit`, `numbers_that_were_all_heard_take_no_room`
//! 10. Platforms are data: no platform's name outside [`tenant`] and the shipped profiles.
//!     `platform_names_stay_in_the_tenant_and_the_profiles`
//! 11. After warm-up a worker allocates nothing per message: all of its tables are used again. Nor
//!     does the tenant, unless it has to keep something of the message.
//!     `one_more_message_costs_no_allocation`,
//!     `a_message_that_leaves_nothing_behind_costs_the_tenant_no_allocation`
//! 12. Only `main` ends the process, only [`cli`] prints. Data goes to stdout, words to stderr.
//!     `only_main_exits_and_only_the_command_line_prints`
//! 13. A simulated run goes through the workers' and the tenant's own loops and depends on nothing but its
//!     arguments. `a_minute_of_a_whole_fleet_is_the_same_to_the_last_byte`,
//!     `a_fixed_delay_is_measured_to_the_nanosecond`
//! 14. What the instrument must not do, the selftest catches when it is done on purpose; builds that people
//!     use cannot do it. `every_planted_mistake_is_caught`,
//!     `a_build_without_planted_mistakes_has_no_trace_of_them`

// The map names every module.
#![allow(rustdoc::private_intra_doc_links)]

pub mod calibration;
pub mod cli;
pub mod conclusion;
pub mod delay;
pub mod engine;
pub mod event;
pub mod measure;
pub mod mqtt;
mod nearest;
pub mod plan;
mod planted;
pub mod profile;
mod random;
pub mod report;
pub mod selftest;
pub mod simulation;
pub mod sink;
pub mod tenant;
pub mod units;
#[cfg(feature = "witness")]
pub mod witness;
#[cfg(not(feature = "witness"))]
#[path = "witness/absent.rs"]
pub mod witness;
