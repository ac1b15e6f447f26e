// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Voltage domains.

use scmi::common::{ExtendedName, NameReply};
use scmi::voltage::{
    ConfigGet, ConfigSet, DescribeLevels, DomainAttributes, DomainInfo, DomainNameGet, LevelGet,
    LevelSet, LevelSetComplete, LevelSetFlags, Levels, Mode,
};
use scmi::wire::Parse;

use crate::link::{protocol, same};
use crate::paged::Choices;
use crate::{Error, Exchange, Paged};

protocol! {
    /// Sets voltages. The protocol has no events.
    pub struct Voltages: Voltage, voltage;
}

impl<'e, E: Exchange + ?Sized> Voltages<'e, E> {
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

    /// The voltages that a domain can have, in microvolts.
    pub fn levels(&self, domain: u32) -> Result<Choices<Paged<'e, DescribeLevels, E>, i32>, Error> {
        let list = Paged::new(self.link, DescribeLevels { domain, skip: 0 }).started()?;
        Ok(match Levels::parse(list.page())?.range() {
            Some(range) => Choices::Range(range),
            None => Choices::List(list),
        })
    }

    /// The mode of a domain.
    pub fn mode(&self, domain: u32) -> Result<Mode, Error> {
        Ok(self.link.get(&ConfigGet { domain })?.mode)
    }

    /// Sets the mode of a domain.
    pub fn set_mode(&self, domain: u32, mode: Mode) -> Result<(), Error> {
        self.link.get(&ConfigSet { domain, mode })
    }

    /// The voltage of a domain, in microvolts.
    pub fn level(&self, domain: u32) -> Result<i32, Error> {
        Ok(self.link.get(&LevelGet { domain })?.microvolts)
    }

    /// Sets the voltage of a domain, in microvolts, and returns when it is there.
    pub fn set_level(&self, domain: u32, microvolts: i32) -> Result<(), Error> {
        self.link.get(&LevelSet {
            domain,
            flags: LevelSetFlags::default(),
            microvolts,
        })
    }

    /// Sets the voltage of a domain asynchronously: returns the voltage it has when the delayed response came (version 2).
    pub fn set_level_delayed(&self, domain: u32, microvolts: i32) -> Result<i32, Error> {
        let flags = LevelSetFlags::default().with_asynchronous(true);
        let done: LevelSetComplete = self.link.get_delayed(&LevelSet {
            domain,
            flags,
            microvolts,
        })?;
        same(domain, done.domain)?;
        Ok(done.microvolts)
    }
}
