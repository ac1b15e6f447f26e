// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is wrong with a manifest before any rule is asked: keys, kinds, syntax, files.

use crate::load_from;
use crate::schema::InstructionSet;
use crate::testing::{accepts, files, refusal, refuses, refuses_chip, refuses_memory};

#[test]
fn a_right_manifest_is_read() {
    let app = accepts(&[]);
    let names: Vec<&str> = app.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(
        names,
        ["jefe", "uart", "client", "idle"],
        "the order of the file is the order of the indices"
    );
    assert_eq!(
        app.files,
        ["app.toml", "chips/chip/chip.toml", "chips/chip/memory.toml"]
    );
    assert_eq!(app.tasks[2].task_slots["serial"], "uart");
    assert_eq!(app.tasks[2].stacksize, 1024, "from the top level");
    assert_eq!(app.kernel.stacksize, 4096);
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let text = refuses(
        &[("priority = 2", "priorty = 2")],
        "app.toml:17: task `uart`, key `priorty`: there is no such key",
    );
    assert!(text.contains("remedy: did you mean `priority`?"), "{text}");
    let text = refuses(
        &[("board =", "bord =")],
        "app.toml:3: top level, key `bord`: there is no such key",
    );
    assert!(text.contains("did you mean `board`?"), "{text}");
    refuses(
        &[("requires =", "require =")],
        "app.toml:8: [kernel], key `require`: there is no such key",
    );
    refuses_chip(
        &[("interrupts", "interupts")],
        "chip.toml:12: [uart], key `interupts`: there is no such key",
    );
    refuses_memory(
        &[("execute", "exec")],
        "memory.toml:5: [flash], key `exec`: there is no such key",
    );
}

#[test]
fn an_instruction_set_is_one_of_two() {
    let app = accepts(&[("priority = 2", "priority = 2\ninstruction-set = \"a32\"")]);
    let sets = app.tasks.iter().map(|task| task.instruction_set);
    assert_eq!(
        Vec::from_iter(sets),
        [
            InstructionSet::T32,
            InstructionSet::A32,
            InstructionSet::T32,
            InstructionSet::T32
        ]
    );
    let text = refuses(
        &[("priority = 2", "priority = 2\ninstruction-set = \"thumb\"")],
        "app.toml:18: task `uart`, key `instruction-set`: `thumb` is no value that it can have",
    );
    assert!(text.contains("remedy: use one of: `t32`, `a32`"), "{text}");
}

#[test]
fn a_misspelt_table_is_named() {
    let text = refuses(
        &[("name = \"test\"", "inhert = \"base.toml\"\nname = \"test\"")],
        "app.toml:1: top level, key `inhert`: there is no such key",
    );
    assert!(text.contains("did you mean `inherit`?"), "{text}");
    let text = refuses(
        &[("[kernel]", "[kernle]")],
        "app.toml:6: top level, key `kernle`",
    );
    assert!(text.contains("did you mean `kernel`?"), "{text}");
}

#[test]
fn every_misspelt_key_is_reported() {
    let text = refuses(
        &[("priority = 2", "prio = 2"), ("priority = 3", "prio = 3")],
        "task `uart`, key `prio`",
    );
    assert!(text.contains("task `client`, key `prio`"), "{text}");
}

#[test]
fn hubris_keys_without_a_use_say_what_to_do() {
    let text = refuses(
        &[("priority = 2", "priority = 2\nrequires = { flash = 1 }")],
        "task `uart`, key `requires`",
    );
    assert!(text.contains("write `max-sizes` instead"), "{text}");
    refuses(
        &[("board =", "epoch = 1\nsigning = {}\nboard =")],
        "key `signing`: there is no such key",
    );
}

#[test]
fn a_missing_key_is_named() {
    let text = refuses(
        &[("priority = 2", "")],
        "app.toml:15: task `uart`, key `priority`: it is missing",
    );
    assert!(text.contains("remedy: add `priority = …`"), "{text}");
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    refuses(
        &[("priority = 2", "priority = \"high\"")],
        "app.toml:17: task `uart`, key `priority`: invalid type: string",
    );
    refuses(
        &[("priority = 2", "priority = 300")],
        "task `uart`, key `priority`: invalid value: integer `300`",
    );
}

