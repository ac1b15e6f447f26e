// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Batches of a drama: what a client sent, and whether what it is told of that is true.

use super::device::Command;
use drv_virtio_scmi::{BatchEntry, Failure, Limits, Owner, Refusal, Unanswered};
use scmi::events::EVENTS;

/// Most bytes of parameters of an entry.
const SMALL: u8 = 16;
/// Entries that each client may have in a batch, in the worlds of dramas.
pub const ROOMS: [usize; 3] = [64, 16, 4];

/// Numbers that follow from a seed: for what is not worth a byte of a script each.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % end.max(1)
    }

    pub fn one_in(&mut self, cases: u32) -> bool {
        self.below(cases) == 0
    }
}

/// What is so when a client is told something.
pub struct Scene {
    pub now: u64,
    /// Recoveries so far.
    pub recoveries: u32,
    pub ready: bool,
    /// The device says nothing that is not true.
    pub honest: bool,
}

/// An entry that was sent, or is to be.
pub struct Line {
    pub entry: BatchEntry,
    /// What a true device answers.
    answer: Vec<u8>,
    /// Since when its answer has been in the ring.
    pub visible: Option<u64>,
    /// The platform refused it: that is in the ring.
    pub declined: bool,
    pub ended: bool,
}

impl Line {
    pub fn new(entry: BatchEntry, answer: Vec<u8>) -> Self {
        Self {
            entry,
            answer,
            visible: None,
            declined: false,
            ended: false,
        }
    }
}

/// A batch whose client is blocked in it.
pub struct Ongoing {
    pub owner: Owner,
    /// Which client it is.
    number: usize,
    tag: u32,
    began: u64,
    patience: u64,
    /// The time for which the machine stood still since.
    pub stalled: u64,
    recoveries: u32,
    pub lines: Vec<Line>,
}

impl Ongoing {
    pub fn new(
        owner: Owner,
        number: usize,
        tag: u32,
        deadline_ms: u32,
        scene: &Scene,
        lines: Vec<Line>,
    ) -> Self {
        Self {
            owner,
            number,
            tag,
            began: scene.now,
            patience: u64::from(match deadline_ms {
                0 => Limits::DEFAULT.deadline,
                given => given,
            }),
            stalled: 0,
            recoveries: scene.recoveries,
            lines,
        }
    }

    pub fn entries(&self) -> Vec<BatchEntry> {
        self.lines.iter().map(|line| line.entry).collect()
    }

    /// When it is to be given up.
    pub fn due(&self) -> u64 {
        self.began + self.patience
    }

    /// When it must be over at the latest. Its deadline is on the clock from the beginning, so it is exact, but for a flood, which puts
    /// off the first look.
    pub fn limit(&self) -> u64 {
        self.due() + 1 + self.stalled
    }

    pub fn is_over(&self) -> bool {
        self.lines.iter().all(|line| line.ended)
    }

    /// After the first run: whatever breaks a rule was refused before anything was sent.
    pub fn check_refused(&self, has_events: bool) {
        for line in self.lines.iter().filter(|line| !line.ended) {
            let entry = &line.entry;
            assert!(
                is_allowed(self.number, entry, has_events),
                "not refused: {entry:?}"
            );
        }
    }

    /// The open entry that this command is, if the command says so.
    pub fn open_line(&self, command: &Command) -> Option<&Line> {
        // No two commands of clients have the same first word; those of the driver's own may.
        let tag = command.parameters.first_chunk::<4>()?;
        let is_it = |line: &&Line| {
            let entry = &line.entry;
            let message = (entry.protocol, entry.message);
            entry.parameters[0].to_ne_bytes() == *tag
                && message == (command.protocol(), command.message())
                && entry.len >= 4
                && !line.ended
        };
        self.lines.iter().find(is_it)
    }

