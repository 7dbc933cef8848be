//! The bounds of every kind of value: what is just inside loads, what is just outside does not.

use super::{load_shipped, load_text, rendered};

/// A profile that every override below fits into.
const WHOLE: &str = r#"
[fleet]
vars = { site = "a" }
[fleet.will]
topic = "gone/{endpoint}"
[target]
username = "me"
[load]
arrival_rate = "10/s"
[[request]]
name = "data"
topic = "d/{endpoint}/{request_id}"
payload = "{value}"
reply = { ok = "{topic}/ok" }
generate.value = { counter = 0 }
[[inbound]]
name = "push"
topic = "p/{endpoint}"
id = "/id"
answer = [{ after = "exp:1ms", topic = "a/{endpoint}" }]
"#;

#[test]
fn values_inside_their_bounds_load() {
    let sets = [
        "fleet.endpoints=1",
        "fleet.endpoints=10_000_000",
        "fleet.client_id=",
        "fleet.keep_alive=0s",
        "fleet.keep_alive=65535s",
        "fleet.connect_rate=0.5/s",
        "fleet.churn_rate=0.5/s",
        "fleet.reconnect_rate=none",
        "fleet.reconnect_rate=0.5/s",
        "fleet.reconnect.policy=fixed",
        "fleet.reconnect={ policy = \"exponential\", jitter = \"decorrelated\" }",
        "fleet.reconnect.jitter=none",
        "fleet.reconnect.jitter=100%",
        "fleet.reconnect.jitter=full",
        "fleet.reconnect.initial_delay=1ms",
        "fleet.reconnect.max_delay=1h",
        "fleet.reconnect={ policy = \"fixed\", initial_delay = \"1m\" }",
        "fleet.reconnect.give_up_after=1",
        "fleet.connections.per_endpoint=2",
        "fleet.subscribe=[\"a/+\", \"b/#\"]",
        "fleet.subscribe_qos=2",
        "fleet.clean_start=false",
        "fleet.will.retain=true",
        "fleet.vars.number=5",
        "target.url=mqtt://[::1]:1884",
        "target.url=[\"mqtt://a\", \"mqtt://b:1\"]",
        "target.password=file:/run/secret",
        "target.connect_timeout=1h",
        "load.warm_up=0s",
        "load.drain=0s",
        "load.measure=30m",
        "load.seed=18446744073709551615",
        "load.arrival_rate=300/min",
        "load.stages=[{ for = \"0s\", to = \"2/s\" }, { for = \"1s\", to = \"2/s\" }]",
        "load.stages=[{ for = \"10s\", to = \"5_000/s\" }, { for = \"1s\", to = \"0/s\" }]",
        "request.data.qos=2",
        "request.data.deadline=1h",
        "request.data.weight=0.25",
        "request.data.every=1ms",
        "request.data.bytes=16MiB",
        "request.data.bytes=0B",
        "request.data.request_id.range=[0, 4294967295]",
        "request.data.request_id={ generate = \"uuid\", in = \"topic\" }",
        "request.data.reply={ topic = \"r\", outcome = \"/s\", ok = [\"a\"], intermediate = \"b\" }",
        "request.data.reply={ topic = \"r/{status}\", outcome = \"{status}\", intermediate = \"202\" }",
        "request.data.reply={ ok = \"r\", carries = \"push\" }",
        "request.data.generate.value={ walk = [-1, 1.5], step = 0.1, decimals = 9 }",
        "request.data.generate.value={ choice = [\"a\", 1, true], weights = [0, 1, 2.5] }",
        "request.data.generate.value={ timestamp = \"iso8601-basic\" }",
        "inbound.push.at=endpoint",
        "inbound.push.items=each",
        "inbound.push.deduplicate=false",
        "inbound.*.answer=[]",
        "limits.messages_per_s=1000",
        "limits.messages_per_s=1000/s",
        "limits.packet_size=256MiB",
        "tenant.relaxed-paths=on",
        "tenant.command_types=set_power,reboot",
        "tenant.commands_per_push=2",
        "tenant.instances=dcx=data,epmx=meta",
        "thresholds.data.response_time.p99=<= 50ms",
        "thresholds.dropped== 0",
        "description=12",
    ];
    for set in sets {
        if let Err(errors) = load_text(WHOLE, &[set]) {
            panic!("{}", rendered(&errors));
        }
    }
}

