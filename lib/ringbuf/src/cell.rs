// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A static that is changed in place.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// Holds a value that one user at a time may change.
///
/// A second user, which in a task can only be the first one calling itself, is turned away instead of waiting or panicking.
#[derive(Debug)]
pub struct StaticCell<T> {
    busy: AtomicBool,
    value: UnsafeCell<T>,
}

// Safety: `try_with` hands the value to one user at a time, whichever thread it runs on; that moves access between threads, so the value
// must be `Send`.
unsafe impl<T: Send> Sync for StaticCell<T> {}

impl<T> StaticCell<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self {
            busy: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Runs `user` on the value, or returns `None` at once when it is in use.
    pub fn try_with<R>(&self, user: impl FnOnce(&mut T) -> R) -> Option<R> {
        struct Release<'a>(&'a AtomicBool);
        impl Drop for Release<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }

        if self.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        // Released when `user` unwinds, too.
        let _release = Release(&self.busy);
        // Safety: `busy` was clear and is now set, so until `_release` is dropped there is no other reference to the value.
        let value = unsafe { &mut *self.value.get() };
        Some(user(value))
    }
}
