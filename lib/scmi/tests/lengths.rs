// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Numbers and lengths of every message, against the table that was made from public sources before this code.
//!
//! Lengths are those of the payload: of requests without the header, of replies without the header but with the status.

use scmi::Protocol;
use scmi::wire::{Command, Delayable, Message, Notification};

const STATUS: usize = 4;

fn request<C: Command + Message>(protocol: u8, message: u8, len: usize) {
    assert_eq!(C::PROTOCOL.id(), protocol, "{}", C::NAME);
    assert_eq!(C::MESSAGE, message, "{}", C::NAME);
    assert_eq!((C::MIN_LEN, C::MAX_LEN), (len, len), "request {}", C::NAME);
    assert!(C::PROTOCOL.message_name(message).is_some());
}

macro_rules! table {
    ($protocol:literal $module:ident: $($id:literal $command:ident $request:literal/$reply:literal $answer:ty;)*) => {$(
        request::<scmi::$module::$command>($protocol, $id, $request);
        assert_eq!(<$answer as Message>::MAX_LEN + STATUS, $reply, "reply to {}", stringify!($command));
    )*};
}

macro_rules! common {
    ($($module:ident $protocol:literal $attributes:literal;)*) => {$(
        table! {
            $protocol $module:
            0x0 Version 0/8 scmi::common::VersionReply;
            0x1 Attributes 0/$attributes scmi::$module::ProtocolInfo;
            0x2 MessageAttributes 4/8 scmi::common::MessageInfo;
            0x10 NegotiateVersion 4/4 ();
        }
    )*};
}

#[test]
fn common_messages() {
    common! {
        base 0x10 8; power 0x11 20; system 0x12 8; perf 0x13 20; clock 0x14 8; sensor 0x15 20; reset 0x16 8;
        voltage 0x17 8; powercap 0x18 8; pinctrl 0x19 12;
    }
}

#[test]
fn base() {
    use scmi::base::*;
    table! {
        0x10 base:
        0x3 DiscoverVendor 0/20 VendorReply;
        0x4 DiscoverSubVendor 0/20 VendorReply;
        0x5 DiscoverImplementationVersion 0/8 ImplementationVersionReply;
        0x7 DiscoverAgent 4/24 AgentReply;
        0x8 NotifyErrors 4/4 ();
        0x9 SetDevicePermissions 12/4 ();
        0xa SetProtocolPermissions 16/4 ();
        0xb ResetAgentConfiguration 8/4 ();
    }
    request::<DiscoverListProtocols>(0x10, 0x6, 4);
    assert_eq!(AgentReply::MIN_LEN + STATUS, 20);
}

#[test]
fn power() {
    use scmi::power::*;
    table! {
        0x11 power:
        0x3 DomainAttributes 4/24 DomainInfo;
        0x4 StateSet 12/4 ();
        0x5 StateGet 4/8 StateGetReply;
        0x6 StateNotify 8/4 ();
        0x7 ChangeRequestedNotify 8/4 ();
        0x8 DomainNameGet 4/72 scmi::common::NameReply;
    }
}

#[test]
fn system() {
    use scmi::system::*;
    table! {
        0x12 system:
        0x3 StateSet 8/4 ();
        0x4 StateGet 0/8 StateGetReply;
        0x5 StateNotify 4/4 ();
    }
}

#[test]
fn perf() {
    use scmi::perf::*;
    table! {
        0x13 perf:
        0x3 DomainAttributes 4/36 DomainInfo;
        0x4 DescribeLevels 8/8 LevelsHead;
        0x4 DescribeLevelsV4 8/8 LevelsHead;
        0x5 LimitsSet 12/4 ();
        0x6 LimitsGet 4/12 LimitsGetReply;
        0x7 LevelSet 8/4 ();
        0x8 LevelGet 4/8 LevelGetReply;
        0x9 NotifyLimits 8/4 ();
        0xa NotifyLevel 8/4 ();
        0xb DescribeFastchannel 8/48 Fastchannel;
        0xc DomainNameGet 4/72 scmi::common::NameReply;
    }
    assert_eq!((Level::MAX_LEN, LevelV4::MAX_LEN), (12, 20));
}

