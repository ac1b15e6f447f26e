// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A device for host tests that panics on whatever a driver must not do (4.2.2.2, 4.2.3, 3.1.1, 2.1.1).
//!
//! The driver gets `&Model` as its registers; the test keeps another `&Model` to make things happen and to look.
//! Two of the rules need no check: accesses are 32 bits wide and aligned, and no register is used the wrong way round,
//! because the types of [`Registers`] allow nothing else.

use crate::bits::{Features, Status};
use crate::registers::{MAGIC, Readable, Registers, VERSION, Writable};
use core::cell::RefCell;
use virtqueue::Addresses;

/// Queues a model may have.
const QUEUES: usize = 4;

/// A modelled slot.
pub struct Model {
    state: RefCell<State>,
}

/// One queue, as the driver set it up.
#[derive(Clone, Copy, Default, Debug)]
pub struct ModelQueue {
    /// QueueNumMax.
    pub max: u32,
    /// QueueNum, once it was written.
    pub size: Option<u32>,
    /// Is it the device's?
    pub ready: bool,
    /// How often it was notified.
    pub notifications: u32,
    /// The device refuses it: QueueReady stays 0.
    refused: bool,
    /// Address words, in the order of the registers, once they were written.
    words: [Option<u32>; 6],
}

impl ModelQueue {
    /// The addresses that the driver told. Panics if one is missing.
    pub fn addresses(&self) -> Addresses {
        let word =
            |i: usize| u64::from(self.words[i].expect("all six address registers are written"));
        Addresses {
            descriptors: word(1) << 32 | word(0),
            available: word(3) << 32 | word(2),
            used: word(5) << 32 | word(4),
        }
    }
}

struct State {
    magic: u32,
    version: u32,
    device_id: u32,
    offered: u64,
    /// The bits the driver wrote, and which halves it wrote.
    accepted: u64,
    halves: [bool; 2],
    device_select: Option<u32>,
    driver_select: Option<u32>,
    queue_select: Option<u32>,
    status: Status,
    /// FEATURES_OK was read back as set.
    features_confirmed: bool,
    refuse_features: bool,
    /// Reads of the status that a reset takes, and how many are left of the one under way.
    reset_reads: u32,
    resetting: Option<u32>,
    resets: u32,
    interrupts: u32,
    /// Interrupt bits that the driver has seen and not yet acknowledged.
    seen: u32,
    queues: [ModelQueue; QUEUES],
}

impl Model {
    /// A device with this id that offers these features and has queues of these largest sizes (at most four).
    pub fn new(device_id: u32, features: Features, queues: &[u32]) -> Self {
        let mut all = [ModelQueue::default(); QUEUES];
        for (queue, &max) in all.iter_mut().zip(queues) {
            queue.max = max;
        }
        Self {
            state: RefCell::new(State {
                magic: MAGIC,
                version: VERSION,
                device_id,
                offered: features.bits(),
                accepted: 0,
                halves: [false; 2],
                device_select: None,
                driver_select: None,
                queue_select: None,
                status: Status::empty(),
                features_confirmed: false,
                refuse_features: false,
                reset_reads: 0,
                resetting: None,
                resets: 0,
                interrupts: 0,
                seen: 0,
                queues: all,
            }),
        }
    }

    /// A slot with nothing in it.
    pub fn empty() -> Self {
        Self::new(0, Features::empty(), &[])
    }

    /// The same with another version and magic value, for slots that are to be refused.
    pub fn with_identity(self, magic: u32, version: u32) -> Self {
        self.change(|state| {
            state.magic = magic;
            state.version = version;
        });
        self
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.borrow_mut())
    }

    /// Resets take this many reads of the status from now on.
    pub fn slow_reset(&self, reads: u32) {
        self.change(|state| state.reset_reads = reads);
    }

    /// The device does not keep FEATURES_OK.
    pub fn refuse_features(&self) {
        self.change(|state| state.refuse_features = true);
    }

    /// The device does not take this queue.
    pub fn refuse_queue(&self, queue: usize) {
        self.change(|state| state.queues[queue].refused = true);
    }

    /// The queue is in use, as if an earlier driver had left it so.
    pub fn occupy_queue(&self, queue: usize) {
        self.change(|state| state.queues[queue].ready = true);
    }

    /// Raises interrupt bits, defined or not.
    pub fn raise(&self, bits: u32) {
        self.change(|state| state.interrupts |= bits);
    }

    /// The device can go on no longer.
    pub fn need_reset(&self) {
        self.change(|state| state.status |= Status::NEEDS_RESET);
    }

    /// Puts the status to anything, as a device that is restarted behind the driver's back does.
    pub fn force_status(&self, status: Status) {
        self.change(|state| state.status = status);
    }

    /// The status now.
    pub fn status(&self) -> Status {
        self.change(|state| state.status)
    }

    /// Interrupt bits that are raised and not acknowledged.
    pub fn interrupts(&self) -> u32 {
        self.change(|state| state.interrupts)
    }

    /// The features that the driver accepted.
    pub fn accepted(&self) -> Features {
        self.change(|state| Features::from_bits_retain(state.accepted))
    }

    /// A queue as the driver set it up.
    pub fn queue(&self, queue: usize) -> ModelQueue {
        self.change(|state| state.queues[queue])
    }

    /// How many resets were asked for.
    pub fn resets(&self) -> u32 {
        self.change(|state| state.resets)
    }
}

