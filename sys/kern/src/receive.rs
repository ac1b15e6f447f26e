// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! RECV: waiting for a message or a notification.

use abi::{FaultInfo, RECV_CLOSED, TaskId};

use crate::copy::Blame;
use crate::ipc::Peer;
use crate::{Kernel, Machine, Slice, Status};

impl<M: Machine> Kernel<'_, M> {
    /// RECV: buffer, notification mask, filter.
    #[inline(always)]
    pub(crate) fn receive(&mut self) -> Result<(), FaultInfo> {
        let task = &mut self.tasks[self.current];
        let (base, length) = (
            task.registers.argument::<0>(),
            task.registers.argument::<1>(),
        );
        let mask = task.registers.argument::<2>();
        let filter = task.registers.argument::<3>();
        Slice::new(base, length)?;
        if task.notifications & mask != 0 {
            task.take_notifications();
            return Ok(());
        }
        if filter & RECV_CLOSED != 0 {
            return self.receive_from(TaskId(filter as u16));
        }
        let mut somebody_faulted = false;
        while let Some(sender) = self.best_of(self.tasks[self.current].senders) {
            if self.receive_message(sender)? {
                if somebody_faulted {
                    self.preempt();
                }
                return Ok(());
            }
            somebody_faulted = true;
        }
        self.block_current(Status::IN_OPEN_RECEIVE);
        self.reschedule();
        Ok(())
    }

    /// Closed RECV: messages from one task only. On the kernel it means notifications only.
    fn receive_from(&mut self, peer: TaskId) -> Result<(), FaultInfo> {
        if peer != TaskId::KERNEL {
            match self.peer(peer)? {
                Peer::Alive(sender) => {
                    let sending = Status::in_send(self.tasks[self.current].id);
                    if self.tasks[sender].status == sending && self.receive_message(sender)? {
                        return Ok(());
                    }
                }
                Peer::Dead(code) => {
                    let registers = &mut self.tasks[self.current].registers;
                    registers.set_result::<0>(code);
                    return Ok(());
                }
            }
        }
        self.block_current(Status::in_closed_receive(peer));
        self.reschedule();
        Ok(())
    }

    /// Takes the message of a task that waits to send to the running task. `false`: the sender's message was not its
    /// own to send; it has faulted, and the receiver has noticed nothing.
    #[inline(always)]
    fn receive_message(&mut self, sender: usize) -> Result<bool, FaultInfo> {
        let receiver = self.current;
        match self.deliver(sender, receiver) {
            Ok(()) => {
                let bit = self.tasks[sender].bit;
                let id = self.tasks[receiver].id;
                self.tasks[receiver].senders &= !bit;
                self.tasks[sender].status = Status::in_reply(id);
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
