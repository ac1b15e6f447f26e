// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The conversions as clients and servers use them.

use derive_idol_err::IdolError;
use idol_runtime::{IHaveConsideredServerDeathWithThisErrorType, ServerDeath};
use userlib::FromPrimitive;

const LAST: u32 = 0xFFFF;

#[derive(Copy, Clone, Debug, PartialEq, FromPrimitive, IdolError)]
#[repr(u32)]
enum WithDeath {
    First = 1,
    #[idol(server_death)]
    Restarted,
    Last = LAST as isize as u32,
}

#[derive(Copy, Clone, Debug, PartialEq, FromPrimitive, IdolError)]
enum WithoutDeath {
    Only = 7,
}

#[test]
fn to_a_code_and_back() {
    for error in [WithDeath::First, WithDeath::Restarted, WithDeath::Last] {
        assert_eq!(WithDeath::try_from(u32::from(u16::from(error))), Ok(error));
        assert_eq!(u32::from(error), u32::from(u16::from(error)));
    }
    for code in [0, 3, 0x1_0000, 0x1_0001, 0xFFFF_FEFF] {
        assert_eq!(WithDeath::try_from(code), Err(()));
    }
    assert_eq!(WithoutDeath::try_from(7), Ok(WithoutDeath::Only));
}

#[test]
fn dead_codes_are_the_marked_variant_or_nothing() {
    for generation in 0..64 {
        let code = 0xFFFF_FF00 | generation;
        assert_eq!(WithDeath::try_from(code), Ok(WithDeath::Restarted));
        assert_eq!(WithoutDeath::try_from(code), Err(()));
    }
    assert_eq!(WithDeath::from(ServerDeath), WithDeath::Restarted);
}

#[test]
fn only_the_marked_enum_may_be_used_where_operations_are_not_repeated() {
    fn considered<E: IHaveConsideredServerDeathWithThisErrorType>() {}
    considered::<WithDeath>();
}
