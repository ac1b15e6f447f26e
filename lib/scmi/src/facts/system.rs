// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System: its messages.

use super::facts;
use crate::system::*;

facts! {
    /// Messages of the system power protocol.
    System, SystemMessage, known (2, 1), negotiated since (2, 1);
    commands {
        0x3 StateSet "SYSTEM_POWER_STATE_SET" since (1, 0) => ();
        0x4 StateGet "SYSTEM_POWER_STATE_GET" since (1, 0) => StateGetReply;
        0x5 StateNotify "SYSTEM_POWER_STATE_NOTIFY" since (1, 0) => ();
    }
    events {
        0 StateNotifier "SYSTEM_POWER_STATE_NOTIFIER" enabled by StateNotify => StateNotifier;
    }
}
