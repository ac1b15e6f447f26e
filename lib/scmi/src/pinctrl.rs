// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The pin control protocol, 0x19: pins, groups of pins, and the functions they can have (DEN0056, "Pin control protocol").
//!
//! It has neither notifications nor delayed responses.
//!
//! PINCTRL_SET_PERMISSIONS has a number here but no message: no public source shows what it carries.

use core::fmt;

use crate::common::{ListCount, ShortName};
pub use crate::facts::pinctrl::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::wire::{Command, Emit, Malformed, Page, PageHead, bits, message};

bits! {
    /// The first word of PROTOCOL_ATTRIBUTES.
    pub struct PinCounts {
        fields {
            /// How many pins there are; they are numbered from 0.
            pins, with_pins: u16 = [15:0];
            /// How many groups there are, likewise.
            groups, with_groups: u16 = [31:16];
        }
    }
}

bits! {
    /// The second word of PROTOCOL_ATTRIBUTES.
    pub struct FunctionCounts {
        fields {
            /// How many functions there are; they are numbered from 0.
            functions, with_functions: u16 = [15:0];
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts of pins and groups.
        pins: PinCounts,
        /// Count of functions.
        functions: FunctionCounts,
    }
}

/// What an identifier names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Selector {
    /// A pin.
    Pin = 0,
    /// A group of pins.
    Group = 1,
    /// A function.
    Function = 2,
    /// Nothing that is defined.
    Reserved = 3,
}

impl Selector {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Pin,
            1 => Self::Group,
            2 => Self::Function,
            _ => Self::Reserved,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pin => "pin",
            Self::Group => "group",
            Self::Function => "function",
            Self::Reserved => "(undefined selector)",
        })
    }
}

bits! {
    /// The word that says what an identifier names.
    pub struct SelectorWord {
        fields {
            /// See [`SelectorWord::selector`].
            selector_bits, with_selector_bits: u8 = [1:0];
        }
    }
}

impl SelectorWord {
    /// What the identifier names.
    pub const fn selector(self) -> Selector {
        Selector::from_bits(self.selector_bits())
    }
}

impl From<Selector> for SelectorWord {
    fn from(selector: Selector) -> Self {
        Self(selector as u32)
    }
}

message! {
    /// PINCTRL_ATTRIBUTES.
    pub struct PinctrlAttributes {
        /// Which pin, group or function.
        identifier: u32,
        /// Which of the three.
        selector: SelectorWord,
    }
}

bits! {
    /// What there is to say of a pin, group or function.
    pub struct PinFlags {
        flags {
            /// PINCTRL_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 31;
        }
        fields {
            /// How many pins the group has, or how many groups the function can have; 1 for a pin.
            elements, with_elements: u16 = [15:0];
        }
    }
}

message! {
    /// Reply to PINCTRL_ATTRIBUTES.
    pub struct PinInfo {
        /// What there is to say.
        attributes: PinFlags,
        /// Its name.
        name: ShortName,
    }
}

message! {
    /// PINCTRL_LIST_ASSOCIATIONS: the pins of a group, or the groups of a function.
    pub struct ListAssociations {
        /// Which group or function.
        identifier: u32,
        /// Which of the two.
        selector: SelectorWord,
        /// How many to skip.
        skip: u32,
    }
}

message! {
    /// What stands before the list of associations.
    pub struct AssociationsHead {
        /// Counts.
        count: ListCount,
    }
}

impl PageHead for AssociationsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
}

message! {
    /// A pin of a group, or a group of a function.
    pub struct Association {
        /// Its number.
        identifier: u16,
    }
}

/// Reply to PINCTRL_LIST_ASSOCIATIONS.
pub type Associations<'a> = Page<'a, AssociationsHead, Association>;

/// Which settings PINCTRL_SETTINGS_GET is to tell, in [`SettingsGetFlags`].
pub mod settings_scope {
    /// The one that the request names.
    pub const ONE: u8 = 0;
    /// All.
    pub const ALL: u8 = 1;
}

bits! {
    /// What to tell.
    pub struct SettingsGetFlags {
        fields {
            /// Which setting, when it is one.
            setting, with_setting: u8 = [7:0];
            /// How many to skip, when it is all.
            skip, with_skip: u8 = [15:8];
            /// What the identifier names.
            selector_bits, with_selector_bits: u8 = [17:16];
            /// One or all; see [`settings_scope`].
            scope, with_scope: u8 = [19:18];
        }
    }
}

