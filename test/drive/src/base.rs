// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Base, and the ways to send that are the same for all.

use drv_scmi_api::{Base, Buffer, Link, PAYLOAD_MAX, Scmi, ScmiError};
use scmi::Status;
use scmi::power::{PowerState, StateGet};
use userlib::*;

use crate::common;
use crate::run::Run;

const MACHINE: u32 = 0;
const TASK: u32 = 1;
const NOBODY: u32 = 99;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Base, "base", 131073);
    run.case("base: who the platform is", |run| {
        let base = Base::connect(scmi)?;
        run.text(base.vendor()?, "drive")?;
        run.text(base.sub_vendor()?, "test")?;
        run.same(base.implementation_version()?, 0x0102_0304)?;
        run.list(base.protocols(), |&number| number, 0x11..=0x19)?;
        run.same(base.attributes()?.attributes.protocols(), 9)
    });
    run.case("base: agents", |run| {
        let base = Base::connect(scmi)?;
        run.text(base.own_agent()?.name, "task")?;
        run.same(base.own_agent()?.agent, Some(TASK))?;
        run.text(base.agent(MACHINE)?.name, "machine")?;
        run.refused(base.agent(NOBODY), Status::NOT_FOUND)
    });
    run.case("base: what all clients share", |run| {
        let base = Base::connect(scmi)?;
        for agent in [MACHINE, TASK, NOBODY] {
            for refused in [
                base.set_device_permissions(agent, 0, true),
                base.set_protocol_permissions(agent, 0, 0x13, true),
                base.reset_agent_configuration(agent, false),
                base.reset_agent_configuration(agent, true),
            ] {
                run.no_answer(refused, ScmiError::ReservedMessage)?;
            }
        }
        Ok(())
    });
    run.case("base: permissions", |run| {
        // What the other end took away is refused until it is given back.
        run.tell(r#"{"cmd":"permit","protocol":23,"allowed":false}"#)?;
        let refused = drv_scmi_api::Voltages::connect(scmi);
        run.refused(refused, Status::DENIED)?;
        run.tell(r#"{"cmd":"permit","protocol":23,"allowed":true}"#)?;
        drv_scmi_api::Voltages::connect(scmi)?;
        Ok(())
    });
    run.case("base: an error event", |run| {
        let base = Base::connect(scmi)?;
        base.notify_errors(0, true)?;
        run.tell(r#"{"cmd":"event","protocol":16,"event":0,"payload":"0100000001000000 00440000ffffffff"}"#)?;
        run.event("error of agent 1, 1 command(s) to blame; power PROTOCOL_VERSION command, token 0: the platform does not support this (NOT_SUPPORTED)")?;
        base.notify_errors(0, false)?;
        run.no_event()
    });
    run.case("a command is started, polled, and cancelled", |run| {
        let link = Link::new(scmi);
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        let started = link.send(&StateGet { domain: 0 }, 0)?;
        let state = loop {
            match link.poll(&started, &mut buffer)? {
                Some(reply) => break reply.state,
                None => hl::sleep_for(1),
            }
        };
        run.same(state, PowerState::ON)?;
        run.no_answer(link.poll(&started, &mut buffer), ScmiError::BadHandle)?;
        run.tell(r#"{"cmd":"pause"}"#)?;
        let unwanted = link.send(&StateGet { domain: 0 }, 0)?;
        link.cancel(unwanted)?;
        run.tell(r#"{"cmd":"resume"}"#)
    });
}
