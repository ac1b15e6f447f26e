// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events for clients: subscribing, fetching, and what the platform is told about it.

use crate::channel::{Channel, Clock};
use crate::clients::{Arrival, ClientSet, EventKind, Fetched, Owner, Payload};
use crate::error::{Failure, Refusal};
use crate::recovery::Phase;
use crate::subscriptions::{ALL_SOURCES, Phase as Switch, Step};
use crate::trace::Trace;
use crate::transfers::Waiter;
use crate::transport::P2A_CHANNELS;
use scmi::events::{Sources, Thresholds};
use scmi::{Status, events};

/// How a wish to subscribe or unsubscribe stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Notified {
    /// Settled: reply.
    Done,
    /// The platform is asked first: [`System::subscribed`](crate::System::subscribed) will tell.
    Waiting,
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Subscribes a client to an event of a source, or of [`ALL_SOURCES`].
    ///
    /// The platform is asked for the first subscriber of a source, never for all sources: such a subscription sees what others have
    /// enabled. While the device is being recovered, or no slot is free, the subscription is kept and armed later (N08). Subscribing twice is
    /// once. Run a turn afterwards: it sends what there is to send.
    ///
    /// `thresholds` are for the event that has them. The platform knows one pair for each source, so it is told the widest of what clients
    /// want; a client may see events that only another asked for. Subscribing again with others replaces what a sole
    /// subscriber asked for. If the platform refuses that, the caller has no subscription any more, and others keep what they have.
    pub(crate) fn subscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        thresholds: Thresholds,
        clock: &mut impl Clock,
    ) -> Result<Notified, Refusal> {
        let result = self.try_subscribe(owner, protocol, event, source, thresholds, clock);
        if let Err(refusal) = result {
            self.count_refusal(refusal);
        }
        result
    }

    fn try_subscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        thresholds: Thresholds,
        clock: &mut impl Clock,
    ) -> Result<Notified, Refusal> {
        let id = self.any_client(owner, clock)?;
        if self.recovery.phase == Phase::Down {
            return Err(Refusal::NoDevice);
        }
        // While the device is recovered, what it had before is the best guess.
        if self.features() & P2A_CHANNELS == 0 {
            return Err(Refusal::EventsUnavailable);
        }
        let (source, switch) = known_event(protocol, event, source, thresholds)?;
        let config = self.clients.config(id).ok_or(Refusal::NotAClient)?;
        let only = (source != ALL_SOURCES).then_some(source);
        config.rules.check_event(protocol, switch, only)?;
        let table = &mut self.subscriptions;
        let new = !table.users(protocol, event, source).contains(id);
        if new && table.held_by(id) >= config.subscriptions {
            return Err(Refusal::SubscriptionQuota);
        }
        let number = match table.find(protocol, event, source) {
            Some(number) => number,
            // What the client has left takes a place until the platform has been told.
            None if table.held_by(id).saturating_add(table.left_by(id)) >= config.subscriptions => {
                return Err(Refusal::Busy);
            }
            None => table
                .insert(protocol, event, source)
                .ok_or(Refusal::SubscriptionQuota)?,
        };
        table.admit(number, id, thresholds);
        let entry = table.get_mut(number).ok_or(Refusal::SubscriptionQuota)?;
        let settled = entry.is_told() && (entry.phase == Switch::On || !new);
        if settled || source == ALL_SOURCES {
            return Ok(Notified::Done);
        }
        entry.ask(id);
        // Nobody is blocked for what could take for ever: a slot that others do not give back, or an answer that is overdue.
        let ready = self.recovery.phase == Phase::Ready
            && self.recovery.trouble.is_none()
            && self.free.len() > 0
            && self.clients.own().lost() < self.clients.own().quota()
            && !entry.overdue;
        if ready {
            entry.wait(id);
        }
        self.subscriptions.enqueue(number);
        self.turn.wanted = true;
        Ok(if ready {
            Notified::Waiting
        } else {
            Notified::Done
        })
    }

    /// Ends a client's subscription. The platform is told when it was the last, and nobody waits for that.
    pub(crate) fn unsubscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        clock: &mut impl Clock,
    ) -> Result<(), Refusal> {
        let id = self.any_client(owner, clock)?;
        let (source, _) = known_event(protocol, event, source, Thresholds::NONE)?;
        let number = self
            .subscriptions
            .find(protocol, event, source)
            .ok_or(Refusal::NotSubscribed)?;
        let entry = self
            .subscriptions
            .get_mut(number)
            .ok_or(Refusal::NotSubscribed)?;
        if !entry.users.contains(id) {
            return Err(Refusal::NotSubscribed);
        }
        self.subscriptions.dismiss(number, id.bit(), id);
        self.subscriptions.enqueue(number);
        self.turn.wanted = true;
        Ok(())
    }

    /// Takes the oldest event out of a client's queue; `None`: it is empty.
    pub(crate) fn fetch(
        &mut self,
        owner: Owner,
        clock: &mut impl Clock,
    ) -> Result<Option<Fetched<'_>>, Refusal> {
        let id = self.any_client(owner, clock)?;
        let generation = self.generation();
        Ok(self.clients.fetch(id, generation))
    }

    /// Sends what subscriptions need to have sent, as far as the driver's own slots reach. `true`: something was done.
    #[inline(never)]
    pub(crate) fn work_subscriptions(&mut self, clock: &mut impl Clock) -> bool {
        let Some(number) = self.subscriptions.first_queued() else {
            return false;
        };
        let has_events = self.has_events();
        let Some(entry) = self.subscriptions.get_mut(number) else {
            return false;
        };
        let step = entry.step();
        let (protocol, event, source) = (entry.protocol, entry.event, entry.source);
        let thresholds = step.map_or(Thresholds::NONE, |step| entry.thresholds(step));
        // A device without event queue must not be asked for events. They are asked for when it has one again.
        let (Some(step), Some(event), true) = (step, events::find(protocol, event), has_events)
        else {
            // Meanwhile others may have asked for the same, or not ask for more any longer.
            self.outbox.answer(entry.settle(), Ok(()));
            self.turn.chores |= self.outbox.has_answers();
            self.subscriptions.dequeue(number);
            return true;
        };
        if self.recovery.phase != Phase::Ready
            || self.recovery.trouble.is_some()
            || self.clients.own().is_full()
        {
            return false;
        }
        let request = event.enable_request_with(source, step == Step::Enable, thresholds);
        let sent = self.send_own(
            Waiter::Subscription(number),
            protocol,
            event.enabled_by,
            request.as_bytes(),
            clock.now(),
        );
        if sent.is_none() {
            // No slot is free: the entry keeps its place, and each turn tries again.
            return false;
        }
        if let Some(entry) = self.subscriptions.get_mut(number) {
            entry.sent(step);
        }
        self.subscriptions.pass_turn(number);
        self.subscriptions.dequeue(number);
        true
    }

    /// The platform answered, or failed to answer, a command that switches an event. Late answers come here too.
    #[inline(never)]
    pub(crate) fn switched(&mut self, number: u16, end: Result<Status, Failure>, now: u64) {
        let Some(entry) = self.subscriptions.get_mut(number) else {
            return;
        };
        let before = entry.phase;
        let waiting = entry.waiting.drain();
        entry.overdue = end == Err(Failure::TimedOut);
        self.turn.chores = true;
        if before < Switch::Enabling {
            // Off as far as we are concerned, whatever the platform said: events for nobody are dropped. But as long as the device has
            // the command, nothing may overtake it.
            if entry.overdue {
                // Who wants the event again has it later.
                self.outbox.keep(waiting | entry.later.drain());
            } else {
                entry.phase = Switch::Off;
                entry.waiting = waiting;
                self.subscriptions.enqueue(number);
            }
            return;
        }
        match end.and_then(switched_on) {
            Ok(()) => {
                self.outbox.answer(entry.agreed(waiting), Ok(()));
            }
            Err(failure) => {
                if failure != Failure::DeviceReset {
                    let (protocol, event) = (entry.protocol, entry.event);
                    let status = end.map_or(0, Status::raw);
                    self.journal.trace(Trace::EventRefused {
                        protocol,
                        event,
                        status,
                    });
                }
                self.not_switched(number, waiting, failure, now);
            }
        }
        self.subscriptions.enqueue(number);
    }

    /// An event could not be switched on for the clients that waited for it, or its thresholds not be changed.
    fn not_switched(&mut self, number: u16, mut waiting: ClientSet, failure: Failure, now: u64) {
        let Some(entry) = self.subscriptions.get_mut(number) else {
            return;
        };
        let mut later = entry.later;
        if failure == Failure::DeviceReset {
            waiting |= later.drain();
            entry.later = ClientSet::EMPTY;
        }
        let changing = entry.phase == Switch::Changing;
        let asked = waiting | entry.asked;
        // Users that did not ask for what was refused stay where the platform had agreed to something before, or are asked for again.
        let kept = match failure {
            Failure::DeviceReset => !waiting,
            Failure::TimedOut if changing => !waiting,
            Failure::TimedOut => entry.unsent,
            _ if changing || !asked.is_empty() => !asked,
            _ => entry.unsent,
        } & entry.users;
        match failure {
            // Those who asked after it was sent have it when the answer comes, late, or after a reset.
            Failure::TimedOut => {
                entry.later = ClientSet::EMPTY;
                self.outbox.keep(later);
            }
            _ if changing => entry.stay(),
            // Perhaps it is on all the same. If nobody wants it, it is to be off for certain.
            Failure::ShortReply | Failure::WrongReply if kept.is_empty() => {
                entry.phase = Switch::On
            }
            _ => entry.phase = Switch::Off,
        }
        let leaving = entry.users & !kept;
        let (protocol, event, source, lane) =
            (entry.protocol, entry.event, entry.source, entry.lane());
        self.subscriptions.dismiss(number, leaving, lane);
        let told = leaving & !waiting;
        if !told.is_empty() {
            let arrival = Arrival {
                time: now,
                generation: self.generation(),
                kind: EventKind::Ended,
                protocol,
                event,
                source: Some(source),
                payload: Payload::Source,
            };
            self.deliver(told, &arrival);
            self.outbox.post(told);
        }
        self.outbox.answer(waiting, Err(failure));
    }

    /// The platform is there again: events are switched on again, and those who follow them are told. Costs O(clients +
    /// subscriptions).
    #[inline(never)]
    pub(crate) fn recovered(&mut self, now: u64) {
        self.recovery.ready(now, &self.limits);
        self.subscriptions.reset();
        let followers = self.subscriptions.followers();
        self.clients.resynchronise(followers, now);
        self.outbox.post(followers);
    }
}

