//! What a plan of MQTT 5 adds to packets, and what it finds in those that come back: held against the
//! codec, as values.

use midge::mqtt::{Packet, Property, Publish, Role, Version, decode};
use midge::plan::{
    Captures, Heard, Identities, Listener, Message, Moment, Plan, PlanError, Recognised, Sheet,
    TopicAs,
};
use midge::profile::{
    Connections, IdKind, IdPlace, Inbound, Items, MessageProperties, Pace, Payload, Profile,
    Protocol, Reply, Request, Sender, Will,
};

use super::{compile, profile, request};

/// Asks on one topic, with correlation data, and hears on another one.
fn asks() -> Request {
    let payload = Payload::Template("{seq}".into());
    let mut asks = request("ask", "ask/{token}", payload, Pace::Weight(1.0));
    asks.request_id.place = IdPlace::CorrelationData;
    asks.request_id.kind = IdKind::Range(5, 12_345);
    asks.reply = Some(Reply {
        ok_topic: Some("answers/{token}".into()),
        error_topic: Some("errors/{token}".into()),
        reason: Some("/why".into()),
        ..Reply::default()
    });
    asks
}

fn five(requests: Vec<Request>) -> Profile {
    let mut profile = profile(10, 1.0, 1);
    profile.target.protocol = Protocol::V5;
    profile.requests = requests;
    profile
}

fn render(plan: &Plan, index: usize, topic: TopicAs, request_id: u128) -> Vec<u8> {
    let message = Message {
        endpoint: 7,
        request_id,
        packet_id: 9,
        moment: &Moment::at(1_700_000_000_000_000_000),
        identities: &plan.identities,
        captures: &Captures::new(),
    };
    let mut state = vec![0; plan.state_words];
    let mut sheet = Sheet::default();
    let request = &plan.requests[index];
    request.encode_after(None, topic, &mut sheet, &message, &mut state);
    assert!(sheet.len() <= request.frame_longest);
    sheet.into()
}

fn publish(frame: &[u8]) -> Publish<'_> {
    match decode(frame, Role::Server, Version::V5, 1 << 20) {
        Ok(Some((Packet::Publish(publish), length))) if length == frame.len() => publish,
        other => panic!("{other:?}"),
    }
}

fn properties<'a>(publish: &Publish<'a>) -> Vec<Property<'a>> {
    publish.properties.iter().collect()
}

#[test]
fn a_message_without_properties_says_that_it_has_none() {
    let mut bare = asks();
    bare.request_id.place = IdPlace::None;
    bare.reply = None;
    bare.qos = 1;
    let plan = compile(&five(vec![bare.clone()]));
    let frame = render(&plan, 0, TopicAs::Name, 0);
    let publish = publish(&frame);
    assert_eq!((publish.topic, publish.payload), ("ask/ep-7", &b"0"[..]));
    assert!(publish.properties.is_empty());
    assert_eq!(publish.packet_id, 9);
    // One byte more than in 3.1.1, which has no place for it.
    let mut older = five(vec![bare]);
    older.target.protocol = Protocol::V311;
    let older = render(&compile(&older), 0, TopicAs::Name, 0);
    assert_eq!(older.len() + 1, frame.len());
}

#[test]
fn an_id_in_correlation_data_asks_for_replies_where_they_are_looked_for() {
    let plan = compile(&five(vec![asks()]));
    for id in [5_u32, 12_345] {
        let frame = render(&plan, 0, TopicAs::Name, u128::from(id));
        let publish = publish(&frame);
        let text = id.to_string();
        assert_eq!(publish.payload, b"0");
        assert_eq!(
            properties(&publish),
            [
                Property::ResponseTopic("answers/ep-7"),
                Property::CorrelationData(text.as_bytes())
            ]
        );
    }
}

#[test]
fn every_property_has_its_value() {
    let mut full = asks();
    full.properties = MessageProperties {
        text: Some(true),
        expiry_s: Some(90),
        content_type: Some("application/json".into()),
        response_topic: Some("{topic}/more".into()),
        user_properties: [
            ("site".to_owned(), "hall {endpoint}".to_owned()),
            ("fixed".to_owned(), "x".repeat(200)),
            ("id".to_owned(), "{request_id}".to_owned()),
        ]
        .into(),
    };
    let plan = compile(&five(vec![full]));
    let frame = render(&plan, 0, TopicAs::Name, 4_711);
    let mut found = properties(&publish(&frame));
    found.sort_by_key(|property| format!("{property:?}"));
    let fixed = "x".repeat(200);
    let mut expected = [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(90),
        Property::ContentType("application/json"),
        Property::ResponseTopic("ask/ep-7/more"),
        Property::CorrelationData(b"4711"),
        Property::UserProperty(("site", "hall 7")),
        Property::UserProperty(("fixed", &fixed)),
        Property::UserProperty(("id", "4711")),
    ];
    expected.sort_by_key(|property| format!("{property:?}"));
    assert_eq!(found, expected);
}

