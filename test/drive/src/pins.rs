// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pins.

use drv_scmi_api::{Exchange, Pins, Request, Scmi, numbers};
use scmi::Status;
use scmi::pinctrl::{Selector, Setting, SettingType};
use scmi::protocol::PinctrlMessage;

use crate::common;
use crate::run::Run;

const PAIR: u32 = 0;
const LONG: u32 = 1;
const SERIAL: u32 = 0;
const GPIO: u32 = 1;
const NOBODY: u32 = 99;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Pins, "pinctrl", 65536);
    run.case("pinctrl: names, and associations over pages", |run| {
        let pins = Pins::connect(scmi)?;
        run.same(pins.count(Selector::Pin)?, 70)?;
        run.same(pins.count(Selector::Group)?, 2)?;
        run.same(pins.count(Selector::Function)?, 2)?;
        run.text(pins.info(Selector::Function, SERIAL)?.name, "serial")?;
        run.text(
            pins.name(Selector::Group, LONG)?,
            "a-pin-group-with-a-long-name",
        )?;
        run.list(numbers(pins.pins_of(LONG)), |&pin| pin, 0..70)?;
        run.list(numbers(pins.groups_of(GPIO)), |&group| group, 0..2)?;
        run.refused(pins.info(Selector::Pin, NOBODY), Status::NOT_FOUND)
    });
    run.case("pinctrl: taken, configured, released", |run| {
        let pins = Pins::connect(scmi)?;
        run.see(
            "/pin/p1",
            r#"{"taken":false,"function":null,"settings":{}}"#,
        )?;
        pins.request(Selector::Group, PAIR)?;
        run.see("/pin/p1/taken", "true")?;
        run.refused(pins.request(Selector::Pin, 1), Status::IN_USE)?;
        run.same(pins.function(Selector::Pin, 1)?, None)?;
        let settings = [(9, 4), (10, 7)].map(|(kind, value)| Setting {
            kind: SettingType(kind),
            value,
        });
        pins.configure(Selector::Group, PAIR, Some(SERIAL), &settings)?;
        run.see(
            "/pin/p1",
            r#"{"taken":true,"function":"serial","settings":{"9":4,"10":7}}"#,
        )?;
        run.same(pins.function(Selector::Pin, 1)?, Some(SERIAL))?;
        run.same(pins.setting(Selector::Pin, 1, SettingType(10))?, 7)?;
        let all = pins.settings(Selector::Group, PAIR);
        run.list(all, |&setting| setting, settings.into_iter())?;
        let refused = pins.configure(Selector::Pin, 2, Some(SERIAL), &[]);
        run.refused(refused, Status::INVALID_PARAMETERS)?;
        pins.release(Selector::Group, PAIR)?;
        run.see(
            "/pin/p1",
            r#"{"taken":false,"function":null,"settings":{}}"#,
        )
    });
    run.case("pinctrl: permissions are not this agent's to give", |run| {
        // There is no call for it, for no public source shows what it carries.
        let request = Request::new(0x19, PinctrlMessage::SetPermissions.id(), &[0; 12][..]);
        let answer = scmi
            .exchange(&request, &mut [])
            .map_err(drv_scmi_api::Error::from)?;
        run.same(Status::from_raw(answer.status), Status::DENIED)
    });
}
