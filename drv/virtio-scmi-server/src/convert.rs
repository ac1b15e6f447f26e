// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the channel core's terms to those of the interface.

use drv_scmi_api::{Event, EventKind, PAYLOAD_MAX, Response, ScmiError, ScmiStats};
use drv_virtio_scmi::{Counters, Failure, Fetched, Pools, Refusal, Reply};

/// `usable`: there is a device, or there could be one; otherwise its state is for good.
pub fn refusal(refusal: Refusal, device_found: bool) -> ScmiError {
    match refusal {
        Refusal::NoDevice if device_found => ScmiError::DeviceUnusable,
        Refusal::NoDevice => ScmiError::NoDevice,
        Refusal::Recovering => ScmiError::Recovering,
        Refusal::PlatformUnavailable => ScmiError::PlatformUnavailable,
        Refusal::Busy => ScmiError::Busy,
        Refusal::SlotQuota => ScmiError::SlotQuota,
        Refusal::SlotsLost => ScmiError::SlotsLost,
        Refusal::NotAClient => ScmiError::NotAClient,
        Refusal::ProtocolNotAllowed => ScmiError::ProtocolNotAllowed,
        Refusal::MessageNotAllowed => ScmiError::MessageNotAllowed,
        Refusal::ReservedMessage => ScmiError::ReservedMessage,
        Refusal::DomainNotAllowed => ScmiError::DomainNotAllowed,
        Refusal::InvalidArgument => ScmiError::InvalidArgument,
        Refusal::RequestTooLong => ScmiError::RequestTooLong,
        Refusal::BadHandle => ScmiError::BadHandle,
        Refusal::EventsUnavailable => ScmiError::EventsUnavailable,
        Refusal::UnknownEvent => ScmiError::UnknownEvent,
        Refusal::SubscriptionQuota => ScmiError::SubscriptionQuota,
        Refusal::NotSubscribed => ScmiError::NotSubscribed,
    }
}

pub fn failure(failure: Failure) -> ScmiError {
    match failure {
        Failure::DeviceReset => ScmiError::DeviceReset,
        Failure::TimedOut => ScmiError::TimedOut,
        Failure::DelayedTimedOut => ScmiError::DelayedTimedOut,
        Failure::ShortReply => ScmiError::ShortReply,
        Failure::WrongReply => ScmiError::WrongReply,
        Failure::EventNotSupported => ScmiError::EventNotSupported,
        Failure::UnknownSource => ScmiError::UnknownSource,
        Failure::EventRefused => ScmiError::EventRefused,
    }
}

pub fn response(reply: &Reply<'_>) -> Response {
    Response {
        status: reply.status,
        len: reply.len.min(PAYLOAD_MAX) as u32,
    }
}

pub fn event(fetched: &Fetched<'_>) -> Event {
    use drv_virtio_scmi::EventKind as Kind;
    Event {
        time_ms: fetched.time,
        lost: fetched.lost,
        len: fetched.payload.len() as u32,
        kind: match fetched.kind {
            Kind::Event => EventKind::Event,
            Kind::Resynchronise => EventKind::Resynchronise,
            Kind::Ended => EventKind::Ended,
        } as u8,
        protocol: fetched.protocol,
        event: fetched.event,
        more: u8::from(fetched.more),
        generation: fetched.generation,
    }
}

pub fn stats(counters: &Counters, pools: &Pools) -> ScmiStats {
    ScmiStats {
        sent_ok: counters.sent_ok,
        sent_fail: counters.sent_fail,
        sent_fail_polling_unsupported: counters.sent_fail_polling_unsupported,
        sent_fail_channel_not_found: counters.sent_fail_channel_not_found,
        response_ok: counters.response_ok,
        notification_ok: counters.notification_ok,
        delayed_response_ok: counters.delayed_response_ok,
        xfers_response_timeout: counters.xfers_response_timeout,
        xfers_response_polled_timeout: counters.xfers_response_polled_timeout,
        response_polled_ok: counters.response_polled_ok,
        err_msg_unexpected: counters.err_msg_unexpected,
        err_msg_invalid: counters.err_msg_invalid,
        err_msg_nomem: counters.err_msg_nomem,
        err_protocol: counters.err_protocol,
        answered: counters.answered,
        failed: counters.failed,
        timed_out: counters.timed_out,
        in_flight: pools.in_flight,
        slots_free: pools.slots_free,
        slots_lost: pools.slots_lost,
        slots_owed: pools.slots_owed,
        event_buffers: pools.event_buffers,
        events_at_device: pools.events_at_device,
        events_at_driver: pools.events_at_driver,
        events_missing: pools.events_missing,
        events_unclaimed: counters.events_unclaimed,
        refused: counters.refused,
        clamped: counters.clamped,
        interrupts: counters.interrupts,
        kicks: counters.kicks,
        recoveries: counters.recoveries,
        recoveries_failed: counters.recoveries_failed,
    }
}
