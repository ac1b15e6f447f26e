// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the driver, the timer and the callers to the manager, and back.

use drv_scmi_api::{Buffer, Incoming, Link, Lives, PAYLOAD_MAX, Scmi, next_event};
use idol_runtime::{Leased, NotificationHandler, RequestError, W};
use ringbuf::{ringbuf, ringbuf_entry};
use scmi::Protocol;
use scmi::power::StateChanged;
use scmi::wire::Notification;
use task_power_api::{NAME_MAX, PowerError, ResourceStatus};
use userlib::*;

use crate::config::{CLIENTS, ORDER, RESOURCES};
use crate::{Manager, Part, config, idl, notifications};

#[derive(Copy, Clone, PartialEq)]
enum Trace {
    None,
    Acquired {
        client: TaskId,
        resource: u8,
    },
    Released {
        client: TaskId,
        resource: u8,
    },
    Failed(PowerError),
    /// A client died, and held something.
    Gone(TaskId),
    /// Driver, device or platform restarted.
    Restarted,
    /// Something that is held was brought up again.
    BroughtBack,
}

ringbuf!(Trace, 16, Trace::None);

/// Events that are fetched at a time: a flood does not keep clients from being served.
const EVENTS_AT_ONCE: usize = 32;
/// So long the task listens to whoever calls it before it makes hardware and references agree again by itself, in milliseconds.
const SERVE_MS: u64 = 50;

/// The manager of what `[tasks.power.config]` says.
pub type Configured = Manager<{ RESOURCES.len() }, { CLIENTS.len() }>;

/// The task: the manager, and the driver that it asks.
pub struct Server {
    manager: &'static mut Configured,
    scmi: Scmi,
    lives: Lives,
    /// The platform tells of power domains that change, or never will.
    is_subscribed: bool,
    /// Events are left from the last time.
    has_more_events: bool,
    /// Until then nothing is due: whoever calls this task has a turn, also where each answer takes longer than the pauses.
    serve_until: u64,
    /// The life of each client that holds its references.
    clients: [TaskId; CLIENTS.len()],
}

impl Server {
    /// A manager that knows nothing yet.
    #[must_use]
    pub const fn configured() -> Configured {
        Manager::new(&RESOURCES, &ORDER, config::DEADLINE_MS)
    }

    /// Nobody holds anything, and the hardware is as it was found for a while.
    pub fn new(manager: &'static mut Configured, driver: TaskId) -> Self {
        manager.keep_until(now().saturating_add(config::GRACE_MS));
        Self {
            manager,
            scmi: Scmi::from(driver),
            lives: Lives::new(driver),
            is_subscribed: false,
            has_more_events: false,
            serve_until: 0,
            clients: CLIENTS.map(|index| sys_refresh_task_id(TaskId::for_index(index))),
        }
    }

