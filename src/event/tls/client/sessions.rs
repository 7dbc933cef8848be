//! The last session of each connection, so that it can go on when the connection comes back.
//!
//! Not the store that rustls has: that one knows sessions by the target's name, and a connection would
//! go on with the session, and the certificate, of another one.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use super::CURRENT;

/// By the number of the connection that goes on in this thread.
#[derive(Default)]
pub(super) struct Sessions {
    /// What the target likes best, the same for all.
    group: Mutex<Option<NamedGroup>>,
    last: Mutex<HashMap<u64, Session>>,
}

enum Session {
    Tls12(Box<Tls12ClientSessionValue>),
    Tls13(Box<Tls13ClientSessionValue>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number() -> u64 {
    CURRENT.with_borrow(|current| current.number)
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        *lock(&self.group) = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        *lock(&self.group)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        lock(&self.last).insert(number(), Session::Tls12(Box::new(value)));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        match lock(&self.last).get(&number()) {
            Some(Session::Tls12(value)) => Some((**value).clone()),
            _ => None,
        }
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        lock(&self.last).remove(&number());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        lock(&self.last).insert(number(), Session::Tls13(Box::new(value)));
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut last = lock(&self.last);
        match last.get(&number()) {
            Some(Session::Tls13(_)) => {}
            _ => return None,
        }
        match last.remove(&number()) {
            Some(Session::Tls13(value)) => Some(*value),
            _ => None,
        }
    }
}
