// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an assistant can be told.
//!
//! An order is a message of [`Order`] words; the answer is [`ANSWER`] words. An order that ends the assistant's life is answered
//! by the kernel, with a dead code.

/// How many words an order has: what the operation takes, eight at most.
pub type Order = [u32; 8];

/// How many words an answer has.
pub type Answer = [u32; 8];

/// Answers the addresses that [`place`] names, by index.
pub const PLACES: u16 = 1;
/// Makes the system call whose registers r4 to r11 the order holds, and answers what they hold then.
pub const CALL: u16 = 2;
/// Answers at once, then writes [`MARK`] into the thread register, claims the buffer's first word by a load-exclusive, and does what
/// [`CALL`] does. [`RESULT`] tells what came of it.
pub const CALL_LATER: u16 = 3;
/// Answers the registers of the last [`CALL_LATER`] that came back.
pub const RESULT: u16 = 4;
/// Answers in word 0 how many calls of [`CALL_LATER`] came back in this life.
pub const RETURNED: u16 = 5;
/// Executes the instruction that [`instruction`] numbers, with the words after it; answers what it gave in word 0.
pub const EXECUTE: u16 = 6;
/// Reads the word at an address.
pub const READ: u16 = 7;
/// Writes words to an address: address, how many (6 at most), the words.
pub const WRITE: u16 = 8;
/// Jumps to an address.
pub const JUMP: u16 = 9;
/// Calls itself until the stack is full.
pub const RECURSE: u16 = 10;
/// Writes far below the stack, as a function with a frame larger than a page does.
pub const LARGE_FRAME: u16 = 11;
/// Panics.
pub const PANIC: u16 = 12;
/// Answers r4 to r11 as they were when this life began.
pub const FIRST_REGISTERS: u16 = 13;
/// Makes the system call whose registers r4 to r11 the order holds, and answers how many cycles passed until it came back: under
/// `-icount shift=0`, how many instructions were executed. Only for one who may use the performance counters.
pub const COST: u16 = 14;
/// Looks at the cycle counter again and again, as often as the first word says, and answers the shortest and the longest time between two
/// looks. The longest is that of an interrupt, if one came.
pub const GAP: u16 = 15;

/// Answers the thread register as it was when this life began, and whether a store-exclusive to the buffer's first word still
/// succeeded then (0).
pub const FIRST_STATE: u16 = 16;
/// Answers whether a store-exclusive to the buffer's first word still succeeded (0) when the last [`CALL_LATER`] came back, which claimed
/// it before.
pub const CLAIM: u16 = 17;
/// What [`CALL_LATER`] writes into the thread register.
pub const MARK: u32 = 0x005e_c2e7;

/// Positions in the answer to [`PLACES`].
pub mod place {
    /// A buffer of [`BUFFER_LEN`](super::BUFFER_LEN) bytes, aligned to 4, zero at the start of a life.
    pub const BUFFER: usize = 0;
    /// An address in its text.
    pub const TEXT: usize = 1;
    /// An address in its constants.
    pub const CONSTANT: usize = 2;
    /// An initialised variable; its value at the start of a life is [`VARIABLE`](super::VARIABLE).
    pub const VARIABLE: usize = 3;
    /// An address on its stack.
    pub const STACK: usize = 4;
    /// Memory that a device may write.
    pub const SHARED: usize = 5;
}

/// The length of the buffer.
pub const BUFFER_LEN: usize = 256;
/// The initial value of the variable.
pub const VARIABLE: u32 = 0x1234_5678;

/// Instructions that [`EXECUTE`] knows.
pub mod instruction {
    macro_rules! numbered {
        ($($(#[$doc:meta])* $name:ident)*) => {
            numbered!(0, $($(#[$doc])* $name)*);
        };
        ($n:expr, $(#[$doc:meta])* $name:ident $($rest:tt)*) => {
            $(#[$doc])*
            pub const $name: u32 = $n;
            numbered!($n + 1, $($rest)*);
        };
        ($n:expr,) => {};
    }
    numbered! {
        /// Permanently undefined.
        UNDEFINED
        /// Permanently undefined, in Thumb state.
        THUMB_UNDEFINED
        /// A coprocessor that does not exist.
        NO_COPROCESSOR
        /// Single-precision addition.
        FLOAT_ADD
        /// Reading the floating-point status.
        FLOAT_STATUS
        /// Vector addition.
        VECTOR_ADD
        /// Reading the system control register.
        READ_SCTLR
        /// Writing the system control register.
        WRITE_SCTLR
        /// Writing the translation table base.
        WRITE_TTBR0
        /// Writing the address space identifier.
        WRITE_CONTEXTIDR
        /// Invalidating the TLB.
        INVALIDATE_TLB
        /// Invalidating the instruction cache.
        INVALIDATE_ICACHE
        /// Reading the main identification register.
        READ_MIDR
        /// Reading the vector base.
        READ_VBAR
        /// Reading the coprocessor access register.
        READ_CPACR
        /// Reading the cycle counter of the performance monitor.
        READ_CYCLES
        /// Writing the user enable register of the performance monitor.
        WRITE_PMUSERENR
        /// Reading the virtual counter.
        READ_COUNTER
        /// Reading the counter's frequency.
        READ_FREQUENCY
        /// Reading the base of the ThumbEE handlers.
        READ_TEEHBR
        /// Writing the base of the ThumbEE handlers.
        WRITE_TEEHBR
        /// Writing the physical timer's control.
        WRITE_TIMER
        /// Calling the hypervisor.
        HVC
        /// Calling the secure monitor.
        SMC
        /// A breakpoint.
        BREAKPOINT
        /// A breakpoint with another immediate.
        BREAKPOINT_FFFF
        /// `cpsid if`: no effect; gives the program status.
        MASK_INTERRUPTS
        /// `msr cpsr_c` to supervisor mode: no effect; gives the program status.
        CHANGE_MODE
        /// `svc` with an immediate: REFRESH_TASK_ID of task 0.
        SVC_IMMEDIATE
        /// `svc` from Thumb state: REFRESH_TASK_ID of task 0.
        SVC_THUMB
        /// A system call in big-endian state: REFRESH_TASK_ID of task 0.
        SVC_BIG_ENDIAN
        /// Loads a word from an odd address: the low word of the buffer from byte 1 on.
        UNALIGNED_LOAD
        /// Loads two registers from an odd address.
        UNALIGNED_MULTIPLE
        /// Stores two registers to an odd address.
        UNALIGNED_STORE_MULTIPLE
        /// Loads a register pair from an odd address.
        UNALIGNED_DOUBLE
        /// Loads exclusively from an odd address.
        UNALIGNED_EXCLUSIVE
        /// Writes the user's own thread register with the order's next word.
        WRITE_THREAD_REGISTER
        /// Reads the user's own thread register.
        READ_THREAD_REGISTER
        /// Reads the read-only thread register.
        READ_THREAD_ONLY_REGISTER
        /// Makes a system call and gives 0 if it changed no register other than its results, nor the flags.
        REGISTERS_KEPT
        /// Divides by zero, which gives 0 on this hardware.
        DIVIDE
    }
}
