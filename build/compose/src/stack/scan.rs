// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One function: how deep its own frame gets, and how deep it is at each call.
//!
//! Instructions are read in the order of their addresses, from the start of the function and from wherever a jump leads, until nothing new
//! is learnt. What is left then is what tables lead to, at the depth of the jumps through tables, or if there are none, at the deepest.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::{Decoded, Effect, SP};
use super::program::{Function, Program};

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To the function with this number.
    Function(usize),
    /// Through a pointer that was loaded from this offset of something: a method of a trait object, or a field.
    Slot(i64),
    /// Through a pointer that came from elsewhere, such as an argument.
    Pointer,
}

/// What one function does.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The most that its own frame takes, in bytes.
    pub own: u32,
    /// Each call: how deep the frame is then, and where it goes.
    pub calls: Vec<(u32, Target)>,
    /// Functions whose address it takes.
    pub taken: BTreeSet<usize>,
    /// What could not be followed.
    pub doubts: BTreeSet<String>,
    /// The first address where there is no instruction that we know.
    pub unknown: Option<u32>,
}

/// What is known of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Constant(u32),
    /// So many bytes below where the stack pointer was at the start.
    Frame(i64),
    /// Loaded from memory, at this offset of some address.
    Loaded(i64),
}

const UNKNOWN: [Known; 16] = [Known::Nothing; 16];

/// Registers that a call does not keep.
const SCRATCH: u16 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 14;

struct State<'a> {
    program: &'a Program<'a>,
    function: &'a Function,
    depth: i64,
    deepest: i64,
    registers: [Known; 16],
    /// What the registers held before the conditional instructions just now.
    otherwise: Option<[Known; 16]>,
    /// Every value that each register gets anywhere in the function.
    ever: [Vec<Known>; 16],
    /// Registers that ever get an address within the function, from which a jump is computed.
    inside: u16,
    /// What is known at the function's start and at targets of branches.
    entries: BTreeMap<u32, (i64, [Known; 16])>,
    /// Where branches further down go back to.
    loops: BTreeSet<u32>,
    /// Where something is known now that was not when it was read.
    changed: Option<u32>,
    /// The depth of the deepest jump through a table.
    switch: Option<i64>,
    /// The depth of what nothing was seen to lead to; unknown until nothing else is left.
    rest: Option<i64>,
    pending: Vec<(i64, u8)>,
    scan: Scan,
}

/// How often a function is read: more, and its stack pointer moves in a loop.
const READINGS: usize = 100;

/// Scans `function` of `program`.
pub fn scan(program: &Program, function: &Function) -> Scan {
    let mut state = State {
        program,
        function,
        depth: 0,
        deepest: 0,
        registers: UNKNOWN,
        otherwise: None,
        ever: std::array::from_fn(|register| {
            if register < 4 {
                vec![Known::Nothing]
            } else {
                Vec::new()
            }
        }),
        inside: 0,
        entries: BTreeMap::from([(function.address, (0, UNKNOWN))]),
        loops: BTreeSet::new(),
        changed: None,
        switch: None,
        rest: None,
        pending: Vec::new(),
        scan: Scan::default(),
    };
    let code: Vec<(u32, Decoded)> = program.instructions(function).collect();
    state.find_loops(&code);
    let mut end = state.read(&code);
    for reading in 1.. {
        match state.changed {
            Some(address) if reading == READINGS => {
                state.scan.unknown = Some(address);
                break;
            }
            None if state.rest.is_some() => break,
            None => state.rest = Some(state.switch.unwrap_or(state.deepest)),
            Some(_) => {}
        }
        end = state.read(&code);
    }
    state.settle_pending();
    // A function that neither returns nor jumps at its end goes on into the next one, unless its last call never returns.
    if end.is_some_and(|last| !matches!(last, Effect::Call(_) | Effect::CallRegister(_))) {
        match program.starting_at(function.end()) {
            Some(next) => state.call(Target::Function(next)),
            None => state.doubt("runs past its end"),
        }
    }
    state.scan.own = state.deepest.max(0) as u32;
    state.scan
}

/// What is known where two ways meet.
fn join(registers: &mut [Known; 16], others: &[Known; 16]) {
    for (known, other) in registers.iter_mut().zip(others) {
        if known != other {
            *known = Known::Nothing;
        }
    }
}

