// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Attacks on rows S1 to S12: long random plays with a platform that loses, delays and refuses, and single cases that such plays and a
//! reading of the code brought up.

mod support;

use drv_virtio_scmi::{
    Condition, EVENT_IDX, EventKind, Handle, Notified, Owner, P2A_CHANNELS, Refusal, Thresholds,
    VERSION_1, Wait,
};
use std::collections::BTreeMap;
use support::world::Wish;
use support::world::{FITTING, wish};
use support::{CONSOLE, Command, POWER, Setup, THERMAL, Told, World, reborn, run, run_sized};
use test_props::Random;

/// Whether something that happens in so many of a hundred cases happens now.
fn percent(dice: &mut Random, percent: u64) -> bool {
    dice.below(100) < percent
}

/// Protocol, event, source.
type Key = (u8, u8, u32);

/// What the platform does with a command that it has taken.
struct Work {
    command: Command,
    /// When it is carried out and answered.
    due: u64,
    executes: bool,
    answers: bool,
    /// The delayed response is due.
    second: bool,
}

/// A platform that switches events, and loses and delays.
#[derive(Default)]
struct Platform {
    on: BTreeMap<Key, (u32, u32)>,
    work: Vec<Work>,
    honest: bool,
    /// In percent.
    loss: u64,
    /// The device asks for resets too, which may not end, and forgets what it can.
    rough: bool,
}

/// One client as the platform's customer.
struct Customer {
    owner: Owner,
    blocked: bool,
    subscribing: Option<Key>,
    handles: Vec<Handle>,
    /// Since when it has been refused although it had nothing in flight.
    refused_since: Option<u64>,
    wishes: BTreeMap<Key, Thresholds>,
}

struct Play<'w, 'm, const R: usize, const S: usize, const E: usize> {
    world: &'w mut World<'m, R, S, E>,
    dice: Random,
    platform: Platform,
    customers: Vec<Customer>,
    resets: u32,
    recoveries: u32,
    recovered_at: u64,
}

/// The message that switches the event, and the event.
const SWITCHES: [(u8, u8, u8); 3] = [(0x15, 0xb, 1), (0x11, 6, 0), (0x18, 0xb, 1)];

impl<const R: usize, const S: usize, const E: usize> Play<'_, '_, R, S, E> {
    fn switched(command: &Command) -> Option<(Key, bool, (u32, u32))> {
        let &(protocol, _, event) = SWITCHES
            .iter()
            .find(|s| s.0 == command.protocol() && s.1 == command.message())?;
        let word = |index: usize| {
            command
                .parameters
                .get(index * 4..index * 4 + 4)
                .map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
        };
        Some((
            (protocol, event, word(0)),
            word(1) & 1 != 0,
            (word(2), word(3)),
        ))
    }

    fn platform(&mut self) {
        if self.world.transport.resets != self.resets {
            self.resets = self.world.transport.resets;
            self.platform.work.clear();
            self.platform.on.clear();
        }
        while let Some(command) = self.world.device.take() {
            let honest = self.platform.honest;
            let lost = !honest && percent(&mut self.dice, self.platform.loss);
            let delay = match self.dice.below(10) {
                _ if honest => 0,
                0 => 500 + self.dice.below(4_000),
                1..=3 => self.dice.below(300),
                _ => 0,
            };
            self.platform.work.push(Work {
                command,
                due: self.world.now + delay,
                executes: !lost || percent(&mut self.dice, 50),
                answers: !lost,
                second: false,
            });
        }
        let now = self.world.now;
        let mut later = Vec::new();
        for mut work in std::mem::take(&mut self.platform.work) {
            if work.due > now {
                later.push(work);
                continue;
            }
            if work.second {
                let _ = self.world.device.delayed(&work.command, 0, &[]);
                continue;
            }
            let mut status = 0;
            if work.executes
                && let Some((key, on, thresholds)) = Self::switched(&work.command)
            {
                // Some sources do not exist, and some thresholds are bad.
                if key.2 >= 6 || (key.0 == 0x18 && on && thresholds.0 == 500) {
                    status = -2;
                } else if on {
                    self.platform.on.insert(key, thresholds);
                } else {
                    self.platform.on.remove(&key);
                }
            }
            if work.answers {
                self.world.device.reply(&work.command, status, &[]);
                let flags = work.command.parameters.first().copied().unwrap_or(0);
                if (work.command.protocol(), work.command.message()) == (0x14, 5)
                    && flags & 1 != 0
                    && !percent(&mut self.dice, self.platform.loss)
                {
                    work.second = true;
                    work.due = now + self.dice.below(3_000);
                    later.push(work);
                }
            }
        }
        self.platform.work = later;
        if percent(&mut self.dice, 10)
            && let Some(source) = self
                .platform
                .on
                .keys()
                .find(|key| key.0 == 0x15)
                .map(|k| k.2)
        {
            self.world.device.sensor_update(source, 7);
        }
        let told = self.world.turn();
        self.told(told);
    }