#[test]
fn the_length_of_properties_is_right_whatever_was_guessed() {
    // From one byte of length to two, by the ID alone.
    for length in 95..135 {
        let mut long = asks();
        long.request_id.kind = IdKind::Uuid;
        long.properties.response_topic = Some("r".repeat(length));
        for place in [IdPlace::CorrelationData, IdPlace::None] {
            let mut long = long.clone();
            if place == IdPlace::None {
                long.reply = None;
            }
            long.request_id.place = place;
            let plan = compile(&five(vec![long]));
            let frame = render(&plan, 0, TopicAs::Name, 7);
            let publish = publish(&frame);
            assert_eq!(publish.payload, b"0", "{length}");
            let topic = "r".repeat(length);
            assert_eq!(properties(&publish)[0], Property::ResponseTopic(&topic));
        }
    }
}

#[test]
fn a_number_may_stand_for_a_topic() {
    let mut first = asks();
    first.topic_alias = true;
    let mut second = first.clone();
    second.name = "second".into();
    second.request_id.place = IdPlace::None;
    second.reply = None;
    let plan = compile(&five(vec![first, second]));
    let aliases: Vec<_> = plan
        .requests
        .iter()
        .map(midge::plan::Request::alias)
        .collect();
    assert_eq!(aliases, [Some(1), Some(2)]);
    for (index, alias) in [(0, 1), (1, 2)] {
        let frame = render(&plan, index, TopicAs::Introduced, 5);
        let introduced = publish(&frame);
        assert_eq!(introduced.topic, "ask/ep-7");
        assert!(properties(&introduced).contains(&Property::TopicAlias(alias)));
        let frame = render(&plan, index, TopicAs::Alias, 5);
        let short = publish(&frame);
        assert_eq!((short.topic, short.payload), ("", introduced.payload));
        assert_eq!(short.properties, introduced.properties);
        let frame = render(&plan, index, TopicAs::Name, 5);
        let named = publish(&frame);
        assert_eq!(named.topic, "ask/ep-7");
        assert!(!properties(&named).contains(&Property::TopicAlias(alias)));
    }
}

#[test]
fn a_topic_that_changes_has_no_number() {
    let refused = |change: &dyn Fn(&mut Profile)| {
        let mut profile = five(vec![asks()]);
        profile.requests[0].topic_alias = true;
        change(&mut profile);
        match Plan::compile(&profile, Identities::none()) {
            Err(PlanError::InvalidValue { place, reason }) => {
                assert_eq!(place, "request ask, topic_alias");
                reason
            }
            other => panic!("{other:?}"),
        }
    };
    let changing = refused(&|p| p.requests[0].topic = "ask/{token}/{seq}".into());
    assert!(changing.contains("same in all messages"), "{changing}");
    let shared = refused(&|p| p.fleet.connections = Connections::Shared(4));
    assert!(shared.contains("connection for each endpoint"), "{shared}");
    let caller = refused(&|p| {
        p.requests[0].from = Sender::Caller;
        p.requests[0].reply = None;
        p.requests[0].request_id.place = IdPlace::None;
    });
    assert!(caller.contains("connection for each endpoint"), "{caller}");
}

#[test]
fn an_id_that_nothing_carries_back_is_no_property() {
    let mut profile = five(vec![asks()]);
    profile.requests[0].request_id.place = IdPlace::None;
    profile.requests[0].properties.content_type = Some("{request_id}".into());
    let refused = Plan::compile(&profile, Identities::none()).expect_err("it has no ID");
    let expected = "request ask, content_type: {request_id} is used, but request_id.in is \"none\"";
    assert_eq!(refused.to_string(), expected);
    profile.requests[0] = asks();
    profile.requests[0].reply = Some(Reply {
        ok_topic: Some("answers/{request_id}".into()),
        ..Reply::default()
    });
    let refused = Plan::compile(&profile, Identities::none()).expect_err("two places");
    assert!(
        refused.to_string().contains("is the correlation data"),
        "{refused}"
    );
}

fn recognise<'a>(
    plan: &Plan,
    topic: &str,
    payload: &'a [u8],
    correlation: Option<&[u8]>,
) -> Recognised<'a> {
    let heard = Heard {
        topic,
        payload,
        correlation,
    };
    plan.recognise_heard(Listener::Endpoint(7), &heard, &mut Captures::new())
}