#[test]
fn clock() {
    use scmi::clock::*;
    table! {
        0x14 clock:
        0x3 ClockAttributes 4/28 ClockInfo;
        0x4 DescribeRates 8/8 RatesHead;
        0x5 RateSet 16/4 ();
        0x6 RateGet 4/12 Rate;
        0x7 ConfigSet 12/4 ();
        0x7 ConfigSetV1 8/4 ();
        0x8 NameGet 4/72 scmi::common::NameReply;
        0x9 RateNotify 8/4 ();
        0xa RateChangeRequestedNotify 8/4 ();
        0xb ConfigGet 8/16 ConfigGetReply;
        0xc PossibleParentsGet 8/8 ParentsHead;
        0xd ParentSet 8/4 ();
        0xe ParentGet 4/8 Parent;
        0xf GetPermissions 4/8 Permissions;
    }
    assert_eq!(ClockInfo::MIN_LEN + STATUS, 24);
    assert_eq!((Rate::MAX_LEN, Parent::MAX_LEN), (8, 4));
}

#[test]
fn sensor() {
    use scmi::sensor::descriptor::*;
    use scmi::sensor::*;
    table! {
        0x15 sensor:
        0x3 DescriptionGet 4/8 SensorsHead;
        0x4 TripPointNotify 8/4 ();
        0x5 TripPointConfig 16/4 ();
        0x6 ReadingGet 8/4 ReadingsHead;
        0x6 ReadingGetV1 8/12 ReadingV1;
        0x7 AxisDescriptionGet 8/8 AxesHead;
        0x8 ListUpdateIntervals 8/8 IntervalsHead;
        0x9 ConfigGet 4/8 ConfigGetReply;
        0xa ConfigSet 8/4 ();
        0xb ContinuousUpdateNotify 8/4 ();
        0xc NameGet 4/72 scmi::common::NameReply;
        0xd AxisNameGet 8/8 AxesHead;
    }
    assert_eq!(
        (SensorDescriptor::MIN_LEN, SensorDescriptor::MAX_LEN),
        (28, 52)
    );
    assert_eq!((AxisDescriptor::MIN_LEN, AxisDescriptor::MAX_LEN), (28, 48));
    assert_eq!(
        (Reading::MAX_LEN, Interval::MAX_LEN, AxisName::MAX_LEN),
        (16, 4, 68)
    );
}

#[test]
fn reset() {
    use scmi::reset::*;
    table! {
        0x16 reset:
        0x3 DomainAttributes 4/28 DomainInfo;
        0x4 Reset 12/4 ();
        0x5 Notify 8/4 ();
        0x6 DomainNameGet 4/72 scmi::common::NameReply;
    }
}

#[test]
fn voltage() {
    use scmi::voltage::*;
    table! {
        0x17 voltage:
        0x3 DomainAttributes 4/24 DomainInfo;
        0x4 DescribeLevels 8/8 LevelsHead;
        0x5 ConfigSet 8/4 ();
        0x6 ConfigGet 4/8 ConfigGetReply;
        0x7 LevelSet 12/4 ();
        0x8 LevelGet 4/8 Level;
        0x9 DomainNameGet 4/72 scmi::common::NameReply;
    }
    assert_eq!(Level::MAX_LEN, 4);
}

#[test]
fn powercap() {
    use scmi::powercap::*;
    table! {
        0x18 powercap:
        0x3 DomainAttributes 4/60 DomainInfo;
        0x4 CapGet 4/8 CapGetReply;
        0x5 CapSet 12/4 ();
        0x6 PaiGet 4/8 PaiGetReply;
        0x7 PaiSet 12/4 ();
        0x8 DomainNameGet 4/72 scmi::common::NameReply;
        0x9 MeasurementsGet 4/12 Measurements;
        0xa CapNotify 8/4 ();
        0xb MeasurementsNotify 16/4 ();
        0xc DescribeFastchannel 8/48 Fastchannel;
    }
}

#[test]
fn pinctrl() {
    use scmi::pinctrl::*;
    table! {
        0x19 pinctrl:
        0x3 PinctrlAttributes 8/24 PinInfo;
        0x4 ListAssociations 12/8 AssociationsHead;
        0x5 SettingsGet 8/12 SettingsHead;
        0x7 Request 8/4 ();
        0x8 Release 8/4 ();
        0x9 NameGet 8/72 scmi::common::NameReply;
    }
    assert_eq!(
        (
            Association::MAX_LEN,
            Setting::MAX_LEN,
            ConfigureHead::MAX_LEN
        ),
        (2, 8, 12)
    );
    assert_eq!(SettingsConfigure::MESSAGE, 0x6);
}

