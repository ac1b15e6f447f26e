// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All zones and limits, and what follows from the readings.

use drv_scmi_api::{Exchange, Link};
use task_thermal_api::{Cause, LimitStatus, ThermalError, ZoneState, ZoneStatus};

use crate::limit::{Kept, Known, Limit};
use crate::zone::{self, SwitchOnError, Zone};
use crate::{ABSENT_PAUSE_MAX_MS, BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, LOST_SLOT_MS, SERVE_MS};

/// How long things may take, and how often they happen, in milliseconds.
#[derive(Copy, Clone, Debug)]
pub struct Times {
    /// For each question to the platform.
    pub deadline_ms: u32,
    /// Between two looks at a sensor whose trip points are not told.
    pub poll_ms: u64,
    /// Between two looks at a sensor whose trip points are told: words get lost.
    pub check_ms: u64,
    /// For so long a sensor may fail before its limits become safe, unless the platform says that it is not there.
    pub blind_ms: u64,
}

#[derive(Copy, Clone, Debug)]
struct ZoneRecord {
    state: ZoneState,
    /// The platform has shown the sensor in this life of the task. From then on it is never [`ZoneState::Absent`].
    is_known: bool,
    /// Trip points of the sensor, once it was found.
    points: Option<u8>,
    /// The sensor is on, or cannot be switched.
    is_on: bool,
    /// When to try again to switch it on, after it could not be found out whether it is.
    switch_on_at: u64,
    /// The platform has agreed to notify this task of trip points.
    is_subscribed: bool,
    /// The trip points are where they belong, for so many trips in effect; and whether the platform tells both ways.
    armed: Option<(usize, bool)>,
    /// When to ask again for trip points and their notifications, after the platform refused.
    arm_at: Option<u64>,
    /// The platform has answered a question about the sensor since the governor became [cautious](Governor::cautious).
    is_answered: bool,
    passed: usize,
    reading: i64,
    /// When to look next.
    next: Option<u64>,
    pause: u64,
    /// When reading began to fail.
    failing_since: Option<u64>,
    /// When the platform said that a trip point was reached, until that is dealt with.
    told_at: Option<u64>,
    actions: u32,
    last_action: u64,
    reaction_ms: u32,
    worst_reaction_ms: u32,
    failures: u16,
    trouble: Option<Cause>,
}

impl ZoneRecord {
    const NEW: Self = Self {
        state: ZoneState::Unknown,
        is_known: false,
        points: None,
        is_on: false,
        switch_on_at: 0,
        is_subscribed: false,
        armed: None,
        arm_at: None,
        is_answered: false,
        passed: 0,
        reading: 0,
        next: Some(0),
        pause: BACK_OFF_MIN_MS,
        failing_since: None,
        told_at: None,
        actions: 0,
        last_action: 0,
        reaction_ms: 0,
        worst_reaction_ms: 0,
        failures: 0,
        trouble: None,
    };

    /// The sensor is to be found, switched on and armed anew.
    fn forget_setup(&mut self) {
        self.points = None;
        self.is_on = false;
        self.is_subscribed = false;
        self.armed = None;
        self.arm_at = None;
        self.told_at = None;
    }

    /// Returns `true` if the sensor was found, is on, and answered the last question.
    fn is_well(&self) -> bool {
        self.state == ZoneState::Watched
            && self.points.is_some()
            && self.is_on
            && self.failing_since.is_none()
    }

    /// Returns `true` if this zone is no reason to be [cautious](Governor::cautious).
    fn is_cleared(&self) -> bool {
        self.is_answered || self.state == ZoneState::Absent
    }
}

#[derive(Copy, Clone, Debug)]
struct LimitRecord {
    applied: Option<u32>,
    /// The platform does not keep it: it is asked again.
    is_loose: bool,
    /// It was set in this life of the task, and kept by the platform.
    has_worked: bool,
    known: Known,
    /// The value that was wanted the last time.
    tried: Option<u32>,
    /// When to try that again, if it failed or is loose.
    next: Option<u64>,
    pause: u64,
    trouble: Option<Cause>,
}

