// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How messages are read and written: traits that every message has, and the macros that declare messages.
//!
//! A message is a plain struct with native fields. Behind it stands a `zerocopy` structure with the layout on the wire:
//! parsing reads that structure out of the bytes, whatever their alignment and only if all of it is there, and emitting
//! writes it. The two are inverse: reserved bits and unknown values of enumerations survive.
//!
//! Messages do not contain the header, and replies do not contain the status word, because the transport has dealt with
//! both when a message gets here: see [`crate::Header`] and [`split_status`].

use core::fmt;

use zerocopy::little_endian::{I32, I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::protocol::Protocol;
use crate::status::Status;

mod macros;
mod page;

pub(crate) use macros::{bits, message};
pub use page::{Entries, Page, PageHead, PageWriter};

/// Why bytes are not the message they should be, or do not hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// The message, as the type is called here.
    pub message: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a message. Lengths are in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The bytes end before the message does.
    Short {
        /// The least it takes.
        needed: usize,
        /// What is there.
        got: usize,
    },
    /// Bytes follow after the end of a message that must fill its place.
    Trailing {
        /// Where the message ends.
        expected: usize,
        /// What is there.
        got: usize,
    },
    /// A list says that it has more entries than the bytes hold.
    Entries {
        /// How many it says.
        said: usize,
        /// How many are there.
        got: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed {}: ", self.message)?;
        match self.fault {
            Fault::Short { needed, got } => write!(f, "needs {needed} bytes, there are {got}"),
            Fault::Trailing { expected, got } => {
                write!(f, "should end after {expected} bytes, there are {got}")
            }
            Fault::Entries { said, got } => {
                write!(f, "says it lists {said} entries, there are {got}")
            }
        }
    }
}

impl core::error::Error for Malformed {}

impl Malformed {
    pub(crate) const fn short(message: &'static str, needed: usize, got: usize) -> Self {
        Self {
            message,
            fault: Fault::Short { needed, got },
        }
    }
}

/// Something that can be read from the bytes of a message body.
///
/// Bytes after the end are ignored: later versions of a protocol append fields, and so does at least one platform in error.
pub trait Parse<'a>: Sized {
    /// Reads it.
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed>;
}

/// Something that can be written as a message body.
pub trait Emit {
    /// Writes it at the start of `out` and returns what is left of `out`; too little room writes nothing of use.
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed>;

    /// Writes it at the start of `out` and returns its length.
    fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        let room = out.len();
        let left = self.emit_prefix(out)?.len();
        Ok(room.saturating_sub(left))
    }
}

/// A message body, or an entry of a list, that has no list in it.
pub trait Message: Emit + Clone {
    /// The name of the type, for errors.
    const NAME: &'static str;
    /// Its shortest form, in bytes.
    const MIN_LEN: usize;
    /// Its longest form, in bytes. Differs from the shortest where versions of the protocol differ.
    const MAX_LEN: usize;

    /// Reads it from the start of `bytes` and returns what follows.
    fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed>;

    /// Reads it from bytes that must end where it ends: what a platform does with a request.
    fn parse_exact(bytes: &[u8]) -> Result<Self, Malformed> {
        let (message, rest) = Self::parse_prefix(bytes)?;
        if rest.is_empty() {
            Ok(message)
        } else {
            let expected = bytes.len().saturating_sub(rest.len());
            Err(Malformed {
                message: Self::NAME,
                fault: Fault::Trailing {
                    expected,
                    got: bytes.len(),
                },
            })
        }
    }
}

impl<T: Message> Parse<'_> for T {
    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self::parse_prefix(bytes)?.0)
    }
}

/// The body of a reply that has nothing but a status.
impl Message for () {
    const NAME: &'static str = "empty reply";
    const MIN_LEN: usize = 0;
    const MAX_LEN: usize = 0;

    fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        Ok(((), bytes))
    }
}

impl Emit for () {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        Ok(out)
    }
}

/// A request: where it goes, and what its reply looks like.
pub trait Command: Emit {
    /// The protocol it belongs to.
    const PROTOCOL: Protocol;
    /// Its number in the header.
    const MESSAGE: u8;
    /// The return values after a status of success.
    type Reply<'a>: Parse<'a>;
}

/// A request that can ask for its result to come later.
pub trait Delayable: Command {
    /// The return values of the delayed response after a status of success.
    type Delayed<'a>: Parse<'a>;
}

/// A notification.
pub trait Notification {
    /// The protocol it belongs to.
    const PROTOCOL: Protocol;
    /// Its number in the header.
    const EVENT: u8;
    /// What it carries.
    type Payload<'a>: Parse<'a>;
}

/// Splits what follows the header of a reply into the status and the return values.
pub fn split_status(payload: &[u8]) -> Result<(Status, &[u8]), Malformed> {
    match payload.split_first_chunk::<4>() {
        Some((word, values)) => Ok((Status::from_raw(i32::from_le_bytes(*word)), values)),
        None => Err(Malformed::short("status", 4, payload.len())),
    }
}

/// A native type that can be a field of a message.
pub trait Field: Copy {
    /// The same value as it is on the wire.
    type Wire: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy;
    /// From the wire.
    fn from_wire(wire: Self::Wire) -> Self;
    /// To the wire.
    fn to_wire(self) -> Self::Wire;
}

macro_rules! number_fields {
    ($($native:ty => $wire:ty),*) => {$(
        impl Field for $native {
            type Wire = $wire;
            fn from_wire(wire: $wire) -> Self {
                wire.get()
            }
            fn to_wire(self) -> $wire {
                <$wire>::new(self)
            }
        }
    )*};
}

number_fields!(u16 => U16, u32 => U32, u64 => U64, i32 => I32, i64 => I64);

impl<const N: usize> Field for [u8; N] {
    type Wire = Self;
    fn from_wire(wire: Self) -> Self {
        wire
    }
    fn to_wire(self) -> Self {
        self
    }
}

/// Reads a wire structure from the start of `bytes`.
pub(crate) fn read_prefix<'a, W: FromBytes>(
    message: &'static str,
    bytes: &'a [u8],
) -> Result<(W, &'a [u8]), Malformed> {
    W::read_from_prefix(bytes).map_err(|_| Malformed::short(message, size_of::<W>(), bytes.len()))
}

/// Writes a wire structure at the start of `out`.
pub(crate) fn write_prefix<'o, W: IntoBytes + Immutable>(
    message: &'static str,
    wire: &W,
    out: &'o mut [u8],
) -> Result<&'o mut [u8], Malformed> {
    let short = Malformed::short(message, size_of::<W>(), out.len());
    let (place, rest) = out.split_at_mut_checked(size_of::<W>()).ok_or(short)?;
    wire.write_to(place).map_err(|_| short)?;
    Ok(rest)
}
