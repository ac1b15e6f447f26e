// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events: rows V08-V10, V21, M5, D13, D15, N01-N09, W2, W5.

mod support;

use drv_virtio_scmi::{ALL_SOURCES, EventKind, Failure, Notified, Refusal, Trace};
use support::{CONSOLE, POWER, STRANGER, Setup, THERMAL, Told, header, reborn, run, times};

const UPDATE: (u8, u8) = (0x15, 1);

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn v21_v09_every_event_buffer_is_posted_and_posted_again() {
    run(Setup::default(), |world| {
        assert_eq!(world.driver.pools().events_at_device, 16);
        let rounds = times(100, 20) as u32;
        for round in 0..rounds {
            assert!(world.device.sensor_update(1, round));
            world.turn();
            assert_eq!(world.driver.pools().events_at_device, 16);
            assert_eq!(world.driver.pools().events_at_driver, 0);
        }
        assert_eq!(world.driver.counters().notification_ok, rounds);
    });
}

#[test]
fn w02_no_event_buffer_is_ever_lost_whatever_arrives() {
    run(Setup::default(), |world| {
        for kind in 0..4 {
            for len in [0, 3, 4, 7, 8, 136, 137, u32::MAX] {
                // Under Miri one of two: the other with the next length.
                let tokens = [0, 5]
                    .into_iter()
                    .skip(if cfg!(miri) { len as usize % 2 } else { 0 });
                for token in tokens.take(times(2, 1)) {
                    let header = header(0x15, 1, kind, token);
                    assert!(world.device.send_event_raw(header, &[0xff; 132], len));
                    world.turn();
                    assert_eq!(world.driver.pools().events_at_device, 16);
                }
            }
        }
        // A whole ring of them in one turn, given back in another order than posted.
        let heads: Vec<u16> = std::iter::from_fn(|| world.device.events.pop()).collect();
        assert_eq!(heads.len(), 16);
        for head in heads.iter().rev() {
            world.device.events.complete(u32::from(*head), 4);
        }
        world.turn();
        assert_eq!(world.driver.pools().events_at_device, 16);
    });
}

#[test]
fn n07_the_first_user_enables_and_the_last_disables() {
    run(Setup::default(), |world| {
        assert_eq!(
            world.try_subscribe(CONSOLE, 0x15, 1, 3),
            Ok(Notified::Waiting)
        );
        assert_eq!(world.turn(), []);
        let command = world.take();
        assert_eq!((command.protocol(), command.message()), (0x15, 0xb));
        assert_eq!(command.parameters, bytes(&[3, 1]));
        // A second user waits with the first.
        assert_eq!(
            world.try_subscribe(THERMAL, 0x15, 1, 3),
            Ok(Notified::Waiting)
        );
        world.turn();
        world.device.reply(&command, 0, &[]);
        assert_eq!(
            world.turn(),
            [
                Told::Subscribed(CONSOLE, Ok(())),
                Told::Subscribed(THERMAL, Ok(()))
            ]
        );
        // Subscribing twice is once.
        assert_eq!(world.try_subscribe(CONSOLE, 0x15, 1, 3), Ok(Notified::Done));
        assert_eq!(world.unsubscribe(CONSOLE, 0x15, 1, 3), Ok(()));
        world.turn();
        assert_eq!(world.device.take(), None);
        assert_eq!(world.unsubscribe(THERMAL, 0x15, 1, 3), Ok(()));
        world.turn();
        let command = world.take();
        assert_eq!(command.parameters, bytes(&[3, 0]));
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(
            world.unsubscribe(THERMAL, 0x15, 1, 3),
            Err(Refusal::NotSubscribed)
        );
    });
}

#[test]
fn n07_a_refused_enable_is_an_error_and_the_subscription_is_gone() {
    run(Setup::default(), |world| {
        for (status, failure) in [
            (-1, Failure::EventNotSupported),
            (-2, Failure::UnknownSource),
            (-4, Failure::UnknownSource),
            (-3, Failure::EventRefused),
            (-100, Failure::EventRefused),
        ] {
            world.try_subscribe(CONSOLE, 0x15, 1, 9).unwrap();
            world.turn();
            let command = world.take();
            world.device.reply(&command, status, &[]);
            assert_eq!(world.turn(), [Told::Subscribed(CONSOLE, Err(failure))]);
            assert_eq!(
                world.unsubscribe(CONSOLE, 0x15, 1, 9),
                Err(Refusal::NotSubscribed)
            );
            assert!(world.traces().contains(&Trace::EventRefused {
                protocol: 0x15,
                event: 1,
                status
            }));
        }
        // No answer is an error too.
        world.try_subscribe(CONSOLE, 0x15, 1, 9).unwrap();
        world.turn();
        assert_eq!(
            world.pass(1_000),
            [Told::Subscribed(CONSOLE, Err(Failure::TimedOut))]
        );
    });
}

