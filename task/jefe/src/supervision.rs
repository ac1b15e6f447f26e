// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who is restarted, and when: the supervisor's decisions, without a kernel.
//!
//! A task that faults is restarted, unless it is to be held. It is restarted at once if it had been running for [`MIN_RUN_TIME_MS`]; otherwise only
//! when that time has passed since its last start, so that a task which faults in its first instruction costs twenty restarts a second and
//! not the whole processor.

use abi::FaultInfo;
use task_jefe_api::{PANIC_MESSAGE_MAX_LEN, Supervision, TaskStatus};

/// Starts of one task are at least that many milliseconds apart.
pub const MIN_RUN_TIME_MS: u64 = 50;

/// When someone listens for faults, a faulted task is left as it is for at least that many milliseconds, so that it can be looked at.
pub const NOTICE_MS: u64 = 5;

/// What is known of the tasks, by index. Task 0 is the supervisor, and never changes.
#[derive(Debug)]
pub struct Tasks<const N: usize> {
    tasks: [Task; N],
    /// The least time from a fault to the restart, in milliseconds.
    notice_ms: u64,
}

/// What is known of one task.
#[derive(Debug)]
pub struct Task {
    restarts: u32,
    faults: u32,
    last_fault: Option<FaultInfo>,
    panic_message: PanicMessage,
    hold: bool,
    phase: Phase,
    /// When it was last started, in milliseconds since boot.
    started_at: u64,
}

/// The message of a task's last panic.
#[derive(Debug)]
pub struct PanicMessage {
    /// Room for the message.
    pub buffer: [u8; PANIC_MESSAGE_MAX_LEN],
    /// Its length; 0 when there is none.
    pub len: usize,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Watching,
    /// To be restarted at that time, in milliseconds since boot.
    Restarting(u64),
    Holding,
}

impl Task {
    const NEW: Self = Self {
        restarts: 0,
        faults: 0,
        last_fault: None,
        panic_message: PanicMessage {
            buffer: [0; PANIC_MESSAGE_MAX_LEN],
            len: 0,
        },
        hold: false,
        phase: Phase::Watching,
        started_at: 0,
    };

    /// What clients are told.
    pub fn status(&self) -> TaskStatus {
        let supervision = match self.phase {
            Phase::Watching => Supervision::Watching,
            Phase::Restarting(_) => Supervision::Restarting,
            Phase::Holding => Supervision::Holding,
        };
        TaskStatus {
            restarts: self.restarts,
            faults: self.faults,
            supervision,
            last_fault: self.last_fault,
        }
    }

    /// Whether the task is neither held nor about to be restarted.
    pub fn is_watched(&self) -> bool {
        self.phase == Phase::Watching
    }

    /// The message of the last panic, if the last fault was one.
    pub fn panic_message(&self) -> Option<&[u8]> {
        match self.panic_message.buffer.get(..self.panic_message.len) {
            Some(message) if !message.is_empty() => Some(message),
            _ => None,
        }
    }

    /// Where the message of a panic goes, after [`Tasks::faulted`].
    pub fn panic_message_mut(&mut self) -> &mut PanicMessage {
        &mut self.panic_message
    }

    /// From now on the task stays as it is when it faults.
    pub fn hold(&mut self) {
        self.hold = true;
    }

    /// From now on the task is restarted when it faults. If it is being held, that is `now`.
    pub fn release(&mut self, now: u64) {
        self.hold = false;
        if self.phase == Phase::Holding {
            self.phase = Phase::Restarting(now);
        }
    }

    /// The task wants to be restarted, without a fault.
    pub fn asked_for_restart(&mut self, now: u64) {
        self.phase = Phase::Restarting(self.earliest_start(now));
    }

    /// The task was started, `now`.
    pub fn restarted(&mut self, now: u64) {
        self.restarts = self.restarts.wrapping_add(1);
        self.phase = Phase::Watching;
        self.started_at = now;
    }

    fn earliest_start(&self, now: u64) -> u64 {
        now.max(self.started_at.saturating_add(MIN_RUN_TIME_MS))
    }
}

impl<const N: usize> Tasks<N> {
    /// All tasks started at boot. `anyone_listens` for faults, or not.
    pub const fn new(anyone_listens: bool) -> Self {
        Self {
            tasks: [const { Task::NEW }; N],
            notice_ms: if anyone_listens { NOTICE_MS } else { 0 },
        }
    }

    /// The task with that index.
    pub fn get(&self, index: usize) -> Option<&Task> {
        self.tasks.get(index)
    }

