// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What all protocols share: versions, message attributes, names, and extended names.

use core::fmt;

use crate::limits::{EXTENDED_NAME_LEN, SHORT_NAME_LEN};
use crate::wire::{Field, bits, message};

bits! {
    /// A protocol version.
    pub struct ProtocolVersion {
        fields {
            /// Differs where versions are not compatible.
            major, with_major: u16 = [31:16];
            /// Grows with additions.
            minor, with_minor: u16 = [15:0];
        }
    }
}

impl ProtocolVersion {
    /// A version from its two numbers.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self((major as u32) << 16 | minor as u32)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}

message! {
    /// Reply to PROTOCOL_VERSION.
    pub struct VersionReply {
        /// The version that the platform speaks.
        version: ProtocolVersion,
    }
}

bits! {
    /// What PROTOCOL_MESSAGE_ATTRIBUTES says of a message.
    pub struct MessageFlags {
        flags {
            /// A fast channel exists for this message (performance and power capping).
            has_fastchannel, with_fastchannel: 0;
            /// SYSTEM_POWER_STATE_SET can warm reset.
            has_warm_reset, with_warm_reset: 31;
            /// SYSTEM_POWER_STATE_SET can suspend.
            has_suspend, with_suspend: 30;
        }
    }
}

message! {
    /// Reply to PROTOCOL_MESSAGE_ATTRIBUTES. It comes only for messages that the platform has.
    pub struct MessageInfo {
        /// What there is to say of the message.
        attributes: MessageFlags,
    }
}

/// A name on the wire: `N` bytes, ended by NUL when it is shorter than that.
///
/// Platforms fill names with anything, so it is kept as bytes, and shown with `?` for what is not printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<const N: usize>(pub [u8; N]);

/// The name in attribute replies.
pub type ShortName = Name<SHORT_NAME_LEN>;

/// The name in replies to the `..._NAME_GET` commands.
pub type ExtendedName = Name<EXTENDED_NAME_LEN>;

impl<const N: usize> Name<N> {
    /// As much of `name` as leaves place for the final NUL.
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; N];
        let len = N.saturating_sub(1);
        for (to, from) in bytes.iter_mut().take(len).zip(name.bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The bytes up to the first NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or(&[])
    }

    /// The name as a string, unless a platform has put something there that is none.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes()).ok()
    }

    /// Whether the name is the same as `name`, cut to the length of the field.
    pub fn is(&self, name: &str) -> bool {
        self.as_bytes() == Self::new(name).as_bytes() || self.as_bytes() == name.as_bytes()
    }
}

impl<const N: usize> fmt::Display for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Pads like a string does, for tables.
        let mut shown = [b'?'; N];
        let bytes = self.as_bytes();
        for (to, &from) in shown.iter_mut().zip(bytes) {
            if from == b' ' || from.is_ascii_graphic() {
                *to = from;
            }
        }
        let shown = shown.get(..bytes.len()).unwrap_or(&[]);
        f.pad(core::str::from_utf8(shown).unwrap_or("?"))
    }
}

impl<const N: usize> fmt::Debug for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl<const N: usize> Field for Name<N> {
    type Wire = [u8; N];
    fn from_wire(wire: [u8; N]) -> Self {
        Self(wire)
    }
    fn to_wire(self) -> [u8; N] {
        self.0
    }
}

message! {
    /// Reply to the `..._NAME_GET` commands of every protocol: a name longer than the attributes have room for.
    pub struct NameReply {
        /// Reserved.
        flags: u32,
        /// The whole name.
        name: ExtendedName,
    }
}

bits! {
    /// The enable word of the commands that switch notifications on and off.
    pub struct NotifyEnable {
        flags {
            /// Notifications are wanted.
            enabled, with_enabled: 0;
        }
    }
}

impl From<bool> for NotifyEnable {
    fn from(enable: bool) -> Self {
        Self::default().with_enabled(enable)
    }
}

bits! {
    /// The count word of the lists that can be long: 12 bits of entries here, 16 bits of entries to come.
    pub struct ListCount {
        flags {
            /// Instead of a list, the three entries are lowest, highest and step (clock rates, voltages, intervals).
            is_range, with_range: 12;
        }
        fields {
            /// Entries in this message.
            returned, with_returned: u16 = [11:0];
            /// Entries after those of this message.
            remaining, with_remaining: u16 = [31:16];
        }
    }
}

impl ListCount {
    /// How many entries of `len` bytes to read from `room` bytes.
    ///
    /// Some platforms count the three values of a range as one. They are there all the same.
    pub(crate) const fn entries(self, room: usize, len: usize) -> usize {
        if self.is_range() && room >= len.saturating_mul(3) {
            3
        } else {
            self.returned() as usize
        }
    }

    /// A count word for this many entries; what does not fit is cut off.
    pub const fn new(returned: usize, remaining: usize) -> Self {
        Self(0)
            .with_returned(returned as u16)
            .with_remaining(if remaining > 0xffff {
                0xffff
            } else {
                remaining as u16
            })
    }
}

/// Values at equal distances: what some platforms tell in place of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range<T> {
    /// The lowest value.
    pub lowest: T,
    /// The highest value.
    pub highest: T,
    /// The distance between neighbours.
    pub step: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_shown_safely() {
        let name = ShortName::new("a name that is too long");
        assert_eq!(name.as_str(), Some("a name that is "));
        assert!(name.is("a name that is too long"));
        assert!(!name.is("a name"));
        let wild = Name(*b"ab\x1b[2J\xffc");
        assert_eq!(wild.to_string(), "ab?[2J?c");
        assert_eq!(wild.as_str(), None);
        assert_eq!(format!("{:>5}|", Name(*b"ab\0d")), "   ab|");
        assert_eq!(Name([0; 4]).as_str(), Some(""));
    }

    #[test]
    fn versions_are_ordered_and_shown() {
        assert_eq!(ProtocolVersion(0x30001), ProtocolVersion::new(3, 1));
        assert_eq!(ProtocolVersion(0x30001).to_string(), "3.1");
        assert!(ProtocolVersion::new(2, 9) < ProtocolVersion::new(3, 0));
    }

    #[test]
    fn bit_fields_keep_what_they_do_not_name() {
        let count = ListCount(0x0002_e000)
            .with_returned(0xf003)
            .with_range(true);
        assert_eq!(count.0, 0x0002_f003);
        assert_eq!(
            (count.returned(), count.remaining(), count.is_range()),
            (3, 2, true)
        );
        assert_eq!(ListCount::new(5, 100_000).remaining(), 0xffff);
    }
}
