// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tests each of which fails if one certain line of the driver is wrong: rows D14, N01, N08, V04,
//! V12, V13, W9.

mod support;

use drv_virtio_scmi::{EVENT_QUEUE, Failure, P2A_CHANNELS, Refusal, VERSION_1, Wait};
use support::device::Command;
use support::world::{Wish, wish};
use support::{CONSOLE, Point, Setup, THERMAL, Told, World, header, reborn, run};

/// SENSOR_READING_GET with a delayed response.
fn delayed() -> Wish {
    Wish {
        delayed: true,
        ..wish(0x15, 6)
    }
}

/// Sends ordinary commands, more of them than there are tokens, and returns whether one had this
/// token.
fn token_comes_again(world: &mut World<'_, 16, 8, 16>, token: u16) -> bool {
    let mut seen = false;
    for _ in 0..1_100 {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        seen |= command.token() == token;
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
    }
    seen
}

/// The delayed response to `command` may still come, so no other command may get its token before.
fn assert_token_waits_for_the_response(world: &mut World<'_, 16, 8, 16>, command: &Command) {
    assert!(
        !token_comes_again(world, command.token()),
        "the late response would answer another command"
    );
    assert!(world.device.delayed(command, 0, &[7; 4]));
    assert_eq!(world.turn(), [], "nobody waits for it");
    assert!(
        token_comes_again(world, command.token()),
        "no other response can come"
    );
    assert_eq!(world.driver.pools().slots_free, 8);
}

