// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Nothing fails open: quotas are guarantees, lost slots come back in bounded time, a healthy device is not reset, and a lying one
//! cannot blind the driver. The numbers are those of the findings, S1 to S12; W11 and the rows named beside them.

mod support;

use drv_virtio_scmi::{
    ClientConfig, Condition, DmaBuffer, EventKind, Failure, Notified, P2A_CHANNELS, QueueMemory,
    Refusal, Rule, Rules, Thresholds, Trace, Trouble, VERSION_1, Wait,
};
use support::device::header;
use support::world::Wish;
use support::world::{FITTING, wish};
use support::{CONSOLE, POWER, Setup, THERMAL, Told, World, reborn, run, run_over, run_sized};

type W<'m> = World<'m, 16, 8, 16>;

const CLOCK_RATE_SET: (u8, u8) = (0x14, 5);
const SENSOR_UPDATE: (u8, u8) = (0x15, 1);

fn short(protocol: u8, deadline: u32) -> Wish {
    Wish {
        deadline,
        ..wish(protocol, 3)
    }
}

/// Loses a command of a client: the device takes it and never answers.
fn lose(world: &mut W<'_>, owner: drv_virtio_scmi::Owner) -> support::Command {
    world.submit(owner, &short(0x11, 10), &[]).unwrap();
    let command = world.take();
    assert_eq!(world.pass(10), [Told::Failed(owner, Failure::TimedOut)]);
    command
}

/// Another client's traffic, which is answered at once: the device looks healthy.
fn traffic(world: &mut W<'_>) {
    if world.exchange(THERMAL, 0x10, 0).is_ok() {
        let command = world.take();
        world.device.reply(&command, 0, &[0; 4]);
        world.turn();
    }
}

/// Answers the driver's own question after a reset.
fn come_back(world: &mut W<'_>) {
    world.turn();
    world.answer_probe();
    world.turn();
    assert_eq!(world.driver.condition(), Condition::Ready);
}

// S1: lost slots.

