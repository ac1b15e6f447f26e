// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Protocols of a vendor's own: the answers that the machine file has.

use scmi::StatusCode;
use scmi::base::{Attributes, DiscoverListProtocols};
use scmi::limits::MAX_PAYLOAD;

use super::{ROOM, ask, get, send};
use crate::machine::Machine;
use crate::platform::Platform;

const MINE: u8 = 0x80;
const ECHO: u8 = 3;
const FIXED: u8 = 4;
const NOTHING: u8 = 5;

fn platform() -> Platform {
    let text = "[[vendor-protocol]]\nnumber = 0x80\nversion = 0x2_0001\n\
        messages = [{ number = 3 }, { number = 4, values = \"0a0b0c\" }, { number = 5, values = \"\" }]\n\
        [[vendor-protocol]]\nnumber = 0xff\n[[power]]\nid = 0\nname = \"a\"\n";
    Platform::new(Machine::parse("m.toml", text).expect("valid"))
}

#[test]
fn what_a_message_was_sent_comes_back() {
    let mut platform = platform();
    for length in [0, 1, 4, 127, MAX_PAYLOAD] {
        let parameters: Vec<u8> = (0..length as u8).map(|byte| byte ^ 0x5a).collect();
        let values = send(&mut platform, MINE, ECHO, &parameters, ROOM);
        assert_eq!(values, Ok(parameters), "{length} bytes");
    }
}

#[test]
fn values_of_the_file_come_whatever_was_sent() {
    let mut platform = platform();
    for parameters in [&[][..], &[1; MAX_PAYLOAD]] {
        let values = send(&mut platform, MINE, FIXED, parameters, ROOM);
        assert_eq!(values, Ok(vec![10, 11, 12]));
        assert_eq!(
            send(&mut platform, MINE, NOTHING, parameters, ROOM),
            Ok(vec![])
        );
    }
}

#[test]
fn values_that_do_not_fit_the_room_are_a_status_alone() {
    let mut platform = platform();
    for (message, parameters) in [(ECHO, &[7; 8][..]), (FIXED, &[])] {
        let values = send(&mut platform, MINE, message, parameters, 8 + 2);
        assert_eq!(values, Err(StatusCode::CommsError));
    }
}

#[test]
fn a_vendors_protocol_has_what_every_protocol_has() {
    let mut platform = platform();
    let mut word =
        |message, parameters: &[u8]| send(&mut platform, MINE, message, parameters, ROOM);
    assert_eq!(word(0, &[]), Ok(vec![1, 0, 2, 0]));
    assert_eq!(word(1, &[]), Ok(vec![0; 4]));
    for message in [0, 1, 2, ECHO, FIXED, NOTHING, 0x10] {
        assert_eq!(
            word(2, &u32::from(message).to_le_bytes()),
            Ok(vec![0; 4]),
            "{message}"
        );
    }
    for absent in [6, 0xff, 0x103] {
        assert_eq!(
            word(2, &u32::to_le_bytes(absent)),
            Err(StatusCode::NotFound),
            "{absent}"
        );
    }
    assert_eq!(word(0x10, &0x2_0001u32.to_le_bytes()), Ok(vec![]));
    assert_eq!(
        word(0x10, &0x1_0000u32.to_le_bytes()),
        Err(StatusCode::NotSupported)
    );
    for message in [0, 1, 2, 0x10] {
        assert_eq!(
            word(message, &[0; 3]),
            Err(StatusCode::ProtocolError),
            "{message}"
        );
    }
    assert_eq!(word(6, &[]), Err(StatusCode::NotSupported));
}

#[test]
fn the_base_protocol_lists_them_behind_the_others() {
    let mut platform = platform();
    let attributes = get(&mut platform, &Attributes {}).attributes;
    assert_eq!(attributes.protocols(), 3);
    let list = ask(&mut platform, &DiscoverListProtocols { skip: 0 });
    assert_eq!(list, Ok(vec![3, 0, 0, 0, 0x11, MINE, 0xff, 0]));
}

#[test]
fn one_that_is_denied_or_not_there_refuses_everything() {
    let mut platform = platform();
    platform.denied.insert(MINE);
    assert_eq!(
        send(&mut platform, MINE, ECHO, &[], ROOM),
        Err(StatusCode::Denied)
    );
    assert_eq!(
        send(&mut platform, 0x81, 0, &[], ROOM),
        Err(StatusCode::NotSupported)
    );
    assert!(send(&mut platform, 0xff, 0, &[], ROOM).is_ok());
}