impl State<'_> {
    fn find_loops(&mut self, code: &[(u32, Decoded)]) {
        for (address, decoded) in code {
            if let Effect::Jump(target) = decoded.effect
                && self.function.contains(target)
                && target <= *address
            {
                self.loops.insert(target);
            }
        }
    }

    /// Reads all instructions once; returns what the last one does if it goes on.
    fn read(&mut self, code: &[(u32, Decoded)]) -> Option<Effect> {
        self.scan = Scan::default();
        self.pending.clear();
        self.changed = None;
        let mut last = None;
        for (address, decoded) in code {
            let reached = self.arrive(*address, last.is_some());
            let flows = reached && self.step(*address, *decoded);
            last = flows.then_some(decoded.effect);
        }
        last
    }

    /// Joins what is known from the instruction before with what branches to `address` know; returns whether either is there.
    fn arrive(&mut self, address: u32, flows: bool) -> bool {
        let entry = match (self.entries.get(&address), self.rest) {
            (Some(entry), _) => Some(*entry),
            (None, Some(depth)) if !flows => Some((depth, UNKNOWN)),
            _ => None,
        };
        match entry {
            Some((depth, registers)) if flows => {
                self.join_condition();
                self.depth = self.depth.max(depth);
                join(&mut self.registers, &registers);
            }
            Some((depth, registers)) => {
                (self.depth, self.registers, self.otherwise) = (depth, registers, None);
            }
            None => {}
        }
        if self.loops.contains(&address) {
            (self.registers, self.otherwise) = (UNKNOWN, None);
        }
        flows || entry.is_some()
    }

    /// Carries what is known from `address` to where a branch goes.
    fn carry(&mut self, address: u32, target: u32) {
        let known = (self.depth, self.registers);
        let (depth, registers) = self.entries.entry(target).or_insert((-1, known.1));
        if *depth < known.0 {
            *depth = known.0;
            if target <= address {
                self.changed = Some(target);
            }
        }
        join(registers, &known.1);
    }

    /// Joins what conditional instructions made of the registers with what they held before.
    fn join_condition(&mut self) {
        if let Some(before) = self.otherwise.take() {
            join(&mut self.registers, &before);
        }
    }

    /// Follows one instruction; returns whether the next one is reached from it.
    fn step(&mut self, address: u32, decoded: Decoded) -> bool {
        let conditional = decoded.conditional;
        // Several in a row may have one condition, such as MOVW and MOVT.
        if conditional && decoded.effect.only_writes() {
            self.otherwise.get_or_insert(self.registers);
        } else {
            self.join_condition();
        }
        match decoded.effect {
            Effect::Push(bytes) if bytes < 0 && conditional => {}
            Effect::Push(bytes) => self.deepen(self.depth + bytes),
            Effect::Pop(bytes, registers) => {
                if !conditional {
                    self.deepen(self.depth - bytes);
                }
                self.forget(registers & SCRATCH);
                self.reload(registers & !SCRATCH);
            }
            Effect::PushRegister(register, up) => match self.registers[usize::from(register)] {
                Known::Constant(value) => {
                    let bytes = i64::from(value as i32);
                    self.deepen(if up {
                        self.depth - bytes
                    } else {
                        self.depth + bytes
                    });
                }
                _ => self.doubt("makes a frame whose size is not a constant"),
            },
            Effect::Align(multiple) => self.deepen(self.depth + multiple - 4),
            Effect::AlignRegister(to, from, multiple) => self.deeper(to, from, multiple - 4),
            Effect::Add(to, from, offset) => self.deeper(to, from, -offset),
            Effect::Restore(register, offset) => match self.registers[usize::from(register)] {
                Known::Frame(depth) => self.deepen(depth - offset),
                _ => match self.frames(register).as_slice() {
                    [] => self.leave_stack(),
                    frames => {
                        let depth = frames.iter().copied().max().unwrap_or(0);
                        self.deepen(depth - offset);
                    }
                },
            },
            Effect::Lost => self.leave_stack(),
            Effect::Frame(register, offset) => {
                self.set(register, Known::Frame(self.depth - offset))
            }
            Effect::Constant(register, value) => self.set(register, Known::Constant(value)),
            Effect::Upper(register, upper) => {
                let value = match self.registers[usize::from(register)] {
                    Known::Constant(lower) => Known::Constant(lower & 0xffff | upper << 16),
                    _ => Known::Nothing,
                };
                self.take(value);
                self.set(register, value);
            }
            Effect::Copy(to, from) => self.copy(to, from),
            Effect::Load(register, base, offset) => {
                let value = self.load(base, offset);
                self.take(value);
                self.set(register, value);
            }
            Effect::Literal(register, address) => {
                let value = self.constant(address).unwrap_or(Known::Nothing);
                self.take(value);
                self.set(register, value);
            }
            Effect::Call(target) => {
                self.go_to(target);
                self.forget(SCRATCH);
            }
            Effect::CallRegister(register) => {
                self.call_register(register);
                self.forget(SCRATCH);
            }
            Effect::Jump(target) if self.function.contains(target) => {
                self.carry(address, target);
                return conditional;
            }
            Effect::Jump(target) => {
                self.go_to(target | u32::from(self.program.is_thumb(address)));
                return conditional;
            }
            Effect::JumpRegister(register) if self.inside & 1 << register != 0 => {
                self.switch = self.switch.max(Some(self.depth));
                return conditional;
            }
            Effect::JumpRegister(register) => {
                self.call_register(register);
                return conditional;
            }
            Effect::Switch => {
                self.switch = self.switch.max(Some(self.depth));
                return conditional;
            }
            Effect::Return => return conditional,
            Effect::Inside(register) => {
                self.inside |= 1 << register;
                self.set(register, Known::Nothing);
            }
            Effect::Writes(registers) => self.forget(registers),
            Effect::Unknown => _ = self.scan.unknown.get_or_insert(address),
        }
        true
    }

    fn deepen(&mut self, depth: i64) {
        self.depth = depth;
        self.deepest = self.deepest.max(depth);
    }

    /// The stack pointer goes to another stack: what is deeper there is not this stack's.
    fn leave_stack(&mut self) {
        if self.function.hand_written {
            self.deepen(0);
        } else {
            self.doubt("takes its stack pointer from memory");
        }
    }

    fn doubt(&mut self, what: &str) {
        self.scan
            .doubts
            .insert(format!("`{}` {what}", self.function.name));
    }

    fn set(&mut self, register: u8, value: Known) {
        self.registers[usize::from(register)] = value;
        self.note(register, value);
    }

    fn note(&mut self, register: u8, value: Known) {
        let values = &mut self.ever[usize::from(register)];
        if !values.contains(&value) {
            values.push(value);
        }
    }

    fn copy(&mut self, to: u8, from: u8) {
        match self.registers[usize::from(from)] {
            // What a copy of something unknown may be, is whatever the other register may be.
            Known::Nothing => {
                let values = self.ever[usize::from(from)].clone();
                self.registers[usize::from(to)] = Known::Nothing;
                self.note(to, Known::Nothing);
                values.into_iter().for_each(|value| self.note(to, value));
            }
            value => self.set(to, value),
        }
    }

    /// A register gets the value of another that is so many bytes deeper in the frame, if it is in the frame at all.
    fn deeper(&mut self, to: u8, from: u8, bytes: i64) {
        let value = match self.registers[usize::from(from)] {
            Known::Frame(depth) => Known::Frame(depth + bytes),
            _ => Known::Nothing,
        };
        self.set(to, value);
    }

    fn forget(&mut self, registers: u16) {
        for register in (0..15).filter(|register| registers & 1 << register != 0 && *register != SP)
        {
            self.set(register, Known::Nothing);
        }
    }

    /// What functions keep is loaded from where it was stored: any value that the register ever has in the function.
    fn reload(&mut self, registers: u16) {
        for register in (0..15).filter(|register| registers & 1 << register != 0) {
            self.registers[register] = Known::Nothing;
        }
    }

    fn frames(&self, register: u8) -> Vec<i64> {
        let frame = |value: &Known| {
            if let Known::Frame(depth) = value {
                Some(*depth)
            } else {
                None
            }
        };
        self.ever[usize::from(register)]
            .iter()
            .filter_map(frame)
            .collect()
    }

    fn load(&self, base: u8, offset: i64) -> Known {
        let constant = match self.registers[usize::from(base)] {
            Known::Constant(value) => self.constant(value.wrapping_add(offset as u32)),
            _ => None,
        };
        constant.unwrap_or(Known::Loaded(offset))
    }

    fn constant(&self, address: u32) -> Option<Known> {
        self.program.constant(address).map(Known::Constant)
    }

    /// Notes a constant that is a function's address.
    fn take(&mut self, value: Known) {
        if let Known::Constant(value) = value
            && let Some(function) = self.program.pointed_at(value)
        {
            self.scan.taken.insert(function);
        }
    }

    fn call(&mut self, target: Target) {
        self.scan.calls.push((self.depth.max(0) as u32, target));
    }

    /// A call to an address; bit 0 set means T32.
    fn go_to(&mut self, target: u32) {
        let (address, thumb) = (target & !1, target & 1 != 0);
        match self.program.containing(address) {
            Some(_) if self.program.is_thumb(address) != thumb => {
                self.doubt("calls code in the wrong instruction set");
            }
            Some(function) => self.call(Target::Function(function)),
            None => self.doubt("calls code without a name"),
        }
    }

    fn call_register(&mut self, register: u8) {
        match self.registers[usize::from(register)] {
            Known::Constant(target) => self.go_to(target),
            Known::Loaded(offset) => self.call(Target::Slot(offset)),
            _ => self.pending.push((self.depth, register)),
        }
    }

    /// Calls through registers that were set somewhere else in the function: they may have any value that it ever sets.
    fn settle_pending(&mut self) {
        for (depth, register) in std::mem::take(&mut self.pending) {
            self.depth = depth;
            let mut values = self.ever[usize::from(register)].clone();
            if values.is_empty() {
                values.push(Known::Nothing);
            }
            for value in values {
                match value {
                    Known::Constant(target) if self.program.pointed_at(target).is_some() => {
                        self.go_to(target)
                    }
                    Known::Constant(_) | Known::Frame(_) => {}
                    Known::Loaded(offset) => self.call(Target::Slot(offset)),
                    Known::Nothing => self.call(Target::Pointer),
                }
            }
        }
    }
}
