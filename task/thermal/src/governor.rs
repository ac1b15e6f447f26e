// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All zones and limits, and what follows from the readings.

use drv_scmi_api::{Exchange, Link};
use task_thermal_api::{Cause, LimitStatus, ThermalError, ZoneState, ZoneStatus};

use crate::limit::{Limit, Lowered};
use crate::zone::Zone;
use crate::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS};

/// How long things may take, and how often they happen, in milliseconds.
#[derive(Copy, Clone, Debug)]
pub struct Times {
    /// For each question to the platform.
    pub deadline_ms: u32,
    /// Between two looks at a sensor whose trip points are not told.
    pub poll_ms: u64,
    /// Between two looks at a sensor whose trip points are told: words get lost.
    pub check_ms: u64,
    /// For so long a sensor may fail before its limits become safe.
    pub blind_ms: u64,
}

#[derive(Copy, Clone, Debug)]
struct ZoneRecord {
    state: ZoneState,
    /// Trip points of the sensor, once it was found.
    points: Option<u8>,
    /// The trip points are where they belong, for so many trips in effect; and whether the platform tells both ways.
    armed: Option<(usize, bool)>,
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
        points: None,
        armed: None,
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
}

#[derive(Copy, Clone, Debug)]
struct LimitRecord {
    applied: Option<u32>,
    lowered: Option<Lowered>,
    /// When to try again, if that failed.
    next: Option<u64>,
    pause: u64,
    trouble: Option<Cause>,
}

impl LimitRecord {
    const NEW: Self = Self {
        applied: None,
        lowered: None,
        next: None,
        pause: BACK_OFF_MIN_MS,
        trouble: None,
    };
}

