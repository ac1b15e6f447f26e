// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an operation costs does not depend on the ring's size, on how much is in flight, or on how many clients and subscriptions
//! there are.
//!
//! The processor's time of this thread is measured, which stands still while others run on a busy computer; the least of many batches
//! counts, because they still share caches, and what is compared are sizes 128 times apart. A walk through slots, clients or subscriptions anywhere would show.

#![cfg(not(miri))]

mod support;

use std::time::Duration;

use drv_virtio_scmi::{ClientConfig, Notified, Owner, Rule, Rules};
use rustix::time::{ClockId, clock_gettime};
use support::device::Command;
use support::{INTERRUPT, Setup, World, run_sized};

const BATCHES: usize = 60;
const BATCH: u32 = 50;
/// How much more the large channel may take: caches and noise, but no walk.
const FACTOR: u32 = 6;

/// The time that a processor has spent on this thread.
fn spent() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .expect("it does not run backwards")
}

struct Costs {
    /// A command, from the client's wish to its answer.
    command: Duration,
    /// An event, from the device to the client.
    event: Duration,
}

/// The costs with all slots but one in flight, so many clients, and so many subscriptions of each.
fn costs<const R: usize, const S: usize, const E: usize>(clients: u8, subscriptions: u8) -> Costs {
    let config = |task| ClientConfig {
        task,
        slots: S as u16,
        events: 4,
        subscriptions,
        batch: 4,
        event_bits: 1,
        rules: Rules::new(&[Rule::ALL]),
    };
    let configs: Vec<ClientConfig> = (0..u16::from(clients)).map(config).collect();
    let setup = Setup {
        clients: configs.leak(),
        queue_max: [2 * 1024; 2],
        ..Setup::default()
    };
    let mut costs = None;
    run_sized::<R, S, E>(setup, |world| {
        costs = Some(measured(world, clients, subscriptions));
    });
    costs.unwrap()
}

fn measured<const R: usize, const S: usize, const E: usize>(
    world: &mut World<'_, R, S, E>,
    clients: u8,
    subscriptions: u8,
) -> Costs {
    // What is measured is the driver.
    world.audits = false;
    for task in 0..u16::from(clients) {
        for source in 0..u32::from(subscriptions) {
            let source = source + 1000 * u32::from(task);
            let how = world.try_subscribe(Owner(task), 0x15, 1, source).unwrap();
            assert_eq!(how, Notified::Waiting);
            let enable = world.take();
            world.device.reply(&enable, 0, &[]);
            assert_eq!(world.interrupt().len(), 1);
        }
    }
    let client = Owner(u16::from(clients) - 1);
    for _ in 0..S - 1 {
        world.exchange(client, 0x10, 0).unwrap();
        world.take();
    }
    let turn = |world: &mut World<'_, R, S, E>| {
        let start = spent();
        world.run(INTERRUPT);
        let took = spent() - start;
        assert_eq!(world.told().len(), 1);
        took
    };
    let mut command = || {
        let start = spent();
        world.exchange(client, 0x10, 0).unwrap();
        let sent = spent() - start;
        let command: Command = world.take();
        world.device.reply(&command, 0, &[0; 4]);
        sent + turn(world)
    };
    let command = least(&mut command);
    let source = u32::from(subscriptions) - 1 + 1000 * u32::from(client.0);
    let mut event = || {
        assert!(world.device.sensor_update(source, 7));
        let told = turn(world);
        let start = spent();
        world.fetch(client).unwrap();
        told + spent() - start
    };
    let event = least(&mut event);
    world.audit();
    Costs { command, event }
}

/// The least that an operation took, on the average of a batch.
fn least(operation: &mut dyn FnMut() -> Duration) -> Duration {
    let batches = (0..BATCHES).map(|_| (0..BATCH).map(|_| operation()).sum::<Duration>());
    batches.min().unwrap() / BATCH
}

#[test]
fn costs_do_not_grow_with_the_ring_the_clients_or_the_subscriptions() {
    let small = costs::<16, 8, 16>(1, 1);
    let large = costs::<2048, 1024, 1024>(31, 8);
    for (what, small, large) in [
        ("a command", small.command, large.command),
        ("an event", small.event, large.event),
    ] {
        println!("{what}: {small:?} with 16 entries, {large:?} with 2048");
        assert!(
            large < small * FACTOR,
            "{what} takes {small:?} with 16 entries and {large:?} with 2048"
        );
    }
}
