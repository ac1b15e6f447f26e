// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Numbers that say what they measure.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(
            Copy, Clone, Debug, PartialEq, PartialOrd, FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[repr(transparent)]
        pub struct $name(pub $number);

        impl From<$name> for $number {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

unit!(
    /// Degrees Celsius.
    Celsius(f32)
);
unit!(
    /// Revolutions per minute.
    Rpm(u16)
);
unit!(
    /// Share of time on, in per cent.
    PWMDuty(u8)
);
unit!(
    /// Volts.
    Volts(f32)
);
unit!(
    /// Amperes.
    Amperes(f32)
);
unit!(
    /// Ohms.
    Ohms(f32)
);
unit!(
    /// Watts.
    Watts(f32)
);
unit!(
    /// Joules.
    Joules(f32)
);
unit!(
    /// Hertz.
    Hertz(u64)
);
unit!(
    /// Milliseconds.
    Milliseconds(u32)
);
