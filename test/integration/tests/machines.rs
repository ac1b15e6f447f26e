// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The same image on other machines: it starts, or says in one line what it lacks (H9).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_integration::debugger::{Debugger, free_port};
use test_integration::{Kind, Programs, Rig, Setting, Turn, image, image_of};
use xtask::command;

/// From the start of the machine to its end, on a busy computer.
const LIMIT: Duration = Duration::from_secs(180);
/// What the kernel says in front of what is missing.
const CANNOT_START: &str = "CANNOT START: ";

/// Boots the suite on a machine with these arguments, which must end by itself: the kernel reached the firmware. Returns the rest of
/// the last line, which begins with `text`.
fn boot(arguments: &[&str], text: &str) -> String {
    let image = image_of(Path::new("test/suite/app.toml"));
    let _turn = Turn::take();
    let programs = Programs::find()
        .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
    let mut qemu = Command::new(&programs.qemu);
    qemu.args(arguments)
        .args(["-nodefaults", "-nic", "none", "-display", "none"])
        .args(["-no-reboot", "-serial", "stdio"])
        .args(["-global", "virtio-mmio.force-legacy=false", "-kernel"])
        .arg(&image.elf);
    let outcome = command::run("QEMU", &mut qemu, LIMIT, |_| ())
        .unwrap_or_else(|error| panic!("waiting for the machine to end: {error:#}"));
    assert!(outcome.success(), "{}", outcome.output);
    let last = outcome.output.trim_end().lines().last().unwrap_or_default();
    match last.strip_prefix(text) {
        Some(rest) => rest.to_owned(),
        None => panic!("no last line with `{text}`:\n{}", outcome.output),
    }
}

#[test]
fn h09_a_machine_that_starts_in_hyp_mode() {
    let rest = boot(
        &["-M", "virt,virtualization=on", "-cpu", "cortex-a15"],
        "suite: ",
    );
    assert!(rest.ends_with(" passed, 0 failed"), "{rest}");
}

/// What a second line of defence is: no table has a page that is writable and executable, so no task can see that the processor would
/// refuse it.
#[test]
fn the_control_register_is_as_the_kernel_wants_it() {
    /// SCTLR: M, C, Z, I, WXN, UWXN.
    const ON: u32 = 1 | 1 << 2 | 1 << 11 | 1 << 12 | 1 << 19 | 1 << 20;
    /// SCTLR: A, CP15BEN, SW, V, EE, TRE, AFE, TE.
    const OFF: u32 = 1 << 1 | 1 << 5 | 1 << 10 | 1 << 13 | 1 << 25 | 1 << 28 | 1 << 29 | 1 << 30;
    let port = free_port().expect("a free port");
    let mut setting = Setting::new(&image().elf, Kind::None);
    setting.extra = vec!["-gdb".into(), format!("tcp:127.0.0.1:{port}")];
    let _rig = Rig::boot_setting(&setting);
    let mut debugger = Debugger::connect(port).expect("QEMU listens");
    debugger.ask("?");
    let control = debugger.system_register("SCTLR");
    assert_eq!(control & (ON | OFF), ON, "SCTLR is {control:#010x}");
}

#[test]
fn h09_a_gicv3_is_told() {
    for cpu in ["cortex-a15", "max"] {
        let rest = boot(&["-M", "virt,gic-version=3", "-cpu", cpu], CANNOT_START);
        assert_eq!(
            rest,
            "the interrupt controller is no GICv2; choose a machine with one (QEMU: -M virt,gic-version=2)"
        );
    }
}

#[test]
fn h09_too_little_memory_is_told() {
    for size in ["2M", "3M"] {
        let rest = boot(
            &["-M", "virt", "-cpu", "cortex-a15", "-m", size],
            CANNOT_START,
        );
        assert!(
            rest.starts_with("there is no memory at 0x40")
                && rest.ends_with("; give the machine more (QEMU: -m 128M)"),
            "{rest}"
        );
    }
}
