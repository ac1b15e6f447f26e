// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The model's own test: each thing that a driver must not do makes it panic, so that a passing test of the transport
//! means something.

use std::panic::{AssertUnwindSafe, catch_unwind};
use virtio_mmio::model::Model;
use virtio_mmio::{Features, Readable, Registers, Writable};

const OFFERED: u64 = 0x1_2000_0001;

/// One access: a read, or a write with its value.
enum Access {
    R(Readable),
    W(Writable, u32),
}
use Access::{R, W};

/// The steps of a correct start, up to and including the named one.
fn steps(upto: usize) -> Vec<Access> {
    let all = [
        W(Writable::Status, 0),
        R(Readable::Status),
        W(Writable::Status, 1),
        W(Writable::Status, 3),
        W(Writable::DeviceFeaturesSel, 0),
        R(Readable::DeviceFeatures),
        W(Writable::DriverFeaturesSel, 0),
        W(Writable::DriverFeatures, 1),
        W(Writable::DriverFeaturesSel, 1),
        W(Writable::DriverFeatures, 1), // DRIVER: 10 steps
        W(Writable::Status, 0xb),
        R(Readable::Status), // FEATURES: 12 steps
        W(Writable::QueueSel, 0),
        R(Readable::QueueNumMax),
        W(Writable::QueueNum, 64),
        W(Writable::QueueDescLow, 0x1000),
        W(Writable::QueueDescHigh, 0),
        W(Writable::QueueDriverLow, 0x2002),
        W(Writable::QueueDriverHigh, 0),
        W(Writable::QueueDeviceLow, 0x3004),
        W(Writable::QueueDeviceHigh, 0),
        W(Writable::QueueReady, 1),
        R(Readable::QueueReady), // QUEUE: 23 steps
        W(Writable::Status, 0xf),
        R(Readable::Status), // LIVE: 25 steps
        W(Writable::QueueNotify, 0),
    ];
    all.into_iter().take(upto).collect()
}

const ACKNOWLEDGED: usize = 3;
const DRIVER: usize = 4;
const FEATURES_WRITTEN: usize = 10;
const FEATURES: usize = 12;
const QUEUE: usize = 23;
const LIVE: usize = 25;

fn perform(mut model: &Model, accesses: &[Access]) {
    for access in accesses {
        match *access {
            R(register) => {
                model.read(register);
            }
            W(register, value) => model.write(register, value),
        }
    }
}

#[test]
fn the_correct_sequence_passes() {
    let model = Model::new(32, Features::from_bits_retain(OFFERED), &[64]);
    perform(&model, &steps(usize::MAX));
    assert_eq!(model.queue(0).notifications, 1);
}

