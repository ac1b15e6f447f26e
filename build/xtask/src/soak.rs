// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask soak`: boots the image of `test/soak` once and keeps it busy for as long as told: two clients that exchange without
//! a pause, a driver that crashes again and again, and now and then a client that does. The last result is kept in `doc/testing.md`.
//!
//! `test/integration/tests/soak.rs` is the bounded form, by numbers of commands and crashes.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::board::{Board, Setting};
use crate::platform::Kind;
use crate::progress::Progress;
use crate::record::{self, Row};
use crate::run;
use crate::session::{Answer, Session};

/// The manifest of the image, relative to the root.
const APP: &str = "test/soak/app.toml";
/// Names the table in `doc/testing.md`.
const RESULTS: &str = "soak";
/// How long a boot, an answer, and anything that must happen soon may take. Generous: the machine may have other work.
const LIMIT: Duration = Duration::from_secs(120);
/// Exchanges in a life of an exchanger, see test/isolation/exchanger.
const ROUND: u64 = 201;
/// The clients, and the driver.
const EXCHANGERS: [&str; 2] = ["exchanger_a", "exchanger_b"];
const DRIVER: &str = "virtio_scmi";
/// Crashes of the driver between two checks, each followed by a command; one of a client comes after them.
const CRASHES: u32 = 10;
/// Commands that are then answered without a crash before the check.
const UNDISTURBED: u64 = 2000;
/// What a process of the host may grow after the first quarter of the time, in KiB. A leak of 100 bytes a command would pass it.
const GROWTH_KIB: u64 = 16 << 10;
/// Counters that must be 0 whenever they are looked at.
const MUST_BE_ZERO: [&str; 4] = [
    "slots_lost",
    "events_missing",
    "timed_out",
    "err_msg_invalid",
];

/// What `soak` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// How long it runs
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// The SCMI platform on the other side of the device; events are checked with `sim` only
    #[arg(long, value_enum, default_value = "sim")]
    platform: Kind,
}

/// What happened until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    commands: u64,
    driver_crashes: u64,
    client_crashes: u64,
    events: u64,
    checks: u64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} commands answered rightly, {} crashes of the driver, {} of a client, {} events, {} checks",
            self.commands, self.driver_crashes, self.client_crashes, self.events, self.checks
        )
    }
}

/// Runs the command.
///
/// # Errors
///
/// Something cannot be set up, built or started, or one of the checks fails; the message says which.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.minutes > 0, "--minutes 0 would check nothing");
    ensure!(
        arguments.platform != Kind::None,
        "without a platform no command would be answered"
    );
    let commit = record::commit();
    let image = run::build(&PathBuf::from(APP))?;
    let programs = run::programs(arguments.platform)?;
    let setting = Setting::new(&image.elf, arguments.platform);
    let mut board = Board::start(&programs, &setting)?;
    let session = board.session(LIMIT)?;
    let mut soak = Soak {
        board,
        session,
        has_events: arguments.platform == Kind::Sim,
        done: Done::default(),
    };
    let start = Instant::now();
    let ended = soak.until(start, Duration::from_secs(arguments.minutes * 60));
    let (done, minutes) = (soak.done, start.elapsed().as_secs() / 60);
    let verdict = match &ended {
        Ok(_) => "passed",
        Err(_) => "FAILED",
    };
    let memory = ended.as_ref().map_or_else(|_| String::new(), Clone::clone);
    let name = clap::ValueEnum::to_possible_value(&arguments.platform)
        .map_or_else(String::new, |value| value.get_name().to_owned());
    let cells = [
        format!("{minutes} min"),
        done.to_string(),
        memory,
        verdict.into(),
    ];
    record::write(RESULTS, &[Row::new(format!("`{name}`"), cells)], &commit)?;
    println!("soak: {done}, in {minutes} min: {verdict}");
    match ended {
        Ok(memory) => {
            println!("soak: {memory}");
            Ok(())
        }
        Err(error) => Err(soak.board.explain(error)),
    }
}

struct Soak {
    board: Board,
    session: Session,
    has_events: bool,
    done: Done,
}

