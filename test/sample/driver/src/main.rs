// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A driver as one writes it for the upstream interface: every name that it uses is one of `userlib`, `idol`, `ringbuf`, `counters`,
//! `task-config` and `build-util` as a Hubris driver knows them. It drives a clock with one alarm, a PL031.
//!
//! ```toml
//! [tasks.rtc]
//! name = "test-sample-rtc"
//! priority = 2
//! start = true
//! uses = ["rtc"]
//! interrupts = { "rtc.irq" = "rtc-irq" }
//! notifications = ["rtc-irq", "timer"]
//! task-slots = ["jefe"]
//!
//! [tasks.rtc.config]
//! farthest = 3600
//! ```
//!
//! The on-target suite talks to it.

#![no_std]
#![no_main]

use core::convert::Infallible;

use counters::{count, counters};
use idol_runtime::{ClientError, Leased, LenLimit, NotificationHandler, RequestError, W};
use ringbuf::{counted_ringbuf, ringbuf_entry, ringbuf_entry_root};
use test_sample_rtc_api::{Alarm, NoAlarm, RtcError, Urgency};
use userlib::*;

mod device;

task_slot!(SUPERVISOR, jefe);

#[derive(Copy, Clone, PartialEq, Eq, counters::Count)]
enum Trace {
    #[count(skip)]
    None,
    Reset,
    Set {
        after: u32,
        urgency: Urgency,
    },
    Refused(#[count(children)] RtcError),
    Fired {
        at: u32,
    },
    Gone(TaskId),
}

counted_ringbuf!(Trace, 16, Trace::None);

/// Why the task woke up.
#[derive(Copy, Clone, counters::Count)]
enum Wake {
    Interrupt,
    Timer,
}

counters!(WAKES, Wake);

task_config::task_config! {
    farthest: u32,
}

/// How often the driver looks whether the one who waits is still there, in milliseconds.
const LOOK_INTERVAL: u32 = 50;

/// An alarm, and who waits for it.
struct Waiting {
    client: TaskId,
    notification: u32,
    alarm: Alarm,
}

struct ServerImpl {
    device: device::Device,
    waiting: Option<Waiting>,
    history: [Option<u32>; 4],
}

#[export_name = "main"]
fn main() -> ! {
    // An alarm that an earlier life set must not reach this one.
    let device = device::Device::reset();
    ringbuf_entry_root!(Trace::Reset);
    // The supervisor is there, or the slot is not bound.
    sys_post(SUPERVISOR.get_task_id(), 0);
    let mut server = ServerImpl {
        device,
        waiting: None,
        history: [None; 4],
    };
    sys_irq_control_clear_pending(notifications::RTC_IRQ_MASK, true);
    let mut incoming = [0; idl::INCOMING_SIZE];
    loop {
        idol_runtime::dispatch(&mut incoming, &mut server);
    }
}

impl ServerImpl {
    fn fire(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        let at = waiting.alarm.at;
        ringbuf_entry!(Trace::Fired { at });
        self.history.rotate_right(1);
        self.history[0] = Some(at);
        sys_set_timer(None, notifications::TIMER_MASK);
        if sys_post(waiting.client, waiting.notification) != 0 {
            ringbuf_entry!(Trace::Gone(waiting.client));
        }
    }
}

impl NotificationHandler for ServerImpl {
    fn current_notification_mask(&self) -> u32 {
        notifications::RTC_IRQ_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        if bits.check_condition(notifications::RTC_IRQ_MASK, || self.device.fired()) {
            count!(WAKES, Wake::Interrupt);
            self.device.clear();
            self.fire();
        }
        if bits.check_notification_mask(notifications::RTC_IRQ_MASK) {
            sys_irq_control(notifications::RTC_IRQ_MASK, true);
        }
        if bits.has_timer_fired(notifications::TIMER_MASK) {
            count!(WAKES, Wake::Timer);
            let gone = self
                .waiting
                .as_ref()
                .filter(|waiting| sys_refresh_task_id(waiting.client) != waiting.client)
                .map(|waiting| waiting.client);
            if let Some(client) = gone {
                ringbuf_entry!(Trace::Gone(client));
                self.device.clear();
                self.waiting = None;
            } else if self.waiting.is_some() {
                set_timer_relative(LOOK_INTERVAL, notifications::TIMER_MASK);
            }
        }
    }
}

impl idl::InOrderRtcImpl for ServerImpl {
    fn seconds(&mut self, _msg: &RecvMessage) -> Result<u32, RequestError<Infallible>> {
        Ok(self.device.seconds())
    }

    fn set_alarm(
        &mut self,
        msg: &RecvMessage,
        after: u32,
        notification: u32,
        urgency: Urgency,
    ) -> Result<(), RequestError<RtcError>> {
        if notification == 0 {
            return Err(ClientError::BadMessageContents.fail());
        }
        let refused = if self.waiting.is_some() {
            Some(RtcError::Busy)
        } else if after > TASK_CONFIG.farthest {
            Some(RtcError::TooFar)
        } else {
            None
        };
        if let Some(error) = refused {
            ringbuf_entry!(Trace::Refused(error));
            return Err(error.into());
        }
        ringbuf_entry!(Trace::Set { after, urgency });
        let at = self.device.seconds().wrapping_add(after);
        self.waiting = Some(Waiting {
            client: msg.sender,
            notification,
            alarm: Alarm {
                at,
                urgency: Some(urgency),
            },
        });
        set_timer_relative(LOOK_INTERVAL, notifications::TIMER_MASK);
        self.device.alarm_at(at);
        Ok(())
    }

    fn alarm(&mut self, _msg: &RecvMessage) -> Result<Alarm, RequestError<NoAlarm>> {
        match (&self.waiting, self.history[0]) {
            (Some(waiting), _) => Ok(waiting.alarm),
            (None, Some(at)) => Err(NoAlarm::Fired { at }.into()),
            (None, None) => Err(NoAlarm::Never.into()),
        }
    }

    fn history(
        &mut self,
        _msg: &RecvMessage,
        times: LenLimit<Leased<W, [u32]>, 4>,
    ) -> Result<usize, RequestError<RtcError>> {
        let known = self.history.iter().flatten().count();
        for (index, time) in self.history.iter().flatten().take(times.len()).enumerate() {
            times
                .write_at(index, *time)
                .map_err(|()| RequestError::Fail(ClientError::WentAway))?;
        }
        Ok(known)
    }
}

mod idl {
    use test_sample_rtc_api::{Alarm, NoAlarm, RtcError, Urgency};

    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));
