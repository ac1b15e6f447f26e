// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Places that a trace of the machine is cut at: to whoever reads it, the address of each function is a moment.

use core::arch::asm;

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal, $number:literal;)*) => {
        $(
            $(#[$doc])*
            #[unsafe(export_name = $symbol)]
            #[inline(never)]
            pub extern "C" fn $name() {
                // Each has another number, or they would be made one.
                // Safety: does nothing.
                unsafe { asm!("mov r0, #{number}", number = const $number, out("r0") _, options(nostack, preserves_flags)) }
            }
        )*
    };
}

marks! {
    /// The first answer of the platform is here.
    first_answer = "bench_mark_first_answer", 1;
    /// A measured piece of work begins when this returns.
    begin = "bench_mark_begin", 2;
    /// A measured piece of work has ended when this is called.
    end = "bench_mark_end", 3;
    /// The subscriber runs: an event was notified to it.
    event = "bench_mark_event", 4;
}
