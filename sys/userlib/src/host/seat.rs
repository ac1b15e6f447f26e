// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tasks as threads, of which the one runs that the kernel has chosen.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use abi::{Sysnum, TaskId};
use kern::Kernel;

use super::calls::Call;
use super::memory::{Memory, Window};
use crate::{sys_panic, sys_recv_notification};

/// What a task does in each of its lives.
pub type Main = Arc<dyn Fn() + Send + Sync>;

/// The payload that ends a thread whose task's life is over.
struct Over;

thread_local! {
    /// The image of this thread's task, its index, and which of its lives this is.
    static SEAT: RefCell<Option<(Arc<Shared>, TaskId)>> = const { RefCell::new(None) };
}

/// A task's place: its thread, if its present life has begun.
pub struct Seat {
    name: &'static str,
    main: Main,
    /// The latest thread, and which life it lives.
    thread: Option<(JoinHandle<()>, TaskId)>,
    has_ended: bool,
    may_panic: bool,
    panic: Option<String>,
}

impl Seat {
    pub fn new(name: &'static str, main: Main, may_panic: bool) -> Self {
        Self {
            name,
            main,
            thread: None,
            has_ended: false,
            may_panic,
            panic: None,
        }
    }
}

/// What the lock protects: everything.
pub struct State {
    pub kernel: Kernel<'static, Memory>,
    seats: Vec<Seat>,
    /// The record of calls, if there is one.
    calls: Option<Vec<Call>>,
    /// Why nothing goes on: the machine was reset, or the supervisor faulted, or a task panicked that must not.
    end: Option<String>,
}

impl State {
    /// The task that the kernel has chosen, in its present life.
    fn chosen(&self) -> TaskId {
        self.kernel.current().id()
    }

    fn idle(&self) -> usize {
        self.seats.len() - 1
    }

    pub fn has_ended(&self, task: usize) -> bool {
        let seat = &self.seats[task];
        let id = self.kernel.tasks()[task].id();
        seat.has_ended && seat.thread.as_ref().is_some_and(|(_, life)| *life == id)
    }

    pub fn panic_of(&self, task: usize) -> Option<String> {
        self.seats[task].panic.clone()
    }

    pub fn take_calls(&mut self) -> Vec<Call> {
        let calls = self.calls.as_mut();
        std::mem::take(calls.expect("the image was not built to record calls"))
    }

    /// A task panicked, and the kernel is about to hear of it.
    fn panicked(&mut self, task: usize, text: &str) {
        let seat = &mut self.seats[task];
        seat.panic = Some(text.to_owned());
        if !seat.may_panic {
            self.end = Some(format!("task `{}` panicked: {text}", seat.name));
        }
    }
}

