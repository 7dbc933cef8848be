//! Which names Kaa's extension instances have in this tenant, as `dcx=data,epmx=meta`.
//!
//! The names are settings of a tenant: an extension that is not mentioned keeps its default name,
//! and one may have several instances. Not here: what an extension does (`kaa`).

use std::fmt;
use std::str::FromStr;

use crate::nearest::nearest;

/// A service that Kaa's endpoints speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Data collection.
    DataCollection,
    /// Endpoint metadata.
    Metadata,
    /// Commands.
    Commands,
    /// Configuration.
    Configuration,
    /// Configuration again, with software over the air.
    Software,
    /// Binary data.
    Binary,
}

impl Extension {
    const ALL: [Self; 6] = [
        Self::DataCollection,
        Self::Metadata,
        Self::Commands,
        Self::Configuration,
        Self::Software,
        Self::Binary,
    ];

    /// The default name of its only instance.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataCollection => "dcx",
            Self::Metadata => "epmx",
            Self::Commands => "cex",
            Self::Configuration => "cmx",
            Self::Software => "cmx_ota",
            Self::Binary => "bcx",
        }
    }
}

/// Number of an instance in [`Instances`].
pub type InstanceId = u8;

/// More instances than any tenant has.
const INSTANCES_MAX: usize = 32;
/// A level of a topic; bytes.
const NAME_LENGTH_MAX: usize = 64;

/// All instances; each extension has at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instances(Vec<(Extension, Box<str>)>);

impl Default for Instances {
    fn default() -> Self {
        Self(Extension::ALL.map(|e| (e, e.name().into())).into())
    }
}

impl Instances {
    /// The instance of this name.
    pub fn find(&self, name: &str) -> Option<(InstanceId, Extension)> {
        let place = self.0.iter().position(|(_, known)| **known == *name)?;
        Some((InstanceId::try_from(place).ok()?, self.0[place].0))
    }

    /// Each of them, with its name.
    pub fn iter(&self) -> impl Iterator<Item = (Extension, &str)> {
        self.0.iter().map(|(extension, name)| (*extension, &**name))
    }

    /// The first instance of an extension.
    pub fn first(&self, extension: Extension) -> InstanceId {
        let place = self.0.iter().position(|&(known, _)| known == extension);
        // Each extension has one, and there are few.
        place.unwrap_or_default() as InstanceId
    }

    /// Its name; empty for a number that was never given.
    pub fn name(&self, instance: InstanceId) -> &str {
        self.0
            .get(usize::from(instance))
            .map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Instances {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (position, (extension, name)) in self.0.iter().enumerate() {
            let separator = if position > 0 { "," } else { "" };
            write!(f, "{separator}{}={name}", extension.name())?;
        }
        Ok(())
    }
}

impl FromStr for Instances {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut named = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (extension, name) = part
                .split_once('=')
                .ok_or_else(|| format!("'{part}' is not EXTENSION=NAME, such as dcx=data"))?;
            named.push((extension_of(extension.trim())?, checked(name.trim())?));
        }
        // In the order of the extensions, so that the first of each is easy to say.
        let mut all: Vec<(Extension, Box<str>)> = Vec::new();
        for extension in Extension::ALL {
            let before = all.len();
            all.extend(
                named
                    .iter()
                    .filter(|(known, _)| *known == extension)
                    .cloned(),
            );
            if all.len() == before {
                all.push((extension, extension.name().into()));
            }
        }
        if all.len() > INSTANCES_MAX {
            return Err(format!("more than {INSTANCES_MAX} instances"));
        }
        for (position, (extension, name)) in all.iter().enumerate() {
            if let Some((other, _)) = all[..position].iter().find(|(_, known)| known == name) {
                return Err(format!(
                    "'{name}' would be the name of both {} and {}",
                    other.name(),
                    extension.name()
                ));
            }
        }
        Ok(Self(all))
    }
}

fn extension_of(word: &str) -> Result<Extension, String> {
    let known = Extension::ALL.into_iter().find(|e| e.name() == word);
    known.ok_or_else(|| {
        let names = Extension::ALL.map(Extension::name);
        match nearest(word, names.into_iter()) {
            Some(near) => format!("no extension '{word}'; did you mean '{near}'?"),
            None => format!("no extension '{word}'; there are {}", names.join(", ")),
        }
    })
}

fn checked(name: &str) -> Result<Box<str>, String> {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(is_letter) {
        return Err(format!(
            "'{name}' is not a name of 1 to {NAME_LENGTH_MAX} letters, digits, '_' and '-'"
        ));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Instances, String> {
        text.parse()
    }

    #[test]
    fn what_is_not_mentioned_keeps_its_name() {
        let instances = read("epmx=meta, cex = commands").unwrap();
        assert_eq!(
            instances.to_string(),
            "dcx=dcx,epmx=meta,cex=commands,cmx=cmx,cmx_ota=cmx_ota,bcx=bcx"
        );
        assert_eq!(instances.find("meta"), Some((1, Extension::Metadata)));
        assert_eq!(instances.find("epmx"), None);
        assert_eq!(
            read(&Instances::default().to_string()),
            Ok(Instances::default())
        );
    }

    #[test]
    fn an_extension_may_have_several_instances() {
        let instances = read("cmx=one,bcx=bin,cmx=two").unwrap();
        let (first, second) = (
            instances.find("one").unwrap(),
            instances.find("two").unwrap(),
        );
        assert_eq!(
            (first.1, second.1),
            (Extension::Configuration, Extension::Configuration)
        );
        assert_eq!(instances.first(Extension::Configuration), first.0);
        assert_eq!(instances.name(second.0), "two");
    }

    #[test]
    fn names_may_be_exchanged_but_not_used_twice() {
        assert!(read("dcx=epmx,epmx=dcx").is_ok());
        for (text, said) in [
            ("dcx=epmx", "'epmx' would be the name of both dcx and epmx"),
            ("dcx=a,dcx=a", "'a' would be the name of both dcx and dcx"),
            ("cmz=a", "no extension 'cmz'; did you mean 'cmx'?"),
            (
                "colour=a",
                "no extension 'colour'; there are dcx, epmx, cex, cmx, cmx_ota, bcx",
            ),
            ("dcx", "'dcx' is not EXTENSION=NAME, such as dcx=data"),
            (
                "dcx=a/b",
                "'a/b' is not a name of 1 to 64 letters, digits, '_' and '-'",
            ),
            (
                "dcx=",
                "'' is not a name of 1 to 64 letters, digits, '_' and '-'",
            ),
        ] {
            assert_eq!(read(text), Err(said.to_owned()), "{text}");
        }
        let many: Vec<String> = (0..40).map(|n| format!("dcx=d{n}")).collect();
        assert_eq!(
            read(&many.join(",")),
            Err("more than 32 instances".to_owned())
        );
    }
}
