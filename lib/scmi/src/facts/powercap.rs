// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Powercap: its messages.

use super::facts;
use crate::common::NameReply;
use crate::powercap::*;

facts! {
    /// Messages of the power capping protocol.
    Powercap, PowercapMessage, known (2, 0), negotiated since (2, 0);
    commands {
        0x3 DomainAttributes "POWERCAP_DOMAIN_ATTRIBUTES" since (1, 0), domain in word 0
            => DomainInfo;
        0x4 CapGet "POWERCAP_CAP_GET" since (1, 0), domain in word 0 => CapGetReply;
        0x5 CapSet "POWERCAP_CAP_SET" since (1, 0), domain in word 0 => ();
        0x6 PaiGet "POWERCAP_PAI_GET" since (1, 0), domain in word 0 => PaiGetReply;
        0x7 PaiSet "POWERCAP_PAI_SET" since (1, 0), domain in word 0 => ();
        0x8 DomainNameGet "POWERCAP_DOMAIN_NAME_GET" since (1, 0), domain in word 0 => NameReply;
        0x9 MeasurementsGet "POWERCAP_MEASUREMENTS_GET" since (1, 0), domain in word 0
            => Measurements;
        0xa CapNotify "POWERCAP_CAP_NOTIFY" since (1, 0), domain in word 0 => ();
        0xb MeasurementsNotify "POWERCAP_MEASUREMENTS_NOTIFY" since (1, 0), domain in word 0 => ();
        0xc DescribeFastchannel "POWERCAP_DESCRIBE_FASTCHANNEL" since (1, 0), domain in word 0
            => Fastchannel;
    }
    delayed {
        // Bit 0: the agent wants no delayed response.
        CapSet "POWERCAP_CAP_SET_COMPLETE" if word 1 & 0b11 == 0b10 => CapSetComplete;
    }
    events {
        0 CapChanged "POWERCAP_CAP_CHANGED" enabled by CapNotify => CapChanged;
        1 MeasurementsChanged "POWERCAP_MEASUREMENTS_CHANGED" enabled by MeasurementsNotify
            => MeasurementsChanged;
    }
}
