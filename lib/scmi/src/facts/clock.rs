// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clock: its messages.

use super::facts;
use crate::clock::*;
use crate::common::NameReply;

facts! {
    /// Messages of the clock protocol.
    Clock, ClockMessage, known (3, 0), negotiated since (3, 0);
    commands {
        0x3 ClockAttributes "CLOCK_ATTRIBUTES" since (1, 0), domain in word 0 => ClockInfo;
        0x4 DescribeRates "CLOCK_DESCRIBE_RATES" since (1, 0), domain in word 0 => Rates<'a>;
        0x5 RateSet "CLOCK_RATE_SET" since (1, 0), domain in word 1 => ();
        0x6 RateGet "CLOCK_RATE_GET" since (1, 0), domain in word 0 => Rate;
        0x7 ConfigSet "CLOCK_CONFIG_SET" since (1, 0), domain in word 0 => ();
        0x8 NameGet "CLOCK_NAME_GET" since (2, 0), domain in word 0 => NameReply;
        0x9 RateNotify "CLOCK_RATE_NOTIFY" since (2, 0), domain in word 0 => ();
        0xa RateChangeRequestedNotify "CLOCK_RATE_CHANGE_REQUESTED_NOTIFY" since (2, 0), domain in word 0
            => ();
        0xb ConfigGet "CLOCK_CONFIG_GET" since (3, 0), domain in word 0 => ConfigGetReply;
        0xc PossibleParentsGet "CLOCK_POSSIBLE_PARENTS_GET" since (3, 0), domain in word 0
            => Parents<'a>;
        0xd ParentSet "CLOCK_PARENT_SET" since (3, 0), domain in word 0 => ();
        0xe ParentGet "CLOCK_PARENT_GET" since (3, 0), domain in word 0 => Parent;
        0xf GetPermissions "CLOCK_GET_PERMISSIONS" since (3, 0), domain in word 0 => Permissions;
    }
    delayed {
        // Bit 1: the agent wants no delayed response.
        RateSet "CLOCK_RATE_SET_COMPLETE" if word 0 & 0b11 == 0b01 => RateSetComplete;
    }
    events {
        0 RateChanged "CLOCK_RATE_CHANGED" enabled by RateNotify => RateChanged;
        1 RateChangeRequested "CLOCK_RATE_CHANGE_REQUESTED" enabled by RateChangeRequestedNotify
            => RateChangeRequested;
    }
}
