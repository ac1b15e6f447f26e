// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Command slots: who has one, and what has become of its command.
//!
//! Slot `i` is for ever descriptors `2i` and `2i+1` and the buffers that they name. It is in exactly one of these states:
//!
//! ```text
//!            begin             submit                  reply (blocking: told, then finish)
//!   Free -----------> Filling ---------> Waiting --------------------------------> Ended
//!    ^  ^               |               |   |  |                                   ^ ^ |
//!    |  +---------------+               |   |  | reply, a delayed one was asked    | | |
//!    |        abort                     |   |  +------------> AwaitingDelayed -----+ | |
//!    |                                  |   |                   its response, or its | |
//!    |                                  |   |                   time is up           | |
//!    |                                  |   |  time is up, reset, delayed response   | |
//!    |                                  |   +--------- before the reply -------------+ |
//!    |                     cancel, death |                                             | finish (collected,
//!    |                                  v                                             | cancelled, death)
//!    +------- the device's late reply, Lost <--------- the device has it still --------+
//!    |                or reset                                                         |
//!    +-------------------------------------------------- the device does not ----------+
//! ```
//!
//! One more state is not in the picture. A transfer that was given up although a delayed response is to come is *owed*: its slot is
//! `Owed` until that response comes or its time is up, so that a client cannot have more at work on the platform than its quota says.
//! `AwaitingDelayed` becomes `Owed` by a cancellation or a death; `Lost` does when its late reply says that the command was accepted;
//! and `Ended` does when it is finished, if the command was accepted and the client did not ask for the delayed response.
//!
//! Whether the *device* has the slot's buffers is not another state that could disagree: the queue knows. It has them in
//! `Waiting` and `Lost`, never in `Free`, `Filling`, `AwaitingDelayed`, `Owed`, and in `Ended` when the end came before the
//! reply. A slot is in one list at most: `Free` in the free list; `Waiting`, `AwaitingDelayed` and `Owed` in the wheel of deadlines,
//! unless their deadline is not put on the clock yet; `Lost` and `Ended` with the device in the list of lost
//! slots, oldest first.

use super::due::Due;
use super::handle::{Handle, INDEX_BITS, SlotId};
use super::link::Link;
use super::opening::{Opening, Terms, Waiter};
use super::reply::Answer;
use crate::clients::{Owner, Payer};
use crate::error::Failure;
use crate::memory::DmaBuffer;
use scmi::{Header, Token};

/// See the [module](self).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum State {
    /// Not part of the ring at its present size. First, so that it is a zero byte.
    OutOfRing = 0,
    /// In the free list.
    Free,
    /// The request is being written.
    Filling,
    /// With the device, and somebody waits.
    Waiting,
    /// The command was accepted; the delayed response is to come.
    AwaitingDelayed,
    /// `end` says how. Kept until the waiter has it.
    Ended,
    /// With the device, and nobody waits.
    Lost,
    /// The command was accepted; the delayed response is to come, and nobody waits.
    Owed,
}

/// One slot's books. The device cannot reach them.
pub(crate) struct Slot {
    due: Due,
    /// The header that was sent.
    header: u32,
    /// Names the present transfer of this slot, or the last one.
    handle: Handle,
    terms: Terms,
    /// How it ended, in state `Ended`.
    end: Result<Answer, Failure>,
    link: Link,
    state: State,
    /// A delayed response may come: the client asked for it, or the request itself says so.
    follows: bool,
    /// The device may have written more than [`DmaBuffer::SMALL`] bytes into the reply buffer since it was cleared.
    large: bool,
}

impl Slot {
    /// Nothing but zeros, so that the slots take no room in the image.
    const ZERO: Self = Self {
        due: Due::ZERO,
        header: 0,
        handle: Handle::NONE,
        terms: Terms::ZERO,
        end: Ok(Answer::ZERO),
        link: Link::ZERO,
        state: State::OutOfRing,
        follows: false,
        large: false,
    };

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn header(&self) -> u32 {
        self.header
    }

    pub(super) fn token(&self) -> Token {
        Header::unpack(self.header).token
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle
    }

    pub(super) fn waiter(&self) -> Waiter {
        self.terms.waiter
    }

    pub(super) fn owner(&self) -> Owner {
        self.terms.owner
    }

    pub(super) fn payer(&self) -> Payer {
        self.terms.payer
    }

    pub(super) fn end(&self) -> Result<Answer, Failure> {
        self.end
    }

    /// The client asked for the delayed response.
    pub(super) fn is_delayed(&self) -> bool {
        self.terms.delayed
    }

    /// A delayed response may come.
    pub(super) fn is_followed(&self) -> bool {
        self.follows
    }

    /// The client polls and wants no interrupt.
    pub(super) fn is_polled(&self) -> bool {
        self.terms.polled
    }

    /// Whether the request may be sent depends on its parameters.
    pub(super) fn is_inspected(&self) -> bool {
        self.terms.inspect
    }

    /// Whether the outcome of the command is still open.
    pub(super) fn in_flight(&self) -> bool {
        matches!(self.state, State::Waiting | State::AwaitingDelayed)
    }

    /// Whether the slot has a deadline.
    pub(super) fn has_deadline(&self) -> bool {
        (self.in_flight() || self.state == State::Owed) && self.due.is_limited()
    }