#[test]
fn s01_w11_a_client_without_half_of_its_slots_has_them_back_in_2_s() {
    run(Setup::default(), |world| {
        lose(world, POWER);
        lose(world, POWER);
        assert_eq!(world.exchange(POWER, 0x11, 3), Err(Refusal::SlotsLost));
        for _ in 0..19 {
            world.pass(100);
            traffic(world);
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        world.pass(100);
        assert_eq!(world.driver.counters().recoveries, 1);
        assert!(
            world
                .traces()
                .contains(&Trace::Recovery(Trouble::SlotsLost))
        );
        come_back(world);
        assert_eq!(world.driver.pools().slots_lost, 0);
        assert!(world.exchange(POWER, 0x11, 3).is_ok());
    });
}

#[test]
fn s01_w11_any_lost_slot_comes_back_in_30_s() {
    run(Setup::default(), |world| {
        // One of eight: nobody is short of slots.
        lose(world, THERMAL);
        for _ in 0..299 {
            world.pass(100);
            traffic(world);
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        world.pass(100);
        assert_eq!(world.driver.counters().recoveries, 1);
        come_back(world);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

#[test]
fn s01_a_late_answer_takes_the_slot_back_and_nothing_is_reset() {
    run(Setup::default(), |world| {
        let (first, second) = (lose(world, POWER), lose(world, POWER));
        world.pass(1_900);
        world.device.reply(&first, 0, &[]);
        world.device.reply(&second, 0, &[]);
        world.turn();
        assert!(world.exchange(POWER, 0x11, 3).is_ok());
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        world.pass(60_000);
        assert_eq!(world.driver.counters().recoveries, 0);
    });
}

#[test]
fn s01_half_of_a_quota_is_enough_to_wait_for_the_rest() {
    run(Setup::default(), |world| {
        let first = lose(world, POWER);
        for _ in 0..100 {
            world.pass(100);
            traffic(world);
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        // The one that leaves less than half counts, not the older one.
        lose(world, POWER);
        for _ in 0..19 {
            world.pass(100);
            traffic(world);
        }
        assert_eq!(world.driver.counters().recoveries, 0);
        world.device.reply(&first, 0, &[]);
        world.turn();
        world.pass(200);
        assert_eq!(world.driver.counters().recoveries, 0);
    });
}

/// A platform that goes on losing answers: what is lost after a reset for it is not waited for as long as the first loss of many.
#[test]
fn s01_losses_that_follow_a_reset_come_back_in_10_s() {
    let setup = Setup {
        clients: &FITTING,
        ..Setup::default()
    };
    run(setup, |world| {
        lose(world, THERMAL);
        lose(world, THERMAL);
        world.pass(2_000);
        assert_eq!(world.driver.counters().recoveries, 1);
        come_back(world);
        // One of two is no shortage.
        lose(world, THERMAL);
        for _ in 0..100 {
            world.pass(100);
            if world.exchange(POWER, 0x10, 0).is_ok() {
                let command = world.take();
                world.device.reply(&command, 0, &[0; 4]);
                world.turn();
            }
        }
        assert_eq!(world.driver.counters().recoveries, 2);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

/// Deadlines of 1 ms, on a device that answers nobody but the others.
#[test]
fn s01_short_deadlines_reset_the_device_once_in_10_s() {
    run(Setup::default(), |world| {
        let mut resets = Vec::new();
        let begin = world.now;
        while world.now < begin + 60_000 {
            let before = world.driver.counters().recoveries;
            let _ = world.submit(POWER, &short(0x11, 1), &[]);
            world.pass(5);
            while let Some(command) = world.device.take() {
                if command.protocol() != 0x11 {
                    world.device.reply(&command, 0, &[0; 4]);
                    world.turn();
                }
            }
            traffic(world);
            if world.driver.counters().recoveries != before {
                resets.push(world.now);
            }
        }
        assert!((4..=6).contains(&resets.len()), "{resets:?}");
        assert!(
            resets.windows(2).all(|pair| pair[1] - pair[0] >= 10_000),
            "{resets:?}"
        );
    });
}

/// Slots of a client that is gone are nobody's, as long as that takes none of what others are promised.
#[test]
fn s01_a_restarted_client_need_not_wait_for_lost_slots() {
    run(Setup::default(), |world| {
        lose(world, POWER);
        lose(world, POWER);
        assert!(world.exchange(reborn(POWER), 0x11, 3).is_ok());
        world.audit();
        // They come back like all others.
        while world.driver.counters().recoveries == 0 {
            world.pass(100);
            traffic(world);
        }
        come_back(world);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

/// Where the quotas promise all that there is, the lost slots of a client that restarts again and again stay its own.
#[test]
fn s01_a_client_that_restarts_takes_no_slots_of_others() {
    static CONFIG: [ClientConfig; 2] = [config(4, 3), config(5, 3)];
    let setup = Setup {
        clients: &CONFIG,
        ..Setup::default()
    };
    run(setup, |world| {
        // Three for each, two for the driver: nothing is left over.
        let mut life = THERMAL;
        for _ in 0..10 {
            for _ in 0..3 {
                let _ = world.exchange(life, 0x10, 0);
            }
            life = reborn(life);
        }
        for _ in 0..3 {
            world.exchange(POWER, 0x10, 0).unwrap();
        }
    });
}

const fn config(task: u16, slots: u16) -> ClientConfig {
    ClientConfig {
        task,
        slots,
        events: 4,
        subscriptions: 4,
        batch: 4,
        event_bits: 1,
        rules: Rules::new(&[Rule::ALL]),
    }
}

#[test]
fn s01_quotas_shrink_with_the_ring_to_one_at_least() {
    for (ring, power, thermal) in [(16, 2, 8), (8, 1, 4), (4, 1, 2), (2, 1, 1)] {
        let setup = Setup {
            queue_max: [ring, ring],
            ..Setup::default()
        };
        run(setup, |world| {
            let slots = |owner| world.driver.client_limits(owner).unwrap().0;
            assert_eq!((slots(POWER), slots(THERMAL)), (power, thermal), "{ring}");
            for _ in 0..power {
                world.exchange(POWER, 0x11, 3).unwrap();
            }
            assert!(world.exchange(POWER, 0x11, 3).is_err());
        });
    }
}

// S4: the device is judged when all that it gave back was looked at.

#[test]
fn s04_answers_that_nobody_looked_at_are_no_silence() {
    run(Setup::default(), |world| {
        let polled = Wish {
            polled: true,
            wait: Wait::Poll(0),
            ..wish(0x10, 0)
        };
        let kept = world.submit(CONSOLE, &polled, &[]).unwrap();
        let gone = world.submit(CONSOLE, &polled, &[]).unwrap();
        let (first, second) = (world.take(), world.take());
        world.cancel(CONSOLE, gone).unwrap();
        world.pass(300);
        world.device.reply(&first, 0, &[]);
        world.device.reply(&second, 0, &[]);
        // Everybody polls, so no interrupt brings a turn.
        assert!(!world.device.commands.interrupt_due());
        world.pass(6_000);
        assert_eq!(world.driver.counters().recoveries, 0);
        assert!(matches!(
            world.poll(CONSOLE, kept),
            Ok(Some(Told::Answer(..)))
        ));
    });
}

#[test]
fn s04_a_machine_that_stood_still_is_no_silence() {
    run(Setup::default(), |world| {
        world.submit(CONSOLE, &short(0x10, 5), &[]).unwrap();
        let command = world.take();
        world.pass(5);
        world.device.reply(&command, 0, &[]);
        world.now += 60_000;
        world.turn();
        assert_eq!(world.driver.counters().recoveries, 0);
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

// S5: ids that name nothing.

#[test]
fn s05_event_buffers_lost_through_impossible_ids_are_counted_and_recovered() {
    for id in [999, 0x1_0003] {
        run(Setup::default(), |world| {
            world.subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, 3);
            world.device.events.complete(id, 32);
            world.turn();
            assert_eq!(world.driver.pools().events_missing, 1);
            assert_eq!(world.driver.counters().recoveries, 0);
            // An eighth of sixteen is two.
            world.device.events.complete(id, 32);
            world.turn();
            assert_eq!(world.driver.counters().recoveries, 1);
            assert!(
                world
                    .traces()
                    .contains(&Trace::Recovery(Trouble::TooManyViolations))
            );
            come_back(world);
            assert_eq!(world.driver.pools().events_missing, 0);
        });
    }
}

#[test]
fn s05_in_a_small_ring_one_lost_event_buffer_is_too_many() {
    let setup = Setup {
        queue_max: [16, 4],
        ..Setup::default()
    };
    run(setup, |world| {
        world.device.events.complete(77, 32);
        world.turn();
        assert_eq!(world.driver.counters().recoveries, 1);
    });
}

#[test]
fn s05_ids_that_are_no_head_are_limited_in_the_command_ring_too() {
    run(Setup::default(), |world| {
        for recoveries in [0, 1] {
            world.device.commands.complete(3, 8);
            world.turn();
            assert_eq!(world.driver.counters().recoveries, recoveries);
        }
    });
}

// S6: the same buffer twice.

#[test]
fn s06_an_event_buffer_that_comes_back_twice_at_once_is_a_violation() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, 3);
        assert!(world.device.sensor_update(3, 1));
        let head = world.device.events.pop().unwrap();
        world.device.events.complete(u32::from(head), 28);
        world.device.events.complete(u32::from(head), 28);
        world.turn();
        assert_eq!(world.driver.counters().err_protocol, 1);
        assert_eq!(world.driver.pools().events_at_device, 16);
    });
}

// S7: the driver's own commands.

fn follow_eight(world: &mut W<'_>) {
    for source in 0..8 {
        world.subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source);
    }
}

#[test]
fn s07_ending_subscriptions_takes_no_slots_of_clients() {
    for dies in [false, true] {
        run(Setup::default(), |world| {
            follow_eight(world);
            if dies {
                world.client_gone(CONSOLE);
            } else {
                for source in 0..8 {
                    world
                        .unsubscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source)
                        .unwrap();
                }
            }
            world.turn();
            // Two of eight slots are the driver's.
            for _ in 0..6 {
                world.exchange(THERMAL, 0x10, 0).unwrap();
            }
            // All of it goes out in the end.
            let mut disabled = 0;
            while let Some(command) = world.device.take() {
                disabled += usize::from(command.protocol() == SENSOR_UPDATE.0);
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
            assert_eq!(disabled, 8);
        });
    }
}

#[test]
fn s07_a_burst_of_one_client_does_not_delay_another() {
    run(Setup::default(), |world| {
        follow_eight(world);
        for source in 0..8 {
            world
                .unsubscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source)
                .unwrap();
        }
        assert_eq!(
            world.try_subscribe(THERMAL, 0x11, 0, 1),
            Ok(Notified::Waiting)
        );
        // Both slots of the driver are at work for the burst. The next one that is free is for the other client.
        let burst = [world.take(), world.take()];
        assert!(burst.iter().all(|command| command.protocol() == 0x15));
        assert_eq!(world.device.take(), None);
        world.device.reply(&burst[0], 0, &[]);
        world.interrupt();
        assert_eq!(world.take().protocol(), 0x11);
    });
}

#[test]
fn s07_subscriptions_survive_a_reset_on_a_platform_that_is_slow() {
    run(Setup::default(), |world| {
        follow_eight(world);
        world.pass(20_000);
        world.driver.request_recovery();
        come_back(world);
        // It takes 150 ms for a command, one after the other.
        let mut queue = std::collections::VecDeque::new();
        for _ in 0..20 {
            queue.extend(std::iter::from_fn(|| world.device.take()));
            world.pass(150);
            if let Some(command) = queue.pop_front() {
                world.device.reply(&command, 0, &[]);
                world.turn();
            }
        }
        let kinds: Vec<_> = world
            .fetch_all(CONSOLE)
            .iter()
            .map(|event| event.kind)
            .collect();
        assert_eq!(kinds, [drv_virtio_scmi::EventKind::Resynchronise]);
    });
}

#[test]
fn s07_an_event_is_switched_for_a_client_while_all_clients_use_their_slots() {
    run(Setup::default(), |world| {
        for _ in 0..6 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
        }
        while world.device.take().is_some() {}
        assert_eq!(
            world.try_subscribe(THERMAL, 0x15, 1, 0),
            Ok(Notified::Waiting)
        );
        world.turn();
        let enable = world.take();
        world.device.reply(&enable, 0, &[]);
        assert_eq!(world.turn(), [Told::Subscribed(THERMAL, Ok(()))]);
    });
}

// S8: responses that nobody asked for.

fn asynchronous() -> Vec<u8> {
    [1u32, 2, 16_777_216, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

#[test]
fn s08_a_response_nobody_waits_for_is_not_another_clients() {
    let (protocol, message) = CLOCK_RATE_SET;
    run(Setup::default(), |world| {
        // The request asks for a delayed response, the client does not.
        world
            .submit(CONSOLE, &wish(protocol, message), &asynchronous())
            .unwrap();
        let slow = world.take();
        world.device.reply(&slow, 0, &[]);
        assert_eq!(world.turn().len(), 1);
        for _ in 0..1023 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            assert_ne!(command.token(), slow.token());
            world.device.reply(&command, 0, &[]);
            world.turn();
        }
        let delayed = Wish {
            delayed: true,
            ..wish(protocol, message)
        };
        world.submit(THERMAL, &delayed, &asynchronous()).unwrap();
        let own = world.take();
        world.device.reply(&own, 0, &[]);
        assert_eq!(world.turn(), []);
        assert!(world.device.delayed(&slow, -1, &[0xee; 12]));
        assert_eq!(world.turn(), []);
        assert!(world.device.delayed(&own, 0, &[1]));
        assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![1])]);
    });
}

/// A refusal is the end of it, and a synchronous request too: their tokens are free at once.
#[test]
fn s08_only_what_can_be_answered_later_keeps_its_token() {
    let (protocol, message) = CLOCK_RATE_SET;
    run(Setup::default(), |world| {
        for (flags, status, kept) in [(1u32, 0, true), (1, -3, false), (0, 0, false)] {
            let mut request = asynchronous();
            request[..4].copy_from_slice(&flags.to_le_bytes());
            world
                .submit(CONSOLE, &wish(protocol, message), &request)
                .unwrap();
            let command = world.take();
            world.device.reply(&command, status, &[]);
            world.turn();
            let mut again = false;
            for _ in 0..1024 {
                world.exchange(CONSOLE, 0x10, 0).unwrap();
                let other = world.take();
                again |= other.token() == command.token();
                world.device.reply(&other, 0, &[]);
                world.turn();
            }
            assert_eq!(again, !kept, "flags {flags}, status {status}");
        }
    });
}

// S9: another life of the driver.

static ONE: [ClientConfig; 1] = [config(3, 8)];

/// One life of the driver over the same queue memory.
fn life(memory: &QueueMemory<16, 8, 16>, test: impl FnOnce(&mut World<'_, 16, 8, 16>)) {
    let setup = Setup {
        clients: &ONE,
        offered: VERSION_1 | P2A_CHANNELS,
        ..Setup::default()
    };
    run_over(memory, setup, test);
}

#[test]
fn s09_a_handle_of_an_earlier_life_is_stale() {
    let memory = QueueMemory::new();
    let asked = Wish {
        wait: Wait::Poll(0),
        ..wish(0x10, 0)
    };
    let mut old = Vec::new();
    for _ in 0..50 {
        life(&memory, |world| {
            let handle = world.submit(CONSOLE, &asked, &[]).unwrap();
            for &handle in &old {
                assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
            }
            old.push(handle);
        });
    }
}

#[test]
fn s09_a_response_to_an_earlier_life_finds_no_transfer() {
    let memory = QueueMemory::new();
    let asked = Wish {
        delayed: true,
        ..wish(0x14, 5)
    };
    let mut old = Vec::new();
    for _ in 0..50 {
        life(&memory, |world| {
            world.submit(CONSOLE, &asked, &[]).unwrap();
            let own = world.take();
            world.device.reply(&own, 0, &[]);
            // The platform's work for an earlier life ends now.
            for command in old.iter().rev().take(8) {
                assert!(world.device.delayed(command, -1, &[0xee]));
            }
            assert_eq!(world.turn(), []);
            assert_eq!(world.driver.pools().in_flight, 1);
            old.push(own);
        });
    }
}

// S10: polled, and notified.

#[test]
fn s10_a_polled_transfer_with_bits_gets_them_in_time() {
    run(Setup::default(), |world| {
        world.turn();
        let asked = Wish {
            polled: true,
            wait: Wait::Poll(1 << 9),
            ..wish(0x10, 0)
        };
        let handle = world.submit(CONSOLE, &asked, &[]).unwrap();
        let command = world.take();
        world.pass(300);
        world.device.reply(&command, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        assert_eq!(world.interrupt(), [Told::Posted(CONSOLE, 1 << 9)]);
        assert!(matches!(world.poll(CONSOLE, handle), Ok(Some(_))));
    });
}

// S12: (a) to (k).

#[test]
fn s12a_without_an_event_queue_no_event_is_asked_for() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        let offered = world.transport.offered;
        world.transport.offered = offered & !P2A_CHANNELS;
        world.driver.request_recovery();
        come_back(world);
        assert!(!world.driver.has_events());
        assert_eq!(world.device.take(), None);
        // It has one again: the event is asked for.
        world.transport.offered = offered;
        world.pass(20_000);
        world.driver.request_recovery();
        come_back(world);
        assert_eq!(world.take().message(), 0xb);
    });
}

#[test]
fn s12b_an_event_enabled_late_for_nobody_is_disabled() {
    run(Setup::default(), |world| {
        world.try_subscribe(CONSOLE, 0x15, 1, 0).unwrap();
        world.turn();
        let enable = world.take();
        assert_eq!(
            world.pass(1_000),
            [Told::Subscribed(CONSOLE, Err(Failure::TimedOut))]
        );
        world.device.reply(&enable, 0, &[]);
        world.turn();
        let disable = world.take();
        assert_eq!(disable.parameters[4..], [0; 4]);
        world.device.reply(&disable, 0, &[]);
        world.turn();
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn s12b_an_event_refused_late_is_off() {
    run(Setup::default(), |world| {
        world.try_subscribe(CONSOLE, 0x15, 1, 0).unwrap();
        world.turn();
        let enable = world.take();
        world.pass(1_000);
        world.device.reply(&enable, -4, &[]);
        world.turn();
        assert_eq!(world.device.take(), None);
        world.subscribe(CONSOLE, 0x15, 1, 0);
    });
}

#[test]
fn s12c_nothing_overtakes_a_disable_that_is_late() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 0);
        world.unsubscribe(CONSOLE, 0x15, 1, 0).unwrap();
        world.turn();
        let disable = world.take();
        world.pass(1_100);
        // Wanted again, while the device still has the command that switches it off: it is kept, and nobody blocks for it.
        assert_eq!(world.try_subscribe(CONSOLE, 0x15, 1, 0), Ok(Notified::Done));
        assert_eq!(world.turn(), []);
        assert_eq!(world.device.take(), None);
        world.device.reply(&disable, 0, &[]);
        world.turn();
        let enable = world.take();
        assert_eq!(enable.parameters[4..], [1, 0, 0, 0]);
    });
}

#[test]
fn s12c_a_disable_that_never_comes_back_is_recovered() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 0);
        world.unsubscribe(CONSOLE, 0x15, 1, 0).unwrap();
        world.turn();
        world.take();
        world.pass(1_000);
        assert_eq!(world.try_subscribe(CONSOLE, 0x15, 1, 0), Ok(Notified::Done));
        for _ in 0..300 {
            world.pass(100);
            traffic(world);
            while let Some(probe) = world.device.take() {
                assert_eq!(probe.protocol(), 0x10);
                world.device.reply(&probe, 0, &[0; 4]);
                assert_eq!(world.driver.counters().recoveries, 1);
                world.turn();
                let enable = world.take();
                assert_eq!(enable.message(), 0xb);
                world.device.reply(&enable, 0, &[]);
                world.turn();
            }
        }
        assert_eq!(world.driver.counters().recoveries, 1);
    });
}

