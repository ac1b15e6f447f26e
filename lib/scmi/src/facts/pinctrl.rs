// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pinctrl: its messages.

use super::facts;
use crate::common::NameReply;
use crate::pinctrl::*;

facts! {
    /// Messages of the pin control protocol.
    Pinctrl, PinctrlMessage, known (1, 0), negotiated since (1, 0);
    commands {
        0x3 PinctrlAttributes "PINCTRL_ATTRIBUTES" since (1, 0), domain in word 0 => PinInfo;
        0x4 ListAssociations "PINCTRL_LIST_ASSOCIATIONS" since (1, 0), domain in word 0
            => Associations<'a>;
        0x5 SettingsGet "PINCTRL_SETTINGS_GET" since (1, 0), domain in word 0 => Settings<'a>;
        0x6 SettingsConfigure "PINCTRL_SETTINGS_CONFIGURE" since (1, 0), domain in word 0;
        0x7 Request "PINCTRL_REQUEST" since (1, 0), domain in word 0 => ();
        0x8 Release "PINCTRL_RELEASE" since (1, 0), domain in word 0 => ();
        0x9 NameGet "PINCTRL_NAME_GET" since (1, 0), domain in word 0 => NameReply;
        0xa SetPermissions "PINCTRL_SET_PERMISSIONS" since (1, 0), domain in word 0;
    }
}
