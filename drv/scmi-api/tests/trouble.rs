// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What typed calls do when the driver restarts, when the platform lies, and when bytes are missing.

mod support;

use drv_scmi_api::*;
use proptest::collection::vec;
use proptest::prelude::*;
use scmi::clock::ClockState;
use scmi::perf::{Level, LevelFlags};
use scmi::pinctrl::Selector;
use scmi::power::PowerState;
use scmi::reset::ResetState;
use scmi::system::SystemState;
use scmi::voltage::Mode;
use scmi::wire::Emit;
use scmi::{Protocol, Status};
use support::Fake;

const GPU: u32 = 1;

#[test]
fn what_is_harmless_is_sent_again_when_the_driver_or_the_device_restarts() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    for error in [ScmiError::ServerRestarted, ScmiError::DeviceReset] {
        fake.sent.borrow_mut().clear();
        fake.fail_next(&[error, error]);
        assert_eq!(power.state(GPU), Ok(PowerState::OFF));
        assert_eq!(fake.count(0x11, 5), 3);
        fake.fail_next(&[error]);
        assert_eq!(power.set_state(GPU, PowerState::OFF), Ok(()));
        fake.fail_next(&[error]);
        assert_eq!(power.notify_changes(GPU, true), Ok(()));
    }
    // Not for ever.
    fake.sent.borrow_mut().clear();
    fake.fail_next(&[ScmiError::ServerRestarted; 3]);
    assert_eq!(
        power.state(GPU),
        Err(Error::NoAnswer(ScmiError::ServerRestarted))
    );
    assert_eq!(fake.count(0x11, 5), 3);
    assert_eq!(power.state(GPU), Ok(PowerState::OFF));
}

#[test]
fn what_is_not_harmless_is_sent_once() {
    let fake = Fake::new();
    fake.lost_after.set(true);
    let error = Error::NoAnswer(ScmiError::ServerRestarted);
    let lost = Err(error);
    let restart = || fake.fail_next(&[ScmiError::ServerRestarted]);
    let (resets, system, power, pins, base) = (
        Resets::connect(&fake).unwrap(),
        SystemPower::connect(&fake).unwrap(),
        Power::connect(&fake).unwrap(),
        Pins::connect(&fake).unwrap(),
        Base::connect(&fake).unwrap(),
    );
    restart();
    assert_eq!(resets.reset(2, ResetState::COLD), lost);
    assert_eq!(fake.count(0x16, 4), 1);
    restart();
    assert_eq!(system.set_state(SystemState::SUSPEND, true), lost);
    assert_eq!(fake.count(0x12, 3), 1);
    restart();
    assert_eq!(power.set_state_delayed(GPU, PowerState::ON), Err(error));
    assert_eq!(fake.count(0x11, 4), 1);
    restart();
    assert_eq!(pins.request(Selector::Group, 0), lost);
    assert_eq!(fake.count(0x19, 7), 1);
    restart();
    assert_eq!(base.reset_agent_configuration(1, false), lost);
    assert_eq!(fake.count(0x10, 0xb), 1);
    assert_eq!(error.advice(), Advice::ReadBack);
}

#[test]
fn other_errors_come_back_at_once() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    for error in [
        ScmiError::TimedOut,
        ScmiError::Busy,
        ScmiError::Recovering,
        ScmiError::PlatformUnavailable,
    ] {
        fake.sent.borrow_mut().clear();
        fake.fail_next(&[error]);
        assert_eq!(power.state(GPU), Err(Error::NoAnswer(error)));
        assert_eq!(fake.sent.borrow().len(), 1);
    }
}

#[test]
fn a_protocol_that_is_not_there_is_named() {
    let fake = Fake::saying(-1, &[]);
    let error = Clocks::connect(&fake).unwrap_err();
    assert_eq!(error, Error::NoProtocol(Protocol::Clock));
    assert_eq!(
        error.to_string(),
        "the platform does not have the Clock management protocol (0x14)"
    );
    assert_eq!(error.advice(), Advice::DoWithout);
}

