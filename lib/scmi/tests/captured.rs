// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Bytes of an independent implementation.
//!
//! Taken from `vhost-device-scmi` 0.4.0 of rust-vmm, started with `-d fake,name=fakename`, by a plain vhost-user front end:
//! each request went into a chain of two descriptors, the second one 136 bytes long, and what stands here is the reply up to
//! the used length, header included. The notification came to the event queue after both the sensor and its updates had
//! been switched on.
//!
//! Each request is also written by this crate, and must have the bytes that the daemon understood.

use scmi::base::{self, ProtocolList};
use scmi::common::{ProtocolVersion, ShortName};
use scmi::header::MessageType;
use scmi::sensor::descriptor::{AxisFlags, SensorFlags, SensorScale};
use scmi::sensor::unit::SensorUnit;
use scmi::sensor::{self, SensorConfig};
use scmi::wire::{Command, Emit, Message, Page, Parse, split_status};
use scmi::{Header, Notice, Status, Token, power};

/// Checks that `command` has the bytes of `request` as the daemon understood them, and returns what `reply` says.
/// Both are whole messages in hexadecimal, header first.
fn exchange<C: Command, R>(
    command: &C,
    request: &str,
    reply: &str,
    look: impl FnOnce(Result<C::Reply<'_>, Status>) -> R,
) -> R {
    let (request, reply) = (hex(request), hex(reply));
    let (header, parameters) = Header::parse(&request).unwrap();
    assert_eq!(
        header,
        Header::command(C::PROTOCOL.id(), C::MESSAGE, header.token)
    );
    let mut written = [0; 128];
    let len = command.emit(&mut written).unwrap();
    assert_eq!(&written[..len], parameters);

    let (answer, payload) = Header::parse(&reply).unwrap();
    assert_eq!(answer.check(), Ok(answer));
    assert!(answer.answers(header));
    let (status, values) = split_status(payload).unwrap();
    look(status.ok().map(|()| <C::Reply<'_>>::parse(values).unwrap()))
}

/// Like [`exchange`], for replies that hold no list.
fn reply<C: Command>(command: &C, request: &str, reply: &str) -> Result<C::Reply<'static>, Status>
where
    C::Reply<'static>: Message,
{
    let values = hex(reply).split_off(8);
    exchange(command, request, reply, |answer| answer.map(drop)).map(|()| {
        <C::Reply<'static> as Message>::parse_prefix(&values)
            .unwrap()
            .0
    })
}

fn hex(text: &str) -> Vec<u8> {
    text.split_ascii_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
fn base_version_and_attributes() {
    let version = reply(
        &base::Version {},
        "00 40 04 00",
        "00 40 04 00 00 00 00 00 00 00 02 00",
    )
    .unwrap();
    assert_eq!(version.version, ProtocolVersion::new(2, 0));
    let info = reply(
        &base::Attributes {},
        "01 40 08 00",
        "01 40 08 00 00 00 00 00 01 00 00 00",
    )
    .unwrap();
    assert_eq!(
        (info.attributes.protocols(), info.attributes.agents()),
        (1, 0)
    );
}

#[test]
fn base_message_attributes_of_a_known_and_of_an_unknown_message() {
    let known = reply(
        &base::MessageAttributes { message: 3 },
        "02 40 0c 00 03 00 00 00",
        "02 40 0c 00 00 00 00 00 00 00 00 00",
    );
    assert!(!known.unwrap().attributes.has_fastchannel());
    let unknown = reply(
        &base::MessageAttributes { message: 7 },
        "02 40 10 00 07 00 00 00",
        "02 40 10 00 fc ff ff ff",
    );
    assert_eq!(unknown, Err(Status::NOT_FOUND));
}

#[test]
fn base_names_and_numbers() {
    let vendor = reply(
        &base::DiscoverVendor {},
        "03 40 14 00",
        "03 40 14 00 00 00 00 00 72 75 73 74 2d 76 6d 6d 00 00 00 00 00 00 00 00",
    );
    assert_eq!(vendor.unwrap().vendor, ShortName::new("rust-vmm"));
    let sub = reply(
        &base::DiscoverSubVendor {},
        "04 40 18 00",
        "04 40 18 00 ff ff ff ff",
    );
    assert_eq!(sub, Err(Status::NOT_SUPPORTED));
    let version = reply(
        &base::DiscoverImplementationVersion {},
        "05 40 1c 00",
        "05 40 1c 00 00 00 00 00 00 00 00 00",
    );
    assert_eq!(version.unwrap().version, 0);
    let agent = reply(
        &base::DiscoverAgent { agent: 0 },
        "07 40 28 00 00 00 00 00",
        "07 40 28 00 ff ff ff ff",
    );
    assert_eq!(agent, Err(Status::NOT_SUPPORTED));
}

#[test]
fn base_list_of_protocols() {
    exchange(
        &base::DiscoverListProtocols { skip: 0 },
        "06 40 20 00 00 00 00 00",
        "06 40 20 00 00 00 00 00 01 00 00 00 15 00 00 00",
        |list| {
            let list = list.unwrap();
            assert_eq!(list, ProtocolList { protocols: &[0x15] });
            let mut written = [0; 8];
            assert_eq!(list.emit(&mut written), Ok(8));
            assert_eq!(written.to_vec(), hex("01 00 00 00 15 00 00 00"));
        },
    );
    exchange(
        &base::DiscoverListProtocols { skip: 1 },
        "06 40 24 00 01 00 00 00",
        "06 40 24 00 00 00 00 00 00 00 00 00",
        |list| assert_eq!(list.unwrap().protocols, []),
    );
}

#[test]
fn a_protocol_that_is_not_there() {
    let version = reply(&power::Version {}, "00 44 2c 00", "00 44 2c 00 ff ff ff ff");
    assert_eq!(version, Err(Status::NOT_SUPPORTED));
}

#[test]
fn sensor_version_and_attributes() {
    let version = reply(
        &sensor::Version {},
        "00 54 30 00",
        "00 54 30 00 00 00 00 00 00 00 03 00",
    );
    assert_eq!(version.unwrap().version.major(), 3);
    let info = reply(
        &sensor::Attributes {},
        "01 54 34 00",
        "01 54 34 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
    );
    let info = info.unwrap();
    assert_eq!(
        (
            info.attributes.sensors(),
            info.attributes.pending(),
            info.values_len
        ),
        (1, 0, 0)
    );
}

#[test]
fn sensor_descriptions() {
    exchange(
        &sensor::DescriptionGet { skip: 0 },
        "03 54 3c 00 00 00 00 00",
        "03 54 3c 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 40 00 01 03 00 66 61 6b 65 6e 61 6d 65 00 00 00 00 \
         00 00 00 00",
        |sensors| {
            let sensors = sensors.unwrap();
            assert_eq!((sensors.len(), sensors.remaining()), (1, 0));
            let descriptor = sensors.get(0).unwrap();
            assert_eq!(descriptor.base.sensor, 0);
            assert_eq!(
                descriptor.base.attributes,
                SensorFlags::default().with_notifies_updates(true)
            );
            assert_eq!(descriptor.base.scale.axes(), 3);
            assert_eq!(descriptor.base.name.to_string(), "fakename");
            assert_eq!((descriptor.power, descriptor.range), (None, None));
        },
    );
    exchange(
        &sensor::DescriptionGet { skip: 1 },
        "03 54 40 00 01 00 00 00",
        "03 54 40 00 fe ff ff ff",
        |sensors| assert_eq!(sensors.unwrap_err(), Status::INVALID_PARAMETERS),
    );
}

#[test]
fn sensor_axes_come_one_at_a_time() {
    let pages = [
        "07 54 44 00 00 00 00 00 01 00 00 08 00 00 00 00 00 01 00 00 59 00 00 00 61 63 63 5f 58 00 00 00 00 00 00 00 \
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 ff ff ff ff ff ff ff 7f",
        "07 54 48 00 00 00 00 00 01 00 00 04 01 00 00 00 00 01 00 00 59 00 00 00 61 63 63 5f 59 00 00 00 00 00 00 00 \
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 ff ff ff ff ff ff ff 7f",
        "07 54 4c 00 00 00 00 00 01 00 00 00 02 00 00 00 00 01 00 00 59 00 00 00 61 63 63 5f 5a 00 00 00 00 00 00 00 \
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 ff ff ff ff ff ff ff 7f",
    ];
    let requests = [
        "07 54 44 00 00 00 00 00 00 00 00 00",
        "07 54 48 00 00 00 00 00 01 00 00 00",
        "07 54 4c 00 00 00 00 00 02 00 00 00",
    ];
    for (skip, name) in (0..3).zip(["acc_X", "acc_Y", "acc_Z"]) {
        let command = sensor::AxisDescriptionGet { sensor: 0, skip };
        exchange(
            &command,
            requests[skip as usize],
            pages[skip as usize],
            |axes| {
                let axes = axes.unwrap();
                assert_eq!((axes.len(), axes.remaining()), (1, 2 - skip as usize));
                let axis = axes.get(0).unwrap();
                assert_eq!(axis.base.axis, skip);
                assert_eq!(
                    axis.base.attributes,
                    AxisFlags::default().with_extended_attributes(true)
                );
                assert_eq!(
                    axis.base.scale,
                    SensorScale::new(SensorUnit::METRES_PER_SECOND_SQUARED, 0)
                );
                assert_eq!(axis.base.name, ShortName::new(name));
                let range = axis.range.unwrap();
                assert_eq!(
                    (range.lowest, range.highest, range.resolution.value()),
                    (i64::MIN, i64::MAX, 0)
                );
            },
        );
    }
}

#[test]
fn sensor_configuration() {
    let get = sensor::ConfigGet { sensor: 0 };
    let off = reply(
        &get,
        "09 54 50 00 00 00 00 00",
        "09 54 50 00 00 00 00 00 00 00 00 00",
    );
    assert!(!off.unwrap().config.is_enabled());
    let config = SensorConfig::default().with_enabled(true);
    let set = sensor::ConfigSet { sensor: 0, config };
    let done = reply(
        &set,
        "0a 54 58 00 00 00 00 00 01 00 00 00",
        "0a 54 58 00 00 00 00 00",
    );
    assert_eq!(done, Ok(()));
    let on = reply(
        &get,
        "09 54 5c 00 00 00 00 00",
        "09 54 5c 00 00 00 00 00 01 00 00 00",
    );
    assert_eq!(on.unwrap().config, config);
}

#[test]
fn sensor_readings() {
    let get = sensor::ReadingGet {
        sensor: 0,
        flags: sensor::ReadFlags::default(),
    };
    let off = "06 54 54 00 fe ff ff ff";
    exchange(
        &get,
        "06 54 54 00 00 00 00 00 00 00 00 00",
        off,
        |readings| {
            assert_eq!(readings.unwrap_err(), Status::INVALID_PARAMETERS);
        },
    );
    exchange(
        &get,
        "06 54 64 00 00 00 00 00 00 00 00 00",
        "06 54 64 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 65 00 00 00 00 00 00 00 00 00 00 00 \
         00 00 00 00 c9 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        |readings| {
            let values: Vec<_> = readings
                .unwrap()
                .iter()
                .map(|reading| (reading.value, reading.timestamp))
                .collect();
            assert_eq!(values, [(1, 0), (101, 0), (201, 0)]);
        },
    );
}

#[test]
fn sensor_intervals_are_not_there() {
    let get = sensor::ListUpdateIntervals { sensor: 0, skip: 0 };
    exchange(
        &get,
        "08 54 6c 00 00 00 00 00 00 00 00 00",
        "08 54 6c 00 ff ff ff ff",
        |intervals| {
            assert_eq!(intervals.unwrap_err(), Status::NOT_SUPPORTED);
        },
    );
}

/// This daemon's reply is one word too long; the reply is read all the same.
#[test]
fn sensor_updates_are_switched_on_and_off() {
    for (enable, request, answer) in [
        (
            true,
            "0b 54 70 00 00 00 00 00 01 00 00 00",
            "0b 54 70 00 00 00 00 00 01 00 00 00",
        ),
        (
            false,
            "0b 54 74 00 00 00 00 00 00 00 00 00",
            "0b 54 74 00 00 00 00 00 00 00 00 00",
        ),
    ] {
        let command = sensor::ContinuousUpdateNotify {
            sensor: 0,
            enable: enable.into(),
        };
        assert_eq!(reply(&command, request, answer), Ok(()));
        let by_table = scmi::events::find(0x15, 1)
            .unwrap()
            .enable_request(0, enable);
        assert_eq!(by_table.as_bytes(), &hex(request)[4..]);
    }
}

#[test]
fn sensor_update_arrives() {
    let message = hex(
        "01 57 00 00 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 66 00 00 00 00 00 00 00 \
         00 00 00 00 00 00 00 00 ca 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
    );
    let (header, payload) = Header::parse(&message).unwrap();
    assert_eq!(
        (header.message_type, header.token),
        (MessageType::Notification, Token::default())
    );
    let event = scmi::events::find(header.protocol, header.message).unwrap();
    assert_eq!(
        (event.name, event.source(payload)),
        ("SENSOR_UPDATE", Some(0))
    );
    assert!(event.length_is_valid(payload.len()));
    let Ok(Notice::SensorUpdate(update)) = Notice::parse(header.protocol, header.message, payload)
    else {
        panic!("not an update");
    };
    assert_eq!(
        (update.head.agent, update.head.sensor, update.len()),
        (0, 0, 3)
    );
    assert_eq!(
        Notice::SensorUpdate(update).to_string(),
        "sensor 0 reads 2, 102, 202"
    );
    assert!(Page::<sensor::Update, sensor::Reading>::parse_exact(payload).is_ok());
}