    /// The event buffer that keeps the answer.
    pub(super) fn parked(&self) -> Option<u16> {
        self.end.ok().and_then(|answer| answer.parked)
    }

    /// The same, which keeps it no longer, and the length of the return values.
    pub(super) fn unpark(&mut self) -> Option<(u16, u16)> {
        let answer = self.end.as_mut().ok()?;
        Some((answer.parked.take()?, answer.len))
    }

    pub(super) fn due(&self) -> &Due {
        &self.due
    }

    /// For the wheel of deadlines.
    pub(super) fn due_mut(&mut self) -> &mut Due {
        &mut self.due
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// For the one list that the slot may be in.
    pub(super) fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }

    /// A new transfer begins: handles of earlier ones become stale.
    pub(super) fn open(&mut self, opening: &Opening) {
        self.state = State::Filling;
        self.terms = opening.terms;
        self.header = opening.header;
        self.due.set(opening.patience);
        self.follows = opening.terms.delayed;
        self.handle = self.handle.next();
    }

    /// The transfer gets its token and is on its way. Returns its header.
    pub(super) fn send(&mut self, token: Token) -> u32 {
        self.state = State::Waiting;
        self.header |= Header::command(0, 0, token).pack();
        self.header
    }

    /// It was not sent after all.
    pub(super) fn not_sent(&mut self) {
        self.state = State::Filling;
    }

    /// Whether a delayed response may come.
    pub(super) fn set_followed(&mut self, follows: bool) {
        self.follows = follows;
    }

    /// The command was accepted: its client waits for the delayed response, for so many milliseconds.
    pub(super) fn await_delayed(&mut self, patience: u32) {
        self.state = State::AwaitingDelayed;
        self.due.set(patience);
    }

    /// Nobody waits for the delayed response any more. The deadline stays.
    pub(super) fn owe(&mut self) {
        self.state = State::Owed;
    }

    /// Nobody waits for the delayed response, which may come in so many milliseconds.
    pub(super) fn owe_for(&mut self, patience: u32) {
        self.state = State::Owed;
        self.due.set(patience);
    }

    /// The transfer is over, and its waiter is to be told.
    pub(super) fn finish(&mut self, end: Result<Answer, Failure>) {
        self.state = State::Ended;
        self.end = end;
    }

    /// The device has the slot, and nobody waits.
    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// The same, of a transfer whose outcome is open: it counts as not answered in time.
    pub(super) fn lose_unanswered(&mut self) {
        self.state = State::Lost;
        self.end = Err(Failure::TimedOut);
    }

    /// What came for a transfer that is over, for who looks at once.
    pub(super) fn note_end(&mut self, end: Result<Answer, Failure>) {
        self.end = end;
    }

    /// Nobody has the slot. `in_ring`: it can be used.
    pub(super) fn vacate(&mut self, in_ring: bool) {
        self.state = if in_ring {
            State::Free
        } else {
            State::OutOfRing
        };
    }

    /// The slot counts to nobody from now on. Returns to whom it did.
    pub(super) fn uncharge(&mut self) -> Payer {
        core::mem::replace(&mut self.terms.payer, Payer::Nobody)
    }

    /// The device wrote so many bytes into the reply buffer, or so it says.
    pub(super) fn wrote(&mut self, len: usize) {
        if len > DmaBuffer::SMALL {
            self.large = true;
        }
    }

    /// The device may have written anything.
    pub(super) fn wrote_unknown(&mut self) {
        self.large = true;
    }

    /// The reply buffer is being cleared. Returns whether the device may have written much.
    pub(super) fn clear_written(&mut self) -> bool {
        core::mem::take(&mut self.large)
    }

    /// Makes the handles of this slot begin elsewhere in each life of the driver, so that those of an earlier life are stale.
    pub(super) fn begin_handles(&mut self, id: SlotId, life: u32) {
        self.handle = Handle::of_life(life, id);
    }
}

/// All slots. `S` is a power of two, so an index is always in range after a mask, and nothing here can panic.
pub(crate) struct Slots<const S: usize> {
    slots: [Slot; S],
}

impl<const S: usize> Slots<S> {
    const CHECKED: () = assert!(S.is_power_of_two() && S <= 1 << INDEX_BITS);

    /// Slots of zeros, none of them part of a ring.
    pub(crate) const fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            slots: [const { Slot::ZERO }; S],
        }
    }

    pub(crate) fn get(&self, id: SlotId) -> &Slot {
        debug_assert!(usize::from(id.0) < S);
        &self.slots[usize::from(id.0) & (S - 1)]
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> &mut Slot {
        debug_assert!(usize::from(id.0) < S);
        &mut self.slots[usize::from(id.0) & (S - 1)]
    }

    /// The slot that a handle names, if it is the present one of a transfer that `owner` polls.
    pub(crate) fn find(&self, handle: Handle, owner: Owner) -> Option<SlotId> {
        let id = handle.slot();
        let slot = self.slots.get(usize::from(id.0))?;
        let live = matches!(
            slot.state,
            State::Waiting | State::AwaitingDelayed | State::Ended
        );
        let polled = matches!(slot.terms.waiter, Waiter::Handle { .. });
        (slot.handle == handle && live && polled && slot.terms.owner == owner).then_some(id)
    }

    /// Every slot's number.
    pub(crate) fn ids() -> impl Iterator<Item = SlotId> {
        (0..S as u16).map(SlotId)
    }
}
