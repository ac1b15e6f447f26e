// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Features, and who wakes whom.

use std::time::Instant;

use crate::daemon::Daemon;
use crate::guest::{
    COMMANDS, EVENT_IDX, EVENTS, Guest, INDIRECT, LIMIT, P2A, PROTOCOL_FEATURES, Piece, VERSION_1,
    request, version,
};

#[test]
fn all_features_are_offered_and_each_can_be_switched_off() {
    let all = VERSION_1 | EVENT_IDX | INDIRECT | P2A | PROTOCOL_FEATURES;
    for (key, missing) in [
        ("", 0),
        ("version-1 = false", VERSION_1),
        ("event-idx = false", EVENT_IDX),
        ("p2a = false", P2A),
    ] {
        let daemon = Daemon::start_with(key);
        let mut guest = Guest::start(&daemon);
        assert_eq!(guest.features(), all & !missing, "{key}");
        guest.is_served();
    }
}

#[test]
fn without_an_event_queue_there_are_no_events_and_nothing_asynchronous() {
    const NOT_SUPPORTED: i32 = -1;
    let daemon = Daemon::start_with("p2a = false");
    let mut guest = Guest::start(&daemon);
    // POWER_STATE_NOTIFY, and an asynchronous SENSOR_READING_GET.
    assert_eq!(guest.ask(&request(0x11, 6, 1, &[1, 1])).0, NOT_SUPPORTED);
    assert_eq!(guest.ask(&request(0x15, 6, 1, &[0, 1])).0, NOT_SUPPORTED);
    assert_eq!(guest.ask(&request(0x15, 6, 1, &[0, 0])).0, 0);
}

#[test]
fn interrupts_come_when_the_used_index_passes_the_wanted_one() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    // The first three replies are not interesting.
    guest.set_used_event(COMMANDS, 3);
    let interrupts: Vec<u64> = (0..6)
        .map(|_| {
            guest.is_served();
            guest.interrupts(&mut daemon, COMMANDS)
        })
        .collect();
    assert_eq!(interrupts, [0, 0, 0, 1, 0, 0]);
}

#[test]
fn the_device_asks_for_a_kick_at_the_next_command() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    for count in 1..5 {
        guest.is_served();
        assert_eq!(guest.available_event(COMMANDS), count);
    }
}

#[test]
fn without_event_idx_the_flag_suppresses_interrupts() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start_with(&daemon, !EVENT_IDX);
    guest.is_served();
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 1);
    const NO_INTERRUPT: u16 = 1;
    guest.set_available_flags(COMMANDS, NO_INTERRUPT);
    guest.set_available_flags(EVENTS, NO_INTERRUPT);
    guest.is_served();
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 0);
    guest.event_buffer(136);
    daemon.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"00"}"#);
    guest.used(EVENTS);
    assert_eq!(guest.interrupts(&mut daemon, EVENTS), 0);
    daemon.tell(r#"{"cmd":"suppression","respected":false}"#);
    guest.is_served();
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 1, "not respected");
    daemon.tell(r#"{"cmd":"suppression","respected":true}"#);
    guest.is_served();
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 0);
    guest.set_available_flags(COMMANDS, 0);
    guest.is_served();
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 1);
}

#[test]
fn a_busy_platform_wants_no_kicks_and_answers_together_what_came_meanwhile() {
    for wanted in [!0, !EVENT_IDX] {
        // Nothing can be told of a platform that was done before the guest had sent all of it; on a busy computer that happens.
        let busy_ms = [200, 1_000, 5_000, 25_000];
        let worked = busy_ms.into_iter().any(|ms| kicked_while_busy(ms, wanted));
        assert!(worked, "the guest did not send ten commands within 25 s");
    }
}

/// Sends nine commands to a platform that is busy with one for so long. `false`: they came too late.
fn kicked_while_busy(ms: u32, wanted: u64) -> bool {
    let mut daemon = Daemon::start_with(&format!("busy-us = {}", ms * 1000));
    let mut guest = Guest::start_with(&daemon, wanted);
    let event_idx = guest.features() & EVENT_IDX != 0;
    let mut chains = vec![guest.command(&version(0))];
    // When it has counted that one, it works on it.
    let start = Instant::now();
    while daemon.count("commands") == 0 {
        assert!(start.elapsed() < LIMIT, "the platform takes no command");
    }
    let (event, flags) = (guest.available_event(COMMANDS), guest.used_flags(COMMANDS));
    for token in 1..10 {
        let bytes = version(token);
        let chain = guest.chain(COMMANDS, &[Piece::Read(&bytes), Piece::Room(136)]);
        guest.offer(COMMANDS, chain.head);
        chains.push(chain);
    }
    let asked = guest.available_event(COMMANDS);
    guest.set_used_event(COMMANDS, 1);
    if guest.used_index(COMMANDS) != 0 {
        return false;
    }
    assert_eq!(asked, event);
    assert_eq!(flags, u16::from(!event_idx), "NO_NOTIFY");
    for chain in &chains {
        guest.reply(chain);
    }
    // One for the first, unless EVENT_IDX said not to, one for the other nine.
    assert_eq!(
        guest.interrupts(&mut daemon, COMMANDS),
        if event_idx { 1 } else { 2 }
    );
    guest.is_served();
    // It asks to be kicked again once it has nothing to do.
    let start = Instant::now();
    let asks = |guest: &Guest| {
        if event_idx {
            guest.available_event(COMMANDS) == 11
        } else {
            guest.used_flags(COMMANDS) == 0
        }
    };
    while !asks(&guest) {
        assert!(start.elapsed() < LIMIT, "it wants no kick any more");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    true
}

#[test]
fn a_batch_is_answered_with_one_interrupt() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    daemon.tell(r#"{"cmd":"pause"}"#);
    let chains: Vec<_> = (0..10)
        .map(|token| guest.command(&version(token)))
        .collect();
    guest.quiet(COMMANDS);
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 0);
    daemon.tell(r#"{"cmd":"resume"}"#);
    for chain in &chains {
        guest.reply(chain);
    }
    assert_eq!(guest.interrupts(&mut daemon, COMMANDS), 1);
}
