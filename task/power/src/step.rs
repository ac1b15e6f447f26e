// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One step: a supply, a power domain, a clock or a reset signal.

use drv_scmi_api::{Clocks, Domains, Exchange, Link, Power, Resets, Rounding, Voltages};
use scmi::power::PowerState;
use scmi::voltage::Mode;
use task_power_api::Cause;

/// A step on the way up.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What is switched.
    pub part: Part,
    /// What the platform must call it, if that is to be checked.
    pub name: Option<&'static str>,
}

/// What a step switches. Numbers are those of SCMI.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// A supply, switched on with the voltage it has, or with this one.
    Voltage {
        /// The voltage domain.
        domain: u32,
        /// The voltage to be set first.
        microvolts: Option<i32>,
    },
    /// A power domain.
    Power {
        /// The power domain.
        domain: u32,
    },
    /// A clock, started at the rate it has, or at this one.
    Clock {
        /// The clock.
        clock: u32,
        /// The rate to be set first.
        hertz: Option<u64>,
    },
    /// A reset signal, released on the way up and asserted on the way down. SCMI does not tell where it stands.
    Reset {
        /// The reset domain.
        domain: u32,
    },
}

impl Step {
    /// Takes the step.
    pub fn raise<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<(), Cause> {
        match self.part {
            Part::Voltage { domain, microvolts } => {
                let voltages = self.voltages(link, domain)?;
                if let Some(wanted) = microvolts
                    && voltages.level(domain)? != wanted
                {
                    voltages.set_level(domain, wanted)?;
                }
                if voltages.mode(domain)? != Mode::ON {
                    voltages.set_mode(domain, Mode::ON)?;
                }
            }
            Part::Power { domain } => {
                let power = self.power(link, domain)?;
                if power.state(domain)? != PowerState::ON {
                    power.set_state(domain, PowerState::ON)?;
                }
            }
            Part::Clock { clock, hertz } => {
                let (clocks, is_enabled) = self.clock(link, clock)?;
                if let Some(wanted) = hertz
                    && clocks.rate(clock)? != wanted
                {
                    clocks.set_rate(clock, wanted, Rounding::Down)?;
                }
                if !is_enabled {
                    clocks.enable(clock)?;
                }
            }
            Part::Reset { domain } => self.reset(link, domain)?.release(domain)?,
        }
        Ok(())
    }

    /// Undoes the step. Voltages and rates stay as they are.
    pub fn lower<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<(), Cause> {
        match self.part {
            Part::Voltage { domain, .. } => {
                let voltages = self.voltages(link, domain)?;
                if voltages.mode(domain)? != Mode::OFF {
                    voltages.set_mode(domain, Mode::OFF)?;
                }
            }
            Part::Power { domain } => {
                let power = self.power(link, domain)?;
                if power.state(domain)? != PowerState::OFF {
                    power.set_state(domain, PowerState::OFF)?;
                }
            }
            Part::Clock { clock, .. } => {
                let (clocks, is_enabled) = self.clock(link, clock)?;
                if is_enabled {
                    clocks.disable(clock)?;
                }
            }
            Part::Reset { domain } => self.reset(link, domain)?.assert(domain)?,
        }
        Ok(())
    }

    /// Whether the step is taken; `None` where the platform does not tell.
    pub fn look<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<Option<bool>, Cause> {
        Ok(match self.part {
            Part::Voltage { domain, .. } => {
                Some(self.voltages(link, domain)?.mode(domain)? == Mode::ON)
            }
            Part::Power { domain } => {
                Some(self.power(link, domain)?.state(domain)? == PowerState::ON)
            }
            Part::Clock { clock, .. } => Some(self.clock(link, clock)?.1),
            Part::Reset { domain } => {
                self.reset(link, domain)?;
                None
            }
        })
    }

    fn voltages<'e, E: Exchange + ?Sized>(
        &self,
        link: Link<'e, E>,
        domain: u32,
    ) -> Result<Voltages<'e, E>, Cause> {
        let voltages = Voltages::over(link)?;
        self.check(&voltages, domain)?;
        Ok(voltages)
    }

    fn power<'e, E: Exchange + ?Sized>(
        &self,
        link: Link<'e, E>,
        domain: u32,
    ) -> Result<Power<'e, E>, Cause> {
        let power = Power::over(link)?;
        self.check(&power, domain)?;
        Ok(power)
    }

    fn clock<'e, E: Exchange + ?Sized>(
        &self,
        link: Link<'e, E>,
        clock: u32,
    ) -> Result<(Clocks<'e, E>, bool), Cause> {
        let clocks = Clocks::over(link)?;
        let info = clocks.clock(clock)?;
        if self.name.is_some_and(|wanted| !info.name.is(wanted)) {
            return Err(Cause::WrongName);
        }
        Ok((clocks, info.attributes.is_enabled()))
    }

    fn reset<'e, E: Exchange + ?Sized>(
        &self,
        link: Link<'e, E>,
        domain: u32,
    ) -> Result<Resets<'e, E>, Cause> {
        let resets = Resets::over(link)?;
        self.check(&resets, domain)?;
        Ok(resets)
    }

    /// Fails unless the platform has the right name for it.
    fn check(&self, domains: &impl Domains, number: u32) -> Result<(), Cause> {
        match self.name {
            Some(wanted) if !domains.short_name(number)?.0.is(wanted) => Err(Cause::WrongName),
            _ => Ok(()),
        }
    }
}
