// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Recovery: rows V05, V22, V44, V45, W6, W7, W9, W11, N08.

mod support;

use drv_virtio_scmi::{
    Condition, EventKind, Failure, Limits, Notified, Refusal, Trace, Trouble, Wait,
};
use support::world::{Wish, wish};
use support::{CONSOLE, Setup, THERMAL, Told, World, run};

type W<'m> = World<'m, 16, 8, 16>;

fn short(deadline: u32) -> Wish {
    Wish {
        deadline,
        ..wish(0x10, 0)
    }
}

/// The device asks for a reset, the driver recovers, the platform answers.
fn recover(world: &mut W<'_>) -> Vec<Told> {
    world.ask_for_reset();
    let mut told = world.turn();
    world.answer_probe();
    told.extend(world.turn());
    assert_eq!(world.driver.condition(), Condition::Ready);
    told
}

#[test]
fn w09_needs_reset_is_followed_by_a_reset_and_everything_works_again() {
    run(Setup::default(), |world| {
        assert_eq!(world.driver.generation(), 1);
        assert_eq!(recover(world), []);
        assert_eq!(world.transport.resets, 2);
        assert_eq!(world.driver.generation(), 2);
        assert_eq!(world.driver.counters().recoveries, 1);
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn().len(), 1);
        assert!(
            world
                .traces()
                .contains(&Trace::Recovery(Trouble::NeedsReset))
        );
    });
}

#[test]
fn w07_v05_a_reset_fails_all_in_flight_with_an_error_of_its_own() {
    run(Setup::default(), |world| {
        // Two slots are lost by then: one by its deadline, one by the client's will.
        let short = Wish {
            deadline: 10,
            ..wish(0x10, 4)
        };
        world.submit(CONSOLE, &short, &[]).unwrap();
        assert_eq!(world.pass(10), [Told::Failed(CONSOLE, Failure::TimedOut)]);
        let given_up = world.send(CONSOLE, 0x10, 5).unwrap();
        world.cancel(CONSOLE, given_up).unwrap();
        while world.device.take().is_some() {}
        assert_eq!(world.driver.pools().slots_lost, 2);

        world.exchange(CONSOLE, 0x10, 0).unwrap();
        world.exchange(THERMAL, 0x10, 1).unwrap();
        let pending = world.send(CONSOLE, 0x10, 2).unwrap();
        let answered = world.send(CONSOLE, 0x10, 3).unwrap();
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        world.device.reply(&commands[3], 0, &[1, 2]);
        world.turn();
        let told = recover(world);
        assert_eq!(
            told,
            [
                Told::Failed(CONSOLE, Failure::DeviceReset),
                Told::Failed(THERMAL, Failure::DeviceReset),
                Told::Posted(CONSOLE, 1 << 9),
            ]
        );
        assert_eq!(
            world.poll(CONSOLE, pending),
            Ok(Some(Told::Failed(CONSOLE, Failure::DeviceReset)))
        );
        // What was answered before stays answered.
        assert_eq!(
            world.poll(CONSOLE, answered),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![1, 2])))
        );
        assert_eq!(world.driver.counters().failed, 4);
        // V05: the reset takes the lost slots back as well.
        assert_eq!(world.driver.pools().slots_lost, 0);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn w07_while_it_is_recovered_commands_are_refused_at_once() {
    run(Setup::default(), |world| {
        world.driver.request_recovery();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Recovering);
        assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::Recovering));
        assert_eq!(world.driver.counters().sent_fail_channel_not_found, 1);
        world.answer_probe();
        world.turn();
        assert!(world.exchange(CONSOLE, 0x10, 0).is_ok());
    });
}

#[test]
fn w11_v36_lost_slots_past_the_limit_cause_a_reset_and_come_back() {
    run(Setup::default(), |world| {
        // Half of eight slots, while others are answered.
        for _ in 0..4 {
            world.submit(CONSOLE, &short(10), &[]).unwrap();
            world.take();
        }
        world.pass(10);
        assert_eq!(world.driver.pools().slots_lost, 4);
        for _ in 0..19 {
            world.exchange(THERMAL, 0x10, 0).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.pass(100);
            world.turn();
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        world.pass(200);
        assert_eq!(world.driver.counters().recoveries, 1);
        assert!(
            world
                .traces()
                .contains(&Trace::Recovery(Trouble::SlotsLost))
        );
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

#[test]
fn w09_a_device_that_stopped_is_noticed_after_one_timeout() {
    run(Setup::default(), |world| {
        world.submit(CONSOLE, &short(1_000), &[]).unwrap();
        assert_eq!(
            world.pass(1_000),
            [Told::Failed(CONSOLE, Failure::TimedOut)]
        );
        world.pass(4_999);
        assert_eq!(world.driver.counters().recoveries, 0);
        world.pass(1);
        assert_eq!(world.driver.counters().recoveries, 1);
        assert!(
            world
                .traces()
                .contains(&Trace::Recovery(Trouble::NoProgress))
        );
    });
}

#[test]
fn w09_a_slow_device_is_left_alone_as_long_as_it_answers_in_time() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        assert_eq!(world.pass(59_000), []);
        assert_eq!(world.driver.counters().recoveries, 0);
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn().len(), 1);
    });
}

