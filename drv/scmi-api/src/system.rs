// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine as a whole.

use scmi::protocol::SystemMessage;
use scmi::system::{StateGet, StateSet, SystemFlags, SystemState};

use crate::incoming::subscriptions;
use crate::link::protocol;
use crate::{Error, Exchange};

protocol! {
    /// Shuts the machine down, resets it, suspends it.
    pub struct SystemPower: System, system;
}

impl<E: Exchange + ?Sized> SystemPower<'_, E> {
    /// The state that the system is in, or on its way to.
    pub fn state(&self) -> Result<SystemState, Error> {
        Ok(self.link.get(&StateGet {})?.state)
    }

    /// Brings the system to a state. `graceful` lets the software get ready first. Sent once only.
    pub fn set_state(&self, state: SystemState, graceful: bool) -> Result<(), Error> {
        let flags = SystemFlags::default().with_graceful(graceful);
        self.link.set_once(&StateSet { flags, state })
    }

    /// Whether the platform can bring the system to this state, as far as it tells.
    pub fn can(&self, state: SystemState) -> Result<bool, Error> {
        let Some(flags) = self.message(SystemMessage::StateSet.id())? else {
            return Ok(false);
        };
        Ok(match state {
            SystemState::WARM_RESET => flags.has_warm_reset(),
            SystemState::SUSPEND => flags.has_suspend(),
            _ => true,
        })
    }
}

subscriptions! {
    SystemPower;
    /// Follows the wishes of other agents for the system's state; the source is 0.
    notify_state: scmi::system::StateNotifier;
}
