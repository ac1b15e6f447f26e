// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the client of the server.

fn main() -> anyhow::Result<()> {
    if !build_util::only_in_image(&["client_stub.rs"])? {
        return Ok(());
    }
    idol::client::build_client_stub("../suite.idol", "client_stub.rs")
        .map_err(|error| anyhow::anyhow!("{error}"))
}
