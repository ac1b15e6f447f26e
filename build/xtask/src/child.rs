// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Child processes that never outlive us.
//!
//! A QEMU or a platform daemon that is left behind holds sockets, memory and a processor, and the next run then fails for
//! reasons nobody sees. Three things end a child: dropping its [`Guarded`], the kernel's parent-death signal when the
//! thread that started it is gone (also after a SIGKILL), and [`end_on_signals`] when the command is interrupted.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{
    Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal, test_kill_process,
};

/// Process groups that are alive, for [`end_on_signals`].
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A child in a process group of its own; the whole group is killed when this is dropped.
#[derive(Debug)]
pub struct Guarded {
    name: String,
    child: Child,
    group: Pid,
    status: Option<ExitStatus>,
}

impl Guarded {
    /// Starts `command`; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// The program cannot be started: not found, not executable.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        command.process_group(0);
        let parent = rustix::process::getpid();
        // Safety: between fork and exec only async-signal-safe system calls are made, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // The parent may have died before the line above; then nobody would send the signal any more.
                if getppid() == Some(parent) {
                    Ok(())
                } else {
                    Err(std::io::ErrorKind::Interrupted.into())
                }
            });
        }
        let program = command.get_program().to_owned();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", program.display()))?;
        let group = Pid::from_child(&child);
        GROUPS.lock().unwrap().push(group);
        Ok(Self {
            name: name.to_owned(),
            child,
            group,
            status: None,
        })
    }

    /// What messages call this process.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What interrupts this process, from another thread too.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.group)
    }

    /// The exit status, if it has ended.
    ///
    /// # Errors
    ///
    /// The operating system does not know the process.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits at most `limit` for the process to end; `None`: it is still there.
    ///
    /// # Errors
    ///
    /// The operating system does not know the process.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            thread::sleep((deadline - now).min(Duration::from_millis(10)));
        }
    }

    /// Kills the whole group, and waits until the process is gone.
    pub fn kill(&mut self) {
        // Members that outlived the process itself (a test runner's tests) are in the group too.
        let _ = kill_process_group(self.group, Signal::KILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
        GROUPS.lock().unwrap().retain(|group| *group != self.group);
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Interrupts a process, as Ctrl-C at its own terminal would. For one that ends processes outside of its group by itself.
#[derive(Clone, Copy, Debug)]
pub struct Interrupter(Pid);

impl Interrupter {
    /// Sends the signal.
    pub fn send(self) {
        let _ = kill_process_group(self.0, Signal::INT);
    }

    /// Sends the signal and gives the process `limit` to end. Another thread must wait for the process meanwhile.
    pub fn end(self, limit: Duration) {
        self.send();
        let deadline = Instant::now() + limit;
        while test_kill_process(self.0).is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// What to do before a signal ends the children and this process.
static BEFORE_END: Mutex<Option<Hook>> = Mutex::new(None);

/// Has `action` done before a signal ends this process; it takes the place of an earlier one.
pub fn before_end(action: impl FnOnce() + Send + 'static) {
    *BEFORE_END.lock().unwrap() = Some(Box::new(action));
}

static INTERRUPTS_IGNORED: AtomicBool = AtomicBool::new(false);

/// From now on an interrupt is for somebody else at the same terminal.
pub fn ignore_interrupts() {
    INTERRUPTS_IGNORED.store(true, Ordering::SeqCst);
}

/// From now on an interrupt, a hang-up or a request to terminate first kills every child, then ends this process with
/// the status a shell expects (128 + signal).
///
/// # Errors
///
/// The signals cannot be caught.
pub fn end_on_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGINT && INTERRUPTS_IGNORED.load(Ordering::SeqCst) {
                continue;
            }
            // It may need children that are alive, so it comes first.
            if let Some(action) = BEFORE_END.lock().unwrap().take() {
                action();
            }
            for group in GROUPS.lock().unwrap().iter() {
                let _ = kill_process_group(*group, Signal::KILL);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;

    use super::*;

    fn sleeper() -> Guarded {
        Guarded::spawn("sleeper", Command::new("sleep").arg("1000")).unwrap()
    }

    #[test]
    fn a_wait_has_a_limit() {
        let mut child = sleeper();
        let start = Instant::now();
        assert!(child.wait(Duration::from_millis(50)).unwrap().is_none());
        assert!(start.elapsed() < Duration::from_secs(500));
    }

    #[test]
    fn dropping_kills_the_group() {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "sleep 1000 & echo started; wait"])
            .stdout(Stdio::piped());
        let mut shell = Guarded::spawn("shell", &mut shell).unwrap();
        let mut output = shell.child().stdout.take().unwrap();
        output.read_exact(&mut [0; 8]).unwrap();
        drop(shell);
        // The pipe ends when its last holder does, and the grandchild holds it too.
        let start = Instant::now();
        assert_eq!(output.read(&mut [0]).unwrap(), 0);
        assert!(
            start.elapsed() < Duration::from_secs(500),
            "the grandchild outlived the guard"
        );
    }

    #[test]
    fn an_interrupted_process_ends_by_itself() {
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                "trap 'exit 7' INT; echo started; while :; do sleep 0.01; done",
            ])
            .stdout(Stdio::piped());
        let mut shell = Guarded::spawn("shell", &mut shell).unwrap();
        let mut output = shell.child().stdout.take().unwrap();
        output.read_exact(&mut [0; 8]).unwrap();
        let interrupter = shell.interrupter();
        let ender = thread::spawn(move || interrupter.end(Duration::from_secs(30)));
        let status = shell.wait(Duration::from_secs(30)).unwrap();
        assert_eq!(status.and_then(|status| status.code()), Some(7));
        ender.join().unwrap();
    }

    #[test]
    fn a_missing_program_is_named() {
        let error =
            Guarded::spawn("the platform", &mut Command::new("no-such-program-here")).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("the platform") && text.contains("no-such-program-here"),
            "{text}"
        );
    }
}
