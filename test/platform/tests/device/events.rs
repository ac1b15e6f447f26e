// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The event queue: delayed responses, which must arrive, and notifications, which need not.

use std::time::Instant;

use crate::daemon::Daemon;
use crate::guest::{COMMANDS, Chain, EVENTS, Guest, LIMIT, Used, request, version};

/// An asynchronous reading of the sensor `cpu-temp`.
fn read_later(token: u32) -> Vec<u8> {
    request(0x15, 6, token, &[0, 1])
}

fn start() -> (Daemon, Guest) {
    let daemon = Daemon::start();
    let guest = Guest::start(&daemon);
    (daemon, guest)
}

/// Waits for this buffer, which must be the next, and returns type, protocol, message and token of what is in it, and the
/// payload.
fn event(guest: &mut Guest, buffer: &Chain) -> ([u32; 4], Vec<u8>) {
    let used = guest.used(EVENTS);
    assert_eq!(used.id, u32::from(buffer.head), "another buffer was used");
    let bytes = guest.bytes(buffer, used.len);
    let word = u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let header = [
        word >> 8 & 3,
        word >> 10 & 0xff,
        word & 0xff,
        word >> 18 & 0x3ff,
    ];
    (header, bytes[4..].to_vec())
}

const DELAYED: u32 = 2;
const NOTIFICATION: u32 = 3;

#[test]
fn a_delayed_response_follows_the_reply() {
    let (mut daemon, mut guest) = start();
    let buffer = guest.event_buffer(136);
    assert_eq!(guest.ask(&read_later(9)), (0, vec![]));
    let (header, payload) = event(&mut guest, &buffer);
    assert_eq!(header, [DELAYED, 0x15, 6, 9]);
    // Status, sensor, reading and time stamp of 8 bytes each.
    assert_eq!(payload.len(), 4 + 4 + 16);
    assert_eq!(payload[..8], [0; 8]);
    assert!(guest.interrupts(&mut daemon, EVENTS) >= 1);
    assert_eq!(daemon.count("delayed"), 1);
}

