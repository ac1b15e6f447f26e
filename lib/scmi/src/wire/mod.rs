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

mod page;
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

/// Declares a message: a plain struct, its hidden wire structure, and both directions.
///
/// With `optional { field: type }` the last field is only there in some versions of the protocol.
macro_rules! message {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }

        const _: () = {
            #[derive(
                zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[repr(C)]
            struct Wire { $($field: <$ty as $crate::wire::Field>::Wire,)* }

            impl $crate::wire::Message for $name {
                const NAME: &'static str = stringify!($name);
                const MIN_LEN: usize = size_of::<Wire>();
                const MAX_LEN: usize = size_of::<Wire>();

                #[allow(unused_variables, reason = "a message may have no fields")]
                fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), $crate::wire::Malformed> {
                    let (wire, rest) = $crate::wire::read_prefix::<Wire>(stringify!($name), bytes)?;
                    Ok((Self { $($field: <$ty as $crate::wire::Field>::from_wire(wire.$field),)* }, rest))
                }
            }

            impl $crate::wire::Emit for $name {
                fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], $crate::wire::Malformed> {
                    let wire = Wire { $($field: <$ty as $crate::wire::Field>::to_wire(self.$field),)* };
                    $crate::wire::write_prefix(stringify!($name), &wire, out)
                }
            }
        };
    };
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }
        optional { $(#[$last_doc:meta])* $last:ident: $last_ty:ty }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
            $(#[$last_doc])* pub $last: Option<$last_ty>,
        }

        const _: () = {
            #[derive(
                zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[repr(C)]
            struct Wire { $($field: <$ty as $crate::wire::Field>::Wire,)* }

            type Last = <$last_ty as $crate::wire::Field>::Wire;

            impl $crate::wire::Message for $name {
                const NAME: &'static str = stringify!($name);
                const MIN_LEN: usize = size_of::<Wire>();
                const MAX_LEN: usize = size_of::<Wire>() + size_of::<Last>();

                fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), $crate::wire::Malformed> {
                    let (wire, rest) = $crate::wire::read_prefix::<Wire>(stringify!($name), bytes)?;
                    let (last, rest) = match $crate::wire::read_prefix::<Last>(stringify!($name), rest) {
                        Ok((last, rest)) => (Some(<$last_ty as $crate::wire::Field>::from_wire(last)), rest),
                        Err(_) => (None, rest),
                    };
                    Ok((Self { $($field: <$ty as $crate::wire::Field>::from_wire(wire.$field),)* $last: last }, rest))
                }
            }

            impl $crate::wire::Emit for $name {
                fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], $crate::wire::Malformed> {
                    let wire = Wire { $($field: <$ty as $crate::wire::Field>::to_wire(self.$field),)* };
                    let rest = $crate::wire::write_prefix(stringify!($name), &wire, out)?;
                    match self.$last {
                        Some(last) => $crate::wire::write_prefix(stringify!($name), &<$last_ty as $crate::wire::Field>::to_wire(last), rest),
                        None => Ok(rest),
                    }
                }
            }
        };
    };
}
pub(crate) use message;

/// Declares a 32-bit word with named bits and bit ranges. Bits without a name are kept as they came.
macro_rules! bits {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $(flags { $($(#[$flag_doc:meta])* $flag:ident, $with_flag:ident: $bit:literal;)* })?
            $(fields { $($(#[$field_doc:meta])* $field:ident, $with_field:ident: $ty:ty = [$high:literal:$low:literal];)* })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            $($(
                $(#[$flag_doc])*
                pub const fn $flag(self) -> bool {
                    self.0 & (1 << $bit) != 0
                }

                #[doc = concat!("This word with [`", stringify!($name), "::", stringify!($flag), "`] set as told.")]
                #[must_use]
                pub const fn $with_flag(self, value: bool) -> Self {
                    Self(self.0 & !(1 << $bit) | (value as u32) << $bit)
                }
            )*)?
            $($(
                $(#[$field_doc])*
                #[allow(clippy::unnecessary_cast, reason = "some fields are as wide as the word")]
                pub const fn $field(self) -> $ty {
                    (self.0 >> $low & u32::MAX >> (31 - ($high - $low))) as $ty
                }

                #[doc = concat!("This word with [`", stringify!($name), "::", stringify!($field), "`] set as told; what does not fit is cut off.")]
                #[must_use]
                #[allow(clippy::unnecessary_cast, reason = "some fields are as wide as the word")]
                pub const fn $with_field(self, value: $ty) -> Self {
                    const MASK: u32 = u32::MAX >> (31 - ($high - $low));
                    Self(self.0 & !(MASK << $low) | (value as u32 & MASK) << $low)
                }
            )*)?
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl $crate::wire::Field for $name {
            type Wire = zerocopy::little_endian::U32;
            fn from_wire(wire: Self::Wire) -> Self {
                Self(wire.get())
            }
            fn to_wire(self) -> Self::Wire {
                Self::Wire::new(self.0)
            }
        }
    };
}
pub(crate) use bits;

/// Says which requests a protocol has, under the names of its message enum, and what they return. Declares the three
/// requests that are the same in every protocol.
macro_rules! commands {
    ($protocol:ident, $ids:ident; $($request:ident -> $reply:ty;)*) => {
        $crate::wire::message! {
            /// PROTOCOL_VERSION.
            pub struct Version {}
        }
        $crate::wire::message! {
            /// PROTOCOL_ATTRIBUTES.
            pub struct Attributes {}
        }
        $crate::wire::message! {
            /// PROTOCOL_MESSAGE_ATTRIBUTES: does the platform have this message? If not, the status is NOT_FOUND.
            pub struct MessageAttributes {
                /// The number of the message.
                message: u32,
            }
        }
        $crate::wire::message! {
            /// NEGOTIATE_PROTOCOL_VERSION: speak this version from now on (SCMI 3.2 and later).
            pub struct NegotiateVersion {
                /// The version that the agent wants.
                version: $crate::common::ProtocolVersion,
            }
        }
        $crate::wire::commands! { @one $protocol, $ids, Version, $crate::common::VersionReply }
        $crate::wire::commands! { @one $protocol, $ids, Attributes, ProtocolInfo }
        $crate::wire::commands! { @one $protocol, $ids, MessageAttributes, $crate::common::MessageInfo }
        $crate::wire::commands! { @one $protocol, $ids, NegotiateVersion, () }
        $($crate::wire::commands! { @one $protocol, $ids, $request, $reply })*
    };
    (@one $protocol:ident, $ids:ident, $request:ident, $reply:ty) => {
        impl $crate::wire::Command for $request {
            const PROTOCOL: $crate::Protocol = $crate::Protocol::$protocol;
            const MESSAGE: u8 = $crate::protocol::$ids::$request as u8;
            type Reply<'a> = $reply;
        }
    };
}
pub(crate) use commands;

/// Says which notifications a protocol has.
macro_rules! notifications {
    ($protocol:ident; $($id:literal $name:ident -> $payload:ty;)*) => {$(
        impl $crate::wire::Notification for $name {
            const PROTOCOL: $crate::Protocol = $crate::Protocol::$protocol;
            const EVENT: u8 = $id;
            type Payload<'a> = $payload;
        }
    )*};
}
pub(crate) use notifications;
