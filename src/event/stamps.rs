//! When the kernel passed a message on and when it received the answer: `SO_TIMESTAMPING` of Linux, for TCP.
//!
//! A socket is told once to note when bytes come in. From then on a read may ask for it: recvmsg instead of
//! recv, with room for a control message. A stream has one instant for each read, at which its last byte came. For the
//! way out the option is widened around one write and narrowed again, so that no other write costs
//! anything; the answer, when the last byte of that write left, lies in the socket's error queue, under the number of the
//! byte. All instants are on the wall clock, the only one that the kernel has for them. Not here: which
//! writes and reads ask, and what the answers mean.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

#[cfg(target_os = "linux")]
use nix::{
    errno::Errno,
    libc,
    sys::socket::{
        ControlMessageOwned, MsgFlags, TimestampingFlag, Timestamps, recvmsg, setsockopt,
        sockopt::Timestamping,
    },
};
#[cfg(target_os = "linux")]
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::time::{ClockId, clock_gettime};

/// Room for what the kernel says beside the bytes of a read.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "stays empty"))]
pub struct Aside(Vec<u8>);

impl Aside {
    /// Enough for one instant, and for whose it is.
    pub fn new() -> Self {
        #[cfg(target_os = "linux")]
        let room = nix::cmsg_space!(Timestamps, libc::sock_extended_err, libc::sockaddr_in6);
        #[cfg(not(target_os = "linux"))]
        let room = Vec::new();
        Self(room)
    }
}

impl Default for Aside {
    fn default() -> Self {
        Self::new()
    }
}

/// The wall clock, ns since 1970.
pub fn wall_clock_ns() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    // 2^63 ns are 292 years.
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(target_os = "linux")]
const ARRIVALS: TimestampingFlag = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
    .union(TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE);

/// Both ways; what left is reported without a copy of its bytes.
#[cfg(target_os = "linux")]
const BOTH: TimestampingFlag = ARRIVALS
    .union(TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE)
    .union(TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY);

/// Bytes that leave have numbers, from 0 on for the first that is written after the option was set; before
/// Linux 6.2 for the first that was not acknowledged then.
#[cfg(target_os = "linux")]
const NUMBERED: TimestampingFlag = BOTH.union(TimestampingFlag::SOF_TIMESTAMPING_OPT_ID);
#[cfg(target_os = "linux")]
const NUMBERED_FROM_HERE: TimestampingFlag = NUMBERED.union(TimestampingFlag::from_bits_retain(
    libc::SOF_TIMESTAMPING_OPT_ID_TCP,
));

/// Instants of earlier writes that are looked past on the way to the one that was asked for.
#[cfg(target_os = "linux")]
const STALE_MAX: usize = 8;

/// Whether sockets of this system can be told to note when bytes come and go.
///
/// # Errors
/// Why not, as a clause.
#[cfg(target_os = "linux")]
pub fn available() -> Result<(), String> {
    let any = socket(AddressFamily::INET, SocketType::STREAM, None);
    // Numbers are for connected sockets only.
    let told = any
        .map_err(io::Error::from)
        .and_then(|any| Ok(setsockopt(&any, Timestamping, &BOTH)?));
    told.map_err(|error| format!("this kernel has no SO_TIMESTAMPING: {error}"))
}

#[cfg(not(target_os = "linux"))]
pub fn available() -> Result<(), String> {
    Err("this system is not Linux".to_owned())
}

/// Has the kernel note when bytes come in on this socket, and no longer when bytes leave.
///
/// # Errors
/// Those of setsockopt(2); `Unsupported` where there is no such option.
#[cfg(target_os = "linux")]
pub fn note_arrivals(socket: &impl AsFd) -> io::Result<()> {
    Ok(setsockopt(socket, Timestamping, &ARRIVALS)?)
}

#[cfg(not(target_os = "linux"))]
pub fn note_arrivals(_: &impl AsFd) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Has the kernel note as well when the bytes leave that are written next, until [`departed`] asks.
///
/// # Errors
/// As [`note_arrivals`].
#[cfg(target_os = "linux")]
pub fn note_departure(socket: &impl AsFd) -> io::Result<()> {
    let told = match setsockopt(socket, Timestamping, &NUMBERED_FROM_HERE) {
        Err(Errno::EINVAL) => setsockopt(socket, Timestamping, &NUMBERED),
        told => told,
    };
    Ok(told?)
}

#[cfg(not(target_os = "linux"))]
pub fn note_departure(_: &impl AsFd) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// When the last byte of a write of `count` bytes left for the network, ns since 1970, if that was noted
/// and is over: what waits for room in the target's window has not left. For the one write since
/// [`note_departure`], which ends here.
#[cfg(target_os = "linux")]
pub fn departed(socket: &(impl AsFd + AsRawFd), count: usize, aside: &mut Aside) -> Option<i64> {
    let last = u32::try_from(count).ok()?.checked_sub(1);
    let mut said = (0..STALE_MAX).map_while(|_| next_departure(socket, aside));
    let at = said.find(|(number, _)| *number == last);
    // It was told so before, so it can be told so again.
    let _ = note_arrivals(socket);
    at.and_then(|(_, at)| at)
}

