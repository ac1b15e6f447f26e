// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the notification's mask, and lets the task read its table in app.toml.

fn main() -> anyhow::Result<()> {
    if build_util::only_in_image(&["notifications.rs"])? {
        build_util::build_notifications()?;
    }
    Ok(())
}
