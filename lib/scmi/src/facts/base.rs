// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Base: its messages.

use super::facts;
use crate::base::*;
use crate::limits::MAX_PAYLOAD;
use crate::wire::Message as _;
use crate::wire::Page;

facts! {
    /// Messages of the Base protocol.
    Base, BaseMessage, known (2, 1), negotiated since (2, 1);
    commands {
        0x3 DiscoverVendor "BASE_DISCOVER_VENDOR" since (1, 0) => VendorReply;
        0x4 DiscoverSubVendor "BASE_DISCOVER_SUB_VENDOR" since (1, 0) => VendorReply;
        0x5 DiscoverImplementationVersion "BASE_DISCOVER_IMPLEMENTATION_VERSION" since (1, 0)
            => ImplementationVersionReply;
        0x6 DiscoverListProtocols "BASE_DISCOVER_LIST_PROTOCOLS" since (1, 0) => ProtocolList<'a>;
        0x7 DiscoverAgent "BASE_DISCOVER_AGENT" since (1, 0) => AgentReply;
        0x8 NotifyErrors "BASE_NOTIFY_ERRORS" since (1, 0) => ();
        0x9 SetDevicePermissions "BASE_SET_DEVICE_PERMISSIONS" since (2, 0) => ();
        0xa SetProtocolPermissions "BASE_SET_PROTOCOL_PERMISSIONS" since (2, 0) => ();
        0xb ResetAgentConfiguration "BASE_RESET_AGENT_CONFIGURATION" since (2, 0) => ();
    }
    events {
        // As many reports as a message holds.
        0 ErrorEvent "BASE_ERROR_EVENT" enabled by NotifyErrors,
            bytes (ErrorEvent::MIN_LEN, MAX_PAYLOAD) => Page<'a, ErrorEvent, ErrorReport>;
    }
}