    fn told(&mut self, told: Vec<Told>) {
        for line in told {
            let owner = match &line {
                Told::Answer(owner, ..)
                | Told::Failed(owner, _)
                | Told::Posted(owner, _)
                | Told::Entry(owner, ..)
                | Told::BatchEnded(owner)
                | Told::Subscribed(owner, _) => *owner,
            };
            let Some(customer) = self.customers.iter_mut().find(|c| c.owner == owner) else {
                // A client in an earlier life: the driver does not know of its death yet.
                continue;
            };
            match line {
                Told::Answer(..) | Told::Failed(..) => {
                    assert!(customer.blocked, "{line:?} to one that is not blocked");
                    customer.blocked = false;
                }
                Told::Subscribed(_, result) => {
                    let key = customer
                        .subscribing
                        .take()
                        .expect("nobody waits for the subscription");
                    if result.is_err() {
                        customer.wishes.remove(&key);
                    }
                }
                Told::Entry(..) | Told::BatchEnded(_) => panic!("nobody has a batch: {line:?}"),
                Told::Posted(..) => {}
            }
        }
    }

    fn act(&mut self, number: usize) {
        let now = self.world.now;
        let customer = &mut self.customers[number];
        let owner = customer.owner;
        if self.dice.below(3_000) == 0 {
            // It dies, whatever it is doing; the driver hears of it now or with its next call.
            if percent(&mut self.dice, 50) {
                self.world.client_gone(owner);
            }
            *customer = Customer {
                owner: reborn(owner),
                refused_since: customer.refused_since,
                ..Customer::new(owner)
            };
            let told = self.world.turn();
            self.told(told);
            return;
        }
        if customer.blocked || customer.subscribing.is_some() {
            return;
        }
        let protocol = [0x10, 0x11][self.dice.below(2) as usize];
        match self.dice.below(20) {
            0..=7 => {
                let delayed = owner.task() != POWER.task() && percent(&mut self.dice, 10);
                let poll = percent(&mut self.dice, 40);
                let deadline = [1, 10, 100, 1_000, 5_000][self.dice.below(5) as usize];
                let (protocol, message) = if delayed { (0x14, 5) } else { (protocol, 3) };
                let asked = Wish {
                    delayed: delayed && percent(&mut self.dice, 70),
                    polled: poll && !delayed && percent(&mut self.dice, 50),
                    deadline,
                    wait: if poll { Wait::Poll(0) } else { Wait::Blocked },
                    ..wish(protocol, message)
                };
                let parameters: &[u8] = if delayed { &[1; 16] } else { &[] };
                let idle = customer.handles.is_empty();
                match self.world.submit(owner, &asked, parameters) {
                    Ok(handle) => {
                        customer.refused_since = None;
                        customer.blocked = !poll;
                        if poll {
                            customer.handles.push(handle);
                        }
                    }
                    Err(_) if !idle => customer.refused_since = None,
                    // Without a device nobody has any slots.
                    Err(Refusal::Recovering | Refusal::PlatformUnavailable) => {
                        customer.refused_since = None;
                    }
                    Err(refusal) => {
                        let since = *customer.refused_since.get_or_insert(now);
                        assert!(
                            now - since <= 32_000,
                            "{owner:?} has been refused for 32 s, now with {refusal:?}: {:?}",
                            self.world.driver.pools()
                        );
                    }
                }
            }
            8..=11 => {
                if let Some(&handle) = customer.handles.first() {
                    if percent(&mut self.dice, 20) {
                        self.world.cancel(owner, handle).unwrap();
                        customer.handles.remove(0);
                    } else if self.world.poll(owner, handle).unwrap().is_some() {
                        customer.handles.remove(0);
                    }
                }
            }
            12 | 13 => {
                let (key, thresholds) = self.key(owner);
                let result = self
                    .world
                    .try_subscribe_beyond(owner, key.0, key.1, key.2, thresholds);
                let customer = &mut self.customers[number];
                match result {
                    Ok(how) => {
                        customer.wishes.insert(key, thresholds);
                        if how == Notified::Waiting {
                            customer.subscribing = Some(key);
                        }
                    }
                    Err(refusal) => assert!(
                        matches!(refusal, Refusal::SubscriptionQuota | Refusal::Busy)
                            || self.platform.rough && refusal == Refusal::EventsUnavailable,
                        "{refusal:?}"
                    ),
                }
            }
            14 | 15 => {
                let (key, _) = self.key(owner);
                let _ = self.world.unsubscribe(owner, key.0, key.1, key.2);
                self.customers[number].wishes.remove(&key);
            }
            16 => {
                self.world.fetch_all(owner);
            }
            _ => return,
        }
        let told = self.world.turn();
        self.told(told);
    }

