// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The task that owns the virtio SCMI device: see the library.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg_attr(target_os = "none", unsafe(export_name = "main"))]
fn main() -> ! {
    drv_virtio_scmi_server::serve()
}
