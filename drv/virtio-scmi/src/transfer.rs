// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Transfers: from a client's wish to the device, and from the answer back to the client.

use crate::channel::{Channel, Clock};
use crate::counters::count;
use crate::error::{Failure, Refusal};
use crate::memory::DmaBuffer;
use crate::quota::{ClientId, Owner, Payer};
use crate::slot::{Handle, OFF_CLOCK, SlotId, State, Waiter};
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
    /// The client polls: no interrupt for the reply. A client that is to be notified as well gets the interrupt all the same: the
    /// notification would come late without.
    pub polled: bool,
    /// Milliseconds until the command is given up; 0 is the default of [`Limits`](crate::Limits).
    pub deadline: u32,
    /// How the client waits.
    pub wait: Wait,
}

/// How a client waits for the end of a transfer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Blocked: [`System::ended`](crate::System::ended) tells the end.
    Blocked,
    /// By [`Driver::poll`](crate::Driver::poll); these notification bits, if any, tell that it may succeed.
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

impl Answer {
    pub(crate) const ZERO: Self = Self {
        status: 0,
        len: 0,
        parked: None,
    };
}

/// Deadlines shorter than this are put on the clock right after the command was sent, in milliseconds. Longer ones can wait until the clock is
/// looked at anyway, at most [`Channel::LATENESS`] later.
const PROMPT: u32 = 1_000;

