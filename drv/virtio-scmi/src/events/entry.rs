// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One subscription: which clients want an event of a source, and what the platform was told about it.
//!
//! An entry follows its users: the platform is asked to switch the event on for the first and off after the last (N07), one
//! command at a time, so that two of them can never overtake each other.
//!
//! ```text
//!            first user                answer: yes
//!    Off ----------------> Enabling ----------------> On
//!     ^   (slot free and      |                        |
//!     |    platform there)    | no: users dropped      | last user left
//!     |                       v                        v
//!     +---------------------(Off)<----------------- Disabling
//!                                     any answer
//! ```
//!
//! An event with thresholds (only the measurements of power caps have them) is asked for with the widest that its users want. When that
//! changes the platform is told once more:
//!
//! ```text
//!             somebody wants others        any answer: if it is no, the old ones hold
//!    On ---------------------------> Changing ---------------------------------------> On
//! ```
//!
//! A refusal counts for those whose wish the command carried first, blocked or not: their subscription ends. Others stay where the
//! platform had agreed to something before, or are asked for again without it. So a refusal is never asked for again as it was.
//!
//! After each answer, and after a reset, the entry is looked at again: what its users want may have changed meanwhile. A
//! subscription made while the platform is not there stays `Off` with a user, and is armed when the platform comes (N08).
//!
//! A command that is not answered in time leaves its entry *overdue*: the device still has the command, and may carry it out at any
//! moment. So nothing else is sent for the entry until that answer comes or the device is reset, and then the answer decides.

pub(crate) use drv_scmi_types::EventSource as Key;

use crate::clients::{ClientId, ClientSet};
use crate::error::Failure;
use scmi::Status;
use scmi::events::Thresholds;

/// Source of a subscription to every source: never sent to the platform.
pub const ALL_SOURCES: u32 = u32::MAX;

// In this order: in the last three the platform was told last that somebody wants the event.
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd)]
enum Phase {
    Off,
    Disabling,
    On,
    Enabling,
    /// On, and other thresholds are asked for.
    Changing,
}

/// What there is to send for an entry.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Enable,
    Disable,
}

/// One event of one source, and who wants it.
pub(super) struct Entry {
    key: Key,
    /// Clients that want it. None: the entry is free unless it is in a chain still being worked on.
    users: ClientSet,
    /// Clients that are blocked until the platform has answered.
    waiting: ClientSet,
    /// Clients that are blocked until the platform has answered the command after the one that is under way.
    later: ClientSet,
    /// Users whose wish no command has carried yet, blocked or not.
    unsent: ClientSet,
    /// Users whose wish the last command carried first: if it is refused, it is refused to them.
    asked: ClientSet,
    /// What the users want.
    wanted: Thresholds,
    /// What the platform was told last.
    told: Thresholds,
    /// What the platform was told before that.
    before: Thresholds,
    phase: Phase,
    /// The command of this phase was not answered in time, and the device has it.
    overdue: bool,
}

/// What the end of a command means for the clients of an entry.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Verdict {
    /// They waited, and the result is this.
    pub(super) told: ClientSet,
    pub(super) result: Result<(), Failure>,
    /// They waited, and wait no longer: they have it later.
    pub(super) kept: ClientSet,
    /// They are no users any more.
    pub(super) leaving: ClientSet,
    /// There may be something to do for the entry.
    pub(super) again: bool,
}

impl Entry {
    /// An entry that is free: zeros, which take no room in the image.
    pub(super) const NEW: Self = Self {
        key: Key {
            protocol: 0,
            event: 0,
            source: 0,
        },
        users: ClientSet::EMPTY,
        waiting: ClientSet::EMPTY,
        later: ClientSet::EMPTY,
        unsent: ClientSet::EMPTY,
        asked: ClientSet::EMPTY,
        wanted: Thresholds::NONE,
        told: Thresholds::NONE,
        before: Thresholds::NONE,
        phase: Phase::Off,
        overdue: false,
    };

