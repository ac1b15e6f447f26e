// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Transfers: rows V06-V07, V19-V20, V24-V36, V43, M1-M5, C1, D01-D08, W1, W3, W4, W10.

mod support;

use drv_virtio_scmi::{
    DmaBuffer, Failure, Handle, Limits, NotSent, Owner, Refusal, TransferFlags, Wait,
};
use support::world::{Wish, wish};
use support::{
    CONSOLE, POWER, STRANGER, Setup, Still, THERMAL, Told, header, reborn, run, run_sized, times,
};

#[test]
fn v26_m1_m2_a_command_is_one_chain_of_two_descriptors() {
    run(Setup::default(), |world| {
        world
            .submit(CONSOLE, &wish(0x15, 6), &[1, 2, 3, 4, 5, 6, 7, 8])
            .unwrap();
        let command = world.take();
        // C1: message, type 0, protocol, token, reserved 0.
        assert_eq!(command.header, header(0x15, 6, 0, command.token()));
        assert_eq!(command.header >> 28, 0);
        assert_eq!(command.parameters, [1, 2, 3, 4, 5, 6, 7, 8]);
        // All of the buffer is offered: a platform that answers a word more than it should finds room.
        assert_eq!(command.room, 136);
        assert_eq!(world.transport.kicks, [1, 1]);
        world.device.reply(&command, 0, &[9, 8, 7]);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![9, 8, 7])]);
        assert_eq!(world.driver.counters().answered, 1);
        assert_eq!(world.driver.counters().response_ok, 1);
    });
}

#[test]
fn v26_every_request_length_reaches_the_device_as_it_is() {
    run(Setup::default(), |world| {
        for len in (0..=128).step_by(times(1, 16)) {
            let parameters: Vec<u8> = (0..len).map(|i| i as u8 ^ 0x5a).collect();
            world.submit(CONSOLE, &wish(0x13, 7), &parameters).unwrap();
            let command = world.take();
            assert_eq!(command.parameters, parameters);
            world.device.reply(&command, -1, &parameters);
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, -1, parameters)]);
        }
    });
}

#[test]
fn d03_a_request_above_the_limit_is_refused_and_its_slot_returns() {
    run(Setup::default(), |world| {
        let sent = world.fill_and_send(CONSOLE, &wish(0x13, 7), |_| Ok::<_, ()>(129));
        assert_eq!(sent, Err(NotSent::Refused(Refusal::RequestTooLong)));
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.counters().sent_fail, 1);
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn v06_v07_slots_are_taken_in_order_and_return_to_the_tail_once() {
    run(Setup::default(), |world| {
        // The same slot does not come back before all others had their turn.
        for round in 0..20u16 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            assert_eq!(command.head, round % 8 * 2);
            world.device.reply(&command, 0, &[]);
            assert_eq!(world.turn().len(), 1);
        }
    });
}

#[test]
fn an_answer_shows_nothing_of_an_earlier_one() {
    run(Setup::default(), |world| {
        for len in (0..=40).chain([128]).step_by(times(1, 20)) {
            // All slots in turn, so that each buffer was full before.
            for values in [&[0xff; 128][..], &[0x11; 128][..len]] {
                for _ in 0..8 {
                    world.exchange(CONSOLE, 0x10, 0).unwrap();
                    let command = world.take();
                    world.device.reply(&command, 0, values);
                    // What is told is compared with the whole buffer: see `support::world::answer`.
                    let told = Told::Answer(CONSOLE, 0, values.to_vec());
                    assert_eq!(world.turn(), [told]);
                }
            }
        }
    });
}

#[test]
fn v20_v25_pool_empty_is_busy_at_once_and_queues_nothing() {
    run(Setup::default(), |world| {
        for _ in 0..8 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
        }
        assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::Busy));
        assert_eq!(world.driver.counters().sent_fail, 1);
        assert_eq!(world.driver.counters().sent_ok, 8);
        assert_eq!(std::iter::from_fn(|| world.device.take()).count(), 8);
    });
}

#[test]
fn v24_d01_without_a_device_everything_is_refused() {
    let setup = Setup {
        offered: 0,
        ..Setup::default()
    };
    run(setup, |world| {
        assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::NoDevice));
        assert_eq!(
            world.try_subscribe(CONSOLE, 0x15, 1, 0),
            Err(Refusal::NoDevice)
        );
        assert_eq!(world.driver.counters().sent_fail_channel_not_found, 2);
        assert!(world.transport.failed);
    });
}