/// All zones and limits.
#[derive(Debug)]
pub struct Governor<const ZONES: usize, const LIMITS: usize> {
    zones: &'static [Zone; ZONES],
    limits: &'static [Limit; LIMITS],
    times: Times,
    zone_records: [ZoneRecord; ZONES],
    limit_records: [LimitRecord; LIMITS],
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
        zones.chain(limits).min()
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
            record.points = None;
            record.armed = None;
            record.told_at = None;
            record.pause = BACK_OFF_MIN_MS;
            record.next = Some(now);
        }
        for record in &mut self.limit_records {
            record.applied = None;
            record.lowered = None;
            record.pause = BACK_OFF_MIN_MS;
            record.next = Some(now);
        }
    }

    /// Does what is due: reads sensors, and sets limits. `clock` tells the time in milliseconds since boot.
    pub fn run<E: Exchange + ?Sized>(&mut self, exchange: &E, clock: impl Fn() -> u64) {
        let link = Link::new(exchange).with_deadline(self.times.deadline_ms);
        for index in 0..ZONES {
            let due = self.zone_records.get(index).and_then(|record| record.next);
            if due.is_some_and(|at| at <= clock()) {
                self.look(index, link, &clock);
            }
        }
        self.apply(link, &clock);
    }

    /// Looks at one zone until its reading lies within the band that the trip points watch.
    fn look<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        link: Link<'_, E>,
        clock: &impl Fn() -> u64,
    ) {
        let Some(zone) = self.zones.get(index) else {
            return;
        };
        // The reading may have left the band while trip points were moved; each turn but the last follows it.
        for _ in 0..=zone.trips.len() {
            match self.read(index, zone, link, clock()) {
                // Before anything else, what is warm is cooled.
                Ok(true) => {
                    self.hurry_limits(clock());
                    self.apply(link, clock);
                }
                Ok(false) => {}
                Err(cause) => return self.failed(index, cause, clock()),
            }
            match self.arm(index, zone, link) {
                Ok(true) => {}
                Ok(false) => break,
                Err(cause) => return self.failed(index, cause, clock()),
            }
        }
        let times = self.times;
        if let Some(record) = self.zone_records.get_mut(index) {
            let pause = match record.armed {
                Some((_, true)) => times.check_ms,
                _ => times.poll_ms,
            };
            record.next = Some(clock().saturating_add(pause));
        }
    }

    /// Reads a sensor. Returns whether another number of trips is in effect now.
    fn read<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        zone: &Zone,
        link: Link<'_, E>,
        now: u64,
    ) -> Result<bool, Cause> {
        let Some(record) = self.zone_records.get_mut(index) else {
            return Ok(false);
        };
        if record.points.is_none() {
            record.points = Some(zone.prepare(link)?);
        }
        let reading = zone.read(link)?;
        let first = record.state != ZoneState::Watched;
        let passed = zone.passed(reading, record.passed);
        let moved = passed != record.passed;
        record.state = ZoneState::Watched;
        record.reading = reading;
        record.passed = passed;
        record.failing_since = None;
        record.trouble = None;
        record.pause = BACK_OFF_MIN_MS;
        if moved {
            record.actions = record.actions.saturating_add(1);
            record.last_action = now;
        } else {
            // Told of nothing new.
            record.told_at = None;
        }
        Ok(moved || first)
    }

    /// Moves trip points to where they belong. Returns whether it moved any.
    fn arm<E: Exchange + ?Sized>(
        &mut self,
        index: usize,
        zone: &Zone,
        link: Link<'_, E>,
    ) -> Result<bool, Cause> {
        let Some(record) = self.zone_records.get_mut(index) else {
            return Ok(false);
        };
        if matches!(record.armed, Some((passed, _)) if passed == record.passed) {
            return Ok(false);
        }
        record.armed = None;
        let points = record.points.unwrap_or(0);
        let told = zone.arm(link, points, zone.band(record.passed))?;
        record.armed = Some((record.passed, told));
        Ok(points > 0)
    }

    /// A sensor could not be found, read or armed.
    fn failed(&mut self, index: usize, cause: Cause, now: u64) {
        let blind_ms = self.times.blind_ms;
        let Some(record) = self.zone_records.get_mut(index) else {
            return;
        };
        record.failures = record.failures.saturating_add(1);
        record.trouble = Some(cause);
        record.points = None;
        record.armed = None;
        record.told_at = None;
        if cause.is_lasting() {
            record.state = ZoneState::Absent;
            record.passed = 0;
            record.failing_since = None;
            record.next = None;
            return;
        }
        let since = *record.failing_since.get_or_insert(now);
        let blind_at = since.saturating_add(blind_ms);
        let mut next = now.saturating_add(record.pause);
        if now >= blind_at {
            record.state = ZoneState::Blind;
        } else {
            next = next.min(blind_at);
        }
        record.next = Some(next);
        record.pause = record.pause.saturating_mul(2).min(BACK_OFF_MAX_MS);
    }

    /// A limit that could not be set is tried again now: something else is wanted of it.
    fn hurry_limits(&mut self, now: u64) {
        for record in &mut self.limit_records {
            record.next = record.trouble.map(|_| now);
            record.pause = BACK_OFF_MIN_MS;
        }
    }

    /// Sets every limit that is not what it is to be.
    fn apply<E: Exchange + ?Sized>(&mut self, link: Link<'_, E>, clock: &impl Fn() -> u64) {
        for number in 0..LIMITS as u8 {
            let target = self.target(number);
            let index = usize::from(number);
            let (Some(limit), Some(record)) =
                (self.limits.get(index), self.limit_records.get_mut(index))
            else {
                continue;
            };
            let now = clock();
            let waits = record.trouble.is_some() && record.next.is_none_or(|at| at > now);
            let Some(target) = target.filter(|target| record.applied != Some(*target)) else {
                record.next = None;
                continue;
            };
            if waits {
                continue;
            }
            match limit.apply(link, target, &mut record.lowered) {
                Ok(()) => {
                    record.applied = Some(target);
                    record.trouble = None;
                    record.next = None;
                    record.pause = BACK_OFF_MIN_MS;
                }
                Err(cause) => {
                    // Some of it may have been done.
                    record.applied = None;
                    record.trouble = Some(cause);
                    record.next =
                        (!cause.is_lasting()).then(|| clock().saturating_add(record.pause));
                    record.pause = record.pause.saturating_mul(2).min(BACK_OFF_MAX_MS);
                }
            }
        }
        self.note_reactions(clock());
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
        let limit = self.limits.get(usize::from(number))?;
        let zones = self.zones.iter().zip(&self.zone_records);
        zones
            .filter(|(zone, _)| zone.concerns(number))
            .filter_map(|(zone, record)| match record.state {
                // After a restart what was in effect stays so until the sensor is read again.
                ZoneState::Unknown | ZoneState::Absent => None,
                ZoneState::Watched => Some(zone.cut(number, record.passed).unwrap_or(limit.normal)),
                ZoneState::Blind => Some(
                    limit
                        .safe
                        .min(zone.cut(number, record.passed).unwrap_or(limit.safe)),
                ),
            })
            .min()
    }
}
