// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Instructions of either instruction set, as far as the barrier check needs them. A task's own code is T32, the library's A32.

use crate::{a32, t32};

/// Does it read memory, or write it?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Load,
    Store,
}

/// Where control goes after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow {
    /// To the next instruction.
    pub next: bool,
    /// To this address.
    pub target: Option<u32>,
    /// Somewhere that the instruction does not say.
    pub unknown: bool,
}

impl Flow {
    /// To the next instruction, and nowhere else.
    pub const ON: Self = Self {
        next: true,
        target: None,
        unknown: false,
    };
}

/// What bytes are, from a mapping symbol on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `$a`
    A32,
    /// `$t`
    T32,
    /// `$d`
    Data,
}

/// An instruction.
pub struct Instruction {
    pub address: u32,
    /// Whether it orders all accesses before it with all after it.
    pub barrier: bool,
    pub access: Option<Access>,
    pub flow: Flow,
}

/// The instructions in `bytes`, which begin at `address`; `kind` tells what is at an address. Bytes that are no instruction are left
/// out, so nothing leads past them.
pub fn instructions(address: u32, bytes: &[u8], kind: impl Fn(u32) -> Kind) -> Vec<Instruction> {
    let half = |at: usize| {
        let half = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        half.map(|half| u32::from(u16::from_le_bytes(*half)))
    };
    let mut found = Vec::new();
    let mut at = 0;
    // How many of the next instructions are conditional because of an `it`.
    let mut conditional = 0;
    while let Some(first) = half(at) {
        let here = address + at as u32;
        let second = half(at + 2);
        let (barrier, access, mut flow) = match (kind(here), second) {
            (Kind::A32, Some(second)) => {
                let word = second << 16 | first;
                at += 4;
                (
                    a32::is_barrier(word),
                    a32::access(word),
                    a32::flow(word, here),
                )
            }
            (Kind::T32, Some(second)) if t32::is_wide(first) => {
                at += 4;
                let word = first << 16 | second;
                (
                    t32::is_barrier(word),
                    t32::wide_access(word),
                    t32::wide_flow(word, here),
                )
            }
            (Kind::T32, _) => {
                at += 2;
                (false, t32::access(first), t32::flow(first, here))
            }
            (Kind::A32 | Kind::Data, _) => {
                at += 2;
                continue;
            }
        };
        if conditional > 0 {
            conditional -= 1;
            flow.next = true;
        }
        if kind(here) == Kind::T32 {
            conditional = t32::block(first).unwrap_or(conditional);
        }
        found.push(Instruction {
            address: here,
            barrier,
            access,
            flow,
        });
    }
    found
}

#[test]
fn data_is_no_instruction_and_it_lets_what_follows_go_on() {
    // tbb [pc, r0], its table, it eq, bxeq lr, dmb ish, bx lr
    let halves: [u16; 9] = [
        0xe8df, 0xf000, 0x4770, 0x4770, 0xbf08, 0x4770, 0xf3bf, 0x8f5b, 0x4770,
    ];
    let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let kind = |address| match address {
        0x1004..0x1008 => Kind::Data,
        _ => Kind::T32,
    };
    let found = instructions(0x1000, &bytes, kind);
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.address, one.barrier, one.flow.next, one.flow.unknown))
        .collect();
    assert_eq!(
        found,
        [
            (0x1000, false, false, true),
            (0x1008, false, true, false),
            (0x100a, false, true, false),
            (0x100c, true, true, false),
            (0x1010, false, false, false),
        ]
    );
}
