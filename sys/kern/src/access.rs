// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Which memory a task may offer to the kernel.

use abi::{FaultInfo, FaultSource, UsageError};

use crate::desc::{RegionAttributes, RegionDesc};

/// A range of a task's address space, as a task gave it: it does not wrap, and nothing else about it is known.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    base: u32,
    length: u32,
}

impl Slice {
    /// Takes a base address and a length in bytes. An empty slice may be anywhere.
    ///
    /// # Errors
    ///
    /// The slice wraps, or touches the last byte of the address space.
    #[inline(always)]
    pub fn new(base: u32, length: u32) -> Result<Self, FaultInfo> {
        if base.checked_add(length).is_none() && length != 0 {
            return Err(INVALID_SLICE);
        }
        Ok(Self { base, length })
    }

    /// Takes the base address and the number of elements of a table of 4-byte aligned elements of `SIZE` bytes.
    ///
    /// # Errors
    ///
    /// The table wraps, or is not aligned.
    #[inline(always)]
    pub fn table<const SIZE: u32>(base: u32, elements: u32) -> Result<Self, FaultInfo> {
        if elements == 0 {
            return Ok(Self { base, length: 0 });
        }
        // A comparison, since a product that may not fit takes a multiplication of twice the width.
        if elements > u32::MAX / SIZE || !base.is_multiple_of(4) {
            return Err(INVALID_SLICE);
        }
        Self::new(base, elements * SIZE)
    }

    /// The first address.
    #[inline(always)]
    pub fn base(self) -> u32 {
        self.base
    }

    /// The length in bytes.
    #[inline(always)]
    pub fn length(self) -> u32 {
        self.length
    }

    /// The address after the last byte.
    #[inline(always)]
    fn end(self) -> u32 {
        self.base.wrapping_add(self.length)
    }

    /// What is left behind the first `offset` bytes; `None` when there are not as many.
    #[inline(always)]
    pub fn skip(self, offset: u32) -> Option<Self> {
        let length = self.length.checked_sub(offset)?;
        Some(Self {
            base: self.base.wrapping_add(offset),
            length,
        })
    }

    /// The first `length` bytes, or all when there are fewer.
    #[inline(always)]
    pub fn limit(self, length: u32) -> Self {
        Self {
            base: self.base,
            length: self.length.min(length),
        }
    }

    /// Whether the two have a byte in common.
    #[inline(always)]
    pub fn overlaps(self, other: Self) -> bool {
        self.length != 0 && other.length != 0 && self.base < other.end() && other.base < self.end()
    }

    /// Whether `address` lies in it.
    pub fn contains(self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.length
    }
}

const INVALID_SLICE: FaultInfo = FaultInfo::SyscallUsage(UsageError::InvalidSlice);

/// What an access needs of every region that it touches.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Access {
    /// What the region must allow.
    pub needs: RegionAttributes,
    /// What the region must not be.
    pub refuses: RegionAttributes,
}

impl Access {
    /// Reading a message, a lease table, or out of a lease.
    pub const READ: Self = Self {
        needs: RegionAttributes::READ,
        refuses: RegionAttributes::DEVICE.union(RegionAttributes::DMA),
    };
    /// Writing a message, or into a lease.
    pub const WRITE: Self = Self {
        needs: RegionAttributes::WRITE,
        refuses: Self::READ.refuses,
    };
    /// A borrower giving bytes: they may come from memory that it shares with a device.
    pub const BORROWER_READ: Self = Self {
        needs: RegionAttributes::READ,
        refuses: RegionAttributes::DEVICE,
    };
    /// A borrower taking bytes: they may go to memory that it shares with a device.
    pub const BORROWER_WRITE: Self = Self {
        needs: RegionAttributes::WRITE,
        refuses: RegionAttributes::DEVICE,
    };

    const fn allows(self, attributes: RegionAttributes) -> bool {
        attributes.contains(self.needs) && !attributes.intersects(self.refuses)
    }
}

