// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! BORROW_READ, BORROW_WRITE, BORROW_INFO: a server's access to what its client leased.

use abi::{DEFECT, FaultInfo, LeaseAttributes, TaskId, ULease, UsageError};
use zerocopy::{FromZeros, IntoBytes};

use crate::access::Access;
use crate::copy::{Blame, End, transfer};
use crate::ipc::{Peer, lease_table};
use crate::{Kernel, Machine, Slice, Status};

/// Which way the bytes of a lease go.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the lender to the borrower.
    Read,
    /// From the borrower to the lender.
    Write,
}

/// What came of looking for a lease.
enum Lease {
    /// Here it is.
    Found {
        lender: usize,
        attributes: LeaseAttributes,
        slice: Slice,
    },
    /// The response code to answer instead.
    Refused(u32),
}

impl<M: Machine> Kernel<'_, M> {
    /// Finds a lease: lender and lease index are the first two arguments of all calls that borrow.
    ///
    /// What is wrong with the lender's memory is the lender's fault, and a defect to the borrower; an index that the lender
    /// has not got is the borrower's fault.
    #[inline(always)]
    fn lease(&mut self) -> Result<Lease, FaultInfo> {
        let borrower = &self.tasks[self.current];
        let peer = TaskId(borrower.registers.argument::<0>() as u16);
        let index = borrower.registers.argument::<1>();
        let waiting = Status::in_reply(borrower.id);
        let lender = match self.peer(peer)? {
            Peer::Alive(lender) if self.tasks[lender].status == waiting => lender,
            Peer::Alive(_) => return Ok(Lease::Refused(DEFECT)),
            Peer::Dead(code) => return Ok(Lease::Refused(code)),
        };
        let registers = &self.tasks[lender].registers;
        let (base, count) = (registers.argument::<5>(), registers.argument::<6>());
        if index >= count {
            return Err(FaultInfo::SyscallUsage(UsageError::LeaseOutOfRange));
        }
        match self.read_lease(lender, base, index) {
            Ok((attributes, slice)) => Ok(Lease::Found {
                lender,
                attributes,
                slice,
            }),
            Err(fault) => Ok(self.blame_lender(lender, fault)),
        }
    }

    /// Reads an entry of a lender's table.
    #[inline(always)]
    fn read_lease(
        &mut self,
        lender: usize,
        base: u32,
        index: u32,
    ) -> Result<(LeaseAttributes, Slice), FaultInfo> {
        const ENTRY: u32 = size_of::<ULease>() as u32;
        // SEND checked the whole table, so the entry does not wrap.
        let entry = lease_table(base.wrapping_add(index.wrapping_mul(ENTRY)), 1)?;
        self.tasks[lender].regions.check(entry, Access::READ)?;
        let mut lease = ULease::new_zeroed();
        self.machine
            .read(entry.base(), lease.as_mut_bytes())
            .map_err(|error| error.fault())?;
        let slice = Slice::new(lease.base_address, lease.length)?;
        Ok((lease.attributes, slice))
    }

    #[cold]
    fn blame_lender(&mut self, lender: usize, fault: FaultInfo) -> Lease {
        self.force_fault(lender, fault);
        self.preempt();
        Lease::Refused(DEFECT)
    }

    /// BORROW_READ and BORROW_WRITE: lender, lease index, offset into the lease, the borrower's slice.
    pub(crate) fn borrow(&mut self, direction: Direction) -> Result<(), FaultInfo> {
        let borrower = self.current;
        let registers = &self.tasks[borrower].registers;
        let offset = registers.argument::<2>();
        let (base, length) = (registers.argument::<3>(), registers.argument::<4>());
        let own = Slice::new(base, length)?;
        let (code, length) = match self.lease()? {
            Lease::Refused(code) => (code, 0),
            Lease::Found {
                lender,
                attributes,
                slice,
            } => {
                let needed = match direction {
                    Direction::Read => LeaseAttributes::READ,
                    Direction::Write => LeaseAttributes::WRITE,
                };
                if attributes.contains(needed) {
                    let leased = slice
                        .skip(offset)
                        .ok_or(FaultInfo::SyscallUsage(UsageError::OffsetOutOfRange))?;
                    self.copy_leased(direction, lender, leased, own)?
                } else {
                    (DEFECT, 0)
                }
            }
        };
        self.tasks[borrower].registers.set_response(code, length);
        Ok(())
    }

    #[inline(always)]
    fn copy_leased(
        &mut self,
        direction: Direction,
        lender: usize,
        leased: Slice,
        own: Slice,
    ) -> Result<(u32, u32), FaultInfo> {
        let Ok([lends, borrows]) = self.tasks.get_disjoint_mut([lender, self.current]) else {
            // Nobody runs while waiting for its own reply.
            return Ok((DEFECT, 0));
        };
        let end = |task, slice, access| End {
            task,
            slice,
            access,
        };
        let (copied, lender_is_source) = match direction {
            Direction::Read => (
                transfer(
                    &mut self.machine,
                    end(lends, leased, Access::READ),
                    end(borrows, own, Access::BORROWER_WRITE),
                ),
                true,
            ),
            Direction::Write => (
                transfer(
                    &mut self.machine,
                    end(borrows, own, Access::BORROWER_READ),
                    end(lends, leased, Access::WRITE),
                ),
                false,
            ),
        };
        match copied {
            Ok(length) => Ok((0, length)),
            Err(Blame::Source(fault)) if !lender_is_source => Err(fault),
            Err(Blame::Destination(fault)) if lender_is_source => Err(fault),
            Err(Blame::Source(fault) | Blame::Destination(fault)) => {
                self.blame_lender(lender, fault);
                Ok((DEFECT, 0))
            }
        }
    }

    /// BORROW_INFO: lender, lease index in; attributes and length out.
    pub(crate) fn borrow_info(&mut self) -> Result<(), FaultInfo> {
        let borrower = self.current;
        let (code, attributes, length) = match self.lease()? {
            Lease::Refused(code) => (code, 0, 0),
            Lease::Found {
                attributes, slice, ..
            } => (0, attributes.bits(), slice.length()),
        };
        let registers = &mut self.tasks[borrower].registers;
        registers.set_response(code, attributes);
        registers.set_result::<2>(length);
        Ok(())
    }
}
