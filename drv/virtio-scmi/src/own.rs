// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Commands of the driver's own: switching events, and asking whether the platform is there.

use crate::channel::Channel;
use crate::clients::{Owner, Payer};
use crate::recovery::Phase;
use crate::trace::Trace;
use crate::transfers::{SlotId, State, Waiter};
use crate::transport::Transport;
use scmi::protocol::common::PROTOCOL_VERSION;
use scmi::{Header, Protocol, Token};

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Takes a slot for a command of the driver's own; `None`: there is none free, or it cannot be sent. Its deadline counts from now
    /// on, when it is with the device.
    pub(crate) fn send_own(
        &mut self,
        waiter: Waiter,
        protocol: u8,
        message: u8,
        parameters: &[u8],
        now: u64,
    ) -> Option<SlotId> {
        let id = self.free.pop(&self.books.slots)?;
        if let Some(account) = self.clients.account(Payer::Driver) {
            account.take();
        }
        let slot = self.books.slots.get_mut(id);
        slot.state = State::Filling;
        slot.waiter = waiter;
        slot.delayed = false;
        slot.follows = false;
        slot.polled = false;
        slot.inspect = false;
        slot.payer = Payer::Driver;
        slot.owner = Owner::NOBODY;
        slot.header = Header::command(protocol, message, Token::default()).pack();
        slot.patience = self.limits.own_deadline;
        slot.next_handle(id);
        self.request(id).write(1, parameters);
        self.submit(id, parameters.len()).ok()?;
        self.put_on_clock(id, now);
        Some(id)
    }

    /// Asks the platform whether it is there: for the version of the Base protocol, which every platform has. The question does not
    /// wait for the driver's quota: commands that the reset ended may still count to it.
    pub(crate) fn probe(&mut self, transport: &mut impl Transport, now: u64) {
        match self.send_own(
            Waiter::Probe,
            Protocol::Base.id(),
            PROTOCOL_VERSION,
            &[],
            now,
        ) {
            Some(id) => {
                self.recovery.phase = Phase::Probing(id);
                self.kick_after_turn(transport);
            }
            // Commands of the driver's own that the reset ended have its slots until they are looked at in this turn.
            None if self.clients.own().held() > 0 => {
                let until = self.recovery.next(now, &self.limits);
                self.journal.trace(Trace::RetryAt(until));
            }
            // All slots hold answers that nobody has fetched: the first command will show.
            None => self.recovered(now),
        }
    }
}
