// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A limit: the highest level of a performance domain, or a power cap.

use drv_scmi_api::{Error, Exchange, Link, Perf, Powercaps};
use scmi::Status;
use scmi::common::ShortName;
use task_thermal_api::Cause;

/// A limit, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// What is limited.
    pub target: Target,
    /// What the platform must call it, if that is to be checked.
    pub platform_name: Option<&'static str>,
    /// What it is when nothing is warm.
    pub normal: u32,
    /// What it is when a sensor cannot be read.
    pub safe: u32,
}

/// What is limited. Numbers are those of SCMI.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The level of a performance domain; its index, in a domain that indexes its levels.
    Perf {
        /// The performance domain.
        domain: u32,
    },
    /// What a power cap allows, in the unit of its domain.
    Cap {
        /// The power cap.
        domain: u32,
    },
}

/// A level that this task has lowered, because the platform does not do that by itself.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lowered {
    /// The level before.
    from: u32,
    /// The level that was set.
    to: u32,
}

impl Limit {
    /// Makes it `value`.
    pub(crate) fn apply<E: Exchange + ?Sized>(
        &self,
        link: Link<'_, E>,
        value: u32,
        lowered: &mut Option<Lowered>,
    ) -> Result<(), Cause> {
        match self.target {
            Target::Perf { domain } => {
                let perf = Perf::over(link)?;
                self.check(|| Ok(perf.domain(domain)?.name))?;
                limit_level(&perf, domain, value)?;
                follow(&perf, domain, value, lowered)?;
            }
            Target::Cap { domain } => {
                let caps = Powercaps::over(link)?;
                self.check(|| Ok(caps.domain(domain)?.name))?;
                if caps.cap(domain)? != value {
                    caps.set_cap(domain, value)?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, name: impl FnOnce() -> Result<ShortName, Error>) -> Result<(), Cause> {
        match self.platform_name {
            Some(wanted) if !name()?.is(wanted) => Err(Cause::WrongName),
            _ => Ok(()),
        }
    }
}

/// Has the platform keep the level down. Where it does not do that, the level itself is set: see [`follow`].
fn limit_level<E: Exchange + ?Sized>(
    perf: &Perf<'_, E>,
    domain: u32,
    highest: u32,
) -> Result<(), Error> {
    let limited = perf.limits(domain).and_then(|limits| {
        if limits.highest == highest {
            return Ok(());
        }
        perf.set_limits(domain, limits.lowest.min(highest), highest)
    });
    match limited {
        Err(Error::Refused(Status::NOT_SUPPORTED | Status::DENIED)) => Ok(()),
        limited => limited,
    }
}

/// Lowers the level itself if it is still too high, and gives it back once it may be higher, unless somebody has set it
/// since.
fn follow<E: Exchange + ?Sized>(
    perf: &Perf<'_, E>,
    domain: u32,
    highest: u32,
    lowered: &mut Option<Lowered>,
) -> Result<(), Error> {
    let level = perf.level(domain)?;
    let before = lowered.filter(|lowered| lowered.to == level);
    let from = before.map_or(level, |lowered| lowered.from);
    let to = from.min(highest);
    if to != level {
        perf.set_level(domain, to)?;
    }
    *lowered = (to != from).then_some(Lowered { from, to });
    Ok(())
}
