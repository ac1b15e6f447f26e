// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The initialisation sequence against a device that panics on whatever a driver must not do.

use virtio_mmio::model::Model;
use virtio_mmio::{
    Features, InitError, ProbeError, Readable, Registers, Status, Transport, Writable,
};
use virtqueue::{Addresses, RingMemory};

const SCMI: u32 = 32;
const P2A: Features = Features::from_bits_retain(1);
const OFFERED: Features = Features::from_bits_retain(0x1_3000_0001); // as measured through QEMU
static RING: RingMemory<64> = RingMemory::new();

fn device() -> Model {
    Model::new(SCMI, OFFERED, &[1024, 1024])
}

fn negotiated(model: &Model) -> Transport<&Model> {
    let mut transport = Transport::probe(model, SCMI).unwrap();
    transport.reset().unwrap();
    transport
        .negotiate(P2A | Features::EVENT_IDX, Features::empty())
        .unwrap();
    transport
}

fn live(model: &Model) -> Transport<&Model> {
    let mut transport = negotiated(model);
    transport.setup_queue(0, 64, RING.addresses()).unwrap();
    transport.driver_ok().unwrap();
    transport
}

/// V42, V46, V47: VERSION_1 without being named, what is wanted and offered, nothing else (not INDIRECT_DESC).
#[test]
fn v47_whole_sequence_accepts_what_is_wanted_and_offered() {
    let model = device();
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    transport.reset().unwrap();
    let features = transport
        .negotiate(P2A | Features::EVENT_IDX | Features::RING_RESET, P2A)
        .unwrap();
    assert_eq!(features, P2A | Features::EVENT_IDX | Features::VERSION_1);
    assert_eq!(model.accepted(), features);
    assert_eq!(transport.queue_max(0), 1024);
    assert_eq!(transport.queue_max(1), 1024);
    assert_eq!(transport.queue_max(2), 0);
    transport.setup_queue(0, 64, RING.addresses()).unwrap();
    transport.setup_queue(1, 32, RING.addresses()).unwrap();
    assert!(!transport.is_live());
    transport.driver_ok().unwrap();
    assert!(transport.is_live());
    assert_eq!(
        model.status(),
        Status::ACKNOWLEDGE | Status::DRIVER | Status::FEATURES_OK | Status::DRIVER_OK
    );
    let queue = model.queue(0);
    assert!(queue.ready);
    assert_eq!(queue.size, Some(64));
    assert_eq!(queue.addresses(), RING.addresses());
    assert_eq!(model.queue(1).size, Some(32));
    assert_eq!(model.resets(), 1);
}

#[test]
fn addresses_above_four_gigabytes_are_told_whole() {
    let model = device();
    let mut transport = negotiated(&model);
    let addresses = Addresses {
        descriptors: 0x1_2345_6780,
        available: 0x2_0000_0002,
        used: 0x3_ffff_fffc,
    };
    transport.setup_queue(0, 1, addresses).unwrap();
    assert_eq!(model.queue(0).addresses(), addresses);
}

#[test]
fn access_platform_is_accepted_where_offered_and_order_platform_only_where_wanted() {
    let offered = OFFERED | Features::ACCESS_PLATFORM | Features::ORDER_PLATFORM;
    let model = Model::new(SCMI, offered, &[64]);
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    transport.reset().unwrap();
    let features = transport
        .negotiate(Features::empty(), Features::empty())
        .unwrap();
    assert_eq!(features, Features::VERSION_1 | Features::ACCESS_PLATFORM);
    transport.reset().unwrap();
    let features = transport
        .negotiate(Features::ORDER_PLATFORM, Features::empty())
        .unwrap();
    assert_eq!(
        features,
        Features::VERSION_1 | Features::ACCESS_PLATFORM | Features::ORDER_PLATFORM
    );
}

