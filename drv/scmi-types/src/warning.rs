// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the driver can work with although somebody should know, for people.

use core::fmt;

use crate::{InfoFlags, NO_TRANSPORT, ScmiInfo};

/// Something that is not as it should be. Its `Display` says what, and what to do.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Warning {
    /// The driver does not get the interrupt of the device's slot, which is this.
    NoInterrupt(u8),
    /// The device's interrupt is held off: it came again and again, and there was nothing to do.
    InterruptHeldOff,
    /// These slots of the device's page are not empty, a bit each.
    Neighbours(u32),
}

impl ScmiInfo {
    /// Everything that should be changed in the machine or in `app.toml`.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> + use<> {
        let found = self.transport != NO_TRANSPORT;
        let interrupt = found && self.flags.contains(InfoFlags::NO_INTERRUPT);
        let held_off = found && self.flags.contains(InfoFlags::INTERRUPT_HELD_OFF);
        let neighbours = found && self.neighbours != 0;
        [
            interrupt.then_some(Warning::NoInterrupt(self.transport)),
            held_off.then_some(Warning::InterruptHeldOff),
            neighbours.then_some(Warning::Neighbours(self.neighbours)),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoInterrupt(slot) => write!(
                f,
                "no interrupt: the driver looks at the device by timer; give it \"virtio_mmio.slot{slot}\" in app.toml"
            ),
            Self::InterruptHeldOff => f.write_str(
                "the device's interrupt is held off, because it came again and again without work: the driver looks at the device by timer",
            ),
            Self::Neighbours(slots) => {
                f.write_str(
                    "the device's 4 KiB page is not its own: the driver can reach what is in slot",
                )?;
                for slot in (0..u32::BITS).filter(|slot| slots & 1 << slot != 0) {
                    write!(f, " {slot}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(flags: InfoFlags, neighbours: u32, transport: u8) -> Vec<String> {
        let info = ScmiInfo {
            flags,
            neighbours,
            transport,
            ..ScmiInfo::default()
        };
        info.warnings().map(|warning| warning.to_string()).collect()
    }

    #[test]
    fn each_warning_names_its_slots() {
        assert!(warnings(InfoFlags::empty(), 0, 31).is_empty());
        let both = warnings(InfoFlags::NO_INTERRUPT, 1 << 29 | 1 << 31, 30);
        assert!(both[0].ends_with("give it \"virtio_mmio.slot30\" in app.toml"));
        assert!(both[1].ends_with("what is in slot 29 31"));
        let held_off = warnings(InfoFlags::INTERRUPT_HELD_OFF, 0, 31);
        assert_eq!(held_off.len(), 1);
        assert!(held_off[0].starts_with("the device's interrupt is held off"));
        // Without a device there is nothing to warn of.
        assert!(warnings(InfoFlags::NO_INTERRUPT, 1, NO_TRANSPORT).is_empty());
    }
}