    fn key(&mut self, owner: Owner) -> (Key, Thresholds) {
        let none = Thresholds::NONE;
        let source = self.dice.below(8) as u32;
        match self.dice.below(3) {
            _ if owner.task() == POWER.task() => ((0x11, 0, source), none),
            0 => ((0x15, 1, source), none),
            1 => ((0x11, 0, source), none),
            _ => {
                let low = [100, 300, 500][self.dice.below(3) as usize];
                let thresholds = Thresholds {
                    low,
                    high: low + 100,
                };
                ((0x18, 1, source), thresholds)
            }
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        let before = self.world.now;
        let told = self.world.pass(milliseconds);
        self.told(told);
        let recoveries = self.world.driver.counters().recoveries;
        if recoveries != self.recoveries {
            let rough = self.platform.rough;
            assert!(rough || recoveries == self.recoveries + 1);
            assert!(
                rough
                    || self.recovered_at == 0
                    || before + milliseconds >= self.recovered_at + 10_000,
                "two recoveries within 10 s: {} and {before}",
                self.recovered_at
            );
            self.recoveries = recoveries;
            self.recovered_at = before;
        }
    }

    /// The device gets into trouble by itself.
    fn shake(&mut self) {
        let features = VERSION_1 | EVENT_IDX;
        match self.dice.below(5) {
            0 => self.world.transport.stuck_resets = self.dice.below(4) as u32,
            1 => self.world.transport.refusals = self.dice.below(3) as u32,
            2 => self.world.transport.offered = features,
            3 => self.world.transport.offered = features | P2A_CHANNELS,
            _ => {
                self.world.ask_for_reset();
                let told = self.world.turn();
                self.told(told);
            }
        }
    }

    fn step(&mut self) {
        if self.platform.rough && self.dice.below(200) == 0 {
            self.shake();
        }
        for number in 0..self.customers.len() {
            self.act(number);
        }
        self.platform();
        let pause = 1 + self.dice.below(40);
        self.pass(pause);
    }

    /// The platform behaves, clients want nothing more: all must be as it should.
    fn end(&mut self) {
        self.platform.honest = true;
        if self.platform.rough {
            self.world.transport.offered = VERSION_1 | EVENT_IDX | P2A_CHANNELS;
            self.pass(20_000);
            self.world.driver.request_recovery();
            let told = self.world.turn();
            self.told(told);
        }
        for _ in 0..4_000 {
            self.platform();
            self.pass(20);
        }
        for customer in &mut self.customers {
            assert!(!customer.blocked && customer.subscribing.is_none());
            for handle in std::mem::take(&mut customer.handles) {
                let told = self.world.poll(customer.owner, handle).unwrap();
                assert!(told.is_some(), "a transfer has no end");
            }
        }
        for _ in 0..200 {
            self.platform();
            self.pass(20);
        }
        let pools = self.world.driver.pools();
        assert_eq!(self.world.driver.condition(), Condition::Ready);
        assert_eq!(
            (pools.slots_free, pools.slots_lost),
            (pools.slots, 0),
            "{pools:?}"
        );
        assert_eq!(pools.events_at_device, pools.event_buffers);
        // Whoever is subscribed hears of it, and nobody else.
        let mut wanted: BTreeMap<Key, Vec<Thresholds>> = BTreeMap::new();
        for customer in &self.customers {
            for (protocol, event) in [(0x15, 1), (0x11, 0), (0x18, 1)] {
                for source in 0..8 {
                    let key = (protocol, event, source);
                    if self
                        .world
                        .unsubscribe(customer.owner, protocol, event, source)
                        .is_ok()
                    {
                        wanted.entry(key).or_default().push(customer.wishes[&key]);
                    }
                }
            }
        }
        let on: Vec<Key> = self.platform.on.keys().copied().collect();
        assert_eq!(on, wanted.keys().copied().collect::<Vec<_>>());
        for (key, wishes) in &wanted {
            if key.0 == 0x18 {
                let first = wishes[0];
                let all = wishes.iter().fold(first, |all, &wish| all.widest(wish));
                // What is left when a client goes may be refused; then the platform keeps what it had for both.
                if all.low == 500 {
                    continue;
                }
                assert_eq!(self.platform.on[key], (all.low, all.high), "{key:?}");
            }
        }
    }
}

impl Customer {
    fn new(owner: Owner) -> Self {
        Self {
            owner,
            blocked: false,
            subscribing: None,
            handles: Vec::new(),
            refused_since: None,
            wishes: BTreeMap::new(),
        }
    }
}

fn play<const R: usize, const S: usize, const E: usize>(
    setup: Setup,
    owners: &[Owner],
    seed: u64,
    loss: u64,
    rough: bool,
    steps: u32,
) {
    run_sized::<R, S, E>(setup, |world| {
        let resets = world.transport.resets;
        let mut play = Play {
            world,
            dice: Random::new(seed),
            platform: Platform {
                loss,
                rough,
                ..Platform::default()
            },
            customers: owners.iter().copied().map(Customer::new).collect(),
            resets,
            recoveries: 0,
            recovered_at: 0,
        };
        for _ in 0..steps {
            play.step();
        }
        play.end();
    });
}

/// Minutes with a platform that loses up to a fifth of the commands and delays others.
#[test]
fn s01_s07_s12_nobody_is_shut_out_by_a_platform_that_loses_answers() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    let few = Setup {
        queue_max: [8, 4],
        ..setup
    };
    let all = [CONSOLE, THERMAL, POWER];
    let (steps, seeds) = if cfg!(miri) { (20, 1) } else { (4_000, 1) };
    for seed in 1..=seeds {
        for loss in [1, 5, 20] {
            for rough in [false, true] {
                play::<16, 8, 16>(setup, &all, seed, loss, rough, steps);
                play::<16, 8, 16>(few, &all, seed, loss, rough, steps);
                play::<4, 2, 4>(setup, &all[..1], seed, loss, rough, steps);
            }
        }
    }
}

