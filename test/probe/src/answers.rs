// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Judges return values: their length, reserved bits, names, and the pages of lists.

use crate::rules;
use crate::table::{Layout, List, Message, Values, word};
use crate::walk::{Answer, INVALID_PARAMETERS, LIST_LIMIT, Spoken, Walk, plain, show};

impl Walk<'_> {
    /// Judges the values of a successful reply; returns the entries of a page.
    pub(crate) fn values(
        &mut self,
        spoken: &Spoken,
        message: &Message,
        values: Values,
        answer: &Answer,
    ) -> Option<usize> {
        let bytes = &answer.values;
        let needed = match values {
            Values::Fixed { bytes, .. } => bytes,
            Values::Readings => bytes.len().div_ceil(16).max(1) * 16,
            Values::Protocols => 4 + (word(bytes, 0)? as usize).min(256).div_ceil(4) * 4,
            Values::List(list) => page_length(&list, bytes),
        };
        let right = bytes.len() == needed;
        self.rule(
            spoken,
            message,
            &rules::LENGTH,
            right,
            &format!(
                "{needed} bytes of values in version {}",
                show(spoken.version)
            ),
            answer,
        );
        if !right {
            return None;
        }
        let clean;
        match values {
            Values::Fixed { reserved, name, .. } => {
                clean = reserved
                    .iter()
                    .all(|(at, bits)| word(bytes, *at).is_some_and(|word| word & bits == 0));
                if let Some((at, length)) = name {
                    let field = &bytes[at..at + length];
                    let end = field.iter().position(|byte| *byte == 0);
                    let printable = end.is_some_and(|end| {
                        field[..end].iter().all(|byte| (0x20..0x7f).contains(byte))
                    });
                    self.rule(
                        spoken,
                        message,
                        &rules::NAME,
                        printable,
                        "a printable name and a NUL",
                        answer,
                    );
                }
                if reserved.is_empty() {
                    return Some(0);
                }
            }
            Values::List(list) if !list.reserved.is_empty() => {
                clean = list.reserved.iter().all(|(at, bits)| {
                    word(bytes, list.head + at).is_none_or(|word| word & bits == 0)
                });
            }
            Values::List(list) => return list.returned.of(bytes).map(|count| count as usize),
            Values::Protocols => return Some(word(bytes, 0)? as usize),
            Values::Readings => return Some(0),
        }
        let expected = format!("reserved bits 0 in version {}", show(spoken.version));
        self.rule(spoken, message, &rules::RESERVED, clean, &expected, answer);
        match values {
            Values::List(list) => list.returned.of(bytes).map(|count| count as usize),
            _ => Some(0),
        }
    }

    /// Reads a list page by page, and past its end.
    pub(crate) fn list(
        &mut self,
        spoken: &Spoken,
        message: &'static Message,
        layout: &Layout,
        domain: u32,
        values: Values,
    ) {
        let id = spoken.protocol.id;
        let (mut total, mut expected_left) = (0, None);
        for _ in 0..LIST_LIMIT {
            let Some(answer) = self.ask(id, message.id, &plain(layout.params, domain, total))
            else {
                return;
            };
            // Base's list does not say what remains: a page past its end is empty, or refused.
            if answer.status != 0 {
                break;
            }
            let Some(count) = self.values(spoken, message, values, &answer) else {
                return;
            };
            let Values::List(list) = values else {
                if count == 0 {
                    break;
                }
                total += count as u32;
                continue;
            };
            if word(&answer.values, 0).is_some_and(|word| word & list.range != 0) {
                self.rule(
                    spoken,
                    message,
                    &rules::PAGES,
                    count == 3,
                    "a range of 3 entries",
                    &answer,
                );
                return;
            }
            let left = list.remaining.of(&answer.values).unwrap_or(0);
            let adds_up = (count > 0 || left == 0)
                && expected_left.is_none_or(|before: u32| before == left + count as u32);
            self.rule(
                spoken,
                message,
                &rules::PAGES,
                adds_up,
                "pages that add up",
                &answer,
            );
            total += count as u32;
            expected_left = Some(left);
            if !adds_up || left == 0 {
                break;
            }
        }
        if total == 0 {
            return;
        }
        for (rule, skip) in [(&rules::END, total), (&rules::PAST, total + 1000)] {
            if rule.id == "END" && matches!(values, Values::Protocols) {
                continue;
            }
            if let Some(answer) = self.ask(id, message.id, &plain(layout.params, domain, skip)) {
                self.rule(
                    spoken,
                    message,
                    rule,
                    answer.status == INVALID_PARAMETERS,
                    "INVALID_PARAMETERS",
                    &answer,
                );
            }
        }
    }
}

/// The bytes that a page should have by its own count.
fn page_length(list: &List, bytes: &[u8]) -> usize {
    let mut length = list.head;
    for _ in 0..list.returned.of(bytes).unwrap_or(0) {
        let extended = word(bytes, length + 4).is_some_and(|attributes| attributes & 1 << 8 != 0);
        length += list.extended.filter(|_| extended).unwrap_or(list.entry);
    }
    length
}
