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

use super::symbols::{Instruction, Place, Symbols};

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
    /// For each event that found everybody asleep, from the interrupt's entry to its subscriber.
    pub deliveries: Vec<Work>,
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
fn is_barrier(instruction: Instruction) -> bool {
    match instruction {
        Instruction::A32(word) => word & 0xffff_fff0 == 0xf57f_f050,
        Instruction::T32(first, second) => first == 0xf3bf && second & 0xfff0 == 0x8f50,
    }
}

/// `str rt, [rn, #0x50]`.
fn is_notify(instruction: Instruction) -> bool {
    match instruction {
        Instruction::A32(word) => word & 0xfff0_0fff == 0xe580_0050,
        // In two bytes, with an offset in words, or in four.
        Instruction::T32(first, second) => {
            first & 0xffc0 == 0x6500 || first & 0xfff0 == 0xf8c0 && second & 0xfff == 0x050
        }
    }
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
        reader.line(&String::from_utf8_lossy(&bytes));
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
    /// The last instruction that was counted.
    previous: Option<Place>,
    work: Option<Work>,
    /// Instructions since idle.
    awake: u64,
    /// Since an interrupt that ended idle, until an event is delivered or nothing came of it.
    delivery: Option<Work>,
    barrier_at: u64,
}

/// A notify stands so many instructions behind its barrier at most.
const BEHIND_BARRIER: u64 = 4;
/// Instructions from an interrupt to its handler.
const VECTOR: u64 = 1;

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
            previous: None,
            awake: 0,
            work: None,
            delivery: None,
            barrier_at: 0,
        })
    }

    /// Takes one line of QEMU's log; most of those that are no instruction mean nothing here.
    fn line(&mut self, line: &str) {
        if let Some(address) = program_counter(line) {
            self.execute(address);
        } else if line.starts_with("Stopped execution") {
            self.take_back();
        }
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
            Mark::Event => self.trace.deliveries.extend(self.delivery.take()),
            // The vector itself was one instruction before.
            Mark::Interrupt if self.awake == VECTOR => {
                let mut work = Work::default();
                if let Some(vector) = self.previous {
                    work.count(vector);
                }
                self.delivery = Some(work);
            }
            // On top of another interrupt, of whose work it is a part, or while somebody worked anyway.
            Mark::Interrupt => {}
        }
        if meaning.idle {
            self.awake = 0;
            // Nobody was told: it was no event's interrupt.
            self.delivery = None;
            return;
        }
        self.count += 1;
        self.awake += 1;
        self.previous = Some(meaning.place);
        if let Some(delivery) = &mut self.delivery {
            delivery.count(meaning.place);
        }
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
        work.count(meaning.place);
        if meaning.store && self.count - self.barrier_at <= BEHIND_BARRIER {
            work.notified.get_or_insert(work.total);
        }
    }
}

impl Work {
    fn count(&mut self, place: Place) {
        self.total += 1;
        *self.places.entry(place).or_default() += 1;
    }

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

    /// Each function is one instruction at the address in the name.
    fn symbols() -> Symbols {
        Symbols::of(&[
            ("kernel", 0x100, &["vector", "_asm_irq_handler", "dispatch"]),
            ("virtio_scmi", 0x200, &["turn", "post"]),
            (
                "bench",
                0x300,
                &[
                    "bench_mark_first_answer",
                    "bench_mark_begin",
                    "bench_mark_end",
                    "bench_mark_event",
                    "woken",
                ],
            ),
            ("idle", 0x400, &["wait"]),
        ])
    }

    fn traced(symbols: &Symbols, addresses: &[u32]) -> Trace {
        let mut reader = Reader::new(symbols).unwrap();
        for address in addresses {
            reader.line(&format!(
                "Trace 0: 0x7f0 [00000400/{address:016x}/00000520/0] x"
            ));
        }
        reader.flush();
        reader.trace
    }

    const IRQ: u32 = 0x100;
    const HANDLER: u32 = 0x104;
    const DISPATCH: u32 = 0x108;
    const TURN: u32 = 0x200;
    const POST: u32 = 0x204;
    const EVENT: u32 = 0x30c;
    const WOKEN: u32 = 0x310;
    const IDLE: u32 = 0x400;

    #[test]
    fn a_delivery_is_from_the_vector_to_the_mark_with_its_places() {
        let symbols = symbols();
        let trace = traced(
            &symbols,
            &[
                IDLE, IRQ, HANDLER, DISPATCH, TURN, TURN, POST, WOKEN, EVENT, WOKEN, IDLE,
            ],
        );
        let [delivery] = &trace.deliveries[..] else {
            panic!("{} deliveries", trace.deliveries.len());
        };
        assert_eq!(delivery.total, 7);
        assert_eq!(delivery.split(&symbols), [1, 3, 3]);
        let turn = symbols.find(TURN).unwrap().0;
        assert_eq!(delivery.places.get(&turn), Some(&2));
    }

    #[test]
    fn an_interrupt_that_tells_nobody_begins_no_delivery_and_one_in_between_is_part_of_it() {
        let symbols = symbols();
        let nobody = [IDLE, IRQ, HANDLER, DISPATCH, IDLE];
        let event = [IRQ, HANDLER, TURN, IRQ, HANDLER, POST, EVENT, IDLE];
        let trace = traced(&symbols, &[&nobody[..], &event].concat());
        let totals: Vec<u64> = trace.deliveries.iter().map(|work| work.total).collect();
        assert_eq!(totals, [6]);
        // A mark without an interrupt: the subscriber had not slept.
        assert!(
            traced(&symbols, &[IDLE, WOKEN, EVENT])
                .deliveries
                .is_empty()
        );
    }

    #[test]
    fn what_qemu_takes_back_was_not_executed() {
        let symbols = symbols();
        let mut reader = Reader::new(&symbols).unwrap();
        for line in [
            "Trace 0: 0x7f0 [0/0000000000000304/0/0] bench_mark_begin",
            "Trace 0: 0x7f0 [0/0000000000000200/0/0] turn",
            "Stopped execution of TB chain before 0x7f0 [0000000000000200] turn",
            "Trace 0: 0x7f0 [0/0000000000000200/0/0] turn",
            "Trace 0: 0x7f0 [0/0000000000000308/0/0] bench_mark_end",
        ] {
            reader.line(line);
        }
        reader.flush();
        assert_eq!(reader.trace.works.len(), 1);
        assert_eq!(reader.trace.works[0].total, 1);
    }

    #[test]
    fn a_notify_is_a_store_to_its_offset() {
        use Instruction::{A32, T32};
        // str r1, [r2, #80]; str.w r10, [r2, #80]; str r1, [r2, #84]; ldr r1, [r2, #80]
        for notify in [A32(0xe582_1050), T32(0x6511, 0), T32(0xf8c2, 0xa050)] {
            assert!(is_notify(notify) && !is_barrier(notify), "{notify:x?}");
        }
        for other in [
            A32(0xe582_1054),
            A32(0xe592_1050),
            A32(0xf8c2_6511),
            T32(0x6551, 0),
            T32(0x6d11, 0),
            T32(0xf8c2, 0xa054),
            T32(0xf8d2, 0xa050),
        ] {
            assert!(!is_notify(other), "{other:x?}");
        }
        // dmb ish; isb
        assert!(is_barrier(A32(0xf57f_f05b)) && is_barrier(T32(0xf3bf, 0x8f5b)));
        assert!(!is_barrier(A32(0xf57f_f06f)) && !is_barrier(T32(0xf3bf, 0x8f6f)));
    }
}
