// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Leases that nobody looked at yet.

use core::fmt;
use core::marker::PhantomData;

use userlib::TaskId;

use crate::leased::Name;
use crate::{AttributeRead, AttributeWrite, Leased};

/// A lease of which nothing is known but that it is there: what a server with lazy leases gets.
///
/// To look at a lease costs a system call. A server that copies from the front, as much as there is and as fits, has no need to: the
/// kernel checks access when it copies, says how much that was, and a copy from offset 0 cannot reach behind the end. `max_len` is not
/// checked either: a client that lends more than the interface allows, which a generated one never does, gets at most what is asked for.
///
/// An error means that the client went away, or that the lease does not allow the access. Answer it with
/// [`ClientError::BadLease`](crate::ClientError::BadLease), or later with [`fault`](crate::fault): that does nothing to a client that is gone, and
/// one that is not must not be left waiting.
///
/// When and for how long it may be kept: see [`Leased`].
pub struct LazyLeased<A, T: ?Sized> {
    name: Name,
    kind: PhantomData<fn(&T) -> A>,
}

impl<A, T: ?Sized> Copy for LazyLeased<A, T> {}
impl<A, T: ?Sized> Clone for LazyLeased<A, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, T: ?Sized> fmt::Debug for LazyLeased<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyLeased").field(&self.name).finish()
    }
}

impl<A, T: ?Sized> LazyLeased<A, T> {
    /// Names a lease, for generated code. The lender must have a lease with that index: the kernel faults a borrower that uses another.
    #[inline(always)]
    pub fn new(lender: TaskId, index: usize) -> Self {
        Self {
            name: Name::new(lender, index),
            kind: PhantomData,
        }
    }

    /// The client.
    pub fn lender(&self) -> TaskId {
        self.name.lender
    }

    /// Which of the client's leases it is, from 0.
    pub fn lease_index(&self) -> usize {
        self.name.index.into()
    }
}

macro_rules! look {
    ($access:ident, $one:ident, $slice:ident) => {
        impl<T> LazyLeased<crate::$access, T> {
            /// Looks at the lease; `None` when it is not what the interface says, or the client went away.
            pub fn look(self) -> Option<Leased<crate::$access, T>> {
                Leased::$one(self.lender(), self.lease_index())
            }
        }

        impl<T> LazyLeased<crate::$access, [T]> {
            /// Looks at the lease; `None` when it is not what the interface says, or the client went away. `max_len` is in elements.
            pub fn look(self, max_len: Option<u32>) -> Option<Leased<crate::$access, [T]>> {
                Leased::$slice(self.lender(), self.lease_index(), max_len)
            }
        }
    };
}

look!(R, read_only, read_only_slice);
look!(W, write_only, write_only_slice);
look!(RW, read_write, read_write_slice);

impl<A: AttributeRead> LazyLeased<A, [u8]> {
    /// Copies from the front of the lease to the front of `dest`, as much as there is and as fits. Returns the number of bytes.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn read_front(&self, dest: &mut [u8]) -> Result<usize, ()> {
        // Safety: a slice of ours.
        unsafe { self.read_front_raw(dest.as_mut_ptr(), dest.len()) }
    }

    /// Like [`read_front`](Self::read_front), to `room` bytes of memory that is no ordinary slice.
    ///
    /// # Safety
    ///
    /// As for [`Leased::read_range_raw`].
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub unsafe fn read_front_raw(&self, dest: *mut u8, room: usize) -> Result<usize, ()> {
        // Safety: the caller vouches for the destination.
        let (code, copied) = unsafe { self.name.borrow_read(0, dest, room) };
        if code == 0 { Ok(copied) } else { Err(()) }
    }
}

impl<A: AttributeWrite> LazyLeased<A, [u8]> {
    /// Copies from the front of `src` to the front of the lease, as much as fits. Returns the number of bytes.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write_front(&self, src: &[u8]) -> Result<usize, ()> {
        // Safety: a slice of ours.
        unsafe { self.write_front_raw(src.as_ptr(), src.len()) }
    }

    /// Like [`write_front`](Self::write_front), from `len` bytes of memory that is no ordinary slice.
    ///
    /// # Safety
    ///
    /// As for [`Leased::write_range_raw`].
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub unsafe fn write_front_raw(&self, src: *const u8, len: usize) -> Result<usize, ()> {
        // Safety: the caller vouches for the source.
        unsafe { self.write_at_raw(0, src, len) }
    }

    /// Like [`write_front_raw`](Self::write_front_raw), to byte `offset` of the lease.
    ///
    /// That must not lie behind its end, which the caller knows from having [looked](Self::look): the kernel faults a borrower that is
    /// wrong about that.
    ///
    /// # Safety
    ///
    /// As for [`Leased::write_range_raw`].
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub unsafe fn write_at_raw(
        &self,
        offset: usize,
        src: *const u8,
        len: usize,
    ) -> Result<usize, ()> {
        // Safety: the caller vouches for the source.
        let (code, copied) = unsafe { self.name.borrow_write(offset, src, len) };
        if code == 0 { Ok(copied) } else { Err(()) }
    }
}
