//! When the kernel had received what was read: `SO_TIMESTAMPING` of Linux, for TCP.
//!
//! A socket is told once to note it. From then on a read may ask for it: recvmsg instead of recv, with
//! room for one control message. A stream has one instant for each read, at which its last byte came.
//! It is on the wall clock, and the kernel has no other clock for it; so it is compared with the wall clock
//! right after the read, and only the difference leaves this file. A step of that clock then matters only if it falls
//! between the two. Not here: which reads ask, and what the answer means.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

#[cfg(target_os = "linux")]
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, TimestampingFlag, Timestamps, recvmsg, setsockopt,
    sockopt::Timestamping,
};
#[cfg(target_os = "linux")]
use rustix::{
    net::{AddressFamily, SocketType, socket},
    time::{ClockId, clock_gettime},
};

/// Room for what the kernel says beside the bytes of a read.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "stays empty"))]
pub struct Aside(Vec<u8>);

impl Aside {
    /// Enough for one instant.
    pub fn new() -> Self {
        #[cfg(target_os = "linux")]
        let room = nix::cmsg_space!(Timestamps);
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

/// Whether sockets of this system can be told to note when bytes come.
///
/// # Errors
/// Why not, as a clause.
#[cfg(target_os = "linux")]
pub fn available() -> Result<(), String> {
    let any = socket(AddressFamily::INET, SocketType::STREAM, None);
    let told = any.map_err(io::Error::from).and_then(|any| note(&any));
    told.map_err(|error| format!("this kernel has no SO_TIMESTAMPING: {error}"))
}

#[cfg(not(target_os = "linux"))]
pub fn available() -> Result<(), String> {
    Err("this system is not Linux".to_owned())
}

/// Has the kernel note when bytes come in on this socket.
///
/// # Errors
/// Those of setsockopt(2); `Unsupported` where there is no such option.
#[cfg(target_os = "linux")]
pub fn note(socket: &impl AsFd) -> io::Result<()> {
    let flags = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(socket, Timestamping, &flags).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
pub fn note(_: &impl AsFd) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Reads as [`super::socket::receive`] does. Also how long the last byte that was read had lain in the
/// kernel, ns: negative if the wall clock was put back meanwhile, `None` if the kernel has not said.
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
    let age_ns = said
        .find_map(|said| received_at(&said))
        .map(|at| age(at, wall_clock()));
    Ok((read.bytes, age_ns))
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
fn received_at(said: &ControlMessageOwned) -> Option<i128> {
    let ControlMessageOwned::ScmTimestampsns(Timestamps { system, .. }) = said else {
        return None;
    };
    Some(since_1970(system.tv_sec().into(), system.tv_nsec().into())).filter(|at| *at > 0)
}

#[cfg(target_os = "linux")]
fn wall_clock() -> i128 {
    let now = clock_gettime(ClockId::Realtime);
    since_1970(now.tv_sec.into(), now.tv_nsec.into())
}

#[cfg(target_os = "linux")]
fn since_1970(seconds: i128, ns: i128) -> i128 {
    seconds * 1_000_000_000 + ns
}

/// What is beyond the range is absurd either way, and says so by being negative.
#[cfg(target_os = "linux")]
fn age(received: i128, now: i128) -> i64 {
    i64::try_from(now - received).unwrap_or(i64::MIN)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{ErrorKind, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::*;

    const MS: i64 = 1_000_000;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        far.set_nodelay(true).unwrap();
        let (near, _) = listener.accept().unwrap();
        (near, far)
    }

    /// What is there, once the kernel has begun to note instants: it does so a moment after it was told.
    fn read(near: &TcpStream, far: &mut TcpStream, pause: Duration) -> (usize, i64, Duration) {
        let (mut buffer, mut aside) = ([0; 8], Aside::new());
        for _ in 0..1000 {
            let written = Instant::now();
            far.write_all(b"four").unwrap();
            std::thread::sleep(pause);
            let (count, age) = receive(near, &mut buffer, &mut aside).unwrap();
            if let Some(age) = age {
                return (count, age, written.elapsed());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the kernel never says when bytes came");
    }

    #[test]
    fn the_age_of_what_was_read_is_how_long_it_lay_there() {
        available().unwrap();
        let (near, mut far) = pair();
        note(&near).unwrap();
        for pause_ms in [0, 20] {
            let pause = Duration::from_millis(pause_ms);
            let (count, age, at_most) = read(&near, &mut far, pause);
            assert_eq!(count, 4);
            // Written after the first look at the clock and there before the pause.
            let at_most = i64::try_from(at_most.as_nanos()).unwrap();
            assert!(age <= at_most, "{age} of at most {at_most} ns");
            let at_least = i64::try_from(pause.as_nanos()).unwrap();
            assert!(age >= at_least, "{age} ns after {pause:?}");
        }
    }

    #[test]
    fn the_last_byte_that_was_read_counts() {
        let (near, mut far) = pair();
        note(&near).unwrap();
        read(&near, &mut far, Duration::ZERO);
        far.write_all(b"old").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let written = Instant::now();
        far.write_all(b"new").unwrap();
        let (mut buffer, mut aside) = ([0; 8], Aside::new());
        let (count, age) = receive(&near, &mut buffer, &mut aside).unwrap();
        let at_most = i64::try_from(written.elapsed().as_nanos()).unwrap();
        assert_eq!(&buffer[..count], b"oldnew");
        assert!(
            age.is_some_and(|age| (0..=at_most).contains(&age)),
            "{age:?}"
        );
    }

    #[test]
    fn a_socket_that_was_not_told_says_nothing_and_nothing_breaks() {
        let (near, mut far) = pair();
        let (mut buffer, mut aside) = ([0; 8], Aside::new());
        near.set_nonblocking(true).unwrap();
        let nothing = receive(&near, &mut buffer, &mut aside).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        near.set_nonblocking(false).unwrap();
        far.write_all(b"four").unwrap();
        assert_eq!(receive(&near, &mut buffer, &mut aside).unwrap(), (4, None));
        drop(far);
        assert_eq!(receive(&near, &mut buffer, &mut aside).unwrap(), (0, None));
    }

    #[test]
    fn a_clock_that_was_put_back_gives_a_negative_age() {
        assert_eq!(age(since_1970(5, 7), since_1970(5, 9)), 2);
        assert_eq!(age(since_1970(5, 0), since_1970(4, 999_000_000)), -MS);
        assert_eq!(age(0, i128::MAX), i64::MIN);
    }
}
