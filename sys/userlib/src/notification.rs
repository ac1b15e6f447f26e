// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Received notifications.

use crate::sys_get_timer;

/// The notification bits that one receive returned.
///
/// A bit is a hint, not a count and not a proof: it may stand for several events, or for one of a peer's earlier life. Look at the
/// condition itself; [`check_condition`](Self::check_condition) reads well for that.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct NotificationBits(u32);

impl NotificationBits {
    /// Takes the bits as the kernel returns them.
    #[inline(always)]
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits as the kernel returned them.
    #[inline(always)]
    pub const fn get_raw_bits(self) -> u32 {
        self.0
    }

    /// Whether any bit of `mask` came. Enough where what the bit announces cannot be asked for otherwise.
    #[inline(always)]
    #[must_use]
    pub const fn check_notification_mask(self, mask: u32) -> bool {
        self.0 & mask != 0
    }

    /// Whether any bit of `mask` came *and* the `condition` that it announces holds. The condition is looked at only when the bit came.
    #[inline(always)]
    #[must_use]
    pub fn check_condition(self, mask: u32, condition: impl FnOnce() -> bool) -> bool {
        self.check_notification_mask(mask) && condition()
    }

    /// Whether the timer, set to post `mask`, has fired and was not set again since.
    #[inline(always)]
    #[must_use]
    pub fn has_timer_fired(self, mask: u32) -> bool {
        self.check_condition(mask, || sys_get_timer().deadline.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_is_asked_only_when_the_bit_came() {
        let bits = NotificationBits::new(0b101);
        assert_eq!(bits.get_raw_bits(), 0b101);
        assert!(bits.check_notification_mask(0b110));
        assert!(!bits.check_notification_mask(0b010));
        assert!(bits.check_condition(1, || true));
        assert!(!bits.check_condition(1, || false));
        assert!(!bits.check_condition(2, || panic!("asked without need")));
        assert!(!bits.has_timer_fired(2));
    }
}