    /// That of an event of a source, which nobody wants yet.
    pub(super) const fn of(key: Key) -> Self {
        Self { key, ..Self::NEW }
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn users(&self) -> ClientSet {
        self.users
    }

    /// Whether a client wants it, or waits for it.
    pub(super) fn concerns(&self, client: ClientId) -> bool {
        (self.users | self.waiting | self.later).contains(client)
    }

    /// Whether nobody wants it, waits for it, or is to be told of it.
    pub(super) fn is_idle(&self) -> bool {
        (self.users | self.waiting | self.later).is_empty() && self.phase == Phase::Off
    }

    /// A client wants it. Returns whether it did not before.
    pub(super) fn admit(&mut self, client: ClientId) -> bool {
        let new = !self.users.contains(client);
        self.users |= client.bit();
        new
    }

    /// These do not want it any more. Returns whether nobody does.
    pub(super) fn dismiss(&mut self, clients: ClientSet) -> bool {
        self.users &= !clients;
        self.unsent &= !clients;
        self.asked &= !clients;
        self.users.is_empty()
    }

    /// A client is gone: it waits for nothing.
    pub(super) fn forget(&mut self, client: ClientId) {
        self.waiting &= !client.bit();
        self.later &= !client.bit();
    }

    /// This is what all users want together.
    pub(super) fn want(&mut self, thresholds: Thresholds) {
        self.wanted = thresholds;
    }

    /// What the users want that the platform does not know yet.
    pub(super) fn step(&self) -> Option<Step> {
        match (self.phase, !self.users.is_empty()) {
            _ if self.key.source == ALL_SOURCES => None,
            (Phase::Off, true) => Some(Step::Enable),
            (Phase::On, false) => Some(Step::Disable),
            (Phase::On, true) if self.wanted != self.told => Some(Step::Enable),
            _ => None,
        }
    }

    /// What the command of a step says: to switch it off, what the platform knows.
    pub(super) fn thresholds(&self, step: Step) -> Thresholds {
        match step {
            Step::Enable => self.wanted,
            Step::Disable => self.told,
        }
    }

    /// Whether the platform has been told just what the users want, though it may not have answered yet.
    fn is_told(&self) -> bool {
        self.phase >= Phase::On && self.wanted == self.told
    }

    /// Whether a client has what it wants without the platform being asked. `new`: it was no user before.
    pub(super) fn is_settled(&self, new: bool) -> bool {
        self.is_told() && (self.phase == Phase::On || !new)
    }

    /// Whether the command that was sent last was not answered in time, and the device has it.
    pub(super) fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// A client wants what the platform has not been told. `waits`: it is to be told of the answer to what it wants: of the next
    /// command's, where one is under way that was sent before. So nobody is refused for what another asked for.
    pub(super) fn ask(&mut self, client: ClientId, waits: bool) {
        self.unsent |= client.bit();
        self.asked &= !client.bit();
        if waits {
            let waiting = if self.phase >= Phase::Enabling {
                &mut self.later
            } else {
                &mut self.waiting
            };
            *waiting |= client.bit();
        }
    }

    /// The command of a step was sent.
    pub(super) fn sent(&mut self, step: Step) {
        self.phase = match (step, self.phase) {
            (Step::Disable, _) => Phase::Disabling,
            (Step::Enable, Phase::On) => Phase::Changing,
            (Step::Enable, _) => Phase::Enabling,
        };
        if step == Step::Enable {
            self.before = self.told;
            self.told = self.wanted;
            self.waiting |= self.later.drain();
            self.asked = self.unsent.drain();
        }
    }

    /// Whoever wants what the platform has agreed to waits no longer.
    pub(super) fn settle(&mut self) -> ClientSet {
        if self.phase != Phase::On || !self.is_told() {
            return ClientSet::EMPTY;
        }
        self.unsent = ClientSet::EMPTY;
        self.waiting.drain() | self.later.drain()
    }

    /// The clients that wait for what was not sent; they wait no longer.
    pub(super) fn stop_waiting(&mut self) -> ClientSet {
        if self.phase >= Phase::Enabling {
            return ClientSet::EMPTY;
        }
        self.waiting.drain() | self.later.drain()
    }

    /// The device was reset: the platform knows of nothing any more.
    pub(super) fn reset(&mut self) {
        self.phase = Phase::Off;
        self.overdue = false;
        self.unsent |= self.asked.drain();
    }

    /// The platform answered, or failed to answer, the command that was sent last. Late answers come here too.
    pub(super) fn answered(&mut self, end: Result<Status, Failure>) -> Verdict {
        let mut verdict = Verdict {
            told: ClientSet::EMPTY,
            result: Ok(()),
            kept: ClientSet::EMPTY,
            leaving: ClientSet::EMPTY,
            again: true,
        };
        self.overdue = end == Err(Failure::TimedOut);
        if self.phase < Phase::Enabling {
            // Off as far as we are concerned, whatever the platform said: events for nobody are dropped. But as long as the device has
            // the command, nothing may overtake it.
            if self.overdue {
                // Who wants the event again has it later.
                verdict.kept = self.waiting.drain() | self.later.drain();
                verdict.again = false;
            } else {
                self.phase = Phase::Off;
            }
            return verdict;
        }
        verdict.told = self.waiting.drain();
        match end.and_then(switched_on) {
            Ok(()) => {
                self.phase = Phase::On;
                self.asked = ClientSet::EMPTY;
                verdict.told |= self.settle();
            }
            Err(failure) => {
                verdict.result = Err(failure);
                self.refused(failure, &mut verdict);
            }
        }
        verdict
    }

    /// An event could not be switched on for the clients that waited for it, or its thresholds not be changed.
    fn refused(&mut self, failure: Failure, verdict: &mut Verdict) {
        if failure == Failure::DeviceReset {
            verdict.told |= self.later.drain();
        }
        let changing = self.phase == Phase::Changing;
        let asked = verdict.told | self.asked;
        // Users that did not ask for what was refused stay where the platform had agreed to something before, or are asked for again.
        let stay = match failure {
            Failure::DeviceReset => !verdict.told,
            Failure::TimedOut if changing => !verdict.told,
            Failure::TimedOut => self.unsent,
            _ if changing || !asked.is_empty() => !asked,
            _ => self.unsent,
        } & self.users;
        match failure {
            // Those who asked after it was sent have it when the answer comes, late, or after a reset.
            Failure::TimedOut => verdict.kept = self.later.drain(),
            _ if changing => {
                // It keeps the thresholds that it has. If nobody asked for the others, because they are what is left of what somebody
                // wanted who is gone, they are not asked for again: whoever is left hears more than it wants.
                self.phase = Phase::On;
                if !self.asked.is_empty() {
                    self.told = self.before;
                }
            }
            // Perhaps it is on all the same. If nobody wants it, it is to be off for certain.
            Failure::ShortReply | Failure::WrongReply if stay.is_empty() => self.phase = Phase::On,
            _ => self.phase = Phase::Off,
        }
        verdict.leaving = self.users & !stay;
    }
}

/// What the platform's answer to a switching command means.
fn switched_on(status: Status) -> Result<(), Failure> {
    match status {
        Status::SUCCESS => Ok(()),
        Status::NOT_SUPPORTED => Err(Failure::EventNotSupported),
        Status::NOT_FOUND | Status::INVALID_PARAMETERS | Status::OUT_OF_RANGE => {
            Err(Failure::UnknownSource)
        }
        _ => Err(Failure::EventRefused),
    }
}