#[test]
fn probe_says_what_is_wrong_and_touches_nothing_more() {
    let refused = |model: &Model| Transport::probe(model, SCMI).map(|_| ()).unwrap_err();
    assert_eq!(refused(&Model::empty()), ProbeError::Empty);
    // QEMU's empty slots are legacy too when force-legacy is on.
    assert_eq!(
        refused(&Model::empty().with_identity(0x7472_6976, 1)),
        ProbeError::Empty
    );
    assert_eq!(
        refused(&device().with_identity(0x7472_6976, 1)),
        ProbeError::Legacy
    );
    assert_eq!(
        refused(&device().with_identity(0x7472_6976, 3)),
        ProbeError::UnknownVersion { version: 3 }
    );
    assert_eq!(
        refused(&device().with_identity(0, 2)),
        ProbeError::NotVirtio { magic: 0 }
    );
    assert_eq!(
        refused(&Model::new(1, OFFERED, &[])),
        ProbeError::OtherDevice {
            found: 1,
            wanted: SCMI
        }
    );
    assert!(
        ProbeError::Legacy
            .to_string()
            .contains("force-legacy=false")
    );
}

/// V46: a device without VERSION_1 is refused, and told so.
#[test]
fn v46_missing_version_1_fails_the_device() {
    let model = Model::new(SCMI, P2A, &[64]);
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    transport.reset().unwrap();
    assert_eq!(
        transport.negotiate(P2A, Features::empty()),
        Err(InitError::MissingFeatures {
            missing: Features::VERSION_1
        })
    );
    assert!(model.status().contains(Status::FAILED));
}

#[test]
fn missing_required_feature_is_named() {
    let model = Model::new(SCMI, Features::VERSION_1, &[64]);
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    transport.reset().unwrap();
    assert_eq!(
        transport.negotiate(Features::empty(), P2A | Features::RING_RESET),
        Err(InitError::MissingFeatures {
            missing: P2A | Features::RING_RESET
        })
    );
    assert!(model.status().contains(Status::FAILED));
    // The way back is a reset.
    transport.reset().unwrap();
    assert_eq!(
        transport.negotiate(P2A, Features::empty()),
        Ok(Features::VERSION_1)
    );
}

#[test]
fn features_ok_is_read_back() {
    let model = device();
    model.refuse_features();
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    transport.reset().unwrap();
    let asked = P2A | Features::VERSION_1;
    assert_eq!(
        transport.negotiate(P2A, Features::empty()),
        Err(InitError::FeaturesRefused { asked })
    );
    assert!(model.status().contains(Status::FAILED));
    assert_eq!(transport.driver_ok(), Err(InitError::OutOfOrder));
}

#[test]
fn reset_waits_for_the_status_to_become_0() {
    let model = device();
    let mut transport = live(&model);
    model.slow_reset(100);
    transport.reset().unwrap();
    assert_eq!(model.status(), Status::empty());
    // The model panics if anything but the status is touched before.
    transport.negotiate(P2A, Features::empty()).unwrap();
}

#[test]
fn reset_is_bounded() {
    let model = device();
    let mut transport = live(&model);
    model.slow_reset(u32::MAX);
    assert_eq!(
        transport.reset(),
        Err(InitError::ResetTimeout { status: 0xf })
    );
    assert!(!transport.is_live());
    assert_eq!(
        transport.negotiate(P2A, Features::empty()),
        Err(InitError::OutOfOrder)
    );
    assert_eq!(
        transport.setup_queue(0, 64, RING.addresses()),
        Err(InitError::OutOfOrder)
    );
    transport.notify(0); // not a kick
    assert_eq!(model.queue(0).notifications, 0);
}

#[test]
fn steps_out_of_order_are_refused() {
    let model = device();
    let mut transport = Transport::probe(&model, SCMI).unwrap();
    assert_eq!(transport.negotiate(P2A, P2A), Err(InitError::OutOfOrder));
    assert_eq!(
        transport.setup_queue(0, 64, RING.addresses()),
        Err(InitError::OutOfOrder)
    );
    assert_eq!(transport.driver_ok(), Err(InitError::OutOfOrder));
    assert_eq!(model.status(), Status::empty());
    let mut transport = negotiated(&model);
    assert_eq!(transport.negotiate(P2A, P2A), Err(InitError::OutOfOrder));
    transport.driver_ok().unwrap();
    assert_eq!(transport.driver_ok(), Err(InitError::OutOfOrder));
    assert_eq!(
        transport.setup_queue(1, 64, RING.addresses()),
        Err(InitError::OutOfOrder)
    );
}

