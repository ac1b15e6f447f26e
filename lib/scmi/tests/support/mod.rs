// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One generator for the tests and for the fuzz target: whatever the bytes, nothing panics, and what is read is written again
//! as it was.

use std::fmt::{self, Debug, Display, Write};

use scmi::wire::{Emit, Message, Page, PageHead, PageWriter, Parse};
use scmi::{Header, Notice, Status, events};

/// Room for anything that is exercised: longer inputs are cut, for no message is that long.
const ROOM: usize = 200;

/// Formats without keeping the text.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

fn shows(value: &impl Display) {
    write!(Nowhere, "{value}").expect("can be shown");
}

fn debugs(value: &impl Debug) {
    write!(Nowhere, "{value:?}").expect("can be shown");
}

/// Applies a macro to every message of every protocol.
#[macro_export]
macro_rules! for_every_message {
    ($apply:ident) => {
        {
            $apply!([scmi::base] ProtocolInfo DiscoverVendor DiscoverSubVendor VendorReply DiscoverImplementationVersion ImplementationVersionReply DiscoverListProtocols DiscoverAgent AgentReplyV1 AgentReplyV2 NotifyErrors SetDevicePermissions SetProtocolPermissions ResetAgentConfiguration ErrorEvent ErrorReport Version Attributes MessageAttributes NegotiateVersion AgentReply);
            $apply!([scmi::clock] ProtocolInfo ClockAttributes ClockInfo DescribeRates RatesHead Rate RateSet RateSetComplete RateGet ConfigSet ConfigSetV1 ConfigGet ConfigGetReply NameGet RateNotify RateChangeRequestedNotify PossibleParentsGet ParentsHead Parent ParentSet ParentGet GetPermissions Permissions RateChanged RateChangeRequested Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::common] VersionReply MessageInfo NameReply);
            $apply!([scmi::perf] ProtocolInfo DomainAttributes DomainInfo DescribeLevels DescribeLevelsV4 LevelsHead Level LevelV4 LimitsSet LimitsGet LimitsGetReply LevelSet LevelGet LevelGetReply NotifyLimits NotifyLevel DescribeFastchannel Fastchannel DomainNameGet LimitsChanged LevelChanged Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::pinctrl] ProtocolInfo PinctrlAttributes PinInfo ListAssociations AssociationsHead Association SettingsGet SettingsHead Setting ConfigureHead Request Release NameGet Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::power] ProtocolInfo DomainAttributes DomainInfo StateSet StateSetComplete StateGet StateGetReply StateNotify ChangeRequestedNotify DomainNameGet StateChanged StateChangeRequested Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::powercap] ProtocolInfo DomainAttributes DomainInfo CapGet CapGetReply CapSet CapSetComplete PaiGet PaiGetReply PaiSet DomainNameGet MeasurementsGet Measurements CapNotify MeasurementsNotify DescribeFastchannel CapChanged MeasurementsChanged Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::reset] ProtocolInfo DomainAttributes DomainInfo Reset ResetComplete Notify DomainNameGet ResetIssued Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::sensor::descriptor] ValueRange SensorBase SensorPower SensorsHead AxisBase AxesHead AxisName SensorDescriptor AxisDescriptor);
            $apply!([scmi::sensor] ProtocolInfo DescriptionGet TripPointNotify TripPointConfig ReadingGet ReadingGetV1 Reading ReadingV1 ReadingsHead ReadingCompleteHead ReadingCompleteV1 AxisDescriptionGet ListUpdateIntervals IntervalsHead Interval ConfigGet ConfigGetReply ConfigSet ContinuousUpdateNotify NameGet AxisNameGet TripPointEvent Update Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::system] ProtocolInfo StateSet StateGet StateGetReply StateNotify StateNotifier Version Attributes MessageAttributes NegotiateVersion);
            $apply!([scmi::voltage] ProtocolInfo DomainAttributes DomainInfo DescribeLevels LevelsHead Level ConfigSet ConfigGet ConfigGetReply LevelSet LevelSetComplete LevelGet DomainNameGet Version Attributes MessageAttributes NegotiateVersion);
        }
    };
}

/// Does everything there is to do with these bytes.
pub fn exercise(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(ROOM)];
    macro_rules! messages {
        ([$($module:tt)*] $($name:ident)*) => {{
            use $($module)*::*;
            $(message::<$name>(bytes);)*
        }};
    }
    for_every_message!(messages);
    pages(bytes);
    list_of_protocols(bytes);
    words(bytes);
}

/// A message is read if and only if it is all there, and is then written as it was.
fn message<T: Message + PartialEq + Debug>(bytes: &[u8]) {
    let mut out = [0; ROOM];
    match T::parse_prefix(bytes) {
        Ok((message, rest)) => {
            let used = bytes.len() - rest.len();
            assert!(
                (T::MIN_LEN..=T::MAX_LEN).contains(&used),
                "{}: {used}",
                T::NAME
            );
            let len = message.emit(&mut out).expect("room enough");
            assert_eq!(out[..len], bytes[..used], "{}", T::NAME);
            assert_eq!(T::parse_exact(&out[..len]).as_ref(), Ok(&message));
            assert_eq!(T::parse(bytes).as_ref(), Ok(&message));
            assert_eq!(T::parse_exact(bytes).is_ok(), rest.is_empty());
            if len > 0 {
                assert!(
                    message.emit(&mut out[..len - 1]).is_err(),
                    "{} does not fit",
                    T::NAME
                );
            }
            debugs(&message);
        }
        Err(malformed) => {
            assert!(bytes.len() < T::MAX_LEN, "{malformed}");
            shows(&malformed);
        }
    }
}

