// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device: which virtio slot it is in, and how the channel core reaches it.

use core::array;
use core::ptr::NonNull;

use drv_scmi_api::{DriverState, ScmiInfo};
use drv_virtio_scmi::{self as core_api, DEVICE_ID, SetupError};
use safe_mmio::UniqueMmioPointer;
use virtio_mmio::registers::STRIDE;
use virtio_mmio::{Features, InitError, Interrupts, RegisterBlock, Transport};
use virtqueue::Addresses;

use crate::config::INTERRUPT_SLOTS;
use crate::peripherals::virtio_mmio::{ADDRESS, SIZE};

type Registers = UniqueMmioPointer<'static, RegisterBlock>;

/// The SCMI device's registers.
pub struct Device {
    transport: Transport<Registers>,
}

/// Where the device is, and who made it.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Place {
    /// Number of its slot.
    pub slot: u8,
    /// Slots of the same 4 KiB page that are not empty, a bit each: who may reach the device may reach those too.
    pub neighbours: u32,
    /// The slot's interrupt is ours. If not, the timer stands in for it.
    pub interrupts: bool,
    /// What its vendor register says.
    pub vendor: u32,
}

impl Place {
    /// Says it to a client.
    pub fn tell(&self, info: &mut ScmiInfo) {
        (info.transport, info.vendor) = (self.slot, self.vendor);
        info.neighbours = self.neighbours;
    }
}

const SLOTS: usize = SIZE / STRIDE;
const FIRST: NonNull<RegisterBlock> = match NonNull::new(ADDRESS as *mut RegisterBlock) {
    Some(first) => first,
    None => panic!("chip.toml has the device at address 0"),
};
const _: () = assert!(SLOTS <= 32, "the driver keeps sets of slots in 32 bits");

/// Looks at the identity of every slot, and takes over the last one that holds the device: QEMU fills its slots in that order. Other
/// devices, and a second one of these, are left alone (V41).
///
/// # Errors
///
/// There is no device that the driver can use; the state says why.
///
/// # Safety
///
/// To be called once: the result owns the registers.
pub unsafe fn find() -> Result<(Device, Place), DriverState> {
    let mut slots: [Registers; SLOTS] = array::from_fn(|slot| {
        // Safety: the slots lie one behind the other, from a first address that is not 0.
        let address = unsafe { FIRST.byte_add(slot * STRIDE) };
        // Safety: app.toml maps these registers into this task alone, and each slot is named once.
        unsafe { UniqueMmioPointer::new(address) }
    });
    let seen = virtio_mmio::scan(&mut slots, DEVICE_ID);
    let found = seen
        .last()
        .and_then(|slot| Some((slot, slots.into_iter().nth(slot.into())?)))
        .and_then(|(slot, registers)| Some((slot, Transport::probe(registers, DEVICE_ID).ok()?)));
    let Some((slot, mut transport)) = found else {
        return Err(match seen.legacy {
            0 => DriverState::NoDevice,
            _ => DriverState::Legacy,
        });
    };
    let place = Place {
        slot,
        neighbours: seen.neighbours(slot),
        interrupts: INTERRUPT_SLOTS & 1 << slot != 0,
        vendor: transport.vendor(),
    };
    Ok((Device { transport }, place))
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
