// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Numbers that a platform counts from 0, of which some may be missing.
//!
//! A platform that counts 175 clocks need not have clock 20: numbers may be reserved. Such a hole
//! is passed over. A platform that counts 65,535 things and has three must not be asked for each of
//! them, so many holes in a row are the end.

/// So many numbers in a row that the platform does not have are the end.
pub const HOLES_MAX: u32 = 64;

/// Yields the numbers from 0 on. The caller must report each number that is
/// [missing](Self::is_missing).
#[derive(Clone, Debug)]
pub struct Numbers {
    next: u32,
    count: u32,
    missing_in_a_row: u32,
    last_is_missing: bool,
}

impl Numbers {
    /// The numbers below `count`.
    pub const fn below(count: u32) -> Self {
        Self {
            next: 0,
            count,
            missing_in_a_row: 0,
            last_is_missing: false,
        }
    }

    /// Notes that the platform does not have the number that [`Iterator::next`] returned last.
    pub fn is_missing(&mut self) {
        if !self.last_is_missing {
            self.last_is_missing = true;
            self.missing_in_a_row = self.missing_in_a_row.saturating_add(1);
        }
    }

    /// Returns the first of the numbers that were not asked for because too many before them are
    /// missing, if there are any.
    pub fn given_up_at(&self) -> Option<u32> {
        let ended = self.last_is_missing && self.missing_in_a_row >= HOLES_MAX;
        (ended && self.next < self.count).then_some(self.next)
    }
}

impl Iterator for Numbers {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next >= self.count || self.given_up_at().is_some() {
            return None;
        }
        if !core::mem::take(&mut self.last_is_missing) {
            self.missing_in_a_row = 0;
        }
        let number = self.next;
        self.next = self.next.saturating_add(1);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for all numbers of a platform that has some. Returns those that were found and how many
    /// were asked for.
    fn ask(count: u32, has: impl Fn(u32) -> bool) -> (Vec<u32>, u32, Option<u32>) {
        let mut numbers = Numbers::below(count);
        let (mut found, mut asked) = (Vec::new(), 0);
        while let Some(number) = numbers.next() {
            asked += 1;
            if has(number) {
                found.push(number);
            } else {
                numbers.is_missing();
            }
        }
        (found, asked, numbers.given_up_at())
    }

    #[test]
    fn s15_holes_hide_nothing_behind_them() {
        let (found, asked, given_up) = ask(175, |number| !(20..=23).contains(&number));
        assert_eq!((found.len(), asked, given_up), (171, 175, None));
        // The first may be missing, and the last.
        let (found, asked, given_up) = ask(9, |number| number == 4);
        assert_eq!((found, asked, given_up), (vec![4], 9, None));
        // One less than the limit, again and again.
        let (found, asked, _) = ask(6400, |number| number % 64 == 63);
        assert_eq!((found.len(), asked), (100, 6400));
    }

    #[test]
    fn s15_many_holes_in_a_row_are_the_end() {
        assert_eq!(ask(65_535, |_| false), (vec![], 64, Some(64)));
        assert_eq!(
            ask(65_535, |number| number < 3),
            (vec![0, 1, 2], 67, Some(67))
        );
        let (found, asked, _) = ask(65_535, |number| number == 64);
        assert_eq!((found, asked), (vec![], 64));
        // Nothing is left out where the count ends there, too.
        assert_eq!(ask(64, |_| false), (vec![], 64, None));
        assert_eq!(ask(0, |_| false), (vec![], 0, None));
    }

    #[test]
    fn s15_a_number_is_missing_once() {
        let mut numbers = Numbers::below(200);
        for _ in 0..40 {
            assert!(numbers.next().is_some());
            numbers.is_missing();
            numbers.is_missing();
        }
        assert_eq!(numbers.next(), Some(40));
    }
}
