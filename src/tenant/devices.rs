//! Messages from and to Enapter devices: counted, checked, and which commands they are about.
//!
//! Puts together what a payload has to be (`enapter`), who is there (`endpoints`) and which commands
//! are open (`commands`). Not here: which topic means what, and who gets a message (`router`).

use super::enapter::{self, Direction};
use super::endpoints::EndpointId;
use super::kaa::UNKNOWN_PATH;
use super::kind::Kind;
use super::platforms::{Platforms, Route};
use super::problem::{self, Problem};
use super::sessions::ConnectionId;

impl Platforms {
    /// A message from or to a device.
    pub(super) fn enapter(
        &mut self,
        from: ConnectionId,
        device: Result<EndpointId, Problem>,
        (direction, kind): (Direction, Kind),
        payload: &[u8],
    ) -> Route {
        self.counts.received.add(kind);
        let accepted = device.and_then(|device| {
            if direction == Direction::From {
                self.endpoints.spoke(device, from);
            }
            self.accept(device, kind, payload)
        });
        match accepted {
            Ok(route) => route,
            Err(problem) => {
                self.counts.reject(problem.name);
                Route::Nobody
            }
        }
    }

    fn accept(&mut self, device: EndpointId, kind: Kind, payload: &[u8]) -> Result<Route, Problem> {
        match kind {
            Kind::Telemetry => enapter::check_telemetry(payload)?,
            Kind::Properties => enapter::check_properties(payload)?,
            Kind::Logs => enapter::check_logs(payload)?,
            Kind::Command => {
                let id = enapter::check_command(payload)?;
                self.open_command(device, &id)?;
                return Ok(Route::Endpoint(device));
            }
            Kind::CommandAnswer => {
                let (id, state) = enapter::check_command_answer(payload)?;
                self.write_command_key(device, &id);
                self.commands.answer(&self.key, state)?;
                self.counts.result(state.name());
            }
            _ => return Err(UNKNOWN_PATH),
        }
        Ok(Route::Subscribers)
    }

    /// The device that a topic names, new if it must be.
    pub(super) fn device(&mut self, address: &enapter::Address) -> Result<EndpointId, Problem> {
        self.key.clear();
        address.write_identity(&mut self.key);
        let before = self.endpoints.len();
        let device = self.endpoints.find(&self.key).ok_or(problem::FULL)?;
        if self.endpoints.len() > before {
            self.devices.push(device);
        }
        Ok(device)
    }

    fn write_command_key(&mut self, device: EndpointId, id: &str) {
        self.key.clear();
        for part in [self.endpoints.identity(device), "/", id] {
            self.key.push_str(part);
        }
    }

    /// Remembers a command that is about to be sent to a device.
    pub(super) fn open_command(&mut self, device: EndpointId, id: &str) -> Result<(), Problem> {
        self.write_command_key(device, id);
        self.commands.open(&self.key)
    }
}
