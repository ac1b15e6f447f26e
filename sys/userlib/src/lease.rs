// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Memory lent for the duration of a SEND.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use abi::{LeaseAttributes, ULease};

/// Memory of ours that the receiver of a message may use until it replies.
#[derive(Debug)]
#[cfg_attr(target_os = "none", repr(transparent))]
pub struct Lease<'a> {
    entry: ULease,
    /// Where it is on the host, whose addresses do not fit the entry.
    #[cfg(not(target_os = "none"))]
    pointer: *mut u8,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> Lease<'a> {
    #[inline(always)]
    fn new(attributes: LeaseAttributes, base: *const u8, len: usize) -> Self {
        // Addresses and lengths are 32 bits in every image.
        let entry = ULease {
            attributes,
            base_address: base as usize as u32,
            length: len as u32,
        };
        Self {
            entry,
            #[cfg(not(target_os = "none"))]
            pointer: base.cast_mut(),
            memory: PhantomData,
        }
    }

    /// What the receiver may do, and where the memory is.
    #[cfg(not(target_os = "none"))]
    pub(crate) fn parts(&self) -> (LeaseAttributes, *mut u8, usize) {
        (
            self.entry.attributes,
            self.pointer,
            self.entry.length as usize,
        )
    }

    /// Nobody may do anything with it, except ask for its length.
    #[inline(always)]
    pub fn no_access(memory: &'a [u8]) -> Self {
        Self::new(LeaseAttributes::empty(), memory.as_ptr(), memory.len())
    }

    /// The receiver may read it.
    #[inline(always)]
    pub fn read_only(memory: &'a [u8]) -> Self {
        Self::new(LeaseAttributes::READ, memory.as_ptr(), memory.len())
    }

    /// The receiver may write it.
    #[inline(always)]
    pub fn write_only(memory: &'a mut [u8]) -> Self {
        Self::new(LeaseAttributes::WRITE, memory.as_mut_ptr(), memory.len())
    }

    /// The receiver may write it; what it does not write stays uninitialised.
    #[inline(always)]
    pub fn write_only_uninit(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self::new(
            LeaseAttributes::WRITE,
            memory.as_mut_ptr().cast(),
            memory.len(),
        )
    }

    /// The receiver may read and write it.
    #[inline(always)]
    pub fn read_write(memory: &'a mut [u8]) -> Self {
        Self::new(
            LeaseAttributes::READ | LeaseAttributes::WRITE,
            memory.as_mut_ptr(),
            memory.len(),
        )
    }
}

impl<'a> From<&'a [u8]> for Lease<'a> {
    fn from(memory: &'a [u8]) -> Self {
        Self::read_only(memory)
    }
}

impl<'a> From<&'a mut [u8]> for Lease<'a> {
    fn from(memory: &'a mut [u8]) -> Self {
        Self::read_write(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_length_reach_the_table_entry() {
        let mut memory = [0; 24];
        assert_eq!(
            Lease::no_access(&memory).entry.attributes,
            LeaseAttributes::empty()
        );
        assert_eq!(
            Lease::read_only(&memory).entry.attributes,
            LeaseAttributes::READ
        );
        assert_eq!(
            Lease::write_only(&mut memory).entry.attributes,
            LeaseAttributes::WRITE
        );
        assert_eq!(
            Lease::from(&mut memory[..]).entry.attributes,
            LeaseAttributes::all()
        );
        assert_eq!(
            Lease::from(&memory[..]).entry.attributes,
            LeaseAttributes::READ
        );
        assert_eq!(Lease::from(&memory[..]).entry.length, 24);
    }
}
