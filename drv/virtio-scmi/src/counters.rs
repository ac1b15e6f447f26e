// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters: the fourteen of the Linux driver (D19) and those that prove that nothing gets lost.

/// What happened since the driver started. Each wraps at 2^32.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Commands given to the device.
    pub sent_ok: u32,
    /// Commands refused.
    pub sent_fail: u32,
    /// Polled transfers asked for where they cannot be.
    pub sent_fail_polling_unsupported: u32,
    /// Commands refused because there was no device to send to.
    pub sent_fail_channel_not_found: u32,
    /// Replies that came to a waiting command while the driver served an interrupt or a timer.
    pub response_ok: u32,
    /// Events received and understood.
    pub notification_ok: u32,
    /// Delayed responses that came to their transfer.
    pub delayed_response_ok: u32,
    /// Transfers whose deadline passed, polled ones not counted.
    pub xfers_response_timeout: u32,
    /// Polled transfers whose deadline passed.
    pub xfers_response_polled_timeout: u32,
    /// Replies that came to a waiting command that its client polls.
    pub response_polled_ok: u32,
    /// Messages nobody waited for: late, duplicate, of an unknown token, not matching their command.
    pub err_msg_unexpected: u32,
    /// Messages that are no answer and no event: too short, too long, of an undefined type.
    pub err_msg_invalid: u32,
    /// Events dropped for lack of room, with their subscriber or for themselves.
    pub err_msg_nomem: u32,
    /// Violations of the ring protocol by the device.
    pub err_protocol: u32,
    /// Commands whose answer reached its transfer.
    pub answered: u32,
    /// Commands that ended neither with an answer nor by a deadline.
    pub failed: u32,
    /// Commands that ended by a deadline.
    pub timed_out: u32,
    /// Events that nobody had subscribed to.
    pub events_unclaimed: u32,
    /// Requests that the table of clients does not allow.
    pub refused: u32,
    /// Messages that claimed to be longer than their buffer.
    pub clamped: u32,
    /// Interrupts taken.
    pub interrupts: u32,
    /// Notify writes made.
    pub kicks: u32,
    /// Recoveries begun.
    pub recoveries: u32,
    /// Attempts of recovery that failed.
    pub recoveries_failed: u32,
}

/// What the channel holds at the moment; with [`Counters`] it must balance.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Pools {
    /// Commands whose outcome is open.
    pub in_flight: u32,
    /// Slots in use: half the ring.
    pub slots: u32,
    /// Slots that are free.
    pub slots_free: u32,
    /// Slots that the device has although nobody waits for them.
    pub slots_lost: u32,
    /// Event buffers in use: the whole ring.
    pub event_buffers: u32,
    /// Event buffers with the device.
    pub events_at_device: u32,
    /// Event buffers with the driver.
    pub events_at_driver: u32,
    /// Of the event buffers with the device, those that will not come back: it returned as many ids that name no buffer.
    pub events_missing: u32,
    /// Transfers that are over, and of which the platform still owes the delayed response.
    pub slots_owed: u32,
}

/// Adds one, modulo 2^32.
pub(crate) fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

impl Counters {
    /// Before anything happened.
    pub const ZERO: Self = Self {
        sent_ok: 0,
        sent_fail: 0,
        sent_fail_polling_unsupported: 0,
        sent_fail_channel_not_found: 0,
        response_ok: 0,
        notification_ok: 0,
        delayed_response_ok: 0,
        xfers_response_timeout: 0,
        xfers_response_polled_timeout: 0,
        response_polled_ok: 0,
        err_msg_unexpected: 0,
        err_msg_invalid: 0,
        err_msg_nomem: 0,
        err_protocol: 0,
        answered: 0,
        failed: 0,
        timed_out: 0,
        events_unclaimed: 0,
        refused: 0,
        clamped: 0,
        interrupts: 0,
        kicks: 0,
        recoveries: 0,
        recoveries_failed: 0,
    };

    /// `sent = answered + failed + timed out + in flight` and `posted = at device + at driver`, modulo 2^32.
    pub fn balance(&self, pools: &Pools) -> bool {
        let ended = self
            .answered
            .wrapping_add(self.failed)
            .wrapping_add(self.timed_out);
        self.sent_ok == ended.wrapping_add(pools.in_flight)
            && pools.event_buffers == pools.events_at_device.wrapping_add(pools.events_at_driver)
    }
}
