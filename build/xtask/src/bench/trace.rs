// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every instruction that a machine executes, in order: exact counts from moment to moment, and where they go.
//!
//! QEMU translates one instruction at a time and writes a line for each. The bench calls functions that mark moments; other moments
//! are found in the instructions themselves: the entry of an interrupt, and the store that notifies the device.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::symbols::{Place, Symbols};

/// What makes QEMU write its trace; the file follows.
pub const TRACED: [&str; 5] = [
    "-accel",
    "tcg,one-insn-per-tb=on",
    "-d",
    "exec,nochain",
    "-D",
];

/// The driver, whose stores to the device count.
const DRIVER: &str = "virtio_scmi";
/// Runs when nobody else does; not counted.
const IDLE: &str = "idle";
/// What executes on behalf of nobody in particular.
const KERNEL: &str = super::symbols::KERNEL;

/// One marked piece of work.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Instructions by function, idle ones not counted.
    pub places: HashMap<Place, u64>,
    /// All of them.
    pub total: u64,
    /// From the start to the first store that notified the device, if there was one.
    pub notified: Option<u64>,
}

/// What a trace says.
#[derive(Default)]
pub struct Trace {
    /// From the reset to the first answer.
    pub boot: u64,
    /// Each piece of work, in order.
    pub works: Vec<Work>,
    /// For each event, from the interrupt's entry to its subscriber.
    pub deliveries: Vec<u64>,
}

/// What an address means; looked up once.
#[derive(Clone, Copy)]
struct Meaning {
    place: Place,
    idle: bool,
    mark: Mark,
    /// `dmb`, in the driver.
    barrier: bool,
    /// A store to offset 0x50, in the driver: QueueNotify, if right behind a barrier.
    store: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    FirstAnswer,
    Begin,
    End,
    Event,
    Interrupt,
}

/// `dmb` with any option.
fn is_barrier(instruction: u32) -> bool {
    instruction & 0xffff_fff0 == 0xf57f_f050
}

/// `str rt, [rn, #0x50]`.
fn is_notify(instruction: u32) -> bool {
    instruction & 0xfff0_0fff == 0xe580_0050
}

/// The program counter in a line such as `Trace 0: 0x7f18f8000100 [00000400/0000000040100000/00000520/ff022201] name`.
fn program_counter(line: &str) -> Option<u32> {
    let words = line.strip_prefix("Trace ")?;
    let (_, rest) = words.split_once('/')?;
    let (address, _) = rest.split_once('/')?;
    u32::try_from(u64::from_str_radix(address, 16).ok()?).ok()
}

/// Reads the trace of a machine that ran an image with these symbols.
///
/// # Errors
///
/// The file cannot be read, or has no mark of the bench.
pub fn read(path: &Path, symbols: &Symbols) -> Result<Trace> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = Reader::new(symbols)?;
    let mut lines = BufReader::new(file);
    let mut bytes = Vec::new();
    while lines.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        if let Some(address) = program_counter(&line) {
            reader.execute(address);
        } else if line.starts_with("Stopped execution") {
            reader.take_back();
        }
        bytes.clear();
    }
    reader.flush();
    if reader.trace.boot == 0 {
        bail!(
            "the trace {} has no mark of the bench: is this QEMU's log of executed blocks?",
            path.display()
        );
    }
    Ok(reader.trace)
}

struct Reader<'s> {
    symbols: &'s Symbols,
    marks: Vec<(u32, Mark)>,
    meanings: HashMap<u32, Option<Meaning>>,
    trace: Trace,
    /// Instructions so far, idle ones not counted.
    count: u64,
    /// The last instruction: QEMU may yet say that it did not execute it.
    last: Option<u32>,
    work: Option<Work>,
    interrupt: Option<u64>,
    barrier_at: u64,
}

/// A notify stands so many instructions behind its barrier at most.
const BEHIND_BARRIER: u64 = 4;

