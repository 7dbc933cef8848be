//! Where a property or a reason may stand: in which packet, sent by whom. Not here: which may stand
//! where, which `property` and `reason` say.

use super::{Kind, Role};

/// A set of places: one bit per packet type sent by a client, one per packet type sent by a server,
/// and one for the will in a CONNECT.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places(u32);

/// The place at hand. A writer does not know who it writes for, so that its place is both senders'.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(u32);

const WILL: u32 = 1;

const fn by_client(kind: Kind) -> u32 {
    1 << kind as u32
}

const fn by_server(kind: Kind) -> u32 {
    1 << (16 + kind as u32)
}

impl Places {
    pub(super) const WILL: Self = Self(WILL);

    /// In these packets, whoever sends them.
    pub(super) const fn of(kinds: &[Kind]) -> Self {
        Self::by_client(kinds).and(Self::by_server(kinds))
    }

    pub(super) const fn by_client(kinds: &[Kind]) -> Self {
        let mut set = 0;
        let mut rest = kinds;
        while let [kind, after @ ..] = rest {
            set |= by_client(*kind);
            rest = after;
        }
        Self(set)
    }

    pub(super) const fn by_server(kinds: &[Kind]) -> Self {
        Self(Self::by_client(kinds).0 << 16)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn contain(self, place: Place) -> bool {
        self.0 & place.0 != 0
    }
}

impl Place {
    /// The will of a CONNECT.
    pub(super) const WILL: Self = Self(WILL);

    pub(super) const fn read_by(kind: Kind, reader: Role) -> Self {
        Self(match reader {
            Role::Client => by_server(kind),
            Role::Server => by_client(kind),
        })
    }

    pub(super) const fn written(kind: Kind) -> Self {
        Self(by_client(kind) | by_server(kind))
    }

    /// Whether it is in packets of this type.
    pub(super) const fn is_in(self, kind: Kind) -> bool {
        self.0 & Self::written(kind).0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_packet_and_its_sender() {
        let places = Places::of(&[Kind::Publish]).and(Places::by_server(&[Kind::Disconnect]));
        for (kind, from_client, from_server) in [
            (Kind::Publish, true, true),
            (Kind::Disconnect, false, true),
            (Kind::Connect, false, false),
        ] {
            let read_by = |reader| places.contain(Place::read_by(kind, reader));
            assert_eq!(read_by(Role::Server), from_client, "{kind:?}");
            assert_eq!(read_by(Role::Client), from_server, "{kind:?}");
            let either = from_client || from_server;
            assert_eq!(places.contain(Place::written(kind)), either, "{kind:?}");
        }
        assert!(!places.contain(Place::WILL) && Places::WILL.contain(Place::WILL));
        assert!(Place::read_by(Kind::Auth, Role::Client).is_in(Kind::Auth));
        assert!(!Place::WILL.is_in(Kind::Connect));
    }
}
