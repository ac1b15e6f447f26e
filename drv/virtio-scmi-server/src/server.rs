// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The server's loop: turns of the channel core, and whom to tell what.

use drv_scmi_api::{Answer, DriverState, SMALL_RESPONSE};
use drv_virtio_scmi::{After, Alarms, Clock, Failure, Output, Owner, Pacing, Reply, SetupError};
use idol_runtime::{ClientError, LazyLeased, NotificationHandler, W};
use ringbuf::ringbuf_entry_root;
use userlib::*;
use virtio_mmio::Interrupts;

use crate::config::INTERRUPT_SLOTS;
use crate::device::{Device, Place};
use crate::{DriverChannel, Trace, convert, idl, notifications};

/// How often a turn is repeated because something came in its last moment, before others get theirs.
const TURNS: u8 = 4;

/// The kernel's clock, read when it is first needed and not again: for as long as a message or a turn takes.
#[derive(Default)]
pub struct KernelClock(Option<u64>);

impl Clock for KernelClock {
    // Not on the path of ordinary commands.
    #[inline(never)]
    fn now(&mut self) -> u64 {
        match self.0 {
            Some(now) => now,
            None => {
                let now = sys_get_timer().now;
                self.0 = Some(now);
                now
            }
        }
    }
}

/// The kernel's timer and interrupt of this task.
struct KernelAlarms;

impl Alarms for KernelAlarms {
    fn set_timer(&mut self, time: u64) {
        sys_set_timer(Some(time), notifications::TIMER_MASK);
    }

    fn unmask(&mut self) {
        sys_irq_control(notifications::SCMI_IRQ_MASK, true);
    }
}

/// The lease of `exchange` that takes the answer.
const EXCHANGE_RESPONSE: usize = 1;

pub struct Server {
    pub channel: &'static mut DriverChannel,
    pub device: Option<Device>,
    pub place: Option<Place>,
    /// When the device may interrupt, and when the timer fires.
    pub pacing: Pacing,
    /// Why there is nothing to drive, where that is for good.
    pub verdict: DriverState,
}

/// What a first start says about the device for good; `Ready` when it says nothing.
pub fn state_of(started: Result<(), SetupError>) -> DriverState {
    match started {
        Err(SetupError::MissingFeatures(bits)) if bits & drv_virtio_scmi::VERSION_1 != 0 => {
            DriverState::MissingVersion1
        }
        Err(error) if !error.may_pass() => DriverState::SetupFailed,
        _ => DriverState::Ready,
    }
}

impl Server {
    pub fn new(
        channel: &'static mut DriverChannel,
        device: Option<(Device, Place)>,
        verdict: DriverState,
    ) -> Self {
        let (device, place) = device.unzip();
        let by_timer = place.is_some_and(|place| !place.interrupts);
        Self {
            channel,
            device,
            place,
            pacing: Pacing::new(by_timer),
            verdict,
        }
    }

