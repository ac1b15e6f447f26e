// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Transfers: from a client's wish to the device, and from the answer back to the client.

use crate::channel::Channel;
use crate::counters::count;
use crate::error::{Failure, Refusal};
use crate::memory::DmaBuffer;
use crate::quota::{ClientId, Owner};
use crate::recovery::Phase;
use crate::slot::{Handle, SlotId, Slots, State, Waiter};
use crate::trace::Trace;
use scmi::limits::{HEADER_LEN, MAX_PAYLOAD};
use scmi::{Header, Token};

/// What a client wants to be sent; the parameters follow in the slot's request buffer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// SCMI protocol.
    pub protocol: u8,
    /// Message of the protocol.
    pub message: u8,
    /// The result is the delayed response.
    pub delayed: bool,
    /// The client polls: no interrupt for the reply.
    pub polled: bool,
    /// Milliseconds until the command is given up; 0 is the default of [`Limits`](crate::Limits).
    pub deadline: u32,
    /// How the client waits.
    pub wait: Wait,
}

/// How a client waits for the end of a transfer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Blocked: [`Output::Ended`](crate::Output::Ended) tells the end, with this number of the server's.
    Blocked(u32),
    /// By [`Channel::poll`]; these notification bits, if any, tell that it may succeed.
    Poll(u32),
}

/// How a transfer ended well, in the slot's own books.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    pub(crate) status: i32,
    /// Bytes of return values.
    pub(crate) len: u16,
    /// The event buffer that holds them, if it is not the slot's own reply buffer.
    pub(crate) parked: Option<u16>,
}

/// The answer of the platform.
#[derive(Copy, Clone)]
pub struct Reply<'m> {
    /// SCMI status: 0 is SUCCESS.
    pub status: i32,
    /// Bytes of return values, at most 128.
    pub len: usize,
    buffer: &'m DmaBuffer,
}

impl Reply<'_> {
    /// Where the return values begin in [`Reply::buffer`], in words: after header and status.
    pub const FIRST: usize = 2;

    /// The buffer that holds the return values, from byte 8 on. The device does not have it; it is valid until
    /// [`Channel::finish`].
    pub fn buffer(&self) -> &DmaBuffer {
        self.buffer
    }

    /// Copies the return values, as many as there are and fit; the number of bytes copied (M4).
    pub fn read(&self, bytes: &mut [u8]) -> usize {
        let len = self.len.min(bytes.len());
        if let Some(bytes) = bytes.get_mut(..len) {
            self.buffer.read(Self::FIRST, bytes);
        }
        len
    }
}

