// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A device that died while clients hold every slot that they can get is found out by time alone
//! (W9).

mod support;

use drv_virtio_scmi::{Condition, Handle, Owner};
use support::world::{FITTING, wish};
use support::{CONSOLE, POWER, Setup, THERMAL, World, run};

type W<'m> = World<'m, 16, 8, 16>;

/// As long as the driver may take to find out: its quick attempts, each with a deadline of a
/// second, and some.
const FOUND_OUT_MS: u64 = 30_000;

/// Quotas that fit into the ring, as a build demands: the driver has slots of its own beside them.
fn fitting() -> Setup {
    Setup {
        clients: &FITTING,
        ..Setup::default()
    }
}

/// Takes every slot that clients can get, for transfers which the device has answered and nobody
/// has collected.
fn hold_every_slot(world: &mut W<'_>) -> Vec<(Owner, Handle)> {
    let mut held = Vec::new();
    for owner in [CONSOLE, THERMAL, POWER] {
        while let Ok(handle) = world.send(owner, 0x10, 0) {
            held.push((owner, handle));
        }
    }
    assert_eq!(held.len(), 6);
    for _ in 0..held.len() {
        let command = world.take();
        world.device.reply(&command, 0, &[0, 0, 2, 0]);
    }
    world.turn();
    held
}

/// The device asks for a reset and is then silent; nobody sends a command. Whether slots are free
/// or not, the driver must ask the platform whether it is there before it calls the device ready.
#[test]
fn w09_dead_with_every_slot_taken() {
    run(fitting(), |world| {
        hold_every_slot(world);
        world.ask_for_reset();
        world.turn();
        assert_ne!(
            world.driver.condition(),
            Condition::Ready,
            "nothing has answered since the reset"
        );
        world.pass(FOUND_OUT_MS);
        assert_eq!(world.driver.condition(), Condition::PlatformUnavailable);
        // And it goes on asking.
        assert!(world.kernel.timer.is_some());
    });
}

/// The same device, and another client that has a slot of its own: it is refused at once and waits
/// for no deadline.
#[test]
fn w09_dead_with_every_slot_taken_refuses() {
    run(fitting(), |world| {
        hold_every_slot(world);
        world.driver.request_recovery();
        world.pass(FOUND_OUT_MS);
        let refused = world.submit(THERMAL, &wish(0x10, 0), &[]).unwrap_err();
        assert_eq!(refused, drv_virtio_scmi::Refusal::PlatformUnavailable);
    });
}

/// A device that comes back while every slot is taken is used again, and the answers of before are
/// still there to be collected.
#[test]
fn w09_back_with_every_slot_taken() {
    run(fitting(), |world| {
        let free = world.driver.pools().slots_free;
        let held = hold_every_slot(world);
        world.driver.request_recovery();
        world.turn();
        assert_ne!(
            world.driver.condition(),
            Condition::Ready,
            "nothing has answered since the reset"
        );
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
        for (owner, handle) in held {
            assert!(world.poll(owner, handle).unwrap().is_some());
        }
        assert_eq!(world.driver.pools().slots_free, free);
    });
}
