// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a client may use: protocols, messages, domains.

use crate::error::Refusal;
use scmi::Protocol;
use scmi::events::EVENTS;
use scmi::facts::COMMANDS;
use scmi::protocol::{BaseMessage, common};

/// Message ids of a protocol, a bit each.
pub type MessageSet = [u32; 8];

/// What a client may do with a protocol.
#[derive(Copy, Clone, Debug)]
pub struct Rule {
    /// The protocol; `None`: every protocol that no earlier rule names.
    pub protocol: Option<u8>,
    /// The messages; `None`: all.
    pub messages: Option<MessageSet>,
    /// The domains (clocks, sensors, ...); `None`: all. Messages without a domain are not restricted by it.
    pub domains: Option<&'static [u32]>,
}

impl Rule {
    /// Everything.
    pub const ALL: Self = Self {
        protocol: None,
        messages: None,
        domains: None,
    };

    /// All of one protocol.
    pub const fn protocol(protocol: u8) -> Self {
        Self {
            protocol: Some(protocol),
            ..Self::ALL
        }
    }

    fn allows_message(&self, message: u8) -> bool {
        match &self.messages {
            None => true,
            Some(set) => has(set, message),
        }
    }

    fn allows_domain(&self, domain: u32) -> bool {
        self.domains.is_none_or(|all| all.contains(&domain))
    }
}

fn has(set: &MessageSet, message: u8) -> bool {
    set.get(usize::from(message / 32))
        .is_some_and(|word| word & 1 << (message % 32) != 0)
}

/// Message ids as a set; for tables.
pub const fn messages(ids: &[u8]) -> MessageSet {
    let mut set = [0; 8];
    let mut i = 0;
    while i < ids.len() {
        set[(ids[i] / 32) as usize] |= 1 << (ids[i] % 32);
        i += 1;
    }
    set
}

/// What a client may use; the first rule that fits the protocol counts. No rule allows a message
/// that the driver keeps to itself.
///
/// Ordinary commands are allowed or not by one look into a table that follows from the rules and is made with them.
#[derive(Copy, Clone, Debug)]
pub struct Rules {
    list: &'static [Rule],
    /// Of the protocols 0x10 to 0x1f, a bit for each of the messages 0 to 31 that may be sent.
    allowed: [u32; 16],
    /// Of these, the ones whose requests need not be looked into.
    plain: [u32; 16],
    /// Domains play a role: requests must be looked into.
    restricted: bool,
}

impl Rules {
    /// The rules of a client.
    pub const fn new(list: &'static [Rule]) -> Self {
        let mut rules = Self {
            list,
            allowed: [0; 16],
            plain: [0; 16],
            restricted: false,
        };
        // From the last to the first, so that the first one that fits stays.
        let mut number = list.len();
        while number > 0 {
            number -= 1;
            rules.work_in(&list[number]);
        }
        let mut low = 0;
        while low < rules.plain.len() && !rules.restricted {
            rules.plain[low] = rules.allowed[low] & !DELAYED[low];
            low += 1;
        }
        rules
    }

    const fn work_in(&mut self, rule: &Rule) {
        self.restricted |= rule.domains.is_some();
        let messages = match &rule.messages {
            None => u32::MAX,
            Some(set) => set[0],
        };
        let mut low = 0;
        while low < self.allowed.len() {
            let fits = match rule.protocol {
                None => true,
                Some(only) => only as usize == STANDARD | low,
            };
            if fits {
                self.allowed[low] = messages & !RESERVED[low];
            }
            low += 1;
        }
    }

    fn rule(&self, protocol: u8) -> Result<&Rule, Refusal> {
        self.list
            .iter()
            .find(|rule| rule.protocol.is_none_or(|only| only == protocol))
            .ok_or(Refusal::ProtocolNotAllowed)
    }

    /// May it send this command? The domain is checked later, when the request is there.
    /// The result says whether the request must be looked into: because some rule is about domains, or because its flags can ask for a
    /// delayed response.
    pub(crate) fn check_command(&self, protocol: u8, message: u8) -> Result<bool, Refusal> {
        if self.is_plain(protocol, message) {
            return Ok(false);
        }
        self.check_special(protocol, message)
    }

    /// Whether it may send this command, and the request need not be looked into.
    pub(crate) fn is_plain(&self, protocol: u8, message: u8) -> bool {
        let low = usize::from(protocol).wrapping_sub(STANDARD);
        let plain = self.plain.get(low).copied().unwrap_or(0);
        message < 32 && plain & 1 << message != 0
    }

    /// [`Rules::check_command`] for what is not plain.
    pub(crate) fn check_special(&self, protocol: u8, message: u8) -> Result<bool, Refusal> {
        let low = usize::from(protocol).wrapping_sub(STANDARD);
        match self.allowed.get(low) {
            Some(allowed) if message < 32 && allowed & 1 << message != 0 => Ok(true),
            _ => self
                .check_by_rule(protocol, message)
                .map(|()| self.restricted),
        }
    }

    /// [`Rules::check_command`] for all others: a protocol or message of a vendor, or a refusal.
    fn check_by_rule(&self, protocol: u8, message: u8) -> Result<(), Refusal> {
        let rule = self.rule(protocol)?;
        if is_reserved(protocol, message) {
            return Err(Refusal::ReservedMessage);
        }
        if !rule.allows_message(message) {
            return Err(Refusal::MessageNotAllowed);
        }
        Ok(())
    }

