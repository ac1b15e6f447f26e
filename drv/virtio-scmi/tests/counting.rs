// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters and what they must balance with: row D19; and D17, the raw access that every client has within its rules.

mod support;

use drv_virtio_scmi::{Counters, Refusal, VERSION_1, Wait};
use support::world::{Wish, wish};
use support::{CONSOLE, STRANGER, Setup, Told, World, header, run};

type W<'m> = World<'m, 16, 8, 16>;

/// What a deed adds to the counters.
fn added(world: &mut W<'_>, deed: impl FnOnce(&mut W<'_>)) -> Counters {
    let before = *world.driver.counters();
    deed(world);
    world.audit();
    let after = world.driver.counters();
    Counters {
        sent_ok: after.sent_ok - before.sent_ok,
        sent_fail: after.sent_fail - before.sent_fail,
        sent_fail_polling_unsupported: after.sent_fail_polling_unsupported
            - before.sent_fail_polling_unsupported,
        sent_fail_channel_not_found: after.sent_fail_channel_not_found
            - before.sent_fail_channel_not_found,
        response_ok: after.response_ok - before.response_ok,
        notification_ok: after.notification_ok - before.notification_ok,
        delayed_response_ok: after.delayed_response_ok - before.delayed_response_ok,
        xfers_response_timeout: after.xfers_response_timeout - before.xfers_response_timeout,
        xfers_response_polled_timeout: after.xfers_response_polled_timeout
            - before.xfers_response_polled_timeout,
        response_polled_ok: after.response_polled_ok - before.response_polled_ok,
        err_msg_unexpected: after.err_msg_unexpected - before.err_msg_unexpected,
        err_msg_invalid: after.err_msg_invalid - before.err_msg_invalid,
        err_msg_nomem: after.err_msg_nomem - before.err_msg_nomem,
        err_protocol: after.err_protocol - before.err_protocol,
        // Those beyond the fourteen are another test's.
        ..Counters::ZERO
    }
}

fn polled() -> Wish {
    Wish {
        polled: true,
        deadline: 5,
        wait: Wait::Poll(0),
        ..wish(0x10, 0)
    }
}

