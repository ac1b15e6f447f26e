// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Names of other tasks that `app.toml` fills in.

use abi::TaskId;

use crate::sys_refresh_task_id;

/// A place for the index of a task. Made by [`task_slot!`](crate::task_slot!), bound by the build.
#[derive(Debug)]
#[repr(transparent)]
pub struct TaskSlot(u16);

impl TaskSlot {
    /// What the build finds and overwrites. An image with such a slot left is not built.
    pub const UNBOUND: Self = Self(TaskId::UNBOUND.0);

    /// The index of the task, as bound by the build.
    #[inline(always)]
    pub fn get_task_index(&self) -> u16 {
        // The build changes the value behind the compiler's back, which therefore must not fold it.
        // Safety: it is a reference to an initialised u16.
        unsafe { core::ptr::read_volatile(&self.0) }
    }

    /// The task in its present generation.
    #[inline(always)]
    pub fn get_task_id(&self) -> TaskId {
        sys_refresh_task_id(TaskId::for_index(self.get_task_index().into()))
    }
}

/// What the build reads to find a slot: the slot's address, the length of its name, the name. An entry starts at a multiple of four.
#[doc(hidden)]
#[derive(Debug)]
#[repr(C)]
pub struct TaskSlotTableEntry<const LEN: usize> {
    slot: &'static TaskSlot,
    name_len: u32,
    name: [u8; LEN],
}

impl<const LEN: usize> TaskSlotTableEntry<LEN> {
    #[doc(hidden)]
    pub const fn new(name: &str, slot: &'static TaskSlot) -> Self {
        let mut bytes = [0; LEN];
        bytes.copy_from_slice(name.as_bytes());
        Self {
            slot,
            name_len: LEN as u32,
            name: bytes,
        }
    }
}

/// Declares a static [`TaskSlot`] that the build binds to the task which `task-slots` in `app.toml` names.
///
/// ```no_run
/// # use userlib::*;
/// # struct Uart(TaskId);
/// # impl From<TaskId> for Uart { fn from(task: TaskId) -> Self { Self(task) } }
/// # fn main() {
/// task_slot!(UART, uart);            // app.toml: task-slots = ["uart"] or [{uart = "my_uart"}]
/// let uart = Uart::from(UART.get_task_id());
/// # }
/// ```
#[macro_export]
macro_rules! task_slot {
    ($visibility:vis $name:ident, $slot:ident) => {
        $visibility static $name: $crate::task_slot::TaskSlot = {
            // The section is kept out of memory: it is there for the build alone.
            #[cfg_attr(target_os = "none", unsafe(link_section = ".task_slot_table"))]
            #[used]
            static ENTRY: $crate::task_slot::TaskSlotTableEntry<{ ::core::stringify!($slot).len() }> =
                $crate::task_slot::TaskSlotTableEntry::new(::core::stringify!($slot), &$name);
            $crate::task_slot::TaskSlot::UNBOUND
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    task_slot!(PEER, peer_task);

    #[test]
    fn a_slot_starts_unbound() {
        assert_eq!(PEER.get_task_index(), TaskId::UNBOUND.0);
    }
}
