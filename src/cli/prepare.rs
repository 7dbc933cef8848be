//! From the arguments to a plan that may be run or shown: what `run` and `check` share.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, ProfileArgs};
use crate::engine;
use crate::measure::{Shape, Threshold};
use crate::plan::{Identities, Plan, PlanError};
use crate::profile::{self, Loaded, Secret};

/// Largest password file that is read.
const PASSWORD_MAX: usize = 65_535;

/// A profile, compiled and checked, with everything it refers to read in.
#[derive(Debug)]
pub(super) struct Prepared {
    pub loaded: Loaded,
    pub plan: Arc<Plan>,
    pub shape: Arc<Shape>,
    pub thresholds: Vec<Threshold>,
}

/// Loads and compiles.
pub(super) fn prepare(args: &ProfileArgs) -> Result<Prepared, Failure> {
    prepare_with(args, 0)
}

/// Loads and compiles, with identities for so many endpoints that are not the fleet's.
pub(super) fn prepare_with(args: &ProfileArgs, beside: u32) -> Result<Prepared, Failure> {
    let read = |path: &Path| std::fs::read_to_string(path);
    let loaded = profile::load(&args.profile, &args.all_sets(), &read)
        .map_err(|errors| Failure::profile(&errors))?;
    let identities = identities(&loaded, beside)?;
    let plan = Plan::compile(&loaded.profile, identities).map_err(|error| {
        let list = loaded.profile.fleet.identities.as_deref();
        let place = match (&error, list) {
            (PlanError::Identities { .. }, Some(list)) => list,
            _ => &args.profile,
        };
        Failure::usage(format!("{place}: {error}\nnothing was sent"))
    })?;
    let shape = engine::shape(&plan, &loaded.profile);
    let thresholds = Threshold::parse_all(&loaded.profile.thresholds, &shape)
        .map_err(|error| Failure::usage(format!("{}: {error}\nnothing was sent", args.profile)))?;
    Ok(Prepared {
        loaded,
        plan: Arc::new(plan),
        shape: Arc::new(shape),
        thresholds,
    })
}

fn identities(loaded: &Loaded, beside: u32) -> Result<Identities, Failure> {
    let Some(name) = &loaded.profile.fleet.identities else {
        return Ok(Identities::none());
    };
    let path = Path::new(name);
    let file = std::fs::File::open(path).map_err(|error| {
        Failure::usage(format!("{}: {error} (fleet.identities)", path.display()))
    })?;
    let endpoints = loaded.profile.fleet.endpoints;
    let rows = endpoints.saturating_add(beside);
    Identities::from_csv(file, rows, 0..rows).map_err(|error| {
        let help = match beside {
            0 => String::new(),
            more => format!(
                "\nhelp: the witness's endpoints are the {more} rows after the {endpoints} of the fleet"
            ),
        };
        Failure::usage(format!("{}: {error}{help}\nnothing was sent", path.display()))
    })
}

/// Fetches the password from where it is. Errors name the place and never the content.
pub(super) fn fetch(secret: &Secret) -> Result<Vec<u8>, Failure> {
    fetch_password("target.password", secret)
}

/// The same, for the key or flag of this name.
pub(super) fn fetch_password(key: &str, secret: &Secret) -> Result<Vec<u8>, Failure> {
    let bytes = fetch_for(key, secret)?;
    if bytes.len() > PASSWORD_MAX {
        return Err(Failure::usage(format!(
            "{key}: longer than MQTT allows (65,535 bytes)"
        )));
    }
    Ok(bytes)
}

/// Fetches the secret of this key of the profile.
pub(super) fn fetch_for(key: &str, secret: &Secret) -> Result<Vec<u8>, Failure> {
    match secret {
        Secret::Environment(name) => std::env::var_os(name)
            .map(std::ffi::OsString::into_encoded_bytes)
            .ok_or_else(|| Failure::usage(format!("{key}: the variable {name} is not set"))),
        Secret::File(path) => {
            let mut bytes = std::fs::read(path)
                .map_err(|error| Failure::usage(format!("{key}: {path}: {error}")))?;
            // Editors end files with a line feed; passwords do not.
            if bytes.ends_with(b"\n") {
                bytes.pop();
            }
            Ok(bytes)
        }
    }
}
