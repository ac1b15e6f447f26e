// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Faults in words.

use core::fmt;

use abi::{FaultInfo, FaultSource, ReplyFaultReason, TaskId, UsageError};

/// Says what a task did, as the rest of a sentence that begins with its name and "faulted: ".
#[derive(Copy, Clone, Debug)]
pub struct Described<'a> {
    /// What it did.
    pub fault: FaultInfo,
    /// The names of all tasks, by index.
    pub names: &'a [&'a str],
    /// The message with which it panicked, if it did and the message is known.
    pub panic_message: Option<&'a [u8]>,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            FaultInfo::MemoryAccess { address, source } => {
                f.write_str(match source {
                    FaultSource::User => "it touched memory that is not its own",
                    FaultSource::Kernel => "it gave the kernel memory that is not its own",
                })?;
                at(f, address)
            }
            FaultInfo::StackOverflow { address } => {
                f.write_str("its stack overflowed")?;
                at(f, Some(address))
            }
            FaultInfo::BusError { address, source } => {
                f.write_str(match source {
                    FaultSource::User => "bus error",
                    FaultSource::Kernel => "bus error in memory that it gave the kernel",
                })?;
                at(f, address)
            }
            FaultInfo::DivideByZero => f.write_str("it divided by zero"),
            FaultInfo::IllegalText => f.write_str("it jumped to where it may not execute"),
            FaultInfo::IllegalInstruction => f.write_str("illegal instruction"),
            FaultInfo::InvalidOperation(status) => {
                write!(f, "invalid operation (fault status {status:#x})")
            }
            FaultInfo::SyscallUsage(error) => {
                write!(f, "it misused a system call: {}", usage(error))
            }
            FaultInfo::Panic => match self.panic_message {
                // Most begin with that word.
                Some(message) if message.starts_with(b"panicked") => {
                    write!(f, "{}", OneLine(message))
                }
                Some(message) => write!(f, "panic: {}", OneLine(message)),
                None => f.write_str("panic"),
            },
            FaultInfo::Injected(by) => write!(f, "fault injected by {}", self.name(by)),
            FaultInfo::FromServer(server, reason) => {
                write!(
                    f,
                    "{} refused its message: {}",
                    self.name(server),
                    refusal(reason)
                )
            }
        }
    }
}

impl Described<'_> {
    fn name(&self, task: TaskId) -> &str {
        self.names
            .get(task.index())
            .copied()
            .unwrap_or("an unknown task")
    }
}

fn at(f: &mut fmt::Formatter<'_>, address: Option<u32>) -> fmt::Result {
    match address {
        Some(address) => write!(f, ", at {address:#010x}"),
        None => Ok(()),
    }
}

fn usage(error: UsageError) -> &'static str {
    match error {
        UsageError::BadSyscallNumber => "no such call",
        UsageError::InvalidSlice => {
            "a slice wraps the address space, or the lease table is not aligned"
        }
        UsageError::TaskOutOfRange => "no such task",
        UsageError::IllegalTask => "that task cannot be the target",
        UsageError::LeaseOutOfRange => "no such lease",
        UsageError::OffsetOutOfRange => "offset behind the end of the lease",
        UsageError::NoIrq => "no interrupt of its own behind that notification",
        UsageError::BadKernelMessage => "a message that the kernel does not understand",
        UsageError::BadReplyFaultReason => "no such reason to fault a sender",
        UsageError::NotSupervisor => "app.toml does not grant it that",
        UsageError::ReplyTooBig => "reply longer than the sender has room for",
    }
}

fn refusal(reason: ReplyFaultReason) -> &'static str {
    match reason {
        ReplyFaultReason::UndefinedOperation => "no such operation",
        ReplyFaultReason::BadMessageSize => "wrong length",
        ReplyFaultReason::BadMessageContents => "contents that cannot be decoded",
        ReplyFaultReason::BadLeases => "wrong leases",
        ReplyFaultReason::ReplyBufferTooSmall => "no room for the reply",
        ReplyFaultReason::AccessViolation => "app.toml does not allow it the operation",
    }
}

/// Text from another task, kept to one line of printable ASCII.
#[derive(Copy, Clone, Debug)]
pub struct OneLine<'a>(pub &'a [u8]);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.iter().try_for_each(|&byte| {
            f.write_char(match byte {
                b' '..=b'~' => char::from(byte),
                b'\n' | b'\r' | b'\t' => ' ',
                _ => '?',
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(fault: FaultInfo, panic_message: Option<&[u8]>) -> String {
        Described {
            fault,
            names: &["jefe", "uart"],
            panic_message,
        }
        .to_string()
    }

    #[test]
    fn every_kind_of_fault_has_words() {
        let address = Some(0x4020_0000);
        let access = FaultInfo::MemoryAccess {
            address,
            source: FaultSource::User,
        };
        assert_eq!(
            words(access, None),
            "it touched memory that is not its own, at 0x40200000"
        );
        let overflow = FaultInfo::StackOverflow { address: 0x10 };
        assert_eq!(words(overflow, None), "its stack overflowed, at 0x00000010");
        let bus = FaultInfo::BusError {
            address: None,
            source: FaultSource::Kernel,
        };
        assert_eq!(
            words(bus, None),
            "bus error in memory that it gave the kernel"
        );
        assert_eq!(
            words(FaultInfo::Injected(TaskId(1 << 10 | 1)), None),
            "fault injected by uart"
        );
        assert_eq!(
            words(FaultInfo::Injected(TaskId(9)), None),
            "fault injected by an unknown task"
        );
        let refused = FaultInfo::FromServer(TaskId(0), ReplyFaultReason::AccessViolation);
        assert_eq!(
            words(refused, None),
            "jefe refused its message: app.toml does not allow it the operation"
        );
        let misuse = FaultInfo::SyscallUsage(UsageError::NoIrq);
        assert!(words(misuse, None).starts_with("it misused a system call: no interrupt"));
        assert_eq!(
            words(FaultInfo::InvalidOperation(0x16), None),
            "invalid operation (fault status 0x16)"
        );
    }

    #[test]
    fn a_panic_message_stays_on_one_line() {
        assert_eq!(words(FaultInfo::Panic, None), "panic");
        assert_eq!(
            words(
                FaultInfo::Panic,
                Some(b"panicked at main.rs:3: no\nway\x1b[2J\xff")
            ),
            "panicked at main.rs:3: no way?[2J?"
        );
    }
}