fn beyond(low: u32, high: u32) -> Thresholds {
    Thresholds { low, high }
}

fn asked(world: &mut W<'_>) -> Vec<u32> {
    let command = world.take();
    let words = command
        .parameters
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    world.device.reply(&command, 0, &[]);
    words
}

#[test]
fn s12d_thresholds_of_a_client_that_left_do_not_stay() {
    for dies in [false, true] {
        run(Setup::default(), |world| {
            world
                .try_subscribe_beyond(CONSOLE, 0x18, 1, 2, beyond(100, 900))
                .unwrap();
            world.turn();
            assert_eq!(asked(world), [2, 1, 100, 900]);
            world.turn();
            world
                .try_subscribe_beyond(THERMAL, 0x18, 1, 2, beyond(200, 800))
                .unwrap();
            world.turn();
            assert_eq!(asked(world), [2, 1, 200, 800]);
            world.turn();
            if dies {
                world.client_gone(THERMAL);
            } else {
                world.unsubscribe(THERMAL, 0x18, 1, 2).unwrap();
            }
            world.turn();
            assert_eq!(asked(world), [2, 1, 100, 900]);
            world.turn();
            assert_eq!(world.device.take(), None);
        });
    }
}

#[test]
fn s12e_a_client_is_not_refused_for_the_thresholds_of_another() {
    run(Setup::default(), |world| {
        // What the console wants is bad, and pending; what thermal wants is within it.
        world
            .try_subscribe_beyond(CONSOLE, 0x18, 1, 2, beyond(500, 600))
            .unwrap();
        world.turn();
        let bad = world.take();
        assert_eq!(
            world.try_subscribe_beyond(THERMAL, 0x18, 1, 2, beyond(100, 900)),
            Ok(Notified::Waiting)
        );
        world.device.reply(&bad, -2, &[]);
        assert_eq!(
            world.turn(),
            [Told::Subscribed(CONSOLE, Err(Failure::UnknownSource))]
        );
        assert_eq!(asked(world), [2, 1, 100, 900]);
        assert_eq!(world.turn(), [Told::Subscribed(THERMAL, Ok(()))]);
    });
}

