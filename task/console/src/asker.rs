// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The way to the driver that Ctrl-C ends.

use core::cell::Cell;

use drv_scmi_api::{
    Event, EventSource, Exchange, Polled, Request, Response, Scmi, ScmiError, ScmiInfo, ScmiStats,
};
use scmi::events::Thresholds;
use userlib::{
    SchedState, TaskId, TaskState, kipc, set_timer_relative, sys_get_timer, sys_recv_notification,
    sys_set_timer,
};

use crate::failure::Failure;
use crate::input::{Full, Input};
use crate::{notifications, task_name};

/// Whoever sits at a console does not wait longer than this for an answer, in milliseconds.
pub const DEADLINE_MS: u32 = 2000;
/// How long to wait before looking at the driver again if it posts nothing, in milliseconds: it may
/// have restarted.
const LOOK_MS: u32 = 100;
/// How long to wait before looking again at a task that does not listen, in milliseconds: much less than the time for which such
/// a task listens at least, before it asks the platform again.
const LISTEN_MS: u32 = 5;

/// Asks the driver, and looks for Ctrl-C before each question and while an answer is outstanding.
///
/// After Ctrl-C every question ends by an error at once, so that a command ends soon whatever it
/// makes of errors. The error is `TimedOut`, which is neither an answer nor a reason to ask again;
/// [`Asker::take_interrupt`] says what it was.
pub struct Asker {
    scmi: Scmi,
    driver: TaskId,
    input: Input,
    /// When every question ends, in milliseconds since boot.
    limit: Cell<Option<u64>>,
}

impl Asker {
    /// Asks this driver, and looks for Ctrl-C in this input.
    pub fn new(scmi: TaskId, input: Input) -> Self {
        Self {
            scmi: Scmi::from(scmi),
            driver: scmi,
            input,
            limit: Cell::new(None),
        }
    }

    /// As [`Scmi::info`].
    pub fn info(&self) -> Result<ScmiInfo, Failure<'static>> {
        self.wait_for(self.driver)?;
        Ok(self.scmi.info())
    }

    /// As [`Scmi::stats`].
    pub fn stats(&self) -> Result<ScmiStats, Failure<'static>> {
        self.wait_for(self.driver)?;
        Ok(self.scmi.stats())
    }

    /// Returns `true` unless the driver has faulted and was not restarted.
    pub fn has_driver(&self) -> bool {
        is_running(self.driver)
    }

    /// Waits until a task that is to be asked listens: nothing ends a message to one that has faulted, or that asks the platform
    /// itself, before that task takes it. A command must call this before it asks another task than the driver, which also ends it
    /// after Ctrl-C.
    pub fn wait_for(&self, task: TaskId) -> Result<(), Failure<'static>> {
        let end = sys_get_timer().now.saturating_add(DEADLINE_MS.into());
        let end = self.limit.get().map_or(end, |limit| limit.min(end));
        loop {
            if self.interrupted() {
                return Err(Failure::Interrupted);
            }
            let runs = is_running(task);
            // The driver waits for nobody.
            if runs && (task == self.driver || is_listening(task)) {
                return Ok(());
            }
            if sys_get_timer().now >= end {
                let name = task_name(task.index());
                return Err(match runs {
                    true => Failure::Busy(name),
                    false => Failure::NotRunning(name),
                });
            }
            wait(if runs { LISTEN_MS } else { LOOK_MS });
        }
    }

    /// Sets or removes a time, in milliseconds since boot, at which every question ends as if the
    /// platform gave no answer.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.limit.set(limit);
    }

    /// What was typed.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Returns `true` if Ctrl-C was typed to end this command.
    pub fn interrupted(&self) -> bool {
        self.input.interrupted(Full::Wait)
    }

    /// Ends a command after Ctrl-C.
    pub fn check(&self) -> Result<(), Failure<'static>> {
        match self.interrupted() {
            true => Err(Failure::Interrupted),
            false => Ok(()),
        }
    }

    /// Returns what [`Asker::interrupted`] found, and forgets it: for the end of a command.
    pub fn take_interrupt(&self) -> bool {
        self.input.take_interrupt()
    }

    /// How long a question may take now, in milliseconds.
    fn patience(&self, deadline_ms: u32) -> Result<u32, ScmiError> {
        let Some(limit) = self.limit.get() else {
            return Ok(deadline_ms);
        };
        match limit.saturating_sub(sys_get_timer().now) {
            0 => Err(ScmiError::TimedOut),
            left => Ok(deadline_ms.min(u32::try_from(left).unwrap_or(u32::MAX))),
        }
    }

    /// Whatever stands in the way of a question is as good as no answer; the line's last words say
    /// more.
    fn go_on(&self) -> Result<(), ScmiError> {
        self.wait_for(self.driver).map_err(|_| ScmiError::TimedOut)
    }
}