/// The regions of one task, with the two that nearly every slice lies in at hand.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Regions {
    all: &'static [RegionDesc],
    home_base: u32,
    /// 0 when the home region is not ordinary memory.
    home_size: u32,
    /// The first region that the task shares with a device: where a driver's payloads come from and go to.
    shared_base: u32,
    /// 0 when there is none.
    shared_size: u32,
    /// Whether another task may write one of the regions.
    common: bool,
}

impl Regions {
    /// `stack_base` is an address in the region of the task's stack and data.
    pub fn new(all: &'static [RegionDesc], stack_base: u32) -> Self {
        let home = all.iter().find(|region| {
            stack_base.wrapping_sub(region.base) < region.size
                && Access::READ.allows(region.attributes)
                && Access::WRITE.allows(region.attributes)
        });
        let shared = all.iter().find(|region| {
            region.attributes.contains(RegionAttributes::DMA)
                && Access::BORROWER_READ.allows(region.attributes)
                && Access::BORROWER_WRITE.allows(region.attributes)
        });
        Self {
            all,
            home_base: home.map_or(0, |region| region.base),
            home_size: home.map_or(0, |region| region.size),
            shared_base: shared.map_or(0, |region| region.base),
            shared_size: shared.map_or(0, |region| region.size),
            common: all
                .iter()
                .any(|region| region.attributes.contains(RegionAttributes::SHARED)),
        }
    }

    /// Checks that the task may access every byte of `slice` as `access` says. A slice may cross from one region into
    /// the next, as the task itself could.
    ///
    /// # Errors
    ///
    /// The fault of the task, with the first address that it may not access.
    #[inline(always)]
    pub fn check(&self, slice: Slice, access: Access) -> Result<(), FaultInfo> {
        let lies_in = |base: u32, size: u32| {
            let offset = slice.base.wrapping_sub(base);
            offset <= size && slice.length <= size - offset
        };
        if lies_in(self.home_base, self.home_size) {
            return Ok(());
        }
        // What is refused is known where this is called, so that others pay nothing for it.
        if !access.refuses.intersects(RegionAttributes::DMA)
            && lies_in(self.shared_base, self.shared_size)
        {
            return Ok(());
        }
        self.check_all(slice, access)
    }

    #[inline(never)]
    fn check_all(&self, slice: Slice, access: Access) -> Result<(), FaultInfo> {
        if slice.length == 0 {
            return Ok(());
        }
        let mut at = slice.base;
        for region in self.all {
            if at < region.base {
                break;
            }
            let offset = at.wrapping_sub(region.base);
            if offset >= region.size {
                continue;
            }
            if !access.allows(region.attributes) {
                break;
            }
            if slice.end().wrapping_sub(region.base) <= region.size {
                return Ok(());
            }
            at = region.base.wrapping_add(region.size);
        }
        Err(FaultInfo::MemoryAccess {
            address: Some(at),
            source: FaultSource::Kernel,
        })
    }

    /// Checks that no other task may write to `slice`. Whether this task may access it is another question.
    ///
    /// # Errors
    ///
    /// The fault of the task that offered it, with the first address that somebody else may write.
    #[inline(always)]
    pub fn check_exclusive(&self, slice: Slice) -> Result<(), FaultInfo> {
        if self.common {
            self.check_all_exclusive(slice)
        } else {
            Ok(())
        }
    }

    #[cold]
    #[inline(never)]
    fn check_all_exclusive(&self, slice: Slice) -> Result<(), FaultInfo> {
        let common = self.all.iter().find(|region| {
            let range = Slice {
                base: region.base,
                length: region.size,
            };
            region.attributes.contains(RegionAttributes::SHARED) && range.overlaps(slice)
        });
        match common {
            Some(region) => Err(FaultInfo::MemoryAccess {
                address: Some(slice.base.max(region.base)),
                source: FaultSource::Kernel,
            }),
            None => Ok(()),
        }
    }

    /// The `number`th region that a dump of the task contains: what it may write, other than memory of devices.
    pub fn dump(&self, number: u32) -> Option<Slice> {
        self.all
            .iter()
            .filter(|region| Access::WRITE.allows(region.attributes))
            .nth(number as usize)
            .map(|region| Slice {
                base: region.base,
                length: region.size,
            })
    }
}
