// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! BORROW_READ, BORROW_WRITE, BORROW_INFO: a server's access to what its client leased.

use abi::{DEFECT, FaultInfo, LeaseAttributes, TaskId, ULease, UsageError};

use crate::access::Access;
use crate::copy::{Blame, End, transfer};
use crate::ipc::{Peer, lease_table};
use crate::{Kernel, Machine, Slice, Status, Task};

/// Which way the bytes of a lease go.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the lender to the borrower.
    Read,
    /// From the borrower to the lender.
    Write,
}

/// Reads an entry of a lender's table, which SEND checked to be aligned and not to wrap.
///
/// # Errors
///
/// The lender's fault.
#[inline(always)]
fn read_lease<M: Machine>(
    machine: &mut M,
    lender: &Task,
    index: u32,
) -> Result<(LeaseAttributes, Slice), FaultInfo> {
    const ENTRY: u32 = size_of::<ULease>() as u32;
    let table = lender.registers.argument::<5>();
    let entry = Slice::new(table.wrapping_add(index.wrapping_mul(ENTRY)), ENTRY)?;
    lender.regions.check(entry, Access::READ)?;
    let [attributes, base, length] = machine
        .read_words(entry.base())
        .map_err(|error| error.fault())?;
    let attributes = LeaseAttributes::from_bits_truncate(attributes);
    Ok((attributes, Slice::new(base, length)?))
}

/// The lease table of a task that waits. SEND checked that it does not wrap.
#[inline(always)]
fn table_of(lender: &Task) -> Slice {
    let registers = &lender.registers;
    lease_table(registers.argument::<5>(), registers.argument::<6>()).unwrap_or_default()
}

/// Copies between a lease and the borrower's slice. [`Blame::Source`] is the lender here, whichever way the bytes go.
#[inline(always)]
fn copy<M: Machine>(
    machine: &mut M,
    direction: Direction,
    (lender, leased): (&Task, Slice),
    (borrower, own): (&Task, Slice),
) -> Result<u32, Blame> {
    let end = |task, slice, access| End {
        task,
        slice,
        access,
    };
    match direction {
        Direction::Read => transfer(
            machine,
            end(lender, leased, Access::READ),
            end(borrower, own, Access::BORROWER_WRITE),
        ),
        Direction::Write => {
            // What a server learnt of a lease must stay true for as long as the lender waits, so that no offset that it
            // checked is behind the end when it uses it.
            if leased.limit(own.length()).overlaps(table_of(lender)) {
                return Err(Blame::Source(FaultInfo::SyscallUsage(
                    UsageError::InvalidSlice,
                )));
            }
            transfer(
                machine,
                end(borrower, own, Access::BORROWER_READ),
                end(lender, leased, Access::WRITE),
            )
            .map_err(|blame| match blame {
                Blame::Source(fault) => Blame::Destination(fault),
                Blame::Destination(fault) => Blame::Source(fault),
            })
        }
    }
}

/// What the task that a borrower names is to it.
enum Lender {
    /// It waits for the borrower's reply, and has the lease that was asked for.
    Waits(usize),
    /// It does not. The response code says why.
    Not(u32),
}

impl<M: Machine> Kernel<'_, M> {
    /// Finds the task whose lease the running task wants: lender and lease index are the first two arguments of all
    /// calls that borrow.
    ///
    /// # Errors
    ///
    /// There is no such task, or it has no lease with that index: the borrower's fault.
    #[inline(always)]
    fn lender(&mut self) -> Result<Lender, FaultInfo> {
        let borrower = &self.tasks[self.current];
        let peer = TaskId(borrower.registers.argument::<0>() as u16);
        let index = borrower.registers.argument::<1>();
        let waiting = Status::in_reply(borrower.id);
        match self.peer(peer)? {
            Peer::Alive(lender) if self.tasks[lender].status == waiting => {
                if index < self.tasks[lender].registers.argument::<6>() {
                    Ok(Lender::Waits(lender))
                } else {
                    Err(FaultInfo::SyscallUsage(UsageError::LeaseOutOfRange))
                }
            }
            Peer::Alive(_) => Ok(Lender::Not(DEFECT)),
            Peer::Dead(code) => Ok(Lender::Not(code)),
        }
    }

    /// What is wrong with the lender's memory is the lender's fault, and a defect to the borrower.
    #[cold]
    #[inline(never)]
    fn blame_lender(&mut self, lender: usize, fault: FaultInfo) {
        let registers = &mut self.tasks[self.current].registers;
        registers.set_response(DEFECT, 0);
        self.force_fault(lender, fault);
        self.preempt();
    }

    /// BORROW_READ and BORROW_WRITE: lender, lease index, offset into the lease, the borrower's slice.
    #[inline(always)]
    pub(crate) fn borrow(&mut self, direction: Direction) -> Result<(), FaultInfo> {
        let registers = &self.tasks[self.current].registers;
        let index = registers.argument::<1>();
        let offset = registers.argument::<2>();
        let own = Slice::new(registers.argument::<3>(), registers.argument::<4>())?;
        let lender = self.lender()?;
        let borrower = self.current;
        let lender = match lender {
            Lender::Waits(lender) => lender,
            Lender::Not(code) => {
                self.tasks[borrower].registers.set_response(code, 0);
                return Ok(());
            }
        };
        let Ok([lends, borrows]) = self.tasks.get_disjoint_mut([lender, borrower]) else {
            // Nobody runs while waiting for its own reply.
            return Ok(());
        };
        let (attributes, slice) = match read_lease(&mut self.machine, lends, index) {
            Ok(lease) => lease,
            Err(fault) => {
                self.blame_lender(lender, fault);
                return Ok(());
            }
        };
        let needed = match direction {
            Direction::Read => LeaseAttributes::READ,
            Direction::Write => LeaseAttributes::WRITE,
        };
        // An offset behind the end is the borrower's mistake whatever the lease allows.
        let leased = slice
            .skip(offset)
            .ok_or(FaultInfo::SyscallUsage(UsageError::OffsetOutOfRange))?;
        if !attributes.contains(needed) {
            borrows.registers.set_response(DEFECT, 0);
            return Ok(());
        }
        match copy(
            &mut self.machine,
            direction,
            (lends, leased),
            (borrows, own),
        ) {
            Ok(length) => {
                borrows.registers.set_response(0, length);
                Ok(())
            }
            Err(Blame::Source(fault)) => {
                self.blame_lender(lender, fault);
                Ok(())
            }
            Err(Blame::Destination(fault)) => Err(fault),
        }
    }

    /// BORROW_INFO: lender, lease index in; attributes and length out.
    pub(crate) fn borrow_info(&mut self) -> Result<(), FaultInfo> {
        let borrower = self.current;
        let index = self.tasks[borrower].registers.argument::<1>();
        let (code, attributes, length) = match self.lender()? {
            Lender::Not(code) => (code, 0, 0),
            Lender::Waits(lender) => {
                match read_lease(&mut self.machine, &self.tasks[lender], index) {
                    Ok((attributes, slice)) => (0, attributes.bits(), slice.length()),
                    Err(fault) => {
                        self.blame_lender(lender, fault);
                        return Ok(());
                    }
                }
            }
        };
        let registers = &mut self.tasks[borrower].registers;
        registers.set_response(code, attributes);
        registers.set_result::<2>(length);
        Ok(())
    }
}
