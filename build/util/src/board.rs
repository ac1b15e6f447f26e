// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Conditional compilation by board and processor.

use anyhow::Result;

use crate::image::{env_var, or_stop, target};

/// Sets `cfg(target_board = "...")` to the image's `board`.
///
/// # Panics
///
/// Outside an image. The message says how to build it.
pub fn expose_target_board() {
    println!("cargo::rustc-check-cfg=cfg(target_board, values(any()))");
    let board = or_stop(env_var("HUBRIS_BOARD"));
    println!("cargo::rustc-cfg=target_board={board:?}");
}

/// Sets `cfg(armv7a)` when building for an ARMv7-A processor.
///
/// # Errors
///
/// Never: upstream's can fail, so build scripts take the result apart.
///
/// # Panics
///
/// Outside a build script.
pub fn expose_a_profile() -> Result<()> {
    println!("cargo::rustc-check-cfg=cfg(armv7a)");
    if target().starts_with("armv7a") {
        println!("cargo::rustc-cfg=armv7a");
    }
    Ok(())
}

/// Sets `cfg(armv6m)`, `cfg(armv7m)` or `cfg(armv8m)` when building for such a processor, which our images never are: for drivers that ask.
///
/// # Errors
///
/// Never: upstream's can fail, so build scripts take the result apart.
///
/// # Panics
///
/// Outside a build script.
pub fn expose_m_profile() -> Result<()> {
    println!("cargo::rustc-check-cfg=cfg(armv6m, armv7m, armv8m)");
    let target = target();
    for (prefix, name) in [
        ("thumbv6m", "armv6m"),
        ("thumbv7", "armv7m"),
        ("thumbv8m", "armv8m"),
    ] {
        if target.starts_with(prefix) && !target.starts_with("thumbv7a") {
            println!("cargo::rustc-cfg={name}");
        }
    }
    Ok(())
}
