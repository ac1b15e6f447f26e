// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A client that exchanges [`COMMANDS`] times whenever it is told to, and says when it is done.

#![no_std]
#![no_main]

use drv_scmi_api::{Exchange, Request, Scmi};
use userlib::*;

task_slot!(SCMI, scmi);
task_slot!(BENCH, bench);

/// Exchanges for each order; test/bench/task reckons with as many.
const COMMANDS: u32 = 200;
const BASE: u8 = 0x10;
const PROTOCOL_VERSION: u8 = 0;

#[unsafe(export_name = "main")]
fn main() -> ! {
    let scmi = Scmi::from(SCMI.get_task_id());
    loop {
        // Every bit is an order, and is what the bench wants to hear at the end.
        let order = sys_recv_notification(u32::MAX);
        for _ in 0..COMMANDS {
            let mut version = [0; 4];
            let answer = scmi.exchange(&Request::new(BASE, PROTOCOL_VERSION, &[]), &mut version);
            assert!(
                answer.is_ok_and(|answer| answer.status == 0),
                "no answer: {answer:?}"
            );
        }
        sys_post(BENCH.get_task_id(), order.get_raw_bits());
    }
}
