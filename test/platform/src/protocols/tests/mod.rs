// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every message of every protocol, success and refusal, on the sample machine.

use scmi::wire::{Command, Message, Parse, split_status};
use scmi::{Header, MessageType, Protocol, StatusCode, Token};

use crate::machine::Machine;
use crate::platform::Platform;

mod any;
mod domains;
mod power_and_perf;
mod sensors;
mod vendor;
mod who;

/// Room of the driver's buffers.
const ROOM: usize = 136;
/// The sample's graphics unit: power domain, performance domain and power cap.
const GPU: u32 = 1;
/// An id that nothing has.
const NOBODY: u32 = 99;

fn platform() -> Platform {
    Platform::new(Machine::sample())
}

/// Sends raw parameters.
fn send(
    platform: &mut Platform,
    protocol: u8,
    message: u8,
    parameters: &[u8],
    room: usize,
) -> Result<Vec<u8>, StatusCode> {
    let header = Header {
        message,
        message_type: MessageType::Command,
        protocol,
        token: Token::wrapping(77),
        reserved: 0,
    };
    let mut request = header.pack().to_le_bytes().to_vec();
    request.extend_from_slice(parameters);
    let reply = platform
        .handle(&request, room)
        .expect("a whole request gets a reply");
    assert_eq!(reply[..4], request[..4], "the header comes back");
    assert!(reply.len() <= room);
    let (status, values) = split_status(&reply[4..]).expect("has a status");
    match status.code().expect("a status of the specification") {
        StatusCode::Success => Ok(values.to_vec()),
        code => {
            assert!(values.is_empty(), "a refusal is just the status");
            Err(code)
        }
    }
}

/// Sends a command and returns the return values.
fn ask<C: Command>(platform: &mut Platform, command: &C) -> Result<Vec<u8>, StatusCode> {
    let mut parameters = [0; 128];
    let length = command.emit(&mut parameters).expect("fits");
    send(
        platform,
        C::PROTOCOL.id(),
        C::MESSAGE,
        &parameters[..length],
        ROOM,
    )
}

/// Sends a command whose reply is a message of fixed form, and takes that apart.
#[track_caller]
fn get<R: Message, C: for<'a> Command<Reply<'a> = R>>(platform: &mut Platform, command: &C) -> R {
    let values = ask(platform, command).expect("succeeds");
    R::parse_exact(&values).expect("has the reply's form")
}

/// Lets time pass until delayed responses are there.
fn wait(platform: &mut Platform) {
    let now = platform.model.now_ms;
    platform.advance(now + 100);
}

/// The next delayed response: its header and what follows the status.
#[track_caller]
fn delayed(platform: &mut Platform) -> (Header, Vec<u8>) {
    wait(platform);
    loop {
        let message = platform
            .next_outgoing()
            .expect("a delayed response is there");
        let header = header(&message.bytes);
        if header.message_type == MessageType::DelayedResponse {
            assert!(message.must_arrive);
            assert_eq!(header.token.get(), 77, "the command's token");
            let (status, values) = split_status(&message.bytes[4..]).expect("has a status");
            assert!(status.is_success());
            return (header, values.to_vec());
        }
    }
}

/// The next notification: protocol, event, payload.
fn event(platform: &mut Platform) -> Option<(u8, u8, Vec<u8>)> {
    platform.tell_changes();
    while let Some(message) = platform.next_outgoing() {
        let header = header(&message.bytes);
        if header.message_type == MessageType::Notification {
            assert_eq!(header.token.get(), 0);
            return Some((header.protocol, header.message, message.bytes[4..].to_vec()));
        }
    }
    None
}

/// The payload of the next notification, which must be this one.
#[track_caller]
fn event_of<T: Message>(platform: &mut Platform, protocol: Protocol, event_id: u8) -> T {
    let (from, id, payload) = event(platform).expect("a notification is there");
    assert_eq!((from, id), (protocol.id(), event_id));
    T::parse(&payload).expect("has the notification's form")
}

fn header(bytes: &[u8]) -> Header {
    Header::unpack(u32::from_le_bytes(
        *bytes.first_chunk().expect("has a header"),
    ))
}
