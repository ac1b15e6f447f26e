// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A guest that sends any commands, while the control socket makes any faults and time passes: the platform never panics,
//! every reply fits its room, no chain is answered more often than the faults allow, what it keeps is bounded, and in the end
//! it still answers.
//!
//! The fuzz target `engine` plays this without an end; the test `seeds` plays it for what the fuzzer kept.

use std::sync::OnceLock;

use scmi_platform::control;
use scmi_platform::engine::Engine;
use scmi_platform::machine::Machine;

use crate::input::Input;

/// Chains have so many heads.
const HEADS: usize = 256;
/// Room for a whole message.
const ROOM: usize = 136;

/// The machines that are played on: the sample, and the sample without an event queue.
fn machines() -> &'static [Machine; 2] {
    static MACHINES: OnceLock<[Machine; 2]> = OnceLock::new();
    MACHINES.get_or_init(|| {
        let mut silent = Machine::sample();
        silent.platform.p2a = false;
        [Machine::sample(), silent]
    })
}

/// What the guest knows of its chains.
struct Guest {
    engine: Engine,
    rooms: [usize; HEADS],
    /// Answers to the command that was sent last under each head.
    answers: [u32; HEADS],
    /// A fault has been asked for that answers twice.
    twice: bool,
}

/// Plays what the bytes say.
pub fn play(bytes: &[u8]) {
    let mut input = Input(bytes);
    let machine = &machines()[usize::from(input.byte() % 8 == 7)];
    let mut guest = Guest {
        engine: Engine::new(machine.clone()),
        rooms: [0; HEADS],
        answers: [0; HEADS],
        twice: false,
    };
    let mut now_ms = 0;
    while !input.0.is_empty() {
        match input.byte() % 8 {
            // Commands that exist, with small numbers as parameters.
            0..=2 => {
                let (head, protocol, message) = (input.byte(), input.byte(), input.byte());
                let word = u32::from(message % 0x14) | u32::from(0x10 + protocol % 10) << 10;
                let mut request = word.to_le_bytes().to_vec();
                for _ in 0..input.byte() % 8 {
                    request.extend(u32::from(input.byte()).to_le_bytes());
                }
                guest.command(head, &request, ROOM);
            }
            // Any bytes, any room.
            3 => {
                let (head, room, length) = (input.byte(), input.byte(), input.byte());
                let request = input.bytes(length.into());
                guest.command(head, request, room.into());
            }
            4 => {
                let (kind, value) = (input.byte(), input.byte());
                guest.tell(&line(kind, value));
            }
            // Any text on the control socket, but for the end of the process.
            5 => {
                let length = input.byte();
                let text = String::from_utf8_lossy(input.bytes(length.into()));
                if !text.contains("die") && !text.contains('\\') {
                    guest.tell(&text);
                }
            }
            6 => {
                now_ms += u64::from(input.byte()) * 4;
                guest.engine.advance(now_ms);
                guest.give();
                guest.take_messages(input.byte().into());
            }
            _ if input.byte() == 0 => guest.engine.reset(),
            _ => {}
        }
    }
    guest.still_answers();
}

/// A line of the control socket that is carried out, mostly.
pub fn line(kind: u8, value: u8) -> String {
    let lines = [
        format!(r#"{{"cmd":"fault","kind":"delay","ms":{value}}}"#),
        r#"{"cmd":"fault","kind":"reorder"}"#.into(),
        r#"{"cmd":"fault","kind":"drop","target":"delayed"}"#.into(),
        r#"{"cmd":"fault","kind":"duplicate"}"#.into(),
        r#"{"cmd":"fault","kind":"duplicate","target":"notification"}"#.into(),
        format!(r#"{{"cmd":"fault","kind":"truncate","len":{value}}}"#),
        format!(r#"{{"cmd":"fault","kind":"truncate","len":{value},"target":"delayed"}}"#),
        format!(r#"{{"cmd":"fault","kind":"header","xor":{value}}}"#),
        format!(r#"{{"cmd":"fault","kind":"status","status":-{value}}}"#),
        format!(r#"{{"cmd":"fault","kind":"garbage","byte":{value}}}"#),
        format!(r#"{{"cmd":"fault","kind":"used-length","len":{value}}}"#),
        format!(r#"{{"cmd":"fault","kind":"used-id","id":{value}}}"#),
        format!(r#"{{"cmd":"raw","bytes":"{value:02x}{value:02x}{value:02x}{value:02x}"}}"#),
        format!(r#"{{"cmd":"event","protocol":17,"event":{value},"count":{value}}}"#),
        r#"{"cmd":"pause"}"#.into(),
        r#"{"cmd":"resume"}"#.into(),
        format!(r#"{{"cmd":"permit","protocol":{value},"allowed":false}}"#),
        format!(r#"{{"cmd":"set","what":"limits","name":"gpu","min":{value},"max":2}}"#),
        format!(r#"{{"cmd":"set","what":"temperature","name":"skin","value":{value}000}}"#),
        format!(r#"{{"cmd":"set","what":"cap","name":"gpu","cap_mw":{value}}}"#),
        format!(r#"{{"cmd":"set","what":"rate","name":"gpu","rate":{value}}}"#),
        r#"{"cmd":"get"}"#.into(),
        r#"{"cmd":"status"}"#.into(),
        r#"{"cmd":"log"}"#.into(),
        r#"{"cmd":"clear-faults"}"#.into(),
    ];
    lines[usize::from(kind) % lines.len()].clone()
}

impl Guest {
    fn tell(&mut self, line: &str) {
        self.twice |= line.contains("duplicate");
        let answer = control::answer(&mut self.engine, line);
        assert!(answer["ok"].is_boolean(), "{line}: {answer}");
    }

    fn command(&mut self, head: u8, request: &[u8], room: usize) {
        let place = usize::from(head);
        self.engine.forget(head.into());
        self.rooms[place] = room;
        self.answers[place] = 0;
        self.engine.command(head.into(), request, room);
        self.give();
    }

    /// Takes the replies that are due: each fits the room of its chain, and none comes too often.
    fn give(&mut self) {
        for completion in self.engine.ready() {
            let head = usize::from(completion.head);
            assert!(completion.bytes.len() <= self.rooms[head]);
            self.answers[head] += 1;
            assert!(self.answers[head] <= 1 + u32::from(self.twice));
        }
    }

    /// Takes what the platform sends by itself, with buffers of this size; none when it is 0.
    fn take_messages(&mut self, room: usize) {
        let largest = Some(room).filter(|&room| room > 0);
        while let Some(message) = self.engine.next_message(largest) {
            assert!(message.bytes.len() <= room);
        }
    }

    /// All that could keep it from answering is taken away; then it answers.
    fn still_answers(&mut self) {
        for line in [
            r#"{"cmd":"resume"}"#,
            r#"{"cmd":"clear-faults"}"#,
            r#"{"cmd":"permit","protocol":16,"allowed":true}"#,
        ] {
            self.tell(line);
        }
        self.engine.reset();
        self.engine.command(0, &0x4000_u32.to_le_bytes(), ROOM);
        assert_eq!(self.engine.ready()[0].bytes.len(), 12);
    }
}
