// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A kernel for one client and one server on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::{Generation, LeaseAttributes, ReplyFaultReason, TaskId, dead_response_code};

use crate::Lease;

pub mod syscalls;

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::default());
}

#[derive(Default)]
struct Kernel {
    server: Option<Box<dyn FnMut()>>,
    /// Who sends; the first life of task 7 unless a test says otherwise.
    client: Option<TaskId>,
    /// What the server receives next.
    incoming: Option<Incoming>,
    /// What became of the message.
    outcome: Option<Outcome>,
    leases: Vec<KernelLease>,
    waiting: bool,
    capacity: usize,
    /// SENDs that meet a dead server before one that does not, and its new generations.
    deaths: VecDeque<Generation>,
    /// The server's life.
    life: Generation,
    log: Vec<Call>,
}

enum Incoming {
    Message { operation: u16, bytes: Vec<u8> },
    Notification(u32),
}

#[derive(Debug)]
enum Outcome {
    Reply { code: u32, bytes: Vec<u8> },
    Fault(ReplyFaultReason),
    Gone,
}

#[derive(Copy, Clone)]
struct KernelLease {
    attributes: LeaseAttributes,
    base: *mut u8,
    len: usize,
}

/// A system call that a test may want to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Send {
        target: TaskId,
        operation: u16,
        message: Vec<u8>,
        capacity: usize,
        leases: Vec<(LeaseAttributes, usize)>,
    },
    Reply {
        code: u32,
        message: Vec<u8>,
    },
    BorrowInfo(usize),
    BorrowRead {
        lease: usize,
        offset: usize,
        len: usize,
    },
    BorrowWrite {
        lease: usize,
        offset: usize,
        len: usize,
    },
}

/// Makes `server` the one that answers SENDs on this thread: it is called again and again until the client is answered, and each time should
/// receive one message or do other work.
pub fn serve_with(server: impl FnMut() + 'static) {
    with(|kernel| kernel.server = Some(Box::new(server)));
}

/// From now on, SENDs come from this task.
pub fn be_client(client: TaskId) {
    with(|kernel| kernel.client = Some(client));
}

/// Lets the next SENDs, one for each generation, end with the server's death and that new generation.
pub fn kill_server(generations: &[u8]) {
    with(|kernel| {
        kernel.deaths.extend(
            generations
                .iter()
                .map(|generation| Generation::from(*generation)),
        );
    });
}

/// Kills the client that waits for the server, and thereby ends its SEND: later replies and borrows find nobody.
pub fn kill_client() {
    with(|kernel| {
        kernel.waiting = false;
        kernel.outcome = Some(Outcome::Gone);
    });
}

/// Takes a death back.
pub fn revive_client() {
    with(|kernel| {
        kernel.waiting = true;
        kernel.outcome = None;
    });
}

/// Gives the server notifications instead of a message, in a receive of its own.
pub fn notify(bits: u32) {
    with(|kernel| kernel.incoming = Some(Incoming::Notification(bits)));
    run_server();
}

/// Takes the log of system calls since the last time.
pub fn take_log() -> Vec<Call> {
    with(|kernel| std::mem::take(&mut kernel.log))
}

/// Whether a client waits for an answer.
pub fn client_waits() -> bool {
    with(|kernel| kernel.waiting)
}

/// Runs a client that is expected to be faulted, and returns the reason. `None` when it was not.
pub fn client_fault(client: impl FnOnce()) -> Option<ReplyFaultReason> {
    let payload = match catch_unwind(AssertUnwindSafe(client)) {
        Ok(()) => return None,
        Err(payload) => payload,
    };
    match payload.downcast::<ClientFault>() {
        Ok(fault) => Some(fault.0),
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

struct ClientFault(ReplyFaultReason);

fn with<T>(f: impl FnOnce(&mut Kernel) -> T) -> T {
    KERNEL.with_borrow_mut(f)
}

fn server_fault(what: &str) -> ! {
    panic!("SERVER FAULT: {what}")
}

/// Lets the server work once.
fn run_server() {
    // Not borrowed while it runs: it makes system calls.
    let mut server = with(|kernel| kernel.server.take()).expect("the test gave no server");
    server();
    with(|kernel| {
        // Unless it put another one in its place.
        if kernel.server.is_none() {
            kernel.server = Some(server);
        }
    });
}

/// SEND, from the call to the answer.
fn send(
    target: TaskId,
    operation: u16,
    message: &[u8],
    capacity: usize,
    leases: &[Lease<'_>],
) -> (u32, Vec<u8>) {
    let death = with(|kernel| {
        kernel.log.push(Call::Send {
            target,
            operation,
            message: message.to_vec(),
            capacity,
            leases: leases.iter().map(|l| (l.attributes, l.len)).collect(),
        });
        let death = kernel.deaths.pop_front();
        kernel.life = death.unwrap_or(kernel.life);
        death
    });
    if let Some(generation) = death {
        return (dead_response_code(generation), Vec::new());
    }
    with(|kernel| {
        kernel.leases = leases
            .iter()
            .map(|lease| KernelLease {
                attributes: lease.attributes,
                base: lease.base,
                len: lease.len,
            })
            .collect();
        kernel.capacity = capacity;
        kernel.waiting = true;
        kernel.outcome = None;
        kernel.incoming = Some(Incoming::Message {
            operation,
            bytes: message.to_vec(),
        });
    });
    for _ in 0..10 {
        run_server();
        if let Some(outcome) = with(|kernel| kernel.outcome.take()) {
            return match outcome {
                Outcome::Reply { code, bytes } => (code, bytes),
                Outcome::Fault(reason) => std::panic::resume_unwind(Box::new(ClientFault(reason))),
                Outcome::Gone => panic!("CLIENT GONE"),
            };
        }
    }
    panic!("the server never answered");
}