#[test]
fn a_reply_is_known_by_its_correlation_data() {
    let plan = compile(&five(vec![asks()]));
    let id = |found: Recognised<'_>| match found {
        Recognised::Reply { request: 0, id, .. } => id,
        other => panic!("{other:?}"),
    };
    let ok = "answers/ep-7";
    assert_eq!(id(recognise(&plan, ok, b"", Some(b"12345"))), Some(12_345));
    let error = br#"{"why":"full"}"#;
    assert_eq!(
        id(recognise(&plan, "errors/ep-7", error, Some(b"5"))),
        Some(5)
    );
    for data in [
        None,
        Some(&b""[..]),
        Some(b"4"),
        Some(b"12346"),
        Some(b"05"),
    ] {
        let found = recognise(&plan, ok, b"", data);
        assert_eq!(found, Recognised::Unknown, "{data:?}");
    }
    let lone = recognise(&plan, "errors/ep-7", error, None);
    assert!(
        matches!(
            lone,
            Recognised::LoneError {
                request: Some(0),
                ..
            }
        ),
        "{lone:?}"
    );
    let others = recognise(&plan, "answers/ep-8", b"", Some(b"5"));
    assert_eq!(others, Recognised::Unknown);
}

#[test]
fn an_answer_carries_the_correlation_data_of_its_item() {
    let mut profile = five(vec![]);
    profile.load.model = midge::profile::Model::OpenOwnRates;
    profile.inbound = vec![Inbound {
        name: "command".into(),
        at: Sender::Endpoint,
        topic: "do/{token}".into(),
        items: Items::One,
        id: Some(midge::profile::CORRELATION_DATA.into()),
        key: vec!["id".into()],
        payload: None,
        deduplicate: true,
        delivery_of: None,
        share: None,
        answers: vec![midge::profile::Answer {
            after: midge::profile::Delay::ZERO,
            topic: "done/{token}".into(),
            payload: "ok".into(),
            qos: 0,
        }],
    }];
    let plan = compile(&profile);
    let mut captures = Captures::new();
    let data = &[0, 255, b'x'][..];
    assert!(plan.inbound[0].capture_id(b"{}", Some(data), &mut captures));
    assert!(!plan.inbound[0].capture_id(b"{}", None, &mut Captures::new()));
    let message = Message {
        endpoint: 7,
        request_id: 0,
        packet_id: 0,
        moment: &Moment::at(0),
        identities: &plan.identities,
        captures: &captures,
    };
    let mut sheet = Sheet::default();
    let mut state = vec![0; plan.state_words];
    plan.requests[0].encode(&mut sheet, &message, &mut state);
    let publish = publish(sheet.text());
    assert_eq!((publish.topic, publish.payload), ("done/ep-7", &b"ok"[..]));
    assert_eq!(properties(&publish), [Property::CorrelationData(data)]);
}

#[test]
fn connections_have_user_properties_of_their_own() {
    let mut profile = five(vec![asks()]);
    let hall = ("site".to_owned(), "hall {endpoint}".to_owned());
    profile.fleet.session.user_properties = [hall.clone()].into();
    profile.fleet.will = Some(Will {
        topic: "gone/{token}".into(),
        payload: String::new(),
        qos: 0,
        retain: false,
        delay_s: Some(5),
        properties: MessageProperties {
            content_type: Some("text/{token}".into()),
            response_topic: Some("hear/{token}".into()),
            user_properties: [hall].into(),
            ..MessageProperties::default()
        },
    });
    let plan = compile(&profile);
    let expected = [("site".to_owned(), "hall 4".to_owned())];
    assert_eq!(plan.user_properties(4), expected);
    let will = plan.will(4).expect("it has one");
    assert_eq!(will.content_type.as_deref(), Some("text/ep-4"));
    assert_eq!(will.response_topic.as_deref(), Some("hear/ep-4"));
    assert_eq!(will.user_properties, expected);
}

#[test]
fn a_session_that_is_to_be_kept_and_has_no_expiry_interval_is_a_warning() {
    let mut profile = five(vec![asks()]);
    let warnings = |profile: &Profile| compile(profile).warnings.clone();
    assert_eq!(warnings(&profile), [""; 0]);
    profile.fleet.clean_start = false;
    let said = warnings(&profile);
    assert!(
        matches!(&said[..], [one] if one.contains("fleet.session_expiry")),
        "{said:?}"
    );
    profile.fleet.session.expiry_s = Some(60);
    assert_eq!(warnings(&profile), [""; 0]);
    profile.fleet.session.expiry_s = None;
    profile.target.protocol = Protocol::V311;
    profile.requests = vec![request(
        "say",
        "say",
        Payload::Template("1".into()),
        Pace::Weight(1.0),
    )];
    assert_eq!(warnings(&profile), [""; 0]);
}
