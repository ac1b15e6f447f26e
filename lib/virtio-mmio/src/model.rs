// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A device for host tests that panics on whatever a driver must not do.

use crate::bits::Features;
use crate::registers::{Readable, Registers, Writable};

/// A modelled device.
pub struct Model {
    _device_id: u32,
}

impl Model {
    /// A device with this id that offers these features and has queues of these largest sizes.
    pub fn new(device_id: u32, _features: Features, _queues: &[u16]) -> Self {
        Self {
            _device_id: device_id,
        }
    }
}

impl Registers for Model {
    fn read(&mut self, _register: Readable) -> u32 {
        todo!()
    }
    fn write(&mut self, _register: Writable, _value: u32) {
        todo!()
    }
}
