// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device: which virtio slot it is in, and how the channel core reaches it.

use core::ptr::NonNull;

use drv_scmi_api::DriverState;
use drv_virtio_scmi::{self as core_api, DEVICE_ID, SetupError};
use safe_mmio::UniqueMmioPointer;
use virtio_mmio::registers::STRIDE;
use virtio_mmio::{
    Features, InitError, Interrupts, ProbeError, Readable, RegisterBlock, Registers as _, Transport,
};
use virtqueue::Addresses;

use crate::peripherals::virtio_mmio::{ADDRESS, SIZE};

type Registers = UniqueMmioPointer<'static, RegisterBlock>;

/// The SCMI device's registers.
pub struct Device {
    transport: Transport<Registers>,
    vendor: u32,
}

/// What a look at all slots found.
pub enum Found {
    /// The device, and the number of its slot.
    Device(Device, u8),
    /// No device that the driver can use; why.
    Nothing(DriverState),
}

/// Looks at every slot, from the last one down: QEMU fills them in that order. Only identities are read.
///
/// # Safety
///
/// To be called once: the result owns the registers.
pub unsafe fn find() -> Found {
    let mut legacy = false;
    for slot in (0..SIZE / STRIDE).rev() {
        let address = (ADDRESS + slot * STRIDE) as *mut RegisterBlock;
        let Some(address) = NonNull::new(address) else {
            continue;
        };
        // Safety: app.toml maps these registers into this task alone, and each slot is taken once.
        let registers = unsafe { UniqueMmioPointer::new(address) };
        match Transport::probe(registers, DEVICE_ID) {
            Ok(transport) => {
                // Only now: of a slot that holds nothing, nothing but the identity may be read.
                let mut registers = transport.release();
                let vendor = registers.read(Readable::VendorId);
                if let Ok(transport) = Transport::probe(registers, DEVICE_ID) {
                    return Found::Device(Device { transport, vendor }, slot as u8);
                }
            }
            Err(ProbeError::Legacy) => legacy = true,
            Err(_) => {}
        }
    }
    Found::Nothing(if legacy {
        DriverState::Legacy
    } else {
        DriverState::NoDevice
    })
}

impl Device {
    /// Who made the device.
    pub fn vendor(&self) -> u32 {
        self.vendor
    }

    /// Why the device interrupted; acknowledged, so that whatever comes from here on interrupts again.
    pub fn take_interrupts(&mut self) -> Interrupts {
        let interrupts = self.transport.interrupt_status();
        self.transport.acknowledge(interrupts);
        interrupts
    }
}

impl core_api::Transport for Device {
    fn reset(&mut self) -> Result<(), SetupError> {
        self.transport.reset().map_err(setup_error)
    }

    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        let wanted = Features::from_bits_retain(wanted);
        let required = Features::from_bits_retain(required);
        match self.transport.negotiate(wanted, required) {
            Ok(features) => Ok(features.bits()),
            Err(error) => Err(setup_error(error)),
        }
    }

    fn queue_max(&mut self, queue: u16) -> u16 {
        self.transport.queue_max(queue)
    }

    fn setup_queue(
        &mut self,
        queue: u16,
        size: u16,
        addresses: Addresses,
    ) -> Result<(), SetupError> {
        self.transport
            .setup_queue(queue, size, addresses)
            .map_err(setup_error)
    }

    fn driver_ok(&mut self) -> Result<(), SetupError> {
        self.transport.driver_ok().map_err(setup_error)
    }

    #[inline]
    fn notify(&mut self, queue: u16) {
        self.transport.notify(queue);
    }

    fn needs_reset(&mut self) -> bool {
        self.transport.needs_reset()
    }

    fn fail(&mut self) {
        self.transport.fail();
    }
}

fn setup_error(error: InitError) -> SetupError {
    match error {
        InitError::ResetTimeout { .. } => SetupError::ResetTimeout,
        InitError::MissingFeatures { missing } => SetupError::MissingFeatures(missing.bits()),
        InitError::NoSuchQueue { queue } => SetupError::NoQueue(queue),
        _ => SetupError::Refused,
    }
}
