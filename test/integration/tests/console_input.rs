// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Whatever is typed gets an answer.

use test_integration::{Kind, LIMIT, Rig};

#[test]
fn wrong_lines_say_what_was_wrong() {
    let mut rig = Rig::boot(Kind::None);
    for (line, words) in [
        ("frobnicate", "no command `frobnicate`"),
        ("INFO", "no command `INFO`"),
        ("info please", "`info` takes nothing else"),
        ("crash", "usage: crash TASK"),
        ("crash two tasks", "usage: crash TASK"),
        ("crash nobody", "no task `nobody`"),
        ("crash -1", "no task `-1`"),
        ("power", "it can list, state, on, off, set"),
        ("power up gpu", "`power` cannot `up`"),
        ("help everything", "no command `everything`"),
        ("power on", "usage: power on NAME [delayed]"),
    ] {
        let reason = rig.error(line);
        assert!(reason.contains(words), "`{line}`: {reason}");
    }
    // The names that exist are offered.
    assert!(rig.error("crash nobody").contains("virtio_scmi"));
    assert!(rig.ok("help").contains("crash"));
    assert!(rig.ok("help power").contains("power on NAME [delayed]"));
    // The table is full of words that mean something elsewhere.
    for line in [
        "list",
        "on on on",
        "power list list",
        "help help",
        "raw raw raw",
        "events events",
        "[COMMAND]",
        "power on [delayed]",
    ] {
        rig.exec(line);
    }
}

#[test]
fn nothing_is_no_command_and_no_error() {
    let mut rig = Rig::boot(Kind::None);
    assert_eq!(rig.ok(""), "");
    assert_eq!(rig.ok("     "), "");
    rig.ok("   help   ");
}

#[test]
fn a_line_that_is_too_long_is_refused_whole() {
    let mut rig = Rig::boot(Kind::None);
    for length in [280, 281, 1000, 5000] {
        let reason = rig.error(&"x".repeat(length));
        assert!(reason.contains("longer than"), "{length}: {reason}");
        // No part of it is left for the next line.
        rig.ok("help");
    }
    // The longest that fits is a command like any other.
    assert!(rig.error(&"x".repeat(279)).contains("no command"));
}

#[test]
fn every_byte_there_is_leaves_a_working_console() {
    let mut rig = Rig::boot(Kind::None);
    let all: Vec<u8> = (0..=255).cycle().take(2048).collect();
    rig.session().console().send(&all).unwrap();
    // Ends what escape sequence or line may have begun.
    rig.session().console().send(b"\x1b[A\r\r").unwrap();
    rig.session().type_line(b"help").unwrap();
    rig.session().console().wait_for("\nok\n", LIMIT).unwrap();
    assert!(rig.ok("help").contains("crash"));
}

#[test]
fn a_flood_of_lines_is_answered_line_by_line() {
    let mut rig = Rig::boot(Kind::None);
    rig.session().console().skip();
    // More than any buffer holds: the line itself must hold it back.
    let count = 200;
    rig.session()
        .console()
        .send("help\r".repeat(count).as_bytes())
        .unwrap();
    for _ in 0..count {
        rig.session().console().wait_for("\nok\n", LIMIT).unwrap();
    }
    rig.ok("help");
}
