// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Memory that a client lends for the time it waits.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

use userlib::{LeaseAttributes, TaskId};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{AttributeRead, AttributeWrite, R, RW, W};

/// Which lease.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Name {
    pub(crate) lender: TaskId,
    pub(crate) index: u16,
}

impl Name {
    #[inline(always)]
    pub(crate) fn new(lender: TaskId, index: usize) -> Self {
        Self {
            lender,
            // A task cannot make a table of more leases than it has memory for; interfaces have a handful.
            index: index as u16,
        }
    }

    /// Copies up to `len` bytes from byte `offset` on. Returns the response code and how many there were.
    ///
    /// # Safety
    ///
    /// As for [`userlib::sys_borrow_read_raw`].
    #[inline(always)]
    pub(crate) unsafe fn borrow_read(
        self,
        offset: usize,
        dest: *mut u8,
        len: usize,
    ) -> (u32, usize) {
        // Safety: the caller vouches for the destination.
        unsafe { userlib::sys_borrow_read_raw(self.lender, self.index.into(), offset, dest, len) }
    }

    /// Copies up to `len` bytes to byte `offset`. Returns the response code and how many there were.
    ///
    /// # Safety
    ///
    /// As for [`userlib::sys_borrow_write_raw`].
    #[inline(always)]
    pub(crate) unsafe fn borrow_write(
        self,
        offset: usize,
        src: *const u8,
        len: usize,
    ) -> (u32, usize) {
        // Safety: the caller vouches for the source.
        unsafe { userlib::sys_borrow_write_raw(self.lender, self.index.into(), offset, src, len) }
    }
}

/// Memory lent by a client: one `T`, or as many as it liked when `T` is a slice `[E]`.
///
/// The generated server checked that the lease exists, that its attributes allow the access `A`, and that its length is right. This is a
/// name of the lease, not the memory: each access is a system call that copies, and the client's memory may change between two of them.
///
/// It may be kept after the operation returned, by a server that answers later, for as long as that client's answer is due. When the
/// client dies meanwhile, accesses fail and do no harm. After the client was answered it must not be used: the client may be waiting for
/// us again with other leases, and one that does not exist is a fault of the server.
///
/// No access that this type offers reaches behind the end of the lease: indices and ranges are checked first. `Err(())` and `None` mean
/// out of range, or that the client went away; see [`len`](Leased::len) to tell them apart beforehand.
pub struct Leased<A, T: ?Sized> {
    name: Name,
    /// Elements of a slice; 1 for a single value.
    len: u32,
    kind: PhantomData<fn(&T) -> A>,
}

// Derives would ask for `A: Copy` and `T: Copy`.
impl<A, T: ?Sized> Copy for Leased<A, T> {}
impl<A, T: ?Sized> Clone for Leased<A, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, T: ?Sized> fmt::Debug for Leased<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leased")
            .field("name", &self.name)
            .field("len", &self.len)
            .finish()
    }
}

impl<A, T: ?Sized> Leased<A, T> {
    /// The client.
    pub fn lender(&self) -> TaskId {
        self.name.lender
    }

    /// Which of the client's leases it is, from 0.
    pub fn lease_index(&self) -> usize {
        self.name.index.into()
    }

    /// Names a lease whose attributes include `needed`, and returns its length in bytes too.
    #[inline(always)]
    fn look(lender: TaskId, index: usize, needed: LeaseAttributes) -> Option<(Self, usize)> {
        let info = userlib::sys_borrow_info(lender, index)?;
        if !info.attributes.contains(needed) {
            return None;
        }
        let lease = Self {
            name: Name::new(lender, index),
            len: 1,
            kind: PhantomData,
        };
        Some((lease, info.len))
    }

    /// Copies `len` bytes from byte `offset` on. All of them must lie inside the lease.
    ///
    /// # Safety
    ///
    /// As for [`userlib::sys_borrow_read_raw`].
    #[inline(always)]
    unsafe fn fetch(&self, offset: usize, dest: *mut u8, len: usize) -> Result<(), ()> {
        // Safety: the caller vouches for the destination.
        let (code, copied) = unsafe { self.name.borrow_read(offset, dest, len) };
        if code == 0 && copied == len {
            Ok(())
        } else {
            Err(())
        }
    }