    /// Serves until the image ends.
    pub fn serve(&mut self) -> ! {
        self.settle();
        // Whatever they held of a former life of this task, they hold no more.
        tell();
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            let next = match self.has_more_events {
                true => Some(now()),
                false => {
                    let next = self.manager.next();
                    next.map(|at| at.max(self.serve_until))
                }
            };
            sys_set_timer(next, notifications::TIMER_MASK);
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

    /// Makes hardware and references agree, if that is due. The driver is asked how it stands each time: of a reset of the device it
    /// tells those who subscribed, and where the platform has no power domains that is not this task.
    fn settle(&mut self) {
        if self.lives.have_restarted(&self.scmi) {
            self.restarted();
        }
        let now = now();
        if self.manager.next().is_none_or(|at| at > now) {
            return;
        }
        if !self.is_subscribed {
            self.subscribe();
        }
        if self.manager.settle(&self.scmi, now) {
            ringbuf_entry!(Trace::BroughtBack);
            tell();
        }
        self.serve_until = self::now().saturating_add(SERVE_MS);
    }

    fn restarted(&mut self) {
        ringbuf_entry!(Trace::Restarted);
        self.is_subscribed = false;
        self.manager.resynchronise(now());
    }

    /// Asks to be told of power domains that change.
    fn subscribe(&mut self) {
        self.is_subscribed = true;
        for step in RESOURCES.iter().flat_map(|resource| resource.steps) {
            let Part::Power { domain } = step.part else {
                continue;
            };
            let link = Link::new(&self.scmi).with_deadline(config::DEADLINE_MS);
            let asked = link.notify(Protocol::Power, StateChanged::EVENT, domain, true);
            if let Err(error) = asked {
                // Without events it goes on all the same. Where only the moment is bad, it asks again.
                self.is_subscribed &= !matches!(
                    error.advice(),
                    drv_scmi_api::Advice::TryAgain | drv_scmi_api::Advice::TryLater
                );
            }
        }
    }

    /// Fetches what the driver has to tell.
    fn take_events(&mut self) {
        self.has_more_events = false;
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        for _ in 0..EVENTS_AT_ONCE {
            match next_event(&self.scmi, &mut buffer) {
                Ok(Incoming::Empty) | Err(_) => return,
                Ok(Incoming::Ended { .. }) => self.is_subscribed = false,
                Ok(Incoming::Resynchronise | Incoming::Restarted) => self.restarted(),
                Ok(told) => self.manager.told(&told, now()),
            }
        }
        // The rest comes after whoever waits.
        self.has_more_events = true;
    }

    /// Takes the references of the dead.
    fn look_for_the_dead(&mut self) {
        for client in 0..self.clients.len() {
            let Some(known) = self.clients.get_mut(client) else {
                continue;
            };
            let life = sys_refresh_task_id(*known);
            let is_dead = matches!(
                kipc::read_task_status(known.index()),
                TaskState::Faulted { .. }
            );
            if life != *known || is_dead {
                let gone = core::mem::replace(known, life);
                if self.manager.forget(client, now()) {
                    ringbuf_entry!(Trace::Gone(gone));
                }
            }
        }
    }

    /// The number of a client, if this is one.
    fn client(&self, message: &RecvMessage) -> Option<usize> {
        CLIENTS
            .iter()
            .position(|&index| index == message.sender.index())
    }

    /// What comes before every order: references of the dead are nobody's, and hardware that restarted is not as it was.
    fn prepare(&mut self, message: &RecvMessage) -> Result<usize, RequestError<PowerError>> {
        self.look_for_the_dead();
        self.settle();
        Ok(self.client(message).ok_or(PowerError::NotAllowed)?)
    }
}

/// Posts to those who want to know that references or hardware were lost.
fn tell() {
    for &(index, bits) in config::TELL {
        sys_post(sys_refresh_task_id(TaskId::for_index(index)), bits);
    }
}

fn now() -> u64 {
    sys_get_timer().now
}

/// Notes how an order ended.
fn note(result: Result<(), PowerError>, well: Trace) -> Result<(), RequestError<PowerError>> {
    match result {
        Ok(()) => ringbuf_entry!(well),
        Err(error) => ringbuf_entry!(Trace::Failed(error)),
    }
    Ok(result?)
}

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        notifications::FAULT_MASK | notifications::SCMI_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        if bits.check_notification_mask(notifications::FAULT_MASK) {
            self.look_for_the_dead();
        }
        if self.has_more_events || bits.check_notification_mask(notifications::SCMI_MASK) {
            self.take_events();
        }
        self.settle();
    }
}

impl idl::InOrderResourcesImpl for Server {
    fn acquire(
        &mut self,
        message: &RecvMessage,
        resource: u8,
    ) -> Result<(), RequestError<PowerError>> {
        let client = self.prepare(message)?;
        let result = self.manager.acquire(&self.scmi, resource, client, now());
        let client = message.sender;
        note(result, Trace::Acquired { client, resource })
    }

    fn release(
        &mut self,
        message: &RecvMessage,
        resource: u8,
    ) -> Result<(), RequestError<PowerError>> {
        let client = self.prepare(message)?;
        let result = self.manager.release(&self.scmi, resource, client, now());
        let client = message.sender;
        note(result, Trace::Released { client, resource })
    }

    fn status(
        &mut self,
        message: &RecvMessage,
        resource: u8,
    ) -> Result<ResourceStatus, RequestError<PowerError>> {
        Ok(self.manager.status(resource, self.client(message))?)
    }

    fn name(
        &mut self,
        _: &RecvMessage,
        resource: u8,
        destination: Leased<W, [u8]>,
    ) -> Result<u8, RequestError<PowerError>> {
        let name = self.manager.resource(resource)?.name.as_bytes();
        let name = name.get(..NAME_MAX).unwrap_or(name);
        let written = destination.write_front(name);
        Ok(written.map_err(|()| RequestError::went_away())? as u8)
    }
}