/// A platform that leaves out the words on statistics has told the count all the same.
#[test]
fn s16_attributes_need_their_first_word_only() {
    let fake = Fake::new();
    let whole = (
        Power::connect(&fake).unwrap().count(),
        Perf::connect(&fake).unwrap().count(),
        Sensors::connect(&fake).unwrap().count(),
    );
    for len in [4, 8, 12] {
        fake.tamper(move |sent, _, values| {
            if sent.message == 1 {
                values.truncate(len);
            }
        });
        let told = (
            Power::connect(&fake).unwrap().count(),
            Perf::connect(&fake).unwrap().count(),
            Sensors::connect(&fake).unwrap().count(),
        );
        assert_eq!(told, whole, "{len} bytes");
        let info = Perf::connect(&fake).unwrap().attributes().unwrap();
        assert_eq!(info.statistics_len, 0, "{len} bytes");
    }
    // Without the count it is no answer.
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    fake.tamper(|_, _, values| values.truncate(3));
    let short = power.count();
    assert!(matches!(short, Err(Error::Malformed(_))), "{short:?}");
}

/// A vendor's name ends where its bytes end.
#[test]
fn s16_a_vendors_name_may_be_short() {
    let fake = Fake::new();
    let base = Base::connect(&fake).unwrap();
    for (bytes, name) in [(&b"Arm"[..], "Arm"), (b"Arm\0", "Arm"), (b"A", "A")] {
        fake.tamper(move |_, _, values| *values = bytes.to_vec());
        assert_eq!(base.vendor().unwrap().as_str(), Some(name));
        assert_eq!(base.sub_vendor().unwrap().as_str(), Some(name));
    }
    fake.tamper(|_, _, values| values.clear());
    assert!(matches!(base.vendor(), Err(Error::Malformed(_))));
}

#[test]
fn small_answers_travel_in_the_message() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    fake.sent.borrow_mut().clear();
    power.state(GPU).unwrap();
    power.domain(GPU).unwrap();
    power.set_state(GPU, PowerState::ON).unwrap();
    for sent in &*fake.sent.borrow() {
        assert!(
            sent.request_len <= SMALL_REQUEST && sent.room <= SMALL_RESPONSE,
            "{sent:?}"
        );
    }
}

#[test]
fn a_short_answer_is_malformed_and_a_long_one_is_read() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    fake.tamper(|_, _, values| values.truncate(3));
    let error = power.state(GPU).unwrap_err();
    assert_eq!(
        error.to_string(),
        "malformed StateGetReply: needs 4 bytes, there are 3: the platform does not follow its protocol"
    );
    assert_eq!(error.advice(), Advice::ReadBack);
    fake.tamper(|_, _, values| values.extend([7; 100]));
    assert_eq!(power.state(GPU), Ok(PowerState::OFF));
    assert_eq!(power.set_state(GPU, PowerState::ON), Ok(()));
}

#[test]
fn a_refusal_carries_the_status_whatever_it_is() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    for raw in [-6, -9, -200, 1, i32::MIN] {
        fake.tamper(move |_, status, _| *status = raw);
        assert_eq!(power.state(GPU), Err(Error::Refused(Status::from_raw(raw))));
    }
    assert_eq!(Error::Refused(Status::BUSY).advice(), Advice::TryAgain);
    assert_eq!(
        Error::Refused(Status::OUT_OF_RANGE).advice(),
        Advice::Correct
    );
    assert_eq!(
        Error::Refused(Status::HARDWARE_ERROR).advice(),
        Advice::ReadBack
    );
}

#[test]
fn a_delayed_response_about_something_else_is_not_believed() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    fake.tamper(|_, _, values| values[0] ^= 1);
    let error = power.set_state_delayed(GPU, PowerState::ON).unwrap_err();
    assert!(matches!(error, Error::Inconsistent(_)), "{error}");
}

/// A page of levels, whatever is asked for.
fn levels_page(returned: u16, remaining: u16, entries: u32) -> Vec<u8> {
    let mut bytes = [returned.to_le_bytes(), remaining.to_le_bytes()].concat();
    for level in 0..entries {
        let mut entry = [0; 12];
        Level {
            level,
            cost: 1,
            attributes: LevelFlags(0),
        }
        .emit(&mut entry)
        .unwrap();
        bytes.extend(entry);
    }
    bytes
}

