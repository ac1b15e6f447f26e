// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A turn: what has come from the device, and what is due, is dealt with, a bounded amount of it.

use crate::channel::{Channel, Clock};
use crate::clients::Owner;
use crate::counters::Count;
use crate::error::Failure;
use crate::interrupts::Suppression;
use crate::outbox::Message;
use crate::recovery::Trouble;
use crate::trace::Trace;
use crate::transfer::Reply;
use crate::transfers::{Handle, SlotId, State, Waiter};
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE};
use scmi::{Header, Status};
use virtqueue::{Used, Violation, Virtqueue};

/// Somebody to tell, while a turn goes on.
pub(crate) enum Output<'m> {
    /// A blocked client's transfer ended: copy the answer, reply, and [`Channel::finish`] the slot.
    Ended {
        /// The client.
        owner: Owner,
        /// The slot to finish.
        slot: SlotId,
        /// What the client's command was given as.
        handle: Handle,
        /// The answer, or why there is none.
        result: Result<Reply<'m>, Failure>,
    },
    /// Something else to tell a client.
    Message(Message),
}

/// What to do after a turn.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum After {
    /// Nothing is left: wait for an interrupt, a request, or [`Channel::next_wake`].
    Sleep,
    /// Something came in the last moment: run another turn.
    Again,
    /// The device floods: others must get their turn first. Leave its interrupt off and run another turn in a millisecond.
    Yield,
}

/// A turn may deal with so many events even if the ring is smaller: one event is no flood.
const EVENTS_MIN: u16 = 8;

/// The work that a turn may still do.
pub(crate) struct Turn {
    commands_left: u16,
    events_left: u16,
    /// The time, if the turn has it: then deadlines are looked at.
    pub(crate) time: Option<u64>,
    /// A turn is wanted although no interrupt may come.
    pub(crate) wanted: bool,
    /// Somebody is to be told something that no ring brings.
    pub(crate) chores: bool,
}

impl Turn {
    pub(crate) const NEW: Self = Self {
        commands_left: 0,
        events_left: 0,
        time: None,
        wanted: false,
        chores: false,
    };
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Begins a turn: as much as both rings hold at once may be dealt with. Then call [`Channel::next`] until `None`,
    /// [`Channel::kick`], and [`Channel::end_turn`].
    ///
    /// With the time, deadlines that have passed are dealt with too: for turns that [`Channel::next_wake`] or
    /// a tick asked for.
    #[inline]
    pub(crate) fn begin_turn(&mut self, time: Option<u64>) {
        self.turn.wanted = false;
        self.turn.commands_left = self.commands.size();
        self.turn.events_left = self.event_ring().max(EVENTS_MIN);
        self.turn.time = time;
        if let Some(now) = time {
            self.recovery.tick(now);
            // The time that was lost is the transfer's gain.
            self.tick(now);
        }
        let events = self.event_queue.then_some(&mut self.events);
        Suppression::begin_turn(&mut self.commands, events);
    }

    /// The device interrupted. Returns how often it did, modulo 2^32.
    #[inline]
    pub(crate) fn interrupted(&mut self) -> u32 {
        self.journal.count(Count::Interrupts);
        self.journal.counters().interrupts
    }

    /// Whether a turn should be run although no interrupt and no time asked for it.
    pub(crate) fn wants_turn(&self) -> bool {
        self.turn.wanted
    }

    /// Whether somebody waits for an interrupt of the command ring.
    #[inline]
    pub(crate) fn awaits_interrupt(&self) -> bool {
        self.interruptible > 0
    }

    /// Whether the device has put something into a ring that no turn has dealt with yet.
    #[inline]
    pub(crate) fn has_used(&self) -> bool {
        self.commands.has_used() || (self.has_events() && self.events.has_used())
    }

    /// Changes with everything that is taken from a ring, modulo 2^32.
    pub(crate) fn progress(&self) -> u32 {
        u32::from(self.commands.used_index()) << 16 | u32::from(self.events.used_index())
    }

    /// Ends a turn: interrupts are wanted again, unless everybody polls or the device floods (V13).
    #[inline]
    pub(crate) fn end_turn(&mut self) -> After {
        if self.recovery.trouble.is_some() {
            return After::Again;
        }
        let commands_spent = self.commands.size() > 0 && self.turn.commands_left == 0;
        if commands_spent || (self.has_events() && self.turn.events_left == 0) {
            return After::Yield;
        }
        let awaited = self.interruptible > 0 || self.in_flight == 0;
        let events = self.event_queue.then_some(&mut self.events);
        let slipped_in = self
            .suppression
            .end_turn(awaited, &mut self.commands, events)
            | self.turn.wanted;
        if slipped_in {
            After::Again
        } else {
            After::Sleep
        }
    }