#[test]
fn s12f_entries_being_switched_off_take_no_place_of_others() {
    run(Setup::default(), |world| {
        follow_eight(world);
        // Eight leave, and eight others are wanted, before the platform has been told anything.
        for source in 0..8 {
            world
                .unsubscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source)
                .unwrap();
        }
        for source in 100..108 {
            assert_eq!(
                world.try_subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source),
                Err(Refusal::Busy)
            );
        }
        // The same ones again are no new places.
        assert!(
            world
                .try_subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, 5)
                .is_ok()
        );
        for source in 0..8 {
            world.subscribe_later(THERMAL, source + 50);
        }
        world.audit();
        // When the platform has been told, there is room.
        loop {
            world.turn();
            let Some(command) = world.device.take() else {
                break;
            };
            world.device.reply(&command, 0, &[]);
        }
        for source in 100..107 {
            world.subscribe(CONSOLE, SENSOR_UPDATE.0, SENSOR_UPDATE.1, source);
        }
    });
}

#[test]
fn s12g_one_violation_an_hour_never_resets_the_device() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let answered = world.take();
        world.device.reply(&answered, 0, &[]);
        world.turn();
        for hour in 0..24 * 30 {
            world.pass(3_600_000);
            // No head, and a chain that the driver has.
            let id = if hour % 2 == 0 {
                3
            } else {
                u32::from(answered.head)
            };
            world.device.commands.complete(id, 8);
            world.turn();
        }
        assert_eq!(world.driver.counters().err_protocol, 24 * 30);
        assert_eq!(world.driver.counters().recoveries, 0);
    });
}

