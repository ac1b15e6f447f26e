// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Perf: its messages.

use super::facts;
use crate::common::NameReply;
use crate::perf::*;

facts! {
    /// Messages of the performance domain protocol.
    Perf, PerfMessage, known (4, 0), negotiated since (4, 0);
    commands {
        0x3 DomainAttributes "PERFORMANCE_DOMAIN_ATTRIBUTES" since (1, 0), domain in word 0
            => DomainInfo;
        0x4 DescribeLevels "PERFORMANCE_DESCRIBE_LEVELS" since (1, 0), domain in word 0
            => Levels<'a>;
        0x5 LimitsSet "PERFORMANCE_LIMITS_SET" since (1, 0), domain in word 0 => ();
        0x6 LimitsGet "PERFORMANCE_LIMITS_GET" since (1, 0), domain in word 0 => LimitsGetReply;
        0x7 LevelSet "PERFORMANCE_LEVEL_SET" since (1, 0), domain in word 0 => ();
        0x8 LevelGet "PERFORMANCE_LEVEL_GET" since (1, 0), domain in word 0 => LevelGetReply;
        0x9 NotifyLimits "PERFORMANCE_NOTIFY_LIMITS" since (1, 0), domain in word 0 => ();
        0xa NotifyLevel "PERFORMANCE_NOTIFY_LEVEL" since (1, 0), domain in word 0 => ();
        0xb DescribeFastchannel "PERFORMANCE_DESCRIBE_FASTCHANNEL" since (2, 0), domain in word 0
            => Fastchannel;
        0xc DomainNameGet "PERFORMANCE_DOMAIN_NAME_GET" since (3, 0), domain in word 0 => NameReply;
    }
    events {
        0 LimitsChanged "PERFORMANCE_LIMITS_CHANGED" enabled by NotifyLimits => LimitsChanged;
        1 LevelChanged "PERFORMANCE_LEVEL_CHANGED" enabled by NotifyLevel => LevelChanged;
    }
}
