// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The power task that ships, as `app.toml` has it, over the driver that ships, on the sample machine of the platform: who may hold what,
//! and what becomes of it when they die.

#[path = "../../../drv/virtio-scmi-server/tests/support/mod.rs"]
mod driver;
#[path = "../../../drv/virtio-scmi-server/tests/support/machine.rs"]
mod machine;

use driver::{Bench, FIRST as POWER, SECOND as CONSOLE, SERVER, STRANGER};
use drv_scmi_api::Scmi;
use machine::Behind;
use task_power::Server;
use task_power_api::{PowerError, Resources};
use userlib::host::keep;
use userlib::{FaultInfo, Lease, TaskId, TaskState, sys_post, sys_refresh_task_id, sys_send};

/// Resources of `app.toml`, by name: display, gpu, io, npu, radio.
const DISPLAY: u8 = 0;
const GPU: u8 = 1;
const IO: u8 = 2;
/// Power domains of the machine.
const GPU_DOMAIN: usize = 1;
const DISPLAY_DOMAIN: usize = 3;
/// What a power domain is when it is off.
const OFF: u32 = 1 << 30;

fn power(_: &Scmi) {
    Server::new(keep(Server::configured()), SERVER).serve()
}

type Caller = Box<dyn Fn(&Resources) + Send + Sync>;

/// The image, with the console, who may use everything, and a stranger, who may use nothing; and the machine, switched off.
fn running(console: Caller, stranger: Caller) -> (Bench, Behind) {
    let of = |caller: Caller| move |_: &Scmi| caller(&Resources::from(sys_refresh_task_id(POWER)));
    let mut bench = Bench::new(power, of(console), of(stranger));
    let mut behind = Behind::new();
    for domain in [GPU_DOMAIN, DISPLAY_DOMAIN] {
        behind.platform.model.power[domain] = OFF;
    }
    behind.pass(&mut bench, 200);
    (bench, behind)
}

fn check(bench: &Bench, ended: &[TaskId]) {
    for &task in ended {
        assert!(bench.image.has_ended(task), "{:?}", bench.image.state(task));
    }
    for task in [SERVER, POWER] {
        let state = bench.image.state(task);
        assert!(matches!(state, TaskState::Healthy(_)), "{state:?}");
    }
}

fn idle() -> Caller {
    Box::new(|_| {})
}

/// Takes references, and waits.
fn holds(resources: &'static [u8]) -> Caller {
    Box::new(move |power| {
        for &resource in resources {
            power.acquire(resource).unwrap();
        }
        let _ = userlib::sys_recv_notification(1);
    })
}

#[test]
fn a_resource_is_up_while_somebody_holds_it() {
    let (mut bench, mut behind) = running(
        Box::new(|power| {
            power.acquire(GPU).unwrap();
            power.acquire(GPU).unwrap();
            assert_eq!(power.status(GPU).unwrap().references, 2);
            power.release(GPU).unwrap();
            let _ = userlib::sys_recv_notification(1);
            power.release(GPU).unwrap();
            assert_eq!(power.release(GPU), Err(PowerError::NotHeld));
        }),
        idle(),
    );
    behind.pass(&mut bench, 50);
    assert_eq!(behind.platform.model.power[GPU_DOMAIN], 0);
    bench.post(CONSOLE, 1);
    behind.pass(&mut bench, 50);
    assert_eq!(behind.platform.model.power[GPU_DOMAIN], OFF);
    check(&bench, &[CONSOLE]);
}

#[test]
fn what_the_dead_held_goes_down() {
    let (mut bench, mut behind) = running(holds(&[DISPLAY, GPU]), idle());
    behind.pass(&mut bench, 50);
    let up = [GPU_DOMAIN, DISPLAY_DOMAIN].map(|domain| behind.platform.model.power[domain]);
    assert_eq!(up, [0, 0]);
    bench.image.stop(CONSOLE);
    // The supervisor tells.
    bench.post(POWER, 1 << 4);
    behind.pass(&mut bench, 3000);
    let down = [GPU_DOMAIN, DISPLAY_DOMAIN].map(|domain| behind.platform.model.power[domain]);
    assert_eq!(down, [OFF, OFF]);
    check(&bench, &[]);
}

#[test]
fn who_may_not_use_a_resource_is_refused() {
    let (bench, _) = running(
        Box::new(|power| {
            assert_eq!(power.acquire(5), Err(PowerError::NoSuchResource));
            assert_eq!(power.release(IO), Err(PowerError::NotHeld));
        }),
        Box::new(|power| {
            for resource in 0..5 {
                assert_eq!(power.acquire(resource), Err(PowerError::NotAllowed));
                assert_eq!(power.release(resource), Err(PowerError::NotAllowed));
                assert!(power.status(resource).is_ok());
            }
            let mut name = [0; 8];
            assert_eq!(power.name(GPU, &mut name), Ok(3));
            assert_eq!(&name[..3], b"gpu");
        }),
    );
    check(&bench, &[CONSOLE, STRANGER]);
}

/// Forged bits and messages that are none change nothing for who holds something.
#[test]
fn hostile_callers_switch_nothing() {
    let (mut bench, mut behind) = running(
        holds(&[GPU]),
        Box::new(|_| {
            for bits in [1 << 4, 1 << 5, 1 << 6, u32::MAX] {
                for _ in 0..20 {
                    sys_post(sys_refresh_task_id(POWER), bits);
                }
            }
            let leases = [Lease::no_access(b"????")];
            sys_send(sys_refresh_task_id(POWER), 4, &[GPU], &mut [0; 8], &leases);
        }),
    );
    behind.pass(&mut bench, 500);
    let state = bench.image.state(STRANGER);
    let faulted = matches!(
        state,
        TaskState::Faulted {
            fault: FaultInfo::FromServer(POWER, _),
            ..
        }
    );
    assert!(faulted, "{state:?}");
    assert_eq!(behind.platform.model.power[GPU_DOMAIN], 0);
    let sets = behind
        .asked
        .iter()
        .filter(|asked| (asked.0, asked.1) == (0x11, 4));
    assert_eq!(sets.count(), 1, "it is switched on, once");
    check(&bench, &[]);
}

/// A driver that crashes resets the device, and with it goes what the platform was told; who holds something has it again.
#[test]
fn after_a_restart_of_the_driver_what_is_held_is_up() {
    let (mut bench, mut behind) = running(holds(&[GPU]), idle());
    behind.pass(&mut bench, 50);
    bench.image.restart(SERVER);
    behind.platform.model.power[GPU_DOMAIN] = OFF;
    // The supervisor tells.
    bench.post(POWER, 1 << 4);
    behind.pass(&mut bench, 3000);
    assert_eq!(behind.platform.model.power[GPU_DOMAIN], 0);
    check(&bench, &[]);
}