#[test]
fn s12h_one_event_in_a_small_ring_is_no_flood() {
    for ring in [1, 2] {
        let setup = Setup {
            queue_max: [1024, ring],
            ..Setup::default()
        };
        run(setup, |world| {
            world.subscribe(CONSOLE, 0x15, 1, 0);
            for value in 0..u32::from(ring) {
                assert!(world.device.sensor_update(0, value));
            }
            world.interrupt();
            assert!(world.plan.unmask, "the driver sleeps");
            assert!(world.kernel.timer.is_none_or(|time| time > world.now + 1));
        });
    }
}

/// Whatever a client does with its delayed transfers, it has no more at work on the platform than slots.
#[test]
fn s12i_giving_up_delayed_transfers_does_not_lift_the_quota() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum How {
        CancelAccepted,
        CancelAtOnce,
        TimeOut,
        Die,
    }
    for how in [
        How::CancelAccepted,
        How::CancelAtOnce,
        How::TimeOut,
        How::Die,
    ] {
        run(Setup::default(), |world| {
            let asked = Wish {
                delayed: true,
                deadline: 1,
                wait: Wait::Poll(0),
                ..wish(0x14, 5)
            };
            let mut out = Vec::new();
            let mut owner = POWER;
            for _ in 0..100 {
                let asked = Wish {
                    protocol: 0x11,
                    message: 4,
                    ..asked
                };
                let Ok(handle) = world.submit(owner, &asked, &[1; 16]) else {
                    break;
                };
                let command = world.take();
                match how {
                    How::CancelAtOnce => world.cancel(owner, handle).unwrap(),
                    How::TimeOut => assert_eq!(world.pass(1), []),
                    _ => {}
                }
                world.device.reply(&command, 0, &[]);
                world.turn();
                match how {
                    How::CancelAccepted => world.cancel(owner, handle).unwrap(),
                    How::TimeOut => assert!(world.poll(owner, handle).unwrap().is_some()),
                    How::Die => owner = reborn(owner),
                    How::CancelAtOnce => {}
                }
                world.audit();
                out.push(command);
            }
            assert_eq!(out.len(), 2, "{how:?}");
            // The responses give the slots back, or their time does.
            assert!(world.device.delayed(&out[0], 0, &[]));
            assert_eq!(world.turn(), []);
            assert!(world.exchange(owner, 0x11, 3).is_ok());
            assert!(world.exchange(owner, 0x11, 3).is_err());
            world.pass(2_000);
            assert!(world.exchange(owner, 0x11, 3).is_ok());
            world.audit();
        });
    }
}

