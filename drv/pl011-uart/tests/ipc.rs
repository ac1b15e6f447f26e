// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver that ships, called as in an image: by writers, by the owner of the input, and by those who do not keep to the interface.
//! The device is memory: what is written stays, what is read was put there.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use arm_pl011_uart::UniqueMmioPointer;
use drv_pl011_uart::device::{PL011Registers, Pl011, Queues, RECEIVE_CAPACITY, SEND_CAPACITY};
use drv_pl011_uart::{PER_MILLISECOND, Server};
use drv_uart_api::{Uart, UartError};
use userlib::host::{Builder, Image, keep};
use userlib::*;

// As `build.rs` has them for the host.
const OWNER: TaskId = TaskId::for_index(2);
const INPUT: u32 = 1 << 4;
const UART_IRQ: u32 = 1;

const DRIVER: TaskId = TaskId::for_index(1);
const WRITER: TaskId = TaskId::for_index(3);
const OTHER: TaskId = TaskId::for_index(4);
/// The device's interrupt.
const LINE: u32 = 33;

const DATA: usize = 0;
const FLAGS: usize = 0x18 / 4;
const SEND_FULL: u32 = 1 << 5;
const RECEIVE_EMPTY: u32 = 1 << 4;

type Main = Box<dyn Fn(&Uart) + Send + Sync>;

struct Bench {
    image: Image,
    registers: &'static [AtomicU32; 1024],
}

impl Bench {
    fn new(flags: u32, owner: Main, writer: Main, other: Main) -> Self {
        let registers: &_ = keep([const { AtomicU32::new(0) }; 1024]);
        registers[FLAGS].store(flags, Ordering::Relaxed);
        let mut builder = Builder::new();
        let driver = builder.task("uart", 2, move || {
            // Safety: they are as large and as aligned as registers, and live as long as the process. The test, which uses them too,
            // runs only while this thread waits.
            let registers = unsafe {
                UniqueMmioPointer::new(NonNull::from(registers).cast::<PL011Registers>())
            };
            let queues = keep(Queues::new());
            let Ok(uart) = Pl011::new(registers, queues, 115_200, 24_000_000) else {
                panic!("the clock can be divided");
            };
            Server::new(uart).serve()
        });
        assert_eq!(driver, DRIVER);
        builder.interrupt(driver, LINE, UART_IRQ);
        for (name, priority, main) in [
            ("owner", 3, owner),
            ("writer", 4, writer),
            ("other", 5, other),
        ] {
            builder.task(name, priority, move || {
                main(&Uart::from(sys_refresh_task_id(DRIVER)));
            });
        }
        let mut bench = Self {
            image: builder.build(),
            registers,
        };
        bench.image.run();
        bench
    }

    fn set_flags(&mut self, flags: u32) {
        self.registers[FLAGS].store(flags, Ordering::Relaxed);
    }

    fn interrupt(&mut self) {
        self.image.raise(LINE);
        self.image.run();
    }

    fn sent(&self) -> u32 {
        self.registers[DATA].load(Ordering::Relaxed)
    }

    fn check(&self, ended: &[TaskId]) {
        for &task in ended {
            assert!(self.image.has_ended(task), "{:?}", self.image.state(task));
        }
        let driver = self.image.state(DRIVER);
        assert!(matches!(driver, TaskState::Healthy(_)), "{driver:?}");
    }
}

fn idle() -> Main {
    Box::new(|_| {})
}

#[test]
fn a_writer_waits_until_the_driver_has_all_of_its_bytes() {
    let done = Arc::new(AtomicU32::new(0));
    let mut bench = Bench::new(
        RECEIVE_EMPTY | SEND_FULL,
        idle(),
        {
            let done = Arc::clone(&done);
            Box::new(move |uart| {
                let bytes: Vec<u8> = (0..600).map(|n| n as u8).collect();
                uart.write(&bytes).unwrap();
                done.store(1, Ordering::Relaxed);
                assert_eq!(uart.stats().sent, 600);
            })
        },
        idle(),
    );
    assert_eq!(done.load(Ordering::Relaxed), 0);
    bench.set_flags(RECEIVE_EMPTY);
    bench.interrupt();
    assert_eq!(bench.sent(), 599 & 0xff);
    bench.check(&[WRITER]);
}

/// A device that takes everything at once must not let an unimportant writer keep the processor.
#[test]
fn in_a_millisecond_no_more_is_taken_than_is_allowed() {
    const ALL: usize = if cfg!(miri) { 2 } else { 10 } * PER_MILLISECOND;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let mut bench = Bench::new(
        RECEIVE_EMPTY,
        idle(),
        Box::new(|uart| uart.write(&vec![b'x'; ALL]).unwrap()),
        {
            let sent = Arc::clone(&sent);
            Box::new(move |uart| {
                for _ in 0..20 {
                    let now = sys_get_timer().now as usize;
                    sent.lock().unwrap().push((now, uart.stats().sent as usize));
                    hl::sleep_for(1);
                }
            })
        },
    );
    bench.image.run_for(60);
    bench.check(&[WRITER, OTHER]);
    let sent = sent.lock().unwrap();
    for (now, sent) in sent.iter() {
        assert!(*sent <= (now + 1) * PER_MILLISECOND, "{sent} at {now} ms");
    }
    assert_eq!(sent.last().map(|(_, sent)| *sent), Some(ALL));
}

