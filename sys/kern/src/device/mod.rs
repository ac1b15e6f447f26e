// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The devices that the kernel itself uses. Where they are is the chip's word: see
//! [`Devices`](crate::desc::Devices).

pub mod identity;

#[cfg(target_os = "none")]
mod gic;
#[cfg(target_os = "none")]
mod pl011;
#[cfg(target_os = "none")]
pub(crate) mod psci;
#[cfg(target_os = "none")]
pub(crate) mod timer;

#[cfg(target_os = "none")]
pub(crate) use gic::InterruptController;
#[cfg(target_os = "none")]
pub(crate) use pl011::Uart;
#[cfg(target_os = "none")]
pub(crate) use psci as power;
