// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The tables of the layouts that the verifier's own tests use, and what becomes of them when one bit is wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::layout::Range;
use crate::verify::all;
use crate::verify::random::{layout as random_layout, shapes};
use crate::verify::tests::layout;
use crate::walk::{Kind, Rights};

fn built(layout: &Layout) -> Tables {
    Armv8a.tables(layout).expect("there is room")
}

fn entry(tables: &Tables, at: usize) -> u64 {
    u64::from(tables.words[2 * at]) | u64::from(tables.words[2 * at + 1]) << 32
}

fn flip(tables: &mut Tables, at: usize, bit: usize) {
    tables.words[2 * at + bit / 32] ^= 1 << (bit % 32);
}

#[test]
fn tables_of_a_right_layout_pass() {
    let layout = layout();
    all(&Armv8a, &layout, &built(&layout)).unwrap();
}

#[test]
fn both_architectures_say_the_same_of_every_page() {
    let layout = layout();
    let short = crate::arch::Armv7a.tables(&layout).unwrap();
    let long = built(&layout);
    for (a, b) in short.task_ttbr0.iter().zip(&long.task_ttbr0) {
        let a = crate::arch::Armv7a.space(&short, *a).unwrap();
        let b = Armv8a.space(&long, *b).unwrap();
        let outside =
            |page: &u32| !layout.kernel.text.contains(*page) && *page < layout.kernel.tables;
        let of = |space: &Space| -> Vec<(u32, Rights, Rights, Kind, bool)> {
            let pages = space
                .iter()
                .filter(|(page, _)| outside(page) || **page >= layout.kernel.end);
            pages
                .map(|(page, seen)| (*page, seen.user, seen.privileged, seen.kind, seen.global))
                .collect()
        };
        assert_eq!(of(&a), of(&b));
    }
}

#[test]
fn tables_are_stored_once_and_aligned() {
    let layout = layout();
    let tables = built(&layout);
    let base = layout.kernel.tables;
    assert_eq!(tables.kernel_ttbr0, base);
    assert_eq!(tables.task_ttbr0, [base + 64, base + 128, base + 192]);
    assert_eq!(tables.range.size as usize, tables.words.len() * 4);
    let pages: Vec<&[u32]> = tables.words.chunks(1024).collect();
    assert_eq!(pages.iter().collect::<BTreeSet<_>>().len(), pages.len());
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let mut layout = layout();
    let needed = built(&layout).kernel_ram.end();
    layout.kernel.end = needed - PAGE;
    assert_eq!(Armv8a.tables(&layout), Err(Unfit::Missing(PAGE)));
}

#[test]
fn a_kernel_that_shares_its_two_mebibytes_is_refused() {
    let mut beside = layout();
    beside.kernel_devices.push(Range {
        base: 0x4000_0000,
        size: PAGE,
    });
    assert_eq!(Armv8a.tables(&beside), Err(Unfit::NotAlone(2 << 20)));
    let mut across = layout();
    across.kernel.end = 0x4020_1000;
    assert_eq!(Armv8a.tables(&across), Err(Unfit::NotAlone(2 << 20)));
}

/// Each kind of entry once, and its neighbours: any bit of them that is wrong is noticed.
#[test]
fn every_wrong_bit_of_every_kind_of_entry_is_noticed() {
    let layout = layout();
    let right = built(&layout);
    // What an entry says apart from its address: entries that say the same are alike.
    let mut seen = BTreeSet::new();
    let mut tried = 0;
    for at in 0..right.words.len() / 2 {
        let table = at / 512;
        let says = entry(&right, at) & !0xffff_f000;
        // All of the first two levels; of pages each kind once in each table.
        if !(seen.insert((table, says)) || table == 0 && at < 32) {
            continue;
        }
        for bit in 0..64 {
            let mut wrong = right.clone();
            flip(&mut wrong, at, bit);
            assert!(
                all(&Armv8a, &layout, &wrong).is_err(),
                "bit {bit} of entry {at}: {:#018x}",
                entry(&right, at)
            );
            tried += 1;
        }
    }
    assert!(tried > 64 * 40, "{tried}");
}

/// What one right entry becomes in the hands of somebody who knows the format.
#[test]
fn entries_that_the_processor_would_take_are_refused() {
    let layout = layout();
    let right = built(&layout);
    let own_text = page_entry(&right, right.task_ttbr0[1], 0x4020_3000);
    for (bits, why) in [
        (1 << 53, "a task's page that the kernel could execute"),
        (1 << 51, "dirty state (DBM)"),
        (1 << 52, "contiguous"),
        (1 << 50, "guarded"),
        (1 << 5, "non-secure"),
        (1 << 10, "no access flag"),
        (0b10, "a block, or reserved"),
        (1 << 32, "beyond 4 GiB"),
        (1 << 55, "for software"),
        (1 << 63, "ignored"),
        (0b11 << 8, "not shareable"),
    ] {
        let mut wrong = right.clone();
        let value = entry(&right, own_text) ^ bits;
        wrong.words[2 * own_text] = value as u32;
        wrong.words[2 * own_text + 1] = (value >> 32) as u32;
        let refused = Armv8a.space(&wrong, right.task_ttbr0[1]);
        assert!(refused.is_err(), "{why}");
    }
}

#[test]
fn a_page_that_cannot_be_read_can_still_be_executed() {
    let layout = layout();
    let mut wrong = built(&layout);
    let foreign = page_entry(&wrong, wrong.task_ttbr0[1], 0x4020_0000);
    // Another's text, with UXN taken away and no right to read it.
    flip(&mut wrong, foreign, 54);
    let fault = all(&Armv8a, &layout, &wrong).unwrap_err();
    assert!(
        fault.starts_with("a task touches only what is its own"),
        "{fault}"
    );
}

#[test]
fn an_entry_outside_of_all_tables_is_refused() {
    let layout = layout();
    let mut wrong = built(&layout);
    flip(&mut wrong, 510, 0);
    let fault = all(&Armv8a, &layout, &wrong).unwrap_err();
    assert!(fault.contains("is in no table"), "{fault}");
}

/// The position of the entry for the page at `address`.
fn page_entry(tables: &Tables, ttbr0: u32, address: u32) -> usize {
    let at = |address: u64| ((address as u32 - tables.range.base) / 8) as usize;
    let table = |entry: u64| entry & 0xffff_f000;
    let level2 = table(entry(tables, at(u64::from(ttbr0 + (address >> 30) * 8))));
    let level3 = table(entry(
        tables,
        at(level2 + u64::from(address >> 21 & 511) * 8),
    ));
    at(level3 + u64::from(address >> 12 & 511) * 8)
}

proptest! {
    #![proptest_config(test_props::config(8, 1))]

    #[test]
    fn tables_of_any_layout_isolate_and_any_wrong_bit_is_noticed(shapes in shapes(), places in proptest::collection::vec(any::<(u32, u8)>(), 4)) {
        let layout = random_layout(&shapes);
        let tables = built(&layout);
        prop_assert_eq!(all(&Armv8a, &layout, &tables), Ok(()));
        for (place, bit) in places {
            let mut wrong = tables.clone();
            let at = place as usize % (tables.words.len() / 2);
            flip(&mut wrong, at, usize::from(bit % 64));
            prop_assert!(all(&Armv8a, &layout, &wrong).is_err(), "bit {} of entry {}", bit % 64, at);
        }
    }
}