#[test]
fn w09_an_impossible_used_index_causes_a_reset() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        world.take();
        world.device.commands.jump(60_000);
        let told = world.turn();
        assert_eq!(told, [Told::Failed(CONSOLE, Failure::DeviceReset)]);
        assert_eq!(world.driver.counters().err_protocol, 1);
        assert!(
            world
                .traces()
                .contains(&Trace::Recovery(Trouble::RingBroken))
        );
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
    });
}

#[test]
fn duplicates_of_a_daemon_that_survived_a_reset_are_counted_and_tolerated() {
    run(Setup::default(), |world| {
        // vhost-device-scmi gives every event buffer back twice after a reset.
        for _ in 0..2 {
            for id in (0..16).rev() {
                world.device.events.complete(id, 4);
            }
            world.turn();
        }
        assert!(world.driver.counters().err_protocol <= 16);
        assert_eq!(world.driver.counters().recoveries, 0);
        assert_eq!(world.driver.pools().events_at_device, 16);
    });
}

#[test]
fn w09_violations_without_end_cause_a_reset() {
    run(Setup::default(), |world| {
        for _ in 0..200 {
            world.device.commands.complete(3, 8);
            world.turn();
            if world.driver.condition() != Condition::Ready {
                assert!(
                    world
                        .traces()
                        .contains(&Trace::Recovery(Trouble::TooManyViolations))
                );
                return;
            }
        }
        panic!("a ring full of lies was believed");
    });
}

#[test]
fn recovery_is_bounded_backs_off_and_then_tries_slowly_for_ever() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        world.transport.stuck_resets = u32::MAX;
        world.driver.request_recovery();
        assert_eq!(world.turn(), [Told::Failed(CONSOLE, Failure::DeviceReset)]);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let wake = world.kernel.timer.unwrap();
            pauses.push(wake - world.now);
            world.sleep(wake - world.now);
        }
        assert_eq!(pauses[..4], [10, 20, 40, 80]);
        assert!(pauses[4..].iter().all(|&pause| pause == 5_000));
        assert_eq!(world.driver.condition(), Condition::PlatformUnavailable);
        assert_eq!(
            world.exchange(CONSOLE, 0x10, 0),
            Err(Refusal::PlatformUnavailable)
        );
        // The device still owns what it had: nothing of it was used meanwhile.
        assert_eq!(world.driver.pools().slots_lost, 1);
        assert_eq!(world.driver.counters().recoveries, 1);

        // It comes back.
        world.transport.stuck_resets = 0;
        world.pass(5_000);
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn a_platform_that_does_not_answer_after_a_reset_is_unavailable_not_ready() {
    run(Setup::default(), |world| {
        // QEMU keeps up appearances: the set-up succeeds every time.
        world.driver.request_recovery();
        world.pass(30_000);
        assert_eq!(world.driver.condition(), Condition::PlatformUnavailable);
        assert!(world.driver.counters().recoveries_failed >= 6);
        assert_eq!(world.driver.counters().recoveries, 1);
        while world.device.take().is_some() {}
        // Whatever the question, nothing hangs: each attempt has a deadline and a successor.
        assert!(world.kernel.timer.is_some());
    });
}

#[test]
fn a_device_that_fails_again_and_again_gets_no_fresh_attempts() {
    run(Setup::default(), |world| {
        for _ in 0..6 {
            world.driver.request_recovery();
            world.turn();
            if world.driver.condition() == Condition::PlatformUnavailable {
                return;
            }
            // Ready for a moment only, each time.
            while world.driver.condition() != Condition::Ready {
                if let Some(command) = world.device.take() {
                    world.device.reply(&command, 0, &[0; 4]);
                    world.turn();
                } else {
                    world.pass(10);
                }
            }
        }
        panic!("recovered for ever without a pause");
    });
}

#[test]
fn a_device_that_was_stable_gets_fresh_attempts() {
    run(Setup::default(), |world| {
        for _ in 0..20 {
            world.pass(10_000);
            recover(world);
        }
        assert_eq!(world.driver.counters().recoveries, 20);
    });
}