#[test]
fn syntax_errors_have_a_line() {
    refuses(&[("priority = 2", "priority = = 2")], "app.toml:17: syntax");
    refuses(
        &[("priority = 2", "priority = 2\npriority = 2")],
        "app.toml:18: syntax: duplicate key",
    );
}

/// (U8) Upstream's manifests name the chip by its path from their own folder.
#[test]
fn u8_a_chip_is_found_from_the_manifest() {
    let app = files().0["app.toml"].clone();
    let read = |name: &str, chip: &str| {
        let mut files = files();
        let text = app.replacen("chips/chip", chip, 1);
        files.0.insert(name.into(), text);
        for file in ["chip.toml", "memory.toml"] {
            let text = files.0[&format!("chips/chip/{file}")].clone();
            files.0.insert(format!("/home/chips/own/{file}"), text);
        }
        let heir = format!("inherit = \"{name}\"\n");
        files.0.insert("heirs/of/app.toml".into(), heir);
        let heir = load_from(&files, "heirs/of/app.toml").map(|app| app.chip);
        (load_from(&files, name).unwrap().chip, heir)
    };
    let (chip, _) = read("app/demo/app.toml", "../../chips/chip");
    assert_eq!(chip, "chips/chip");
    let (chip, _) = read("app/demo/app.toml", "chips/chip/");
    assert_eq!(chip, "chips/chip", "from the project's root");
    let (chip, heir) = read("/home/me/app.toml", "../chips/own");
    assert_eq!(chip, "/home/chips/own");
    assert_eq!(heir.unwrap(), "/home/chips/own", "where it is written");
    let (chip, _) = read("/home/me/app.toml", "chips/chip");
    assert_eq!(chip, "chips/chip");
}

#[test]
fn files_that_are_missing_are_named() {
    refuses(
        &[("chips/chip", "chips/chop")],
        "app.toml:4: top level, key `chip`: cannot read `chips/chop/chip.toml`",
    );
    let mut files = files();
    files.0.remove("app.toml");
    refusal(&files, "cannot read `app.toml`");
}

#[test]
fn tables_that_are_missing_are_named() {
    let mut files = files();
    files.0.insert(
        "app.toml".into(),
        "name = \"x\"\ntarget = \"t\"\nboard = \"b\"\nchip = \"chips/chip\"\n".into(),
    );
    let text = refusal(&files, "key `kernel`: there is no such table");
    assert!(
        text.contains("key `tasks`: there is no such table"),
        "{text}"
    );
}

/// The keys of each table, as its own error message lists them.
fn known_keys(change: (&str, &str)) -> Vec<String> {
    let text = refuses(&[change], "there is no such key");
    let list = text
        .split("use one of: ")
        .nth(1)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    list.split(", ")
        .map(|key| key.trim_matches('`').to_string())
        .collect()
}

#[test]
fn the_book_explains_every_key() {
    let page = include_str!("../../../../doc/manifest.md");
    let strange = "quite-another-thing = 1";
    let tables = [
        ("board = \"board\"", format!("{strange}\nboard = \"board\"")),
        (
            "uses = [\"gic\", \"gic_cpu\"]",
            format!("uses = [\"gic\", \"gic_cpu\"]\n{strange}"),
        ),
        ("priority = 2", format!("priority = 2\n{strange}")),
        ("vring-size = 64", format!("vring-size = 64\n{strange}")),
        ("slots = 8", format!("slots = 8\n{strange}")),
    ];
    let mut count = 0;
    for (from, to) in tables {
        for key in known_keys((from, &to)) {
            assert!(
                page.contains(&format!("`{key}`")),
                "doc/manifest.md does not explain `{key}`"
            );
            count += 1;
        }
    }
    assert!(count > 40, "only {count} keys were found");
}