#[test]
fn s12j_what_the_device_did_not_write_is_nobodys_answer() {
    run_sized::<2, 1, 2>(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 3).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, b"console's secret");
        world.turn();
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let command = world.take();
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 136);
        assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![0; 128])]);
        // A late answer is somebody's too.
        world.submit(CONSOLE, &short(0x10, 5), &[]).unwrap();
        let late = world.take();
        world.pass(5);
        world.device.reply(&late, 0, b"console's secret");
        world.turn();
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let command = world.take();
        world
            .device
            .reply_raw(command.head, command.header, 0, &[], 136);
        assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![0; 128])]);
    });
}

#[test]
fn s12j_what_the_device_did_not_write_is_no_event() {
    let setup = Setup {
        queue_max: [16, 1],
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        let words = [0u32, 3, 0xdead_beef, 0xdead_beef, 0xdead_beef, 0xdead_beef];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert!(world.device.send_event(header(0x15, 1, 3, 0), &bytes));
        world.turn();
        // Of the second only the source was written.
        assert!(
            world
                .device
                .send_event_raw(header(0x15, 1, 3, 0), &bytes[..8], 28)
        );
        world.turn();
        let events = world.fetch_all(CONSOLE);
        assert_eq!(events[1].payload[8..], [0; 16]);
    });
}

