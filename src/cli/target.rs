//! May this target be loaded, and where is it?
//!
//! Loopback and private addresses need no word; any other host must be named with `--allow-target`,
//! so that a mistyped or inherited URL cannot hurt somebody else's tenant.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::Failure;
use crate::profile::Url;

/// Resolves the targets, or says which one is not allowed.
pub(super) fn resolve(urls: &[Url], allowed: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    urls.iter().map(|url| resolve_one(url, allowed)).collect()
}

fn resolve_one(url: &Url, allowed: &[String]) -> Result<SocketAddr, Failure> {
    let granted = allowed
        .iter()
        .any(|host| host.eq_ignore_ascii_case(&url.host));
    if let (false, Ok(address)) = (granted, url.host.parse::<IpAddr>()) {
        guard(url, address)?;
    }
    let addresses: Vec<SocketAddr> = (url.host.as_str(), url.port)
        .to_socket_addrs()
        .map_err(|error| Failure::internal(format!("cannot resolve {}: {error}", url.host)))?
        .collect();
    if !granted {
        addresses
            .iter()
            .try_for_each(|address| guard(url, address.ip()))?;
    }
    // IPv4 first: a broker that listens on both is more often reachable there.
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    first
        .copied()
        .ok_or_else(|| Failure::internal(format!("{} has no address", url.host)))
}

fn guard(url: &Url, address: IpAddr) -> Result<(), Failure> {
    if is_near(address) {
        return Ok(());
    }
    let host = &url.host;
    let resolved = if host.parse::<IpAddr>().is_ok() {
        String::new()
    } else {
        format!(" ({address})")
    };
    Err(Failure::usage(format!(
        "{host}{resolved} is neither this machine nor in a private network; nothing was sent\n\
         help: if you may load it, say so: --allow-target {host}"
    )))
}

/// Loopback, private (RFC 1918, RFC 4193) or link-local.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_near(IpAddr::V4(mapped)),
            None => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_private_addresses_need_no_word_and_others_do() {
        for near in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "::1",
            "fd00::1",
        ] {
            assert!(is_near(near.parse().unwrap()), "{near}");
        }
        for far in [
            "8.8.8.8",
            "172.32.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "100.64.0.1",
        ] {
            assert!(!is_near(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn a_far_host_is_refused_without_a_look_up_and_allowed_by_name() {
        let url = Url {
            host: "203.0.113.7".into(),
            port: 1883,
            tls: false,
            path: None,
        };
        assert_eq!(
            resolve_one(&url, &[]).unwrap_err().exit,
            crate::report::Exit::Usage
        );
        assert!(resolve_one(&url, &["203.0.113.7".into()]).is_ok());
    }
}
