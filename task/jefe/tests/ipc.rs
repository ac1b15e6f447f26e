// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor that ships, called as in an image: by one who may give orders, by one who may not, and by one who does not keep to the
//! interface.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use task_jefe::dumps::Dumps;
use task_jefe::supervision::MIN_RUN_TIME_MS;
use task_jefe::{Server, all};
use task_jefe_api::{Jefe, JefeError, Supervision, TaskStatus};
use userlib::host::{Builder, Image};
use userlib::*;

// As `build.rs` has them for the host.
const FAULT_TOLD: u32 = 1 << 4;
const STATE_TOLD: u32 = 1 << 5;
const CHIEF: TaskId = TaskId::for_index(1);
const WORKER: TaskId = TaskId::for_index(2);
const OTHER: TaskId = TaskId::for_index(3);
const HELD: TaskId = TaskId::for_index(4);
const SUPERVISOR: TaskId = TaskId::for_index(0);

type Main = Box<dyn Fn(&Jefe) + Send + Sync>;

/// An image with the supervisor, one who may give orders, and three others, which may panic.
fn image(chief: Main, worker: Main, other: Main, held: Main) -> Image {
    let mut builder =
        Builder::with_supervisor(|| Server::new(&mut all(), &mut Dumps::new()).serve());
    let chief = builder.task("chief", 5, move || chief(&Jefe::from(SUPERVISOR)));
    assert_eq!(chief, CHIEF);
    for (name, main) in [("worker", worker), ("other", other), ("held", held)] {
        let task = builder.task(name, 6, move || main(&Jefe::from(SUPERVISOR)));
        builder.expect_panic(task);
    }
    builder.build()
}

fn idle() -> Main {
    Box::new(|_| {})
}

fn waits() -> Main {
    Box::new(|_| {
        let _ = sys_recv_notification(1);
    })
}

/// A task that writes down when its lives begin, and panics in each.
fn panics(starts: &Arc<Mutex<Vec<u64>>>) -> Main {
    let starts = Arc::clone(starts);
    Box::new(move |_| {
        starts.lock().unwrap().push(sys_get_timer().now);
        panic!("over and over");
    })
}

/// What is known of a task, as somebody who may ask finds out.
fn status_of(jefe: &Jefe, task: TaskId) -> TaskStatus {
    jefe.task_status(task.0).unwrap()
}

#[test]
fn a_task_that_faults_at_once_lives_twenty_times_a_second_at_most() {
    let starts = Arc::default();
    let mut image = image(idle(), panics(&starts), idle(), idle());
    image.run_for(1000);
    let starts = starts.lock().unwrap();
    assert!((19..=21).contains(&starts.len()), "{starts:?}");
    let pauses = starts.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(pauses.into_iter().all(|pause| pause >= MIN_RUN_TIME_MS));
}

#[test]
fn who_is_on_the_list_is_told_of_faults_and_reads_what_the_panic_said() {
    let told = Arc::new(AtomicU32::new(0));
    let starts = Arc::default();
    let mut image = image(
        {
            let told = Arc::clone(&told);
            Box::new(move |jefe| {
                while told.fetch_add(1, Ordering::Relaxed) < 2 {
                    assert_ne!(sys_recv_notification(FAULT_TOLD).get_raw_bits(), 0);
                }
                let status = status_of(jefe, WORKER);
                assert_eq!(status.last_fault, Some(FaultInfo::Panic));
                assert!(status.faults >= 1);
                let mut text = [0; 64];
                let len = jefe.panic_message(WORKER.0, &mut text).unwrap();
                assert_eq!(&text[..len as usize], b"over and over");
                // As much as there is room for.
                assert_eq!(jefe.panic_message(WORKER.0, &mut text[..4]), Ok(4));
                let none = jefe.panic_message(OTHER.0, &mut text);
                assert_eq!(none, Err(JefeError::NoPanicMessage));
                let none = jefe.panic_message(31, &mut text);
                assert_eq!(none, Err(JefeError::NoPanicMessage));
                assert_eq!(jefe.task_status(32), Err(JefeError::NoSuchTask));
            })
        },
        panics(&starts),
        idle(),
        idle(),
    );
    image.run_for(200);
    assert!(image.has_ended(CHIEF), "{:?}", image.state(CHIEF));
}

/// Three are kept, as `build.rs` has it for the host; a fourth replaces the oldest.
#[test]
fn what_faulted_is_kept_and_the_oldest_replaced() {
    let starts = Arc::default();
    let mut image = image(
        Box::new(|jefe| {
            assert_eq!(jefe.dump_info(3), Err(JefeError::NoSuchDump));
            jefe.fault_task(OTHER.0).unwrap();
            hl::sleep_for(1000);
            jefe.fault_task(OTHER.0).unwrap();
            let newest = jefe.dump_info(0).unwrap();
            assert_eq!(newest.task, OTHER.0 | 1 << 10, "in its second life");
            assert!(matches!(newest.fault, FaultInfo::Injected(_)));
            assert!(newest.at_ms >= 1000);
            let older: Vec<_> = (1..3).map(|at| jefe.dump_info(at).unwrap()).collect();
            for (dump, before) in older.iter().zip(1..) {
                assert_eq!(dump.number, newest.number - before);
                assert_eq!(TaskId(dump.task).index(), WORKER.index());
                assert_eq!(dump.fault, FaultInfo::Panic);
                assert!(dump.at_ms <= newest.at_ms);
            }
            assert!(newest.number > 3, "more than are kept");
            for position in [3, 4, u8::MAX] {
                assert_eq!(jefe.dump_info(position), Err(JefeError::NoSuchDump));
            }
        }),
        panics(&starts),
        idle(),
        idle(),
    );
    image.run_for(2000);
    assert!(image.has_ended(CHIEF), "{:?}", image.state(CHIEF));
}

