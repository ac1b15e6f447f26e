// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who holds what, and what follows from it.

use drv_scmi_api::{Exchange, Incoming};
use scmi::Notice;
use scmi::power::PowerState;
use task_power_api::{PowerError, ResourceState, ResourceStatus, Trouble};

use crate::step::{Part, Step};

mod settling;
mod switching;

/// A resource, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct Resource {
    /// Its name.
    pub name: &'static str,
    /// What it is made of, in the order of the way up.
    pub steps: &'static [Step],
    /// The resources that it needs, directly and through others, and at last itself: each after those that it needs.
    pub way: &'static [u8],
    /// The clients that may use it: bit *n* is client *n*.
    pub users: u32,
    /// Found up while nobody holds it, it is taken down.
    pub unclaimed_off: bool,
}

/// The first pause before something is tried again, in milliseconds.
pub const BACK_OFF_MIN_MS: u64 = 100;
/// The longest pause, also for what the platform says it does not have: pauses double up to this.
pub const BACK_OFF_MAX_MS: u64 = 10_000;

#[derive(Copy, Clone, Debug)]
struct Record<const CLIENTS: usize> {
    state: ResourceState,
    /// The platform has answered for all of it in this life of the task. From then on it is never [`ResourceState::Absent`].
    is_known: bool,
    /// References, by client.
    held: [u8; CLIENTS],
    /// It is to go down: the last reference was given back, and that did not work yet, or something else stands on it.
    falling: bool,
    ups: u16,
    downs: u16,
    failures: u16,
    trouble: Option<Trouble>,
}

impl<const CLIENTS: usize> Record<CLIENTS> {
    const NEW: Self = Self {
        state: ResourceState::Unknown,
        is_known: false,
        held: [0; CLIENTS],
        falling: false,
        ups: 0,
        downs: 0,
        failures: 0,
        trouble: None,
    };

    fn references(&self) -> u16 {
        self.held.iter().copied().map(u16::from).sum()
    }
}

/// All resources, and what the clients hold of them.
#[derive(Debug)]
pub struct Manager<const RESOURCES: usize, const CLIENTS: usize> {
    resources: &'static [Resource; RESOURCES],
    /// All resources, each after those that it needs.
    order: &'static [u8; RESOURCES],
    /// How long each question to the platform may take.
    deadline_ms: u32,
    records: [Record<CLIENTS>; RESOURCES],
    /// From then on what nobody holds may be taken down, in milliseconds since boot.
    grace_until: u64,
    /// When to look again at what is not settled.
    next: Option<u64>,
    pause: u64,
    /// The pause before the platform is asked again for what it says it does not have.
    absent_pause: u64,
}

impl<const RESOURCES: usize, const CLIENTS: usize> Manager<RESOURCES, CLIENTS> {
    /// Nobody holds anything, and nothing is known of the hardware.
    pub const fn new(
        resources: &'static [Resource; RESOURCES],
        order: &'static [u8; RESOURCES],
        deadline_ms: u32,
    ) -> Self {
        Self {
            resources,
            order,
            deadline_ms,
            records: [Record::NEW; RESOURCES],
            grace_until: 0,
            next: Some(0),
            pause: BACK_OFF_MIN_MS,
            absent_pause: BACK_OFF_MIN_MS,
        }
    }

    /// Until then, in milliseconds since boot, what is found up without a holder stays up in any case.
    pub const fn keep_until(&mut self, time: u64) {
        self.grace_until = time;
    }

