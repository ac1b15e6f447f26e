// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What clients ask of the channel.

use super::Channel;
use crate::clients::{ClientId, Fetched, Owner, Payer};
use crate::counters::Count;
use crate::error::{Failure, Refusal};
use crate::events::{Key, Notified};
use crate::memory::DmaBuffer;
use crate::system::{Moment, NotSent, System};
use crate::transfers::{Handle, Opening, Reply, SlotId, Terms, Wait, Waiter, header_of};
use crate::transport::P2A_CHANNELS;
use drv_scmi_types::{Request, TransferFlags};
use scmi::events::Thresholds;
use scmi::limits::MAX_PAYLOAD;

impl<const RING: usize, const SLOTS: usize, const EVENTS: usize> Channel<'_, RING, SLOTS, EVENTS> {
    /// See [`Driver::send`](crate::Driver::send).
    pub(crate) fn send<E>(
        &mut self,
        owner: Owner,
        request: Request<impl FnOnce(&DmaBuffer) -> Result<usize, E>>,
        wait: Wait,
        system: &mut impl System,
    ) -> Result<Handle, NotSent<E>> {
        if self.transfers.is_full() {
            self.sweep(system);
        }
        let (id, client) = match self.admit(owner, &request, wait, &mut Moment::new(system)) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.journal.refused(refusal);
                return Err(NotSent::Refused(refusal));
            }
        };
        let sent = match (request.payload)(self.transfers.request(id)) {
            Ok(len) => self.submit(id, Some(client), len).map_err(NotSent::Refused),
            Err(error) => Err(NotSent::NotFilled(error)),
        };
        if sent.is_err() {
            self.transfers.abort(id, &mut self.clients);
        }
        sent
    }

    /// Takes a slot for a client's command (V06), or says why not.
    fn admit<P>(
        &mut self,
        owner: Owner,
        request: &Request<P>,
        wait: Wait,
        moment: &mut Moment<'_, impl System>,
    ) -> Result<(SlotId, ClientId), Refusal> {
        let client = self.client(owner, moment)?;
        self.recovery.check()?;
        if !TransferFlags::all().contains(request.flags) {
            return Err(Refusal::InvalidArgument);
        }
        let delayed = request.flags.contains(TransferFlags::DELAYED);
        let polls = request.flags.contains(TransferFlags::POLLED);
        let (waiter, polled) = match wait {
            Wait::Blocked => (Waiter::Exchange, polls),
            // A client that is to be notified as well gets the interrupt: the notification would come late without.
            Wait::Poll(bits) => (Waiter::Handle { bits }, polls && bits == 0),
        };
        if polls && (delayed || waiter == Waiter::Exchange) {
            self.journal.count(Count::SentFailPollingUnsupported);
            return Err(Refusal::InvalidArgument);
        }
        let events = self.events.is_up();
        if delayed && !events {
            return Err(Refusal::EventsUnavailable);
        }
        let (protocol, message) = (request.protocol, request.message);
        let inspect = self.clients.inspects(client, protocol, message)?;
        self.clients.check_room(client)?;
        let opening = Opening {
            terms: Terms {
                waiter,
                owner,
                payer: Payer::Client(client),
                delayed,
                polled,
                inspect: inspect || !events,
            },
            header: header_of(protocol, message),
            patience: match request.deadline_ms {
                0 => self.recovery.limits().deadline,
                given => given,
            },
        };
        let payer = opening.terms.payer;
        let id = self.transfers.reserve(owner, payer, &mut self.clients);
        let id = id.ok_or(Refusal::Busy)?;
        self.transfers.open(id, &opening);
        Ok((id, client))
    }

    /// Sends what is in a slot that was opened; an error leaves it so.
    pub(super) fn submit(
        &mut self,
        id: SlotId,
        client: Option<ClientId>,
        len: usize,
    ) -> Result<Handle, Refusal> {
        let checked = if len > MAX_PAYLOAD {
            Err(Refusal::RequestTooLong)
        } else if self.transfers.is_inspected(id) {
            let config = client.and_then(|client| self.clients.config(client));
            let rules = config.map(|config| &config.rules);
            let events = self.events.is_up();
            self.transfers.inspect(id, len, rules, events)
        } else {
            Ok(())
        };
        let sent = checked.and_then(|()| {
            self.transfers
                .send(id, len, &mut self.suppression, &mut self.journal)
        });
        match sent {
            Ok((handle, missed)) => {
                if missed {
                    self.wanted = true;
                }
                Ok(handle)
            }
            Err(refusal) => {
                self.journal.refused(refusal);
                Err(refusal)
            }
        }
    }

    /// See [`Driver::poll`](crate::Driver::poll).
    pub(crate) fn poll<T>(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
        collect: impl FnOnce(Result<Reply<'_>, Failure>) -> T,
    ) -> Result<Option<T>, Refusal> {
        self.client(owner, &mut Moment::new(system))?;
        let id = self.transfers.find(handle, owner)?;
        if !self.transfers.has_ended(id) {
            return Ok(None);
        }
        let collected = collect(self.transfers.result(id, &self.events));
        self.finish(id);
        self.slot_freed();
        Ok(Some(collected))
    }

    /// A slot may be free outside of a turn: a batch may be waiting for one, or an event, to be switched.
    fn slot_freed(&mut self) {
        self.wanted |= !self.subscriptions.is_idle() || !self.batches.is_idle();
    }

    /// See [`Driver::cancel`](crate::Driver::cancel).
    pub(crate) fn cancel(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        let moment = &mut Moment::new(system);
        self.client(owner, moment)?;
        let id = self.transfers.find(handle, owner)?;
        let now = moment.now();
        let unparked = self
            .transfers
            .give_up(id, now, &mut self.clients, &mut self.journal);
        if let Some(number) = unparked {
            self.unpark(number);
        }
        // If nobody is left who polls, the reply must interrupt, or the slot would be missing until the device is judged.
        self.wanted |= self.suppression.is_quiet();
        self.slot_freed();
        Ok(())
    }

    /// See [`Driver::subscribe`](crate::Driver::subscribe).
    pub(crate) fn subscribe(
        &mut self,
        owner: Owner,
        key: Key,
        thresholds: Thresholds,
        system: &mut impl System,
    ) -> Result<Notified, Refusal> {
        let result = self
            .may_subscribe(owner, system)
            .and_then(|id| self.follow_event(id, key, thresholds));
        if let Err(refusal) = result {
            self.journal.refused(refusal);
        }
        result
    }

    fn may_subscribe(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<ClientId, Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        if self.recovery.is_down() {
            return Err(Refusal::NoDevice);
        }
        // While the device is recovered, what it had before is the best guess.
        if self.setup.features() & P2A_CHANNELS == 0 {
            return Err(Refusal::EventsUnavailable);
        }
        Ok(id)
    }

    fn follow_event(
        &mut self,
        id: ClientId,
        key: Key,
        thresholds: Thresholds,
    ) -> Result<Notified, Refusal> {
        let config = self.clients.config(id).ok_or(Refusal::NotAClient)?;
        let own = self.clients.own();
        let ready =
            self.recovery.is_well() && self.transfers.free() > 0 && own.lost() < own.quota();
        let notified = self
            .subscriptions
            .subscribe(id, config, key, thresholds, ready)?;
        if !self.subscriptions.is_idle() {
            self.wanted = true;
        }
        Ok(notified)
    }

    /// See [`Driver::unsubscribe`](crate::Driver::unsubscribe).
    pub(crate) fn unsubscribe(
        &mut self,
        owner: Owner,
        key: Key,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        self.subscriptions.unsubscribe(id, key)?;
        self.wanted = true;
        Ok(())
    }

    /// See [`Driver::fetch`](crate::Driver::fetch).
    pub(crate) fn fetch(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<Option<Fetched<'_>>, Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        Ok(self.clients.fetch(id, self.setup.generation()))
    }
}
