// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The checks: each rule is one function, and says what is wrong with its own words.

use crate::app::App;
use crate::problem::Problems;

pub fn all(_app: &App) -> Result<(), Problems> {
    Ok(())
}
