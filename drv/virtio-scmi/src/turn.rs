// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A turn: what has come from the device, and what is due, is dealt with, a bounded amount of it.

use crate::clients::{Arrival, EventKind, Owner, Payer, Payload, SOURCE_WORD};
use crate::counters::Count;
use crate::driver::{Driver, Plan, System};
use crate::error::Failure;
use crate::events::{Answered, Key, Work};
use crate::interrupts::Suppression;
use crate::outbox::Message;
use crate::recovery::{Losses, Trouble};
use crate::trace::Trace;
use crate::transfers::{Came, Opening, Response, SlotId, Waiter};
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE, Transport};
use scmi::limits::HEADER_LEN;
use scmi::protocol::common::PROTOCOL_VERSION;
use scmi::{Header, MessageType, Protocol, Status};
use virtqueue::{Used, Violation};

/// How often a turn is repeated because something came in its last moment, before others get theirs.
const TURNS: u8 = 4;

/// A turn may deal with so many events even if the ring is smaller: one event is no flood.
const EVENTS_MIN: u16 = 8;

/// A moment of the driver's time: the clock is read when it is first needed, and not again.
pub(crate) struct Moment<'s, S> {
    system: &'s mut S,
    now: Option<u64>,
}

impl<'s, S: System> Moment<'s, S> {
    pub(crate) fn new(system: &'s mut S) -> Self {
        Self { system, now: None }
    }

    /// Milliseconds since boot.
    pub(crate) fn now(&mut self) -> u64 {
        *self.now.get_or_insert_with(|| self.system.now())
    }
}