impl LimitRecord {
    const NEW: Self = Self {
        applied: None,
        is_loose: false,
        has_worked: false,
        known: Known::NOTHING,
        tried: None,
        next: None,
        pause: BACK_OFF_MIN_MS,
        trouble: None,
    };

    /// Notes what became of setting it to `value`.
    fn note(&mut self, value: u32, result: Result<Kept, Cause>, now: u64) {
        match result {
            Ok(kept) => {
                self.applied = Some(value);
                self.trouble = None;
                self.is_loose = kept == Kept::ByLevel;
                self.has_worked |= !self.is_loose;
            }
            Err(cause) => {
                // Some of it may have been done.
                self.applied = None;
                self.trouble = Some(cause);
                self.is_loose = false;
            }
        }
        let is_absent = match result {
            Ok(Kept::ByPlatform) => {
                self.next = None;
                self.pause = BACK_OFF_MIN_MS;
                return;
            }
            Ok(Kept::ByLevel) => true,
            Err(cause) => cause.says_absent(),
        };
        let longest = if is_absent && !self.has_worked {
            ABSENT_PAUSE_MAX_MS
        } else {
            BACK_OFF_MAX_MS
        };
        self.next = Some(now.saturating_add(self.pause));
        self.pause = longer(self.pause, longest);
    }
}

/// All zones and limits.
#[derive(Debug)]
pub struct Governor<const ZONES: usize, const LIMITS: usize> {
    zones: &'static [Zone; ZONES],
    limits: &'static [Limit; LIMITS],
    times: Times,
    zone_records: [ZoneRecord; ZONES],
    limit_records: [LimitRecord; LIMITS],
    /// A command slot of this task may be gone, and the next question may take the last one: then no limit could be lowered any
    /// more, whatever gets warm. So every limit is safe until the platform has answered for every zone, and for every limit for
    /// which it did not the last time.
    cautious: bool,
    /// When that began last.
    slot_lost_at: Option<u64>,
    /// Until then every sensor is polled: the driver keeps a subscription that it could not pass on to the platform, and may need so
    /// long to recover the slots of its own for that.
    poll_until: u64,
    /// Until then nothing is due: whoever calls this task has a turn, also where each answer takes longer than the pauses.
    serve_until: u64,
}

impl<const ZONES: usize, const LIMITS: usize> Governor<ZONES, LIMITS> {
    /// Nothing is known yet: the first [`run`](Self::run) looks at everything.
    pub const fn new(
        zones: &'static [Zone; ZONES],
        limits: &'static [Limit; LIMITS],
        times: Times,
    ) -> Self {
        Self {
            zones,
            limits,
            times,
            zone_records: [ZoneRecord::NEW; ZONES],
            limit_records: [LimitRecord::NEW; LIMITS],
            cautious: false,
            slot_lost_at: None,
            poll_until: 0,
            serve_until: 0,
        }
    }

    /// How a zone stands.
    pub fn zone(&self, number: u8) -> Result<ZoneStatus, ThermalError> {
        let index = usize::from(number);
        let (Some(zone), Some(record)) = (self.zones.get(index), self.zone_records.get(index))
        else {
            return Err(ThermalError::NoSuchNumber);
        };
        Ok(ZoneStatus {
            state: record.state,
            sensor: zone.sensor,
            passed: record.passed.try_into().unwrap_or(u8::MAX),
            trips: zone.trips.len().try_into().unwrap_or(u8::MAX),
            notified: matches!(record.armed, Some((_, true))),
            reading: record.reading,
            actions: record.actions,
            last_action_ms: record.last_action,
            reaction_ms: record.reaction_ms,
            worst_reaction_ms: record.worst_reaction_ms,
            failures: record.failures,
            trouble: record.trouble,
        })
    }

