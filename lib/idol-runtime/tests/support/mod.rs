// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A server and its clients in one image on the host, for tests of what goes between them.
//!
//! | task | what it does |
//! |---|---|
//! | 0 | the supervisor: restarts tasks when a test asks for it, and otherwise leaves them as they are |
//! | 3 | the server |
//! | 7 | the client, unless a test wants it elsewhere |
//! | 8 | the client of [`fault_of`] |
//! | others | wait |

#![allow(dead_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use userlib::host::Builder;
use userlib::{
    FaultInfo, ReplyFaultReason, SchedState, TaskId, TaskState, kipc, sys_post,
    sys_recv_notification, sys_recv_open, sys_refresh_task_id,
};

pub const SUPERVISOR: TaskId = TaskId::for_index(0);
/// The server in its first life.
pub const SERVER: TaskId = TaskId::for_index(3);
/// The client in its first life.
pub const CLIENT: TaskId = TaskId::for_index(7);
/// The task of [`fault_of`].
const ATTEMPT: usize = 8;
const TASKS: usize = 11;
/// The supervisor's notification for orders.
const ORDER: u32 = 1 << 1;

type Part = Box<dyn FnOnce() + Send>;

/// What the tasks of an image share.
#[derive(Default)]
struct Stage {
    /// What each task does in its next life.
    parts: Mutex<[Option<Part>; TASKS]>,
    /// What the supervisor has to do.
    orders: Mutex<VecDeque<Part>>,
    /// How many of the server's next lives end at their first message.
    doomed: Mutex<usize>,
}

thread_local! {
    static STAGE: RefCell<Option<Arc<Stage>>> = const { RefCell::new(None) };
}

/// The stage of this thread's task.
fn stage() -> Arc<Stage> {
    let stage = STAGE.with_borrow(Clone::clone);
    stage.expect("called by a task of `play`")
}

/// The value, even where another test's part panicked that had it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `server` in each life of the server, and `client` in task 7, until both wait.
///
/// # Panics
///
/// A task panicked, the client did not come to its end, or the server faulted.
pub fn play(server: impl Fn() + Send + Sync + 'static, client: impl FnOnce() + Send + 'static) {
    play_as(CLIENT.index(), server, client);
}

/// As [`play`], with the client as task `index`. The supervisor can be one.
pub fn play_as(
    index: usize,
    server: impl Fn() + Send + Sync + 'static,
    client: impl FnOnce() + Send + 'static,
) {
    let mut image = Cast::new(server, index, client).builder.build();
    image.run();
    let (client, server) = (TaskId::for_index(index), image.state(SERVER));
    // The supervisor goes on waiting for orders.
    let is_supervisor = index == SUPERVISOR.index();
    let has_ended = if is_supervisor {
        image.state(client) == TaskState::Healthy(SchedState::InRecv(Some(TaskId::KERNEL)))
    } else {
        image.has_ended(client)
    };
    let state = image.state(client);
    assert!(has_ended, "client: {state:?}, server: {server:?}");
    assert!(
        matches!(server, TaskState::Healthy(_)),
        "server: {server:?}"
    );
}

/// An image that was not built yet, for tests that look at tasks from outside.
pub struct Cast {
    pub builder: Builder,
}

impl Cast {
    pub fn new(
        server: impl Fn() + Send + Sync + 'static,
        client: usize,
        main: impl FnOnce() + Send + 'static,
    ) -> Self {
        let stage = Arc::new(Stage::default());
        if client == SUPERVISOR.index() {
            lock(&stage.orders).push_back(Box::new(main));
        } else {
            lock(&stage.parts)[client] = Some(Box::new(main));
        }
        let enter = {
            let stage = Arc::clone(&stage);
            move || STAGE.set(Some(Arc::clone(&stage)))
        };
        let mut builder = Builder::with_supervisor({
            let enter = enter.clone();
            move || {
                enter();
                supervise();
            }
        });
        builder.record_calls();
        let server: Arc<dyn Fn() + Send + Sync> = Arc::new(server);
        for index in 1..TASKS {
            let enter = enter.clone();
            if index == SERVER.index() {
                let server = Arc::clone(&server);
                builder.task("server", 1, move || {
                    enter();
                    die_if_doomed();
                    server();
                });
            } else {
                // The client has others play for it, so they come first.
                let priority = if index == client { 3 } else { 2 };
                let name = if index == client { "client" } else { "other" };
                builder.task(name, priority, move || {
                    enter();
                    let part = own_part(index);
                    if let Some(part) = part {
                        part();
                    }
                });
            }
        }
        Self { builder }
    }
}

