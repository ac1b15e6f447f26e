// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the task's own index.

use std::fs;

fn main() -> anyhow::Result<()> {
    if !build_util::only_in_image(&["own.rs"])? {
        return Ok(());
    }
    let index = build_util::task_ids().resolve(&build_util::task_name(), "HUBRIS_TASK_NAME")?;
    fs::write(
        build_util::out_dir().join("own.rs"),
        format!("/// The task's own index.\npub const INDEX: u16 = {index};\n"),
    )?;
    Ok(())
}
