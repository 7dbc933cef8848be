//! Reading and writing of a connected socket, one system call each.
//!
//! Not the standard library's calls: in a process with several threads the C library makes each of
//! those a cancellation point, two atomic operations per call, which took 8 % of a worker's time. Not
//! here: opening and closing.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, SendFlags, recv, send};

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
