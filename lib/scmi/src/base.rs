// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The Base protocol, 0x10: who the platform is, what it has, and which agent may use what (DEN0056, "Base protocol").
//!
//! Every platform has it. Version 2 put the agent's number before its name in the reply to BASE_DISCOVER_AGENT.

use core::fmt;

use crate::common::{NotifyEnable, ShortName};
pub use crate::facts::base::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::status::Status;
use crate::wire::{
    Emit, Fault, Malformed, Message, PageHead, Parse, bits, message, read_prefix, write_prefix,
};

/// As agent number in a request: the agent that asks.
pub const SELF: u32 = u32::MAX;

bits! {
    /// What PROTOCOL_ATTRIBUTES says of the platform.
    pub struct ProtocolFlags {
        fields {
            /// How many protocols there are besides Base.
            protocols, with_protocols: u8 = [7:0];
            /// How many agents there are.
            agents, with_agents: u8 = [15:8];
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts.
        attributes: ProtocolFlags,
    }
}

message! {
    /// BASE_DISCOVER_VENDOR.
    pub struct DiscoverVendor {}
}

message! {
    /// BASE_DISCOVER_SUB_VENDOR.
    pub struct DiscoverSubVendor {}
}

message! {
    /// Reply to BASE_DISCOVER_VENDOR and BASE_DISCOVER_SUB_VENDOR.
    pub struct VendorReply {
        /// The name.
        vendor: ShortName,
    }
}

message! {
    /// BASE_DISCOVER_IMPLEMENTATION_VERSION.
    pub struct DiscoverImplementationVersion {}
}

message! {
    /// Reply to BASE_DISCOVER_IMPLEMENTATION_VERSION.
    pub struct ImplementationVersionReply {
        /// The vendor decides what it means.
        version: u32,
    }
}

message! {
    /// BASE_DISCOVER_LIST_PROTOCOLS.
    pub struct DiscoverListProtocols {
        /// How many protocols to skip.
        skip: u32,
    }
}

/// Reply to BASE_DISCOVER_LIST_PROTOCOLS: protocol numbers, one byte each, Base not among them.
///
/// On the wire the numbers are packed into words, the last of which is filled with zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtocolList<'a> {
    /// The numbers; compare with [`crate::Protocol`].
    pub protocols: &'a [u8],
}

impl ProtocolList<'_> {
    /// How many protocols fit a reply with this room for return values, in bytes.
    pub const fn capacity(room: usize) -> usize {
        room.saturating_sub(4) & !3
    }
}

impl<'a> Parse<'a> for ProtocolList<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        const NAME: &str = "ProtocolList";
        let (count, rest) = read_prefix::<zerocopy::little_endian::U32>(NAME, bytes)?;
        let said = usize::try_from(count.get()).unwrap_or(usize::MAX);
        match rest.get(..said) {
            Some(protocols) => Ok(Self { protocols }),
            None => Err(Malformed {
                message: NAME,
                fault: Fault::Entries {
                    said,
                    got: rest.len(),
                },
            }),
        }
    }
}

impl Emit for ProtocolList<'_> {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        const NAME: &str = "ProtocolList";
        let count = u32::try_from(self.protocols.len()).unwrap_or(u32::MAX);
        let mut rest = write_prefix(NAME, &zerocopy::little_endian::U32::new(count), out)?;
        for chunk in self.protocols.chunks(4) {
            let mut word = [0; 4];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            rest = write_prefix(NAME, &word, rest)?;
        }
        Ok(rest)
    }
}

message! {
    /// BASE_DISCOVER_AGENT.
    pub struct DiscoverAgent {
        /// Which agent; [`SELF`] is the one that asks (version 2), 0 is the platform.
        agent: u32,
    }
}

/// Reply to BASE_DISCOVER_AGENT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentReply {
    /// The agent's number; version 1 does not tell.
    pub agent: Option<u32>,
    /// Its name.
    pub name: ShortName,
}

message! {
    /// The reply as version 1 has it.
    pub struct AgentReplyV1 {
        /// Its name.
        name: ShortName,
    }
}