#[test]
fn values_outside_their_bounds_are_refused_by_name() {
    let sets = [
        "format=2",
        "name=Big",
        "fleet.endpoints=0",
        "fleet.endpoints=10_000_001",
        "fleet.endpoints=1.5",
        "fleet.keep_alive=65536s",
        "fleet.keep_alive=1.5s",
        "fleet.connect_rate=0/s",
        "fleet.connects_in_progress=0",
        "fleet.connections.per_endpoint=3",
        "fleet.connections=2",
        "fleet.subscribe=some",
        "fleet.subscribe=[\"\"]",
        "fleet.subscribe_qos=3",
        "fleet.will.topic=a/#",
        "fleet.vars.endpoint=x",
        "fleet.vars.a-b=x",
        "target.url=http://a",
        "target.url=[]",
        "target.url=mqtt://a:0",
        "target.protocol=3.1",
        "target.connect_timeout=0s",
        "load.model=half-open",
        "load.arrival_rate=0/s",
        "load.arrivals=uniform",
        "load.measure=0s",
        "load.measure=31h5",
        "load.drain=2h",
        "load.in_flight_max=0",
        "load.batch=0",
        "load.seed=-1",
        "load.seed=18446744073709551616",
        "load.stages=[{ for = \"0s\", to = \"1/s\" }]",
        "load.stages=[{ for = \"1s\" }]",
        "load.stages=5",
        "request.data.from=cloud",
        "request.data.name=total",
        "request.data.topic=",
        "request.data.topic=a/+/{request_id}",
        "request.data.qos=-1",
        "request.data.retain=yes",
        "request.data.deadline=0s",
        "request.data.deadline=61m",
        "request.data.weight=0",
        "request.data.rate=0/s",
        "request.data.every=25h",
        "request.data.jitter=1s",
        "request.data.batch=2",
        "request.data.bytes=17MiB",
        "request.data.file=gone.json",
        "request.data.request_id.in=payload",
        "request.data.request_id.in=/id/~2",
        "request.data.request_id.in=correlation-data",
        "request.data.request_id.range=[9, 1]",
        "request.data.request_id.range=[1]",
        "request.data.request_id.scope=",
        "request.data.reply={ topic = \"r\" }",
        "request.data.reply={ outcome = \"/s\", ok = [\"a\"] }",
        "request.data.reply={ topic = \"r\", outcome = \"/s\", ok = [\"a\"], error = [\"a\"] }",
        "request.data.reply={ status = \"/s\" }",
        "request.data.reply={ carries = \"push\" }",
        "request.data.reply={ ok = \"r\", carries = \"No Name\" }",
        "request.data.reply={ topic = \"r\", outcome = \"{status}\" }",
        "request.data.reply={ topic = \"r/{status}\", outcome = \"{code}\" }",
        "request.data.reply={ topic = \"r/{status}\", outcome = \"status\" }",
        "request.data.request_id.observe=1",
        "request.data.request_id.observe=true",
        "request.data.generate.value={ uniform = [2, 1] }",
        "request.data.generate.value={ normal = [2, -1] }",
        "request.data.generate.value={ walk = [1, 2], step = 0 }",
        "request.data.generate.value={ choice = [] }",
        "request.data.generate.value={ choice = [\"a\"], weights = [0] }",
        "request.data.generate.value={ counter = 0, decimals = 1 }",
        "request.data.generate.value={ counter = 0, uuid = true }",
        "request.data.generate.value={ uuid = false }",
        "request.data.generate.value={ bytes = \"0B\" }",
        "request.data.generate.value={}",
        "inbound.push.at=cloud",
        "inbound.push.items=all",
        "inbound.push.id=id",
        "inbound.push.answer=[{ after = \"2h\", topic = \"a\" }]",
        "inbound.push.answer=[{ after = \"1s\" }]",
        "limits.messages_per_s=0",
        "limits.packet_size=1B",
        "limits.in_flight=0",
        "tenant.service-time=fast",
        "tenant.listen=127.0.0.1:1883",
        "tenant.password=x",
        "thresholds.dropped=0",
        "thresholds.dropped=< many",
    ];
    for set in sets {
        let Err(errors) = load_text(WHOLE, &[set]) else {
            panic!("{set} loads");
        };
        let named = errors[0].to_string().starts_with("--set ");
        assert!(named, "{set}: {}", rendered(&errors));
    }
}

#[test]
fn how_connections_come_back_has_bounds_too() {
    let sets = [
        "fleet.churn_rate=0/s",
        "fleet.reconnect_rate=0/s",
        "fleet.reconnect_rate=full",
        "fleet.reconnect=5",
        "fleet.reconnect.policy=linear",
        "fleet.reconnect.jitter=101%",
        "fleet.reconnect.jitter=some",
        "fleet.reconnect={ policy = \"fixed\", jitter = \"decorrelated\" }",
        "fleet.reconnect.initial_delay=0s",
        "fleet.reconnect={ initial_delay = \"2s\", max_delay = \"1s\" }",
        "fleet.reconnect.give_up_after=0",
    ];
    for set in sets {
        let Err(errors) = load_text(WHOLE, &[set]) else {
            panic!("{set} loads");
        };
        let named = errors[0].to_string().starts_with("--set ");
        assert!(named, "{set}: {}", rendered(&errors));
    }
}

#[test]
fn what_depends_on_two_keys_is_checked_too() {
    let pairs: [&[&str]; 8] = [
        &["load.model=closed", "load.arrival_rate=max"],
        &["load.model=closed", "request.dcx-json.rate=1/s"],
        &["load.arrival_rate=max", "request.dcx-json.every=1s"],
        &[
            "load.arrival_rate=max",
            "load.stages=[{ for = \"1s\", to = \"1/s\" }]",
        ],
        &[
            "load.stages=[{ for = \"1s\", to = \"1/s\" }]",
            "load.measure=2s",
        ],
        &[
            "request.dcx-json.every=2s",
            "request.dcx-json.jitter=1001ms",
        ],
        &[
            "request.dcx-json.name=twin",
            "request.metadata-get.name=twin",
        ],
        &["target.password=env:NAME"],
    ];
    for sets in pairs {
        assert!(load_shipped("kaa-fleet", sets).is_err(), "{sets:?}");
    }
    let good = [
        "load.measure=1s",
        "load.stages=[{ for = \"1s\", to = \"1/s\" }]",
    ];
    assert!(load_shipped("kaa-fleet", &good).is_ok());
}

#[test]
fn a_load_has_at_most_a_hundred_stages() {
    let stages = |count: usize| {
        let stage = "{ for = \"1s\", to = \"2/s\" },";
        format!("load.stages=[{}]", stage.repeat(count))
    };
    assert!(load_text(WHOLE, &[&stages(100)]).is_ok());
    let errors = load_text(WHOLE, &[&stages(101)]).unwrap_err();
    assert!(
        rendered(&errors).contains("at most 100"),
        "{}",
        rendered(&errors)
    );
}
