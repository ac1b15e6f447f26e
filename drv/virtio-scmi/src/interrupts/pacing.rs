// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pacing: when the device may interrupt, and when the timer looks at the rings instead.
//!
//! The kernel masks an interrupt when it posts it. It is unmasked after the turn that it asked for, with three exceptions:
//!
//! | exception | until |
//! |---|---|
//! | everybody polls, on a device that does not respect that interrupts are suppressed | somebody waits for an interrupt, or nobody polls any more |
//! | the device floods a ring | the turn a millisecond later |
//! | the line is *held off*: it interrupted eight times in 10 ms, and there was nothing to do | a pause is over, which doubles from 10 ms to 1 s each time that the line is found to be no better |
//!
//! While an interrupt is masked, a timer stands in for it: every millisecond while commands are in flight, else every ten.

use crate::system::Plan;
use crate::transfers::LATENESS;

/// Pause of a flooding device's interrupt, in milliseconds.
const FLOOD_PAUSE: u64 = 1;
/// Where the timer stands in for the interrupt, how long the rings are not looked at, in milliseconds: while commands are in flight, and
/// while only events can come. The first is also how long an event may wait while everybody polls, since it has no interrupt then.
const BUSY_PAUSE: u64 = 1;
const IDLE_PAUSE: u64 = 10;
/// So many interrupts without work within so many milliseconds, and the line is held off. A line that stays up interrupts dozens of
/// times in a millisecond; the window is wider because an emulated processor may be slow.
const IDLE_INTERRUPTS: u32 = 8;
const IDLE_WINDOW: u64 = 10;
/// How long the line is held off at first and at most, in milliseconds; and how long it must have been in order for the first to
/// count again.
const HOLD_FIRST: u64 = 10;
const HOLD_LONGEST: u64 = 1_000;
const HOLD_FORGOTTEN: u64 = 1_000;

/// What the driver waits for when nothing is left to do.
pub(crate) struct Outlook {
    /// When time demands something.
    pub(crate) next: Option<u64>,
    /// Deadlines are to be put on the clock soon.
    pub(crate) tick: bool,
    /// Commands are in flight.
    pub(crate) busy: bool,
}

/// Decides when the device may interrupt, and when the timer fires to look at the rings instead. It is told of each interrupt
/// and of the timer, and [`Pacing::rest`] or [`Pacing::pause`] is called after each turn.
pub(crate) struct Pacing {
    /// The device's interrupt is not ours: the timer stands in for it, always.
    by_timer: bool,
    mask: Mask,
    /// When the kernel's timer fires; `u64::MAX`: it is off.
    timer: u64,
    /// It fires soon enough for deadlines that are not on the clock yet.
    ticking: bool,
    line: Line,
}

/// Whether the device's interrupt is masked.
#[derive(Copy, Clone, Eq, PartialEq)]
enum Mask {
    /// It may come.
    Open,
    /// It came, and nobody has asked for the next one.
    Masked,
    /// It is held off.
    Held,
}

/// How the interrupt line behaves. It is looked at once in [`IDLE_INTERRUPTS`].
struct Line {
    /// What changes with everything that is taken from a ring, when it was looked at last, and when that was.
    progress: u32,
    since: u64,
    /// When it is held off no longer, or was last.
    until: u64,
    pause: u64,
}

impl Line {
    /// So many more interrupts have come. Returns whether the line is held off from now on.
    fn look(&mut self, progress: u32, now: u64) -> bool {
        let idle = progress == self.progress && now.saturating_sub(self.since) <= IDLE_WINDOW;
        self.progress = progress;
        self.since = now;
        if !idle {
            return false;
        }
        self.pause = if now.saturating_sub(self.until) < HOLD_FORGOTTEN {
            (self.pause * 2).clamp(HOLD_FIRST, HOLD_LONGEST)
        } else {
            HOLD_FIRST
        };
        self.until = now.saturating_add(self.pause);
        true
    }
}

impl Pacing {
    /// Pacing of a device that is not there yet.
    pub(crate) const fn new() -> Self {
        Self {
            by_timer: false,
            mask: Mask::Open,
            timer: u64::MAX,
            ticking: false,
            line: Line {
                progress: 0,
                since: 0,
                until: 0,
                pause: 0,
            },
        }
    }

