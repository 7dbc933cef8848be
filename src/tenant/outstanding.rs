//! Commands for one Kaa endpoint that have no result yet (RFC 11/CEP).
//!
//! An id is unique within endpoint, instance and type, and counts from 1 in each. Not here: when a
//! command is pushed (`pushes`), and the shape of requests (`kaa_payload`).

use std::collections::VecDeque;
use std::io::Write as _;

use super::commands::{SECOND_FINAL, UNKNOWN_COMMAND};
use super::instances::InstanceId;
use super::kaa_payload::CommandResult;
use super::problem::Problem;
use super::watch::{Asking, Observe, Place, Watch};

/// Outstanding commands of one type; beyond it the oldest one expires.
pub const OUTSTANDING_MAX: usize = 64;

/// Number of a command's type in the list of the tenant.
pub type TypeId = u8;

/// Which commands are asked for, or told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those of this type.
    One(TypeId),
    /// Those of a type that this tenant does not have; there are none.
    Others,
    /// Those of all types, each with its type.
    All,
}

#[derive(Debug, Clone, Copy)]
struct Command {
    id: u64,
    amount: u32,
}

/// The commands of one type from one instance.
#[derive(Debug)]
struct Line {
    instance: InstanceId,
    command_type: TypeId,
    watch: Watch,
    last: u64,
    commands: VecDeque<Command>,
}

/// All commands of an endpoint. Empty, it takes no memory of its own.
#[derive(Debug, Default)]
pub struct Outstanding {
    lines: Vec<Line>,
    /// What was said about all types at once, by instance.
    all: Vec<(InstanceId, Watch)>,
    /// The instance that the endpoint spoke to.
    instance: Option<InstanceId>,
}

impl Outstanding {
    /// The instance that the endpoint last spoke to.
    pub fn instance(&self) -> Option<InstanceId> {
        self.instance
    }

    /// The endpoint speaks to this instance.
    pub fn spoken_to(&mut self, instance: InstanceId) {
        self.instance = Some(instance);
    }

    /// The endpoint asks for its commands.
    pub fn ask(&mut self, instance: InstanceId, wanted: Wanted, asking: Asking) {
        let known = |line: &&mut Line| line.instance == instance;
        match wanted {
            Wanted::Others => {}
            Wanted::One(command_type) => {
                let found = self.lines.iter_mut().filter(known);
                let found = found.into_iter().find(|l| l.command_type == command_type);
                if let Some(line) = found {
                    line.watch.ask(asking);
                } else if asking.observe != Observe::Unsaid {
                    self.line(instance, command_type).watch.ask(asking);
                }
            }
            Wanted::All => {
                if let Some((_, watch)) = self.all.iter_mut().find(|(of, _)| *of == instance) {
                    watch.ask(asking);
                } else if asking.observe != Observe::Unsaid {
                    let mut watch = Watch::default();
                    watch.ask(asking);
                    self.all.push((instance, watch));
                }
            }
        }
    }

    /// Requests that the endpoint made before are gone.
    pub fn moved(&mut self) {
        let lines = self.lines.iter_mut().map(|line| &mut line.watch);
        for watch in lines.chain(self.all.iter_mut().map(|(_, watch)| watch)) {
            watch.moved();
        }
    }

    /// New commands, one for each amount; older ones may expire.
    pub fn add(&mut self, instance: InstanceId, command_type: TypeId, amounts: &[u32]) {
        let line = self.line(instance, command_type);
        for &amount in amounts {
            if line.commands.len() == OUTSTANDING_MAX {
                line.commands.pop_front();
            }
            line.last += 1;
            let id = line.last;
            line.commands.push_back(Command { id, amount });
        }
    }

    /// As what, and where, the endpoint is told of new commands of a type. `None`: it is not. What
    /// it said about the type counts before what it said about all of them.
    pub fn told(&self, instance: InstanceId, command_type: TypeId) -> Option<(Wanted, Place)> {
        let one = self.find(instance, command_type).map(|line| line.watch);
        let one = one.unwrap_or_default();
        let all = self.all.iter().find(|(of, _)| *of == instance);
        let all = all.map_or(Watch::Unasked, |&(_, watch)| watch);
        match (one, all) {
            (Watch::Asked(place), _) => Some((Wanted::One(command_type), place)),
            (_, Watch::Asked(place)) => Some((Wanted::All, place)),
            (Watch::Stopped, _) | (_, Watch::Stopped) => None,
            (Watch::Unasked, Watch::Unasked) => Some((Wanted::One(command_type), Place::Resource)),
        }
    }

