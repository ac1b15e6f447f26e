// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Images on the host: the kernel decides, and every task sees what it would see on the target.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use userlib::host::{Builder, Call, take_calls};
use userlib::*;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What tasks write down, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Receives one message with room for `N` bytes.
fn receive<const N: usize>() -> (RecvMessage, [u8; N]) {
    let mut buffer = [0; N];
    let message = sys_recv_open(&mut buffer, 0);
    (message, buffer)
}

#[test]
fn a_message_its_leases_and_the_reply_are_copied() {
    let mut builder = Builder::new();
    let server = builder.task("server", 2, || {
        loop {
            let (message, bytes) = receive::<3>();
            let from = message.sender;
            assert_eq!((message.operation, message.message_len), (7, 5));
            assert_eq!((message.response_capacity, message.lease_count), (2, 3));
            assert_eq!(&bytes, b"hel");
            let info = sys_borrow_info(from, 0).unwrap();
            assert_eq!((info.attributes, info.len), (LeaseAttributes::READ, 4));
            let mut read = [0; 8];
            assert_eq!(sys_borrow_read(from, 0, 1, &mut read), (0, 3));
            assert_eq!(&read, b"ent\0\0\0\0\0");
            assert_eq!(sys_borrow_write(from, 1, 2, b"xyz"), (0, 2));
            // Neither is what the lease allows.
            assert_eq!(sys_borrow_read(from, 1, 0, &mut read).0, DEFECT);
            assert_eq!(sys_borrow_write(from, 0, 0, b"x").0, DEFECT);
            assert_eq!(sys_borrow_write(from, 2, 0, b"").0, DEFECT);
            sys_reply(from, 9, b"ok");
        }
    });
    let client = builder.task("client", 3, move || {
        let mut room = *b"....";
        let mut reply = [0; 2];
        let leases = [
            Lease::read_only(b"lent"),
            Lease::write_only(&mut room),
            Lease::no_access(b"??"),
        ];
        assert_eq!(sys_send(server, 7, b"hello", &mut reply, &leases), (9, 2));
        assert_eq!((&room, &reply), (b"..xy", b"ok"));
    });
    let mut image = builder.build();
    image.run();
    assert!(image.has_ended(client));
}

#[test]
fn the_more_important_runs_first_and_equals_by_turns() {
    let log = Log::default();
    let mut builder = Builder::new();
    for (name, priority) in [("c", 5), ("a", 2), ("b1", 4), ("b2", 4)] {
        let log = log.clone();
        builder.task(name, priority, move || {
            log.note(name);
            sys_set_timer(Some(10), 1);
            let _ = sys_recv_notification(1);
            log.note(format!("{name} at {}", sys_get_timer().now));
        });
    }
    let mut image = builder.build();
    image.run();
    assert_eq!(log.take(), ["a", "b1", "b2", "c"]);
    image.run_for(9);
    assert_eq!(log.take(), [""; 0]);
    image.run_for(1);
    assert_eq!(log.take(), ["a at 10", "b1 at 10", "b2 at 10", "c at 10"]);
}

#[test]
fn whoever_waits_for_a_task_hears_of_its_end() {
    let log = Log::default();
    let lives = Arc::new(AtomicU32::new(0));
    let mut builder = Builder::new();
    let server = builder.task("server", 2, {
        let lives = Arc::clone(&lives);
        move || {
            lives.fetch_add(1, Ordering::Relaxed);
            // Takes it, and never answers.
            let _ = receive::<0>();
            let _ = sys_recv_notification(0);
        }
    });
    let client = builder.task("client", 3, {
        let log = log.clone();
        move || {
            let (code, len) = sys_send(server, 1, &[], &mut [0; 4], &[]);
            log.note(format!("{:?} {len}", extract_new_generation(code)));
            let fresh = sys_refresh_task_id(server);
            log.note(format!("{:?}", fresh.generation()));
            sys_post(server, 1);
        }
    });
    let mut image = builder.build();
    image.run();
    assert!(!image.has_ended(client));
    assert_eq!(
        image.state(client),
        TaskState::Healthy(SchedState::InReply(server))
    );
    image.restart(server);
    assert_eq!(log.take(), ["Some(Generation(1)) 0", "Generation(1)"]);
    assert_eq!(lives.load(Ordering::Relaxed), 2);
    assert_eq!(image.id(server).generation(), Generation::from(1));
    image.stop(server);
    assert_eq!(lives.load(Ordering::Relaxed), 2);
    assert_eq!(image.state(server), TaskState::Healthy(SchedState::Stopped));
}

