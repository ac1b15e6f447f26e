// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the channel needs of a virtio transport.

use drv_scmi_types::DriverState;
use virtqueue::Addresses;

/// Number of the queue that carries commands.
pub const COMMAND_QUEUE: u16 = 0;
/// Number of the queue that carries events and delayed responses; there only with [`P2A_CHANNELS`].
pub const EVENT_QUEUE: u16 = 1;

/// Virtio's id of an SCMI device.
pub const DEVICE_ID: u32 = 32;

/// Feature bit 0: the device has an event queue, and may send notifications and delayed responses.
pub const P2A_CHANNELS: u64 = 1 << 0;
/// Feature bit 29: each side says at which index it wants to be told.
pub const EVENT_IDX: u64 = 1 << 29;
/// Feature bit 32: not a legacy device.
pub const VERSION_1: u64 = 1 << 32;

/// Why a device could not be set up.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum SetupError {
    /// The reset did not end: the device may still use the queue memory. Worth another try later.
    ResetTimeout,
    /// Required features are missing: no try will help.
    MissingFeatures(u64),
    /// The queue is missing, or too small for one command: no try will help.
    NoQueue(u16),
    /// The device refused for another reason. Worth another try.
    Refused,
}

impl SetupError {
    /// Whether the same device may do better another time.
    pub const fn may_pass(self) -> bool {
        self.verdict().is_none()
    }

    /// Why there is no device to use, if that is for good.
    pub const fn verdict(self) -> Option<DriverState> {
        match self {
            Self::MissingFeatures(bits) if bits & VERSION_1 != 0 => {
                Some(DriverState::MissingVersion1)
            }
            Self::MissingFeatures(_) | Self::NoQueue(_) => Some(DriverState::SetupFailed),
            Self::ResetTimeout | Self::Refused => None,
        }
    }
}

/// Why the device interrupted.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Interrupts {
    /// It put something into a ring.
    pub used_buffer: bool,
    /// Its configuration changed, which an SCMI device has none of, or it asks for a reset.
    pub configuration: bool,
}

/// One device, in the order of virtio's initialisation: reset, negotiate, queues, driver_ok.
pub trait Transport {
    /// Resets the device and waits, a bounded time, for the end of it.
    fn reset(&mut self) -> Result<(), SetupError>;
    /// Agrees on features: all of `required`, and those of `wanted` that are offered.
    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError>;
    /// Most entries of a queue; 0: there is none.
    fn queue_max(&mut self, queue: u16) -> u16;
    /// Hands a queue to the device.
    fn setup_queue(
        &mut self,
        queue: u16,
        size: u16,
        addresses: Addresses,
    ) -> Result<(), SetupError>;
    /// The device may work from here on.
    fn driver_ok(&mut self) -> Result<(), SetupError>;
    /// Tells the device that a queue has something new.
    fn notify(&mut self, queue: u16);
    /// Why the device interrupts; acknowledged with that, so that whatever comes from here on interrupts again.
    fn take_interrupts(&mut self) -> Interrupts;
    /// Whether the device asks for a reset, or was reset behind the driver's back.
    fn needs_reset(&mut self) -> bool;
    /// Tells the device that the driver gave it up.
    fn fail(&mut self);
}
