// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The bits that the registers carry.

use bitflags::bitflags;

bitflags! {
    /// The device status (2.1). Bits are only ever added; a reset alone takes them back.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Status: u32 {
        /// The guest has found the device.
        const ACKNOWLEDGE = 1;
        /// The guest knows how to drive it.
        const DRIVER = 2;
        /// The driver is set up.
        const DRIVER_OK = 4;
        /// Features are agreed.
        const FEATURES_OK = 8;
        /// Set by the device: it cannot go on until it is reset.
        const NEEDS_RESET = 64;
        /// The driver gave up on the device.
        const FAILED = 128;
    }
}

bitflags! {
    /// Feature bits (6). Bits 0 to 23 belong to the kind of device and have no name here: `Features::from_bits_retain`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Features: u64 {
        /// Indirect descriptor tables (2.7.5.3).
        const INDIRECT_DESC = 1 << 28;
        /// `used_event` and `avail_event` (2.7.7, 2.7.10).
        const EVENT_IDX = 1 << 29;
        /// Not a legacy device. Always required, and asked for without being named.
        const VERSION_1 = 1 << 32;
        /// The device reaches memory as the platform says. Ours is identity mapped, so it is accepted where offered, without being named.
        const ACCESS_PLATFORM = 1 << 33;
        /// Packed rings (2.8).
        const RING_PACKED = 1 << 34;
        /// Buffers are used in the order in which they were made available.
        const IN_ORDER = 1 << 35;
        /// Memory is ordered as for the platform's hardware devices. Not accepted unless the caller wants it: the ring's
        /// barriers cover the inner shareable domain, in which every processor is, but not every bus master.
        const ORDER_PLATFORM = 1 << 36;
        /// The notification carries the available index.
        const NOTIFICATION_DATA = 1 << 38;
        /// A single queue can be reset.
        const RING_RESET = 1 << 40;
        const _ = !0;
    }
}

bitflags! {
    /// Why the device interrupted (4.2.2, InterruptStatus). Undefined bits are ignored.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Interrupts: u32 {
        /// The device used a buffer in at least one queue.
        const USED_BUFFER = 1;
        /// The configuration changed: also how NEEDS_RESET is announced.
        const CONFIGURATION = 2;
    }
}
