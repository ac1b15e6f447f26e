// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Leases: who may borrow, what, how much, and whose fault it is when not.

use abi::{SchedState, Sysnum, TaskId, UsageError};

use super::model::*;

const READ: u32 = 1;
const WRITE: u32 = 2;

fn borrow(
    k: &mut TestKernel<'_>,
    number: Sysnum,
    index: u32,
    offset: u32,
    own: (u32, u32),
) -> [u32; 2] {
    let client = k.id_word(CLIENT);
    k.call(number, &[client, index, offset, own.0, own.1]);
    k.results(SERVER)
}

#[test]
fn bytes_go_both_ways() {
    booted!(k);
    k.server_with_leases(&[(READ, data(CLIENT), 10), (WRITE, data(CLIENT) + 16, 10)]);
    k.put(data(CLIENT), b"0123456789");
    let own = (data(SERVER) + 8, 64);
    assert_eq!(borrow(&mut k, Sysnum::BorrowRead, 0, 0, own), [0, 10]);
    assert_eq!(k.bytes(own.0, 10), b"0123456789");
    assert_eq!(borrow(&mut k, Sysnum::BorrowRead, 0, 7, own), [0, 3]);
    assert_eq!(k.bytes(own.0, 10), b"7893456789");
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowWrite, 1, 2, (own.0, 4)),
        [0, 4]
    );
    assert_eq!(k.bytes(data(CLIENT) + 16, 10), b"\0\x007893\0\0\0\0");
    assert_eq!(borrow(&mut k, Sysnum::BorrowWrite, 1, 8, own), [0, 2]);
    k.check();
}

#[test]
fn the_end_of_a_lease_is_an_offset_and_beyond_is_the_borrowers_fault() {
    booted!(k);
    k.server_with_leases(&[(READ | WRITE, data(CLIENT), 10)]);
    let own = (data(SERVER), 64);
    assert_eq!(borrow(&mut k, Sysnum::BorrowRead, 0, 10, own), [0, 0]);
    assert_eq!(borrow(&mut k, Sysnum::BorrowWrite, 0, 10, own), [0, 0]);
    borrow(&mut k, Sysnum::BorrowRead, 0, 11, own);
    assert_eq!(k.fault(SERVER), usage(UsageError::OffsetOutOfRange));
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
    k.check();
}

#[test]
fn info_tells_attributes_and_length() {
    booted!(k);
    k.server_with_leases(&[(READ, data(CLIENT), 10), (WRITE, nowhere(CLIENT), 0xfff)]);
    let client = k.id_word(CLIENT);
    k.call(Sysnum::BorrowInfo, &[client, 0]);
    assert_eq!(k.results::<3>(SERVER), [0, READ, 10]);
    k.call(Sysnum::BorrowInfo, &[client, 1]);
    assert_eq!(k.results::<3>(SERVER), [0, WRITE, 0xfff]);
}

#[test]
fn a_lease_index_that_is_not_there_is_the_borrowers_fault() {
    for number in [Sysnum::BorrowRead, Sysnum::BorrowWrite, Sysnum::BorrowInfo] {
        for index in [1, 2, u32::MAX] {
            booted!(k);
            k.server_with_leases(&[(READ | WRITE, data(CLIENT), 10)]);
            borrow(&mut k, number, index, 0, (data(SERVER), 1));
            assert_eq!(k.fault(SERVER), usage(UsageError::LeaseOutOfRange));
            k.check();
        }
    }
}

#[test]
fn a_missing_attribute_is_a_defect() {
    booted!(k);
    k.server_with_leases(&[
        (READ, data(CLIENT), 10),
        (WRITE, data(CLIENT), 10),
        (0, data(CLIENT), 10),
    ]);
    let own = (data(SERVER), 4);
    assert_eq!(borrow(&mut k, Sysnum::BorrowWrite, 0, 0, own), [1, 0]);
    assert_eq!(borrow(&mut k, Sysnum::BorrowRead, 1, 0, own), [1, 0]);
    assert_eq!(borrow(&mut k, Sysnum::BorrowRead, 2, 0, own), [1, 0]);
    assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
}

#[test]
fn only_a_task_that_waits_for_the_borrower_lends() {
    booted!(k);
    k.server_with_leases(&[(READ, data(CLIENT), 10)]);
    let own = [data(SERVER), 4];
    for (lender, answer) in [
        (k.id_word(OTHER), 1),
        (k.id_word(SERVER), 1),
        (0x0800 | CLIENT as u32, 0xffff_ff00),
    ] {
        for number in [Sysnum::BorrowRead, Sysnum::BorrowWrite] {
            k.call(number, &[lender, 0, 0, own[0], own[1]]);
            assert_eq!(k.results::<2>(SERVER), [answer, 0]);
        }
        k.call(Sysnum::BorrowInfo, &[lender, 0]);
        assert_eq!(k.results::<1>(SERVER), [answer]);
    }
    k.call(
        Sysnum::BorrowRead,
        &[u32::from(TaskId::KERNEL.0), 0, 0, own[0], own[1]],
    );
    assert_eq!(k.fault(SERVER), usage(UsageError::TaskOutOfRange));
}

