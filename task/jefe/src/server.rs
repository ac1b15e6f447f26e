// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the kernel and the callers to what [`supervision`](crate::supervision) decides, and back.

use hubris_num_tasks::NUM_TASKS;
use idol_runtime::{ClientError, Leased, NotificationHandler, RequestError, W};
use ringbuf::{ringbuf, ringbuf_entry};
use task_jefe_api::{DumpInfo, JefeError, TaskStatus};
use userlib::*;

use crate::dumps::Dumps;
use crate::supervision::{Task, Tasks};
use crate::{config, idl, notifications};

#[derive(Copy, Clone, PartialEq)]
enum Trace {
    None,
    Fault { task: usize, fault: FaultInfo },
    Restart { task: usize },
    Order { from: TaskId, task: usize },
    State(u32),
}

ringbuf!(Trace, 16, Trace::None);

/// What is known of the tasks of this image.
pub type All = Tasks<NUM_TASKS>;

/// All tasks started at boot.
#[must_use]
pub const fn all() -> All {
    Tasks::new(!config::ON_TASK_FAULT.is_empty())
}

/// The task: what is known of the others, what is kept of them, and the state that they agree on.
pub struct Server<'a> {
    tasks: &'a mut All,
    dumps: &'a mut Dumps,
    state: u32,
}

impl<'a> Server<'a> {
    /// Nothing has happened yet. Both grow with the number of tasks, so they are not part of it, which lies on the stack.
    #[must_use]
    pub const fn new(tasks: &'a mut All, dumps: &'a mut Dumps) -> Self {
        Self {
            tasks,
            dumps,
            state: 0,
        }
    }

    /// Supervises until the machine restarts.
    pub fn serve(&mut self) -> ! {
        for &index in config::TASKS_TO_HOLD {
            if let Some(task) = self.tasks.get_mut(index) {
                task.hold();
            }
        }
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

    /// The task with that index, if orders about it can be given.
    fn subordinate(&mut self, index: u16) -> Result<&mut Task, JefeError> {
        match index {
            0 => Err(JefeError::IsSupervisor),
            index => self
                .tasks
                .get_mut(index.into())
                .ok_or(JefeError::NoSuchTask),
        }
    }

    /// Finds what faulted, and decides when to restart it.
    fn look_for_faults(&mut self, now: u64) {
        let mut start = 1;
        while let Some(index) = kipc::find_faulted_task(start).map(usize::from) {
            // The kernel takes a start just behind the last task, and finds nothing there.
            start = index.saturating_add(1);
            let TaskState::Faulted { fault, .. } = kipc::read_task_status(index) else {
                continue;
            };
            if self.tasks.faulted(index, fault, now) {
                ringbuf_entry!(Trace::Fault { task: index, fault });
                self.dumps.keep(index, fault, now);
                if let (FaultInfo::Panic, Some(task)) = (fault, self.tasks.get_mut(index)) {
                    // The message is in the memory of the task, and gone once that is restarted.
                    let message = task.panic_message_mut();
                    let bytes = kipc::read_panic_message_bytes(index, &mut message.buffer);
                    message.len = bytes.map_or(0, <[u8]>::len);
                }
                post(config::ON_TASK_FAULT);
            }
        }
    }

    /// Restarts what is due, and sets the timer for the next.
    fn restart_what_is_due(&mut self, now: u64) {
        while let Some(index) = self.tasks.due(now) {
            self.restart(index, now);
        }
        sys_set_timer(self.tasks.next_deadline(), notifications::TIMER_MASK);
    }

    fn restart(&mut self, index: usize, now: u64) {
        ringbuf_entry!(Trace::Restart { task: index });
        kipc::reinit_task(index, true);
        if let Some(task) = self.tasks.get_mut(index) {
            task.restarted(now);
        }
        // Ordered or not: whoever counts on the task's former life is told.
        post(config::ON_TASK_FAULT);
    }
}

/// Posts to everyone on a mailing list.
fn post(listeners: &[(usize, u32)]) {
    for &(index, bits) in listeners {
        // A listener that is just dead learns of it when it asks, after its restart.
        sys_post(sys_refresh_task_id(TaskId::for_index(index)), bits);
    }
}

fn now() -> u64 {
    sys_get_timer().now
}

impl NotificationHandler for Server<'_> {
    fn current_notification_mask(&self) -> u32 {
        notifications::FAULT_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        let now = now();
        if bits.check_notification_mask(notifications::FAULT_MASK) {
            self.look_for_faults(now);
        }
        self.restart_what_is_due(now);
    }
}

