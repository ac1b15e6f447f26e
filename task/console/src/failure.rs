// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why a command failed, and what to do about it.

use core::fmt;

use console_core::grammar::Misfit;
use console_core::quantity::{Bad, BadBytes};
use drv_scmi_api::{Advice, DriverState, Error, Kind, ScmiError};
use hubris_task_names::TASK_NAMES;
use task_jefe_api::JefeError;
use task_power_api::PowerError;

use crate::protocols::command_for;

/// Why a command failed.
pub enum Failure<'a> {
    /// There is no such command.
    UnknownCommand(&'a str),
    /// There is no such task.
    UnknownTask(&'a str),
    /// There is no such protocol.
    UnknownProtocol(&'a str),
    /// The power task has no resource with that name.
    NoResource(&'a str),
    /// The platform has nothing of that kind with that name.
    NotThere(Kind, &'a str),
    /// Several things of that kind have that name.
    SameName(Kind, &'a str),
    /// What was typed is not the value that is wanted: `a frequency, such as 800MHz`.
    Value(&'a str, &'static str, Bad),
    /// What was typed is no message.
    Bytes(BadBytes<'a>),
    /// A task that must be asked has faulted and is not restarted.
    NotRunning(&'static str),
    /// A task that must be asked waits for the platform itself.
    Busy(&'static str),
    /// Ctrl-C ended it.
    Interrupted,
    /// Something else that the text says.
    Told(&'static str),
    /// The supervisor does not do it.
    Order(JefeError),
    /// The power task does not do it, or cannot.
    Power(PowerError),
    /// The supervisor did it, but the task did not come back in time.
    NotRestarted(&'a str),
    /// There is no SCMI device to ask, or it cannot be asked now.
    Unavailable(DriverState),
    /// The platform does not answer as it should, or refuses.
    Scmi(Error),
}

impl From<Error> for Failure<'_> {
    fn from(error: Error) -> Self {
        Self::Scmi(error)
    }
}

impl From<ScmiError> for Failure<'_> {
    fn from(error: ScmiError) -> Self {
        Self::Scmi(error.into())
    }
}

impl From<PowerError> for Failure<'_> {
    fn from(error: PowerError) -> Self {
        Self::Power(error)
    }
}

impl From<JefeError> for Failure<'_> {
    fn from(error: JefeError) -> Self {
        Self::Order(error)
    }
}

impl<'a> From<BadBytes<'a>> for Failure<'a> {
    fn from(bad: BadBytes<'a>) -> Self {
        Self::Bytes(bad)
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(name) => Misfit::<()>::UnknownCommand(name).fmt(f),
            Self::UnknownTask(name) => {
                write!(f, "there is no task `{name}`; the tasks are {}", TASK_NAMES[0])?;
                TASK_NAMES.iter().skip(1).try_for_each(|name| write!(f, ", {name}"))
            }
            Self::UnknownProtocol(name) => {
                write!(f, "there is no protocol `{name}`; write a number, or ")?;
                let mut separator = "";
                scmi::Protocol::ALL.iter().try_for_each(|protocol| {
                    write!(f, "{}{protocol}", core::mem::replace(&mut separator, ", "))
                })
            }
            Self::NoResource(name) => {
                write!(f, "there is no resource `{name}`; `resources list` shows them")
            }
            Self::NotThere(kind, name) => {
                write!(f, "there is no {kind} `{name}`; `{} list` shows them", command_for(kind.protocol()))
            }
            Self::SameName(kind, name) => {
                write!(f, "more than one {kind} is called `{name}`; take the number, which `{} list` shows", command_for(kind.protocol()))
            }
            Self::Value(text, wanted, bad) => write!(f, "`{text}`: {bad}; it must be {wanted}"),
            Self::Bytes(bad) => bad.fmt(f),
            Self::NotRunning(name) => write!(
                f,
                "the task {name}, which must be asked, is not running: `release {name}` has it restarted if it is held; `tasks` shows its state"
            ),
            Self::Busy(name) => write!(
                f,
                "the task {name}, which must be asked, waits for answers of the platform itself: try again"
            ),
            Self::Interrupted => f.write_str(
                "interrupted by Ctrl-C; what the platform was asked for last may still be done",
            ),
            Self::Told(text) => f.write_str(text),
            Self::Order(error) => f.write_str(match error {
                JefeError::NoSuchTask => "the supervisor knows no such task",
                JefeError::IsSupervisor => "that is the supervisor, without which nothing runs; `reboot` restarts the machine",
                JefeError::NotRunning => "the task is not running; `tasks` shows its state",
                JefeError::NoPanicMessage => "there is no panic message",
                JefeError::NoSuchDump => "there is no such dump; `dumps` lists them",
                JefeError::ServerRestarted => "the supervisor restarted",
            }),
            Self::Power(error) => error.fmt(f),
            Self::NotRestarted(name) => write!(f, "{name} was not restarted in time; `tasks` shows its state"),
            Self::Unavailable(state) => f.write_str(state.describe()),
            Self::Scmi(error) => {
                error.fmt(f)?;
                match (error, error.advice()) {
                    (Error::NoProtocol(_), _) => f.write_str("; `protocols` lists those it has"),
                    // The words of these say what to do.
                    (Error::NoAnswer(_), _) => Ok(()),
                    (Error::Refused(_), Advice::ReadBack) => {
                        f.write_str("; read back what has become of it")
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}
