// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Polling and interrupts: rows V10-V13, V15, V27, V32-V35, V37-V40, D05, D07, D08.

mod support;

use drv_virtio_scmi::{
    Cause, EVENT_QUEUE, Failure, Handle, P2A_CHANNELS, Refusal, VERSION_1, Wait,
};
use support::world::{Wish, wish};
use support::{CONSOLE, Point, Setup, THERMAL, Told, World, run};

fn polled(deadline: u32) -> Wish {
    Wish {
        polled: true,
        deadline,
        wait: Wait::Poll(0),
        ..wish(0x10, 0)
    }
}

fn send(world: &mut World<'_, 16, 8, 16>) -> Handle {
    world.submit(CONSOLE, &polled(0), &[]).unwrap()
}

/// With both ways of asking for interrupts.
fn both(test: impl Fn(&mut World<'_, 16, 8, 16>)) {
    run(Setup::default(), &test);
    let setup = Setup {
        offered: VERSION_1 | P2A_CHANNELS,
        ..Setup::default()
    };
    run(setup, &test);
}

#[test]
fn v27_a_reply_that_arrives_before_the_kick_is_found() {
    both(|world| {
        let handle = world.submit_without_kick(CONSOLE, &polled(0), &[]).unwrap();
        // The device saw the ring without a kick.
        let command = world.take();
        world.device.reply(&command, 0, &[1]);
        world.run(Cause::Request);
        assert!(world.driver.has_used());
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![1])))
        );
        assert_eq!(world.driver.counters().response_polled_ok, 1);
        assert_eq!(world.driver.counters().response_ok, 0);
    });
}

#[test]
fn no_interrupt_is_asked_for_while_everybody_polls() {
    both(|world| {
        world.turn();
        let handle = send(world);
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert!(!world.device.commands.interrupt_due());
        world.turn();
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());

        // As soon as one waits otherwise, interrupts are wanted again.
        let handle = send(world);
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let (first, second) = (world.take(), world.take());
        world.device.reply(&first, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        assert_eq!(world.turn(), []);
        world.device.reply(&second, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        assert_eq!(world.turn().len(), 1);
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
    });
}

#[test]
fn a_reply_in_the_ring_when_interrupts_are_wanted_again_is_not_forgotten() {
    both(|world| {
        world.turn();
        let handle = send(world);
        let first = world.take();
        // Its reply raises no interrupt.
        world.device.reply(&first, 0, &[]);
        assert!(!world.device.commands.interrupt_due());
        // The next client waits for interrupts: what lies in the ring is noticed now.
        world.exchange(THERMAL, 0x10, 0).unwrap();
        assert!(!world.driver.has_used());
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
    });
}

#[test]
fn v12_v13_a_buffer_that_slips_in_at_the_end_of_a_turn_means_another_turn() {
    both(|world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        world.exchange(CONSOLE, 0x10, 1).unwrap();
        let (first, second) = (world.take(), world.take());
        world.device.reply(&first, 0, &[]);
        // An event, so that the driver notifies the device of the buffer that it gives back.
        assert!(world.device.sensor_update(1, 1));
        world.device.events.set_avail_event(16);
        let _ = world.device.commands.interrupt_due();
        let mut second = Some(second);
        world.meanwhile(move |point, device| {
            // The ring was found empty; now, before interrupts are on again, the device answers.
            if point == Point::Notified(EVENT_QUEUE)
                && let Some(second) = second.take()
            {
                device.reply(&second, 0, &[]);
                assert!(!device.commands.interrupt_due());
            }
        });
        assert_eq!(world.interrupt().len(), 2);
        assert!(!world.driver.has_used());
        assert!(world.plan.unmask, "it sleeps");
    });
}

#[test]
fn v12_interrupts_are_off_during_a_turn_and_on_afterwards() {
    both(|world| {
        world.turn();
        for _ in 0..20 {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let (first, second) = (world.take(), world.take());
            world.device.reply(&first, 0, &[]);
            assert!(world.device.commands.interrupt_due());
            let mut second = Some(second);
            world.meanwhile(move |point, device| {
                if point == Point::Told
                    && let Some(second) = second.take()
                {
                    device.reply(&second, 0, &[]);
                    assert!(!device.commands.interrupt_due());
                }
            });
            assert_eq!(world.turn().len(), 2);
        }
    });
}

