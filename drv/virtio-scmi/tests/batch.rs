// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Batches: many small commands that a client waits for all together.

mod support;

use drv_virtio_scmi::{BatchEntry as Entry, Cause, Failure, Limits, Owner, Refusal, Unanswered};
use support::world::{BATCH_TAG, FITTING};
use support::{CONSOLE, POWER, Setup, THERMAL, Told, World, run};

/// Base protocol.
const BASE: u8 = 0x10;

type World16<'m> = World<'m, 16, 8, 16>;

fn entry(message: u8) -> Entry {
    Entry {
        protocol: BASE,
        message,
        ..Entry::default()
    }
}

fn entries(count: u8) -> Vec<Entry> {
    (0..count).map(|message| entry(message % 3)).collect()
}

fn answered(owner: Owner, index: u8, values: &[u8]) -> Told {
    Told::Entry(owner, BATCH_TAG, index, Ok((0, values.to_vec())))
}

fn unanswered(owner: Owner, index: u8, why: Unanswered) -> Told {
    Told::Entry(owner, BATCH_TAG, index, Err(why))
}

fn failed(owner: Owner, index: u8, failure: Failure) -> Told {
    unanswered(owner, index, Unanswered::Failed(failure))
}

fn refused(owner: Owner, index: u8, refusal: Refusal) -> Told {
    unanswered(owner, index, Unanswered::Refused(refusal))
}

/// The device answers all commands that it has, the newest first, each with its message.
fn serve(world: &mut World16<'_>) -> usize {
    let mut commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
    let count = commands.len();
    while let Some(command) = commands.pop() {
        let message = command.message();
        world.device.reply(&command, 0, &[message]);
    }
    count
}

#[test]
fn each_entry_is_answered_then_the_batch_ends() {
    run(Setup::default(), |world| {
        world.batch(CONSOLE, &entries(5)).unwrap();
        assert_eq!(world.transport.kicks[0], 1, "one notify for all");
        assert_eq!(world.told(), []);
        assert_eq!(serve(world), 5);
        let told = world.interrupt();
        let mut expected: Vec<_> = (0..5)
            .rev()
            .map(|index| answered(CONSOLE, index, &[index % 3]))
            .collect();
        expected.push(Told::BatchEnded(CONSOLE));
        assert_eq!(told, expected);
        // And again.
        world.batch(CONSOLE, &entries(1)).unwrap();
        serve(world);
        assert_eq!(
            world.interrupt(),
            [answered(CONSOLE, 0, &[0]), Told::BatchEnded(CONSOLE)]
        );
    });
}

#[test]
fn as_many_are_in_flight_as_the_account_allows() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        // Two slots, one of them taken by a command of its own.
        let handle = world.send(THERMAL, BASE, 1).unwrap();
        let polled = world.take();
        world.batch(THERMAL, &entries(6)).unwrap();
        let mut ends = Vec::new();
        for _ in 0..6 {
            assert_eq!(serve(world), 1, "one at a time");
            ends.extend(world.interrupt());
        }
        let mut expected: Vec<_> = (0..6)
            .map(|index| answered(THERMAL, index, &[index % 3]))
            .collect();
        expected.push(Told::BatchEnded(THERMAL));
        assert_eq!(ends, expected);
        world.device.reply(&polled, 0, &[]);
        world.interrupt();
        assert!(world.poll(THERMAL, handle).unwrap().is_some());
    });
}

#[test]
fn no_more_are_in_flight_than_the_client_wants() {
    run(Setup::default(), |world| {
        world.batch_slots = 2;
        world.batch(CONSOLE, &entries(5)).unwrap();
        for expected in [2, 2, 1] {
            assert_eq!(serve(world), expected);
            world.interrupt();
        }
        // A slot that is lost counts: whoever leaves one free has it.
        world.batch_slots = 1;
        world.batch_within(THERMAL, &entries(3), 100).unwrap();
        let _never_answered = world.take();
        world.now += 100;
        assert!(world.turn().contains(&Told::BatchEnded(THERMAL)));
        assert!(world.device.take().is_none());
        assert_eq!(world.driver.pools().slots_lost, 1);
    });
}

#[test]
fn with_no_slot_left_it_waits_and_never_answers_slot_quota() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        // The only slot is lost: given up, and the device has it.
        let handle = world.send(POWER, BASE, 1).unwrap();
        let late = world.take();
        world.cancel(POWER, handle).unwrap();
        world.batch(POWER, &entries(2)).unwrap();
        assert!(world.device.take().is_none());
        assert_eq!(world.told(), []);
        world.device.reply(&late, 0, &[]);
        world.interrupt();
        assert_eq!(serve(world), 1);
        world.interrupt();
        assert_eq!(serve(world), 1);
        assert!(world.interrupt().ends_with(&[Told::BatchEnded(POWER)]));
    });
}

