// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Following events: what clients may subscribe to, what the platform is told about it, and what its answers mean.

use super::entry::{ALL_SOURCES, Key, Step};
use super::table::Table;
use crate::clients::{ClientConfig, ClientId, ClientSet};
use crate::error::{Failure, Refusal};
use scmi::events::{EnableRequest, Sources, Thresholds};
use scmi::{Status, events};

/// How a wish to subscribe or unsubscribe stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Notified {
    /// Settled: reply.
    Done,
    /// The platform is asked first: [`System::subscribed`](crate::System::subscribed) will tell.
    Waiting,
}

/// A command that switches an event.
pub(crate) struct Request {
    /// The entry that it is for.
    pub(crate) number: u16,
    step: Step,
    /// SCMI protocol.
    pub(crate) protocol: u8,
    /// Message of the protocol.
    pub(crate) message: u8,
    /// Its parameters.
    pub(crate) parameters: EnableRequest,
}

/// What there is to do for subscriptions.
pub(crate) enum Work {
    /// These clients wait no longer: they have what they wait for.
    Settled(ClientSet),
    /// This is to be sent.
    Send(Request),
}

/// What an answer of the platform means for clients.
pub(crate) struct Answered {
    /// The event.
    pub(crate) key: Key,
    /// These waited, and the result is this.
    pub(crate) told: ClientSet,
    /// The result.
    pub(crate) result: Result<(), Failure>,
    /// These wait no longer: they have it later (N08).
    pub(crate) kept: ClientSet,
    /// The subscription of these ended, and they do not wait.
    pub(crate) dropped: ClientSet,
}