/// The work that a turn may still do.
struct Turn {
    commands_left: u16,
    events_left: u16,
    /// The time, if the turn has it: then deadlines are looked at.
    time: Option<u64>,
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Driver<'m, RING, SLOTS, EVENTS>
{
    /// Deals with what the device has done and, if `timed`, with what time demands.
    pub(crate) fn turns(
        &mut self,
        timed: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
        plan: &mut Plan,
    ) {
        for _ in 0..TURNS {
            let moment = &mut Moment::new(system);
            let mut time = None;
            if timed || self.recovery.is_in_trouble() {
                let now = moment.now();
                self.maintain(transport, now);
                time = Some(now);
            }
            let mut turn = self.begin_turn(time);
            while self.step(&mut turn, moment) {}
            self.kick(transport);
            if self.recovery.is_in_trouble() {
                continue;
            }
            let spent = |size, left| size > 0 && left == 0;
            if spent(self.command_ring(), turn.commands_left)
                || spent(self.event_ring(), turn.events_left)
            {
                break;
            }
            if !self.end_turn() {
                return self.rest(&mut Moment::new(system), plan);
            }
        }
        self.journal.trace(Trace::Flood);
        self.pacing.pause(system.now(), plan);
    }

    /// Begins a turn: as much as both rings hold at once may be dealt with. With the time, deadlines that have passed are dealt with too.
    fn begin_turn(&mut self, time: Option<u64>) -> Turn {
        self.pacing.begin_turn();
        if let Some(now) = time {
            self.recovery.tick(now);
            // The time that was lost is the transfer's gain.
            self.transfers.tick(now);
        }
        Suppression::begin_turn(self.transfers.ring_mut(), self.events.ring_mut());
        Turn {
            commands_left: self.command_ring(),
            events_left: self.event_ring().max(EVENTS_MIN),
            time,
        }
    }

    /// Ends a turn. Returns whether another one is wanted (V13).
    fn end_turn(&mut self) -> bool {
        let awaited = self.transfers.awaits_interrupt() || self.transfers.in_flight() == 0;
        let slipped_in =
            self.suppression
                .end_turn(awaited, self.transfers.ring_mut(), self.events.ring_mut());
        slipped_in || self.pacing.wants_turn()
    }

    /// Nothing is left to do: asks for the interrupt, and has the timer fire when something is due.
    pub(crate) fn rest(&mut self, moment: &mut Moment<'_, impl System>, plan: &mut Plan) {
        let wanted = !self.suppression.is_polling() || self.transfers.awaits_interrupt();
        self.pacing.rest(wanted, plan);
        if !self.transfers.deadlines().take_changed() && !self.pacing.stands_in() {
            return;
        }
        if self.transfers.deadlines().wants_clock() {
            self.transfers.tick(moment.now());
        }
        let losses = self.losses();
        let next = match (
            self.recovery.wake(losses.as_ref()),
            self.transfers.next_deadline(),
        ) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let tick = self.transfers.deadlines().wants_tick();
        // Nothing comes from a device that is given up.
        let watch = !self.recovery.is_down();
        let busy = self.transfers.in_flight() > 0;
        self.pacing
            .rearm(next, tick, watch, busy, || moment.now(), plan);
    }

    /// Deals with the next thing that has come or is due. `false`: there is nothing left.
    ///
    /// Commands come before events, so that no flood of events delays them, and both before deadlines: an answer that
    /// is there in time counts, however late it is looked at. The device is judged last.
    fn step(&mut self, turn: &mut Turn, moment: &mut Moment<'_, impl System>) -> bool {
        if self.outbox.has_answers() {
            // Before anything that could bring another answer.
            if let Some(message) = self.outbox.next_answer(&self.clients) {
                self.tell(message, moment);
            }
        } else if self.transfers.has_untold() {
            // What a reset ended.
            if let Some(id) = self.transfers.next_untold() {
                self.ended(id, moment);
            }
        } else if turn.commands_left > 0 && self.transfers.ring().has_used() {
            turn.commands_left -= 1;
            self.suppression.command_taken();
            match self.transfers.take_used() {
                Ok(Some(used)) => self.replied(used, moment),
                Ok(None) => {}
                Err(violation) => self.violated(COMMAND_QUEUE, violation, moment.now()),
            }
        } else if turn.events_left > 0 && self.events.has_used() {
            turn.events_left -= 1;
            self.suppression.event_taken();
            match self.events.take_used() {
                Ok(Some(used)) => self.event_used(used, moment),
                Ok(None) => {}
                Err(violation) => self.violated(EVENT_QUEUE, violation, moment.now()),
            }
        } else if self.outbox.has_posts() {
            if let Some(message) = self.outbox.next_post(&self.clients) {
                self.tell(message, moment);
            }
        } else if let Some(id) = self.next_expired(turn) {
            self.ended(id, moment);
        } else if !self.subscriptions.is_idle() && self.work_subscriptions(moment) {
        } else {
            if let Some(now) = turn.time {
                self.recovery.judge(now, self.losses().as_ref());
            }
            return false;
        }
        true
    }

    /// Tells a client something that no ring brought.
    fn tell(&mut self, message: Message, moment: &mut Moment<'_, impl System>) {
        match message {
            Message::Post(owner, bits) => self.post(owner, bits, moment),
            Message::Subscribed(owner, result) => moment.system.subscribed(owner, result),
        }
    }

    fn post(&mut self, owner: Owner, bits: u32, moment: &mut Moment<'_, impl System>) {
        if !moment.system.post(owner, bits) {
            self.client_gone(owner, moment.system);
        }
    }

    /// A transfer ended: tells whoever waits for it.
    fn ended(&mut self, id: SlotId, moment: &mut Moment<'_, impl System>) {
        let (waiter, owner, handle) = self.transfers.waiter(id);
        match waiter {
            Waiter::Exchange => {
                let result = self.transfers.result(id, &self.events);
                moment.system.ended(owner, handle, result);
                self.finish(id);
            }
            Waiter::Handle { bits: 0 } => {}
            Waiter::Handle { bits } => self.post(owner, bits, moment),
            Waiter::Subscription(number) => {
                let end = self.own_end(id);
                if let Some(answered) = self.subscriptions.answered(number, end) {
                    self.subscription_answered(&answered, end, moment.now());
                }
            }
            Waiter::Probe => match self.own_end(id) {
                Ok(_) => self.recovered(moment.now()),
                // The attempt that follows a reset has been counted.
                Err(Failure::DeviceReset) => {}
                Err(_) => self.attempt_failed(moment.now()),
            },
        }
    }

    /// The end of a command of the driver's own, whose slot is free with that.
    fn own_end(&mut self, id: SlotId) -> Result<Status, Failure> {
        let end = self.transfers.result(id, &self.events);
        let end = end.map(|reply| Status::from_raw(reply.status));
        self.finish(id);
        end
    }

    /// A chain of the command ring came back.
    fn replied(&mut self, used: Used, moment: &mut Moment<'_, impl System>) {
        self.recovery.moved();
        let came = self.transfers.replied(
            used,
            &self.events,
            &mut self.clients,
            &mut self.journal,
            || moment.now(),
        );
        match came {
            Came::Nothing => {}
            Came::End(id) => self.ended(id, moment),
            Came::Unparked(number) => self.unpark(number),
            Came::Late(number, end) => {
                if let Some(answered) = self.subscriptions.answered_late(number, end) {
                    self.subscription_answered(&answered, end, moment.now());
                }
            }
        }
    }

    /// A buffer of the event ring came back. It is given to the device again unless a transfer keeps it.
    fn event_used(&mut self, used: Used, moment: &mut Moment<'_, impl System>) {
        let now = moment.now();
        let number = used.head;
        if used.excess {
            self.journal.count(Count::Clamped);
        }
        let word = self.events.buffer(number).word(0);
        let len = used.len as usize;
        let mut ended = None;
        let mut keep = false;
        let header = Header::unpack(word);
        match header.message_type {
            _ if len < HEADER_LEN => self.journal.invalid(0, len),
            MessageType::Notification => self.notification(&header, number, len, now),
            MessageType::DelayedResponse => {
                let response = Response {
                    header: word,
                    buffer: number,
                    len,
                };
                (ended, keep) = self.transfers.responded(
                    response,
                    &self.events,
                    &mut self.clients,
                    &mut self.journal,
                    now,
                );
            }
            // D13: nobody may send type 1, and no reply comes through this ring.
            MessageType::Command | MessageType::Unused => self.journal.invalid(word, len),
        }
        if keep {
            self.events.park();
        } else {
            self.events.give_back(number, len);
        }
        if let Some(id) = ended {
            self.ended(id, moment);
        }
    }

    /// Puts an event into the inboxes of those who want it. Costs O(clients that want it).
    fn notification(&mut self, header: &Header, number: u16, len: usize, now: u64) {
        let Some(event) = scmi::events::find(header.protocol, header.message) else {
            // N04: not ours to understand.
            self.journal.count(Count::EventsUnclaimed);
            return;
        };
        let payload = len - HEADER_LEN;
        if !event.length_is_valid(payload) {
            // N03.
            self.journal.invalid(header.pack(), len);
            return;
        }
        self.journal.count(Count::NotificationOk);
        let buffer = self.events.buffer(number);
        // Read here, once: it decides who is told, and they are told this one.
        let source = event
            .source_at
            .map(|_| buffer.word(HEADER_LEN / 4 + SOURCE_WORD));
        let (all, one) = self.subscriptions.followers_of(Key {
            protocol: header.protocol,
            event: header.message,
            source: source.unwrap_or(0),
        });
        if (all | one).is_empty() {
            // N09.
            self.journal.count(Count::EventsUnclaimed);
            return;
        }
        let arrival = Arrival {
            time: now,
            generation: self.setup.generation(),
            kind: EventKind::Event,
            protocol: header.protocol,
            event: header.message,
            source,
            payload: Payload::Buffer(buffer, payload),
        };
        let dropped = self.clients.deliver(all | one, &arrival);
        self.journal.count_many(Count::ErrMsgNomem, dropped);
        self.outbox.post_first(all);
        self.outbox.post(one);
    }

    /// The device did what it must not. No transfer ends by it.
    #[cold]
    fn violated(&mut self, queue: u16, violation: Violation, now: u64) {
        self.journal.count(Count::ErrProtocol);
        self.journal.trace(Trace::Violation { queue, violation });
        let (commands, events) = (self.command_ring(), self.event_ring());
        self.recovery
            .violated(queue, violation, commands, events, now);
    }

    /// A transfer whose time is up. Not before all answers that are there were looked at.
    fn next_expired(&mut self, turn: &Turn) -> Option<SlotId> {
        let now = turn.time.filter(|_| turn.commands_left > 0)?;
        self.transfers
            .expire(now, &mut self.clients, &mut self.journal)
    }

    /// Sends what subscriptions need to have sent, as far as the driver's own slots reach. `true`: something was done.
    fn work_subscriptions(&mut self, moment: &mut Moment<'_, impl System>) -> bool {
        match self.subscriptions.next_work(self.events.is_up()) {
            None => false,
            Some(Work::Settled(clients)) => {
                self.outbox.answer(clients, Ok(()));
                true
            }
            Some(Work::Send(request)) => {
                if !self.recovery.is_well() || self.clients.own().is_full() {
                    return false;
                }
                let waiter = Waiter::Subscription(request.number);
                let parameters = request.parameters.as_bytes();
                let sent = self.send_own(
                    waiter,
                    request.protocol,
                    request.message,
                    parameters,
                    moment.now(),
                );
                if sent.is_some() {
                    self.subscriptions.sent(&request);
                }
                // If no slot is free the entry keeps its place, and each turn tries again.
                sent.is_some()
            }
        }
    }

    /// The platform answered a command that switches an event, or failed to.
    fn subscription_answered(
        &mut self,
        answered: &Answered,
        end: Result<Status, Failure>,
        now: u64,
    ) {
        let Key {
            protocol,
            event,
            source,
        } = answered.key;
        if let Err(failure) = answered.result
            && failure != Failure::DeviceReset
        {
            self.journal.trace(Trace::EventRefused {
                protocol,
                event,
                status: end.map_or(0, Status::raw),
            });
        }
        self.outbox.keep(answered.kept);
        self.outbox.answer(answered.told, answered.result);
        if !answered.dropped.is_empty() {
            let arrival = Arrival {
                time: now,
                generation: self.setup.generation(),
                kind: EventKind::Ended,
                protocol,
                event,
                source: Some(source),
                payload: Payload::Source,
            };
            let dropped = self.clients.deliver(answered.dropped, &arrival);
            self.journal.count_many(Count::ErrMsgNomem, dropped);
            self.outbox.post(answered.dropped);
        }
    }

    /// Sends a command of the driver's own; `None`: no slot is free, or it cannot be sent. Its deadline counts from now on, when it is with
    /// the device.
    fn send_own(
        &mut self,
        waiter: Waiter,
        protocol: u8,
        message: u8,
        parameters: &[u8],
        now: u64,
    ) -> Option<SlotId> {
        let opening = Opening {
            payer: Payer::Driver,
            owner: Owner::NOBODY,
            waiter,
            protocol,
            message,
            patience: self.recovery.limits().own_deadline,
            delayed: false,
            polled: false,
            inspect: false,
        };
        let id = self.transfers.open(&opening, &mut self.clients)?;
        self.transfers.request(id).write(1, parameters);
        if self.submit(id, None, parameters.len()).is_err() {
            self.transfers.abort(id, &mut self.clients);
            return None;
        }
        self.transfers.put_on_clock(id, now);
        Some(id)
    }

    /// Does what time and the state of the device demand: begins recovery, makes the next attempt.
    fn maintain(&mut self, transport: &mut impl Transport, now: u64) {
        self.transfers.deadlines().changed();
        self.recovery.tick(now);
        if self.recovery.is_up() {
            if !self.recovery.is_in_trouble() && self.transfers.lost() > 0 {
                self.look_at_status(transport);
            }
            if let Some(trouble) = self.recovery.take_trouble() {
                self.begin_recovery(trouble, now);
            }
        }
        if self.recovery.is_due(now) {
            match self.set_up(transport, now) {
                Ok(()) => self.probe(transport, now),
                Err(error) => {
                    self.journal.trace(Trace::SetupFailed(error));
                    self.attempt_failed(now);
                }
            }
        }
    }

    #[cold]
    fn begin_recovery(&mut self, trouble: Trouble, now: u64) {
        self.journal.trace(Trace::Recovery(trouble));
        if matches!(trouble, Trouble::SlotsLost | Trouble::NoProgress) {
            let until = self.recovery.reset_for_losses(now);
            self.clients.expect_losses(until);
        }
        self.transfers
            .fail_all(now, &mut self.clients, &mut self.journal);
        // Who waits for a subscription that could not even be sent has it: it is armed when the device is back (N08).
        // The last answer was told in the last turn.
        self.outbox
            .answer(self.subscriptions.stop_waiting(), Ok(()));
        if !self.recovery.is_ready() {
            // In the middle of an attempt: it failed.
            return self.attempt_failed(now);
        }
        self.journal.count(Count::Recoveries);
        let until = self.recovery.begin(now);
        self.journal.trace(Trace::RetryAt(until));
    }

    #[cold]
    fn attempt_failed(&mut self, now: u64) {
        self.journal.count(Count::RecoveriesFailed);
        let until = self.recovery.next(now);
        self.journal.trace(Trace::RetryAt(until));
        if self.recovery.is_unavailable() {
            self.journal.trace(Trace::Unavailable);
        }
    }

    /// Asks the platform whether it is there: for the version of the Base protocol, which every platform has. The question does not
    /// wait for the driver's quota: commands that the reset ended may still count to it.
    fn probe(&mut self, transport: &mut impl Transport, now: u64) {
        let base = Protocol::Base.id();
        match self.send_own(Waiter::Probe, base, PROTOCOL_VERSION, &[], now) {
            Some(id) => {
                self.recovery.asked(id);
                self.kick(transport);
            }
            // Commands of the driver's own that the reset ended have its slots until they are looked at in this turn.
            None if self.clients.own().held() > 0 => {
                let until = self.recovery.next(now);
                self.journal.trace(Trace::RetryAt(until));
            }
            // All slots hold answers that nobody has fetched: the first command will show.
            None => self.recovered(now),
        }
    }

    /// The platform is there again: events are switched on again, and those who follow them are told. Costs O(clients +
    /// subscriptions).
    fn recovered(&mut self, now: u64) {
        self.recovery.ready(now);
        self.subscriptions.reset();
        let followers = self.subscriptions.followers();
        self.clients.resynchronise(followers, now);
        self.outbox.post(followers);
    }

    /// What is lost at the moment; `None`: nothing.
    fn losses(&self) -> Option<Losses> {
        let accounts = self.clients.accounts();
        Some(Losses {
            oldest: self.transfers.oldest_loss()?,
            count: self.transfers.lost(),
            slots: self.transfers.in_use(),
            short_since: accounts
                .filter_map(|(_, account)| account.short_since())
                .min(),
        })
    }
}
