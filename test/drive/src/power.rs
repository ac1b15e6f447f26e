// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power domains, and the system as a whole.

use drv_scmi_api::{ALL_SOURCES, Power, Scmi, ScmiError, SystemPower};
use scmi::Status;
use scmi::power::PowerState;
use scmi::system::SystemState;

use crate::common;
use crate::run::Run;

const CPU: u32 = 0;
const GPU: u32 = 1;
const LONG: u32 = 2;
const NOBODY: u32 = 99;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Power, "power", 196609);
    run.case("power: domains and names", |run| {
        let power = Power::connect(scmi)?;
        run.same(power.count()?, 3)?;
        run.text(power.domain(GPU)?.name, "gpu")?;
        run.same(power.domain(LONG)?.attributes.has_extended_name(), true)?;
        run.text(power.name(LONG)?, "a-power-domain-with-a-long-name")?;
        run.refused(power.domain(NOBODY), Status::NOT_FOUND)
    });
    run.case("power: on, off, and off later", |run| {
        let power = Power::connect(scmi)?;
        run.same(power.state(GPU)?, PowerState::OFF)?;
        run.see("/power/gpu", "false")?;
        power.set_state(GPU, PowerState::ON)?;
        run.see("/power/gpu", "true")?;
        run.same(power.state(GPU)?, PowerState::ON)?;
        let state = power.set_state_delayed(GPU, PowerState::OFF)?;
        run.see("/power/gpu", "false")?;
        run.same(state, PowerState::OFF)?;
        run.refused(power.set_state(CPU, PowerState::OFF), Status::DENIED)?;
        run.see("/power/cpu", "true")?;
        run.refused(power.state(NOBODY), Status::NOT_FOUND)
    });
    run.case("power: events", |run| {
        let power = Power::connect(scmi)?;
        power.notify_changes(GPU, true)?;
        power.set_state(GPU, PowerState::ON)?;
        run.event("power domain 1 is on by agent 1")?;
        run.tell(r#"{"cmd":"set","what":"power","name":"gpu","on":false}"#)?;
        run.event("power domain 1 is off by agent 0")?;
        run.same(power.state(GPU)?, PowerState::OFF)?;
        power.notify_changes(GPU, false)?;
        power.set_state(GPU, PowerState::ON)?;
        power.set_state(GPU, PowerState::OFF)?;
        run.no_event()?;
        // The platform has no other agents with wishes; what comes all the same is delivered to who wants anything.
        let refused = power.notify_change_requests(GPU, true);
        run.no_answer(refused, ScmiError::EventNotSupported)?;
        power.notify_change_requests(ALL_SOURCES, true)?;
        run.tell(
            r#"{"cmd":"event","protocol":17,"event":1,"payload":"00000000 01000000 00000000"}"#,
        )?;
        run.event("agent 0 wants power domain 1 to be on")?;
        power.notify_change_requests(ALL_SOURCES, false)?;
        Ok(())
    });
    common!(run, scmi, SystemPower, "system", 131073);
    run.case("system: states and events", |run| {
        let system = SystemPower::connect(scmi)?;
        run.same(system.can(SystemState::SUSPEND)?, true)?;
        run.same(system.state()?, SystemState::SHUTDOWN)?;
        system.notify_state(0, true)?;
        system.set_state(SystemState::SUSPEND, true)?;
        run.see("/system", "4")?;
        run.event("agent 1 wants the system to go to suspend gracefully")?;
        run.same(system.state()?, SystemState::SUSPEND)?;
        run.tell(r#"{"cmd":"set","what":"system","state":2,"graceful":false}"#)?;
        run.event("agent 0 wants the system to go to warm reset at once")?;
        run.same(system.state()?, SystemState::WARM_RESET)?;
        system.notify_state(0, false)?;
        let refused = system.set_state(SystemState(77), false);
        run.refused(refused, Status::INVALID_PARAMETERS)?;
        run.see("/system", "2")
    });
}
