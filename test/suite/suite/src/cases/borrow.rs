// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! BORROW_READ, BORROW_WRITE, BORROW_INFO.

use test_suite_common::order::place;
use userlib::*;

use crate::Case;
use crate::cases::reply::serve_low_with_leases;
use crate::cases::send::{end_of, memory_of};
use crate::expect::{equal, faults, holds};
use crate::tasks::{ASSIST, LOW, NOBODY, SERVER, SUITE, given, me, to, usage};

const NONE: u32 = 0;
const READ: u32 = 1;
const WRITE: u32 = 2;

/// Where the lent bytes are in the lender's buffer; its lease table is at the start.
const LENT: u32 = 64;

/// The cases.
pub const CASES: &[Case] = &[
    ("borrow_info: every attribute", || {
        let table = [
            (NONE, LENT, 5),
            (READ, LENT, 6),
            (WRITE, LENT, 7),
            (READ | WRITE, LENT, 8),
        ];
        lend(&table, |lender, count| {
            for index in 0..count {
                let wanted = BorrowInfo {
                    attributes: LeaseAttributes::from_bits_truncate(index as u32),
                    len: index + 5,
                };
                equal(sys_borrow_info(lender, index), Some(wanted));
            }
        });
    }),
    ("borrow_read: all, from an offset, and at the end", || {
        lend(&[(READ, LENT, 8)], |lender, _| {
            let mut bytes = [0; 12];
            equal(sys_borrow_read(lender, 0, 0, &mut bytes), (0, 8));
            equal(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
            let mut bytes = [0; 3];
            equal(sys_borrow_read(lender, 0, 4, &mut bytes), (0, 3));
            equal(bytes, [5, 6, 7]);
            equal(sys_borrow_read(lender, 0, 7, &mut bytes), (0, 1));
            equal(bytes, [8, 6, 7]);
            equal(sys_borrow_read(lender, 0, 8, &mut bytes), (0, 0));
            equal(sys_borrow_read(lender, 0, 3, &mut []), (0, 0));
        });
    }),
    ("borrow_write: all, from an offset, and at the end", || {
        lend(&[(WRITE, LENT, 8)], |lender, _| {
            equal(sys_borrow_write(lender, 0, 2, &[0xaa, 0xbb]), (0, 2));
            equal(sys_borrow_write(lender, 0, 7, &[0xcc, 0xdd]), (0, 1));
            equal(sys_borrow_write(lender, 0, 8, &[0xee]), (0, 0));
        });
        let base = ASSIST.buffer() + LENT;
        equal(ASSIST.peeks(base), 0xbbaa_0201);
        equal(
            (ASSIST.peeks(base + 4), ASSIST.peeks(base + 8)),
            (0xcc07_0605, 0x0c0b_0a09),
        );
    }),
    ("borrow: without the attribute", || {
        lend(
            &[(NONE, LENT, 8), (READ, LENT, 8), (WRITE, LENT, 8)],
            |lender, _| {
                let mut bytes = [0; 4];
                equal(sys_borrow_read(lender, 0, 0, &mut bytes), (DEFECT, 0));
                equal(sys_borrow_write(lender, 0, 0, &bytes), (DEFECT, 0));
                equal(sys_borrow_write(lender, 1, 0, &bytes), (DEFECT, 0));
                equal(sys_borrow_read(lender, 2, 0, &mut bytes), (DEFECT, 0));
            },
        );
        equal(faults(ASSIST.index).0, 0);
    }),
    ("borrow: leases that overlap", || {
        lend(
            &[
                (READ, LENT, 8),
                (WRITE, LENT + 4, 8),
                (READ | WRITE, LENT, 12),
            ],
            |lender, _| {
                equal(sys_borrow_write(lender, 1, 0, &[0x55]), (0, 1));
                let mut bytes = [0; 12];
                equal(sys_borrow_read(lender, 0, 4, &mut bytes[..1]), (0, 1));
                equal(bytes[0], 0x55);
                equal(sys_borrow_write(lender, 2, 0, &[9; 12]), (0, 12));
                equal(sys_borrow_read(lender, 2, 0, &mut bytes), (0, 12));
                equal(bytes, [9; 12]);
            },
        );
    }),
    ("borrow: a lease of no length, anywhere", || {
        lend_raw(
            &[(READ | WRITE, 0, 0), (READ | WRITE, u32::MAX, 0)],
            |lender, _| {
                for index in 0..2 {
                    let mut bytes = [0; 4];
                    equal(sys_borrow_read(lender, index, 0, &mut bytes), (0, 0));
                    equal(sys_borrow_write(lender, index, 0, &bytes), (0, 0));
                }
            },
        );
    }),
    ("borrow: every size and alignment up to 12", || {
        lend(&[(READ, LENT, 32)], |lender, _| {
            for offset in 0..12 {
                for at in 0..4 {
                    for len in 0..12 {
                        let mut bytes = [0; 16];
                        equal(
                            sys_borrow_read(lender, 0, offset, &mut bytes[at..at + len]),
                            (0, len),
                        );
                        for (n, byte) in bytes[at..at + len].iter().enumerate() {
                            equal(usize::from(*byte), offset + n + 1);
                        }
                    }
                }
            }
        });
    }),
    ("borrow: five leases", || {
        let mut table = [(READ, 0, 1); 5];
        for (index, entry) in table.iter_mut().enumerate() {
            entry.1 = LENT + index as u32;
        }
        lend(&table, |lender, count| {
            for index in 0..count {
                let mut byte = [0];
                equal(sys_borrow_read(lender, index, 0, &mut byte), (0, 1));
                equal(usize::from(byte[0]), index + 1);
            }
        });
    }),
    (
        "borrow: an offset behind the end faults the borrower",
        || {
            borrower_faults(READ, [0, 9, 0, 0], UsageError::OffsetOutOfRange);
            borrower_faults(READ, [0, u32::MAX, 0, 0], UsageError::OffsetOutOfRange);
            // Whatever else is wrong.
            borrower_faults(NONE, [0, 9, 0, 0], UsageError::OffsetOutOfRange);
        },
    ),
    (
        "borrow: a lease that there is not faults the borrower",
        || {
            borrower_faults(READ, [1, 0, 0, 0], UsageError::LeaseOutOfRange);
            borrower_faults(READ, [u32::MAX, 0, 0, 0], UsageError::LeaseOutOfRange);
        },
    ),
    ("borrow: a slice that wraps faults the borrower", || {
        borrower_faults(READ, [0, 0, u32::MAX, 2], UsageError::InvalidSlice);
    }),
    ("borrow: into one's text faults the borrower", || {
        let text = ASSIST.place(place::TEXT);
        equal(
            borrowing(READ, Sysnum::BorrowRead, [0, 0, text, 4]),
            given(text),
        );
    }),
    (
        "borrow: from another task's memory faults the borrower",
        || {
            let theirs = memory_of(SERVER);
            equal(
                borrowing(WRITE, Sysnum::BorrowWrite, [0, 0, theirs, 4]),
                given(theirs),
            );
        },
    ),
    ("borrow: through memory shared with a device", || {
        let base = LOW.pokes(0, &[READ | WRITE, LOW.buffer() + LENT, 8]);
        LOW.pokes(LENT, &[0x1234_abcd]);
        let shared = ASSIST.place(place::SHARED);
        let peer = serve_low_with_leases(0, 0, base, 1);
        let lender = u32::from(peer.0);
        let after = ASSIST.calls(Sysnum::BorrowRead, [lender, 0, 0, shared, 4, 0, 0]);
        equal((after[0], after[1]), (0, 4));
        equal(ASSIST.peeks(shared), 0x1234_abcd);
        let after = ASSIST.calls(Sysnum::BorrowWrite, [lender, 0, 4, shared, 4, 0, 0]);
        equal((after[0], after[1]), (0, 4));
        ASSIST.calls(Sysnum::Reply, [lender, 0, 0, 0, 0, 0, 0]);
        equal(LOW.peeks(LOW.buffer() + LENT + 4), 0x1234_abcd);
    }),
    (
        "borrow: a lease on another task's memory faults the lender",
        || {
            let theirs = memory_of(SERVER);
            lender_faults((READ, theirs, 4), given(theirs));
        },
    ),
    ("borrow: leases at both ends of one's memory", || {
        let (first, end) = (ASSIST.ram().base, end_of(ASSIST));
        lend_raw(&[(READ, first, 8), (READ, end - 8, 8)], |lender, _| {
            for index in 0..2 {
                let mut bytes = [0; 12];
                equal(sys_borrow_read(lender, index, 0, &mut bytes), (0, 8));
                equal(sys_borrow_read(lender, index, 7, &mut bytes), (0, 1));
            }
        });
        equal(faults(ASSIST.index).0, 0);
    }),
    (
        "borrow: leases that cross the ends of one's memory fault the lender",
        || {
            let (first, end) = (ASSIST.ram().base, end_of(ASSIST));
            lender_faults((READ, end - 4, 8), given(end));
            for (lease, wanted) in [(first - 4, first - 4), (end, end)] {
                kipc::reinit_task(ASSIST.index, true);
                let before = faults(ASSIST.index).0;
                lend_raw(&[(READ, lease, 8)], |lender, _| {
                    equal(sys_borrow_read(lender, 0, 0, &mut [0; 8]), (DEFECT, 0));
                });
                equal(ASSIST.fault_after(before), given(wanted));
            }
        },
    ),
    ("borrow: a thousand bytes from an odd address", || {
        let base = ASSIST.ram().base + 1;
        lend_raw(&[(READ, base, 1500)], |lender, _| {
            let (mut lent, mut dumped) = ([0; 1023], [1; 1023]);
            equal(sys_borrow_read(lender, 0, 3, &mut lent), (0, 1023));
            let region = TaskDumpRegion {
                base: ASSIST.ram().base + 4,
                size: 1023,
            };
            kipc::read_task_dump_region(ASSIST.index, region, &mut dumped);
            holds(lent == dumped, "the same bytes either way");
        });
    }),
    ("borrow: a lease that wraps faults the lender", || {
        lender_faults((READ, u32::MAX, 2), usage(UsageError::InvalidSlice));
    }),
    (
        "borrow: a lease on memory shared with a device faults the lender",
        || {
            let shared = ASSIST.place(place::SHARED);
            lender_faults((READ, shared, 4), given(shared));
        },
    ),
    (
        "borrow: writing to a lease on text faults the lender",
        || {
            let text = ASSIST.place(place::TEXT);
            lend_raw(&[(WRITE, text, 4)], |lender, _| {
                equal(sys_borrow_write(lender, 0, 0, &[0]), (DEFECT, 0));
            });
            equal(ASSIST.fault_after(0), given(text));
        },
    ),
    (
        "borrow: a lease table in another task's memory faults the lender",
        || {
            let theirs = memory_of(SERVER);
            ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, theirs, 1]);
            let received = sys_recv_open(&mut [], 0);
            equal(sys_borrow_info(received.sender, 0), None);
            equal(ASSIST.fault_after(0), given(theirs));
        },
    ),
    ("borrow: writing to a lease table faults its lender", || {
        // The table is at the start of the buffer; each word of it, the last byte, and a write that ends in it.
        for (offset, len) in [(4, 4), (8, 4), (12, 4), (27, 1), (0, 5)] {
            let before = faults(ASSIST.index).0;
            let base = ASSIST.buffer() - 4;
            lend_raw(&[(WRITE, base, 64), (READ, base, 64)], |_, _| {});
            ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, base + 4, 2]);
            let received = sys_recv_open(&mut [], 0);
            let bytes = [0; 5];
            equal(
                sys_borrow_write(received.sender, 0, offset, &bytes[..len]),
                (DEFECT, 0),
            );
            equal(ASSIST.fault_after(before), usage(UsageError::InvalidSlice));
        }
    }),
    ("borrow: up to a lease table, and after it", || {
        let base = ASSIST.buffer();
        ASSIST.pokes(16, &[WRITE, base, 64]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, base + 16, 1]);
        let received = sys_recv_open(&mut [], 0);
        equal(sys_borrow_write(received.sender, 0, 0, &[9; 16]), (0, 16));
        equal(sys_borrow_write(received.sender, 0, 28, &[9; 36]), (0, 36));
        equal(
            sys_borrow_info(received.sender, 0).map(|info| info.len),
            Some(64),
        );
        sys_reply(received.sender, 0, &[]);
        equal(faults(ASSIST.index).0, 0);
    }),
    ("borrow: from one who does not wait", || {
        let mut bytes = [0; 4];
        equal(sys_borrow_read(LOW.id(), 0, 0, &mut bytes), (DEFECT, 0));
        equal(sys_borrow_write(LOW.id(), 0, 0, &bytes), (DEFECT, 0));
        equal(sys_borrow_info(LOW.id(), 0), None);
    }),
    ("borrow: from an earlier life", || {
        lend(&[(READ, LENT, 8)], |lender, _| {
            kipc::reinit_task(ASSIST.index, true);
            let dead = dead_response_code(lender.next_generation().generation());
            let mut bytes = [0; 4];
            equal(sys_borrow_read(lender, 0, 0, &mut bytes), (dead, 0));
            equal(sys_borrow_write(lender, 0, 0, &bytes), (dead, 0));
        });
    }),
    ("borrow: from nobody", || {
        for number in [Sysnum::BorrowRead, Sysnum::BorrowWrite, Sysnum::BorrowInfo] {
            let fault = ASSIST.call_faults(number, [NOBODY.into(), 0, 0, 0, 0, 0, 0]);
            equal(fault, usage(UsageError::TaskOutOfRange));
        }
    }),
    ("borrow: one's own leases", || {
        // Nobody waits for its own answer.
        equal(
            sys_borrow_info(TaskId::for_index_and_gen(SUITE, me().generation()), 0),
            None,
        );
    }),
];

