// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Delayed responses: rows C3, D09-D16.

mod support;

use drv_virtio_scmi::{Failure, Limits, Refusal, Wait};
use support::device::Command;
use support::world::{Wish, wish};
use support::{CONSOLE, Setup, THERMAL, Told, World, header, run, run_sized, times};

fn delayed(message: u8) -> Wish {
    Wish {
        delayed: true,
        ..wish(0x15, message)
    }
}

fn polled(message: u8) -> Wish {
    Wish {
        wait: Wait::Poll(1),
        ..delayed(message)
    }
}

fn start(world: &mut World<'_, 16, 8, 16>) -> Command {
    world.submit(CONSOLE, &delayed(6), &[0; 8]).unwrap();
    world.take()
}

#[test]
fn d14_the_result_is_the_delayed_response() {
    run(Setup::default(), |world| {
        let command = start(world);
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.pass(1_999), []);
        assert!(world.device.delayed(&command, -9, &[1, 2, 3, 4]));
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, -9, vec![1, 2, 3, 4])]);
        assert_eq!(world.driver.counters().delayed_response_ok, 1);
        assert_eq!(world.driver.counters().answered, 1);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn d14_a_refused_command_has_no_delayed_response() {
    run(Setup::default(), |world| {
        let command = start(world);
        world.device.reply(&command, -1, &[]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, -1, vec![])]);
        assert!(world.device.delayed(&command, 0, &[]));
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
    });
}

/// CLOCK_RATE_SET, POWERCAP_CAP_SET and RESET, whose flags ask for an asynchronous command and say that no delayed response is wanted,
/// or that nothing is asynchronous after all: given up, they owe nothing, so their slots are free at once.
#[test]
fn d14_a_command_that_brings_no_delayed_response_owes_none() {
    for (protocol, message, at, brings, brings_none) in [
        (0x14, 5, 0, 0b01, 0b11),
        (0x18, 5, 4, 0b10, 0b11),
        (0x16, 4, 4, 0b101, 0b100),
    ] {
        for (flags, owed) in [(brings, 1), (brings_none, 0)] {
            run(Setup::default(), |world| {
                let mut parameters = [0; 16];
                parameters[at] = flags;
                let wish = Wish {
                    wait: Wait::Poll(1),
                    ..wish(protocol, message)
                };
                let handle = world.submit(CONSOLE, &wish, &parameters).unwrap();
                let command = world.take();
                world.cancel(CONSOLE, handle).unwrap();
                world.device.reply(&command, 0, &[]);
                world.turn();
                assert_eq!(
                    world.driver.pools().slots_owed,
                    owed,
                    "{protocol:#x} {flags:#b}"
                );
            });
        }
    }
}

#[test]
fn c03_d14_the_wait_is_two_seconds_and_a_late_response_is_dropped() {
    run(Setup::default(), |world| {
        let command = start(world);
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert_eq!(world.pass(1_999), []);
        assert_eq!(
            world.pass(1),
            [Told::Failed(CONSOLE, Failure::DelayedTimedOut)]
        );
        assert_eq!(world.driver.counters().timed_out, 1);
        assert_eq!(world.driver.pools().slots_free, 8);
        assert!(world.device.delayed(&command, 0, &[]));
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
    });
}

#[test]
fn c03_the_wait_can_be_configured() {
    let limits = Limits {
        delayed: 30_000,
        ..Limits::DEFAULT
    };
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    run(setup, |world| {
        let command = start(world);
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert_eq!(world.pass(29_999), []);
        assert_eq!(world.pass(1).len(), 1);
    });
}

#[test]
fn d14_a_late_response_is_never_credited_to_a_later_command() {
    // The token of a response that was given up is not used again while others are left.
    run(Setup::default(), |world| {
        let old = start(world);
        world.device.reply(&old, 0, &[]);
        world.turn();
        world.pass(2_000);
        for _ in 0..times(3_000, 10) {
            let new = start(world);
            assert_ne!(new.token(), old.token());
            world.device.reply(&new, -1, &[]);
            world.turn();
        }
        // Once it came, the token is like any other.
        world.device.delayed(&old, 0, &[]);
        world.turn();
        let mut seen = cfg!(miri);
        for _ in 0..times(1_024, 10) {
            let new = start(world);
            seen |= new.token() == old.token();
            world.device.reply(&new, -1, &[]);
            world.turn();
        }
        assert!(seen);
    });
}

#[test]
fn d11_a_response_before_the_reply_completes_both() {
    run(Setup::default(), |world| {
        let command = start(world);
        assert!(world.device.delayed(&command, 0, &[5, 6, 7, 8]));
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![5, 6, 7, 8])]);
        // The device has the slot until the reply comes, which is no news then.
        assert_eq!(world.driver.pools().slots_lost, 1);
        assert_eq!(world.driver.pools().events_at_device, 16);
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.counters().err_msg_unexpected, 0);
    });
}