/// What a task does in this life, if anything.
fn own_part(index: usize) -> Option<Part> {
    lock(&stage().parts)[index].take()
}

/// The supervisor.
fn supervise() {
    loop {
        let next = || lock(&stage().orders).pop_front();
        while let Some(order) = next() {
            order();
        }
        let _ = sys_recv_notification(ORDER);
    }
}

/// Has the supervisor do something. It has done so when this returns, unless it ended the caller's life.
fn order(order: impl FnOnce() + Send + 'static) {
    lock(&stage().orders).push_back(Box::new(order));
    sys_post(SUPERVISOR, ORDER);
}

/// Has the supervisor begin the next life of a task, or of the caller.
pub fn restart(task: TaskId) {
    order(move || kipc::reinit_task(task.index(), true));
}

/// Has the supervisor end the life of a task.
pub fn stop(task: TaskId) {
    order(move || kipc::reinit_task(task.index(), false));
}

/// Kills the server for the client's next SENDs, one for each generation: the SEND ends with the server's death, and the new life
/// has that generation. The first life ends at once, each other one when it has received a message.
pub fn kill_server(generations: &[u8]) {
    let [first, others @ ..] = generations else {
        return;
    };
    let successive = generations.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(successive, "a life is followed by the next");
    *lock(&stage().doomed) = others.len();
    let generation = (*first).into();
    order(move || {
        loop {
            kipc::reinit_task(SERVER.index(), true);
            if sys_refresh_task_id(SERVER).generation() == generation {
                return;
            }
        }
    });
}

/// Ends this life of the server at its first message, if a test wants that.
fn die_if_doomed() {
    let stage = stage();
    let mut doomed = lock(&stage.doomed);
    if *doomed > 0 {
        *doomed -= 1;
        drop(doomed);
        let _ = sys_recv_open(&mut [], 0);
        restart(SERVER);
    }
}

/// Runs a client that a server may fault, in the next life of task 8, and returns the reason. `None`: the client came to its end.
pub fn fault_of(client: impl FnOnce() + Send + 'static) -> Option<ReplyFaultReason> {
    fault_of_task(ATTEMPT, client)
}

/// As [`fault_of`], with another task.
pub fn fault_of_task(
    index: usize,
    client: impl FnOnce() + Send + 'static,
) -> Option<ReplyFaultReason> {
    let has_ended = Arc::new(Mutex::new(false));
    lock(&stage().parts)[index] = Some(Box::new({
        let has_ended = Arc::clone(&has_ended);
        move || {
            client();
            *lock(&has_ended) = true;
        }
    }));
    // It is more important than the caller, so it runs before the caller goes on.
    restart(TaskId::for_index(index));
    let server = sys_refresh_task_id(SERVER);
    match kipc::read_task_status(index) {
        TaskState::Faulted {
            fault: FaultInfo::FromServer(task, reason),
            ..
        } if task == server => Some(reason),
        TaskState::Healthy(_) if *lock(&has_ended) => None,
        state => panic!("neither faulted by the server nor at its end: {state:?}"),
    }
}

/// Whether a task waits for the server's answer.
pub fn waits_for_server(task: TaskId) -> bool {
    let server = sys_refresh_task_id(SERVER);
    sys_refresh_task_id(task) == task
        && kipc::read_task_status(task.index()) == TaskState::Healthy(SchedState::InReply(server))
}