impl Table<'_> {
    /// Subscribes a client to an event of a source, or of [`ALL_SOURCES`]. `ready`: a command could be sent now, so that the client may wait
    /// for the answer.
    pub(crate) fn subscribe(
        &mut self,
        client: ClientId,
        config: &ClientConfig,
        key: Key,
        thresholds: Thresholds,
        ready: bool,
    ) -> Result<Notified, Refusal> {
        let (key, switch) = known_event(key, thresholds)?;
        let only = (key.source != ALL_SOURCES).then_some(key.source);
        config.rules.check_event(key.protocol, switch, only)?;
        let new = !self.users(key).contains(client);
        let held = self.held_by(client);
        if new && held >= config.subscriptions {
            return Err(Refusal::SubscriptionQuota);
        }
        let number = match self.find(key) {
            Some(number) => number,
            // What the client has left takes a place until the platform has been told.
            None if held.saturating_add(self.left_by(client)) >= config.subscriptions => {
                return Err(Refusal::Busy);
            }
            None => self.insert(key).ok_or(Refusal::SubscriptionQuota)?,
        };
        self.admit(number, client, thresholds);
        let entry = self.get_mut(number).ok_or(Refusal::SubscriptionQuota)?;
        if entry.is_settled(new) || key.source == ALL_SOURCES {
            return Ok(Notified::Done);
        }
        // Nobody is blocked for what could take for ever: a slot that others do not give back, or an answer that is overdue.
        let waits = ready && !entry.is_overdue();
        entry.ask(client, waits);
        self.enqueue(number, None);
        Ok(if waits {
            Notified::Waiting
        } else {
            Notified::Done
        })
    }

    /// Ends a client's subscription. The platform is told when it was the last, and nobody waits for that.
    pub(crate) fn unsubscribe(&mut self, client: ClientId, key: Key) -> Result<(), Refusal> {
        let (key, _) = known_event(key, Thresholds::NONE)?;
        let number = self.find(key).ok_or(Refusal::NotSubscribed)?;
        if !self.users(key).contains(client) {
            return Err(Refusal::NotSubscribed);
        }
        self.dismiss(number, client.bit(), client);
        self.enqueue(number, None);
        Ok(())
    }

    /// The next thing to do. `has_events`: the device has an event queue, and may be asked for events. They are asked for when it has one
    /// again. After [`Work::Send`] comes [`Table::sent`], or nothing if it cannot be sent: then it stays the next thing to do.
    pub(crate) fn next_work(&mut self, has_events: bool) -> Option<Work> {
        let number = self.first_queued()?;
        let entry = self.get_mut(number)?;
        let key = entry.key();
        let (Some(step), Some(event), true) = (
            entry.step(),
            events::find(key.protocol, key.event),
            has_events,
        ) else {
            // Meanwhile others may have asked for the same, or not ask for more any longer.
            let settled = entry.settle();
            self.dequeue(number, false);
            return Some(Work::Settled(settled));
        };
        let thresholds = entry.thresholds(step);
        Some(Work::Send(Request {
            number,
            step,
            protocol: key.protocol,
            message: event.enabled_by,
            parameters: event.enable_request_with(key.source, step == Step::Enable, thresholds),
        }))
    }

    /// A request was sent.
    pub(crate) fn sent(&mut self, request: &Request) {
        if let Some(entry) = self.get_mut(request.number) {
            entry.sent(request.step);
        }
        self.dequeue(request.number, true);
    }

    /// The platform answered a request, or failed to.
    pub(crate) fn answered(
        &mut self,
        number: u16,
        end: Result<Status, Failure>,
    ) -> Option<Answered> {
        let lane = self.lane_of(number);
        let entry = self.get_mut(number)?;
        let key = entry.key();
        let verdict = entry.answered(end);
        if !verdict.leaving.is_empty() {
            self.dismiss(number, verdict.leaving, lane);
        }
        if verdict.again {
            self.enqueue(number, None);
        }
        Some(Answered {
            key,
            told: verdict.told,
            result: verdict.result,
            kept: verdict.kept,
            dropped: verdict.leaving & !verdict.told,
        })
    }

    /// The same, late: what the driver gave up waiting for. Now it is known whether the event is on.
    pub(crate) fn answered_late(
        &mut self,
        number: u16,
        end: Result<Status, Failure>,
    ) -> Option<Answered> {
        let overdue = self
            .used_mut(number)
            .is_some_and(|entry| entry.is_overdue());
        if overdue {
            self.answered(number, end)
        } else {
            None
        }
    }

    /// Takes a client out of every entry. Costs O(entries): when a client died.
    pub(crate) fn forget(&mut self, client: ClientId) {
        for number in self.numbers() {
            if let Some(entry) = self.get_mut(number)
                && entry.concerns(client)
            {
                entry.forget(client);
                self.dismiss(number, client.bit(), client);
                self.enqueue(number, None);
            }
        }
    }

    /// The clients that wait for an entry for which nothing was sent yet; they wait no longer. Costs O(entries).
    pub(crate) fn stop_waiting(&mut self) -> ClientSet {
        let mut clients = ClientSet::EMPTY;
        for number in self.numbers() {
            if let Some(entry) = self.used_mut(number) {
                clients |= entry.stop_waiting();
            }
        }
        clients
    }

    /// The device was reset: the platform knows of nothing any more. Costs O(entries).
    pub(crate) fn reset(&mut self) {
        for number in self.numbers() {
            if let Some(entry) = self.used_mut(number) {
                entry.reset();
                let lane = entry.users().first();
                self.enqueue(number, lane);
            }
        }
    }
}

/// The event as it is kept, and the message that switches it.
fn known_event(key: Key, thresholds: Thresholds) -> Result<(Key, u8), Refusal> {
    let event = events::find(key.protocol, key.event).ok_or(Refusal::UnknownEvent)?;
    if !event.takes(thresholds) {
        return Err(Refusal::InvalidArgument);
    }
    let source = match (event.sources, key.source) {
        // What others ask for is not this one's choice.
        (Sources::Attributes, ALL_SOURCES) if thresholds != Thresholds::NONE => {
            return Err(Refusal::InvalidArgument);
        }
        (Sources::Attributes, source) => source,
        (Sources::Platform, 0 | ALL_SOURCES) => 0,
        (Sources::Platform, _) => return Err(Refusal::InvalidArgument),
    };
    Ok((Key { source, ..key }, event.enabled_by))
}