message! {
    /// PINCTRL_SETTINGS_GET.
    pub struct SettingsGet {
        /// Which pin or group.
        identifier: u32,
        /// What to tell.
        attributes: SettingsGetFlags,
    }
}

/// As function: none is selected.
pub const NO_FUNCTION: u32 = u32::MAX;

bits! {
    /// The count word of the list of settings.
    pub struct SettingCount {
        fields {
            /// Settings in this message.
            returned, with_returned: u8 = [7:0];
            /// Settings after those of this message.
            remaining, with_remaining: u8 = [31:24];
        }
    }
}

message! {
    /// What stands before the list of settings.
    pub struct SettingsHead {
        /// The function that is selected, or [`NO_FUNCTION`].
        function: u32,
        /// Counts.
        count: SettingCount,
    }
}

impl PageHead for SettingsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
}

bits! {
    /// What a setting is about.
    pub struct SettingType {
        fields {
            /// The number; those from 192 are the vendor's own.
            id, with_id: u8 = [7:0];
        }
    }
}

message! {
    /// A setting of a pin or group.
    pub struct Setting {
        /// What it is about.
        kind: SettingType,
        /// Its value.
        value: u32,
    }
}

/// Reply to PINCTRL_SETTINGS_GET.
pub type Settings<'a> = Page<'a, SettingsHead, Setting>;

bits! {
    /// What to configure.
    pub struct ConfigureFlags {
        flags {
            /// Select the function too.
            sets_function, with_sets_function: 10;
        }
        fields {
            /// What the identifier names.
            selector_bits, with_selector_bits: u8 = [1:0];
            /// How many settings follow.
            settings, with_settings: u8 = [9:2];
        }
    }
}

message! {
    /// What stands before the settings in PINCTRL_SETTINGS_CONFIGURE.
    pub struct ConfigureHead {
        /// Which pin or group.
        identifier: u32,
        /// The function to select.
        function: u32,
        /// What to configure.
        attributes: ConfigureFlags,
    }
}

impl PageHead for ConfigureHead {
    fn returned(&self) -> usize {
        self.attributes.settings().into()
    }
    fn remaining(&self) -> usize {
        0
    }
}

/// PINCTRL_SETTINGS_CONFIGURE as the platform reads it.
pub type SettingsConfigureRequest<'a> = Page<'a, ConfigureHead, Setting>;

/// PINCTRL_SETTINGS_CONFIGURE as the agent writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SettingsConfigure<'s> {
    /// Which pin or group.
    pub identifier: u32,
    /// Which of the two.
    pub selector: Selector,
    /// The function to select, if any.
    pub function: Option<u32>,
    /// The settings; 14 fit a message.
    pub settings: &'s [Setting],
}

impl Emit for SettingsConfigure<'_> {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        // The count field has eight bits, and no message has room for more than that can count.
        let count = u8::try_from(self.settings.len()).unwrap_or(u8::MAX);
        let head = ConfigureHead {
            identifier: self.identifier,
            function: self.function.unwrap_or(NO_FUNCTION),
            attributes: ConfigureFlags::default()
                .with_selector_bits(self.selector as u8)
                .with_settings(count)
                .with_sets_function(self.function.is_some()),
        };
        let mut rest = head.emit_prefix(out)?;
        for setting in self.settings {
            rest = setting.emit_prefix(rest)?;
        }
        Ok(rest)
    }
}

message! {
    /// PINCTRL_REQUEST: this agent wants a pin or group for itself.
    pub struct Request {
        /// Which pin or group.
        identifier: u32,
        /// Which of the two.
        selector: SelectorWord,
    }
}

message! {
    /// PINCTRL_RELEASE: this agent gives a pin or group back.
    pub struct Release {
        /// Which pin or group.
        identifier: u32,
        /// Which of the two.
        selector: SelectorWord,
    }
}

message! {
    /// PINCTRL_NAME_GET.
    pub struct NameGet {
        /// Which pin, group or function.
        identifier: u32,
        /// Which of the three.
        selector: SelectorWord,
    }
}

impl Command for SettingsConfigure<'_> {
    const PROTOCOL: crate::Protocol = crate::Protocol::Pinctrl;
    const MESSAGE: u8 = crate::protocol::PinctrlMessage::SettingsConfigure as u8;
    type Reply<'a> = ();
}
