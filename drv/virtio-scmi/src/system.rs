// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is around the driver: why it runs, what it wants done afterwards, and whom it asks and tells meanwhile.

use crate::clients::Owner;
use crate::error::{Failure, Refusal, Unanswered};
use crate::transfers::{Handle, Reply};

/// The system that the driver is a part of: it tells the time, and knows the clients. Only called while the driver runs, never later.
pub trait System {
    /// Milliseconds since boot. Never goes back. It may cost a system call, so the driver asks only when it must, once a turn.
    fn now(&mut self) -> u64;
    /// The transfer of a client that is blocked in it is over: answer the client. Afterwards the handle is void and the reply's
    /// buffer the driver's again.
    fn ended(&mut self, owner: Owner, handle: Handle, result: Result<Reply<'_>, Failure>);
    /// An entry of a client's batch is over; `tag` is that of the batch. Give the result to the client, and it is not told again of this
    /// entry. Returns whether the client could take it: if not, it is as good as gone.
    fn entry_ended(
        &mut self,
        owner: Owner,
        tag: u32,
        index: u8,
        result: Result<Reply<'_>, Unanswered>,
    ) -> bool;
    /// All entries of a client's batch are over: answer the client.
    fn batch_ended(&mut self, owner: Owner);
    /// Post these notification bits, never 0, to the client: a transfer can be polled, or events fetched. Returns whether the client
    /// is still there.
    fn post(&mut self, owner: Owner, bits: u32) -> bool;
    /// The platform answered to the client that is blocked in subscribing: whether the event is on. Answer the client.
    fn subscribed(&mut self, owner: Owner, result: Result<(), Failure>);
    /// Whether a client is still there. The driver asks when it has no slot left: somebody may hold one who is gone.
    fn is_alive(&mut self, owner: Owner) -> bool;
}

/// Why the driver runs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Somebody posted the bit of the device's interrupt, which is masked if it was the kernel, or that of the timer, or both. Any task
    /// may post any bit, so each is a hint and no more.
    Notification {
        /// The interrupt's bit is set.
        interrupt: bool,
        /// The timer's bit is set.
        timer: bool,
    },
    /// An operation may have given the device or the driver something to do: to be run after [`Driver::send`](crate::Driver::send), [`Driver::batch`](crate::Driver::batch), [`Driver::cancel`](crate::Driver::cancel),
    /// [`Driver::subscribe`](crate::Driver::subscribe) and [`Driver::unsubscribe`](crate::Driver::unsubscribe).
    Request,
    /// A client wants to know what is in the rings now: to be run before [`Driver::poll`](crate::Driver::poll), and after one that left something
    /// to do. Also after any operation that was refused, and after a [`Driver::fetch`](crate::Driver::fetch) that found nothing: that may
    /// be how the driver learned that the client's task is in another life.
    Poll,
}

/// What the system must do after the driver ran.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "a plan that is not carried out makes the driver sleep for ever"]
pub struct Plan {
    /// Have the timer fire at this time, in milliseconds since boot, and at no other. `None`: leave it as it is.
    pub timer: Option<u64>,
    /// Let the device interrupt. `false`: leave the interrupt as it is.
    pub unmask: bool,
}

/// Why [`Driver::send`](crate::Driver::send) sent nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum NotSent<E> {
    /// The driver refused the command.
    Refused(Refusal),
    /// The parameters could not be had.
    NotFilled(E),
}

/// A moment of the driver's time: the clock is read when it is first needed, and not again.
pub(crate) struct Moment<'s, S> {
    pub(crate) system: &'s mut S,
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