#[test]
fn with_no_slot_for_ever_its_time_runs_out() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        let handle = world.send(POWER, BASE, 1).unwrap();
        let _never_answered = world.take();
        world.cancel(POWER, handle).unwrap();
        world.batch_within(POWER, &entries(2), 700).unwrap();
        let due = world.now + 700;
        // First the clock is looked at for the command that was given up.
        world.now += 250;
        assert_eq!(world.turn(), []);
        assert_eq!(world.kernel.timer, Some(due));
        world.now = due - 1;
        assert_eq!(world.turn(), []);
        world.now = due;
        assert_eq!(
            world.turn(),
            [
                failed(POWER, 0, Failure::TimedOut),
                failed(POWER, 1, Failure::TimedOut),
                Told::BatchEnded(POWER)
            ]
        );
    });
}

#[test]
fn one_deadline_for_all_not_early() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        world.batch_within(THERMAL, &entries(5), 100).unwrap();
        let due = world.now + 100;
        // Two are answered half way, the next two are not.
        world.now += 50;
        assert_eq!(serve(world), 2);
        assert_eq!(world.interrupt().len(), 2);
        let open = [world.take(), world.take()];
        world.now = due - 1;
        assert_eq!(world.turn(), []);
        world.now = due;
        let told = world.turn();
        let [rest @ .., end] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(*end, Told::BatchEnded(THERMAL));
        let mut numbers: Vec<u8> = rest
            .iter()
            .map(|line| match line {
                Told::Entry(THERMAL, BATCH_TAG, index, Err(Unanswered::Failed(failure))) => {
                    assert_eq!(*failure, Failure::TimedOut);
                    *index
                }
                other => panic!("{other:?}"),
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [2, 3, 4]);
        assert_eq!(world.driver.pools().slots_lost, 2);
        for command in &open {
            world.device.reply(command, 0, &[]);
        }
        assert_eq!(world.interrupt(), []);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

#[test]
fn an_answer_in_time_counts_however_late_it_is_seen() {
    run(Setup::default(), |world| {
        world.batch_within(CONSOLE, &entries(2), 100).unwrap();
        serve(world);
        world.now += 5_000;
        let told = world.turn();
        assert_eq!(
            told,
            [
                answered(CONSOLE, 1, &[1]),
                answered(CONSOLE, 0, &[0]),
                Told::BatchEnded(CONSOLE)
            ]
        );
    });
}

#[test]
fn the_default_deadline_is_that_of_commands() {
    run(Setup::default(), |world| {
        world.batch(CONSOLE, &entries(1)).unwrap();
        world.take();
        world.now += u64::from(Limits::DEFAULT.deadline) - 1;
        assert_eq!(world.turn(), []);
        world.now += 1;
        let told = world.turn();
        assert_eq!(told[0], failed(CONSOLE, 0, Failure::TimedOut));
    });
}

#[test]
fn what_may_not_be_sent_is_refused_before_anything_is_sent() {
    run(Setup::default(), |world| {
        let batch = [
            entry(0),
            Entry {
                protocol: 0x14,
                ..entry(0)
            },
            Entry {
                flags: 1,
                ..entry(0)
            },
            Entry {
                len: 17,
                ..entry(0)
            },
        ];
        // All that is told before the device is notified.
        let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = order.clone();
        world.meanwhile(move |point, _| seen.borrow_mut().push(point));
        world.batch(POWER, &batch).unwrap();
        let order = std::mem::take(&mut *order.borrow_mut());
        let told = order
            .iter()
            .filter(|point| **point == support::Point::Told)
            .count();
        assert_eq!(told, 3, "{order:?}");
        assert_eq!(order.last(), Some(&support::Point::Notified(0)));
        assert_eq!(
            world.told(),
            [
                refused(POWER, 1, Refusal::ProtocolNotAllowed),
                refused(POWER, 2, Refusal::InvalidArgument),
                refused(POWER, 3, Refusal::RequestTooLong),
            ]
        );
        assert_eq!(serve(world), 1);
        assert_eq!(
            world.interrupt(),
            [answered(POWER, 0, &[0]), Told::BatchEnded(POWER)]
        );
        // The last one alone is refused, too, and then the batch is over at once.
        world.batch(POWER, &batch[1..2]).unwrap();
        assert_eq!(
            world.told(),
            [
                refused(POWER, 0, Refusal::ProtocolNotAllowed),
                Told::BatchEnded(POWER)
            ]
        );
    });
}

#[test]
fn reserved_messages_stay_reserved() {
    run(Setup::default(), |world| {
        // BASE_NOTIFY_ERRORS, BASE_RESET_AGENT_CONFIGURATION.
        world.batch(CONSOLE, &[entry(8), entry(0x0b)]).unwrap();
        assert!(world.device.take().is_none());
        let told = world.told();
        assert_eq!(told[0], refused(CONSOLE, 0, Refusal::ReservedMessage));
        assert_eq!(told[1], refused(CONSOLE, 1, Refusal::ReservedMessage));
    });
}

#[test]
fn a_batch_that_is_none_is_refused_whole() {
    run(Setup::default(), |world| {
        assert_eq!(world.batch(POWER, &[]), Err(Refusal::InvalidArgument));
        assert_eq!(world.batch(POWER, &entries(5)), Err(Refusal::BatchTooLong));
        assert_eq!(
            world.batch(Owner(60), &entries(1)),
            Err(Refusal::NotAClient)
        );
        assert_eq!(world.told(), []);
        assert!(world.device.take().is_none());
        world.batch(POWER, &entries(4)).unwrap();
        assert_eq!(serve(world), 2);
    });
}

#[test]
fn a_reset_ends_what_was_sent_and_refuses_the_rest() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        world.batch(THERMAL, &entries(4)).unwrap();
        world.driver.request_recovery();
        let told = world.turn();
        assert!(told.contains(&failed(THERMAL, 0, Failure::DeviceReset)));
        assert!(told.contains(&failed(THERMAL, 1, Failure::DeviceReset)));
        assert!(told.contains(&refused(THERMAL, 2, Refusal::Recovering)));
        assert!(told.contains(&refused(THERMAL, 3, Refusal::Recovering)));
        assert_eq!(told.len(), 5, "{told:?}");
        assert_eq!(told[4], Told::BatchEnded(THERMAL));
        assert_eq!(world.batch(THERMAL, &entries(1)), Err(Refusal::Recovering));
    });
}

