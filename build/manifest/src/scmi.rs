// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[config.scmi]`: what the SCMI driver is built for, and who may use it.
//!
//! These types are the only reading of the table. [`load`](crate::load) checks what is in it against the rest of the manifest; the build
//! scripts of the driver and of its clients get it from `build-util` as it was checked, and check none of it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::problem::REMEDY;

/// `[config.scmi]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scmi {
    /// Descriptors in each virtqueue: a power of two.
    pub vring_size: u32,
    /// The clients' slots and the driver's own may exceed the command slots, with a warning.
    #[serde(default)]
    pub oversubscribe: bool,
    /// How long a command may take that names no deadline, in milliseconds.
    pub deadline_ms: Option<u32>,
    /// How long to wait for a delayed response, in milliseconds.
    pub delayed_ms: Option<u32>,
    /// How long the device may be silent after a time-out before it is reset, in milliseconds.
    pub stall_ms: Option<u32>,
    /// Client task to what it may do.
    #[serde(default)]
    pub clients: BTreeMap<String, Client>,
}

/// `[config.scmi.clients.TASK]`: what a client of the SCMI driver may do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// The protocols that it may use.
    pub protocols: Protocols,
    /// How many command slots it may hold at once.
    #[serde(default = "eight")]
    pub slots: u32,
    /// How many events its queue holds.
    #[serde(default = "eight")]
    pub events: u32,
    /// How many commands it may send in a batch.
    #[serde(default = "sixty_four")]
    pub batch: u32,
    /// How many events it may be subscribed to at once.
    #[serde(default = "eight")]
    pub subscriptions: u32,
    /// Protocol to the messages of it that the client may send; all if not named.
    #[serde(default)]
    pub messages: BTreeMap<ProtocolKey, Vec<u8>>,
    /// Protocol to the domains of it that the client may use; all if not named.
    #[serde(default)]
    pub domains: BTreeMap<ProtocolKey, Vec<u32>>,
    /// The notification of that task that is posted when an event waits for it.
    pub notification: Option<String>,
}

fn eight() -> u32 {
    8
}

fn sixty_four() -> u32 {
    64
}

impl Scmi {
    /// The times, by key, where they are given.
    pub fn times(&self) -> impl Iterator<Item = (&'static str, u32)> {
        [
            ("deadline-ms", self.deadline_ms),
            ("delayed-ms", self.delayed_ms),
            ("stall-ms", self.stall_ms),
        ]
        .into_iter()
        .filter_map(|(key, milliseconds)| Some((key, milliseconds?)))
    }
}

impl Client {
    /// The protocols of which the client may not use everything.
    pub fn restricted(&self) -> BTreeSet<u8> {
        self.restrictions()
            .map(|(_, protocol)| protocol.number)
            .collect()
    }

    /// Every key of `messages` and `domains`, with the table that it is in.
    pub(crate) fn restrictions(&self) -> impl Iterator<Item = (&'static str, &ProtocolKey)> {
        let messages = self.messages.keys().map(|protocol| ("messages", protocol));
        let domains = self.domains.keys().map(|protocol| ("domains", protocol));
        messages.chain(domains)
    }

    /// The messages of a protocol that the client may send, where that is not all.
    pub fn messages_of(&self, protocol: u8) -> Option<&[u8]> {
        of(&self.messages, protocol)
    }

    /// The domains of a protocol that the client may use, where that is not all.
    pub fn domains_of(&self, protocol: u8) -> Option<&[u32]> {
        of(&self.domains, protocol)
    }
}

fn of<T>(table: &BTreeMap<ProtocolKey, Vec<T>>, protocol: u8) -> Option<&[T]> {
    let (_, listed) = table.iter().find(|(key, _)| key.number == protocol)?;
    Some(listed)
}

/// `protocols`: a list of numbers, or the word `all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// `all`.
    All,
    /// These.
    Listed(Vec<u8>),
}

impl Protocols {
    /// Returns `true` if the protocol is among these.
    pub fn contain(&self, protocol: u8) -> bool {
        match self {
            Self::All => true,
            Self::Listed(listed) => listed.contains(&protocol),
        }
    }
}

impl<'de> Deserialize<'de> for Protocols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrWord;

        impl<'de> Visitor<'de> for ListOrWord {
            type Value = Protocols;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of protocol numbers, or the word `all`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Protocols, E> {
                match word {
                    "all" => Ok(Protocols::All),
                    _ => Err(E::custom(format!(
                        "`{word}` is neither a list of protocol numbers nor `all`{REMEDY}write `protocols = \"all\"` or \
                         `protocols = [0x10, 0x15]`"
                    ))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Protocols, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(Protocols::Listed(numbers))
            }
        }

        deserializer.deserialize_any(ListOrWord)
    }
}

/// A protocol number that is a key, so that TOML has it as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolKey {
    /// The number.
    pub number: u8,
    /// The key as it is written.
    pub(crate) written: String,
}

impl<'de> Deserialize<'de> for ProtocolKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let number = match written.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16),
            None => written.parse(),
        };
        match number {
            Ok(number) => Ok(Self { number, written }),
            Err(_) => Err(de::Error::custom(format!(
                "it is no protocol number{REMEDY}write the number in quotes, as `\"0x15\"`"
            ))),
        }
    }
}
