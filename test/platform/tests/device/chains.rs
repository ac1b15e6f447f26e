// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Chains: every legal way to split a command, and what breaks the rules. A chain that makes no sense comes back with nothing
//! written, and the next command is served.

use crate::daemon::Daemon;
use crate::guest::{
    COMMANDS, Chain, EVENTS, Guest, NEXT, NOWHERE, Piece, SIZE, TABLE, Used, WRITE, descriptor,
    request, version,
};

#[test]
fn a_command_may_be_split_anywhere() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    // SENSOR_DESCRIPTION_GET from the third sensor on: a request of 8 bytes, a longer reply.
    let command = request(0x15, 3, 5, &[2]);
    let (status, whole) = guest.ask(&command);
    assert!(status == 0 && whole.len() > 40, "{status} {whole:?}");
    let mut splits = 0;
    for read in 1..command.len() {
        for room in [1, 3, 4, 7, 8, 9, 135] {
            let (first, second) = command.split_at(read);
            let chain = guest.send(
                COMMANDS,
                &[
                    Piece::Read(first),
                    Piece::Read(second),
                    Piece::Room(room),
                    Piece::Room(136 - room),
                ],
            );
            let reply = guest.reply(&chain);
            assert_eq!(reply[..4], command[..4]);
            assert_eq!(reply[8..], whole, "{read} and {room}");
            splits += 1;
            if splits % 24 == 0 {
                guest.reset();
            }
        }
    }
    guest.reset();
    // Byte by byte, with descriptors of no length in between.
    let mut pieces: Vec<Piece<'_>> = command.chunks(1).map(Piece::Read).collect();
    pieces.push(Piece::Read(&[]));
    pieces.extend((0..8).map(|_| Piece::Room(1)));
    pieces.extend([Piece::Room(0), Piece::Room(128)]);
    let chain = guest.send(COMMANDS, &pieces);
    assert_eq!(guest.reply(&chain)[8..], whole);
}

#[test]
fn a_table_of_descriptors_serves_as_a_chain() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    let head = guest.take_descriptors(COMMANDS, 3);
    let (table, read, write) = (
        guest.buffer(COMMANDS, head),
        guest.buffer(COMMANDS, head + 1),
        guest.buffer(COMMANDS, head + 2),
    );
    guest.poke(read, &version(3));
    guest.poke(
        table,
        &[
            descriptor(read, 4, NEXT, 1),
            descriptor(write, 136, WRITE, 0),
        ]
        .concat(),
    );
    guest.descriptor(COMMANDS, head, table, 32, TABLE, 0);
    guest.offer(COMMANDS, head);
    guest.kick(COMMANDS);
    assert_eq!(
        guest.used(COMMANDS),
        Used {
            id: u32::from(head),
            len: 12
        }
    );
    guest.is_served();
}

/// Sends a bad chain: it comes back empty, it is counted, and the device serves on.
fn comes_back_empty(daemon: &mut Daemon, guest: &mut Guest, what: &str, chain: &Chain) {
    let before = daemon.count("malformed");
    guest.offer(COMMANDS, chain.head);
    guest.kick(COMMANDS);
    let used = guest.used(COMMANDS);
    assert_eq!(
        used,
        Used {
            id: u32::from(chain.head),
            len: 0
        },
        "{what}"
    );
    assert_eq!(daemon.count("malformed"), before + 1, "{what}");
    guest.is_served();
}