impl Soak {
    /// Goes on for `time`, at least for two rounds, and says what memory of the host was taken.
    fn until(&mut self, start: Instant, time: Duration) -> Result<String> {
        let progress = Progress::start(&format!("soaking for {} min", time.as_secs() / 60));
        let mut said = 0;
        let mut before = None;
        loop {
            self.round()?;
            let elapsed = start.elapsed();
            let now = self.memory()?;
            // In the first quarter caches fill.
            if elapsed < time / 4 {
                before = Some(now);
            }
            let memory = compare(*before.get_or_insert(now), now)?;
            let line = format!("after {} s: {}", elapsed.as_secs(), self.done);
            progress.line(&line);
            // Where output goes to a file, a line a minute says that it goes on.
            let minute = elapsed.as_secs() / 60;
            if minute > said {
                said = minute;
                println!("soak: {line}");
            }
            if elapsed >= time && self.done.checks >= 2 {
                return Ok(memory);
            }
        }
    }

    fn round(&mut self) -> Result<()> {
        for _ in 0..CRASHES {
            self.crash(DRIVER)?;
            self.done.driver_crashes += 1;
            self.eventually(
                "sensors",
                "commands are answered after a crash",
                Answer::is_ok,
            )?;
        }
        self.crash(EXCHANGERS[0])?;
        self.done.client_crashes += 1;
        let aim = self.commands()? + UNDISTURBED;
        let mut deadline = Instant::now() + LIMIT;
        let mut last = 0;
        loop {
            let now = self.commands()?;
            self.done.commands = now;
            if now >= aim {
                break;
            }
            if now > last {
                last = now;
                deadline = Instant::now() + LIMIT;
            }
            ensure!(
                Instant::now() < deadline,
                "the clients got no answer for {} s, {now} commands after the boot",
                LIMIT.as_secs()
            );
            thread::sleep(Duration::from_millis(500));
        }
        if self.has_events {
            let answer = self.eventually("events sensor 2s", "events come", |answer| {
                answer.is_ok() && events(&answer.text) > 0
            })?;
            self.done.events += events(&answer.text);
        }
        self.check()
    }

    /// Nobody faulted or was restarted but by us, and the driver's books are balanced.
    fn check(&mut self) -> Result<()> {
        let table = self.ok("tasks")?;
        check_tasks(&table, &self.done)?;
        // A command of the client that crashed may still be at the device.
        let stats = self.eventually("stats", "the driver settles", |answer| {
            answer.is_ok() && check_stats(&answer.text).is_ok()
        });
        stats.or_else(|error| {
            check_stats(&self.ok("stats")?)?;
            Err(error)
        })?;
        self.done.checks += 1;
        Ok(())
    }

    fn commands(&mut self) -> Result<u64> {
        commands(&self.ok("tasks")?)
    }

    fn crash(&mut self, task: &str) -> Result<()> {
        let line = format!("crash {task}");
        self.eventually(&line, "the task runs, to be crashed", Answer::is_ok)?;
        Ok(())
    }

    fn ok(&mut self, line: &str) -> Result<String> {
        let answer = self.session.exec(line, LIMIT)?;
        ensure!(answer.is_ok(), "`{line}` answered:\n{answer}");
        Ok(answer.text)
    }

