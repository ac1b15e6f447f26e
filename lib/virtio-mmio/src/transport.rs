// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One device: the initialisation sequence (3.1.1), notification, interrupts, and the way back to a reset.

use crate::bits::{Features, Interrupts, Status};
use crate::error::{InitError, ProbeError, check_status};
use crate::registers::{MAGIC, Readable, Registers, VERSION, Writable};
use core::sync::atomic::{Ordering, fence};
use virtqueue::Addresses;

/// How often the status is read before a reset is given up. A device of a hypervisor is done at the first.
const RESET_READS: u32 = 10_000;

/// The largest split ring that the specification allows.
const LARGEST_QUEUE: u32 = 32768;

/// A device behind virtio-mmio registers.
///
/// ```text
///  probe -> unknown -- reset --> reset -- negotiate --> negotiated -- driver_ok --> live -- notify
///              ^                   ^       (setup_queue once for each queue)          |
///              |                   +---------------------- reset ---------------------+
///              +-- fail, or whatever went wrong
/// ```
pub struct Transport<R> {
    registers: R,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is known about the device's state: only `reset` helps.
    Unknown,
    Reset,
    Negotiated,
    Live,
}

/// Reads who is there, stopping at the first thing that is wrong.
pub(crate) fn identify<R: Registers>(registers: &mut R, device_id: u32) -> Result<(), ProbeError> {
    let magic = registers.read(Readable::MagicValue);
    if magic != MAGIC {
        return Err(ProbeError::NotVirtio { magic });
    }
    let version = registers.read(Readable::Version);
    if version != VERSION && version != 1 {
        return Err(ProbeError::UnknownVersion { version });
    }
    let found = registers.read(Readable::DeviceId);
    if found == 0 {
        return Err(ProbeError::Empty);
    }
    if found != device_id {
        return Err(ProbeError::OtherDevice {
            found,
            wanted: device_id,
        });
    }
    if version == 1 {
        return Err(ProbeError::Legacy);
    }
    Ok(())
}

impl<R: Registers> Transport<R> {
    /// Checks that the slot holds a device of this id and takes the slot over. Reads only.
    pub fn probe(mut registers: R, device_id: u32) -> Result<Self, ProbeError> {
        identify(&mut registers, device_id)?;
        Ok(Self {
            registers,
            phase: Phase::Unknown,
        })
    }

    /// Who made the device.
    pub fn vendor(&mut self) -> u32 {
        self.registers.read(Readable::VendorId)
    }

    /// Resets the device and waits, a bounded time, until it says that it is done.
    ///
    /// Only after this returns `Ok` do queue memory and buffers belong to the driver again. To be called first of all,
    /// because the device may still be working for an earlier life of the driver.
    pub fn reset(&mut self) -> Result<(), InitError> {
        self.phase = Phase::Unknown;
        self.registers.write(Writable::Status, 0);
        let mut status = 0;
        for _ in 0..RESET_READS {
            status = self.registers.read(Readable::Status);
            if status == 0 {
                // What the device wrote before is visible now, and nothing of ours is moved up before this.
                fence(Ordering::SeqCst);
                self.phase = Phase::Reset;
                return Ok(());
            }
        }
        Err(InitError::ResetTimeout { status })
    }

    /// Agrees on features: all of `required`, and those of `wanted` that are offered. The result is what was agreed.
    ///
    /// VERSION_1 is always required, and ACCESS_PLATFORM always wanted. Where the two sides cannot agree, FAILED is set.
    pub fn negotiate(
        &mut self,
        wanted: Features,
        required: Features,
    ) -> Result<Features, InitError> {
        if self.phase != Phase::Reset {
            return Err(InitError::OutOfOrder);
        }
        // Whatever happens now, the device is no longer freshly reset.
        self.phase = Phase::Unknown;
        self.add_status(Status::ACKNOWLEDGE, Status::empty())?;
        self.add_status(Status::DRIVER, Status::ACKNOWLEDGE)?;

        let offered = self.offered();
        let required = required | Features::VERSION_1;
        let missing = required - offered;
        if !missing.is_empty() {
            self.fail();
            return Err(InitError::MissingFeatures { missing });
        }
        let accepted = offered & (required | wanted | Features::ACCESS_PLATFORM);
        for (select, bits) in [(0, accepted.bits()), (1, accepted.bits() >> 32)] {
            self.registers.write(Writable::DriverFeaturesSel, select);
            self.registers.write(Writable::DriverFeatures, bits as u32);
        }

        self.add_status(Status::FEATURES_OK, Status::ACKNOWLEDGE | Status::DRIVER)?;
        let status = self.status();
        check_status(status, Status::ACKNOWLEDGE | Status::DRIVER)?;
        if !status.contains(Status::FEATURES_OK) {
            self.fail();
            return Err(InitError::FeaturesRefused { asked: accepted });
        }
        self.phase = Phase::Negotiated;
        Ok(accepted)
    }

    /// The largest number of entries that queue `queue` can have: a power of two, or 0 if there is no such queue.
    pub fn queue_max(&mut self, queue: u16) -> u16 {
        self.registers.write(Writable::QueueSel, u32::from(queue));
        let max = self
            .registers
            .read(Readable::QueueNumMax)
            .min(LARGEST_QUEUE);
        max.checked_ilog2().map_or(0, |log| 1 << log)
    }