#[test]
fn n07_enable_and_disable_never_overtake_each_other() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.unsubscribe(CONSOLE, 0x15, 1, 3).unwrap();
        world.turn();
        let disable = world.take();
        // A new user comes while the disable is under way: it waits, and the enable follows.
        assert_eq!(
            world.try_subscribe(THERMAL, 0x15, 1, 3),
            Ok(Notified::Waiting)
        );
        world.turn();
        assert_eq!(world.device.take(), None);
        world.device.reply(&disable, 0, &[]);
        assert_eq!(world.turn(), []);
        let enable = world.take();
        assert_eq!(enable.parameters, bytes(&[3, 1]));
        world.device.reply(&enable, 0, &[]);
        assert_eq!(world.turn(), [Told::Subscribed(THERMAL, Ok(()))]);
    });
}

#[test]
fn n07_the_last_user_may_die_while_the_enable_is_under_way() {
    run(Setup::default(), |world| {
        world.try_subscribe(THERMAL, 0x15, 1, 3).unwrap();
        world.turn();
        let enable = world.take();
        world.client_gone(THERMAL);
        world.audit();
        world.device.reply(&enable, 0, &[]);
        assert_eq!(world.turn(), []);
        let disable = world.take();
        assert_eq!(disable.parameters, bytes(&[3, 0]));
        world.device.reply(&disable, 0, &[]);
        world.turn();
        // The successor starts from nothing.
        assert_eq!(world.fetch(reborn(THERMAL)), None);
    });
}

#[test]
fn n07_without_a_free_slot_the_enable_is_sent_when_there_is_one() {
    run(Setup::default(), |world| {
        for _ in 0..8 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
        }
        let busy: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        assert_eq!(world.try_subscribe(THERMAL, 0x15, 1, 3), Ok(Notified::Done));
        world.turn();
        assert_eq!(world.device.take(), None);
        world.device.reply(&busy[0], 0, &[]);
        world.turn();
        let enable = world.take();
        assert_eq!(enable.parameters, bytes(&[3, 1]));
        world.device.reply(&enable, 0, &[]);
        assert_eq!(world.turn(), []);
        assert!(world.device.sensor_update(3, 1));
        assert_eq!(world.turn(), [Told::Posted(THERMAL, 1 << 5)]);
    });
}

/// Outside of a turn, by a client that collects or gives up what has ended.
#[test]
fn n07_a_slot_that_a_client_frees_is_used_for_the_enable() {
    for cancelled in [false, true] {
        run(Setup::default(), |world| {
            let handles: Vec<_> = (0..8)
                .map(|_| world.send(CONSOLE, 0x10, 0).unwrap())
                .collect();
            while let Some(command) = world.device.take() {
                world.device.reply(&command, 0, &[]);
            }
            world.interrupt();
            assert_eq!(world.try_subscribe(THERMAL, 0x15, 1, 3), Ok(Notified::Done));
            assert_eq!(world.device.take(), None);
            if cancelled {
                world.cancel(CONSOLE, handles[3]).unwrap();
            } else {
                assert!(world.poll(CONSOLE, handles[3]).unwrap().is_some());
            }
            assert_eq!(world.take().parameters, bytes(&[3, 1]));
        });
    }
}

#[test]
fn d15_n05_m5_an_event_is_delivered_with_payload_and_time_of_receipt() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.now += 5;
        let received = world.now;
        assert!(world.device.sensor_update(3, 42));
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1 << 4)]);
        world.now += 1_000;
        let event = world.fetch(CONSOLE).unwrap();
        assert_eq!((event.protocol, event.event), UPDATE);
        assert_eq!(event.kind, EventKind::Event);
        assert_eq!(event.time, received);
        assert_eq!((event.lost, event.more), (0, false));
        assert_eq!(event.payload, bytes(&[0, 3, 42, 0, 0, 0]));
        assert_eq!(world.fetch(CONSOLE), None);
    });
}

