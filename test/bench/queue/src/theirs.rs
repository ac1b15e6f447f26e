// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The queue of `virtio-drivers`, by its public interface: buffers are given by reference for every request.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr, Result};

use crate::device::Device;
use crate::{DEPTH, Queue, RING, Slot};

/// Addresses are those of the process: sharing costs nothing, as on an identity-mapped machine.
struct Identity;

fn pages_layout(pages: usize) -> Layout {
    Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE).expect("a few pages")
}

// Safety: `dma_alloc` gives zeroed pages that are nobody else's until `dma_dealloc`, and addresses are process addresses.
unsafe impl Hal for Identity {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let layout = pages_layout(pages);
        // Safety: the layout is not empty, for the queue asks for at least a page.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(memory) = NonNull::new(memory) else {
            handle_alloc_error(layout)
        };
        (memory.as_ptr().expose_provenance() as PhysAddr, memory)
    }

    unsafe fn dma_dealloc(_: PhysAddr, memory: NonNull<u8>, pages: usize) -> i32 {
        // Safety: the queue gives back what `dma_alloc` gave.
        unsafe { dealloc(memory.as_ptr(), pages_layout(pages)) };
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("there are no registers")
    }

    #[inline]
    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().expose_provenance() as PhysAddr
    }

    #[inline]
    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

/// Learns where the queue lies; nothing else is asked of it.
#[derive(Default)]
struct Places([u64; 3]);

impl Transport for Places {
    fn device_type(&self) -> DeviceType {
        DeviceType::Block
    }
    fn read_device_features(&mut self) -> u64 {
        0
    }
    fn write_driver_features(&mut self, _: u64) {}
    fn max_queue_size(&mut self, _: u16) -> u32 {
        RING as u32
    }
    fn notify(&mut self, _: u16) {}
    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::empty()
    }
    fn set_status(&mut self, _: DeviceStatus) {}
    fn set_guest_page_size(&mut self, _: u32) {}
    fn requires_legacy_layout(&self) -> bool {
        false
    }
    fn queue_set(&mut self, _: u16, _: u32, table: PhysAddr, driver: PhysAddr, device: PhysAddr) {
        self.0 = [table, driver, device];
    }
    fn queue_unset(&mut self, _: u16) {}
    fn queue_used(&mut self, _: u16) -> bool {
        false
    }
    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::empty()
    }
    fn read_config_generation(&self) -> u32 {
        0
    }
    fn read_config_space<T>(&self, _: usize) -> Result<T> {
        Err(virtio_drivers::Error::ConfigSpaceMissing)
    }
    fn write_config_space<T>(&mut self, _: usize, _: T) -> Result<()> {
        Err(virtio_drivers::Error::ConfigSpaceMissing)
    }
}

pub struct Theirs {
    queue: VirtQueue<Identity, RING>,
    slots: NonNull<[Slot; DEPTH]>,
    /// Whose buffers a token stands for: the queue wants them back, and the device says only the token.
    slot_of: [u8; RING],
}

/// The queue, and its device.
pub fn start(slots: NonNull<[Slot; DEPTH]>) -> (Theirs, Device) {
    let mut places = Places::default();
    let queue = VirtQueue::new(&mut places, 0, false, true).expect("the size is right");
    let theirs = Theirs {
        queue,
        slots,
        slot_of: [0; RING],
    };
    (theirs, Device::new(places.0))
}

impl Queue for Theirs {
    #[inline]
    fn add(&mut self, slot: usize) {
        // Safety: the slots live for ever, and nobody but the device touches them until `pop_used`.
        let token = unsafe {
            let place = &raw mut (*self.slots.as_ptr())[slot];
            self.queue
                .add(&[&(*place).request], &mut [&mut (*place).reply])
        };
        let token = token.expect("there is room");
        self.slot_of[usize::from(token)] = slot as u8;
    }

    #[inline]
    fn kick(&mut self) -> bool {
        self.queue.should_notify()
    }

    #[inline]
    fn take(&mut self) -> Option<(usize, u32)> {
        let token = self.queue.peek_used()?;
        let slot = usize::from(self.slot_of[usize::from(token)]);
        // Safety: these are the buffers that were given with this token.
        let len = unsafe {
            let place = &raw mut (*self.slots.as_ptr())[slot];
            self.queue
                .pop_used(token, &[&(*place).request], &mut [&mut (*place).reply])
        };
        Some((slot, len.expect("the device is sane")))
    }

    /// `pop_used` has done it, for every answer.
    #[inline]
    fn arm(&mut self) {}
}
