// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Things with numbers and names, whatever protocol they are of.

use core::fmt;

use scmi::Protocol;
use scmi::common::{ExtendedName, Name, ShortName};
use scmi::pinctrl::Selector;

use crate::{
    Clocks, Error, Exchange, Link, Perf, Pins, Power, Powercaps, Resets, Sensors, Voltages,
};

/// A protocol as the home of things that have numbers and names: power domains, clocks, sensors, ...
pub trait Domains {
    /// How many there are. Except for sensors, their numbers run from 0.
    fn count(&self) -> Result<u32, Error>;

    /// The name in the description of one, and whether it has a longer one.
    fn short_name(&self, number: u32) -> Result<(ShortName, bool), Error>;

    /// The longer name of one that has it.
    fn long_name(&self, number: u32) -> Result<ExtendedName, Error>;

    /// The name of one: the longer one, if it has that.
    fn full_name(&self, number: u32) -> Result<ExtendedName, Error> {
        let (short, has_long) = self.short_name(number)?;
        self.full_name_of(number, short, has_long)
    }

    /// The same for one whose description is known.
    fn full_name_of(
        &self,
        number: u32,
        short: ShortName,
        has_long: bool,
    ) -> Result<ExtendedName, Error> {
        let widened = || {
            let mut wide = [0; size_of::<ExtendedName>()];
            for (to, from) in wide.iter_mut().zip(short.0) {
                *to = from;
            }
            Name(wide)
        };
        if !has_long {
            return Ok(widened());
        }
        match self.long_name(number) {
            // It promised one. The short one does.
            Err(Error::Refused(_)) => Ok(widened()),
            name => name,
        }
    }
}

/// Declares the domains of protocols that describe them one by one, by the call that does.
macro_rules! domains {
    ($($handle:ident: $describe:ident;)*) => {$(
        impl<E: Exchange + ?Sized> Domains for $handle<'_, E> {
            fn count(&self) -> Result<u32, Error> {
                Self::count(self)
            }

            fn short_name(&self, number: u32) -> Result<(ShortName, bool), Error> {
                let info = self.$describe(number)?;
                Ok((info.name, info.attributes.has_extended_name()))
            }

            fn long_name(&self, number: u32) -> Result<ExtendedName, Error> {
                self.name(number)
            }
        }
    )*};
}

domains! {
    Power: domain;
    Perf: domain;
    Clocks: clock;
    Resets: domain;
    Voltages: domain;
    Powercaps: domain;
}

impl<E: Exchange + ?Sized> Domains for Sensors<'_, E> {
    fn count(&self) -> Result<u32, Error> {
        Self::count(self)
    }

    fn short_name(&self, number: u32) -> Result<(ShortName, bool), Error> {
        let base = self.sensor(number)?.base;
        Ok((base.name, base.attributes.has_extended_name()))
    }

    fn long_name(&self, number: u32) -> Result<ExtendedName, Error> {
        self.name(number)
    }
}

/// The pins, the groups of pins, or the functions.
struct Selected<'e, E: ?Sized>(Pins<'e, E>, Selector);

impl<E: Exchange + ?Sized> Domains for Selected<'_, E> {
    fn count(&self) -> Result<u32, Error> {
        self.0.count(self.1)
    }

    fn short_name(&self, number: u32) -> Result<(ShortName, bool), Error> {
        let info = self.0.info(self.1, number)?;
        Ok((info.name, info.attributes.has_extended_name()))
    }

    fn long_name(&self, number: u32) -> Result<ExtendedName, Error> {
        self.0.name(self.1, number)
    }
}

/// A kind of thing that has numbers and names, where the program that runs decides which.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Power domains.
    Power,
    /// Performance domains.
    Perf,
    /// Clocks.
    Clock,
    /// Sensors.
    Sensor,
    /// Reset domains.
    Reset,
    /// Voltage domains.
    Voltage,
    /// Power caps.
    Powercap,
    /// Pins, groups of pins, or functions.
    Pin(Selector),
}

/// Does something with the [`Domains`] of a kind, over a link. The version of the protocol makes no difference to names, and is not
/// asked for.
macro_rules! with_domains {
    ($kind:expr, $link:expr, |$domains:ident| $work:expr) => {
        match $kind {
            Kind::Power => with_domains!(Power::unasked($link), $domains, $work),
            Kind::Perf => with_domains!(Perf::unasked($link), $domains, $work),
            Kind::Clock => with_domains!(Clocks::unasked($link), $domains, $work),
            Kind::Sensor => with_domains!(Sensors::unasked($link), $domains, $work),
            Kind::Reset => with_domains!(Resets::unasked($link), $domains, $work),
            Kind::Voltage => with_domains!(Voltages::unasked($link), $domains, $work),
            Kind::Powercap => with_domains!(Powercaps::unasked($link), $domains, $work),
            Kind::Pin(selector) => {
                with_domains!(Selected(Pins::unasked($link), selector), $domains, $work)
            }
        }
    };
    ($made:expr, $domains:ident, $work:expr) => {{
        let $domains = $made;
        $work
    }};
}

impl Kind {
    /// What the sources of a protocol's events are.
    pub const fn of(protocol: Protocol) -> Option<Self> {
        Some(match protocol {
            Protocol::Power => Self::Power,
            Protocol::Perf => Self::Perf,
            Protocol::Clock => Self::Clock,
            Protocol::Sensor => Self::Sensor,
            Protocol::Reset => Self::Reset,
            Protocol::Voltage => Self::Voltage,
            Protocol::Powercap => Self::Powercap,
            Protocol::Base | Protocol::System | Protocol::Pinctrl => return None,
        })
    }

    /// The protocol that they are of.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Power => Protocol::Power,
            Self::Perf => Protocol::Perf,
            Self::Clock => Protocol::Clock,
            Self::Sensor => Protocol::Sensor,
            Self::Reset => Protocol::Reset,
            Self::Voltage => Protocol::Voltage,
            Self::Powercap => Protocol::Powercap,
            Self::Pin(_) => Protocol::Pinctrl,
        }
    }

    /// As [`Domains::count`].
    pub fn count<E: Exchange + ?Sized>(self, link: Link<'_, E>) -> Result<u32, Error> {
        with_domains!(self, link, |domains| Domains::count(&domains))
    }

    /// As [`Domains::full_name`].
    pub fn name<E: Exchange + ?Sized>(
        self,
        link: Link<'_, E>,
        number: u32,
    ) -> Result<ExtendedName, Error> {
        with_domains!(self, link, |domains| domains.full_name(number))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Power => "power domain",
            Self::Perf => "performance domain",
            Self::Clock => "clock",
            Self::Sensor => "sensor",
            Self::Reset => "reset domain",
            Self::Voltage => "voltage domain",
            Self::Powercap => "power cap",
            Self::Pin(selector) => return selector.fmt(f),
        })
    }
}