    /// An entry ended: it must be one that was open, and for a reason that is true.
    pub fn hear(
        &mut self,
        tag: u32,
        index: u8,
        end: &Result<(i32, Vec<u8>), Unanswered>,
        scene: &Scene,
    ) {
        assert_eq!(tag, self.tag, "an entry of another batch");
        let (due, was_reset) = (self.due(), scene.recoveries > self.recoveries);
        let line = self.lines.get_mut(usize::from(index));
        let line = line.expect("an entry that is none");
        assert!(!line.ended, "entry {index} ended twice");
        line.ended = true;
        let entry = &line.entry;
        let what = (self.owner, index, entry);
        match end {
            Ok((status, values)) => {
                assert!(breaks(self.number, entry).is_empty(), "sent: {what:?}");
                if !scene.honest {
                    return;
                }
                if *status == 0 {
                    assert_eq!(values, &line.answer, "somebody else's answer: {what:?}");
                } else {
                    assert!(*status < 0 && values.is_empty(), "{what:?} {status}");
                }
            }
            Err(Unanswered::Refused(
                Refusal::Recovering | Refusal::PlatformUnavailable | Refusal::NoDevice,
            )) => {
                assert!(was_reset || !scene.ready, "nothing is recovered: {what:?}");
            }
            Err(Unanswered::Refused(refusal)) => {
                let asks = *refusal == Refusal::EventsUnavailable && is_asynchronous(entry);
                let broken = breaks(self.number, entry).contains(refusal);
                assert!(broken || asks, "{refusal:?}, of {what:?}");
            }
            Err(Unanswered::Failed(Failure::TimedOut)) => {
                assert!(scene.now >= due, "a batch's deadline is early: {what:?}");
                // An answer that is there in time counts, however late it is looked at.
                let in_time = line.visible.is_some_and(|time| time < due);
                assert!(!in_time, "an answer in time was not taken: {what:?}");
            }
            Err(Unanswered::Failed(Failure::DeviceReset)) => {
                assert!(was_reset, "no device was reset: {what:?}");
            }
            Err(Unanswered::Failed(Failure::ShortReply | Failure::WrongReply)) => {
                assert!(!scene.honest, "a true device's answer is bad: {what:?}");
            }
            Err(other) => panic!("{other:?}, of {what:?}"),
        }
    }
}

/// Which rules an entry of a client breaks, whatever the device is like. Of these worlds only the last client is restricted.
fn breaks(number: usize, entry: &BatchEntry) -> Vec<Refusal> {
    let mut rules = Vec::new();
    if entry.flags != 0 {
        rules.push(Refusal::InvalidArgument);
    }
    if entry.len > SMALL {
        rules.push(Refusal::RequestTooLong);
    }
    if number == 2 && !matches!(entry.protocol, 0x10 | 0x11) {
        rules.push(Refusal::ProtocolNotAllowed);
    }
    let switches = EVENTS
        .iter()
        .any(|event| event.protocol.id() == entry.protocol && event.enabled_by == entry.message);
    let negotiates = entry.message == 0x10;
    let of_base = entry.protocol == 0x10 && matches!(entry.message, 9..=0xb);
    if switches || negotiates || of_base {
        rules.push(Refusal::ReservedMessage);
    }
    rules
}

/// Whether an entry asks for an answer that comes later.
fn is_asynchronous(entry: &BatchEntry) -> bool {
    scmi::events::delayed(entry.protocol, entry.message).is_some_and(|delayed| {
        usize::from(entry.len) >= delayed.flags_at + 4
            && delayed.asked_by_flags(entry.parameter(delayed.flags_at / 4))
    })
}

fn is_allowed(number: usize, entry: &BatchEntry, has_events: bool) -> bool {
    breaks(number, entry).is_empty() && (has_events || !is_asynchronous(entry))
}

/// Whether a client may send an entry to a device with an event queue.
pub fn may_be_sent(number: usize, entry: &BatchEntry) -> bool {
    is_allowed(number, entry, true)
}

/// Any entry whose first word, where it has one, is this tag.
pub fn any_entry(random: &mut Random, tag: u32) -> BatchEntry {
    let mut entry = BatchEntry::new(
        [0x10, 0x11, 0x12, 0x13, 0x15, 0x90][random.below(6) as usize],
        random.below(18) as u8,
    );
    entry.len = match random.below(16) {
        0 => random.below(256) as u8,
        1 => SMALL + 1,
        2 => random.below(4) as u8,
        _ => 4 + random.below(13) as u8,
    };
    if random.one_in(16) {
        entry.flags = random.below(256) as u8;
    }
    if random.one_in(8) {
        // SENSOR_READING_GET, at once or later.
        (entry.protocol, entry.message, entry.len) = (0x15, 6, 8);
    }
    let rest = std::array::from_fn::<u32, 3, _>(|_| random.below(4));
    entry.parameters = [tag, rest[0], rest[1], rest[2]].map(u32::to_le);
    entry
}

/// Its parameters.
pub fn parameters(entry: &BatchEntry) -> Vec<u8> {
    let bytes: Vec<u8> = entry
        .parameters
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    bytes[..usize::from(entry.len).min(bytes.len())].to_vec()
}

/// How many entries: usually a few, and now and then more than anybody may have.
pub fn any_count(choice: u8, random: &mut Random) -> usize {
    if choice.is_multiple_of(4) {
        random.below(71) as usize
    } else {
        random.below(6) as usize
    }
}

/// Why a batch as a whole may be refused to a client.
pub fn check_refusal(refusal: Refusal, number: usize, count: usize, ready: bool) {
    let is_true = match refusal {
        Refusal::InvalidArgument => count == 0,
        Refusal::BatchTooLong => count > ROOMS[number],
        Refusal::Recovering | Refusal::PlatformUnavailable | Refusal::NoDevice => !ready,
        _ => false,
    };
    assert!(is_true, "{refusal:?} of {count} entries");
}
