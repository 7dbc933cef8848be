//! All configurations of one Kaa endpoint: by content, instance and name (RFC 7/CMP).
//!
//! Kept are those that it asked for, was pushed, or reported. Not here: what one holds
//! (`configuration`).

use super::configuration::{Configuration, Content, Which};
use super::instances::InstanceId;
use super::options::OnConnect;
use super::problem::Problem;

/// The endpoint has as many named configurations as it may.
pub const TOO_MANY: Problem = Problem::new(
    "too-many-configurations",
    429,
    "Too many named configurations",
);
/// The endpoint was never told of this configuration.
pub const UNKNOWN_CONFIG: Problem = Problem::new("unknown-config", 404, "Unknown configuration");

/// The configurations of one endpoint. Empty, it takes no memory of its own.
#[derive(Debug, Default)]
pub struct Configurations(Vec<Configuration>);

impl Configurations {
    /// Most named ones.
    pub const NAMED_MAX: usize = 16;

    /// Number of configurations.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The one at this place, below [`Configurations::len`].
    pub fn at(&mut self, place: usize) -> Option<&mut Configuration> {
        self.0.get_mut(place)
    }

    /// This one, new if it must be.
    ///
    /// # Errors
    /// [`TOO_MANY`]
    pub fn entry(
        &mut self,
        which: Which,
        on_connect: OnConnect,
    ) -> Result<&mut Configuration, Problem> {
        let place = match self.0.iter().position(|known| known.which() == which) {
            Some(place) => place,
            None if which.name.is_some() && self.named() >= Self::NAMED_MAX => {
                return Err(TOO_MANY);
            }
            None => {
                self.0.push(Configuration::new(which, on_connect));
                self.0.len() - 1
            }
        };
        self.0.get_mut(place).ok_or(TOO_MANY)
    }

    /// This one, to report on. A name that was never asked for is not kept.
    ///
    /// # Errors
    /// [`UNKNOWN_CONFIG`]
    pub fn reported(
        &mut self,
        which: Which,
        on_connect: OnConnect,
    ) -> Result<&mut Configuration, Problem> {
        if which.name.is_some() {
            let mut known = self.0.iter_mut();
            return known
                .find(|known| known.which() == which)
                .ok_or(UNKNOWN_CONFIG);
        }
        self.entry(which, on_connect)
    }

    /// Sees to it that there are settings without a name: of the instance that the endpoint spoke
    /// to, or else of this one.
    pub fn ensure_settings(&mut self, first: InstanceId, on_connect: OnConnect) {
        let is_settings = |known: &Configuration| {
            let Which { content, name, .. } = known.which();
            content == Content::Settings && name.is_none()
        };
        if !self.0.iter().any(is_settings) {
            let which = Which {
                content: Content::Settings,
                instance: first,
                name: None,
            };
            self.0.push(Configuration::new(which, on_connect));
        }
    }

    /// Requests that the endpoint made before are gone.
    pub fn moved(&mut self) {
        for configuration in &mut self.0 {
            configuration.watch.moved();
        }
    }

    fn named(&self) -> usize {
        let is_named = |known: &&Configuration| known.which().name.is_some();
        self.0.iter().filter(is_named).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(name: Option<&str>, instance: InstanceId) -> Which<'_> {
        Which {
            content: Content::Settings,
            instance,
            name,
        }
    }

    #[test]
    fn names_and_instances_are_kept_apart_and_names_are_limited() {
        let mut all = Configurations::default();
        let names: Vec<String> = (0..Configurations::NAMED_MAX)
            .map(|n| format!("name-{n}"))
            .collect();
        for name in &names {
            all.entry(which(Some(name), 0), OnConnect::Nothing)
                .unwrap()
                .advance(1);
        }
        let one_more = which(Some(&names[0]), 1);
        assert_eq!(
            all.entry(one_more, OnConnect::Nothing).err(),
            Some(TOO_MANY)
        );
        // Known ones, and those without a name, are no more.
        assert!(
            all.entry(which(Some(&names[3]), 0), OnConnect::Nothing)
                .is_ok()
        );
        for instance in [0, 1] {
            assert!(all.entry(which(None, instance), OnConnect::Nothing).is_ok());
        }
        assert_eq!(all.len(), names.len() + 2);
        let unknown = all.reported(one_more, OnConnect::Nothing).err();
        assert_eq!(unknown, Some(UNKNOWN_CONFIG));
        assert!(
            all.reported(which(Some(&names[0]), 0), OnConnect::Nothing)
                .is_ok()
        );
    }

    #[test]
    fn settings_are_those_of_the_instance_that_was_spoken_to_or_of_the_first() {
        for spoken_to in [None, Some(5)] {
            let mut all = Configurations::default();
            if let Some(instance) = spoken_to {
                all.entry(which(None, instance), OnConnect::Nothing)
                    .unwrap();
            }
            all.ensure_settings(2, OnConnect::Nothing);
            all.ensure_settings(2, OnConnect::Nothing);
            assert_eq!(all.len(), 1);
            let instance = all.at(0).unwrap().which().instance;
            assert_eq!(instance, spoken_to.unwrap_or(2));
        }
    }
}
