// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! An interactive console: SCMI, and the tasks of the image, from a serial line.
//!
//! ```toml
//! [tasks.console]
//! name = "task-console"
//! priority = 5
//! start = true
//! notifications = ["input", "fault", "scmi", "timer"]
//! task-slots = ["jefe", "power", "thermal", { uart = "uart" }, { scmi = "virtio_scmi" }]
//! ```
//!
//! The UART names it as `owner` with the notification `input`, the supervisor posts it `fault` (`on-task-fault`) and takes its orders
//! (`allowed-callers`), and it is a client in `[config.scmi.clients]`.
//!
//! # For tools
//!
//! It prints the prompt `scmi> ` when it waits for a line. Every line is answered, and the last
//! line of an answer is `ok`, or `error: ` with what is wrong and what to do; then the prompt comes
//! again. Ctrl-C ends each command, whose answer is an error then, but for `events`. No answer of
//! the platform is waited for longer than 2 s. Faults of tasks are reported when they happen, in a
//! line that begins with `! task`.

#![no_std]
#![no_main]

mod asker;
mod commands;
mod failure;
mod faults;
mod input;
mod notice;
mod platform;
mod protocols;
mod terminal;

use core::cell::RefCell;
use core::fmt::Write;

use console_core::ahead::Ahead;
use console_core::completion::Completion;
use console_core::editor::{Editor, Event};
use static_cell::ConstStaticCell;
use task_jefe_api::Jefe;
use userlib::*;

use asker::Asker;
use commands::Followed;
use failure::Failure;
use faults::Faults;
use input::Input;
use terminal::{Terminal, say};

task_slot!(UART, uart);
task_slot!(JEFE, jefe);
task_slot!(SCMI, scmi);
task_slot!(POWER, power);
task_slot!(THERMAL, thermal);

const PROMPT: &str = "scmi> ";

/// What commands work with.
pub struct Console {
    terminal: Terminal,
    jefe: Jefe,
    scmi: Asker,
    faults: Faults,
    followed: &'static mut Followed,
}

/// What is too large for the stack.
struct Kept {
    editor: Editor,
    ahead: RefCell<Ahead>,
    followed: Followed,
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    let jefe = Jefe::from(JEFE.get_task_id());
    let faults = Faults::since_now(&jefe);
    // Not on the stack, for it keeps the lines typed before, and has a place for each subscription
    // that there may be.
    static KEPT: ConstStaticCell<Kept> = ConstStaticCell::new(Kept {
        editor: Editor::new(),
        ahead: RefCell::new(Ahead::new()),
        followed: Followed::new(),
    });
    let Kept {
        editor,
        ahead,
        followed,
    } = KEPT.take();
    let mut console = Console {
        terminal: Terminal::new(UART.get_task_id()),
        jefe,
        scmi: Asker::new(SCMI.get_task_id(), Input::new(UART.get_task_id(), ahead)),
        faults,
        followed,
    };
    console.print(format_args!("\nSCMI console. `help` lists the commands.\n"));
    console.faults.report(&console.jefe, &mut console.terminal);
    console.print(format_args!("{PROMPT}"));
    loop {
        console.take_input(editor);
        // Bits are hints: input is looked for in any case.
        let bits = sys_recv_notification(notifications::INPUT_MASK | notifications::FAULT_MASK);
        if bits.check_notification_mask(notifications::FAULT_MASK) {
            console.report_faults(editor);
        }
    }
}

impl Console {
    /// Edits and runs lines until there is no more input.
    fn take_input(&mut self, editor: &mut Editor) {
        while let Some(byte) = self.scmi.input().next() {
            // Writing to the terminal does not fail: the driver takes everything, or restarts and takes it then.
            let event = editor
                .feed(byte, &mut self.terminal)
                .unwrap_or(Event::Editing);
            match event {
                Event::Editing => continue,
                Event::Complete => {
                    self.complete(editor);
                    if !self.scmi.take_interrupt() {
                        continue;
                    }
                    self.print(format_args!("^C\n"));
                }
                Event::Line => self.run(editor.line()),
                Event::TooLong => self.print(format_args!(
                    "error: the line is longer than {} characters; nothing was done\n",
                    console_core::LINE_MAX
                )),
                Event::GivenUp => {}
            }
            editor.start();
            self.print(format_args!("{PROMPT}"));
        }
        self.terminal.flush();
    }

    /// Types what can only be meant; shows what there is to choose from if there is nothing to
    /// type. Where not all names are known in time, it does neither.
    #[inline(never)]
    fn complete(&mut self, editor: &mut Editor) {
        let limit = sys_get_timer()
            .now
            .saturating_add(asker::DEADLINE_MS.into());
        self.scmi.set_limit(Some(limit));
        self.offer(editor, limit);
        self.scmi.set_limit(None);
    }

    fn offer(&mut self, editor: &mut Editor, limit: u64) {
        let mut completion = Completion::default();
        commands::complete(&self.scmi, editor.line(), |word| completion.add(word));
        if sys_get_timer().now >= limit {
            completion = Completion::default();
        }
        let (rest, ends) = completion.rest(editor.line());
        // As above.
        let _ = match completion.count {
            0 => self.terminal.write_char('\x07'),
            _ if rest.is_empty() && !ends => {
                say!(self.terminal, "\n");
                let terminal = &mut self.terminal;
                commands::complete(&self.scmi, editor.line(), |word| {
                    say!(terminal, "{word}  ");
                });
                say!(self.terminal, "\n{PROMPT}");
                editor.show(&mut self.terminal)
            }
            _ => editor
                .type_text(rest, &mut self.terminal)
                .and_then(|()| editor.type_text(if ends { " " } else { "" }, &mut self.terminal)),
        };
    }

    /// Runs a line, and says how that went.
    fn run(&mut self, line: &str) {
        // The echo comes before the answer, however long that takes.
        self.terminal.flush();
        let Some(outcome) = commands::run(self, line) else {
            return;
        };
        // Whatever a command made of it: after Ctrl-C not all was done that the line asks for.
        let outcome = if self.scmi.take_interrupt() {
            self.terminal.end_line();
            say!(self.terminal, "^C\n");
            Err(Failure::Interrupted.into())
        } else {
            outcome
        };
        self.faults.report(&self.jefe, &mut self.terminal);
        // The end of an answer has a line of its own, wherever the command left off.
        self.terminal.end_line();
        match outcome {
            Ok(()) => self.print(format_args!("ok\n")),
            Err(trouble) => self.print(format_args!("error: {trouble}\n")),
        }
    }

    /// Reports faults while a line is being typed.
    fn report_faults(&mut self, editor: &Editor) {
        if !self.faults.any(&self.jefe) {
            return;
        }
        self.print(format_args!("\n"));
        self.faults.report(&self.jefe, &mut self.terminal);
        self.print(format_args!("{PROMPT}"));
        // As above.
        let _ = editor.show(&mut self.terminal);
        self.terminal.flush();
    }

    fn print(&mut self, text: core::fmt::Arguments<'_>) {
        // As above.
        let _ = self.terminal.write_fmt(text);
        self.terminal.flush();
    }
}

/// The name of the task with that index.
pub fn task_name(index: usize) -> &'static str {
    hubris_task_names::TASK_NAMES
        .get(index)
        .copied()
        .unwrap_or("an unknown task")
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

mod own {
    include!(concat!(env!("OUT_DIR"), "/own.rs"));
}
