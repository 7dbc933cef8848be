//! The sockets of a connection, whatever they are made of, and the two calls that matter.
//!
//! A connection's bytes go through a [`Socket`]: a variant for each way there is, so that what lies
//! above does not know which one it has. Reading and writing are one system call each where there is
//! a kernel, and not the standard library's: in a process with several threads the C library makes each
//! of those a cancellation point, two atomic operations per call, which took 8 % of a worker's time.
//! Not here: which address is dialled, and what is waited for (the poller).

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;

use mio::net::{TcpListener, TcpStream};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::tls::{Acceptor, Client, Connector, Introduction, Server, Tls};
use super::websocket::{Request, WebSocket};
use super::{memory, stamps};

/// A connected socket, or one that is about to be; never blocks.
#[derive(Debug)]
pub enum Socket {
    /// The kernel's.
    Tcp(TcpStream),
    /// Of a simulated run.
    Memory(Box<memory::Stream>),
    /// The kernel's, under TLS.
    Tls(Box<Tls<Client>>),
    /// The same, on the side that was connected to.
    TlsServer(Box<Tls<Server>>),
    /// WebSocket over any of the others, on either side.
    WebSocket(Box<WebSocket>),
}

impl Socket {
    /// The same socket under TLS, on the side that connects to the target of this name. Its first
    /// words are not sent yet.
    ///
    /// # Errors
    /// `Unsupported` for a socket that is not the kernel's own; what rustls says.
    pub fn connect_tls(self, by: &Connector, name: &str, who: Introduction) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => Ok(Self::Tls(Box::new(by.connect(stream, name, who)?))),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The same socket under TLS, on the side that was connected to; without an acceptor, as it is.
    ///
    /// # Errors
    /// As for [`Socket::connect_tls`].
    pub fn accept_tls(self, by: Option<&Acceptor>) -> io::Result<Self> {
        match (self, by) {
            (socket, None) => Ok(socket),
            (Self::Tcp(stream), Some(by)) => Ok(Self::TlsServer(Box::new(by.accept(stream)?))),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The same socket under WebSocket, on the side that connects. Its request is not sent yet.
    ///
    /// # Errors
    /// As for [`WebSocket::connect`].
    pub fn connect_websocket(self, request: &Request) -> io::Result<Self> {
        let socket = WebSocket::connect(self, request)?;
        Ok(Self::WebSocket(Box::new(socket)))
    }

    /// The same socket under WebSocket, on the side that was connected to; without a path, as it is.
    #[must_use]
    pub fn accept_websocket(self, path: Option<&str>) -> Self {
        match path {
            None => self,
            Some(path) => Self::WebSocket(Box::new(WebSocket::accept(self, path))),
        }
    }

    /// WebSocket, if there is any.
    pub fn websocket(&self) -> Option<&WebSocket> {
        match self {
            Self::WebSocket(socket) => Some(socket),
            _ => None,
        }
    }

    /// That side of TLS which connects, if there is TLS.
    pub fn tls_client(&mut self) -> Option<&mut Tls<Client>> {
        match self {
            Self::Tls(tls) => Some(tls),
            _ => None,
        }
    }

    /// Reads what is there, at most as much as fits; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of recv(2); `WouldBlock` when nothing is there.
    #[inline]
    pub fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => receive(&*stream, into),
            Self::Memory(stream) => stream.receive(into),
            Self::Tls(tls) => tls.receive(into),
            Self::TlsServer(tls) => tls.receive(into),
            Self::WebSocket(socket) => socket.receive(into),
        }
    }

    /// The same, and when the last byte that was read had come in: see [`stamps::receive`]. `None`
    /// unless [`Socket::note_arrivals`] was heard.
    ///
    /// # Errors
    /// Those of recvmsg(2); `WouldBlock` when nothing is there.
    pub fn receive_stamped(
        &mut self,
        into: &mut [u8],
        aside: &mut stamps::Aside,
    ) -> io::Result<(usize, Option<i64>)> {
        match self {
            Self::Tcp(stream) => stamps::receive(stream, into, aside),
            other => other.receive(into).map(|count| (count, None)),
        }
    }

    /// Whether the last read, which brought `count` where there was room for `room`, may have left
    /// something that makes no new edge (epoll(7), question 9).
    #[inline]
    pub fn may_have_more(&self, count: usize, room: usize) -> bool {
        match self {
            Self::Tcp(_) | Self::Memory(_) => count == room,
            Self::Tls(tls) => tls.may_have_more(),
            Self::TlsServer(tls) => tls.may_have_more(),
            Self::WebSocket(socket) => socket.may_have_more(),
        }
    }

