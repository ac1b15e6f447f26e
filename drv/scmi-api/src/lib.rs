// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the SCMI driver task.

#![cfg_attr(not(test), no_std)]

mod error;
mod types;

pub use error::ScmiError;
pub use types::*;
