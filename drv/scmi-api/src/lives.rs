// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Restarts of the driver and of the device, as a client sees them.

use userlib::{TaskId, sys_refresh_task_id};

use crate::Scmi;

/// The lives of the driver and of the device that a client knows of: subscriptions end with the one, and what was set may be lost
/// with the other.
#[derive(Debug)]
pub struct Lives {
    driver: TaskId,
    /// 0 until the first look.
    generation: u32,
}

impl Lives {
    /// Those of the driver with this identity, before the first look.
    pub const fn new(driver: TaskId) -> Self {
        Self {
            driver,
            generation: 0,
        }
    }

    /// Whether the driver or the device began another life since the last look. At the first look neither did.
    pub fn have_restarted(&mut self, scmi: &Scmi) -> bool {
        let driver = sys_refresh_task_id(self.driver);
        let generation = scmi.info().generation;
        let is_first = self.generation == 0;
        let is_other = (driver, generation) != (self.driver, self.generation);
        (self.driver, self.generation) = (driver, generation);
        is_other && !is_first
    }
}
