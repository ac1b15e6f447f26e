// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! TOML tables that remember where each key was written, and how a fragment and its heir become one.

use std::collections::BTreeMap;
use std::collections::HashSet;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::problem::{Location, Problem, Problems};

/// A table and the lines that its keys were written on.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The contents.
    pub table: Table,
    places: BTreeMap<Vec<String>, Location>,
}

impl Tree {
    /// Parses `text`; `file` is how messages name it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let syntax = |error: toml::de::Error| Problem {
            location: Some(Location {
                file: file.into(),
                line: error.span().map_or(1, |span| line_of(text, span.start)),
            }),
            table: "syntax".into(),
            key: String::new(),
            fault: error.message().trim().replace('\n', ", "),
            remedy: "write it as TOML 1.0 asks".into(),
        };
        let mut tree = Self {
            table: toml::from_str(text).map_err(syntax)?,
            places: BTreeMap::new(),
        };
        let spanned = DeTable::parse(text).map_err(syntax)?;
        tree.note(file, text, &mut Vec::new(), spanned.get_ref());
        Ok(tree)
    }

    fn note(&mut self, file: &str, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            let line = line_of(text, key.span().start);
            self.places.insert(
                path.clone(),
                Location {
                    file: file.into(),
                    line,
                },
            );
            self.note_value(file, text, path, value);
            path.pop();
        }
    }

    fn note_value(
        &mut self,
        file: &str,
        text: &str,
        path: &mut Vec<String>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match value.get_ref() {
            DeValue::Table(table) => self.note(file, text, path, table),
            DeValue::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    path.push(position.to_string());
                    self.note_value(file, text, path, item);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// Where `path` is written, or the nearest table around it that is.
    pub fn locate(&self, path: &[&str]) -> Option<Location> {
        let mut path: Vec<String> = path.iter().map(|part| part.to_string()).collect();
        while !path.is_empty() {
            if let Some(location) = self.places.get(&path) {
                return Some(location.clone());
            }
            path.pop();
        }
        None
    }

    /// Lays `heir` over this tree: tables are joined, arrays are continued (without repeating an entry), and other values
    /// are replaced.
    pub fn overlay(&mut self, heir: Tree) {
        overlay(&mut self.table, heir.table);
        self.places.extend(heir.places);
    }
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (Some(Value::Array(below)), Value::Array(above)) => {
                for item in above {
                    if !below.contains(&item) {
                        below.push(item);
                    }
                }
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// Reads files by the name that a manifest gives them. Tests read from a map, the build from the project's folder.
pub trait Source {
    /// The text of `name`, a path from the project's root with `/` between its parts.
    fn read(&self, name: &str) -> Result<String, String>;
}

/// A folder on this machine.
#[derive(Clone, Debug)]
pub struct Folder(pub std::path::PathBuf);

impl Source for Folder {
    fn read(&self, name: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(name)).map_err(|error| error.to_string())
    }
}

/// Reads `name` and what it inherits, the nearest last. The names of all files read are added to `files`.
pub fn inherit(source: &dyn Source, name: &str, files: &mut Vec<String>) -> Result<Tree, Problems> {
    read(source, name, None, &mut HashSet::new(), files)
}

fn read(
    source: &dyn Source,
    name: &str,
    asked: Option<Location>,
    seen: &mut HashSet<String>,
    files: &mut Vec<String>,
) -> Result<Tree, Problems> {
    if !seen.insert(name.to_string()) {
        return Err(Problem {
            location: asked,
            table: "top level".into(),
            key: "inherit".into(),
            fault: format!("`{name}` is inherited twice, so which of its values hold would depend on the way taken"),
            remedy: "inherit each fragment from one place only".into(),
        }
        .into());
    }
    let text = source.read(name).map_err(|error| Problem {
        location: asked.clone(),
        table: "top level".into(),
        key: if asked.is_some() {
            "inherit".into()
        } else {
            String::new()
        },
        fault: format!("cannot read `{name}`: {error}"),
        remedy: "name a file that exists, by its path from the file that names it".into(),
    })?;
    files.push(name.to_string());
    let mut own = Tree::parse(name, &text)?;
    let from = own.locate(&["inherit"]);
    let fragments = match own.table.remove("inherit") {
        None => return Ok(own),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) if list.iter().all(Value::is_str) => list
            .iter()
            .filter_map(Value::as_str)
            .map(String::from)
            .collect(),
        Some(_) => {
            return Err(Problem {
                location: from,
                table: "top level".into(),
                key: "inherit".into(),
                fault: "it is neither a file name nor a list of file names".into(),
                remedy: "write `inherit = \"base.toml\"` or `inherit = [\"first.toml\", \"second.toml\"]`".into(),
            }
            .into());
        }
    };
    let folder = folder_of(name);
    let mut merged = Tree::default();
    for fragment in fragments {
        let path = relative(folder, &fragment);
        merged.overlay(read(source, &path, from.clone(), seen, files)?);
    }
    merged.overlay(own);
    Ok(merged)
}

/// The folder of a file; with its `/` at the end where the file is right below the root of the file system.
pub fn folder_of(name: &str) -> &str {
    match name.rfind('/') {
        None => "",
        Some(0) => "/",
        Some(end) => &name[..end],
    }
}

/// `name` as seen from `folder`, with `..` resolved, so that one file has one name. What is outside the project keeps its `/` at the
/// beginning.
pub fn relative(folder: &str, name: &str) -> String {
    let is_absolute = name.starts_with('/');
    let folder = if is_absolute { "" } else { folder };
    let root = if is_absolute || folder.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use crate::load_from;
    use crate::testing::{Files, files, refusal};

    fn with(fragments: &[(&str, &str)]) -> Files {
        let mut files = files();
        let app = files.0["app.toml"].clone();
        files.0.insert("base.toml".into(), app);
        for (name, text) in fragments {
            files.0.insert(name.to_string(), text.to_string());
        }
        files
    }

    #[test]
    fn an_heir_changes_what_it_names() {
        let files = with(&[(
            "app.toml",
            "inherit = \"base.toml\"\nname = \"heir\"\n[tasks.uart]\npriority = 1\nnotifications = [\"extra\"]\n",
        )]);
        let app = load_from(&files, "app.toml").unwrap();
        assert_eq!(app.name, "heir");
        assert_eq!(app.tasks[1].priority, 1, "values are replaced");
        assert_eq!(
            app.tasks[1].notifications,
            ["uart-irq", "extra"],
            "lists are continued"
        );
        assert_eq!(app.tasks[1].package, "drv-uart", "the rest is inherited");
        assert_eq!(app.files[..2], ["app.toml", "base.toml"]);
        assert!(!app.expanded().contains("inherit"));
    }

    /// (U8) The name of a manifest outside the project begins with `/`.
    #[test]
    fn u8_a_manifest_elsewhere_inherits() {
        let inherits = |path: &str| {
            let files = with(&[
                ("/home/me/app.toml", &format!("inherit = \"{path}\"\n")),
                ("/home/me/parts/base.toml", "inherit = \"../more.toml\"\n"),
                ("/home/me/more.toml", "inherit = \"/shared/base.toml\"\n"),
                ("/shared/base.toml", &files().0["app.toml"]),
            ]);
            load_from(&files, "/home/me/app.toml").unwrap().files
        };
        let [base, more] = ["/home/me/parts/base.toml", "/home/me/more.toml"];
        let shared = "/shared/base.toml";
        let names = inherits("parts/base.toml");
        assert_eq!(names[..4], ["/home/me/app.toml", base, more, shared]);
        assert_eq!(inherits("../../shared/base.toml")[1..2], [shared]);
    }

    #[test]
    fn fragments_apply_in_order() {
        let files = with(&[
            ("app.toml", "inherit = [\"base.toml\", \"fast.toml\"]\n"),
            ("fast.toml", "stacksize = 2048\n"),
        ]);
        let app = load_from(&files, "app.toml").unwrap();
        assert_eq!(app.tasks[0].stacksize, 2048);
    }

    #[test]
    fn paths_are_relative_to_the_heir() {
        let files = with(&[("test/suite/app.toml", "inherit = \"../../base.toml\"\n")]);
        assert!(load_from(&files, "test/suite/app.toml").is_ok());
    }

    #[test]
    fn a_problem_is_where_it_was_written() {
        let files = with(&[(
            "app.toml",
            "inherit = \"base.toml\"\n[tasks.uart]\npriority = 0\n",
        )]);
        refusal(&files, "app.toml:3: task `uart`, key `priority`");
        let files = with(&[(
            "app.toml",
            "inherit = \"base.toml\"\n[tasks.client]\npriority = 1\n",
        )]);
        refusal(
            &files,
            "base.toml:27: task `client`, key `task-slots`: priority inversion",
        );
    }

    #[test]
    fn what_is_inherited_twice_is_refused() {
        let files = with(&[
            ("app.toml", "inherit = [\"left.toml\", \"right.toml\"]\n"),
            ("left.toml", "inherit = \"base.toml\"\n"),
            ("right.toml", "inherit = \"base.toml\"\n"),
        ]);
        refusal(
            &files,
            "right.toml:1: top level, key `inherit`: `base.toml` is inherited twice",
        );
        let files = with(&[("app.toml", "inherit = \"app.toml\"\n")]);
        refusal(&files, "`app.toml` is inherited twice");
    }

    #[test]
    fn what_cannot_be_inherited_is_named() {
        refusal(
            &with(&[("app.toml", "inherit = \"bse.toml\"\n")]),
            "app.toml:1: top level, key `inherit`: cannot read `bse.toml`",
        );
        refusal(
            &with(&[("app.toml", "inherit = 7\n")]),
            "key `inherit`: it is neither a file name nor a list",
        );
    }
}
