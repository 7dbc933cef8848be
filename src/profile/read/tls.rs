//! Reads those keys of `[target]` that are about TLS.

use super::super::tree::Node;
use super::super::{OwnCertificate, TlsSetting, TlsVersions, Url};
use super::Section;
use super::value::{self, Wrong};

/// Keys that do nothing without TLS.
const KEYS: [&str; 7] = [
    "ca",
    "certificate",
    "key",
    "server_name",
    "insecure",
    "tls_version",
    "session_resumption",
];

/// The setting; it must be of use for these targets (`None`: nobody knows them), and fit together.
pub(super) fn read(section: &Section<'_>, urls: Option<&[Url]>) -> TlsSetting {
    let certificate = section.read("certificate", template);
    let key = section.read("key", template);
    let setting = TlsSetting {
        ca: section.read("ca", value::text),
        own: certificate
            .zip(key)
            .map(|(certificate, key)| OwnCertificate { certificate, key }),
        server_name: section.read("server_name", value::text),
        insecure: section.read("insecure", value::truth).unwrap_or_default(),
        versions: section.read("tls_version", versions).unwrap_or_default(),
        resumption: section
            .read("session_resumption", value::truth)
            .unwrap_or_default(),
    };
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if section.has(one) && !section.has(other) {
            let wrong = Wrong::new(format!("needs target.{other} beside it"));
            section.wrong_at(one, wrong.instead(format!("{other} = \"...\" too")));
        }
    }
    if setting.insecure && section.has("ca") {
        let wrong = Wrong::new("is of no use beside target.insecure, which verifies nothing");
        section.wrong_at("ca", wrong.instead("one of the two"));
    }
    let Some(urls) = urls else { return setting };
    let tls = urls.iter().filter(|url| url.tls).count();
    if tls == 0 {
        for key in KEYS.into_iter().filter(|key| section.has(key)) {
            let wrong = Wrong::new("is about TLS, and the target is reached without");
            section.wrong_at(
                key,
                wrong.instead("url = \"mqtts://HOST\", or leave it out"),
            );
        }
    } else if tls < urls.len() {
        let wrong = Wrong::new("is a list of targets with TLS and without");
        section.wrong_at("url", wrong.instead("mqtts:// or mqtt:// in all of them"));
    }
    setting
}

/// A path or a column, and never the secret itself.
fn template(node: &Node) -> Result<String, Wrong> {
    let text = value::template(node)?;
    if text.contains("-----BEGIN") {
        return Err(Wrong::new("must not be written into a profile")
            .instead("the path of a PEM file, or {column} of fleet.identities")
            .label("only by reference"));
    }
    Ok(text)
}

fn versions(node: &Node) -> Result<TlsVersions, Wrong> {
    match value::any_text(node)?.as_str() {
        "any" => Ok(TlsVersions::Both),
        "1.2" => Ok(TlsVersions::Only12),
        "1.3" => Ok(TlsVersions::Only13),
        _ => Err(Wrong::new("is no version of TLS that midge speaks")
            .instead("\"1.2\", \"1.3\" or \"any\"")),
    }
}
