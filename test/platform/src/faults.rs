// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Faults on purpose: what a bad platform does, asked for one by one.
//!
//! A rule waits for a message that it matches, does its fault to it, and is used up after `count` of them. The oldest rule
//! that matches wins.

use serde::{Deserialize, Serialize};

/// What is done to a reply, or to a message of the platform's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// It comes this many milliseconds later. Others overtake it.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// It waits until another reply has been given, and comes after that.
    Reorder,
    /// It never comes; the guest's buffer is not given back.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It is cut to this many bytes, and the used length says so.
    Truncate {
        /// Bytes that are left.
        len: usize,
    },
    /// It is complete, but the used length is a lie.
    UsedLength {
        /// The used length.
        len: u32,
    },
    /// It is given back under another descriptor.
    UsedId {
        /// The descriptor.
        id: u16,
    },
    /// Bits of its header are turned over.
    Header {
        /// The bits.
        xor: u32,
    },
    /// It has another status, and no return values. The command is not carried out.
    Status {
        /// The status word.
        status: i32,
    },
    /// Its payload is overwritten with this byte.
    Garbage {
        /// The byte.
        byte: u8,
    },
}

/// Which messages a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Replies to commands.
    #[default]
    Reply,
    /// Delayed responses.
    Delayed,
    /// Notifications.
    Notification,
}

/// A fault, and the messages it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// What kind of message.
    #[serde(default)]
    pub target: Target,
    /// Only this protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// Only this message of the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u8>,
    /// How many messages it is for.
    #[serde(default = "once")]
    pub count: u32,
    /// What is done to them.
    #[serde(flatten)]
    pub fault: Fault,
}

fn once() -> u32 {
    1
}

impl Rule {
    /// Checks that the fault can be done to what it is for.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.count == 0 {
            return Err("`count` is 0: the fault would be for no message".into());
        }
        let replies_only = matches!(self.fault, Fault::Reorder | Fault::UsedLength { .. });
        if replies_only && self.target != Target::Reply {
            return Err("reorder and used-length are for replies only".into());
        }
        Ok(())
    }
}

/// The rules that wait.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
}

impl Faults {
    /// Adds a rule.
    ///
    /// # Errors
    ///
    /// As [`Rule::check`].
    pub fn add(&mut self, rule: Rule) -> Result<(), String> {
        rule.check()?;
        self.rules.push(rule);
        Ok(())
    }

    /// Forgets all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that wait, oldest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Takes the fault for a message, if a rule matches it.
    pub fn take(&mut self, target: Target, protocol: u8, message: u8) -> Option<Fault> {
        let position = self.rules.iter().position(|rule| {
            rule.target == target
                && rule.protocol.is_none_or(|wanted| wanted == protocol)
                && rule.message.is_none_or(|wanted| wanted == message)
        })?;
        let rule = &mut self.rules[position];
        rule.count -= 1;
        let fault = rule.fault.clone();
        if rule.count == 0 {
            self.rules.remove(position);
        }
        Some(fault)
    }
}
