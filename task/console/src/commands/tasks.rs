// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `tasks`, `crash`, `restart`, `hold`, `release`, `reboot`: the image itself.

use core::fmt;

use console_core::fault::Described;
use console_core::grammar::{Command, Words};
use hubris_num_tasks::NUM_TASKS;
use hubris_task_names::TASK_NAMES;
use task_jefe_api::{JefeError, Supervision};
use userlib::*;

use super::{Outcome, Run, Verb, next_word, plain};
use crate::failure::Failure;
use crate::terminal::say;
use crate::{Console, notifications, task_name};

pub const TASKS: Command<Run> = plain(
    "tasks",
    "the tasks: restarts, faults, state",
    &[Verb::new("", "", "lists them", tasks)],
);
pub const DUMPS: Command<Run> = plain(
    "dumps",
    "what is kept of tasks that faulted",
    &[Verb::new(
        "",
        "",
        "lists it, the newest first; `cargo xtask inspect dumps` looks inside",
        dumps,
    )],
);
pub const CRASH: Command<Run> = plain(
    "crash",
    "fault a task and watch it come back",
    &[Verb::new(
        "",
        "TASK",
        "faults it, and waits for the supervisor",
        |console, mut words| crash(console, next_word(&mut words)),
    )],
);
pub const RESTART: Command<Run> = plain(
    "restart",
    "restart a task",
    &[Verb::new(
        "",
        "TASK",
        "restarts it, or starts it",
        |console, mut words| restart(console, next_word(&mut words)),
    )],
);
pub const HOLD: Command<Run> = plain(
    "hold",
    "leave a task as it is when it faults",
    &[Verb::new(
        "",
        "TASK",
        "leaves it, until it is released",
        |console, mut words| hold(console, next_word(&mut words)),
    )],
);
pub const RELEASE: Command<Run> = plain(
    "release",
    "restart it again when it faults, or now",
    &[Verb::new(
        "",
        "TASK",
        "ends `hold`",
        |console, mut words| release(console, next_word(&mut words)),
    )],
);
pub const REBOOT: Command<Run> = plain(
    "reboot",
    "restart the machine",
    &[Verb::new("", "", "restarts it at once", reboot)],
);

/// How long to wait for the supervisor to bring the task back, in milliseconds.
const RESTART_LIMIT_MS: u32 = 1000;

/// The tasks: restarts, faults, state.
fn tasks<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    say!(
        console.terminal,
        "{:<14} {:>8} {:>8}  state\n",
        "task",
        "restarts",
        "faults"
    );
    for index in 0..NUM_TASKS {
        let status = console.jefe.task_status(index as u16)?;
        let state = State(kipc::read_task_status(index), status.supervision);
        let name = task_name(index);
        say!(
            console.terminal,
            "{name:<14} {:>8} {:>8}  {state}\n",
            status.restarts,
            status.faults
        );
    }
    Ok(())
}

/// A task's state in words.
struct State(TaskState, Supervision);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: TaskId| task_name(id.index());
        match self.0 {
            TaskState::Faulted { .. } if self.1 == Supervision::Holding => {
                f.write_str("faulted, held")
            }
            TaskState::Faulted { .. } => f.write_str("faulted"),
            TaskState::Healthy(SchedState::Stopped) => f.write_str("not started"),
            TaskState::Healthy(SchedState::Runnable) => f.write_str("ready"),
            TaskState::Healthy(SchedState::InSend(id) | SchedState::InReply(id))
                if id == TaskId::KERNEL =>
            {
                f.write_str("asking the kernel")
            }
            TaskState::Healthy(SchedState::InSend(id)) => {
                write!(f, "waiting for {} to listen", name(id))
            }
            TaskState::Healthy(SchedState::InReply(id)) => {
                write!(f, "waiting for {} to answer", name(id))
            }
            TaskState::Healthy(SchedState::InRecv(None)) => f.write_str("listening"),
            TaskState::Healthy(SchedState::InRecv(Some(id))) if id == TaskId::KERNEL => {
                f.write_str("waiting for notifications")
            }
            TaskState::Healthy(SchedState::InRecv(Some(id))) => {
                write!(f, "listening to {} only", name(id))
            }
        }
    }
}

/// What the supervisor keeps of tasks that faulted.
fn dumps<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    say!(
        console.terminal,
        "{:>4} {:>12}  {:<14} {:>4}  fault\n",
        "no",
        "seconds",
        "task",
        "life"
    );
    for position in 0..=u8::MAX {
        let dump = match console.jefe.dump_info(position) {
            Err(JefeError::NoSuchDump) => break,
            dump => dump?,
        };
        let task = TaskId(dump.task);
        say!(
            console.terminal,
            "{:>4} {:>8}.{:03}  {:<14} {:>4}  {}\n",
            dump.number,
            dump.at_ms / 1000,
            dump.at_ms % 1000,
            task_name(task.index()),
            u8::from(task.generation()),
            Described {
                fault: dump.fault,
                names: &TASK_NAMES,
                panic_message: None,
            }
        );
    }
    Ok(())
}

/// Faults a task, and waits until the supervisor has dealt with it, so that the report comes before the next prompt.
fn crash<'a>(console: &mut Console, name: &'a str) -> Outcome<'a> {
    let index = index_of(name)?;
    console.jefe.fault_task(index)?;
    wait_for_restart(console, name, index)
}

/// Restarts a task, or starts it.
fn restart<'a>(console: &mut Console, name: &'a str) -> Outcome<'a> {
    let index = index_of(name)?;
    console.jefe.restart_task(index)?;
    wait_for_restart(console, name, index)
}

/// Leaves a task as it is when it faults next.
fn hold<'a>(console: &mut Console, name: &'a str) -> Outcome<'a> {
    Ok(console.jefe.hold_task(index_of(name)?)?)
}

/// Ends that.
fn release<'a>(console: &mut Console, name: &'a str) -> Outcome<'a> {
    Ok(console.jefe.release_task(index_of(name)?)?)
}

fn index_of(name: &str) -> Result<u16, Failure<'_>> {
    let index = TASK_NAMES.iter().position(|task| *task == name);
    index
        .map(|index| index as u16)
        .ok_or(Failure::UnknownTask(name))
}

/// Waits until the task was restarted since the last report, or is held.
fn wait_for_restart<'a>(console: &mut Console, name: &'a str, index: u16) -> Outcome<'a> {
    let deadline = set_timer_relative(RESTART_LIMIT_MS, notifications::TIMER_MASK);
    loop {
        let status = console.jefe.task_status(index)?;
        let dealt_with = match status.supervision {
            Supervision::Watching => status.restarts != console.faults.restarts_told(index.into()),
            Supervision::Restarting => false,
            Supervision::Holding => true,
        };
        if dealt_with {
            sys_set_timer(None, 0);
            return Ok(());
        }
        if sys_get_timer().now >= deadline {
            return Err(Failure::NotRestarted(name));
        }
        console.scmi.check()?;
        // Posted when the task is restarted. That, the timer, or Ctrl-C ends the wait; what the
        // bits say is looked at above.
        let _ = sys_recv_notification(
            notifications::FAULT_MASK | notifications::TIMER_MASK | notifications::INPUT_MASK,
        );
    }
}

/// Restarts the machine.
fn reboot<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    say!(console.terminal, "restarting the machine\n");
    console.terminal.flush();
    // The line takes a moment to send what the driver holds.
    hl::sleep_for(20);
    console.jefe.request_reset();
    Ok(())
}