    pub fn run(&mut self) -> ! {
        // An interrupt of an earlier life says nothing.
        if INTERRUPT_SLOTS != 0 {
            sys_irq_control_clear_pending(notifications::SCMI_IRQ_MASK, true);
        }
        // What came between posting the event buffers and now is looked at once (W5).
        self.turn(true);
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

    /// Deals with what the device has done and, if `timed`, with what time demands.
    pub fn turn(&mut self, timed: bool) {
        let Some(device) = &mut self.device else {
            return;
        };
        for _ in 0..TURNS {
            let mut clock = KernelClock::default();
            let time = if timed || self.channel.in_trouble() {
                let now = clock.now();
                self.channel.maintain(device, now);
                Some(now)
            } else {
                None
            };
            self.channel.begin_turn(time);
            while let Some(output) = self.channel.next(&mut clock) {
                tell(self.channel, output, &mut clock);
            }
            self.channel.kick_after_turn(device);
            match self.channel.end_turn() {
                After::Sleep => return self.rest(),
                After::Again => {}
                After::Yield => break,
            }
        }
        ringbuf_entry_root!(Trace::Flood);
        self.pacing
            .pause(&mut KernelClock::default(), &mut KernelAlarms);
    }

    #[inline]
    fn rest(&mut self) {
        let clock = &mut KernelClock::default();
        self.pacing.rest(self.channel, clock, &mut KernelAlarms);
    }

    /// Tells the device that its interrupt was seen, so that whatever comes from here on interrupts again: before the rings are looked at.
    fn acknowledge(&mut self) -> Interrupts {
        let Some(device) = &mut self.device else {
            return Interrupts::empty();
        };
        let interrupts = device.take_interrupts();
        if interrupts.contains(Interrupts::CONFIGURATION) {
            self.channel.check_device(device);
        }
        interrupts
    }

    /// Deals with what is in the rings now, interrupt or not.
    pub fn look(&mut self) {
        if self.pacing.is_masked() {
            self.acknowledge();
        }
        self.turn(false);
    }

    /// After an operation that gave the device or the channel something to do.
    #[inline(never)]
    pub fn after(&mut self) {
        if let Some(device) = &mut self.device {
            self.channel.kick(device);
        }
        if self.channel.wants_turn() {
            self.turn(false);
        } else {
            self.rest();
        }
    }

    /// Frees what clients hold that are gone. Costs a system call for each client.
    #[cold]
    pub fn sweep(&mut self) {
        let now = KernelClock::default().now();
        let mut number = 0;
        while let Some(owner) = self.channel.client_owner(number) {
            number += 1;
            let task = TaskId(owner.0);
            if owner != Owner::NOBODY && sys_refresh_task_id(task) != task {
                self.channel.client_gone(owner, now);
            }
        }
    }
}

/// Does what the channel core asks for.
#[inline]
fn tell(channel: &mut DriverChannel, output: Output<'_>, clock: &mut KernelClock) {
    match output {
        Output::Ended {
            owner,
            slot,
            result,
            ..
        } => {
            exchanged(TaskId(owner.0), result);
            channel.finish(slot);
        }
        Output::Post { owner, bits } => {
            if sys_post(TaskId(owner.0), bits) != 0 {
                channel.client_gone(owner, clock.now());
            }
        }
        Output::Subscribed { owner, result } => {
            idl::reply_notify(TaskId(owner.0), result.map_err(convert::failure));
        }
    }
}

/// Answers `exchange`.
fn exchanged(client: TaskId, result: Result<Reply<'_>, Failure>) {
    let result = match result {
        Ok(reply) => {
            // The client has two leases, or its message would not have been accepted, and it is still lending them.
            let lease = LazyLeased::<W, [u8]>::new(client, EXCHANGE_RESPONSE);
            match answer(&lease, &reply) {
                Ok(answer) => Ok(answer),
                Err(error) => return idol_runtime::fault(client, error),
            }
        }
        Err(failure) => Err(convert::failure(failure)),
    };
    idl::reply_exchange(client, result);
}

/// An answer as it travels: with the return values in it if they are small. Others are copied from the device's buffer into
/// the client's lease, once, by the kernel; as much as fits.
#[inline]
pub fn answer(lease: &LazyLeased<W, [u8]>, reply: &Reply<'_>) -> Result<Answer, ClientError> {
    if reply.len > SMALL_RESPONSE {
        give(lease, reply)?;
    }
    Ok(Answer {
        response: convert::response(reply),
        values: reply.first_words(),
    })
}

#[inline(never)]
fn give(lease: &LazyLeased<W, [u8]>, reply: &Reply<'_>) -> Result<(), ClientError> {
    let source = reply.buffer().pointer(Reply::FIRST * 4);
    // Safety: the buffer is a static of this task, `len` is at most what follows its first two words, and the device has finished
    // with it: the core hands out no other. A device that writes all the same changes bytes, and nothing else.
    match unsafe { lease.write_front_raw(source, reply.len) } {
        Ok(_) => Ok(()),
        Err(()) => {
            ringbuf_entry_root!(Trace::LeaseGone(lease.lender()));
            Err(ClientError::BadLease)
        }
    }
}

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        notifications::SCMI_IRQ_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        // Any task may post. Without a device there is nothing to look at, and its interrupt stays masked.
        if self.device.is_none() {
            return;
        }
        let timed = bits.check_notification_mask(notifications::TIMER_MASK);
        let interrupted = bits.check_notification_mask(notifications::SCMI_IRQ_MASK);
        let mut clock = KernelClock::default();
        if timed {
            self.pacing.timer_fired(self.channel, &mut clock);
        }
        if interrupted || self.pacing.is_by_timer() || self.pacing.is_masked() {
            let interrupts = self.acknowledge();
            if interrupted {
                if interrupts.is_empty() {
                    ringbuf_entry_root!(Trace::Spurious);
                }
                if self.pacing.interrupted(self.channel, &mut clock) {
                    ringbuf_entry_root!(Trace::HeldOff);
                }
            }
        }
        self.turn(timed);
        self.pacing
            .stand_in(self.channel, &mut KernelClock::default(), &mut KernelAlarms);
    }
}