#[cfg(not(target_os = "linux"))]
pub fn departed(_: &(impl AsFd + AsRawFd), _: usize, _: &mut Aside) -> Option<i64> {
    None
}

/// Empties the error queue of instants that nobody waits for any more: as long as it holds one, the
/// socket looks as if it had failed.
#[cfg(target_os = "linux")]
pub fn shed(socket: &impl AsRawFd, aside: &mut Aside) {
    for _ in 0..STALE_MAX {
        if next_departure(socket, aside).is_none() {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn shed(_: &impl AsRawFd, _: &mut Aside) {}

/// The next entry of the error queue: the number of the byte that has left, and when.
#[cfg(target_os = "linux")]
fn next_departure(socket: &impl AsRawFd, aside: &mut Aside) -> Option<(Option<u32>, Option<i64>)> {
    let room = Some(aside.0.as_mut_slice());
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_ERRQUEUE);
    let entry = recvmsg::<()>(fd, &mut [], room, flags).ok()?;
    let (mut number, mut at) = (None, None);
    for said in entry.cmsgs().into_iter().flatten() {
        match said {
            ControlMessageOwned::Ipv4RecvErr(error, _)
            | ControlMessageOwned::Ipv6RecvErr(error, _)
                if error.ee_origin == libc::SO_EE_ORIGIN_TIMESTAMPING =>
            {
                number = Some(error.ee_data);
            }
            said => at = at.or_else(|| instant(&said)),
        }
    }
    Some((number, at))
}

/// Reads as [`super::socket::receive`] does. Also when the last byte that was read had come in, ns since
/// 1970; `None` if the kernel has not said.
///
/// # Errors
/// Those of recvmsg(2); `WouldBlock` when nothing is there.
#[cfg(target_os = "linux")]
pub fn receive(
    socket: &(impl AsFd + AsRawFd),
    into: &mut [u8],
    aside: &mut Aside,
) -> io::Result<(usize, Option<i64>)> {
    let mut parts = [io::IoSliceMut::new(into)];
    let room = Some(aside.0.as_mut_slice());
    let read = recvmsg::<()>(socket.as_raw_fd(), &mut parts, room, MsgFlags::empty())?;
    let mut said = read.cmsgs().into_iter().flatten();
    Ok((read.bytes, said.find_map(|said| instant(&said))))
}

#[cfg(not(target_os = "linux"))]
pub fn receive(
    socket: &(impl AsFd + AsRawFd),
    into: &mut [u8],
    _: &mut Aside,
) -> io::Result<(usize, Option<i64>)> {
    super::socket::receive(socket, into).map(|count| (count, None))
}

/// The instant in a control message, ns since 1970. All zeros stand for none.
#[cfg(target_os = "linux")]
fn instant(said: &ControlMessageOwned) -> Option<i64> {
    let ControlMessageOwned::ScmTimestampsns(Timestamps { system, .. }) = said else {
        return None;
    };
    Some(system.tv_sec() * 1_000_000_000 + system.tv_nsec()).filter(|at| *at > 0)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::{Domain, SockRef, Socket, Type};

    use super::*;

    const MS: i64 = 1_000_000;

    /// Two ends of a connection; the near one notes when bytes come in.
    fn pair(address: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(address).unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        far.set_nodelay(true).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nodelay(true).unwrap();
        note_arrivals(&near).unwrap();
        (near, far)
    }

    /// A read, and when its last byte came in.
    fn read(near: &TcpStream) -> (Vec<u8>, Option<i64>) {
        let (mut buffer, mut aside) = ([0; 8], Aside::new());
        let (count, at) = receive(near, &mut buffer, &mut aside).unwrap();
        (buffer[..count].to_vec(), at)
    }

    /// A pair whose kernel has begun to note instants: it does so a moment after it was told.
    fn noting(address: &str) -> (TcpStream, TcpStream) {
        let (near, mut far) = pair(address);
        for _ in 0..1000 {
            far.write_all(b"four").unwrap();
            if read(&near).1.is_some() {
                return (near, far);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the kernel never says when bytes came");
    }

    /// A write that is asked about: bytes taken, when the last one left, and between which two instants
    /// the write was.
    fn write(near: &mut TcpStream, bytes: &[u8]) -> (usize, Option<i64>, [i64; 2]) {
        note_departure(near).unwrap();
        let before = wall_clock_ns();
        let count = near.write(bytes).unwrap();
        let at = departed(near, count, &mut Aside::new());
        (count, at, [before, wall_clock_ns()])
    }

    #[test]
    fn bytes_come_in_when_they_are_sent_and_not_when_they_are_read() {
        available().unwrap();
        let (near, mut far) = noting("127.0.0.1:0");
        for pause_ms in [0, 20] {
            let before = wall_clock_ns();
            far.write_all(b"four").unwrap();
            let after = wall_clock_ns();
            std::thread::sleep(Duration::from_millis(pause_ms));
            let (bytes, at) = read(&near);
            assert_eq!(bytes, b"four");
            let at = at.unwrap();
            assert!((before..=after).contains(&at), "{before} {at} {after}");
        }
    }

    #[test]
    fn of_what_is_read_together_the_last_byte_counts() {
        let (near, mut far) = noting("127.0.0.1:0");
        far.write_all(b"old").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let before = wall_clock_ns();
        far.write_all(b"new").unwrap();
        let (bytes, at) = read(&near);
        assert_eq!(bytes, b"oldnew");
        assert!(at.unwrap() >= before);
    }

    #[test]
    fn bytes_leave_during_the_write_and_again_during_the_next_one() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // There may be no IPv6 here.
            if TcpListener::bind(address).is_err() {
                continue;
            }
            let (mut near, mut far) = noting(address);
            // Nothing of the first is acknowledged when the second leaves.
            for message in [&b"hello"[..], b"again"] {
                let (count, at, [before, after]) = write(&mut near, message);
                let at =
                    at.unwrap_or_else(|| panic!("{address}: {count} bytes left, who knows when"));
                assert!((before..=after).contains(&at), "{before} {at} {after}");
            }
            let mut both = [0; 10];
            far.read_exact(&mut both).unwrap();
            assert_eq!(&both, b"helloagain");
        }
    }

    /// As kernels do it that cannot number from the next byte on.
    #[test]
    fn an_older_kernel_numbers_from_the_last_acknowledged_byte() {
        let (mut near, mut far) = noting("127.0.0.1:0");
        setsockopt(&near, Timestamping, &NUMBERED).unwrap();
        near.write_all(b"hello").unwrap();
        assert!(departed(&near, 5, &mut Aside::new()).is_some());
        far.write_all(b"got it").unwrap();
        read(&near);
        setsockopt(&near, Timestamping, &NUMBERED).unwrap();
        near.write_all(b"again").unwrap();
        // Another number than that of its last byte is not believed.
        assert_eq!(departed(&near, 4, &mut Aside::new()), None);
    }

    #[test]
    fn a_write_that_was_not_asked_about_leaves_nothing_behind() {
        let (mut near, _far) = noting("127.0.0.1:0");
        write(&mut near, b"asked");
        near.write_all(b"not").unwrap();
        assert_eq!(next_departure(&near, &mut Aside::new()), None);
    }

    #[test]
    fn what_waits_for_the_target_has_not_left_and_is_no_later_write() {
        // A target with room for a few kilobytes, and a kernel on this side with room for more.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        far.set_recv_buffer_size(4 << 10).unwrap();
        far.connect(&listener.local_addr().unwrap().into()).unwrap();
        let (mut near, mut far) = (listener.accept().unwrap().0, TcpStream::from(far));
        SockRef::from(&near)
            .set_send_buffer_size(200 << 10)
            .unwrap();
        near.set_nodelay(true).unwrap();
        note_arrivals(&near).unwrap();
        let mut many = vec![0; 100 << 10];
        near.write_all(&many).unwrap();
        let (count, at, _) = write(&mut near, b"hello");
        assert_eq!((count, at), (5, None));
        many.resize(many.len() + 5, 0);
        far.read_exact(&mut many).unwrap();
        // It left late, and is not taken for the next one.
        let (_, at, [before, after]) = write(&mut near, b"again");
        let at = at.unwrap();
        assert!((before..=after).contains(&at), "{before} {at} {after}");
        shed(&near, &mut Aside::new());
        assert_eq!(next_departure(&near, &mut Aside::new()), None);
    }

    #[test]
    fn a_socket_that_was_not_told_says_nothing_and_nothing_breaks() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        let (mut buffer, mut aside) = ([0; 8], Aside::new());
        near.set_nonblocking(true).unwrap();
        let nothing = receive(&near, &mut buffer, &mut aside).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        assert_eq!(departed(&near, 0, &mut aside), None);
        shed(&near, &mut aside);
        near.set_nonblocking(false).unwrap();
        far.write_all(b"four").unwrap();
        assert_eq!(receive(&near, &mut buffer, &mut aside).unwrap().0, 4);
        drop(far);
        assert_eq!(receive(&near, &mut buffer, &mut aside).unwrap(), (0, None));
    }

    #[test]
    fn the_wall_clock_goes_on() {
        let before = wall_clock_ns();
        std::thread::sleep(Duration::from_millis(2));
        assert!(wall_clock_ns() - before >= 2 * MS);
    }
}
