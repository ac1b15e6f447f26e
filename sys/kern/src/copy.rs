// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Moving bytes between two tasks.

use abi::{FaultInfo, FaultSource, UsageError};

use crate::access::Access;
use crate::{AccessError, Kernel, Machine, Slice};

/// Whose fault it is that a copy cannot be made.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The task that offered the bytes.
    Source(FaultInfo),
    /// The task that offered the room.
    Destination(FaultInfo),
}

/// One end of a copy: a task's slice, and what the task must be allowed to do with it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct End {
    /// The task's index.
    pub task: usize,
    /// Where.
    pub slice: Slice,
    /// What it takes.
    pub access: Access,
}

impl AccessError {
    /// The fault of a task on whose behalf the kernel made the access.
    pub(crate) fn fault(self) -> FaultInfo {
        let (address, source) = (self.address, FaultSource::Kernel);
        if self.bus {
            FaultInfo::BusError { address, source }
        } else {
            FaultInfo::MemoryAccess { address, source }
        }
    }
}

impl<M: Machine> Kernel<'_, M> {
    /// Copies as much as both ends have, and returns the number of bytes.
    ///
    /// Both slices are checked whole, not only as far as the copy goes: whether a task may offer a slice does not depend on
    /// what its peer happens to offer.
    ///
    /// # Errors
    ///
    /// An end may not do with its slice what the copy takes, or the slices overlap, which is the receiving end's mistake.
    #[inline(always)]
    pub(crate) fn transfer(&mut self, from: End, to: End) -> Result<u32, Blame> {
        let (source, destination) = (from.slice, to.slice);
        self.tasks[from.task]
            .regions
            .check(source, from.access)
            .map_err(Blame::Source)?;
        self.tasks[to.task]
            .regions
            .check(destination, to.access)
            .map_err(Blame::Destination)?;
        let length = source.length().min(destination.length());
        let (source, destination) = (source.limit(length), destination.limit(length));
        if source.overlaps(destination) {
            return Err(Blame::Destination(FaultInfo::SyscallUsage(
                UsageError::InvalidSlice,
            )));
        }
        self.machine
            .copy(source.base(), destination.base(), length)
            .map_err(|error| {
                if error
                    .address
                    .is_some_and(|address| source.contains(address))
                {
                    Blame::Source(error.fault())
                } else {
                    Blame::Destination(error.fault())
                }
            })?;
        Ok(length)
    }
}
