//! Both sides against each other, over sockets of the kernel.

use std::net::{TcpListener, TcpStream as Blocking};

use super::*;
use certificates::{Authority, Pair};

#[path = "../../../tests/support/certificates.rs"]
mod certificates;

type Both = (Tls<Client>, Tls<Server>);

fn credentials(pair: &Pair) -> Credentials {
    Credentials::from_pem(pair.certificate.as_bytes(), pair.key.as_bytes()).unwrap()
}

fn roots(of: &Authority) -> Roots {
    Roots::from_pem(of.pem().as_bytes()).unwrap()
}

fn setting(of: &Authority) -> ClientSetting {
    ClientSetting {
        roots: Some(roots(of)),
        protocols: Protocols::Both,
        resumption: false,
    }
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = Blocking::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let ready = |stream: Blocking| {
        stream.set_nonblocking(true).unwrap();
        TcpStream::from_std(stream)
    };
    (ready(near), ready(far))
}

/// Both sides after the handshake, or what the client made of its end.
fn shake(
    connector: &Connector,
    acceptor: &Acceptor,
    name: &str,
    who: Introduction,
) -> Result<Both, Fault> {
    let (near, far) = sockets();
    let mut near = connector.connect(near, name, who).unwrap();
    let mut far = acceptor.accept(far).unwrap();
    near.begin().unwrap();
    let mut plain = vec![0; 128 << 10];
    let mut quiet = 0;
    while quiet < 20 {
        let _ = far.receive(&mut plain);
        match near.receive(&mut plain) {
            Ok(0) => panic!("closed without a word"),
            Ok(_) => panic!("nobody has sent anything"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(Failure::within(&error).expect("of TLS").fault),
        }
        // Before TLS 1.3 the server speaks last, since then it may refuse afterwards.
        if !near.is_handshaking() && !far.is_handshaking() {
            quiet += 1;
        }
    }
    Ok((near, far))
}

fn said(by: &mut Tls<impl Side>) -> Vec<u8> {
    let mut plain = vec![0; 128 << 10];
    let mut all = Vec::new();
    loop {
        match by.receive(&mut plain) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&plain[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn bytes_go_both_ways_in_both_versions() {
    let authority = Authority::new("authority");
    let acceptor =
        Acceptor::new(&credentials(&authority.signs("s", &["localhost"])), None).unwrap();
    for (protocols, is_13) in [
        (Protocols::Both, true),
        (Protocols::Only13, true),
        (Protocols::Only12, false),
    ] {
        let setting = ClientSetting {
            protocols,
            ..setting(&authority)
        };
        let connector = Connector::new(&setting).unwrap();
        let (mut near, mut far) =
            shake(&connector, &acceptor, "localhost", Introduction::default()).unwrap();
        assert_eq!(near.is_13(), Some(is_13));
        assert!(!near.is_resumed());
        // More than one record.
        let many: Vec<u8> = (0..40_000_u32).map(|each| each as u8).collect();
        assert_eq!(near.transmit(&many).unwrap(), many.len());
        assert_eq!(said(&mut far), many);
        assert_eq!(far.transmit(b"pong").unwrap(), 4);
        assert_eq!(said(&mut near), b"pong");
        assert!(near.tail.capacity() == 0 && near.unsent.capacity() == 0);
    }
}

#[test]
fn what_the_kernel_does_not_take_waits_and_no_more_than_a_record_of_it() {
    let authority = Authority::new("authority");
    let acceptor =
        Acceptor::new(&credentials(&authority.signs("s", &["localhost"])), None).unwrap();
    let connector = Connector::new(&setting(&authority)).unwrap();
    let (mut near, mut far) =
        shake(&connector, &acceptor, "localhost", Introduction::default()).unwrap();
    let block = vec![7; 100_000];
    let mut sent = 0;
    let full = loop {
        match near.transmit(&block) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    assert!((1..=RECORD + SEAL).contains(&near.unsent.len()));
    near.end();
    let mut heard = 0;
    let mut plain = vec![0; 128 << 10];
    loop {
        match far.receive(&mut plain) {
            Ok(0) => break,
            Ok(count) => {
                assert!(plain[..count].iter().all(|byte| *byte == 7));
                heard += count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = near.flush();
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(heard, sent, "all of it, and then the end");
}

#[test]
fn a_record_may_come_in_any_pieces() {
    let authority = Authority::new("authority");
    let acceptor =
        Acceptor::new(&credentials(&authority.signs("s", &["localhost"])), None).unwrap();
    let connector = Connector::new(&setting(&authority)).unwrap();
    let (mut near, mut far) =
        shake(&connector, &acceptor, "localhost", Introduction::default()).unwrap();
    let mut sealed = vec![0; RECORD + SEAL];
    let count = near.seal(b"in pieces", &mut sealed).unwrap();
    let mut plain = vec![0; 128 << 10];
    let mut heard = Vec::new();
    for byte in &sealed[..count] {
        assert_eq!(transmit(&near.stream, &[*byte]).unwrap(), 1);
        match far.receive(&mut plain) {
            Ok(count) => heard.extend_from_slice(&plain[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        // Writing in the middle of a record that is being read disturbs nothing.
        far.transmit(b".").unwrap();
    }
    assert_eq!(heard, b"in pieces");
    assert_eq!(said(&mut near).len(), count);
}

#[test]
fn each_mistake_has_its_class() {
    let authority = Authority::new("authority");
    let other = Authority::new("another one");
    let good = authority.signs("s", &["localhost"]);
    let fault =
        |setting: &ClientSetting, shown: &Pair, clients: Option<&Roots>, own: Option<&Pair>| {
            let connector = Connector::new(setting).unwrap();
            let acceptor = Acceptor::new(&credentials(shown), clients).unwrap();
            let who = Introduction {
                credentials: own.map(credentials),
                number: 0,
            };
            shake(&connector, &acceptor, "localhost", who).err()
        };
    for protocols in [Protocols::Only12, Protocols::Only13] {
        let checked = ClientSetting {
            protocols,
            ..setting(&authority)
        };
        let insecure = ClientSetting {
            roots: None,
            ..checked.clone()
        };
        let expired = authority.signs_expired("s", &["localhost"]);
        let elsewhere = authority.signs("s", &["broker.example", "127.0.0.1"]);
        let foreign = other.signs("s", &["localhost"]);
        for (shown, class) in [
            (&good, None),
            (&expired, Some(Fault::Expired)),
            (&elsewhere, Some(Fault::WrongName)),
            (&foreign, Some(Fault::UnknownCa)),
        ] {
            assert_eq!(fault(&checked, shown, None, None), class);
            assert_eq!(fault(&insecure, shown, None, None), None);
        }
        let clients = roots(&authority);
        let own = authority.signs("c", &[]);
        let theirs = other.signs("c", &[]);
        for (own, class) in [
            (Some(&own), None),
            (None, Some(Fault::NoCertificate)),
            (Some(&theirs), Some(Fault::OwnCertificate)),
        ] {
            assert_eq!(
                fault(&checked, &good, Some(&clients), own),
                class,
                "{protocols:?}"
            );
        }
    }
}

#[test]
fn a_session_goes_on_for_the_connection_that_had_it_and_for_no_other() {
    let authority = Authority::new("authority");
    let acceptor =
        Acceptor::new(&credentials(&authority.signs("s", &["localhost"])), None).unwrap();
    for protocols in [Protocols::Only12, Protocols::Only13] {
        for resumption in [true, false] {
            let setting = ClientSetting {
                protocols,
                resumption,
                ..setting(&authority)
            };
            let connector = Connector::new(&setting).unwrap();
            let resumed = |number| {
                let who = Introduction {
                    number,
                    credentials: None,
                };
                shake(&connector, &acceptor, "localhost", who)
                    .unwrap()
                    .0
                    .is_resumed()
            };
            assert!(!resumed(1));
            assert!(!resumed(2));
            assert_eq!(resumed(1), resumption, "{protocols:?}");
            assert_eq!(resumed(2), resumption, "{protocols:?}");
        }
    }
}

#[test]
fn a_peer_that_speaks_no_tls_breaks_the_protocol() {
    let authority = Authority::new("authority");
    let connector = Connector::new(&setting(&authority)).unwrap();
    let (near, far) = sockets();
    let mut near = connector
        .connect(near, "127.0.0.1", Introduction::default())
        .unwrap();
    near.begin().unwrap();
    transmit(&far, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let mut plain = vec![0; 128 << 10];
    let error = near.receive(&mut plain).unwrap_err();
    assert_eq!(
        Failure::within(&error).map(|found| found.fault),
        Some(Fault::Protocol)
    );
}

#[test]
fn credentials_say_what_is_wrong_with_them_and_never_what_they_are() {
    let authority = Authority::new("authority");
    let (one, other) = (authority.signs("1", &[]), authority.signs("2", &[]));
    let error = |certificate: &str, key: &str| {
        Credentials::from_pem(certificate.as_bytes(), key.as_bytes()).err()
    };
    assert_eq!(error(&one.certificate, &one.key), None);
    assert_eq!(
        error(&one.certificate, &other.key),
        Some(CredentialsError::OtherKey)
    );
    assert_eq!(
        error("nothing", &one.key),
        Some(CredentialsError::NoCertificate)
    );
    assert_eq!(
        error(&one.certificate, "hunter2"),
        Some(CredentialsError::NoKey)
    );
    let broken = one.certificate.replace("-----END CERTIFICATE-----", "");
    assert_eq!(
        error(&broken, &one.key),
        Some(CredentialsError::BadCertificate)
    );
    let shown = format!("{:?}", credentials(&one));
    assert_eq!(shown, "Credentials");
    assert!(matches!(Roots::from_pem(b""), Err(RootsError::None)));
}