    fn eventually(
        &mut self,
        line: &str,
        what: &str,
        good: impl Fn(&Answer) -> bool,
    ) -> Result<Answer> {
        let start = Instant::now();
        loop {
            let answer = self.session.exec(line, LIMIT)?;
            if good(&answer) {
                return Ok(answer);
            }
            ensure!(
                start.elapsed() < LIMIT,
                "{what}: not within {} s; `{line}` last answered:\n{answer}",
                LIMIT.as_secs()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What QEMU and the platform hold of the host's memory, that of the machine itself left out.
    fn memory(&mut self) -> Result<Memory> {
        let platform = self.board.platform().context("there is a platform")?.id();
        Ok(Memory {
            qemu: private_kib(self.board.machine().id())?,
            platform: private_kib(platform)?,
        })
    }
}

/// In KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    qemu: u64,
    platform: u64,
}

/// Says how memory grew; an error if it grew too much.
fn compare(first: Memory, now: Memory) -> Result<String> {
    let mut said = Vec::new();
    for (name, first, now) in [
        ("QEMU", first.qemu, now.qemu),
        ("platform", first.platform, now.platform),
    ] {
        if now > first + GROWTH_KIB {
            bail!("the memory of the {name} grew from {first} to {now} KiB");
        }
        said.push(format!("{name} {first} to {now} KiB"));
    }
    Ok(said.join(", "))
}

/// Private memory of a process.
fn private_kib(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    anonymous(&text).with_context(|| format!("{path} has no RssAnon"))
}

fn anonymous(status: &str) -> Option<u64> {
    let rest = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The rows of a console's table: the first word, and the others. A report of a fault that came in between is no row.
fn table(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    text.lines()
        .filter(|line| !line.starts_with('!'))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.collect()))
        })
}

/// The rows of `tasks` below its head. A report before the echo has the console prompt again, and that line is above it.
fn task_rows(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    table(text)
        .skip_while(|(first, _)| *first != "task")
        .skip(1)
}

/// Commands whose answers the exchangers have found right, by the table of `tasks`. A life that ended by a crash counts as none.
///
/// # Errors
///
/// There is no such table in the text.
pub fn commands(tasks: &str) -> Result<u64> {
    let mut commands = 0;
    for task in EXCHANGERS {
        let (restarts, faults) = counts(tasks, task)?;
        commands += restarts.saturating_sub(faults) * ROUND;
    }
    Ok(commands)
}

/// Restarts and faults of a task, by the table of `tasks`.
///
/// # Errors
///
/// The task is not in the text.
pub fn counts(tasks: &str, task: &str) -> Result<(u64, u64)> {
    let found = task_rows(tasks)
        .find(|(name, _)| *name == task)
        .and_then(|(_, words)| Some((words.first()?.parse().ok()?, words.get(1)?.parse().ok()?)));
    found.with_context(|| format!("no {task} in\n{tasks}"))
}

fn check_tasks(tasks: &str, done: &Done) -> Result<()> {
    let names: Vec<&str> = task_rows(tasks).map(|(name, _)| name).collect();
    ensure!(!names.is_empty(), "no table of tasks in\n{tasks}");
    for name in names {
        let (restarts, faults) = counts(tasks, name)?;
        let by_us = match name {
            DRIVER => done.driver_crashes,
            _ if name == EXCHANGERS[0] => done.client_crashes,
            _ => 0,
        };
        // An exchanger asks for its restarts itself.
        let own = EXCHANGERS.contains(&name);
        ensure!(
            faults == by_us && (own || restarts == by_us),
            "{name} must have faulted {by_us} times, by our crashes, and nothing else may have restarted it:\n{tasks}"
        );
    }
    Ok(())
}

fn check_stats(stats: &str) -> Result<()> {
    let value = |name: &str| {
        table(stats)
            .find(|(row, _)| *row == name)
            .and_then(|(_, words)| words.first().copied())
            .with_context(|| format!("no {name} in\n{stats}"))
    };
    ensure!(
        value("balanced")? == "yes",
        "the driver's books are not balanced:\n{stats}"
    );
    for name in MUST_BE_ZERO {
        ensure!(value(name)? == "0", "{name} must be 0:\n{stats}");
    }
    // A client that crashes leaves a command behind, whose answer nobody awaits any more.
    let count = |name: &str| Ok::<u64, anyhow::Error>(value(name)?.parse()?);
    ensure!(
        count("err_msg_unexpected")? <= count("failed")?,
        "more answers came than commands were sent:\n{stats}"
    );
    Ok(())
}