fn lying_levels(pages: Vec<Vec<u8>>) -> (Vec<Result<u32, Error>>, usize) {
    let fake = Fake::new();
    let mut perf = Perf::connect(&fake).unwrap();
    let _ = perf.negotiate(scmi::common::ProtocolVersion::new(3, 0));
    assert!(perf.version().major() < 4);
    let mut turn = 0;
    fake.tamper(move |_, status, values| {
        *status = 0;
        values.clone_from(&pages[turn.min(pages.len() - 1)]);
        turn += 1;
    });
    let found = perf
        .levels(GPU)
        .map(|level| level.map(|level| level.level))
        .collect();
    (found, fake.count(0x13, 4))
}

#[test]
fn lists_end_however_the_platform_lies() {
    // An honest one.
    let (found, asked) = lying_levels(vec![levels_page(2, 1, 2), levels_page(1, 0, 1)]);
    assert_eq!((found, asked), (vec![Ok(0), Ok(1), Ok(0)], 2));
    // Always as many remain.
    let (found, asked) = lying_levels(vec![levels_page(1, 5, 1)]);
    assert_eq!((found.len(), asked), (2, 2));
    assert_eq!(
        found[1],
        Err(Error::Inconsistent("a list grows while it is read"))
    );
    // Nothing comes, and yet something remains.
    let (found, asked) = lying_levels(vec![levels_page(0, 5, 0)]);
    assert_eq!(
        found,
        [Err(Error::Inconsistent(
            "a page of a list is empty, and yet entries remain"
        ))]
    );
    assert_eq!(asked, 1);
    // Counted, and not there.
    let (found, _) = lying_levels(vec![levels_page(3, 0, 2)]);
    assert!(matches!(found[..], [Err(Error::Malformed(_))]), "{found:?}");
    // The longest lie: one entry at a time.
    let pages = (0..=0xfffe)
        .rev()
        .map(|remaining| levels_page(1, remaining, 1))
        .collect();
    let (found, asked) = lying_levels(pages);
    assert_eq!((found.len(), asked), (0xffff, 0xffff));
    assert!(found.iter().all(Result::is_ok));
    // An empty list is one.
    assert_eq!(lying_levels(vec![levels_page(0, 0, 0)]), (vec![], 1));
}

/// A list of protocols in a reply, and how many PROTOCOL_ATTRIBUTES counts.
fn tell_protocols(
    fake: &Fake,
    count: u8,
    mut page: impl FnMut(usize) -> Option<Vec<u8>> + 'static,
) {
    let mut calls = 0;
    fake.tamper(
        move |sent, status, values| match (sent.protocol, sent.message) {
            (0x10, 1) => *values = vec![count, 1, 0, 0],
            (0x10, 6) => {
                let list = page(calls);
                calls += 1;
                *status = if list.is_some() { 0 } else { -1 };
                let list = list.unwrap_or_default();
                *values = [&[list.len() as u8, 0, 0, 0][..], &list].concat();
                values.resize(values.len().next_multiple_of(4), 0);
            }
            _ => {}
        },
    );
}

#[test]
fn s15_the_list_of_protocols_ends_where_it_is_counted() {
    // A platform that ignores how many to skip.
    let fake = Fake::new();
    let base = Base::connect(&fake).unwrap();
    tell_protocols(&fake, 3, |_| Some(vec![0x11, 0x14, 0x15]));
    let found: Vec<_> = base.protocols().collect();
    assert_eq!(found, [Ok(0x11), Ok(0x14), Ok(0x15)]);
    tell_protocols(&fake, 255, |_| Some(vec![0x11, 0x14, 0x15]));
    assert_eq!(base.protocols().count(), 255);
    // One that must not be asked beyond the end.
    tell_protocols(&fake, 3, |call| (call == 0).then(|| vec![0x11, 0x14, 0x15]));
    let found: Vec<_> = base.protocols().collect();
    assert_eq!(found, [Ok(0x11), Ok(0x14), Ok(0x15)]);
    // One that counts more than it lists, and one that refuses the rest.
    tell_protocols(&fake, 9, |call| match call {
        0 => Some(vec![0x11]),
        _ => Some(vec![]),
    });
    let mut protocols = base.protocols();
    assert_eq!(protocols.by_ref().collect::<Vec<_>>(), [Ok(0x11)]);
    assert_eq!(protocols.next(), None);
    tell_protocols(&fake, 9, |call| (call == 0).then(|| vec![0x11]));
    let found: Vec<_> = base.protocols().collect();
    assert_eq!(
        found,
        [Ok(0x11), Err(Error::Refused(Status::NOT_SUPPORTED))]
    );
}