#[test]
fn n06_n09_events_go_to_those_who_want_the_source_and_to_nobody_else() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.subscribe(THERMAL, 0x15, 1, ALL_SOURCES);
        assert!(world.device.sensor_update(3, 1));
        // Those who want all sources come first.
        assert_eq!(
            world.turn(),
            [Told::Posted(THERMAL, 1 << 5), Told::Posted(CONSOLE, 1 << 4)]
        );
        assert!(world.device.sensor_update(4, 2));
        assert_eq!(world.turn(), [Told::Posted(THERMAL, 1 << 5)]);
        assert_eq!(world.fetch_all(CONSOLE).len(), 1);
        assert_eq!(world.fetch_all(THERMAL).len(), 2);
        // Both at once is one event.
        world.subscribe(THERMAL, 0x15, 1, 3);
        assert!(world.device.sensor_update(3, 1));
        world.turn();
        assert_eq!(world.fetch_all(THERMAL).len(), 1);

        assert!(
            world
                .device
                .send_event(header(0x11, 0, 3, 0), &bytes(&[0, 1, 2]))
        );
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().events_unclaimed, 1);
    });
}

#[test]
fn n04_an_unknown_event_is_skipped_and_the_next_is_delivered() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        for (protocol, event) in [(0x15, 2), (0x17, 0), (0x80, 1), (0xff, 0xff)] {
            assert!(
                world
                    .device
                    .send_event(header(protocol, event, 3, 0), &[1; 40])
            );
        }
        assert!(world.device.sensor_update(3, 7));
        world.turn();
        assert_eq!(world.driver.counters().events_unclaimed, 4);
        assert_eq!(world.fetch_all(CONSOLE).len(), 1);
    });
}

#[test]
fn n03_an_event_of_impossible_length_is_discarded() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 0, 3);
        for len in [0, 4, 8, 11] {
            assert!(
                world
                    .device
                    .send_event(header(0x15, 0, 3, 0), &vec![3; len])
            );
        }
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().err_msg_invalid, 4);
        assert!(
            world
                .device
                .send_event(header(0x15, 0, 3, 0), &bytes(&[0, 3, 1]))
        );
        assert_eq!(world.turn().len(), 1);
    });
}

/// Of every protocol: a later version appends words, and whoever knows the earlier one still hears of it.
#[test]
fn n03_an_event_of_a_later_version_is_delivered_and_counted() {
    for event in scmi::events::EVENTS {
        run(Setup::default(), |world| {
            let (protocol, id) = (event.protocol.id(), event.id);
            let source = if event.source_at.is_some() { 3 } else { 0 };
            world.subscribe(CONSOLE, protocol, id, source);
            let known = event.max_len.min(128);
            for len in [known, known + 1, known + 4, 128] {
                let mut payload = vec![0; len.min(128)];
                payload[4] = source as u8;
                let sent = world
                    .device
                    .send_event(header(protocol, id, 3, 0), &payload);
                assert!(sent);
                world.turn();
                let told = world.fetch(CONSOLE).expect("it is delivered");
                assert_eq!(told.payload, payload, "{}", event.name);
            }
            let counters = world.driver.counters();
            let longer = if known < 128 { 3 } else { 0 };
            assert_eq!(counters.notification_longer, longer, "{}", event.name);
            assert_eq!(counters.notification_ok, 4);
        });
    }
}

#[test]
fn d13_other_types_in_the_event_ring_are_dropped_and_counted() {
    run(Setup::default(), |world| {
        assert!(world.device.send_event(header(0x15, 1, 1, 0), &[0; 24]));
        assert!(world.device.send_event(header(0x15, 1, 0, 0), &[0; 24]));
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().err_msg_invalid, 2);
    });
}

#[test]
fn n02_a_full_queue_drops_the_oldest_and_counts() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        for value in 0..10 {
            assert!(world.device.sensor_update(3, value));
            world.turn();
            // No back-pressure: the buffer is with the device again.
            assert_eq!(world.driver.pools().events_at_device, 16);
        }
        let events = world.fetch_all(CONSOLE);
        let values: Vec<u8> = events.iter().map(|event| event.payload[8]).collect();
        assert_eq!(values, [6, 7, 8, 9]);
        assert_eq!(events[0].lost, 6);
        assert!(events[1..].iter().all(|event| event.lost == 0));
        assert_eq!(world.driver.counters().err_msg_nomem, 6);
    });
}

