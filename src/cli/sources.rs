//! May connections leave from where the profile says, and how far do the ports of that go?
//!
//! Asked before anything is sent. Not here: which connection takes which address (the engine).

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::Failure;
use crate::profile::{Sources, Target};

/// Where the simulated tenant of a run listens.
const SIMULATED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Refuses addresses that this machine does not have.
pub(super) fn are_here(sources: &Sources) -> Result<(), Failure> {
    sources.iter().try_for_each(|source| {
        // Binding a datagram socket asks the question and sends nothing.
        let Err(error) = UdpSocket::bind(SocketAddr::new(source, 0)) else {
            return Ok(());
        };
        if error.kind() == ErrorKind::AddrNotAvailable {
            return Err(Failure::usage(format!(
                "target.bind: {source} is no address of this machine; nothing was sent\n\
                 help: write addresses that `ip address` lists, or add this one to an interface first \
                 (all of 127.0.0.0/8 is there, for targets on this machine)"
            )));
        }
        Err(Failure::internal(format!(
            "target.bind: cannot bind to {source}: {error}; nothing was sent"
        )))
    })
}

/// Refuses a target that none of the addresses can reach, being of the other family.
pub(super) fn reach(
    sources: &Sources,
    mut targets: impl Iterator<Item = IpAddr>,
) -> Result<(), Failure> {
    let unreached = |target: &IpAddr| sources.count_for(*target) == 0;
    match targets.find(unreached).filter(|_| !sources.is_empty()) {
        None => Ok(()),
        Some(target) => {
            let family = if target.is_ipv4() { "IPv4" } else { "IPv6" };
            Err(Failure::usage(format!(
                "target.bind has no {family} address to reach the target {target} from; nothing was sent\n\
                 help: add one, or leave target.bind out"
            )))
        }
    }
}

/// Addresses of the targets as far as they are written, not looked up.
pub(super) fn known(target: &Target) -> impl Iterator<Item = IpAddr> {
    let simulated = target.urls.is_empty().then_some(SIMULATED);
    let written = target.urls.iter().filter_map(|url| url.host.parse().ok());
    written.chain(simulated)
}

/// Pairs of source address and target among which connections are divided evenly. Each has the
/// system's local ports to itself.
pub(super) fn pairs(target: &Target) -> u64 {
    let sources = |host: &str| match host.parse::<IpAddr>() {
        Ok(address) => target.bind.count_for(address),
        // A name leads to IPv4 if it can.
        Err(_) => [SIMULATED, IpAddr::V6(Ipv6Addr::LOCALHOST)]
            .map(|any| target.bind.count_for(any))
            .into_iter()
            .find(|count| *count > 0)
            .unwrap_or(0),
    };
    let fewest = target.urls.iter().map(|url| sources(&url.host)).min();
    let fewest = fewest.unwrap_or(target.bind.count_for(SIMULATED));
    target.urls.len().max(1) as u64 * fewest.max(1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Exit;

    fn target(sets: &[&str]) -> Target {
        let sets: Vec<String> = sets.iter().map(|set| format!("target.{set}")).collect();
        let loaded = crate::profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped"));
        loaded.unwrap().profile.target
    }

    #[test]
    fn addresses_of_this_machine_are_taken_and_others_are_refused_with_a_hint() {
        let mine = target(&["bind=[\"127.0.0.2-127.0.0.4\", \"::1\"]"]).bind;
        assert!(are_here(&mine).is_ok());
        // TEST-NET-1 (RFC 5737) is nobody's.
        let error = are_here(&target(&["bind=192.0.2.1"]).bind).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(
            error
                .text
                .contains("192.0.2.1 is no address of this machine")
        );
        assert!(error.text.contains("help: "), "{}", error.text);
    }

    #[test]
    fn each_target_needs_a_source_of_its_family() {
        let (v4, v6) = (SIMULATED, IpAddr::V6(Ipv6Addr::LOCALHOST));
        let only_v4 = target(&["bind=127.0.0.2"]).bind;
        let both = target(&["bind=[\"127.0.0.2\", \"::1\"]"]).bind;
        assert!(reach(&only_v4, [v4].into_iter()).is_ok());
        assert!(reach(&both, [v4, v6].into_iter()).is_ok());
        assert!(reach(&Sources::default(), [v4, v6].into_iter()).is_ok());
        let error = reach(&only_v4, [v4, v6].into_iter()).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(
            error
                .text
                .contains("no IPv6 address to reach the target ::1")
        );
    }

    #[test]
    fn pairs_are_counted_by_the_target_that_has_the_fewest() {
        let three = "bind=[\"127.0.0.2-127.0.0.4\", \"::1\"]";
        let v4 = "url=mqtt://127.0.0.1:1";
        let both = "url=[\"mqtt://127.0.0.1:1\", \"mqtt://[::1]:1\"]";
        for (sets, pairs_expected) in [
            (&[][..], 1),
            (&[v4], 1),
            (&[both], 2),
            (&[three], 3),
            (&[three, v4], 3),
            (&[three, "url=mqtt://broker.example"], 3),
            (&["bind=::1", "url=mqtt://broker.example"], 1),
            (&[three, both], 2),
        ] {
            assert_eq!(pairs(&target(sets)), pairs_expected, "{sets:?}");
        }
    }
}
