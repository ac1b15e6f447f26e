// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server.

fn main() -> anyhow::Result<()> {
    if !build_util::only_in_image(&["server_stub.rs"])? {
        return Ok(());
    }
    idol::Generator::new()
        .build_server_support(
            "../suite.idol",
            "server_stub.rs",
            idol::server::ServerStyle::Deferred,
        )
        .map_err(|error| anyhow::anyhow!("{error}"))
}