#[test]
fn every_wrong_step_panics() {
    let cases: Vec<(&str, usize, Vec<Access>)> = vec![
        ("DRIVER before ACKNOWLEDGE", 2, vec![W(Writable::Status, 2)]),
        ("two steps at once", 2, vec![W(Writable::Status, 3)]),
        ("a cleared bit", DRIVER, vec![W(Writable::Status, 1)]),
        (
            "an unknown status bit",
            DRIVER,
            vec![W(Writable::Status, 0x13)],
        ),
        (
            "features before DRIVER",
            ACKNOWLEDGED,
            vec![W(Writable::DriverFeatures, 0)],
        ),
        (
            "features without their selector",
            DRIVER,
            vec![W(Writable::DriverFeatures, 1)],
        ),
        (
            "offer without its selector",
            DRIVER,
            vec![R(Readable::DeviceFeatures)],
        ),
        (
            "a feature that was not offered",
            DRIVER,
            vec![
                W(Writable::DriverFeaturesSel, 0),
                W(Writable::DriverFeatures, 2),
            ],
        ),
        (
            "no VERSION_1",
            DRIVER,
            vec![
                W(Writable::DriverFeaturesSel, 1),
                W(Writable::DriverFeatures, 0),
            ],
        ),
        (
            "FEATURES_OK with half of them",
            DRIVER + 4,
            vec![W(Writable::Status, 0xb)],
        ),
        (
            "features after FEATURES_OK",
            FEATURES,
            vec![W(Writable::DriverFeatures, 1)],
        ),
        (
            "a queue before FEATURES_OK",
            FEATURES_WRITTEN,
            vec![W(Writable::QueueSel, 0)],
        ),
        (
            "DRIVER_OK before FEATURES_OK",
            FEATURES_WRITTEN,
            vec![W(Writable::Status, 7)],
        ),
        (
            "DRIVER_OK with FEATURES_OK not read back",
            FEATURES - 1,
            vec![W(Writable::Status, 0xf)],
        ),
        (
            "a queue register without QueueSel",
            FEATURES,
            vec![R(Readable::QueueNumMax)],
        ),
        (
            "a queue that does not exist",
            FEATURES,
            vec![W(Writable::QueueSel, 1), W(Writable::QueueNum, 1)],
        ),
        (
            "a size above the maximum",
            FEATURES + 1,
            vec![W(Writable::QueueNum, 128)],
        ),
        (
            "a size that is no power of two",
            FEATURES + 1,
            vec![W(Writable::QueueNum, 3)],
        ),
        (
            "QueueReady without a size",
            FEATURES + 1,
            vec![W(Writable::QueueReady, 1)],
        ),
        (
            "QueueReady without addresses",
            FEATURES + 3,
            vec![W(Writable::QueueReady, 1)],
        ),
        (
            "QueueReady 2",
            FEATURES + 9,
            vec![W(Writable::QueueReady, 2)],
        ),
        (
            "a misaligned table",
            FEATURES + 9,
            vec![W(Writable::QueueDescLow, 8), W(Writable::QueueReady, 1)],
        ),
        (
            "a misaligned available ring",
            FEATURES + 9,
            vec![W(Writable::QueueDriverLow, 1), W(Writable::QueueReady, 1)],
        ),
        (
            "a misaligned used ring",
            FEATURES + 9,
            vec![W(Writable::QueueDeviceLow, 2), W(Writable::QueueReady, 1)],
        ),
        (
            "a size for a ready queue",
            QUEUE,
            vec![W(Writable::QueueNum, 32)],
        ),
        (
            "an address for a ready queue",
            QUEUE,
            vec![W(Writable::QueueDescLow, 0)],
        ),
        (
            "a kick before DRIVER_OK",
            QUEUE,
            vec![W(Writable::QueueNotify, 0)],
        ),
        (
            "a queue after DRIVER_OK",
            LIVE,
            vec![W(Writable::QueueReady, 0), W(Writable::QueueNum, 32)],
        ),
        (
            "a kick for a queue that does not exist",
            LIVE,
            vec![W(Writable::QueueNotify, 9)],
        ),
        (
            "a kick for a queue that is not ready",
            LIVE,
            vec![W(Writable::QueueNotify, 1)],
        ),
        (
            "an interrupt acknowledged unread",
            LIVE,
            vec![W(Writable::InterruptAck, 1)],
        ),
        (
            "an undefined interrupt acknowledged",
            LIVE,
            vec![R(Readable::InterruptStatus), W(Writable::InterruptAck, 4)],
        ),
        (
            "anything after FAILED",
            LIVE,
            vec![W(Writable::Status, 0x8f), W(Writable::Status, 0x8f)],
        ),
    ];
    for (what, upto, wrong) in cases {
        let model = Model::new(32, Features::from_bits_retain(OFFERED), &[64]);
        perform(&model, &steps(upto));
        model.raise(5);
        let result = catch_unwind(AssertUnwindSafe(|| perform(&model, &wrong)));
        assert!(result.is_err(), "{what} was allowed");
    }
}

#[test]
fn a_reset_must_be_waited_for() {
    for early in [
        W(Writable::Status, 1),
        R(Readable::DeviceFeatures),
        W(Writable::QueueSel, 0),
    ] {
        let model = Model::new(32, Features::from_bits_retain(OFFERED), &[64]);
        perform(&model, &steps(LIVE));
        model.slow_reset(2);
        perform(&model, &[W(Writable::Status, 0), R(Readable::Status)]);
        let result = catch_unwind(AssertUnwindSafe(|| perform(&model, &[early])));
        assert!(result.is_err());
    }
}

#[test]
fn set_up_must_stop_when_the_device_needs_a_reset() {
    let model = Model::new(32, Features::from_bits_retain(OFFERED), &[64]);
    perform(&model, &steps(ACKNOWLEDGED));
    model.need_reset();
    let result = catch_unwind(AssertUnwindSafe(|| {
        perform(&model, &[W(Writable::Status, 0x43)])
    }));
    assert!(result.is_err());
}

#[test]
fn empty_and_legacy_slots_are_left_alone() {
    for model in [
        Model::empty(),
        Model::new(32, Features::VERSION_1, &[]).with_identity(0x7472_6976, 1),
        Model::new(32, Features::VERSION_1, &[]).with_identity(0, 2),
    ] {
        perform(
            &model,
            &[
                R(Readable::MagicValue),
                R(Readable::Version),
                R(Readable::DeviceId),
            ],
        );
        for access in [
            R(Readable::VendorId),
            R(Readable::Status),
            W(Writable::Status, 0),
        ] {
            let result = catch_unwind(AssertUnwindSafe(|| perform(&model, &[access])));
            assert!(result.is_err());
        }
    }
}
