// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What may be done with a lease, as types.

/// Access to a lease: read.
#[derive(Copy, Clone, Debug)]
pub enum R {}
/// Access to a lease: write.
#[derive(Copy, Clone, Debug)]
pub enum W {}
/// Access to a lease: read and write.
#[derive(Copy, Clone, Debug)]
pub enum RW {}

/// Access that includes reading.
pub trait AttributeRead {}
/// Access that includes writing.
pub trait AttributeWrite {}

impl AttributeRead for R {}
impl AttributeRead for RW {}
impl AttributeWrite for W {}
impl AttributeWrite for RW {}
