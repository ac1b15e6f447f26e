// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sets of clients.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

use super::ClientId;

/// A set of clients: a bit each.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClientSet(u32);

impl ClientSet {
    pub(crate) const EMPTY: Self = Self(0);

    /// The set of one.
    pub(crate) const fn of(client: ClientId) -> Self {
        Self(1 << (client.0 & 31))
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn contains(self, client: ClientId) -> bool {
        self.0 & Self::of(client).0 != 0
    }

    /// The first client of the set.
    pub(crate) fn first(self) -> Option<ClientId> {
        (self.0 != 0).then(|| ClientId(self.0.trailing_zeros() as u8))
    }

    /// The first client of the set from this one on, going round.
    pub(crate) fn first_from(self, client: ClientId) -> Option<ClientId> {
        let from = u32::from(client.0);
        let skipped = self.0.rotate_right(from).trailing_zeros();
        (self.0 != 0).then(|| ClientId(((from + skipped) % 32) as u8))
    }

    /// Takes the first client out.
    pub(crate) fn pop(&mut self) -> Option<ClientId> {
        let first = self.first();
        self.0 &= self.0.wrapping_sub(1);
        first
    }

    /// The clients of the set, in order.
    pub(crate) fn iter(mut self) -> impl Iterator<Item = ClientId> {
        core::iter::from_fn(move || self.pop())
    }

    /// Empties the set, and returns what it held.
    pub(crate) fn drain(&mut self) -> Self {
        core::mem::replace(self, Self::EMPTY)
    }
}

impl BitOr for ClientSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ClientSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for ClientSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitAndAssign for ClientSet {
    fn bitand_assign(&mut self, other: Self) {
        self.0 &= other.0;
    }
}

impl Not for ClientSet {
    type Output = Self;

    /// All others, those included that there are not.
    fn not(self) -> Self {
        Self(!self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u8]) -> ClientSet {
        let one = |&number: &u8| ClientSet::of(ClientId(number));
        numbers.iter().map(one).fold(ClientSet::EMPTY, |a, b| a | b)
    }

    #[test]
    fn clients_come_out_in_order() {
        let numbers: Vec<u8> = set(&[31, 0, 7]).iter().map(|client| client.0).collect();
        assert_eq!(numbers, [0, 7, 31]);
        assert_eq!(ClientSet::EMPTY.first(), None);
    }

    #[test]
    fn the_first_from_a_client_on_goes_round() {
        let all = set(&[3, 30]);
        for (from, first) in [(0, 3), (3, 3), (4, 30), (30, 30), (31, 3)] {
            assert_eq!(all.first_from(ClientId(from)), Some(ClientId(first)));
        }
        assert_eq!(ClientSet::EMPTY.first_from(ClientId(4)), None);
    }
}