#[test]
fn s15_the_hint_about_too_many_subscriptions_names_their_key() {
    let text = ScmiError::SubscriptionQuota.to_string();
    assert!(text.contains("see `subscriptions` in"), "{text}");
}

#[test]
fn events_say_what_happened_to_the_subscriptions() {
    let fake = Fake::new();
    let mut buffer = [0; PAYLOAD_MAX];
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Empty)
    ));
    fake.queue(EventKind::Resynchronise, 0, 0, 0, &[]);
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Resynchronise)
    ));
    fake.queue(EventKind::Ended, 0x15, 1, 0, &[3, 0, 0, 0]);
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Ended {
            protocol: 0x15,
            event: 1,
            source: 3
        })
    ));
    fake.queue(EventKind::Event, 0x11, 0, 9, &[0; 11]);
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Malformed {
            protocol: 0x11,
            event: 0,
            lost: 9
        })
    ));
    fake.queue(EventKind::Event, 0x11, 0, 2, &[0; 12]);
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Notice { lost: 2, .. })
    ));
    fake.fail_next(&[ScmiError::ServerRestarted]);
    assert!(matches!(
        next_event(&fake, &mut buffer),
        Ok(Incoming::Restarted)
    ));
    fake.fail_next(&[ScmiError::NotAClient]);
    let error = next_event(&fake, &mut buffer).unwrap_err();
    assert_eq!(error.advice(), Advice::Configure);
    assert!(error.to_string().contains("[config.scmi.clients]"));
}

/// The names of two errors must not be confused: each has a text of its own, and an advice.
#[test]
fn every_error_says_something_of_its_own() {
    use userlib::FromPrimitive;
    let all: Vec<ScmiError> = (1..=64).filter_map(ScmiError::from_u32).collect();
    assert_eq!(all.len(), 29);
    let mut texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all.len());
    for error in all {
        let advice = Error::NoAnswer(error).advice();
        // Trying again at once is only told where nothing can have happened.
        assert!(
            advice != Advice::TryAgain || error.nothing_sent(),
            "{error:?}"
        );
        assert!(
            error.nothing_sent() || advice == Advice::ReadBack,
            "{error:?}"
        );
    }
}

/// Neither `app.toml` nor the end of another transfer can help against these two, so neither text
/// may say so.
#[test]
fn s01_s02_lost_slots_and_reserved_messages_say_what_helps() {
    let lost = Error::NoAnswer(ScmiError::SlotsLost);
    assert_eq!(lost.advice(), Advice::TryAgain);
    assert!(lost.to_string().contains("never answered"), "{lost}");
    assert!(!lost.to_string().contains("end a transfer"), "{lost}");
    let reserved = Error::NoAnswer(ScmiError::ReservedMessage);
    assert_eq!(reserved.advice(), Advice::Correct);
    assert!(
        reserved
            .to_string()
            .contains("keeps this message to itself"),
        "{reserved}"
    );
    for error in [lost, reserved] {
        assert!(!error.to_string().contains("app.toml"), "{error}");
    }
    assert!(ScmiError::SlotsLost.nothing_sent() && ScmiError::ReservedMessage.nothing_sent());
}

