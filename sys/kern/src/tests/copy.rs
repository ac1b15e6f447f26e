// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Slices, regions, and copies that the hardware refuses.

use abi::{FaultInfo, FaultSource, SchedState, Sysnum, UsageError};
use proptest::prelude::*;

use super::model::*;
use crate::Slice;
use crate::access::{Access, Regions};
use crate::desc::{RegionAttributes, RegionDesc};

#[test]
fn the_top_of_memory_is_out_of_reach() {
    assert!(Slice::new(0xffff_fffe, 1).is_ok());
    assert!(Slice::new(0, 0xffff_ffff).is_ok());
    for (base, length) in [(0xffff_ffff, 1), (0xffff_fff0, 0x10), (2, 0xffff_ffff)] {
        assert_eq!(
            Slice::new(base, length),
            Err(usage(UsageError::InvalidSlice))
        );
    }
    assert!(Slice::new(0xffff_ffff, 0).is_ok());
}

#[test]
fn tables_are_aligned_and_do_not_wrap() {
    assert_eq!(Slice::table::<12>(4, 2).unwrap().length(), 24);
    assert!(Slice::table::<12>(3, 0).is_ok());
    for (base, count) in [(2, 1), (4, 0x1555_5555), (4, u32::MAX), (0xffff_fff4, 1)] {
        assert!(
            Slice::table::<12>(base, count).is_err(),
            "{base:x} {count:x}"
        );
    }
}

#[test]
fn overlap_and_skip() {
    let slice = |base, length| Slice::new(base, length).unwrap();
    assert!(slice(10, 5).overlaps(slice(14, 1)));
    assert!(!slice(10, 5).overlaps(slice(15, 1)));
    assert!(!slice(10, 5).overlaps(slice(12, 0)));
    assert!(!slice(12, 0).overlaps(slice(10, 5)));
    assert_eq!(slice(10, 5).skip(5), Some(slice(15, 0)));
    assert_eq!(slice(10, 5).skip(6), None);
    assert_eq!(slice(0xffff_fff0, 0).skip(0), Some(slice(0xffff_fff0, 0)));
}

/// Three regions with gaps and without, the last at the very top of memory.
static REGIONS: [RegionDesc; 4] = {
    const fn region(base: u32, size: u32, attributes: RegionAttributes) -> RegionDesc {
        RegionDesc {
            base,
            size,
            attributes,
        }
    }
    const RW: RegionAttributes = RegionAttributes::READ.union(RegionAttributes::WRITE);
    [
        region(0x1000, 0x1000, RegionAttributes::READ),
        region(0x2000, 0x1000, RW),
        region(0x4000, 0x1000, RW.union(RegionAttributes::DMA)),
        region(0xffff_f000, 0x1000, RW),
    ]
};

/// The rule itself: byte by byte.
fn first_refused(slice: Slice, access: Access) -> Option<u32> {
    let end = u64::from(slice.base()) + u64::from(slice.length());
    let allowed = |address: u32| {
        REGIONS.iter().any(|region| {
            address.wrapping_sub(region.base) < region.size
                && region.attributes.contains(access.needs)
                && !region.attributes.intersects(access.refuses)
        })
    };
    (u64::from(slice.base())..end)
        .map(|address| address as u32)
        .find(|&address| !allowed(address))
}

fn agrees(regions: &Regions, base: u32, length: u32) {
    let Ok(slice) = Slice::new(base, length) else {
        return;
    };
    for access in [
        Access::READ,
        Access::WRITE,
        Access::BORROWER_READ,
        Access::BORROWER_WRITE,
    ] {
        let expected =
            first_refused(slice, access).map_or(Ok(()), |address| Err(kernel_access(address)));
        assert_eq!(
            regions.check(slice, access),
            expected,
            "{slice:x?} {access:?}"
        );
    }
}

#[test]
fn region_checks_at_every_border() {
    for home in [0x2000, 0x1000, 0x4000, 0x9000] {
        let regions = Regions::new(&REGIONS, home);
        for border in [0x1000u32, 0x2000, 0x3000, 0x4000, 0x5000, 0xffff_f000] {
            for start in if cfg!(miri) { -1..=1i32 } else { -2..=2 } {
                for length in 0..4 {
                    agrees(&regions, border.wrapping_add_signed(start), length);
                }
                if !cfg!(miri) {
                    agrees(&regions, border.wrapping_add_signed(start), 0x1000);
                    agrees(&regions, border.wrapping_add_signed(start), 0x2001);
                }
            }
        }
        agrees(&regions, 0xffff_ff00, 0xff);
        agrees(&regions, 0xffff_fffe, 1);
    }
}

proptest! {
    #![proptest_config(super::cases(500, 5))]

    #[test]
    fn region_checks_agree_with_the_rule(
        base in 0u32..0x6000,
        length in 0u32..if cfg!(miri) { 0x10 } else { 0x3000 },
    ) {
        agrees(&Regions::new(&REGIONS, 0x2000), base, length);
    }
}

#[test]
fn memory_that_two_tasks_share_is_never_copied_onto_itself() {
    booted!(k);
    k.only(CLIENT);
    k.receive_open(0);
    assert_eq!(k.current, OTHER);
    // OTHER sees CLIENT's memory as its own.
    k.tasks[OTHER].regions = k.tasks[CLIENT].regions;
    k.message(CLIENT, 1, (data(CLIENT) + 8, 16), (0, 0));
    assert_eq!(k.fault(CLIENT), usage(UsageError::InvalidSlice));
    assert_eq!(k.sched(OTHER), SchedState::InSend(k.id(CLIENT)));
    k.check();
}

#[test]
fn adjacent_slices_do_not_overlap() {
    booted!(k);
    k.only(CLIENT);
    k.receive_open(0);
    k.tasks[OTHER].regions = k.tasks[CLIENT].regions;
    k.message(CLIENT, 1, (data(CLIENT) + 64, 64), (0, 0));
    assert_eq!(k.current, CLIENT);
}

#[test]
fn a_copy_that_the_hardware_refuses_blames_the_right_end() {
    for (refused, bus, blamed) in [
        (data(CLIENT) + 5, false, CLIENT),
        (data(SERVER) + 5, false, SERVER),
        (data(CLIENT), true, CLIENT),
        (data(SERVER), true, SERVER),
    ] {
        booted!(k);
        k.only(CLIENT);
        k.machine.refused = Some((refused, bus));
        k.message(SERVER, 1, (data(CLIENT), 16), (0, 0));
        let (address, source) = (Some(refused), FaultSource::Kernel);
        let fault = if bus {
            FaultInfo::BusError { address, source }
        } else {
            FaultInfo::MemoryAccess { address, source }
        };
        assert_eq!(k.fault(blamed), fault);
        k.check();
    }
}

#[test]
fn a_refused_lease_table_is_the_lenders_fault() {
    booted!(k);
    k.server_with_leases(&[(1, data(CLIENT), 4)]);
    k.machine.refused = Some((data(CLIENT) + 0x804, true));
    let client = k.id_word(CLIENT);
    k.call(Sysnum::BorrowRead, &[client, 0, 0, data(SERVER), 4]);
    assert_eq!(k.results::<2>(SERVER), [1, 0]);
    assert!(matches!(k.fault(CLIENT), FaultInfo::BusError { .. }));
    k.check();
}
