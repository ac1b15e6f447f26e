// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The decision whether a batch of published chains needs a kick: 2.7.10, "Available Buffer Notification Suppression".

/// With EVENT_IDX: has the available index passed `avail_event` with the last `undecided` entries?
///
/// `index` is the available index now, `undecided` how many entries were published since the *last decision* (not the
/// last publish). The device asks to be kicked once the entry at position `avail_event` is there, so a kick is due iff
/// that position is among the last `undecided` ones: `index - undecided <= avail_event < index`, in arithmetic modulo
/// 2^16. A count instead of the earlier index keeps this right even where 65,536 or more entries went by undecided:
/// then every position was passed.
#[inline]
pub const fn kick_due(avail_event: u16, index: u16, undecided: u32) -> bool {
    (index.wrapping_sub(avail_event).wrapping_sub(1) as u32) < undecided
}
