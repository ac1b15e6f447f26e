// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters: the fourteen of the Linux driver (D19) and those that prove that nothing gets lost.

/// Declares all counters: what is counted, and where it can be read.
macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident, $count:ident;)*) => {
        /// What happened since the driver started. Each wraps at 2^32.
        #[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
        pub struct Counters {
            $($(#[$doc])* pub $counter: u32,)*
        }

        /// Something that is counted.
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub(crate) enum Count {
            $($count,)*
        }

        impl Counters {
            /// Before anything happened.
            pub const ZERO: Self = Self { $($counter: 0,)* };

            /// Counts so many, modulo 2^32.
            pub(crate) fn add(&mut self, what: Count, many: u32) {
                let counter = match what {
                    $(Count::$count => &mut self.$counter,)*
                };
                *counter = counter.wrapping_add(many);
            }
        }
    };
}

counters! {
    /// Commands given to the device.
    sent_ok, SentOk;
    /// Commands refused.
    sent_fail, SentFail;
    /// Polled transfers asked for where they cannot be.
    sent_fail_polling_unsupported, SentFailPollingUnsupported;
    /// Commands refused because there was no device to send to.
    sent_fail_channel_not_found, SentFailChannelNotFound;
    /// Replies that came to a waiting command while the driver served an interrupt or a timer.
    response_ok, ResponseOk;
    /// Events received and understood.
    notification_ok, NotificationOk;
    /// Delayed responses that came to their transfer.
    delayed_response_ok, DelayedResponseOk;
    /// Transfers whose deadline passed, polled ones not counted.
    xfers_response_timeout, XfersResponseTimeout;
    /// Polled transfers whose deadline passed.
    xfers_response_polled_timeout, XfersResponsePolledTimeout;
    /// Replies that came to a waiting command that its client polls.
    response_polled_ok, ResponsePolledOk;
    /// Messages nobody waited for: late, duplicate, of an unknown token, not matching their command.
    err_msg_unexpected, ErrMsgUnexpected;
    /// Messages that are no answer and no event: too short, too long, of an undefined type.
    err_msg_invalid, ErrMsgInvalid;
    /// Events dropped for lack of room, with their subscriber or for themselves.
    err_msg_nomem, ErrMsgNomem;
    /// Violations of the ring protocol by the device.
    err_protocol, ErrProtocol;
    /// Commands whose answer reached its transfer.
    answered, Answered;
    /// Commands that ended neither with an answer nor by a deadline.
    failed, Failed;
    /// Commands that ended by a deadline.
    timed_out, TimedOut;
    /// Events that nobody had subscribed to.
    events_unclaimed, EventsUnclaimed;
    /// Requests that the table of clients does not allow.
    refused, Refused;
    /// Messages that claimed to be longer than their buffer.
    clamped, Clamped;
    /// Interrupts taken.
    interrupts, Interrupts;
    /// Notify writes made.
    kicks, Kicks;
    /// Recoveries begun.
    recoveries, Recoveries;
    /// Attempts of recovery that failed.
    recoveries_failed, RecoveriesFailed;
}

/// What the driver holds at the moment; with [`Counters`] it must balance.
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

impl Counters {
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
