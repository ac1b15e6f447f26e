// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From files to an [`App`]: parsing, merging, and what the types alone can say about each table.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::app::{App, Kernel, MemoryOutput, Task, problem};
use crate::problem::{Problem, Problems, REMEDY};
use crate::schema::{self, Memory, Peripheral, Top};
use crate::suggest::among;
use crate::tree::{self, Source, Tree};

/// The stack of a kernel that states none.
const KERNEL_STACK: u32 = 4096;

/// Keys that Hubris knows and this build has no use for: where, which, and what to do instead.
const ELSEWHERE: [(&str, &str, &str); 12] = [
    (
        "",
        "caboose",
        "remove it: the image carries no caboose, its identity is the image id",
    ),
    ("", "auxflash", "remove it: there is no auxiliary flash"),
    (
        "",
        "image-names",
        "remove it: there is one image, `default`",
    ),
    ("", "signing", "remove it: images are not signed"),
    (
        "",
        "mmio",
        "remove it: registers are described by the drivers",
    ),
    ("", "extratext", "remove it"),
    (
        "kernel",
        "extern-regions",
        "remove it: the kernel maps the peripherals in `uses`",
    ),
    (
        "kernel",
        "default-ram",
        "remove it: the kernel's memory is `kernel` in memory.toml",
    ),
    (
        "task",
        "bindeps",
        "remove it: build scripts cannot ask for helper binaries here",
    ),
    ("task", "copy-to-archive", "remove it: there is no archive"),
    ("task", "requires", "write `max-sizes` instead"),
    (
        "task",
        "image-names",
        "remove it: there is one image, `default`",
    ),
];

/// Keys at the top level that are read apart from the others.
const APART: [&str; 4] = ["inherit", "kernel", "tasks", "config"];

pub fn read(source: &dyn Source, name: &str) -> Result<App, Problems> {
    let mut files = Vec::new();
    let tree = tree::inherit(source, name, &mut files)?;
    let mut problems = Problems::default();

    let mut top = tree.table.clone();
    let kernel = top.remove("kernel");
    let tasks = top.remove("tasks");
    let config = top.remove("config");
    let top: Option<Top> = table(&tree, &[], "", Value::Table(top), &mut problems);
    let Some(top) = top else { return Err(problems) };

    let kernel = match kernel {
        Some(value) => table::<schema::Kernel>(&tree, &["kernel"], "kernel", value, &mut problems),
        None => {
            problems.0.push(problem(
                None,
                &["kernel"],
                "there is no such table",
                "add `[kernel]` with `name` and `requires`",
            ));
            None
        }
    };
    let tasks = tables(&tree, "tasks", tasks, &mut problems)
        .into_iter()
        .filter_map(|(name, value)| {
            let read = table(
                &tree,
                &["tasks", &name],
                "task",
                value.clone(),
                &mut problems,
            )?;
            Some(Task::new(
                &name,
                read,
                top.stacksize,
                &top.default_ram,
                &value,
            ))
        })
        .collect();
    let config = tables_of(&tree, "config", config, &mut problems);
    let scmi = match config.get("scmi") {
        Some(value) => table(
            &tree,
            &["config", "scmi"],
            "scmi",
            value.clone(),
            &mut problems,
        ),
        None => None,
    };

    let folder = chip_folder(source, &tree, name, &top.chip);
    let chip_tree = chip_file(
        source,
        &tree,
        &format!("{folder}/chip.toml"),
        "chip",
        &mut files,
        &mut problems,
    );
    let memory_tree = chip_file(
        source,
        &tree,
        &format!("{folder}/{}", top.memory),
        "memory",
        &mut files,
        &mut problems,
    );
    let peripherals = peripherals(&chip_tree, &mut problems);
    let memories = memories(&memory_tree, &mut problems);

    let (Some(kernel), true) = (kernel, problems.0.is_empty()) else {
        return Err(problems);
    };
    Ok(App {
        name: top.name,
        target: top.target,
        unproven_stacks: top.unproven_stacks,
        board: top.board,
        chip: folder,
        epoch: top.epoch,
        version: top.version,
        kernel: Kernel {
            package: kernel.name,
            requires: kernel.requires,
            stacksize: kernel.stacksize.unwrap_or(KERNEL_STACK),
            uses: kernel.uses,
            features: kernel.features,
            no_default_features: kernel.no_default_features,
        },
        tasks,
        config,
        scmi,
        peripherals,
        memories,
        files,
        tree,
        chip_tree,
        memory_tree,
    })
}

/// The folder that `chip` names: from the folder of the manifest, as upstream has it, or of the fragment that says so; or else from the
/// project's root.
fn chip_folder(source: &dyn Source, app: &Tree, manifest: &str, chip: &str) -> String {
    let written = app.locate(&["chip"]).map(|location| location.file);
    let files = [Some(manifest), written.as_deref()];
    let folders = files.into_iter().flatten().map(tree::folder_of);
    folders
        .map(|folder| tree::relative(folder, chip))
        .find(|folder| source.read(&format!("{folder}/chip.toml")).is_ok())
        .unwrap_or_else(|| chip.trim_end_matches('/').into())
}

