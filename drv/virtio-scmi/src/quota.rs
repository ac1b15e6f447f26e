// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who may use what: the table that `app.toml` gives, and what each client has of it at the moment.

use crate::error::Refusal;
use crate::memory::DmaBuffer;
use crate::subscribers::Queue;
use scmi::Protocol;
use scmi::events::EVENTS;
use scmi::protocol::{ClockMessage, PowerMessage, common};

/// Most clients: their sets are 32-bit masks.
pub const CLIENTS_MAX: usize = 32;

/// A task in one of its lives: the kernel's task id, index in the low ten bits and generation above.
///
/// An answer goes to the owner that asked. When the task restarts, its owner value changes, so nothing can reach a successor.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Owner(pub u16);

impl Owner {
    /// No task; also what the driver's own commands have.
    pub const NOBODY: Self = Self(u16::MAX);

    /// Number of the task in the image.
    pub const fn task(self) -> u16 {
        self.0 & 0x3ff
    }
}

/// Index into the table of clients, below [`CLIENTS_MAX`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ClientId(pub(crate) u8);

impl ClientId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn bit(self) -> u32 {
        1 << (self.0 & 31)
    }
}

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

/// Whether any rule restricts domains; for tables.
pub const fn restricted(rules: &[Rule]) -> bool {
    let mut i = 0;
    while i < rules.len() {
        if rules[i].domains.is_some() {
            return true;
        }
        i += 1;
    }
    false
}

/// One client, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct ClientConfig {
    /// Number of the task in the image.
    pub task: u16,
    /// Slots that it may hold at once, those included that the device keeps after the client gave up.
    pub slots: u16,
    /// Events that its queue holds.
    pub events: u8,
    /// Subscriptions that it may have at once.
    pub subscriptions: u8,
    /// Notification bits posted to it when an event was queued; 0: none.
    pub event_bits: u32,
    /// What it may use; the first rule that fits the protocol counts.
    pub rules: &'static [Rule],
    /// [`restricted`] of the rules: whether requests must be looked into.
    pub restricted: bool,
}

impl ClientConfig {
    fn rule(&self, protocol: u8) -> Result<&Rule, Refusal> {
        self.rules
            .iter()
            .find(|rule| rule.protocol.is_none_or(|only| only == protocol))
            .ok_or(Refusal::ProtocolNotAllowed)
    }

    /// May it send this command? The domain is checked later, when the request is there.
    pub(crate) fn check_command(&self, protocol: u8, message: u8) -> Result<(), Refusal> {
        if !self.rule(protocol)?.allows_message(message) || switches_event(protocol, message) {
            return Err(Refusal::MessageNotAllowed);
        }
        Ok(())
    }