#[test]
fn d11_both_in_one_turn_in_either_order() {
    run(Setup::default(), |world| {
        for early in [false, true] {
            let command = start(world);
            if early {
                world.device.delayed(&command, 0, &[1, 1, 1, 1]);
                world.device.reply(&command, 0, &[]);
            } else {
                world.device.reply(&command, 0, &[]);
                world.device.delayed(&command, 0, &[1, 1, 1, 1]);
            }
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![1; 4])]);
            assert_eq!(world.driver.pools().slots_free, 8);
        }
    });
}

#[test]
fn d11_an_early_response_waits_in_its_buffer_until_it_is_collected() {
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.delayed(&command, 0, &[5; 8]);
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1)]);
        assert_eq!(world.driver.pools().events_at_driver, 1);
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![5; 8])))
        );
        assert_eq!(world.driver.pools().events_at_driver, 0);
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn d11_the_reply_releases_the_buffer_of_an_early_response() {
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.delayed(&command, 0, &[5; 8]);
        world.turn();
        world.device.reply(&command, 0, &[9]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().events_at_device, 16);
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![5; 8])))
        );
    });
}

#[test]
fn d11_an_early_response_of_any_length_survives_a_reset_whole() {
    run(Setup::default(), |world| {
        for len in (0..=9).chain([127, 128]).step_by(times(1, 5)) {
            let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
            let command = world.take();
            let values: Vec<u8> = (1..=len).collect();
            world.device.delayed(&command, 0, &values);
            world.turn();
            world.ask_for_reset();
            world.turn();
            world.answer_probe();
            world.turn();
            assert_eq!(world.driver.pools().events_at_device, 16);
            assert_eq!(
                world.poll(CONSOLE, handle),
                Ok(Some(Told::Answer(CONSOLE, 0, values)))
            );
            world.pass(20_000);
        }
    });
}

#[test]
fn d11_early_responses_keep_half_of_the_event_ring_at_most() {
    let setup = Setup {
        queue_max: [64, 4],
        ..Setup::default()
    };
    run(setup, |world| {
        let mut handles = Vec::new();
        let mut commands = Vec::new();
        for _ in 0..4 {
            handles.push(world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap());
            commands.push(world.take());
        }
        for command in &commands {
            assert!(world.device.delayed(command, 0, &[]));
        }
        world.turn();
        assert_eq!(world.driver.pools().events_at_driver, 2);
        assert_eq!(world.driver.pools().events_at_device, 2);
        assert_eq!(world.driver.counters().err_msg_nomem, 2);
        for (i, &handle) in handles.iter().enumerate() {
            let told = world.poll(CONSOLE, handle).unwrap().unwrap();
            if i < 2 {
                assert_eq!(told, Told::Answer(CONSOLE, 0, vec![]));
            } else {
                assert_eq!(told, Told::Failed(CONSOLE, Failure::DelayedTimedOut));
            }
        }
        for command in &commands {
            world.device.reply(command, 0, &[]);
        }
        world.turn();
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn d10_a_response_that_was_not_asked_for_is_dropped() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x15, 6).unwrap();
        let command = world.take();
        world.device.delayed(&command, 0, &[1]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
        world.device.reply(&command, 0, &[2]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![2])]);
    });
}

#[test]
fn d09_responses_of_unknown_tokens_are_dropped_and_counted() {
    run(Setup::default(), |world| {
        let command = start(world);
        let mut others = 0;
        for token in (0..1024).step_by(times(1, 93)) {
            if token != command.token() {
                let header = header(0x15, 6, 2, token);
                assert!(world.device.send_event(header, &[0; 8]));
                assert_eq!(world.turn(), []);
                others += 1;
            }
        }
        assert_eq!(world.driver.counters().err_msg_unexpected, others);
        assert!(cfg!(miri) || others == 1023);
    });
}

#[test]
fn w03_a_response_of_another_protocol_or_message_is_dropped() {
    run(Setup::default(), |world| {
        let command = start(world);
        world.device.reply(&command, 0, &[]);
        world.turn();
        for (protocol, message) in [(0x14, 6), (0x15, 7)] {
            let header = header(protocol, message, 2, command.token());
            assert!(world.device.send_event(header, &[0; 8]));
            assert_eq!(world.turn(), []);
        }
        assert_eq!(world.driver.counters().err_msg_unexpected, 2);
        world.device.delayed(&command, 0, &[]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

#[test]
fn d12_a_duplicate_response_is_dropped() {
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.device.delayed(&command, 0, &[1; 4]);
        world.device.delayed(&command, 0, &[2; 4]);
        world.turn();
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![1; 4])))
        );
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);

        // Early, and again before the reply.
        let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.delayed(&command, 0, &[1; 4]);
        world.device.delayed(&command, 0, &[2; 4]);
        world.turn();
        assert_eq!(world.driver.counters().err_msg_unexpected, 2);
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![1; 4])))
        );
    });
}

