// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Each command, delayed response and notification, declared once, in a file per protocol.
//!
//! Message numbers and names, the [`Command`](crate::wire::Command), [`Delayable`](crate::wire::Delayable) and
//! [`Notification`](crate::wire::Notification) of each structure, [`EVENTS`](crate::events::EVENTS) and
//! [`DELAYED`](crate::events::DELAYED) with their lengths, the driver's rules and `doc/protocols.md` follow from here.
//!
//! Versions are those in which public sources first have a message; the specification was not at hand.

use crate::common::ProtocolVersion;
use crate::events::{Delayed, Event};
use crate::protocol::Protocol;

pub(crate) mod base;
pub(crate) mod clock;
pub(crate) mod perf;
pub(crate) mod pinctrl;
pub(crate) mod power;
pub(crate) mod powercap;
pub(crate) mod reset;
pub(crate) mod sensor;
pub(crate) mod system;
pub(crate) mod voltage;

/// What there is to know about a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandFacts {
    /// The protocol it belongs to.
    pub protocol: Protocol,
    /// Its number: the message id in the header.
    pub id: u8,
    /// Its name in the specification.
    pub name: &'static str,
    /// The version of the protocol that brought it.
    pub since: ProtocolVersion,
    /// Which word of the request names the domain (clock, sensor, pin), if one does.
    pub domain_word: Option<usize>,
}

/// Declares a protocol: its newest known version, its commands, which of them can be answered later, and its notifications.
///
/// A command says where its request names the domain, and after `=>` what its reply holds; one without `=>` has no structure here, or
/// one that needs more words. A delayed response comes where the flags of the request, under the mask, are as told. How a
/// notification is enabled, and where its source is, follows from the command that enables it, and lengths follow from
/// the structures; `bytes` tells both ends where a list is in it.
macro_rules! facts {
    (
        $(#[$doc:meta])*
        $protocol:ident, $messages:ident, known ($major:literal, $minor:literal),
            negotiated since ($negotiated_major:literal, $negotiated_minor:literal);
        commands {$(
            $id:literal $request:ident $text:literal since ($since_major:literal, $since_minor:literal)
                $(, domain in word $word:literal)? $(=> $reply:ty)?;
        )*}
        $(delayed {$(
            $now:ident $complete:literal if word $flags_word:literal & $mask:literal == $asking:literal
                $(, bytes ($delayed_min:expr, $delayed_max:expr))? => $delayed:ty;
        )*})?
        $(events {$(
            $event:literal $notification:ident $event_text:literal enabled by $enabled_by:ident
                $(, bytes ($event_min:expr, $event_max:expr))? => $payload:ty;
        )*})?
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, num_derive::FromPrimitive, num_derive::ToPrimitive,
        )]
        #[repr(u8)]
        pub enum $messages {
            /// PROTOCOL_VERSION.
            Version = 0x0,
            /// PROTOCOL_ATTRIBUTES.
            Attributes = 0x1,
            /// PROTOCOL_MESSAGE_ATTRIBUTES.
            MessageAttributes = 0x2,
            $(#[doc = concat!($text, ".")] $request = $id,)*
            /// NEGOTIATE_PROTOCOL_VERSION.
            NegotiateVersion = 0x10,
        }

        impl $messages {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] =
                &[Self::Version, Self::Attributes, Self::MessageAttributes, $(Self::$request,)* Self::NegotiateVersion];

            /// The message with this number.
            pub fn from_id(id: u8) -> Option<Self> {
                <Self as num_traits::FromPrimitive>::from_u8(id)
            }

            /// Its number in the header.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// Its name in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Version => "PROTOCOL_VERSION",
                    Self::Attributes => "PROTOCOL_ATTRIBUTES",
                    Self::MessageAttributes => "PROTOCOL_MESSAGE_ATTRIBUTES",
                    $(Self::$request => $text,)*
                    Self::NegotiateVersion => "NEGOTIATE_PROTOCOL_VERSION",
                }
            }

            /// The version of the protocol that brought it.
            pub const fn since(self) -> $crate::common::ProtocolVersion {
                let (major, minor) = match self {
                    Self::Version | Self::Attributes | Self::MessageAttributes => (1, 0),
                    $(Self::$request => ($since_major, $since_minor),)*
                    Self::NegotiateVersion => ($negotiated_major, $negotiated_minor),
                };
                $crate::common::ProtocolVersion::new(major, minor)
            }

            /// Which word of the request names the domain, if one does.
            #[allow(unreachable_patterns, reason = "every command of a protocol may name a domain, or none")]
            pub const fn domain_word(self) -> Option<usize> {
                match self {
                    $($(Self::$request => Some($word),)?)*
                    _ => None,
                }
            }

            const fn facts(self) -> $crate::facts::CommandFacts {
                $crate::facts::CommandFacts {
                    protocol: $crate::Protocol::$protocol,
                    id: self as u8,
                    name: self.name(),
                    since: self.since(),
                    domain_word: self.domain_word(),
                }
            }
        }

        /// The newest version whose messages are known.
        pub(crate) const KNOWN: $crate::common::ProtocolVersion =
            $crate::common::ProtocolVersion::new($major, $minor);

        pub(super) const COMMANDS: &[$crate::facts::CommandFacts] = &[
            $messages::Version.facts(),
            $messages::Attributes.facts(),
            $messages::MessageAttributes.facts(),
            $($messages::$request.facts(),)*
            $messages::NegotiateVersion.facts(),
        ];

        pub(super) const EVENTS: &[$crate::events::Event] = &[$($({
            let enable = $crate::events::EnableShape::of_len(<$enabled_by as $crate::wire::Message>::MIN_LEN);
            $crate::events::Event {
                protocol: $crate::Protocol::$protocol,
                id: $event,
                name: $event_text,
                since: $messages::$enabled_by.since(),
                enabled_by: $messages::$enabled_by as u8,
                enable,
                source_at: enable.source_at(),
                sources: enable.sources(),
                min_len: $crate::facts::ends!($payload $(, $event_min, $event_max)?).0,
                max_len: $crate::facts::ends!($payload $(, $event_min, $event_max)?).1,
            }
        },)*)?];

        pub(super) const DELAYED: &[$crate::events::Delayed] = &[$($(
            $crate::events::Delayed {
                protocol: $crate::Protocol::$protocol,
                message: $messages::$now as u8,
                name: $complete,
                flags_at: 4 * $flags_word,
                flags_mask: $mask,
                flags_asking: $asking,
                min_len: $crate::facts::STATUS + $crate::facts::ends!($delayed $(, $delayed_min, $delayed_max)?).0,
                max_len: $crate::facts::STATUS + $crate::facts::ends!($delayed $(, $delayed_min, $delayed_max)?).1,
            },
        )*)?];

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

        $crate::facts::command! { $protocol, $messages, Version, $crate::common::VersionReply }
        $crate::facts::command! { $protocol, $messages, Attributes, ProtocolInfo }
        $crate::facts::command! { $protocol, $messages, MessageAttributes, $crate::common::MessageInfo }
        $crate::facts::command! { $protocol, $messages, NegotiateVersion, () }
        $($($crate::facts::command! { $protocol, $messages, $request, $reply })?)*
        $($(impl $crate::wire::Delayable for $now {
            type Delayed<'a> = $delayed;
        })*)?
        $($(impl $crate::wire::Notification for $notification {
            const PROTOCOL: $crate::Protocol = $crate::Protocol::$protocol;
            const EVENT: u8 = $event;
            type Payload<'a> = $payload;
        })*)?
    };
}
use facts;