impl idl::InOrderJefeImpl for Server<'_> {
    fn request_reset(
        &mut self,
        _: &RecvMessage,
    ) -> Result<(), RequestError<core::convert::Infallible>> {
        kipc::reset()
    }

    fn restart_me(
        &mut self,
        message: &RecvMessage,
    ) -> Result<(), RequestError<core::convert::Infallible>> {
        let now = now();
        if let Some(task) = self.tasks.get_mut(message.sender.index()) {
            task.asked_for_restart(now);
        }
        self.restart_what_is_due(now);
        // It waits for an answer until it is restarted, and so gets none.
        Err(ClientError::WentAway.fail())
    }

    fn get_state(
        &mut self,
        _: &RecvMessage,
    ) -> Result<u32, RequestError<core::convert::Infallible>> {
        Ok(self.state)
    }

    fn set_state(
        &mut self,
        _: &RecvMessage,
        state: u32,
    ) -> Result<(), RequestError<core::convert::Infallible>> {
        if self.state != state {
            ringbuf_entry!(Trace::State(state));
            self.state = state;
            post(config::ON_STATE_CHANGE);
        }
        Ok(())
    }

    fn task_status(
        &mut self,
        _: &RecvMessage,
        task: u16,
    ) -> Result<TaskStatus, RequestError<JefeError>> {
        Ok(self
            .tasks
            .get(task.into())
            .ok_or(JefeError::NoSuchTask)?
            .status())
    }

    fn panic_message(
        &mut self,
        _: &RecvMessage,
        task: u16,
        destination: Leased<W, [u8]>,
    ) -> Result<u32, RequestError<JefeError>> {
        let task = self.tasks.get(task.into()).ok_or(JefeError::NoSuchTask)?;
        let message = task.panic_message().ok_or(JefeError::NoPanicMessage)?;
        let len = message.len().min(destination.len());
        if let Some(fits) = message.get(..len) {
            destination
                .write_range(0..len, fits)
                .map_err(|()| RequestError::went_away())?;
        }
        Ok(len as u32)
    }

    fn dump_info(
        &mut self,
        _: &RecvMessage,
        position: u8,
    ) -> Result<DumpInfo, RequestError<JefeError>> {
        Ok(self.dumps.info(position)?)
    }

    fn fault_task(
        &mut self,
        message: &RecvMessage,
        task: u16,
    ) -> Result<(), RequestError<JefeError>> {
        let index = usize::from(task);
        let is_watched = self.subordinate(task)?.is_watched();
        // A task that was never started would be started by the restart that follows.
        if !is_watched || kipc::read_task_status(index) == TaskState::Healthy(SchedState::Stopped) {
            return Err(JefeError::NotRunning.into());
        }
        ringbuf_entry!(Trace::Order {
            from: message.sender,
            task: index
        });
        // What follows is dealt with when the kernel's notification arrives.
        kipc::fault_task(index);
        if index == message.sender.index() {
            Err(ClientError::WentAway.fail())
        } else {
            Ok(())
        }
    }

    fn restart_task(
        &mut self,
        message: &RecvMessage,
        task: u16,
    ) -> Result<(), RequestError<JefeError>> {
        self.subordinate(task)?;
        ringbuf_entry!(Trace::Order {
            from: message.sender,
            task: task.into()
        });
        let now = now();
        self.restart(task.into(), now);
        self.restart_what_is_due(now);
        if usize::from(task) == message.sender.index() {
            Err(ClientError::WentAway.fail())
        } else {
            Ok(())
        }
    }

    fn hold_task(&mut self, _: &RecvMessage, task: u16) -> Result<(), RequestError<JefeError>> {
        self.subordinate(task)?.hold();
        Ok(())
    }

    fn release_task(&mut self, _: &RecvMessage, task: u16) -> Result<(), RequestError<JefeError>> {
        let now = now();
        self.subordinate(task)?.release(now);
        self.restart_what_is_due(now);
        Ok(())
    }
}