    /// How a limit stands.
    pub fn limit(&self, number: u8) -> Result<LimitStatus, ThermalError> {
        let index = usize::from(number);
        let (Some(limit), Some(record)) = (self.limits.get(index), self.limit_records.get(index))
        else {
            return Err(ThermalError::NoSuchNumber);
        };
        Ok(LimitStatus {
            target: self.target(number),
            applied: record.applied,
            normal: limit.normal,
            safe: limit.safe,
            trouble: record.trouble,
        })
    }

    /// When [`run`](Self::run) is to be called next, in milliseconds since boot.
    pub fn next(&self) -> Option<u64> {
        let zones = self.zone_records.iter().filter_map(|record| record.next);
        let limits = self.limit_records.iter().filter_map(|record| record.next);
        let next = zones.chain(limits).min();
        next.map(|at| at.max(self.serve_until))
    }

    /// The platform says that a trip point of a sensor was reached, and said so at `time`.
    pub fn tripped(&mut self, sensor: u32, time: u64) {
        for (zone, record) in self.zones.iter().zip(&mut self.zone_records) {
            if zone.sensor == sensor && record.state != ZoneState::Absent {
                record.next = Some(time);
                record.told_at = record.told_at.or(Some(time));
            }
        }
    }

    /// Words of the platform were lost: every sensor is looked at.
    pub fn look_at_all(&mut self, now: u64) {
        for record in &mut self.zone_records {
            record.next = Some(now);
        }
    }

    /// Driver, device or platform have restarted: sensors are found, and limits set, anew. Until a sensor is read again its
    /// trips stay in effect as they were.
    pub fn resynchronise(&mut self, now: u64) {
        for record in &mut self.zone_records {
            if record.state == ZoneState::Absent {
                record.state = ZoneState::Unknown;
            }
            record.forget_setup();
            record.switch_on_at = 0;
            record.pause = BACK_OFF_MIN_MS;
            record.next = Some(now);
        }
        self.poll_until = now.saturating_add(LOST_SLOT_MS);
        // With the driver or the device every slot came back.
        self.slot_lost_at = None;
        for record in &mut self.limit_records {
            record.applied = None;
            record.is_loose = false;
            record.known = Known::NOTHING;
            record.pause = BACK_OFF_MIN_MS;
            record.next = Some(now);
        }
    }

    /// Does what is due: reads sensors, and sets limits. `clock` tells the time in milliseconds since boot.
    pub fn run<E: Exchange + ?Sized>(&mut self, exchange: &E, clock: impl Fn() -> u64) {
        let link = Link::new(exchange).with_deadline(self.times.deadline_ms);
        let now = clock();
        let is_due = |next: Option<u64>| next.is_some_and(|at| at <= now);
        let mut zones = self.zone_records.iter();
        let mut limits = self.limit_records.iter();
        let asks = zones.any(|record| record.state != ZoneState::Absent && is_due(record.next))
            || limits.any(|record| is_due(record.next));
        if asks && !self.cautious && self.may_lack_slots(now) {
            self.become_cautious(now);
            self.apply(link, &clock);
        }
        let mut readings = self.read_together(link, clock());
        for index in 0..ZONES {
            let due = self.zone_records.get(index).and_then(|record| record.next);
            if due.is_some_and(|at| at <= clock()) {
                let reading = readings.get_mut(index).and_then(Option::take);
                self.look(index, reading, link, &clock);
            }
        }
        self.cautious &= !self.is_cleared();
        self.apply(link, &clock);
        self.serve_until = clock().saturating_add(SERVE_MS);
    }

