// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clocks.

use scmi::clock::{
    ClockAttributes, ClockInfo, ClockState, ConfigFlags, ConfigGet, ConfigGetFlags, ConfigGetReply,
    ConfigSet, ConfigSetV1, DescribeRates, GetPermissions, NameGet, ParentGet, ParentSet,
    PermissionFlags, PossibleParentsGet, RateGet, RateSet, RateSetComplete, RateSetFlags, Rates,
    extended_config,
};
use scmi::common::{ExtendedName, NameReply};
use scmi::wire::Parse;

use crate::incoming::subscriptions;
use crate::link::{protocol, same};
use crate::paged::Choices;
use crate::{Error, Exchange, Paged, ScmiError};

protocol! {
    /// Sets, starts and stops clocks.
    ///
    /// ```
    /// # use drv_scmi_api::{Clocks, Error, Rounding, Scmi};
    /// # const UART: u32 = 1;
    /// # fn example(scmi: Scmi) -> Result<(), Error> {
    /// let clocks = Clocks::connect(&scmi)?;
    /// clocks.set_rate(UART, 48_000_000, Rounding::Down)?;
    /// clocks.enable(UART)?;
    /// # Ok(())
    /// # }
    /// ```
    pub struct Clocks: Clock, clock;
}

/// What to do with a rate that a clock cannot have.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Rounding {
    /// Take the next lower one.
    #[default]
    Down,
    /// Take the next higher one.
    Up,
    /// The platform chooses.
    Auto,
}

impl Rounding {
    const fn flags(self) -> RateSetFlags {
        let flags = RateSetFlags(0);
        match self {
            Self::Down => flags,
            Self::Up => flags.with_round_up(true),
            Self::Auto => flags.with_round_auto(true),
        }
    }
}

/// From this version CLOCK_CONFIG_SET has three words, and there are parents, permissions and extended configuration.
const CONFIG_V3: u16 = 3;

impl<'e, E: Exchange + ?Sized> Clocks<'e, E> {
    /// How many clocks there are; they are numbered from 0.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.attributes()?.attributes.clocks().into())
    }

    /// What a clock can do, whether it runs, and its name.
    pub fn clock(&self, clock: u32) -> Result<ClockInfo, Error> {
        self.link.get(&ClockAttributes { clock })
    }

    /// The longer name of a clock that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, clock: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&NameGet { clock })?;
        Ok(reply.name)
    }

    /// The rates that a clock can have, in hertz.
    pub fn rates(&self, clock: u32) -> Result<Choices<Paged<'e, DescribeRates, E>, u64>, Error> {
        let list = Paged::new(self.link, DescribeRates { clock, skip: 0 }).started()?;
        Ok(match Rates::parse(list.page())?.range() {
            Some(range) => Choices::Range(range),
            None => Choices::List(list),
        })
    }

    /// The rate of a clock, in hertz.
    pub fn rate(&self, clock: u32) -> Result<u64, Error> {
        Ok(self.link.get(&RateGet { clock })?.hertz)
    }

    /// Sets the rate of a clock, in hertz, and returns when it has it.
    pub fn set_rate(&self, clock: u32, hertz: u64, rounding: Rounding) -> Result<(), Error> {
        self.link.get(&RateSet {
            flags: rounding.flags(),
            clock,
            hertz,
        })
    }

    /// Sets the rate of a clock asynchronously: returns the rate it has when the delayed response came.
    pub fn set_rate_delayed(
        &self,
        clock: u32,
        hertz: u64,
        rounding: Rounding,
    ) -> Result<u64, Error> {
        let flags = rounding.flags().with_asynchronous(true);
        let done: RateSetComplete = self.link.get_delayed(&RateSet {
            flags,
            clock,
            hertz,
        })?;
        same(clock, done.clock)?;
        Ok(done.hertz)
    }

    /// Starts a clock.
    pub fn enable(&self, clock: u32) -> Result<(), Error> {
        self.configure(clock, ClockState::Enabled, extended_config::NONE, 0)
    }

    /// Stops a clock.
    pub fn disable(&self, clock: u32) -> Result<(), Error> {
        self.configure(clock, ClockState::Disabled, extended_config::NONE, 0)
    }

    /// Sets an extended configuration, for instance the duty cycle, and leaves the clock running or not as it is (version 3).
    ///
    /// # Errors
    ///
    /// [`Error::Version`]: before version 3 there is none, and a platform that looks at bit 0 alone would start the clock.
    /// [`ScmiError::InvalidArgument`]: `kind` is [`NONE`](extended_config::NONE), so that nothing would be set.
    pub fn set_extended(&self, clock: u32, kind: u8, value: u32) -> Result<(), Error> {
        if self.version.major() < CONFIG_V3 {
            return Err(Error::Version(
                "extended clock configuration came with version 3.0 of the protocol: the platform is older",
            ));
        }
        if kind == extended_config::NONE {
            return Err(ScmiError::InvalidArgument.into());
        }
        self.configure(clock, ClockState::Unchanged, kind, value)
    }

    /// Whether a clock runs, and the value of an extended configuration (version 3).
    pub fn config(&self, clock: u32, kind: u8) -> Result<ConfigGetReply, Error> {
        let flags = ConfigGetFlags::default().with_extended(kind);
        self.link.get(&ConfigGet { clock, flags })
    }

    fn configure(&self, clock: u32, state: ClockState, kind: u8, value: u32) -> Result<(), Error> {
        let attributes = ConfigFlags::default()
            .with_clock_state(state)
            .with_extended(kind);
        if self.version.major() >= CONFIG_V3 {
            self.link.get(&ConfigSet {
                clock,
                attributes,
                extended_value: value,
            })
        } else {
            self.link.get(&ConfigSetV1 { clock, attributes })
        }
    }

    /// The clocks that can be the parent of a clock (version 3).
    pub fn possible_parents(&self, clock: u32) -> Paged<'e, PossibleParentsGet, E> {
        Paged::new(self.link, PossibleParentsGet { clock, skip: 0 })
    }

    /// The parent of a clock (version 3).
    pub fn parent(&self, clock: u32) -> Result<u32, Error> {
        Ok(self.link.get(&ParentGet { clock })?.clock)
    }

    /// Gives a clock another parent (version 3).
    pub fn set_parent(&self, clock: u32, parent: u32) -> Result<(), Error> {
        self.link.get(&ParentSet { clock, parent })
    }

    /// What this agent may do with a clock (version 3).
    pub fn permissions(&self, clock: u32) -> Result<PermissionFlags, Error> {
        Ok(self.link.get(&GetPermissions { clock })?.permissions)
    }
}

subscriptions! {
    Clocks;
    /// Follows changes of a clock's rate.
    notify_rate: scmi::clock::RateChanged;
    /// Follows the wishes of other agents for a clock's rate.
    notify_rate_requests: scmi::clock::RateChangeRequested;
}