    /// May it send this request, given that it may send the command? `len` is that of the payload in bytes.
    pub(crate) fn check_domain(
        &self,
        protocol: u8,
        message: u8,
        request: &DmaBuffer,
        len: usize,
    ) -> Result<(), Refusal> {
        let rule = self.rule(protocol)?;
        let (Some(_), Some(word)) = (rule.domains, domain_word(protocol, message)) else {
            return Ok(());
        };
        // A request too short to name a domain is none that the client may send.
        if len < (word + 1) * 4 || !rule.allows_domain(request.word(1 + word)) {
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

/// Which word of the request names the domain, if one does.
fn domain_word(protocol: u8, message: u8) -> Option<usize> {
    const BASE: u8 = Protocol::Base as u8;
    const SYSTEM: u8 = Protocol::System as u8;
    const POWER: u8 = Protocol::Power as u8;
    const CLOCK: u8 = Protocol::Clock as u8;
    const STATE_SET: u8 = PowerMessage::StateSet as u8;
    const RATE_SET: u8 = ClockMessage::RateSet as u8;
    match (protocol, message) {
        (BASE | SYSTEM, _)
        | (
            _,
            common::PROTOCOL_VERSION
            | common::PROTOCOL_ATTRIBUTES
            | common::PROTOCOL_MESSAGE_ATTRIBUTES
            | common::NEGOTIATE_PROTOCOL_VERSION,
        ) => None,
        // These two have their flags first.
        (POWER, STATE_SET) | (CLOCK, RATE_SET) => Some(1),
        _ => Some(0),
    }
}

/// The messages that switch events on and off, by the low four bits of the protocol, which differ for all that have any.
const SWITCHES: [u32; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < EVENTS.len() {
        let event = &EVENTS[i];
        table[event.protocol.id() as usize & 15] |= 1 << event.enabled_by;
        i += 1;
    }
    table
};

/// Whether a command switches an event: then the driver alone sends it, for all clients together (N07).
fn switches_event(protocol: u8, message: u8) -> bool {
    protocol & 0xf0 == 0x10
        && message < 32
        && SWITCHES
            .get(usize::from(protocol & 15))
            .is_some_and(|set| set & 1 << message != 0)
}

/// What a client has at the moment.
pub struct Client {
    pub(crate) config: &'static ClientConfig,
    /// The life of the task that last called.
    pub(crate) owner: Owner,
    /// Slots that count to its quota.
    pub(crate) held: u16,
    /// Subscriptions that count to its quota.
    pub(crate) subscriptions: u8,
    /// Events to fetch.
    pub(crate) queue: Queue,
}

impl Client {
    /// A client that has not called yet.
    pub const fn new(config: &'static ClientConfig) -> Self {
        Self {
            config,
            owner: Owner::NOBODY,
            held: 0,
            subscriptions: 0,
            queue: Queue::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d04_one_rule_with_domains_anywhere_makes_a_client_restricted() {
        const LIMITED: Rule = Rule {
            domains: Some(&[1]),
            ..Rule::protocol(0x14)
        };
        assert!(!restricted(&[]));
        assert!(!restricted(&[Rule::ALL, Rule::protocol(0x11), Rule::ALL]));
        for at in 0..3 {
            let mut rules = [Rule::ALL; 3];
            rules[at] = LIMITED;
            assert!(restricted(&rules), "at {at}");
        }
    }

    static CLIENT: ClientConfig = ClientConfig {
        restricted: true,
        task: 1,
        slots: 1,
        events: 1,
        subscriptions: 1,
        event_bits: 0,
        rules: &[
            Rule {
                protocol: Some(0x15),
                messages: Some(messages(&[0, 6, 0xb, 200])),
                domains: Some(&[3, 7]),
            },
            Rule {
                protocol: Some(0x14),
                messages: None,
                domains: Some(&[1]),
            },
            Rule {
                protocol: Some(0x11),
                messages: None,
                domains: Some(&[1]),
            },
        ],
    };

    #[test]
    fn d04_only_what_the_table_allows_is_sent() {
        assert_eq!(CLIENT.check_command(0x15, 6), Ok(()));
        assert_eq!(CLIENT.check_command(0x15, 200), Ok(()));
        assert_eq!(
            CLIENT.check_command(0x15, 7),
            Err(Refusal::MessageNotAllowed)
        );
        assert_eq!(
            CLIENT.check_command(0x13, 0),
            Err(Refusal::ProtocolNotAllowed)
        );
    }

    #[test]
    fn n07_commands_that_switch_events_are_the_drivers_own() {
        for event in EVENTS {
            assert!(switches_event(event.protocol.id(), event.enabled_by));
        }
        let count: u32 = SWITCHES.iter().map(|set| set.count_ones()).sum();
        assert_eq!(count as usize, EVENTS.len());
        assert!(!switches_event(0x25, 0xb) && !switches_event(0x15, 0xb + 32));
        assert_eq!(
            CLIENT.check_command(0x15, 0xb),
            Err(Refusal::MessageNotAllowed)
        );
    }

    #[test]
    fn d04_the_domain_is_found_where_the_message_has_it() {
        let buffer = DmaBuffer::new();
        let check = |protocol, message, words: &[u32]| {
            for (i, &word) in words.iter().enumerate() {
                buffer.set_word(1 + i, word);
            }
            CLIENT.check_domain(protocol, message, &buffer, words.len() * 4)
        };
        assert_eq!(check(0x15, 6, &[3, 9]), Ok(()));
        assert_eq!(check(0x15, 6, &[4, 3]), Err(Refusal::DomainNotAllowed));
        assert_eq!(check(0x15, 6, &[]), Err(Refusal::DomainNotAllowed));
        // Not a domain but a message number.
        assert_eq!(check(0x15, 2, &[4]), Ok(()));
        // Flags first.
        assert_eq!(check(0x14, 5, &[0, 1, 0, 0]), Ok(()));
        assert_eq!(
            check(0x14, 5, &[1, 0, 0, 0]),
            Err(Refusal::DomainNotAllowed)
        );
        assert_eq!(check(0x14, 5, &[1]), Err(Refusal::DomainNotAllowed));
        assert_eq!(check(0x14, 6, &[1]), Ok(()));
        assert_eq!(check(0x11, 4, &[7, 1, 0]), Ok(()));
        assert_eq!(check(0x11, 5, &[7]), Err(Refusal::DomainNotAllowed));
    }

    #[test]
    fn d04_what_lies_behind_a_request_that_is_too_short_names_no_domain() {
        // Of an earlier request of another client, say: everything that this one may use.
        let buffer = DmaBuffer::new();
        for word in 1..DmaBuffer::LEN / 4 {
            buffer.set_word(word, if word == 1 { 3 } else { 1 });
        }
        for (protocol, message, needed) in [(0x15, 6, 4), (0x14, 5, 8), (0x11, 4, 8)] {
            for len in 0..=16 {
                let allowed = CLIENT.check_domain(protocol, message, &buffer, len);
                assert_eq!(allowed.is_ok(), len >= needed, "{protocol:#x} {len}");
            }
        }
    }

    #[test]
    fn n07_events_follow_the_rules_of_the_message_that_switches_them() {
        assert_eq!(CLIENT.check_event(0x15, 0xb, Some(7)), Ok(()));
        assert_eq!(
            CLIENT.check_event(0x15, 0xb, Some(8)),
            Err(Refusal::DomainNotAllowed)
        );
        assert_eq!(
            CLIENT.check_event(0x15, 0xb, None),
            Err(Refusal::DomainNotAllowed)
        );
        assert_eq!(
            CLIENT.check_event(0x15, 4, Some(7)),
            Err(Refusal::MessageNotAllowed)
        );
    }
}
