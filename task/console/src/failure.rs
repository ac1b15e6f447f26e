// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why a command failed, and what to do about it.

use core::fmt;

use drv_scmi_api::{DriverState, ScmiError};
use hubris_task_names::TASK_NAMES;
use scmi::Status;
use scmi::wire::Malformed;
use task_jefe_api::JefeError;

/// Why a command failed.
pub enum Failure<'a> {
    /// There is no such command.
    UnknownCommand(&'a str),
    /// The command is used in another way.
    Usage {
        /// Its name.
        command: &'static str,
        /// What it wants, or nothing.
        argument: &'static str,
    },
    /// There is no such task.
    UnknownTask(&'a str),
    /// The supervisor does not do it.
    Order(JefeError),
    /// The supervisor did it, but the task did not come back in time.
    NotRestarted(&'a str),
    /// There is no SCMI device to ask, or it cannot be asked now.
    Unavailable(DriverState),
    /// There is no answer.
    NoAnswer(ScmiError),
    /// The platform says no.
    Refused(Status),
    /// The platform's answer makes no sense.
    Malformed(Malformed),
    /// The platform does not have the protocol.
    NoProtocol(scmi::Protocol),
    /// The platform's lists do not end.
    EndlessList,
}

impl From<ScmiError> for Failure<'_> {
    fn from(error: ScmiError) -> Self {
        Self::NoAnswer(error)
    }
}

impl From<Malformed> for Failure<'_> {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<JefeError> for Failure<'_> {
    fn from(error: JefeError) -> Self {
        Self::Order(error)
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownCommand(name) => write!(f, "there is no command `{name}`; `help` lists them"),
            Self::Usage { command, argument: "" } => write!(f, "`{command}` takes nothing else"),
            Self::Usage { command, argument } => write!(f, "usage: {command} {argument}"),
            Self::UnknownTask(name) => {
                write!(f, "there is no task `{name}`; the tasks are {}", TASK_NAMES[0])?;
                TASK_NAMES.iter().skip(1).try_for_each(|name| write!(f, ", {name}"))
            }
            Self::Order(error) => f.write_str(match error {
                JefeError::NoSuchTask => "the supervisor knows no such task",
                JefeError::IsSupervisor => "that is the supervisor, without which nothing runs; `reset` restarts the machine",
                JefeError::NotRunning => "the task is not running; `tasks` shows its state",
                JefeError::NoPanicMessage => "there is no panic message",
                JefeError::ServerRestarted => "the supervisor restarted",
            }),
            Self::NotRestarted(name) => write!(f, "{name} was not restarted in time; `tasks` shows its state"),
            Self::Unavailable(state) => f.write_str(state.describe()),
            Self::NoAnswer(error) => f.write_str(no_answer(error)),
            Self::Refused(status) => write!(f, "the platform refused: {status}"),
            Self::Malformed(malformed) => write!(f, "{malformed}: the platform does not follow its protocol"),
            Self::NoProtocol(protocol) => write!(
                f,
                "the platform does not have the {} protocol ({:#04x}); `protocols` lists those it has",
                protocol.title(),
                protocol.id()
            ),
            Self::EndlessList => f.write_str("the platform's list does not end; it does not follow its protocol"),
        }
    }
}

fn no_answer(error: ScmiError) -> &'static str {
    match error {
        ScmiError::NoDevice => DriverState::NoDevice.describe(),
        ScmiError::DeviceUnusable => "the SCMI device cannot be used; `info` says why",
        ScmiError::PlatformUnavailable => DriverState::PlatformUnavailable.describe(),
        ScmiError::Recovering => "the device is being reset; try again",
        ScmiError::DeviceReset => "the device was reset before it answered; try again",
        ScmiError::Busy => "all command slots are in use; try again",
        ScmiError::SlotQuota => "the console holds all slots that app.toml gives it",
        ScmiError::NotAClient => {
            "the console is no client of the driver; add [config.scmi.clients.console] to app.toml"
        }
        ScmiError::ProtocolNotAllowed => {
            "app.toml does not allow the console this protocol; add it to config.scmi.clients.console.protocols"
        }
        ScmiError::MessageNotAllowed => "app.toml does not allow the console this message",
        ScmiError::DomainNotAllowed => "app.toml does not allow the console this domain",
        ScmiError::InvalidArgument => "the driver rejects the request as senseless",
        ScmiError::RequestTooLong => "the request is longer than 128 bytes",
        ScmiError::TimedOut => "the platform did not answer in time; is it running?",
        ScmiError::DelayedTimedOut => {
            "the platform accepted the command, but its delayed response did not come in time"
        }
        ScmiError::ShortReply => "the device gave the command back without an answer",
        ScmiError::WrongReply => "the answer belongs to another command",
        ScmiError::BadHandle => "the transfer does not exist any more",
        ScmiError::EventsUnavailable => "the device has no event queue",
        ScmiError::UnknownEvent => "there is no such event",
        ScmiError::EventNotSupported => "the platform does not have this event",
        ScmiError::UnknownSource => "the platform does not know this source",
        ScmiError::EventRefused => "the platform refused to enable the event",
        ScmiError::SubscriptionQuota => "there is no room for one more subscription",
        ScmiError::NotSubscribed => "the console has not subscribed to this",
        ScmiError::ServerRestarted => "the SCMI driver restarted before it answered; try again",
    }
}