#[test]
fn chains_without_a_command_or_room_come_back_empty() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    let command = version(1);
    let cases: [(&str, &[Piece<'_>]); 7] = [
        ("nothing to read", &[Piece::Room(136)]),
        ("nothing to write", &[Piece::Read(&command)]),
        (
            "half a header",
            &[Piece::Read(&command[..3]), Piece::Room(136)],
        ),
        ("an empty request", &[Piece::Read(&[]), Piece::Room(136)]),
        (
            "no room for a status",
            &[Piece::Read(&command), Piece::Room(7)],
        ),
        (
            "no room in two pieces",
            &[Piece::Read(&command), Piece::Room(4), Piece::Room(3)],
        ),
        (
            "readable after writable",
            &[
                Piece::Read(&command),
                Piece::Room(136),
                Piece::Read(&command),
            ],
        ),
    ];
    for (what, pieces) in cases {
        let chain = guest.chain(COMMANDS, pieces);
        comes_back_empty(&mut daemon, &mut guest, what, &chain);
    }
}

#[test]
fn chains_that_lead_nowhere_come_back_empty() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    let command = version(1);
    type Damage = fn(&Guest, u16);
    let cases: [(&str, Damage); 9] = [
        ("a request outside memory", |guest, head| {
            guest.descriptor(COMMANDS, head, NOWHERE, 4, NEXT, head + 1);
        }),
        ("a reply outside memory", |guest, head| {
            guest.descriptor(COMMANDS, head + 1, NOWHERE, 136, WRITE, 0);
        }),
        ("a reply that ends outside memory", |guest, head| {
            guest.descriptor(COMMANDS, head + 1, 0x4010_0000 - 8, 136, WRITE, 0);
        }),
        ("an address at the end of all", |guest, head| {
            guest.descriptor(COMMANDS, head + 1, u64::MAX - 7, 136, WRITE, 0);
        }),
        ("a loop of one", |guest, head| {
            let address = guest.buffer(COMMANDS, head);
            guest.descriptor(COMMANDS, head, address, 4, NEXT, head);
        }),
        ("a loop of two", |guest, head| {
            let address = guest.buffer(COMMANDS, head + 1);
            guest.descriptor(COMMANDS, head + 1, address, 136, WRITE | NEXT, head + 1);
        }),
        ("a link past the table", |guest, head| {
            let address = guest.buffer(COMMANDS, head);
            guest.descriptor(COMMANDS, head, address, 4, NEXT, SIZE);
        }),
        ("more than 4 GiB", |guest, head| {
            let address = guest.buffer(COMMANDS, head + 1);
            guest.descriptor(COMMANDS, head + 1, address, u32::MAX, WRITE, 0);
        }),
        ("a table of half a descriptor", |guest, head| {
            let address = guest.buffer(COMMANDS, head);
            guest.descriptor(COMMANDS, head, address, 24, TABLE, 0);
        }),
    ];
    for (what, damage) in cases {
        let chain = guest.chain(COMMANDS, &[Piece::Read(&command), Piece::Room(136)]);
        damage(&guest, chain.head);
        comes_back_empty(&mut daemon, &mut guest, what, &chain);
    }
    // A table in a table, an empty table, and a table that is not there.
    for (what, length, address) in [
        ("a table in a table", 32, None),
        ("an empty table", 0, None),
        ("a table outside memory", 32, Some(NOWHERE)),
    ] {
        let chain = guest.chain(COMMANDS, &[Piece::Read(&command), Piece::Room(136)]);
        let table = guest.buffer(COMMANDS, chain.head);
        guest.poke(table, &descriptor(table, 32, TABLE, 0));
        guest.descriptor(
            COMMANDS,
            chain.head,
            address.unwrap_or(table),
            length,
            TABLE,
            0,
        );
        comes_back_empty(&mut daemon, &mut guest, what, &chain);
    }
}

#[test]
fn a_head_past_the_table_is_passed_over() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    guest.offer(COMMANDS, SIZE);
    guest.offer(COMMANDS, u16::MAX);
    guest.kick(COMMANDS);
    guest.is_served();
}

#[test]
fn an_index_that_runs_ahead_stops_the_ring_until_a_reset() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    guest.is_served();
    guest.set_available_index(COMMANDS, 1 + SIZE + 1);
    guest.kick(COMMANDS);
    guest.quiet(COMMANDS);
    guest.reset();
    guest.is_served();
}

#[test]
fn a_head_that_comes_twice_is_answered_once() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    daemon.tell(r#"{"cmd":"pause"}"#);
    let chain = guest.command(&version(1));
    guest.offer(COMMANDS, chain.head);
    guest.kick(COMMANDS);
    guest.quiet(COMMANDS);
    daemon.tell(r#"{"cmd":"resume"}"#);
    assert_eq!(guest.reply(&chain).len(), 12);
    guest.quiet(COMMANDS);
    guest.is_served();
}

#[test]
fn an_event_buffer_that_is_none_comes_back_at_once() {
    let mut daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    let read = guest.send(EVENTS, &[Piece::Read(b"text")]);
    assert_eq!(
        guest.used(EVENTS),
        Used {
            id: u32::from(read.head),
            len: 0
        }
    );
    let mixed = guest.send(EVENTS, &[Piece::Read(b"text"), Piece::Room(136)]);
    assert_eq!(
        guest.used(EVENTS),
        Used {
            id: u32::from(mixed.head),
            len: 0
        }
    );
    assert_eq!(daemon.count("malformed"), 2);
    guest.is_served();
}

#[test]
fn commands_that_nobody_knows_are_answered() {
    let daemon = Daemon::start();
    let mut guest = Guest::start(&daemon);
    const NOT_SUPPORTED: i32 = -1;
    const PROTOCOL_ERROR: i32 = -10;
    for (what, command, expected) in [
        ("protocol", request(0xff, 0, 1, &[]), NOT_SUPPORTED),
        ("message", request(0x10, 0xff, 1, &[]), NOT_SUPPORTED),
        ("type", request(0x10, 0x100, 1, &[]), PROTOCOL_ERROR),
        ("too short", request(0x15, 6, 1, &[0]), PROTOCOL_ERROR),
        ("too long", request(0x15, 6, 1, &[0; 40]), PROTOCOL_ERROR),
    ] {
        let (status, values) = guest.ask(&command);
        assert_eq!((status, values.len()), (expected, 0), "{what}");
    }
}