impl Registers for &Model {
    fn read(&mut self, register: Readable) -> u32 {
        self.change(|state| state.read(register))
    }

    fn write(&mut self, register: Writable, value: u32) {
        self.change(|state| state.write(register, value));
    }
}

impl State {
    fn read(&mut self, register: Readable) -> u32 {
        match register {
            Readable::MagicValue => return self.magic,
            Readable::Version => return self.version,
            Readable::DeviceId => return self.device_id,
            _ => self.check_ours(),
        }
        if register != Readable::Status {
            self.check_not_resetting();
        }
        match register {
            Readable::MagicValue | Readable::Version | Readable::DeviceId => unreachable!(),
            Readable::VendorId => 0x4c44_4f4d,
            Readable::DeviceFeatures => match self.device_select {
                Some(0) => self.offered as u32,
                Some(1) => (self.offered >> 32) as u32,
                Some(_) => 0,
                None => panic!("DeviceFeatures read before DeviceFeaturesSel was written"),
            },
            Readable::QueueNumMax => self.queue().map_or(0, |queue| queue.max),
            Readable::QueueReady => self.queue().map_or(0, |queue| u32::from(queue.ready)),
            Readable::InterruptStatus => {
                self.seen |= self.interrupts;
                self.interrupts
            }
            Readable::Status => self.read_status(),
            Readable::ConfigGeneration => 0,
        }
    }

    fn read_status(&mut self) -> u32 {
        match self.resetting {
            Some(0) => {
                self.resetting = None;
                self.finish_reset();
            }
            Some(u32::MAX) | None => {}
            Some(left) => self.resetting = Some(left - 1),
        }
        self.features_confirmed |= self.status.contains(Status::FEATURES_OK);
        self.status.bits()
    }

    fn write(&mut self, register: Writable, value: u32) {
        self.check_ours();
        self.check_not_resetting();
        match register {
            Writable::Status => self.write_status(Status::from_bits_retain(value)),
            Writable::DeviceFeaturesSel => self.device_select = Some(value),
            Writable::DriverFeaturesSel => self.driver_select = Some(value),
            Writable::DriverFeatures => self.write_features(value),
            Writable::QueueSel => {
                assert!(
                    self.status.contains(Status::FEATURES_OK),
                    "queues come after the features are agreed"
                );
                self.queue_select = Some(value);
            }
            Writable::QueueNum => {
                let queue = self.queue_to_set_up();
                assert!(
                    value.is_power_of_two(),
                    "the size of a split ring is a power of two"
                );
                assert!(
                    value <= queue.max,
                    "QueueNum {value} is more than QueueNumMax {}",
                    queue.max
                );
                queue.size = Some(value);
            }
            Writable::QueueReady => self.write_ready(value),
            Writable::QueueNotify => self.write_notify(value),
            Writable::InterruptAck => {
                assert_eq!(
                    value & !self.seen,
                    0,
                    "acknowledged what was not read from InterruptStatus"
                );
                assert_eq!(value & !3, 0, "acknowledged an undefined interrupt bit");
                self.interrupts &= !value;
                self.seen &= !value;
            }
            Writable::QueueDescLow => self.queue_to_set_up().words[0] = Some(value),
            Writable::QueueDescHigh => self.queue_to_set_up().words[1] = Some(value),
            Writable::QueueDriverLow => self.queue_to_set_up().words[2] = Some(value),
            Writable::QueueDriverHigh => self.queue_to_set_up().words[3] = Some(value),
            Writable::QueueDeviceLow => self.queue_to_set_up().words[4] = Some(value),
            Writable::QueueDeviceHigh => self.queue_to_set_up().words[5] = Some(value),
        }
    }

