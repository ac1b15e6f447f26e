// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Stops a build outside an image with a message that says how the task is built; it would not link.

fn main() {
    build_util::task_name();
}
