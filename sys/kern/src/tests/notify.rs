// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! POST, timers, interrupts.

use abi::{SchedState, Sysnum, TaskId, UsageError};

use super::model::*;

#[test]
fn a_post_wakes_a_receiver_that_wants_it() {
    booted!(k);
    k.receive_open(u32::MAX);
    k.receive_open(0b100);
    assert_eq!(k.current, CLIENT);
    let server = k.id_word(SERVER);
    k.call(Sysnum::Post, &[server, 0b011]);
    assert_eq!(k.results::<1>(CLIENT), [0]);
    assert_eq!(k.current, CLIENT, "the bits are masked");
    k.call(Sysnum::Post, &[server, 0b100]);
    assert_eq!(k.current, SERVER, "more important, so at once");
    assert_eq!(k.results::<6>(SERVER), [0, 0xffff, 0b100, 0, 0, 0]);
    assert_eq!(k.results::<1>(CLIENT), [0]);
    k.receive_open(0b111);
    assert_eq!(k.results::<3>(SERVER)[2], 0b011);
    k.check();
}

#[test]
fn a_post_to_an_equal_does_not_take_the_processor() {
    booted!(k);
    k.receive_open(u32::MAX);
    k.receive_open(u32::MAX);
    k.receive_open(1);
    assert_eq!(k.current, OTHER);
    let client = k.id_word(CLIENT);
    k.call(Sysnum::Post, &[client, 1]);
    assert_eq!(k.sched(CLIENT), SchedState::Runnable);
    assert_eq!(k.current, OTHER);
    k.check();
}

#[test]
fn a_post_to_a_past_life_is_a_dead_code() {
    booted!(k);
    k.only(CLIENT);
    let old = k.id_word(OTHER);
    k.restart(OTHER, false);
    k.call(Sysnum::Post, &[old, 1]);
    assert_eq!(k.results::<1>(CLIENT), [0xffff_ff01]);
    assert_eq!(k.tasks[OTHER].notifications, 0);
    k.call(Sysnum::Post, &[u32::from(TaskId::KERNEL.0), 1]);
    assert_eq!(k.fault(CLIENT), usage(UsageError::TaskOutOfRange));
}

#[test]
fn posting_to_oneself_and_to_the_stopped_leaves_the_bits() {
    booted!(k);
    k.only(CLIENT);
    let me = k.id_word(CLIENT);
    k.call(Sysnum::Post, &[me, 5]);
    k.call(Sysnum::Post, &[me, 8]);
    k.call(Sysnum::Post, &[SLEEPER as u32, 8]);
    assert_eq!(k.sched(SLEEPER), SchedState::Stopped);
    k.receive_open(u32::MAX);
    assert_eq!(k.current, CLIENT);
    assert_eq!(k.results::<3>(CLIENT)[2], 13);
    k.check();
}

fn set_timer(k: &mut TestKernel<'_>, deadline: u64, bits: u32) {
    k.call(
        Sysnum::SetTimer,
        &[1, deadline as u32, (deadline >> 32) as u32, bits],
    );
}

fn get_timer(k: &mut TestKernel<'_>) -> [u32; 6] {
    k.call(Sysnum::GetTimer, &[]);
    k.results(k.current)
}

#[test]
fn a_timer_fires_once_in_its_millisecond() {
    booted!(k);
    k.only(DUMPER);
    set_timer(&mut k, 1005, 0b10);
    assert_eq!(get_timer(&mut k), [1000, 0, 1, 1005, 0, 0b10]);
    assert_eq!(k.machine.alarm, Some(1005 * MS));
    k.receive_open(0b10);
    k.advance(5 * MS - 1);
    assert!(k.machine.acknowledged.is_empty());
    k.advance(1);
    assert_eq!(k.current, DUMPER);
    assert_eq!(k.results::<3>(DUMPER)[2], 0b10);
    assert_eq!(get_timer(&mut k), [1005, 0, 0, 0, 0, 0b10]);
    assert_eq!(k.machine.alarm, None);
    k.check();
}

