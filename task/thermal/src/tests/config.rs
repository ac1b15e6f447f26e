// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Mistakes in `[tasks.thermal.config]`: each is refused with its key.

#[path = "../../build/config.rs"]
mod table;

use build_util::Scmi;
use table::{Config, generate};

const GOOD: &str = r#"
[limits]
gpu = { perf = 1, name = "gpu", normal = 5, safe = 1 }
soc = { cap = 0, normal = 8000, safe = 2000 }
[zones.gpu]
sensor = 1
name = "gpu-temp"
hysteresis = 5_000
trips = [{ at = 60_000, limits = { gpu = 4 } }, { at = 75_000, limits = { gpu = 2, soc = 3000 } }]
"#;
const CLIENT: &str = "[clients.thermal]\nprotocols = [0x13, 0x15, 0x18]\nnotification = 'scmi'\n";

fn try_with(text: &str, client: &str) -> Result<String, String> {
    let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
    let scmi: Scmi = toml::from_str(&format!("vring-size = 64\n{client}")).unwrap();
    generate(&config, "thermal", &scmi).map_err(|error| error.to_string())
}

#[test]
fn a_good_one_becomes_tables() {
    let code = try_with(GOOD, CLIENT).unwrap();
    for part in [
        "static CUTS_0_1: [(u8, u32); 2] = [(0, 2), (1, 3000)];",
        "Trip { at: 75000, cuts: &CUTS_0_1 }",
        "target: Target::Cap { domain: 0 }, platform_name: None, normal: 8000, safe: 2000",
        "sensor: 1, platform_name: Some(\"gpu-temp\"), hysteresis: 5000, trips: &TRIPS_0",
        "poll_ms: 1000, check_ms: 1000, blind_ms: 0",
    ] {
        assert!(code.contains(part), "no {part} in\n{code}");
    }
}

#[test]
fn each_mistake_is_told_with_its_key() {
    for (old, new, words) in [
        (
            "perf = 1",
            "perf = 1, cap = 2",
            "limits.gpu: a limit has exactly one of `perf` and `cap`",
        ),
        ("perf = 1, ", "", "limits.gpu: a limit has exactly one"),
        (
            "cap = 0",
            "perf = 1",
            "limits.soc: it limits the same as \"gpu\"",
        ),
        (
            "safe = 1 ",
            "safe = 6 ",
            "limits.gpu.safe: 6 is more than `normal`, 5",
        ),
        (
            "soc = 3000",
            "soc = 0",
            "trips[1].limits.soc: a cap of 0 switches capping off",
        ),
        (
            ", soc = 3000",
            "",
            "limits.soc: no trip of any zone uses it",
        ),
        (
            "5_000",
            "0",
            "zones.gpu.hysteresis: 0 lets limits go up and down",
        ),
        (
            "at = 75_000",
            "at = 60_000",
            "zones.gpu.trips[1].at: 60000 is not above the trip before it",
        ),
        (
            "{ gpu = 4 }",
            "{}",
            "trips[0].limits: a trip that limits nothing",
        ),
        (
            "{ gpu = 4 }",
            "{ gp = 4 }",
            "trips[0].limits.gp: there is no limit called \"gp\"; the limits are gpu, soc",
        ),
        (
            "{ gpu = 4 }",
            "{ gpu = 5 }",
            "trips[0].limits.gpu: 5 is not below 5",
        ),
        (
            "gpu = 2,",
            "gpu = 4,",
            "trips[1].limits.gpu: 4 is not below 4",
        ),
        (
            "\"gpu-temp\"",
            "\"graphics-temperature\"",
            "zones.gpu.name: platforms tell 15 bytes",
        ),
        (
            "[limits]",
            "poll-ms = 0\n[limits]",
            "poll-ms: nothing can be done in no time",
        ),
        ("hysteresis", "hysteresi", "unknown field `hysteresi`"),
    ] {
        assert!(GOOD.contains(old), "{old}");
        let error = try_with(&GOOD.replacen(old, new, 1), CLIENT).unwrap_err();
        assert!(error.contains(words), "{old} to {new}: {error}");
    }
    let at = GOOD.find("trips").unwrap();
    let error = try_with(&format!("{}trips = []\n", &GOOD[..at]), CLIENT).unwrap_err();
    assert!(
        error.contains("limits.gpu: no trip of any zone uses it"),
        "{error}"
    );
}

#[test]
fn the_driver_must_know_this_task() {
    for (client, words) in [
        ("", "config.scmi.clients.thermal is missing"),
        (
            "[clients.thermal]\nprotocols = 'all'\n",
            "notification: this task listens to \"scmi\"",
        ),
        (
            &CLIENT.replace(", 0x18", ""),
            "protocols: the policy speaks of power caps; add 0x18",
        ),
    ] {
        let error = try_with(GOOD, client).unwrap_err();
        assert!(error.contains(words), "{client}: {error}");
    }
}