    /// Writes as much as is taken.
    ///
    /// # Errors
    /// Those of send(2), without a signal; `WouldBlock` when nothing is taken.
    #[inline]
    pub fn transmit(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => transmit(&*stream, bytes),
            Self::Memory(stream) => stream.transmit(bytes),
            Self::Tls(tls) => tls.transmit(bytes),
            Self::TlsServer(tls) => tls.transmit(bytes),
            Self::WebSocket(socket) => socket.transmit(bytes),
        }
    }

    /// Writes what was taken and waits on this side of the kernel: part of a TLS record, or of a frame.
    ///
    /// # Errors
    /// `WouldBlock` when not all of it is taken; those of send(2).
    #[inline]
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(_) | Self::Memory(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
            Self::TlsServer(tls) => tls.flush(),
            Self::WebSocket(socket) => socket.flush(),
        }
    }

    /// Lets small writes leave at once, and not wait for the acknowledgement of earlier ones. Where
    /// that cannot be had, nothing breaks.
    pub fn send_at_once(&self) {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(tls) => tls.stream(),
            Self::TlsServer(tls) => tls.stream(),
            Self::WebSocket(socket) => return socket.socket().send_at_once(),
            Self::Memory(_) => return,
        };
        let _ = stream.set_nodelay(true);
    }

    /// Has the kernel note when it receives bytes. Where that cannot be had, nothing breaks.
    pub fn note_arrivals(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stamps::note_arrivals(stream);
        }
    }

    /// Has the kernel note when the next write leaves. False: it cannot.
    pub fn note_departure(&self) -> bool {
        match self {
            Self::Tcp(stream) => stamps::note_departure(stream).is_ok(),
            _ => false,
        }
    }

    /// When the write of `count` bytes left that came after [`Socket::note_departure`]: see
    /// [`stamps::departed`].
    pub fn departed(&self, count: usize, aside: &mut stamps::Aside) -> Option<i64> {
        match self {
            Self::Tcp(stream) => stamps::departed(stream, count, aside),
            _ => None,
        }
    }

    /// Forgets when earlier writes left that nobody asks about any more: see [`stamps::shed`].
    pub fn shed(&self, aside: &mut stamps::Aside) {
        if let Self::Tcp(stream) = self {
            stamps::shed(stream, aside);
        }
    }

    /// Says that nothing more will be written; the other side may go on. What [`Socket::flush`] still
    /// has to write goes before it.
    pub fn end(&mut self) {
        match self {
            Self::Tcp(stream) => {
                let _ = stream.shutdown(Shutdown::Write);
            }
            Self::Memory(stream) => stream.end(),
            Self::Tls(tls) => tls.end(),
            Self::TlsServer(tls) => tls.end(),
            Self::WebSocket(socket) => socket.end(),
        }
    }
}

/// What takes connections.
#[derive(Debug)]
pub enum Listener {
    /// The kernel's.
    Tcp(TcpListener),
    /// Of a simulated run.
    Memory(memory::Listener),
}

/// Connections that wait to be taken, at most.
const BACKLOG: i32 = 4_096;

impl Listener {
    /// Listens with the kernel, at an address that a server which has just ended may still hold.
    ///
    /// # Errors
    /// Those of bind(2) and listen(2).
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self::Tcp(TcpListener::from_std(socket.into())))
    }

    /// The next connection.
    ///
    /// # Errors
    /// Those of accept(2); `WouldBlock` when there is none.
    pub fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
            Self::Memory(listener) => listener.accept().map(Box::new).map(Socket::Memory),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Memory(listener) => Ok(listener.address()),
        }
    }
}

/// Reads what is there, at most as much as fits; 0 is the end of the stream.
///
/// # Errors
/// Those of recv(2); `WouldBlock` when nothing is there.
pub fn receive(socket: impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    recv(socket, into, RecvFlags::empty())
        .map(|(count, _)| count)
        .map_err(io::Error::from)
}

/// Writes as much as the kernel takes.
///
/// # Errors
/// Those of send(2), without a signal; `WouldBlock` when it takes nothing.
pub fn transmit(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    send(socket, bytes, SendFlags::NOSIGNAL).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn bytes_go_both_ways_and_an_end_is_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nonblocking(true).unwrap();
        let mut buffer = [0; 8];
        let nothing = receive(&near, &mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        assert_eq!(transmit(&near, b"ping").unwrap(), 4);
        far.read_exact(&mut buffer[..4]).unwrap();
        assert_eq!(&buffer[..4], b"ping");
        far.write_all(b"pong").unwrap();
        near.set_nonblocking(false).unwrap();
        assert_eq!(receive(&near, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"pong");
        drop(far);
        assert_eq!(receive(&near, &mut buffer).unwrap(), 0);
    }
}
