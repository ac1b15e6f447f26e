// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Transfers: from a client's wish to the device, and from the answer back to the client.

mod answers;
mod audit;
mod command;
mod deadlines;
mod due;
mod ending;
mod flight;
mod handle;
mod link;
mod lists;
mod opening;
mod pool;
mod reply;
mod set;
mod slot;
mod token;
mod wheel;

pub(crate) use answers::{Came, Response, late_answer, replied, responded};
pub(crate) use audit::{audit, describe, entries};
pub use command::Wait;
pub(crate) use command::{header_of, is_asynchronous};
pub(crate) use deadlines::{Deadlines, LATENESS};
pub(crate) use due::NO_DEADLINE;
pub use handle::Handle;
pub(crate) use handle::SlotId;
pub(crate) use opening::{Opening, Terms, Waiter};
pub(crate) use reply::Answer;
pub use reply::{FIRST_WORDS, Reply};

use crate::clients::{Clients, Owner, Payer, Rules};
use crate::counters::Count;
use crate::error::{Failure, Refusal};
use crate::events::Events;
use crate::interrupts::Suppression;
use crate::journal::Journal;
use crate::memory::{DmaBuffer, QueueMemory};
use flight::Flight;
use pool::Pool;
use scmi::Header;
use scmi::limits::HEADER_LEN;
use set::SlotSet;
use slot::{Slots, State};
use token::Tokens;
use virtqueue::{Buffer, Direction, Used, Violation, Virtqueue};

/// What the driver knows of each slot, deadline and token: large, and nothing but zeros before
/// [`Driver::provide`](crate::Driver::provide), so that it takes no room in the image.
pub struct Books<const SLOTS: usize> {
    pool: Pool<SLOTS>,
    deadlines: Deadlines,
    tokens: Tokens,
    /// Transfers that a reset ended, and whose waiter is to be told.
    untold: SlotSet,
}

impl<const SLOTS: usize> Books<SLOTS> {
    /// Empty books.
    pub const NEW: Self = Self {
        pool: Pool::new(),
        deadlines: Deadlines::new(),
        tokens: Tokens::new(),
        untold: SlotSet::new(),
    };
}

/// All transfers, and the command ring.
// The ring is large, so it comes last: see [`Channel`](crate::channel::Channel).
#[repr(C)]
pub(crate) struct Transfers<'m, const RING: usize, const SLOTS: usize> {
    books: &'m mut Books<SLOTS>,
    requests: &'m [DmaBuffer; SLOTS],
    replies: &'m [DmaBuffer; SLOTS],
    flight: Flight,
    /// How long the platform may take from a reply to its delayed response, in milliseconds.
    delayed: u32,
    ring: Virtqueue<'m, RING>,
}

impl<'m, const RING: usize, const SLOTS: usize> Transfers<'m, RING, SLOTS> {
    /// Nothing in flight, and no slot to use. Touches no queue memory.
    pub(crate) const fn new<const EVENTS: usize>(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
        books: &'m mut Books<SLOTS>,
    ) -> Self {
        Self {
            books,
            requests: &memory.requests,
            replies: &memory.replies,
            flight: Flight::NONE,
            delayed: 0,
            ring: Virtqueue::new(&memory.command_ring),
        }
    }

    /// The platform may take so many milliseconds from a reply to its delayed response.
    pub(crate) fn provide(&mut self, delayed: u32) {
        self.delayed = delayed;
    }

    /// Makes tokens and handles begin where those of an earlier life of the task did not: answers and clients of that life may
    /// still be about.
    pub(crate) fn begin_life(&mut self, life: u32) {
        self.books.tokens.begin(life);
        for id in Slots::<SLOTS>::ids() {
            self.books.pool.get_mut(id).begin_handles(id, life);
        }
    }

    /// The device was reset, and nothing is in flight: slots that it kept are free again, and what ended is ours alone.
    pub(crate) fn take_back<const EVENTS: usize>(
        &mut self,
        events: &Events<'_, EVENTS>,
        clients: &mut Clients<'_>,
    ) {
        // The ring may forget what the device had.
        let _ = self.ring.start(RING as u16, false);
        self.books.pool.take_back(clients);
        self.books.tokens.release_all();
        for id in Slots::<SLOTS>::ids() {
            match self.books.pool.get(id).state() {
                State::Ended => {
                    self.unpark(id, events);
                    let slot = self.books.pool.get_mut(id);
                    slot.set_followed(false);
                    // Whatever the device wrote is cleared when another client gets the slot.
                    slot.wrote_unknown();
                    continue;
                }
                State::Owed => self.stop_clock(id),
                State::Lost | State::Free | State::OutOfRing => {}
                // None of these is there: all in flight ended before a reset, and nothing is half filled between calls.
                State::Filling | State::Waiting | State::AwaitingDelayed => continue,
            }
            self.books.pool.leave_ring(id, clients);
            self.books.pool.get_mut(id).clear_written();
            self.reply(id).clear();
        }
    }