    /// There is a device now. `by_timer`: its interrupt is not ours, so the timer alone looks at the rings.
    pub(crate) fn start(&mut self, by_timer: bool) {
        self.by_timer = by_timer;
    }

    /// Whether the device's interrupt is not ours.
    pub(crate) fn is_by_timer(&self) -> bool {
        self.by_timer
    }

    /// Whether the device's interrupt is masked, so that it must be acknowledged whenever the rings are looked at.
    pub(crate) fn is_masked(&self) -> bool {
        self.mask != Mask::Open
    }

    /// Whether the interrupt is held off, because it came again and again without work.
    pub(crate) fn is_held(&self) -> bool {
        self.mask == Mask::Held
    }

    /// The timer fired: it is off now.
    pub(crate) fn timer_fired(&mut self, now: impl FnOnce() -> u64) {
        self.timer = u64::MAX;
        self.ticking = false;
        if self.is_held() && now() >= self.line.until {
            self.mask = Mask::Masked;
        }
    }

    /// The device interrupted, for the `count`th time, and its interrupt is masked. To be called before the turn. `progress` changes with
    /// everything that is taken from a ring. Returns whether the interrupt is held off from now on.
    pub(crate) fn interrupted(
        &mut self,
        count: u32,
        progress: u32,
        now: impl FnOnce() -> u64,
    ) -> bool {
        if self.stands_in() {
            // The bit was posted by a task, or by an interrupt that is not the device's.
            return false;
        }
        let held = count.is_multiple_of(IDLE_INTERRUPTS) && self.line.look(progress, now());
        self.mask = if held { Mask::Held } else { Mask::Masked };
        held
    }

    /// Asks for the next interrupt, if anybody wants one. To be called when a turn found nothing more, or an operation needed none.
    pub(crate) fn rest(&mut self, wanted: impl FnOnce() -> bool, plan: &mut Plan) {
        if self.mask == Mask::Masked && wanted() {
            self.mask = Mask::Open;
            plan.unmask = true;
        }
    }

    /// Whether the timer looks at the rings in place of the interrupt.
    pub(crate) fn stands_in(&self) -> bool {
        self.by_timer || self.is_held()
    }

    /// Sets the timer to what the channel waits for, unless it fires before that anyhow; `watch`: and to look at the rings of a device
    /// that may put something there.
    pub(crate) fn rearm(
        &mut self,
        outlook: &Outlook,
        watch: bool,
        now: impl FnOnce() -> u64,
        plan: &mut Plan,
    ) {
        let watch = watch && self.stands_in();
        let mut next = outlook.next.unwrap_or(u64::MAX);
        if watch || (!self.ticking && outlook.tick) {
            let pause = match (watch, outlook.busy) {
                (false, _) => LATENESS,
                (true, false) => IDLE_PAUSE,
                (true, true) => BUSY_PAUSE,
            };
            next = next.min(now().saturating_add(pause));
            // In place of an interrupt the timer may have to fire earlier than it was set to, whatever that was for.
            self.ticking |= !watch;
        }
        if next < u64::MAX {
            self.wake_at(next, plan);
        }
    }

    /// A notification was dealt with: if the interrupt stays masked, the timer fires within a millisecond, for an event above all.
    pub(crate) fn stand_in(&mut self, now: impl FnOnce() -> u64, plan: &mut Plan) {
        if self.mask == Mask::Masked {
            self.wake_at(now().saturating_add(BUSY_PAUSE), plan);
        }
    }

    /// The device floods: the next turn is a millisecond later.
    #[cold]
    pub(crate) fn pause(&mut self, now: u64, plan: &mut Plan) {
        self.wake_at(now.saturating_add(FLOOD_PAUSE), plan);
        self.ticking = true;
    }

    /// Has the timer fire at a time, or before.
    fn wake_at(&mut self, time: u64, plan: &mut Plan) {
        if time < self.timer {
            self.timer = time;
            plan.timer = Some(time);
        }
    }
}
