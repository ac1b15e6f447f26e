// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The checks: each rule is one function, and each message names the table, the key and the remedy.

mod clients;
mod interrupts;
mod memory;
mod names;
mod priorities;
mod target;
mod tasks;

use crate::app::App;
use crate::problem::{Problem, Problems};

/// Every rule there is, so that one run tells everything that is wrong.
const RULES: [fn(&App) -> Vec<Problem>; 28] = [
    target::known,
    target::stacks_proved,
    names::image,
    names::tasks,
    names::notifications,
    names::grants,
    names::kernel_ipc,
    memory::outputs,
    memory::overlaps,
    memory::kernel,
    memory::kernel_alone,
    memory::peripherals,
    priorities::supervisor,
    priorities::idle,
    priorities::inversions,
    tasks::stacks,
    tasks::memories,
    tasks::sections,
    tasks::extern_regions,
    tasks::max_sizes,
    interrupts::peripherals_used,
    interrupts::kernels_own,
    interrupts::kernels_devices,
    interrupts::sources,
    interrupts::mappings,
    interrupts::owners,
    clients::scmi,
    clients::slots,
];

/// What is let pass because the manifest says so.
pub fn warnings(app: &App) -> Vec<Problem> {
    let mut warnings = target::unproven(app);
    warnings.extend(clients::oversubscribed(app));
    warnings
}

/// Holds the manifest against every rule.
pub fn all(app: &App) -> Result<(), Problems> {
    let problems: Vec<Problem> = RULES.iter().flat_map(|rule| rule(app)).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}
