// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Writes the number of tasks, and their enumeration.

use std::fs;

use anyhow::Result;

fn main() -> Result<()> {
    // Outside an image there is room for as many tasks as an image can have.
    let names = if build_util::in_image() {
        build_util::task_ids().names().to_vec()
    } else {
        (0..32).map(|index| format!("host_{index}")).collect()
    };
    let mut text = format!(
        "/// How many tasks the image has.\npub const NUM_TASKS: usize = {};\n",
        names.len()
    );
    if build_util::has_feature("task-enum") {
        let variants: Vec<_> = names.iter().map(|name| name.replace('-', "_")).collect();
        text += "/// The tasks of the image, by name; the value is the index.\n";
        text += "#[allow(non_camel_case_types, missing_docs)]\n#[derive(Copy, Clone, Debug, PartialEq, Eq)]\n#[repr(u16)]\npub enum Task {\n";
        for (index, variant) in variants.iter().enumerate() {
            text += &format!("    {variant} = {index},\n");
        }
        text += "}\nimpl Task {\n    /// All tasks, in the order of their indices.\n    pub const ALL: [Self; NUM_TASKS] = [";
        for variant in &variants {
            text += &format!("Self::{variant}, ");
        }
        text += "];\n}\n";
    }
    fs::write(build_util::out_dir().join("num_tasks.rs"), text)?;
    Ok(())
}
