// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A world for the channel: a device to be scripted, clients to be played, a clock to be moved.
//!
//! Everything runs on one thread and through safe code, so Miri sees all of it. Each test binary uses a part.

#![allow(dead_code)]

pub mod batches;
pub mod device;
pub mod drama;
pub mod natural;
pub mod script;
pub mod world;

#[allow(unused_imports)]
pub use device::{Command, FakeDevice, FakeTransport, header};
#[allow(unused_imports)]
pub use world::{INTERRUPT, Point, Setup, Still, TIMER, Told, World, run, run_over, run_sized};

/// How often something is done, or in which steps: usually, and under Miri, which takes a thousand times longer.
#[allow(dead_code)]
pub const fn times(usually: usize, under_miri: usize) -> usize {
    if cfg!(miri) { under_miri } else { usually }
}

/// Task ids of the clients: index in the low ten bits, generation above.
pub const CONSOLE: drv_virtio_scmi::Owner = drv_virtio_scmi::Owner(3);
pub const THERMAL: drv_virtio_scmi::Owner = drv_virtio_scmi::Owner(4);
pub const POWER: drv_virtio_scmi::Owner = drv_virtio_scmi::Owner(5);
/// A task that is no client.
pub const STRANGER: drv_virtio_scmi::Owner = drv_virtio_scmi::Owner(6);

/// The same task in its next life.
pub fn reborn(owner: drv_virtio_scmi::Owner) -> drv_virtio_scmi::Owner {
    drv_virtio_scmi::Owner(owner.0.wrapping_add(1 << 10))
}