type W<'m> = World<'m, 16, 8, 16>;

const POWERCAP: u8 = 0x18;
const DOMAIN: u32 = 2;
const GOOD: Thresholds = Thresholds {
    low: 100,
    high: 900,
};
/// Beyond the good ones, so that they have to be asked for where those are; and the platform refuses them.
const BAD: Thresholds = Thresholds {
    low: 500,
    high: 600,
};

fn follow(world: &mut W<'_>, client: Owner, thresholds: Thresholds) -> Result<Notified, Refusal> {
    world.try_subscribe_beyond(client, POWERCAP, 1, DOMAIN, thresholds)
}

/// The platform answers all that it is asked, and refuses the bad thresholds. Returns what was told, and what was asked: enable, low,
/// high.
fn answer(world: &mut W<'_>) -> (Vec<Told>, Vec<[u32; 3]>) {
    let (mut told, mut asked) = (world.turn(), Vec::new());
    while let Some(command) = world.device.take() {
        assert!(asked.len() < 20, "commands without end: {asked:?}");
        assert_eq!(command.protocol(), POWERCAP);
        let word = |index: usize| {
            let bytes = &command.parameters[index * 4..index * 4 + 4];
            u32::from_le_bytes(bytes.try_into().unwrap())
        };
        asked.push([word(1), word(2), word(3)]);
        let bad = word(1) == 1 && word(2) == BAD.low;
        world.device.reply(&command, if bad { -2 } else { 0 }, &[]);
        told.extend(world.turn());
    }
    (told, asked)
}