#[test]
fn w06_w07_events_are_enabled_again_and_subscribers_told_to_resynchronise() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        assert!(world.device.sensor_update(3, 1));
        world.turn();
        world.ask_for_reset();
        world.turn();
        world.answer_probe();
        // The first thing that a subscriber hears, whatever was queued before.
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1 << 4)]);
        let enable = world.take();
        assert_eq!((enable.protocol(), enable.message()), (0x15, 0xb));
        assert_eq!(enable.parameters, [3, 0, 0, 0, 1, 0, 0, 0]);
        world.device.reply(&enable, 0, &[]);
        assert_eq!(world.turn(), []);
        assert!(world.device.sensor_update(3, 2));
        world.turn();
        let events = world.fetch_all(CONSOLE);
        assert_eq!(events[0].kind, EventKind::Resynchronise);
        assert_eq!(events[0].lost, 1);
        assert!(events[0].more);
        assert_eq!(events[1].payload[8], 2);
        // Who is not subscribed to anything hears nothing.
        assert_eq!(world.fetch(THERMAL), None);
    });
}

#[test]
fn a_subscription_that_the_platform_refuses_after_a_reset_ends_audibly() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        world.driver.request_recovery();
        world.turn();
        world.answer_probe();
        world.turn();
        let enable = world.take();
        world.device.reply(&enable, -4, &[]);
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1 << 4)]);
        let events = world.fetch_all(CONSOLE);
        assert_eq!(events[0].kind, EventKind::Resynchronise);
        assert_eq!(events[1].kind, EventKind::Ended);
        assert_eq!((events[1].protocol, events[1].event), (0x15, 1));
        assert_eq!(events[1].payload, [3, 0, 0, 0]);
        assert_eq!(
            world.unsubscribe(CONSOLE, 0x15, 1, 3),
            Err(Refusal::NotSubscribed)
        );
    });
}

#[test]
fn n08_a_subscription_made_while_the_platform_is_away_is_armed_later() {
    run(Setup::default(), |world| {
        world.driver.request_recovery();
        world.turn();
        assert_eq!(world.try_subscribe(CONSOLE, 0x15, 1, 3), Ok(Notified::Done));
        world.turn();
        world.answer_probe();
        world.turn();
        let enable = world.take();
        assert_eq!(enable.message(), 0xb);
        world.device.reply(&enable, 0, &[]);
        world.turn();
        assert!(world.device.sensor_update(3, 9));
        world.turn();
        let kinds: Vec<EventKind> = world.fetch_all(CONSOLE).iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [EventKind::Resynchronise, EventKind::Event]);
    });
}

#[test]
fn a_client_blocked_in_subscribing_is_answered_when_the_device_is_reset() {
    run(Setup::default(), |world| {
        world.try_subscribe(CONSOLE, 0x15, 1, 3).unwrap();
        world.turn();
        world.take();
        world.driver.request_recovery();
        assert_eq!(
            world.turn(),
            [Told::Subscribed(CONSOLE, Err(Failure::DeviceReset))]
        );
        world.answer_probe();
        assert_eq!(world.turn(), []);
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn v22_w06_no_memory_is_touched_while_a_reset_does_not_end() {
    run(Setup::default(), |world| {
        let handle = world
            .submit(
                CONSOLE,
                &Wish {
                    wait: Wait::Poll(0),
                    ..wish(0x10, 0)
                },
                &[0x55; 16],
            )
            .unwrap();
        let command = world.take();
        // A delayed response that came before its reply waits in an event buffer. After the reset
        // it moves to the reply buffer, which the device has until then.
        let early = Wish {
            delayed: true,
            wait: Wait::Poll(0),
            ..wish(0x15, 6)
        };
        let early = world.submit(CONSOLE, &early, &[0; 8]).unwrap();
        let asked = world.take();
        assert!(world.device.delayed(&asked, 0, &[0x77; 16]));
        world.turn();
        assert_eq!(world.driver.pools().events_at_driver, 1);
        let before = world.shared_memory();
        world.transport.stuck_resets = 3;
        world.driver.request_recovery();
        world.turn();
        assert_eq!(world.transport.stuck_resets, 2);
        assert_eq!(world.shared_memory(), before);
        // The device may still read its request and write its reply; both are as they were.
        world.device.reply(&command, 0, &[1]);
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Failed(CONSOLE, Failure::DeviceReset)))
        );
        let written = world.shared_memory();
        while world.transport.stuck_resets > 0 {
            assert_eq!(world.shared_memory(), written);
            world.pass(10);
        }
        world.pass(100);
        world.answer_probe();
        world.turn();
        assert_eq!(
            world.poll(CONSOLE, early),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![0x77; 16])))
        );
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn v44_v45_a_start_that_fails_is_tried_again_when_that_may_help() {
    run(Setup::default(), |world| {
        world.transport.refusals = 2;
        world.driver.request_recovery();
        world.turn();
        world.pass(100);
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
        assert_eq!(world.driver.counters().recoveries_failed, 2);
    });
}

