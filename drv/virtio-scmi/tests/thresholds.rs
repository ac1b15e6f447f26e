// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Thresholds of events: row N07 for the one event that has them, POWERCAP_MEASUREMENTS_CHANGED.

mod support;

use drv_virtio_scmi::{ALL_SOURCES, EventKind, Failure, Notified, Owner, Refusal, Thresholds};
use support::{CONSOLE, Setup, THERMAL, Told, World, header, reborn, run};

type Small<'m> = World<'m, 16, 8, 16>;

const POWERCAP: u8 = 0x18;
const MEASUREMENTS_CHANGED: u8 = 1;
const MEASUREMENTS_NOTIFY: u8 = 0xb;
const DOMAIN: u32 = 2;

fn between(low: u32, high: u32) -> Thresholds {
    Thresholds { low, high }
}

fn follow(
    world: &mut Small<'_>,
    client: Owner,
    thresholds: Thresholds,
) -> Result<Notified, Refusal> {
    world.try_subscribe_beyond(client, POWERCAP, MEASUREMENTS_CHANGED, DOMAIN, thresholds)
}

/// The platform is asked just this, and answers.
#[track_caller]
fn asked(world: &mut Small<'_>, enable: u32, thresholds: Thresholds, status: i32) -> Vec<Told> {
    assert_eq!(world.turn(), []);
    let command = world.take();
    assert_eq!(
        (command.protocol(), command.message()),
        (POWERCAP, MEASUREMENTS_NOTIFY)
    );
    let words: Vec<u32> = command
        .parameters
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words, [DOMAIN, enable, thresholds.low, thresholds.high]);
    world.device.reply(&command, status, &[]);
    world.turn()
}

/// The client subscribes, and the platform is asked for `wanted` and agrees.
#[track_caller]
fn agreed(world: &mut Small<'_>, client: Owner, own: Thresholds, wanted: Thresholds) {
    assert_eq!(follow(world, client, own), Ok(Notified::Waiting));
    assert_eq!(
        asked(world, 1, wanted, 0),
        [Told::Subscribed(client, Ok(()))]
    );
}

#[track_caller]
fn nothing_is_asked(world: &mut Small<'_>) {
    assert_eq!(world.turn(), []);
    assert_eq!(world.device.take(), None);
}

#[test]
fn n07_thresholds_go_to_the_platform_as_they_are_chosen() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        // The same again is nothing new; others are, and a sole subscriber's replace what it had, wider or narrower.
        assert_eq!(
            follow(world, CONSOLE, between(100, 900)),
            Ok(Notified::Done)
        );
        nothing_is_asked(world);
        agreed(world, CONSOLE, between(400, 500), between(400, 500));
        agreed(world, CONSOLE, between(5, u32::MAX), between(5, u32::MAX));
        world
            .unsubscribe(CONSOLE, POWERCAP, MEASUREMENTS_CHANGED, DOMAIN)
            .unwrap();
        assert_eq!(asked(world, 0, between(5, u32::MAX), 0), []);
        // Nothing of it is left for the next one.
        agreed(world, THERMAL, between(1, 2), between(1, 2));
    });
}

#[test]
fn n07_of_several_subscribers_the_widest_thresholds_are_asked_for() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        // Within what there is: nothing to ask for.
        assert_eq!(
            follow(world, THERMAL, between(50, 1000)),
            Ok(Notified::Done)
        );
        nothing_is_asked(world);
        agreed(world, THERMAL, between(200, 800), between(200, 800));
        // They overlap: somebody wants each power.
        agreed(world, THERMAL, between(10, 20), between(20, 20));
        // Both hear what the other one wanted.
        let payload: Vec<u8> = [0, DOMAIN, 7]
            .iter()
            .flat_map(|w: &u32| w.to_le_bytes())
            .collect();
        assert!(
            world
                .device
                .send_event(header(POWERCAP, MEASUREMENTS_CHANGED, 3, 0), &payload)
        );
        assert_eq!(world.turn().len(), 2);
        assert_eq!(world.fetch_all(CONSOLE).len(), 1);
        assert_eq!(world.fetch_all(THERMAL).len(), 1);
        // The one that stays has just what it wants.
        world
            .unsubscribe(CONSOLE, POWERCAP, MEASUREMENTS_CHANGED, DOMAIN)
            .unwrap();
        assert_eq!(asked(world, 1, between(10, 20), 0), []);
        agreed(world, THERMAL, between(300, 400), between(300, 400));
    });
}

#[test]
fn n07_a_client_that_changes_thresholds_while_the_platform_is_asked_waits_for_its_own() {
    run(Setup::default(), |world| {
        assert_eq!(
            follow(world, CONSOLE, between(100, 900)),
            Ok(Notified::Waiting)
        );
        world.turn();
        let first = world.take();
        assert_eq!(
            follow(world, THERMAL, between(200, 800)),
            Ok(Notified::Waiting)
        );
        nothing_is_asked(world);
        world.device.reply(&first, 0, &[]);
        assert_eq!(world.turn(), [Told::Subscribed(CONSOLE, Ok(()))]);
        assert_eq!(
            asked(world, 1, between(200, 800), 0),
            [Told::Subscribed(THERMAL, Ok(()))]
        );
        nothing_is_asked(world);
    });
}

