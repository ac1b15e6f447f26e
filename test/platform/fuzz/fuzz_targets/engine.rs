// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A guest that sends any commands, while the control socket makes any faults and time passes: the platform never panics,
//! every reply fits its room, no chain is answered more often than the faults allow, and in the end it still answers.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use scmi_platform::control;
use scmi_platform::engine::Engine;
use scmi_platform::machine::Machine;

/// Takes the input apart; it ends in zeros.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

fuzz_target!(|bytes: &[u8]| {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let mut engine = Engine::new(MACHINE.get_or_init(Machine::sample).clone());
    let mut input = Input(bytes);
    let mut now_ms = 0;
    let mut rooms = [0usize; 256];
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
                command(&mut engine, &mut rooms, head, &request, 136);
            }
            // Any bytes, any room.
            3 => {
                let (head, room, length) = (input.byte(), input.byte(), input.byte());
                let request = input.bytes(length.into());
                command(&mut engine, &mut rooms, head, request, room.into());
            }
            4 => {
                let (kind, value) = (usize::from(input.byte()), input.byte());
                let line = [
                    format!(r#"{{"cmd":"fault","kind":"delay","ms":{value}}}"#),
                    r#"{"cmd":"fault","kind":"reorder"}"#.into(),
                    r#"{"cmd":"fault","kind":"drop","target":"delayed"}"#.into(),
                    r#"{"cmd":"fault","kind":"duplicate"}"#.into(),
                    r#"{"cmd":"fault","kind":"duplicate","target":"notification"}"#.into(),
                    format!(r#"{{"cmd":"fault","kind":"truncate","len":{value}}}"#),
                    format!(r#"{{"cmd":"fault","kind":"truncate","len":{value},"target":"delayed"}}"#),
                    format!(r#"{{"cmd":"fault","kind":"header","xor":{value}}}"#),
                    format!(r#"{{"cmd":"fault","kind":"status","status":-{value}}}"#),
                    format!(r#"{{"cmd":"raw","bytes":"{value:02x}{value:02x}{value:02x}{value:02x}"}}"#),
                    format!(r#"{{"cmd":"event","protocol":17,"event":{value},"count":{value}}}"#),
                    r#"{"cmd":"pause"}"#.into(),
                    r#"{"cmd":"resume"}"#.into(),
                    format!(r#"{{"cmd":"set","what":"limits","name":"gpu","min":{value},"max":2}}"#),
                    format!(r#"{{"cmd":"set","what":"temperature","name":"skin","value":{value}000}}"#),
                    format!(r#"{{"cmd":"set","what":"cap","name":"gpu","cap_mw":{value}}}"#),
                    format!(r#"{{"cmd":"set","what":"rate","name":"gpu","rate":{value}}}"#),
                    r#"{"cmd":"clear-faults"}"#.into(),
                ];
                control::answer(&mut engine, &line[kind % line.len()]);
            }
            // Any text on the control socket, but for the end of the process.
            5 => {
                let length = input.byte();
                let text = String::from_utf8_lossy(input.bytes(length.into()));
                if !text.contains("die") && !text.contains('\\') {
                    control::answer(&mut engine, &text);
                }
            }
            6 => {
                now_ms += u64::from(input.byte()) * 4;
                engine.advance(now_ms);
                give(&mut engine, &rooms);
                let largest = Some(usize::from(input.byte())).filter(|&room| room > 0);
                while let Some(message) = engine.next_message(largest) {
                    assert!(largest.is_some_and(|room| message.len() <= room));
                }
            }
            _ if input.byte() == 0 => engine.reset(),
            _ => {}
        }
    }
    // All that could keep it from answering is taken away.
    for line in [r#"{"cmd":"resume"}"#, r#"{"cmd":"clear-faults"}"#, r#"{"cmd":"permit","protocol":16,"allowed":true}"#] {
        control::answer(&mut engine, line);
    }
    engine.reset();
    engine.command(0, &0x4000_u32.to_le_bytes(), 136);
    assert_eq!(engine.ready()[0].bytes.len(), 12);
});

fn command(engine: &mut Engine, rooms: &mut [usize; 256], head: u8, request: &[u8], room: usize) {
    engine.forget(head.into());
    rooms[usize::from(head)] = room;
    engine.command(head.into(), request, room);
    give(engine, rooms);
}

/// Takes the replies that are due: each fits the room of its chain.
fn give(engine: &mut Engine, rooms: &[usize; 256]) {
    for completion in engine.ready() {
        assert!(completion.bytes.len() <= rooms[usize::from(completion.head)]);
    }
}
