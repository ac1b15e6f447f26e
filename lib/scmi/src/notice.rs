// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any notification: told apart by the two numbers of its header, and shown to people.

use core::fmt;

use crate::wire::{Malformed, Notification, Page, Parse as _};
use crate::{base, clock, perf, power, powercap, protocol, reset, sensor, system};

/// Declares the enum of all notifications, and how each is told apart.
macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident: $marker:ty;)*) => {
        /// A notification of any protocol.
        #[derive(Clone, Copy, Debug)]
        pub enum Notice<'a> {
            $($(#[$doc])* $name(<$marker as Notification>::Payload<'a>),)*
            /// A notification that this crate does not know.
            Unknown {
                /// The protocol's number.
                protocol: u8,
                /// The notification's number.
                event: u8,
                /// What it carries.
                payload: &'a [u8],
            },
        }

        impl<'a> Notice<'a> {
            /// Reads a notification, given the two numbers of its header and what follows.
            pub fn parse(protocol: u8, event: u8, payload: &'a [u8]) -> Result<Self, Malformed> {
                $(
                    if protocol == <$marker>::PROTOCOL.id() && event == <$marker>::EVENT {
                        return Ok(Self::$name(<$marker as Notification>::Payload::parse(payload)?));
                    }
                )*
                Ok(Self::Unknown { protocol, event, payload })
            }
        }

        impl fmt::Display for Notice<'_> {
            fmt_body!($($name)*);
        }
    };
}

/// The body of `Display`, apart because the lists need their own words.
macro_rules! fmt_body {
    ($($name:ident)*) => {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                $(Self::$name(payload) => payload.fmt(f),)*
                Self::Unknown { protocol, event, payload } => {
                    match protocol::Protocol::from_id(*protocol) {
                        Some(known) => write!(f, "{known}")?,
                        None => write!(f, "protocol {protocol:#04x}")?,
                    }
                    write!(f, " notification {event:#04x} of {} bytes", payload.len())
                }
            }
        }
    };
}

notices! {
    /// BASE_ERROR_EVENT.
    BaseError: base::ErrorEvent;
    /// POWER_STATE_CHANGED.
    PowerStateChanged: power::StateChanged;
    /// POWER_STATE_CHANGE_REQUESTED.
    PowerStateChangeRequested: power::StateChangeRequested;
    /// SYSTEM_POWER_STATE_NOTIFIER.
    SystemPowerState: system::StateNotifier;
    /// PERFORMANCE_LIMITS_CHANGED.
    PerfLimitsChanged: perf::LimitsChanged;
    /// PERFORMANCE_LEVEL_CHANGED.
    PerfLevelChanged: perf::LevelChanged;
    /// CLOCK_RATE_CHANGED.
    ClockRateChanged: clock::RateChanged;
    /// CLOCK_RATE_CHANGE_REQUESTED.
    ClockRateChangeRequested: clock::RateChangeRequested;
    /// SENSOR_TRIP_POINT_EVENT.
    SensorTripPoint: sensor::TripPointEvent;
    /// SENSOR_UPDATE.
    SensorUpdate: sensor::Update;
    /// RESET_ISSUED.
    ResetIssued: reset::ResetIssued;
    /// POWERCAP_CAP_CHANGED.
    PowercapCapChanged: powercap::CapChanged;
    /// POWERCAP_MEASUREMENTS_CHANGED.
    PowercapMeasurementsChanged: powercap::MeasurementsChanged;
}

impl fmt::Display for Page<'_, base::ErrorEvent, base::ErrorReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)?;
        for report in self {
            write!(f, "; {report}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EVENTS;
    use crate::limits::MAX_PAYLOAD;

    #[test]
    fn every_event_of_the_table_is_known_and_has_its_length() {
        for event in EVENTS {
            let payload = vec![0; event.min_len];
            let parsed = Notice::parse(event.protocol.id(), event.id, &payload).unwrap();
            assert!(!matches!(parsed, Notice::Unknown { .. }), "{}", event.name);
            let short = payload.get(..event.min_len - 1).unwrap();
            let known_short = Notice::parse(event.protocol.id(), event.id, short);
            // An update without a whole reading is a list of none.
            assert!(
                known_short.is_err() || event.name == "SENSOR_UPDATE",
                "{}",
                event.name
            );
        }
    }

    #[test]
    fn a_longer_notification_is_read_by_its_beginning() {
        for event in EVENTS.iter().filter(|event| event.max_len < MAX_PAYLOAD) {
            let shown = |payload: &[u8]| {
                let notice = Notice::parse(event.protocol.id(), event.id, payload);
                notice.expect(event.name).to_string()
            };
            let known = vec![0; event.max_len];
            // Less than an entry, where the notification is a list.
            let mut longer = known.clone();
            longer.extend([0xff; 8]);
            assert_eq!(shown(&longer), shown(&known), "{}", event.name);
        }
    }

    #[test]
    fn shown_for_people() {
        let shown = |protocol, event, payload: &[u8]| {
            Notice::parse(protocol, event, payload).unwrap().to_string()
        };
        assert_eq!(
            shown(0x11, 0, &[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x40]),
            "power domain 2 is off by agent 1"
        );
        // The limit is a graceful shutdown's alone: of flags and state, these.
        for (flags, state, text) in [
            (1, 0, "shutdown gracefully within 1 s"),
            (0, 0, "shutdown at once"),
            (1, 4, "suspend gracefully"),
            (1, 3, "power-up gracefully"),
        ] {
            assert_eq!(
                shown(
                    0x12,
                    0,
                    &[1, 0, 0, 0, flags, 0, 0, 0, state, 0, 0, 0, 0xe8, 3, 0, 0]
                ),
                format!("agent 1 wants the system to go to {text}")
            );
        }
        assert_eq!(
            shown(0x15, 0, &[0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 1, 0]),
            "sensor 3 rose through trip point 1"
        );
        assert_eq!(
            shown(0x17, 5, &[0; 3]),
            "voltage notification 0x05 of 3 bytes"
        );
        assert_eq!(
            shown(0x80, 5, &[]),
            "protocol 0x80 notification 0x05 of 0 bytes"
        );
        assert_eq!(
            shown(
                0x10,
                0,
                &[
                    2, 0, 0, 0, 1, 0, 0, 0, 4, 0x44, 0, 0, 0xfd, 0xff, 0xff, 0xff
                ]
            ),
            "error of agent 2, 1 command(s) to blame; power POWER_STATE_SET command, token 0: this agent has no permission (DENIED)"
        );
    }
}
