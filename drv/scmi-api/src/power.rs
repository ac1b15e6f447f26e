// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power domains.

use scmi::common::{ExtendedName, NameReply};
use scmi::power::{
    DomainAttributes, DomainInfo, DomainNameGet, PowerState, SetFlags, StateGet, StateSet,
    StateSetComplete,
};

use crate::incoming::subscriptions;
use crate::link::{protocol, same};
use crate::{Error, Exchange};

protocol! {
    /// Switches parts of the machine on and off.
    ///
    /// ```
    /// # use drv_scmi_api::{Error, Power, Scmi};
    /// # use scmi::power::PowerState;
    /// # const GPU: u32 = 1;
    /// # fn example(scmi: Scmi) -> Result<(), Error> {
    /// let power = Power::connect(&scmi)?;
    /// power.set_state(GPU, PowerState::ON)?;
    /// # Ok(())
    /// # }
    /// ```
    pub struct Power: Power, power;
}

impl<E: Exchange + ?Sized> Power<'_, E> {
    /// How many domains there are; they are numbered from 0.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.attributes()?.attributes.domains().into())
    }

    /// What a domain can do, and its name.
    pub fn domain(&self, domain: u32) -> Result<DomainInfo, Error> {
        self.link.get(&DomainAttributes { domain })
    }

    /// The longer name of a domain that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, domain: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&DomainNameGet { domain })?;
        Ok(reply.name)
    }

    /// The state that a domain is in.
    pub fn state(&self, domain: u32) -> Result<PowerState, Error> {
        Ok(self.link.get(&StateGet { domain })?.state)
    }

    /// Brings a domain to a state, and returns when it is there.
    pub fn set_state(&self, domain: u32, state: PowerState) -> Result<(), Error> {
        self.link.get(&StateSet {
            flags: SetFlags::default(),
            domain,
            state,
        })
    }

    /// Brings a domain to a state asynchronously: returns the state it is in when the delayed response came.
    pub fn set_state_delayed(&self, domain: u32, state: PowerState) -> Result<PowerState, Error> {
        let flags = SetFlags::default().with_asynchronous(true);
        let done: StateSetComplete = self.link.get_delayed(&StateSet {
            flags,
            domain,
            state,
        })?;
        same(domain, done.domain)?;
        Ok(done.state)
    }
}

subscriptions! {
    Power;
    /// Follows changes of a domain's state.
    notify_changes: scmi::power::StateChanged;
    /// Follows the wishes of other agents for a domain's state.
    notify_change_requests: scmi::power::StateChangeRequested;
}