    /// Deals with the next thing that has come or is due, until there is somebody to tell. `None`: the turn is over.
    ///
    /// Commands come before events, so that no flood of events delays them, and both before deadlines: an answer that
    /// is there in time counts, however late it is looked at. The device is judged last.
    #[inline]
    pub(crate) fn next(&mut self, clock: &mut impl Clock) -> Option<Output<'m>> {
        loop {
            let ended = if self.turn.chores {
                // Before anything that could bring another announcement.
                if self.outbox.has_answers() {
                    return self.outbox.next_answer(&self.clients).map(Output::Message);
                }
                // What a reset ended.
                let id = self.books.untold.pop();
                self.turn.chores = id.is_some();
                id
            } else if self.turn.commands_left > 0 && self.commands.has_used() {
                self.suppression.command_taken();
                match take(&mut self.commands, &mut self.turn.commands_left) {
                    Ok(Some(used)) => {
                        self.recovery.moved = true;
                        self.command_used(used, clock)
                    }
                    Ok(None) => None,
                    Err(violation) => self.violated(COMMAND_QUEUE, violation, clock),
                }
            } else if self.turn.events_left > 0 && self.events.has_used() {
                self.suppression.event_taken();
                match take(&mut self.events, &mut self.turn.events_left) {
                    Ok(Some(used)) => self.event_used(used, clock),
                    Ok(None) => None,
                    Err(violation) => self.violated(EVENT_QUEUE, violation, clock),
                }
            } else if self.outbox.has_posts() {
                if let Some(post) = self.outbox.next_post(&self.clients) {
                    return Some(Output::Message(post));
                }
                None
            } else if let Some(id) = self.next_expired() {
                Some(id)
            } else if !self.subscriptions.is_idle() && self.work_subscriptions(clock) {
                None
            } else {
                self.judge();
                return None;
            };
            if let Some(id) = ended
                && let Some(output) = self.tell(id, clock)
            {
                return Some(output);
            }
        }
    }

    /// A transfer whose time is up. Not before all answers that are there were looked at.
    #[inline]
    fn next_expired(&mut self) -> Option<SlotId> {
        let now = self.turn.time?;
        if self.turn.commands_left == 0 {
            return None;
        }
        self.expire(now)
    }

    #[inline(never)]
    fn expire(&mut self, now: u64) -> Option<SlotId> {
        while let Some(id) = self.books.deadlines.expire(&mut self.books.slots, now) {
            let slot = self.books.slots.get(id);
            let token = Header::unpack(slot.header).token;
            let failure = match slot.state {
                State::Owed => {
                    self.books.tokens.retire(token);
                    self.settle(id);
                    continue;
                }
                State::AwaitingDelayed => {
                    self.books.tokens.retire(token);
                    Failure::DelayedTimedOut
                }
                _ => Failure::TimedOut,
            };
            self.conclude(id, Err(failure), now);
            return Some(id);
        }
        None
    }

    /// Tells whoever waits that a transfer ended. Returns what the server must do, if anything.
    #[inline]
    fn tell(&mut self, id: SlotId, clock: &mut impl Clock) -> Option<Output<'m>> {
        let slot = self.books.slots.get(id);
        match slot.waiter {
            Waiter::Exchange => Some(Output::Ended {
                owner: slot.owner,
                slot: id,
                handle: slot.handle,
                result: self.result(id),
            }),
            Waiter::Handle { bits: 0 } => None,
            Waiter::Handle { bits } => Some(Output::Message(Message::Post(slot.owner, bits))),
            Waiter::Subscription(number) => {
                self.own_ended(id, Some(number), clock);
                None
            }
            Waiter::Probe => {
                self.own_ended(id, None, clock);
                None
            }
        }
    }

    /// A command of the driver's own ended: one that switches an event, or the probe.
    #[cold]
    #[inline(never)]
    fn own_ended(&mut self, id: SlotId, subscription: Option<u16>, clock: &mut impl Clock) {
        let now = clock.now();
        let end = self.own_end(id);
        match subscription {
            Some(number) => self.switched(number, end, now),
            None if end.is_ok() => self.recovered(now),
            // The attempt that follows a reset has been counted.
            None if end == Err(Failure::DeviceReset) => {}
            None => self.attempt_failed(now),
        }
    }

    /// The end of a command of the driver's own, whose slot is free with that.
    fn own_end(&mut self, id: SlotId) -> Result<Status, Failure> {
        let end = self.books.slots.get(id).end;
        self.finish(id);
        end.map(|answer| Status::from_raw(answer.status))
    }

    /// Notes what the device must not do. No transfer ends by it.
    #[cold]
    #[inline(never)]
    fn violated(
        &mut self,
        queue: u16,
        violation: Violation,
        clock: &mut impl Clock,
    ) -> Option<SlotId> {
        self.journal.count(Count::ErrProtocol);
        self.journal.trace(Trace::Violation { queue, violation });
        let (commands, events) = (self.commands.size(), self.event_ring());
        let too_many = match violation {
            // The device meant some chain, which it will not give back any more: an eighth of the ring may get lost so.
            Violation::OutOfRange { .. } | Violation::NotAHead { .. } if queue == COMMAND_QUEUE => {
                let strays = self.recovery.command_strays.add(clock.now());
                strays >= u32::from(commands / 8).max(1)
            }
            Violation::OutOfRange { .. } | Violation::NotAHead { .. } => {
                let strays = &mut self.recovery.event_strays;
                *strays = strays.saturating_add(1);
                *strays >= (events / 8).max(1)
            }
            // A daemon that survives a reset may give back everything once that an earlier life had posted.
            _ => {
                let tolerated = 16 + 2 * (u32::from(commands) + u32::from(events));
                self.recovery.violations.add(clock.now()) > tolerated
            }
        };
        if violation.needs_reset() {
            self.recovery.report(Trouble::RingBroken);
        } else if too_many {
            self.recovery.report(Trouble::TooManyViolations);
        }
        None
    }
}

/// Takes the next chain that came back, as long as the turn may go on with this ring.
// A function of its own, and one for both rings: what it needs of the queue lies together, and far from what its caller needs.
#[inline(never)]
fn take<const N: usize>(
    queue: &mut Virtqueue<'_, N>,
    left: &mut u16,
) -> Result<Option<Used>, Violation> {
    let taken = queue.take_used();
    if taken != Ok(None) {
        *left = left.wrapping_sub(1);
    }
    taken
}
