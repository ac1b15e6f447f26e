// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A set of slots, of which one can be taken out in O(1).

use super::handle::SlotId;

/// Up to 1024 slots: a bit each, and a bit for each word that is not zero.
pub(crate) struct SlotSet {
    words: [u32; 32],
    summary: u32,
}

impl SlotSet {
    pub(crate) const fn new() -> Self {
        Self {
            words: [0; 32],
            summary: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.summary == 0
    }

    pub(crate) fn insert(&mut self, id: SlotId) {
        let word = id.index() / 32 % 32;
        self.words[usize::from(word)] |= 1 << (id.index() % 32);
        self.summary |= 1 << word;
    }

    pub(crate) fn remove(&mut self, id: SlotId) {
        let word = id.index() / 32 % 32;
        let bits = &mut self.words[usize::from(word)];
        *bits &= !(1 << (id.index() % 32));
        if *bits == 0 {
            self.summary &= !(1 << word);
        }
    }

    pub(crate) fn contains(&self, id: SlotId) -> bool {
        let word = id.index() / 32 % 32;
        self.words[usize::from(word)] & 1 << (id.index() % 32) != 0
    }

    /// Takes out the lowest.
    pub(crate) fn pop(&mut self) -> Option<SlotId> {
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.trailing_zeros() % 32;
        let bit = self.words[word as usize].trailing_zeros() % 32;
        let id = SlotId((word * 32 + bit) as u16);
        self.remove(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_was_put_in() {
        let mut set = SlotSet::new();
        for index in [1023, 0, 31, 32, 500] {
            set.insert(SlotId(index));
        }
        set.remove(SlotId(32));
        let all: Vec<u16> = core::iter::from_fn(|| set.pop())
            .map(SlotId::index)
            .collect();
        assert_eq!(all, [0, 31, 500, 1023]);
    }
}
