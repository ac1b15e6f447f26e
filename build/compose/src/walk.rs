// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a walk of translation tables finds, in the terms that all formats of tables have in common.

use std::collections::BTreeMap;

/// What a mode may do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Load from it.
    pub read: bool,
    /// Store to it.
    pub write: bool,
    /// Execute it.
    pub execute: bool,
}

impl Rights {
    /// Nothing at all.
    pub const NONE: Self = Self {
        read: false,
        write: false,
        execute: false,
    };
}

/// What memory of a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Write-back, write-allocate, shareable with other processors.
    Normal,
    /// Registers, shareable.
    Device,
    /// Anything else: an error of ours.
    Other,
}

/// A page that a table maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its address in memory.
    pub physical: u32,
    /// What it is.
    pub kind: Kind,
    /// Whether all address spaces have it.
    pub global: bool,
    /// What the kernel may do.
    pub privileged: Rights,
    /// What the task may do.
    pub user: Rights,
    /// Whether nobody may execute it, be it readable or not.
    pub execute_never: bool,
    /// Whether the kernel may not execute anything in this part of memory: the smallest of which a table can say so.
    pub privileged_execute_never: bool,
    /// Whether the page's own entry keeps the kernel from executing it, where an entry can say that; else what the table says.
    pub page_never_privileged: bool,
}

/// Why a walk ended early, other than at a page that is not mapped.
pub type Broken = String;

/// Every page that a table maps, by its address.
pub type Space = BTreeMap<u32, Mapping>;
