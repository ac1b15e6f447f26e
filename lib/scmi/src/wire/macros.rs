// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Declarations of messages and words of bits.

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
