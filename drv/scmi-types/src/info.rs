// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the driver says of itself.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What the driver can do at the moment.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum DriverState {
    /// No transport holds an SCMI device.
    NoDevice = 0,
    /// An SCMI device with the legacy register layout (version 1): QEMU needs `-global virtio-mmio.force-legacy=false`.
    Legacy = 1,
    /// The device does not offer `VERSION_1`, which the driver requires.
    MissingVersion1 = 2,
    /// The device failed while it was set up: queues missing or too small, features not accepted, or no end of reset.
    SetupFailed = 3,
    /// Commands and events work.
    Ready = 4,
    /// Commands work; the device does not offer `P2A_CHANNELS`, so there are neither events nor delayed responses.
    ReadyWithoutEvents = 5,
    /// The device is being reset and set up again.
    Recovering = 6,
    /// Recovery failed repeatedly; the driver tries again slowly.
    PlatformUnavailable = 7,
}

impl DriverState {
    /// The state of a number from the wire.
    pub const fn from_raw(raw: u8) -> Option<Self> {
        Some(match raw {
            0 => Self::NoDevice,
            1 => Self::Legacy,
            2 => Self::MissingVersion1,
            3 => Self::SetupFailed,
            4 => Self::Ready,
            5 => Self::ReadyWithoutEvents,
            6 => Self::Recovering,
            7 => Self::PlatformUnavailable,
            _ => return None,
        })
    }

    /// Whether commands are accepted.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready | Self::ReadyWithoutEvents)
    }

    /// One line for people: what it is, and what to do.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NoDevice => {
                "no SCMI device in any virtio-mmio slot: add `-device vhost-user-scmi` to QEMU"
            }
            Self::Legacy => {
                "legacy SCMI device: start QEMU with `-global virtio-mmio.force-legacy=false`"
            }
            Self::MissingVersion1 => {
                "the device does not offer VERSION_1: use a device of virtio 1.0 or later"
            }
            Self::SetupFailed => "the device failed during set-up: see the driver's trace",
            Self::Ready => "ready",
            Self::ReadyWithoutEvents => {
                "ready, without events: the device does not offer P2A_CHANNELS"
            }
            Self::Recovering => "recovering: the device is being reset",
            Self::PlatformUnavailable => {
                "platform unavailable: it does not answer; trying again slowly"
            }
        }
    }
}

/// Value of [`ScmiInfo::transport`] when there is none.
pub const NO_TRANSPORT: u8 = 0xff;

/// What a person should know although the driver works.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct InfoFlags(u32);

bitflags! {
    impl InfoFlags: u32 {
        /// `app.toml` does not give the driver the interrupt of the device's slot; a timer stands in for it.
        const NO_INTERRUPT = 1 << 0;
        /// The device's interrupt came again and again although there was nothing to do. It is held off for a while, and the timer
        /// stands in for it.
        const INTERRUPT_HELD_OFF = 1 << 1;
    }
}

/// State, limits and what was negotiated.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ScmiInfo {
    /// Feature bits of virtio that device and driver agreed on (bit 0 `P2A_CHANNELS`, 29 `EVENT_IDX`, 32 `VERSION_1`).
    pub features: u64,
    /// Incarnation of the device: 1 after start-up, one more after each recovery; 0 before the first.
    pub generation: u32,
    /// Vendor id register of the device (QEMU: 0x554d4551).
    pub vendor: u32,
    /// `vring-size` of `app.toml`, in ring entries.
    pub ring_configured: u16,
    /// Entries of the command ring in use; fewer than configured when the device allows no more.
    pub command_ring: u16,
    /// Entries of the event ring in use; 0 without events.
    pub event_ring: u16,
    /// Command slots in use: half the command ring, at most 1024.
    pub slots: u16,
    /// Slots that the caller may hold at once; 0 when it is not a client.
    pub caller_slots: u16,
    /// Largest request or response, in bytes.
    pub payload_max: u16,
    /// [`DriverState`] as a number.
    pub state: u8,
    /// Index of the virtio-mmio slot, or [`NO_TRANSPORT`].
    pub transport: u8,
    /// 1: events and delayed responses exist.
    pub events: u8,
    /// Events that the caller's queue holds before the oldest is dropped.
    pub caller_events: u8,
    /// What a person should know.
    pub flags: InfoFlags,
    /// Slots of the device's 4 KiB page that are not empty, a bit each, its own left out.
    pub neighbours: u32,
}

impl ScmiInfo {
    /// The state; a number that is not known reads as a failed set-up.
    pub const fn state(&self) -> DriverState {
        match DriverState::from_raw(self.state) {
            Some(state) => state,
            None => DriverState::SetupFailed,
        }
    }
}
