// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The registers (4.2.2, "MMIO Device Register Layout") and how they are reached.
//!
//! "Never read a register that is for writing, nor write one that is for reading" (4.2.2.2) is kept by types: a read takes
//! a [`Readable`], a write a [`Writable`]. All are 32 bits wide and aligned, little endian.

use safe_mmio::fields::{ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

/// Magic value: "virt".
pub const MAGIC: u32 = 0x7472_6976;
/// The version that this driver speaks.
pub const VERSION: u32 = 2;
/// Distance between the slots of a bank in bytes, as QEMU's `virt` machine lays them out.
pub const STRIDE: usize = 0x200;

/// A register that may be read, by its offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Readable {
    /// 0x000 MagicValue: [`MAGIC`].
    MagicValue = 0x000,
    /// 0x004 Version: [`VERSION`], or 1 for a legacy device.
    Version = 0x004,
    /// 0x008 DeviceID: kind of device, or 0 for a placeholder.
    DeviceId = 0x008,
    /// 0x00c VendorID.
    VendorId = 0x00c,
    /// 0x010 DeviceFeatures: the 32 offered bits chosen by DeviceFeaturesSel.
    DeviceFeatures = 0x010,
    /// 0x034 QueueNumMax: largest size of the chosen queue, 0 if there is no such queue.
    QueueNumMax = 0x034,
    /// 0x044 QueueReady.
    QueueReady = 0x044,
    /// 0x060 InterruptStatus: see [`Interrupts`](crate::Interrupts).
    InterruptStatus = 0x060,
    /// 0x070 Status: see [`Status`](crate::Status).
    Status = 0x070,
    /// 0x0fc ConfigGeneration.
    ConfigGeneration = 0x0fc,
}

/// A register that may be written, by its offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Writable {
    /// 0x014 DeviceFeaturesSel: which 32 bits DeviceFeatures shows.
    DeviceFeaturesSel = 0x014,
    /// 0x020 DriverFeatures: the accepted ones of the bits chosen by DriverFeaturesSel.
    DriverFeatures = 0x020,
    /// 0x024 DriverFeaturesSel.
    DriverFeaturesSel = 0x024,
    /// 0x030 QueueSel: which queue the queue registers are about.
    QueueSel = 0x030,
    /// 0x038 QueueNum: size of the chosen queue.
    QueueNum = 0x038,
    /// 0x044 QueueReady: 1 hands the chosen queue to the device.
    QueueReady = 0x044,
    /// 0x050 QueueNotify: the number of a queue that has something new.
    QueueNotify = 0x050,
    /// 0x064 InterruptACK: the bits that were handled.
    InterruptAck = 0x064,
    /// 0x070 Status: 0 resets the device.
    Status = 0x070,
    /// 0x080 QueueDescLow: address of the descriptor table.
    QueueDescLow = 0x080,
    /// 0x084 QueueDescHigh.
    QueueDescHigh = 0x084,
    /// 0x090 QueueDriverLow: address of the available ring.
    QueueDriverLow = 0x090,
    /// 0x094 QueueDriverHigh.
    QueueDriverHigh = 0x094,
    /// 0x0a0 QueueDeviceLow: address of the used ring.
    QueueDeviceLow = 0x0a0,
    /// 0x0a4 QueueDeviceHigh.
    QueueDeviceHigh = 0x0a4,
}

/// Access to one slot's registers: the hardware's, or a model's.
pub trait Registers {
    /// Reads a register.
    fn read(&mut self, register: Readable) -> u32;
    /// Writes a register.
    fn write(&mut self, register: Writable, value: u32);
}

/// One slot, as it lies in memory. Reading has no effect on any of these registers.
#[repr(C, align(4))]
pub struct RegisterBlock {
    magic_value: ReadPure<u32>,
    version: ReadPure<u32>,
    device_id: ReadPure<u32>,
    vendor_id: ReadPure<u32>,
    device_features: ReadPure<u32>,
    device_features_sel: WriteOnly<u32>,
    _018: [u32; 2],
    driver_features: WriteOnly<u32>,
    driver_features_sel: WriteOnly<u32>,
    _028: [u32; 2],
    queue_sel: WriteOnly<u32>,
    queue_num_max: ReadPure<u32>,
    queue_num: WriteOnly<u32>,
    _03c: [u32; 2],
    queue_ready: ReadPureWrite<u32>,
    _048: [u32; 2],
    queue_notify: WriteOnly<u32>,
    _054: [u32; 3],
    interrupt_status: ReadPure<u32>,
    interrupt_ack: WriteOnly<u32>,
    _068: [u32; 2],
    status: ReadPureWrite<u32>,
    _074: [u32; 3],
    queue_desc_low: WriteOnly<u32>,
    queue_desc_high: WriteOnly<u32>,
    _088: [u32; 2],
    queue_driver_low: WriteOnly<u32>,
    queue_driver_high: WriteOnly<u32>,
    _098: [u32; 2],
    queue_device_low: WriteOnly<u32>,
    queue_device_high: WriteOnly<u32>,
    _0a8: [u32; 21],
    config_generation: ReadPure<u32>,
    /// Device-specific configuration, and the rest of the slot.
    _100: [u32; 64],
}

