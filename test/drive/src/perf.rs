// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Performance domains.

use drv_scmi_api::{Perf, Scmi};
use scmi::Status;
use scmi::perf::DescribeFastchannel;

use crate::common;
use crate::run::Run;

const CPU: u32 = 0;
const GPU: u32 = 1;
const LONG: u32 = 2;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Perf, "perf", 262144);
    run.case("perf: domains, names, levels over pages", |run| {
        let perf = Perf::connect(scmi)?;
        run.same(perf.count()?, 3)?;
        let cpu = perf.domain(CPU)?;
        run.text(cpu.name, "cpu")?;
        run.same(cpu.sustained_level, 1000)?;
        run.text(perf.name(LONG)?, "a-performance-domain-with-a-long-name")?;
        let known =
            |level: &scmi::perf::LevelV4| (level.level, level.cost, level.attributes.latency_us());
        let expected = (1..=14).map(|n| (n * 100, n * 50, 9 + n as u16));
        run.list(perf.levels(CPU), known, expected)
    });
    run.case("perf: levels and limits", |run| {
        let perf = Perf::connect(scmi)?;
        run.same(perf.level(CPU)?, 300)?;
        perf.set_level(CPU, 500)?;
        run.see("/level/cpu", "500")?;
        run.same(perf.level(CPU)?, 500)?;
        let limits = perf.limits(CPU)?;
        run.same((limits.lowest, limits.highest), (100, 1400))?;
        perf.set_limits(CPU, 200, 400)?;
        run.see("/limits/cpu", "[200,400]")?;
        run.see("/level/cpu", "400")?;
        run.same(perf.level(CPU)?, 400)?;
        run.refused(perf.set_level(CPU, 500), Status::OUT_OF_RANGE)?;
        run.refused(perf.set_level(LONG, 7), Status::DENIED)?;
        run.refused(perf.set_limits(CPU, 400, 200), Status::INVALID_PARAMETERS)?;
        let fast = DescribeFastchannel {
            domain: CPU,
            message: 7,
        };
        run.refused(perf.link().get(&fast), Status::NOT_SUPPORTED)
    });
    run.case("perf: events", |run| {
        let perf = Perf::connect(scmi)?;
        perf.notify_limits(CPU, true)?;
        perf.notify_level(CPU, true)?;
        perf.set_limits(CPU, 100, 1400)?;
        run.event("performance domain 0 is limited to levels 100 to 1400 by agent 1")?;
        // What was asked for before the limits comes true.
        run.event("performance domain 0 is at level 500 by agent 1")?;
        run.tell(r#"{"cmd":"set","what":"level","name":"cpu","level":600}"#)?;
        run.event("performance domain 0 is at level 600 by agent 0")?;
        run.tell(r#"{"cmd":"set","what":"limits","name":"cpu","min":100,"max":200}"#)?;
        run.event("performance domain 0 is limited to levels 100 to 200 by agent 0")?;
        run.event("performance domain 0 is at level 200 by agent 0")?;
        perf.notify_limits(CPU, false)?;
        perf.notify_level(CPU, false)?;
        perf.set_level(GPU, 2)?;
        run.see("/level/gpu", "2")?;
        run.no_event()
    });
}
