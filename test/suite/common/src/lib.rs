// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the tasks of the on-target suite say to each other.

#![no_std]

pub mod fuzz;
pub mod order;
pub mod probe;
pub mod raw;
pub mod report;
pub mod sample;

pub use test_uart as uart;
