// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Making hardware and references agree again, and when that is due.

use drv_scmi_api::Exchange;
use task_power_api::ResourceState;

use super::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, Manager};

impl<const RESOURCES: usize, const CLIENTS: usize> Manager<RESOURCES, CLIENTS> {
    /// Makes hardware and references agree again, as far as that goes now. Returns whether something that is held had to be
    /// brought up.
    pub fn settle<E: Exchange + ?Sized>(&mut self, exchange: &E, now: u64) -> bool {
        let mut brought_back = false;
        for &number in self.order {
            if self.state(number) == ResourceState::Up && self.is_wanted(number) {
                continue;
            }
            if self.is_wanted(number) {
                // In vain without what it needs, which was tried just before.
                if self.needs_are_up(number) && self.bring_up(exchange, number).is_ok() {
                    brought_back = true;
                }
            } else if self.is_to_be_looked_at(number) {
                self.look(exchange, number);
            }
        }
        let grace_is_over = now >= self.grace_until;
        for &number in self.order.iter().rev() {
            let unclaimed = grace_is_over && self.is_unclaimed(number);
            if unclaimed || self.is_falling(number) && !self.is_wanted(number) {
                // What does not go down now is tried again.
                let _ = self.lower(exchange, number);
            }
        }
        self.plan_after_settling(now);
        brought_back
    }

    fn plan_after_settling(&mut self, now: u64) {
        self.next = None;
        if self.is_unsettled() {
            self.next = Some(now.saturating_add(self.pause));
            self.pause = self.pause.saturating_mul(2).min(BACK_OFF_MAX_MS);
        } else {
            self.pause = BACK_OFF_MIN_MS;
        }
        self.plan_for_absent(now);
        self.absent_pause = self.absent_pause.saturating_mul(2).min(BACK_OFF_MAX_MS);
        let grace_matters = (0..RESOURCES as u8).any(|number| self.is_unclaimed(number));
        if now < self.grace_until && grace_matters {
            self.plan_at(self.grace_until);
        }
    }

    /// Something failed: it is looked at again after a pause at the latest.
    pub(super) fn plan(&mut self, now: u64) {
        if self.is_unsettled() {
            self.plan_at(now.saturating_add(self.pause));
        }
        self.plan_for_absent(now);
    }

    /// A resource that the platform says it does not have is looked at again: the platform may have said so too early, or by
    /// mistake.
    fn plan_for_absent(&mut self, now: u64) {
        if (0..RESOURCES as u8).any(|number| self.state(number) == ResourceState::Absent) {
            self.plan_at(now.saturating_add(self.absent_pause));
        }
    }

    fn plan_at(&mut self, at: u64) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Something happened that cannot wait.
    pub(super) fn hurry(&mut self, now: u64) {
        self.pause = BACK_OFF_MIN_MS;
        self.absent_pause = BACK_OFF_MIN_MS;
        self.next = Some(now);
    }

    fn is_unsettled(&self) -> bool {
        (0..RESOURCES as u8).any(|number| {
            let state = self.state(number);
            if self.is_wanted(number) {
                state != ResourceState::Up
            } else {
                // A resource that stands on it is unsettled itself, or stays up.
                let goes_down = self.is_falling(number) && !self.is_stood_on(number);
                state == ResourceState::Unknown || goes_down
            }
        })
    }

    /// Returns `true` if its state is not known and will not become known by taking it down.
    fn is_to_be_looked_at(&self, number: u8) -> bool {
        match self.state(number) {
            ResourceState::Unknown => !self.is_falling(number) || self.is_stood_on(number),
            ResourceState::Absent => true,
            ResourceState::Down | ResourceState::Partly | ResourceState::Up => false,
        }
    }

    /// Whether it is up, nobody holds it, and that is not to stay so.
    fn is_unclaimed(&self, number: u8) -> bool {
        matches!(
            self.state(number),
            ResourceState::Up | ResourceState::Partly
        ) && !self.is_wanted(number)
            && self
                .resource(number)
                .is_ok_and(|resource| resource.unclaimed_off)
    }

    fn needs_are_up(&self, number: u8) -> bool {
        let way = self.resource(number).map_or(&[][..], |found| found.way);
        way.iter()
            .all(|&part| part == number || self.state(part) == ResourceState::Up)
    }
}