#[test]
fn d19_an_answered_command_is_sent_ok_and_response_ok() {
    run(Setup::default(), |world| {
        let counted = added(world, |world| {
            world.exchange(CONSOLE, 0x10, 0).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
        });
        let expected = Counters {
            sent_ok: 1,
            response_ok: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_polled_transfers_are_counted_apart() {
    run(Setup::default(), |world| {
        let counted = added(world, |world| {
            let handle = world.submit(CONSOLE, &polled(), &[]).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
            world.poll(CONSOLE, handle).unwrap();
        });
        let expected = Counters {
            sent_ok: 1,
            response_polled_ok: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
        let counted = added(world, |world| {
            world.submit(CONSOLE, &polled(), &[]).unwrap();
            world.pass(5);
        });
        let expected = Counters {
            sent_ok: 1,
            xfers_response_polled_timeout: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_time_outs_and_late_replies() {
    run(Setup::default(), |world| {
        let counted = added(world, |world| {
            let short = Wish {
                deadline: 5,
                ..wish(0x10, 0)
            };
            world.submit(CONSOLE, &short, &[]).unwrap();
            world.pass(5);
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.turn();
        });
        let expected = Counters {
            sent_ok: 1,
            xfers_response_timeout: 1,
            err_msg_unexpected: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_refusals() {
    run(Setup::default(), |world| {
        let counted = added(world, |world| {
            assert_eq!(world.exchange(STRANGER, 0x10, 0), Err(Refusal::NotAClient));
            let wish = Wish {
                wait: Wait::Blocked,
                ..polled()
            };
            assert!(world.submit(CONSOLE, &wish, &[]).is_err());
        });
        let expected = Counters {
            sent_fail: 2,
            sent_fail_polling_unsupported: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
    let setup = Setup {
        offered: 0,
        ..Setup::default()
    };
    run(setup, |world| {
        let counted = added(world, |world| {
            assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::NoDevice));
        });
        let expected = Counters {
            sent_fail: 1,
            sent_fail_channel_not_found: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_what_the_event_ring_brings() {
    run(Setup::default(), |world| {
        world.subscribe(CONSOLE, 0x15, 1, 3);
        let counted = added(world, |world| {
            // Four find room in the queue, the fifth displaces one.
            for value in 0..5 {
                world.device.sensor_update(3, value);
            }
            world.turn();
        });
        let expected = Counters {
            notification_ok: 5,
            err_msg_nomem: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
        let counted = added(world, |world| {
            world.device.send_event_raw(0, &[], 2);
            world.device.send_event(header(0x15, 1, 1, 0), &[0; 24]);
            world.device.send_event(header(0x15, 6, 2, 9), &[0; 8]);
            world.turn();
        });
        let expected = Counters {
            err_msg_invalid: 2,
            err_msg_unexpected: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
        let counted = added(world, |world| {
            let delayed = Wish {
                delayed: true,
                ..wish(0x15, 6)
            };
            world.submit(CONSOLE, &delayed, &[0; 8]).unwrap();
            let command = world.take();
            world.device.reply(&command, 0, &[]);
            world.device.delayed(&command, 0, &[]);
            world.turn();
        });
        let expected = Counters {
            sent_ok: 1,
            response_ok: 1,
            delayed_response_ok: 1,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_violations_of_the_ring() {
    run(Setup::default(), |world| {
        let counted = added(world, |world| {
            world.device.commands.complete(0, 8);
            world.device.commands.complete(99, 8);
            world.turn();
        });
        let expected = Counters {
            err_protocol: 2,
            ..Counters::ZERO
        };
        assert_eq!(counted, expected);
    });
}

#[test]
fn d19_kicks_and_interrupts_are_counted() {
    run(Setup::default(), |world| {
        let before = *world.driver.counters();
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        world.interrupt();
        assert_eq!(world.driver.counters().kicks, before.kicks + 1);
        assert_eq!(world.driver.counters().interrupts, before.interrupts + 1);
        assert_eq!(world.transport.kicks[0], 1);
    });
}

#[test]
fn d19_the_balance_tells_a_loss() {
    run(Setup::default(), |world| {
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        let (counters, pools) = (*world.driver.counters(), world.driver.pools());
        assert!(counters.balance(&pools));
        let lost = Counters {
            sent_ok: counters.sent_ok + 1,
            ..counters
        };
        assert!(!lost.balance(&pools));
        let mut fewer = pools;
        fewer.events_at_device -= 1;
        assert!(!counters.balance(&fewer));
        // Counters wrap; the balance holds across that.
        let wrapped = Counters {
            sent_ok: 0,
            answered: u32::MAX,
            ..Counters::ZERO
        };
        assert!(wrapped.balance(&pools));
    });
}

#[test]
fn d17_any_protocol_and_message_goes_through_as_it_is() {
    let setup = Setup {
        offered: VERSION_1,
        ..Setup::default()
    };
    run(setup, |world| {
        for (protocol, message) in [(0x00, 0xff), (0x1f, 0x42), (0x80, 0), (0xff, 0xff)] {
            world
                .submit(CONSOLE, &wish(protocol, message), &[0xab; 5])
                .unwrap();
            let command = world.take();
            assert_eq!((command.protocol(), command.message()), (protocol, message));
            assert_eq!(command.parameters, [0xab; 5]);
            world.device.reply(&command, -128, &[1, 2, 3]);
            assert_eq!(world.turn(), [Told::Answer(CONSOLE, -128, vec![1, 2, 3])]);
        }
    });
}

#[test]
fn d17_the_token_is_the_drivers_own_choice() {
    // The parameters follow the header; nothing that a client writes reaches the header itself.
    run(Setup::default(), |world| {
        let sent = world.fill_and_send(CONSOLE, &wish(0x10, 0), |buffer| {
            buffer.write(0, &[0xff; 8]);
            Ok::<_, ()>(4)
        });
        assert!(sent.is_ok());
        let command = world.take();
        let token = command.token();
        assert_eq!(command.header, header(0x10, 0, 0, token));
        world.exchange(CONSOLE, 0x10, 0).unwrap();
        assert_eq!(world.take().token(), (token + 1) % 1024);
    });
}