#[test]
#[cfg_attr(miri, ignore = "takes more commands than there are tokens")]
fn d14_a_cancelled_response_keeps_its_token() {
    run(Setup::default(), |world| {
        let wish = Wish {
            wait: Wait::Poll(1),
            ..delayed()
        };
        let handle = world.submit(THERMAL, &wish, &[0; 8]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        world.cancel(THERMAL, handle).unwrap();
        assert_eq!(world.poll(THERMAL, handle), Err(Refusal::BadHandle));
        assert_token_waits_for_the_response(world, &command);
    });
}

#[test]
#[cfg_attr(miri, ignore = "takes more commands than there are tokens")]
fn d14_a_dead_clients_response_keeps_its_token() {
    run(Setup::default(), |world| {
        world.submit(THERMAL, &delayed(), &[0; 8]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        world.client_gone(THERMAL);
        assert_token_waits_for_the_response(world, &command);
    });
}

/// Whether the platform accepted the command is not known after a bad reply, so its response may
/// come.
#[test]
#[cfg_attr(miri, ignore = "takes more commands than there are tokens")]
fn d14_a_bad_reply_keeps_the_token() {
    for (another, len, failure) in [
        (0, 7, Failure::ShortReply),
        (0, 0, Failure::ShortReply),
        (1, 8, Failure::WrongReply),
    ] {
        run(Setup::default(), |world| {
            world.submit(THERMAL, &delayed(), &[0; 8]).unwrap();
            let command = world.take();
            let header = command.header ^ another;
            world.device.reply_raw(command.head, header, 0, &[], len);
            assert_eq!(world.turn(), [Told::Failed(THERMAL, failure)]);
            assert_token_waits_for_the_response(world, &command);
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes more commands than there are tokens")]
fn d14_a_late_reply_keeps_the_token() {
    run(Setup::default(), |world| {
        let wish = Wish {
            deadline: 10,
            ..delayed()
        };
        world.submit(THERMAL, &wish, &[0; 8]).unwrap();
        let command = world.take();
        assert_eq!(world.pass(10), [Told::Failed(THERMAL, Failure::TimedOut)]);
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_lost, 0);
        assert_token_waits_for_the_response(world, &command);
    });
}

/// Loses one slot of a client that has eight, and returns how often the device had been reset.
fn lose_a_slot(world: &mut World<'_, 16, 8, 16>) -> u32 {
    let wish = Wish {
        deadline: 10,
        ..wish(0x10, 0)
    };
    world.submit(THERMAL, &wish, &[]).unwrap();
    world.take();
    assert_eq!(world.pass(10), [Told::Failed(THERMAL, Failure::TimedOut)]);
    assert_eq!(world.driver.pools().slots_lost, 1);
    world.transport.resets
}

/// Silence counts from the last sign of life: a device that answers everything but one command is
/// not silent.
#[test]
fn w09_silence_counts_from_the_last_sign_of_life() {
    run(Setup::default(), |world| {
        let resets = lose_a_slot(world);
        for second in 1..=20 {
            assert_eq!(world.pass(1_000), []);
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
            // Looks at the clock once more: the answer came now.
            assert_eq!(world.turn(), []);
            assert_eq!(world.transport.resets, resets, "after {second} s");
        }
        world.pass(4_999);
        assert_eq!(world.transport.resets, resets, "silent for less than 5 s");
        world.pass(1);
        world.turn();
        assert_eq!(world.transport.resets, resets + 1, "silent for 5 s");
    });
}

/// A device that asks for a reset and does not interrupt is noticed as soon as it loses a slot,
/// long before it was silent for 5 s.
#[test]
fn w09_a_lost_slot_makes_the_driver_look_at_the_status() {
    run(Setup::default(), |world| {
        let resets = lose_a_slot(world);
        world.turn();
        world.turn();
        assert_eq!(world.transport.resets, resets, "it does not ask for one");
        world.transport.needs_reset = true;
        world.turn();
        world.turn();
        assert_eq!(world.transport.resets, resets + 1);
        assert_eq!(world.driver.counters().recoveries, 1);
    });
}

fn with_and_without_event_idx(test: impl Fn(&mut World<'_, 16, 8, 16>)) {
    run(Setup::default(), &test);
    let setup = Setup {
        offered: VERSION_1 | P2A_CHANNELS,
        ..Setup::default()
    };
    run(setup, &test);
}

#[test]
fn v13_an_event_that_slips_in_means_another_turn() {
    with_and_without_event_idx(|world| {
        world.turn();
        assert!(world.device.sensor_update(1, 1));
        let _ = world.device.events.interrupt_due();
        world.device.events.set_avail_event(16);
        let mut sent = false;
        world.meanwhile(move |point, device| {
            // The ring was found empty; now, before interrupts are on again, the device sends the next one.
            if point == Point::Notified(EVENT_QUEUE) && !sent {
                sent = true;
                assert!(device.sensor_update(1, 2));
                assert!(!device.events.interrupt_due());
            }
        });
        world.interrupt();
        assert_eq!(world.driver.counters().notification_ok, 2);
        assert!(world.plan.unmask, "it sleeps");
    });
}

#[test]
fn v12_event_interrupts_are_off_during_a_turn() {
    with_and_without_event_idx(|world| {
        world.subscribe(THERMAL, 0x15, 1, 1);
        for round in 0..20 {
            assert!(world.device.sensor_update(1, round));
            assert!(world.device.events.interrupt_due(), "round {round}");
            let mut sent = false;
            world.meanwhile(move |point, device| {
                // The first event has been taken.
                if point == Point::Told && !sent {
                    sent = true;
                    assert!(device.sensor_update(1, round));
                    assert!(!device.events.interrupt_due(), "round {round}");
                }
            });
            world.interrupt();
        }
        assert_eq!(world.driver.counters().notification_ok, 40);
    });
}

/// Two protocols have two events each in a full queue. The fifth event makes its own protocol the
/// fullest, so it displaces the oldest of its own.
#[test]
fn n01_the_new_event_counts_to_its_protocol() {
    const SENSORS: u8 = 0x15;
    const POWER_DOMAINS: u8 = 0x11;
    for order in [
        [SENSORS, SENSORS, POWER_DOMAINS, POWER_DOMAINS],
        [POWER_DOMAINS, POWER_DOMAINS, SENSORS, SENSORS],
        [SENSORS, POWER_DOMAINS, SENSORS, POWER_DOMAINS],
        [POWER_DOMAINS, SENSORS, POWER_DOMAINS, SENSORS],
    ] {
        for new in [SENSORS, POWER_DOMAINS] {
            run(Setup::default(), |world| {
                world.subscribe(CONSOLE, SENSORS, 1, 3);
                world.subscribe(CONSOLE, POWER_DOMAINS, 0, 1);
                for (value, protocol) in (0u8..).zip(order.into_iter().chain([new])) {
                    let sent = if protocol == SENSORS {
                        world.device.sensor_update(3, value.into())
                    } else {
                        let payload = [0, 0, 0, 0, 1, 0, 0, 0, value, 0, 0, 0];
                        world.device.send_event(header(0x11, 0, 3, 0), &payload)
                    };
                    assert!(sent);
                    world.turn();
                }
                let found: Vec<(u8, u8)> = world
                    .fetch_all(CONSOLE)
                    .iter()
                    .map(|event| (event.protocol, event.payload[8]))
                    .collect();
                let displaced = order.iter().position(|&protocol| protocol == new).unwrap();
                let mut expected: Vec<(u8, u8)> = order.into_iter().zip(0..).collect();
                expected.remove(displaced);
                expected.push((new, 4));
                assert_eq!(found, expected, "{order:x?}, then {new:#x}");
            });
        }
    }
}

/// News of the death of an earlier life come after the next life has begun, and must not touch what
/// that one has.
#[test]
fn v04_news_of_an_earlier_life_take_nothing_from_the_next() {
    run(Setup::default(), |world| {
        world.send(THERMAL, 0x10, 0).unwrap();
        let old = world.take();
        let next = reborn(THERMAL);
        let handle = world.send(next, 0x10, 1).unwrap();
        let command = world.take();
        world.subscribe(next, 0x15, 1, 3);
        assert!(world.device.sensor_update(3, 9));
        assert_eq!(world.turn(), [Told::Posted(next, 1 << 5)]);
        for _ in 0..2 {
            world.client_gone(THERMAL);
            world.audit();
        }
        // The queued event, the subscription, the transfer, and the slot of each are still there.
        assert_eq!(world.fetch_all(next).len(), 1);
        assert!(world.device.sensor_update(3, 10));
        assert_eq!(world.turn(), [Told::Posted(next, 1 << 5)]);
        assert_eq!(world.fetch_all(next).len(), 1);
        assert_eq!(world.device.take(), None, "no event was switched off");
        world.device.reply(&command, 0, &[4]);
        assert_eq!(world.turn(), [Told::Posted(next, 1 << 9)]);
        assert_eq!(
            world.poll(next, handle),
            Ok(Some(Told::Answer(next, 0, vec![4])))
        );
        world.device.reply(&old, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

/// Subscriptions that cannot be sent at once, because clients have all the slots that they can
/// have, are sent later.
#[test]
fn n08_subscriptions_without_a_slot_are_armed_later() {
    run(Setup::default(), |world| {
        let mut busy = Vec::new();
        while world.exchange(CONSOLE, 0x10, 0).is_ok() {
            busy.push(world.take());
        }
        let sources = [1, 2, 3, 4, 5];
        for source in sources {
            world.try_subscribe(THERMAL, 0x15, 1, source).unwrap();
        }
        world.turn();
        for command in &busy {
            world.device.reply(command, 0, &[]);
        }
        // Whenever a slot is free, the next command goes out.
        let mut enabled = Vec::new();
        for _ in 0..2 * sources.len() {
            world.turn();
            while let Some(command) = world.device.take() {
                assert_eq!((command.protocol(), command.message()), (0x15, 0xb));
                enabled.push(u32::from(command.parameters[0]));
                world.device.reply(&command, 0, &[]);
            }
        }
        enabled.sort_unstable();
        assert_eq!(enabled, sources);
    });
}