/// The table of notifications and the messages say the same.
#[test]
fn events_agree_with_their_messages() {
    fn event<N: Notification>(len: std::ops::RangeInclusive<usize>) {
        let entry = scmi::events::find(N::PROTOCOL.id(), N::EVENT).expect("in the table");
        assert_eq!(
            (entry.min_len, entry.max_len),
            (*len.start(), *len.end()),
            "{}",
            entry.name
        );
    }
    fn whole<N: Notification + Message>() {
        event::<N>(N::MIN_LEN..=N::MAX_LEN);
    }
    event::<scmi::base::ErrorEvent>(8..=128);
    whole::<scmi::power::StateChanged>();
    whole::<scmi::power::StateChangeRequested>();
    whole::<scmi::system::StateNotifier>();
    whole::<scmi::perf::LimitsChanged>();
    whole::<scmi::perf::LevelChanged>();
    whole::<scmi::clock::RateChanged>();
    whole::<scmi::clock::RateChangeRequested>();
    whole::<scmi::sensor::TripPointEvent>();
    event::<scmi::sensor::Update>(24..=120);
    whole::<scmi::reset::ResetIssued>();
    whole::<scmi::powercap::CapChanged>();
    whole::<scmi::powercap::MeasurementsChanged>();
    assert_eq!(scmi::events::EVENTS.len(), 13);
}

/// The table of delayed responses and the messages say the same, and the flag is where the request has it.
#[test]
fn delayed_responses_agree_with_their_messages() {
    fn delayed<C: Delayable + Copy>(now: C, later: C, len: usize) {
        let entry = scmi::events::delayed(C::PROTOCOL.id(), C::MESSAGE).expect("in the table");
        assert_eq!(entry.min_len, len, "{}", entry.name);
        let mut buffer = [0; 128];
        let end = now.emit(&mut buffer).expect("room");
        assert!(!entry.asked_by(&buffer[..end]), "{}", entry.name);
        let end = later.emit(&mut buffer).expect("room");
        assert!(entry.asked_by(&buffer[..end]), "{}", entry.name);
    }
    use scmi::{clock, power, powercap, reset, sensor, voltage};
    let set = power::StateSet {
        flags: power::SetFlags(!1),
        domain: !0,
        state: power::PowerState::ON,
    };
    let later = power::StateSet {
        flags: power::SetFlags::default().with_asynchronous(true),
        ..set
    };
    delayed(set, later, power::StateSetComplete::MIN_LEN + STATUS);
    let set = clock::RateSet {
        flags: clock::RateSetFlags(!1),
        clock: !0,
        hertz: !0,
    };
    let later = clock::RateSet {
        flags: clock::RateSetFlags::default().with_asynchronous(true),
        ..set
    };
    delayed(set, later, clock::RateSetComplete::MIN_LEN + STATUS);
    let get = sensor::ReadingGetV1 {
        sensor: !0,
        flags: sensor::ReadFlags(!1),
    };
    let later = sensor::ReadingGetV1 {
        flags: sensor::ReadFlags::default().with_asynchronous(true),
        ..get
    };
    delayed(get, later, sensor::ReadingCompleteV1::MIN_LEN + STATUS);
    let now = reset::Reset {
        domain: !0,
        flags: reset::ResetFlags(!4),
        state: reset::ResetState::COLD,
    };
    let later = reset::Reset {
        flags: reset::ResetFlags::default()
            .with_autonomous(true)
            .with_asynchronous(true),
        ..now
    };
    delayed(now, later, reset::ResetComplete::MIN_LEN + STATUS);
    let set = voltage::LevelSet {
        domain: !0,
        flags: voltage::LevelSetFlags(!1),
        microvolts: -1,
    };
    let later = voltage::LevelSet {
        flags: voltage::LevelSetFlags::default().with_asynchronous(true),
        ..set
    };
    delayed(set, later, voltage::LevelSetComplete::MIN_LEN + STATUS);
    let set = powercap::CapSet {
        domain: !0,
        flags: powercap::CapSetFlags(!2),
        cap: !0,
    };
    let later = powercap::CapSet {
        flags: powercap::CapSetFlags::default().with_asynchronous(true),
        ..set
    };
    delayed(set, later, powercap::CapSetComplete::MIN_LEN + STATUS);
    assert_eq!(scmi::events::DELAYED.len(), 6);
}

/// Each protocol's enum of messages has the length of its table: nothing was left out.
#[test]
fn no_protocol_lacks_a_message() {
    let counts = Protocol::ALL.map(|protocol| {
        (0..=u8::MAX)
            .filter(|&id| protocol.message_name(id).is_some())
            .count()
    });
    assert_eq!(counts, [13, 10, 7, 14, 17, 15, 8, 11, 14, 12]);
}