/// Says where a request goes, and what its reply holds.
macro_rules! command {
    ($protocol:ident, $messages:ident, $request:ident, $reply:ty) => {
        impl $crate::wire::Command for $request {
            const PROTOCOL: $crate::Protocol = $crate::Protocol::$protocol;
            const MESSAGE: u8 = $messages::$request as u8;
            type Reply<'a> = $reply;
        }
    };
}
use command;

/// The shortest and the longest form, as told or else those of the structure.
macro_rules! ends {
    ($of:ty) => {
        (
            <$of as $crate::wire::Message>::MIN_LEN,
            <$of as $crate::wire::Message>::MAX_LEN,
        )
    };
    ($of:ty, $min:expr, $max:expr) => {
        ($min, $max)
    };
}
use ends;

/// Length of the status word that starts a delayed response.
const STATUS: usize = 4;

/// Joins the tables of all protocols, in the order of their numbers.
macro_rules! all {
    ($table:ident: $of:ty) => {{
        const PARTS: [&[$of]; 10] = [
            base::$table,
            power::$table,
            system::$table,
            perf::$table,
            clock::$table,
            sensor::$table,
            reset::$table,
            voltage::$table,
            powercap::$table,
            pinctrl::$table,
        ];
        const LEN: usize = total(&PARTS);
        &join::<_, LEN>(&PARTS)
    }};
}

/// Every command of every protocol, ordered by protocol and number.
pub const COMMANDS: &[CommandFacts] = all!(COMMANDS: CommandFacts);
pub(crate) const EVENTS: &[Event] = all!(EVENTS: Event);
pub(crate) const DELAYED: &[Delayed] = all!(DELAYED: Delayed);

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "at compile time, where a mistake is an error"
)]
const fn total<T>(parts: &[&[T]]) -> usize {
    let (mut part, mut len) = (0, 0);
    while part < parts.len() {
        len += parts[part].len();
        part += 1;
    }
    len
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "at compile time, where a mistake is an error"
)]
const fn join<T: Copy, const LEN: usize>(parts: &[&[T]]) -> [T; LEN] {
    let mut first = 0;
    while parts[first].is_empty() {
        first += 1;
    }
    let mut all = [parts[first][0]; LEN];
    let (mut part, mut len) = (0, 0);
    while part < parts.len() {
        let mut number = 0;
        while number < parts[part].len() {
            all[len] = parts[part][number];
            len += 1;
            number += 1;
        }
        part += 1;
    }
    all
}
