// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tells of tasks that faulted.

use core::fmt::Write;

use console_core::fault::Described;
use hubris_num_tasks::NUM_TASKS;
use hubris_task_names::TASK_NAMES;
use task_jefe_api::{Jefe, PANIC_MESSAGE_MAX_LEN, Supervision, TaskStatus};

use crate::{own, task_name, terminal::Terminal};

/// What has been told already: the counts of each task.
pub struct Faults {
    told: [Told; NUM_TASKS],
}

#[derive(Copy, Clone, Default, PartialEq, Eq)]
struct Told {
    faults: u32,
    restarts: u32,
}

impl Told {
    fn of(status: &TaskStatus) -> Self {
        Self {
            faults: status.faults,
            restarts: status.restarts,
        }
    }
}

impl Faults {
    /// What happened before is known to whoever sat at the console then, except the console's own last fault.
    pub fn since_now(jefe: &Jefe) -> Self {
        let mut told = [Told::default(); NUM_TASKS];
        for (index, told) in told.iter_mut().enumerate() {
            if let Some(status) = status(jefe, index) {
                *told = Told::of(&status);
            }
            if index == own::INDEX && told.restarts > 0 {
                told.restarts -= 1;
                told.faults = told.faults.saturating_sub(1);
            }
        }
        Self { told }
    }

    /// Whether there is something to tell.
    pub fn any(&self, jefe: &Jefe) -> bool {
        self.told
            .iter()
            .enumerate()
            .any(|(index, told)| news(jefe, index, told).is_some())
    }

    /// Tells it, a line for each task.
    pub fn report(&mut self, jefe: &Jefe, terminal: &mut Terminal) {
        for (index, told) in self.told.iter_mut().enumerate() {
            if let Some(status) = news(jefe, index, told) {
                terminal.end_line();
                // Writing to the terminal does not fail.
                let _ = tell(jefe, index, told, &status, terminal);
                *told = Told::of(&status);
            }
        }
        terminal.flush();
    }

    /// How often the task was restarted, as far as has been told.
    pub fn restarts_told(&self, index: usize) -> u32 {
        self.told.get(index).map_or(0, |told| told.restarts)
    }
}

fn status(jefe: &Jefe, index: usize) -> Option<TaskStatus> {
    jefe.task_status(index as u16).ok()
}

/// The task's status, if it is not what was told. A task that is about to be restarted is no news until it was.
fn news(jefe: &Jefe, index: usize, told: &Told) -> Option<TaskStatus> {
    status(jefe, index)
        .filter(|status| Told::of(status) != *told && status.supervision != Supervision::Restarting)
}

fn tell(
    jefe: &Jefe,
    index: usize,
    told: &Told,
    status: &TaskStatus,
    terminal: &mut Terminal,
) -> core::fmt::Result {
    let name = task_name(index);
    let times = status.faults.wrapping_sub(told.faults);
    let Some(fault) = status.last_fault.filter(|_| times > 0) else {
        return writeln!(terminal, "! task {name} was restarted");
    };
    let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
    let len = jefe.panic_message(index as u16, &mut buffer).ok();
    let panic_message = len.and_then(|len| buffer.get(..len as usize));
    write!(
        terminal,
        "! task {name} faulted: {}",
        Described {
            fault,
            names: &TASK_NAMES,
            panic_message
        }
    )?;
    if times > 1 {
        write!(terminal, " ({times} times since the last report)")?;
    }
    terminal.write_str(match status.supervision {
        Supervision::Holding => "; held\n",
        _ => "; restarted\n",
    })
}
