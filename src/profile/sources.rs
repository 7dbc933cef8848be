//! The addresses of this machine that connections leave from.
//!
//! Reading, printing and the choice for one connection. Not here: whether the machine has them (the
//! command line looks before a run) and binding (the engine does, when it connects).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::units::UnitError;

/// Most addresses of one profile: with the ports of each, more than any fleet has connections.
const MOST: usize = 1024;

/// Source addresses, each once, in the order of the profile. None: the system chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

impl Sources {
    /// Whether the system chooses.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Each of them, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6))
    }

    /// How many can reach a target of this family.
    pub fn count_for(&self, target: IpAddr) -> usize {
        match target {
            IpAddr::V4(_) => self.v4.len(),
            IpAddr::V6(_) => self.v6.len(),
        }
    }

    /// The one for the `number`th connection to a target: round robin over those of its family.
    pub fn choose(&self, number: u64, target: IpAddr) -> Option<IpAddr> {
        let count = self.count_for(target) as u64;
        let place = number.checked_rem(count)? as usize;
        Some(match target {
            IpAddr::V4(_) => self.v4[place].into(),
            IpAddr::V6(_) => self.v6[place].into(),
        })
    }

    /// Adds `ADDRESS` or `FIRST-LAST`.
    pub(super) fn add(&mut self, text: &str) -> Result<(), UnitError> {
        let example = "\"127.0.0.2\" or \"127.0.0.2-127.0.0.9\"";
        let one = |text: &str| -> Result<IpAddr, UnitError> {
            let address: IpAddr = text
                .trim()
                .parse()
                .map_err(|_| UnitError::new(format!("{text:?} is no IP address"), example))?;
            if address.is_unspecified() || address.is_multicast() {
                let problem = format!("{address} is no address of one interface");
                return Err(UnitError::new(problem, example));
            }
            Ok(address)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = match (one(first)?, one(last)?) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (first.to_bits().into(), last.to_bits().into())
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits()),
            _ => {
                let problem = format!("the range {text:?} has an IPv4 and an IPv6 end");
                return Err(UnitError::new(problem, example));
            }
        };
        if from > to {
            let problem = format!("the range {text:?} ends before it begins");
            return Err(UnitError::new(problem, format!("\"{last}-{first}\"")));
        }
        let room = MOST - (self.v4.len() + self.v6.len());
        if to - from >= room as u128 {
            let problem = format!("{text:?} makes more than {MOST} source addresses");
            return Err(UnitError::new(problem, "a shorter range"));
        }
        (from..=to).try_for_each(|bits| self.push(first.contains(':'), bits))
    }

    fn push(&mut self, v6: bool, bits: u128) -> Result<(), UnitError> {
        let address = if v6 {
            IpAddr::V6(bits.into())
        } else {
            IpAddr::V4((bits as u32).into())
        };
        if self.iter().any(|other| other == address) {
            let problem = format!("{address} is there twice");
            return Err(UnitError::new(problem, "each address once"));
        }
        match address {
            IpAddr::V4(address) => self.v4.push(address),
            IpAddr::V6(address) => self.v6.push(address),
        }
        Ok(())
    }
}

impl fmt::Display for Sources {
    /// The first few, and how many more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (index, address) in self.iter().take(SHOWN).enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{address}")?;
        }
        match self.iter().count().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn sources(texts: &[&str]) -> Result<Sources, String> {
        let mut sources = Sources::default();
        for text in texts {
            sources.add(text).map_err(|error| error.problem)?;
        }
        Ok(sources)
    }

    fn listed(texts: &[&str]) -> Vec<String> {
        let sources = sources(texts).unwrap();
        sources.iter().map(|address| address.to_string()).collect()
    }

    #[test]
    fn addresses_and_ranges_are_read() {
        assert_eq!(listed(&["127.0.0.2"]), ["127.0.0.2"]);
        assert_eq!(
            listed(&["127.0.0.254-127.0.1.1", "::1"]),
            [
                "127.0.0.254",
                "127.0.0.255",
                "127.0.1.0",
                "127.0.1.1",
                "::1"
            ]
        );
        assert_eq!(listed(&["fd00::9 - fd00::a"]), ["fd00::9", "fd00::a"]);
        assert_eq!(
            sources(&["10.0.0.0-10.0.3.255"]).unwrap().count_for(V4),
            1024
        );
    }

    #[test]
    fn what_is_no_list_of_addresses_says_why() {
        for (texts, problem) in [
            (&["localhost"][..], "is no IP address"),
            (&["127.0.0.2:80"], "is no IP address"),
            (&["127.0.0.2-9"], "\"9\" is no IP address"),
            (&["127.0.0.2/24"], "is no IP address"),
            (&[""], "is no IP address"),
            (&["0.0.0.0"], "no address of one interface"),
            (&["ff02::1"], "no address of one interface"),
            (&["127.0.0.9-127.0.0.2"], "ends before it begins"),
            (&["127.0.0.2-::1"], "an IPv4 and an IPv6 end"),
            (&["10.0.0.0-10.0.4.0"], "more than 1024"),
            (&["::1-fdff::"], "more than 1024"),
            (&["10.0.0.0-10.0.3.255", "10.0.4.0"], "more than 1024"),
            (
                &["127.0.0.1-127.0.0.3", "127.0.0.2"],
                "127.0.0.2 is there twice",
            ),
        ] {
            let said = sources(texts).unwrap_err();
            assert!(said.contains(problem), "{texts:?}: {said}");
        }
    }

    #[test]
    fn connections_take_turns_among_the_addresses_of_the_target_s_family() {
        let both = sources(&["127.0.0.2-127.0.0.4", "::1"]).unwrap();
        let chosen = |target| -> Vec<String> {
            let of = |number| both.choose(number, target).unwrap().to_string();
            (0..4).map(of).collect()
        };
        assert_eq!(
            chosen(V4),
            ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"]
        );
        assert_eq!(chosen(V6), ["::1"; 4]);
        assert_eq!(sources(&["127.0.0.2"]).unwrap().choose(0, V6), None);
        assert_eq!(Sources::default().choose(7, V4), None);
    }

    #[test]
    fn a_long_list_is_shown_in_short() {
        assert_eq!(
            sources(&["127.0.0.2-127.0.0.3"]).unwrap().to_string(),
            "127.0.0.2, 127.0.0.3"
        );
        assert_eq!(
            sources(&["127.0.0.1-127.0.0.9"]).unwrap().to_string(),
            "127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4 and 5 more"
        );
    }
}
