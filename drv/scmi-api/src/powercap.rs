// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power caps.

use scmi::common::{ExtendedName, NameReply};
use scmi::powercap::{
    CapGet, CapSet, CapSetComplete, CapSetFlags, DomainAttributes, DomainInfo, DomainNameGet,
    Measurements, MeasurementsGet, PaiGet, PaiSet,
};

use crate::incoming::subscriptions;
use crate::link::{protocol, same};
use crate::{Error, Exchange};

protocol! {
    /// Limits what parts of the machine take, and tells what they take.
    ///
    /// Powers are in the unit of the domain; see `unit` of its attributes.
    pub struct Powercaps: Powercap, powercap;
}

impl<E: Exchange + ?Sized> Powercaps<'_, E> {
    /// How many domains there are; they are numbered from 0.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.attributes()?.attributes.domains().into())
    }

    /// What a domain can do, its limits and its name.
    pub fn domain(&self, domain: u32) -> Result<DomainInfo, Error> {
        self.link.get(&DomainAttributes { domain })
    }

    /// The longer name of a domain that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, domain: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&DomainNameGet { domain })?;
        Ok(reply.name)
    }

    /// The cap of a domain.
    pub fn cap(&self, domain: u32) -> Result<u32, Error> {
        Ok(self.link.get(&CapGet { domain })?.cap)
    }

    /// Sets the cap of a domain, and returns when it holds.
    pub fn set_cap(&self, domain: u32, cap: u32) -> Result<(), Error> {
        self.link.get(&CapSet {
            domain,
            flags: CapSetFlags::default(),
            cap,
        })
    }

    /// Sets the cap of a domain asynchronously: returns the cap it has when the delayed response came.
    pub fn set_cap_delayed(&self, domain: u32, cap: u32) -> Result<u32, Error> {
        let flags = CapSetFlags::default().with_asynchronous(true);
        let done: CapSetComplete = self.link.get_delayed(&CapSet { domain, flags, cap })?;
        same(domain, done.domain)?;
        Ok(done.cap)
    }

    /// The averaging interval of a domain, in microseconds.
    pub fn interval(&self, domain: u32) -> Result<u32, Error> {
        Ok(self.link.get(&PaiGet { domain })?.interval_us)
    }

    /// Sets the averaging interval of a domain, in microseconds.
    pub fn set_interval(&self, domain: u32, interval_us: u32) -> Result<(), Error> {
        self.link.get(&PaiSet {
            domain,
            flags: 0,
            interval_us,
        })
    }

    /// What a domain takes.
    pub fn measure(&self, domain: u32) -> Result<Measurements, Error> {
        self.link.get(&MeasurementsGet { domain })
    }
}

subscriptions! {
    Powercaps;
    /// Follows changes of a domain's cap.
    notify_cap: scmi::powercap::CapChanged;
    /// Follows what a domain takes.
    ///
    /// The driver asks with both thresholds at 0, for its interface has no room for others: on most platforms that tells when a
    /// domain begins to take power, and when it ends. Call [`Powercaps::measure`] to know how much.
    notify_measurements: scmi::powercap::MeasurementsChanged;
}
