// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Deadlines: a hierarchical timing wheel through the slots.
//!
//! Level `l` has 32 buckets of 32^l milliseconds. A deadline stands on the level of the highest base-32 digit in which it
//! differs from the wheel's time, in the bucket of that digit. When time reaches a bucket of a higher level, its
//! slots move down, each at most twelve times in its life, for a minute thrice; so adding, removing and expiring a deadline cost O(1),
//! whatever the number of slots. (A heap would cost O(log n) for every command; a plain list would be sorted only if
//! all deadlines were equal.) The price is a wake-up now and then that finds nothing to expire.

use super::handle::SlotId;
use super::lists::Bucket;
use super::slot::Slots;

/// Bits of a digit.
const BITS: u32 = 5;
const BUCKETS: usize = 1 << BITS;
/// As many as 64 bits have digits.
const LEVELS: usize = 13;

pub(crate) struct Wheel {
    /// No deadline in the wheel is before this time, and no bucket between it and now has been passed over.
    current: u64,
    /// A bit for each level that has slots.
    levels: u32,
    /// A bit for each bucket that has slots.
    occupied: [u32; LEVELS],
    buckets: [Bucket; LEVELS * BUCKETS],
}

fn digit(time: u64, level: usize) -> u32 {
    (time >> (level as u32 * BITS)) as u32 & (BUCKETS as u32 - 1)
}

impl Wheel {
    /// An empty wheel: zeros, which take no room in the image.
    pub(crate) const fn new() -> Self {
        Self {
            current: 0,
            levels: 0,
            occupied: [0; LEVELS],
            buckets: [Bucket::EMPTY; LEVELS * BUCKETS],
        }
    }

    /// Puts a slot in, to expire at the time of its [`Due`], or at once if that is past. It must not be in any list.
    pub(crate) fn insert<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId, now: u64) {
        if self.levels == 0 {
            self.current = self.current.max(now);
        }
        let due = slots.get_mut(id).due_mut();
        let time = due.at().max(self.current);
        let differing = 63u32.saturating_sub((time ^ self.current).leading_zeros());
        let level = (differing / BITS).min(LEVELS as u32 - 1) as usize;
        let number = level * BUCKETS + digit(time, level) as usize;
        if let (Some(bucket), Some(occupied)) =
            (self.buckets.get_mut(number), self.occupied.get_mut(level))
        {
            due.enter(number);
            bucket.insert(slots, id);
            *occupied |= 1 << (number % BUCKETS);
            self.levels |= 1 << level;
        }
    }

    /// Takes a slot out; nothing if it is not in.
    pub(crate) fn remove<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let due = slots.get_mut(id).due_mut();
        let number = due.bucket();
        let level = number / BUCKETS;
        let (Some(bucket), Some(occupied)) =
            (self.buckets.get_mut(number), self.occupied.get_mut(level))
        else {
            return;
        };
        due.leave();
        bucket.remove(slots, id);
        if bucket.is_empty() {
            *occupied &= !(1 << (number % BUCKETS));
            if *occupied == 0 {
                self.levels &= !(1 << level);
            }
        }
    }

    /// First bucket in time: its level, its number, and when it begins.
    fn first(&self) -> Option<(usize, usize, u64)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        let occupied = *self.occupied.get(level)?;
        let number = occupied.trailing_zeros();
        let shift = level as u32 * BITS;
        // The digits above this level are those of the wheel's time, those below are zero.
        let above = self.current >> shift >> BITS << BITS;
        let start = (above | u64::from(number)) << shift;
        Some((level, number as usize, start))
    }

    /// Not later than the earliest deadline: when to look again. `None`: there are no deadlines.
    pub(crate) fn next(&self) -> Option<u64> {
        self.first().map(|(_, _, start)| start)
    }

    /// Takes out one slot whose deadline is `now` or earlier.
    pub(crate) fn expire<const S: usize>(
        &mut self,
        slots: &mut Slots<S>,
        now: u64,
    ) -> Option<SlotId> {
        while let Some((level, number, start)) = self.first() {
            if start > now {
                break;
            }
            self.current = start;
            let bucket = level * BUCKETS + number;
            // All of a bucket move down before anything else happens: one left behind would be overtaken.
            while let Some(id) = self.buckets.get(bucket).and_then(Bucket::first) {
                self.remove(slots, id);
                if level == 0 {
                    return Some(id);
                }
                self.insert(slots, id, start);
            }
        }
        // Everything left begins later than now.
        self.current = self.current.max(now);
        None
    }

    /// Walks all buckets: how many slots there are.
    pub(crate) fn count<const S: usize>(&self, slots: &Slots<S>) -> usize {
        self.buckets.iter().map(|bucket| bucket.count(slots)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(wheel: &mut Wheel, slots: &mut Slots<64>, id: u16, time: u64, now: u64) {
        slots.get_mut(SlotId(id)).due_mut().note(time);
        wheel.insert(slots, SlotId(id), now);
    }

    #[test]
    fn w04_deadlines_expire_in_time_and_never_early() {
        // Against the plainest model, with times of every magnitude.
        let mut slots = Slots::<64>::new();
        let mut wheel = Wheel::new();
        let mut model: Vec<(u16, u64)> = Vec::new();
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut now = 12_345u64;
        let rounds = if cfg!(miri) { 300 } else { 60_000 };
        for _ in 0..rounds {
            match random() % 4 {
                0 | 1 => {
                    let id = (random() % 64) as u16;
                    if !model.iter().any(|&(used, _)| used == id) {
                        let time = now + random() % (1 << (random() % 33));
                        add(&mut wheel, &mut slots, id, time, now);
                        model.push((id, time));
                    }
                }
                2 if !model.is_empty() => {
                    let (id, _) = model.swap_remove(random() as usize % model.len());
                    wheel.remove(&mut slots, SlotId(id));
                }
                _ => {
                    now += random() % (1 << (random() % 24));
                    let mut expired = Vec::new();
                    while let Some(id) = wheel.expire(&mut slots, now) {
                        expired.push(id.index());
                    }
                    let mut due: Vec<u16> = Vec::new();
                    model.retain(|&(id, time)| {
                        let past = time <= now;
                        if past {
                            due.push(id);
                        }
                        !past
                    });
                    expired.sort_unstable();
                    due.sort_unstable();
                    assert_eq!(expired, due);
                }
            }
            let earliest = model.iter().map(|&(_, time)| time).min();
            match (wheel.next(), earliest) {
                (None, None) => {}
                (Some(next), Some(earliest)) => assert!(next <= earliest.max(now)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn w04_a_deadline_is_reached_in_few_wake_ups() {
        let mut slots = Slots::<64>::new();
        let mut wheel = Wheel::new();
        add(&mut wheel, &mut slots, 0, 1_000_000 + 60_000, 1_000_000);
        let mut wakes = 0;
        while let Some(next) = wheel.next() {
            wakes += 1;
            if wheel.expire(&mut slots, next).is_some() {
                assert_eq!(next, 1_060_000);
            }
        }
        assert!(wakes <= 4);
    }

    #[test]
    fn w04_a_deadline_in_the_past_expires_at_once() {
        let mut slots = Slots::<64>::new();
        let mut wheel = Wheel::new();
        add(&mut wheel, &mut slots, 3, 5, 1000);
        assert_eq!(wheel.next(), Some(1000));
        assert_eq!(wheel.expire(&mut slots, 1000), Some(SlotId(3)));
        assert_eq!(wheel.next(), None);
        // Removing what is not in does nothing.
        wheel.remove(&mut slots, SlotId(3));
    }
}