    /// Number of outstanding commands of a type.
    pub fn count(&self, instance: InstanceId, command_type: TypeId) -> usize {
        self.find(instance, command_type)
            .map_or(0, |line| line.commands.len())
    }

    /// Appends what is asked for as an array.
    pub fn write(&self, instance: InstanceId, wanted: Wanted, types: &[String], out: &mut Vec<u8>) {
        let lines = self.lines.iter().filter(|line| line.instance == instance);
        let lines = lines.filter(|line| match wanted {
            Wanted::One(command_type) => line.command_type == command_type,
            Wanted::Others => false,
            Wanted::All => true,
        });
        let all = lines.flat_map(|line| line.commands.iter().map(|c| (line.command_type, c)));
        write_array(all, wanted, types, out);
    }

    /// Appends the latest `count` commands of a type, as those of the type or as some of all.
    pub fn write_latest(
        &self,
        (instance, command_type): (InstanceId, TypeId),
        count: usize,
        wanted: Wanted,
        types: &[String],
        out: &mut Vec<u8>,
    ) {
        let commands = self
            .find(instance, command_type)
            .into_iter()
            .flat_map(|line| {
                line.commands
                    .iter()
                    .skip(line.commands.len().saturating_sub(count))
            });
        write_array(commands.map(|c| (command_type, c)), wanted, types, out);
    }

    /// The endpoint reports a result: the word it is counted under.
    ///
    /// # Errors
    /// [`UNKNOWN_COMMAND`] or [`SECOND_FINAL`]
    pub fn finish(
        &mut self,
        instance: InstanceId,
        command_type: Option<TypeId>,
        result: CommandResult,
    ) -> Result<&'static str, Problem> {
        let line = command_type.and_then(|command_type| {
            let mut lines = self.lines.iter_mut();
            lines.find(|l| (l.instance, l.command_type) == (instance, command_type))
        });
        let line = line.ok_or(UNKNOWN_COMMAND)?;
        let Some(place) = line.commands.iter().position(|c| c.id == result.id) else {
            let was_sent = (1..=line.last).contains(&result.id);
            return Err(if was_sent {
                SECOND_FINAL
            } else {
                UNKNOWN_COMMAND
            });
        };
        line.commands.remove(place);
        Ok(if (200..300).contains(&result.status) {
            "completed"
        } else {
            "error"
        })
    }

    fn find(&self, instance: InstanceId, command_type: TypeId) -> Option<&Line> {
        let mut lines = self.lines.iter();
        lines.find(|l| (l.instance, l.command_type) == (instance, command_type))
    }

    /// There are as many at the most as instances and types.
    fn line(&mut self, instance: InstanceId, command_type: TypeId) -> &mut Line {
        let mut lines = self.lines.iter();
        let known = lines.position(|l| (l.instance, l.command_type) == (instance, command_type));
        let place = known.unwrap_or_else(|| {
            self.lines.push(Line {
                instance,
                command_type,
                watch: Watch::default(),
                last: 0,
                commands: VecDeque::new(),
            });
            self.lines.len() - 1
        });
        &mut self.lines[place]
    }
}

