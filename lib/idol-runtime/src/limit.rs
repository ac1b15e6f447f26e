// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Leases with an upper limit that the type knows.

use core::ops::Deref;

use crate::Leased;

/// A lease of at most `N` elements: what `max_len` in an interface makes of a slice lease.
#[derive(Copy, Clone, Debug)]
pub struct LenLimit<T, const N: usize>(T);

/// The lease is longer than the limit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LimitTooSmall;

impl<A, E, const N: usize> TryFrom<Leased<A, [E]>> for LenLimit<Leased<A, [E]>, N> {
    type Error = LimitTooSmall;

    #[inline(always)]
    fn try_from(lease: Leased<A, [E]>) -> Result<Self, LimitTooSmall> {
        if lease.len() <= N {
            Ok(Self(lease))
        } else {
            Err(LimitTooSmall)
        }
    }
}

impl<T, const N: usize> LenLimit<T, N> {
    /// The lease without its limit.
    #[inline(always)]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<A, E, const N: usize> LenLimit<Leased<A, [E]>, N> {
    /// The number of elements. Compiles only when the limit fits.
    #[inline(always)]
    pub fn len_as_u8(&self) -> u8 {
        const { assert!(N <= u8::MAX as usize, "the limit does not fit a u8") };
        self.0.len() as u8
    }

    /// The number of elements. Compiles only when the limit fits.
    #[inline(always)]
    pub fn len_as_u16(&self) -> u16 {
        const { assert!(N <= u16::MAX as usize, "the limit does not fit a u16") };
        self.0.len() as u16
    }
}

impl<T, const N: usize> Deref for LenLimit<T, N> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
