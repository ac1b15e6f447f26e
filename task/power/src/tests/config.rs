// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Mistakes in `[tasks.power.config]`: each is refused with its key.

#[path = "../../build/config.rs"]
mod table;

use build_util::Scmi;
use table::{Config, Image, generate};

const GOOD: &str = r#"
tell = { camera = "power" }
[resources.gpu]
users = ["camera"]
needs = ["io"]
steps = [{ voltage = 1, microvolts = 800_000 }, { power = 1, name = "gpu" }, { clock = 2, hertz = 1 }, { reset = 0 }]
[resources.io]
users = ["power", "camera"]
unclaimed = "off"
steps = [{ voltage = 2 }]
"#;
const CLIENT: &str =
    "[clients.power]\nprotocols = [0x11, 0x14, 0x16, 0x17]\nnotification = 'scmi'\n";

fn try_with(text: &str, client: &str) -> Result<String, String> {
    let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
    let scmi: Scmi = toml::from_str(&format!("vring-size = 64\n{client}")).unwrap();
    let image = Image {
        task: "power",
        tasks: &["jefe".into(), "power".into(), "camera".into()],
        notifications: &|_| Ok(vec!["input".into(), "power".into()]),
        scmi: &scmi,
    };
    generate(&config, &image).map_err(|error| error.to_string())
}

#[test]
fn a_good_one_becomes_tables() {
    let code = try_with(GOOD, CLIENT).unwrap();
    for part in [
        "static WAY_0: [u8; 2] = [1, 0];",
        "static WAY_1: [u8; 1] = [1];",
        "pub static ORDER: [u8; 2] = [1, 0];",
        "pub const CLIENTS: [usize; 2] = [2, 1];",
        "Step { part: Part::Voltage { domain: 1, microvolts: Some(800000) }, name: None }",
        "name: \"gpu\", steps: &STEPS_0, way: &WAY_0, users: 0x1, unclaimed_off: false",
        "users: 0x3, unclaimed_off: true",
        "TELL: &[(usize, u32)] = &[(2, 1 << 1), ]",
    ] {
        assert!(code.contains(part), "no {part} in\n{code}");
    }
}

#[test]
fn each_mistake_is_told_with_its_key() {
    for (old, new, words) in [
        (
            "[\"camera\"]\nneeds",
            "[\"cam\"]\nneeds",
            "resources.gpu.users: there is no task called \"cam\"",
        ),
        (
            "[\"camera\"]\nneeds",
            "[]\nneeds",
            "resources.gpu.users: nobody may use it",
        ),
        (
            "[\"io\"]",
            "[\"oi\"]",
            "resources.gpu.needs: there is no resource called \"oi\"; the resources are gpu, io",
        ),
        (
            "unclaimed = \"off\"",
            "needs = [\"gpu\"]",
            "gpu, io need each other in a circle",
        ),
        (
            "{ voltage = 2 }",
            "{ voltage = 1 }",
            "resources.io.steps[0]: voltage 1 is part of resource \"gpu\" already",
        ),
        (
            "{ voltage = 2 }",
            "",
            "resources.io.steps: a resource without steps",
        ),
        (
            "{ voltage = 2 }",
            "{ name = \"x\" }",
            "resources.io.steps[0]: a step has exactly one of voltage",
        ),
        (
            "{ voltage = 2 }",
            "{ power = 2, clock = 3 }",
            "this one has 2",
        ),
        (
            "{ voltage = 2 }",
            "{ power = 2, hertz = 3 }",
            "resources.io.steps[0].hertz: a power has none",
        ),
        (
            "{ voltage = 2 }",
            "{ clock = 3, microvolts = 3 }",
            "steps[0].microvolts: a clock has none",
        ),
        ("hertz = 1", "hertz = 0", "steps[2].hertz: a clock of 0 Hz"),
        (
            "name = \"gpu\"",
            "name = \"graphics-processor\"",
            "steps[1].name: platforms tell 15 bytes",
        ),
        (
            "\"power\" }",
            "\"pwr\" }",
            "tell.camera: camera has no notification \"pwr\"",
        ),
        (
            "camera = \"power\"",
            "cam = \"power\"",
            "tell.cam: there is no task called \"cam\"",
        ),
        (
            "tell =",
            "deadline-ms = 0\ntell =",
            "deadline-ms: nothing can be done in no time",
        ),
        ("tell =", "tel =", "unknown field `tel`"),
        ("voltage = 2", "voltag = 2", "unknown field `voltag`"),
        ("\"off\"", "\"of\"", "unknown variant `of`"),
    ] {
        assert!(GOOD.contains(old), "{old}");
        let error = try_with(&GOOD.replacen(old, new, 1), CLIENT).unwrap_err();
        assert!(error.contains(words), "{old} to {new}: {error}");
    }
}

#[test]
fn the_driver_must_know_this_task() {
    for (client, words) in [
        ("", "config.scmi.clients.power is missing"),
        (
            "[clients.power]\nprotocols = 'all'\n",
            "notification: this task listens to \"scmi\"",
        ),
        (
            &CLIENT.replace("0x16, ", ""),
            "protocols: resource \"gpu\" has a reset; add 0x16",
        ),
    ] {
        let error = try_with(GOOD, client).unwrap_err();
        assert!(error.contains(words), "{client}: {error}");
    }
    let all = CLIENT.replace("[0x11, 0x14, 0x16, 0x17]", "'all'");
    assert!(try_with(GOOD, &all).is_ok());
}