/// What the platform's answer to a switching command means.
fn switched_on(status: Status) -> Result<(), Failure> {
    match status {
        Status::SUCCESS => Ok(()),
        Status::NOT_SUPPORTED => Err(Failure::EventNotSupported),
        Status::NOT_FOUND | Status::INVALID_PARAMETERS | Status::OUT_OF_RANGE => {
            Err(Failure::UnknownSource)
        }
        _ => Err(Failure::EventRefused),
    }
}

/// The source as it is kept, and the message that switches the event.
#[inline(never)]
fn known_event(
    protocol: u8,
    event: u8,
    source: u32,
    thresholds: Thresholds,
) -> Result<(u32, u8), Refusal> {
    let event = events::find(protocol, event).ok_or(Refusal::UnknownEvent)?;
    if !event.takes(thresholds) {
        return Err(Refusal::InvalidArgument);
    }
    let source = match (event.sources, source) {
        // What others ask for is not this one's choice.
        (Sources::Attributes, ALL_SOURCES) if thresholds != Thresholds::NONE => {
            return Err(Refusal::InvalidArgument);
        }
        (Sources::Attributes, source) => source,
        (Sources::Platform, 0 | ALL_SOURCES) => 0,
        (Sources::Platform, _) => return Err(Refusal::InvalidArgument),
    };
    Ok((source, event.enabled_by))
}
