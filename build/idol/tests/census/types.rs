// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What `census.idol` speaks of.

#![allow(dead_code)]

use counters::Count;
use derive_idol_err::IdolError;
use idol_runtime::ServerDeath;
use serde::{Deserialize, Serialize};
use userlib::FromPrimitive;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Paths in the file start here.
pub mod types {
    use super::*;

    pub const ROWS: usize = 3;

    #[derive(Copy, Clone, Debug, Default, PartialEq, FromBytes, IntoBytes, Immutable)]
    #[repr(C)]
    pub struct Point {
        pub x: i32,
        pub y: i32,
    }

    #[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize, hubpack::SerializedSize)]
    pub enum Name {
        Short([u8; 4]),
        None,
        Numbered { number: u16 },
    }

    /// Knows nothing of hubpack's sizes.
    #[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Bare {
        pub level: u32,
        pub name: Option<u8>,
    }

    /// Has no tag in memory, but one when it is encoded.
    #[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub enum Lone {
        Only,
    }

    /// Takes 4 bytes in memory and up to 9 when it is encoded.
    #[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Folded {
        pub lone: Lone,
        pub flags: [Option<bool>; 4],
    }

    pub fn clamped(raw: i16) -> Celsius {
        Celsius(raw.clamp(-40, 125))
    }
}

pub use types::*;

#[derive(Copy, Clone, Debug, PartialEq, FromPrimitive)]
#[repr(u8)]
pub enum Mode {
    Off = 3,
    On = 200,
}

#[derive(Copy, Clone, Debug, PartialEq, FromPrimitive)]
#[repr(u32)]
pub enum Wide {
    Small = 1,
    Large = 0x8000_0000,
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Celsius(pub i16);

impl From<i16> for Celsius {
    fn from(raw: i16) -> Self {
        Self(raw)
    }
}

impl From<Celsius> for i16 {
    fn from(celsius: Celsius) -> Self {
        celsius.0
    }
}

#[derive(Copy, Clone, Debug, PartialEq, FromPrimitive, IdolError, Count)]
#[repr(u32)]
pub enum Fault {
    TooMuch = 1,
    Odd = 300,
    #[idol(server_death)]
    Restarted,
}

/// Larger than any success that it stands beside.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize, hubpack::SerializedSize, Count)]
pub enum Trouble {
    At([u16; 4]),
    Unknown,
    Restarted,
}

impl From<ServerDeath> for Trouble {
    fn from(_: ServerDeath) -> Self {
        Self::Restarted
    }
}
