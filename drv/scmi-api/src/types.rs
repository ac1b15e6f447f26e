// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What crosses the wire between clients and the driver. All of it is plain bytes without padding.

pub use drv_scmi_types::{BATCH_MAX, BatchAnswer, BatchEntry, Counters, EventKind, Pools};
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Largest request or response, in bytes, header and status word not counted.
pub const PAYLOAD_MAX: usize = 128;
/// Largest request that travels in the message, in bytes.
pub const SMALL_REQUEST: usize = 16;
/// Most return values that travel in the answer, in bytes.
pub const SMALL_RESPONSE: usize = 24;
/// A request of at most [`SMALL_REQUEST`] bytes, in words as they lie in memory.
pub type SmallRequest = [u32; SMALL_REQUEST / 4];
/// Return values of at most [`SMALL_RESPONSE`] bytes, in words as they lie in memory.
pub type SmallResponse = [u32; SMALL_RESPONSE / 4];
/// `deadline_ms` that stands for the default of 60 s.
pub const DEFAULT_DEADLINE: u32 = 0;
/// `source` that stands for every source of an event, in `notify`.
///
/// The platform is not asked for such a subscription: it receives what other subscriptions have enabled.
pub const ALL_SOURCES: u32 = u32::MAX;

/// Flags of a transfer, ORed.
pub struct TransferFlags;

impl TransferFlags {
    /// Nothing special.
    pub const NONE: u8 = 0;
    /// The result is the delayed response, which arrives on the event queue after the command was accepted.
    /// Needs a device with an event queue, or the transfer is refused with `EventsUnavailable`.
    pub const DELAYED: u8 = 1 << 0;
    /// The caller will `poll`: do not raise interrupts for this transfer. Not for `exchange`, not with `DELAYED`.
    pub const POLLED: u8 = 1 << 1;
    /// Every flag that means something; others are refused.
    pub const ALL: u8 = Self::DELAYED | Self::POLLED;
}

/// The platform's answer to a command.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Response {
    /// SCMI status: 0 is SUCCESS, negative values are errors of the platform.
    pub status: i32,
    /// Bytes of return values that the platform gave, at most 128. More than the response lease holds: the rest was cut.
    pub len: u32,
}

/// A [`Response`] as it travels.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Answer {
    /// Status and length.
    pub response: Response,
    /// The return values, and zero after them. Where they are more than [`SMALL_RESPONSE`] bytes, they are in the lease.
    pub values: SmallResponse,
}

/// A [`Polled`] as it travels.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PollAnswer {
    /// As [`Polled::done`].
    pub done: u32,
    /// The answer, if it is there.
    pub answer: Answer,
}

/// What `poll` found.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Polled {
    /// 0: still pending, the rest is zero. 1: the answer is here and the handle has ended.
    pub done: u32,
    /// As [`Response::status`].
    pub status: i32,
    /// As [`Response::len`].
    pub len: u32,
}

impl Polled {
    /// Not answered yet.
    pub const PENDING: Self = Self {
        done: 0,
        status: 0,
        len: 0,
    };

    /// The answer is here.
    pub const fn done(response: Response) -> Self {
        Self {
            done: 1,
            status: response.status,
            len: response.len,
        }
    }

    /// The answer, or `None` while it is pending.
    pub const fn response(&self) -> Option<Response> {
        if self.done == 0 {
            None
        } else {
            Some(Response {
                status: self.status,
                len: self.len,
            })
        }
    }
}

/// What `next_event` fetched.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Event {
    /// When the driver took the event from the device, in milliseconds since boot.
    pub time_ms: u64,
    /// Events of this client that were dropped between the previous fetched one and this one.
    pub lost: u32,
    /// Bytes of payload, at most 128. More than the payload lease holds: the rest was cut.
    pub len: u32,
    /// [`EventKind`] as a number.
    pub kind: u8,
    /// SCMI protocol id.
    pub protocol: u8,
    /// Notification message id within the protocol.
    pub event: u8,
    /// 1: more events are queued. 0: none at the moment.
    pub more: u8,
    /// Which incarnation of the device the event came from, see [`ScmiInfo::generation`].
    pub generation: u32,
}

impl Event {
    /// What this is; a number that is not known reads as nothing.
    pub const fn kind(&self) -> EventKind {
        EventKind::from_raw(self.kind)
    }
}

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
    /// [`ScmiInfo::NO_INTERRUPT`], [`ScmiInfo::INTERRUPT_HELD_OFF`], or 0.
    pub flags: u32,
    /// Slots of the device's 4 KiB page that are not empty, a bit each, its own left out.
    pub neighbours: u32,
}

impl ScmiInfo {
    /// In [`ScmiInfo::flags`]: `app.toml` does not give the driver the interrupt of the device's slot; a timer stands in for it.
    pub const NO_INTERRUPT: u32 = 1 << 0;
    /// In [`ScmiInfo::flags`]: the device's interrupt came again and again although there was nothing to do. It is held off for a
    /// while, and the timer stands in for it.
    pub const INTERRUPT_HELD_OFF: u32 = 1 << 1;

    /// The state; a number that is not known reads as a failed set-up.
    pub const fn state(&self) -> DriverState {
        match DriverState::from_raw(self.state) {
            Some(state) => state,
            None => DriverState::SetupFailed,
        }
    }
}

/// Counters since the driver started, and the pools that they balance with.
///
/// At any moment, modulo 2^32: `sent_ok == answered + failed + timed_out + in_flight` and
/// `event_buffers == events_at_device + events_at_driver`.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ScmiStats {
    /// What happened.
    pub counters: Counters,
    /// What the driver holds.
    pub pools: Pools,
}

impl ScmiStats {
    /// Returns `true` if both equations hold.
    pub const fn balanced(&self) -> bool {
        self.counters.balance(&self.pools)
    }

    /// Returns every counter and every pool with its name, in the order of the fields.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
        self.counters.named().chain(self.pools.named())
    }
}
