// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The harness itself, on a machine whose whole software is twenty-nine words: a failure here is not the image's.

use std::fs;
use std::time::{Duration, Instant};

use test_integration::{Board, Kind, LIMIT, Programs, Rig, Setting, Turn};

/// A console that echoes, answers `ok` to every line, and ends the machine at `!`.
#[rustfmt::skip]
const PROGRAM: [u32; 29] = [
    0xe3a0_0409, //         mov r0, #0x09000000     the PL011
    0xe28f_105e, //         adr r1, text
    0xeb00_0010, // again:  bl print
    0xe590_2018, // wait:   ldr r2, [r0, #0x18]     flags: is the receive FIFO empty?
    0xe312_0010, //         tst r2, #0x10
    0x1aff_fffc, //         bne wait
    0xe590_3000, //         ldr r3, [r0]
    0xe203_30ff, //         and r3, r3, #0xff
    0xe353_000d, //         cmp r3, #13
    0x0a00_0003, //         beq answer
    0xe353_0021, //         cmp r3, #'!'
    0x0a00_0003, //         beq off
    0xe580_3000, //         str r3, [r0]
    0xeaff_fff4, //         b wait
    0xe28f_1024, // answer: adr r1, answer_text
    0xeaff_fff1, //         b again
    0xe300_0009, // off:    movw r0, #0x0009        PSCI SYSTEM_RESET
    0xe348_0400, //         movt r0, #0x8400
    0xe140_0070, //         hvc #0
    0xeaff_fffe, //         b .
    0xe4d1_2001, // print:  ldrb r2, [r1], #1
    0xe352_0000, //         cmp r2, #0
    0x012f_ff1e, //         bxeq lr
    0xe580_2000, //         str r2, [r0]
    0xeaff_fffa, //         b print
    0x6b6f_0a0d, // answer_text: "\r\nok\r\n"
    0x6373_0a0d, // text: "scmi> "
    0x203e_696d,
    0x0000_0000,
];

fn program() -> (tempfile::TempDir, Setting) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.bin");
    let bytes: Vec<u8> = PROGRAM.iter().flat_map(|word| word.to_le_bytes()).collect();
    fs::write(&path, bytes).unwrap();
    let setting = Setting::new(&path, Kind::None);
    (folder, setting)
}

#[test]
fn a_machine_is_talked_to() {
    let (_folder, setting) = program();
    let mut rig = Rig::boot_setting(&setting);
    assert_eq!(rig.ok("hello"), "");
    assert_eq!(rig.ok(""), "");
    let status = rig
        .board()
        .machine()
        .control()
        .execute("query-status", serde_json::json!({}))
        .unwrap();
    assert_eq!(status["status"], "running");
    // The first transport's magic number, by QEMU's monitor.
    assert!(
        rig.board()
            .machine()
            .control()
            .monitor("xp /1wx 0x0a000000")
            .unwrap()
            .contains("0x74726976")
    );
}

#[test]
fn a_machine_with_the_device_and_its_platform_starts() {
    let (_folder, mut setting) = program();
    setting.platform = Kind::VhostDeviceScmi;
    let mut rig = Rig::boot_setting(&setting);
    // Device 32 in the last slot.
    assert!(
        rig.board()
            .machine()
            .control()
            .monitor("xp /1wx 0x0a003e08")
            .unwrap()
            .contains("0x00000020")
    );
    assert!(rig.board().platform().unwrap().is_alive().unwrap());
}

#[test]
fn a_machine_that_ends_is_seen_to_end_well() {
    let (_folder, setting) = program();
    let mut rig = Rig::boot_setting(&setting);
    rig.session().type_line(b"!").unwrap();
    let status = rig.board().machine().wait(LIMIT).unwrap().expect("it ends");
    assert!(status.success(), "{status}");
}

#[test]
fn a_machine_that_stays_is_reported_and_then_killed() {
    let (_folder, setting) = program();
    let mut rig = Rig::boot_setting(&setting);
    let start = Instant::now();
    let error = rig
        .session()
        .exec("x", Duration::from_secs(60))
        .map(|_| ())
        .and_then(|()| {
            // The program has no answer to an escape alone: nothing must be waited for longer than asked.
            rig.session()
                .console()
                .wait_for("never", Duration::from_millis(200))
                .map(|_| ())
        });
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("`never` did not come within 0.2 s")
    );
    drop(rig);
    assert!(start.elapsed() < LIMIT);
}

#[test]
fn qemu_without_a_platform_behind_the_socket_is_a_clear_error() {
    let (folder, setting) = program();
    let _turn = Turn::take();
    let programs = Programs::find().unwrap();
    let mut options = xtask::qemu::Options::new(&programs.qemu, &setting.image);
    options.scmi = Some(folder.path().join("nobody-listens"));
    let error = format!("{:#}", xtask::qemu::Machine::start(&options).unwrap_err());
    assert!(
        error.contains("Failed to connect") && error.contains("nobody-listens"),
        "{error}"
    );
}

#[test]
fn a_missing_image_is_a_clear_error() {
    let (folder, mut setting) = program();
    setting.image = folder.path().join("no-image");
    let _turn = Turn::take();
    let error = format!(
        "{:#}",
        Board::start(&Programs::find().unwrap(), &setting)
            .map(|mut board| board.session(LIMIT))
            .and_then(|result| result)
            .unwrap_err()
    );
    assert!(error.contains("no-image"), "{error}");
}