#[test]
fn queue_errors_name_the_queue_and_the_limit() {
    let model = Model::new(SCMI, OFFERED, &[100, 64, 70_000]);
    model.refuse_queue(1);
    let mut transport = negotiated(&model);
    assert_eq!(transport.queue_max(0), 64, "rounded down to a power of two");
    assert_eq!(transport.queue_max(2), 32768);
    assert_eq!(transport.queue_max(u16::MAX), 0);
    let mut setup = |queue, size| transport.setup_queue(queue, size, RING.addresses());
    assert_eq!(setup(3, 64), Err(InitError::NoSuchQueue { queue: 3 }));
    for asked in [0, 3, 128] {
        assert_eq!(
            setup(0, asked),
            Err(InitError::QueueSize {
                queue: 0,
                asked,
                max: 64
            })
        );
    }
    assert_eq!(setup(1, 64), Err(InitError::QueueRefused { queue: 1 }));
    assert_eq!(setup(0, 64), Ok(()));
    assert_eq!(setup(0, 64), Err(InitError::QueueInUse { queue: 0 }));
    model.occupy_queue(2);
    assert_eq!(
        transport.setup_queue(2, 64, RING.addresses()),
        Err(InitError::QueueInUse { queue: 2 })
    );
}

#[test]
fn no_kick_before_driver_ok() {
    let model = device();
    let mut transport = negotiated(&model);
    transport.setup_queue(0, 64, RING.addresses()).unwrap();
    transport.notify(0);
    assert_eq!(model.queue(0).notifications, 0);
    transport.driver_ok().unwrap();
    transport.notify(0);
    assert_eq!(model.queue(0).notifications, 1);
}

#[test]
fn interrupts_are_read_and_acknowledged_but_undefined_bits_left() {
    let model = device();
    let mut transport = live(&model);
    // Nothing raised: nothing is written, which the model would refuse.
    let none = transport.interrupt_status();
    assert!(none.is_empty());
    transport.acknowledge(none);
    model.raise(0xffff_fffc);
    assert!(transport.interrupt_status().is_empty());
    model.raise(3);
    let interrupts = transport.interrupt_status();
    assert_eq!(interrupts.bits(), 3);
    transport.acknowledge(interrupts);
    assert_eq!(model.interrupts(), 0xffff_fffc);
}

/// W9: a device that asks for a reset, or that was reset behind our back, is noticed.
#[test]
fn w9_needs_reset_is_noticed() {
    let model = device();
    let mut transport = live(&model);
    assert!(!transport.needs_reset());
    model.need_reset();
    assert!(transport.needs_reset());
    transport.reset().unwrap();
    assert!(!transport.needs_reset());
    let mut transport = live(&model);
    model.force_status(Status::empty());
    assert!(transport.needs_reset());
    // A device that is gone reads as all ones.
    model.force_status(Status::from_bits_retain(u32::MAX));
    assert!(transport.needs_reset());
}

/// A device that asks for a reset in the middle of the sequence stops it at the next step, whichever that is.
#[test]
fn needs_reset_during_set_up_stops_it() {
    /// Passes accesses through to the model and lets it fail after so many of them.
    struct FailsAfter<'a> {
        model: &'a Model,
        left: u32,
    }
    impl FailsAfter<'_> {
        fn count(&mut self) {
            if self.left == 0 {
                self.model.need_reset();
            }
            self.left = self.left.wrapping_sub(1);
        }
    }
    impl Registers for FailsAfter<'_> {
        fn read(&mut self, register: Readable) -> u32 {
            self.count();
            self.model.read(register)
        }
        fn write(&mut self, register: Writable, value: u32) {
            self.model.write(register, value);
            self.count();
        }
    }

    let mut seen = [0; 3];
    for left in 0..60 {
        let model = device();
        let registers = FailsAfter {
            model: &model,
            left,
        };
        let mut transport = Transport::probe(registers, SCMI).unwrap();
        let result = transport
            .reset()
            .and_then(|()| transport.negotiate(P2A, P2A).map(|_| ()))
            .and_then(|()| transport.setup_queue(0, 64, RING.addresses()))
            .and_then(|()| transport.driver_ok());
        match result {
            Err(InitError::NeedsReset) => seen[0] += 1,
            Err(InitError::ResetTimeout { status: 64 }) => seen[1] += 1,
            Ok(()) => seen[2] += 1,
            other => panic!("{other:?} after {left} accesses"),
        }
        assert_eq!(result.is_ok(), transport.is_live());
    }
    assert!(seen[0] > 20 && seen[2] > 10, "{seen:?}");
}