#[test]
fn an_offset_behind_the_end_counts_before_the_attribute() {
    for (number, attributes) in [(Sysnum::BorrowRead, WRITE), (Sysnum::BorrowWrite, READ)] {
        booted!(k);
        k.server_with_leases(&[(attributes, data(CLIENT), 10)]);
        let lender = k.id_word(CLIENT);
        let own = [data(SERVER), 4];
        k.call(number, &[lender, 0, 10, own[0], own[1]]);
        assert_eq!(k.results::<2>(SERVER), [1, 0], "{number:?}");
        k.call(number, &[lender, 0, 11, own[0], own[1]]);
        assert_eq!(k.fault(SERVER), usage(UsageError::OffsetOutOfRange));
    }
}

#[test]
fn a_lease_ends_with_the_reply() {
    booted!(k);
    k.server_with_leases(&[(READ, data(CLIENT), 10)]);
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Reply, &[client, 0, 0, 0]);
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowRead, 0, 0, (data(SERVER), 4)),
        [1, 0]
    );
}

#[test]
fn memory_that_is_not_the_lenders_is_the_lenders_fault_and_a_defect() {
    for (number, lease, fault) in [
        (
            Sysnum::BorrowRead,
            (READ, data(OTHER), 4),
            kernel_access(data(OTHER)),
        ),
        (
            Sysnum::BorrowRead,
            (READ, data(SERVER), 4),
            kernel_access(data(SERVER)),
        ),
        (
            Sysnum::BorrowRead,
            (READ, dma(CLIENT), 4),
            kernel_access(dma(CLIENT)),
        ),
        (
            Sysnum::BorrowRead,
            (READ, device(CLIENT), 4),
            kernel_access(device(CLIENT)),
        ),
        (
            Sysnum::BorrowWrite,
            (WRITE, constants(CLIENT), 4),
            kernel_access(constants(CLIENT)),
        ),
        (
            Sysnum::BorrowWrite,
            (WRITE, dma(CLIENT) - 1, 4),
            kernel_access(dma(CLIENT)),
        ),
        (
            Sysnum::BorrowRead,
            (READ, 0xffff_fffe, 4),
            usage(UsageError::InvalidSlice),
        ),
    ] {
        booted!(k);
        k.server_with_leases(&[lease]);
        assert_eq!(borrow(&mut k, number, 0, 0, (data(SERVER), 4)), [1, 0]);
        assert_eq!(k.fault(CLIENT), fault);
        assert_eq!(k.sched(SERVER), SchedState::Runnable);
        assert_eq!(k.current, SUPERVISOR);
        k.check();
    }
}

#[test]
fn a_lease_table_that_is_not_the_lenders_is_the_lenders_fault() {
    for number in [Sysnum::BorrowRead, Sysnum::BorrowWrite, Sysnum::BorrowInfo] {
        booted!(k);
        k.only(CLIENT);
        // One entry of two is the lender's own.
        let table = dma(CLIENT) - 12;
        k.put_leases(table, &[(READ, data(CLIENT), 1)]);
        k.message_with_leases(SERVER, 1, (0, 0), (0, 0), (table, 2));
        borrow(&mut k, number, 1, 0, (data(SERVER), 4));
        assert_eq!(k.results::<1>(SERVER), [1]);
        assert_eq!(k.fault(CLIENT), kernel_access(dma(CLIENT)));
        k.check();
    }
}

#[test]
fn a_write_into_the_lenders_table_is_the_lenders_fault() {
    const TABLE: u32 = data(CLIENT) + 0x800;
    // Where the lease begins, and the offset and length of the write: the words of both entries, and the two ends.
    for (base, offset, length) in [
        (TABLE, 0, 24),
        (TABLE, 8, 1),
        (TABLE - 4, 0, 5),
        (TABLE - 4, 27, 1),
        (TABLE + 20, 0, 64),
    ] {
        booted!(k);
        k.server_with_leases(&[(WRITE, base, 64), (READ, data(CLIENT), 1)]);
        k.machine.written.clear();
        let own = (data(SERVER), length);
        let answer = borrow(&mut k, Sysnum::BorrowWrite, 0, offset, own);
        assert_eq!(answer, [1, 0]);
        assert_eq!(k.fault(CLIENT), usage(UsageError::InvalidSlice));
        assert_eq!(k.sched(SERVER), SchedState::Runnable);
        assert_eq!(k.machine.written, []);
        k.check();
    }
}