    /// Reads the sensors that are due, in one batch, where that is two or more that are well. All others are read alone, as is every
    /// sensor as long as slots may be lost.
    fn read_together<E: Exchange + ?Sized>(
        &self,
        link: Link<'_, E>,
        now: u64,
    ) -> [Option<Result<i64, Cause>>; ZONES] {
        let mut readings = [None; ZONES];
        let (mut sensors, mut places) = ([0; ZONES], [0; ZONES]);
        let mut count = 0;
        let well =
            |record: &ZoneRecord| record.is_well() && record.next.is_some_and(|at| at <= now);
        for (index, (zone, record)) in self.zones.iter().zip(&self.zone_records).enumerate() {
            if well(record)
                && let (Some(sensor), Some(place)) = (sensors.get_mut(count), places.get_mut(count))
            {
                (*sensor, *place) = (zone.sensor, index);
                count += 1;
            }
        }
        if count < 2 || self.cautious {
            return readings;
        }
        // The other slot is for the limits: an answer that gets lost takes its slot along.
        let link = link.with_slots(1);
        zone::read_all(
            link,
            sensors.get(..count).unwrap_or(&[]),
            |place, reading| {
                let index = places.get(place).copied().unwrap_or(ZONES);
                if let Some(place) = readings.get_mut(index) {
                    *place = Some(reading);
                }
            },
        );
        readings
    }

