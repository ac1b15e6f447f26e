// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! "Did you mean": the known name that is closest to a misspelt one.

/// The candidate that needs the fewest edits to become `name`, if that is few enough to be a slip of the hand.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slip = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= slip)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Says which names there are, the likely one first.
pub fn among<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let list = candidates
        .iter()
        .map(|candidate| format!("`{candidate}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match closest(name, candidates.iter().copied()) {
        Some(close) => format!("did you mean `{close}`? There are: {list}"),
        None if list.is_empty() => "there are none to choose from".into(),
        None => format!("use one of: {list}"),
    }
}

/// The number of edits between two names; case and `_` for `-` are none.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    strsim::levenshtein(&fold(a), &fold(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_slip_of_a_hand() {
        let known = ["priority", "stacksize", "task-slots"];
        assert_eq!(closest("priorty", known), Some("priority"));
        assert_eq!(closest("stack-size", known), Some("stacksize"));
        assert_eq!(closest("task_slots", known), Some("task-slots"));
        assert_eq!(closest("colour", known), None);
    }

    #[test]
    fn names_all_when_none_is_close() {
        assert_eq!(
            among("x", ["first", "second"]),
            "use one of: `first`, `second`"
        );
        assert_eq!(among("x", []), "there are none to choose from");
    }
}
