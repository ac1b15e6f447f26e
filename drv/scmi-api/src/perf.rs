// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Performance domains.

use scmi::common::{ExtendedName, NameReply};
use scmi::perf::{
    DescribeLevels, DescribeLevelsV4, DomainAttributes, DomainInfo, DomainNameGet, Level, LevelGet,
    LevelSet, LevelV4, LimitsGet, LimitsGetReply, LimitsSet,
};

use crate::incoming::subscriptions;
use crate::link::protocol;
use crate::{Error, Exchange, Paged};

protocol! {
    /// Sets how fast parts of the machine run.
    ///
    /// ```
    /// # use drv_scmi_api::{Error, Perf, Scmi};
    /// # const GPU: u32 = 1;
    /// # fn example(scmi: Scmi) -> Result<(), Error> {
    /// let perf = Perf::connect(&scmi)?;
    /// let fastest = perf.levels(GPU).last();
    /// perf.set_level(GPU, 300)?;
    /// # Ok(())
    /// # }
    /// ```
    pub struct Perf: Perf, perf;
}

/// From this version levels have five words, and may be named by their index.
const LEVELS_V4: u16 = 4;

impl<'e, E: Exchange + ?Sized> Perf<'e, E> {
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

    /// The levels of a domain, as the platform orders them: from slow to fast.
    pub fn levels(&self, domain: u32) -> Levels<'e, E> {
        if self.version.major() >= LEVELS_V4 {
            Levels::V4(Paged::new(self.link, DescribeLevelsV4 { domain, skip: 0 }))
        } else {
            Levels::V1(Paged::new(self.link, DescribeLevels { domain, skip: 0 }))
        }
    }

    /// The level that a domain is at; its index, in a domain that indexes its levels.
    pub fn level(&self, domain: u32) -> Result<u32, Error> {
        Ok(self.link.get(&LevelGet { domain })?.level)
    }

    /// Sets the level of a domain; by its index, in a domain that indexes its levels.
    pub fn set_level(&self, domain: u32, level: u32) -> Result<(), Error> {
        self.link.get(&LevelSet { domain, level })
    }

    /// The limits between which the platform keeps the level of a domain.
    pub fn limits(&self, domain: u32) -> Result<LimitsGetReply, Error> {
        self.link.get(&LimitsGet { domain })
    }

    /// Sets the limits between which the platform keeps the level of a domain.
    pub fn set_limits(&self, domain: u32, lowest: u32, highest: u32) -> Result<(), Error> {
        self.link.get(&LimitsSet {
            domain,
            highest,
            lowest,
        })
    }
}

subscriptions! {
    Perf;
    /// Follows changes of a domain's limits.
    notify_limits: scmi::perf::LimitsChanged;
    /// Follows changes of a domain's level.
    notify_level: scmi::perf::LevelChanged;
}

/// The levels of a domain; see [`Perf::levels`]. An error is the last item.
///
/// Before version 4 a level has no frequency and no index: they are 0 and the place in the list.
#[derive(Debug)]
pub enum Levels<'e, E: Exchange + ?Sized = crate::Scmi> {
    /// Up to version 3.
    V1(Paged<'e, DescribeLevels, E>),
    /// From version 4.
    V4(Paged<'e, DescribeLevelsV4, E>),
}

impl<E: Exchange + ?Sized> Iterator for Levels<'_, E> {
    type Item = Result<LevelV4, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::V1(levels) => {
                let index = levels.taken();
                let level = levels.next()?;
                Some(level.map(
                    |Level {
                         level,
                         cost,
                         attributes,
                     }| LevelV4 {
                        level,
                        cost,
                        attributes,
                        indicative_khz: 0,
                        index,
                    },
                ))
            }
            Self::V4(levels) => levels.next(),
        }
    }
}