#[test]
fn a_deadline_that_has_passed_posts_at_once() {
    for deadline in [0, 999, 1000] {
        booted!(k);
        k.only(CLIENT);
        set_timer(&mut k, deadline, 4);
        assert_eq!(get_timer(&mut k)[2], 0);
        assert_eq!(k.machine.alarms_set, 0);
        k.receive_open(4);
        assert_eq!(k.current, CLIENT);
        assert_eq!(k.results::<3>(CLIENT)[2], 4);
        k.check();
    }
}

#[test]
fn a_cleared_timer_does_not_fire() {
    booted!(k);
    k.only(CLIENT);
    set_timer(&mut k, 1005, 4);
    k.call(Sysnum::SetTimer, &[0, 0, 0, 0]);
    assert_eq!(get_timer(&mut k)[2], 0);
    k.advance(10 * MS);
    assert_eq!(k.tasks[CLIENT].notifications, 0);
    assert_eq!(k.machine.alarm, None);
    k.check();
}

#[test]
fn the_latest_setting_counts() {
    booted!(k);
    k.only(CLIENT);
    set_timer(&mut k, 1005, 4);
    set_timer(&mut k, 1020, 8);
    k.advance(10 * MS);
    assert_eq!(k.tasks[CLIENT].notifications, 0);
    assert_eq!(k.machine.alarm, Some(1020 * MS));
    k.advance(10 * MS);
    assert_eq!(k.tasks[CLIENT].notifications, 8);
    k.check();
}

#[test]
fn timers_of_many_tasks_share_one_alarm() {
    booted!(k);
    k.only(CLIENT);
    set_timer(&mut k, 1030, 1);
    k.receive_open(1);
    set_timer(&mut k, 1010, 2);
    k.receive_open(2);
    set_timer(&mut k, 1020, 4);
    k.receive_open(4);
    assert_eq!(k.current, IDLE);
    for (task, bits) in [(OTHER, 2), (DUMPER, 4), (CLIENT, 1)] {
        k.advance(10 * MS);
        assert_eq!(k.current, task);
        assert_eq!(k.results::<3>(task)[2], bits);
        k.check();
        k.receive_open(0);
    }
    assert_eq!(k.machine.alarm, None);
}

#[test]
fn several_timers_due_at_once_all_fire() {
    booted!(k);
    k.only(CLIENT);
    set_timer(&mut k, 1001, 1);
    k.receive_open(1);
    set_timer(&mut k, 1002, 1);
    k.receive_open(1);
    k.advance(50 * MS);
    assert_eq!(k.results::<3>(CLIENT)[2], 1);
    assert_eq!(k.results::<3>(OTHER)[2], 1);
    k.check();
}

#[test]
fn the_end_of_time_never_comes() {
    booted!(k);
    k.only(CLIENT);
    for deadline in [u64::MAX, u64::MAX / MS, u64::MAX / MS + 1, 1 << 63] {
        set_timer(&mut k, deadline, 1);
        assert_eq!(k.tasks[CLIENT].notifications, 0);
        assert_eq!(get_timer(&mut k)[2], 1);
        assert_eq!(
            get_timer(&mut k)[3..5],
            [deadline as u32, (deadline >> 32) as u32]
        );
        k.check();
    }
    // And the highest word of the clock counts, too.
    k.machine.now = (1 << 40) * MS;
    assert_eq!(get_timer(&mut k)[..2], [0, 1 << 8]);
}

fn control(k: &mut TestKernel<'_>, bits: u32, what: u32) {
    k.call(Sysnum::IrqControl, &[bits, what]);
}

#[test]
fn an_interrupt_is_masked_posted_and_ended() {
    booted!(k);
    k.receive_open(u32::MAX);
    control(&mut k, SINGLE_BIT, 1);
    assert!(k.machine.enabled.contains(&SINGLE));
    k.receive_open(SINGLE_BIT);
    k.only(CLIENT);
    k.raise(SINGLE);
    assert_eq!(k.current, SERVER);
    assert_eq!(k.results::<3>(SERVER)[2], SINGLE_BIT);
    assert!(
        !k.machine.enabled.contains(&SINGLE),
        "masked until asked for"
    );
    assert_eq!(k.machine.ended, [SINGLE]);
    k.check();
}

