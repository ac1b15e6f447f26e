// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `peripherals.rs`: addresses and interrupts of the devices that this task uses.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::config::parse;
use crate::image::{env_var, out_dir};

/// A device, as `chip.toml` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Peripheral {
    /// The first address of its registers.
    pub address: u32,
    /// The bytes that they take.
    pub size: u32,
    /// Its interrupts: name to the interrupt controller's identifier.
    #[serde(default)]
    pub interrupts: BTreeMap<String, u16>,
}

/// The peripherals that this task `uses`, by name.
///
/// # Errors
///
/// Outside an image.
pub fn peripherals() -> Result<BTreeMap<String, Peripheral>> {
    parse(
        &env_var("HUBRIS_CHIP_CONFIG")?,
        "the peripherals of chip.toml",
    )
}

/// Writes `$OUT_DIR/peripherals.rs`, for the task to include in its crate root: `mod peripherals` with one module for each peripheral that it
/// `uses`, which holds `ADDRESS: usize` and `SIZE: usize` in bytes.
///
/// # Errors
///
/// Outside an image.
pub fn build_peripherals() -> Result<()> {
    let path = out_dir().join("peripherals.rs");
    fs::write(&path, generate(&peripherals()?)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn generate(peripherals: &BTreeMap<String, Peripheral>) -> Result<String> {
    let mut text = String::from(
        "/// The devices that this task uses, as chip.toml describes them.\n#[allow(dead_code, missing_docs)]\npub mod peripherals {\n",
    );
    for (name, Peripheral { address, size, .. }) in peripherals {
        let module = name.replace('-', "_");
        writeln!(
            text,
            "pub mod {module} {{\npub const ADDRESS: usize = {address:#x};\npub const SIZE: usize = {size:#x};\n}}"
        )?;
    }
    text += "}\n";
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peripheral_becomes_constants() {
        let text = "[uart]\naddress = 0x900_0000\nsize = 4096\ninterrupts = { irq = 33 }\n";
        let peripherals: BTreeMap<String, Peripheral> = parse(text, "chip.toml").unwrap();
        assert_eq!(peripherals["uart"].interrupts["irq"], 33);
        let code = generate(&peripherals).unwrap();
        assert!(
            code.contains("pub mod uart {\npub const ADDRESS: usize = 0x9000000;"),
            "{code}"
        );
        assert!(code.contains("pub const SIZE: usize = 0x1000;"), "{code}");
    }
}
