// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Memory lent for the duration of a SEND.

use std::marker::PhantomData;

use abi::LeaseAttributes;

/// As in the real `userlib`; the fields are for [`kernel`](crate::kernel).
#[derive(Copy, Clone, Debug)]
pub struct Lease<'a> {
    pub(crate) attributes: LeaseAttributes,
    pub(crate) base: *mut u8,
    pub(crate) len: usize,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Lease<'a> {
    fn new(attributes: LeaseAttributes, base: *mut u8, len: usize) -> Self {
        Self {
            attributes,
            base,
            len,
            memory: PhantomData,
        }
    }

    /// As in the real `userlib`.
    pub fn no_access(memory: &'a [u8]) -> Self {
        let base = memory.as_ptr().cast_mut();
        Self::new(LeaseAttributes::empty(), base, memory.len())
    }

    /// As in the real `userlib`.
    pub fn read_only(memory: &'a [u8]) -> Self {
        let base = memory.as_ptr().cast_mut();
        Self::new(LeaseAttributes::READ, base, memory.len())
    }

    /// As in the real `userlib`.
    pub fn write_only(memory: &'a mut [u8]) -> Self {
        Self::new(LeaseAttributes::WRITE, memory.as_mut_ptr(), memory.len())
    }

    /// As in the real `userlib`.
    pub fn read_write(memory: &'a mut [u8]) -> Self {
        Self::new(LeaseAttributes::all(), memory.as_mut_ptr(), memory.len())
    }
}
