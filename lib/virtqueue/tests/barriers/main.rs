// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! In the linked ARM binary, each barrier that virtio needs stands between the two accesses that it orders.
//!
//! The sample in `sample/` is compiled as the image's tasks are, and checked here. To check a task of the image itself:
//!
//! ```text
//! VIRTQUEUE_ARM_ELF=<the linked task> cargo test -p virtqueue --test barriers -- --ignored
//! ```
//!
//! Where the target is built from source, `IMAGE_CARGO_ARGS` holds the arguments that Cargo needs for it.

#![cfg(not(miri))]

mod a32;
mod arm;
mod check;
mod t32;

use check::{Binary, RULES};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const TARGET: &str = "armv7a-none-eabi";

/// The sample, built once.
static SAMPLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/barriers/sample/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("barrier-sample");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo
        .args([
            "build",
            "--quiet",
            "--release",
            "--target",
            TARGET,
            "--manifest-path",
        ])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .args(
            std::env::var("IMAGE_CARGO_ARGS")
                .unwrap_or_default()
                .split_whitespace(),
        );
    // What the outer Cargo told this test is not meant for the inner one.
    for variable in ["RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+thumb-mode");
    let output = cargo.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "the sample does not build; is the target there? `rustup target add {TARGET}`\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    target.join(TARGET).join("release/barrier-sample")
});

#[test]
fn barriers_of_the_sample() {
    let binary = Binary::read(&SAMPLE).unwrap();
    for rule in RULES {
        let places = binary
            .check(rule, |_| true)
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(places >= 2, "{}: only {places} places", rule.name);
    }
}

/// The check itself: without the barriers every rule is broken, and most of them cannot be spared even one at a time.
#[test]
fn without_barriers_every_rule_fails() {
    let binary = Binary::read(&SAMPLE).unwrap();
    for rule in RULES {
        let error = binary.check(rule, |_| false).expect_err(rule.name);
        assert!(error.contains("no dmb"), "{error}");
    }
    let needed = |barrier: &u32| {
        RULES
            .iter()
            .any(|rule| binary.check(rule, |address| address != *barrier).is_err())
    };
    let barriers = binary.barriers();
    let needed = barriers.iter().filter(|barrier| needed(barrier)).count();
    // publish, kick, take, enable: one each; submit: two; drain: three, as that of its kick follows that of enable.
    assert!(
        needed >= 9,
        "{needed} of {} barriers are needed",
        barriers.len()
    );
}

#[test]
#[ignore = "needs VIRTQUEUE_ARM_ELF"]
fn barriers_of_the_driver() {
    let path = std::env::var_os("VIRTQUEUE_ARM_ELF")
        .expect("VIRTQUEUE_ARM_ELF names the linked driver task, with its debug information");
    let binary = Binary::read(Path::new(&path)).unwrap();
    for rule in RULES {
        let places = binary
            .check(rule, |_| true)
            .unwrap_or_else(|error| panic!("{error}"));
        println!("{}: {places} places", rule.name);
    }
}
