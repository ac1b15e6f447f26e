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

use drv_virtio_scmi::{
    After, Books, Channel, Client, ClientConfig, EVENT_IDX, Limits, Notified, Output, Owner,
    P2A_CHANNELS, QueueMemory, Record, Rule, Rules, Subscription, Thresholds, VERSION_1,
};
use rustix::time::{ClockId, clock_gettime};
use support::device::Command;
use support::world::wish;
use support::{FakeDevice, FakeTransport, Standing};

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
    let config = |task| {
        let config = ClientConfig {
            task,
            slots: S as u16,
            events: 4,
            subscriptions,
            event_bits: 1,
            rules: Rules::new(&[Rule::ALL]),
        };
        &*Box::leak(Box::new(config))
    };
    let many = usize::from(clients);
    let mut pool: Vec<Client> = (0..u16::from(clients))
        .map(config)
        .map(Client::new)
        .collect();
    let tasks: Vec<u8> = (0..clients).collect();
    let mut records: Vec<Record> = (0..4 * many).map(|_| Record::NEW).collect();
    let places = many * usize::from(subscriptions);
    let mut table: Vec<Subscription> = (0..places).map(|_| Subscription::NEW).collect();
    let memory = Box::new(QueueMemory::<R, S, E>::new());
    let mut books = Box::new(Books::NEW);
    let mut channel = Box::new(Channel::new(&*memory, &mut books));
    channel.provide(
        &mut pool,
        &tasks,
        &mut records,
        &mut table,
        Limits::DEFAULT,
        |_| (),
    );
    let mut transport = FakeTransport::new(VERSION_1 | P2A_CHANNELS | EVENT_IDX, [1024 * 2; 2]);
    let clock = &mut Standing(1_000);
    channel.start(&mut transport, clock.0).unwrap();
    let mut device = FakeDevice::new(&memory, &transport);
    let client = Owner(u16::from(clients) - 1);

    let mut turn = |channel: &mut Channel<'_, R, S, E>| {
        let mut told = 0;
        channel.begin_turn(None);
        while let Some(output) = channel.next(&mut Standing(1_000)) {
            told += 1;
            if let Output::Ended { slot, .. } = output {
                channel.finish(slot);
            }
        }
        channel.kick(&mut transport);
        assert_ne!(channel.end_turn(), After::Yield);
        told
    };

    for task in 0..u16::from(clients) {
        for source in 0..u32::from(subscriptions) {
            let source = source + 1000 * u32::from(task);
            let how = channel
                .subscribe(Owner(task), 0x15, 1, source, Thresholds::NONE, clock)
                .unwrap();
            assert_eq!(how, Notified::Waiting);
            turn(&mut channel);
            let enable = device.take().unwrap();
            device.reply(&enable, 0, &[]);
            assert_eq!(turn(&mut channel), 1);
        }
    }
    let send = |channel: &mut Channel<'_, R, S, E>| {
        let clock = &mut Standing(1_000);
        let id = channel.begin(client, &wish(0x10, 0), clock).unwrap();
        channel.submit(id, 0).unwrap();
    };
    for _ in 0..S - 1 {
        send(&mut channel);
        device.take().unwrap();
    }

    let least = |mut operation: Box<dyn FnMut() -> Duration + '_>| {
        let batches = (0..BATCHES).map(|_| (0..BATCH).map(|_| operation()).sum::<Duration>());
        batches.min().unwrap() / BATCH
    };
    let command = least(Box::new(|| {
        let start = spent();
        send(&mut channel);
        let sent = spent() - start;
        let command: Command = device.take().unwrap();
        device.reply(&command, 0, &[0; 4]);
        let start = spent();
        assert_eq!(turn(&mut channel), 1);
        sent + spent() - start
    }));
    let source = u32::from(subscriptions) - 1 + 1000 * u32::from(client.0);
    let event = least(Box::new(|| {
        assert!(device.sensor_update(source, 7));
        let start = spent();
        assert_eq!(turn(&mut channel), 1);
        channel
            .fetch(client, &mut Standing(1_000))
            .unwrap()
            .unwrap();
        spent() - start
    }));
    channel.audit().unwrap();
    Costs { command, event }
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
