// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the notification bits and the address of the serial line.

fn main() -> anyhow::Result<()> {
    if build_util::only_in_image(&["notifications.rs", "peripherals.rs"])? {
        build_util::build_notifications()?;
        build_util::build_peripherals()?;
    }
    Ok(())
}
