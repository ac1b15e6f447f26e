// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Moving bytes between two tasks.

use abi::{FaultInfo, FaultSource, UsageError};

use crate::access::Access;
use crate::{AccessError, Machine, Slice, Task};

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
pub(crate) struct End<'a> {
    /// Whose memory.
    pub task: &'a Task,
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

/// Copies as much as both ends have, and returns the number of bytes.
///
/// Both slices are checked whole, not only as far as the copy goes: whether a task may offer a slice does not depend on
/// what its peer happens to offer.
///
/// # Errors
///
/// An end may not do with its slice what the copy takes, or the slices overlap, which is the receiving end's mistake.
#[inline(always)]
pub(crate) fn transfer<M: Machine>(
    machine: &mut M,
    from: End<'_>,
    to: End<'_>,
) -> Result<u32, Blame> {
    let (source, destination) = (from.slice, to.slice);
    let regions = &from.task.regions;
    regions.check(source, from.access).map_err(Blame::Source)?;
    let regions = &to.task.regions;
    regions
        .check(destination, to.access)
        .map_err(Blame::Destination)?;
    let length = source.length().min(destination.length());
    let (source, destination) = (source.limit(length), destination.limit(length));
    if source.overlaps(destination) {
        return Err(Blame::Destination(FaultInfo::SyscallUsage(
            UsageError::InvalidSlice,
        )));
    }
    match machine.copy(source.base(), destination.base(), length) {
        Ok(()) => Ok(length),
        Err(error) if error.address.is_some_and(|at| source.contains(at)) => {
            Err(Blame::Source(error.fault()))
        }
        Err(error) => Err(Blame::Destination(error.fault())),
    }
}
