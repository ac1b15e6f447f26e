// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! When to reset the device, and how often to try.
//!
//! ```text
//!              trouble                     set up again            the probe is answered
//!    Ready -------------> Waiting(until) -------------> Probing --------------------------> Ready
//!                             ^   ^                        |                                   re-enable events,
//!                             |   +---- back-off ----------+ no answer                         Resynchronise
//!                             |         10 ms, 20, 40 ...    or set-up failed
//!                             |
//!                             +-- after five attempts every 5 s, and clients are told PlatformUnavailable
//! ```
//!
//! A device that is set up again proves nothing: QEMU keeps up appearances after its daemon died. So the driver asks the platform
//! for the version of the Base protocol, and is ready when that is answered. A device that gets into trouble again soon after it was
//! ready does not get new attempts: they go on being counted.

mod leaky;
mod limits;
mod setup;

pub use limits::{Limits, Trouble};
pub(crate) use setup::Setup;

use crate::error::Refusal;
use crate::transfers::SlotId;
use crate::transport::COMMAND_QUEUE;
use leaky::Leaky;
use virtqueue::Violation;

/// What works at the moment.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// There is no device, or none that can be used.
    Down,
    /// Commands work, and events if the device has them.
    Ready,
    /// The device is being reset.
    Recovering,
    /// Recovery gave up for now.
    PlatformUnavailable,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Phase {
    /// There is no device, or none that can be used; for good.
    Down,
    /// Commands and events flow.
    Ready,
    /// The next attempt is at this time.
    Waiting(u64),
    /// The platform was asked whether it is there, by the command in this slot.
    Probing(SlotId),
}

/// When the device is reset, and when the next attempt is made.
pub(crate) struct Recovery {
    limits: Limits,
    phase: Phase,
    /// What was found, to be acted upon in the next turn.
    trouble: Option<Trouble>,
    /// Attempts since the device was last stable.
    attempts: u8,
    /// Since when the device has been ready.
    ready_since: u64,
    /// When something last came back, as far as the clock was looked at since.
    progress: u64,
    /// Something came back since the clock was looked at.
    moved: bool,
    /// Violations of the ring protocol by which no buffer got lost.
    violations: Leaky,
    /// Ids in the command ring that name no chain. The slots that they stand for are recovered as lost ones.
    command_strays: Leaky,
    /// Ids in the event ring that name no chain, since the device was set up: each stands for a buffer that does not come back.
    event_strays: u16,
    /// Before this time no reset is made because of lost slots.
    losses_from: u64,
    /// The device is being reset because of lost slots.
    for_losses: bool,
}

