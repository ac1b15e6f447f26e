// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Writers and the owner of the input, and whose turn it is.

use drv_uart_api::{UartError, UartStats};
use heapless::Deque;
use hubris_num_tasks::NUM_TASKS;
use idol_runtime::{Leased, NotificationHandler, R, RequestError, W};
use ringbuf::{ringbuf, ringbuf_entry};
use userlib::*;

use crate::device::Pl011;
use crate::{config, idl, notifications};

/// Bytes that are fetched from a writer at once.
const CHUNK: usize = 64;

/// Bytes that are fetched from writers in a millisecond, at most: many times what a line of 115,200 baud takes.
pub const PER_MILLISECOND: usize = 1024;

/// Posted by the timer when a millisecond is over. A manifest names 31 notifications at most, so this bit is nobody else's.
const NEXT_MILLISECOND: u32 = 1 << 31;

#[derive(Copy, Clone, PartialEq)]
enum Trace {
    None,
    Overruns(u32),
    LineErrors(u32),
    WriterDied(TaskId),
}

ringbuf!(Trace, 8, Trace::None);

/// The task: the device, and who waits for it.
pub struct Server {
    uart: Pl011<'static>,
    /// Who waits to have bytes taken; the first is being served. A task waits for one answer at a time, so there is a place for each.
    writers: Deque<Writer, NUM_TASKS>,
    /// When bytes were last fetched.
    millisecond: u64,
    /// How many more bytes may be fetched in that millisecond.
    budget: usize,
}

struct Writer {
    caller: TaskId,
    data: Leased<R, [u8]>,
    /// How many bytes were taken already.
    taken: usize,
}

impl Server {
    /// Nobody waits yet. The device has been set up.
    #[must_use]
    pub fn new(uart: Pl011<'static>) -> Self {
        Self {
            uart,
            writers: Deque::new(),
            millisecond: 0,
            budget: PER_MILLISECOND,
        }
    }

    /// Serves until the image ends.
    pub fn serve(&mut self) -> ! {
        // An interrupt of the driver's former life says nothing any more.
        sys_irq_control_clear_pending(notifications::UART_IRQ_MASK, true);
        notify_owner();
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

    /// Moves bytes until the device, or everybody else, is satisfied.
    fn run(&mut self) {
        let before = self.uart.stats();
        let now = sys_get_timer().now;
        if now != self.millisecond {
            (self.millisecond, self.budget) = (now, PER_MILLISECOND);
        }
        loop {
            let answered = self.take_from_writers();
            self.uart.service();
            // As long as writers wait and the device takes bytes, there is something to do.
            let spent = self.budget == 0;
            if !answered && (self.writers.is_empty() || self.uart.room() == 0 || spent) {
                break;
            }
        }
        if !self.writers.is_empty() && self.budget == 0 {
            sys_set_timer(Some(now.saturating_add(1)), NEXT_MILLISECOND);
        }
        let after = self.uart.stats();
        if after.overruns != before.overruns {
            ringbuf_entry!(Trace::Overruns(after.overruns));
        }
        if after.line_errors != before.line_errors {
            ringbuf_entry!(Trace::LineErrors(after.line_errors));
        }
        if after.received != before.received {
            notify_owner();
        }
    }

    /// Fills the queue from the first writer. Returns whether that one is done, and the next may start.
    fn take_from_writers(&mut self) -> bool {
        let Some(writer) = self.writers.front_mut() else {
            return false;
        };
        let result = loop {
            let left = writer.data.len().saturating_sub(writer.taken);
            let count = left.min(self.uart.room()).min(CHUNK).min(self.budget);
            if left == 0 {
                break Ok(());
            }
            if count == 0 {
                return false;
            }
            let mut chunk = [0; CHUNK];
            let Some(chunk) = chunk.get_mut(..count) else {
                return false;
            };
            if writer
                .data
                .read_range(writer.taken..writer.taken.saturating_add(count), chunk)
                .is_err()
            {
                break Err(());
            }
            self.uart.queue(chunk);
            self.budget = self.budget.saturating_sub(count);
            writer.taken = writer.taken.saturating_add(count);
        };
        let caller = writer.caller;
        self.writers.pop_front();
        match result {
            Ok(()) => idl::reply_write(caller, Ok(())),
            Err(()) => ringbuf_entry!(Trace::WriterDied(caller)),
        }
        true
    }
}

fn notify_owner() {
    // A dead owner is told again by its own start: it reads before it waits.
    sys_post(
        sys_refresh_task_id(TaskId::for_index(config::OWNER)),
        config::OWNER_NOTIFICATION,
    );
}

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        notifications::UART_IRQ_MASK | NEXT_MILLISECOND
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        // Anyone may post these bits. That is harmless: what there is to do is seen in the device, the queues and the clock.
        self.run();
        if bits.check_notification_mask(notifications::UART_IRQ_MASK) {
            sys_irq_control(notifications::UART_IRQ_MASK, true);
        }
    }
}

impl idl::DeferredUartImpl for Server {
    fn write(
        &mut self,
        message: &RecvMessage,
        data: Leased<R, [u8]>,
    ) -> Result<Option<()>, RequestError<UartError>> {
        // Those of a task that died and came back have gone stale; only the live ones count against the room.
        let writer = Writer {
            caller: message.sender,
            data,
            taken: 0,
        };
        if let Err(writer) = self.writers.push_back(writer) {
            self.drop_stale_writers();
            // Now there is room: of each task, at most the present life waits.
            let _ = self.writers.push_back(writer);
        }
        self.run();
        Ok(None)
    }

    fn read(
        &mut self,
        message: &RecvMessage,
        data: Leased<W, [u8]>,
    ) -> Result<Option<u32>, RequestError<UartError>> {
        if message.sender.index() != config::OWNER {
            return Err(UartError::NotOwner.into());
        }
        let mut given = 0;
        while self.uart.has_input() && given < data.len() {
            let input = self.uart.input();
            let count = input.len().min(data.len() - given);
            let Some(chunk) = input.get(..count) else {
                break;
            };
            data.write_range(given..given + count, chunk)
                .map_err(|()| RequestError::went_away())?;
            self.uart.take(count);
            given += count;
        }
        // There is room again for what the device may hold.
        self.run();
        Ok(Some(given as u32))
    }

    fn stats(
        &mut self,
        _: &RecvMessage,
    ) -> Result<Option<UartStats>, RequestError<core::convert::Infallible>> {
        Ok(Some(self.uart.stats()))
    }
}

impl Server {
    /// Forgets writers whose life is over.
    fn drop_stale_writers(&mut self) {
        for _ in 0..self.writers.len() {
            if let Some(writer) = self.writers.pop_front()
                && sys_refresh_task_id(writer.caller) == writer.caller
            {
                let _ = self.writers.push_back(writer);
            }
        }
    }
}