#[test]
fn what_faults_a_task_on_the_target_faults_it_here() {
    let mut builder = Builder::new();
    let server = builder.task("server", 2, || {
        let (message, _) = receive::<0>();
        sys_reply_fault(message.sender, ReplyFaultReason::AccessViolation);
        // It has one lease.
        let (message, _) = receive::<0>();
        let _ = sys_borrow_read(message.sender, 1, 0, &mut [0]);
    });
    let wrong = builder.task("wrong", 3, move || {
        sys_send(server, 1, &[], &mut [], &[]);
    });
    let victim = builder.task("victim", 4, move || {
        sys_send(server, 1, &[], &mut [], &[Lease::read_only(b"x")]);
    });
    let lost = builder.task("lost", 5, || {
        sys_send(TaskId::for_index(30), 1, &[], &mut [], &[]);
    });
    let mut image = builder.build();
    image.run();
    let fault = |task| match image.state(task) {
        TaskState::Faulted { fault, .. } => Some(fault),
        TaskState::Healthy(_) => None,
    };
    let from_server = FaultInfo::FromServer(server, ReplyFaultReason::AccessViolation);
    assert_eq!(fault(wrong), Some(from_server));
    let usage = |error| Some(FaultInfo::SyscallUsage(error));
    assert_eq!(fault(server), usage(UsageError::LeaseOutOfRange));
    assert_eq!(fault(victim), None);
    assert_eq!(fault(lost), usage(UsageError::TaskOutOfRange));
}

#[test]
fn an_interrupt_is_a_notification_until_it_is_masked() {
    let log = Log::default();
    let mut builder = Builder::new();
    let driver = builder.task("driver", 2, {
        let log = log.clone();
        move || {
            loop {
                sys_irq_control(1 << 3, true);
                let bits = sys_recv_notification(1 << 3);
                log.note(format!("{:#x}", bits.get_raw_bits()));
            }
        }
    });
    builder.interrupt(driver, 40, 1 << 3);
    let mut image = builder.build();
    image.raise(40);
    image.run();
    image.raise(41);
    image.run();
    image.raise(40);
    image.run();
    assert_eq!(log.take(), ["0x8", "0x8"]);
}

#[test]
fn a_panic_that_is_expected_is_a_fault() {
    let mut builder = Builder::new();
    let task = builder.task("task", 2, || panic!("no {}", "more"));
    builder.expect_panic(task);
    let mut image = builder.build();
    image.run();
    assert_eq!(image.panic_of(task).as_deref(), Some("no more"));
    assert!(matches!(
        image.state(task),
        TaskState::Faulted {
            fault: FaultInfo::Panic,
            ..
        }
    ));
}

#[test]
#[should_panic(expected = "task `task` panicked: no more")]
fn any_other_panic_ends_the_test() {
    let mut builder = Builder::new();
    builder.task("task", 2, || panic!("no more"));
    builder.build().run();
}

#[test]
fn a_supervisor_of_the_tests_own_restarts_and_resets() {
    let log = Log::default();
    let mut builder = Builder::with_supervisor({
        let log = log.clone();
        move || {
            for _ in 0..2 {
                let _ = sys_recv_notification(SUPERVISOR_FAULT_NOTIFICATION);
                log.note(format!("{:?}", kipc::read_task_status(1)));
                kipc::reinit_task(1, true);
            }
            kipc::reset();
        }
    });
    let task = builder.task("task", 2, {
        let log = log.clone();
        move || {
            /// Makes a call when its owner's life ends.
            struct Farewell;
            impl Drop for Farewell {
                fn drop(&mut self) {
                    sys_post(TaskId::for_index(0), 2);
                }
            }
            let _farewell = Farewell;
            log.note("lives");
            sys_send(TaskId::for_index(25), 1, &[], &mut [], &[]);
        }
    });
    let mut image = builder.build();
    image.run();
    assert!(image.was_reset());
    assert_eq!(image.id(task).generation(), Generation::from(2));
    let fault = "Faulted { fault: SyscallUsage(TaskOutOfRange), original_state: Runnable }";
    assert_eq!(log.take(), ["lives", fault, "lives", fault]);
}

#[test]
fn calls_about_messages_are_recorded() {
    let mut builder = Builder::new();
    let server = builder.task("server", 2, || {
        let (message, _) = receive::<1>();
        let from = message.sender;
        let _ = sys_borrow_info(from, 0);
        assert_eq!(sys_borrow_read(from, 0, 1, &mut [0; 8]), (0, 3));
        assert_eq!(sys_borrow_write(from, 1, 2, b"z"), (0, 1));
        let (read, write) = (LeaseAttributes::READ, LeaseAttributes::WRITE);
        let calls = [
            Call::Send {
                target: sys_refresh_task_id(TaskId::for_index(1)),
                operation: 7,
                message: b"hi".to_vec(),
                capacity: 3,
                leases: vec![(read, 4), (write, 5)],
            },
            Call::BorrowInfo {
                lender: from,
                lease: 0,
            },
            Call::BorrowRead {
                lender: from,
                lease: 0,
                offset: 1,
                len: 8,
            },
            Call::BorrowWrite {
                lender: from,
                lease: 1,
                offset: 2,
                len: 1,
            },
        ];
        assert_eq!(take_calls(), calls);
        sys_reply(from, 9, b"ok");
        // Recorded although it has no effect.
        sys_reply(from, 1, b"");
    });
    let client = builder.task("client", 3, move || {
        // Kernel IPC is not recorded.
        let _ = kipc::read_image_id();
        let mut room = *b".....";
        let leases = [Lease::read_only(b"lent"), Lease::write_only(&mut room)];
        assert_eq!(sys_send(server, 7, b"hi", &mut [0; 3], &leases), (9, 2));
    });
    builder.record_calls();
    let mut image = builder.build();
    image.run();
    assert!(image.has_ended(client));
    let reply = |code, message: &[u8]| Call::Reply {
        peer: client,
        code,
        message: message.to_vec(),
    };
    assert_eq!(image.take_calls(), [reply(9, b"ok"), reply(1, b"")]);
    assert_eq!(image.take_calls(), []);
}

