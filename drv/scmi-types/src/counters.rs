// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters: the fourteen of the Linux driver (D19) and those that prove that nothing gets lost.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Declares all counters: what is counted, and where it can be read.
macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident, $count:ident;)*) => {
        /// What happened since the driver started. Each counter wraps at 2^32.
        #[derive(
            Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[repr(C)]
        pub struct Counters {
            $($(#[$doc])* pub $counter: u32,)*
        }

        /// Something that is counted.
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub enum Count {
            $($(#[$doc])* $count,)*
        }

        impl Counters {
            /// Before anything happened.
            pub const ZERO: Self = Self { $($counter: 0,)* };

            /// Counts so many, modulo 2^32.
            pub fn add(&mut self, what: Count, many: u32) {
                let counter = match what {
                    $(Count::$count => &mut self.$counter,)*
                };
                *counter = counter.wrapping_add(many);
            }

            /// Returns every counter with its name, in the order of the fields.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
                [$((stringify!($counter), self.$counter),)*].into_iter()
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
    /// Those of them that were longer than any version of the protocol known here: what was appended is passed on unread.
    notification_longer, NotificationLonger;
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

/// Declares what the driver holds.
macro_rules! pools {
    ($($(#[$doc:meta])* $pool:ident,)*) => {
        /// What the driver holds at the moment; with [`Counters`] it must balance.
        #[derive(
            Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[repr(C)]
        pub struct Pools {
            $($(#[$doc])* pub $pool: u32,)*
        }

        impl Pools {
            /// Returns every number with its name, in the order of the fields.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
                [$((stringify!($pool), self.$pool),)*].into_iter()
            }
        }
    };
}

pools! {
    /// Commands whose outcome is open.
    in_flight,
    /// Command slots in use: half the ring.
    slots,
    /// Command slots that are free.
    slots_free,
    /// Command slots that the device holds although nobody waits for them any more.
    slots_lost,
    /// Command slots of transfers that were given up while the platform still worked on them: taken until its delayed response.
    slots_owed,
    /// Event buffers in use: the whole ring.
    event_buffers,
    /// Event buffers with the device.
    events_at_device,
    /// Event buffers with the driver.
    events_at_driver,
    /// Of the event buffers with the device, those that it will not give back: it returned as many ids that name none. The driver
    /// resets the device when they are an eighth of all.
    events_missing,
}

impl Counters {
    /// Returns `true` if `sent = answered + failed + timed out + in flight` and `posted = at device + at driver`, modulo 2^32.
    pub const fn balance(&self, pools: &Pools) -> bool {
        let ended = self
            .answered
            .wrapping_add(self.failed)
            .wrapping_add(self.timed_out);
        self.sent_ok == ended.wrapping_add(pools.in_flight)
            && pools.event_buffers == pools.events_at_device.wrapping_add(pools.events_at_driver)
    }
}

/// Counters since the driver started, and the pools that they balance with.
///
/// At any moment, modulo 2^32: `sent_ok == answered + failed + timed_out + in_flight` and
/// `event_buffers == events_at_device + events_at_driver`.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ScmiStats {
    /// What happened.
    pub counters: Counters,
    /// What the driver holds.
    pub pools: Pools,
}

impl ScmiStats {
    /// Returns `true` if both equations hold.
    pub const fn balanced(&self) -> bool {
        self.counters.balance(&self.pools)
    }

    /// Returns every counter and every pool with its name, in the order of the fields.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
        self.counters.named().chain(self.pools.named())
    }
}