    /// The resource with that number.
    pub fn resource(&self, number: u8) -> Result<&'static Resource, PowerError> {
        self.resources
            .get(usize::from(number))
            .ok_or(PowerError::NoSuchResource)
    }

    /// What there is to say of a resource, to a client or to somebody else.
    pub fn status(&self, number: u8, client: Option<usize>) -> Result<ResourceStatus, PowerError> {
        let record = self.record(number).ok_or(PowerError::NoSuchResource)?;
        let references = self.holders(number).fold(0, |sum: u16, record| {
            sum.saturating_add(record.references())
        });
        Ok(ResourceStatus {
            state: record.state,
            references,
            own: client
                .and_then(|client| record.held.get(client).copied())
                .unwrap_or(0),
            ups: record.ups,
            downs: record.downs,
            failures: record.failures,
            trouble: record.trouble,
        })
    }

    /// When [`settle`](Self::settle) is to be called next, in milliseconds since boot.
    pub const fn next(&self) -> Option<u64> {
        self.next
    }

    /// Takes a reference for a client, and brings the resource up if it is not.
    pub fn acquire<E: Exchange + ?Sized>(
        &mut self,
        exchange: &E,
        number: u8,
        client: usize,
        now: u64,
    ) -> Result<(), PowerError> {
        let resource = self.resource(number)?;
        if client >= CLIENTS || resource.users & (1 << client) == 0 {
            return Err(PowerError::NotAllowed);
        }
        let held = self.held(number, client).unwrap_or(0);
        let more = held.checked_add(1).ok_or(PowerError::TooMany)?;
        // Resources, by the bit of their number, that are up because of this call.
        let mut raised = [false; RESOURCES];
        for &part in resource.way {
            if self.state(part) == ResourceState::Up {
                continue;
            }
            if let Err(trouble) = self.bring_up(exchange, part) {
                for &part in resource.way.iter().rev() {
                    if raised.get(usize::from(part)) == Some(&true) && !self.is_wanted(part) {
                        // What does not go down now is tried again.
                        let _ = self.lower(exchange, part);
                    }
                }
                self.plan(now);
                return Err(PowerError::Failed(trouble));
            }
            if let Some(raised) = raised.get_mut(usize::from(part)) {
                *raised = true;
            }
        }
        if let Some(held) = self.held_mut(number, client) {
            *held = more;
        }
        Ok(())
    }

    /// Gives a reference of a client back, and takes the resource down if it was the last.
    pub fn release<E: Exchange + ?Sized>(
        &mut self,
        exchange: &E,
        number: u8,
        client: usize,
        now: u64,
    ) -> Result<(), PowerError> {
        let resource = self.resource(number)?;
        let held = self
            .held_mut(number, client)
            .filter(|held| **held > 0)
            .ok_or(PowerError::NotHeld)?;
        *held -= 1;
        let lowered = self.lower_unwanted(exchange, resource.way);
        self.plan(now);
        lowered.map_err(PowerError::Failed)
    }

    /// A client is gone, and its references with it. Returns whether it had any; then [`settle`](Self::settle) is due.
    pub fn forget(&mut self, client: usize, now: u64) -> bool {
        let mut had = false;
        for number in 0..RESOURCES as u8 {
            let Some(held) = self.held_mut(number, client).filter(|held| **held > 0) else {
                continue;
            };
            *held = 0;
            had = true;
            let way = self
                .resource(number)
                .map_or(&[][..], |resource| resource.way);
            for &part in way {
                if !self.is_wanted(part)
                    && self.state(part) != ResourceState::Down
                    && let Some(record) = self.record_mut(part)
                {
                    record.falling = true;
                }
            }
        }
        if had {
            self.hurry(now);
        }
        had
    }

    /// Driver, device or platform have restarted: nothing is known any more of what is up.
    pub fn resynchronise(&mut self, now: u64) {
        for record in &mut self.records {
            record.state = ResourceState::Unknown;
        }
        self.hurry(now);
    }

    /// What the platform has told by itself: whoever counts on a power domain that is off now is looked at again, and everything is
    /// where words were lost before, whatever came after them.
    pub fn told(&mut self, incoming: &Incoming<'_>, now: u64) {
        let (Incoming::Notice { lost, .. } | Incoming::Malformed { lost, .. }) = *incoming else {
            return;
        };
        if lost > 0 {
            self.resynchronise(now);
        }
        if let Incoming::Notice {
            notice: Notice::PowerStateChanged(changed),
            ..
        } = incoming
        {
            self.power_changed(changed.domain, changed.state == PowerState::ON, now);
        }
    }

    fn power_changed(&mut self, domain: u32, is_on: bool, now: u64) {
        for number in 0..RESOURCES as u8 {
            let has_it = self.resource(number).is_ok_and(|resource| {
                let part = Part::Power { domain };
                resource.steps.iter().any(|step| step.part == part)
            });
            let stands = self.state(number);
            let differs = match stands {
                ResourceState::Up => !is_on,
                ResourceState::Down => is_on,
                ResourceState::Unknown | ResourceState::Partly | ResourceState::Absent => false,
            };
            if has_it
                && differs
                && let Some(record) = self.record_mut(number)
            {
                record.state = ResourceState::Unknown;
                self.hurry(now);
            }
        }
    }

    fn lower_unwanted<E: Exchange + ?Sized>(
        &mut self,
        exchange: &E,
        way: &[u8],
    ) -> Result<(), Trouble> {
        let mut result = Ok(());
        for &part in way.iter().rev() {
            if self.is_wanted(part) || self.state(part) == ResourceState::Down {
                continue;
            }
            result = result.and(self.lower(exchange, part));
        }
        result
    }

    /// Takes a resource down, unless another one may be up that stands on it: then it goes down after that one.
    fn lower<E: Exchange + ?Sized>(&mut self, exchange: &E, number: u8) -> Result<(), Trouble> {
        if let Some(record) = self.record_mut(number) {
            record.falling = true;
        }
        if self.is_stood_on(number) {
            return Ok(());
        }
        self.bring_down(exchange, number)
    }

    /// Returns `true` if another resource needs this one and may be up, held or not.
    fn is_stood_on(&self, number: u8) -> bool {
        let mut others = (0..RESOURCES as u8).filter(|other| *other != number);
        others.any(|other| {
            let may_be_up = match self.state(other) {
                ResourceState::Unknown | ResourceState::Partly | ResourceState::Up => true,
                ResourceState::Down | ResourceState::Absent => false,
            };
            may_be_up
                && self
                    .resource(other)
                    .is_ok_and(|other| other.way.contains(&number))
        })
    }

    fn note_failure(&mut self, number: u8, state: ResourceState, trouble: Trouble) {
        if let Some(record) = self.record_mut(number) {
            record.state = state;
            record.failures = record.failures.saturating_add(1);
            record.trouble = Some(trouble);
        }
    }

    /// Whether somebody holds it, or something that needs it.
    fn is_wanted(&self, number: u8) -> bool {
        self.holders(number).any(|record| record.references() > 0)
    }

    /// The records of all resources that have this one on their way, itself included.
    fn holders(&self, number: u8) -> impl Iterator<Item = &Record<CLIENTS>> {
        self.resources
            .iter()
            .zip(&self.records)
            .filter(move |(resource, _)| resource.way.contains(&number))
            .map(|(_, record)| record)
    }

    fn is_falling(&self, number: u8) -> bool {
        self.record(number).is_some_and(|record| record.falling)
    }

    fn state(&self, number: u8) -> ResourceState {
        self.record(number)
            .map_or(ResourceState::Absent, |record| record.state)
    }

    fn record(&self, number: u8) -> Option<&Record<CLIENTS>> {
        self.records.get(usize::from(number))
    }

    fn record_mut(&mut self, number: u8) -> Option<&mut Record<CLIENTS>> {
        self.records.get_mut(usize::from(number))
    }

    fn held(&self, number: u8, client: usize) -> Option<u8> {
        self.record(number)?.held.get(client).copied()
    }

    fn held_mut(&mut self, number: u8, client: usize) -> Option<&mut u8> {
        self.record_mut(number)?.held.get_mut(client)
    }
}
