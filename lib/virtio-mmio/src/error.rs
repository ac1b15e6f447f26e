// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What can go wrong, and what to do about it.

use crate::bits::{Features, Status};
use core::fmt;

/// Why a slot does not hold the device that was asked for. Nothing was written to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeError {
    /// The magic value is wrong: there is no virtio-mmio slot at this address. Check the address in `chip.toml`.
    NotVirtio {
        /// What was read instead of 0x74726976.
        magic: u32,
    },
    /// A legacy device (version 1). Have it offered as version 2: with QEMU, `-global virtio-mmio.force-legacy=false`.
    Legacy,
    /// A version that nobody has described yet.
    UnknownVersion {
        /// The version.
        version: u32,
    },
    /// A placeholder: the slot is empty. Look in the next one.
    Empty,
    /// Another kind of device. Look in the next slot.
    OtherDevice {
        /// Its device id.
        found: u32,
        /// The device id that was asked for.
        wanted: u32,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVirtio { magic } => write!(
                f,
                "no virtio-mmio slot: magic value {magic:#010x}; check the address in chip.toml"
            ),
            Self::Legacy => f.write_str(
                "a legacy (version 1) device; start QEMU with -global virtio-mmio.force-legacy=false",
            ),
            Self::UnknownVersion { version } => {
                write!(f, "virtio-mmio version {version} is unknown; offer version 2")
            }
            Self::Empty => f.write_str("the slot is empty; look in the next"),
            Self::OtherDevice { found, wanted } => {
                write!(f, "device id {found}, not {wanted}; look in the next slot")
            }
        }
    }
}

impl core::error::Error for ProbeError {}

/// Why a device could not be brought up. Start over with `reset`, or give up with `fail`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitError {
    /// The status did not become 0 after a reset. The device may still use the queue memory: do not touch it; try again
    /// later.
    ResetTimeout {
        /// The status that was read last.
        status: u32,
    },
    /// The call came out of order: first `reset`, then `negotiate`, `setup_queue` for each queue, `driver_ok`.
    OutOfOrder,
    /// The device does not offer what the driver cannot do without (VERSION_1 included). FAILED is set. Use another
    /// device, or another version of it.
    MissingFeatures {
        /// The bits that are missing.
        missing: Features,
    },
    /// The device did not keep FEATURES_OK: it cannot work with this subset of its features. FAILED is set. Ask for more.
    FeaturesRefused {
        /// The bits that were asked for.
        asked: Features,
    },
    /// The device asked to be reset while it was being set up. Reset it and start over, a bounded number of times.
    NeedsReset,
    /// The device lost its status while it was being set up: another reset came between. Start over.
    StatusLost {
        /// The status that was read.
        status: u32,
    },
    /// The device has no queue of this number. For an optional queue, check its feature bit first.
    NoSuchQueue {
        /// The queue.
        queue: u16,
    },
    /// The size is 0, no power of two, or more than the device takes. Use `queue_max`.
    QueueSize {
        /// The queue.
        queue: u16,
        /// The size that was asked for.
        asked: u16,
        /// The largest size that the device takes.
        max: u16,
    },
    /// The queue is in use already. Reset the device first.
    QueueInUse {
        /// The queue.
        queue: u16,
    },
    /// The device did not make the queue ready. Check that the ring memory is memory the device can reach.
    QueueRefused {
        /// The queue.
        queue: u16,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResetTimeout { status } => write!(
                f,
                "the device did not finish its reset (status {status:#x}); leave its memory alone and try later"
            ),
            Self::OutOfOrder => {
                f.write_str("out of order: reset, negotiate, setup_queue, driver_ok is the order")
            }
            Self::MissingFeatures { missing } => write!(
                f,
                "the device lacks the required features {:#x}; use one that offers them",
                missing.bits()
            ),
            Self::FeaturesRefused { asked } => write!(
                f,
                "the device refused the features {:#x}; ask for more of what it offers",
                asked.bits()
            ),
            Self::NeedsReset => f.write_str("the device asks to be reset; reset it and start over"),
            Self::StatusLost { status } => write!(
                f,
                "the device lost its status (now {status:#x}); reset it and start over"
            ),
            Self::NoSuchQueue { queue } => write!(
                f,
                "the device has no queue {queue}; check the feature that brings it"
            ),
            Self::QueueSize { queue, asked, max } => write!(
                f,
                "queue {queue} cannot have {asked} entries; use a power of two up to {max}"
            ),
            Self::QueueInUse { queue } => {
                write!(f, "queue {queue} is in use already; reset the device first")
            }
            Self::QueueRefused { queue } => write!(
                f,
                "the device did not take queue {queue}; check that it can reach the ring memory"
            ),
        }
    }
}

impl core::error::Error for InitError {}

/// What a status that was read during set-up says: the bits in `expected` must still be there, and no call for help.
pub(crate) fn check_status(status: Status, expected: Status) -> Result<(), InitError> {
    if status.contains(Status::NEEDS_RESET) {
        return Err(InitError::NeedsReset);
    }
    if !status.contains(expected) {
        return Err(InitError::StatusLost {
            status: status.bits(),
        });
    }
    Ok(())
}