/// ASSIST lends parts of its buffer (attributes, offset, length) to the suite, which then does something: its arguments are the lender
/// and the number of leases. The bytes from `LENT` on are 1, 2, 3 and so on.
#[track_caller]
fn lend(leases: &[(u32, u32, u32)], then: fn(TaskId, usize)) {
    let base = ASSIST.buffer();
    let mut table = [(0, 0, 0); 5];
    for (entry, lease) in table.iter_mut().zip(leases) {
        *entry = (lease.0, base + lease.1, lease.2);
    }
    lend_raw(&table[..leases.len()], then);
}

/// The same, of any addresses.
#[track_caller]
fn lend_raw(leases: &[(u32, u32, u32)], then: fn(TaskId, usize)) {
    for (index, lease) in leases.iter().enumerate() {
        ASSIST.pokes(12 * index as u32, &[lease.0, lease.1, lease.2]);
    }
    let counting = core::array::from_fn::<_, 8, _>(|n| 0x0403_0201 + n as u32 * 0x0404_0404);
    let base = ASSIST.pokes(LENT, &counting) - LENT;
    let count = leases.len() as u32;
    ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, base, count]);
    let received = sys_recv_open(&mut [], 0);
    equal(
        (received.sender, received.lease_count),
        (ASSIST.id(), leases.len()),
    );
    then(received.sender, leases.len());
    sys_reply(received.sender, 0, &[]);
}

/// LOW lends 8 bytes to ASSIST, whose borrowing (lease, offset, base, length) faults it.
#[track_caller]
fn borrowing(attributes: u32, number: Sysnum, rest: [u32; 4]) -> FaultInfo {
    let base = LOW.pokes(0, &[attributes, LOW.buffer() + LENT, 8]);
    let peer = serve_low_with_leases(0, 0, base, 1);
    let [a, b, c, d] = rest;
    ASSIST.call_faults(number, [u32::from(peer.0), a, b, c, d, 0, 0])
}

#[track_caller]
fn borrower_faults(attributes: u32, rest: [u32; 4], wanted: UsageError) {
    equal(
        borrowing(attributes, Sysnum::BorrowRead, rest),
        usage(wanted),
    );
    equal(faults(LOW.index).0, 0);
}

#[track_caller]
fn lender_faults(lease: (u32, u32, u32), wanted: FaultInfo) {
    lend_raw(&[lease], |lender, _| {
        let mut bytes = [0; 4];
        equal(sys_borrow_read(lender, 0, 0, &mut bytes), (DEFECT, 0));
    });
    equal(ASSIST.fault_after(0), wanted);
}
