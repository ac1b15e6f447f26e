// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Between the platform and the rings: which reply goes out when, in which order, and how broken.
//!
//! Knows chains only by their number. The device in front reads requests and writes what [`Engine::ready`] gives it; tests
//! stand in its place.

use std::collections::VecDeque;

use scmi::{Header, MessageType};
use serde::Serialize;

use crate::faults::{Fault, Faults, Target};
use crate::hex;
use crate::machine::Machine;
use crate::platform::{Outgoing, Platform};
use crate::record::Recorder;
use crate::state;

/// Log lines kept; older ones are dropped and counted.
const LOG_LINES: usize = 4096;
/// Messages of the platform's own that wait at most. A flood beyond that is dropped, and counted.
const MESSAGES: usize = 1 << 17;

/// A chain to be given back to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The head of the chain whose buffers are written.
    pub head: u16,
    /// The descriptor that the used ring names: the head, unless a fault lies.
    pub used_id: u16,
    /// What is written.
    pub bytes: Vec<u8>,
    /// What the used ring says was written.
    pub used_len: u32,
}

/// A reply that waits for its time.
#[derive(Debug)]
struct Held {
    completion: Completion,
    due_ms: u64,
    /// It must not be the next one.
    after_another: bool,
}

/// A message of the platform's own that waits for its time.
#[derive(Debug)]
struct HeldMessage {
    message: Outgoing,
    /// The descriptor that the used ring names instead of the buffer's, if a fault lies.
    used_id: Option<u16>,
    due_ms: u64,
}

/// A message of the platform's own that goes out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Header and payload.
    pub bytes: Vec<u8>,
    /// The descriptor that the used ring names instead of the buffer's, if a fault lies.
    pub used_id: Option<u16>,
}

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
pub struct LogLine {
    /// Milliseconds since the start.
    pub ms: u64,
    /// What happened.
    pub what: &'static str,
    /// The header word, as a hexadecimal number.
    pub header: String,
    /// The message, in the words of the specification.
    pub message: String,
    /// What follows the header, in hexadecimal.
    pub payload: String,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// Chains taken from the command queue.
    pub commands: u64,
    /// Chains that were no command: too short, no room, descriptors of the wrong kind.
    pub malformed: u64,
    /// Replies given.
    pub replies: u64,
    /// Replies that a fault swallowed.
    pub swallowed: u64,
    /// Delayed responses sent.
    pub delayed: u64,
    /// Notifications sent.
    pub notifications: u64,
    /// Notifications dropped for want of a buffer.
    pub dropped: u64,
    /// Resets of the device by the guest.
    pub resets: u64,
}

/// The platform, its faults, and the queues between it and the rings.
#[derive(Debug)]
pub struct Engine {
    /// The platform.
    pub platform: Platform,
    /// Faults that wait.
    pub faults: Faults,
    /// While set, nothing is answered and nothing is sent.
    pub paused: bool,
    /// While set, the guest is interrupted for everything, wanted or not, as some devices do.
    pub always_interrupts: bool,
    /// Counts since the start.
    pub counts: Counts,
    held: Vec<Held>,
    messages: VecDeque<HeldMessage>,
    log: VecDeque<Noted>,
    recorder: Option<Recorder>,
    now_ms: u64,
}

/// A line of the log before anybody reads it: most are never read.
#[derive(Debug)]
struct Noted {
    ms: u64,
    what: &'static str,
    word: u32,
    payload: Vec<u8>,
}

impl Engine {
    /// A platform with nothing wrong.
    pub fn new(machine: Machine) -> Self {
        Self {
            platform: Platform::new(machine),
            faults: Faults::default(),
            paused: false,
            always_interrupts: false,
            counts: Counts::default(),
            held: Vec::new(),
            messages: VecDeque::new(),
            log: VecDeque::new(),
            recorder: None,
            now_ms: 0,
        }
    }