#[test]
fn d14_a_timed_out_command_whose_parts_come_late_leaves_nothing_behind() {
    for response_first in [false, true] {
        run(Setup::default(), |world| {
            let wish = Wish {
                deadline: 10,
                ..delayed(6)
            };
            world.submit(CONSOLE, &wish, &[0; 8]).unwrap();
            let command = world.take();
            assert_eq!(world.pass(10), [Told::Failed(CONSOLE, Failure::TimedOut)]);
            if response_first {
                world.device.delayed(&command, 0, &[]);
                assert_eq!(world.turn(), []);
                world.device.reply(&command, 0, &[]);
            } else {
                world.device.reply(&command, 0, &[]);
                assert_eq!(world.turn(), []);
                world.device.delayed(&command, 0, &[]);
            }
            assert_eq!(world.turn(), []);
            assert_eq!(world.driver.pools().slots_free, 8);
            assert_eq!(world.driver.counters().err_msg_unexpected, 2);
        });
    }
}

#[test]
fn w01_a_response_too_short_for_a_status_is_an_error() {
    run(Setup::default(), |world| {
        let command = start(world);
        world.device.reply(&command, 0, &[]);
        world.turn();
        let header = header(0x15, 6, 2, command.token());
        assert!(world.device.send_event_raw(header, &[0; 8], 7));
        assert_eq!(world.turn(), [Told::Failed(CONSOLE, Failure::ShortReply)]);
        // Before the reply it is nothing.
        let command = start(world);
        let header = support::header(0x15, 6, 2, command.token());
        assert!(world.device.send_event_raw(header, &[0; 8], 7));
        assert_eq!(world.turn(), []);
        // And the true one is not missed for it.
        world.device.reply(&command, 0, &[]);
        world.turn();
        world.device.delayed(&command, 0, &[1, 2]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![1, 2])]);
    });
}

#[test]
fn d16_a_delayed_response_of_full_length_arrives_whole() {
    run(Setup::default(), |world| {
        for early in [false, true] {
            let command = start(world);
            if !early {
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
            let values: Vec<u8> = (0..128).collect();
            assert!(world.device.delayed(&command, 0, &values));
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, values)]);
        }
    });
}

#[test]
fn cancelled_and_dead_transfers_that_await_a_response_free_their_slots() {
    run(Setup::default(), |world| {
        let handle = world.submit(CONSOLE, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        world.cancel(CONSOLE, handle).unwrap();
        world.audit();
        assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
        // The platform is at work on it: the slot stays taken until the response.
        assert_eq!(world.driver.pools().slots_owed, 1);
        assert!(world.device.delayed(&command, 0, &[]));
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_free, 8);

        world.submit(THERMAL, &delayed(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        world.client_gone(THERMAL);
        world.audit();
        // Or until the time for the response is up.
        assert_eq!(world.driver.pools().slots_free, 7);
        assert_eq!(world.pass(2_000), []);
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.counters().failed, 2);
        // A client that dies with an early response in its slot gives the buffer back.
        world.submit(THERMAL, &polled(6), &[0; 8]).unwrap();
        let command = world.take();
        world.device.delayed(&command, 0, &[]);
        world.turn();
        assert_eq!(world.driver.pools().events_at_driver, 1);
        world.client_gone(THERMAL);
        world.audit();
        assert_eq!(world.driver.pools().events_at_driver, 0);
    });
}

#[test]
fn v08_without_an_event_queue_nothing_may_be_answered_later() {
    let setup = Setup {
        offered: drv_virtio_scmi::VERSION_1,
        ..Setup::default()
    };
    run_sized::<16, 8, 16>(setup, |world| {
        assert_eq!(
            world.submit(CONSOLE, &delayed(6), &[0; 8]),
            Err(Refusal::EventsUnavailable)
        );
        // Neither by the flag of the request itself, which a driver must not let through.
        let asynchronous = [0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(
            world.submit(CONSOLE, &wish(0x15, 6), &asynchronous),
            Err(Refusal::EventsUnavailable)
        );
        assert!(world.submit(CONSOLE, &wish(0x15, 6), &[0; 8]).is_ok());
        assert!(world.submit(CONSOLE, &wish(0x15, 6), &[1; 4]).is_ok());
        assert_eq!(
            world.try_subscribe(CONSOLE, 0x15, 1, 0),
            Err(Refusal::EventsUnavailable)
        );
        assert_eq!(world.driver.pools().event_buffers, 0);
    });
}