/// What `owner` was told of the end of subscriptions.
fn ended(world: &mut W<'_>, owner: Owner) -> bool {
    world
        .fetch_all(owner)
        .iter()
        .any(|event| event.kind == EventKind::Ended)
}

/// Takes every slot of the driver's own, for a while, by switching commands that are not answered in time.
fn lose_own(world: &mut W<'_>) -> Vec<Command> {
    for source in 0..2 {
        world.try_subscribe(POWER, 0x11, 0, source).unwrap();
        world.turn();
    }
    let lost: Vec<Command> = std::iter::from_fn(|| world.device.take()).collect();
    assert_eq!(lost.len(), 2);
    world.pass(1_000);
    lost
}

/// Nobody is blocked for a change that cannot be sent at once, so nobody waits for its answer either; but it is refused to somebody.
#[test]
fn s12e_thresholds_that_are_refused_are_not_asked_for_without_end() {
    run(Setup::default(), |world| {
        follow(world, CONSOLE, GOOD).unwrap();
        answer(world);
        let lost = lose_own(world);
        assert_eq!(follow(world, CONSOLE, BAD), Ok(Notified::Done));
        for command in &lost {
            world.device.reply(command, -2, &[]);
        }
        let (_, asked) = answer(world);
        // Its subscription is over, and it is told so.
        assert_eq!(asked, [[1, 500, 600], [0, 100, 900]]);
        assert!(ended(world, CONSOLE));
        assert_eq!(
            world.unsubscribe(CONSOLE, POWERCAP, 1, DOMAIN),
            Err(Refusal::NotSubscribed)
        );
    });
}

/// What is left of thresholds when a client goes may be refused too: whoever stays keeps what the platform has.
#[test]
fn s12d_thresholds_that_are_left_over_and_refused_are_asked_for_once() {
    run(Setup::default(), |world| {
        follow(world, CONSOLE, BAD).unwrap();
        world.turn();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        let wide = Thresholds {
            low: 590,
            high: 595,
        };
        follow(world, THERMAL, wide).unwrap();
        answer(world);
        world.unsubscribe(THERMAL, POWERCAP, 1, DOMAIN).unwrap();
        let (told, asked) = answer(world);
        assert_eq!((told, asked), (vec![], vec![[1, 500, 600]]));
        assert!(!ended(world, CONSOLE));
        assert_eq!(world.unsubscribe(CONSOLE, POWERCAP, 1, DOMAIN), Ok(()));
    });
}

/// The answer to another's bad thresholds comes late. A client that joined meanwhile is asked for by itself.
#[test]
fn s12e_a_late_refusal_of_anothers_thresholds_ends_nobody() {
    run(Setup::default(), |world| {
        follow(world, CONSOLE, BAD).unwrap();
        world.turn();
        let bad = world.take();
        world.pass(1_000);
        assert_eq!(follow(world, THERMAL, GOOD), Ok(Notified::Done));
        world.device.reply(&bad, -2, &[]);
        let (_, asked) = answer(world);
        assert_eq!(asked, [[1, 100, 900]]);
        assert!(!ended(world, THERMAL));
        assert_eq!(world.unsubscribe(THERMAL, POWERCAP, 1, DOMAIN), Ok(()));
    });
}

/// Bad thresholds that come while the device is reset do not end what the platform had agreed to for another.
#[test]
fn s12e_after_a_reset_bad_thresholds_are_refused_to_one_client_alone() {
    run(Setup::default(), |world| {
        follow(world, THERMAL, GOOD).unwrap();
        answer(world);
        world.driver.request_recovery();
        world.turn();
        assert_eq!(follow(world, CONSOLE, BAD), Ok(Notified::Done));
        world.answer_probe();
        let (_, asked) = answer(world);
        assert_eq!(asked, [[1, 500, 600], [1, 100, 900]]);
        assert!(ended(world, CONSOLE));
        assert!(!ended(world, THERMAL));
    });
}

