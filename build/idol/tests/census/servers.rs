// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The census's servers: one that answers in order, and one that answers later with what the first would say.

#![allow(dead_code)]

use core::convert::Infallible;
use std::collections::VecDeque;

use idol_runtime::{
    ClientError, Leased, LenLimit, NotificationHandler, R, RW, RequestError, W, dispatch,
};
use userlib::{NotificationBits, RecvMessage, TaskId};

use crate::support::waits_for_server;
use crate::types_file::*;
use crate::{deferred, in_order};

type Answer<T, E> = Result<T, RequestError<E>>;

/// Answers with what can be computed from the arguments, or with the error that a test asks for.
#[derive(Default)]
pub struct InOrder;

fn went_away<E>(_: ()) -> RequestError<E> {
    RequestError::went_away()
}

impl NotificationHandler for InOrder {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

#[rustfmt::skip]
impl in_order::InOrderCensusImpl for InOrder {
    fn add(&mut self, _: &RecvMessage, a: u8, b: i16, c: u32, d: u64, e: u128, negative: bool, f: usize) -> Answer<i64, Fault> {
        let sum = i64::from(a) + i64::from(b) + i64::from(c) + d as i64 + e as i64 + f as i64;
        if sum > 1_000_000_000_000 {
            return Err(Fault::TooMuch.into());
        }
        Ok(if negative { -sum } else { sum })
    }
    fn compound(&mut self, _: &RecvMessage, point: Point, table: [[u16; 2]; ROWS], ratio: f32) -> Answer<Point, Fault> {
        if ratio.is_nan() {
            return Err(Fault::Odd.into());
        }
        Ok(Point { x: point.x + i32::from(table[0][0]), y: point.y + (f32::from(table[2][1]) * ratio) as i32 })
    }
    fn is_set(&mut self, _: &RecvMessage, bit: u8) -> Answer<bool, Fault> {
        if bit > 7 { Err(ClientError::AccessViolation.fail()) } else { Ok(bit % 2 == 1) }
    }
    fn reset(&mut self, _: &RecvMessage) -> Answer<(), Infallible> {
        Ok(())
    }
    fn flag(&mut self, _: &RecvMessage) -> Answer<bool, Infallible> {
        Ok(true)
    }
    fn mode(&mut self, _: &RecvMessage, mode: Mode, wide: Wide, plain: u8) -> Answer<Mode, Fault> {
        match (mode, wide, plain) {
            (_, _, 99) => Err(Fault::Odd.into()),
            (Mode::Off, Wide::Large, _) => Ok(Mode::On),
            _ => Ok(Mode::Off),
        }
    }
    fn mode_now(&mut self, _: &RecvMessage) -> Answer<Mode, Infallible> {
        Ok(Mode::On)
    }
    fn converted(&mut self, _: &RecvMessage, celsius: Celsius, checked: Celsius, short: Celsius) -> Answer<Celsius, Fault> {
        Ok(Celsius(celsius.0 + checked.0 + short.0))
    }
    fn write(&mut self, _: &RecvMessage, address: u16, data: Leased<R, [u8]>) -> Answer<(), Fault> {
        let mut bytes = [0; 4];
        // What a client controls, unchecked: must not fault us.
        data.read_range(address.into()..usize::from(address) + 4, &mut bytes).map_err(|()| Fault::TooMuch)?;
        if bytes == [1, 2, 3, 4] { Ok(()) } else { Err(Fault::Odd.into()) }
    }
    fn read(&mut self, _: &RecvMessage, offset: u32, data: LenLimit<Leased<W, [u8]>, 8>) -> Answer<u32, Fault> {
        for i in 0..data.len() {
            data.write_at(i, offset as u8 + i as u8).map_err(went_away)?;
        }
        Ok(data.len_as_u8().into())
    }
    fn transfer(&mut self, _: &RecvMessage, source: LenLimit<Leased<R, [u8]>, 8>, sink: LenLimit<Leased<W, [u8]>, 255>) -> Answer<(), Fault> {
        if sink.len() < source.len() {
            return Err(Fault::TooMuch.into());
        }
        let mut bytes = [0; 8];
        source.read_range(0..source.len(), &mut bytes).map_err(went_away)?;
        sink.write_range(0..source.len(), &bytes).map_err(went_away)
    }
    fn sized(&mut self, _: &RecvMessage, point: Leased<R, Point>, counts: Leased<W, [u32; ROWS]>) -> Answer<(), Infallible> {
        let point = point.read().ok_or(()).map_err(went_away)?;
        counts.write([point.x as u32, point.y as u32, 0]).map_err(went_away)?;
        counts.write_at(2, 77).map_err(went_away)
    }
    fn words(&mut self, _: &RecvMessage, input: LenLimit<Leased<R, [u32]>, 4>, output: Leased<W, [Point]>) -> Answer<u8, Infallible> {
        for i in 0..input.len().min(output.len()) {
            let x = input.read_at(i).ok_or(()).map_err(went_away)? as i32;
            output.write_at(i, Point { x, y: -x }).map_err(went_away)?;
        }
        Ok(input.len_as_u8())
    }
    fn exchange(&mut self, _: &RecvMessage, buffer: LenLimit<Leased<RW, [u8]>, 16>, value: Leased<RW, u16>) -> Answer<(), Fault> {
        let first = buffer.read_at(0).ok_or(Fault::TooMuch)?;
        let old = value.read().ok_or(()).map_err(went_away)?;
        buffer.write_at(0, old as u8).map_err(went_away)?;
        value.write(first.into()).map_err(went_away)
    }
    fn push(&mut self, _: &RecvMessage, _: u32) -> Answer<(), Infallible> {
        Ok(())
    }
    fn describe(&mut self, _: &RecvMessage, index: u16, more: Option<u8>, deep: bool) -> Answer<Option<(Result<Name, u8>, u64)>, Fault> {
        match (index, more, deep) {
            (0, ..) => Ok(None),
            (1, Some(code), _) => Ok(Some((Err(code), 5))),
            (1, None, true) => Ok(Some((Ok(Name::Short(*b"fan0")), u64::MAX))),
            (1, None, false) => Ok(Some((Ok(Name::Numbered { number: 0x0102 }), 1))),
            _ => Err(Fault::Odd.into()),
        }
    }
    fn examine(&mut self, _: &RecvMessage, what: Name, level: u128) -> Answer<bool, Trouble> {
        match (what, level) {
            (Name::None, _) => Err(Trouble::Unknown.into()),
            (_, 0) => Err(Trouble::At([1, 2, 3, 4]).into()),
            (_, 1) => Err(ClientError::BadMessageContents.fail()),
            (_, level) => Ok(level == u128::MAX),
        }
    }
    fn provoke(&mut self, _: &RecvMessage, depth: [[u8; 2]; 2], data: LenLimit<Leased<R, [u8]>, 32>) -> Answer<(), Trouble> {
        let first = data.read_at(0).ok_or(Trouble::Unknown)?;
        if first == depth[1][0] { Ok(()) } else { Err(Trouble::At([first.into(), 0, 0, 0xFFFF]).into()) }
    }
    fn totals(&mut self, _: &RecvMessage) -> Answer<(u8, [u16; 2], f32), Infallible> {
        Ok((1, [2, 3], 0.5))
    }
    fn finish(&mut self, _: &RecvMessage, hard: bool, log: Leased<W, [u8]>) -> Answer<u16, Infallible> {
        log.write_range(0..1, b"!").map_err(went_away)?;
        Ok(if hard { 0xABCD } else { 0 })
    }
    fn marshal(&mut self, _: &RecvMessage, on: bool, off: bool, level: Bare, big: usize) -> Answer<Bare, Infallible> {
        Ok(Bare { level: level.level + u32::from(on) + big as u32, name: if off { None } else { level.name } })
    }
    fn marshal_result(&mut self, _: &RecvMessage, n: u8) -> Answer<bool, Fault> {
        if n == 0 { Err(Fault::Odd.into()) } else { Ok(n > 1) }
    }
    fn op(&mut self, rm: &RecvMessage, a: u8, b: u8, c: u8, d: u8, e: u8, result: Leased<R, [u8]>, buffer: Leased<W, [u8]>) -> Answer<u8, Fault> {
        assert_eq!(rm.sender.index(), 7);
        let byte = result.read_at(0).ok_or(Fault::TooMuch)?;
        buffer.write_at(0, byte).map_err(went_away)?;
        Ok(a + b + c + d + e)
    }
    fn marshal_folded(&mut self, _: &RecvMessage, _: Lone, pair: Option<[Lone; 2]>, folded: Folded) -> Answer<Option<Folded>, Infallible> {
        Ok(pair.map(|[lone, _]| Folded { lone, ..folded }))
    }
}

/// The main function of a server that answers in order.
pub fn serve_in_order() {
    loop {
        dispatch(&mut [0; in_order::INCOMING_SIZE], &mut InOrder);
    }
}

/// The main function of a server that answers later, or could.
pub fn serve_deferred(at_once: bool) {
    let mut server = Deferred {
        at_once,
        ..Deferred::default()
    };
    loop {
        server.turn();
    }
}

/// Answers what [`InOrder`] would, but in the turn after the one in which it was asked.
#[derive(Default)]
pub struct Deferred {
    /// Those that still have to be answered.
    pending: VecDeque<(TaskId, Box<dyn FnOnce()>)>,
    /// Answers at once instead.
    pub at_once: bool,
}

impl Deferred {
    /// One turn of the task.
    pub fn turn(&mut self) {
        match self.pending.pop_front() {
            Some((caller, reply)) => {
                assert!(waits_for_server(caller));
                reply();
            }
            None => dispatch(&mut [0; deferred::INCOMING_SIZE], self),
        }
    }
}

impl NotificationHandler for Deferred {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

/// The generated function that answers an operation.
macro_rules! reply_function {
    (add) => {
        deferred::reply_add
    };
    (compound) => {
        deferred::reply_compound
    };
    (is_set) => {
        deferred::reply_is_set
    };
    (reset) => {
        deferred::reply_reset
    };
    (flag) => {
        deferred::reply_flag
    };
    (mode) => {
        deferred::reply_mode
    };
    (mode_now) => {
        deferred::reply_mode_now
    };
    (converted) => {
        deferred::reply_converted
    };
    (write) => {
        deferred::reply_write
    };
    (read) => {
        deferred::reply_read
    };
    (transfer) => {
        deferred::reply_transfer
    };
    (sized) => {
        deferred::reply_sized
    };
    (words) => {
        deferred::reply_words
    };
    (exchange) => {
        deferred::reply_exchange
    };
    (push) => {
        deferred::reply_push
    };
    (describe) => {
        deferred::reply_describe
    };
    (examine) => {
        deferred::reply_examine
    };
    (provoke) => {
        deferred::reply_provoke
    };
    (totals) => {
        deferred::reply_totals
    };
    (finish) => {
        deferred::reply_finish
    };
    (marshal) => {
        deferred::reply_marshal
    };
    (marshal_result) => {
        deferred::reply_marshal_result
    };
    (op) => {
        deferred::reply_op
    };
    (marshal_folded) => {
        deferred::reply_marshal_folded
    };
}

/// Each method asks `InOrder` and keeps the answer. `$how` turns it into what `reply_<op>` takes.
macro_rules! later {
    ($($op:ident($($arg:ident: $ty:ty),*) -> $ok:ty, $err:ty, $how:ident;)*) => {
        #[allow(clippy::too_many_arguments)]
        impl deferred::DeferredCensusImpl for Deferred {
            $(fn $op(&mut self, msg: &RecvMessage $(, $arg: $ty)*) -> Answer<Option<$ok>, $err> {
                let answer = in_order::InOrderCensusImpl::$op(&mut InOrder, msg $(, $arg)*);
                if self.at_once {
                    return answer.map(Some);
                }
                let caller = msg.sender;
                let reply = reply_function!($op);
                match answer {
                    Err(RequestError::Fail(error)) => return Err(error.fail()),
                    Err(RequestError::Runtime(error)) => {
                        later!(@error $how, self, caller, reply, error);
                    }
                    Ok(value) => {
                        later!(@ok $how, self, caller, reply, value);
                    }
                }
                Ok(None)
            })*
        }
    };
    (@ok result, $self:ident, $caller:ident, $reply:ident, $value:ident) => {
        $self.pending.push_back(($caller, Box::new(move || $reply($caller, Ok($value)))));
    };
    (@error result, $self:ident, $caller:ident, $reply:ident, $error:ident) => {
        $self.pending.push_back(($caller, Box::new(move || $reply($caller, Err($error)))));
    };
    (@ok value, $self:ident, $caller:ident, $reply:ident, $value:ident) => {
        $self.pending.push_back(($caller, Box::new(move || $reply($caller, $value))));
    };
    (@error value, $self:ident, $caller:ident, $reply:ident, $error:ident) => {
        match $error {}
    };
}

later! {
    add(a: u8, b: i16, c: u32, d: u64, e: u128, negative: bool, f: usize) -> i64, Fault, result;
    compound(point: Point, table: [[u16; 2]; ROWS], ratio: f32) -> Point, Fault, result;
    is_set(bit: u8) -> bool, Fault, result;
    reset() -> (), Infallible, value;
    flag() -> bool, Infallible, value;
    mode(mode: Mode, wide: Wide, plain: u8) -> Mode, Fault, result;
    mode_now() -> Mode, Infallible, value;
    converted(celsius: Celsius, checked: Celsius, short: Celsius) -> Celsius, Fault, result;
    write(address: u16, data: Leased<R, [u8]>) -> (), Fault, result;
    read(offset: u32, data: LenLimit<Leased<W, [u8]>, 8>) -> u32, Fault, result;
    transfer(source: LenLimit<Leased<R, [u8]>, 8>, sink: LenLimit<Leased<W, [u8]>, 255>) -> (), Fault, result;
    sized(point: Leased<R, Point>, counts: Leased<W, [u32; ROWS]>) -> (), Infallible, value;
    words(input: LenLimit<Leased<R, [u32]>, 4>, output: Leased<W, [Point]>) -> u8, Infallible, value;
    exchange(buffer: LenLimit<Leased<RW, [u8]>, 16>, value: Leased<RW, u16>) -> (), Fault, result;
    push(value: u32) -> (), Infallible, value;
    describe(index: u16, more: Option<u8>, deep: bool) -> Option<(Result<Name, u8>, u64)>, Fault, result;
    examine(what: Name, level: u128) -> bool, Trouble, result;
    provoke(depth: [[u8; 2]; 2], data: LenLimit<Leased<R, [u8]>, 32>) -> (), Trouble, result;
    totals() -> (u8, [u16; 2], f32), Infallible, value;
    finish(hard: bool, log: Leased<W, [u8]>) -> u16, Infallible, value;
    marshal(on: bool, off: bool, level: Bare, big: usize) -> Bare, Infallible, value;
    marshal_result(n: u8) -> bool, Fault, result;
    op(rm: u8, incoming: u8, value: u8, args: u8, extra: u8, result: Leased<R, [u8]>, buffer: Leased<W, [u8]>) -> u8, Fault, result;
    marshal_folded(lone: Lone, pair: Option<[Lone; 2]>, folded: Folded) -> Option<Folded>, Infallible, value;
}
