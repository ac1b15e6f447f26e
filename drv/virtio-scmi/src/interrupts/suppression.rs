// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Suppression: which interrupts the device is asked for.
//!
//! None during a turn, and none of the command ring while everybody polls. A device may ignore that: see [`Pacing`](super::Pacing).

use virtqueue::Virtqueue;

/// What was asked for, and what has happened since.
pub(crate) struct Suppression {
    /// Interrupts of the command ring are suppressed, because all wait by polling.
    quiet: bool,
    /// Everybody polls, or did so a moment ago.
    polling: bool,
    /// Something was taken from the command ring, and from the event ring, since their interrupt was last asked for.
    commands_taken: bool,
    events_taken: bool,
}

impl Suppression {
    pub(crate) const fn new() -> Self {
        Self {
            quiet: false,
            polling: false,
            commands_taken: false,
            events_taken: false,
        }
    }

    /// The device was set up afresh: it may interrupt for either ring.
    pub(crate) fn reset(&mut self) {
        self.quiet = false;
    }

    /// A command is about to be sent while so many others wait for an interrupt. Returns whether something is in the ring already that
    /// will not interrupt any more.
    pub(crate) fn before_send<const N: usize>(
        &mut self,
        polled: bool,
        interruptible: u16,
        commands: &mut Virtqueue<'_, N>,
    ) -> bool {
        if polled {
            if interruptible == 0 && !self.quiet {
                self.quiet = true;
                self.polling = true;
                commands.suppress_interrupts();
            }
        } else if self.quiet {
            self.quiet = false;
            self.polling = false;
            return commands.enable_interrupts();
        }
        false
    }

    /// A turn begins (V12).
    pub(crate) fn begin_turn<const N: usize, const E: usize>(
        commands: &mut Virtqueue<'_, N>,
        events: Option<&mut Virtqueue<'_, E>>,
    ) {
        // With EVENT_IDX there is nothing to do: the device has told us, and will not again until we ask.
        if !commands.event_idx() {
            commands.suppress_interrupts();
            if let Some(events) = events {
                events.suppress_interrupts();
            }
        }
    }

    /// Something was taken from the command ring.
    pub(crate) fn command_taken(&mut self) {
        self.commands_taken = true;
    }

    /// Something was taken from the event ring.
    pub(crate) fn event_taken(&mut self) {
        self.events_taken = true;
    }

    /// A turn ends: interrupts are wanted again, unless everybody polls. `awaited`: whether somebody waits for an interrupt of the
    /// command ring, or nobody for anything. Returns whether something slipped in before they were (V13).
    pub(crate) fn end_turn<'e, 'm: 'e, const N: usize, const E: usize>(
        &mut self,
        awaited: bool,
        commands: &mut Virtqueue<'_, N>,
        events: impl FnOnce() -> Option<&'e mut Virtqueue<'m, E>>,
    ) -> bool {
        let mut slipped_in = false;
        // With EVENT_IDX what was asked for still holds if nothing came. Both rings have it, or none.
        let event_idx = commands.event_idx();
        if !awaited {
            self.quiet = true;
            commands.suppress_interrupts();
        } else if (self.commands_taken || self.quiet || !event_idx) && commands.size() > 0 {
            self.commands_taken = false;
            self.quiet = false;
            slipped_in |= commands.enable_interrupts();
        }
        if (self.events_taken || !event_idx)
            && let Some(events) = events()
        {
            self.events_taken = false;
            slipped_in |= events.enable_interrupts();
        }
        slipped_in
    }

    /// Whether interrupts of the command ring are suppressed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether everybody polls, or did so a moment ago: then an interrupt is likely to be of a polled command, on a device that does
    /// not respect that it is suppressed.
    pub(crate) fn is_polling(&self) -> bool {
        self.polling
    }

    /// A moment has passed: who has nothing in flight polls no more.
    pub(crate) fn forget_polling(&mut self) {
        self.polling &= self.quiet;
    }
}