    /// Tells the device where a queue lies and hands it over. The queue must have been started, with this `size`.
    pub fn setup_queue(
        &mut self,
        queue: u16,
        size: u16,
        addresses: Addresses,
    ) -> Result<(), InitError> {
        if self.phase != Phase::Negotiated {
            return Err(InitError::OutOfOrder);
        }
        let max = self.queue_max(queue); // also selects the queue
        if max == 0 {
            return Err(InitError::NoSuchQueue { queue });
        }
        if !size.is_power_of_two() || size > max {
            return Err(InitError::QueueSize {
                queue,
                asked: size,
                max,
            });
        }
        if self.registers.read(Readable::QueueReady) != 0 {
            return Err(InitError::QueueInUse { queue });
        }
        self.registers.write(Writable::QueueNum, u32::from(size));
        // Written out: in a loop, each register would be looked up when run.
        let Addresses {
            descriptors,
            available,
            used,
        } = addresses;
        let registers = &mut self.registers;
        registers.write(Writable::QueueDescLow, descriptors as u32);
        registers.write(Writable::QueueDescHigh, (descriptors >> 32) as u32);
        registers.write(Writable::QueueDriverLow, available as u32);
        registers.write(Writable::QueueDriverHigh, (available >> 32) as u32);
        registers.write(Writable::QueueDeviceLow, used as u32);
        registers.write(Writable::QueueDeviceHigh, (used >> 32) as u32);
        // The ring is in memory before the device may look.
        fence(Ordering::SeqCst);
        self.registers.write(Writable::QueueReady, 1);
        if self.registers.read(Readable::QueueReady) != 1 {
            return Err(InitError::QueueRefused { queue });
        }
        Ok(())
    }

    /// The last step: the device may work from here on, and [`Transport::notify`] reaches it.
    pub fn driver_ok(&mut self) -> Result<(), InitError> {
        if self.phase != Phase::Negotiated {
            return Err(InitError::OutOfOrder);
        }
        let before = Status::ACKNOWLEDGE | Status::DRIVER | Status::FEATURES_OK;
        fence(Ordering::SeqCst);
        self.add_status(Status::DRIVER_OK, before)?;
        check_status(self.status(), before | Status::DRIVER_OK)?;
        self.phase = Phase::Live;
        Ok(())
    }

    /// Tells the device that a queue has something new. Before `driver_ok` it does nothing, because a driver must not
    /// (3.1.1); what was published by then needs a kick afterwards.
    #[inline]
    pub fn notify(&mut self, queue: u16) {
        if self.phase == Phase::Live {
            // The available index is in memory before the device may look.
            fence(Ordering::Release);
            self.registers
                .write(Writable::QueueNotify, u32::from(queue));
        }
    }

    /// Why the device interrupted; empty if it did not (a shared or spurious interrupt). Acknowledges nothing.
    #[inline]
    pub fn interrupt_status(&mut self) -> Interrupts {
        Interrupts::from_bits_truncate(self.registers.read(Readable::InterruptStatus))
    }

    /// Acknowledges interrupts. To be done *before* the queues are looked at, so that what comes meanwhile interrupts
    /// again. Only what `interrupt_status` said may be passed; if empty, nothing is written.
    #[inline]
    pub fn acknowledge(&mut self, interrupts: Interrupts) {
        if !interrupts.is_empty() {
            self.registers
                .write(Writable::InterruptAck, interrupts.bits());
        }
    }

    /// Does a device that was live have to be reset: because it asks, or because it lost its status?
    pub fn needs_reset(&mut self) -> bool {
        let status = self.status();
        status.contains(Status::NEEDS_RESET)
            || (self.phase == Phase::Live && !status.contains(Status::DRIVER_OK))
    }

    /// The status register.
    pub fn status(&mut self) -> Status {
        Status::from_bits_retain(self.registers.read(Readable::Status))
    }

    /// Is the device set up, as far as the driver knows?
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Tells the device that the driver gave up. `reset` may bring it back.
    pub fn fail(&mut self) {
        self.phase = Phase::Unknown;
        let status = self.status();
        self.registers
            .write(Writable::Status, (status | Status::FAILED).bits());
    }

    /// Ends the use of the slot and gives its registers back. Does not touch the device.
    pub fn release(self) -> R {
        self.registers
    }

    /// The features that the device offers.
    fn offered(&mut self) -> Features {
        let mut bits = 0;
        for select in [1, 0] {
            self.registers.write(Writable::DeviceFeaturesSel, select);
            bits = bits << 32 | u64::from(self.registers.read(Readable::DeviceFeatures));
        }
        Features::from_bits_retain(bits)
    }

    /// Adds a bit to the status, keeping all others: a driver must not clear one (2.1.1).
    fn add_status(&mut self, bit: Status, expected: Status) -> Result<(), InitError> {
        let status = self.status();
        check_status(status, expected)?;
        self.registers
            .write(Writable::Status, (status | bit).bits());
        Ok(())
    }
}
