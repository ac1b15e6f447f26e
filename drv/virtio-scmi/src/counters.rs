// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters: what is counted, and what it must balance with.

pub(crate) use drv_scmi_types::Count;
pub use drv_scmi_types::{Counters, Pools};
