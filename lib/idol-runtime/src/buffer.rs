// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reading and writing leases byte by byte, with few system calls.

use crate::{AttributeRead, AttributeWrite, Leased, LenLimit};

/// A source of bytes, in order: a lease or a slice.
pub trait BufReader {
    /// How many bytes are left.
    fn remaining_size(&self) -> usize;

    /// The next byte; `None` at the end, or when the client went away.
    fn read(&mut self) -> Option<u8>;

    /// Fills `dest`; an error, with `dest` partly filled, when there are not enough bytes left or the client went away.
    #[allow(clippy::result_unit_err)]
    fn read_exact(&mut self, dest: &mut [u8]) -> Result<(), ()> {
        for byte in dest {
            *byte = self.read().ok_or(())?;
        }
        Ok(())
    }
}

/// A sink for bytes, in order: a lease or a slice.
pub trait BufWriter {
    /// How much room is left, in bytes.
    fn remaining_size(&self) -> usize;

    /// Appends a byte; an error when there is no room left, or the client went away.
    #[allow(clippy::result_unit_err)]
    fn write(&mut self, byte: u8) -> Result<(), ()>;

    /// Appends `src`; an error, with part of it written, when there is not enough room or the client went away.
    #[allow(clippy::result_unit_err)]
    fn write_all(&mut self, src: &[u8]) -> Result<(), ()> {
        src.iter().try_for_each(|byte| self.write(*byte))
    }
}

/// Reads a lease byte by byte, fetching up to `N` at a time.
#[derive(Debug)]
pub struct LeaseBufReader<A, const N: usize> {
    lease: Leased<A, [u8]>,
    /// Where in the lease the buffer begins, and how many bytes of it are there.
    start: usize,
    filled: usize,
    /// How many of them are used up.
    used: usize,
    buffer: [u8; N],
}

impl<A, const N: usize> From<Leased<A, [u8]>> for LeaseBufReader<A, N> {
    fn from(lease: Leased<A, [u8]>) -> Self {
        const { assert!(N > 0, "a buffer without room") };
        Self {
            lease,
            start: 0,
            filled: 0,
            used: 0,
            buffer: [0; N],
        }
    }
}

impl<A, const N: usize, const LIMIT: usize> From<LenLimit<Leased<A, [u8]>, LIMIT>>
    for LeaseBufReader<A, N>
{
    fn from(lease: LenLimit<Leased<A, [u8]>, LIMIT>) -> Self {
        lease.into_inner().into()
    }
}

impl<A: AttributeRead, const N: usize> BufReader for LeaseBufReader<A, N> {
    fn remaining_size(&self) -> usize {
        self.lease.len() - self.start - self.used
    }

    fn read(&mut self) -> Option<u8> {
        if self.used == self.filled {
            let start = self.start + self.filled;
            let filled = (self.lease.len() - start).min(N);
            self.lease
                .read_range(start..start + filled, &mut self.buffer)
                .ok()?;
            (self.start, self.filled, self.used) = (start, filled, 0);
        }
        let byte = *self.buffer[..self.filled].get(self.used)?;
        self.used += 1;
        Some(byte)
    }
}

/// Writes a lease byte by byte, storing up to `N` at a time. What is not stored yet is, when it is dropped.
#[derive(Debug)]
pub struct LeaseBufWriter<A: AttributeWrite, const N: usize> {
    lease: Leased<A, [u8]>,
    /// Where in the lease the buffer begins, and how many bytes of it are to be stored.
    start: usize,
    filled: usize,
    buffer: [u8; N],
}

impl<A: AttributeWrite, const N: usize> LeaseBufWriter<A, N> {
    /// Stores what is not stored yet; an error when the client went away.
    #[allow(clippy::result_unit_err)]
    pub fn flush(&mut self) -> Result<(), ()> {
        if self.filled == 0 {
            return Ok(());
        }
        let range = self.start..self.start + self.filled;
        self.start = range.end;
        self.filled = 0;
        self.lease.write_range(range, &self.buffer)
    }
}

impl<A: AttributeWrite, const N: usize> Drop for LeaseBufWriter<A, N> {
    fn drop(&mut self) {
        // A client that went away needs nothing; who wants to know calls `flush`.
        let _: Result<(), ()> = self.flush();
    }
}

impl<A: AttributeWrite, const N: usize> From<Leased<A, [u8]>> for LeaseBufWriter<A, N> {
    fn from(lease: Leased<A, [u8]>) -> Self {
        const { assert!(N > 0, "a buffer without room") };
        Self {
            lease,
            start: 0,
            filled: 0,
            buffer: [0; N],
        }
    }
}

impl<A: AttributeWrite, const N: usize, const LIMIT: usize> From<LenLimit<Leased<A, [u8]>, LIMIT>>
    for LeaseBufWriter<A, N>
{
    fn from(lease: LenLimit<Leased<A, [u8]>, LIMIT>) -> Self {
        lease.into_inner().into()
    }
}

impl<A: AttributeWrite, const N: usize> BufWriter for LeaseBufWriter<A, N> {
    fn remaining_size(&self) -> usize {
        self.lease.len() - self.start - self.filled
    }

    fn write(&mut self, byte: u8) -> Result<(), ()> {
        if self.remaining_size() == 0 {
            return Err(());
        }
        if self.filled == N {
            self.flush()?;
        }
        self.buffer[self.filled] = byte;
        self.filled += 1;
        Ok(())
    }
}

impl BufReader for &[u8] {
    fn remaining_size(&self) -> usize {
        self.len()
    }

    fn read(&mut self) -> Option<u8> {
        let (first, rest) = self.split_first()?;
        *self = rest;
        Some(*first)
    }
}

impl BufWriter for &mut [u8] {
    fn remaining_size(&self) -> usize {
        self.len()
    }

    fn write(&mut self, byte: u8) -> Result<(), ()> {
        let (first, rest) = core::mem::take(self).split_first_mut().ok_or(())?;
        *first = byte;
        *self = rest;
        Ok(())
    }
}