#[test]
fn a_lease_may_contain_its_table_as_long_as_the_table_is_not_written() {
    const TABLE: u32 = data(CLIENT) + 0x800;
    booted!(k);
    k.server_with_leases(&[(READ | WRITE, TABLE - 4, 64)]);
    for (number, offset, length) in [
        (Sysnum::BorrowRead, 0, 64),
        (Sysnum::BorrowWrite, 0, 4),
        (Sysnum::BorrowWrite, 16, 48),
        (Sysnum::BorrowWrite, 8, 0),
    ] {
        let answer = borrow(&mut k, number, 0, offset, (data(SERVER), length));
        assert_eq!(answer, [0, length]);
    }
}

#[test]
fn a_lease_table_that_others_may_write_is_refused_when_it_is_sent() {
    for (table, first) in [
        (MAILBOX, MAILBOX),
        (MAILBOX + PAGE - 12, MAILBOX + PAGE - 12),
        (MAILBOX - 8, MAILBOX),
    ] {
        booted!(k);
        k.only(OTHER);
        k.message_with_leases(SERVER, 1, (0, 0), (0, 0), (table, 1));
        assert_eq!(k.fault(OTHER), kernel_access(first));
        k.check();
    }
    booted!(k);
    k.only(OTHER);
    let table = data(OTHER);
    k.put_leases(table, &[(READ, MAILBOX, 4)]);
    k.message_with_leases(SERVER, 1, (0, 0), (MAILBOX, 4), (table, 1));
    assert_eq!(k.sched(OTHER), SchedState::InReply(k.id(SERVER)));
}

#[test]
fn the_borrowers_memory_is_the_borrowers_fault() {
    for (number, own, fault) in [
        (
            Sysnum::BorrowRead,
            (constants(SERVER), 4),
            kernel_access(constants(SERVER)),
        ),
        (
            Sysnum::BorrowRead,
            (device(SERVER), 4),
            kernel_access(device(SERVER)),
        ),
        (
            Sysnum::BorrowWrite,
            (device(SERVER), 4),
            kernel_access(device(SERVER)),
        ),
        (
            Sysnum::BorrowWrite,
            (data(CLIENT), 4),
            kernel_access(data(CLIENT)),
        ),
        (
            Sysnum::BorrowRead,
            (0xffff_ffff, 1),
            usage(UsageError::InvalidSlice),
        ),
    ] {
        booted!(k);
        k.server_with_leases(&[(READ | WRITE, data(CLIENT), 8)]);
        borrow(&mut k, number, 0, 0, own);
        assert_eq!(k.fault(SERVER), fault);
        assert_eq!(k.sched(CLIENT), SchedState::InReply(k.id(SERVER)));
        k.check();
    }
}

#[test]
fn a_borrower_may_use_its_own_dma_memory() {
    booted!(k);
    k.server_with_leases(&[(READ | WRITE, data(CLIENT), 4)]);
    k.put(data(CLIENT), b"abcd");
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowRead, 0, 0, (dma(SERVER), 16)),
        [0, 4]
    );
    assert_eq!(k.bytes(dma(SERVER), 5), b"abcd\0");
    k.put(dma(SERVER), b"wxyz");
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowWrite, 0, 0, (dma(SERVER), 16)),
        [0, 4]
    );
    assert_eq!(k.bytes(data(CLIENT), 4), b"wxyz");
    // And across the border from ordinary memory into it, as its own code could.
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowRead, 0, 0, (dma(SERVER) - 2, 4)),
        [0, 4]
    );
}

#[test]
fn an_empty_lease_of_anywhere_has_nothing() {
    booted!(k);
    k.server_with_leases(&[(READ | WRITE, 0xffff_ffff, 0)]);
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowRead, 0, 0, (data(SERVER), 4)),
        [0, 0]
    );
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowWrite, 0, 0, (0xffff_ffff, 0)),
        [0, 0]
    );
}

#[test]
fn undefined_attribute_bits_mean_nothing() {
    booted!(k);
    k.server_with_leases(&[(!(READ | WRITE), data(CLIENT), 4)]);
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowRead, 0, 0, (data(SERVER), 4)),
        [1, 0]
    );
    assert_eq!(
        borrow(&mut k, Sysnum::BorrowWrite, 0, 0, (data(SERVER), 4)),
        [1, 0]
    );
}