/// A wish that others make needless before it was sent: whoever is blocked for it hears at once.
#[test]
fn s07_nobody_waits_for_what_need_not_be_sent_any_more() {
    run(Setup::default(), |world| {
        let narrow = Thresholds {
            low: 200,
            high: 800,
        };
        follow(world, THERMAL, narrow).unwrap();
        answer(world);
        // The driver's own slots are taken, and nothing is lost.
        for source in 0..2 {
            world.try_subscribe(POWER, 0x11, 0, source).unwrap();
            world.turn();
        }
        // Another pair for the one that is subscribed, and the old pair for another one: together that is what the platform has.
        assert_eq!(follow(world, THERMAL, GOOD), Ok(Notified::Waiting));
        assert_eq!(world.turn(), []);
        assert_eq!(follow(world, CONSOLE, narrow), Ok(Notified::Done));
        let commands: Vec<Command> = std::iter::from_fn(|| world.device.take()).collect();
        for command in &commands {
            world.device.reply(command, 0, &[]);
        }
        assert!(world.turn().contains(&Told::Subscribed(THERMAL, Ok(()))));
    });
}

/// A client with deadlines that the platform cannot keep, and many slots: most of them are always lost, and each comes back in 60 ms.
#[test]
fn s01_slots_that_all_come_back_in_time_reset_nothing() {
    run(Setup::default(), |world| {
        let asked = Wish {
            deadline: 1,
            wait: Wait::Poll(0),
            ..wish(0x10, 3)
        };
        let mut late: std::collections::VecDeque<(u64, Command)> = Default::default();
        for _ in 0..3_000 {
            // Never all of them at once, so that the shortage does not end.
            if let Some((due, _)) = late.front()
                && *due <= world.now
            {
                let (_, command) = late.pop_front().unwrap();
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
            if late.len() < 7
                && let Ok(handle) = world.submit(THERMAL, &asked, &[])
            {
                let command = world.take();
                world.cancel(THERMAL, handle).unwrap();
                late.push_back((world.now + 60, command));
            }
            world.pass(7);
        }
        assert_eq!(world.driver.counters().recoveries, 0);
    });
}

/// A client that starts what it does not wait for, faster than the platform ends it, does not use up the tokens.
#[test]
fn s08_responses_that_nobody_waits_for_do_not_use_up_the_tokens() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        let delayed = Wish {
            delayed: true,
            ..wish(0x14, 5)
        };
        let mut first = None;
        for _ in 0..1_024 {
            if world.submit(CONSOLE, &wish(0x14, 5), &[1; 16]).is_ok() {
                let command = world.take();
                world.device.reply(&command, 0, &[]);
                world.turn();
                first.get_or_insert(command);
            }
            // All of it happens before the platform's time is up.
            world.pass(1);
        }
        world.submit(THERMAL, &delayed, &[1; 16]).unwrap();
        let own = world.take();
        world.device.reply(&own, 0, &[]);
        world.turn();
        // The response to the very first.
        assert!(world.device.delayed(&first.unwrap(), -1, &[0xee; 4]));
        assert_eq!(world.turn(), []);
        assert!(world.device.delayed(&own, 0, &[1]));
        assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![1])]);
    });
}

/// A client that does not know that its subscription ended believes that it is warned.
#[test]
fn n08_neither_events_nor_a_reset_displace_the_end_of_a_subscription() {
    for reset in [false, true] {
        run(Setup::default(), |world| {
            world.subscribe(THERMAL, 0x15, 1, 3);
            world.subscribe(THERMAL, 0x15, 1, 4);
            let recover = |world: &mut W<'_>, refused| {
                world.pass(20_000);
                world.driver.request_recovery();
                world.turn();
                world.answer_probe();
                world.turn();
                while let Some(command) = world.device.take() {
                    let status = if command.parameters[0] == refused {
                        -2
                    } else {
                        0
                    };
                    world.device.reply(&command, status, &[]);
                    world.turn();
                }
            };
            // After a reset the platform refuses one of the two.
            recover(world, 3);
            for value in 0..10 {
                assert!(world.device.sensor_update(4, value));
                world.turn();
            }
            if reset {
                recover(world, 3);
            }
            assert!(ended(world, THERMAL));
        });
    }
}