    fn write_status(&mut self, value: Status) {
        if value.is_empty() {
            self.resets += 1;
            match self.reset_reads {
                0 => self.finish_reset(),
                reads => self.resetting = Some(reads),
            }
            return;
        }
        assert!(
            value.contains(self.status),
            "a status bit was cleared: {:?} to {value:?}",
            self.status
        );
        assert!(
            !self.status.contains(Status::FAILED),
            "after FAILED only a reset may come"
        );
        let added = value - self.status;
        let needs = if added == Status::ACKNOWLEDGE {
            Status::empty()
        } else if added == Status::DRIVER {
            Status::ACKNOWLEDGE
        } else if added == Status::FEATURES_OK {
            assert_eq!(
                self.halves, [true; 2],
                "FEATURES_OK before all features were written"
            );
            Status::ACKNOWLEDGE | Status::DRIVER
        } else if added == Status::DRIVER_OK {
            assert!(
                self.features_confirmed,
                "DRIVER_OK, but FEATURES_OK was not read back"
            );
            Status::ACKNOWLEDGE | Status::DRIVER | Status::FEATURES_OK
        } else if added == Status::FAILED {
            Status::empty()
        } else {
            panic!(
                "status {:?} to {value:?}: one step at a time, in order",
                self.status
            );
        };
        assert!(
            self.status.contains(needs),
            "status {:?} to {value:?} skips a step",
            self.status
        );
        if added != Status::FAILED {
            assert!(
                !self.status.contains(Status::NEEDS_RESET),
                "the device asked for a reset, and set-up went on"
            );
        }
        self.status = value;
        if added == Status::FEATURES_OK && self.refuse_features {
            self.status -= Status::FEATURES_OK;
        }
    }

    fn finish_reset(&mut self) {
        self.status = Status::empty();
        self.features_confirmed = false;
        self.accepted = 0;
        self.halves = [false; 2];
        self.device_select = None;
        self.driver_select = None;
        self.queue_select = None;
        self.interrupts = 0;
        self.seen = 0;
        for queue in &mut self.queues {
            *queue = ModelQueue {
                max: queue.max,
                refused: queue.refused,
                notifications: queue.notifications,
                ..ModelQueue::default()
            };
        }
    }

    fn write_features(&mut self, value: u32) {
        assert!(
            self.status.contains(Status::DRIVER) && !self.status.contains(Status::FEATURES_OK),
            "features are written after DRIVER and before FEATURES_OK"
        );
        let half = match self.driver_select {
            Some(0) => 0,
            Some(1) => 1,
            other => panic!("DriverFeatures written with DriverFeaturesSel {other:?}"),
        };
        let bits = u64::from(value) << (32 * half);
        assert_eq!(bits & !self.offered, 0, "accepted what was not offered");
        if half == 1 && self.offered & Features::VERSION_1.bits() != 0 {
            assert!(
                bits & Features::VERSION_1.bits() != 0,
                "VERSION_1 must be accepted"
            );
        }
        self.accepted |= bits;
        self.halves[half] = true;
    }

    fn write_ready(&mut self, value: u32) {
        match value {
            0 => {
                if let Some(queue) = self.queue() {
                    queue.ready = false;
                }
            }
            1 => {
                let queue = self.queue_to_set_up();
                assert!(queue.size.is_some(), "QueueReady before QueueNum");
                let addresses = queue.addresses();
                assert!(
                    addresses.descriptors.is_multiple_of(16),
                    "descriptor table not 16-byte aligned"
                );
                assert!(
                    addresses.available.is_multiple_of(2),
                    "available ring not 2-byte aligned"
                );
                assert!(
                    addresses.used.is_multiple_of(4),
                    "used ring not 4-byte aligned"
                );
                queue.ready = !queue.refused;
            }
            other => panic!("QueueReady {other}: only 0 and 1 mean something"),
        }
    }

    fn write_notify(&mut self, value: u32) {
        assert!(
            self.status.contains(Status::DRIVER_OK),
            "a kick before DRIVER_OK"
        );
        let queue = self
            .queues
            .get_mut(value as usize)
            .expect("a kick for a queue that exists");
        assert!(queue.ready, "a kick for a queue that is not ready");
        queue.notifications += 1;
    }

    /// The chosen queue, if the device has it.
    fn queue(&mut self) -> Option<&mut ModelQueue> {
        let select = self
            .queue_select
            .expect("QueueSel is written before a queue register is used");
        self.queues
            .get_mut(select as usize)
            .filter(|queue| queue.max != 0)
    }

    /// The chosen queue, which must exist and not be the device's already.
    fn queue_to_set_up(&mut self) -> &mut ModelQueue {
        assert!(
            self.status.contains(Status::FEATURES_OK) && !self.status.contains(Status::DRIVER_OK),
            "queues are set up between FEATURES_OK and DRIVER_OK"
        );
        let queue = self.queue().expect("a queue that exists");
        assert!(
            !queue.ready,
            "a queue register was written while QueueReady is not 0"
        );
        queue
    }

    /// Placeholders and other versions are left alone once they were recognised.
    fn check_ours(&self) {
        assert!(
            self.magic == MAGIC && self.version == VERSION && self.device_id != 0,
            "a slot that is empty or not version 2 was touched"
        );
    }

    fn check_not_resetting(&self) {
        assert!(
            self.resetting.is_none(),
            "the driver did not wait until the status read 0"
        );
    }
}
