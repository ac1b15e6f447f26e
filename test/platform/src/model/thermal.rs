// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Bodies that heat up: a first-order lag between the power that goes in and the temperature it leads to.

use super::{Model, POWER_ON};
use crate::machine::Heater;

impl Model {
    /// Temperature of a body, in millidegrees Celsius.
    pub fn temperature_mc(&self, body: usize) -> i64 {
        self.bodies[body].round() as i64
    }

    /// Sets the temperature of a body, in millidegrees Celsius. It goes on from there.
    pub fn set_temperature(&mut self, body: usize, mc: i64) {
        self.bodies[body] = mc as f64;
        self.watch_sensors();
    }

    /// Temperature that a body tends to as things are, in millidegrees Celsius.
    pub fn final_temperature_mc(&self, body: usize) -> i64 {
        let description = &self.machine.bodies[body];
        let power_mw: i64 = description
            .heated_by
            .iter()
            .map(|heater| match *heater {
                Heater::Perf(domain) => self.perf_power_mw(domain),
                Heater::Power(domain) if self.power[domain] == POWER_ON => {
                    i64::from(self.machine.power[domain].leak_mw)
                }
                Heater::Power(_) => 0,
            })
            .sum();
        description.ambient_mc + power_mw * description.resistance_mc_per_w / 1000
    }

    /// Lets bodies warm up or cool down for a while.
    pub(super) fn heat(&mut self, step_ms: u64) {
        for body in 0..self.bodies.len() {
            let target = self.final_temperature_mc(body) as f64;
            let constant = self.machine.bodies[body].time_constant_ms as f64;
            // The exact solution of the first-order lag for a constant target: right for any step length.
            let share = 1.0 - (-(step_ms as f64) / constant).exp();
            self.bodies[body] += (target - self.bodies[body]) * share;
        }
    }
}