/// What is lost at the moment; there is at least one lost slot.
pub(crate) struct Losses {
    /// Lost slots.
    pub(crate) count: u16,
    /// Slots of the ring.
    pub(crate) slots: u16,
    /// When the oldest of them was lost.
    pub(crate) oldest: u64,
    /// Since when some account has had less than half of its quota.
    pub(crate) short_since: Option<u64>,
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            phase: Phase::Down,
            trouble: None,
            attempts: 0,
            ready_since: 0,
            progress: 0,
            moved: false,
            violations: Leaky::new(),
            command_strays: Leaky::new(),
            event_strays: 0,
            losses_from: 0,
            for_losses: false,
        }
    }

    pub(crate) fn provide(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What works.
    pub(crate) fn condition(&self) -> Condition {
        match self.phase {
            Phase::Down => Condition::Down,
            Phase::Ready => Condition::Ready,
            _ if self.is_unavailable() => Condition::PlatformUnavailable,
            _ => Condition::Recovering,
        }
    }

    /// Why a command cannot be sent now, if so.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.condition() {
            Condition::Ready => Ok(()),
            Condition::Down => Err(Refusal::NoDevice),
            Condition::Recovering => Err(Refusal::Recovering),
            Condition::PlatformUnavailable => Err(Refusal::PlatformUnavailable),
        }
    }

    /// Whether there is no device, or none that can be used, for good.
    pub(crate) fn is_down(&self) -> bool {
        self.phase == Phase::Down
    }

    /// Whether the device is ready and in no trouble.
    pub(crate) fn is_well(&self) -> bool {
        self.phase == Phase::Ready && self.trouble.is_none()
    }

    /// Whether the device is ready, in trouble or not.
    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Whether the device is at work, or is asked whether it is.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Probing(_))
    }

    /// Quick attempts are used up.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.attempts > self.limits.attempts && !matches!(self.phase, Phase::Ready | Phase::Down)
    }

    /// Notes trouble; the first counts. A device that is to be reset anyway, or is given up, cannot get into trouble.
    pub(crate) fn report(&mut self, trouble: Trouble) {
        if self.trouble.is_none() && self.is_up() {
            self.trouble = Some(trouble);
        }
    }

    /// Whether trouble is to be acted upon.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The trouble to act upon.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Trouble with a device that was ready. Returns when to begin.
    pub(crate) fn begin(&mut self, now: u64) -> u64 {
        if now.saturating_sub(self.ready_since) >= u64::from(self.limits.stable) {
            self.attempts = 0;
        }
        self.next(now)
    }

    /// An attempt is to be made. Returns when: at once if it is the first for long.
    pub(crate) fn next(&mut self, now: u64) -> u64 {
        let limits = &self.limits;
        let pause = match self.attempts {
            0 => 0,
            n if n < limits.attempts => {
                let doubled = u64::from(limits.backoff) << u32::from(n - 1).min(16);
                doubled.min(u64::from(limits.slow_retry))
            }
            _ => u64::from(limits.slow_retry),
        };
        self.attempts = self.attempts.saturating_add(1);
        let until = now.saturating_add(pause);
        self.phase = Phase::Waiting(until);
        until
    }

    /// Whether an attempt is due.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        matches!(self.phase, Phase::Waiting(until) if now >= until)
    }

    /// The platform was asked whether it is there.
    pub(crate) fn asked(&mut self, id: SlotId) {
        self.phase = Phase::Probing(id);
    }

    /// The device works.
    pub(crate) fn ready(&mut self, now: u64) {
        self.phase = Phase::Ready;
        self.ready_since = now;
        if core::mem::take(&mut self.for_losses) {
            let pause = self.limits.lost_pause.max(self.limits.stable);
            self.losses_from = now.saturating_add(u64::from(pause));
        }
    }

    /// The device was set up afresh.
    pub(crate) fn fresh(&mut self, now: u64) {
        self.trouble = None;
        self.violations = Leaky::new();
        self.command_strays = Leaky::new();
        self.event_strays = 0;
        self.progress = now;
        self.moved = false;
    }

    /// A command came back.
    pub(crate) fn moved(&mut self) {
        self.moved = true;
    }

    /// The clock was looked at.
    pub(crate) fn tick(&mut self, now: u64) {
        if self.moved {
            self.moved = false;
            self.progress = now;
        }
    }

    /// The device violated the protocol of a queue; the rings have so many entries.
    #[cold]
    pub(crate) fn violated(
        &mut self,
        queue: u16,
        violation: Violation,
        commands: u16,
        events: u16,
        now: u64,
    ) {
        let too_many = match violation {
            // The device meant some chain, which it will not give back any more: an eighth of the ring may get lost so.
            Violation::OutOfRange { .. } | Violation::NotAHead { .. } if queue == COMMAND_QUEUE => {
                self.command_strays.add(now) >= u32::from(commands / 8).max(1)
            }
            Violation::OutOfRange { .. } | Violation::NotAHead { .. } => {
                self.event_strays = self.event_strays.saturating_add(1);
                self.event_strays >= (events / 8).max(1)
            }
            // A daemon that survives a reset may give back everything once that an earlier life had posted.
            _ => {
                let tolerated = 16 + 2 * (u32::from(commands) + u32::from(events));
                self.violations.add(now) > tolerated
            }
        };
        if violation.needs_reset() {
            self.report(Trouble::RingBroken);
        } else if too_many {
            self.report(Trouble::TooManyViolations);
        }
    }

    /// Event buffers that will not come back: the device returned as many ids that name no buffer.
    pub(crate) fn events_missing(&self) -> u16 {
        self.event_strays
    }

    /// Notes that the device is reset because of lost slots. Returns until when losses are expected to go on.
    pub(crate) fn reset_for_losses(&mut self, now: u64) -> u64 {
        self.for_losses = true;
        self.losses_from = now.saturating_add(u64::from(self.limits.lost_pause));
        now.saturating_add(u64::from(self.limits.lost_longest))
    }

    /// Judges the device by what it has not given back, when everything that is in the rings was looked at: only then is it known what is
    /// missing (S4).
    pub(crate) fn judge(&mut self, now: u64, losses: Option<&Losses>) {
        self.tick(now);
        if let Some(losses) = losses
            && self.is_up()
        {
            let (when, trouble) = self.loss_deadline(losses);
            if now >= when {
                self.report(trouble);
            }
        }
    }

    /// When to look again, if nothing happens before.
    pub(crate) fn wake(&self, losses: Option<&Losses>) -> Option<u64> {
        match self.phase {
            Phase::Down => None,
            Phase::Waiting(until) => Some(until),
            Phase::Ready | Phase::Probing(_) if self.trouble.is_some() => Some(0),
            Phase::Ready | Phase::Probing(_) => losses.map(|losses| self.loss_deadline(losses).0),
        }
    }

    /// Returns when the lost slots will be trouble, if none comes back before.
    fn loss_deadline(&self, losses: &Losses) -> (u64, Trouble) {
        let limits = &self.limits;
        let stalled = losses.oldest.max(self.progress);
        let mut due = (
            stalled.saturating_add(u64::from(limits.stall)),
            Trouble::NoProgress,
        );
        let mut limit = |since: u64, patience: u32| {
            let until = since.saturating_add(u64::from(patience));
            if until < due.0 {
                due = (until, Trouble::SlotsLost);
            }
        };
        limit(losses.oldest, limits.lost_longest);
        if let Some(since) = losses.short_since {
            limit(since, limits.lost_age);
        }
        let percent = u32::from(limits.lost_percent);
        if u32::from(losses.count) * 100 >= u32::from(losses.slots) * percent {
            limit(losses.oldest, limits.lost_age);
        }
        (due.0.max(self.losses_from), due.1)
    }
}
