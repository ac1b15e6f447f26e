// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Jobs side by side, each after those that it needs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

/// Runs every job, by its number, at most `lanes` at once. `after` has for each job the jobs that must end before it starts; of those
/// that may start, the first does.
///
/// # Panics
///
/// If jobs wait for each other in a circle, or a job panics.
pub(super) fn run(after: &[Vec<usize>], lanes: usize, work: impl Fn(usize) + Sync) {
    let states = Mutex::new(vec![State::Waiting; after.len()]);
    let ended = Condvar::new();
    thread::scope(|scope| {
        for _ in 0..lanes.max(1) {
            scope.spawn(|| {
                let mut now = locked(&states);
                loop {
                    if let Some(job) = ready(&now, after) {
                        now[job] = State::Running;
                        drop(now);
                        // Also if it panics: the other lanes must not wait for it for ever.
                        let _done = Done {
                            states: &states,
                            ended: &ended,
                            job,
                        };
                        work(job);
                        drop(_done);
                        now = locked(&states);
                    } else if !now.contains(&State::Waiting) {
                        return;
                    } else {
                        assert!(
                            now.contains(&State::Running),
                            "jobs wait for each other in a circle"
                        );
                        now = ended.wait(now).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            });
        }
    });
}

/// The first job that waits for nobody any more.
fn ready(states: &[State], after: &[Vec<usize>]) -> Option<usize> {
    (0..states.len()).find(|&job| {
        let mut needed = after[job].iter();
        states[job] == State::Waiting && needed.all(|&other| states[other] == State::Done)
    })
}

fn locked(states: &Mutex<Vec<State>>) -> MutexGuard<'_, Vec<State>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says when it is dropped that a job is done.
struct Done<'a> {
    states: &'a Mutex<Vec<State>>,
    ended: &'a Condvar,
    job: usize,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        locked(self.states)[self.job] = State::Done;
        self.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// The order in which jobs ended, with one lane.
    fn order(after: &[Vec<usize>]) -> Vec<usize> {
        let ended = Mutex::new(Vec::new());
        run(after, 1, |job| ended.lock().unwrap().push(job));
        ended.into_inner().unwrap()
    }

    #[test]
    fn one_lane_takes_the_first_that_may_start() {
        assert_eq!(order(&[vec![], vec![], vec![]]), [0, 1, 2]);
        assert_eq!(order(&[vec![2], vec![], vec![1]]), [1, 2, 0]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn jobs_that_do_not_need_each_other_run_at_once() {
        // Each ends only when it has heard of the other.
        let (first, second) = (mpsc::channel(), mpsc::channel());
        let ends = Mutex::new([Some((first.0, second.1)), Some((second.0, first.1))]);
        run(&[vec![], vec![]], 2, |job| {
            let (mine, theirs) = ends.lock().unwrap()[job].take().unwrap();
            mine.send(()).unwrap();
            let heard = theirs.recv_timeout(Duration::from_secs(60));
            heard.expect("the other job has not started");
        });
    }

    #[test]
    fn a_job_starts_when_all_that_it_needs_has_ended() {
        let ended = Mutex::new(Vec::new());
        let after = [vec![], vec![], vec![0, 1], vec![2]];
        run(&after, 4, |job| {
            let needed = &after[job];
            let mut before = ended.lock().unwrap();
            assert!(needed.iter().all(|other| before.contains(other)));
            before.push(job);
        });
        assert_eq!(ended.into_inner().unwrap().len(), 4);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn jobs_in_a_circle_are_noticed() {
        run(&[vec![1], vec![0]], 2, |_| ());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_job_that_panics_holds_nobody() {
        run(&[vec![], vec![0]], 2, |job| {
            assert_ne!(job, 0, "on purpose")
        });
    }
}