#[test]
fn n01_a_flood_of_one_protocol_displaces_its_own_events_only() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.subscribe(CONSOLE, 0x11, 0, 1);
        assert!(
            world
                .device
                .send_event(header(0x11, 0, 3, 0), &bytes(&[0, 1, 77]))
        );
        for value in 0..30 {
            assert!(world.device.sensor_update(3, value));
            world.turn();
        }
        let events = world.fetch_all(CONSOLE);
        let kinds: Vec<(u8, u8)> = events
            .iter()
            .map(|event| (event.protocol, event.payload[8]))
            .collect();
        assert_eq!(kinds, [(0x11, 77), (0x15, 27), (0x15, 28), (0x15, 29)]);
        // And the other way round: late to a full queue, an event of a quiet protocol still finds room.
        for value in 0..30 {
            assert!(world.device.sensor_update(3, value));
            world.turn();
        }
        assert!(
            world
                .device
                .send_event(header(0x11, 0, 3, 0), &bytes(&[0, 1, 78]))
        );
        world.turn();
        let last = world.fetch_all(CONSOLE).pop().unwrap();
        assert_eq!((last.protocol, last.payload[8]), (0x11, 78));
    });
}

#[test]
fn n01_a_slow_subscriber_costs_others_nothing() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.subscribe(THERMAL, 0x15, 1, 3);
        for value in 0..20 {
            assert!(world.device.sensor_update(3, value));
            world.turn();
            let events = world.fetch_all(THERMAL);
            assert_eq!(events.len(), 1);
            assert_eq!((events[0].lost, events[0].payload[8]), (0, value as u8));
        }
        assert_eq!(world.fetch_all(CONSOLE)[0].lost, 16);
    });
}

/// The next life of a task finds neither an event nor a subscription of the life before (V05, V14).
#[test]
fn v05_v14_a_successor_has_no_events_of_before() {
    // The driver notices the death by the call of the successor, or is told.
    for told in [false, true] {
        run(Setup::default(), |world| {
            world.subscribe(THERMAL, 0x15, 1, 3);
            world.subscribe(CONSOLE, 0x15, 1, 3);
            assert!(world.device.sensor_update(3, 0x5ec7e7));
            world.turn();
            if told {
                world.client_gone(THERMAL);
            }
            let next = reborn(THERMAL);
            assert_eq!(
                world.fetch_all(next).len(),
                0,
                "an event of the predecessor"
            );
            assert!(world.device.sensor_update(3, 1));
            world.turn();
            assert_eq!(
                world.fetch_all(next).len(),
                0,
                "a subscription of the predecessor"
            );
            assert_eq!(world.fetch_all(CONSOLE).len(), 2);
            world.audit();
        });
    }
}

#[test]
fn a_flood_cannot_starve_commands() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let command = world.take();
        for value in 0..16 {
            assert!(world.device.sensor_update(3, value));
        }
        world.device.reply(&command, 0, &[]);
        // The command's answer comes first, and the turn ends after as many events as the ring holds, asking for a pause.
        let told = world.interrupt();
        assert_eq!(told[0], Told::Answer(THERMAL, 0, vec![]));
        assert_eq!(world.plan.timer, Some(world.now + 1));
        assert!(!world.plan.unmask);
        // One post for all of them.
        assert_eq!(told.len(), 2);
    });
}

#[test]
fn w05_an_event_from_before_the_first_turn_is_not_stuck() {
    run(Setup::default(), |world| {
        // No interrupt: the device may have put it there while the driver was still starting.
        assert!(world.device.sensor_update(3, 1));
        assert!(world.driver.has_used());
        world.turn();
        assert_eq!(world.driver.counters().notification_ok, 1);
    });
}

