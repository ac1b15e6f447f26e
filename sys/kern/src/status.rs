// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a task is doing, in one word.

use abi::{SchedState, TaskId};

/// A task's scheduling state, the peer it waits for, and whether it is faulted.
///
/// One word, so that the question every IPC operation asks ("is that task healthy, and waiting for exactly this life of
/// me?") is one comparison. [`Status::sched_state`] gives the form that the rest of the world knows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Status(u32);

const STOPPED: u32 = 0;
const RUNNABLE: u32 = 1;
const IN_SEND: u32 = 2;
const IN_REPLY: u32 = 3;
const IN_OPEN_RECEIVE: u32 = 4;
const IN_CLOSED_RECEIVE: u32 = 5;

const KIND_SHIFT: u32 = 16;
const FAULTED: u32 = 1 << 31;

impl Status {
    /// It was never started.
    pub const STOPPED: Self = Self(STOPPED << KIND_SHIFT);
    /// It runs, or waits for its turn.
    pub const RUNNABLE: Self = Self(RUNNABLE << KIND_SHIFT);
    /// It waits for a message from anyone.
    pub const IN_OPEN_RECEIVE: Self = Self(IN_OPEN_RECEIVE << KIND_SHIFT);

    /// The status that this word of a kernel's memory is, for tools that look at a machine.
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    #[inline(always)]
    const fn with_peer(kind: u32, peer: TaskId) -> Self {
        Self(kind << KIND_SHIFT | peer.0 as u32)
    }

    /// It waits for `peer` to receive its message.
    #[inline(always)]
    pub const fn in_send(peer: TaskId) -> Self {
        Self::with_peer(IN_SEND, peer)
    }

    /// It waits for `peer` to reply.
    #[inline(always)]
    pub const fn in_reply(peer: TaskId) -> Self {
        Self::with_peer(IN_REPLY, peer)
    }

    /// It waits for a message from `peer` alone.
    #[inline(always)]
    pub const fn in_closed_receive(peer: TaskId) -> Self {
        Self::with_peer(IN_CLOSED_RECEIVE, peer)
    }

    const fn kind(self) -> u32 {
        (self.0 & !FAULTED) >> KIND_SHIFT
    }

    const fn peer(self) -> TaskId {
        TaskId(self.0 as u16)
    }

    /// Whether it has faulted and not been restarted since.
    #[inline(always)]
    pub const fn is_faulted(self) -> bool {
        self.0 & FAULTED != 0
    }

    /// The same state, faulted.
    pub const fn faulted(self) -> Self {
        Self(self.0 | FAULTED)
    }

    /// Healthy and waiting for a message, from anyone or from one task.
    #[inline(always)]
    pub const fn is_receiving(self) -> bool {
        let kind = self.0 >> KIND_SHIFT;
        kind == IN_OPEN_RECEIVE || kind == IN_CLOSED_RECEIVE
    }

    /// Healthy and waiting for a message that `sender` may send.
    #[inline(always)]
    pub fn accepts(self, sender: TaskId) -> bool {
        self == Self::IN_OPEN_RECEIVE || self.accepts_only(sender)
    }

    // Apart, so that the first comparison decides nearly always.
    #[cold]
    #[inline(never)]
    fn accepts_only(self, sender: TaskId) -> bool {
        self == Self::in_closed_receive(sender)
    }

    /// The task that a healthy sender waits for.
    pub fn sending_to(self) -> Option<TaskId> {
        (self.0 >> KIND_SHIFT == IN_SEND).then(|| self.peer())
    }

    /// Healthy and waiting for `peer`, in whatever way.
    pub fn waits_for(self, peer: TaskId) -> bool {
        self == Self::in_reply(peer)
            || self == Self::in_send(peer)
            || self == Self::in_closed_receive(peer)
    }

    /// What the task is doing, or was when it faulted.
    pub fn sched_state(self) -> SchedState {
        match self.kind() {
            RUNNABLE => SchedState::Runnable,
            IN_SEND => SchedState::InSend(self.peer()),
            IN_REPLY => SchedState::InReply(self.peer()),
            IN_OPEN_RECEIVE => SchedState::InRecv(None),
            IN_CLOSED_RECEIVE => SchedState::InRecv(Some(self.peer())),
            _ => SchedState::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: TaskId = TaskId(0x0c05);

    #[test]
    fn every_state_reads_back_healthy_and_faulted() {
        for (status, state) in [
            (Status::STOPPED, SchedState::Stopped),
            (Status::RUNNABLE, SchedState::Runnable),
            (Status::in_send(PEER), SchedState::InSend(PEER)),
            (Status::in_reply(PEER), SchedState::InReply(PEER)),
            (Status::IN_OPEN_RECEIVE, SchedState::InRecv(None)),
            (
                Status::in_closed_receive(PEER),
                SchedState::InRecv(Some(PEER)),
            ),
        ] {
            assert_eq!(status.sched_state(), state);
            assert_eq!(status.faulted().sched_state(), state);
            assert!(!status.is_faulted() && status.faulted().is_faulted());
            assert!(!status.faulted().waits_for(PEER) && !status.faulted().accepts(PEER));
            assert!(!status.faulted().is_receiving());
        }
    }

    #[test]
    fn a_word_is_a_status() {
        let status = Status::in_reply(PEER).faulted();
        assert_eq!(Status::from_word(0x8003_0c05), status);
    }

    #[test]
    fn the_kernel_is_a_peer_that_one_can_wait_for() {
        let status = Status::in_closed_receive(TaskId::KERNEL);
        assert!(status.is_receiving() && !status.accepts(PEER));
        assert_eq!(
            status.sched_state(),
            SchedState::InRecv(Some(TaskId::KERNEL))
        );
    }

    #[test]
    fn waiting_for_one_life_is_not_waiting_for_the_next() {
        assert!(Status::in_send(PEER).waits_for(PEER));
        assert!(!Status::in_send(PEER).waits_for(PEER.next_generation()));
        assert!(!Status::RUNNABLE.waits_for(PEER));
        assert!(Status::in_closed_receive(PEER).accepts(PEER));
        assert!(!Status::in_closed_receive(PEER).accepts(PEER.next_generation()));
        assert_eq!(Status::in_send(PEER).sending_to(), Some(PEER));
        assert_eq!(Status::in_reply(PEER).sending_to(), None);
    }
}