#[test]
fn a_client_that_dies_frees_all() {
    run(Setup::default(), |world| {
        world.batch(THERMAL, &entries(12)).unwrap();
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        assert_eq!(commands.len(), 8);
        world.client_gone(THERMAL);
        world.run(Cause::Request);
        for command in &commands {
            world.device.reply(command, 0, &[]);
        }
        assert_eq!(world.interrupt(), []);
        let pools = world.driver.pools();
        assert_eq!(pools.slots_free, pools.slots);
        // The next life begins with nothing.
        let next = Owner(THERMAL.0 + 0x400);
        world.batch(next, &entries(1)).unwrap();
        assert_eq!(serve(world), 1);
        assert_eq!(
            world.interrupt(),
            [answered(next, 0, &[0]), Told::BatchEnded(next)]
        );
    });
}

#[test]
fn a_client_that_cannot_take_an_answer_is_as_good_as_gone() {
    run(Setup::default(), |world| {
        world.batch(THERMAL, &entries(12)).unwrap();
        // Nobody tells the driver: it learns by the first entry.
        world.dead.push(THERMAL);
        assert_eq!(serve(world), 8);
        let told = world.interrupt();
        assert_eq!(told.len(), 1, "{told:?}");
        let pools = world.driver.pools();
        assert_eq!(pools.slots_free, pools.slots);
        assert!(world.device.take().is_none());
    });
}

#[test]
fn a_malformed_answer_ends_its_entry_alone() {
    run(Setup::default(), |world| {
        world.batch(CONSOLE, &entries(3)).unwrap();
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        let head = commands[0].head;
        world.device.reply_raw(head, commands[0].header, 0, &[], 4);
        world.device.reply(&commands[1], -3, &[]);
        world.device.reply(&commands[2], 0, &[9]);
        assert_eq!(
            world.interrupt(),
            [
                failed(CONSOLE, 0, Failure::ShortReply),
                Told::Entry(CONSOLE, BATCH_TAG, 1, Ok((-3, vec![]))),
                answered(CONSOLE, 2, &[9]),
                Told::BatchEnded(CONSOLE)
            ]
        );
    });
}

#[test]
fn parameters_reach_the_device_as_they_are() {
    run(Setup::default(), |world| {
        let parameters = [0x0403_0201u32.to_le(), 0x0807_0605u32.to_le(), 0, 0];
        let batch = [Entry {
            protocol: 0x15,
            message: 6,
            len: 8,
            parameters,
            ..Entry::default()
        }];
        world.batch(CONSOLE, &batch).unwrap();
        let command = world.take();
        assert_eq!(command.parameters, [1, 2, 3, 4, 5, 6, 7, 8]);
    });
}