message! {
    /// The reply as version 2 has it.
    pub struct AgentReplyV2 {
        /// The agent's number.
        agent: u32,
        /// Its name.
        name: ShortName,
    }
}

impl Message for AgentReply {
    const NAME: &'static str = "AgentReply";
    const MIN_LEN: usize = AgentReplyV1::MIN_LEN;
    const MAX_LEN: usize = AgentReplyV2::MAX_LEN;

    fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        // The length tells the versions apart.
        if bytes.len() >= Self::MAX_LEN {
            let (reply, rest) = AgentReplyV2::parse_prefix(bytes)?;
            Ok((
                Self {
                    agent: Some(reply.agent),
                    name: reply.name,
                },
                rest,
            ))
        } else {
            let (reply, rest) = AgentReplyV1::parse_prefix(bytes)?;
            Ok((
                Self {
                    agent: None,
                    name: reply.name,
                },
                rest,
            ))
        }
    }
}

impl Emit for AgentReply {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        match self.agent {
            Some(agent) => AgentReplyV2 {
                agent,
                name: self.name,
            }
            .emit_prefix(out),
            None => AgentReplyV1 { name: self.name }.emit_prefix(out),
        }
    }
}

message! {
    /// BASE_NOTIFY_ERRORS: switches [`ErrorEvent`] on and off.
    pub struct NotifyErrors {
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

bits! {
    /// Whether access is allowed.
    pub struct PermissionFlags {
        flags {
            /// The agent may.
            allowed, with_allowed: 0;
        }
    }
}

message! {
    /// BASE_SET_DEVICE_PERMISSIONS: may this agent use this device?
    pub struct SetDevicePermissions {
        /// Which agent.
        agent: u32,
        /// Which device; the platform's manual has the numbers.
        device: u32,
        /// Yes or no.
        flags: PermissionFlags,
    }
}

message! {
    /// BASE_SET_PROTOCOL_PERMISSIONS: may this agent use this protocol on this device?
    pub struct SetProtocolPermissions {
        /// Which agent.
        agent: u32,
        /// Which device.
        device: u32,
        /// Which protocol, in the low eight bits.
        protocol: u32,
        /// Yes or no.
        flags: PermissionFlags,
    }
}

bits! {
    /// What BASE_RESET_AGENT_CONFIGURATION resets besides the agent's settings.
    pub struct ResetFlags {
        flags {
            /// The permissions too.
            permissions, with_permissions: 0;
        }
    }
}

message! {
    /// BASE_RESET_AGENT_CONFIGURATION: forget what this agent has set.
    pub struct ResetAgentConfiguration {
        /// Which agent.
        agent: u32,
        /// What to reset.
        flags: ResetFlags,
    }
}

bits! {
    /// What went wrong.
    pub struct ErrorFlags {
        flags {
            /// The platform cannot go on.
            fatal, with_fatal: 31;
        }
        fields {
            /// How many commands are to blame. They need not all be listed.
            commands, with_commands: u16 = [9:0];
        }
    }
}

message! {
    /// BASE_ERROR_EVENT without its list of commands.
    pub struct ErrorEvent {
        /// The agent whose commands failed.
        agent: u32,
        /// What went wrong.
        error: ErrorFlags,
    }
}

message! {
    /// A command that went wrong.
    ///
    /// That the header comes before the status is our reading of public sources; the specification was not at hand.
    pub struct ErrorReport {
        /// Its header; see [`crate::Header::unpack`].
        header: u32,
        /// Its status; see [`Status::from_raw`].
        status: i32,
    }
}

impl PageHead for ErrorEvent {
    fn returned(&self) -> usize {
        self.error.commands().into()
    }

    fn remaining(&self) -> usize {
        0
    }

    fn entries(&self, room: usize) -> usize {
        // The count may name more than a message holds, and the rest is never sent.
        self.returned().min(room / ErrorReport::MIN_LEN)
    }
}

impl fmt::Display for ErrorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.error.fatal() {
            "fatal error"
        } else {
            "error"
        };
        write!(
            f,
            "{kind} of agent {}, {} command(s) to blame",
            self.agent,
            self.error.commands()
        )
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            crate::Header::unpack(self.header),
            Status::from_raw(self.status)
        )
    }
}
