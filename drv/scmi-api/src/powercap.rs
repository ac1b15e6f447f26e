// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power caps.

use scmi::common::{ExtendedName, NameReply};
use scmi::events::Thresholds;
use scmi::powercap::{
    CapGet, CapSet, CapSetComplete, CapSetFlags, DomainAttributes, DomainInfo, DomainNameGet,
    Measurements, MeasurementsChanged, MeasurementsGet, PaiGet, PaiSet,
};
use scmi::wire::Notification;

use crate::incoming::subscriptions;
use crate::link::{protocol, same};
use crate::{Error, Exchange, ScmiError};

protocol! {
    /// Limits what parts of the machine take, and tells what they take.
    ///
    /// Powers are in the unit of the domain; see `unit` of its attributes.
    pub struct Powercaps: Powercap, powercap;
}

/// From this version on, a cap of 0 switches capping off.
const SWITCHED_OFF_BY_0: u16 = 2;
/// From this version on, messages have other layouts.
const OTHER_MESSAGES: u16 = 3;

impl<E: Exchange + ?Sized> Powercaps<'_, E> {
    /// How many domains there are; they are numbered from 0.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.attributes()?.attributes.domains().into())
    }

    /// What a domain can do, its limits and its name.
    pub fn domain(&self, domain: u32) -> Result<DomainInfo, Error> {
        self.check_layout()?;
        self.link.get(&DomainAttributes { domain })
    }

    /// No cap that is meant as one may switch capping off.
    fn check_cap(&self, cap: u32) -> Result<(), Error> {
        self.check_layout()?;
        match cap {
            0 => Err(ScmiError::InvalidArgument.into()),
            _ => Ok(()),
        }
    }

    /// Version 3 has other messages under the same numbers: a cap would become flags.
    fn check_layout(&self) -> Result<(), Error> {
        if self.version.major() >= OTHER_MESSAGES {
            return Err(Error::Version(
                "the platform speaks version 3 of the power capping protocol or a later one, and no older one: its messages are not known here",
            ));
        }
        Ok(())
    }

    /// The longer name of a domain that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, domain: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&DomainNameGet { domain })?;
        Ok(reply.name)
    }

    /// The cap of a domain. From version 2 on, 0 says that capping is off.
    pub fn cap(&self, domain: u32) -> Result<u32, Error> {
        self.check_layout()?;
        Ok(self.link.get(&CapGet { domain })?.cap)
    }

    /// Switches capping of a domain off.
    ///
    /// # Errors
    ///
    /// [`Error::Version`]: before version 2 it cannot be.
    pub fn disable(&self, domain: u32) -> Result<(), Error> {
        if self.version.major() < SWITCHED_OFF_BY_0 {
            return Err(Error::Version(
                "switching a power cap off came with version 2.0 of the protocol: the platform is older",
            ));
        }
        self.check_layout()?;
        self.send_cap(domain, 0)
    }

    /// Sets the cap of a domain, which switches capping on, and returns when it holds.
    ///
    /// # Errors
    ///
    /// [`ScmiError::InvalidArgument`]: a cap of 0 would switch capping off, for which there is [`Powercaps::disable`].
    pub fn set_cap(&self, domain: u32, cap: u32) -> Result<(), Error> {
        self.check_cap(cap)?;
        self.send_cap(domain, cap)
    }

    fn send_cap(&self, domain: u32, cap: u32) -> Result<(), Error> {
        self.link.get(&CapSet {
            domain,
            flags: CapSetFlags::default(),
            cap,
        })
    }

    /// Sets the cap of a domain asynchronously: returns the cap it has when the delayed response came.
    pub fn set_cap_delayed(&self, domain: u32, cap: u32) -> Result<u32, Error> {
        self.check_cap(cap)?;
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

    /// Follows what a domain takes: told when it falls below `low`, and when it rises above `high`, in the domain's unit.
    ///
    /// Called again it moves the thresholds. The platform knows one pair for a domain: as long as another task follows the same
    /// domain, the driver asks for the widest of both, and there are events that only the other one wanted; a platform that
    /// tells only crossings then leaves out those of the narrower pair. So look at the power in the event, or measure now and then.
    /// [`Powercaps::notify_measurements`] with `false` ends it.
    pub fn watch_measurements(&self, domain: u32, low: u32, high: u32) -> Result<(), Error> {
        self.link.notify_beyond(
            MeasurementsChanged::PROTOCOL,
            MeasurementsChanged::EVENT,
            domain,
            true,
            Thresholds { low, high },
        )
    }
}

subscriptions! {
    Powercaps;
    /// Follows changes of a domain's cap.
    notify_cap: scmi::powercap::CapChanged;
    /// Follows what a domain takes.
    ///
    /// With both thresholds at 0: every power above zero is told, on most platforms when a domain begins to take power. See
    /// [`Powercaps::watch_measurements`] for others.
    notify_measurements: scmi::powercap::MeasurementsChanged;
}