#[test]
fn replies_in_any_order_reach_their_callers() {
    run(Setup::default(), |world| {
        let owners = [CONSOLE, THERMAL, CONSOLE, POWER, THERMAL];
        let mut commands = Vec::new();
        for (i, &owner) in owners.iter().enumerate() {
            world
                .submit(owner, &wish(0x11, i as u8), &[i as u8])
                .unwrap();
            commands.push(world.take());
        }
        for i in [3, 0, 4, 2, 1] {
            world.device.reply(&commands[i], 0, &[i as u8]);
            assert_eq!(world.turn(), [Told::Answer(owners[i], 0, vec![i as u8])]);
        }
    });
}

#[test]
fn one_turn_serves_all_replies_that_are_there() {
    run(Setup::default(), |world| {
        let commands: Vec<_> = (0..8)
            .map(|_| {
                world.exchange(CONSOLE, 0x10, 0).unwrap();
                world.take()
            })
            .collect();
        for command in commands.iter().rev() {
            world.device.reply(command, 0, &[]);
        }
        assert_eq!(world.interrupt().len(), 8);
        assert_eq!(world.driver.counters().interrupts, 1);
    });
}

#[test]
fn w01_a_reply_without_header_ends_its_own_command_at_once() {
    run(Setup::default(), |world| {
        // A first use leaves a good header in slot 0's buffer, and slot 1 is left waiting.
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let first = world.take();
        world.device.reply(&first, 0, &[]);
        world.turn();
        for len in 0..8 {
            world.exchange(THERMAL, 0x10, 1).unwrap();
            let command = world.take();
            // Only the length says that nothing was written.
            let stale = if len < 4 {
                first.header
            } else {
                command.header
            };
            world.device.reply_raw(command.head, stale, 0, &[], len);
            assert_eq!(
                world.turn(),
                [Told::Failed(THERMAL, Failure::ShortReply)],
                "length {len}"
            );
        }
        assert_eq!(world.driver.counters().err_msg_invalid, 8);
        assert_eq!(world.driver.counters().failed, 8);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn w03_a_reply_with_another_header_is_counted_and_ends_its_command() {
    run(Setup::default(), |world| {
        for wrong in 0..4 {
            world.exchange(CONSOLE, 0x11, 5).unwrap();
            world.exchange(THERMAL, 0x11, 5).unwrap();
            let (mine, other) = (world.take(), world.take());
            let header = match wrong {
                0 => other.header,
                1 => header(0x12, 5, 0, mine.token()),
                2 => header(0x11, 6, 0, mine.token()),
                // A type other than 0 in a reply.
                _ => header(0x11, 5, 2, mine.token()),
            };
            world.device.reply_raw(mine.head, header, 0, &[1], 9);
            // Never to the owner of the token, always to that of the descriptor.
            assert_eq!(world.turn(), [Told::Failed(CONSOLE, Failure::WrongReply)]);
            world.device.reply(&other, 0, &[]);
            assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![])]);
        }
        assert_eq!(world.driver.counters().err_msg_unexpected, 4);
    });
}

#[test]
fn w03_reserved_header_bits_in_a_reply_do_not_matter() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x11, 5).unwrap();
        let command = world.take();
        let header = command.header | 0xf000_0000;
        world.device.reply_raw(command.head, header, 0, &[], 8);
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

#[test]
fn w10_m4_a_length_beyond_the_buffer_is_cut_and_counted() {
    run(Setup::default(), |world| {
        for len in [137, 0xffff, 0x1_0000, u32::MAX] {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            world
                .device
                .reply_raw(command.head, command.header, 0, &[7; 128], len);
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![7; 128])]);
        }
        assert_eq!(world.driver.counters().clamped, 4);
    });
}

#[test]
fn m4_return_values_are_what_follows_header_and_status() {
    run(Setup::default(), |world| {
        for len in (8..=136u32).step_by(times(1, 16)) {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            world
                .device
                .reply_raw(command.head, command.header, -4, &[3; 128], len);
            let values = vec![3; len as usize - 8];
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, -4, values)]);
        }
    });
}