fn is_running(task: TaskId) -> bool {
    !matches!(
        kipc::read_task_status(task.index()),
        TaskState::Faulted { .. }
    )
}

/// Returns `true` if a message to the task is taken at once.
fn is_listening(task: TaskId) -> bool {
    matches!(
        kipc::read_task_status(task.index()),
        TaskState::Healthy(SchedState::InRecv(None))
    )
}

/// Waits for so many milliseconds, or until the driver or the user has something new.
fn wait(ms: u32) {
    const WAKE: u32 =
        notifications::SCMI_MASK | notifications::INPUT_MASK | notifications::TIMER_MASK;
    set_timer_relative(ms, notifications::TIMER_MASK);
    // Bits are hints: everything is looked at afterwards.
    let _ = sys_recv_notification(WAKE);
    sys_set_timer(None, 0);
}

impl Exchange for Asker {
    fn exchange(
        &self,
        request: &Request<&[u8]>,
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        self.go_on()?;
        let deadline_ms = self.patience(request.deadline_ms)?;
        let request = request.with_deadline(deadline_ms);
        let handle = self.scmi.send(&request, notifications::SCMI_MASK)?;
        // The driver ends it at its deadline, and a later life of the driver at once.
        loop {
            if let Some(answer) = self.scmi.poll(handle, response)?.response() {
                return Ok(answer);
            }
            if let Err(ended) = self.go_on() {
                if self.has_driver() {
                    // If it has just ended, there is nothing to cancel.
                    let _ = self.scmi.cancel(handle);
                }
                return Err(ended);
            }
            wait(LOOK_MS);
        }
    }

    fn send(&self, request: &Request<&[u8]>, notification: u32) -> Result<u32, ScmiError> {
        self.scmi.send(request, notification)
    }

    fn poll(&self, handle: u32, response: &mut [u8]) -> Result<Polled, ScmiError> {
        self.go_on()?;
        self.scmi.poll(handle, response)
    }

    fn cancel(&self, handle: u32) -> Result<(), ScmiError> {
        self.go_on()?;
        self.scmi.cancel(handle)
    }

    /// While the platform is asked for a subscription, Ctrl-C waits: the driver's own deadline ends
    /// that, after a second.
    fn notify(
        &self,
        event: EventSource,
        enable: bool,
        thresholds: Thresholds,
    ) -> Result<(), ScmiError> {
        // Ctrl-C ends a line before it subscribes, and must not keep it from ending its
        // subscriptions.
        if enable {
            self.go_on()?;
        } else if !self.has_driver() {
            return Err(ScmiError::ServerRestarted);
        }
        self.scmi.notify(event, enable, thresholds)
    }

    fn next_event(&self, payload: &mut [u8]) -> Result<Event, ScmiError> {
        // Empty: whoever follows events looks again.
        if !self.has_driver() {
            return Ok(Event::default());
        }
        self.scmi.next_event(payload)
    }
}
