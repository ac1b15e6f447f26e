// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reset domains.

use scmi::common::{ExtendedName, NameReply};
use scmi::reset::{
    DomainAttributes, DomainInfo, DomainNameGet, Reset, ResetComplete, ResetFlags, ResetState,
};

use crate::incoming::subscriptions;
use crate::link::{protocol, same};
use crate::{Error, Exchange};

protocol! {
    /// Resets parts of the machine.
    pub struct Resets: Reset, reset;
}

impl<E: Exchange + ?Sized> Resets<'_, E> {
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

    /// Resets a domain, asserting and releasing its signal, and returns when that is done. Sent once only.
    pub fn reset(&self, domain: u32, state: ResetState) -> Result<(), Error> {
        let flags = ResetFlags::default().with_autonomous(true);
        self.link.set_once(&Reset {
            domain,
            flags,
            state,
        })
    }

    /// Resets a domain asynchronously: returns when the delayed response came. Sent once only.
    pub fn reset_delayed(&self, domain: u32, state: ResetState) -> Result<(), Error> {
        let flags = ResetFlags::default()
            .with_autonomous(true)
            .with_asynchronous(true);
        let done: ResetComplete = self.link.get_delayed(&Reset {
            domain,
            flags,
            state,
        })?;
        same(domain, done.domain)
    }

    /// Asserts the reset signal of a domain: it stays in reset until [`Resets::release`].
    pub fn assert(&self, domain: u32) -> Result<(), Error> {
        self.signal(domain, true)
    }

    /// Releases the reset signal of a domain.
    pub fn release(&self, domain: u32) -> Result<(), Error> {
        self.signal(domain, false)
    }

    fn signal(&self, domain: u32, assert: bool) -> Result<(), Error> {
        let flags = ResetFlags::default().with_assert(assert);
        self.link.get(&Reset {
            domain,
            flags,
            state: ResetState::COLD,
        })
    }
}

subscriptions! {
    Resets;
    /// Follows resets of a domain.
    notify_resets: scmi::reset::ResetIssued;
}
