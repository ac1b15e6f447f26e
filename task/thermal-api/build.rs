// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the client.

fn main() -> Result<(), idol::BoxError> {
    idol::client::build_client_stub("../../idl/thermal.idol", "client_stub.rs")
}
