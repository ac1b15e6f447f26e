// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device: which virtio slot it is in, and how the channel core reaches it.

use core::ptr::NonNull;

use drv_scmi_api::DriverState;
use drv_virtio_scmi::{self as core_api, DEVICE_ID, SetupError};
use safe_mmio::UniqueMmioPointer;
use virtio_mmio::registers::STRIDE;
use virtio_mmio::{Features, InitError, Interrupts, ProbeError, RegisterBlock, Scan, Transport};
use virtqueue::Addresses;

use crate::config::INTERRUPT_SLOTS;
use crate::peripherals::virtio_mmio::{ADDRESS, SIZE};

type Registers = UniqueMmioPointer<'static, RegisterBlock>;

/// The SCMI device's registers.
pub struct Device {
    transport: Transport<Registers>,
}

/// What a look at all slots found.
pub enum Found {
    /// The device, and where it is.
    Device(Device, Place),
    /// No device that the driver can use; why.
    Nothing(DriverState),
}

/// Where the device is.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Place {
    /// Number of its slot.
    pub slot: u8,
    /// Slots of the same 4 KiB page that are not empty, a bit each: who may reach the device may reach those too.
    pub neighbours: u32,
    /// The slot's interrupt is ours. If not, the timer stands in for it.
    pub interrupts: bool,
}

const SLOTS: usize = SIZE / STRIDE;
const _: () = assert!(SLOTS <= 32, "the driver keeps sets of slots in 32 bits");

/// Looks at every slot, from the last one down: QEMU fills them in that order. Only identities are
/// read.
///
/// # Safety
///
/// To be called once: the result owns the registers.
pub unsafe fn find() -> Found {
    let mut legacy = false;
    let mut seen = Scan::default();
    let mut found: Option<(Device, usize)> = None;
    for slot in (0..SLOTS).rev() {
        let address = (ADDRESS + slot * STRIDE) as *mut RegisterBlock;
        let Some(address) = NonNull::new(address) else {
            continue;
        };
        // Safety: app.toml maps these registers into this task alone, and each slot is taken once.
        let registers = unsafe { UniqueMmioPointer::new(address) };
        match Transport::probe(registers, DEVICE_ID) {
            Err(ProbeError::Empty) => continue,
            Err(ProbeError::Legacy) => legacy = true,
            Ok(transport) if found.is_none() => found = Some((Device { transport }, slot)),
            // Another device, or a second one of these: left alone (V41).
            _ => {}
        }
        seen.occupied |= 1 << slot;
    }
    if let Some((device, slot)) = found {
        let place = Place {
            slot: slot as u8,
            neighbours: seen.neighbours(slot as u8),
            interrupts: INTERRUPT_SLOTS & 1 << slot != 0,
        };
        return Found::Device(device, place);
    }
    Found::Nothing(if legacy {
        DriverState::Legacy
    } else {
        DriverState::NoDevice
    })
}

impl Device {
    /// Who made the device.
    pub fn vendor(&mut self) -> u32 {
        self.transport.vendor()
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

    fn notify(&mut self, queue: u16) {
        self.transport.notify(queue);
    }

    fn take_interrupts(&mut self) -> core_api::Interrupts {
        let interrupts = self.transport.interrupt_status();
        self.transport.acknowledge(interrupts);
        core_api::Interrupts {
            used_buffer: interrupts.contains(Interrupts::USED_BUFFER),
            configuration: interrupts.contains(Interrupts::CONFIGURATION),
        }
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