#[test]
fn a_task_to_be_held_stays_as_it_is_until_it_is_released() {
    let starts = Arc::default();
    let mut image = image(
        Box::new(|jefe| {
            hl::sleep_for(500);
            assert_eq!(status_of(jefe, HELD).supervision, Supervision::Holding);
            jefe.release_task(HELD.0).unwrap();
            hl::sleep_for(500);
            assert!(status_of(jefe, HELD).restarts > 5);
            jefe.hold_task(HELD.0).unwrap();
            hl::sleep_for(100);
            let before = status_of(jefe, HELD).restarts;
            hl::sleep_for(500);
            assert_eq!(status_of(jefe, HELD).restarts, before);
        }),
        idle(),
        idle(),
        panics(&starts),
    );
    image.run_for(400);
    assert_eq!(starts.lock().unwrap().len(), 1);
    image.run_for(2000);
    assert!(image.has_ended(CHIEF), "{:?}", image.state(CHIEF));
}

#[test]
fn orders_are_obeyed_and_impossible_ones_refused() {
    let mut image = image(
        Box::new(|jefe| {
            jefe.fault_task(WORKER.0).unwrap();
            let status = status_of(jefe, WORKER);
            assert!(
                matches!(status.last_fault, Some(FaultInfo::Injected(from)) if from == SUPERVISOR)
            );
            // It is not running any more.
            assert_eq!(jefe.fault_task(WORKER.0), Err(JefeError::NotRunning));
            jefe.restart_task(WORKER.0).unwrap();
            assert_eq!(status_of(jefe, WORKER).restarts, 1);
            assert_eq!(
                sys_refresh_task_id(WORKER).generation(),
                Generation::from(1)
            );
            for refused in [
                jefe.restart_task(0),
                jefe.fault_task(0),
                jefe.hold_task(0),
                jefe.release_task(0),
            ] {
                assert_eq!(refused, Err(JefeError::IsSupervisor));
            }
            assert_eq!(jefe.restart_task(32), Err(JefeError::NoSuchTask));
            jefe.set_state(7);
            assert_eq!(jefe.get_state(), 7);
            assert_eq!(sys_recv_notification(STATE_TOLD).get_raw_bits(), STATE_TOLD);
        }),
        waits(),
        idle(),
        idle(),
    );
    image.run();
    assert!(image.has_ended(CHIEF), "{:?}", image.state(CHIEF));
}

#[test]
fn the_machine_is_reset_by_whom_that_is_allowed() {
    let mut image = image(
        Box::new(|jefe| jefe.request_reset()),
        idle(),
        idle(),
        idle(),
    );
    image.run();
    assert!(image.was_reset());
}

#[test]
fn orders_of_others_are_their_fault() {
    for operation in [1, 4, 7, 8, 9, 10] {
        let mut image = image(
            idle(),
            Box::new(move |_| {
                let (code, _) = sys_send(SUPERVISOR, operation, &[1, 0, 0, 0], &mut [0; 8], &[]);
                panic!("operation {operation} answered {code}");
            }),
            idle(),
            idle(),
        );
        image.run();
        let fault = fault_of(&image, WORKER);
        let reason = match fault {
            FaultInfo::FromServer(SUPERVISOR, reason) => reason,
            other => panic!("operation {operation}: {other:?}"),
        };
        let expected = [
            ReplyFaultReason::AccessViolation,
            ReplyFaultReason::BadMessageSize,
        ];
        assert!(
            expected.contains(&reason),
            "operation {operation}: {reason:?}"
        );
    }
}

fn fault_of(image: &Image, task: TaskId) -> FaultInfo {
    match image.state(task) {
        TaskState::Faulted { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

/// Bits are hints, messages are what they are: the supervisor looks at the tasks before it does anything.
#[test]
fn forged_bits_and_malformed_messages_restart_nobody() {
    let mut image = image(
        Box::new(|jefe| {
            for task in 1..5 {
                assert_eq!(status_of(jefe, TaskId(task)).restarts, 0);
            }
            assert_eq!(jefe.get_state(), 0);
        }),
        Box::new(|_| {
            for bits in [1, 2, 3, u32::MAX, 1 << 31] {
                for _ in 0..if cfg!(miri) { 3 } else { 100 } {
                    sys_post(SUPERVISOR, bits);
                }
            }
        }),
        Box::new(|_| {
            sys_send(SUPERVISOR, 77, &[0; 64], &mut [], &[]);
        }),
        waits(),
    );
    image.run();
    assert!(image.has_ended(WORKER));
    assert!(matches!(
        fault_of(&image, OTHER),
        FaultInfo::FromServer(SUPERVISOR, _)
    ));
    assert!(image.has_ended(CHIEF), "{:?}", image.state(CHIEF));
}

/// It waits for an answer that never comes, since its next life begins instead.
#[test]
fn a_task_may_ask_to_be_restarted() {
    let lives = Arc::new(AtomicU32::new(0));
    let mut image = image(
        idle(),
        {
            let lives = Arc::clone(&lives);
            Box::new(move |jefe| {
                if lives.fetch_add(1, Ordering::Relaxed) < 3 {
                    jefe.restart_me();
                }
            })
        },
        idle(),
        idle(),
    );
    image.run_for(1000);
    assert_eq!(lives.load(Ordering::Relaxed), 4);
    assert_eq!(image.id(WORKER).generation(), Generation::from(3));
}
