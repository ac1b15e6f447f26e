// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Deadlines: on the clock, or not yet.
//!
//! To look at the clock costs a system call, so an ordinary command does not: its deadline stays told by its distance until somebody
//! looks at the clock anyway, at most [`LATENESS`] later. A short one is put on the clock as soon as its command was sent.

use super::handle::SlotId;
use super::set::SlotSet;
use super::slot::Slots;
use super::wheel::Wheel;

/// Deadlines shorter than this are put on the clock right after the command was sent, in milliseconds.
const PROMPT: u32 = 1_000;

/// How late a longer one may be, if a turn with the time is run that long after a command at the latest, as long as
/// [`Deadlines::wants_tick`]. Milliseconds.
pub(crate) const LATENESS: u64 = 250;

/// The deadlines of all transfers.
pub(crate) struct Deadlines {
    wheel: Wheel,
    /// Slots whose transfer had no deadline on the clock when it was sent; it may be over since.
    off_clock: SlotSet,
    /// One of them is so near that it is to be put on the clock now.
    prompt: bool,
    /// The driver may have to wake up earlier than it was to.
    changed: bool,
}

impl Deadlines {
    /// No deadlines: zeros, which take no room in the image.
    pub(crate) const fn new() -> Self {
        Self {
            wheel: Wheel::new(),
            off_clock: SlotSet::new(),
            prompt: false,
            changed: false,
        }
    }

    /// The deadline of a slot begins, if it has one, told by its distance.
    pub(crate) fn begin<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let due = slots.get_mut(id).due_mut();
        if !due.is_limited() {
            // As for one that was taken out.
            return due.leave();
        }
        due.begin();
        let is_prompt = due.patience() < PROMPT;
        if is_prompt || self.off_clock.is_empty() {
            // Most deadlines are neither the first nor near, and nobody has to think of them.
            self.prompt |= is_prompt;
            self.changed = true;
        }
        self.off_clock.insert(id);
    }

    /// The deadline of a slot begins now.
    pub(crate) fn begin_now<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId, now: u64) {
        slots.get_mut(id).due_mut().begin_now(now);
        self.wheel.insert(slots, id, now);
        self.changed = true;
    }

    /// Puts the deadlines that began since the last time on the clock: they count from now on.
    pub(crate) fn tick<const S: usize>(&mut self, slots: &mut Slots<S>, now: u64) {
        self.prompt = false;
        while let Some(id) = self.off_clock.pop() {
            let slot = slots.get(id);
            if slot.has_deadline() && slot.due().is_off_clock() {
                self.begin_now(slots, id, now);
            }
        }
    }

    /// A slot needs its deadline no more.
    pub(crate) fn stop<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        // Of one that is off the clock nothing needs to be taken back: the next look at the clock passes it over.
        if !slots.get(id).due().is_off_clock() {
            self.wheel.remove(slots, id);
        }
    }

    /// Takes out one slot whose time is up.
    pub(crate) fn expire<const S: usize>(
        &mut self,
        slots: &mut Slots<S>,
        now: u64,
    ) -> Option<SlotId> {
        self.wheel.expire(slots, now)
    }

    /// Not later than the earliest deadline on the clock: when to look again.
    pub(crate) fn next(&self) -> Option<u64> {
        self.wheel.next()
    }

    /// Whether a deadline is so near that [`Deadlines::tick`] cannot wait.
    pub(crate) fn wants_clock(&self) -> bool {
        self.prompt
    }

    /// Whether there may be deadlines that are not on the clock yet.
    pub(crate) fn wants_tick(&self) -> bool {
        !self.off_clock.is_empty()
    }

    /// Something else may wake the driver earlier than it was to be woken.
    pub(crate) fn changed(&mut self) {
        self.changed = true;
    }

    /// Whether the driver may have to wake up earlier, or a tick be wanted that was not wanted before, since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// Whether a slot's deadline is waiting to be put on the clock.
    pub(crate) fn is_off_clock(&self, id: SlotId) -> bool {
        self.off_clock.contains(id)
    }

    /// Walks all that are on the clock: how many slots there are.
    pub(crate) fn count<const S: usize>(&self, slots: &Slots<S>) -> usize {
        self.wheel.count(slots)
    }
}