#[test]
fn n07_refused_thresholds_end_the_callers_subscription_and_nobody_elses() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        assert_eq!(
            follow(world, THERMAL, between(500, 600)),
            Ok(Notified::Waiting)
        );
        assert_eq!(
            asked(world, 1, between(500, 600), -5),
            [Told::Subscribed(THERMAL, Err(Failure::UnknownSource))]
        );
        // The console has what it had: no event says otherwise, and the platform is not asked again.
        nothing_is_asked(world);
        assert_eq!(world.fetch(CONSOLE), None);
        assert_eq!(
            world.unsubscribe(THERMAL, POWERCAP, MEASUREMENTS_CHANGED, DOMAIN),
            Err(Refusal::NotSubscribed)
        );
        assert_eq!(
            follow(world, CONSOLE, between(100, 900)),
            Ok(Notified::Done)
        );
        // A sole subscriber that asks for what is refused has nothing any more, and the platform is told so.
        assert_eq!(
            follow(world, CONSOLE, between(500, 600)),
            Ok(Notified::Waiting)
        );
        assert_eq!(
            asked(world, 1, between(500, 600), -3),
            [Told::Subscribed(CONSOLE, Err(Failure::EventRefused))]
        );
        assert_eq!(asked(world, 0, between(100, 900), 0), []);
        agreed(world, CONSOLE, between(1, 2), between(1, 2));
    });
}

#[test]
fn n07_no_answer_about_thresholds_is_a_refusal_too() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        follow(world, THERMAL, between(200, 800)).unwrap();
        world.turn();
        let late = world.take();
        assert_eq!(
            world.pass(1_000),
            [Told::Subscribed(THERMAL, Err(Failure::TimedOut))]
        );
        // The platform agrees all the same, late: it is told what is still wanted.
        world.device.reply(&late, 0, &[]);
        assert_eq!(asked(world, 1, between(100, 900), 0), []);
        agreed(world, THERMAL, between(200, 800), between(200, 800));
    });
}

#[test]
fn n07_whoever_dies_while_thresholds_change_is_not_told() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        follow(world, CONSOLE, between(200, 800)).unwrap();
        world.turn();
        let change = world.take();
        // Behind the change that is under way.
        follow(world, THERMAL, between(300, 700)).unwrap();
        world.client_gone(THERMAL);
        world.device.reply(&change, 0, &[]);
        assert_eq!(world.turn(), [Told::Subscribed(CONSOLE, Ok(()))]);
        // What the dead client wanted is not asked for: nobody wants it.
        nothing_is_asked(world);
        assert_eq!(world.fetch(reborn(THERMAL)), None);
        assert_eq!(
            follow(world, CONSOLE, between(200, 800)),
            Ok(Notified::Done)
        );
    });
}

#[test]
fn w07_a_reset_asks_for_the_same_thresholds_again() {
    run(Setup::default(), |world| {
        agreed(world, CONSOLE, between(100, 900), between(100, 900));
        // In the middle of a change: who waits is told, and is no subscriber.
        follow(world, THERMAL, between(200, 800)).unwrap();
        world.turn();
        world.driver.request_recovery();
        assert_eq!(
            world.turn(),
            [Told::Subscribed(THERMAL, Err(Failure::DeviceReset))]
        );
        world.answer_probe();
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1 << 4)]);
        let command = world.take();
        assert_eq!(command.parameters.len(), 16);
        assert_eq!(command.parameters[..8], [2, 0, 0, 0, 1, 0, 0, 0]);
        world.device.reply(&command, 0, &[]);
        nothing_is_asked(world);
        assert_eq!(world.fetch(CONSOLE).unwrap().kind, EventKind::Resynchronise);
    });
}

#[test]
fn thresholds_that_mean_nothing_are_refused() {
    run(Setup::default(), |world| {
        let mut subscribe = |protocol, event, source, thresholds| {
            world.try_subscribe_beyond(CONSOLE, protocol, event, source, thresholds)
        };
        let refused = Err(Refusal::InvalidArgument);
        // They contradict each other; the event has none; or they are up to others.
        assert_eq!(subscribe(POWERCAP, 1, DOMAIN, between(9, 8)), refused);
        assert_eq!(subscribe(POWERCAP, 0, DOMAIN, between(1, 2)), refused);
        assert_eq!(subscribe(0x15, 1, DOMAIN, between(0, 2)), refused);
        assert_eq!(subscribe(POWERCAP, 1, ALL_SOURCES, between(1, 2)), refused);
        assert_eq!(
            subscribe(POWERCAP, 1, DOMAIN, between(8, 8)),
            Ok(Notified::Waiting)
        );
    });
}