    /// Records from now on.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
        self.look();
    }

    /// Milliseconds since the start, as last told.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Lets time pass.
    pub fn advance(&mut self, now_ms: u64) {
        let now_ms = self.now_ms.max(now_ms);
        // However long nobody came by, a recording has the looks between.
        while let Some(look_ms) = self.recorder.as_ref().map(Recorder::due_ms)
            && look_ms <= now_ms
        {
            self.pass(look_ms.max(self.now_ms));
            self.look();
        }
        self.pass(now_ms);
        self.collect();
        self.write_recording();
    }

    fn pass(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if !self.paused {
            self.platform.advance(now_ms);
        }
    }

    /// Lets the recorder see the machine.
    fn look(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.look(self.now_ms, state::of(self));
            self.recorder = Some(recorder);
        }
    }

    /// A recording that cannot be written ends, and is told; the platform goes on.
    fn write_recording(&mut self) {
        let written = self.recorder.as_mut().map(Recorder::write);
        if let Some(Err(error)) = written {
            let seconds = self.now_ms as f64 / 1000.0;
            eprintln!("scmi-platform: the recording ends at {seconds} s: {error}");
            self.recorder = None;
        }
    }

    /// Takes a command. `room` is what the guest left for the reply, in bytes.
    pub fn command(&mut self, head: u16, request: &[u8], room: usize) {
        self.counts.commands += 1;
        let Some(word) = request
            .first_chunk::<4>()
            .map(|word| u32::from_le_bytes(*word))
        else {
            self.malformed(head);
            return;
        };
        self.note("command", word, &request[4..]);
        let header = Header::unpack(word);
        let fault = self
            .faults
            .take(Target::Reply, header.protocol, header.message);
        let reply = match fault {
            // Refused by a fault: the machine does not change.
            Some(Fault::Status { status }) if room >= 8 => {
                Some([word.to_le_bytes(), status.to_le_bytes()].concat())
            }
            _ => {
                self.platform.unsent = self.unsent_responses();
                self.platform.handle(request, room)
            }
        };
        self.look();
        self.collect();
        let Some(bytes) = reply else {
            self.malformed(head);
            return;
        };
        self.hold(head, bytes, fault);
    }

    /// Delayed responses that wait for a buffer of the guest's, or for their time.
    fn unsent_responses(&self) -> usize {
        let messages = self.messages.iter();
        messages.filter(|held| held.message.must_arrive).count()
    }

    /// Forgets a chain that waits for its reply: the guest has made another one of it.
    pub fn forget(&mut self, head: u16) {
        self.held.retain(|held| held.completion.head != head);
    }

    /// A chain that holds no command goes back empty: the guest gets its buffer, and can tell.
    pub fn malformed(&mut self, head: u16) {
        self.counts.malformed += 1;
        self.hold(head, Vec::new(), None);
    }

    fn hold(&mut self, head: u16, mut bytes: Vec<u8>, fault: Option<Fault>) {
        let mut used_id = head;
        let mut used_len = None;
        let mut due_ms = self.now_ms;
        let mut after_another = false;
        let mut copies = 1;
        match fault {
            None | Some(Fault::Status { .. }) => {}
            Some(Fault::Delay { ms }) => due_ms = due_ms.saturating_add(ms),
            Some(Fault::Reorder) => after_another = true,
            Some(Fault::Drop) => {
                self.counts.swallowed += 1;
                copies = 0;
            }
            Some(Fault::Duplicate) => copies = 2,
            Some(Fault::UsedLength { len }) => used_len = Some(len),
            Some(Fault::UsedId { id }) => used_id = id,
            Some(fault) => damage(&mut bytes, &fault),
        }
        let completion = Completion {
            head,
            used_id,
            used_len: used_len.unwrap_or(bytes.len() as u32),
            bytes,
        };
        for _ in 0..copies {
            self.held.push(Held {
                completion: completion.clone(),
                due_ms,
                after_another,
            });
        }
    }

    /// The replies that are due, in the order in which they go out.
    pub fn ready(&mut self) -> Vec<Completion> {
        if self.paused {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut waiting = Vec::new();
        for held in std::mem::take(&mut self.held) {
            if held.due_ms <= self.now_ms && !held.after_another {
                out.push(held.completion);
            } else {
                waiting.push(held);
            }
        }
        if !out.is_empty() {
            // What had to wait for another reply comes right after it.
            for held in std::mem::take(&mut waiting) {
                if held.after_another && held.due_ms <= self.now_ms {
                    out.push(held.completion);
                } else {
                    waiting.push(held);
                }
            }
        }
        self.held = waiting;
        self.counts.replies += out.len() as u64;
        for completion in &out {
            if let Some(word) = completion.bytes.first_chunk::<4>() {
                let word = u32::from_le_bytes(*word);
                let payload = completion.bytes[4..].to_vec();
                self.note("reply", word, &payload);
            }
        }
        self.write_recording();
        out
    }

    /// Takes over what the platform sends by itself, with the faults meant for it.
    fn collect(&mut self) {
        let mut is_first = true;
        while let Some(mut message) = self.platform.next_outgoing() {
            if std::mem::take(&mut is_first) {
                // What the messages tell of.
                self.look();
            }
            let word = message
                .bytes
                .first_chunk::<4>()
                .map_or(0, |word| u32::from_le_bytes(*word));
            let header = Header::unpack(word);
            let target = match header.message_type {
                MessageType::DelayedResponse => Target::Delayed,
                _ => Target::Notification,
            };
            let mut used_id = None;
            let mut due_ms = self.now_ms;
            let mut copies = 1;
            match self.faults.take(target, header.protocol, header.message) {
                None | Some(Fault::Reorder | Fault::UsedLength { .. }) => {}
                Some(Fault::UsedId { id }) => used_id = Some(id),
                Some(Fault::Delay { ms }) => due_ms = due_ms.saturating_add(ms),
                Some(Fault::Drop) => {
                    self.counts.swallowed += 1;
                    copies = 0;
                }
                Some(Fault::Duplicate) => copies = 2,
                Some(fault) => damage(&mut message.bytes, &fault),
            }
            for _ in 0..copies {
                if self.messages.len() >= MESSAGES && !message.must_arrive {
                    self.counts.dropped += 1;
                    continue;
                }
                self.messages.push_back(HeldMessage {
                    message: message.clone(),
                    used_id,
                    due_ms,
                });
            }
        }
    }

    /// The next message of the platform's own that is due, if it fits the largest buffer of the guest's. `None`: there is
    /// no buffer.
    ///
    /// Notifications that are due and fit no buffer are dropped and counted; delayed responses wait.
    pub fn next_message(&mut self, largest: Option<usize>) -> Option<Message> {
        if self.paused {
            return None;
        }
        let mut index = 0;
        let (message, used_id) = loop {
            let held = self.messages.get(index)?;
            let fits = largest.is_some_and(|room| held.message.bytes.len() <= room);
            if held.due_ms > self.now_ms || !fits && held.message.must_arrive {
                index += 1;
                continue;
            }
            let HeldMessage {
                message, used_id, ..
            } = self.messages.remove(index)?;
            if fits {
                break (message, used_id);
            }
            self.counts.dropped += 1;
        };
        let what = if message.must_arrive {
            self.counts.delayed += 1;
            "delayed response"
        } else {
            self.counts.notifications += 1;
            "notification"
        };
        let (word, payload) = match message.bytes.split_first_chunk::<4>() {
            Some((word, payload)) => (u32::from_le_bytes(*word), payload),
            None => (0, &[][..]),
        };
        self.note(what, word, payload);
        Some(Message {
            bytes: message.bytes,
            used_id,
        })
    }

    /// When something is due, in milliseconds since the start.
    pub fn next_due_ms(&self) -> Option<u64> {
        let held = self.held.iter().map(|held| held.due_ms);
        let messages = self.messages.iter().map(|held| held.due_ms);
        held.chain(messages)
            .chain(self.platform.next_due_ms())
            .chain(self.recorder.as_ref().map(Recorder::due_ms))
            .filter(|&due| due > self.now_ms)
            .min()
    }

    /// The guest reset the device: chains and messages are gone, the machine stays.
    pub fn reset(&mut self) {
        self.counts.resets += 1;
        self.disconnect();
    }

    /// The guest is gone, and so is what it was to get; the machine stays for the next one.
    pub fn disconnect(&mut self) {
        self.held.clear();
        self.messages.clear();
        self.platform.forget_guest();
    }

    /// Takes the log.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        let lines = self.log.drain(..);
        lines
            .map(|noted| LogLine {
                ms: noted.ms,
                what: noted.what,
                header: format!("{:#010x}", noted.word),
                message: Header::unpack(noted.word).to_string(),
                payload: hex::show(&noted.payload),
            })
            .collect()
    }

    fn note(&mut self, what: &'static str, word: u32, payload: &[u8]) {
        if let Some(recorder) = &mut self.recorder {
            recorder.message(self.now_ms, what, word, payload);
        }
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(Noted {
            ms: self.now_ms,
            what,
            word,
            payload: payload.to_vec(),
        });
    }
}

/// Damages the bytes of a message.
fn damage(bytes: &mut Vec<u8>, fault: &Fault) {
    match *fault {
        Fault::Truncate { len } => bytes.truncate(len),
        Fault::Header { xor } => {
            for (byte, flip) in bytes.iter_mut().zip(xor.to_le_bytes()) {
                *byte ^= flip;
            }
        }
        Fault::Garbage { byte } => {
            for place in bytes.iter_mut().skip(4) {
                *place = byte;
            }
        }
        Fault::Status { status } => {
            bytes.truncate(4);
            bytes.extend_from_slice(&status.to_le_bytes());
        }
        _ => {}
    }
}
