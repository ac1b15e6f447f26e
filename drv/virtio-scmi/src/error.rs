// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why something was not done ([`Refusal`]: nothing reached the device) or how it ended without an answer ([`Failure`]).

pub use drv_scmi_types::{Failure, Refusal, Unanswered};

/// For audits: an error if something that must hold does not.
pub(crate) fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
