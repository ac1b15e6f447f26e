// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Accounts: each slot that is taken counts to that of a client, or to that of the driver, which sends commands too.
//!
//! Quotas are guarantees: the build sees to it that all of them together fit into the ring, so nobody's use of slots takes those of
//! another.

use super::ClientId;
use crate::error::Refusal;

/// Whose account a slot counts to.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Payer {
    /// Nobody's: the slot is free, or lost by a client that is gone.
    Nobody,
    /// A client's.
    Client(ClientId),
    /// The driver's.
    Driver,
}

/// The slots of a client, or of the driver.
#[derive(Debug)]
pub(crate) struct Account {
    /// Slots that it may hold at once, in the ring at its present size.
    quota: u16,
    /// Slots that it holds.
    held: u16,
    /// Of these, the ones that the device keeps although their transfer is over.
    lost: u16,
    /// Since when so many are lost that less than half of the quota is left; milliseconds.
    short_since: Option<u64>,
    /// Until then every loss counts as if that were so: a moment ago the device was reset for it.
    lossy_until: u64,
    /// The present shortage is only that.
    lossy: bool,
}

impl Account {
    pub(crate) const fn new(quota: u16) -> Self {
        Self {
            quota,
            held: 0,
            lost: 0,
            short_since: None,
            lossy_until: 0,
            lossy: false,
        }
    }

    pub(crate) fn quota(&self) -> u16 {
        self.quota
    }

    pub(crate) fn held(&self) -> u16 {
        self.held
    }

    pub(crate) fn lost(&self) -> u16 {
        self.lost
    }

    /// Returns `true` if no other slot may be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.held >= self.quota
    }

    /// Why no other slot may be taken.
    #[cold]
    pub(crate) fn refusal(&self) -> Refusal {
        // A client that has no transfer of its own left cannot end one.
        if self.lost >= self.held {
            Refusal::SlotsLost
        } else {
            Refusal::SlotQuota
        }
    }

    /// The ring has another size, and with it the quota. Slots that are held beyond it stay held.
    pub(crate) fn resize(&mut self, quota: u16) {
        self.quota = quota;
    }

    pub(crate) fn take(&mut self) {
        self.held = self.held.saturating_add(1);
    }

    pub(crate) fn give_back(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// The transfer of one of its slots is over, and the device keeps the slot.
    pub(crate) fn lose(&mut self, now: u64) {
        self.lost = self.lost.saturating_add(1);
        self.lossy |= now < self.lossy_until;
        if (self.is_short() || self.lossy) && self.short_since.is_none() {
            self.short_since = Some(now);
        }
    }

    /// The device is reset because of lost slots: if this account was short, losses that follow soon are not waited for as long.
    pub(crate) fn expect_losses(&mut self, until: u64) {
        if self.short_since.is_some() {
            self.lossy_until = until;
        }
    }

    /// The device gave a lost slot back, or the slot counts to somebody else.
    pub(crate) fn recover(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.lossy &= self.lost > 0;
        if !self.is_short() && !self.lossy {
            self.short_since = None;
        }
    }

    /// How many lost slots leave less than half of the quota.
    pub(crate) fn shortage(&self) -> u16 {
        self.quota / 2 + 1
    }

    /// A lost slot came back, and others are still lost: when the oldest of these was lost, and when so many were that less than half of
    /// the quota is left, if so many are.
    pub(crate) fn still_lost(&mut self, oldest: Option<u64>, short: Option<u64>) {
        let lossy = oldest.filter(|&time| time < self.lossy_until);
        self.lossy = lossy.is_some();
        self.short_since = lossy.or(short);
    }

    /// Returns since when less than half of the quota is left.
    pub(crate) fn short_since(&self) -> Option<u64> {
        self.short_since
    }

    fn is_short(&self) -> bool {
        self.lost >= self.shortage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_an_account_is_short_below_half_of_its_quota() {
        for (quota, enough) in [(1, 1), (2, 2), (3, 2), (8, 5), (9, 5)] {
            let mut account = Account::new(quota);
            for lost in 1..=quota {
                account.lose(u64::from(lost));
                let since = (lost >= enough).then_some(u64::from(enough));
                assert_eq!(account.short_since(), since, "{lost} of {quota}");
            }
            for left in (0..quota).rev() {
                account.recover();
                assert_eq!(account.short_since().is_some(), left >= enough);
            }
        }
    }
}
