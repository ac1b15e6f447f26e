// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Voltage: its messages.

use super::facts;
use crate::common::NameReply;
use crate::voltage::*;

facts! {
    /// Messages of the voltage domain protocol.
    Voltage, VoltageMessage, known (2, 1), negotiated since (2, 1);
    commands {
        0x3 DomainAttributes "VOLTAGE_DOMAIN_ATTRIBUTES" since (1, 0), domain in word 0
            => DomainInfo;
        0x4 DescribeLevels "VOLTAGE_DESCRIBE_LEVELS" since (1, 0), domain in word 0 => Levels<'a>;
        0x5 ConfigSet "VOLTAGE_CONFIG_SET" since (1, 0), domain in word 0 => ();
        0x6 ConfigGet "VOLTAGE_CONFIG_GET" since (1, 0), domain in word 0 => ConfigGetReply;
        0x7 LevelSet "VOLTAGE_LEVEL_SET" since (1, 0), domain in word 0 => ();
        0x8 LevelGet "VOLTAGE_LEVEL_GET" since (1, 0), domain in word 0 => Level;
        0x9 DomainNameGet "VOLTAGE_DOMAIN_NAME_GET" since (2, 0), domain in word 0 => NameReply;
    }
    delayed {
        LevelSet "VOLTAGE_LEVEL_SET_COMPLETE" if word 1 & 0b1 == 0b1 => LevelSetComplete;
    }
}
