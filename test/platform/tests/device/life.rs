// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Resets, deaths, and who comes back.

use crate::daemon::Daemon;
use crate::guest::{COMMANDS, EVENTS, Guest, Used, request, version};

#[test]
fn a_reset_forgets_chains_buffers_and_subscriptions() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    guest.event_buffer(136);
    assert_eq!(guest.ask(&request(0x11, 6, 1, &[1, 1])).0, 0);
    daemon.tell(r#"{"cmd":"pause"}"#);
    guest.command(&version(1));
    guest.quiet(COMMANDS);
    guest.reset();
    daemon.tell(r#"{"cmd":"resume"}"#);
    guest.quiet(COMMANDS);
    guest.is_served();
    // The buffer of before is not touched, and the subscription is gone.
    daemon.tell(r#"{"cmd":"set","what":"power","name":"gpu","on":true}"#);
    guest.quiet(EVENTS);
    assert_eq!(daemon.count("resets"), 1);
    for _ in 0..20 {
        guest.reset();
        guest.is_served();
    }
}

#[test]
fn the_machine_stays_as_it_is_over_a_reset() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    assert_eq!(guest.ask(&request(0x11, 4, 1, &[0, 1, 0])).0, 0);
    guest.reset();
    assert_eq!(daemon.tell(r#"{"cmd":"get"}"#)["power"]["gpu"], true);
}

#[test]
fn a_guest_that_vanishes_leaves_nothing_to_the_next_one() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    daemon.tell(r#"{"cmd":"pause"}"#);
    guest.command(&version(1));
    guest.quiet(COMMANDS);
    drop(guest);
    let mut next = Guest::start(&daemon);
    daemon.tell(r#"{"cmd":"resume"}"#);
    next.quiet(COMMANDS);
    next.is_served();
}

#[test]
fn a_platform_that_died_serves_what_was_not_answered() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    guest.is_served();
    daemon.tell(r#"{"cmd":"pause"}"#);
    let chain = guest.command(&version(7));
    guest.quiet(COMMANDS);
    assert_eq!(daemon.die().code(), Some(9));
    daemon.start_again();
    guest.connect_again(&daemon);
    assert_eq!(
        guest.used(COMMANDS),
        Used {
            id: u32::from(chain.head),
            len: 12
        }
    );
    assert_eq!(guest.bytes(&chain, 4), version(7));
    guest.is_served();
}
