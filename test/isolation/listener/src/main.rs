// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task that the supervisor tells of each change of state.
//!
//! The offender counts its lives in the supervisor's state, and sets each number twice. A change that nobody told, or one that was told
//! although nothing changed, is a panic; after the last one the listener asks for a restart, which shows that it came so far.

#![no_std]
#![no_main]

use task_config::task_config;
use task_jefe_api::Jefe;
use userlib::*;

task_slot!(JEFE, jefe);

task_config! {
    last: u32,
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    let jefe = Jefe::from(JEFE.get_task_id());
    let mut told = jefe.get_state();
    while told < TASK_CONFIG.last {
        let _ = sys_recv_notification(notifications::STATE_MASK);
        told += 1;
        assert_eq!(jefe.get_state(), told, "one change, told once");
        if told == TASK_CONFIG.last {
            jefe.restart_me();
        }
    }
    // The life after that: nothing changes any more, so nothing may be told.
    let _ = sys_recv_notification(notifications::STATE_MASK);
    panic!("told of a change although there was none");
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
