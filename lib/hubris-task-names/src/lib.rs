// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The names of the image's tasks.
//!
//! Outside an image, where there are no tasks, the one name is `host`.

#![no_std]

include!(concat!(env!("OUT_DIR"), "/task_names.rs"));
