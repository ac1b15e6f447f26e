// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One resource, up, down, or looked at, step by step.

use drv_scmi_api::{Exchange, Link};
use task_power_api::{Cause, ResourceState, Trouble};

use super::Manager;
use crate::step::Step;

impl<const RESOURCES: usize, const CLIENTS: usize> Manager<RESOURCES, CLIENTS> {
    /// The steps of a resource, and what they are taken with.
    fn work<'e, E: Exchange + ?Sized>(
        &self,
        exchange: &'e E,
        number: u8,
    ) -> (&'static [Step], Link<'e, E>) {
        (
            self.resource(number).map_or(&[][..], |found| found.steps),
            Link::new(exchange).with_deadline(self.deadline_ms),
        )
    }

    /// Takes every step of one resource; what was taken is undone if one fails. Of hardware whose state was not known all is
    /// undone, unless it is held, or another resource may stand on it: one question that failed must not take it from its users.
    pub(super) fn bring_up<E: Exchange + ?Sized>(
        &mut self,
        exchange: &E,
        number: u8,
    ) -> Result<(), Trouble> {
        let (steps, link) = self.work(exchange, number);
        let before = self.state(number);
        for (index, step) in steps.iter().enumerate() {
            let Err(cause) = step.raise(link) else {
                continue;
            };
            let in_use = before != ResourceState::Down
                && (self.is_wanted(number) || self.is_stood_on(number));
            let taken = match before {
                ResourceState::Down => index.saturating_add(usize::from(cause.is_uncertain())),
                _ => steps.len(),
            };
            let undone = match cause {
                _ if in_use => Err((index, cause)),
                // Whoever does not answer now does not answer to the undoing either.
                Cause::NoAnswer(_) if before != ResourceState::Down => Err((index, cause)),
                _ => undo(steps.get(..taken).unwrap_or(steps), link),
            };
            let state = match undone {
                _ if cause.says_absent() && index == 0 && !self.is_known(number) => {
                    ResourceState::Absent
                }
                Ok(()) => ResourceState::Down,
                Err(_) => ResourceState::Unknown,
            };
            let trouble = trouble(number, index, cause);
            self.note_failure(number, state, trouble);
            if let Some(record) = self.record_mut(number) {
                record.falling = state == ResourceState::Unknown && !in_use;
            }
            return Err(trouble);
        }
        if let Some(record) = self.record_mut(number) {
            record.state = ResourceState::Up;
            record.is_known = true;
            record.falling = false;
            record.trouble = None;
            record.ups = record.ups.saturating_add(1);
        }
        Ok(())
    }

    /// Undoes every step of one resource.
    pub(super) fn bring_down<E: Exchange + ?Sized>(
        &mut self,
        exchange: &E,
        number: u8,
    ) -> Result<(), Trouble> {
        let (steps, link) = self.work(exchange, number);
        let result = undo(steps, link).map_err(|(index, cause)| trouble(number, index, cause));
        match result {
            Ok(()) => {
                if let Some(record) = self.record_mut(number) {
                    record.state = ResourceState::Down;
                    record.is_known = true;
                    record.falling = false;
                    record.trouble = None;
                    record.downs = record.downs.saturating_add(1);
                }
            }
            Err(trouble) => {
                let state = self.state_after(number, trouble.cause);
                self.note_failure(number, state, trouble);
                if let Some(record) = self.record_mut(number) {
                    // What is not there cannot be on.
                    record.falling = state == ResourceState::Unknown;
                }
            }
        }
        result
    }

    /// Finds out how a resource stands that nobody holds.
    pub(super) fn look<E: Exchange + ?Sized>(&mut self, exchange: &E, number: u8) {
        let (steps, link) = self.work(exchange, number);
        let (mut any_up, mut any_down) = (false, false);
        for (index, step) in steps.iter().enumerate() {
            match step.look(link) {
                Ok(Some(true)) => any_up = true,
                Ok(Some(false)) => any_down = true,
                Ok(None) => {}
                Err(cause) => {
                    let trouble = trouble(number, index, cause);
                    return self.note_failure(number, self.state_after(number, cause), trouble);
                }
            }
        }
        if let Some(record) = self.record_mut(number) {
            record.is_known = true;
            record.state = match (any_up, any_down) {
                (true, false) => ResourceState::Up,
                (false, true) => ResourceState::Down,
                // Or only reset signals, of which nothing can be told.
                _ => ResourceState::Partly,
            };
            record.trouble = None;
        }
    }

    /// Returns the state of a resource of which a step could not be undone, or not looked at.
    fn state_after(&self, number: u8, cause: Cause) -> ResourceState {
        if cause.says_absent() && !self.is_known(number) {
            ResourceState::Absent
        } else {
            ResourceState::Unknown
        }
    }

    fn is_known(&self, number: u8) -> bool {
        self.record(number).is_some_and(|record| record.is_known)
    }
}

/// Undoes steps in reverse, up to the first that cannot be undone.
fn undo<E: Exchange + ?Sized>(steps: &[Step], link: Link<'_, E>) -> Result<(), (usize, Cause)> {
    for (index, step) in steps.iter().enumerate().rev() {
        step.lower(link).map_err(|cause| (index, cause))?;
    }
    Ok(())
}

fn trouble(resource: u8, step: usize, cause: Cause) -> Trouble {
    Trouble {
        resource,
        step: step.try_into().unwrap_or(u8::MAX),
        cause,
    }
}
