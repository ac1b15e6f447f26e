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

use super::Answer;
use crate::clients::{Owner, Payer};
use crate::error::Failure;
use scmi::{Header, Token};

/// No slot.
pub(crate) const NIL: u16 = u16::MAX;

/// Bucket of a slot that is in no bucket of the wheel.
pub(crate) const NO_BUCKET: u16 = u16::MAX;
/// Bucket of a slot whose deadline is not on the clock yet.
pub(crate) const OFF_CLOCK: u16 = u16::MAX - 1;

/// Bits of a handle that are the slot's number; those above are the generation.
const INDEX_BITS: u32 = 10;

/// How far apart the handles of two lives of the driver begin: 2^32 divided by the golden ratio, which spreads any number of them
/// evenly.
const LIFE_STRIDE: u32 = 0x9e37_79b1;

/// Number of a command slot.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(crate) u16);

impl SlotId {
    /// The number, below 1024.
    pub const fn index(self) -> u16 {
        self.0
    }

    /// The slot whose chain begins with a descriptor.
    pub(crate) const fn of_head(head: u16) -> Self {
        Self(head / 2)
    }

    /// First descriptor of the slot's chain.
    pub(crate) const fn head(self) -> u16 {
        self.0.wrapping_mul(2)
    }
}

/// What a client holds of a transfer that it will poll: never 0, and different for the next transfer in the same slot.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// The number that the client sees.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// A number that a client says is a handle.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    pub(crate) const fn slot(self) -> SlotId {
        SlotId((self.0 & ((1 << INDEX_BITS) - 1)) as u16)
    }
}

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

/// Who waits for a transfer, and how.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Waiter {
    /// The driver: asks whether the platform is there.
    Probe,
    /// A client, blocked in `exchange`.
    Exchange,
    /// A client that polls; it gets these notification bits at the end.
    Handle { bits: u32 },
    /// The driver: switches the event of this subscription on or off.
    Subscription(u16),
}

/// How a transfer begins.
pub(crate) struct Opening {
    /// Whose account it counts to.
    pub(crate) payer: Payer,
    /// Who gets the answer.
    pub(crate) owner: Owner,
    /// Who waits for it, and how.
    pub(crate) waiter: Waiter,
    /// SCMI protocol.
    pub(crate) protocol: u8,
    /// Message of the protocol.
    pub(crate) message: u8,
    /// Milliseconds until the command is given up.
    pub(crate) patience: u32,
    /// The result is the delayed response.
    pub(crate) delayed: bool,
    /// Nobody wants an interrupt for the reply.
    pub(crate) polled: bool,
    /// Whether the request may be sent depends on its parameters.
    pub(crate) inspect: bool,
}

/// One slot's books. The device cannot reach them.
pub(crate) struct Slot {
    /// When time is up, in milliseconds; of a lost slot: when it was lost.
    pub(super) time: u64,
    /// How long it is until time is up, in milliseconds, as long as that is not on the clock.
    pub(super) patience: u32,
    /// The header that was sent.
    pub(super) header: u32,
    /// Names the present transfer of this slot, or the last one.
    pub(super) handle: Handle,
    pub(super) waiter: Waiter,
    /// How it ended, in state `Ended`.
    pub(super) end: Result<Answer, Failure>,
    /// Who gets the answer: a task in one of its lives.
    pub(super) owner: Owner,
    /// Where in the wheel the slot is, or `OFF_CLOCK`, or `NO_BUCKET`.
    pub(super) bucket: u16,
    pub(super) next: u16,
    pub(super) previous: u16,
    pub(super) state: State,
    /// The client asked for the delayed response.
    pub(super) delayed: bool,
    /// A delayed response may come: the client asked for it, or the request itself says so.
    pub(super) follows: bool,
    /// The client polls and wants no interrupt.
    pub(super) polled: bool,
    /// Whether the request may be sent depends on its parameters.
    pub(super) inspect: bool,
    /// The device may have written more than [`DmaBuffer::SMALL`](crate::DmaBuffer) bytes into the reply buffer since it was cleared.
    pub(super) large: bool,
    /// Whose account the slot counts to.
    pub(super) payer: Payer,
}

impl Slot {
    /// Nothing but zeros, so that the slots take no room in the image.
    const ZERO: Self = Self {
        time: 0,
        patience: 0,
        header: 0,
        handle: Handle(0),
        waiter: Waiter::Probe,
        end: Ok(Answer::ZERO),
        owner: Owner(0),
        bucket: 0,
        next: 0,
        previous: 0,
        state: State::OutOfRing,
        delayed: false,
        follows: false,
        polled: false,
        inspect: false,
        large: false,
        payer: Payer::Nobody,
    };

    /// A new transfer begins in slot `id`: handles of earlier ones become stale.
    pub(super) fn open(&mut self, id: SlotId, opening: &Opening) {
        const ONE: u32 = 1 << INDEX_BITS;
        self.state = State::Filling;
        self.payer = opening.payer;
        self.owner = opening.owner;
        self.waiter = opening.waiter;
        self.header = Header::command(opening.protocol, opening.message, Token::default()).pack();
        self.patience = opening.patience;
        self.delayed = opening.delayed;
        self.follows = opening.delayed;
        self.polled = opening.polled;
        self.inspect = opening.inspect;
        let next = (self.handle.0 & !(ONE - 1)).wrapping_add(ONE);
        // The generation is never 0, so that no handle is 0.
        self.handle = Handle(next.max(ONE) | u32::from(id.0));
    }

    /// The transfer gets its token and is on its way. Returns its header.
    pub(super) fn send(&mut self, token: Token) -> u32 {
        self.state = State::Waiting;
        self.header |= Header::command(0, 0, token).pack();
        self.header
    }

    /// The transfer is over, and its waiter is to be told.
    pub(super) fn finish(&mut self, end: Result<Answer, Failure>) {
        self.state = State::Ended;
        self.end = end;
    }

    /// Makes the handles of this slot begin elsewhere in each life of the driver, so that those of an earlier life are stale.
    pub(crate) fn begin_handles(&mut self, life: u32) {
        self.handle = Handle(life.wrapping_mul(LIFE_STRIDE));
    }

    /// Whether the outcome of the command is still open.
    pub(crate) fn in_flight(&self) -> bool {
        matches!(self.state, State::Waiting | State::AwaitingDelayed)
    }

    /// Whether the slot has a deadline.
    pub(crate) fn has_deadline(&self) -> bool {
        self.in_flight() || self.state == State::Owed
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
        let polled = matches!(slot.waiter, Waiter::Handle { .. });
        (slot.handle == handle && live && polled && slot.owner == owner).then_some(id)
    }

    /// Every slot's number.
    pub(crate) fn ids() -> impl Iterator<Item = SlotId> {
        (0..S as u16).map(SlotId)
    }
}
