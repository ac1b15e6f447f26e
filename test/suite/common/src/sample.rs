// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What `suite.idol` speaks of.

use derive_idol_err::IdolError;
use hubpack::SerializedSize;
use idol_runtime::ServerDeath;
use serde::{Deserialize, Serialize};
use userlib::FromPrimitive;

/// Errors as codes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive, IdolError)]
#[repr(u32)]
pub enum SampleError {
    /// Too much.
    TooMuch = 1,
    /// Not that either.
    Odd = 300,
    /// The server restarted.
    #[idol(server_death)]
    Restarted,
}

/// An error with a body.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum Trouble {
    /// With details.
    At([u16; 3]),
    /// The server restarted.
    Restarted,
}

impl From<ServerDeath> for Trouble {
    fn from(_: ServerDeath) -> Self {
        Self::Restarted
    }
}

/// Travels as a byte.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive)]
#[repr(u8)]
pub enum Mode {
    /// Off.
    Off = 3,
    /// On.
    On = 200,
}

/// Travels in serde's encodings.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum Name {
    /// With bytes.
    Short([u8; 4]),
    /// Without.
    None,
    /// With a field.
    Numbered {
        /// The field.
        number: u16,
    },
}
