//! WebSocket's frames against another implementation: what one side puts together, the other takes apart,
//! wherever the stream is cut; and what one refuses, the other refuses.
//!
//! Not here: sockets and the upgrade (`event::websocket`), and the whole program (`websocket`).

use std::cell::Cell;
use std::io::{Cursor, Read, Write};

use midge::event::websocket::{
    Control, Decoder, Fault, HEADER_MAX, Role, append_control, put_data,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tungstenite::protocol::Role as TheirRole;
use tungstenite::protocol::frame::coding::{Control as TheirControl, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Error, Message, WebSocket};

const CASES: u32 = if cfg!(feature = "thorough") {
    20_000
} else {
    500
};

/// Who reads.
const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// A frame; which kind of data frame it is depends on those before it.
#[derive(Debug, Clone)]
enum Piece {
    Data { payload: Vec<u8>, last: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let payload = prop_oneof![
        8 => vec(any::<u8>(), 0..40),
        2 => vec(any::<u8>(), 120..130),
        1 => (65_530..65_540_usize).prop_map(|length| (0..length).map(|i| i as u8).collect()),
    ];
    prop_oneof![
        4 => (payload, any::<bool>()).prop_map(|(payload, last)| Piece::Data { payload, last }),
        1 => vec(any::<u8>(), 0..=125).prop_map(Piece::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Piece::Pong),
    ]
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    vec(piece(), 1..12)
}

/// Lengths of reads.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..4_usize, 1..5), vec(1..200_usize, 1..9)]
}

/// These frames as the other implementation writes them for a reader of this role.
fn written(pieces: &[Piece], reader: Role) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut begun = false;
    for (number, piece) in pieces.iter().enumerate() {
        let (opcode, is_final, payload) = match piece {
            Piece::Data { payload, last } => {
                let data = if begun { Data::Continue } else { Data::Binary };
                begun = !last;
                (OpCode::Data(data), *last, payload)
            }
            Piece::Ping(payload) => (OpCode::Control(TheirControl::Ping), true, payload),
            Piece::Pong(payload) => (OpCode::Control(TheirControl::Pong), true, payload),
        };
        let header = FrameHeader {
            is_final,
            opcode,
            mask: (reader == Role::Server).then(|| (number as u32 * 0x1234_5677).to_be_bytes()),
            ..FrameHeader::default()
        };
        let mut bytes = Vec::new();
        let frame = Frame::from_payload(header, payload.clone().into());
        frame.format(&mut bytes).expect("a vector takes all");
        frames.push(bytes);
    }
    frames
}

/// What was read: all data in one, control frames, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Heard {
    data: Vec<u8>,
    controls: Vec<(u8, Vec<u8>)>,
    fault: Option<Fault>,
}

/// What comes of these bytes, in pieces of these lengths, over and over.
fn heard(bytes: &[u8], role: Role, cuts: &[usize]) -> Heard {
    let mut decoder = Decoder::new(role);
    let mut heard = Heard::default();
    let mut rest = bytes;
    let mut lengths = cuts.iter().copied().cycle();
    while !rest.is_empty() && heard.fault.is_none() {
        let length = lengths.next().unwrap_or(rest.len()).min(rest.len());
        let (part, behind) = rest.split_at(length);
        rest = behind;
        let mut part = part.to_vec();
        let controls = &mut heard.controls;
        let (count, fault) = decoder.take(&mut part, 0, |control, payload| {
            controls.push((control as u8, payload.to_vec()));
            Ok(())
        });
        heard.data.extend_from_slice(&part[..count]);
        heard.fault = fault;
    }
    heard
}

proptest! {
    #![proptest_config(Config { cases: CASES, failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_another_implementation_writes_is_read_wherever_it_is_cut(
        pieces in pieces(),
        cuts in cuts(),
    ) {
        let mut expected = Heard::default();
        for piece in &pieces {
            match piece {
                Piece::Data { payload, .. } => expected.data.extend_from_slice(payload),
                Piece::Ping(payload) => expected.controls.push((Control::Ping as u8, payload.clone())),
                Piece::Pong(payload) => expected.controls.push((Control::Pong as u8, payload.clone())),
            }
        }
        for role in ROLES {
            let bytes = written(&pieces, role).concat();
            prop_assert!(heard(&bytes, role, &cuts) == expected);
        }
    }

    #[test]
    fn another_implementation_reads_what_is_written(
        pieces in pieces(),
        key in any::<[u8; 4]>(),
    ) {
        for role in ROLES {
            let key = (role == Role::Server).then_some(key);
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for piece in &pieces {
                match piece {
                    Piece::Data { payload, .. } => {
                        let mut frame = vec![0; HEADER_MAX + payload.len()];
                        let length = put_data(&mut frame, payload, key);
                        bytes.extend_from_slice(&frame[..length]);
                        expected.push(Message::binary(payload.clone()));
                    }
                    Piece::Ping(payload) => {
                        append_control(&mut bytes, Control::Ping, payload, key);
                        expected.push(Message::Ping(payload.clone().into()));
                    }
                    Piece::Pong(payload) => {
                        append_control(&mut bytes, Control::Pong, payload, key);
                        expected.push(Message::Pong(payload.clone().into()));
                    }
                }
            }
            let theirs = theirs(&bytes, role);
            prop_assert!(theirs.messages == expected && !theirs.refused);
        }
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_come(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..300),
            // What begins as frames do comes further.
            vec((0x80..0x8B_u8, 0..6_u8, vec(any::<u8>(), 0..8)), 0..40).prop_map(|frames| {
                let bytes = frames.into_iter().map(|(first, second, rest)| {
                    [vec![first, second], rest].concat()
                });
                bytes.collect::<Vec<_>>().concat()
            }),
        ],
        cuts in cuts(),
    ) {
        for role in ROLES {
            prop_assert_eq!(heard(&bytes, role, &cuts), heard(&bytes, role, &[usize::MAX]));
        }
    }
}

