// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reset: its messages.

use super::facts;
use crate::common::NameReply;
use crate::reset::*;

facts! {
    /// Messages of the reset domain protocol.
    Reset, ResetMessage, known (3, 1), negotiated since (3, 1);
    commands {
        0x3 DomainAttributes "RESET_DOMAIN_ATTRIBUTES" since (1, 0), domain in word 0 => DomainInfo;
        0x4 Reset "RESET" since (1, 0), domain in word 0 => ();
        0x5 Notify "RESET_NOTIFY" since (1, 0), domain in word 0 => ();
        0x6 DomainNameGet "RESET_DOMAIN_NAME_GET" since (3, 0), domain in word 0 => NameReply;
    }
    delayed {
        // Bit 0: only a reset that the platform does by itself can be asynchronous.
        Reset "RESET_COMPLETE" if word 1 & 0b101 == 0b101 => ResetComplete;
    }
    events {
        0 ResetIssued "RESET_ISSUED" enabled by Notify => ResetIssued;
    }
}