#[test]
fn spurious_interrupts_change_nothing() {
    both(|world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        for _ in 0..10 {
            assert_eq!(world.turn(), []);
        }
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn().len(), 1);
        assert_eq!(world.turn(), []);
    });
}

#[test]
fn v38_v39_v15_one_poller_finds_the_replies_of_all_others_too() {
    both(|world| {
        // Another poller's, one waited for otherwise, one given up, and its own, in this order.
        let other = send(world);
        world.exchange(THERMAL, 0x10, 1).unwrap();
        let late = world.submit(CONSOLE, &polled(5), &[]).unwrap();
        let own = send(world);
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        world.pass(5);
        assert_eq!(
            world.poll(CONSOLE, late),
            Ok(Some(Told::Failed(CONSOLE, Failure::TimedOut)))
        );
        for command in &commands {
            world.device.reply(command, 0, &[7]);
        }
        assert!(world.driver.has_used());
        assert_eq!(looked_for(world), [Told::Answer(THERMAL, 0, vec![7])]);
        assert!(!world.driver.has_used());
        for handle in [own, other] {
            assert_eq!(
                world.poll(CONSOLE, handle),
                Ok(Some(Told::Answer(CONSOLE, 0, vec![7])))
            );
        }
        assert_eq!(world.driver.pools().slots_free, 8);
        assert_eq!(world.driver.counters().err_msg_unexpected, 1);
    });
}

