// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power: its messages.

use super::facts;
use crate::common::NameReply;
use crate::power::*;

facts! {
    /// Messages of the power domain protocol.
    Power, PowerMessage, known (3, 1), negotiated since (3, 1);
    commands {
        0x3 DomainAttributes "POWER_DOMAIN_ATTRIBUTES" since (1, 0), domain in word 0 => DomainInfo;
        0x4 StateSet "POWER_STATE_SET" since (1, 0), domain in word 1 => ();
        0x5 StateGet "POWER_STATE_GET" since (1, 0), domain in word 0 => StateGetReply;
        0x6 StateNotify "POWER_STATE_NOTIFY" since (1, 0), domain in word 0 => ();
        0x7 ChangeRequestedNotify "POWER_STATE_CHANGE_REQUESTED_NOTIFY" since (2, 0), domain in word 0
            => ();
        0x8 DomainNameGet "POWER_DOMAIN_NAME_GET" since (3, 0), domain in word 0 => NameReply;
    }
    delayed {
        StateSet "POWER_STATE_SET_COMPLETE" if word 0 & 0b1 == 0b1 => StateSetComplete;
    }
    events {
        0 StateChanged "POWER_STATE_CHANGED" enabled by StateNotify => StateChanged;
        1 StateChangeRequested "POWER_STATE_CHANGE_REQUESTED" enabled by ChangeRequestedNotify
            => StateChangeRequested;
    }
}