    /// Copies `len` bytes to byte `offset`. All of them must lie inside the lease.
    ///
    /// # Safety
    ///
    /// As for [`userlib::sys_borrow_write_raw`].
    #[inline(always)]
    unsafe fn store(&self, offset: usize, src: *const u8, len: usize) -> Result<(), ()> {
        // Safety: the caller vouches for the source.
        let (code, copied) = unsafe { self.name.borrow_write(offset, src, len) };
        if code == 0 && copied == len {
            Ok(())
        } else {
            Err(())
        }
    }

    #[inline(always)]
    fn fetch_value<E: FromBytes>(&self, offset: usize) -> Option<E> {
        let mut value = core::mem::MaybeUninit::<E>::uninit();
        // Safety: the destination is our own, and that long.
        unsafe { self.fetch(offset, value.as_mut_ptr().cast(), size_of::<E>()) }.ok()?;
        // Safety: all of it was written; `FromBytes` says that any bytes are a value.
        Some(unsafe { value.assume_init() })
    }

    #[inline(always)]
    fn store_value<E: IntoBytes + Immutable>(&self, offset: usize, value: &E) -> Result<(), ()> {
        let bytes = value.as_bytes();
        // Safety: a slice of ours.
        unsafe { self.store(offset, bytes.as_ptr(), bytes.len()) }
    }
}

/// Constructors, for generated code: `None` when the lease is not what the interface says.
impl<A, T> Leased<A, T> {
    #[inline(always)]
    fn one(lender: TaskId, index: usize, needed: LeaseAttributes) -> Option<Self> {
        let (lease, len) = Self::look(lender, index, needed)?;
        (len == size_of::<T>()).then_some(lease)
    }
}

macro_rules! constructors {
    ($access:ident, $attributes:expr, $one:ident, $slice:ident, $text:literal) => {
        impl<T> Leased<$access, T> {
            #[doc = concat!("Lease `index` of `lender`, if it can be ", $text, " and has the size of a `T`.")]
            #[inline(always)]
            pub fn $one(lender: TaskId, index: usize) -> Option<Self> {
                Self::one(lender, index, $attributes)
            }
        }

        impl<T> Leased<$access, [T]> {
            #[doc = concat!("Lease `index` of `lender`, if it can be ", $text, ", consists of whole elements, and has at most `max_len` of them.")]
            #[inline(always)]
            pub fn $slice(lender: TaskId, index: usize, max_len: Option<u32>) -> Option<Self> {
                Self::many(lender, index, $attributes, max_len)
            }
        }
    };
}

constructors!(R, LeaseAttributes::READ, read_only, read_only_slice, "read");
constructors!(
    W,
    LeaseAttributes::WRITE,
    write_only,
    write_only_slice,
    "written"
);
constructors!(
    RW,
    LeaseAttributes::READ | LeaseAttributes::WRITE,
    read_write,
    read_write_slice,
    "read and written"
);

/// A single value.
impl<A: AttributeRead, T: FromBytes> Leased<A, T> {
    /// Copies the value out of the client's memory; `None` when the client went away.
    #[inline]
    pub fn read(&self) -> Option<T> {
        self.fetch_value(0)
    }
}

/// A single value.
impl<A: AttributeWrite, T: IntoBytes + Immutable> Leased<A, T> {
    /// Copies a value into the client's memory; an error when the client went away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write(&self, value: T) -> Result<(), ()> {
        self.store_value(0, &value)
    }
}

/// A single array, element by element.
impl<A: AttributeRead, E: FromBytes, const N: usize> Leased<A, [E; N]> {
    /// Copies element `index` out of the client's memory; `None` when there is none, or the client went away.
    #[inline]
    pub fn read_at(&self, index: usize) -> Option<E> {
        if index >= N {
            return None;
        }
        self.fetch_value(index * size_of::<E>())
    }
}

/// A single array, element by element.
impl<A: AttributeWrite, E: IntoBytes + Immutable, const N: usize> Leased<A, [E; N]> {
    /// Copies `value` to element `index` of the client's memory; an error when there is none, or the client went away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write_at(&self, index: usize, value: E) -> Result<(), ()> {
        if index >= N {
            return Err(());
        }
        self.store_value(index * size_of::<E>(), &value)
    }
}

/// A slice.
impl<A, E> Leased<A, [E]> {
    #[inline(always)]
    fn many(
        lender: TaskId,
        index: usize,
        needed: LeaseAttributes,
        max_len: Option<u32>,
    ) -> Option<Self> {
        const { assert!(size_of::<E>() > 0, "a lease of elements without a size") };
        let (mut lease, bytes) = Self::look(lender, index, needed)?;
        if bytes % size_of::<E>() != 0 {
            return None;
        }
        lease.len = (bytes / size_of::<E>()) as u32;
        match max_len {
            Some(limit) if lease.len > limit => None,
            _ => Some(lease),
        }
    }

