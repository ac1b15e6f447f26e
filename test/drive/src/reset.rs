// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reset domains.

use drv_scmi_api::{Resets, Scmi};
use scmi::Status;
use scmi::reset::ResetState;

use crate::common;
use crate::run::Run;

const GPU: u32 = 0;
const LONG: u32 = 1;
const NOBODY: u32 = 99;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Resets, "reset", 196609);
    run.case("reset: domains and names", |run| {
        let resets = Resets::connect(scmi)?;
        run.same(resets.count()?, 2)?;
        let gpu = resets.domain(GPU)?;
        run.text(gpu.name, "gpu")?;
        run.same(gpu.latency_us, 500)?;
        run.text(resets.name(LONG)?, "a-reset-domain-with-a-long-name")?;
        run.refused(resets.domain(NOBODY), Status::NOT_FOUND)
    });
    run.case("reset: released, asserted, reset, reset later", |run| {
        let resets = Resets::connect(scmi)?;
        run.see("/reset/gpu", "true")?;
        resets.release(GPU)?;
        run.see("/reset/gpu", "false")?;
        resets.assert(GPU)?;
        run.see("/reset/gpu", "true")?;
        resets.reset(GPU, ResetState::COLD)?;
        run.see("/reset/gpu", "false")?;
        resets.assert(GPU)?;
        resets.reset_delayed(GPU, ResetState::COLD)?;
        run.see("/reset/gpu", "false")?;
        run.refused(resets.assert(LONG), Status::DENIED)?;
        let refused = resets.reset(GPU, ResetState(77));
        run.refused(refused, Status::INVALID_PARAMETERS)
    });
    run.case("reset: events", |run| {
        let resets = Resets::connect(scmi)?;
        resets.notify_resets(GPU, true)?;
        resets.reset(GPU, ResetState::COLD)?;
        run.event("reset domain 0 was reset (cold) by agent 1")?;
        run.tell(r#"{"cmd":"set","what":"reset","name":"gpu","asserted":true}"#)?;
        run.event("reset domain 0 was reset (cold) by agent 0")?;
        run.see("/reset/gpu", "true")?;
        resets.notify_resets(GPU, false)?;
        resets.release(GPU)?;
        run.no_event()
    });
}
