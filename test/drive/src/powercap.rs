// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power caps.

use drv_scmi_api::{Perf, Power, Powercaps, Scmi};
use scmi::Status;
use scmi::power::PowerState;
use scmi::powercap::DescribeFastchannel;

use crate::common;
use crate::run::Run;

const WHOLE: u32 = 0;
const GPU: u32 = 1;
const LONG: u32 = 2;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Powercaps, "powercap", 131072);
    run.case("powercap: domains and names", |run| {
        let caps = Powercaps::connect(scmi)?;
        run.same(caps.count()?, 3)?;
        let gpu = caps.domain(GPU)?;
        run.text(gpu.name, "gpu")?;
        run.same(
            (gpu.parent, gpu.lowest_cap, gpu.highest_cap),
            (WHOLE, 200, 4000),
        )?;
        run.text(caps.name(LONG)?, "a-power-cap-with-a-long-name")
    });
    run.case("powercap: caps, now and later, and intervals", |run| {
        let caps = Powercaps::connect(scmi)?;
        caps.set_cap(GPU, 1000)?;
        run.see("/cap/gpu/cap_mw", "1000")?;
        run.same(caps.cap(GPU)?, 1000)?;
        let cap = caps.set_cap_delayed(GPU, 4000)?;
        run.see("/cap/gpu/cap_mw", "4000")?;
        run.same(cap, 4000)?;
        run.refused(caps.set_cap(GPU, 4001), Status::OUT_OF_RANGE)?;
        run.same(caps.interval(GPU)?, 10_000)?;
        caps.set_interval(GPU, 50_000)?;
        run.see("/cap/gpu/interval_ms", "50")?;
        run.same(caps.interval(GPU)?, 50_000)?;
        let fast = DescribeFastchannel {
            domain: GPU,
            message: 5,
        };
        run.refused(caps.link().get(&fast), Status::NOT_SUPPORTED)
    });
    run.case("powercap: a cap holds the level down", |run| {
        let caps = Powercaps::connect(scmi)?;
        let (perf, power) = (Perf::connect(scmi)?, Power::connect(scmi)?);
        perf.set_level(GPU, 3)?;
        power.set_state(GPU, PowerState::ON)?;
        run.see("/level/gpu", "3")?;
        caps.set_cap(GPU, 1000)?;
        run.see("/level/gpu", "2")?;
        run.same(perf.level(GPU)?, 2)?;
        caps.set_cap(GPU, 4000)?;
        power.set_state(GPU, PowerState::OFF)?;
        Ok(())
    });
    run.case("powercap: events", |run| {
        let caps = Powercaps::connect(scmi)?;
        caps.notify_cap(GPU, true)?;
        caps.set_cap(GPU, 3000)?;
        run.event("power domain 1 is capped at 3000 by agent 1")?;
        run.tell(r#"{"cmd":"set","what":"cap","name":"gpu","cap_mw":4000}"#)?;
        run.event("power domain 1 is capped at 4000 by agent 0")?;
        caps.notify_cap(GPU, false)?;
        // It takes nothing; then it takes power, which shows as an average over 50 ms, in steps of 20 ms.
        while caps.measure(GPU)?.power > 0 {
            userlib::hl::sleep_for(10);
        }
        Perf::connect(scmi)?.set_level(GPU, 1)?;
        caps.notify_measurements(GPU, true)?;
        let power = Power::connect(scmi)?;
        power.set_state(GPU, PowerState::ON)?;
        run.event("power domain 1 takes 200")?;
        power.set_state(GPU, PowerState::OFF)?;
        run.event("power domain 1 takes 0")?;
        caps.notify_measurements(GPU, false)?;
        run.see("/cap/gpu/power_mw", "0")
    });
}
