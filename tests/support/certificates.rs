//! Certificates for tests, made when they are needed.
//!
//! Not here: what they are used for.

#![allow(dead_code, reason = "each test uses its part")]

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these host names and addresses.
    pub fn signs(&self, name: &str, hosts: &[&str]) -> Pair {
        self.sign(&named(name, hosts))
    }

    /// The same, valid in 2020 alone.
    pub fn signs_expired(&self, name: &str, hosts: &[&str]) -> Pair {
        let mut params = named(name, hosts);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.sign(&params)
    }

    /// The same, not valid before 2048.
    pub fn signs_too_early(&self, name: &str, hosts: &[&str]) -> Pair {
        let mut params = named(name, hosts);
        params.not_before = date_time_ymd(2048, 1, 1);
        self.sign(&params)
    }

    /// A list of identities in which each of so many endpoints has a certificate and a key of its own, as PEM.
    pub fn signs_fleet(&self, endpoints: u32) -> String {
        let row = |endpoint| {
            let own = self.signs(&format!("endpoint {endpoint}"), &[]);
            format!("\"{}\",\"{}\"\n", own.certificate, own.key)
        };
        let header = "certificate,key\n".to_owned();
        std::iter::once(header)
            .chain((0..endpoints).map(row))
            .collect()
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).expect("host names");
    params.distinguished_name.push(DnType::CommonName, name);
    // From 2050 on, dates are written in another way, which not every broker reads.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}