#[test]
fn w04_v48_the_default_deadline_is_sixty_seconds() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        assert_eq!(world.pass(59_999), []);
        assert_eq!(world.pass(1), [Told::Failed(CONSOLE, Failure::TimedOut)]);
        assert_eq!(world.driver.counters().xfers_response_timeout, 1);
        assert_eq!(world.driver.counters().timed_out, 1);
    });
}

#[test]
fn w04_a_long_deadline_may_be_late_by_a_tick_and_is_never_early() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let begin = world.now;
        assert_eq!(world.kernel.timer, Some(begin + 250));
        // Interrupts do not put it on the clock, the tick does.
        world.sleep(200);
        assert_eq!(world.interrupt(), []);
        assert_eq!(world.kernel.timer, Some(begin + 250));
        world.sleep(60_000 + 49);
        assert_eq!(world.told(), []);
        world.sleep(1);
        assert_eq!(world.now, begin + 60_250);
        assert_eq!(world.told(), [Told::Failed(CONSOLE, Failure::TimedOut)]);
    });
}

#[test]
fn w04_a_short_deadline_is_exact() {
    run(Setup::default(), |world| {
        for deadline in [1, 2, 31, 32, 33, 999] {
            let wish = Wish {
                deadline,
                ..wish(0x10, 0)
            };
            world.submit(CONSOLE, &wish, &[]).unwrap();
            world.sleep(u64::from(deadline) - 1);
            assert_eq!(world.told(), []);
            world.sleep(1);
            assert_eq!(world.told(), [Told::Failed(CONSOLE, Failure::TimedOut)]);
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
        }
    });
}

#[test]
fn w04_each_transfer_has_its_own_deadline() {
    run(Setup::default(), |world| {
        for (owner, deadline) in [(CONSOLE, 700), (THERMAL, 20), (POWER, 300)] {
            let wish = Wish {
                deadline,
                ..wish(0x10, 0)
            };
            world.submit(owner, &wish, &[]).unwrap();
        }
        assert_eq!(world.pass(19), []);
        assert_eq!(world.pass(1), [Told::Failed(THERMAL, Failure::TimedOut)]);
        assert_eq!(world.pass(280), [Told::Failed(POWER, Failure::TimedOut)]);
        assert_eq!(world.pass(400), [Told::Failed(CONSOLE, Failure::TimedOut)]);
    });
}

#[test]
fn w04_an_answer_that_is_there_counts_however_late_it_is_looked_at() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        // The deadline is on the clock, and passes before the driver looks.
        assert_eq!(world.turn(), []);
        world.device.reply(&command, 0, &[]);
        // The driver did not run for two minutes.
        world.now += 120_000;
        assert_eq!(world.turn(), [Told::Answer(CONSOLE, 0, vec![])]);
        assert_eq!(world.driver.counters().timed_out, 0);
    });
}

#[test]
fn d06_d09_v35_a_late_reply_is_dropped_and_frees_its_slot() {
    run(Setup::default(), |world| {
        let wish = Wish {
            deadline: 10,
            ..wish(0x10, 0)
        };
        let handle = world.submit(CONSOLE, &wish, &[]).unwrap();
        let command = world.take();
        assert_eq!(world.pass(10), [Told::Failed(CONSOLE, Failure::TimedOut)]);
        assert_eq!(world.driver.describe(handle), "lost");
        assert_eq!(world.driver.pools().slots_lost, 1);
        // The buffer stays the device's: the slot is not used again.
        for _ in 0..30 {
            let other = world.exchange(THERMAL, 0x10, 1).unwrap();
            assert_ne!(other.raw() % 1024, handle.raw() % 1024);
            let other = world.take();
            assert_ne!(other.token(), command.token());
            world.device.reply(&other, 0, &[]);
            assert_eq!(world.turn(), [Told::Answer(THERMAL, 0, vec![])]);
        }
        world.device.reply(&command, 0, &[1]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.describe(handle), "free");
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
    });
}