/// What the device wrote before a reset shows in no answer after it, although no message of it was ever read.
#[test]
fn s12j_what_was_written_before_a_reset_is_nobodys_answer() {
    run(Setup::default(), |world| {
        world.submit(CONSOLE, &short(0x10, 5), &[]).unwrap();
        let command = world.take();
        let request = world.device.commands.segment(command.head).unwrap();
        let reply = request.next.unwrap();
        let reply = world.device.commands.segment(reply).unwrap();
        world.pass(5);
        assert_eq!(world.driver.pools().slots_lost, 1);
        fill(world.memory().buffer_at(reply.address).unwrap());
        world.ask_for_reset();
        come_back(world);
        // Slots are taken in turn: all of them, twice.
        let mut heads = Vec::new();
        for _ in 0..16 {
            world.exchange(THERMAL, 0x10, 0).unwrap();
            let command = world.take();
            heads.push(command.head);
            world
                .device
                .reply_raw(command.head, command.header, 0, &[], 136);
            assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![0; 128])]);
        }
        assert!(heads.contains(&command.head), "{heads:?}");
    });
}

/// What the device wrote before a reset shows in no event after it.
#[test]
fn s12j_what_was_written_before_a_reset_is_no_event() {
    let setup = Setup {
        queue_max: [16, 1],
        ..Setup::default()
    };
    run(setup, |world| {
        let head = world.device.events.pop().unwrap();
        let segment = world.device.events.segment(head).unwrap();
        fill(world.memory().buffer_at(segment.address).unwrap());
        world.ask_for_reset();
        come_back(world);
        world.subscribe(CONSOLE, 0x15, 1, 3);
        let words = [0u32, 3];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let header = header(0x15, 1, 3, 0);
        assert!(world.device.send_event_raw(header, &bytes, 28));
        world.turn();
        let events = world.fetch_all(CONSOLE);
        let event = events
            .iter()
            .find(|event| event.kind == EventKind::Event)
            .unwrap();
        assert_eq!(event.payload[8..], [0; 16]);
    });
}