/// How many events an answer of `events` shows: lines that begin with a time.
fn events(text: &str) -> u64 {
    let is_time = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
    table(text)
        .filter(|(first, _)| is_time(first))
        .count()
        .try_into()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: &str = "task           restarts   faults  state\n\
                         jefe                  0        0  listening\n\
                         virtio_scmi           3        3  listening\n\
                         ! task exchanger_a faulted: fault injected by jefe; restarted\n\
                         exchanger_a           9        1  ready\n\
                         exchanger_b           7        0  ready\n";
    const DONE: Done = Done {
        commands: 0,
        driver_crashes: 3,
        client_crashes: 1,
        events: 0,
        checks: 0,
    };
    const STATS: &str = "slots_lost 0\nevents_missing 0\ntimed_out 0\nerr_msg_unexpected 2\nfailed 2\n\
                         err_msg_invalid 0\nbalanced       yes\n";

    #[test]
    fn our_own_crashes_are_no_failure() {
        check_tasks(TASKS, &DONE).unwrap();
        assert_eq!(counts(TASKS, "exchanger_a").unwrap(), (9, 1));
        assert!(counts(TASKS, "exchanger").is_err());
    }

    #[test]
    fn commands_are_counted_by_lives() {
        assert_eq!(commands(TASKS).unwrap(), (9 - 1 + 7) * ROUND);
        assert!(commands("").is_err());
    }

    #[test]
    fn any_other_fault_or_restart_is_one() {
        for (good, bad) in [
            (
                "jefe                  0        0",
                "jefe                  1        1",
            ),
            (
                "jefe                  0        0",
                "jefe                  1        0",
            ),
            (
                "exchanger_b           7        0",
                "exchanger_b           7        1",
            ),
            (
                "exchanger_a           9        1",
                "exchanger_a           9        2",
            ),
            (
                "virtio_scmi           3        3",
                "virtio_scmi           4        3",
            ),
            (
                "virtio_scmi           3        3",
                "virtio_scmi           2        2",
            ),
        ] {
            let error = check_tasks(&TASKS.replace(good, bad), &DONE).unwrap_err();
            let name = bad.split_whitespace().next().unwrap();
            assert!(error.to_string().starts_with(name), "{bad}: {error}");
        }
    }

    #[test]
    fn a_report_before_the_echo_is_no_task() {
        let text = format!("! task exchanger_a was restarted\nscmi> tasks\n{TASKS}");
        check_tasks(&text, &DONE).unwrap();
        let error = check_tasks("scmi> tasks\n", &DONE).unwrap_err();
        assert!(error.to_string().contains("no table"), "{error}");
    }

    #[test]
    fn books_must_balance() {
        check_stats(STATS).unwrap();
        assert!(check_stats(&STATS.replace("yes", "no")).is_err());
        let lost = STATS.replace("slots_lost 0", "slots_lost 1");
        assert!(
            check_stats(&lost)
                .unwrap_err()
                .to_string()
                .contains("slots_lost")
        );
        let stray = STATS.replace("err_msg_unexpected 2", "err_msg_unexpected 3");
        assert!(
            check_stats(&stray)
                .unwrap_err()
                .to_string()
                .contains("more answers")
        );
        assert!(check_stats("balanced yes\n").is_err());
    }

    #[test]
    fn events_are_lines_with_a_time() {
        let text = "following 33 event(s); Ctrl-C ends\n     1.693  sensor   gpu-temp  rose\n     2.000  power  x\n";
        assert_eq!(events(text), 2);
        assert_eq!(events("following 5 event(s); Ctrl-C ends\n"), 0);
    }

    #[test]
    fn memory_that_grows_is_a_failure() {
        let first = Memory {
            qemu: 1000,
            platform: 500,
        };
        let said = compare(
            first,
            Memory {
                platform: 600,
                ..first
            },
        )
        .unwrap();
        assert_eq!(said, "QEMU 1000 to 1000 KiB, platform 500 to 600 KiB");
        let grown = Memory {
            platform: 501 + GROWTH_KIB,
            ..first
        };
        assert!(compare(first, grown).is_err());
        assert_eq!(
            anonymous("VmRSS:\t 9 kB\nRssAnon:\t     812 kB\n"),
            Some(812)
        );
        assert_eq!(anonymous("VmRSS:\t 9 kB\n"), None);
    }
}