/// A stream that only gives.
struct Giving<'a>(Cursor<&'a [u8]>);

impl Read for Giving<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Giving<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the other implementation makes of a stream.
#[derive(Debug, Default)]
struct Theirs {
    messages: Vec<Message>,
    refused: bool,
    /// It allows more than MQTT does, or has limits of its own: nothing can be compared.
    incomparable: bool,
}

fn theirs(bytes: &[u8], role: Role) -> Theirs {
    use tungstenite::error::ProtocolError::{ReceivedAfterClosing, ResetWithoutClosingHandshake};
    let role = match role {
        Role::Client => TheirRole::Client,
        Role::Server => TheirRole::Server,
    };
    let mut socket = WebSocket::from_raw_socket(Giving(Cursor::new(bytes)), role, None);
    let mut theirs = Theirs::default();
    loop {
        match socket.read() {
            Ok(Message::Text(_) | Message::Close(_)) | Err(Error::Utf8(_) | Error::Capacity(_)) => {
                theirs.incomparable = true;
                return theirs;
            }
            Ok(message) => theirs.messages.push(message),
            Err(Error::Protocol(ResetWithoutClosingHandshake | ReceivedAfterClosing)) => {
                return theirs;
            }
            Err(_) => {
                theirs.refused = true;
                return theirs;
            }
        }
    }
}

/// Whether both have seen enough of each frame to judge it, and there is none that the other implementation
/// judges by itself: text, a Close, a length in a longer form than it needs.
fn is_comparable(bytes: &[u8], role: Role) -> bool {
    const APART: [OpCode; 2] = [
        OpCode::Data(Data::Text),
        OpCode::Control(TheirControl::Close),
    ];
    let mut cursor = Cursor::new(bytes);
    loop {
        let start = cursor.position();
        let Ok(Some((header, length))) = FrameHeader::parse(&mut cursor) else {
            return true;
        };
        let at = cursor.position();
        let longer = at - start != header.len(length) as u64;
        if longer || length > bytes.len() as u64 - at || APART.contains(&header.opcode) {
            return false;
        }
        if header.mask.is_some() != (role == Role::Server) {
            return true;
        }
        cursor.set_position(at + length);
    }
}

#[test]
fn what_another_implementation_refuses_is_refused_and_nothing_else() {
    let (compared, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config {
        cases: 4 * CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let changes = vec((any::<prop::sample::Index>(), 0..2_usize, 0..8_u8), 1..3);
    let all = (pieces(), changes, 0..2_usize);
    let result = runner.run(&all, |(pieces, changes, role)| {
        let role = ROLES[role];
        let mut frames = written(&pieces, role);
        for (frame, byte, bit) in &changes {
            frame.get_mut(&mut frames)[*byte] ^= 1 << bit;
        }
        let bytes = frames.concat();
        let theirs = theirs(&bytes, role);
        if theirs.incomparable || !is_comparable(&bytes, role) {
            return Ok(());
        }
        let ours = heard(&bytes, role, &[usize::MAX]);
        prop_assert_eq!(ours.fault.is_some(), theirs.refused);
        let mut data = Vec::new();
        let mut controls = Vec::new();
        for message in theirs.messages {
            match message {
                Message::Binary(payload) => data.extend_from_slice(&payload),
                Message::Ping(payload) => controls.push((Control::Ping as u8, payload.to_vec())),
                Message::Pong(payload) => controls.push((Control::Pong as u8, payload.to_vec())),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        // The last message may have no end.
        prop_assert!(ours.data.starts_with(&data));
        prop_assert_eq!(ours.controls, controls);
        compared.set(compared.get() + 1);
        refused.set(refused.get() + u32::from(theirs.refused));
        Ok(())
    });
    result.unwrap();
    let (compared, refused) = (compared.get(), refused.get());
    assert!(
        compared > CASES && refused > CASES / 2,
        "{compared}, {refused}"
    );
}
