// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a protocol's table can say.

/// A protocol version: the major number in the upper half.
pub type Version = u32;

/// A protocol.
#[derive(Debug)]
pub struct Protocol {
    /// Its number in the header.
    pub id: u8,
    /// Its name.
    pub name: &'static str,
    /// Versions that existed, ascending.
    pub versions: &'static [Version],
    /// PROTOCOL_ATTRIBUTES: its values, and where they count the domains.
    pub attributes: Values,
    /// Where PROTOCOL_ATTRIBUTES counts the domains; `None` for a protocol without domains.
    pub domains: Option<Field>,
    /// Its messages beside the four that each protocol has.
    pub messages: &'static [Message],
}

/// Bits of a word of the return values.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Byte offset of the word.
    pub at: usize,
    /// Lowest bit.
    pub shift: u32,
    /// Mask after the shift.
    pub mask: u32,
}

impl Field {
    /// The low 16 bits of the first word.
    pub const LOW: Self = Self {
        at: 0,
        shift: 0,
        mask: 0xffff,
    };
    /// The high 16 bits of the first word.
    pub const HIGH: Self = Self {
        at: 0,
        shift: 16,
        mask: 0xffff,
    };

    /// Takes the bits out of return values; `None` if the values are too short.
    pub fn of(&self, values: &[u8]) -> Option<u32> {
        Some(word(values, self.at)? >> self.shift & self.mask)
    }
}

/// A little-endian word of some bytes.
pub fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// What a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Read,
    /// Sets a value; the value that was read is written back.
    Write,
    /// Subscribes to events; ended again by the probe.
    Notify,
    /// Is sent in no valid form: it would reset, shut down or take something away.
    Never,
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// Its number in the header.
    pub id: u8,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
    /// Layouts, ascending by the version that brought them. The first is the version that brought the message.
    pub layouts: &'static [Layout],
    /// Counts the things that its domain parameter numbers, if not the protocol's domains.
    pub domains: Option<Field>,
    /// Where the layout is from.
    pub source: &'static str,
}

impl Message {
    /// The layout in a version; `None` if the message came later.
    pub fn layout(&self, version: Version) -> Option<&'static Layout> {
        self.layouts
            .iter()
            .rev()
            .find(|layout| layout.since <= version)
    }
}

/// Parameters and return values from a version on.
#[derive(Debug)]
pub struct Layout {
    /// The version.
    pub since: Version,
    /// The words of the request.
    pub params: &'static [Param],
    /// The return values.
    pub values: Values,
}

/// A word of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// The number of a domain, sensor or clock.
    Domain,
    /// How many list entries to pass over.
    Skip,
    /// Flags, sent as 0; these bits are reserved.
    Flags(u32),
    /// `notify_enable`: bit 0, the others are reserved.
    Enable,
    /// A fixed value.
    Value(u32),
    /// A word of another message's return values for this domain, under a mask; then the mask of reserved bits.
    Read {
        /// The other message.
        from: u8,
        /// Byte offset in its values.
        at: usize,
        /// Bits that count.
        mask: u32,
        /// Reserved bits, 0 if the word is a plain value.
        reserved: u32,
    },
}

/// A word of another message, whole.
pub const fn read(from: u8, at: usize) -> Param {
    Param::Read {
        from,
        at,
        mask: !0,
        reserved: 0,
    }
}

/// The return values of a message.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// This many bytes.
    Fixed {
        /// Bytes.
        bytes: usize,
        /// Reserved bits: byte offset of the word, and the bits.
        reserved: &'static [(usize, u32)],
        /// A name: byte offset and length of its field.
        name: Option<(usize, usize)>,
    },
    /// A page of a list.
    List(List),
    /// Base's list of protocols: a count, then a byte for each, filled up to a word.
    Protocols,
    /// 16 bytes for each axis of a sensor.
    Readings,
}

/// No values.
pub const NOTHING: Values = bytes(0);

/// Values of a length and nothing to say about them.
pub const fn bytes(bytes: usize) -> Values {
    Values::Fixed {
        bytes,
        reserved: &[],
        name: None,
    }
}

/// Values with reserved bits.
pub const fn with(bytes: usize, reserved: &'static [(usize, u32)]) -> Values {
    Values::Fixed {
        bytes,
        reserved,
        name: None,
    }
}

/// Values with reserved bits and a 16-byte name.
pub const fn named(bytes: usize, reserved: &'static [(usize, u32)], name: usize) -> Values {
    Values::Fixed {
        bytes,
        reserved,
        name: Some((name, 16)),
    }
}

/// The reply to a message that asks for an extended name: flags and 64 bytes.
pub const EXTENDED_NAME: Values = Values::Fixed {
    bytes: 68,
    reserved: &[(0, !0)],
    name: Some((4, 64)),
};

/// The shape of a page.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Bytes before the first entry.
    pub head: usize,
    /// Bytes of an entry.
    pub entry: usize,
    /// An entry with bit 8 of its second word set has this many bytes instead.
    pub extended: Option<usize>,
    /// Entries in this page.
    pub returned: Field,
    /// Entries after it.
    pub remaining: Field,
    /// The bit that makes three entries lowest, highest and step.
    pub range: u32,
    /// Reserved bits of an entry: byte offset in it, and the bits.
    pub reserved: &'static [(usize, u32)],
}

/// A list whose count word comes first: 12 bits returned, 16 bits remaining.
pub const fn list(entry: usize, range: u32) -> List {
    List {
        head: 4,
        entry,
        extended: None,
        returned: Field {
            at: 0,
            shift: 0,
            mask: 0xfff,
        },
        remaining: Field::HIGH,
        range,
        reserved: &[],
    }
}

/// A list with small counts: `bits` returned at the bottom of the word and `bits` remaining at its top.
pub const fn small_list(entry: usize, bits: u32) -> List {
    let mask = (1 << bits) - 1;
    List {
        returned: Field {
            at: 0,
            shift: 0,
            mask,
        },
        remaining: Field {
            at: 0,
            shift: 32 - bits,
            mask,
        },
        ..list(entry, 0)
    }
}

/// A message that has looked the same since it came.
macro_rules! message {
    ($id:literal $name:ident $access:ident since $since:literal $params:tt -> $values:expr, $source:expr) => {
        $crate::table::Message {
            id: $id,
            name: stringify!($name),
            access: $crate::table::Access::$access,
            layouts: &[$crate::table::Layout {
                since: $since,
                params: &$params,
                values: $values,
            }],
            domains: None,
            source: $source,
        }
    };
    ($id:literal $name:ident $access:ident $params:tt $($since:literal -> $values:expr),+; $source:expr) => {
        $crate::table::Message {
            id: $id,
            name: stringify!($name),
            access: $crate::table::Access::$access,
            layouts: &[$($crate::table::Layout {
                since: $since,
                params: &$params,
                values: $values,
            }),+],
            domains: None,
            source: $source,
        }
    };
}
pub(crate) use message;