#[test]
fn two_lines_behind_one_bit() {
    booted!(k);
    k.receive_open(u32::MAX);
    control(&mut k, SHARED_BIT, 1);
    assert!(k.machine.enabled.is_superset(&[SHARED_A, SHARED_B].into()));
    k.raise(SHARED_B);
    assert!(k.machine.enabled.contains(&SHARED_A) && !k.machine.enabled.contains(&SHARED_B));
    k.call(Sysnum::IrqStatus, &[SHARED_BIT]);
    assert_eq!(
        k.results::<1>(SERVER),
        [0b101],
        "enabled: the other; posted"
    );
    control(&mut k, SHARED_BIT, 0);
    assert!(k.machine.enabled.is_empty());
    k.check();
}

#[test]
fn clearing_what_is_pending() {
    booted!(k);
    k.receive_open(u32::MAX);
    k.machine.pending.insert(SINGLE);
    k.call(Sysnum::IrqStatus, &[SINGLE_BIT]);
    assert_eq!(k.results::<1>(SERVER), [0b010]);
    control(&mut k, SINGLE_BIT, 1);
    assert!(k.machine.pending.contains(&SINGLE));
    control(&mut k, SINGLE_BIT, 3);
    assert!(!k.machine.pending.contains(&SINGLE));
    k.call(Sysnum::IrqStatus, &[SINGLE_BIT]);
    assert_eq!(k.results::<1>(SERVER), [0b001]);
}

#[test]
fn interrupts_that_a_task_has_not_got() {
    for (number, bits, what) in [
        (Sysnum::IrqControl, 1, 1),
        (Sysnum::IrqControl, 0, 1),
        (Sysnum::IrqControl, SHARED_BIT | SINGLE_BIT, 1),
        (Sysnum::IrqControl, SINGLE_BIT, 4),
        (Sysnum::IrqControl, SINGLE_BIT, 1 << 31),
        (Sysnum::IrqStatus, SHARED_BIT | SINGLE_BIT, 0),
        (Sysnum::IrqStatus, 0, 0),
    ] {
        booted!(k);
        k.receive_open(u32::MAX);
        k.call(number, &[bits, what]);
        assert_eq!(k.fault(SERVER), usage(UsageError::NoIrq));
        assert!(k.machine.enabled.is_empty());
        k.check();
    }
    // Another task's.
    booted!(k);
    k.only(CLIENT);
    control(&mut k, SINGLE_BIT, 1);
    assert_eq!(k.fault(CLIENT), usage(UsageError::NoIrq));
}

#[test]
fn spurious_and_stray_interrupts_change_nothing() {
    booted!(k);
    k.only(CLIENT);
    k.interrupt();
    assert_eq!((k.spurious_interrupts, k.stray_interrupts), (1, 0));
    for intid in [NOBODYS, 900] {
        k.machine.enabled.insert(intid);
        k.raise(intid);
        assert!(!k.machine.enabled.contains(&intid));
    }
    assert_eq!((k.spurious_interrupts, k.stray_interrupts), (1, 2));
    assert_eq!(k.machine.ended, [NOBODYS, 900]);
    assert_eq!(k.current, CLIENT);
    k.check();
}

#[test]
fn an_interrupt_for_a_task_that_does_not_run_is_kept_until_it_restarts() {
    booted!(k);
    k.only(CLIENT);
    k.raise(SLEEPERS);
    assert_eq!(k.tasks[SLEEPER].notifications, SINGLE_BIT);
    k.restart(SLEEPER, false);
    assert_eq!(k.tasks[SLEEPER].notifications, 0);
    k.check();
}

#[test]
fn a_timer_that_fires_early_is_set_again() {
    booted!(k);
    k.only(CLIENT);
    set_timer(&mut k, 1005, 1);
    k.raise(27);
    assert_eq!(k.tasks[CLIENT].notifications, 0);
    assert_eq!(k.machine.alarm, Some(1005 * MS));
    k.check();
}
