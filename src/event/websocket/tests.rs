//! Both sides over streams in memory, and each against bytes that are written by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::handshake::{Answer, read_request};
use super::*;
use crate::event::Clock;
use crate::event::memory::{Network, Place};

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
const PATH: &str = "/mqtt";

/// Both ends of a stream that holds so many bytes in each direction.
fn streams(capacity: usize) -> (Socket, Socket, [Place; 2]) {
    let network = Network::new(capacity);
    let place = || network.place(Clock::standing(0), Duration::ZERO);
    let (here, there) = (place(), place());
    let listener = there.listen(ADDRESS).unwrap();
    let near = Socket::Memory(Box::new(here.dial(ADDRESS).unwrap()));
    let far = Socket::Memory(Box::new(listener.accept().unwrap()));
    (near, far, [here, there])
}

fn request() -> Request {
    Request::new("localhost", PATH, [])
}

/// What a receive yields: bytes, `None` when nothing is there.
fn received(socket: &mut WebSocket) -> io::Result<Option<Vec<u8>>> {
    let mut into = vec![0; 1 << 20];
    loop {
        return match socket.receive(&mut into) {
            Ok(count) => Ok(Some(into[..count].to_vec())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// Both ends, upgraded.
fn pair(capacity: usize) -> (WebSocket, WebSocket, [Place; 2]) {
    let (near, far, places) = streams(capacity);
    let mut client = WebSocket::connect(near, &request()).unwrap();
    let mut server = WebSocket::accept(far, PATH);
    while !client.is_upgraded() {
        let _ = client.flush();
        assert_eq!(received(&mut server).unwrap(), None);
        let _ = server.flush();
        assert_eq!(received(&mut client).unwrap(), None);
    }
    assert!(server.is_upgraded());
    (client, server, places)
}

/// A client after its upgrade, and a server that is played by hand.
fn client_alone() -> (WebSocket, Socket, [Place; 2]) {
    let (near, mut far, places) = streams(1 << 20);
    let mut client = WebSocket::connect(near, &request()).unwrap();
    client.flush().unwrap();
    let asked = raw(&mut far);
    let Some(Answer::Upgrade(length, answer)) = read_request(&asked, PATH) else {
        panic!("it is in order");
    };
    assert_eq!(length, asked.len());
    far.transmit(answer.as_bytes()).unwrap();
    assert_eq!(received(&mut client).unwrap(), None);
    assert!(client.is_upgraded());
    (client, far, places)
}

/// All bytes that are there.
fn raw(socket: &mut Socket) -> Vec<u8> {
    let mut into = vec![0; 1 << 20];
    let count = socket.receive(&mut into).unwrap();
    into.truncate(count);
    into
}

/// The only frame there: its first byte and what it holds, unmasked.
fn frame(socket: &mut Socket) -> (u8, Vec<u8>) {
    let bytes = raw(socket);
    assert_eq!(bytes[1] & 0x80, 0x80, "a client masks");
    let length = usize::from(bytes[1] & 0x7F);
    assert_eq!(bytes.len(), 6 + length);
    let mut payload = bytes[6..].to_vec();
    mask::apply(&mut payload, [bytes[2], bytes[3], bytes[4], bytes[5]]);
    (bytes[0], payload)
}

fn fault(result: io::Result<Option<Vec<u8>>>) -> Fault {
    let error = result.unwrap_err();
    Failure::within(&error)
        .expect("a failure of WebSocket")
        .fault
}

#[test]
fn messages_of_any_length_go_both_ways_through_streams_of_any_width() {
    for capacity in [1, 3, 14, 700, 1 << 20] {
        let (mut client, mut server, _places) = pair(capacity);
        for length in [1, 125, 126, 65_535, 65_536, 200_000] {
            // Byte by byte, a few hundred are enough.
            if length > capacity * 1000 {
                continue;
            }
            let message: Vec<u8> = (0..length).map(|i| (i * 31) as u8).collect();
            for back in [false, true] {
                let (from, to) = if back {
                    (&mut server, &mut client)
                } else {
                    (&mut client, &mut server)
                };
                let (mut sent, mut heard) = (0, Vec::new());
                while heard.len() < length {
                    match from.transmit(&message[sent..]) {
                        Ok(count) => sent += count,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                    heard.extend(received(to).unwrap().unwrap_or_default());
                }
                assert_eq!(sent, length);
                assert!(heard == message, "{length} bytes through {capacity}");
            }
        }
    }
}

#[test]
fn nothing_is_sent_before_the_upgrade_is_over() {
    let (near, _far, _places) = streams(1 << 20);
    let mut client = WebSocket::connect(near, &request()).unwrap();
    client.flush().unwrap();
    let early = client.transmit(b"x").unwrap_err();
    assert_eq!(early.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_ping_is_answered_whatever_it_comes_between() {
    let (mut client, mut far, _places) = client_alone();
    // A message in two frames, with a Ping between them that comes in two pieces.
    far.transmit(b"\x02\x02ab\x89\x03p").unwrap();
    assert_eq!(received(&mut client).unwrap().unwrap(), b"ab");
    far.transmit(b"in\x80\x01c\x82\x01d").unwrap();
    assert_eq!(received(&mut client).unwrap().unwrap(), b"cd");
    assert_eq!(frame(&mut far), (0x8A, b"pin".to_vec()));
    far.transmit(b"\x8A\x00").unwrap();
    assert_eq!(received(&mut client).unwrap(), None, "a Pong means nothing");
}

#[test]
fn a_peer_that_only_pings_takes_no_memory() {
    let (mut client, mut far, _places) = pair_of_narrow();
    let mut pings = Vec::new();
    for _ in 0..20_000 {
        append_control(&mut pings, Control::Ping, b"0123456789", None);
    }
    let mut sent = 0;
    while sent < pings.len() {
        sent += far.transmit(&pings[sent..]).unwrap_or(0);
        assert_eq!(received(&mut client).unwrap(), None);
    }
    assert!(client.said.waits.len() <= 2 * WAITING_MAX);
}

/// As [`client_alone`], with a stream that holds little and whose far end reads nothing any more.
fn pair_of_narrow() -> (WebSocket, Socket, [Place; 2]) {
    let (near, mut far, places) = streams(1 << 10);
    let mut client = WebSocket::connect(near, &request()).unwrap();
    client.flush().unwrap();
    let Some(Answer::Upgrade(_, answer)) = read_request(&raw(&mut far), PATH) else {
        panic!("it is in order");
    };
    far.transmit(answer.as_bytes()).unwrap();
    assert_eq!(received(&mut client).unwrap(), None);
    (client, far, places)
}

#[test]
fn a_close_is_answered_and_is_the_end_for_both() {
    let (mut client, mut far, _places) = client_alone();
    far.transmit(b"\x82\x01x\x88\x05\x03\xE9bye\x82\x01y")
        .unwrap();
    assert_eq!(received(&mut client).unwrap().unwrap(), b"x");
    assert!(client.may_have_more(), "the end makes no new edge");
    assert_eq!(received(&mut client).unwrap().unwrap(), b"");
    assert_eq!(client.close_code(), Some(1001));
    assert_eq!(frame(&mut far), (0x88, vec![0x03, 0xE9]));
    let late = client.transmit(b"z").unwrap_err();
    assert_eq!(late.kind(), ErrorKind::BrokenPipe);
    assert_eq!(far.receive(&mut [0; 8]).unwrap(), 0, "and then the stream");
}

#[test]
fn an_end_in_order_is_a_close_from_both_sides() {
    let (mut client, mut server, _places) = pair(1 << 20);
    client.transmit(b"last").unwrap();
    client.end();
    assert_eq!(
        received(&mut client).unwrap(),
        None,
        "the peer has the word"
    );
    assert_eq!(received(&mut server).unwrap().unwrap(), b"last");
    assert_eq!(received(&mut server).unwrap().unwrap(), b"");
    assert_eq!(server.close_code(), Some(1000));
    assert_eq!(received(&mut client).unwrap().unwrap(), b"");
    assert_eq!(client.close_code(), Some(1000));
}

#[test]
fn what_the_specification_forbids_ends_the_connection_with_its_code() {
    let cases: [(&[u8], Fault, u16); 12] = [
        (b"\x81\x02hi", Fault::Text, 1003),
        (b"\xC2\x00", Fault::Frame, 1002),
        (b"\x83\x00", Fault::Frame, 1002),
        (b"\x80\x00", Fault::Frame, 1002),
        (b"\x82\x81\x00\x00\x00\x00x", Fault::Frame, 1002),
        (b"\x09\x00", Fault::Frame, 1002),
        (b"\x89\x7E\x00\x7E", Fault::Frame, 1002),
        (b"\x82\x7E\x00\x7D", Fault::Frame, 1002),
        (
            b"\x82\x7F\x80\x00\x00\x00\x00\x01\x00\x00",
            Fault::Frame,
            1002,
        ),
        (b"\x88\x01\x03", Fault::Frame, 1002),
        (b"\x88\x02\x03\xED", Fault::Frame, 1002),
        (b"\x88\x03\x03\xE8\xFF", Fault::Reason, 1007),
    ];
    for (bytes, expected, code) in cases {
        let (mut client, mut far, _places) = client_alone();
        far.transmit(b"\x82\x01x").unwrap();
        far.transmit(bytes).unwrap();
        assert_eq!(received(&mut client).unwrap().unwrap(), b"x");
        assert!(client.may_have_more());
        assert_eq!(fault(received(&mut client)), expected, "{bytes:x?}");
        assert_eq!(received(&mut client).unwrap().unwrap(), b"");
        assert_eq!(frame(&mut far), (0x88, code.to_be_bytes().to_vec()));
    }
    let (mut near, far, _places) = streams(1 << 20);
    let mut server = WebSocket::accept(far, PATH);
    let (asked, _) = request().ask().unwrap();
    near.transmit(&asked).unwrap();
    near.transmit(b"\x82\x01x").unwrap();
    let unmasked = fault(received(&mut server));
    assert_eq!(unmasked, Fault::Frame, "a client must mask");
}

#[test]
fn whoever_does_not_upgrade_is_not_talked_to() {
    let (near, mut far, _places) = streams(1 << 20);
    let mut client = WebSocket::connect(near, &request()).unwrap();
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    far.transmit(answer).unwrap();
    let error = received(&mut client).unwrap_err();
    assert_eq!(error.to_string(), "HTTP status 404 Not Found");
    assert_eq!(
        Failure::within(&error).map(|failure| failure.fault),
        Some(Fault::Refused(404))
    );
    assert_eq!(received(&mut client).unwrap().unwrap(), b"");

    let (mut near, far, _places) = streams(1 << 20);
    let mut server = WebSocket::accept(far, "/other");
    let (asked, _) = request().ask().unwrap();
    near.transmit(&asked).unwrap();
    assert_eq!(fault(received(&mut server)), Fault::Upgrade);
    assert!(raw(&mut near).starts_with(b"HTTP/1.1 404 "));
}

#[test]
fn an_idle_connection_has_no_buffers() {
    let (mut client, mut server, _places) = pair(1 << 20);
    client.transmit(&[7; 100]).unwrap();
    received(&mut server).unwrap();
    server.transmit(&[7; 100]).unwrap();
    received(&mut client).unwrap();
    for socket in [&client, &server] {
        assert_eq!(socket.said.waits.capacity(), 0);
        assert!(socket.upgrade.is_none());
    }
    // mio's stream is larger where debug assertions are on.
    let beneath = size_of::<Socket>();
    assert!(size_of::<WebSocket>() - beneath <= 160);
}