#[test]
fn a_lost_status_is_noticed_during_set_up() {
    let model = device();
    let mut transport = negotiated(&model);
    transport.setup_queue(0, 64, RING.addresses()).unwrap();
    model.force_status(Status::empty());
    assert_eq!(
        transport.driver_ok(),
        Err(InitError::StatusLost { status: 0 })
    );
    assert!(!transport.is_live());
}

#[test]
fn fail_keeps_the_other_bits_and_ends_the_session() {
    let model = device();
    let mut transport = live(&model);
    transport.fail();
    assert_eq!(model.status().bits(), 0x8f);
    transport.notify(0);
    assert_eq!(model.queue(0).notifications, 0);
    transport.reset().unwrap();
    assert_eq!(model.status(), Status::empty());
}

#[test]
fn every_error_says_what_to_do() {
    let errors = [
        InitError::ResetTimeout { status: 1 },
        InitError::OutOfOrder,
        InitError::MissingFeatures { missing: P2A },
        InitError::FeaturesRefused { asked: P2A },
        InitError::NeedsReset,
        InitError::StatusLost { status: 1 },
        InitError::NoSuchQueue { queue: 1 },
        InitError::QueueSize {
            queue: 1,
            asked: 3,
            max: 2,
        },
        InitError::QueueInUse { queue: 1 },
        InitError::QueueRefused { queue: 1 },
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(';') || text.contains(':'), "{text}");
    }
}

/// The real access, on memory that only looks like a slot.
#[test]
fn register_block_reads_and_writes_at_the_specified_offsets() {
    use safe_mmio::UniqueMmioPointer;
    use std::ptr::NonNull;
    use virtio_mmio::RegisterBlock;

    const WRITABLE: [Writable; 15] = [
        Writable::DeviceFeaturesSel,
        Writable::DriverFeatures,
        Writable::DriverFeaturesSel,
        Writable::QueueSel,
        Writable::QueueNum,
        Writable::QueueReady,
        Writable::QueueNotify,
        Writable::InterruptAck,
        Writable::Status,
        Writable::QueueDescLow,
        Writable::QueueDescHigh,
        Writable::QueueDriverLow,
        Writable::QueueDriverHigh,
        Writable::QueueDeviceLow,
        Writable::QueueDeviceHigh,
    ];
    const READABLE: [Readable; 10] = [
        Readable::MagicValue,
        Readable::Version,
        Readable::DeviceId,
        Readable::VendorId,
        Readable::DeviceFeatures,
        Readable::QueueNumMax,
        Readable::QueueReady,
        Readable::InterruptStatus,
        Readable::Status,
        Readable::ConfigGeneration,
    ];
    let mut words: Vec<u32> = (0..0x200)
        .step_by(4)
        .map(|offset| 0xaa00_0000 | offset)
        .collect();
    let block = NonNull::new(words.as_mut_ptr().cast::<RegisterBlock>()).unwrap();
    // Safety: the words are aligned, as large as the block, and used through this pointer alone until the end of it.
    let mut registers = unsafe { UniqueMmioPointer::new(block) };
    for register in READABLE {
        assert_eq!(
            registers.read(register),
            0xaa00_0000 | register as u32,
            "{register:?}"
        );
    }
    for register in WRITABLE {
        registers.write(register, 0xbb00_0000 | register as u32);
    }
    for (offset, word) in (0u32..).step_by(4).zip(&words) {
        let written = WRITABLE.iter().any(|&register| register as u32 == offset);
        let mark = if written { 0xbb00_0000 } else { 0xaa00_0000 };
        assert_eq!(*word, mark | offset);
    }
}