/// Nobody waits for an interrupt: one poller's turn takes the replies of all the other pollers too.
#[test]
fn v38_v39_one_poller_among_pollers_leaves_nothing() {
    both(|world| {
        world.turn();
        let handles: Vec<Handle> = (0..4).map(|_| send(world)).collect();
        while let Some(command) = world.device.take() {
            world.device.reply(&command, 0, &[7]);
        }
        assert_eq!(looked_for(world), []);
        assert!(!world.driver.has_used());
        for handle in handles {
            assert_eq!(
                world.poll(CONSOLE, handle),
                Ok(Some(Told::Answer(CONSOLE, 0, vec![7])))
            );
        }
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

/// What others are told because a client polls. The driver does not look at the clock for it.
fn looked_for(world: &mut World<'_, 16, 8, 16>) -> Vec<Told> {
    world.run(Cause::Poll);
    world.told()
}

#[test]
fn v37_polling_an_unmoved_ring_finds_nothing_and_costs_no_turn() {
    both(|world| {
        let handle = send(world);
        for _ in 0..100 {
            assert!(!world.driver.has_used());
            assert_eq!(world.poll(CONSOLE, handle), Ok(None));
        }
    });
}

#[test]
fn v33_v34_v40_a_reply_taken_by_interrupt_or_by_polling_ends_the_transfer_once() {
    both(|world| {
        for by_interrupt in [false, true, false, true] {
            let handle = send(world);
            // Somebody else's reply makes the interrupt.
            world.exchange(THERMAL, 0x10, 0).unwrap();
            let (own, other) = (world.take(), world.take());
            world.device.reply(&own, 0, &[]);
            if by_interrupt {
                world.device.reply(&other, 0, &[]);
                assert_eq!(world.turn().len(), 1);
            } else {
                assert_eq!(world.turn(), []);
            }
            assert!(world.poll(CONSOLE, handle).unwrap().is_some());
            assert_eq!(world.poll(CONSOLE, handle), Err(Refusal::BadHandle));
            if !by_interrupt {
                world.device.reply(&other, 0, &[]);
                assert_eq!(world.turn().len(), 1);
            }
            assert_eq!(world.driver.pools().slots_free, 8);
        }
    });
}

#[test]
fn v12_who_polls_is_polling_until_a_moment_after_the_answer() {
    both(|world| {
        // Whoever polls lets the interrupt stay masked, on a device that interrupts all the same.
        world.line(true);
        assert!(world.kernel.unmasked);
        let handle = send(world);
        let command = world.take();
        // However long it takes.
        world.turn();
        world.line(true);
        assert!(!world.kernel.unmasked);
        world.device.reply(&command, 0, &[]);
        world.run(Cause::Poll);
        assert!(!world.kernel.unmasked, "a moment ago");
        world.turn();
        assert!(world.kernel.unmasked);
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
    });
}

#[test]
fn v12_nobody_is_polling_once_somebody_waits_for_an_interrupt() {
    both(|world| {
        let polled = send(world);
        world.line(true);
        assert!(!world.kernel.unmasked);
        world.exchange(THERMAL, 0x10, 0).unwrap();
        assert!(world.kernel.unmasked);
        for _ in 0..2 {
            let command = world.take();
            world.device.reply(&command, 0, &[]);
        }
        world.line(true);
        assert!(world.kernel.unmasked);
        assert!(world.poll(CONSOLE, polled).unwrap().is_some());
    });
}

/// The interrupt is still masked from polling when the next client waits for one.
#[test]
fn v12_who_waits_a_moment_after_polling_has_the_interrupt() {
    both(|world| {
        let handle = send(world);
        let command = world.take();
        world.line(true);
        world.device.reply(&command, 0, &[]);
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
        assert!(!world.kernel.unmasked, "a moment ago");
        world.exchange(THERMAL, 0x10, 0).unwrap();
        assert!(world.kernel.unmasked);
    });
}

#[test]
fn v12_a_delayed_response_is_waited_for_and_not_polled_for() {
    run(Setup::default(), |world| {
        let wish = Wish {
            delayed: true,
            ..wish(0x14, 5)
        };
        world.submit(CONSOLE, &wish, &[0; 12]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        world.turn();
        assert_eq!(world.driver.pools().in_flight, 1);
        world.line(true);
        assert!(world.kernel.unmasked, "its response interrupts");
    });
}

#[test]
fn v32_v10_an_interrupt_driven_transfer_frees_its_slot_by_itself() {
    both(|world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[]);
        assert_eq!(world.turn().len(), 1);
        assert_eq!(world.driver.pools().slots_free, 8);
    });
}

#[test]
fn v35_a_polled_transfer_that_timed_out_keeps_its_slot_until_the_late_reply() {
    both(|world| {
        for collect_first in [true, false] {
            let handle = world.submit(CONSOLE, &polled(20), &[]).unwrap();
            let command = world.take();
            assert_eq!(world.pass(20), []);
            assert_eq!(world.driver.pools().slots_lost, 1);
            let timed_out = Ok(Some(Told::Failed(CONSOLE, Failure::TimedOut)));
            if collect_first {
                assert_eq!(world.poll(CONSOLE, handle), timed_out);
                assert_eq!(world.driver.describe(handle), "lost");
                world.device.reply(&command, 0, &[]);
                world.turn();
            } else {
                world.device.reply(&command, 0, &[]);
                world.turn();
                // Late is late: the client is told what its deadline said.
                assert_eq!(world.poll(CONSOLE, handle), timed_out);
            }
            assert_eq!(world.driver.describe(handle), "free");
        }
        assert_eq!(world.driver.counters().xfers_response_polled_timeout, 2);
        assert_eq!(world.driver.counters().xfers_response_timeout, 0);
    });
}

#[test]
fn d07_a_poller_that_was_kept_from_running_still_gets_its_answer() {
    both(|world| {
        let handle = world.submit(CONSOLE, &polled(50), &[]).unwrap();
        let command = world.take();
        world.device.reply(&command, 0, &[4]);
        // Preempted for long after the deadline: the reply was there, so it counts (c23c03bf1faa).
        world.now += 10_000;
        world.turn();
        assert_eq!(
            world.poll(CONSOLE, handle),
            Ok(Some(Told::Answer(CONSOLE, 0, vec![4])))
        );
    });
}

#[test]
fn d05_d08_a_reply_before_the_sender_looks_is_kept_for_it() {
    both(|world| {
        let handles: Vec<Handle> = (0..8).map(|_| send(world)).collect();
        let commands: Vec<_> = std::iter::from_fn(|| world.device.take()).collect();
        for (i, command) in commands.iter().enumerate().rev() {
            world.device.reply(command, 0, &[i as u8]);
        }
        world.turn();
        for (i, &handle) in handles.iter().enumerate() {
            assert_eq!(
                world.poll(CONSOLE, handle),
                Ok(Some(Told::Answer(CONSOLE, 0, vec![i as u8])))
            );
        }
    });
}

#[test]
fn v12_event_interrupts_are_on_after_every_turn_whatever_it_found() {
    both(|world| {
        for round in 0..20 {
            // A turn that finds no event, one that finds some, and one that finds a command only.
            world.turn();
            assert!(world.device.sensor_update(1, round));
            assert!(world.device.events.interrupt_due(), "round {round}");
            world.turn();
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            assert!(world.device.commands.interrupt_due());
            assert_eq!(world.turn().len(), 1);
            assert!(world.device.sensor_update(1, round));
            assert!(world.device.events.interrupt_due(), "round {round}");
        }
    });
}

#[test]
fn a_poller_among_others_takes_no_interrupt_from_them_and_asks_for_none_when_alone() {
    both(|world| {
        world.turn();
        world.exchange(THERMAL, 0x10, 0).unwrap();
        let handle = send(world);
        let (other, own) = (world.take(), world.take());
        world.device.reply(&other, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        assert_eq!(world.turn().len(), 1);
        // Now only the poller is left.
        world.device.reply(&own, 0, &[]);
        assert!(!world.device.commands.interrupt_due());
        world.turn();
        assert!(world.poll(CONSOLE, handle).unwrap().is_some());
    });
}

#[test]
fn v35_a_late_reply_interrupts_although_nobody_waits_so_that_its_slot_returns() {
    both(|world| {
        let short = Wish {
            deadline: 5,
            ..wish(0x10, 0)
        };
        world.submit(CONSOLE, &short, &[]).unwrap();
        let command = world.take();
        assert_eq!(world.pass(5).len(), 1);
        world.device.reply(&command, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        world.turn();
        assert_eq!(world.driver.pools().slots_lost, 0);
    });
}

/// The command that was accepted is not polled for, although its reply has come.
#[test]
fn v35_a_late_reply_interrupts_while_a_delayed_response_is_awaited() {
    run(Setup::default(), |world| {
        let short = Wish {
            deadline: 5,
            ..wish(0x10, 0)
        };
        world.submit(THERMAL, &short, &[]).unwrap();
        let late = world.take();
        assert_eq!(world.pass(5).len(), 1);
        let delayed = Wish {
            delayed: true,
            ..wish(0x14, 5)
        };
        world.submit(CONSOLE, &delayed, &[0; 12]).unwrap();
        let accepted = world.take();
        world.device.reply(&accepted, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        world.line(true);
        world.device.reply(&late, 0, &[]);
        assert!(world.device.commands.interrupt_due());
        world.line(true);
        assert_eq!(world.driver.pools().slots_lost, 0);
        world.device.delayed(&accepted, 0, &[]);
        assert!(world.device.events.interrupt_due());
        world.line(true);
        assert_eq!(world.told(), [Told::Answer(CONSOLE, 0, vec![])]);
    });
}

/// Nobody polls any more, so nobody would find the reply.
#[test]
fn v35_the_reply_to_a_cancelled_poll_interrupts() {
    both(|world| {
        // Before and after it was given up.
        for early in [true, false] {
            let handle = send(world);
            let command = world.take();
            if early {
                world.device.reply(&command, 0, &[]);
                assert!(!world.device.commands.interrupt_due());
            }
            world.cancel(CONSOLE, handle).unwrap();
            if !early {
                world.device.reply(&command, 0, &[]);
                assert!(world.device.commands.interrupt_due());
                world.line(true);
            }
            assert_eq!(world.driver.pools().slots_free, 8, "early: {early}");
        }
    });
}

#[test]
fn a_turn_takes_as_much_as_the_ring_holds_and_then_yields() {
    both(|world| {
        for id in 0..2 {
            world.exchange(CONSOLE, 0x10, id).unwrap();
        }
        let (first, second) = (world.take(), world.take());
        world.device.reply(&first, 0, &[]);
        world.device.reply(&second, 0, &[]);
        world.meanwhile(|point, device| {
            // The device writes as fast as the driver reads.
            if point == Point::Told {
                for _ in 0..8 {
                    // The driver has this chain.
                    device.commands.complete(14, 8);
                }
            }
        });
        assert_eq!(world.turn().len(), 2);
        assert_eq!(world.driver.counters().err_protocol, 14);
        assert!(world.driver.has_used());
        assert_eq!(world.plan.timer, Some(world.now + 1));
        // The next turn takes the rest.
        world.sleep(1);
        assert_eq!(world.driver.counters().err_protocol, 16);
        assert!(!world.driver.has_used());
    });
}
