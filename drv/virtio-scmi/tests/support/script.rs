// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Scripts: the bytes that decide what happens in a drama, and where they come from.

/// The bytes that decide; zeros when they have run out.
pub struct Script<'a> {
    bytes: &'a [u8],
}

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// All bytes have decided something.
    pub fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// True in one of so many cases.
    pub fn one_in(&mut self, cases: u8) -> bool {
        self.byte().is_multiple_of(cases)
    }

    /// Often something near an edge.
    pub fn length(&mut self) -> u32 {
        match self.byte() % 8 {
            0 => u32::from(self.byte() % 16),
            1 => 128 + u32::from(self.byte() % 16),
            2 => u32::MAX,
            3 => self.word(),
            _ => 8 + u32::from(self.byte() % 130),
        }
    }
}

/// The fuzzer's seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap();
    let seeds: Vec<Vec<u8>> = entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() >= 8, "the seeds are gone");
    seeds
}