/// An image, shared by the threads of its tasks.
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub fn new(
        kernel: Kernel<'static, Memory>,
        seats: Vec<Seat>,
        calls: Option<Vec<Call>>,
    ) -> Self {
        let state = State {
            kernel,
            seats,
            calls,
            end: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The state, even where a test failed that had it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the chosen task go on, and returns when the kernel chooses `life`; `None`: that life is over, or everything is.
    fn wait<'s>(
        this: &'s Arc<Self>,
        mut state: MutexGuard<'s, State>,
        life: TaskId,
    ) -> Option<MutexGuard<'s, State>> {
        // A thread that only looked at the state has no news for the others. If it woke them, they would wake each other without
        // end.
        let mut has_news = true;
        loop {
            let is_alive = state.kernel.tasks()[life.index()].id() == life;
            if state.end.is_some() || !is_alive {
                this.changed.notify_all();
                return None;
            }
            let chosen = state.chosen();
            if chosen == life {
                return Some(state);
            }
            if has_news {
                Self::begin_life(this, &mut state, chosen);
                this.changed.notify_all();
                has_news = false;
            }
            state = this
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the thread of a task's life, if it has none yet. Idle is the test itself.
    fn begin_life(this: &Arc<Self>, state: &mut State, life: TaskId) {
        let is_idle = life.index() == state.idle();
        let seat = &mut state.seats[life.index()];
        if is_idle || matches!(&seat.thread, Some((_, present)) if *present == life) {
            return;
        }
        seat.has_ended = false;
        let before = seat.thread.take();
        let (shared, main) = (Arc::clone(this), Arc::clone(&seat.main));
        let thread = thread::Builder::new().name(seat.name.into());
        let thread = thread.spawn(move || {
            if let Some((before, _)) = before {
                // It knows that it is over, and ends without another system call.
                let _ = before.join();
            }
            live(shared, life, &main);
        });
        let thread = thread.expect("the host has room for a thread");
        seat.thread = Some((thread, life));
    }

    /// For the test, which is idle: lets the others run until they all wait.
    pub fn run_to_idle(this: &Arc<Self>) {
        let mut state = this.state();
        let idle = TaskId::for_index(state.idle());
        loop {
            let end = match Self::wait(this, state, idle) {
                None => this.state().end.clone(),
                Some(mut running) => {
                    if !running.kernel.machine.interrupts() {
                        return;
                    }
                    running.kernel.interrupt();
                    state = running;
                    continue;
                }
            };
            if !this.state().kernel.machine.was_reset() {
                panic!("{}", end.unwrap_or_default());
            }
            return;
        }
    }

    /// Ends all threads.
    pub fn end(&self) {
        let threads: Vec<_> = {
            let mut state = self.state();
            state.end.get_or_insert_with(|| "the test is over".into());
            self.changed.notify_all();
            let seats = state.seats.iter_mut();
            seats.filter_map(|seat| seat.thread.take()).collect()
        };
        for (thread, _) in threads {
            let _ = thread.join();
        }
    }
}

/// A thread: one life of a task.
fn live(shared: Arc<Shared>, life: TaskId, main: &Main) {
    if Shared::wait(&shared, shared.state(), life).is_none() {
        return;
    }
    SEAT.set(Some((Arc::clone(&shared), life)));
    let ended = catch_unwind(AssertUnwindSafe(|| main()));
    // What it does now may find that this life is over, and then unwinds once more.
    let _ = catch_unwind(AssertUnwindSafe(|| match ended {
        Ok(()) => {
            shared.state().seats[life.index()].has_ended = true;
            loop {
                let _ = sys_recv_notification(0);
            }
        }
        Err(payload) if payload.is::<Over>() => {}
        Err(payload) => {
            let text = text_of(payload.as_ref());
            shared.state().panicked(life.index(), &text);
            shared.changed.notify_all();
            let kept = text.as_bytes();
            sys_panic(&kept[..kept.len().min(crate::PANIC_MESSAGE_MAX_LEN)]);
        }
    }));
    SEAT.set(None);
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// Makes a system call of this thread's task: `arguments` hands over what the call needs.
///
/// # Panics
///
/// The thread is no task's.
pub fn call<const RESULTS: usize>(
    number: Sysnum,
    arguments: impl FnOnce(&mut Window) -> [u32; 7],
) -> [u32; RESULTS] {
    let Some((shared, life)) = SEAT.with_borrow(Clone::clone) else {
        panic!("{number:?}: system calls exist only in tasks, of an image or of `userlib::host`");
    };
    let mut state = shared.state();
    if state.end.is_some() || state.chosen() != life {
        drop(state);
        return over();
    }
    let window = state.kernel.machine.window(life.index());
    window.clear();
    let arguments = arguments(window);
    if let State {
        calls: Some(calls),
        kernel,
        ..
    } = &mut *state
    {
        calls.extend(Call::of(number, arguments, &mut kernel.machine));
    }
    let registers = &mut state.kernel.current_mut().registers;
    registers.set_call(number as u32, arguments);
    let kernel = &mut state.kernel;
    let done = catch_unwind(AssertUnwindSafe(|| {
        kernel.system_call();
        // What is pending now is taken before any task goes on.
        while kernel.machine.interrupts() {
            kernel.interrupt();
        }
    }));
    if let Err(payload) = done {
        // The machine stopped in the middle of the call.
        state.end = Some(text_of(payload.as_ref()));
    }
    match Shared::wait(&shared, state, life) {
        Some(state) => state.kernel.current().registers.results(),
        None => over(),
    }
}

/// Returns the calls that were recorded in this thread's image since they were last taken.
///
/// # Panics
///
/// The thread is no task's, or nothing is recorded: [`Builder::record_calls`](super::Builder::record_calls) was not called.
pub fn take_calls() -> Vec<Call> {
    let shared = SEAT.with_borrow(|seat| seat.as_ref().map(|(shared, _)| Arc::clone(shared)));
    let shared = shared.expect("only a task can ask for the calls of its image");
    shared.state().take_calls()
}

/// Ends this thread. While it unwinds, destructors may make calls, which then do nothing.
fn over<const RESULTS: usize>() -> [u32; RESULTS] {
    if thread::panicking() {
        return [0; RESULTS];
    }
    resume_unwind(Box::new(Over))
}
