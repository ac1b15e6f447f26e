// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The number of tasks in the image, and with the feature `task-enum` an enumeration of them.
//!
//! Outside an image, where there are no tasks, the number is 1 and the one task is called `host`.

#![no_std]

include!(concat!(env!("OUT_DIR"), "/num_tasks.rs"));

#[cfg(feature = "task-enum")]
impl TryFrom<usize> for Task {
    type Error = ();

    /// The task with that index.
    fn try_from(index: usize) -> Result<Self, ()> {
        Self::ALL.get(index).copied().ok_or(())
    }
}