/// Writes into all of a buffer, as a device does that has not finished.
fn fill(buffer: &DmaBuffer) {
    for word in 0..34 {
        buffer.set_word(word, 0x5ec7_e75e);
    }
}

/// A device that changes the source of an event while the driver looks at it. Who is told is decided by the words that are told.
#[test]
fn s12k_the_source_of_an_event_is_read_once() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let setup = Setup {
        queue_max: [16, 1],
        ..Setup::default()
    };
    run(setup, |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        let memory = world.memory();
        let head = world.device.events.pop().unwrap();
        let segment = world.device.events.segment(head).unwrap();
        let buffer = memory.buffer_at(segment.address).unwrap();
        buffer.set_word(0, header(0x15, 1, 3, 0));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut source = 3;
                while !over.load(Ordering::Relaxed) {
                    buffer.set_word(2, source);
                    // The driver clears the buffer after each event.
                    buffer.set_word(0, header(0x15, 1, 3, 0));
                    source ^= 4;
                }
            });
            let (mut told, mut wrong) = (0, 0);
            for _ in 0..if cfg!(miri) { 100 } else { 50_000 } {
                world.device.events.complete(u32::from(head), 28);
                world.turn();
                while let Some(event) = world.fetch(CONSOLE) {
                    told += 1;
                    wrong += u32::from(event.payload[4] != 3);
                }
                if world.device.events.pop().is_none() {
                    break;
                }
            }
            over.store(true, Ordering::Relaxed);
            assert_eq!(wrong, 0, "of {told} events");
        });
    });
}