    /// May it send this request, given that it may send the command? `len` is that of the parameters in bytes, `parameter` tells
    /// their words.
    pub(crate) fn check_domain(
        &self,
        protocol: u8,
        message: u8,
        len: usize,
        parameter: impl FnOnce(usize) -> u32,
    ) -> Result<(), Refusal> {
        let rule = self.rule(protocol)?;
        let (Some(_), Some(word)) = (rule.domains, domain_word(protocol, message)) else {
            return Ok(());
        };
        // A request too short to name a domain is none that the client may send.
        if len < (word + 1) * 4 || !rule.allows_domain(parameter(word)) {
            return Err(Refusal::DomainNotAllowed);
        }
        Ok(())
    }

    /// May it subscribe to an event that `message` switches? `source` is `None` for all sources.
    pub(crate) fn check_event(
        &self,
        protocol: u8,
        message: u8,
        source: Option<u32>,
    ) -> Result<(), Refusal> {
        let rule = self.rule(protocol)?;
        if !rule.allows_message(message) {
            return Err(Refusal::MessageNotAllowed);
        }
        let allowed = match source {
            Some(source) => rule.allows_domain(source),
            None => rule.domains.is_none(),
        };
        if allowed {
            Ok(())
        } else {
            Err(Refusal::DomainNotAllowed)
        }
    }
}

/// Which word of the request names the domain, if one does. A command that is not known names it first, in protocols that have
/// domains: a client that is restricted to some must not reach others by it.
fn domain_word(protocol: u8, message: u8) -> Option<usize> {
    let low = usize::from(protocol).wrapping_sub(STANDARD);
    let has = |set: u32| message < 32 && set & 1 << message != 0;
    let none = NO_DOMAIN.get(low).copied().unwrap_or(COMMON);
    if none == u32::MAX || has(none) {
        return None;
    }
    Some(usize::from(
        DOMAIN_SECOND.get(low).is_some_and(|set| has(*set)),
    ))
}

/// The messages that every protocol has under the same number, a bit each.
const COMMON: u32 = 1 << common::PROTOCOL_VERSION
    | 1 << common::PROTOCOL_ATTRIBUTES
    | 1 << common::PROTOCOL_MESSAGE_ATTRIBUTES
    | 1 << common::NEGOTIATE_PROTOCOL_VERSION;

/// The messages that name no domain, of the protocols 0x10 to 0x1f, a bit for each of the messages 0 to 31; all bits where a protocol
/// has no domains.
const NO_DOMAIN: [u32; 16] = {
    let mut table = [COMMON; 16];
    let mut has_domains = [true; 16];
    let mut i = 0;
    while i < COMMANDS.len() {
        has_domains[COMMANDS[i].protocol.id() as usize & 15] = false;
        i += 1;
    }
    i = 0;
    while i < COMMANDS.len() {
        let low = COMMANDS[i].protocol.id() as usize & 15;
        match COMMANDS[i].domain_word {
            None => table[low] |= 1 << COMMANDS[i].id,
            Some(_) => has_domains[low] = true,
        }
        i += 1;
    }
    let mut low = 0;
    while low < table.len() {
        if !has_domains[low] {
            table[low] = u32::MAX;
        }
        low += 1;
    }
    table
};

/// The messages that name the domain in their second word, likewise; all others that name one do it in the first.
const DOMAIN_SECOND: [u32; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < COMMANDS.len() {
        if let Some(word) = COMMANDS[i].domain_word {
            assert!(word < 2, "the domain is in the first two words");
            table[COMMANDS[i].protocol.id() as usize & 15] |= (word as u32) << COMMANDS[i].id;
        }
        i += 1;
    }
    table
};

/// The first of the protocols that the specification has or reserves; they differ in the low four bits.
const STANDARD: usize = 0x10;

/// Messages of the Base protocol that change what the platform keeps for the agent, which is the
/// whole guest: a client that sent one would end the other clients' subscriptions and settings, or
/// would take permissions from them. The platform cannot tell the clients apart, and the driver
/// cannot tell which agent numbers mean its own guest, so these are refused for every agent.
/// PINCTRL_SET_PERMISSIONS is none of these: it concerns one pin or group, and `domains` restricts
/// it.
const RESERVED_BASE: [u8; 3] = [
    BaseMessage::SetDevicePermissions as u8,
    BaseMessage::SetProtocolPermissions as u8,
    BaseMessage::ResetAgentConfiguration as u8,
];

/// The messages that the driver keeps to itself, of the protocols 0x10 to 0x1f, a bit for each of
/// the messages 0 to 31: those of [`RESERVED_BASE`], NEGOTIATE_PROTOCOL_VERSION, which changes a
/// protocol for all clients, and those that switch events on and off, which the driver sends for
/// all clients together (N07).
const RESERVED: [u32; 16] = {
    let mut table = [1 << common::NEGOTIATE_PROTOCOL_VERSION; 16];
    let mut i = 0;
    while i < RESERVED_BASE.len() {
        table[Protocol::Base as usize & 15] |= 1 << RESERVED_BASE[i];
        i += 1;
    }
    let mut i = 0;
    while i < EVENTS.len() {
        let event = &EVENTS[i];
        table[event.protocol.id() as usize & 15] |= 1 << event.enabled_by;
        i += 1;
    }
    table
};

/// The messages that can ask for a delayed response, by the low four bits of the protocol.
const DELAYED: [u32; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < scmi::events::DELAYED.len() {
        let delayed = &scmi::events::DELAYED[i];
        table[delayed.protocol.id() as usize & 15] |= 1 << delayed.message;
        i += 1;
    }
    table
};

/// Returns `true` if the driver keeps a message to itself. Vendors' protocols have
/// NEGOTIATE_PROTOCOL_VERSION too.
fn is_reserved(protocol: u8, message: u8) -> bool {
    let low = usize::from(protocol).wrapping_sub(STANDARD);
    message == common::NEGOTIATE_PROTOCOL_VERSION
        || message < 32 && RESERVED.get(low).is_some_and(|set| set & 1 << message != 0)
}

#[cfg(test)]
mod tests;
