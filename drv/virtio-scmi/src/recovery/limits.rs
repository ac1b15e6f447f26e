// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Times and limits of recovery, and what makes the device be reset.

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
