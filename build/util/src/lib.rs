// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a task's `build.rs` needs to know of the image.
//!
//! The image's build starts cargo for every task with variables that describe the image and the task. Use these functions in
//! place of the variables: they parse, they say what is wrong in terms of `app.toml`, and they tell cargo when to build again.
//!
//! | variable | content |
//! |---|---|
//! | `HUBRIS_TASKS` | names of the tasks in the order of their indices, separated by commas |
//! | `HUBRIS_TASK_NAME` | this task's name |
//! | `HUBRIS_TASK_CONFIG` | TOML: this task's table |
//! | `HUBRIS_ALL_TASK_CONFIGS` | TOML: all tasks' tables, by name |
//! | `HUBRIS_APP_CONFIG` | TOML: the table `[config]` |
//! | `HUBRIS_TASK_EXTERN_REGIONS` | TOML: memory's name to `[address, size]` |
//! | `HUBRIS_CHIP_CONFIG` | TOML: the peripherals this task uses, by name: address, size, interrupts |
//! | `HUBRIS_BOARD` | the board's name |
//!
//! # Outside an image
//!
//! On the host none of them is set. Most functions then fail with a message that says how the crate *is* built: right for a task, which is
//! nothing without its image. A task whose package also has a library with tests uses [`only_in_image`]. A library that should build on the host too asks [`in_image`] first, or uses [`config_or`].

mod board;
mod config;
mod image;
mod notifications;
mod peripherals;
mod scmi;
mod tasks;

pub use board::{expose_a_profile, expose_m_profile, expose_target_board};
pub use config::{
    TaskConfig, all_tasks_full_config, all_tasks_full_config_toml, config, config_or,
    other_task_full_config, other_task_full_config_toml, sample, task_config, task_extern_regions,
    task_full_config, task_full_config_toml, task_maybe_config, toml_from_str,
};
pub use image::{
    env_var, has_feature, in_image, only_in_image, out_dir, target, target_board, target_os,
    task_name,
};
pub use notifications::build_notifications;
pub use peripherals::{Peripheral, build_peripherals, peripherals};
pub use scmi::{Client, Protocols, Scmi, check_platform_name, check_scmi_client, scmi};
pub use tasks::{TaskIds, task_ids};
