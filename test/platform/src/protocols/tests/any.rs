// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any bytes at all: the platform answers and goes on.

use proptest::prelude::*;
use scmi::protocol::common;
use scmi::{Header, Protocol};

use super::{ROOM, platform, send};

#[test]
fn parameters_of_the_wrong_length_are_refused_by_every_message() {
    let mut platform = platform();
    for protocol in Protocol::ALL {
        for message in (0..=0x10).filter(|&message| protocol.message_name(message).is_some()) {
            for length in [1, 3, 127] {
                let outcome = send(
                    &mut platform,
                    protocol.id(),
                    message,
                    &vec![0; length],
                    ROOM,
                );
                assert!(
                    outcome.is_err(),
                    "{protocol} {message:#x} with {length} bytes"
                );
            }
        }
    }
}

#[test]
fn room_for_nothing_but_the_status_is_never_overrun() {
    let mut platform = platform();
    for protocol in Protocol::ALL {
        for message in 0..=common::NEGOTIATE_PROTOCOL_VERSION {
            for length in [0, 4, 8, 12, 16] {
                let _ = send(&mut platform, protocol.id(), message, &vec![0; length], 8);
            }
        }
    }
}

proptest! {
    #![proptest_config(test_props::config(256, 1))]

    #[test]
    fn any_bytes_get_an_answer_that_fits(
        requests in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..64), 0usize..160), 1..20),
    ) {
        let mut platform = platform();
        for (request, room) in requests {
            let reply = platform.handle(&request, room);
            prop_assert_eq!(reply.is_some(), request.len() >= 4 && room >= 8);
            prop_assert!(reply.is_none_or(|reply| reply.len() <= room && reply[..4] == request[..4]));
        }
    }

    #[test]
    fn commands_with_any_parameters_leave_a_platform_that_works(
        commands in prop::collection::vec((0x10u8..=0x19, 0u8..=0x10, prop::collection::vec(0u32..8, 0..5)), 1..60),
    ) {
        let mut platform = platform();
        for (protocol, message, words) in commands {
            let header = Header { protocol, message, ..Header::unpack(0) };
            let mut request = header.pack().to_le_bytes().to_vec();
            request.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            prop_assert!(platform.handle(&request, ROOM).is_some());
            let now = platform.model.now_ms;
            platform.advance(now + 20);
            while platform.next_outgoing().is_some() {}
        }
        prop_assert!(send(&mut platform, 0x10, 0, &[], ROOM).is_ok());
    }
}
