// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Messages that would change the platform for all tasks: the driver refuses them to the console,
//! and the thermal task goes on watching.

use serde_json::{Value, json};
use test_integration::{Kind, Rig, tell};

/// The row of the nth thing called `gpu`: zone and limit have the same name, and their rows follow
/// each other.
fn gpu(text: &str, nth: usize) -> &str {
    let is_gpu = |line: &&str| line.split_whitespace().nth(1) == Some("gpu");
    text.lines().filter(is_gpu).nth(nth).unwrap_or_default()
}

/// Resetting the agent's configuration would end the thermal task's subscriptions without a word,
/// and the GPU would get as hot as it likes.
#[test]
fn s02_nobody_ends_the_events_of_others() {
    let mut rig = Rig::boot(Kind::Sim);
    let platform = rig.board().platform().unwrap();
    let control = platform.control().unwrap().to_owned();
    let tell = |command: Value| tell(&control, &command);
    rig.eventually("thermal", "the gpu is watched by events", |answer| {
        let zone = gpu(&answer.text, 0);
        zone.contains("watched") && zone.contains("tells")
    });
    for line in [
        "raw base 0xb =1 =1",
        "raw base 0xb =1 =0",
        "raw base 0x9 =1 =0 =0",
        "raw base 0xa =1 =0 =0x15 =0",
        "raw sensor 0x10 =0x10000",
        // Switches the event of a sensor's trip points off.
        "raw sensor 4 =1 =0",
    ] {
        let reason = rig.error(line);
        assert!(
            reason.contains("keeps this message to itself"),
            "{line}: {reason}"
        );
        assert!(!reason.contains("app.toml"), "{line}: {reason}");
    }
    tell(json!({"cmd": "log"}));
    tell(json!({"cmd": "set", "what": "temperature", "name": "gpu-die", "value": 62_000}));
    rig.eventually("thermal", "the gpu is limited to level 4", |answer| {
        let cells: Vec<&str> = gpu(&answer.text, 1).split_whitespace().skip(2).collect();
        cells == ["4", "4", "5", "1"] && gpu(&answer.text, 0).contains("1/3")
    });
    // The platform's word lowered the limit, and not a look at a clock.
    let log = tell(json!({"cmd": "log"})).to_string();
    assert!(log.contains("\"notification\""), "{log}");
}
