// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Names of tasks.

use hubpack::SerializedSize;
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Names one life of one task: its index in the image and the generation that it had when the name was made.
///
/// Index in the low ten bits, generation in the top six. A name of an earlier life is *stale*: the kernel answers
/// operations on it with a dead code ([`dead_response_code`](crate::dead_response_code)).
#[derive(
    Copy,
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    SerializedSize,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
#[repr(transparent)]
pub struct TaskId(pub u16);

impl TaskId {
    /// The kernel: the target of kernel IPC and the sender of notifications.
    pub const KERNEL: Self = Self(0xFFFF);

    /// What a task slot holds until the build binds it; an index that no task has.
    pub const UNBOUND: Self = Self(Self::INDEX_MASK - 1);

    /// How many low bits hold the index.
    pub const INDEX_BITS: u32 = 10;

    /// The bits that hold the index.
    pub const INDEX_MASK: u16 = (1 << Self::INDEX_BITS) - 1;

    /// Names the life `generation` of the task at `index`; only the low ten bits of the index count.
    #[inline(always)]
    pub const fn for_index_and_gen(index: usize, generation: Generation) -> Self {
        Self((index as u16 & Self::INDEX_MASK) | (generation.0 as u16) << Self::INDEX_BITS)
    }

    /// Names the first life of the task at `index`.
    #[inline(always)]
    pub const fn for_index(index: usize) -> Self {
        Self::for_index_and_gen(index, Generation::ZERO)
    }

    /// The task's index in the image.
    #[inline(always)]
    pub const fn index(self) -> usize {
        (self.0 & Self::INDEX_MASK) as usize
    }

    /// The generation that the name was made for.
    #[inline(always)]
    pub const fn generation(self) -> Generation {
        Generation((self.0 >> Self::INDEX_BITS) as u8)
    }

    /// The same task's next life: what to name after a dead code, when the new generation itself was not looked at.
    #[inline(always)]
    pub const fn next_generation(self) -> Self {
        Self::for_index_and_gen(self.index(), self.generation().next())
    }
}

/// Counts a task's lives, modulo 64.
#[derive(
    Copy, Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, SerializedSize,
)]
#[repr(transparent)]
pub struct Generation(u8);

impl Generation {
    /// A task's first life.
    pub const ZERO: Self = Self(0);

    /// How many generations there are before they repeat.
    pub const COUNT: u32 = 64;

    /// Takes the low six bits of `value`, which may be a restart counter.
    #[inline(always)]
    pub const fn new(value: u32) -> Self {
        Self((value % Self::COUNT) as u8)
    }

    /// The generation after this one; the first again after the last.
    #[inline(always)]
    pub const fn next(self) -> Self {
        Self::new(self.0 as u32 + 1)
    }

    /// The number, 0 to 63.
    #[inline(always)]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl From<u8> for Generation {
    fn from(value: u8) -> Self {
        Self::new(value.into())
    }
}

impl From<Generation> for u8 {
    fn from(generation: Generation) -> Self {
        generation.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_ten_bits_and_generation_six() {
        let id = TaskId::for_index_and_gen(0x3FD, Generation::new(0x2A));
        assert_eq!(id.0, 0x2A << 10 | 0x3FD);
        assert_eq!((id.index(), id.generation().get()), (0x3FD, 0x2A));
        assert_eq!(TaskId::KERNEL.0, 0xFFFF);
        assert_eq!(TaskId::UNBOUND.0, 0x03FE);
        assert_eq!(TaskId::for_index(7).0, 7);
    }

    #[test]
    fn generation_wraps_without_touching_the_index() {
        let last = TaskId::for_index_and_gen(5, Generation::new(63));
        assert_eq!(
            last.next_generation(),
            TaskId::for_index_and_gen(5, Generation::ZERO)
        );
        assert_eq!(Generation::new(64 * 7 + 3).get(), 3);
        assert_eq!(u8::from(Generation::from(65)), 1);
    }
}
