// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A client that exchanges without a pause, and looks at every answer.
//!
//! Two of them with different protocols run side by side: an answer that reached the wrong one would not be what it asks for.
//! After every [`ROUND`] right answers it asks for a restart, so the supervisor's count tells how far it is; a wrong answer is a panic.

#![no_std]
#![no_main]

use drv_scmi_api::{Exchange, Request, Scmi, ScmiError};
use task_config::task_config;
use task_jefe_api::Jefe;
use userlib::*;

task_slot!(JEFE, jefe);
task_slot!(SCMI, scmi);

task_config! {
    protocol: u8,
}

/// Exchanges in a life.
const ROUND: u32 = 200;
const VERSION: u8 = 0;
const MESSAGE_ATTRIBUTES: u8 = 2;

#[unsafe(export_name = "main")]
fn main() -> ! {
    let scmi = Scmi::from(SCMI.get_task_id());
    // The major version tells the protocols apart; the minor one depends on the platform.
    let expected = match TASK_CONFIG.protocol {
        0x10 => 2,
        _ => 3,
    };
    let version = |space: &mut [u8]| Some(exchange(&scmi, VERSION, &[], space)? >> 16);
    let mut done = 0;
    while done < ROUND {
        // Once by value, once by lease: both ways must keep answers apart.
        let by_value = version(&mut [0; 4]);
        assert_eq!(by_value, Some(expected), "the answer of somebody else");
        let by_lease = version(&mut [0; 64]);
        assert_eq!(
            by_lease,
            Some(expected),
            "the answer of somebody else, by lease"
        );
        let attributes = exchange(&scmi, MESSAGE_ATTRIBUTES, &[1, 0, 0, 0], &mut [0; 4]);
        assert_eq!(attributes, Some(0), "the answer of somebody else");
        done += 3;
    }
    Jefe::from(JEFE.get_task_id()).restart_me();
    unreachable!("a restarted task does not return");
}

/// The first word of the answer, or `None` when there was none, or the platform refused.
fn exchange(scmi: &Scmi, message: u8, request: &[u8], response: &mut [u8]) -> Option<u32> {
    loop {
        match scmi.exchange(
            &Request::new(TASK_CONFIG.protocol, message, request),
            response,
        ) {
            Ok(answer) if answer.status == 0 && answer.len == 4 => {
                return response.first_chunk().map(|word| u32::from_le_bytes(*word));
            }
            Ok(_) => return None,
            // Somebody crashed the driver: these questions are harmless to repeat.
            Err(ScmiError::ServerRestarted | ScmiError::Recovering | ScmiError::DeviceReset) => {}
            Err(error) => panic!("no answer: {error:?}"),
        }
    }
}
