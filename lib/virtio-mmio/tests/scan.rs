// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Finding a device among the slots of a bank. The model panics if an empty slot is touched beyond its identity.

use virtio_mmio::model::Model;
use virtio_mmio::{Features, Scan, scan};

const LEGACY: u32 = 1;
const MAGIC: u32 = 0x7472_6976;

fn bank(fill: impl Fn(usize) -> Model) -> Vec<Model> {
    (0..32).map(fill).collect()
}

fn scan_bank(models: &[Model]) -> Scan {
    let mut slots: Vec<&Model> = models.iter().collect();
    scan(&mut slots, 32)
}

fn scmi() -> Model {
    Model::new(32, Features::VERSION_1, &[64])
}

#[test]
fn finds_the_last_slot_as_qemu_fills_it() {
    let found = scan_bank(&bank(
        |slot| if slot == 31 { scmi() } else { Model::empty() },
    ));
    assert_eq!((found.first(), found.last()), (Some(31), Some(31)));
    assert_eq!(found.matching, 1 << 31);
    assert_eq!(found.neighbours(31), 0);
}

#[test]
fn says_who_shares_the_page() {
    // A network card in slot 30 and a disk in slot 23: the one shares the last page of eight slots, the other not.
    let found = scan_bank(&bank(|slot| match slot {
        31 => scmi(),
        30 => Model::new(1, Features::VERSION_1, &[64, 64]),
        23 => Model::new(2, Features::VERSION_1, &[64]),
        _ => Model::empty(),
    }));
    assert_eq!(found.last(), Some(31));
    assert_eq!(found.occupied, 1 << 31 | 1 << 30 | 1 << 23);
    assert_eq!(found.neighbours(31), 1 << 30);
    assert_eq!(found.neighbours(30), 1 << 31);
    assert_eq!(found.neighbours(23), 0);
    assert_eq!(found.neighbours(22), 1 << 23);
    assert_eq!(found.neighbours(0), 0);
    assert_eq!(found.neighbours(32), 0);
    assert_eq!(found.neighbours(255), 0);
}

/// V41: several devices are told apart, and none is touched by the scan.
#[test]
fn v41_several_devices() {
    let found = scan_bank(&bank(|slot| {
        if slot % 10 == 3 {
            scmi()
        } else {
            Model::empty()
        }
    }));
    assert_eq!(found.matching.count_ones(), 3);
    assert_eq!((found.first(), found.last()), (Some(3), Some(23)));
}

#[test]
fn legacy_devices_are_told_apart_from_empty_legacy_slots() {
    let found = scan_bank(&bank(|slot| {
        let model = if slot == 31 { scmi() } else { Model::empty() };
        model.with_identity(MAGIC, LEGACY)
    }));
    assert_eq!(found.first(), None);
    assert_eq!(found.legacy, 1 << 31);
    assert_eq!(found.occupied, 1 << 31);
}

#[test]
fn what_cannot_be_told_counts_as_occupied() {
    let found = scan_bank(&bank(|slot| match slot {
        31 => scmi(),
        30 => Model::empty().with_identity(0, 2),
        29 => scmi().with_identity(MAGIC, 7),
        _ => Model::empty(),
    }));
    assert_eq!(found.neighbours(31), 1 << 30 | 1 << 29);
}

#[test]
fn an_empty_bank() {
    let found = scan_bank(&bank(|_| Model::empty()));
    assert_eq!(found, Scan::default());
    assert_eq!((found.first(), found.last()), (None, None));
}