/// What [`Channel::poll`] found.
pub enum Polled<'m> {
    /// Not answered yet.
    Pending,
    /// The end. When the answer is copied, [`Channel::finish`] ends the handle.
    Ended(SlotId, Result<Reply<'m>, Failure>),
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Takes a slot for a command (V06), or says at once why not (V25); nothing is queued and nothing waits.
    ///
    /// Then write the parameters to [`Channel::parameters`] and [`Channel::submit`], or [`Channel::abort`].
    pub fn begin(&mut self, owner: Owner, command: &Command) -> Result<SlotId, Refusal> {
        match self.admit(owner, command) {
            Ok((client, id)) => {
                let slot = self.slots.get_mut(id);
                slot.state = State::Filling;
                slot.waiter = match command.wait {
                    Wait::Blocked(cookie) => Waiter::Exchange { cookie },
                    Wait::Poll(bits) => Waiter::Handle { bits },
                };
                slot.delayed = command.delayed;
                slot.polled = command.polled;
                slot.client = Some(client);
                slot.owner = owner;
                slot.header =
                    Header::command(command.protocol, command.message, Token::default()).pack();
                slot.time = u64::from(match command.deadline {
                    0 => self.limits.deadline,
                    given => given,
                });
                self.slots.next_generation(id);
                Ok(id)
            }
            Err(refusal) => {
                self.count_refusal(refusal);
                Err(refusal)
            }
        }
    }

    #[inline]
    fn admit(&mut self, owner: Owner, command: &Command) -> Result<(ClientId, SlotId), Refusal> {
        let id = self.client(owner)?;
        self.check_ready()?;
        let blocked = matches!(command.wait, Wait::Blocked(_));
        if command.polled && (blocked || command.delayed) {
            count(&mut self.counters.sent_fail_polling_unsupported);
            return Err(Refusal::InvalidArgument);
        }
        if command.delayed && !self.has_events() {
            return Err(Refusal::EventsUnavailable);
        }
        let client = self
            .clients
            .get_mut(id.index())
            .ok_or(Refusal::NotAClient)?;
        client
            .config
            .check_command(command.protocol, command.message)?;
        if client.held >= client.config.slots {
            return Err(Refusal::SlotQuota);
        }
        let slot = self.free.pop(&mut self.slots).ok_or(Refusal::Busy)?;
        client.held = client.held.saturating_add(1);
        Ok((id, slot))
    }

    pub(crate) fn count_refusal(&mut self, refusal: Refusal) {
        count(&mut self.counters.sent_fail);
        match refusal {
            Refusal::NoDevice | Refusal::Recovering | Refusal::PlatformUnavailable => {
                count(&mut self.counters.sent_fail_channel_not_found);
            }
            Refusal::NotAClient
            | Refusal::SlotQuota
            | Refusal::ProtocolNotAllowed
            | Refusal::MessageNotAllowed
            | Refusal::DomainNotAllowed => count(&mut self.counters.refused),
            _ => {}
        }
    }

    /// The client that a task is, with everything of an earlier life of the task forgotten.
    #[inline]
    pub(crate) fn client(&mut self, owner: Owner) -> Result<ClientId, Refusal> {
        let id = self.client_number(owner).ok_or(Refusal::NotAClient)?;
        let client = self
            .clients
            .get_mut(id.index())
            .ok_or(Refusal::NotAClient)?;
        if client.owner != owner {
            let before = client.owner;
            client.owner = owner;
            if before != Owner::NOBODY {
                self.forget(id, before);
            }
        }
        Ok(id)
    }

    /// Where to write the parameters of a slot that was just begun: from byte 4 on, at most 128 bytes.
    #[inline]
    pub fn parameters(&self, id: SlotId) -> &'m DmaBuffer {
        self.request(id)
    }

    /// Gives a slot back that was begun but cannot be filled (the client's lease is gone).
    pub fn abort(&mut self, id: SlotId) {
        if self.slots.get(id).state == State::Filling {
            self.release(id);
        }
    }

    /// Sends the command whose `len` bytes of parameters were written (V26). An error gives the slot back.
    ///
    /// The device may not know of it before [`Channel::kick`]: to be called after the last of several.
    pub fn submit(&mut self, id: SlotId, len: usize, now: u64) -> Result<Handle, Refusal> {
        let result = self.check_request(id, len).and_then(|()| {
            let slot = self.slots.get_mut(id);
            slot.time = now.saturating_add(slot.time);
            self.clock = now;
            self.transmit(id, len)
        });
        match result {
            Ok(()) => {
                self.wheel.insert(&mut self.slots, id, now);
                Ok(self.slots.handle(id))
            }
            Err(refusal) => {
                self.abort(id);
                self.count_refusal(refusal);
                Err(refusal)
            }
        }
    }

    fn check_request(&self, id: SlotId, len: usize) -> Result<(), Refusal> {
        if len > MAX_PAYLOAD {
            return Err(Refusal::RequestTooLong);
        }
        let slot = self.slots.get(id);
        let Some(client) = slot.client.and_then(|id| self.clients.get(id.index())) else {
            return Ok(());
        };
        let header = Header::unpack(slot.header);
        let request = self.request(id);
        client
            .config
            .check_domain(header.protocol, header.message, request, len)?;
        if !self.has_events() {
            check_synchronous(&header, request, len)?;
        }
        Ok(())
    }

    /// Puts the command of a filled slot into the ring.
    #[inline]
    pub(crate) fn transmit(&mut self, id: SlotId, len: usize) -> Result<(), Refusal> {
        let token = self.tokens.take(id).ok_or(Refusal::Busy)?;
        let slot = self.slots.get_mut(id);
        let header = slot.header | Header::command(0, 0, token).pack();
        slot.header = header;
        let polled = slot.polled;
        self.request(id).set_word(0, header);

        // V27: whether the reply is to interrupt must be settled before the device can answer.
        self.settle_interrupts(polled);
        let sent = self
            .commands
            .set_read_len(id.head(), (HEADER_LEN + len) as u32)
            .is_ok()
            && self.commands.publish(id.head()).is_ok();
        if !sent {
            // V28. It cannot happen: a slot that was free has its chain laid, and the device has not.
            self.tokens.release(token);
            return Err(Refusal::Busy);
        }
        self.slots.get_mut(id).state = State::Waiting;
        self.in_flight = self.in_flight.wrapping_add(1);
        if !polled {
            self.interruptible = self.interruptible.wrapping_add(1);
        }
        count(&mut self.counters.sent_ok);
        Ok(())
    }

    fn settle_interrupts(&mut self, polled: bool) {
        if polled {
            if self.interruptible == 0 && !self.quiet {
                self.quiet = true;
                self.commands.suppress_interrupts();
            }
        } else if self.quiet {
            self.quiet = false;
            if self.commands.enable_interrupts() {
                self.turn.wanted = true;
            }
        }
    }

    /// The state of a transfer, after what has come is dealt with: run a turn before, if the client is to see what is in
    /// the ring *now*.
    pub fn poll(&mut self, owner: Owner, handle: Handle) -> Result<Polled<'m>, Refusal> {
        let id = self.find(owner, handle)?;
        Ok(match self.slots.get(id).state {
            State::Ended => Polled::Ended(id, self.result(id)),
            _ => Polled::Pending,
        })
    }

    /// Gives a transfer up. The handle ends; the slot is free when the device gives it back.
    pub fn cancel(&mut self, owner: Owner, handle: Handle, now: u64) -> Result<(), Refusal> {
        let id = self.find(owner, handle)?;
        self.drop_transfer(id, now);
        Ok(())
    }

    fn find(&mut self, owner: Owner, handle: Handle) -> Result<SlotId, Refusal> {
        self.client(owner)?;
        self.slots.find(handle, owner).ok_or(Refusal::BadHandle)
    }

    /// The end of a transfer in state `Ended`.
    pub(crate) fn result(&self, id: SlotId) -> Result<Reply<'m>, Failure> {
        self.slots.get(id).end.map(|answer| Reply {
            status: answer.status,
            len: usize::from(answer.len),
            buffer: match answer.parked {
                Some(number) => self.event(number),
                None => self.reply(id),
            },
        })
    }

    /// The waiter has the end of the transfer, or is gone: the slot is free, or lost as long as the device has it.
    pub fn finish(&mut self, id: SlotId) {
        let slot = self.slots.get(id);
        if slot.state != State::Ended {
            return;
        }
        if let Ok(Answer {
            parked: Some(number),
            ..
        }) = slot.end
        {
            self.parked = self.parked.wrapping_sub(1);
            self.repost(number);
            // It had its answer; the reply that is still to come is no news.
            self.slots.get_mut(id).end = Ok(Answer {
                status: 0,
                len: 0,
                parked: None,
            });
        }
        self.untold.remove(id);
        if self.commands.with_device(id.head()) {
            // It is in the list of lost slots since it ended.
            self.slots.get_mut(id).state = State::Lost;
        } else {
            self.release(id);
        }
    }

    /// Ends a transfer for which nobody waits any more.
    pub(crate) fn drop_transfer(&mut self, id: SlotId, now: u64) {
        match self.slots.get(id).state {
            State::Waiting => {
                self.wheel.remove(&mut self.slots, id);
                self.leave_flight(id);
                count(&mut self.counters.failed);
                let slot = self.slots.get_mut(id);
                slot.state = State::Lost;
                slot.end = Err(Failure::TimedOut);
                slot.time = now;
                self.lost.push(&mut self.slots, id);
            }
            State::AwaitingDelayed => {
                self.wheel.remove(&mut self.slots, id);
                self.leave_flight(id);
                count(&mut self.counters.failed);
                self.tokens
                    .retire(Header::unpack(self.slots.get(id).header).token);
                self.release(id);
            }
            State::Ended => self.finish(id),
            State::Filling => self.release(id),
            State::Free | State::Lost | State::OutOfRing => {}
        }
    }

    /// A transfer in flight is over: `interruptible` and `in_flight` no longer count it. Before the state changes.
    pub(crate) fn leave_flight(&mut self, id: SlotId) {
        let slot = self.slots.get(id);
        if slot.state == State::Waiting && !slot.polled {
            self.interruptible = self.interruptible.wrapping_sub(1);
        }
        self.in_flight = self.in_flight.wrapping_sub(1);
    }

    /// A transfer in flight ended, in time or not. It is out of the wheel.
    pub(crate) fn conclude(&mut self, id: SlotId, end: Result<Answer, Failure>, now: u64) {
        self.leave_flight(id);
        let with_device = self.commands.with_device(id.head());
        let slot = self.slots.get_mut(id);
        slot.state = State::Ended;
        slot.end = end;
        let (header, polled) = (slot.header, slot.polled);
        if with_device {
            slot.time = now;
            self.lost.push(&mut self.slots, id);
        }
        match end {
            Ok(_) => count(&mut self.counters.answered),
            Err(failure) => {
                match failure {
                    Failure::TimedOut | Failure::DelayedTimedOut => {
                        count(&mut self.counters.timed_out);
                        count(if polled {
                            &mut self.counters.xfers_response_polled_timeout
                        } else {
                            &mut self.counters.xfers_response_timeout
                        });
                    }
                    _ => count(&mut self.counters.failed),
                }
                self.trace(Trace::Failed { header, failure });
            }
        }
    }

    /// Gives a slot that the device does not have back to the pool (V07), at the tail.
    pub(crate) fn release(&mut self, id: SlotId) {
        self.uncharge(id);
        if id.index() < self.in_use {
            self.slots.get_mut(id).state = State::Free;
            self.free.push(&mut self.slots, id);
        } else {
            self.slots.get_mut(id).state = State::OutOfRing;
        }
    }

    /// The slot no longer counts to its client's quota.
    pub(crate) fn uncharge(&mut self, id: SlotId) {
        if let Some(client) = self.slots.get_mut(id).client.take()
            && let Some(client) = self.clients.get_mut(client.index())
        {
            client.held = client.held.saturating_sub(1);
        }
    }

    /// After a reset the driver has every reply buffer: a delayed response in an event buffer moves to its slot.
    pub(crate) fn unpark(&mut self, id: SlotId) {
        if let Ok(answer) = self.slots.get(id).end
            && let Some(number) = answer.parked
        {
            let len = Reply::FIRST * 4 + usize::from(answer.len);
            self.reply(id).copy_from(self.event(number), len);
            self.slots.get_mut(id).end = Ok(Answer {
                parked: None,
                ..answer
            });
        }
    }

    /// Everything in flight ends because the device is reset; who waits is told in the next turn. Costs O(slots).
    pub(crate) fn fail_in_flight(&mut self, now: u64) {
        for id in Slots::<SLOTS>::ids() {
            if self.slots.get(id).in_flight() {
                self.wheel.remove(&mut self.slots, id);
                self.conclude(id, Err(Failure::DeviceReset), now);
                self.untold.insert(id);
            }
        }
    }

    /// A task ended, or is in another life: frees its slots, empties its queue, ends its subscriptions. Costs O(slots).
    ///
    /// To be called when the supervisor tells of it; a call from the task's next life does it too.
    pub fn client_gone(&mut self, owner: Owner, now: u64) {
        self.clock = now;
        if let Some(id) = self.client_number(owner)
            && let Some(client) = self.clients.get_mut(id.index())
            && client.owner == owner
        {
            client.owner = Owner::NOBODY;
            self.forget(id, owner);
        }
    }

    /// Who a client was when it last called, for a check whether it still lives. `None` past the last client, and for one
    /// that has nothing to lose.
    pub fn client_owner(&self, number: usize) -> Option<Owner> {
        self.clients.get(number).map(|client| client.owner)
    }

    fn forget(&mut self, id: ClientId, owner: Owner) {
        let now = self.clock;
        if let Some(client) = self.clients.get_mut(id.index()) {
            let held = client.held;
            client.subscriptions = 0;
            client.queue.clear(self.records);
            self.trace(Trace::ClientGone {
                task: owner.0,
                held,
            });
            if held > 0 {
                for slot in Slots::<SLOTS>::ids() {
                    if self.slots.get(slot).client == Some(id) {
                        self.drop_transfer(slot, now);
                    }
                }
            }
        }
        self.subscriptions.forget(id);
        self.posts &= !id.bit();
        self.posts_first &= !id.bit();
        self.announce.0 &= !id.bit();
        self.turn.wanted = true;
    }

    /// Takes a slot for a command of the driver's own; `None`: there is none free, or it cannot be sent.
    pub(crate) fn send_own(
        &mut self,
        waiter: Waiter,
        protocol: u8,
        message: u8,
        parameters: &[u8],
        now: u64,
    ) -> Option<SlotId> {
        let id = self.free.pop(&mut self.slots)?;
        let slot = self.slots.get_mut(id);
        slot.state = State::Filling;
        slot.waiter = waiter;
        slot.delayed = false;
        slot.polled = false;
        slot.client = None;
        slot.owner = Owner::NOBODY;
        slot.header = Header::command(protocol, message, Token::default()).pack();
        slot.time = now.saturating_add(u64::from(self.limits.own_deadline));
        self.slots.next_generation(id);
        self.request(id).write(1, parameters);
        if self.transmit(id, parameters.len()).is_err() {
            self.abort(id);
            return None;
        }
        self.wheel.insert(&mut self.slots, id, now);
        Some(id)
    }

    /// Asks the platform whether it is there: for the version of the Base protocol, which every platform has.
    pub(crate) fn probe(&mut self, transport: &mut impl crate::transport::Transport, now: u64) {
        match self.send_own(Waiter::Probe, scmi::Protocol::Base.id(), 0, &[], now) {
            Some(id) => {
                self.recovery.phase = Phase::Probing(id);
                self.kick(transport);
            }
            // All slots hold answers that nobody has fetched: the first command will show.
            None => self.recovered(now),
        }
    }
}

/// A device without event queue cannot answer later, so it must not be asked to.
fn check_synchronous(header: &Header, request: &DmaBuffer, len: usize) -> Result<(), Refusal> {
    match scmi::events::delayed(header.protocol, header.message) {
        Some(delayed)
            if len >= delayed.flags_at + 4
                && request.word(1 + delayed.flags_at / 4) & delayed.async_flag != 0 =>
        {
            Err(Refusal::EventsUnavailable)
        }
        _ => Ok(()),
    }
}