/// Time passes in which another client is answered at once.
fn busy(world: &mut W<'_>, milliseconds: u64) {
    for _ in 0..milliseconds / 100 {
        world.pass(100);
        if world.exchange(THERMAL, 0x10, 0).is_ok() {
            let command = world.take();
            world.device.reply(&command, 0, &[0; 4]);
            world.turn();
        }
    }
}

/// Answers the driver's own question after a reset.
fn come_back(world: &mut W<'_>) {
    world.turn();
    world.answer_probe();
    world.turn();
    assert_eq!(world.driver.condition(), Condition::Ready);
}

/// Loses one command of a client.
fn lose(world: &mut W<'_>, owner: Owner) {
    let asked = Wish {
        deadline: 10,
        ..wish(0x10, 3)
    };
    world.submit(owner, &asked, &[]).unwrap();
    world.take();
    world.pass(10);
}

#[test]
fn s01_the_drivers_own_slots_come_back_as_soon_as_a_clients() {
    run(Setup::default(), |world| {
        lose_own(world);
        busy(world, 2_000);
        assert_eq!(world.driver.counters().recoveries, 1);
        come_back(world);
        // One of two is no shortage, but one was there a moment ago.
        world.try_subscribe(POWER, 0x11, 0, 5).unwrap();
        world.turn();
        world.take();
        busy(world, 10_200);
        assert_eq!(world.driver.counters().recoveries, 2);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

#[test]
fn s01_losses_of_long_ago_do_not_hasten_a_reset() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        lose(world, CONSOLE);
        lose(world, CONSOLE);
        world.pass(2_000);
        come_back(world);
        lose(world, CONSOLE);
        world.pass(10_000);
        assert_eq!(world.driver.counters().recoveries, 2);
        come_back(world);
        busy(world, 40_000);
        lose(world, CONSOLE);
        busy(world, 29_000);
        assert_eq!(world.driver.counters().recoveries, 2);
        busy(world, 1_100);
        assert_eq!(world.driver.counters().recoveries, 3);
    });
}

/// A platform that answers nothing but the driver's own question, and a client that loses one command after each reset.
#[test]
fn s01_silence_to_one_clients_deadlines_resets_once_in_10_s() {
    run(Setup::default(), |world| {
        let mut resets = Vec::new();
        for _ in 0..600 {
            let before = world.driver.counters().recoveries;
            if world.driver.condition() == Condition::Ready && world.driver.pools().slots_lost == 0
            {
                lose(world, THERMAL);
            }
            world.pass(100);
            if world.driver.counters().recoveries != before {
                resets.push(world.now);
            }
            if let Some(probe) = world.device.take() {
                world.device.reply(&probe, 0, &[0; 4]);
                world.turn();
            }
        }
        assert!((4..=6).contains(&resets.len()), "{resets:?}");
        assert!(
            resets.windows(2).all(|pair| pair[1] - pair[0] >= 9_900),
            "{resets:?}"
        );
    });
}

#[test]
fn s07_the_drivers_own_quota_shrinks_with_the_ring() {
    let setup = Setup {
        clients: &FITTING,
        queue_max: [8, 8],
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe_later(CONSOLE, 1);
        world.subscribe_later(THERMAL, 2);
        world.turn();
        assert!(world.device.take().is_some());
        assert_eq!(world.device.take(), None);
        for owner in [CONSOLE, THERMAL, POWER] {
            world.exchange(owner, 0x10, 0).unwrap();
        }
    });
}

/// So many commands are answered that every token that is free was given out.
fn no_command_gets(world: &mut W<'_>, token: u16) {
    for _ in 0..1_024 {
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let command = world.take();
        assert_ne!(command.token(), token);
        world.device.reply(&command, 0, &[]);
        world.turn();
    }
}