    /// The task with that index.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Task> {
        self.tasks.get_mut(index)
    }

    /// The task with that index was found faulted, `now`. Returns whether that is news.
    pub fn faulted(&mut self, index: usize, fault: FaultInfo, now: u64) -> bool {
        let notice_ms = self.notice_ms;
        match self.get_mut(index) {
            Some(task) if task.is_watched() => {
                task.faults = task.faults.wrapping_add(1);
                task.last_fault = Some(fault);
                task.panic_message.len = 0;
                task.phase = if task.hold {
                    Phase::Holding
                } else {
                    Phase::Restarting(task.earliest_start(now).max(now.saturating_add(notice_ms)))
                };
                true
            }
            _ => false,
        }
    }

    /// A task whose time to be restarted has come. To be followed by [`Task::restarted`].
    pub fn due(&self, now: u64) -> Option<usize> {
        self.tasks
            .iter()
            .position(|task| matches!(task.phase, Phase::Restarting(at) if at <= now))
    }

    /// When the next task is due, in milliseconds since boot.
    pub fn next_deadline(&self) -> Option<u64> {
        let deadline = |task: &Task| match task.phase {
            Phase::Restarting(at) => Some(at),
            _ => None,
        };
        self.tasks.iter().filter_map(deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: FaultInfo = FaultInfo::Panic;

    #[test]
    fn a_task_that_ran_long_enough_is_due_at_once() {
        let mut tasks = Tasks::<3>::new(false);
        assert!(tasks.faulted(1, FAULT, 50));
        assert_eq!((tasks.next_deadline(), tasks.due(50)), (Some(50), Some(1)));
        tasks.get_mut(1).unwrap().restarted(50);
        assert_eq!((tasks.next_deadline(), tasks.due(u64::MAX)), (None, None));
        let status = tasks.get(1).unwrap().status();
        assert_eq!(
            (status.restarts, status.faults, status.last_fault),
            (1, 1, Some(FAULT))
        );
        assert_eq!(status.supervision, Supervision::Watching);
    }

    #[test]
    fn a_task_that_faults_at_its_start_is_restarted_twenty_times_a_second() {
        let mut tasks = Tasks::<2>::new(false);
        let mut now = 1000;
        tasks.get_mut(1).unwrap().restarted(now);
        let mut starts = 0;
        while now < 2000 {
            assert!(tasks.faulted(1, FAULT, now));
            assert_eq!(tasks.due(now + 49), None);
            now = tasks.next_deadline().unwrap();
            assert_eq!(tasks.due(now), Some(1));
            tasks.get_mut(1).unwrap().restarted(now);
            starts += 1;
        }
        assert_eq!(starts, 20);
    }

    #[test]
    fn listeners_get_time_to_look() {
        let mut tasks = Tasks::<2>::new(true);
        tasks.faulted(1, FAULT, 500);
        assert_eq!(tasks.next_deadline(), Some(505));
        assert_eq!(
            tasks.get(1).unwrap().status().supervision,
            Supervision::Restarting
        );
    }

    #[test]
    fn a_fault_is_news_once() {
        let mut tasks = Tasks::<2>::new(true);
        assert!(tasks.faulted(1, FAULT, 500));
        assert!(!tasks.faulted(1, FaultInfo::IllegalText, 501));
        assert_eq!(tasks.get(1).unwrap().status().last_fault, Some(FAULT));
        assert!(!tasks.faulted(2, FAULT, 500), "there is no task 2");
    }

    #[test]
    fn a_held_task_waits_for_its_release() {
        let mut tasks = Tasks::<2>::new(false);
        tasks.get_mut(1).unwrap().hold();
        assert!(tasks.faulted(1, FAULT, 500));
        assert_eq!(tasks.next_deadline(), None);
        assert!(!tasks.faulted(1, FAULT, 501), "the same fault, seen again");
        assert_eq!(
            tasks.get(1).unwrap().status().supervision,
            Supervision::Holding
        );
        tasks.get_mut(1).unwrap().release(600);
        assert_eq!(tasks.due(600), Some(1));
    }

    #[test]
    fn asking_for_a_restart_is_no_fault_but_is_limited_too() {
        let mut tasks = Tasks::<2>::new(true);
        tasks.get_mut(1).unwrap().restarted(1000);
        tasks.get_mut(1).unwrap().asked_for_restart(1010);
        assert_eq!(tasks.next_deadline(), Some(1050));
        assert_eq!(tasks.get(1).unwrap().status().faults, 0);
    }

    #[test]
    fn the_panic_message_belongs_to_the_last_fault() {
        let mut tasks = Tasks::<2>::new(false);
        tasks.faulted(1, FAULT, 100);
        let message = tasks.get_mut(1).unwrap().panic_message_mut();
        message.buffer[..2].copy_from_slice(b"no");
        message.len = 2;
        assert_eq!(tasks.get(1).unwrap().panic_message(), Some(&b"no"[..]));
        tasks.get_mut(1).unwrap().restarted(100);
        tasks.faulted(1, FaultInfo::IllegalText, 200);
        assert_eq!(tasks.get(1).unwrap().panic_message(), None);
    }
}
