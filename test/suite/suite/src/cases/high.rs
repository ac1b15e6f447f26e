// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `hl`: servers without a generator, and sleeping.

use core::cell::Cell;

use userlib::*;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Case;
use crate::expect::{equal, fail, holds};
use crate::tasks::{ASSIST, LOW, me, to};

const BIT: u32 = 1 << 13;

#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive)]
enum Operation {
    Double = 1,
    Refuse = 2,
}

#[derive(Copy, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Request {
    value: u32,
}

/// The cases.
pub const CASES: &[Case] = &[
    ("hl::sleep_for: at least as long", || {
        for interval in [0, 1, 7] {
            let start = sys_get_timer().now;
            hl::sleep_for(interval);
            holds(
                sys_get_timer().now > start + interval,
                "enough time to have passed",
            );
        }
    }),
    ("hl::sleep_until: a time that has passed", || {
        hl::sleep_until(0)
    }),
    ("hl::sleep_for: leaves other notifications", || {
        sys_post(me(), BIT);
        hl::sleep_for(2);
        equal(sys_recv_notification(BIT).get_raw_bits(), BIT);
    }),
    ("hl::recv: a message, and its answer", || {
        let base = ASSIST.pokes(0, &[21]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), base, 4, base + 4, 4, 0, 0]);
        equal(serve(0), 0);
        equal((ASSIST.returned().1[0], ASSIST.peeks(base + 4)), (0, 42));
    }),
    ("hl::recv: an error is the answer", || {
        let base = ASSIST.pokes(0, &[21]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 2), base, 4, base + 4, 4, 0, 0]);
        serve(0);
        equal(ASSIST.returned().1[0], 33);
    }),
    ("hl::recv: a notification", || {
        sys_post(me(), BIT);
        equal(serve(BIT), BIT);
    }),
    ("hl::recv: an unknown operation", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 3), 0, 0, 0, 0, 0, 0]);
        serve(0);
        equal(ASSIST.returned().1[0], 1);
    }),
    (
        "hl::recv: a message that is too long faults its sender",
        || {
            let base = ASSIST.buffer();
            ASSIST.calls_later(Sysnum::Send, [to(me(), 1), base, 9, 0, 0, 0, 0]);
            serve(0);
            let wanted = FaultInfo::FromServer(me(), ReplyFaultReason::BadMessageSize);
            equal(ASSIST.fault_after(0), wanted);
        },
    ),
    ("hl::recv_from: only one task", || {
        let base = LOW.pokes(0, &[4]);
        LOW.calls_later(Sysnum::Send, [to(me(), 1), base, 4, base + 4, 4, 0, 0]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 3), 0, 0, 0, 0, 0, 0]);
        let mut buffer = [0; 8];
        let seen = hl::recv_from(
            LOW.id(),
            &mut buffer,
            0,
            (),
            |(), _| fail(format_args!("a notification")),
            handle,
        );
        equal(seen, Ok(()));
        serve(0);
        equal((LOW.returned().1[0], LOW.peeks(base + 4)), (0, 8));
    }),
    ("hl::recv_from: an earlier life", || {
        let stale = LOW.id();
        kipc::reinit_task(LOW.index, true);
        let seen = hl::recv_from_without_notification(stale, &mut [], |operation, message| {
            handle((), operation, message)
        });
        equal(seen, Err(ClosedRecvError::Dead(LOW.id().generation())));
    }),
    ("hl::Message: refuses what does not fit", || {
        // Length, room for the reply, leases: each one wrong.
        for (len, room, leases) in [(3, 4, 0), (4, 3, 0), (4, 4, 1)] {
            let base = ASSIST.pokes(0, &[21]);
            ASSIST.calls_later(
                Sysnum::Send,
                [to(me(), 1), base, len, base + 4, room, base, leases],
            );
            serve(0);
            equal(ASSIST.returned().1[0], 44);
        }
    }),
    ("hl::Borrow: checks before it asks", || {
        let base = ASSIST.buffer();
        ASSIST.pokes(0, &[3, base + 64, 6]);
        ASSIST.pokes(64, &[0x0403_0201, 0x0807_0605]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, base, 1]);
        let mut buffer = [];
        hl::recv_without_notification(&mut buffer, |_: Operation, message| {
            let Some((_, caller)) = message.fixed_with_leases::<[u8; 0], ()>(1) else {
                return Err(44_u32);
            };
            let borrow = caller.borrow(0);
            equal(borrow.read::<u32>(), Some(0x0403_0201));
            equal(borrow.read_at::<u16>(4), Some(0x0605));
            equal(borrow.read_at::<u16>(5), None);
            equal(borrow.read_at::<u16>(usize::MAX), None);
            equal(borrow.write_at(2, 0xbbaa_u16), Some(()));
            equal(borrow.write_at(6, 1_u8), None);
            caller.reply(());
            Ok(())
        });
        equal(ASSIST.peeks(base + 64), 0xbbaa_0201);
    }),
];

/// Receives one message or notification as a server would. Returns the notification bits.
fn serve(mask: u32) -> u32 {
    let bits = Cell::new(0);
    let mut buffer = [0; 8];
    hl::recv(&mut buffer, mask, (), |(), seen| bits.set(seen), handle);
    bits.get()
}

fn handle((): (), operation: Operation, message: hl::Message<'_>) -> Result<(), u32> {
    let request = message.fixed_with_leases::<Request, u32>(0);
    let (request, caller) = request.ok_or(44_u32)?;
    match operation {
        Operation::Double => {
            caller.reply(request.value * 2);
            Ok(())
        }
        Operation::Refuse => Err(33),
    }
}
