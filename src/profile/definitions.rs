//! The definitions of a platform or of a profile alone: requests, inbound messages and variables.
//!
//! From them the simulated tenant answers. Not here: what an answer looks like (the tenant), and
//! the rules of the values (`read`).

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::error::ProfileError;
use super::load::{as_run, is_path, load, names, platforms, shipped, sorted, source};
use super::origin::shortened;
use super::read::check;
use super::read::{self, Around, Log};
use super::tree::{self, Value};
use super::{Inbound, Loaded, Request, platform};
use crate::nearest::nearest;

/// What endpoints, callers and the tenant say to each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// Templates by name, as in `[fleet.vars]`.
    pub vars: BTreeMap<String, String>,
    /// What endpoints and callers send, and what an answer looks like.
    pub requests: Vec<Request>,
    /// What the tenant pushes, and how endpoints answer.
    pub inbound: Vec<Inbound>,
}

impl Definitions {
    /// Adds those of another platform. Its variables win.
    pub fn extend(&mut self, other: Self) {
        self.vars.extend(other.vars);
        self.requests.extend(other.requests);
        self.inbound.extend(other.inbound);
    }
}

impl From<Loaded> for Definitions {
    fn from(loaded: Loaded) -> Self {
        Self {
            vars: loaded.profile.fleet.vars,
            requests: loaded.profile.requests,
            inbound: loaded.profile.inbound,
        }
    }
}

/// Reads the definitions of a platform or a profile: a shipped name, or a path if there is a `/` in
/// it or `.toml` at its end. A file is a profile if it holds what a platform's may not hold.
///
/// # Errors
/// All mistakes at once, sorted by line.
pub fn definitions(
    name_or_path: &str,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Definitions, Vec<ProfileError>> {
    if is_path(name_or_path) {
        let path = Path::new(name_or_path);
        let file = source(name_or_path, path, read).map_err(|error| vec![error])?;
        let root = tree::document(&file).map_err(|error| vec![error])?;
        if !matches!(&root.value, Value::Table(root) if check::is_platform(root)) {
            return load(name_or_path, &[], read).map(Definitions::from);
        }
        return of_platform(name_or_path, path.parent(), read);
    }
    let is_known = |list: &[(&str, &str)]| list.iter().any(|(known, _)| *known == name_or_path);
    if is_known(platforms()) {
        return of_platform(name_or_path, None, read);
    }
    if is_known(shipped()) {
        return load(name_or_path, &[], read).map(Definitions::from);
    }
    let known = platforms().iter().chain(shipped()).map(|(known, _)| *known);
    let hint = nearest(name_or_path, known)
        .map(|near| format!(", did you mean {near:?}?"))
        .unwrap_or_default();
    let shown = shortened(name_or_path);
    let message = format!("there is no shipped platform or profile {shown:?}{hint}");
    let help = format!(
        "platforms are: {}; profiles are: {}; a file of your own needs a path: ./FILE.toml",
        names(platforms()),
        names(shipped())
    );
    Err(vec![ProfileError::plain(message).with_help(help)])
}

/// Reads the definitions of a profile as run, [`Loaded::source_text`]; `name` is the profile's, and
/// paths in the text are relative to its folder.
///
/// # Errors
/// All mistakes at once, sorted by line.
pub fn definitions_of_run(
    name: &str,
    text: String,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Definitions, Vec<ProfileError>> {
    as_run(name, text, read).map(Definitions::from)
}

fn of_platform(
    name: &str,
    folder: Option<&Path>,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Definitions, Vec<ProfileError>> {
    let log = Log::default();
    // The name of the platform is its whole path; payload files are relative to its folder.
    let here = Around {
        folder: Path::new(""),
        stem: "",
        read,
    };
    let root = platform::as_profile(name, &here, &log).map_err(|error| vec![error])?;
    let around = Around {
        folder: folder.unwrap_or(Path::new("")),
        ..here
    };
    let found = read::definitions(&root, &around, &log);
    if log.is_empty() {
        Ok(found)
    } else {
        Err(sorted(log.into_errors()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATFORM: &str = r#"
        format = 1
        name = "acme"
        vars = { device = "d{endpoint}" }
        [[request]]
        name = "up"
        topic = "acme/{device}/up/{request_id}"
        reply = { ok = "{topic}/ok", payload = '{"n":{request_id}}' }
        [[inbound]]
        name = "down"
        topic = "acme/{device}/down/{number}"
        payload = '{"id":{id}}'
    "#;
    const PROFILE: &str = r#"
        platforms = ["./acme.toml"]
        fleet.vars.device = "x{endpoint}"
        load.arrival_rate = "1/s"
        [[request]]
        use = "acme/up"
    "#;

    fn read(path: &Path) -> io::Result<String> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("acme.toml") => Ok(PLATFORM.to_owned()),
            Some("profile.toml") => Ok(PROFILE.to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn a_platform_has_all_of_its_definitions() {
        let acme = definitions("./acme.toml", &read).unwrap();
        assert_eq!(acme.vars["device"], "d{endpoint}");
        assert_eq!(acme.requests[0].name, "up");
        let reply = acme.requests[0].reply.as_ref().unwrap();
        assert_eq!(reply.payload.as_deref(), Some(r#"{"n":{request_id}}"#));
        assert_eq!(acme.inbound[0].payload.as_deref(), Some(r#"{"id":{id}}"#));
    }

    #[test]
    fn a_profile_has_those_that_it_uses_with_its_own_variables() {
        let profile = definitions("./profile.toml", &read).unwrap();
        assert_eq!(profile.vars["device"], "x{endpoint}");
        assert_eq!(profile.requests.len(), 1);
        assert_eq!(profile.inbound, []);
    }

    #[test]
    fn a_run_hands_on_what_it_runs() {
        let loaded = load("./profile.toml", &["fleet.vars.device=y".into()], &read).unwrap();
        let nothing = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let text = loaded.source_text.clone();
        let again = definitions_of_run("./profile.toml", text, &nothing).unwrap();
        assert_eq!(again, Definitions::from(loaded));
        assert_eq!(again.vars["device"], "y");
    }

    #[test]
    fn shipped_names_are_platforms_or_profiles() {
        for (name, _) in platforms().iter().chain(shipped()) {
            let found = definitions(name, &read).unwrap();
            assert!(!found.requests.is_empty(), "{name}");
        }
        let (first, _) = platforms()[0];
        let errors = definitions(&format!("{first}x"), &read).unwrap_err();
        assert!(errors[0].message.contains("did you mean"), "{errors:?}");
        assert!(definitions("./none.toml", &read).is_err());
    }

    #[test]
    fn mistakes_point_at_their_line() {
        let bad = |_: &Path| Ok("[[request]]\nname = \"a\"\ntopik = \"b\"\n".to_owned());
        let errors = definitions("./acme.toml", &bad).unwrap_err();
        assert!(errors[0].message.contains("topic"), "{errors:?}");
        let bad = |_: &Path| {
            Ok("[[request]]\nname = \"a\"\ntopic = \"b\"\n\
                reply = { ok = \"c\", payload = '{\"a\":}' }\n"
                .to_owned())
        };
        let errors = definitions("./acme.toml", &bad).unwrap_err();
        assert!(errors[0].message.contains("is no JSON"), "{errors:?}");
        assert!(errors[0].to_string().contains(":4:"), "{errors:?}");
    }
}
