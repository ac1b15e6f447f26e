// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A turn: what has come from the device, and what is due, is dealt with, a bounded amount of it.

use crate::channel::Channel;
use crate::counters::count;
use crate::error::Failure;
use crate::quota::Owner;
use crate::recovery::Trouble;
use crate::slot::{SlotId, State, Waiter};
use crate::trace::Trace;
use crate::transfer::Reply;
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE};
use scmi::{Header, Status};
use virtqueue::Violation;

/// Somebody to tell, while a turn goes on.
pub enum Output<'m> {
    /// A blocked client's transfer ended: copy the answer, reply, and [`Channel::finish`] the slot.
    Ended {
        /// The client.
        owner: Owner,
        /// What the server gave with the command.
        cookie: u32,
        /// The slot to finish.
        slot: SlotId,
        /// The answer, or why there is none.
        result: Result<Reply<'m>, Failure>,
    },
    /// Post these notification bits to the client: a transfer can be polled, or events fetched.
    Post {
        /// The client.
        owner: Owner,
        /// Never 0.
        bits: u32,
    },
    /// The platform answered to the client that is blocked in subscribing.
    Subscribed {
        /// The client.
        owner: Owner,
        /// Whether the event is on.
        result: Result<(), Failure>,
    },
}

/// What to do after a turn.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum After {
    /// Nothing is left: wait for an interrupt, a request, or [`Channel::next_wake`].
    Sleep,
    /// Something came in the last moment: run another turn.
    Again,
    /// The device floods: others must get their turn first. Leave its interrupt off and run another turn in a millisecond.
    Yield,
}

/// The work that a turn may still do.
pub(crate) struct Turn {
    commands_left: u16,
    events_left: u16,
    /// Something was taken from the event ring since its interrupt was last asked for.
    events_taken: bool,
    /// A turn is wanted although no interrupt may come.
    pub(crate) wanted: bool,
}

impl Turn {
    pub(crate) const NEW: Self = Self {
        commands_left: 0,
        events_left: 0,
        events_taken: false,
        wanted: false,
    };
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Begins a turn: as much as both rings hold at once may be dealt with. Then call [`Channel::next`] until `None`,
    /// [`Channel::kick`], and [`Channel::end_turn`].
    #[inline]
    pub fn begin_turn(&mut self, now: u64) {
        self.clock = now;
        self.turn.wanted = false;
        self.turn.commands_left = self.commands.size();
        self.turn.events_left = self.event_ring();
        // V12. With EVENT_IDX there is nothing to do: the device has told us, and will not again until we ask.
        if !self.commands.event_idx() {
            self.commands.suppress_interrupts();
            if self.has_events() {
                self.events.suppress_interrupts();
            }
        }
    }

    /// The device interrupted.
    #[inline]
    pub fn interrupted(&mut self) {
        count(&mut self.counters.interrupts);
    }

    /// Whether a turn should be run although no interrupt and no time asked for it.
    pub fn wants_turn(&self) -> bool {
        self.turn.wanted
    }

    /// Whether the device has put something into a ring that no turn has dealt with yet.
    #[inline]
    pub fn has_used(&self) -> bool {
        self.commands.has_used() || (self.has_events() && self.events.has_used())
    }

    /// Ends a turn: interrupts are wanted again, unless everybody polls or the device floods (V13).
    #[inline]
    pub fn end_turn(&mut self) -> After {
        if self.recovery.trouble.is_some() {
            return After::Again;
        }
        let commands_spent = self.commands.size() > 0 && self.turn.commands_left == 0;
        if commands_spent || (self.has_events() && self.turn.events_left == 0) {
            return After::Yield;
        }
        let mut slipped_in = self.turn.wanted;
        if self.interruptible == 0 && self.in_flight > 0 {
            self.quiet = true;
            self.commands.suppress_interrupts();
        } else if self.commands.size() > 0 {
            self.quiet = false;
            slipped_in |= self.commands.enable_interrupts();
        }
        if self.has_events() && (self.turn.events_taken || !self.events.event_idx()) {
            self.turn.events_taken = false;
            slipped_in |= self.events.enable_interrupts();
        }
        if slipped_in {
            After::Again
        } else {
            After::Sleep
        }
    }

