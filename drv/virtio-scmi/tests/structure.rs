// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The core's own form: files that are read in one sitting, types in one place, imports that go one way, no code for a bench.

#![cfg(not(miri))]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A file is read in one sitting.
const LINES_MAX: usize = 400;
/// All files of the server together.
const SERVER_LINES_MAX: usize = 500;
/// The methods of a type are in so many files.
const FILES_MAX: usize = 2;
/// Of a hundred functions, fewer than so many are marked as seldom called.
const COLD_MAX: usize = 8;

/// A source file: its module path, empty for the crate's root, and its text without unit tests.
struct Source {
    name: String,
    module: Vec<String>,
    lines: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let of = |(name, text): (String, String)| {
        let stem = name.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = stem.split('/').filter(|part| *part != "lib");
        Source {
            module: module.map(str::to_owned).collect(),
            lines: text.lines().count(),
            text: text.split("#[cfg(test)]").next().unwrap().to_owned(),
            name,
        }
    };
    let sources = test_props::sources(&root).into_iter();
    let sources: Vec<Source> = sources
        .filter(|(name, _)| !name.ends_with("/tests.rs"))
        .map(of)
        .collect();
    assert!(sources.len() > 40, "the core has more files than that");
    sources
}

#[test]
fn a_file_is_read_in_one_sitting() {
    for source in sources() {
        let Source { name, lines, .. } = source;
        assert!(lines <= LINES_MAX, "src/{name} has {lines} lines");
    }
}

/// What decides belongs to the core, so there is little that the server could be long for. The device is another matter.
#[test]
fn the_server_translates_and_no_more() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../virtio-scmi-server/src");
    let sources = test_props::sources(&root).into_iter();
    let counted = sources.filter(|(name, _)| name != "device.rs");
    let lines: BTreeMap<String, usize> = counted
        .map(|(name, text)| (name, text.lines().count()))
        .collect();
    let all: usize = lines.values().sum();
    assert!((100..=SERVER_LINES_MAX).contains(&all), "{all}: {lines:?}");
}

#[test]
fn no_attribute_serves_a_bench() {
    let (mut functions, mut cold) = (0, 0);
    for source in sources() {
        assert!(!source.text.contains("[inline"), "src/{}", source.name);
        let is_function =
            |line: &&str| line.contains("fn ") && !line.trim_start().starts_with("//");
        functions += source.text.lines().filter(is_function).count();
        cold += source.text.matches("#[cold]").count();
    }
    assert!(cold * 100 < functions * COLD_MAX, "{cold} of {functions}");
}

/// The types whose methods a text has.
fn methods_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("\nimpl").skip(1).filter_map(|rest| {
        let header = rest.split('{').next()?;
        let header = match header.strip_prefix('<') {
            // Parameters may have parameters.
            Some(parameters) => {
                let mut depth = 1;
                let end = parameters.find(|c| {
                    depth += i32::from(c == '<') - i32::from(c == '>');
                    depth == 0
                })?;
                &parameters[end + 1..]
            }
            None => header,
        };
        let of_trait = header.split_whitespace().any(|word| word == "for");
        let end = |c: char| !c.is_alphanumeric() && c != '_';
        let name = header.trim_start().split(end).next();
        name.filter(|name| !of_trait && !name.is_empty())
    })
}

#[test]
fn the_methods_of_a_type_are_in_two_files_at_most() {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        for name in methods_in(&source.text) {
            let places = files.entry(name.to_owned()).or_default();
            places.insert(source.name.clone());
        }
    }
    assert!(files.contains_key("Driver"), "{:?}", files.keys());
    for (name, places) in files {
        assert!(places.len() <= FILES_MAX, "{name}: {places:?}");
    }
}

/// Every path that the `use` declarations of a text name, re-exports included if `all`.
fn imports(text: &str, all: bool) -> Vec<String> {
    let mut found = Vec::new();
    for declaration in text.split(';') {
        let Some((before, paths)) = declaration.rsplit_once("use ") else {
            continue;
        };
        let visibility = before.rsplit('\n').next().unwrap_or_default().trim();
        if visibility.is_empty() || all && visibility.starts_with("pub") {
            spread("", &without_names(paths), &mut found);
        }
    }
    found
}

/// `a::b as c` is `a::b`, and spaces do not matter.
fn without_names(paths: &str) -> String {
    let mut words = paths.split_whitespace();
    let mut text = String::new();
    while let Some(word) = words.next() {
        if word == "as" {
            let name = words.next().unwrap_or_default();
            text.push_str(name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
        } else {
            text.push_str(word);
        }
    }
    text
}

/// `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn spread(before: &str, paths: &str, found: &mut Vec<String>) {
    let mut depth = 0;
    let parts = paths.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for part in parts.filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((head, inner)) => {
                spread(
                    &format!("{before}{head}"),
                    inner.strip_suffix('}').unwrap(),
                    found,
                );
            }
            None => found.push(format!("{before}{part}")),
        }
    }
}

/// Which file declares what a path names, seen from a module.
fn declared_in<'s>(
    sources: &'s [Source],
    module: &[String],
    path: &str,
    depth: u8,
) -> Option<&'s str> {
    let mut parts: Vec<&str> = path.split("::").collect();
    let mut place = module.to_vec();
    match parts[0] {
        "crate" => place.clear(),
        "super" => {
            place.pop();
        }
        "self" => {}
        _ => parts.insert(0, "self"),
    }
    parts.remove(0);
    while parts.first() == Some(&"super") {
        place.pop();
        parts.remove(0);
    }
    let at = |place: &[String]| sources.iter().find(|source| source.module == place);
    while let Some(part) = parts.first() {
        let mut inner = place.clone();
        inner.push((*part).to_owned());
        if at(&inner).is_none() {
            break;
        }
        place = inner;
        parts.remove(0);
    }
    let source = at(&place)?;
    let Some(item) = parts.first().filter(|item| **item != "self") else {
        return Some(&source.name);
    };
    let kinds = ["struct", "enum", "trait", "fn", "const", "static", "type"];
    let declares = kinds.iter().any(|kind| {
        source.text.lines().any(|line| {
            let (_, rest) = line.split_once(&format!("{kind} ")).unwrap_or_default();
            let rest = rest.strip_prefix(item).unwrap_or("_");
            !line.trim_start().starts_with("//")
                && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    });
    if declares {
        return Some(&source.name);
    }
    if depth == 0 {
        return None;
    }
    let through = imports(&source.text, true);
    let through = through
        .iter()
        .filter(|path| path.rsplit("::").next() == Some(item));
    through
        .filter_map(|path| declared_in(sources, &place, path, depth - 1))
        .next()
}

#[test]
fn imports_go_one_way() {
    let sources = sources();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in &sources {
        let from = source.name.as_str();
        for path in imports(&source.text, false) {
            if let Some(to) = declared_in(&sources, &source.module, &path, 4)
                && to != from
            {
                arrows.entry(from).or_default().insert(to);
            }
        }
    }
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(count > 100, "only {count} imports were found");
    // Takes out files that import nothing any more, until nothing but circles is left.
    loop {
        let leaves: BTreeSet<&str> = sources
            .iter()
            .map(|source| source.name.as_str())
            .filter(|name| arrows.get(name).is_none_or(BTreeSet::is_empty))
            .collect();
        let before: usize = arrows.values().map(BTreeSet::len).sum();
        for targets in arrows.values_mut() {
            targets.retain(|target| !leaves.contains(target));
        }
        if arrows.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    arrows.retain(|_, targets| !targets.is_empty());
    assert!(arrows.is_empty(), "imports go round: {arrows:#?}");
}