impl Registers for UniqueMmioPointer<'_, RegisterBlock> {
    // Always inlined: the register is a constant at each use, so that only one load is left.
    #[inline(always)]
    fn read(&mut self, register: Readable) -> u32 {
        u32::from_le(match register {
            Readable::MagicValue => field_shared!(*self, magic_value).read(),
            Readable::Version => field_shared!(*self, version).read(),
            Readable::DeviceId => field_shared!(*self, device_id).read(),
            Readable::VendorId => field_shared!(*self, vendor_id).read(),
            Readable::DeviceFeatures => field_shared!(*self, device_features).read(),
            Readable::QueueNumMax => field_shared!(*self, queue_num_max).read(),
            Readable::QueueReady => field_shared!(*self, queue_ready).read(),
            Readable::InterruptStatus => field_shared!(*self, interrupt_status).read(),
            Readable::Status => field_shared!(*self, status).read(),
            Readable::ConfigGeneration => field_shared!(*self, config_generation).read(),
        })
    }

    // Always inlined: as above, one store.
    #[inline(always)]
    fn write(&mut self, register: Writable, value: u32) {
        let value = value.to_le();
        match register {
            Writable::DeviceFeaturesSel => field!(*self, device_features_sel).write(value),
            Writable::DriverFeatures => field!(*self, driver_features).write(value),
            Writable::DriverFeaturesSel => field!(*self, driver_features_sel).write(value),
            Writable::QueueSel => field!(*self, queue_sel).write(value),
            Writable::QueueNum => field!(*self, queue_num).write(value),
            Writable::QueueReady => field!(*self, queue_ready).write(value),
            Writable::QueueNotify => field!(*self, queue_notify).write(value),
            Writable::InterruptAck => field!(*self, interrupt_ack).write(value),
            Writable::Status => field!(*self, status).write(value),
            Writable::QueueDescLow => field!(*self, queue_desc_low).write(value),
            Writable::QueueDescHigh => field!(*self, queue_desc_high).write(value),
            Writable::QueueDriverLow => field!(*self, queue_driver_low).write(value),
            Writable::QueueDriverHigh => field!(*self, queue_driver_high).write(value),
            Writable::QueueDeviceLow => field!(*self, queue_device_low).write(value),
            Writable::QueueDeviceHigh => field!(*self, queue_device_high).write(value),
        }
    }
}

/// The block repeats the offsets of the two enumerations.
const _: () = {
    use core::mem::{offset_of, size_of};
    macro_rules! at {
        ($field:ident, $register:expr) => {
            assert!(offset_of!(RegisterBlock, $field) == $register as usize);
        };
    }
    at!(magic_value, Readable::MagicValue);
    at!(version, Readable::Version);
    at!(device_id, Readable::DeviceId);
    at!(vendor_id, Readable::VendorId);
    at!(device_features, Readable::DeviceFeatures);
    at!(device_features_sel, Writable::DeviceFeaturesSel);
    at!(driver_features, Writable::DriverFeatures);
    at!(driver_features_sel, Writable::DriverFeaturesSel);
    at!(queue_sel, Writable::QueueSel);
    at!(queue_num_max, Readable::QueueNumMax);
    at!(queue_num, Writable::QueueNum);
    at!(queue_ready, Readable::QueueReady);
    at!(queue_ready, Writable::QueueReady);
    at!(queue_notify, Writable::QueueNotify);
    at!(interrupt_status, Readable::InterruptStatus);
    at!(interrupt_ack, Writable::InterruptAck);
    at!(status, Readable::Status);
    at!(status, Writable::Status);
    at!(queue_desc_low, Writable::QueueDescLow);
    at!(queue_desc_high, Writable::QueueDescHigh);
    at!(queue_driver_low, Writable::QueueDriverLow);
    at!(queue_driver_high, Writable::QueueDriverHigh);
    at!(queue_device_low, Writable::QueueDeviceLow);
    at!(queue_device_high, Writable::QueueDeviceHigh);
    at!(config_generation, Readable::ConfigGeneration);
    assert!(size_of::<RegisterBlock>() == STRIDE);
};