    /// Deals with the next thing that has come or is due, until there is somebody to tell. `None`: the turn is over.
    ///
    /// Commands come before events, so that no flood of events delays them, and both before deadlines: an answer that
    /// is there in time counts, however late it is looked at.
    pub fn next(&mut self, now: u64) -> Option<Output<'m>> {
        loop {
            // Before anything that could bring the next announcement.
            if self.announce.0 != 0 {
                return self.next_announcement();
            }
            if let Some(id) = self.untold.pop() {
                if let Some(output) = self.tell(id, now) {
                    return Some(output);
                }
                continue;
            }
            if self.turn.commands_left > 0 && self.commands.size() > 0 {
                match self.commands.take_used() {
                    Ok(Some(used)) => {
                        self.turn.commands_left -= 1;
                        self.recovery.progress = now;
                        if let Some(id) = self.command_used(used, now)
                            && let Some(output) = self.tell(id, now)
                        {
                            return Some(output);
                        }
                        continue;
                    }
                    Err(violation) => {
                        self.turn.commands_left -= 1;
                        self.violated(COMMAND_QUEUE, violation);
                        continue;
                    }
                    Ok(None) => {}
                }
            }
            if self.has_events() && self.turn.events_left > 0 {
                match self.events.take_used() {
                    Ok(Some(used)) => {
                        self.turn.events_left -= 1;
                        self.turn.events_taken = true;
                        if let Some(id) = self.event_used(used, now)
                            && let Some(output) = self.tell(id, now)
                        {
                            return Some(output);
                        }
                        continue;
                    }
                    Err(violation) => {
                        self.turn.events_left -= 1;
                        self.turn.events_taken = true;
                        self.violated(EVENT_QUEUE, violation);
                        continue;
                    }
                    Ok(None) => {}
                }
            }
            if self.posts_first | self.posts != 0 {
                if let Some(output) = self.next_post() {
                    return Some(output);
                }
                continue;
            }
            if self.turn.commands_left > 0
                && let Some(id) = self.wheel.expire(&mut self.slots, now)
            {
                self.expired(id, now);
                if let Some(output) = self.tell(id, now) {
                    return Some(output);
                }
                continue;
            }
            if !self.work_subscriptions(now) {
                return None;
            }
        }
    }

    /// A transfer's time is up.
    fn expired(&mut self, id: SlotId, now: u64) {
        let slot = self.slots.get(id);
        let failure = if slot.state == State::AwaitingDelayed {
            self.tokens.retire(Header::unpack(slot.header).token);
            Failure::DelayedTimedOut
        } else {
            Failure::TimedOut
        };
        self.conclude(id, Err(failure), now);
    }

    /// Tells whoever waits that a transfer ended. Returns what the server must do, if anything.
    fn tell(&mut self, id: SlotId, now: u64) -> Option<Output<'m>> {
        let slot = self.slots.get(id);
        let owner = slot.owner;
        match slot.waiter {
            Waiter::Exchange { cookie } => Some(Output::Ended {
                owner,
                cookie,
                slot: id,
                result: self.result(id),
            }),
            Waiter::Handle { bits: 0 } => None,
            Waiter::Handle { bits } => Some(Output::Post { owner, bits }),
            Waiter::Subscription(number) => {
                let end = self.own_end(id);
                self.switched(number, end, now);
                None
            }
            Waiter::Probe => {
                let end = self.own_end(id);
                if end.is_ok() {
                    self.recovered(now);
                } else if end != Err(Failure::DeviceReset) {
                    self.attempt_failed(now);
                }
                None
            }
        }
    }

    /// The end of a command of the driver's own, whose slot is free with that.
    fn own_end(&mut self, id: SlotId) -> Result<Status, Failure> {
        let end = self.slots.get(id).end;
        self.finish(id);
        end.map(|answer| Status::from_raw(answer.status))
    }

    fn next_announcement(&mut self) -> Option<Output<'m>> {
        let (clients, result) = self.announce;
        let number = clients.trailing_zeros();
        self.announce.0 = clients & clients.wrapping_sub(1);
        let owner = self.clients.get(number as usize)?.owner;
        Some(Output::Subscribed { owner, result })
    }

    fn next_post(&mut self) -> Option<Output<'m>> {
        let clients = if self.posts_first != 0 {
            &mut self.posts_first
        } else {
            &mut self.posts
        };
        let number = clients.trailing_zeros();
        *clients &= clients.wrapping_sub(1);
        let client = self.clients.get(number as usize)?;
        (client.config.event_bits != 0 && client.owner != Owner::NOBODY).then_some(Output::Post {
            owner: client.owner,
            bits: client.config.event_bits,
        })
    }

    fn violated(&mut self, queue: u16, violation: Violation) {
        count(&mut self.counters.err_protocol);
        self.trace(Trace::Violation { queue, violation });
        self.recovery.violations = self.recovery.violations.saturating_add(1);
        // A daemon that survives a reset may give back everything once that an earlier life had posted.
        let tolerated = 16 + 2 * (u32::from(self.commands.size()) + u32::from(self.event_ring()));
        if violation.needs_reset() {
            self.recovery.report(Trouble::RingBroken);
        } else if self.recovery.violations > tolerated {
            self.recovery.report(Trouble::TooManyViolations);
        }
    }
}
