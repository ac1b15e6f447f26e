// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Messages that the driver keeps to itself, because they change what all clients share.

mod support;

use drv_virtio_scmi::{Owner, Refusal, Wait};
use support::world::wish;
use support::{CONSOLE, POWER, STRANGER, Setup, THERMAL, Told, World, run};

const BASE: u8 = 0x10;
const POWER_DOMAINS: u8 = 0x11;
const SENSORS: u8 = 0x15;
const VENDOR: u8 = 0x93;
const SET_DEVICE_PERMISSIONS: u8 = 0x9;
const SET_PROTOCOL_PERMISSIONS: u8 = 0xa;
const RESET_AGENT_CONFIGURATION: u8 = 0xb;
const NEGOTIATE: u8 = 0x10;

const RESERVED: [(u8, u8); 8] = [
    (BASE, RESET_AGENT_CONFIGURATION),
    (BASE, SET_DEVICE_PERMISSIONS),
    (BASE, SET_PROTOCOL_PERMISSIONS),
    (BASE, NEGOTIATE),
    (POWER_DOMAINS, NEGOTIATE),
    (SENSORS, NEGOTIATE),
    (VENDOR, NEGOTIATE),
    // Switches SENSOR_TRIP_POINT_EVENT.
    (SENSORS, 0x4),
];

/// A client that may use every protocol is refused all the same, however it asks and whatever it
/// says in the request.
#[test]
fn s02_reserved_messages_never_reach_the_device() {
    run(Setup::default(), |world| {
        let free = world.driver.pools().slots_free;
        let mut asked = 0;
        for (protocol, message) in RESERVED {
            for wait in [Wait::Blocked, Wait::Poll(1 << 9)] {
                for delayed in [false, true] {
                    let wish = support::world::Wish {
                        wait,
                        delayed,
                        ..wish(protocol, message)
                    };
                    for request in [
                        &[] as &[u8],
                        &[0; 4],
                        &[1, 0, 0, 0, 1, 0, 0, 0],
                        &[0xff; 128],
                    ] {
                        let refused = world.submit(CONSOLE, &wish, request).unwrap_err();
                        assert_eq!(
                            refused,
                            Refusal::ReservedMessage,
                            "{protocol:#x} {message:#x}"
                        );
                        asked += 1;
                    }
                }
            }
        }
        assert_eq!(world.device.take(), None);
        assert_eq!(world.driver.pools().slots_free, free);
        assert_eq!(world.driver.counters().refused, asked);
        assert_eq!(world.driver.counters().sent_fail, asked);
    });
}

/// A stranger and a client without the protocol learn that they are refused for this; everybody
/// else, that the message is the driver's own.
#[test]
fn s02_whoever_may_not_use_the_protocol_learns_that() {
    run(Setup::default(), |world| {
        for (owner, protocol, message, refusal) in [
            (
                STRANGER,
                BASE,
                RESET_AGENT_CONFIGURATION,
                Refusal::NotAClient,
            ),
            (POWER, SENSORS, NEGOTIATE, Refusal::ProtocolNotAllowed),
            (POWER, SENSORS, 0x4, Refusal::ProtocolNotAllowed),
            (
                POWER,
                BASE,
                RESET_AGENT_CONFIGURATION,
                Refusal::ReservedMessage,
            ),
        ] {
            refused(world, owner, protocol, message, refusal);
        }
        // Nor does it matter that the client has no slot left.
        world.exchange(POWER, POWER_DOMAINS, 5).unwrap();
        world.exchange(POWER, POWER_DOMAINS, 5).unwrap();
        refused(
            world,
            POWER,
            BASE,
            RESET_AGENT_CONFIGURATION,
            Refusal::ReservedMessage,
        );
    });
}

/// A client tries to end everybody's subscriptions; the driver goes on to switch events for all
/// clients together.
#[test]
fn s02_subscriptions_outlive_an_attempted_reset() {
    run(Setup::default(), |world| {
        // SENSOR_CONTINUOUS_UPDATE_NOTIFY reaches the platform, because the driver sends it.
        world.subscribe(THERMAL, SENSORS, 1, 3);
        for (protocol, message) in RESERVED {
            refused(world, CONSOLE, protocol, message, Refusal::ReservedMessage);
        }
        assert_eq!(world.turn(), []);
        assert!(world.device.sensor_update(3, 70));
        assert_eq!(world.turn(), [Told::Posted(THERMAL, 1 << 5)]);
        assert_eq!(world.fetch_all(THERMAL).len(), 1);
        world.unsubscribe(THERMAL, SENSORS, 1, 3).unwrap();
        world.turn();
        let command = world.take();
        assert_eq!((command.protocol(), command.message()), (SENSORS, 0xb));
    });
}

fn refused(
    world: &mut World<'_, 16, 8, 16>,
    owner: Owner,
    protocol: u8,
    message: u8,
    refusal: Refusal,
) {
    assert_eq!(
        world.exchange(owner, protocol, message),
        Err(refusal),
        "{owner:?} {protocol:#x} {message:#x}"
    );
}