    /// Begins a ring of so many entries and lays down the chain of each slot: a request that the device reads, then a reply that it
    /// writes (V26). `false`: no ring can have this size.
    pub(crate) fn lay_out(&mut self, size: u16, event_idx: bool) -> bool {
        if size < 2 || self.ring.start(size, event_idx).is_err() {
            return false;
        }
        let in_use = (size / 2).min(SLOTS as u16);
        self.books.pool.resize(in_use);
        for id in Slots::<SLOTS>::ids().take(usize::from(in_use)) {
            let chain = [
                buffer(self.request(id), Direction::DeviceReads),
                buffer(self.reply(id), Direction::DeviceWrites),
            ];
            // Cannot fail: the ring was just started, and a slot's descriptors are in range and its own.
            let laid = self.ring.set_chain(id.head(), &chain);
            debug_assert!(laid.is_ok());
            self.books.pool.enter_ring(id);
        }
        true
    }

    /// The command ring, for what concerns it as a ring.
    pub(crate) fn ring(&self) -> &Virtqueue<'m, RING> {
        &self.ring
    }

    /// The same, to suppress and ask for interrupts, and to decide on notifications.
    pub(crate) fn ring_mut(&mut self) -> &mut Virtqueue<'m, RING> {
        &mut self.ring
    }

    /// Takes the next chain that came back.
    pub(crate) fn take_used(&mut self) -> Result<Option<Used>, Violation> {
        self.ring.take_used()
    }

    /// Slots of the ring at its present size.
    pub(crate) fn in_use(&self) -> u16 {
        self.books.pool.in_use()
    }

    /// Transfers whose outcome is open.
    pub(crate) fn in_flight(&self) -> u16 {
        self.flight.all()
    }

    /// Slots that are free.
    pub(crate) fn free(&self) -> u16 {
        self.books.pool.free()
    }

    /// Slots that the device has although nobody waits for their reply any more.
    pub(crate) fn lost(&self) -> u16 {
        self.books.pool.lost()
    }

    /// When the oldest of these was lost.
    pub(crate) fn oldest_loss(&self) -> Option<u64> {
        self.books.pool.oldest_loss()
    }

    /// Slots of transfers that are over, and of which the platform owes the delayed response.
    pub(crate) fn owed(&self) -> u16 {
        self.books.pool.owed()
    }

    /// Whether somebody waits for an interrupt of the command ring.
    pub(crate) fn awaits_interrupt(&self) -> bool {
        self.flight.interruptible() > 0
    }

    /// Whether the ring has slots, and none is free for a command.
    pub(crate) fn is_full(&self) -> bool {
        self.free() == 0 && self.in_use() > 0
    }

    /// The deadlines, for who decides when the driver wakes up.
    pub(crate) fn deadlines(&mut self) -> &mut Deadlines {
        &mut self.books.deadlines
    }

    /// Not later than the earliest deadline on the clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.books.deadlines.next()
    }

    /// Puts the deadlines of what was sent since the last time on the clock: they count from now on.
    pub(crate) fn tick(&mut self, now: u64) {
        let books = &mut *self.books;
        books.deadlines.tick(books.pool.slots_mut(), now);
    }

    /// Takes a slot (V06) for a transfer of this owner. Its payer's account must have room; `None`: no slot is free.
    ///
    /// Then [`Transfers::open`] it, write the parameters to [`Transfers::request`], and [`Transfers::send`] or [`Transfers::abort`].
    pub(crate) fn reserve(
        &mut self,
        owner: Owner,
        payer: Payer,
        clients: &mut Clients<'_>,
    ) -> Option<SlotId> {
        let id = self.books.pool.take(payer, clients)?;
        let slot = self.books.pool.get_mut(id);
        if slot.owner() != owner {
            // What the device wrote for another client is cleared: if it claims to have written more than it did, nothing is handed on.
            let large = slot.clear_written();
            self.reply(id).clear_after(large);
        }
        Some(id)
    }

    /// A transfer begins in the slot that was just taken for it.
    pub(crate) fn open(&mut self, id: SlotId, opening: &Opening) {
        self.books.pool.get_mut(id).open(opening);
    }

    /// Where to write the parameters of a slot that was just opened: from byte 4 on, at most 128 bytes.
    pub(crate) fn request(&self, id: SlotId) -> &'m DmaBuffer {
        &self.requests[usize::from(id.index()) & (SLOTS - 1)]
    }

    fn reply(&self, id: SlotId) -> &'m DmaBuffer {
        &self.replies[usize::from(id.index()) & (SLOTS - 1)]
    }

    /// Gives a slot back that was opened and is not sent.
    pub(crate) fn abort(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        if self.books.pool.get(id).state() == State::Filling {
            self.books.pool.release(id, clients);
        }
    }

    /// Whether what the parameters say decides whether a request may be sent.
    pub(crate) fn is_inspected(&self, id: SlotId) -> bool {
        self.books.pool.get(id).is_inspected()
    }

    /// Looks into such a request. `rules` are those of its client. `events`: the device has an event queue.
    pub(crate) fn inspect(
        &mut self,
        id: SlotId,
        len: usize,
        rules: Option<&Rules>,
        events: bool,
    ) -> Result<(), Refusal> {
        let request = self.request(id);
        let parameter = |index| request.word(1 + index);
        let slot = self.books.pool.get_mut(id);
        let header = Header::unpack(slot.header());
        if let Some(rules) = rules {
            rules.check_domain(header.protocol, header.message, len, parameter)?;
        }
        if is_asynchronous(header.protocol, header.message, len, parameter) {
            if !events {
                return Err(Refusal::EventsUnavailable);
            }
            slot.set_followed(true);
        }
        Ok(())
    }

    /// Puts the command of a filled slot into the ring. Returns its handle, and whether something is in the ring already that will not
    /// interrupt any more.
    pub(crate) fn send(
        &mut self,
        id: SlotId,
        len: usize,
        suppression: &mut Suppression,
        journal: &mut Journal,
    ) -> Result<(Handle, bool), Refusal> {
        let books = &mut *self.books;
        let token = books.tokens.take(id);
        let slot = books.pool.get_mut(id);
        let header = slot.send(token);
        let (polled, handle) = (slot.is_polled(), slot.handle());
        self.request(id).set_word(0, header);

        // V27: whether the reply is to interrupt must be settled before the device can answer.
        let missed = suppression.before_send(polled, self.flight.interruptible(), &mut self.ring);
        let sent = self
            .ring
            .set_read_len(id.head(), (HEADER_LEN + len) as u32)
            .is_ok()
            && self.ring.publish(id.head()).is_ok();
        if !sent {
            // V28. It cannot happen: a slot that was free has its chain laid, and the device has not.
            self.books.tokens.release(token);
            self.books.pool.get_mut(id).not_sent();
            return Err(Refusal::Busy);
        }
        self.flight.begin(polled);
        journal.count(Count::SentOk);
        self.start_clock(id);
        Ok((handle, missed))
    }

    /// The deadline of a transfer begins, told by its distance.
    fn start_clock(&mut self, id: SlotId) {
        let books = &mut *self.books;
        books.deadlines.begin(books.pool.slots_mut(), id);
    }

    /// The deadline of a transfer begins now.
    pub(crate) fn put_on_clock(&mut self, id: SlotId, now: u64) {
        let books = &mut *self.books;
        books.deadlines.begin_now(books.pool.slots_mut(), id, now);
    }

    /// A transfer needs its deadline no more.
    fn stop_clock(&mut self, id: SlotId) {
        let books = &mut *self.books;
        books.deadlines.stop(books.pool.slots_mut(), id);
    }

    /// The transfer that a handle names, if its owner polls for it.
    pub(crate) fn find(&self, handle: Handle, owner: Owner) -> Result<SlotId, Refusal> {
        let slots = self.books.pool.slots();
        slots.find(handle, owner).ok_or(Refusal::BadHandle)
    }

    /// Whether a transfer is over.
    pub(crate) fn has_ended(&self, id: SlotId) -> bool {
        self.books.pool.get(id).state() == State::Ended
    }

    /// Who waits for a transfer and how, and what it is called.
    pub(crate) fn waiter(&self, id: SlotId) -> (Waiter, Owner, Handle) {
        let slot = self.books.pool.get(id);
        (slot.waiter(), slot.owner(), slot.handle())
    }

    /// The end of a transfer that is over. `events` has the answers that came early.
    pub(crate) fn result<const EVENTS: usize>(
        &self,
        id: SlotId,
        events: &Events<'m, EVENTS>,
    ) -> Result<Reply<'m>, Failure> {
        self.books.pool.get(id).end().map(|answer| Reply {
            status: answer.status,
            len: usize::from(answer.len),
            buffer: match answer.parked {
                Some(number) => events.buffer(number),
                None => self.reply(id),
            },
        })
    }
}

fn buffer(memory: &DmaBuffer, direction: Direction) -> Buffer {
    Buffer {
        address: memory.address(),
        len: DmaBuffer::LEN as u32,
        direction,
    }
}
