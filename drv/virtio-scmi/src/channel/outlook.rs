// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! When the driver must wake up, at the latest.

use super::Channel;
use super::recovering::losses;
use crate::interrupts::Outlook;
use crate::system::{Moment, System};

/// What is to come. Puts deadlines on the clock that cannot wait.
pub(crate) fn outlook<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) -> Outlook {
    if channel.transfers.deadlines().wants_clock() {
        channel.transfers.tick(moment.now());
    }
    let recovery = channel.recovery.wake(losses(channel).as_ref());
    let deadline = channel.transfers.next_deadline();
    let times = [recovery, deadline, channel.batches.next_deadline()];
    Outlook {
        next: times.into_iter().flatten().min(),
        tick: channel.transfers.deadlines().wants_tick(),
        busy: channel.transfers.in_flight() > 0,
    }
}