/// A page holds as many entries as it says, and is written as it was.
fn page<H: PageHead + Debug, T: Message + PartialEq + Debug>(bytes: &[u8]) {
    match Page::<H, T>::parse(bytes) {
        Ok(page) => {
            assert_eq!(page.iter().count(), page.len());
            assert_eq!(page.is_empty(), page.iter().next().is_none());
            assert_eq!(page.get(page.len()), None);
            let mut out = [0; ROOM];
            let mut writer = PageWriter::<H, T>::new(&mut out).expect("room enough");
            for entry in &page {
                assert!(writer.push(&entry));
            }
            assert_eq!(writer.len(), page.len());
            let len = writer.finish(|_| page.head.clone()).expect("room enough");
            assert_eq!(out[..len], bytes[..len]);
            assert!(Page::<H, T>::parse_exact(&out[..len]).is_ok());
            let _ = page.remaining();
            debugs(&page);
        }
        Err(malformed) => shows(&malformed),
    }
}

fn pages(bytes: &[u8]) {
    use scmi::sensor::descriptor::{
        AxesHead, AxisDescriptor, AxisName, SensorDescriptor, SensorsHead,
    };
    use scmi::{base, clock, perf, pinctrl, sensor, voltage};
    page::<base::ErrorEvent, base::ErrorReport>(bytes);
    page::<perf::LevelsHead, perf::Level>(bytes);
    page::<perf::LevelsHead, perf::LevelV4>(bytes);
    page::<clock::RatesHead, clock::Rate>(bytes);
    page::<clock::ParentsHead, clock::Parent>(bytes);
    page::<sensor::ReadingsHead, sensor::Reading>(bytes);
    page::<sensor::ReadingCompleteHead, sensor::Reading>(bytes);
    page::<sensor::IntervalsHead, sensor::Interval>(bytes);
    page::<sensor::Update, sensor::Reading>(bytes);
    page::<SensorsHead, SensorDescriptor>(bytes);
    page::<AxesHead, AxisDescriptor>(bytes);
    page::<AxesHead, AxisName>(bytes);
    page::<voltage::LevelsHead, voltage::Level>(bytes);
    page::<pinctrl::AssociationsHead, pinctrl::Association>(bytes);
    page::<pinctrl::SettingsHead, pinctrl::Setting>(bytes);
    page::<pinctrl::ConfigureHead, pinctrl::Setting>(bytes);
    if let Ok(rates) = clock::Rates::parse(bytes) {
        assert!(rates.range().is_none() || rates.head.count.is_range());
    }
    if let Ok(levels) = voltage::Levels::parse(bytes) {
        assert!(levels.range().is_none() || levels.head.count.is_range());
    }
    if let Ok(intervals) = sensor::Intervals::parse(bytes) {
        assert!(intervals.range().is_none() || intervals.head.count.is_range());
    }
}

fn list_of_protocols(bytes: &[u8]) {
    if let Ok(list) = scmi::base::ProtocolList::parse(bytes) {
        let mut out = [0; ROOM];
        let len = list.emit(&mut out).expect("room enough");
        assert_eq!(len, 4 + list.protocols.len().next_multiple_of(4));
        assert_eq!(scmi::base::ProtocolList::parse(&out[..len]), Ok(list));
    }
}

/// Everything that is shown to people, and the tables that are looked up with numbers from outside.
fn words(bytes: &[u8]) {
    use scmi::common::Name;
    use scmi::sensor::unit::{Quantity, SensorUnit};
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    let number = u32::from_le_bytes(word);
    let header = Header::unpack(number);
    assert_eq!(header.pack(), number);
    let status = Status::from_raw(number as i32);
    let value = (i64::from(number as i32)) << (number % 32);
    let quantity = Quantity {
        value,
        exponent: word[0] as i8,
        unit: SensorUnit(word[1]),
    };
    let name = Name(word);
    shows(&header);
    shows(&status);
    shows(&quantity);
    shows(&name);
    let _ = name.as_str();
    for protocol in [header.protocol, word[0] & 0x1f] {
        for event in [header.message, word[1] & 3] {
            match Notice::parse(protocol, event, bytes) {
                Ok(notice) => shows(&notice),
                Err(malformed) => shows(&malformed),
            }
            if let Some(entry) = events::find(protocol, event) {
                let source = entry.source(bytes);
                assert!(source.is_some() || !entry.length_is_valid(bytes.len()));
                assert!(matches!(
                    entry.enable_request(number, true).as_bytes().len(),
                    4 | 8 | 16
                ));
            }
            if let Some(entry) = events::delayed(protocol, event) {
                let _ = entry.asked_by(bytes);
            }
        }
    }
}
