// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Leases as the kernel reads them.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What the borrower of a lease may do.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct LeaseAttributes(u32);

bitflags! {
    impl LeaseAttributes: u32 {
        /// The borrower may read.
        const READ = 1 << 0;
        /// The borrower may write.
        const WRITE = 1 << 1;
    }
}

/// One entry of the lease table that a sender passes: 12 bytes, 4-byte aligned.
///
/// Every bit pattern is a valid value; what the attributes mean for undefined bits is: nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ULease {
    /// What the borrower may do.
    pub attributes: LeaseAttributes,
    /// First address, in the lender's address space.
    pub base_address: u32,
    /// Length in bytes.
    pub length: u32,
}

const _: () = assert!(size_of::<ULease>() == 12 && align_of::<ULease>() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_table_entry_bytes() {
        let lease = ULease {
            attributes: LeaseAttributes::WRITE,
            base_address: 0x4020_1234,
            length: 0x80,
        };
        assert_eq!(
            lease.as_bytes(),
            [2, 0, 0, 0, 0x34, 0x12, 0x20, 0x40, 0x80, 0, 0, 0]
        );
        assert_eq!(ULease::read_from_bytes(lease.as_bytes()).unwrap(), lease);
        assert_eq!((LeaseAttributes::READ | LeaseAttributes::WRITE).bits(), 3);
    }
}