#[test]
fn v36_a_silent_device_shrinks_the_pool_until_busy_and_late_replies_refill_it() {
    let limits = Limits {
        stall: 1_000_000,
        lost_age: 1_000_000,
        ..Limits::DEFAULT
    };
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    run(setup, |world| {
        let wish = Wish {
            deadline: 5,
            ..wish(0x10, 0)
        };
        let mut commands = Vec::new();
        for left in (0..8).rev() {
            world.submit(CONSOLE, &wish, &[]).unwrap();
            commands.push(world.take());
            assert_eq!(world.pass(5), [Told::Failed(CONSOLE, Failure::TimedOut)]);
            assert_eq!(world.driver.pools().slots_free, left);
        }
        assert_eq!(world.submit(CONSOLE, &wish, &[]), Err(Refusal::Busy));
        for command in &commands {
            world.device.reply(command, 0, &[]);
        }
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn v30_v31_polled_for_transfers_are_collected_once() {
    run(Setup::default(), |world| {
        let handle = world.send(CONSOLE, 0x10, 3).unwrap();
        assert_eq!(world.poll(CONSOLE, handle), Ok(None));
        let command = world.take();
        world.device.reply(&command, 0, b"rust-vmm");
        assert_eq!(world.turn(), [Told::Posted(CONSOLE, 1 << 9)]);
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, b"rust-vmm".to_vec())))
        );
        assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn handles_are_nobody_elses_and_never_come_back() {
    run(Setup::default(), |world| {
        let mut old = Vec::new();
        for _ in 0..times(40, 10) {
            let handle = world.send(CONSOLE, 0x10, 3).unwrap();
            assert_ne!(handle.raw(), 0);
            assert_eq!(Handle::from_raw(handle.raw()), handle);
            assert!(!old.contains(&handle));
            assert_eq!(world.poll(THERMAL, handle), Err(Refusal::BadHandle));
            assert_eq!(world.cancel(THERMAL, handle), Err(Refusal::BadHandle));
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
            assert!(world.poll(CONSOLE, handle).unwrap().is_some());
            old.push(handle);
        }
        for raw in [0, 1, 1023, 1 << 10, u32::MAX] {
            let handle = Handle::from_raw(raw);
            if !old.contains(&handle) {
                assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
            }
        }
        for handle in old {
            assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
        }
        // The slot of a blocked transfer is no handle either.
        let handle = world.exchange(CONSOLE, 0x10, 0).unwrap();
        for generation in 0..60u32 {
            let guess = Handle::from_raw((generation << 10) | (handle.raw() % 1024));
            assert_eq!(world.poll(CONSOLE, guess), Err(Refusal::BadHandle));
        }
    });
}

#[test]
fn cancel_ends_the_handle_and_the_slot_returns_with_the_reply() {
    run(Setup::default(), |world| {
        let handle = world.send(CONSOLE, 0x10, 3).unwrap();
        let command = world.take();
        assert_eq!(world.cancel(CONSOLE, handle), Ok(()));
        world.audit();
        assert_eq!(world.cancel(CONSOLE, handle), Err(Refusal::BadHandle));
        assert_eq!(world.driver.pools().slots_free, 7);
        assert_eq!(world.driver.counters().failed, 1);
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
        assert_eq!(world.driver.pools().slots_free, 8);
        // Of an answer that was not collected, the slot returns at once.
        let handle = world.send(CONSOLE, 0x10, 3).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert_eq!(world.cancel(CONSOLE, handle), Ok(()));
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn d04_polling_is_refused_where_it_cannot_be() {
    run(Setup::default(), |world| {
        let polled = Wish {
            polled: true,
            ..wish(0x10, 0)
        };
        let delayed = Wish {
            delayed: true,
            wait: Wait::Poll(0),
            ..polled
        };
        for wish in [polled, delayed] {
            assert_eq!(
                world.submit(CONSOLE, &wish, &[]),
                Err(Refusal::InvalidArgument)
            );
        }
        assert_eq!(world.driver.counters().sent_fail_polling_unsupported, 2);
    });
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    run(Setup::default(), |world| {
        let request = wish(0x10, 0)
            .request(|_: &DmaBuffer| Ok::<_, ()>(0))
            .with_flags(TransferFlags::from_bits_retain(1 << 2));
        let sent = world
            .driver
            .send(CONSOLE, request, Wait::Blocked, &mut Still(0));
        assert_eq!(sent, Err(NotSent::Refused(Refusal::InvalidArgument)));
        assert_eq!(world.driver.counters().sent_fail, 1);
    });
}

#[test]
fn d04_strangers_and_what_the_table_forbids_never_reach_the_device() {
    run(Setup::default(), |world| {
        assert_eq!(world.exchange(STRANGER, 0x10, 0), Err(Refusal::NotAClient));
        assert_eq!(
            world.exchange(Owner(1023), 0x10, 0),
            Err(Refusal::NotAClient)
        );
        assert_eq!(
            world.exchange(POWER, 0x15, 0),
            Err(Refusal::ProtocolNotAllowed)
        );
        assert_eq!(
            world.exchange(CONSOLE, 0x15, 0xb),
            Err(Refusal::ReservedMessage)
        );
        assert_eq!(world.driver.counters().refused, 4);
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn a_client_gets_no_more_slots_than_its_quota_lost_ones_included() {
    run(Setup::default(), |world| {
        let handle = world.send(POWER, 0x10, 0).unwrap();
        world.exchange(POWER, 0x10, 0).unwrap();
        assert_eq!(world.exchange(POWER, 0x10, 0), Err(Refusal::SlotQuota));
        // Giving up does not make room as long as the device has the slot.
        world.cancel(POWER, handle).unwrap();
        assert_eq!(world.exchange(POWER, 0x10, 0), Err(Refusal::SlotQuota));
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert!(world.exchange(POWER, 0x10, 0).is_ok());
        // Others are not concerned.
        assert!(world.exchange(THERMAL, 0x10, 0).is_ok());
    });
}

#[test]
fn v05_v14_a_client_that_dies_frees_what_it_has_and_its_successor_hears_nothing() {
    run(Setup::default(), |world| {
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let handle = world.send(THERMAL, 0x10, 3).unwrap();
        let answered = world.send(THERMAL, 0x10, 3).unwrap();
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        world.device.reply(&commands[2], 0, &[]);
        world.turn();
        // The next life calls.
        let next = reborn(THERMAL);
        let own = world.send(next, 0x10, 5).unwrap();
        world.audit();
        for stale in [handle, answered] {
            assert_eq!(world.poll(next, stale), Err(Refusal::BadHandle));
        }
        // V14: nor does a handle that lives serve anybody but its owner.
        assert_eq!(world.poll(CONSOLE, own), Err(Refusal::BadHandle));
        assert_eq!(world.cancel(CONSOLE, own), Err(Refusal::BadHandle));
        assert_eq!(world.driver.pools().slots_lost, 2);
        world.device.reply(&commands[0], 0, &[1]);
        world.device.reply(&commands[1], 0, &[1]);
        assert_eq!(world.turn(), []);
        let command = world.take();
        world.device.reply(&command, 0, &[2]);
        assert_eq!(world.turn(), [Told::Posted(next, 1 << 9)]);
        assert_eq!(
            world.poll(next, own),
            Ok(Some(Told::Answer(next, 0, vec![2])))
        );
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn v04_telling_twice_of_a_death_is_telling_once() {
    run(Setup::default(), |world| {
        world.exchange(THERMAL, 0x10, 0).unwrap();
        for _ in 0..3 {
            world.client_gone(THERMAL);
            world.client_gone(STRANGER);
            world.audit();
        }
        assert_eq!(world.driver.counters().failed, 1);
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn(), []);
    });
}

#[test]
fn v28_a_slot_that_is_not_submitted_returns() {
    run(Setup::default(), |world| {
        for _ in 0..20 {
            let sent = world.fill_and_send(CONSOLE, &wish(0x10, 0), |_| Err("its lease is gone"));
            assert_eq!(sent, Err(NotSent::NotFilled("its lease is gone")));
            world.audit();
        }
        assert_eq!(world.driver.pools().slots_free, 8);
        // Nor does a request keep its slot that is refused when it is submitted.
        for _ in 0..20 {
            let refused = world.submit(CONSOLE, &wish(0x10, 0), &[0; 129]);
            assert_eq!(refused, Err(Refusal::RequestTooLong));
            world.audit();
        }
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.counters().sent_ok, 0);
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn v43_rings_of_every_size_work_with_half_as_many_slots() {
    fn check<const R: usize, const S: usize, const E: usize>(max: u16) {
        let setup = Setup {
            queue_max: [max, max],
            ..Setup::default()
        };
        run_sized::<R, S, E>(setup, |world| {
            let size = (R as u16).min(max);
            assert_eq!(world.driver.command_ring(), size);
            assert_eq!(world.driver.event_ring(), size.min(E as u16));
            let slots = usize::from(size / 2).min(S);
            assert_eq!(world.driver.pools().slots as usize, slots);
            for _ in 0..slots {
                world.exchange(CONSOLE, 0x10, 0).unwrap();
            }
            assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::Busy));
            while let Some(command) = world.device.take() {
                world.device.reply(&command, 0, &[]);
            }
            assert_eq!(world.turn().len(), slots);
        });
    }
    check::<2, 1, 2>(1024);
    check::<4, 2, 4>(1024);
    check::<64, 32, 64>(8);
    check::<64, 32, 64>(2);
    check::<64, 32, 64>(1024);
    if !cfg!(miri) {
        check::<1024, 512, 1024>(1024);
        check::<2048, 1024, 1024>(32768);
    }
}

#[test]
fn v43_a_ring_too_small_for_one_command_is_no_device() {
    let setup = Setup {
        queue_max: [1, 64],
        ..Setup::default()
    };
    run(setup, |world| {
        assert_eq!(world.started, Err(drv_virtio_scmi::SetupError::NoQueue(0)));
        assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::NoDevice));
    });
}

#[test]
fn tokens_and_indices_wrap_many_times() {
    run(Setup::default(), |world| {
        let rounds = times(140_000, 40) as u32;
        let mut first = None;
        for round in 0..rounds {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            let first = *first.get_or_insert(u32::from(command.token()));
            assert_eq!(u32::from(command.token()), (first + round) % 1024);
            world.device.reply(&command, 0, &[]);
            assert_eq!(world.turn().len(), 1);
        }
        assert_eq!(world.driver.counters().sent_ok, rounds);
    });
}

#[test]
fn who_a_client_was_when_it_last_called_is_told_until_it_is_gone() {
    run(Setup::default(), |world| {
        for _ in 0..8 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
        }
        // No slot is left, and the one who holds them all is alive.
        assert_eq!(world.exchange(THERMAL, 0x10, 0), Err(Refusal::Busy));
        assert_eq!(world.driver.pools().slots_lost, 0);
        // It is gone, and nobody has said so: who needs a slot finds out.
        world.dead = vec![CONSOLE];
        assert_eq!(world.exchange(THERMAL, 0x10, 0), Err(Refusal::Busy));
        assert_eq!(world.driver.pools().slots_lost, 8);
        while let Some(command) = world.device.take() {
            world.device.reply(&command, 0, &[]);
        }
        assert_eq!(world.turn(), []);
        world.exchange(THERMAL, 0x10, 0).unwrap();
    });
}

/// The first call of a task's next life is what the driver learns it by, and need not be a command.
#[test]
fn v04_the_next_life_is_noticed_by_a_call_that_finds_nothing() {
    for call in 0..3 {
        run(Setup::default(), |world| {
            world.subscribe(CONSOLE, 0x15, 1, 3);
            let next = support::reborn(CONSOLE);
            match call {
                0 => assert_eq!(world.fetch(next), None),
                1 => {
                    let handle = Handle::from_raw(1);
                    assert_eq!(world.poll(next, handle), Err(Refusal::BadHandle));
                }
                _ => {
                    let refused = world.unsubscribe(next, 0x15, 1, 4);
                    assert_eq!(refused, Err(Refusal::NotSubscribed));
                }
            }
            // Nobody follows the event any more, and the platform is told so at once.
            assert_eq!(world.take().parameters[..8], [3, 0, 0, 0, 0, 0, 0, 0]);
        });
    }
}

#[test]
fn w03_a_reply_of_another_command_that_is_just_long_enough_is_a_mismatch_and_no_short_one() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        let other = header(0x10, 1, 0, command.token());
        world.device.reply_raw(command.head, other, 0, &[], 8);
        let told = world.turn();
        assert_eq!(told, [Told::Failed(CONSOLE, Failure::WrongReply)]);
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
        assert_eq!(world.driver.counters().err_msg_invalid, 0);
    });
}
