// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Performance levels, the power they cost, and the caps that hold them down.

use super::{Change, Model, POWER_ON};
use crate::machine::Perf;

/// A performance domain while it runs.
#[derive(Debug, Clone)]
pub struct PerfState {
    /// Index of the level that was asked for.
    pub wanted: usize,
    /// Index of the level it runs at: the wanted one, unless limits or caps hold it down.
    pub effective: usize,
    /// Lowest level allowed.
    pub min: u32,
    /// Highest level allowed.
    pub max: u32,
}

impl PerfState {
    pub(super) fn new(domain: &Perf) -> Self {
        Self {
            wanted: domain.level,
            effective: domain.level,
            min: domain.levels[0].level,
            max: domain.levels[domain.levels.len() - 1].level,
        }
    }
}

impl Model {
    /// The level that a performance domain runs at.
    pub fn level(&self, domain: usize) -> u32 {
        self.machine.perf[domain].levels[self.perf[domain].effective].level
    }

    /// The level that was asked for last.
    pub fn wanted(&self, domain: usize) -> u32 {
        self.machine.perf[domain].levels[self.perf[domain].wanted].level
    }

    /// Asks for a level, by its index.
    pub fn set_level(&mut self, domain: usize, index: usize) {
        self.perf[domain].wanted = index;
        self.settle();
    }

    /// Sets the limits of a performance domain.
    pub fn set_limits(&mut self, domain: usize, min: u32, max: u32) {
        let state = &mut self.perf[domain];
        if (state.min, state.max) != (min, max) {
            (state.min, state.max) = (min, max);
            self.changed(Change::Limits { domain, min, max });
            self.settle();
        }
    }

    /// Power of a performance domain at the level it runs at, in milliwatts; nothing while its power domain is off.
    pub fn perf_power_mw(&self, domain: usize) -> i64 {
        self.power_at(domain, self.perf[domain].effective)
    }

    fn power_at(&self, domain: usize, index: usize) -> i64 {
        let perf = &self.machine.perf[domain];
        let powered = perf.power.is_none_or(|power| self.power[power] == POWER_ON);
        if powered {
            i64::from(perf.levels[index].power_mw)
        } else {
            0
        }
    }

    /// Power under a cap at this moment, in milliwatts.
    pub(super) fn cap_power_mw(&self, cap: usize) -> i64 {
        self.machine.powercaps[cap]
            .limits
            .iter()
            .map(|&domain| self.perf_power_mw(domain))
            .sum()
    }

    /// Finds the level each performance domain can run at: what was asked for, inside its limits; then, while a cap is
    /// exceeded, the costliest domain under it goes one level down.
    pub(super) fn settle(&mut self) {
        let before: Vec<usize> = self.perf.iter().map(|state| state.effective).collect();
        for domain in 0..self.perf.len() {
            self.perf[domain].effective = self.inside_limits(domain);
        }
        for cap in 0..self.caps.len() {
            while self.cap_power_mw(cap) > i64::from(self.caps[cap].cap_mw) {
                let costliest = self.machine.powercaps[cap]
                    .limits
                    .iter()
                    .copied()
                    .filter(|&domain| self.perf[domain].effective > 0)
                    .max_by_key(|&domain| self.perf_power_mw(domain));
                match costliest {
                    Some(domain) => self.perf[domain].effective -= 1,
                    None => break, // All at their lowest: no more to save.
                }
            }
        }
        for (domain, before) in before.into_iter().enumerate() {
            if self.perf[domain].effective != before {
                let level = self.level(domain);
                self.changed(Change::Level { domain, level });
            }
        }
    }

    fn inside_limits(&self, domain: usize) -> usize {
        let levels = &self.machine.perf[domain].levels;
        let PerfState {
            wanted, min, max, ..
        } = self.perf[domain];
        let highest = levels
            .iter()
            .rposition(|level| level.level <= max)
            .unwrap_or(0);
        let lowest = levels
            .iter()
            .position(|level| level.level >= min)
            .unwrap_or(levels.len() - 1);
        wanted.max(lowest).min(highest)
    }

    /// Averages the power under each cap, and tells when it crosses the thresholds that were asked for.
    pub(super) fn measure(&mut self, step_ms: u64) {
        for domain in 0..self.caps.len() {
            let target_uw = self.cap_power_mw(domain) * 1000;
            let before = self.caps[domain].power_mw();
            let state = &mut self.caps[domain];
            let share = (step_ms as f64 / f64::from(state.interval_ms)).min(1.0);
            state.average_uw += ((target_uw - state.average_uw) as f64 * share) as i64;
            let after = state.power_mw();
            let crossed = state.thresholds.is_some_and(|(low, high)| {
                let zone = |power: u32| (power < low, power > high);
                zone(before) != zone(after)
            });
            if crossed {
                self.changed(Change::Measurement {
                    domain,
                    power_mw: after,
                });
            }
        }
    }
}