#[test]
fn subscriptions_are_checked_before_the_platform_is_asked() {
    run(Setup::default(), |world| {
        let mut subscribe =
            |owner, protocol, event, source| world.try_subscribe(owner, protocol, event, source);
        assert_eq!(subscribe(STRANGER, 0x15, 1, 0), Err(Refusal::NotAClient));
        assert_eq!(subscribe(CONSOLE, 0x15, 9, 0), Err(Refusal::UnknownEvent));
        assert_eq!(subscribe(CONSOLE, 0x17, 0, 0), Err(Refusal::UnknownEvent));
        assert_eq!(
            subscribe(POWER, 0x15, 1, 0),
            Err(Refusal::ProtocolNotAllowed)
        );
        // An event of the platform as a whole has no other source.
        assert_eq!(
            subscribe(CONSOLE, 0x10, 0, 5),
            Err(Refusal::InvalidArgument)
        );
        assert_eq!(
            subscribe(CONSOLE, 0x10, 0, ALL_SOURCES),
            Ok(Notified::Waiting)
        );
        world.turn();
        assert_eq!(world.take().parameters, bytes(&[1]));
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn subscriptions_have_a_quota_and_return_to_it() {
    run(Setup::default(), |world| {
        for round in 0..times(20, 3) as u32 {
            world.subscribe(POWER, 0x11, 0, round);
            world.subscribe(POWER, 0x11, 1, round);
            assert_eq!(
                world.try_subscribe(POWER, 0x11, 0, 1000),
                Err(Refusal::SubscriptionQuota)
            );
            for event in 0..2 {
                world.unsubscribe(POWER, 0x11, event, round).unwrap();
                world.turn();
                let command = world.take();
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
        }
    });
}

#[test]
fn a_client_without_notification_bit_is_not_posted_but_can_fetch() {
    run(Setup::default(), |world| {
        world.subscribe(POWER, 0x11, 0, 1);
        assert!(
            world
                .device
                .send_event(header(0x11, 0, 3, 0), &bytes(&[0, 1, 2]))
        );
        assert_eq!(world.turn(), []);
        assert_eq!(world.fetch_all(POWER).len(), 1);
    });
}

#[test]
fn n06_events_for_all_sources_and_for_one_in_the_same_turn_are_both_told_of() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, UPDATE.0, UPDATE.1, ALL_SOURCES);
        world.subscribe(CONSOLE, 0x13, 1, 2);
        assert!(world.device.sensor_update(1, 7));
        assert!(
            world
                .device
                .send_event(header(0x13, 1, 3, 0), &bytes(&[0, 2, 5]))
        );
        // Once for each order in which subscribers are told.
        let posted = Told::Posted(CONSOLE, 1 << 4);
        assert_eq!(world.turn(), [posted.clone(), posted]);
        assert_eq!(world.fetch_all(CONSOLE).len(), 2);
        assert_eq!(world.turn(), []);
    });
}

#[test]
fn a_client_that_dies_while_others_are_told_takes_nothing_from_them() {
    run(Setup::default(), |world| {
        for source in [ALL_SOURCES, 1] {
            for owner in [CONSOLE, THERMAL] {
                world.subscribe(owner, UPDATE.0, UPDATE.1, source);
            }
            assert!(world.device.sensor_update(1, 7));
            world.dead = vec![CONSOLE];
            let posts = [Told::Posted(CONSOLE, 1 << 4), Told::Posted(THERMAL, 1 << 5)];
            assert_eq!(world.interrupt(), posts);
            world.dead.clear();
            assert_eq!(world.fetch_all(THERMAL).len(), 1);
            world
                .unsubscribe(THERMAL, UPDATE.0, UPDATE.1, source)
                .unwrap();
            world.turn();
            // The platform knows of the one source only.
            while let Some(command) = world.device.take() {
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
        }
    });
}

#[test]
fn a_client_that_dies_while_subscriptions_are_announced_takes_nothing_from_others() {
    run(Setup::default(), |world| {
        // The first is told by a post in the same run that it is gone.
        world.subscribe(CONSOLE, UPDATE.0, UPDATE.1, 5);
        for owner in [CONSOLE, THERMAL] {
            let how = world.try_subscribe(owner, UPDATE.0, UPDATE.1, 3);
            assert_eq!(how, Ok(Notified::Waiting));
        }
        let command = world.take();
        assert!(world.device.sensor_update(5, 1));
        world.device.reply(&command, 0, &[]);
        world.dead = vec![CONSOLE];
        let told = [
            Told::Subscribed(CONSOLE, Ok(())),
            Told::Subscribed(THERMAL, Ok(())),
            Told::Posted(CONSOLE, 1 << 4),
        ];
        assert_eq!(world.interrupt(), told);
    });
    run(Setup::default(), |world| {
        for owner in [CONSOLE, THERMAL] {
            let how = world.try_subscribe(owner, UPDATE.0, UPDATE.1, 3);
            assert_eq!(how, Ok(Notified::Waiting));
        }
        world.client_gone(CONSOLE);
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.interrupt(), [Told::Subscribed(THERMAL, Ok(()))]);
    });
}
