// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the prober executes, and what it says to its supervisor.

/// Answers the number of the access to go on with. The message is the address where the prober writes the number of the access
/// that it is about to try, as one word.
pub const BEGIN: u16 = 1;
/// An access did not fault: its number, as one word.
pub const ALLOWED: u16 = 2;
/// All were tried.
pub const DONE: u16 = 3;

/// MRC and MCR of one coprocessor, in every encoding: opc1, CRn, CRm and opc2 have 14 bits, the direction is one more.
const REGISTERS: u32 = 1 << 15;
/// MRRC and MCRR of one coprocessor: opc1 and CRm have 8 bits.
const PAIRS: u32 = 1 << 9;
/// LDC and STC of one coprocessor: CRd has 4 bits, and the long form is another.
const MEMORY: u32 = 1 << 6;

/// How many accesses there are, numbered from 0: first MCR and MRC, then MCRR and MRRC, then STC and LDC; of each kind first those
/// of coprocessor 14, then those of coprocessor 15.
pub const ACCESSES: u32 = 2 * (REGISTERS + PAIRS + MEMORY);

/// One access, for people.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Access(pub u32);

impl core::fmt::Display for Access {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let field = |number: u32, shift: u32, bits: u32| number >> shift & ((1 << bits) - 1);
        let number = self.0;
        if number < 2 * REGISTERS {
            let name = ["mcr", "mrc"][field(number, 14, 1) as usize];
            let coprocessor = 14 + number / REGISTERS;
            let [opc1, crn] = [field(number, 11, 3), field(number, 7, 4)];
            let [crm, opc2] = [field(number, 3, 4), field(number, 0, 3)];
            write!(f, "{name} p{coprocessor}, {opc1}, c{crn}, c{crm}, {opc2}")
        } else if number < 2 * (REGISTERS + PAIRS) {
            let number = number - 2 * REGISTERS;
            let name = ["mcrr", "mrrc"][field(number, 8, 1) as usize];
            let coprocessor = 14 + number / PAIRS;
            let [opc1, crm] = [field(number, 4, 4), field(number, 0, 4)];
            write!(f, "{name} p{coprocessor}, {opc1}, c{crm}")
        } else {
            let number = number - 2 * (REGISTERS + PAIRS);
            let name = ["stc", "ldc", "stcl", "ldcl"][field(number, 4, 2) as usize];
            let coprocessor = 14 + number / MEMORY;
            write!(f, "{name} p{coprocessor}, c{}", field(number, 0, 4))
        }
    }
}