#[test]
fn s08_the_token_of_a_command_that_was_given_up_is_retired() {
    let asked = Wish {
        delayed: true,
        deadline: 10,
        wait: Wait::Poll(0),
        ..wish(0x14, 5)
    };
    // Its time was up after it was accepted.
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &asked, &[1; 16]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        world.cancel(CONSOLE, handle).unwrap();
        world.pass(2_500);
        assert_eq!(world.driver.pools().slots_owed, 0);
        no_command_gets(world, command.token());
    });
    // Its late reply does not say whether it was accepted.
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &asked, &[1; 16]).unwrap();
        let command = world.take();
        world.cancel(CONSOLE, handle).unwrap();
        world
            .device
            .reply_raw(command.head, command.header ^ 1, 0, &[], 8);
        world.turn();
        assert_eq!(world.driver.pools().slots_lost, 0);
        no_command_gets(world, command.token());
    });
}

/// A client with deadlines that nobody can keep costs the others a moment in 10 s, for however long it goes on.
#[test]
fn s01_resets_for_losses_do_not_make_the_platform_unavailable() {
    run(Setup::default(), |world| {
        let asked = Wish {
            deadline: 1,
            ..wish(0x11, 3)
        };
        let (mut away, end) = (0, world.now + 200_000);
        while world.now < end {
            let _ = world.submit(POWER, &asked, &[]);
            world.pass(20);
            while let Some(command) = world.device.take() {
                if command.protocol() != 0x11 {
                    world.device.reply(&command, 0, &[0; 4]);
                    world.turn();
                }
            }
            assert_ne!(world.driver.condition(), Condition::PlatformUnavailable);
            away += u32::from(world.driver.condition() != Condition::Ready);
        }
        assert!(world.driver.counters().recoveries >= 10);
        assert!(away < 100, "it was away for {away} of 10,000 turns");
    });
}

/// All slots are taken when the device dies, the driver's own included: it is asked whether it is there before it counts as ready.
#[test]
fn w07_a_device_that_died_while_the_driver_switched_events_is_asked_first() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(THERMAL, 0x15, 1, 3);
        for owner in [CONSOLE, CONSOLE, CONSOLE, THERMAL, THERMAL, POWER] {
            world.exchange(owner, 0x10, 3).unwrap();
        }
        world.subscribe_later(THERMAL, 4);
        world.subscribe_later(CONSOLE, 5);
        world.turn();
        assert_eq!(world.driver.pools().slots_free, 0);
        world.ask_for_reset();
        world.turn();
        assert_ne!(world.driver.condition(), Condition::Ready);
        world.pass(8_000);
        assert!(!ended(world, THERMAL));
    });
}

/// An answer that says nothing: it ends the wish of the client that was asked for, and the one that joined meanwhile is asked for anew.
#[test]
fn s12e_an_answer_that_says_nothing_is_no_answer_for_others() {
    run(Setup::default(), |world| {
        follow(world, CONSOLE, GOOD).unwrap();
        world.turn();
        let command = world.take();
        assert_eq!(follow(world, THERMAL, GOOD), Ok(Notified::Waiting));
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 4);
        let (told, asked) = answer(world);
        assert_eq!(asked, [[1, 100, 900]]);
        assert!(told.contains(&Told::Subscribed(THERMAL, Ok(()))));
        assert!(
            told.iter()
                .any(|line| matches!(line, Told::Subscribed(owner, Err(_)) if *owner == CONSOLE))
        );
    });
}

/// After such an answer the event may be on. If nobody wants it, it is switched off.
#[test]
fn s12b_an_event_that_may_be_on_for_nobody_is_switched_off() {
    run(Setup::default(), |world| {
        world.try_subscribe(CONSOLE, 0x15, 1, 3).unwrap();
        world.turn();
        let command = world.take();
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 4);
        world.turn();
        let disable = world.take();
        assert_eq!(
            (disable.message(), &disable.parameters[4..]),
            (0xb, &[0; 4][..])
        );
    });
}

/// A delayed response that came before the reply moves to the slot when the reply comes: it is cleared there after it was collected.
#[test]
fn s12j_a_response_that_moved_is_nobody_elses_answer() {
    run_sized::<2, 1, 2>(Setup::default(), |world| {
        let asked = Wish {
            delayed: true,
            wait: Wait::Poll(0),
            ..wish(0x14, 5)
        };
        let handle = world.submit(CONSOLE, &asked, &[1; 16]).unwrap();
        let command = world.take();
        assert!(world.device.delayed(&command, 0, b"console's secret"));
        world.turn();
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let command = world.take();
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 136);
        assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![0; 128])]);
    });
}
