// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The books of the table, checked against one another: for tests, models and fuzzers.

use super::Table;
use crate::error::ensure;
use crate::events::counts::Counts;

/// Checks the books of the table against one another.
pub(crate) fn audit(table: &Table<'_>) -> Result<(), &'static str> {
    let (mut left, mut held, mut wishes) = (Counts::NONE, Counts::NONE, 0);
    for (number, node) in table.entries.iter().enumerate() {
        if !node.links.used {
            ensure(!node.place.is_queued(), "a free entry is looked at")?;
            ensure(!node.links.left, "a free entry counts to a client")?;
            continue;
        }
        for client in node.entry.users().iter() {
            held.add(client, 1);
        }
        if node.links.left {
            left.add(node.place.lane(), 1);
            let unwanted = node.entry.users().is_empty();
            ensure(unwanted, "an entry that was left has users")?;
        }
        let reachable = table.find(node.entry.key());
        ensure(reachable == Some(number as u16), "an entry cannot be found")?;
        let mut place = node.links.wishes;
        while let Some(node) = table.node(u16::from(place)) {
            wishes += 1;
            place = node.links.wish.next;
        }
    }
    ensure(left == table.left, "what clients left is miscounted")?;
    ensure(
        held == table.held,
        "a client's subscriptions are miscounted",
    )?;
    let mut free = table.free_wish;
    while let Some(node) = table.node(u16::from(free)) {
        wishes += 1;
        free = node.links.wish.next;
    }
    ensure(wishes == table.entries.len(), "a wish is lost")?;
    table.lanes.audit(table.entries)
}
