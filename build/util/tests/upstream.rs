// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! (U6) Build scripts that call this crate as upstream's do: with values where upstream returns values, and results where it returns
//! results. Each function is the `main` of such a script, for a task of a small image.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, bail};
use serde::Deserialize;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[derive(Deserialize)]
struct AppConfig {
    bus: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TaskConfig {
    allowed_callers: BTreeMap<String, Vec<String>>,
    listeners: Vec<String>,
}

#[derive(Deserialize)]
struct Region {
    address: u32,
    size: u32,
}

fn board_only() {
    build_util::expose_target_board();
}

fn notifications() -> Outcome {
    build_util::expose_target_board();
    build_util::build_notifications()?;
    Ok(())
}

fn notifications_unwrapped() {
    build_util::build_notifications().unwrap();
}

fn profile() -> Outcome {
    build_util::expose_m_profile()?;
    Ok(())
}

fn profile_unwrapped() {
    build_util::expose_m_profile().unwrap();
}

fn generated_file() -> std::io::Result<()> {
    fs::write(build_util::out_dir().join("config.rs"), "")
}

fn generated_file_in_two_steps() -> Outcome {
    let out_dir = build_util::out_dir();
    let path: PathBuf = out_dir.join("two.rs");
    fs::write(&path, "").context("could not write")?;
    Ok(())
}

fn own_config() -> anyhow::Result<()> {
    let config = build_util::task_config::<TaskConfig>()?;
    assert_eq!(config.listeners, ["other", "main"]);
    Ok(())
}

fn own_config_if_any() -> anyhow::Result<()> {
    let config: Option<TaskConfig> = build_util::task_maybe_config()?;
    assert!(config.is_some());
    Ok(())
}

fn app_config() -> anyhow::Result<()> {
    let config: AppConfig = build_util::config()?;
    assert_eq!(config.bus["speed"], 400);
    Ok(())
}

fn allowed_callers() -> Outcome {
    let config = build_util::task_config::<TaskConfig>()?;
    let callers =
        build_util::task_ids().remap_allowed_caller_names_to_ids(&config.allowed_callers)?;
    assert_eq!(callers["reset"], [2]);
    Ok(())
}

fn names_to_indices() -> Outcome {
    let config = build_util::task_config::<TaskConfig>()?;
    let ids = build_util::task_ids();
    assert_eq!(ids.names_to_ids(&config.listeners)?, [2, 1]);
    assert_eq!(ids.names_to_ids(&["jefe"])?, [0]);
    assert_eq!(ids.get("nobody"), None);
    Ok(())
}

fn name_of_the_task() -> Outcome {
    let name = build_util::task_name();
    assert_eq!(name, "main");
    Ok(())
}

fn whole_table() -> anyhow::Result<()> {
    let task = build_util::task_full_config_toml()?;
    assert_eq!(task.uses, ["spi1"]);
    assert_eq!(task.interrupts["spi1.irq"], "spi-irq");
    assert_eq!(task.notification_bit("timer")?, 1);
    assert_eq!(task.notification_mask("spi-irq")?, 1);
    assert!(task.notification_mask("nothing").is_err());
    Ok(())
}

fn table_of_another() -> anyhow::Result<()> {
    let me = build_util::task_full_config_toml()?;
    let other =
        build_util::other_task_full_config_toml("other").context("cannot find the other")?;
    if me.extern_regions != other.extern_regions {
        bail!("{:?} and {:?}", me.extern_regions, other.extern_regions);
    }
    let typed = build_util::other_task_full_config::<BTreeMap<String, u32>>("other")?.config;
    assert_eq!(typed.context("no config")?["size"], 7);
    assert_eq!(build_util::all_tasks_full_config_toml()?.len(), 3);
    Ok(())
}

fn regions() -> anyhow::Result<()> {
    let regions = build_util::task_extern_regions::<Region>()?;
    let region = regions.get("shared").context("no region")?;
    assert_eq!((region.address, region.size), (0x5000_0000, 4096));
    let (name, _) = regions.iter().next().context("no region")?;
    assert_eq!(name, "shared");
    Ok(())
}

fn by_board() -> anyhow::Result<()> {
    match build_util::target_board().as_deref() {
        Some("qemu-virt") => Ok(()),
        other => bail!("{other:?}"),
    }
}

fn board_from_the_variable() -> anyhow::Result<()> {
    let board = build_util::env_var("HUBRIS_BOARD")?;
    let of_image = build_util::target_board().expect("could not get target board");
    assert_eq!(board, of_image);
    assert!(build_util::env_var("HUBRIS_NOTHING").is_err());
    Ok(())
}

fn by_target() {
    if build_util::target().starts_with("thumbv6m") || build_util::target_os() != "none" {
        panic!("{}", build_util::target());
    }
}

fn by_feature() -> Outcome {
    if build_util::has_feature("task-enum") && !build_util::has_feature("vlan") {
        return Ok(());
    }
    Err("features".into())
}

fn text_of_another_file() -> anyhow::Result<()> {
    let config: AppConfig = build_util::toml_from_str("bus = { speed = 1 }")?;
    assert_eq!(config.bus["speed"], 1);
    Ok(())
}

/// Sets the test up as cargo and an image's build set up a script, and runs it again with that.
#[test]
fn u6_twenty_build_scripts_of_upstream_run() {
    if env::var_os("HUBRIS_TASKS").is_some() {
        return run();
    }
    let other = "name = 'x'\npriority = 2\nextern-regions = ['shared']\nconfig = { size = 7 }\n";
    let main = "name = 'y'\npriority = 3\nuses = ['spi1']\nnotifications = ['spi-irq', 'timer']\n\
                interrupts = { 'spi1.irq' = 'spi-irq' }\nextern-regions = ['shared']\n";
    let config = "listeners = ['other', 'main']\nallowed-callers = { reset = ['other'] }\n";
    let out_dir = env::temp_dir().join(format!("build-util-{}", std::process::id()));
    fs::create_dir_all(&out_dir).unwrap();
    let mut script = Command::new(env::current_exe().unwrap());
    script
        .args(["--exact", "u6_twenty_build_scripts_of_upstream_run"])
        .env("OUT_DIR", &out_dir)
        .env("TARGET", "armv7a-none-eabi")
        .env("CARGO_CFG_TARGET_OS", "none")
        .env("CARGO_FEATURE_TASK_ENUM", "1")
        .env("HUBRIS_TASKS", "jefe,main,other")
        .env("HUBRIS_TASK_NAME", "main")
        .env("HUBRIS_BOARD", "qemu-virt")
        .env("HUBRIS_TASK_CONFIG", format!("{main}[config]\n{config}"))
        .env("HUBRIS_APP_CONFIG", "[bus]\nspeed = 400\n")
        .env("HUBRIS_TASK_EXTERN_REGIONS", "shared = [0x5000_0000, 4096]")
        .env(
            "HUBRIS_ALL_TASK_CONFIGS",
            format!(
                "[jefe]\nname = 'j'\npriority = 0\nnotifications = ['fault']\n[other]\n{other}[main]\n{main}[main.config]\n{config}"
            ),
        );
    let ran = script.output().unwrap();
    fs::remove_dir_all(&out_dir).unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
}

fn run() {
    board_only();
    notifications().unwrap();
    notifications_unwrapped();
    profile().unwrap();
    profile_unwrapped();
    generated_file().unwrap();
    generated_file_in_two_steps().unwrap();
    own_config().unwrap();
    own_config_if_any().unwrap();
    app_config().unwrap();
    allowed_callers().unwrap();
    names_to_indices().unwrap();
    name_of_the_task().unwrap();
    whole_table().unwrap();
    table_of_another().unwrap();
    regions().unwrap();
    by_board().unwrap();
    board_from_the_variable().unwrap();
    by_target();
    by_feature().unwrap();
    text_of_another_file().unwrap();
}
