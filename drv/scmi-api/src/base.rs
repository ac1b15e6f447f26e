// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The Base protocol: who the platform is, and what it has.

use scmi::base::{
    AgentReply, Attributes, DiscoverAgent, DiscoverImplementationVersion, DiscoverListProtocols,
    DiscoverSubVendor, DiscoverVendor, PermissionFlags, ResetAgentConfiguration, ResetFlags, SELF,
    SetDevicePermissions, SetProtocolPermissions,
};
use scmi::common::ShortName;

use crate::incoming::subscriptions;
use crate::link::{Repeat, protocol};
use crate::{Buffer, Error, Exchange, Link, PAYLOAD_MAX, Scmi};

protocol! {
    /// The platform as a whole.
    pub struct Base: Base, base;
}

impl<'e, E: Exchange + ?Sized> Base<'e, E> {
    /// The name of the platform's vendor. A platform may send no more bytes than it has, as for
    /// [`sub_vendor`](Self::sub_vendor).
    pub fn vendor(&self) -> Result<ShortName, Error> {
        Ok(self.link.get_padded(&DiscoverVendor {}, 1)?.vendor)
    }

    /// The name of the vendor's part.
    pub fn sub_vendor(&self) -> Result<ShortName, Error> {
        Ok(self.link.get_padded(&DiscoverSubVendor {}, 1)?.vendor)
    }

    /// The version of the platform's firmware, in the vendor's own numbering.
    pub fn implementation_version(&self) -> Result<u32, Error> {
        Ok(self.link.get(&DiscoverImplementationVersion {})?.version)
    }

    /// The numbers of the protocols that the platform has besides Base.
    pub fn protocols(&self) -> Protocols<'e, E> {
        Protocols {
            link: self.link,
            found: [0; PAYLOAD_MAX],
            len: 0,
            next: 0,
            skip: 0,
            left: None,
        }
    }

    /// An agent's number and name.
    pub fn agent(&self, agent: u32) -> Result<AgentReply, Error> {
        self.link.get(&DiscoverAgent { agent })
    }

    /// This agent's own number and name (version 2).
    pub fn own_agent(&self) -> Result<AgentReply, Error> {
        self.agent(SELF)
    }

    /// Lets an agent use a device, or not. Only a trusted agent may say.
    ///
    /// The driver refuses this to its clients with
    /// [`ReservedMessage`](crate::ScmiError::ReservedMessage): they all are one agent, and the
    /// command would change what all of them may use.
    pub fn set_device_permissions(
        &self,
        agent: u32,
        device: u32,
        allowed: bool,
    ) -> Result<(), Error> {
        let flags = PermissionFlags::default().with_allowed(allowed);
        self.link.get(&SetDevicePermissions {
            agent,
            device,
            flags,
        })
    }

    /// Lets an agent use a protocol on a device, or not. Only a trusted agent may say.
    ///
    /// The driver refuses this to its clients, as it refuses
    /// [`set_device_permissions`](Self::set_device_permissions).
    pub fn set_protocol_permissions(
        &self,
        agent: u32,
        device: u32,
        protocol: u8,
        allowed: bool,
    ) -> Result<(), Error> {
        let flags = PermissionFlags::default().with_allowed(allowed);
        self.link.get(&SetProtocolPermissions {
            agent,
            device,
            protocol: protocol.into(),
            flags,
        })
    }

    /// Makes the platform forget what an agent has set, and its permissions too if told. Not sent
    /// again by itself: something may have been set since.
    ///
    /// The driver refuses this to its clients with
    /// [`ReservedMessage`](crate::ScmiError::ReservedMessage): they all are one agent, and the
    /// command would end the subscriptions of all of them.
    pub fn reset_agent_configuration(&self, agent: u32, permissions: bool) -> Result<(), Error> {
        let flags = ResetFlags::default().with_permissions(permissions);
        self.link
            .set_once(&ResetAgentConfiguration { agent, flags })
    }
}

subscriptions! {
    Base;
    /// Follows errors of commands; the source is 0.
    notify_errors: scmi::base::ErrorEvent;
}

/// The protocols of a platform; see [`Base::protocols`]. An error is the last item.
///
/// There are as many as PROTOCOL_ATTRIBUTES counts: some platforms refuse a page behind the last
/// one, and some ignore how many to skip.
pub struct Protocols<'e, E: ?Sized = Scmi> {
    link: Link<'e, E>,
    found: Buffer,
    len: usize,
    next: usize,
    skip: u32,
    /// How many are still to come; `None` before the first page.
    left: Option<u8>,
}

impl<E: Exchange + ?Sized> Protocols<'_, E> {
    fn fetch(&mut self) -> Result<(), Error> {
        let mut buffer = [0; PAYLOAD_MAX];
        let list = self.link.ask(
            &DiscoverListProtocols { skip: self.skip },
            Repeat::Harmless,
            &mut buffer,
        )?;
        self.len = list.protocols.len();
        self.next = 0;
        for (to, from) in self.found.iter_mut().zip(list.protocols) {
            *to = *from;
        }
        self.skip = self
            .skip
            .saturating_add(u32::try_from(self.len).unwrap_or(u32::MAX));
        Ok(())
    }

    /// The next one; `None` is the end.
    fn take(&mut self) -> Result<Option<u8>, Error> {
        let left = match self.left {
            Some(left) => left,
            None => self.link.get(&Attributes {})?.attributes.protocols(),
        };
        let Some(rest) = left.checked_sub(1) else {
            return Ok(None);
        };
        if self.next >= self.len {
            self.fetch()?;
        }
        let protocol = self
            .found
            .get(..self.len)
            .and_then(|found| found.get(self.next));
        self.next = self.next.saturating_add(1);
        self.left = Some(rest);
        Ok(protocol.copied())
    }
}

impl<E: Exchange + ?Sized> Iterator for Protocols<'_, E> {
    type Item = Result<u8, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.take().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.left = Some(0);
        }
        item
    }
}

impl<E: ?Sized> core::fmt::Debug for Protocols<'_, E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Protocols")
            .field("skip", &self.skip)
            .finish_non_exhaustive()
    }
}
