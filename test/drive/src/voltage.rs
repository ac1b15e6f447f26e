// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Voltage domains.

use drv_scmi_api::{Choices, Scmi, Voltages};
use scmi::Status;
use scmi::common::Range;
use scmi::voltage::Mode;

use crate::common;
use crate::run::Run;

const CORE: u32 = 0;
const IO: u32 = 1;
const LONG: u32 = 2;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Voltages, "voltage", 131073);
    run.case("voltage: names, ranges, levels over pages", |run| {
        let voltages = Voltages::connect(scmi)?;
        run.same(voltages.count()?, 3)?;
        run.text(voltages.domain(CORE)?.name, "core")?;
        run.text(voltages.name(LONG)?, "a-voltage-domain-with-a-long-name")?;
        match voltages.levels(CORE)? {
            Choices::Range(range) => run.same(
                range,
                Range {
                    lowest: 600_000,
                    highest: 1_000_000,
                    step: 12_500,
                },
            )?,
            Choices::List(_) => run.wrong(format_args!("the range is a list"))?,
        }
        match voltages.levels(IO)? {
            Choices::List(list) => run.list(
                list,
                |level| level.microvolts,
                (1..=40).map(|n| n * 100_000),
            ),
            Choices::Range(_) => run.wrong(format_args!("the list is a range")),
        }
    });
    run.case("voltage: modes and levels, now and later", |run| {
        let voltages = Voltages::connect(scmi)?;
        run.same(voltages.mode(CORE)?, Mode::OFF)?;
        voltages.set_mode(CORE, Mode::ON)?;
        run.see("/voltage/core/on", "true")?;
        run.same(voltages.mode(CORE)?, Mode::ON)?;
        voltages.set_level(CORE, 800_000)?;
        run.see("/voltage/core/uv", "800000")?;
        run.see("/sensor/supply", "[800000]")?;
        run.same(voltages.level(CORE)?, 800_000)?;
        let level = voltages.set_level_delayed(CORE, 850_000)?;
        run.see("/voltage/core/uv", "850000")?;
        run.same(level, 850_000)?;
        run.tell(r#"{"cmd":"set","what":"voltage","name":"core","on":false,"uv":600000}"#)?;
        run.same(voltages.level(CORE)?, 600_000)?;
        run.same(voltages.mode(CORE)?, Mode::OFF)?;
        run.refused(voltages.set_level(CORE, 800_001), Status::OUT_OF_RANGE)?;
        run.refused(voltages.set_mode(LONG, Mode::ON), Status::DENIED)
    });
}
