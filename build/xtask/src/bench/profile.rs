// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where the instructions go, function by function.
//!
//! Of many pieces of work of one kind, the one of median length speaks for all: in the profile as in the split of a row. An average
//! would mix in the few that an unrelated interrupt made longer, and belong to no run at all.

use std::fmt::Write as _;

use super::symbols::Symbols;
use super::trace::Work;

/// The work of median length.
pub fn middle<'w>(works: impl IntoIterator<Item = &'w Work>) -> Option<&'w Work> {
    let mut sorted: Vec<&Work> = works.into_iter().collect();
    sorted.sort_by_key(|work| work.total);
    sorted.get(sorted.len() / 2).copied()
}

/// The functions of the middle one of `works`, each with its instructions; of `pieces` alike in one work, for one piece. Nothing if
/// there are no works.
pub fn section<'w>(
    name: &str,
    works: impl IntoIterator<Item = &'w Work>,
    pieces: u64,
    symbols: &Symbols,
) -> String {
    let mut text = String::new();
    let Some(work) = middle(works) else {
        return text;
    };
    let each = |count: u64| count as f64 / pieces as f64;
    let mut places: Vec<(u64, &str, &str)> = work
        .places
        .iter()
        .map(|(place, count)| (*count, symbols.program(*place), symbols.function(*place)))
        .collect();
    places.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(b.2)));
    _ = writeln!(text, "{name}: {:.0} instructions", each(work.total));
    for (count, program, function) in places {
        _ = writeln!(text, "{:>8.1}  {program:<12} {function}", each(count));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(counts: &[(usize, u64)]) -> Work {
        Work {
            places: counts
                .iter()
                .map(|(program, count)| ((*program, 0), *count))
                .collect(),
            total: counts.iter().map(|(_, count)| count).sum(),
            notified: None,
        }
    }

    #[test]
    fn the_middle_work_is_shown_with_its_largest_function_first() {
        let symbols = Symbols::of(&[
            ("kernel", 0x100, &["entry"]),
            ("virtio_scmi", 0x200, &["turn"]),
        ]);
        let works = [
            work(&[(0, 900)]),
            work(&[(0, 20), (1, 44)]),
            work(&[(1, 1)]),
        ];
        let text = section("event delivery", &works, 1, &symbols);
        let expected = "event delivery: 64 instructions\n    44.0  virtio_scmi  turn\n    20.0  kernel       entry\n\n";
        assert_eq!(text, expected);
        let text = section("send, one of sixteen", &works, 16, &symbols);
        assert!(
            text.starts_with("send, one of sixteen: 4 instructions\n     2.8  virtio_scmi  turn\n"),
            "{text}"
        );
        assert_eq!(section("nothing", &[], 1, &symbols), "");
    }
}