#[test]
fn a_delayed_response_may_come_before_the_reply() {
    let (mut daemon, mut guest) = start();
    let buffer = guest.event_buffer(136);
    // As long as this test waits for anything: on a busy computer the event may take its time, too.
    daemon.tell(r#"{"cmd":"fault","kind":"reorder"}"#);
    let chain = guest.command(&read_later(9));
    assert_eq!(event(&mut guest, &buffer).0, [DELAYED, 0x15, 6, 9]);
    assert_eq!(guest.try_used(COMMANDS), None, "the reply should be late");
    // Overtaken by another reply, this one comes.
    let other = guest.command(&version(1));
    assert_eq!(guest.reply(&other).len(), 12);
    assert_eq!(guest.reply(&chain).len(), 8);
}

#[test]
fn a_delayed_response_waits_for_a_buffer_that_is_large_enough() {
    let (mut daemon, mut guest) = start();
    assert_eq!(guest.ask(&read_later(9)).0, 0);
    guest.quiet(EVENTS);
    guest.event_buffer(8);
    guest.quiet(EVENTS);
    let large = guest.event_buffer(136);
    assert_eq!(event(&mut guest, &large).0, [DELAYED, 0x15, 6, 9]);
    assert_eq!(daemon.count("dropped"), 0);
}

#[test]
fn faults_of_delayed_responses() {
    let (mut daemon, mut guest) = start();
    let buffers: Vec<_> = (0..4).map(|_| guest.event_buffer(136)).collect();
    daemon.tell(r#"{"cmd":"fault","kind":"drop","target":"delayed"}"#);
    assert_eq!(guest.ask(&read_later(1)).0, 0);
    guest.quiet(EVENTS);
    daemon.tell(r#"{"cmd":"fault","kind":"duplicate","target":"delayed"}"#);
    assert_eq!(guest.ask(&read_later(2)).0, 0);
    for buffer in &buffers[..2] {
        assert_eq!(event(&mut guest, buffer).0, [DELAYED, 0x15, 6, 2]);
    }
    daemon.tell(r#"{"cmd":"fault","kind":"truncate","len":6,"target":"delayed"}"#);
    assert_eq!(guest.ask(&read_later(3)).0, 0);
    assert_eq!(event(&mut guest, &buffers[2]).1.len(), 2);
    daemon.tell(r#"{"cmd":"fault","kind":"status","status":-9,"target":"delayed"}"#);
    assert_eq!(guest.ask(&read_later(4)).0, 0);
    assert_eq!(event(&mut guest, &buffers[3]).1, (-9i32).to_le_bytes());
}

#[test]
fn a_change_is_told_to_who_asked_for_it() {
    let (mut daemon, mut guest) = start();
    let buffers: Vec<_> = (0..4).map(|_| guest.event_buffer(136)).collect();
    let gpu = r#"{"cmd":"set","what":"power","name":"gpu","on":true}"#;
    daemon.tell(gpu);
    guest.quiet(EVENTS);
    // POWER_STATE_NOTIFY for the npu.
    assert_eq!(guest.ask(&request(0x11, 6, 1, &[2, 1])), (0, vec![]));
    let asked_for = |daemon: &mut Daemon| daemon.tell(r#"{"cmd":"get"}"#)["subscriptions"].take();
    assert_eq!(asked_for(&mut daemon).to_string(), "[[17,0,2]]");
    daemon.tell(r#"{"cmd":"set","what":"power","name":"npu","on":true}"#);
    let (header, payload) = event(&mut guest, &buffers[0]);
    assert_eq!(header, [NOTIFICATION, 0x11, 0, 0]);
    // Agent 0 is the platform; domain 2; the state is on.
    assert_eq!(payload, [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(guest.ask(&request(0x11, 6, 1, &[2, 0])), (0, vec![]));
    assert_eq!(asked_for(&mut daemon).to_string(), "[]");
    daemon.tell(r#"{"cmd":"set","what":"power","name":"npu","on":false}"#);
    guest.quiet(EVENTS);
}

#[test]
fn notifications_without_a_buffer_are_dropped_and_counted() {
    let (mut daemon, mut guest) = start();
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"0102","count":5}"#);
    guest.quiet(EVENTS);
    assert_eq!(daemon.count("dropped"), 5);
    // One that is too small is no buffer for this one, but for the next.
    let buffer = guest.event_buffer(6);
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"010203"}"#);
    guest.quiet(EVENTS);
    assert_eq!(daemon.count("dropped"), 6);
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"0102"}"#);
    assert_eq!(
        event(&mut guest, &buffer),
        ([NOTIFICATION, 0x11, 0, 0], vec![1, 2])
    );
}

#[test]
fn a_raw_message_goes_out_as_it_is() {
    let (mut daemon, mut guest) = start();
    let buffer = guest.event_buffer(136);
    daemon.tell(r#"{"cmd":"raw","bytes":"ffffffff 00"}"#);
    let used = guest.used(EVENTS);
    assert_eq!(
        used,
        Used {
            id: u32::from(buffer.head),
            len: 5
        }
    );
    assert_eq!(guest.bytes(&buffer, 5), [255, 255, 255, 255, 0]);
}

#[test]
fn a_flood_does_not_keep_commands_waiting() {
    let (mut daemon, mut guest) = start();
    const FLOOD: u64 = 100_000;
    for _ in 0..64 {
        guest.event_buffer(136);
    }
    let line =
        format!(r#"{{"cmd":"event","protocol":17,"event":0,"payload":"00","count":{FLOOD}}}"#);
    daemon.tell(&line);
    guest.is_served();
    let start = Instant::now();
    while guest.used_index(EVENTS) < 64
        || daemon.count("notifications") + daemon.count("dropped") < FLOOD
    {
        guest.ask(&version(3));
        guest.reset_descriptors(COMMANDS);
        assert!(start.elapsed() < LIMIT, "the flood does not end");
    }
    assert_eq!(daemon.count("notifications"), 64);
    assert_eq!(daemon.count("dropped"), FLOOD - 64);
}

#[test]
fn a_guest_that_takes_no_delayed_responses_gets_no_more_of_them() {
    const PENDING: u32 = scmi_platform::platform::PENDING as u32;
    const BUSY: i32 = -6;
    let (_daemon, mut guest) = start();
    for token in 0..PENDING {
        assert_eq!(guest.ask(&read_later(token)).0, 0, "{token}");
        guest.reset_descriptors(COMMANDS);
    }
    assert_eq!(guest.ask(&read_later(PENDING)).0, BUSY);
    guest.is_served();
    // One that is taken makes room for one.
    let buffer = guest.event_buffer(136);
    assert_eq!(event(&mut guest, &buffer).0, [DELAYED, 0x15, 6, 0]);
    assert_eq!(guest.ask(&read_later(PENDING)).0, 0);
    assert_eq!(guest.ask(&read_later(PENDING)).0, BUSY);
}

/// S5: the buffer that was written is lost to the guest, and the used ring names another, which may
/// not exist.
#[test]
fn s05_a_used_id_may_lie_in_the_event_ring() {
    let (mut daemon, mut guest) = start();
    let buffers: Vec<_> = (0..3).map(|_| guest.event_buffer(136)).collect();
    daemon.tell(r#"{"cmd":"fault","kind":"used-id","id":9999,"target":"notification"}"#);
    daemon.tell(r#"{"cmd":"fault","kind":"used-id","id":9998,"target":"delayed"}"#);
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"0102"}"#);
    assert_eq!(guest.used(EVENTS), Used { id: 9999, len: 6 });
    assert_eq!(guest.ask(&read_later(9)).0, 0);
    assert_eq!(guest.used(EVENTS).id, 9998);
    // Both buffers are gone; the next one is used as it should be.
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"0304"}"#);
    assert_eq!(
        event(&mut guest, &buffers[2]),
        ([NOTIFICATION, 0x11, 0, 0], vec![3, 4])
    );
}
