// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The sample machine of the platform daemon behind the device of a [`Bench`].

use scmi::{Header, Token};
use scmi_platform::machine::Machine;
use scmi_platform::platform::Platform;

use super::driver::Bench;
use super::driver::device::Command;

/// Time in which the machine and the image take turns, in milliseconds.
const STEP_MS: u64 = 5;

/// A platform, and what is wrong with it.
#[allow(dead_code, reason = "each test uses its part")]
pub struct Behind {
    pub platform: Platform,
    /// Commands of this protocol and message are never answered.
    pub silent_to: Option<(u8, u8)>,
    /// Protocol and message of every command, with the first word of its parameters, in the order of arrival.
    pub asked: Vec<(u8, u8, u32)>,
    now: u64,
}

impl Behind {
    pub fn new() -> Self {
        Self {
            platform: Platform::new(Machine::sample()),
            silent_to: None,
            asked: Vec::new(),
            now: 0,
        }
    }

    /// Answers what is there, and tells what there is to tell, until nothing is left.
    pub fn settle(&mut self, bench: &mut Bench) {
        loop {
            let mut has_worked = false;
            while let Some(command) = bench.device().take() {
                has_worked = true;
                self.answer(bench, &command);
            }
            while let Some(outgoing) = self.platform.next_outgoing() {
                has_worked = true;
                let (header, payload) = outgoing.bytes.split_at(4);
                let header = header.try_into().map(u32::from_le_bytes);
                bench.device().send_event(header.unwrap(), payload);
            }
            if !has_worked {
                return;
            }
            bench.interrupt();
        }
    }

    fn answer(&mut self, bench: &mut Bench, command: &Command) {
        let kind = (command.protocol(), command.message());
        let word = command.parameters.first_chunk();
        let word = word.map_or(0, |word| u32::from_le_bytes(*word));
        self.asked.push((kind.0, kind.1, word));
        if self.silent_to == Some(kind) {
            return;
        }
        let header = Header::command(kind.0, kind.1, Token::wrapping(0));
        let mut bytes = header.to_le_bytes().to_vec();
        bytes.extend_from_slice(&command.parameters);
        let reply = self.platform.handle(&bytes, command.room as usize);
        let reply = reply.expect("a whole request");
        let status = reply[4..8].try_into().map(i32::from_le_bytes);
        bench.device().reply(command, status.unwrap(), &reply[8..]);
    }

    /// Lets image and machine run for so long.
    pub fn pass(&mut self, bench: &mut Bench, milliseconds: u64) {
        let end = self.now + milliseconds;
        self.settle(bench);
        while self.now < end {
            let step = STEP_MS.min(end - self.now);
            self.now += step;
            self.platform.advance(self.now);
            bench.image.run_for(step);
            self.settle(bench);
        }
    }
}
