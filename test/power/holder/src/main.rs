// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A client of the power task that holds a resource for as long as it lives.
//!
//! It asks until it gets it, and again when the power task has lost it: then that posts `power`, and the reference is gone.

#![no_std]
#![no_main]

use task_config::task_config;
use task_power_api::Resources;
use userlib::*;

task_slot!(POWER, power);

task_config! {
    resource: &'static str,
}

/// Between two attempts, in milliseconds.
const PAUSE_MS: u64 = 50;

#[unsafe(export_name = "main")]
fn main() -> ! {
    let resources = Resources::from(POWER.get_task_id());
    let Some(resource) = resources.find(TASK_CONFIG.resource) else {
        panic!("there is no such resource");
    };
    loop {
        match resources.status(resource) {
            Ok(status) if status.own > 0 => {
                let _ = sys_recv_notification(notifications::POWER_MASK);
            }
            _ => {
                if resources.acquire(resource).is_err() {
                    hl::sleep_for(PAUSE_MS);
                }
            }
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
