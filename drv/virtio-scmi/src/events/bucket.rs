// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! In which bucket of the hash table an event is.

use drv_scmi_types::EventSource;

pub(super) const BUCKETS: usize = 32;

/// The bucket of an event of a source.
pub(super) fn bucket(key: EventSource) -> usize {
    let kind = u32::from(key.protocol) * 0x85eb + u32::from(key.event) * 0xc2b3;
    let mixed = key.source.wrapping_mul(0x9e37_79b1).wrapping_add(kind);
    (mixed ^ mixed >> 16) as usize % BUCKETS
}
