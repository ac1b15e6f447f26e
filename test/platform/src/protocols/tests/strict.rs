// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rules that hold for many messages.

use scmi::StatusCode;

use super::*;

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn ask_words(platform: &mut Platform, protocol: u8, message: u8, params: &[u32]) -> Outcome {
    send(platform, protocol, message, &words(params), ROOM)
}

type Outcome = Result<Vec<u8>, StatusCode>;

#[test]
fn reserved_bits_are_refused_and_nothing_done() {
    let mut platform = platform();
    let before = ask_words(&mut platform, 0x11, 0x5, &[1]);
    let refused = Err(StatusCode::InvalidParameters);
    for state in [0, 1 << 30] {
        assert_eq!(ask_words(&mut platform, 0x11, 0x4, &[2, 1, state]), refused);
    }
    assert_eq!(ask_words(&mut platform, 0x11, 0x5, &[1]), before);
    for bit in 1..32 {
        assert_eq!(
            ask_words(&mut platform, 0x11, 0x6, &[1, 1 | 1 << bit]),
            refused
        );
    }
    assert!(platform.subscriptions().is_empty());
}

#[test]
fn a_later_message_is_not_supported() {
    let mut platform = platform();
    assert!(ask_words(&mut platform, 0x14, 0xf, &[1]).is_ok());
    ask_words(&mut platform, 0x14, 0x10, &[0x2_0000]).expect("negotiates");
    assert_eq!(
        ask_words(&mut platform, 0x14, 0xf, &[1]),
        Err(StatusCode::NotSupported)
    );
    assert_eq!(
        ask_words(&mut platform, 0x14, 0x2, &[0xf]),
        Err(StatusCode::NotFound)
    );
}

#[test]
fn versions_that_never_existed_are_refused() {
    let mut platform = platform();
    for version in [0x1_9999, 0x2_0007, 0, 0x9_0000] {
        assert_eq!(
            ask_words(&mut platform, 0x15, 0x10, &[version]),
            Err(StatusCode::NotSupported)
        );
    }
}

#[test]
fn identifiers_have_16_bits() {
    let mut platform = platform();
    for (protocol, message) in [(0x11, 0x5), (0x17, 0x8)] {
        let plain = ask_words(&mut platform, protocol, message, &[1]);
        assert!(plain.is_ok());
        assert_eq!(
            ask_words(&mut platform, protocol, message, &[0xabcd_0001]),
            plain
        );
    }
}

#[test]
fn limits_of_0_stay_and_others_need_be_no_level() {
    let mut platform = platform();
    let limits = |platform: &mut Platform| ask_words(platform, 0x13, 0x6, &[0]).expect("succeeds");
    let before = limits(&mut platform);
    let highest = u32::from_le_bytes(before[..4].try_into().expect("4 bytes"));
    assert_eq!(
        ask_words(&mut platform, 0x13, 0x5, &[0, 0, 0]),
        Err(StatusCode::OutOfRange)
    );
    ask_words(&mut platform, 0x13, 0x5, &[0, highest - 1, 0]).expect("between two levels");
    assert_eq!(limits(&mut platform)[..4], (highest - 1).to_le_bytes());
    assert_eq!(limits(&mut platform)[4..], before[4..]);
}

#[test]
fn a_cap_of_0_is_no_cap_from_2_0_on() {
    let mut platform = platform();
    ask_words(&mut platform, 0x18, 0x5, &[0, 0, 0]).expect("switches capping off");
    assert_eq!(ask_words(&mut platform, 0x18, 0x4, &[0]), Ok(vec![0; 4]));
    ask_words(&mut platform, 0x18, 0x10, &[0x1_0000]).expect("negotiates");
    assert_eq!(
        ask_words(&mut platform, 0x18, 0x5, &[0, 0, 0]),
        Err(StatusCode::OutOfRange)
    );
}

#[test]
fn a_reset_of_the_guest_frees_its_pins() {
    let mut platform = platform();
    ask_words(&mut platform, 0x19, 0x7, &[0, 0]).expect("free");
    assert_eq!(
        ask_words(&mut platform, 0x19, 0x7, &[0, 0]),
        Err(StatusCode::InUse)
    );
    platform.forget_guest();
    ask_words(&mut platform, 0x19, 0x7, &[0, 0]).expect("free again");
}

#[test]
fn a_deassert_is_no_reset() {
    let mut platform = platform();
    ask_words(&mut platform, 0x16, 0x5, &[0, 1]).expect("subscribes");
    ask_words(&mut platform, 0x16, 0x4, &[0, 2, 0]).expect("asserts");
    assert!(event(&mut platform).is_some());
    ask_words(&mut platform, 0x16, 0x4, &[0, 0, 0]).expect("releases");
    assert!(event(&mut platform).is_none());
}

#[test]
fn a_running_machine_is_in_power_up() {
    assert_eq!(ask_words(&mut platform(), 0x12, 0x4, &[]), Ok(words(&[3])));
}
