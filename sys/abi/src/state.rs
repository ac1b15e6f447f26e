// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel tells about a task. The order of the variants is their encoding.

use hubpack::SerializedSize;
use serde::{Deserialize, Serialize};

use crate::{FaultInfo, TaskId};

/// A task's state, as kernel IPC reports it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum TaskState {
    /// It may run, as far as its scheduling state lets it.
    Healthy(SchedState),
    /// It was stopped for good, until someone restarts it.
    Faulted {
        /// Why; the latest fault, when there were several.
        fault: FaultInfo,
        /// What it was doing when the first fault struck.
        original_state: SchedState,
    },
}

impl TaskState {
    /// Whether the task is waiting to receive from `sender` (or from anyone).
    pub fn can_accept_message_from(&self, sender: TaskId) -> bool {
        match self {
            Self::Healthy(SchedState::InRecv(from)) => from.is_none_or(|id| id == sender),
            _ => false,
        }
    }

    /// Whether the task is waiting for its message to `target` to be received.
    pub fn is_sending_to(&self, target: TaskId) -> bool {
        matches!(self, Self::Healthy(SchedState::InSend(id)) if *id == target)
    }
}

impl Default for TaskState {
    fn default() -> Self {
        Self::Healthy(SchedState::Stopped)
    }
}

/// What a healthy task is doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum SchedState {
    /// Nothing; it was never started.
    Stopped,
    /// Running, or waiting for its turn.
    Runnable,
    /// Waiting for this task to receive its message.
    InSend(TaskId),
    /// Waiting for this task's reply.
    InReply(TaskId),
    /// Waiting for a message: from this task only, or from anyone.
    InRecv(Option<TaskId>),
}

/// A task's importance: strict, and a lower number is more important.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SerializedSize)]
#[repr(transparent)]
pub struct Priority(pub u8);

impl Priority {
    /// Whether this one runs first when both can.
    #[inline(always)]
    pub const fn is_more_important_than(self, other: Self) -> bool {
        self.0 < other.0
    }
}

/// A part of a task's memory that a dump contains.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub struct TaskDumpRegion {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
}

/// Bytes of the kernel's record of a task, the first region of its dump, on this processor.
pub const RECORD_SIZE: usize = 256;

/// Where in that record the task's stack pointer is, in bytes.
pub const RECORD_STACK_POINTER: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReplyFaultReason;

    fn bytes(state: TaskState) -> Vec<u8> {
        let mut hub = [0; TaskState::MAX_SIZE];
        let length = hubpack::serialize(&mut hub, &state).unwrap();
        let mut ss = [0; TaskState::MAX_SIZE];
        assert_eq!(ssmarshal::serialize(&mut ss, &state).unwrap(), length);
        assert_eq!(hub, ss);
        assert_eq!(
            hubpack::deserialize::<TaskState>(&hub[..length]).unwrap().0,
            state
        );
        hub[..length].to_vec()
    }

    #[test]
    fn state_order_on_the_wire() {
        use SchedState::*;
        let peer = TaskId(0x0201);
        assert_eq!(bytes(TaskState::Healthy(Stopped)), [0, 0]);
        assert_eq!(bytes(TaskState::Healthy(Runnable)), [0, 1]);
        assert_eq!(bytes(TaskState::Healthy(InSend(peer))), [0, 2, 1, 2]);
        assert_eq!(bytes(TaskState::Healthy(InReply(peer))), [0, 3, 1, 2]);
        assert_eq!(bytes(TaskState::Healthy(InRecv(None))), [0, 4, 0]);
        assert_eq!(
            bytes(TaskState::Healthy(InRecv(Some(peer)))),
            [0, 4, 1, 1, 2]
        );
    }

    #[test]
    fn faulted_keeps_what_the_task_was_doing() {
        let fault = FaultInfo::FromServer(TaskId(3), ReplyFaultReason::BadLeases);
        let state = TaskState::Faulted {
            fault,
            original_state: SchedState::InReply(TaskId(3)),
        };
        assert_eq!(bytes(state), [1, 10, 3, 0, 3, 3, 3, 0]);
    }

    #[test]
    fn dump_region_and_priority() {
        let mut buffer = [0; TaskDumpRegion::MAX_SIZE];
        hubpack::serialize(
            &mut buffer,
            &TaskDumpRegion {
                base: 0x4020_0000,
                size: 16,
            },
        )
        .unwrap();
        assert_eq!(buffer, [0, 0, 0x20, 0x40, 16, 0, 0, 0]);
        assert!(Priority(0).is_more_important_than(Priority(1)));
        assert!(!Priority(1).is_more_important_than(Priority(1)));
    }

    #[test]
    fn questions_about_a_state() {
        let (me, other) = (TaskId(1), TaskId(2));
        assert!(TaskState::Healthy(SchedState::InRecv(None)).can_accept_message_from(me));
        assert!(TaskState::Healthy(SchedState::InRecv(Some(me))).can_accept_message_from(me));
        assert!(!TaskState::Healthy(SchedState::InRecv(Some(me))).can_accept_message_from(other));
        assert!(TaskState::Healthy(SchedState::InSend(me)).is_sending_to(me));
        assert!(!TaskState::default().is_sending_to(me));
    }
}
