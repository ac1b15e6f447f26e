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

use crate::transfers::SlotId;

/// Why the device is to be reset.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// It asks for it (`DEVICE_NEEDS_RESET`), or lost its status.
    NeedsReset,
    /// Its used index is impossible: nothing can come out of the ring any more.
    RingBroken,
    /// It violated the ring protocol too often.
    TooManyViolations,
    /// Slots are with it although their time is up (W11): too many of all, more than half of those of one client, or for too long.
    SlotsLost,
    /// Commands timed out and nothing has come back since.
    NoProgress,
    /// Somebody asked for it.
    Requested,
}

/// Times and limits of recovery. Times are milliseconds.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Deadline of a command that names none.
    pub deadline: u32,
    /// From the reply of a command to its delayed response (C3).
    pub delayed: u32,
    /// From the first timed-out command, or from the last sign of life if that is later, to a reset.
    pub stall: u32,
    /// How long a slot must have been lost to count against the device.
    pub lost_age: u32,
    /// Lost slots that cause a reset, in percent of all, rounded up.
    pub lost_percent: u8,
    /// How long a slot may be lost at most, whatever else goes on.
    pub lost_longest: u32,
    /// How long after a reset because of lost slots, counted from when the device works again, the next one may be, so that a client with
    /// deadlines that nobody can keep does not take the device from the others. Not shorter than `stable`: such resets are no sign of a
    /// device that is away, and must not slow each other down.
    pub lost_pause: u32,
    /// Deadline of the driver's own commands.
    pub own_deadline: u32,
    /// First pause between attempts; it doubles with each.
    pub backoff: u32,
    /// Quick attempts before the platform is regarded as unavailable.
    pub attempts: u8,
    /// Pause between attempts after that.
    pub slow_retry: u32,
    /// How long the device must work for its troubles to be forgotten.
    pub stable: u32,
}

impl Limits {
    /// What the driver uses where `app.toml` says nothing.
    pub const DEFAULT: Self = Self {
        deadline: 60_000,
        delayed: 2_000,
        stall: 5_000,
        lost_age: 2_000,
        lost_percent: 50,
        lost_longest: 30_000,
        lost_pause: 10_000,
        own_deadline: 1_000,
        backoff: 10,
        attempts: 5,
        slow_retry: 5_000,
        stable: 10_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// There is no device, or none that can be used; for good.
    Down,
    /// Commands and events flow.
    Ready,
    /// The next attempt is at this time.
    Waiting(u64),
    /// The platform was asked whether it is there, by the command in this slot.
    Probing(SlotId),
}

pub(crate) struct Recovery {
    pub(crate) phase: Phase,
    /// What was found, to be acted upon in the next turn.
    pub(crate) trouble: Option<Trouble>,
    /// Attempts since the device was last stable.
    attempts: u8,
    /// Since when the device has been ready.
    ready_since: u64,
    /// When something last came back, as far as the clock was looked at since.
    pub(crate) progress: u64,
    /// Something came back since the clock was looked at.
    pub(crate) moved: bool,
    /// Violations of the ring protocol by which no buffer got lost.
    pub(crate) violations: Leaky,
    /// Ids in the command ring that name no chain. The slots that they stand for are recovered as lost ones.
    pub(crate) command_strays: Leaky,
    /// Ids in the event ring that name no chain, since the device was set up: each stands for a buffer that does not come back.
    pub(crate) event_strays: u16,
    /// Before this time no reset is made because of lost slots.
    losses_from: u64,
    /// The device is being reset because of lost slots.
    for_losses: bool,
}

/// How long one violation of the ring protocol is remembered, in milliseconds: rare ones must not add up to a reset.
const VIOLATION_LIFE: u64 = 10_000;

/// Counts what is forgiven if it is rare: one of what was counted is forgotten in each [`VIOLATION_LIFE`].
#[derive(Copy, Clone)]
pub(crate) struct Leaky {
    level: u32,
    /// When `level` was last brought up to date, in milliseconds.
    at: u64,
}

impl Leaky {
    const fn new() -> Self {
        Self { level: 0, at: 0 }
    }

    /// Adds one. Returns how many count now.
    pub(crate) fn add(&mut self, now: u64) -> u32 {
        let lives = now.saturating_sub(self.at) / VIOLATION_LIFE;
        let past = u32::try_from(lives).unwrap_or(u32::MAX);
        self.level = self.level.saturating_sub(past);
        self.at = if self.level == 0 {
            now
        } else {
            self.at + lives * VIOLATION_LIFE
        };
        self.level = self.level.saturating_add(1);
        self.level
    }
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self {
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

    /// Whether the device is at work, or is asked whether it is.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Probing(_))
    }

    /// Quick attempts are used up.
    pub(crate) fn unavailable(&self, limits: &Limits) -> bool {
        self.attempts > limits.attempts && !matches!(self.phase, Phase::Ready | Phase::Down)
    }

    /// Notes trouble; the first counts. A device that is to be reset anyway, or is given up, cannot get into trouble.
    pub(crate) fn report(&mut self, trouble: Trouble) {
        if self.trouble.is_none() && self.is_up() {
            self.trouble = Some(trouble);
        }
    }

    /// Trouble with a device that was ready: when to begin.
    #[inline(never)]
    pub(crate) fn begin(&mut self, now: u64, limits: &Limits) -> u64 {
        if now.saturating_sub(self.ready_since) >= u64::from(limits.stable) {
            self.attempts = 0;
        }
        self.next(now, limits)
    }

    /// An attempt is due: when to make it. At once if it is the first for long.
    pub(crate) fn next(&mut self, now: u64, limits: &Limits) -> u64 {
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

    /// The device works.
    pub(crate) fn ready(&mut self, now: u64, limits: &Limits) {
        self.phase = Phase::Ready;
        self.ready_since = now;
        if core::mem::take(&mut self.for_losses) {
            self.losses_from = now.saturating_add(u64::from(limits.lost_pause.max(limits.stable)));
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

    /// The clock was looked at.
    pub(crate) fn tick(&mut self, now: u64) {
        if self.moved {
            self.moved = false;
            self.progress = now;
        }
    }

    /// Notes that the device is reset because of lost slots.
    pub(crate) fn reset_for_losses(&mut self, now: u64, limits: &Limits) {
        self.for_losses = true;
        self.losses_from = now.saturating_add(u64::from(limits.lost_pause));
    }

    /// Returns when the lost slots will be trouble, if none comes back before.
    pub(crate) fn loss_deadline(&self, losses: &Losses, limits: &Limits) -> (u64, Trouble) {
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