    /// How many elements the client lends.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the client lends nothing.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The byte offset and length of a range of elements that lies inside the lease, and has room in `room` elements of ours.
    #[inline(always)]
    fn bytes_of(&self, range: &Range<usize>, room: usize) -> Result<(usize, usize), ()> {
        let count = range.end.checked_sub(range.start).ok_or(())?;
        if range.end > self.len() || count > room {
            return Err(());
        }
        // No overflow: both are at most the lease's length in bytes.
        Ok((range.start * size_of::<E>(), count * size_of::<E>()))
    }
}

/// A slice.
impl<A: AttributeRead, E: FromBytes> Leased<A, [E]> {
    /// Copies element `index` out of the client's memory; `None` when there is none, or the client went away.
    #[inline]
    pub fn read_at(&self, index: usize) -> Option<E> {
        if index >= self.len() {
            return None;
        }
        self.fetch_value(index * size_of::<E>())
    }

    /// Copies a range of elements to the front of `dest`; an error when the range reaches behind the lease's or `dest`'s end, or the
    /// client went away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn read_range(&self, range: Range<usize>, dest: &mut [E]) -> Result<(), ()> {
        let (offset, len) = self.bytes_of(&range, dest.len())?;
        // Safety: `dest` has room for `len` bytes, and any bytes are elements.
        unsafe { self.fetch(offset, dest.as_mut_ptr().cast(), len) }
    }
}

/// A slice.
impl<A: AttributeWrite, E: IntoBytes + Immutable> Leased<A, [E]> {
    /// Copies `value` to element `index` of the client's memory; an error when there is none, or the client went away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write_at(&self, index: usize, value: E) -> Result<(), ()> {
        if index >= self.len() {
            return Err(());
        }
        self.store_value(index * size_of::<E>(), &value)
    }

    /// Copies the front of `src` to a range of elements; an error when the range reaches behind the lease's or `src`'s end, or the client
    /// went away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write_range(&self, range: Range<usize>, src: &[E]) -> Result<(), ()> {
        let (offset, len) = self.bytes_of(&range, src.len())?;
        // Safety: `src` has that many bytes.
        unsafe { self.store(offset, src.as_ptr().cast(), len) }
    }
}

/// Bytes that go straight between the client's memory and memory that is no ordinary slice, such as a DMA region of ours.
impl<A: AttributeRead> Leased<A, [u8]> {
    /// Copies `len` bytes from byte `offset` of the client's memory to `dest`; an error when they do not all lie inside the lease, or the
    /// client went away.
    ///
    /// # Safety
    ///
    /// `dest` must be valid for writes of `len` bytes, and no reference may exist that promises that those bytes do not change. They
    /// may lie in the task's DMA region.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub unsafe fn read_range_raw(
        &self,
        offset: usize,
        dest: *mut u8,
        len: usize,
    ) -> Result<(), ()> {
        let end = offset.checked_add(len).ok_or(())?;
        self.bytes_of(&(offset..end), len)?;
        // Safety: the caller vouches for the destination.
        unsafe { self.fetch(offset, dest, len) }
    }
}

/// Bytes that go straight between the client's memory and memory that is no ordinary slice, such as a DMA region of ours.
impl<A: AttributeWrite> Leased<A, [u8]> {
    /// Copies `len` bytes from `src` to byte `offset` of the client's memory; an error when they do not all lie inside the lease, or the
    /// client went away.
    ///
    /// # Safety
    ///
    /// `src` must be valid for reads of `len` bytes, which nobody writes except a device that has finished with them. They may lie in the
    /// task's DMA region.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub unsafe fn write_range_raw(
        &self,
        offset: usize,
        src: *const u8,
        len: usize,
    ) -> Result<(), ()> {
        let end = offset.checked_add(len).ok_or(())?;
        self.bytes_of(&(offset..end), len)?;
        // Safety: the caller vouches for the source.
        unsafe { self.store(offset, src, len) }
    }

    /// Copies as much of the front of `src` as fits to the front of the client's memory, and says how much; an error when the client went
    /// away.
    #[inline]
    #[allow(clippy::result_unit_err)]
    pub fn write_front(&self, src: &[u8]) -> Result<usize, ()> {
        let len = src.len().min(self.len());
        self.write_range(0..len, src)?;
        Ok(len)
    }
}