fn chip_file(
    source: &dyn Source,
    app: &Tree,
    name: &str,
    key: &str,
    files: &mut Vec<String>,
    problems: &mut Problems,
) -> Tree {
    let parsed = match source.read(name) {
        Ok(text) => Tree::parse(name, &text),
        Err(error) => Err(problem(
            app.locate(&[key]),
            &[key],
            format!("cannot read `{name}`: {error}"),
            "name a folder with a chip.toml and a memory.toml, by its path from this manifest's folder or from the project's root",
        )
        .into()),
    };
    files.push(name.into());
    parsed.unwrap_or_else(|more| {
        problems.0.extend(more.0);
        Tree::default()
    })
}

fn peripherals(tree: &Tree, problems: &mut Problems) -> BTreeMap<String, Peripheral> {
    tree.table
        .iter()
        .filter_map(|(name, value)| {
            Some((
                name.clone(),
                table(tree, &[name], "peripheral", value.clone(), problems)?,
            ))
        })
        .collect()
}

fn memories(tree: &Tree, problems: &mut Problems) -> BTreeMap<String, MemoryOutput> {
    let mut memories = BTreeMap::new();
    for (name, value) in &tree.table {
        let outputs = match value {
            Value::Array(outputs) => outputs.clone(),
            other => vec![other.clone()],
        };
        let mut found = None;
        for output in outputs {
            let Some(output) = table::<Memory>(tree, &[name], "memory", output, problems) else {
                continue;
            };
            if output.name != "default" || found.is_some() {
                problems.0.push(problem(
                    tree.locate(&[name]),
                    &[name, "name"],
                    "there is one image, so a memory has one output, called `default`",
                    format!("keep one `[[{name}]]`"),
                ));
            }
            found = Some(output);
        }
        if let Some(output) = found {
            memories.insert(
                name.clone(),
                MemoryOutput {
                    address: output.address,
                    size: output.size,
                    read: output.read,
                    write: output.write,
                    execute: output.execute,
                    dma: output.dma,
                },
            );
        }
    }
    memories
}

fn tables_of(tree: &Tree, key: &str, value: Option<Value>, problems: &mut Problems) -> Table {
    match value {
        None => Table::new(),
        Some(Value::Table(table)) => table,
        Some(_) => {
            problems.0.push(problem(
                tree.locate(&[key]),
                &[key],
                "it is not a table",
                format!("write it as `[{key}.NAME]`"),
            ));
            Table::new()
        }
    }
}

fn tables(tree: &Tree, key: &str, value: Option<Value>, problems: &mut Problems) -> Table {
    if value.is_none() {
        problems.0.push(problem(
            None,
            &[key],
            "there is no such table",
            format!("add a `[{key}.NAME]` for each"),
        ));
    }
    tables_of(tree, key, value, problems)
}

/// Reads one table into `T`; a key that does not fit is a problem with its own line.
fn table<T: DeserializeOwned>(
    tree: &Tree,
    path: &[&str],
    kind: &str,
    value: Value,
    problems: &mut Problems,
) -> Option<T> {
    match serde_path_to_error::deserialize(value) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.0.push(misfit(tree, path, kind, &error));
            None
        }
    }
}

fn misfit(
    tree: &Tree,
    path: &[&str],
    kind: &str,
    error: &serde_path_to_error::Error<toml::de::Error>,
) -> Problem {
    let message = error.inner().message().trim().to_string();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let mut keys: Vec<String> = error
        .path()
        .iter()
        .map(|segment| segment.to_string())
        .filter(|segment| segment != "?" && segment != ".")
        .collect();
    let mut full: Vec<&str> = path.to_vec();

    if let (true, [unknown, known @ ..]) = (message.starts_with("unknown field"), quoted.as_slice())
    {
        if keys.last().is_none_or(|last| last != unknown) {
            keys.push(unknown.to_string());
        }
        full.extend(keys.iter().map(String::as_str));
        let apart: &[&str] = if path.is_empty() { &APART } else { &[] };
        let remedy = ELSEWHERE
            .iter()
            .find(|(table, key, _)| (*table == kind) && key == unknown)
            .map_or_else(
                || among(unknown, known.iter().chain(apart).copied()),
                |(_, _, remedy)| remedy.to_string(),
            );
        return problem(tree.locate(&full), &full, "there is no such key", remedy);
    }
    if let (true, [missing, ..]) = (message.starts_with("missing field"), quoted.as_slice()) {
        full.extend(keys.iter().map(String::as_str));
        let location = tree.locate(&full);
        full.push(missing);
        return problem(
            location,
            &full,
            "it is missing",
            format!("add `{missing} = …`"),
        );
    }
    full.extend(keys.iter().map(String::as_str));
    if let (true, [unknown, known @ ..]) = (message.starts_with("unknown variant"), &quoted[..]) {
        return problem(
            tree.locate(&full),
            &full,
            format!("`{unknown}` is no value that it can have"),
            among(unknown, known.iter().copied()),
        );
    }
    // Types of ours say what to do; others only what is wrong.
    let (fault, remedy) = message
        .split_once(REMEDY)
        .unwrap_or((&message, "give it a value of that kind"));
    problem(tree.locate(&full), &full, fault, remedy)
}

#[cfg(test)]
mod tests;
