// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the kernel to the driver and back: notifications become causes to run, plans become system calls, and what clients are to be
//! told becomes replies and posts.

use drv_scmi_api::{Answer, BatchAnswer, DriverState, SMALL_RESPONSE, ScmiError};
use drv_virtio_scmi::{
    Cause, Failure, Handle, Owner, Plan, Reply, SetupError, System, Transport, Unanswered,
};
use idol_runtime::{ClientError, LazyLeased, NotificationHandler, W};
use ringbuf::ringbuf_entry_root;
use userlib::*;
use zerocopy::IntoBytes;

use crate::config::INTERRUPT_SLOTS;
use crate::{Driver, Place, Trace, idl, notifications};

/// The task: the driver, and the device if there is one.
pub struct Server<T> {
    pub(crate) driver: &'static mut Driver,
    pub(crate) device: Option<(T, Place)>,
    /// Why there is nothing to drive, where that is for good.
    pub(crate) verdict: DriverState,
}

impl<T: Transport> Server<T> {
    /// Takes over the device, whatever an earlier life of this task left it doing in the memory that is rebuilt now. What goes wrong is
    /// in the driver's state, and in the trace. `device` may also say why there is none.
    pub fn new(driver: &'static mut Driver, mut device: Result<(T, Place), DriverState>) -> Self {
        let verdict = match &mut device {
            Err(state) => *state,
            Ok((device, place)) => {
                let started = driver.start(place.interrupts, &mut Kernel, device);
                let verdict = started.err().and_then(SetupError::verdict);
                verdict.unwrap_or(DriverState::Ready)
            }
        };
        Self {
            driver,
            device: device.ok(),
            verdict,
        }
    }

    /// Serves until the image ends.
    pub fn serve(&mut self) -> ! {
        // An interrupt of an earlier life says nothing.
        if INTERRUPT_SLOTS != 0 {
            sys_irq_control_clear_pending(notifications::SCMI_IRQ_MASK, true);
        }
        self.run(Cause::Notification {
            interrupt: false,
            timer: true,
        });
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

    /// Runs the driver. Without a device there is nothing to run for, and its interrupt stays masked.
    pub(crate) fn run(&mut self, cause: Cause) {
        let Some((device, _)) = &mut self.device else {
            return;
        };
        let Plan { timer, unmask } = self.driver.run(cause, &mut Kernel, device);
        if unmask {
            sys_irq_control(notifications::SCMI_IRQ_MASK, true);
        }
        if let Some(time) = timer {
            sys_set_timer(Some(time), notifications::TIMER_MASK);
        }
    }
}

impl<T: Transport> NotificationHandler for Server<T> {
    fn current_notification_mask(&self) -> u32 {
        notifications::SCMI_IRQ_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        self.run(Cause::Notification {
            interrupt: bits.check_notification_mask(notifications::SCMI_IRQ_MASK),
            timer: bits.check_notification_mask(notifications::TIMER_MASK),
        });
    }
}

/// The kernel, as far as the driver core needs it.
pub(crate) struct Kernel;

impl System for Kernel {
    fn now(&mut self) -> u64 {
        sys_get_timer().now
    }

    fn ended(&mut self, owner: Owner, _: Handle, result: Result<Reply<'_>, Failure>) {
        let client = TaskId(owner.0);
        // It is still lending both leases.
        let answered = result.map(|reply| answer(&idl::exchange_response(client), &reply));
        let result = match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => return idol_runtime::fault(client, error),
            Err(failure) => Err(failure.into()),
        };
        idl::reply_exchange(client, result);
    }

    fn entry_ended(
        &mut self,
        owner: Owner,
        stride: u32,
        index: u8,
        result: Result<Reply<'_>, Unanswered>,
    ) -> bool {
        let client = TaskId(owner.0);
        // The client is still lending it, and `batch` has seen that it is as long as it must be.
        let lease = idl::batch_answers(client);
        let offset = usize::from(index) * stride as usize;
        let written = match result {
            Ok(reply) => {
                let (source, len) = reply.as_entry(stride as usize);
                // Safety: as in `answer`, with the two words in front.
                unsafe { lease.write_at_raw(offset, source, len) }
            }
            Err(unanswered) => {
                let end = BatchAnswer::unanswered(ScmiError::from(unanswered) as u16);
                let bytes = end.as_bytes();
                // Safety: a slice of ours.
                unsafe { lease.write_at_raw(offset, bytes.as_ptr(), bytes.len()) }
            }
        };
        let is_heard = written.is_ok();
        if !is_heard {
            idol_runtime::fault(client, gone(client));
        }
        is_heard
    }

    fn batch_ended(&mut self, owner: Owner) {
        idl::reply_batch(TaskId(owner.0), Ok(()));
    }

    fn post(&mut self, owner: Owner, bits: u32) -> bool {
        sys_post(TaskId(owner.0), bits) == 0
    }

    fn subscribed(&mut self, owner: Owner, result: Result<(), Failure>) {
        idl::reply_notify(TaskId(owner.0), result.map_err(Into::into));
    }

    fn is_alive(&mut self, owner: Owner) -> bool {
        sys_refresh_task_id(TaskId(owner.0)) == TaskId(owner.0)
    }
}

/// An answer as it travels: with the return values in it if they are small. Others are copied from the device's buffer into
/// the client's lease, once, by the kernel; as much as fits.
pub(crate) fn answer(
    lease: &LazyLeased<W, [u8]>,
    reply: &Reply<'_>,
) -> Result<Answer, ClientError> {
    if reply.len > SMALL_RESPONSE {
        let source = reply.buffer().pointer(Reply::FIRST * 4);
        // Safety: the buffer is a static of this task, `len` is at most what follows its first two words, and the device has finished
        // with it: the core hands out no other. A device that writes all the same changes bytes, and nothing else.
        let copied = unsafe { lease.write_front_raw(source, reply.len) };
        copied.map_err(|()| gone(lease.lender()))?;
    }
    Ok(reply.head())
}

/// A client went away while its memory was being copied, or lent what may not be copied.
pub(crate) fn gone(client: TaskId) -> ClientError {
    ringbuf_entry_root!(Trace::LeaseGone(client));
    ClientError::BadLease
}