/// (U3) `hl` has what servers written for upstream's use.
#[test]
fn u3_hl_takes_aligned_messages_and_leases() {
    #[derive(FromPrimitive)]
    enum Operation {
        Sum = 1,
        Later = 2,
    }
    /// Aligned, unlike the messages of generated clients.
    #[derive(FromBytes, Immutable, KnownLayout)]
    #[repr(C, align(4))]
    struct Words([u32; 2]);
    /// A code of its own.
    struct Refused;
    impl From<Refused> for u32 {
        fn from(_: Refused) -> Self {
            17
        }
    }

    let mut builder = Builder::new();
    let server = builder.task("server", 2, || {
        let mut buffer = [0_u32; 2];
        let mut waits = None;
        loop {
            let buffer = buffer.as_mut_bytes();
            hl::recv_without_notification(buffer, |operation, message| {
                let lease_count = message.lease_count();
                match operation {
                    Operation::Sum => {
                        let (words, caller) = message.fixed::<Words, u32>().ok_or(1_u32)?;
                        let sum = words.0.iter().sum::<u32>();
                        let leases = (0..lease_count).map(|index| caller.borrow(index).clone());
                        let lent: u32 = leases.filter_map(|lease| lease.read::<u32>()).sum();
                        match sum {
                            0 => caller.reply_fail(Refused),
                            _ => caller.reply(sum + lent),
                        }
                    }
                    Operation::Later => {
                        assert!(
                            message
                                .fixed_with_leases::<(), u8>(lease_count + 1)
                                .is_none()
                        );
                        waits = Some(());
                    }
                }
                Ok::<(), u32>(())
            });
            if waits.take().is_some() {
                hl::Caller::from(TaskId::for_index(2)).reply(9_u8);
            }
        }
    });
    let client = builder.task("client", 3, move || {
        let mut reply = [0; 4];
        let words = [1_u32, 2];
        let leases = || {
            [
                Lease::read_only(&[3, 0, 0, 0]),
                Lease::read_only(&[4, 0, 0, 0]),
            ]
        };
        let answer = sys_send(server, 1, words.as_bytes(), &mut reply, &leases());
        assert_eq!((answer, reply), ((0, 4), [10, 0, 0, 0]));
        let answer = sys_send(server, 1, words.as_bytes(), &mut reply, &[]);
        assert_eq!((answer, reply), ((0, 4), [3, 0, 0, 0]));
        assert_eq!(sys_send(server, 1, &[0; 8], &mut reply, &[]), (17, 0));
        assert_eq!(sys_send(server, 1, &[0; 7], &mut reply, &[]), (1, 0));
        assert_eq!(sys_send(server, 1, &[1; 8], &mut [0; 3], &[]), (1, 0));
        assert_eq!(sys_send(server, 2, &[], &mut reply, &[]), (0, 1));
    });
    let mut image = builder.build();
    image.run();
    assert!(image.has_ended(client));
}

/// (U4) A panic message is read as text, and what is no text in it is told apart.
#[test]
fn u4_a_panic_message_is_text() {
    let mut builder = Builder::new();
    let victim = builder.task("victim", 2, || {
        sys_panic(b"caf\xC3\xA9 \xC3");
    });
    let reader = builder.task("reader", 3, move || {
        let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
        let chunks = kipc::read_panic_message(victim.index(), &mut buffer).unwrap();
        let chunks: Vec<_> = chunks
            .map(|chunk| (chunk.valid().to_owned(), chunk.invalid().to_vec()))
            .collect();
        assert_eq!(chunks, [("café ".to_owned(), vec![0xC3])]);
        let none: Option<ReadPanicMessageError> = kipc::read_panic_message(0, &mut buffer).err();
        assert_eq!(none, Some(ReadPanicMessageError::TaskNotPanicked));
        assert_eq!(2.try_into(), Ok(ReadPanicMessageError::BadPanicBuffer));
        assert_eq!(ReadPanicMessageError::try_from(3), Err(()));
    });
    let mut image = builder.build();
    image.run();
    assert!(image.has_ended(reader));
}
