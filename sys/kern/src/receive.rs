// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! RECV: waiting for a message or a notification.

use abi::{FaultInfo, RECV_CLOSED, TaskId};

use crate::copy::Blame;
use crate::ipc::{Peer, deliver};
use crate::{Kernel, Machine, Slice, Status};

impl<M: Machine> Kernel<'_, M> {
    /// RECV: buffer, notification mask, filter.
    #[inline(always)]
    pub(crate) fn receive(&mut self) -> Result<(), FaultInfo> {
        let registers = &self.tasks[self.current].registers;
        let (base, length) = (registers.argument::<0>(), registers.argument::<1>());
        let mask = registers.argument::<2>();
        let filter = registers.argument::<3>();
        Slice::new(base, length)?;
        // What happens most often, in few instructions: something is posted, or nobody sends.
        let task = &mut self.tasks[self.current];
        if task.notifications & mask != 0 {
            task.take_notifications();
            return Ok(());
        }
        if filter & RECV_CLOSED == 0 && task.senders == 0 {
            self.block_current(Status::IN_OPEN_RECEIVE);
            self.reschedule();
            return Ok(());
        }
        self.receive_from(mask, filter)
    }

    /// The same, from whoever may send.
    #[inline(never)]
    fn receive_from(&mut self, mask: u32, filter: u32) -> Result<(), FaultInfo> {
        let mut somebody_faulted = false;
        loop {
            let task = &mut self.tasks[self.current];
            if task.notifications & mask != 0 {
                task.take_notifications();
                break;
            }
            let (sender, wait) = if filter & RECV_CLOSED == 0 {
                let senders = task.senders;
                (self.best_of(senders), Status::IN_OPEN_RECEIVE)
            } else {
                let peer = TaskId(filter as u16);
                match self.only_sender(peer)? {
                    Peer::Alive(sender) => (sender, Status::in_closed_receive(peer)),
                    Peer::Dead(code) => {
                        let registers = &mut self.tasks[self.current].registers;
                        registers.set_result::<0>(code);
                        break;
                    }
                }
            };
            let Some(sender) = sender else {
                self.block_current(wait);
                self.reschedule();
                return Ok(());
            };
            if self.receive_message(sender)? {
                break;
            }
            // That was not the sender's message to send. The receiver has noticed nothing, unless it is the supervisor
            // and waits for news of faults: so look again from the start.
            somebody_faulted = true;
        }
        if somebody_faulted {
            self.preempt();
        }
        Ok(())
    }

    /// Whether the one task that a closed RECV listens to has a message waiting. The kernel never has: listening to it
    /// means to wait for notifications only.
    fn only_sender(&self, peer: TaskId) -> Result<Peer<Option<usize>>, FaultInfo> {
        if peer == TaskId::KERNEL {
            return Ok(Peer::Alive(None));
        }
        Ok(match self.peer(peer)? {
            Peer::Alive(index) => {
                let sending = Status::in_send(self.tasks[self.current].id);
                Peer::Alive((self.tasks[index].status == sending).then_some(index))
            }
            Peer::Dead(code) => Peer::Dead(code),
        })
    }

    /// Takes the message of a task that waits to send to the running task. `false`: the message was not the sender's
    /// own to send, and the sender has faulted.
    #[inline(always)]
    fn receive_message(&mut self, sender: usize) -> Result<bool, FaultInfo> {
        let receiver = self.current;
        let Ok([from, to]) = self.tasks.get_disjoint_mut([sender, receiver]) else {
            // Nobody runs while waiting to send to itself.
            return Ok(false);
        };
        match deliver(&mut self.machine, from, to) {
            Ok(()) => {
                to.senders &= !from.bit;
                from.status = Status::in_reply(to.id);
                Ok(true)
            }
            Err(Blame::Source(fault)) => {
                self.force_fault(sender, fault);
                Ok(false)
            }
            Err(Blame::Destination(fault)) => Err(fault),
        }
    }
}