#[test]
fn the_bytes_of_one_call_stay_together() {
    let mut bench = Bench::new(
        RECEIVE_EMPTY | SEND_FULL,
        idle(),
        Box::new(|uart| uart.write(&[b'w'; SEND_CAPACITY + 5]).unwrap()),
        Box::new(|uart| uart.write(b"o").unwrap()),
    );
    assert!(!bench.image.has_ended(OTHER));
    bench.set_flags(RECEIVE_EMPTY);
    bench.interrupt();
    assert_eq!(bench.sent(), b'o'.into());
    bench.check(&[WRITER, OTHER]);
}

#[test]
fn a_writer_that_dies_loses_its_turn_and_holds_nobody_up() {
    let lives = Arc::new(AtomicU32::new(0));
    let mut bench = Bench::new(
        RECEIVE_EMPTY | SEND_FULL,
        idle(),
        {
            let lives = Arc::clone(&lives);
            Box::new(move |uart| {
                if lives.fetch_add(1, Ordering::Relaxed) == 0 {
                    uart.write(&[b'w'; 1000]).unwrap();
                }
            })
        },
        Box::new(|uart| uart.write(b"o").unwrap()),
    );
    bench.image.restart(WRITER);
    bench.set_flags(RECEIVE_EMPTY);
    bench.interrupt();
    assert_eq!(bench.sent(), b'o'.into());
    bench.check(&[WRITER, OTHER]);
}

/// There is a place for each task; those of earlier lives are not counted.
#[test]
fn a_task_that_dies_again_and_again_fills_no_queue() {
    /// More than there are tasks.
    const DEATHS: u32 = 40;
    let lives = Arc::new(AtomicU32::new(0));
    let mut bench = Bench::new(
        RECEIVE_EMPTY | SEND_FULL,
        idle(),
        {
            let lives = Arc::clone(&lives);
            Box::new(move |uart| {
                if lives.fetch_add(1, Ordering::Relaxed) < DEATHS {
                    uart.write(&[b'w'; 1000]).unwrap();
                }
            })
        },
        Box::new(|uart| uart.write(b"o").unwrap()),
    );
    for _ in 0..DEATHS {
        bench.image.restart(WRITER);
    }
    bench.set_flags(RECEIVE_EMPTY);
    bench.interrupt();
    bench.check(&[WRITER, OTHER]);
}

#[test]
fn input_is_for_its_owner() {
    let read = Arc::new(Mutex::new(Vec::new()));
    let mut bench = Bench::new(
        RECEIVE_EMPTY,
        {
            let read = Arc::clone(&read);
            Box::new(move |uart| {
                // The first is of the driver's start.
                let _ = sys_recv_notification(INPUT);
                let _ = sys_recv_notification(INPUT);
                let mut bytes = [0; 100];
                while let Ok(n @ 1..) = uart.read(&mut bytes) {
                    read.lock().unwrap().extend_from_slice(&bytes[..n as usize]);
                    if read.lock().unwrap().len() >= RECEIVE_CAPACITY {
                        break;
                    }
                }
            })
        },
        Box::new(|uart| {
            assert_eq!(uart.read(&mut [0; 4]), Err(UartError::NotOwner));
        }),
        idle(),
    );
    bench.check(&[WRITER]);
    assert!(!bench.image.has_ended(OWNER));
    // The flags say that there is always one more of these.
    bench.registers[DATA].store(b'y'.into(), Ordering::Relaxed);
    bench.set_flags(0);
    bench.interrupt();
    bench.check(&[OWNER]);
    let read = read.lock().unwrap();
    assert!(read.len() >= RECEIVE_CAPACITY && read.iter().all(|byte| *byte == b'y'));
}

#[test]
fn whoever_breaks_the_interface_is_faulted_and_others_are_served() {
    /// A call: operation, message, room for the answer, leases.
    fn send(operation: u16, message: &[u8], room: usize, leases: &[Lease<'_>]) {
        sys_send(DRIVER, operation, message, &mut vec![0; room], leases);
    }
    let calls: [fn(); 6] = [
        || send(9, &[], 16, &[]),
        || send(1, &[1; 50], 0, &[Lease::read_only(b"x")]),
        || send(1, &[], 0, &[]),
        || send(1, &[], 0, &[Lease::write_only(&mut [0; 4])]),
        || send(1, &[], 0, &[Lease::no_access(b"abc")]),
        // The counters do not fit.
        || send(3, &[], 15, &[]),
    ];
    for (number, call) in calls.into_iter().enumerate() {
        let bench = Bench::new(
            RECEIVE_EMPTY,
            idle(),
            Box::new(move |_| {
                for bits in [1, u32::MAX, 1 << 31] {
                    sys_post(DRIVER, bits);
                }
                call();
            }),
            Box::new(|uart| uart.write(b"o").unwrap()),
        );
        let state = bench.image.state(WRITER);
        let is_its_fault = matches!(
            state,
            TaskState::Faulted {
                fault: FaultInfo::FromServer(DRIVER, _),
                ..
            }
        );
        assert!(is_its_fault, "call {number}: {state:?}");
        assert_eq!(bench.sent(), b'o'.into());
        bench.check(&[OTHER]);
    }
}