/// What a command of this type is told, `{"power":50}`: the payload is free (RFC 11/CEP).
pub fn write_arguments(command_type: &str, amount: u32, out: &mut Vec<u8>) {
    let name = match command_type {
        "set_power" => "power",
        _ => "value",
    };
    // Writing into a Vec cannot fail.
    let _ = write!(out, r#"{{"{name}":{amount}}}"#);
}

fn write_array<'a>(
    commands: impl Iterator<Item = (TypeId, &'a Command)>,
    wanted: Wanted,
    types: &[String],
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (position, (command_type, Command { id, amount })) in commands.enumerate() {
        let command_type = types
            .get(usize::from(command_type))
            .map_or("", String::as_str);
        let separator = if position > 0 { "," } else { "" };
        // Writing into a Vec cannot fail.
        let _ = write!(out, r#"{separator}{{"id":{id},"#);
        if wanted == Wanted::All {
            let _ = write!(out, r#""type":"{command_type}","#);
        }
        out.extend_from_slice(br#""payload":"#);
        write_arguments(command_type, *amount, out);
        out.push(b'}');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<String> {
        ["set_power", "reboot"].map(str::to_owned).into()
    }

    fn text(outstanding: &Outstanding, instance: InstanceId, wanted: Wanted) -> String {
        let mut out = Vec::new();
        outstanding.write(instance, wanted, &types(), &mut out);
        String::from_utf8(out).unwrap()
    }

    const DONE: CommandResult = CommandResult { id: 1, status: 200 };

    fn asking(observe: Observe, id: u64) -> Asking {
        let id = Some(id);
        Asking { observe, id }
    }

    #[test]
    fn ids_count_in_each_type_and_instance() {
        let mut outstanding = Outstanding::default();
        outstanding.add(0, 0, &[50, 100]);
        outstanding.add(0, 1, &[3]);
        outstanding.add(1, 0, &[7]);
        assert_eq!(
            text(&outstanding, 0, Wanted::All),
            concat!(
                r#"[{"id":1,"type":"set_power","payload":{"power":50}},"#,
                r#"{"id":2,"type":"set_power","payload":{"power":100}},"#,
                r#"{"id":1,"type":"reboot","payload":{"value":3}}]"#
            )
        );
        assert_eq!(
            text(&outstanding, 1, Wanted::One(0)),
            r#"[{"id":1,"payload":{"power":7}}]"#
        );
        assert_eq!(outstanding.finish(0, Some(1), DONE), Ok("completed"));
        assert_eq!(outstanding.finish(0, Some(1), DONE), Err(SECOND_FINAL));
        assert_eq!(outstanding.finish(1, Some(1), DONE), Err(UNKNOWN_COMMAND));
        assert_eq!(outstanding.finish(0, None, DONE), Err(UNKNOWN_COMMAND));
        let third = CommandResult { id: 3, status: 200 };
        assert_eq!(outstanding.finish(0, Some(0), third), Err(UNKNOWN_COMMAND));
        assert_eq!((outstanding.count(0, 0), outstanding.count(0, 1)), (2, 0));
    }

    #[test]
    fn the_oldest_commands_expire_beyond_the_limit() {
        let mut outstanding = Outstanding::default();
        for _ in 0..3 {
            outstanding.add(0, 0, &[1; OUTSTANDING_MAX]);
        }
        assert_eq!(outstanding.count(0, 0), OUTSTANDING_MAX);
        assert!(text(&outstanding, 0, Wanted::One(0)).starts_with(r#"[{"id":129,"#));
        assert_eq!(outstanding.finish(0, Some(0), DONE), Err(SECOND_FINAL));
    }

    #[test]
    fn a_push_tells_the_latest_or_all() {
        let mut outstanding = Outstanding::default();
        outstanding.add(0, 0, &[1, 2, 3]);
        let mut out = Vec::new();
        outstanding.write_latest((0, 0), 1, Wanted::One(0), &types(), &mut out);
        assert_eq!(out, br#"[{"id":3,"payload":{"power":3}}]"#);
        out.clear();
        outstanding.write_latest((0, 0), 9, Wanted::One(0), &types(), &mut out);
        assert_eq!(out, text(&outstanding, 0, Wanted::One(0)).as_bytes());
    }

    #[test]
    fn what_was_said_of_a_type_counts_before_what_was_said_of_all() {
        let mut outstanding = Outstanding::default();
        let resource = Some((Wanted::One(0), Place::Resource));
        assert_eq!(outstanding.told(0, 0), resource);
        outstanding.ask(0, Wanted::All, asking(Observe::Begin, 5));
        assert_eq!(
            outstanding.told(0, 0),
            Some((Wanted::All, Place::Request(5)))
        );
        assert_eq!(outstanding.told(1, 0), resource);
        outstanding.ask(0, Wanted::One(0), asking(Observe::Begin, 6));
        assert_eq!(
            outstanding.told(0, 0),
            Some((Wanted::One(0), Place::Request(6)))
        );
        assert_eq!(
            outstanding.told(0, 1),
            Some((Wanted::All, Place::Request(5)))
        );
        outstanding.ask(0, Wanted::All, asking(Observe::End, 7));
        assert_eq!(
            outstanding.told(0, 0),
            Some((Wanted::One(0), Place::Request(6)))
        );
        assert_eq!(outstanding.told(0, 1), None);
        outstanding.ask(0, Wanted::One(0), asking(Observe::End, 8));
        assert_eq!(outstanding.told(0, 0), None);
        outstanding.ask(0, Wanted::All, asking(Observe::Unsaid, 9));
        assert_eq!(outstanding.told(0, 0), None);
        outstanding.ask(0, Wanted::One(0), asking(Observe::Unsaid, 10));
        assert_eq!(outstanding.told(0, 0), resource);
    }

    #[test]
    fn asking_for_what_there_is_keeps_nothing() {
        let mut outstanding = Outstanding::default();
        for wanted in [Wanted::One(0), Wanted::All, Wanted::Others] {
            outstanding.ask(0, wanted, asking(Observe::Unsaid, 1));
        }
        outstanding.ask(0, Wanted::Others, asking(Observe::Begin, 1));
        assert!(outstanding.lines.is_empty() && outstanding.all.is_empty());
    }
}
