// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The memory that a fuzzer gives away, and what has become of it.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use test_suite_common::fuzz::{self, Count, SECRET, Wrong};
use test_suite_common::raw;
use userlib::*;

/// Bytes of the arena.
pub const ARENA: u32 = 256;
const WORDS: usize = ARENA as usize / 4;

#[repr(C, align(8))]
struct Words(UnsafeCell<[u32; WORDS]>);

// Safety: a task has one thread, and the kernel is reached through raw pointers only.
unsafe impl Sync for Words {}

/// What is given away.
static MEMORY: Words = Words(UnsafeCell::new([0x5a5a_5a5a; WORDS]));
/// What it was before the call.
static BEFORE: Words = Words(UnsafeCell::new([0; WORDS]));
/// The lease table, on its own: no call changes it.
static TABLE: Words = Words(UnsafeCell::new([0; WORDS]));
/// See [`Count`].
static COUNTS: [AtomicU32; fuzz::COUNTS] = [const { AtomicU32::new(0) }; fuzz::COUNTS];

/// A range that a call names.
#[derive(Copy, Clone, Debug, Default)]
pub struct Slice {
    pub base: u32,
    pub length: u32,
    /// The task may not do with it what the call does, so the call must not succeed.
    pub forbidden: bool,
}

impl Slice {
    /// The first `length` bytes.
    pub fn limit(self, length: u32) -> Self {
        Self {
            length: self.length.min(length),
            ..self
        }
    }

    fn contains(self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.length
    }
}

/// The first address of the arena.
pub fn arena() -> u32 {
    MEMORY.0.get() as u32
}

/// The address of the counters.
pub fn counters() -> u32 {
    COUNTS.as_ptr() as u32
}

/// Counts.
pub fn count(what: Count) {
    let counter = &COUNTS[what as usize];
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// How many calls this life has made.
pub fn calls() -> u32 {
    COUNTS[Count::Calls as usize].load(Relaxed)
}

/// Sets entry `index` of the lease table, and returns the address of the table.
pub fn lend(index: u32, attributes: u32, slice: Slice) -> u32 {
    let table = TABLE.0.get().cast::<u32>();
    for (word, value) in [attributes, slice.base, slice.length]
        .into_iter()
        .enumerate()
    {
        // Safety: an entry of the table, which holds 21; the caller writes at most 4.
        unsafe { table.add(index as usize * 3 + word).write_volatile(value) };
    }
    table as u32
}

/// Changes a word of the arena, so that not all of it is alike.
pub fn stir(at: u32, value: u32) {
    let word = (at as usize) % WORDS;
    // Safety: a word of the arena.
    unsafe { MEMORY.0.get().cast::<u32>().add(word).write_volatile(value) };
}

/// Makes a system call, and remembers what the arena was before it.
pub fn call(number: u32, arguments: [u32; 7]) -> [u32; 8] {
    // Safety: nobody has a reference to either.
    unsafe {
        core::ptr::copy_nonoverlapping(
            MEMORY.0.get().cast::<u32>(),
            BEFORE.0.get().cast::<u32>(),
            WORDS,
        );
    }
    count(Count::Calls);
    let mut registers = raw::registers(number, arguments);
    // Safety: what the kernel may do with the arena is checked afterwards; nothing else is given
    // away but by the kernel's mistake.
    unsafe { raw::system_call(&mut registers) };
    registers
}

/// Holds the arena against what it was before the call: only bytes of `allowed` may have changed,
/// and none of the words that are in `allowed` may be a secret.
pub fn hold(allowed: &[Slice]) {
    let (now, before) = (MEMORY.0.get().cast::<u32>(), BEFORE.0.get().cast::<u32>());
    for word in 0..WORDS {
        // Safety: words of the arena and of its copy.
        let (now, before) = unsafe { (now.add(word).read_volatile(), before.add(word).read()) };
        if now == before {
            continue;
        }
        if now == SECRET {
            wrong(Wrong::Leak);
        }
        let (now, before) = (now.to_le_bytes(), before.to_le_bytes());
        for byte in 0..4 {
            let address = arena() + word as u32 * 4 + byte as u32;
            let may = allowed.iter().any(|slice| slice.contains(address));
            if now[byte] != before[byte] && !may {
                wrong(Wrong::Elsewhere);
            }
        }
    }
    // A secret may have come to any alignment.
    for slice in allowed {
        let (first, end) = (slice.base - arena(), slice.base - arena() + slice.length);
        let byte = |at: u32| {
            // Safety: a byte of the arena: what is allowed lies in there.
            unsafe { MEMORY.0.get().cast::<u8>().add(at as usize).read_volatile() }
        };
        for at in first..end.saturating_sub(3) {
            if byte(at) == SECRET as u8
                && [byte(at), byte(at + 1), byte(at + 2), byte(at + 3)] == SECRET.to_le_bytes()
            {
                wrong(Wrong::Leak);
            }
        }
    }
}

/// Tells the supervisor what the kernel did, which is the end.
pub fn wrong(what: Wrong) -> ! {
    tell(fuzz::WRONG, what as u32, &mut []);
    panic!("the supervisor was told of it")
}

/// Sends a word to the supervisor, with the token.
pub fn tell(operation: u16, word: u32, answer: &mut [u8]) {
    let mut message = [0; 16];
    let words = fuzz::TOKEN.into_iter().chain([word]);
    for (bytes, word) in message.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    sys_send(TaskId::for_index(0), operation, &message, answer, &[]);
}