    /// Looks at one zone until its reading lies within the band that the trip points watch. `reading`: what it shows, if that was just
    /// asked for.
    fn look<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        mut reading: Option<Result<i64, Cause>>,
        link: Link<'_, E>,
        clock: &impl Fn() -> u64,
    ) {
        let Some(zone) = self.zones.get(index) else {
            return;
        };
        // The reading may have left the band while trip points were moved; each turn but the last follows it.
        for _ in 0..=zone.trips.len() {
            match self.read(index, zone, reading.take(), link, clock()) {
                // Before anything else, what is warm is cooled.
                Ok(true) => self.apply(link, clock),
                Ok(false) => {}
                Err(cause) => {
                    self.failed(index, cause, clock());
                    if self.cautious || self.is_blind(index) {
                        self.apply(link, clock);
                    }
                    return;
                }
            }
            match self.arm(index, zone, link, clock()) {
                Ok(true) => {}
                Ok(false) => break,
                // The sensor is polled.
                Err(cause) => {
                    self.note_lost_slot(cause, clock());
                    self.apply(link, clock);
                    break;
                }
            }
        }
        let (times, now) = (self.times, clock());
        let is_certain = now >= self.poll_until;
        if let Some(record) = self.zone_records.get_mut(index) {
            let pause = match record.armed {
                Some((_, true)) if is_certain => times.check_ms,
                _ => times.poll_ms.min(times.check_ms),
            };
            record.next = Some(now.saturating_add(pause));
        }
    }

    /// Reads a sensor, unless what it shows is `known`. Returns whether another number of trips is in effect now.
    fn read<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        zone: &Zone,
        known: Option<Result<i64, Cause>>,
        link: Link<'_, E>,
        now: u64,
    ) -> Result<bool, Cause> {
        let check_ms = self.times.check_ms;
        let Some(record) = self.zone_records.get_mut(index) else {
            return Ok(false);
        };
        if record.points.is_none() {
            record.points = Some(zone.find(link)?);
            record.is_known = true;
        }
        if !record.is_on && record.switch_on_at <= now {
            match zone.switch_on(link) {
                Ok(()) => record.is_on = true,
                Err(SwitchOnError::Unknown(cause)) => {
                    record.switch_on_at = now.saturating_add(check_ms);
                    // The next question may take the last slot: limits come before it.
                    if cause.costs_slot() {
                        return Err(cause);
                    }
                }
                Err(SwitchOnError::Off(cause)) => return Err(cause),
            }
        }
        let reading = known.unwrap_or_else(|| zone.read(link))?;
        let first = record.state != ZoneState::Watched;
        let passed = zone.passed(reading, record.passed);
        let moved = passed != record.passed;
        record.state = ZoneState::Watched;
        record.reading = reading;
        record.passed = passed;
        record.failing_since = None;
        record.trouble = None;
        record.pause = BACK_OFF_MIN_MS;
        record.is_answered = true;
        if moved {
            record.actions = record.actions.saturating_add(1);
            record.last_action = now;
        } else {
            // Told of nothing new.
            record.told_at = None;
        }
        Ok(moved || first)
    }

    /// Subscribes to trip points, and moves them to the ends of the band. Returns whether it moved any. After a refusal the sensor
    /// is polled, and the same is asked for again later.
    fn arm<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        zone: &Zone,
        link: Link<'_, E>,
        now: u64,
    ) -> Result<bool, Cause> {
        let check_ms = self.times.check_ms;
        let Some(record) = self.zone_records.get_mut(index) else {
            return Ok(false);
        };
        let is_due = record.arm_at.is_some_and(|at| at <= now);
        if !is_due && matches!(record.armed, Some((passed, _)) if passed == record.passed) {
            return Ok(false);
        }
        let points = record.points.unwrap_or(0);
        // Until all of it is done.
        record.armed = Some((record.passed, false));
        record.arm_at = None;
        if points == 0 {
            return Ok(false);
        }
        let told = if record.is_subscribed {
            Ok(())
        } else {
            zone.subscribe(link)
        };
        record.is_subscribed = told.is_ok();
        match told.and_then(|()| zone.arm(link, points, zone.band(record.passed))) {
            Ok(told) => {
                record.armed = Some((record.passed, told));
                Ok(true)
            }
            Err(cause) => {
                record.arm_at = Some(now.saturating_add(check_ms));
                Err(cause)
            }
        }
    }

    /// A sensor could not be found, switched on or read.
    fn failed(&mut self, index: usize, cause: Cause, now: u64) {
        self.note_lost_slot(cause, now);
        let blind_ms = self.times.blind_ms;
        let Some(record) = self.zone_records.get_mut(index) else {
            return;
        };
        record.failures = record.failures.saturating_add(1);
        record.trouble = Some(cause);
        record.is_answered = !cause.costs_slot();
        record.forget_setup();
        let mut next = now.saturating_add(record.pause);
        if cause.says_absent() && !record.is_known {
            record.state = ZoneState::Absent;
            record.passed = 0;
            record.failing_since = None;
            record.next = Some(next);
            record.pause = longer(record.pause, ABSENT_PAUSE_MAX_MS);
            return;
        }
        let since = *record.failing_since.get_or_insert(now);
        let blind_at = since.saturating_add(blind_ms);
        if cause.says_absent() || now >= blind_at {
            record.state = ZoneState::Blind;
        } else {
            next = next.min(blind_at);
        }
        record.next = Some(next);
        record.pause = longer(record.pause, BACK_OFF_MAX_MS);
    }

    fn is_blind(&self, index: usize) -> bool {
        let record = self.zone_records.get(index);
        record.is_some_and(|record| record.state == ZoneState::Blind)
    }

    /// Returns `true` if an answer was lost so short a time ago that the driver may not have got the slot back.
    fn may_lack_slots(&self, now: u64) -> bool {
        self.slot_lost_at
            .is_some_and(|at| now < at.saturating_add(LOST_SLOT_MS))
    }

    /// Returns `true` if there is no reason any more to be [cautious](Self::cautious).
    fn is_cleared(&self) -> bool {
        let mut limits = (0..).zip(&self.limit_records);
        self.zone_records.iter().all(ZoneRecord::is_cleared)
            && limits.all(|(number, record)| {
                let is_lost = record.trouble.is_some_and(Cause::costs_slot);
                !is_lost || self.target(number).is_none()
            })
    }

    /// An answer was not delivered. If that may have cost a slot, every limit becomes safe before anything else is asked.
    fn note_lost_slot(&mut self, cause: Cause, now: u64) {
        if cause.costs_slot() {
            self.slot_lost_at = Some(now);
            self.become_cautious(now);
        }
    }

    /// From now on every limit is safe until the platform has answered for every zone, which are asked at once.
    fn become_cautious(&mut self, now: u64) {
        self.cautious = true;
        for record in &mut self.zone_records {
            record.is_answered = false;
            // A sensor that fails has its own pauses.
            if record.state == ZoneState::Watched && record.failing_since.is_none() {
                record.next = Some(now);
            }
        }
    }

    /// Sets every limit that is not what it is to be.
    fn apply<E: Exchange + ?Sized>(&mut self, link: Link<'_, E>, clock: &impl Fn() -> u64) {
        let was_cautious = self.cautious;
        self.apply_all(link, clock);
        if self.cautious && !was_cautious {
            // An answer was lost meanwhile: more limits are to be safe now.
            self.apply_all(link, clock);
        }
        self.note_reactions(clock());
    }

    fn apply_all<E: Exchange + ?Sized>(&mut self, link: Link<'_, E>, clock: &impl Fn() -> u64) {
        for number in 0..LIMITS as u8 {
            let target = self.target(number);
            let index = usize::from(number);
            let (Some(limit), Some(record)) =
                (self.limits.get(index), self.limit_records.get_mut(index))
            else {
                continue;
            };
            let Some(target) = target else {
                record.next = None;
                continue;
            };
            let is_applied = record.applied == Some(target);
            if is_applied && !record.is_loose {
                record.next = None;
                continue;
            }
            if record.tried != Some(target) {
                // Another value does not wait for the pauses of the last one.
                record.tried = Some(target);
                record.pause = BACK_OFF_MIN_MS;
            } else if record.next.is_some_and(|at| at > clock()) {
                continue;
            }
            let result = limit.apply(link, target, &mut record.known);
            record.note(target, result, clock());
            if let Err(cause) = result {
                self.note_lost_slot(cause, clock());
            }
        }
    }

    /// Notes how long it took since the platform told of a trip point, where all that follows from it is done.
    fn note_reactions(&mut self, now: u64) {
        for (zone, record) in self.zones.iter().zip(&mut self.zone_records) {
            let Some(told_at) = record.told_at else {
                continue;
            };
            let done = self
                .limit_records
                .iter()
                .enumerate()
                .all(|(number, limit)| !zone.concerns(number as u8) || limit.applied.is_some());
            // Told, looked at, and done.
            if done && record.last_action >= told_at {
                let took = u32::try_from(now.saturating_sub(told_at)).unwrap_or(u32::MAX);
                record.reaction_ms = took;
                record.worst_reaction_ms = record.worst_reaction_ms.max(took);
                record.told_at = None;
            }
        }
    }

    /// What a limit is to be: the lowest that any zone asks for. `None` while no zone that concerns it has been looked at.
    fn target(&self, number: u8) -> Option<u32> {
        let index = usize::from(number);
        let limit = self.limits.get(index)?;
        let zones = self.zones.iter().zip(&self.zone_records);
        let asked = zones
            .filter(|(zone, _)| zone.concerns(number))
            .filter_map(|(zone, record)| {
                let cut = zone.cut(number, record.passed).unwrap_or(limit.normal);
                match record.state {
                    // After a restart what was in effect stays so until the sensor is read again.
                    ZoneState::Unknown | ZoneState::Absent => None,
                    ZoneState::Watched if !self.cautious => Some(cut),
                    ZoneState::Watched | ZoneState::Blind => Some(limit.safe.min(cut)),
                }
            })
            .min();
        // It was made safe for a sensor which, as it turned out, the platform does not have.
        let given_back = || {
            let record = self.limit_records.get(index)?;
            record.applied.map(|_| limit.normal)
        };
        asked.or_else(given_back)
    }
}

/// The pause after this one.
fn longer(pause: u64, longest: u64) -> u64 {
    pause.saturating_mul(2).min(longest)
}