impl<'s> Reader<'s> {
    fn new(symbols: &'s Symbols) -> Result<Self> {
        let marks = [
            ("bench_mark_first_answer", Mark::FirstAnswer),
            ("bench_mark_begin", Mark::Begin),
            ("bench_mark_end", Mark::End),
            ("bench_mark_event", Mark::Event),
            ("_asm_irq_handler", Mark::Interrupt),
        ];
        let marks = marks
            .into_iter()
            .map(|(name, mark)| Ok((symbols.address(name)?, mark)))
            .collect::<Result<_>>()?;
        Ok(Self {
            symbols,
            marks,
            meanings: HashMap::new(),
            trace: Trace::default(),
            count: 0,
            last: None,
            work: None,
            interrupt: None,
            barrier_at: 0,
        })
    }

    fn execute(&mut self, address: u32) {
        self.flush();
        self.last = Some(address);
    }

    fn take_back(&mut self) {
        self.last = None;
    }

    fn meaning(&mut self, address: u32) -> Option<Meaning> {
        if let Some(known) = self.meanings.get(&address) {
            return *known;
        }
        let found = self.symbols.find(address).map(|(place, instruction)| {
            let program = self.symbols.program(place);
            let mark = self.marks.iter().find(|(start, _)| *start == address);
            Meaning {
                place,
                idle: program == IDLE,
                mark: mark.map_or(Mark::None, |(_, mark)| *mark),
                barrier: program == DRIVER && is_barrier(instruction),
                store: program == DRIVER && is_notify(instruction),
            }
        });
        self.meanings.insert(address, found);
        found
    }

    /// Counts the last instruction, of which nothing else was said.
    fn flush(&mut self) {
        let Some(address) = self.last.take() else {
            return;
        };
        let Some(meaning) = self.meaning(address) else {
            // The firmware's, before the image begins.
            return;
        };
        match meaning.mark {
            Mark::None => {}
            Mark::FirstAnswer if self.trace.boot == 0 => self.trace.boot = self.count,
            Mark::FirstAnswer => {}
            Mark::Begin => {
                self.work = Some(Work::default());
            }
            Mark::End => self.trace.works.extend(self.work.take()),
            Mark::Event => {
                if let Some(from) = self.interrupt {
                    self.trace.deliveries.push(self.count - from);
                }
            }
            // The vector itself was one instruction before.
            Mark::Interrupt => self.interrupt = Some(self.count.saturating_sub(1)),
        }
        if meaning.idle {
            return;
        }
        self.count += 1;
        if meaning.barrier {
            self.barrier_at = self.count;
        }
        let Some(work) = &mut self.work else {
            return;
        };
        // The mark's own instructions are not the work's.
        if self.symbols.function(meaning.place) == "bench_mark_begin" {
            return;
        }
        work.total += 1;
        *work.places.entry(meaning.place).or_default() += 1;
        if meaning.store && self.count - self.barrier_at <= BEHIND_BARRIER {
            work.notified.get_or_insert(work.total);
        }
    }
}

impl Work {
    /// Instructions of the client, the kernel and the driver.
    pub fn split(&self, symbols: &Symbols) -> [u64; 3] {
        let mut split = [0; 3];
        for (place, count) in &self.places {
            let part = match symbols.program(*place) {
                KERNEL => 1,
                DRIVER => 2,
                _ => 0,
            };
            split[part] += count;
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_counter_is_the_second_number() {
        let line = "Trace 0: 0x7f18f8000280 [00000400/000000004010003c/00000520/ff022201] _start";
        assert_eq!(program_counter(line), Some(0x4010_003c));
        assert_eq!(program_counter("Stopped execution of TB chain"), None);
        assert_eq!(program_counter("Trace 0: nonsense"), None);
    }

    #[test]
    fn a_notify_is_a_store_to_its_offset() {
        // str r1, [r2, #80]; str r1, [r2, #84]; ldr r1, [r2, #80]; dmb ish
        assert!(is_notify(0xe582_1050) && !is_notify(0xe582_1054) && !is_notify(0xe592_1050));
        assert!(is_barrier(0xf57f_f05b) && !is_barrier(0xe582_1050));
    }
}
