// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The serde encodings. Hubpack and ssmarshal have the same bytes, so one of them does for both.

use core::marker::PhantomData;

use hubpack::SerializedSize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zerocopy::FromBytes;

/// Encodes a value into a buffer that its type says is large enough. Panics when it is not, naming the operation.
#[inline]
pub fn encode<'b, T: Serialize>(buffer: &'b mut [u8], value: &T, operation: &str) -> &'b [u8] {
    match hubpack::serialize(buffer, value) {
        Ok(len) if len <= buffer.len() => &buffer[..len],
        _ => does_not_fit(operation),
    }
}

/// Decodes a value that takes all of `bytes`.
#[inline]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match hubpack::deserialize(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The value whose bytes are the first of `bytes`, of which there are enough, because the caller looked.
///
/// Not an `Option`: taking the value apart again is what costs most in decoding a short message.
#[inline(always)]
pub fn read_prefix<T: FromBytes>(bytes: &[u8]) -> T {
    assert!(bytes.len() >= size_of::<T>());
    // Safety: that many bytes are there; `FromBytes` says that any bytes are a value.
    unsafe { core::ptr::read_unaligned(bytes.as_ptr().cast()) }
}

#[cold]
#[inline(never)]
fn does_not_fit(operation: &str) -> ! {
    panic!("a value of {operation} encodes longer than its type promised")
}

/// The larger of two sizes.
pub const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Carries a type to [`serialized_size!`](crate::serialized_size!).
#[doc(hidden)]
pub struct SizeOf<T>(PhantomData<T>);

impl<T: SerializedSize> SizeOf<T> {
    /// Found first: the size that the type promises.
    pub const MAX_SIZE: usize = T::MAX_SIZE;
}

/// Found when the type promises nothing.
#[doc(hidden)]
pub trait SizeInMemory {
    /// A guess from the size in memory.
    const MAX_SIZE: usize;
}

impl<T> SizeInMemory for SizeOf<T> {
    const MAX_SIZE: usize = 2 * size_of::<T>() + 8;
}

/// The most bytes that a value of a type takes when encoded: the size that `hubpack::SerializedSize` promises, or, for a type that does not
/// implement that, a guess.
///
/// The encoding has a byte for the tag of each enum. Memory may have none, because the compiler folded the tag into the niche of a field
/// or because the enum has one variant. The guess allows as many folded tags as there are bytes in memory, and 8 more.
#[doc(hidden)]
#[macro_export]
macro_rules! serialized_size {
    ($t:ty) => {{
        #[allow(unused_imports)]
        use $crate::ipc::SizeInMemory as _;
        $crate::ipc::SizeOf::<$t>::MAX_SIZE
    }};
}
