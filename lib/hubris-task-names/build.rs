// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Writes the names of the tasks.

use std::fs;

use anyhow::Result;

fn main() -> Result<()> {
    // As in hubris-num-tasks.
    let names = if build_util::in_image() {
        build_util::task_ids().names().to_vec()
    } else {
        vec!["host".into()]
    };
    let text = format!(
        "/// The names of the image's tasks, in the order of their indices.\npub static TASK_NAMES: [&str; {}] = {names:?};\n",
        names.len()
    );
    fs::write(build_util::out_dir().join("task_names.rs"), text)?;
    Ok(())
}
