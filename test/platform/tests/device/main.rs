// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The platform's device, seen from the other end of its socket: a plain vhost-user front end with real rings, no guest.

mod chains;
mod daemon;
mod events;
mod faults;
mod guest;
mod interrupts;
mod life;