#[test]
fn recovery_may_find_another_ring_size() {
    run(Setup::default(), |world| {
        // Answers in slots that the smaller ring does not have stay collectable.
        let handles: Vec<_> = (0..8)
            .map(|i| world.send(CONSOLE, 0x10, i).unwrap())
            .collect();
        while let Some(command) = world.device.take() {
            world.device.reply(&command, 0, &[command.message()]);
        }
        world.turn();
        world.transport.queue_max = [4, 2];
        world.driver.request_recovery();
        // No slot is free for a probe, so the first command will show.
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
        assert_eq!(world.driver.pools().slots, 2);
        assert_eq!(world.driver.pools().event_buffers, 2);
        for (i, &handle) in handles.iter().enumerate() {
            assert_eq!(
                world.poll(CONSOLE, handle),
                Ok(Some(Told::Answer(CONSOLE, 0, vec![i as u8])))
            );
        }
        assert_eq!(world.driver.pools().slots_free, 2);
        world.transport.queue_max = [16, 16];
        world.driver.request_recovery();
        world.pass(10);
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn limits_can_be_configured() {
    let limits = Limits {
        stall: 50,
        backoff: 3,
        attempts: 2,
        slow_retry: 100,
        own_deadline: 7,
        ..Limits::DEFAULT
    };
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    run(setup, |world| {
        world.submit(CONSOLE, &short(10), &[]).unwrap();
        world.pass(59);
        assert_eq!(world.driver.counters().recoveries, 0);
        world.pass(1);
        assert_eq!(world.driver.counters().recoveries, 1);
        world.pass(7 + 3 + 7);
        assert_eq!(world.driver.condition(), Condition::PlatformUnavailable);
    });
}

#[test]
#[cfg_attr(miri, ignore = "more commands than there are tokens take minutes")]
fn d02_tokens_of_commands_that_a_reset_ended_are_free_again() {
    run(Setup::default(), |world| {
        // More commands than there are tokens, none of them answered before the reset; one slot is left for the driver's question.
        for _ in 0..1024 / 7 + 8 {
            for _ in 0..7 {
                world.exchange(CONSOLE, 0x10, 0).unwrap();
            }
            assert_eq!(recover(world).len(), 7);
            world.pass(20_000);
        }
    });
}

#[test]
fn a_reset_while_the_platform_is_asked_is_one_failed_attempt() {
    run(Setup::default(), |world| {
        world.driver.request_recovery();
        world.turn();
        for failed in 1..4 {
            assert_eq!(world.driver.condition(), Condition::Recovering);
            world.ask_for_reset();
            world.turn();
            world.pass(100);
            assert_eq!(world.driver.counters().recoveries_failed, failed);
            assert_eq!(world.transport.resets, 2 + failed);
        }
        assert_eq!(world.driver.counters().recoveries, 1);
        world.answer_probe();
        world.turn();
        assert_eq!(world.driver.condition(), Condition::Ready);
    });
}

#[test]
fn w09_without_a_slot_for_the_drivers_question_the_first_command_shows_whether_the_platform_is_back()
 {
    run(Setup::default(), |world| {
        for platform_is_back in [false, true] {
            for _ in 0..8 {
                world.submit(CONSOLE, &short(500), &[]).unwrap();
            }
            world.driver.request_recovery();
            let told = world.turn();
            assert_eq!(told, vec![Told::Failed(CONSOLE, Failure::DeviceReset); 8]);
            assert_eq!(world.driver.condition(), Condition::Ready);
            world.submit(CONSOLE, &short(500), &[]).unwrap();
            let command = world.take();
            if platform_is_back {
                world.device.reply(&command, 0, &[]);
                assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
            } else {
                // The time of the command, that of the stall, and a pause; then the driver has a slot to ask with.
                let told = world.pass(500 + 5_000 + 10);
                assert_eq!(told, [Told::Failed(CONSOLE, Failure::TimedOut)]);
                assert_eq!(world.driver.condition(), Condition::Recovering);
                world.answer_probe();
                world.turn();
                assert_eq!(world.driver.condition(), Condition::Ready);
                world.pass(20_000);
            }
        }
    });
}