/// Words that [`Reply::first_words`] has.
pub const FIRST_WORDS: usize = 6;

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
    /// the client has it.
    pub fn buffer(&self) -> &DmaBuffer {
        self.buffer
    }

    /// The first return values in words as they lie in memory, with zeros behind the last one.
    // One by one: a loop, and the call that sets an array to zero, would cost more than all the rest.
    #[inline]
    pub fn first_words(&self) -> [u32; FIRST_WORDS] {
        let word = |index: usize| {
            if self.len > index * 4 {
                self.buffer.raw_word(Self::FIRST + index)
            } else {
                0
            }
        };
        let mut words = [word(0), word(1), word(2), word(3), word(4), word(5)];
        if !self.len.is_multiple_of(4) {
            self.trim(&mut words);
        }
        words
    }

    /// Clears what the last word has of the buffer's earlier use.
    #[cold]
    fn trim(&self, words: &mut [u32; FIRST_WORDS]) {
        if let Some(last) = words.get_mut(self.len / 4) {
            let kept = u32::MAX >> (32 - self.len % 4 * 8);
            *last = (u32::from_le(*last) & kept).to_le();
        }
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

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// How late a deadline of a second or more may be, if a turn with the time is run that long after a command at the latest, as long
    /// as [`Channel::wants_tick`]. Milliseconds.
    pub(crate) const LATENESS: u64 = 250;

    /// Whether the ring has slots, and none is free for a command.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.free.len() == 0 && self.in_use > 0
    }

    /// Takes a slot for a command (V06), or says at once why not (V25); nothing is queued and nothing waits.
    ///
    /// Then write the parameters to [`Channel::parameters`] and [`Channel::submit`], or [`Channel::abort`].
    #[inline]
    pub(crate) fn begin(
        &mut self,
        owner: Owner,
        command: &Command,
        clock: &mut impl Clock,
    ) -> Result<SlotId, Refusal> {
        match self.admit(owner, command, clock) {
            Ok((client, id, inspect)) => {
                if self.books.slots.get(id).owner != owner {
                    self.hand_over(id, owner);
                }
                let slot = self.books.slots.get_mut(id);
                slot.state = State::Filling;
                slot.polled = command.polled;
                slot.waiter = match command.wait {
                    Wait::Blocked => Waiter::Exchange,
                    Wait::Poll(bits) => {
                        slot.polled &= bits == 0;
                        Waiter::Handle { bits }
                    }
                };
                slot.delayed = command.delayed;
                slot.follows = command.delayed;
                slot.inspect = inspect;
                slot.payer = Payer::Client(client);
                slot.header =
                    Header::command(command.protocol, command.message, Token::default()).pack();
                slot.patience = match command.deadline {
                    0 => self.limits.deadline,
                    given => given,
                };
                slot.next_handle(id);
                Ok(id)
            }
            Err(refusal) => {
                self.count_refusal(refusal);
                Err(refusal)
            }
        }
    }

    /// Another client gets the slot: clears what the device wrote for the earlier one, so that a device that claims to have written more
    /// than it did does not hand it on.
    #[inline(never)]
    fn hand_over(&mut self, id: SlotId, owner: Owner) {
        let slot = self.books.slots.get_mut(id);
        slot.owner = owner;
        if core::mem::take(&mut slot.large) {
            self.reply(id).clear();
        } else {
            self.reply(id).clear_small();
        }
    }

    #[inline]
    fn admit(
        &mut self,
        owner: Owner,
        command: &Command,
        clock: &mut impl Clock,
    ) -> Result<(ClientId, SlotId, bool), Refusal> {
        let id = self.client(owner, clock)?;
        self.check_ready()?;
        if command.polled && (command.delayed || command.wait == Wait::Blocked) {
            count(&mut self.counters.sent_fail_polling_unsupported);
            return Err(Refusal::InvalidArgument);
        }
        let events = self.has_events();
        if command.delayed && !events {
            return Err(Refusal::EventsUnavailable);
        }
        let client = self
            .clients
            .get_mut(id.index())
            .ok_or(Refusal::NotAClient)?;
        let inspect = client
            .config
            .rules
            .check_command(command.protocol, command.message)?;
        if client.account.is_full() {
            // A client that has no transfer of its own left cannot end one.
            return Err(if client.account.lost() >= client.account.held() {
                Refusal::SlotsLost
            } else {
                Refusal::SlotQuota
            });
        }
        let slot = self.free.pop(&self.books.slots).ok_or(Refusal::Busy)?;
        client.account.take();
        Ok((id, slot, inspect || !events))
    }

    #[cold]
    pub(crate) fn count_refusal(&mut self, refusal: Refusal) {
        count(&mut self.counters.sent_fail);
        match refusal {
            Refusal::NoDevice | Refusal::Recovering | Refusal::PlatformUnavailable => {
                count(&mut self.counters.sent_fail_channel_not_found);
            }
            Refusal::NotAClient
            | Refusal::SlotQuota
            | Refusal::SlotsLost
            | Refusal::ProtocolNotAllowed
            | Refusal::MessageNotAllowed
            | Refusal::ReservedMessage
            | Refusal::DomainNotAllowed => count(&mut self.counters.refused),
            _ => {}
        }
    }

    /// The client that a task is, with everything of an earlier life of the task forgotten.
    #[inline]
    pub(crate) fn client(
        &mut self,
        owner: Owner,
        clock: &mut impl Clock,
    ) -> Result<ClientId, Refusal> {
        let id = self.client_number(owner).ok_or(Refusal::NotAClient)?;
        let client = self
            .clients
            .get_mut(id.index())
            .ok_or(Refusal::NotAClient)?;
        if client.owner != owner {
            let before = client.owner;
            client.owner = owner;
            if before != Owner::NOBODY {
                self.succeeded(id, before, clock);
            }
        }
        Ok(id)
    }

    /// [`Channel::client`], for operations that are not in a hurry.
    #[inline(never)]
    pub(crate) fn any_client(
        &mut self,
        owner: Owner,
        clock: &mut impl Clock,
    ) -> Result<ClientId, Refusal> {
        self.client(owner, clock)
    }

    #[cold]
    #[inline(never)]
    fn succeeded(&mut self, id: ClientId, before: Owner, clock: &mut impl Clock) {
        self.forget(id, before, clock.now());
    }

    /// Where to write the parameters of a slot that was just begun: from byte 4 on, at most 128 bytes.
    #[inline]
    pub(crate) fn parameters(&self, id: SlotId) -> &'m DmaBuffer {
        self.request(id)
    }

    /// Gives a slot back that was begun but cannot be filled (the client's lease is gone).
    #[cold]
    pub(crate) fn abort(&mut self, id: SlotId) {
        if self.books.slots.get(id).state == State::Filling {
            self.release(id);
        }
    }

    /// Sends the command whose `len` bytes of parameters were written (V26). An error gives the slot back.
    ///
    /// The device may not know of it before [`Channel::kick`]: to be called after the last of several. Then look whether the
    /// deadline [wants the clock](Channel::wants_clock).
    // In one place for clients' commands and the driver's own.
    #[inline(never)]
    pub(crate) fn submit(&mut self, id: SlotId, len: usize) -> Result<Handle, Refusal> {
        match self
            .check_request(id, len)
            .and_then(|()| self.transmit(id, len))
        {
            Ok(handle) => Ok(handle),
            Err(refusal) => {
                self.abort(id);
                self.count_refusal(refusal);
                Err(refusal)
            }
        }
    }

    /// A deadline stays told by its distance until somebody looks at the clock.
    #[inline]
    pub(crate) fn leave_off_clock(&mut self, id: SlotId) {
        let books = &mut *self.books;
        let slot = books.slots.get_mut(id);
        slot.bucket = OFF_CLOCK;
        if slot.patience < PROMPT {
            self.turn.clock = true;
        }
        self.turn.rearm |= self.turn.clock | books.off_clock.is_empty();
        books.off_clock.insert(id);
    }

    /// Whether a deadline is so near that [`Channel::tick`] cannot wait.
    #[inline]
    pub(crate) fn wants_clock(&self) -> bool {
        self.turn.clock
    }

    /// Puts the deadlines of what was sent since the last time on the clock: they count from now on.
    #[inline(never)]
    pub(crate) fn tick(&mut self, now: u64) {
        self.turn.clock = false;
        while let Some(id) = self.books.off_clock.pop() {
            let slot = self.books.slots.get(id);
            if slot.has_deadline() && slot.bucket == OFF_CLOCK {
                self.put_on_clock(id, now);
            }
        }
    }

    /// A deadline that is told by its distance becomes a time.
    #[inline(never)]
    pub(crate) fn put_on_clock(&mut self, id: SlotId, now: u64) {
        let slot = self.books.slots.get_mut(id);
        slot.time = now.saturating_add(u64::from(slot.patience));
        self.books.wheel.insert(&mut self.books.slots, id, now);
        self.turn.rearm = true;
    }

    /// A transfer in flight needs its deadline no more.
    #[inline]
    pub(crate) fn take_off_clock(&mut self, id: SlotId) {
        // Of one that is off the clock nothing needs to be taken back: the next look at the clock passes it over.
        if self.books.slots.get(id).bucket != OFF_CLOCK {
            self.books.wheel.remove(&mut self.books.slots, id);
        }
    }

    /// [`Channel::take_off_clock`], away from the path of ordinary commands.
    #[inline(never)]
    pub(crate) fn stop_clock(&mut self, id: SlotId) {
        self.take_off_clock(id);
    }

    /// Whether there may be transfers whose deadline is not on the clock yet: a turn with the time should be run within
    /// [`Channel::LATENESS`].
    #[inline]
    pub(crate) fn wants_tick(&self) -> bool {
        !self.books.off_clock.is_empty()
    }

    #[inline]
    fn check_request(&mut self, id: SlotId, len: usize) -> Result<(), Refusal> {
        if len > MAX_PAYLOAD {
            return Err(Refusal::RequestTooLong);
        }
        if self.books.slots.get(id).inspect {
            return self.check_parameters(id, len);
        }
        Ok(())
    }

    /// Looks into a request, where what it says decides whether it may be sent.
    #[inline(never)]
    fn check_parameters(&mut self, id: SlotId, len: usize) -> Result<(), Refusal> {
        let events = self.has_events();
        let request = self.request(id);
        let slot = self.books.slots.get_mut(id);
        let header = Header::unpack(slot.header);
        if let Payer::Client(client) = slot.payer
            && let Some(client) = self.clients.get(client.index())
        {
            let rules = &client.config.rules;
            rules.check_domain(header.protocol, header.message, request, len)?;
        }
        if is_asynchronous(&header, request, len) {
            if !events {
                return Err(Refusal::EventsUnavailable);
            }
            slot.follows = true;
        }
        Ok(())
    }

    /// Puts the command of a filled slot into the ring.
    #[inline(always)]
    fn transmit(&mut self, id: SlotId, len: usize) -> Result<Handle, Refusal> {
        let books = &mut *self.books;
        let token = books.tokens.take(id);
        let slot = books.slots.get_mut(id);
        let header = slot.header | Header::command(0, 0, token).pack();
        slot.header = header;
        slot.state = State::Waiting;
        let (polled, handle) = (slot.polled, slot.handle);
        self.request(id).set_word(0, header);

        // V27: whether the reply is to interrupt must be settled before the device can answer.
        if polled || self.quiet {
            self.settle_interrupts(polled);
        }
        let sent = self
            .commands
            .set_read_len(id.head(), (HEADER_LEN + len) as u32)
            .is_ok()
            && self.commands.publish(id.head()).is_ok();
        if !sent {
            // V28. It cannot happen: a slot that was free has its chain laid, and the device has not.
            self.books.tokens.release(token);
            self.books.slots.get_mut(id).state = State::Filling;
            return Err(Refusal::Busy);
        }
        self.in_flight = self.in_flight.wrapping_add(1);
        self.interruptible = self.interruptible.wrapping_add(u16::from(!polled));
        count(&mut self.counters.sent_ok);
        self.leave_off_clock(id);
        Ok(handle)
    }

    fn settle_interrupts(&mut self, polled: bool) {
        if polled {
            if self.interruptible == 0 && !self.quiet {
                self.quiet = true;
                self.polling = true;
                self.commands.suppress_interrupts();
            }
        } else if self.quiet {
            self.quiet = false;
            self.polling = false;
            if self.commands.enable_interrupts() {
                self.turn.wanted = true;
            }
        }
    }

    /// The slot of a transfer that its client polls for, if it has ended. [`Channel::finish`] ends the handle.
    pub(crate) fn poll(
        &mut self,
        owner: Owner,
        handle: Handle,
        clock: &mut impl Clock,
    ) -> Result<Option<SlotId>, Refusal> {
        let id = self.find(owner, handle, clock)?;
        Ok((self.books.slots.get(id).state == State::Ended).then_some(id))
    }

    /// Gives a transfer up. The handle ends; the slot is free when the device gives it back.
    pub(crate) fn cancel(
        &mut self,
        owner: Owner,
        handle: Handle,
        clock: &mut impl Clock,
    ) -> Result<(), Refusal> {
        let id = self.find(owner, handle, clock)?;
        self.drop_transfer(id, clock.now());
        // If nobody is left who polls, the reply must interrupt, or the slot would be missing until the device is judged.
        self.turn.wanted |= self.quiet;
        self.slot_freed();
        Ok(())
    }

    /// A slot may be free outside of a turn: an event may be waiting for one, to be switched.
    #[inline]
    pub(crate) fn slot_freed(&mut self) {
        self.turn.wanted |= !self.subscriptions.is_idle();
    }

    fn find(
        &mut self,
        owner: Owner,
        handle: Handle,
        clock: &mut impl Clock,
    ) -> Result<SlotId, Refusal> {
        self.client(owner, clock)?;
        self.books
            .slots
            .find(handle, owner)
            .ok_or(Refusal::BadHandle)
    }

    /// The end of a transfer in state `Ended`.
    pub(crate) fn result(&self, id: SlotId) -> Result<Reply<'m>, Failure> {
        self.books.slots.get(id).end.map(|answer| Reply {
            status: answer.status,
            len: usize::from(answer.len),
            buffer: match answer.parked {
                Some(number) => self.event(number),
                None => self.reply(id),
            },
        })
    }

    /// The waiter has the end of the transfer, or is gone: the slot is free, or lost as long as the device has it.
    #[inline(never)]
    pub(crate) fn finish(&mut self, id: SlotId) {
        let slot = self.books.slots.get(id);
        let follows = slot.follows;
        if slot.state != State::Ended {
            return;
        }
        if let Ok(Answer {
            parked: Some(number),
            ..
        }) = slot.end
        {
            self.take_parked(id, number);
        }
        if self.turn.chores {
            self.books.untold.remove(id);
        }
        if self.commands.with_device(id.head()) {
            // It is in the list of lost slots since it ended.
            self.books.slots.get_mut(id).state = State::Lost;
        } else if follows && self.is_owed(id) {
            self.owe(id);
        } else {
            self.release_here(id);
        }
    }

    /// Whether the platform is still at work on a command that is over for its client: its late reply said that it was accepted, or the
    /// client does not want to know more.
    #[cold]
    fn is_owed(&self, id: SlotId) -> bool {
        let slot = self.books.slots.get(id);
        slot.end == Err(Failure::TimedOut) || (slot.end.is_ok() && !slot.delayed)
    }

    #[cold]
    fn take_parked(&mut self, id: SlotId, number: u16) {
        self.parked = self.parked.wrapping_sub(1);
        self.event(number).clear();
        self.repost(number);
        // To kick the device for it.
        self.turn.wanted = true;
        // It had its answer; the reply that is still to come is no news.
        self.books.slots.get_mut(id).end = Ok(Answer::ZERO);
    }
}

/// Whether a request asks for a delayed response: a device without event queue cannot send one, and where it can, the token must not be
/// given out again before it has come.
fn is_asynchronous(header: &Header, request: &DmaBuffer, len: usize) -> bool {
    scmi::events::delayed(header.protocol, header.message).is_some_and(|delayed| {
        len >= delayed.flags_at + 4
            && request.word(1 + delayed.flags_at / 4) & delayed.async_flag != 0
    })
}
