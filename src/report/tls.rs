//! TLS of a run's connections: what stands in the result, and the line on the screen.

use serde::{Deserialize, Serialize};

use crate::measure::{Distribution, Handshakes, Named, Population};

/// TLS, over the whole run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TlsResult {
    /// Whether the target's certificate was verified; not with `target.insecure`.
    pub verified: bool,
    /// Handshakes that came to a good end, by version.
    pub versions: Named<u64>,
    /// Of these, those that went on with an earlier session.
    pub resumed: u64,
    /// From the first words of the client until it may send; part of the connect time.
    pub handshake_time_us: Distribution,
}

impl TlsResult {
    /// That of these handshakes.
    pub fn of(handshakes: &Handshakes, verified: bool) -> Self {
        let versions = [("1.2", handshakes.tls_12), ("1.3", handshakes.tls_13)];
        let occurred = versions.into_iter().filter(|(_, count)| *count > 0);
        Self {
            verified,
            versions: Named(
                occurred
                    .map(|(name, count)| (name.to_owned(), count))
                    .collect(),
            ),
            resumed: handshakes.resumed,
            handshake_time_us: Distribution::of(
                &handshakes.time,
                Population {
                    planned: handshakes.tls_12 + handshakes.tls_13,
                    longest_unanswered_ns: 0,
                },
            ),
        }
    }

    /// `TLS 1.3: 50 handshakes, p50 1.2 ms, max 3.4 ms`
    pub(super) fn in_words(&self) -> String {
        let versions: Vec<String> = self
            .versions
            .iter()
            .map(|(version, count)| format!("TLS {version}: {count} handshakes"))
            .collect();
        let mut parts = versions;
        if parts.is_empty() {
            parts.push("no handshake".to_owned());
        }
        if self.resumed > 0 {
            parts.push(format!("{} of them resumed", self.resumed));
        }
        for (name, value) in [
            ("p50", self.handshake_time_us.p50),
            ("max", self.handshake_time_us.max),
        ] {
            parts.extend(value.map(|us| format!("{name} {:.1} ms", us / 1000.0)));
        }
        if !self.verified {
            parts.push("THE TARGET'S CERTIFICATE WAS NOT VERIFIED (target.insecure)".to_owned());
        }
        parts.join(", ")
    }
}
