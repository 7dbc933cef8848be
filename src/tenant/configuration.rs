//! What one configuration instance of Kaa has for one endpoint: the latest configuration (RFC 7/CMP).
//!
//! Software over the air is the same service under another instance name, so the same code with
//! other content. Not here: topics and the shape of requests (`kaa`, `kaa_payload`), and all that
//! an endpoint has (`configurations`).

use std::io::Write as _;

use super::instances::InstanceId;
use super::options::OnConnect;
use super::watch::Watch;

/// Seconds, in a configuration that was there from the start.
const FIRST_INTERVAL: u32 = 30;

/// What the configurations of an instance hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `{"interval":30}`, called `c1`, `c2`, ...; as a rule there is none at first.
    Settings,
    /// Where to load software, called `1.0.1`, `1.0.2`, ...; the first is there from the start.
    Software,
}

impl Content {
    /// What the ids begin with; a number from 1 on follows.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Settings => "c",
            Self::Software => "1.0.",
        }
    }
}

/// Which configuration of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which<'a> {
    /// What it holds.
    pub content: Content,
    /// The instance that hands it out.
    pub instance: InstanceId,
    /// Its name; most have none.
    pub name: Option<&'a str>,
}

/// The latest configuration of one endpoint, instance and name.
#[derive(Debug)]
pub struct Configuration {
    content: Content,
    instance: InstanceId,
    name: Option<Box<str>>,
    /// What the endpoint said about being told.
    pub watch: Watch,
    /// Of the latest one; 0: never had one.
    number: u64,
    /// Of the latest one that was reported as applied; 0: none.
    applied: u64,
    /// Of the latest settings.
    interval: u32,
}

impl Configuration {
    /// As it is before anything was pushed. Settings without a name are there from the start if
    /// they are sent on connect.
    pub fn new(which: Which, on_connect: OnConnect) -> Self {
        let number = match (which.content, on_connect) {
            (Content::Software, _) => 1,
            (Content::Settings, OnConnect::Configuration) if which.name.is_none() => 1,
            (Content::Settings, _) => 0,
        };
        Self {
            content: which.content,
            instance: which.instance,
            name: which.name.map(Into::into),
            watch: Watch::default(),
            number,
            applied: 0,
            interval: FIRST_INTERVAL,
        }
    }

    /// Which one it is.
    pub fn which(&self) -> Which<'_> {
        Which {
            content: self.content,
            instance: self.instance,
            name: self.name.as_deref(),
        }
    }

    /// Makes up the next one. Software has no interval.
    pub fn advance(&mut self, interval: u32) {
        self.number += 1;
        self.interval = interval;
    }

    /// The endpoint reports this one as applied. What it was never told of changes nothing.
    pub fn apply(&mut self, id: &str) {
        self.applied = self.parse(id).unwrap_or(0).max(self.applied);
    }

    /// Whether there is one that was not applied.
    pub fn is_due(&self) -> bool {
        self.applied < self.number
    }

    /// Appends the answer to an endpoint that has the configuration of this id: `{}` if that is
    /// the latest one.
    pub fn answer(&self, known: Option<&str>, out: &mut Vec<u8>) {
        let unchanged = known.and_then(|id| self.parse(id)) == Some(self.number);
        if unchanged {
            out.extend_from_slice(b"{}");
        } else {
            self.write(out);
        }
    }

    /// Appends the latest one. Without any the id is empty and the content null. Some endpoints
    /// drop what comes without a status code of 200.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Self {
            number, interval, ..
        } = self;
        let prefix = self.content.prefix();
        // Writing into a Vec cannot fail.
        let _ = match self.content {
            _ if *number == 0 => write!(out, r#"{{"configId":"","config":null,"#),
            Content::Settings => write!(
                out,
                r#"{{"configId":"{prefix}{number}","config":{{"interval":{interval}}},"#
            ),
            Content::Software => write!(
                out,
                r#"{{"configId":"{prefix}{number}","config":{{"link":"http://127.0.0.1/software/{prefix}{number}.bin"}},"#
            ),
        };
        out.extend_from_slice(br#""statusCode":200,"reasonPhrase":"ok"}"#);
    }

    /// Whether the endpoint was, or may have been, told of this one: the latest or an older one.
    pub fn was_told(&self, id: &str) -> bool {
        self.parse(id).is_some()
    }

    /// The number of an id that this endpoint may have.
    fn parse(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(self.content.prefix())?;
        let number = digits.parse().ok()?;
        let canonical = digits.starts_with(|c: char| matches!(c, '1'..='9'));
        (canonical && (1..=self.number).contains(&number)).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(content: Content, on_connect: OnConnect) -> Configuration {
        let which = Which {
            content,
            instance: 0,
            name: None,
        };
        Configuration::new(which, on_connect)
    }

    fn answer(configuration: &Configuration, known: Option<&str>) -> String {
        let mut out = Vec::new();
        configuration.answer(known, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn settings_are_none_at_first_and_counted_from_one() {
        let mut settings = new(Content::Settings, OnConnect::Nothing);
        let none = r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#;
        for known in [None, Some(""), Some("c0"), Some("c1")] {
            assert_eq!(answer(&settings, known), none, "{known:?}");
        }
        settings.advance(30);
        assert_eq!(
            answer(&settings, None),
            r#"{"configId":"c1","config":{"interval":30},"statusCode":200,"reasonPhrase":"ok"}"#
        );
        assert_eq!(answer(&settings, Some("c1")), "{}");
        settings.advance(31);
        assert!(answer(&settings, Some("c1")).starts_with(r#"{"configId":"c2""#));
    }

    #[test]
    fn software_is_there_from_the_start() {
        let mut software = new(Content::Software, OnConnect::Nothing);
        assert_eq!(answer(&software, Some("1.0.1")), "{}");
        assert_eq!(
            answer(&software, Some("1.0.0")),
            concat!(
                r#"{"configId":"1.0.1","config":{"link":"http://127.0.0.1/software/1.0.1.bin"},"#,
                r#""statusCode":200,"reasonPhrase":"ok"}"#
            )
        );
        assert!(software.was_told("1.0.1"));
        for id in ["1.0.2", "1.0.0", "1.0.01", "1.0.+1", "c1", "1.0.", ""] {
            assert!(!software.was_told(id), "{id}");
        }
        software.advance(0);
        assert!(software.was_told("1.0.1") && software.was_told("1.0.2"));
    }
    #[test]
    fn the_latest_one_is_due_until_it_is_applied() {
        let mut settings = new(Content::Settings, OnConnect::Nothing);
        assert!(!settings.is_due());
        let mut settings_at_once = new(Content::Settings, OnConnect::Configuration);
        assert!(settings_at_once.is_due());
        settings_at_once.apply("c1");
        assert!(!settings_at_once.is_due());
        settings.advance(5);
        settings.advance(6);
        // An older report that comes late takes nothing back.
        for (id, due) in [("c3", true), ("c1", true), ("c2", false), ("c1", false)] {
            settings.apply(id);
            assert_eq!(settings.is_due(), due, "{id}");
        }
    }
}
