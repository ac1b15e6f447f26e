// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A limit: the highest level of a performance domain, or a power cap.

use drv_scmi_api::{Domains, Error, Exchange, Link, Perf, Powercaps};
use scmi::Status;
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
    /// What it is when a sensor cannot be read, or when it is not certain that it could be lowered later.
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

/// Facts about the target of a limit, learnt since the driver, the device or the platform restarted last.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Known {
    /// The platform has the right name for it.
    named: bool,
    /// The lower end of the limits of a performance domain, from the platform's last answer.
    lowest: Option<u32>,
    /// The last question for what it was had no answer: it is set without asking.
    unanswered: bool,
    lowered: Option<Lowered>,
}

impl Known {
    pub(crate) const NOTHING: Self = Self {
        named: false,
        lowest: None,
        unanswered: false,
        lowered: None,
    };

    /// Asks what it is now. `None` if the platform does not say, or did not answer the last time.
    fn ask<T>(&mut self, question: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Error> {
        if core::mem::take(&mut self.unanswered) {
            return Ok(None);
        }
        let found = unless_unanswered(question());
        self.unanswered = found.is_err();
        found
    }
}

/// The way in which a limit is kept.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// The platform keeps it.
    ByPlatform,
    /// The platform refuses to keep it. This task has lowered the level, and others may raise it again.
    ByLevel,
}

/// A level that this task has lowered, because the platform does not do that by itself.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
struct Lowered {
    /// The level before.
    from: u32,
    /// The level that was set.
    to: u32,
}

impl Limit {
    /// Makes it `value`. It is set even if the platform refuses to say what it was before. After a question without an answer
    /// nothing more is asked: one attempt must not cost more than one slot. The next attempt leaves that question out.
    pub(crate) fn apply<E: Exchange + ?Sized>(
        &self,
        link: Link<'_, E>,
        value: u32,
        known: &mut Known,
    ) -> Result<Kept, Cause> {
        match self.target {
            Target::Perf { domain } => {
                let perf = Perf::over(link)?;
                self.check(known, &perf, domain)?;
                Ok(self.limit_level(&perf, domain, value, known)?)
            }
            Target::Cap { domain } => {
                let caps = Powercaps::over(link)?;
                self.check(known, &caps, domain)?;
                if known.ask(|| caps.cap(domain))? != Some(value) {
                    caps.set_cap(domain, value)?;
                }
                Ok(Kept::ByPlatform)
            }
        }
    }

    fn check(&self, known: &mut Known, domains: &impl Domains, number: u32) -> Result<(), Cause> {
        match self.platform_name {
            Some(wanted) if !known.named && !domains.short_name(number)?.0.is(wanted) => {
                Err(Cause::WrongName)
            }
            _ => {
                known.named = true;
                Ok(())
            }
        }
    }

    /// Makes the platform keep the level down. If the platform refuses, the level itself is set: see [`Limit::follow`].
    fn limit_level<E: Exchange + ?Sized>(
        &self,
        perf: &Perf<'_, E>,
        domain: u32,
        highest: u32,
        known: &mut Known,
    ) -> Result<Kept, Error> {
        let limited = set_limits(perf, domain, highest, known);
        match limited {
            Ok(()) => {
                self.follow(perf, domain, highest, Kept::ByPlatform, known)?;
                Ok(Kept::ByPlatform)
            }
            // Nothing more is asked of a platform that does not answer.
            Err(error @ Error::NoAnswer(_)) => Err(error),
            Err(error) => {
                let followed = self.follow(perf, domain, highest, Kept::ByLevel, known);
                match error {
                    Error::Refused(Status::NOT_SUPPORTED | Status::NOT_FOUND | Status::DENIED) => {
                        followed.map(|()| Kept::ByLevel)
                    }
                    error => Err(error),
                }
            }
        }
    }

    /// Lowers the level itself if it is still too high, and gives it back once it may be higher, unless another client has
    /// set it since.
    fn follow<E: Exchange + ?Sized>(
        &self,
        perf: &Perf<'_, E>,
        domain: u32,
        highest: u32,
        kept: Kept,
        known: &mut Known,
    ) -> Result<(), Error> {
        let is_kept = kept == Kept::ByPlatform;
        let level = match perf.level(domain) {
            Ok(level) => level,
            Err(Error::Refused(_)) if is_kept => return Ok(()),
            // It may be too high.
            Err(Error::Refused(_)) if highest < self.normal => {
                return perf.set_level(domain, highest);
            }
            Err(error) => return Err(error),
        };
        let before = known.lowered.filter(|lowered| lowered.to == level);
        let from = before.map_or(level, |lowered| lowered.from);
        let to = from.min(highest);
        if to != level {
            match perf.set_level(domain, to) {
                // The platform keeps the level down by itself.
                Err(Error::Refused(_)) if is_kept => return Ok(()),
                result => result?,
            }
        }
        known.lowered = (to != from).then_some(Lowered { from, to });
        Ok(())
    }
}

/// Sets the limits of a performance domain, the upper one to `highest`.
fn set_limits<E: Exchange + ?Sized>(
    perf: &Perf<'_, E>,
    domain: u32,
    highest: u32,
    known: &mut Known,
) -> Result<(), Error> {
    let from = match (known.ask(|| perf.limits(domain))?, known.lowest) {
        (Some(limits), _) => {
            known.lowest = Some(limits.lowest);
            if limits.highest == highest {
                return Ok(());
            }
            limits.lowest
        }
        (None, Some(before)) => before,
        (None, None) => slowest(perf, domain)?,
    };
    perf.set_limits(domain, from.min(highest), highest)
}

/// The lowest level of a domain whose limits cannot be read.
fn slowest<E: Exchange + ?Sized>(perf: &Perf<'_, E>, domain: u32) -> Result<u32, Error> {
    let info = unless_unanswered(perf.domain(domain))?;
    let is_index = info.is_some_and(|info| info.attributes.indexes_levels());
    let level = perf.levels(domain).next().map(unless_unanswered);
    Ok(match level.transpose()?.flatten() {
        Some(level) if is_index => level.index,
        Some(level) => level.level,
        None => 0,
    })
}

/// What the platform answered, if it is of use. The error is that there was no answer.
fn unless_unanswered<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ Error::NoAnswer(_)) => Err(error),
        Err(_) => Ok(None),
    }
}
