// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo-mutants`, for `cargo xtask mutants` alone.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Mode;
use super::tool::Tool;

const MUTANTS: Tool = Tool {
    name: "cargo-mutants",
    // The version whose results we read.
    version: "27.1.0",
    ask: &["mutants", "--version"],
    what: "cargo-mutants",
};

/// Finds the program, or builds it from the package registry into our own tools folder.
///
/// # Errors
///
/// It cannot be fetched or built.
pub fn ensure() -> Result<PathBuf> {
    MUTANTS
        .ensure(Mode::Install, |_| ())?
        .context("cargo-mutants was not installed")
}
