// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the fuzzers tell their supervisor.

/// Says where this life counts its calls; answers a seed. The message is [`TOKEN`] and the address.
pub const BEGIN: u16 = 0x5eed;
/// Nothing that is thrown at random.
pub const TOKEN: [u32; 3] = [0x9e37_79b9, 0x7f4a_7c15, 0xf39c_c060];
/// A life ends by itself after so many calls.
pub const CALLS_OF_A_LIFE: u32 = 5_000;
