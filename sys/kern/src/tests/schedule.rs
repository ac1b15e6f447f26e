// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who runs: strict priorities, turns among equals, 32 tasks, nobody at all.

use abi::{FaultInfo, RECV_CLOSED, SchedState, Sysnum};

use super::model::*;
use crate::Task;
use crate::desc::Image;

#[test]
fn the_most_important_starts() {
    booted!(k);
    assert_eq!(k.current, SUPERVISOR);
    k.check();
    let mut order = Vec::new();
    while k.current != IDLE {
        order.push(k.current);
        k.receive_open(0);
    }
    assert_eq!(order, [SUPERVISOR, SERVER, CLIENT, OTHER, DUMPER]);
}

#[test]
fn equals_take_turns_by_index() {
    booted!(k);
    k.only(CLIENT);
    // Each posts to the one before itself, then waits: round and round.
    let mut order = Vec::new();
    for _ in 0..9 {
        order.push(k.current);
        let mask = 1;
        k.call(Sysnum::Recv, &[0, 0, mask, RECV_CLOSED | 0xffff]);
        for task in [CLIENT, OTHER, DUMPER] {
            if k.sched(task) != SchedState::Runnable && k.current != task {
                k.post(task, mask);
            }
        }
    }
    assert_eq!(
        order,
        [
            CLIENT, OTHER, DUMPER, CLIENT, OTHER, DUMPER, CLIENT, OTHER, DUMPER
        ]
    );
    k.check();
}

#[test]
fn an_interrupt_does_not_end_a_turn() {
    booted!(k);
    k.only(OTHER);
    k.post(CLIENT, 1);
    k.raise(NOBODYS);
    assert_eq!(k.current, OTHER);
    k.raise(SINGLE);
    assert_eq!(k.current, SERVER);
    k.receive_open(0);
    // The turn goes on among the equals, after the one who was interrupted is as good as before it: by index after
    // the server.
    assert_eq!(k.current, CLIENT);
    k.check();
}

#[test]
fn with_nobody_to_run_the_machine_waits_for_an_interrupt() {
    booted!(k);
    k.only(CLIENT);
    for task in [CLIENT, OTHER, DUMPER] {
        assert_eq!(k.current, task);
        k.receive_open(u32::MAX);
    }
    k.call(Sysnum::SetTimer, &[1, 1007, 0, 2]);
    assert_eq!(k.current, IDLE);
    k.machine.now += 7 * MS;
    // A spurious one and a stray one first.
    k.machine.raised.extend([NOBODYS, 27]);
    k.receive_open(2);
    assert_eq!(k.current, IDLE);
    assert_eq!(k.machine.ended, [NOBODYS, 27]);
    k.check();
}

#[test]
fn even_the_idle_task_may_fault() {
    booted!(k);
    k.only(CLIENT);
    for _ in [CLIENT, OTHER, DUMPER] {
        k.receive_open(0);
    }
    k.fault_current(FaultInfo::IllegalText);
    assert_eq!(k.current, SUPERVISOR);
    k.machine.raised.push_back(SINGLE);
    k.receive_open(0);
    assert_eq!(k.current, SERVER);
    k.check();
}

#[test]
fn thirty_two_tasks_in_the_order_of_their_priority() {
    let mut tasks = tasks(&MANY);
    let mut k = boot(&MANY, &mut tasks);
    let mut order = Vec::new();
    while order.len() < 31 {
        k.check();
        order.push(k.current);
        k.receive_open(0);
    }
    // The rule, with lists: the best priority; there the first after the last to run, else the first.
    let mut left: Vec<usize> = (0..32).collect();
    let mut last = 0;
    for &index in order.iter().chain([&k.current]) {
        let best = left.iter().map(|&i| MANY.tasks[i].priority).min();
        let equals = || {
            left.iter()
                .filter(|&&i| Some(MANY.tasks[i].priority) == best)
        };
        let expected = equals().find(|&&i| i > last).or(equals().next());
        assert_eq!(expected, Some(&index));
        left.retain(|&i| i != index);
        last = index;
    }
}

#[test]
fn thirty_one_senders_are_received_by_priority() {
    let mut tasks = tasks(&MANY);
    let mut k = boot(&MANY, &mut tasks);
    k.call(Sysnum::Recv, &[0, 0, 2, RECV_CLOSED | 0xffff]);
    let mut expected = Vec::new();
    for _ in 1..31 {
        expected.push(k.current as u32);
        k.message(0, 1, (0, 0), (0, 0));
        k.check();
    }
    k.post(0, 2);
    k.preempt();
    expected.sort_by_key(|&index| (MANY.tasks[index as usize].priority, index));
    for sender in expected {
        k.receive_open(0);
        assert_eq!(k.results::<2>(0)[1], sender);
    }
    k.check();
}

#[test]
#[should_panic(expected = "other tasks")]
fn the_records_must_be_the_images() {
    let mut tasks: Vec<Task> = tasks(&SEVEN);
    tasks.pop();
    boot(&SEVEN, &mut tasks);
}

#[test]
#[should_panic(expected = "between 1 and 32 tasks")]
fn an_image_without_tasks() {
    static NONE: Image = Image {
        tasks: &[],
        interrupts: &[],
        interrupt_of_intid: &[],
        kernel_table: 0,
        devices: NO_DEVICES,
        id: 0,
    };
    boot(&NONE, &mut []);
}
