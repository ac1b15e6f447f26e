// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clocks.

use drv_scmi_api::{Choices, Clocks, Rounding, Scmi};
use scmi::Status;
use scmi::clock::extended_config;
use scmi::common::Range;

use crate::common;
use crate::run::Run;

const OSC: u32 = 0;
const PLL: u32 = 1;
const LONG: u32 = 2;
const MEGA: u64 = 1_000_000;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Clocks, "clock", 196608);
    run.case("clock: names, ranges, rates over pages", |run| {
        let clocks = Clocks::connect(scmi)?;
        run.same(clocks.count()?, 3)?;
        run.text(clocks.clock(PLL)?.name, "pll")?;
        run.text(clocks.name(LONG)?, "a-clock-with-a-long-name")?;
        match clocks.rates(PLL)? {
            Choices::Range(range) => run.same(
                range,
                Range {
                    lowest: 100 * MEGA,
                    highest: 1600 * MEGA,
                    step: 4 * MEGA,
                },
            )?,
            Choices::List(_) => run.wrong(format_args!("the range is a list"))?,
        }
        match clocks.rates(LONG)? {
            Choices::List(list) => run.list(list, |rate| rate.hertz, (1..=20).map(|n| n * MEGA)),
            Choices::Range(_) => run.wrong(format_args!("the list is a range")),
        }
    });
    run.case("clock: rates, rounded and later", |run| {
        let clocks = Clocks::connect(scmi)?;
        for (hertz, rounding, place, rate) in [
            (3_500_000, Rounding::Down, "3000000", 3 * MEGA),
            (3_500_000, Rounding::Up, "4000000", 4 * MEGA),
            (2_600_000, Rounding::Auto, "3000000", 3 * MEGA),
        ] {
            clocks.set_rate(LONG, hertz, rounding)?;
            run.see("/rate/a-clock-with-a-long-name", place)?;
            run.same(clocks.rate(LONG)?, rate)?;
        }
        let rate = clocks.set_rate_delayed(LONG, 7 * MEGA, Rounding::Down)?;
        run.see("/rate/a-clock-with-a-long-name", "7000000")?;
        run.same(rate, 7 * MEGA)?;
        let refused = clocks.set_rate(LONG, 99 * MEGA, Rounding::Down);
        run.refused(refused, Status::OUT_OF_RANGE)?;
        let refused = clocks.set_rate(OSC, 24 * MEGA, Rounding::Down);
        run.refused(refused, Status::DENIED)
    });
    run.case("clock: on and off", |run| {
        let clocks = Clocks::connect(scmi)?;
        clocks.enable(LONG)?;
        run.see("/clock/a-clock-with-a-long-name", "true")?;
        clocks.disable(LONG)?;
        run.see("/clock/a-clock-with-a-long-name", "false")?;
        run.tell(r#"{"cmd":"set","what":"clock","name":"a-clock-with-a-long-name","on":true}"#)?;
        let config = clocks.config(LONG, extended_config::NONE)?;
        run.same(config.config.is_enabled(), true)?;
        run.same(clocks.clock(LONG)?.attributes.is_enabled(), true)?;
        let refused = clocks.set_extended(LONG, extended_config::DUTY_CYCLE, 50);
        run.refused(refused, Status::NOT_SUPPORTED)
    });
    run.case("clock: parents and permissions", |run| {
        let clocks = Clocks::connect(scmi)?;
        let parents = clocks.possible_parents(LONG);
        run.list(parents, |parent| parent.clock, [PLL, OSC].into_iter())?;
        clocks.set_parent(LONG, OSC)?;
        run.see("/parent/a-clock-with-a-long-name", r#""osc""#)?;
        run.same(clocks.parent(LONG)?, OSC)?;
        run.refused(clocks.set_parent(LONG, LONG), Status::INVALID_PARAMETERS)?;
        run.same(clocks.permissions(LONG)?.rate(), true)?;
        run.same(clocks.permissions(OSC)?.rate(), false)
    });
    run.case("clock: events", |run| {
        let clocks = Clocks::connect(scmi)?;
        clocks.notify_rate(LONG, true)?;
        clocks.notify_rate_requests(LONG, true)?;
        clocks.set_rate(LONG, 8 * MEGA, Rounding::Down)?;
        run.event("clock 2 runs at 8 MHz by agent 1")?;
        run.tell(r#"{"cmd":"set","what":"rate","name":"a-clock-with-a-long-name","rate":9000000}"#)?;
        run.event("clock 2 runs at 9 MHz by agent 0")?;
        run.tell(r#"{"cmd":"event","protocol":20,"event":1,"payload":"00000000 02000000 40420f0000000000"}"#)?;
        run.event("agent 0 wants clock 2 to run at 1 MHz")?;
        clocks.notify_rate(LONG, false)?;
        clocks.notify_rate_requests(LONG, false)?;
        clocks.set_rate(LONG, MEGA, Rounding::Down)?;
        run.no_event()
    });
}
