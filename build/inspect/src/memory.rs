// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was read of a machine at one moment, and who reads it.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

/// A range of addresses: the first one, and how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
}

/// Bytes with their address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First address.
    pub base: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// r0 to r15 and the program status, as the processor has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// r0 to r12, the stack pointer, the link register, the program counter.
    pub r: [u32; 16],
    /// Program status: flags, instruction set state, mode.
    pub psr: u32,
}

impl Registers {
    /// Program status: the bits of the mode.
    const MODE: u32 = 0x1f;
    /// Program status: user mode.
    const USER: u32 = 0x10;
    /// Program status: Thumb state.
    const THUMB: u32 = 1 << 5;

    /// Whether a task executed, and not the kernel.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.psr & Self::MODE == Self::USER
    }

    /// Whether the instructions were T32.
    #[must_use]
    pub fn is_thumb(&self) -> bool {
        self.psr & Self::THUMB != 0
    }
}

/// All that was read of a machine at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The memory, by address.
    pub pieces: Vec<Piece>,
    /// The processor's registers; `None` if they are not known.
    pub registers: Option<Registers>,
    /// For how long the machine stood still, if it ran.
    pub stopped: Option<Duration>,
    /// What is wrong with the snapshot as a whole: a dump that was cut off, say.
    pub remarks: Vec<String>,
}

/// Memory that nobody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first address that is missing.
    pub address: u32,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<no memory at {:#010x}>", self.address)
    }
}

impl std::error::Error for Missing {}

impl Snapshot {
    /// The bytes at an address, all of them or none.
    pub fn bytes(&self, address: u32, size: usize) -> Result<&[u8], Missing> {
        let found = self.pieces.iter().find_map(|piece| {
            let start = address.checked_sub(piece.base)? as usize;
            piece.bytes.get(start..start.checked_add(size)?)
        });
        found.ok_or(Missing { address })
    }
}

/// Something that a snapshot can be taken of: a running machine, a dump, a fake of a test.
pub trait Source {
    /// Reads the registers and the memory in `wanted`. What cannot be read is left out.
    ///
    /// # Errors
    ///
    /// Nothing can be read; the message says why, and what to do.
    fn take(&mut self, wanted: &[Range]) -> Result<Snapshot>;
}

/// A machine made of bytes, for tests.
#[derive(Clone, Debug, Default)]
pub struct Fake(pub Snapshot);

impl Source for Fake {
    fn take(&mut self, wanted: &[Range]) -> Result<Snapshot> {
        let mut snapshot = self.0.clone();
        snapshot.pieces.clear();
        for range in wanted {
            if let Ok(bytes) = self.0.bytes(range.base, range.size as usize) {
                snapshot.pieces.push(Piece {
                    base: range.base,
                    bytes: bytes.to_vec(),
                });
            }
        }
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_whole_or_missed() {
        let snapshot = Snapshot {
            pieces: vec![Piece {
                base: 0x1000,
                bytes: vec![1, 2, 3, 4],
            }],
            ..Snapshot::default()
        };
        assert_eq!(snapshot.bytes(0x1001, 3), Ok(&[2, 3, 4][..]));
        assert_eq!(snapshot.bytes(0x1001, 4), Err(Missing { address: 0x1001 }));
        assert_eq!(snapshot.bytes(0xfff, 1), Err(Missing { address: 0xfff }));
        assert_eq!(
            Missing { address: 0xfff }.to_string(),
            "<no memory at 0x00000fff>"
        );
    }

    #[test]
    fn a_fake_leaves_out_what_it_has_not() {
        let piece = Piece {
            base: 0x1000,
            bytes: vec![7; 16],
        };
        let mut fake = Fake(Snapshot {
            pieces: vec![piece],
            ..Snapshot::default()
        });
        let wanted = [(0x1004, 4), (0x2000, 4)].map(|(base, size)| Range { base, size });
        let taken = fake.take(&wanted).unwrap();
        assert_eq!(taken.pieces.len(), 1);
        assert_eq!(taken.bytes(0x1004, 4), Ok(&[7; 4][..]));
    }

    #[test]
    fn the_mode_tells_tasks_from_the_kernel() {
        let of = |psr| Registers {
            psr,
            ..Registers::default()
        };
        assert!(of(0x6000_0170).is_user() && of(0x6000_0170).is_thumb());
        assert!(!of(0x1d3).is_user() && !of(0x1d3).is_thumb());
    }
}
