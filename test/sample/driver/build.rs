// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, and the device's address.

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if !build_util::only_in_image(&["notifications.rs", "peripherals.rs", "server_stub.rs"])? {
        return Ok(());
    }
    build_util::expose_target_board();
    build_util::build_notifications()?;
    build_util::build_peripherals()?;
    idol::Generator::new()
        .with_counters(idol::CounterSettings::default().with_server_counters(false))
        .build_server_support(
            "../rtc.idol",
            "server_stub.rs",
            idol::server::ServerStyle::InOrder,
        )?;
    Ok(())
}
