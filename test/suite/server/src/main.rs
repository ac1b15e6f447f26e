// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A generated server with an operation for every encoding: see `suite.idol`.

#![no_std]
#![no_main]

use core::convert::Infallible;

use idol_runtime::{
    ClientError, Leased, LenLimit, MessageBuffer, NotificationHandler, R, RW, RequestError, W,
};
use test_suite_common::sample::{Mode, Name, SampleError, Trouble};
use userlib::*;

/// Room for a lease's content.
const CHUNK: usize = 64;

/// `fill` writes so many bytes at once, as a driver with a small buffer does.
const PIECE: usize = 16;

struct Server {
    /// Who waits for a release.
    waiting: Option<TaskId>,
    pushed: u32,
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    let mut server = Server {
        waiting: None,
        pushed: 0,
    };
    let mut buffer = MessageBuffer::<{ idl::INCOMING_SIZE }>::new();
    loop {
        idol_runtime::dispatch(&mut buffer, &mut server);
    }
}

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        0
    }

    fn handle_notification(&mut self, _: NotificationBits) {}
}

impl idl::DeferredSampleImpl for Server {
    fn add(
        &mut self,
        _: &RecvMessage,
        a: u8,
        b: i16,
        c: u32,
        d: u64,
        negative: bool,
    ) -> Result<Option<i64>, RequestError<SampleError>> {
        if a == 255 {
            return Err(SampleError::Odd.into());
        }
        let sum = i64::from(a) + i64::from(b) + i64::from(c) + d as i64;
        Ok(Some(if negative { -sum } else { sum }))
    }

    fn is_odd(
        &mut self,
        _: &RecvMessage,
        n: u32,
    ) -> Result<Option<bool>, RequestError<Infallible>> {
        Ok(Some(n % 2 == 1))
    }

    fn turn(
        &mut self,
        _: &RecvMessage,
        mode: Mode,
    ) -> Result<Option<Mode>, RequestError<SampleError>> {
        Ok(Some(match mode {
            Mode::Off => Mode::On,
            Mode::On => Mode::Off,
        }))
    }

    fn fill(
        &mut self,
        _: &RecvMessage,
        value: u8,
        data: LenLimit<Leased<W, [u8]>, 64>,
    ) -> Result<Option<u32>, RequestError<SampleError>> {
        let len = data.len();
        for at in (0..len).step_by(PIECE) {
            let end = len.min(at + PIECE);
            data.write_range(at..end, &[value; PIECE])
                .map_err(|()| RequestError::went_away())?;
        }
        Ok(Some(len as u32))
    }

    fn sum(
        &mut self,
        _: &RecvMessage,
        data: Leased<R, [u8]>,
    ) -> Result<Option<u32>, RequestError<Infallible>> {
        let mut sum = 0;
        for index in 0..data.len() {
            sum += u32::from(
                data.read_at(index)
                    .ok_or(RequestError::Fail(ClientError::WentAway))?,
            );
        }
        // Behind the end there is nothing, and asking costs nobody's life.
        if data.read_at(data.len()).is_some() {
            sum = u32::MAX;
        }
        Ok(Some(sum))
    }

    fn invert(
        &mut self,
        _: &RecvMessage,
        data: Leased<RW, [u8]>,
    ) -> Result<Option<()>, RequestError<SampleError>> {
        let mut bytes = [0; CHUNK];
        let len = data.len();
        let bytes = bytes.get_mut(..len).ok_or(SampleError::TooMuch)?;
        data.read_range(0..len, bytes)
            .map_err(|()| RequestError::went_away())?;
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        data.write_range(0..len, bytes)
            .map_err(|()| RequestError::went_away())?;
        Ok(Some(()))
    }

    fn sized(
        &mut self,
        _: &RecvMessage,
        input: Leased<R, u32>,
        output: Leased<W, [u32; 3]>,
    ) -> Result<Option<()>, RequestError<Infallible>> {
        let n = input
            .read()
            .ok_or(RequestError::Fail(ClientError::WentAway))?;
        output
            .write([n, n + 1, n + 2])
            .map_err(|()| RequestError::Fail(ClientError::WentAway))?;
        Ok(Some(()))
    }

    fn hub(
        &mut self,
        _: &RecvMessage,
        index: u16,
        more: Option<u8>,
        deep: bool,
    ) -> Result<Option<Option<(Name, u64)>>, RequestError<SampleError>> {
        Ok(Some(match (more, deep) {
            (Some(more), _) => Some((
                Name::Numbered {
                    number: index + u16::from(more),
                },
                u64::MAX,
            )),
            (None, true) => Some((Name::Short(*b"deep"), 1)),
            (None, false) if index == 0 => return Err(SampleError::TooMuch.into()),
            (None, false) => None,
        }))
    }

    fn hub_complex(
        &mut self,
        _: &RecvMessage,
        name: Name,
        level: u32,
    ) -> Result<Option<u8>, RequestError<Trouble>> {
        match name {
            Name::None => Err(Trouble::At([level as u16, 2, 0xffff]).into()),
            Name::Short(bytes) => Ok(Some(bytes[0])),
            Name::Numbered { number } => Ok(Some(number as u8)),
        }
    }

    fn marshal(
        &mut self,
        _: &RecvMessage,
        on: bool,
        level: u32,
        size: u16,
    ) -> Result<Option<(bool, u32)>, RequestError<Infallible>> {
        Ok(Some((!on, level + u32::from(size))))
    }

    fn marshal_result(
        &mut self,
        _: &RecvMessage,
        n: u8,
    ) -> Result<Option<bool>, RequestError<SampleError>> {
        if n == 9 {
            Err(SampleError::Odd.into())
        } else {
            Ok(Some(n == 1))
        }
    }

    fn push(
        &mut self,
        _: &RecvMessage,
        value: u32,
    ) -> Result<Option<()>, RequestError<Infallible>> {
        self.pushed = value;
        Ok(Some(()))
    }

    fn wait(&mut self, message: &RecvMessage) -> Result<Option<u32>, RequestError<SampleError>> {
        self.waiting = Some(message.sender);
        Ok(None)
    }

    fn release(
        &mut self,
        _: &RecvMessage,
        value: u32,
    ) -> Result<Option<u32>, RequestError<Infallible>> {
        if let Some(caller) = self.waiting.take() {
            idl::reply_wait(caller, Ok(value));
        }
        Ok(Some(self.pushed))
    }

    fn die(&mut self, _: &RecvMessage) -> Result<Option<()>, RequestError<SampleError>> {
        panic!("asked to")
    }

    fn die_complex(&mut self, _: &RecvMessage) -> Result<Option<()>, RequestError<Trouble>> {
        panic!("asked to")
    }

    fn die_plain(&mut self, _: &RecvMessage) -> Result<Option<()>, RequestError<Infallible>> {
        panic!("asked to")
    }

    fn survive(
        &mut self,
        _: &RecvMessage,
        asked_in: u8,
    ) -> Result<Option<u8>, RequestError<Infallible>> {
        let life = sys_refresh_task_id(TaskId::for_index(3)).generation().get();
        if life == asked_in {
            panic!("asked to");
        }
        Ok(Some(life))
    }
}

/// Generated from `suite.idol`.
mod idl {
    use test_suite_common::sample::{Mode, Name, SampleError, Trouble};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
