// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Each fault of the control socket, with its exact outcome in the ring.

use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::guest::{COMMANDS, Chain, Guest, Used, request, status, version};

fn start() -> (Daemon, Guest) {
    let daemon = Daemon::start();
    let guest = Guest::start(&daemon);
    (daemon, guest)
}

/// What a used element says about a whole reply to [`version`].
fn whole(chain: &Chain) -> Used {
    Used {
        id: u32::from(chain.head),
        len: 12,
    }
}

#[test]
fn a_delayed_reply_is_overtaken() {
    // On a busy computer both may be late; then nothing can be told, and the next delay is longer.
    let delays_ms = [200, 2_000, 20_000];
    assert!(
        delays_ms.into_iter().any(is_overtaken),
        "two commands were not answered within 20 s"
    );
}

/// Whether a reply that is late by so much comes after the reply to a later command. `false`: the later one was late, too.
fn is_overtaken(ms: u32) -> bool {
    let (mut daemon, mut guest) = start();
    let delay = Duration::from_millis(ms.into());
    daemon.tell(&format!(r#"{{"cmd":"fault","kind":"delay","ms":{ms}}}"#));
    let start = Instant::now();
    let slow = guest.command(&version(1));
    let fast = guest.command(&version(2));
    let first = guest.used(COMMANDS);
    if start.elapsed() >= delay {
        return false;
    }
    assert_eq!(first, whole(&fast));
    assert_eq!(guest.used(COMMANDS), whole(&slow));
    // The platform counts whole milliseconds, and the first had begun.
    assert!(start.elapsed() > delay - Duration::from_millis(1));
    assert_eq!(guest.bytes(&slow, 4), version(1));
    true
}

#[test]
fn a_reordered_reply_comes_after_the_next_one() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"reorder"}"#);
    let first = guest.command(&version(1));
    guest.quiet(COMMANDS);
    let second = guest.command(&version(2));
    assert_eq!(guest.used(COMMANDS), whole(&second));
    assert_eq!(guest.used(COMMANDS), whole(&first));
}

#[test]
fn a_dropped_reply_never_comes() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"drop"}"#);
    guest.command(&version(1));
    guest.quiet(COMMANDS);
    guest.is_served();
    guest.quiet(COMMANDS);
    assert_eq!(daemon.count("swallowed"), 1);
}

#[test]
fn a_duplicated_reply_comes_twice_and_is_written_once() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"duplicate"}"#);
    let chain = guest.command(&version(1));
    assert_eq!(guest.used(COMMANDS), whole(&chain));
    assert_eq!(guest.used(COMMANDS), whole(&chain));
    guest.is_served();
}

#[test]
fn a_truncated_reply_has_the_bytes_that_are_left() {
    let (mut daemon, mut guest) = start();
    for len in [0, 3, 4, 7, 8, 11] {
        daemon.tell(&format!(
            r#"{{"cmd":"fault","kind":"truncate","len":{len}}}"#
        ));
        let chain = guest.command(&version(1));
        let used = guest.used(COMMANDS);
        assert_eq!(
            used,
            Used {
                len,
                ..whole(&chain)
            }
        );
        let bytes = guest.bytes(&chain, 136);
        assert!(bytes[len as usize..].iter().all(|&byte| byte == 0));
    }
    guest.is_served();
}

#[test]
fn a_used_length_may_lie() {
    let (mut daemon, mut guest) = start();
    for len in [0, 5, 137, 4000, u32::MAX] {
        daemon.tell(&format!(
            r#"{{"cmd":"fault","kind":"used-length","len":{len}}}"#
        ));
        let chain = guest.command(&version(1));
        assert_eq!(
            guest.used(COMMANDS),
            Used {
                len,
                ..whole(&chain)
            }
        );
        assert_eq!(guest.bytes(&chain, 12)[8..], [1, 0, 2, 0]);
    }
    guest.is_served();
}

#[test]
fn a_used_id_may_lie() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"used-id","id":77}"#);
    guest.command(&version(1));
    assert_eq!(guest.used(COMMANDS), Used { id: 77, len: 12 });
    guest.is_served();
}

#[test]
fn a_header_may_be_another() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"header","xor":4026532096}"#);
    let chain = guest.command(&version(1));
    let reply = guest.reply(&chain);
    let header = u32::from_le_bytes(reply[..4].try_into().unwrap());
    let sent = u32::from_le_bytes(version(1).try_into().unwrap());
    assert_eq!(header, sent ^ 0xf000_0100);
    assert_eq!(status(&reply), 0);
}