/// Every call there is.
fn call_everything(fake: &Fake) {
    macro_rules! each {
        ($handle:ident, $value:ident => $($call:expr),* $(,)?) => {
            if let Ok($value) = $handle::connect(fake) {
                let _ = ($($call,)*);
            }
        };
    }
    each!(Base, base => base.vendor(), base.sub_vendor(), base.implementation_version(), base.own_agent(),
        base.protocols().count(), base.attributes(), base.message(3), base.notify_errors(0, true));
    each!(Power, power => power.count(), power.domain(1), power.name(1), power.state(1),
        power.set_state(1, PowerState::ON), power.set_state_delayed(1, PowerState::OFF));
    each!(SystemPower, system => system.state(), system.set_state(SystemState::SUSPEND, true),
        system.can(SystemState::SUSPEND), system.notify_state(0, true));
    each!(Perf, perf => perf.count(), perf.domain(1), perf.name(1), perf.levels(1).count(), perf.level(1),
        perf.set_level(1, 2), perf.limits(1), perf.set_limits(1, 1, 2));
    each!(Clocks, clocks => clocks.count(), clocks.clock(1), clocks.name(1), clocks.rate(1),
        clocks.rates(1).map(|rates| if let Choices::List(list) = rates { list.count() } else { 0 }),
        clocks.set_rate(1, 2, Rounding::Auto), clocks.set_rate_delayed(1, 2, Rounding::Up), clocks.enable(1),
        clocks.set_extended(1, ClockState::Unchanged as u8, 1), clocks.config(1, 0), clocks.parent(1),
        clocks.possible_parents(1).count(), clocks.set_parent(1, 0), clocks.permissions(1));
    each!(Sensors, sensors => sensors.count(), sensors.sensors().count(), sensors.sensor(1), sensors.name(1),
        sensors.axes(1).count(), sensors.axis_names(1).count(), sensors.read(1), sensors.read_delayed(1),
        sensors.enable(1, true), sensors.set_trip_point(1, 0, 5, true, true),
        sensors.update_intervals(1).map(|all| if let Choices::List(list) = all { list.count() } else { 0 }));
    each!(Resets, resets => resets.count(), resets.domain(1), resets.name(1), resets.reset(1, ResetState::COLD),
        resets.reset_delayed(1, ResetState::COLD), resets.assert(1), resets.release(1));
    each!(Voltages, voltages => voltages.count(), voltages.domain(1), voltages.name(1), voltages.mode(1),
        voltages.levels(1).map(|all| if let Choices::List(list) = all { list.count() } else { 0 }),
        voltages.set_mode(1, Mode::ON), voltages.level(1), voltages.set_level(1, 1), voltages.set_level_delayed(1, 1));
    each!(Powercaps, caps => caps.count(), caps.domain(1), caps.name(1), caps.cap(1), caps.set_cap(1, 1),
        caps.set_cap_delayed(1, 1), caps.interval(1), caps.set_interval(1, 1), caps.measure(1),);
    each!(Pins, pins => pins.count(Selector::Pin), pins.info(Selector::Pin, 1), pins.name(Selector::Pin, 1),
        pins.pins_of(1).count(), pins.groups_of(1).count(), pins.function(Selector::Group, 1),
        pins.settings(Selector::Group, 1).count(), pins.setting(Selector::Group, 1, scmi::pinctrl::SettingType(1)),
        pins.configure(Selector::Group, 1, None, &[]), pins.request(Selector::Pin, 1), pins.release(Selector::Pin, 1));
}

proptest! {
    #![proptest_config(test_props::config(64, 1))]

    /// Whatever a platform answers: no panic, no call without an end.
    #[test]
    fn any_answer_ends_every_call(answers in vec((0..3i32, vec(prop_oneof![2 => 0u8..4, 1 => any::<u8>()], 0..132)), 1..8)) {
        let fake = Fake::new();
        let mut turn = 0;
        fake.tamper(move |_, status, values| {
            let (told, bytes) = &answers[turn % answers.len()];
            *status = -*told / 2;
            values.clone_from(bytes);
            turn += 1;
        });
        call_everything(&fake);
    }
}

#[test]
fn every_call_works_on_an_honest_platform() {
    let fake = Fake::new();
    call_everything(&fake);
    assert!(fake.sent.borrow().len() > 90);
}
