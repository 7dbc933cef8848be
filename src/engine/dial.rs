//! Opens the socket of one connection: from which address of this machine, to which of the target.
//!
//! Not here: when a connection is due, and what is sent once it is up (`connect`).

use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::failure;
use crate::event::{Poller, Socket as Connected};
use crate::measure::ConnectFailure;
use crate::profile::Sources;

/// Both ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub target: SocketAddr,
    /// `None`: the system chooses.
    pub source: Option<IpAddr>,
}

impl Route {
    /// That of the run's connection `number`: targets in turn, and after each round of them the next
    /// source, so that every pair is used equally often. The same in whatever worker or process.
    pub(super) fn of(number: u64, targets: &[SocketAddr], sources: &Sources) -> Self {
        let count = targets.len() as u64;
        let target = targets[(number % count) as usize];
        let source = sources.choose(number / count, target.ip());
        Self { target, source }
    }

    /// Begins to connect, in the network that this poller watches.
    pub(super) fn dial(self, poller: &Poller) -> Result<Connected, ConnectFailure> {
        match poller.place() {
            None => self.dial_tcp().map(Connected::Tcp),
            Some(place) => match place.dial(self.target) {
                Ok(stream) => Ok(Connected::Memory(Box::new(stream))),
                Err(error) => Err(failure::of_connect(&error)),
            },
        }
    }

    fn dial_tcp(self) -> Result<TcpStream, ConnectFailure> {
        let of_connect = |error| failure::of_connect(&error);
        let Some(source) = self.source else {
            return TcpStream::connect(self.target).map_err(of_connect);
        };
        let domain = Domain::for_address(self.target);
        let socket = Socket::new(domain, Type::STREAM, None).map_err(of_connect)?;
        socket.set_nonblocking(true).map_err(of_connect)?;
        port_at_connect(&socket);
        socket
            .bind(&SocketAddr::new(source, 0).into())
            .map_err(|error| failure::of_bind(&error))?;
        match socket.connect(&self.target.into()) {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => {
                Err(of_connect(error))
            }
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// Asks that the port be chosen by connect, so that it need only differ from those that lead to the
/// same target. Without it each source address has its ports once for all targets together.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn port_at_connect(socket: &Socket) {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    // A kernel that is older than the option can do without.
    let _ = setsockopt(socket, IpBindAddressNoPort, &true);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn port_at_connect(_: &Socket) {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    fn sources(sets: &str) -> Sources {
        let sets = [format!("target.bind={sets}")];
        let loaded = crate::profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped"));
        loaded.unwrap().profile.target.bind
    }

    #[test]
    fn every_pair_of_source_and_target_is_used_equally_often() {
        let targets: Vec<SocketAddr> = ["127.0.0.1:1", "127.0.0.1:2"]
            .map(|target| target.parse().unwrap())
            .to_vec();
        // As many sources as targets: the remainder of one number would pair them up for good.
        for (sources, pairs) in [
            (sources("127.0.0.2-127.0.0.3"), 4),
            (sources("127.0.0.2-127.0.0.4"), 6),
        ] {
            let mut seen = BTreeMap::new();
            for number in 0..600 {
                let Route { target, source } = Route::of(number, &targets, &sources);
                *seen.entry((target, source)).or_insert(0) += 1;
            }
            assert_eq!(seen.len(), pairs);
            assert!(seen.values().all(|count| *count == 600 / pairs), "{seen:?}");
        }
    }

    #[test]
    fn without_sources_the_system_chooses() {
        let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let route = Route::of(7, &[target], &Sources::default());
        assert_eq!(
            route,
            Route {
                target,
                source: None
            }
        );
    }

    #[test]
    fn a_connection_comes_from_the_address_that_was_asked_for() {
        for (listen, from) in [("127.0.0.1:0", "127.0.0.3"), ("[::1]:0", "::1")] {
            let listener = TcpListener::bind(listen).unwrap();
            let route = Route {
                target: listener.local_addr().unwrap(),
                source: Some(from.parse().unwrap()),
            };
            let stream = route.dial_tcp().unwrap();
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), route.source.unwrap());
            assert_eq!(stream.local_addr().unwrap(), peer);
        }
    }

    /// Two targets, one source address, one port: impossible unless the port is chosen per target.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_port_is_left_to_the_connect() {
        use nix::sys::socket::{getsockopt, sockopt::IpBindAddressNoPort};
        for domain in [Domain::IPV4, Domain::IPV6] {
            let socket = Socket::new(domain, Type::STREAM, None).unwrap();
            port_at_connect(&socket);
            assert!(getsockopt(&socket.as_fd(), IpBindAddressNoPort).unwrap());
            let any: SocketAddr = if domain == Domain::IPV4 {
                "127.0.0.1:0".parse().unwrap()
            } else {
                "[::1]:0".parse().unwrap()
            };
            socket.bind(&any.into()).unwrap();
            let bound = socket.local_addr().unwrap().as_socket().unwrap();
            assert_eq!(bound.port(), 0, "{bound}: no port is taken yet");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_told_apart_from_a_lack_of_ports() {
        // TEST-NET-1 (RFC 5737) is nobody's.
        let route = Route {
            target: "127.0.0.1:1".parse().unwrap(),
            source: Some("192.0.2.1".parse().unwrap()),
        };
        assert_eq!(route.dial_tcp().unwrap_err(), ConnectFailure::SourceAddress);
    }
}