#[test]
fn a_status_is_given_instead_of_doing_it() {
    let (mut daemon, mut guest) = start();
    const BUSY: i32 = -6;
    daemon.tell(r#"{"cmd":"fault","kind":"status","status":-6,"protocol":17,"message":4}"#);
    // POWER_STATE_SET of the gpu, synchronous, on.
    let power_on = request(0x11, 4, 1, &[0, 1, 0]);
    assert_eq!(guest.ask(&power_on), (BUSY, vec![]));
    assert_eq!(daemon.tell(r#"{"cmd":"get"}"#)["power"]["gpu"], false);
    assert_eq!(guest.ask(&power_on), (0, vec![]));
    assert_eq!(daemon.tell(r#"{"cmd":"get"}"#)["power"]["gpu"], true);
}

#[test]
fn garbage_keeps_length_and_header() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"garbage","byte":238}"#);
    let chain = guest.command(&version(1));
    let reply = guest.reply(&chain);
    assert_eq!(reply[..4], version(1));
    assert_eq!(reply[4..], [238; 8]);
}

#[test]
fn a_fault_is_for_the_messages_that_it_names_and_as_many() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"fault","kind":"drop","protocol":21,"message":6,"count":2}"#);
    guest.is_served();
    let reading = request(0x15, 6, 1, &[5, 0]);
    guest.command(&reading);
    guest.is_served();
    guest.command(&reading);
    guest.quiet(COMMANDS);
    assert_eq!(guest.ask(&reading).0, 0);
    daemon.tell(r#"{"cmd":"fault","kind":"drop","count":9}"#);
    daemon.tell(r#"{"cmd":"clear-faults"}"#);
    guest.is_served();
}

#[test]
fn a_pause_holds_everything_and_loses_nothing() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"pause"}"#);
    let chains: Vec<_> = (0..20)
        .map(|token| guest.command(&version(token)))
        .collect();
    guest.quiet(COMMANDS);
    daemon.tell(r#"{"cmd":"resume"}"#);
    for chain in &chains {
        assert_eq!(guest.used(COMMANDS), whole(chain));
    }
}

#[test]
fn a_protocol_may_be_denied_and_allowed_again() {
    let (mut daemon, mut guest) = start();
    const DENIED: i32 = -3;
    daemon.tell(r#"{"cmd":"permit","protocol":21,"allowed":false}"#);
    assert_eq!(guest.ask(&request(0x15, 0, 1, &[])).0, DENIED);
    daemon.tell(r#"{"cmd":"permit","protocol":21,"allowed":true}"#);
    assert_eq!(guest.ask(&request(0x15, 0, 1, &[])).0, 0);
}

#[test]
fn a_line_that_makes_no_sense_is_answered_and_changes_nothing() {
    let (mut daemon, mut guest) = start();
    for line in [
        "",
        "fault",
        "{}",
        r#"{"cmd":"nothing"}"#,
        r#"{"cmd":"fault"}"#,
        r#"{"cmd":"fault","kind":"drop","protcol":21}"#,
        r#"{"cmd":"fault","kind":"delay"}"#,
        r#"{"cmd":"fault","kind":"delay","ms":1,"len":3}"#,
        r#"{"cmd":"fault","kind":"used-length","len":3,"target":"notification"}"#,
        r#"{"cmd":"event","protocol":17,"event":0,"count":100001}"#,
        r#"{"cmd":"fault","kind":"drop","count":0}"#,
        r#"{"cmd":"pause","for":3}"#,
        r#"{"cmd":"set","what":"sensor","name":"nothing","value":1}"#,
        r#"{"cmd":"set","what":"level","name":"gpu","level":99}"#,
        r#"{"cmd":"event","protocol":1,"event":0}"#,
        r#"{"cmd":"event","protocol":17,"event":0,"payload":"0"}"#,
        r#"{"cmd":"raw","bytes":"0011"}"#,
    ] {
        let answer = daemon.line(line);
        assert_eq!(answer["ok"], false, "{line}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|text| text.len() > 5));
    }
    let status = daemon.tell(r#"{"cmd":"status"}"#);
    assert_eq!(status["faults"].as_array().unwrap().len(), 0);
    assert_eq!(status["paused"], false);
    guest.is_served();
}
