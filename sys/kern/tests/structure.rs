// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel's folders keep to themselves: what belongs to an instruction set is in `src/arch`,
//! devices are in `src/device`, and addresses are in `chips/`. A second instruction set or a second
//! board then adds files and changes none.

#![cfg(not(miri))]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Words of the Arm architecture, in capitals: registers, instructions, exceptions, modes,
/// processors. A `*` at the end stands for whatever follows.
const ARCHITECTURE: &[&str] = &[
    "AARCH*",
    "ACTLR",
    "APSR",
    "ARM",
    "ARMV*",
    "ASID*",
    "BPIALL",
    "CLREX",
    "CNT*",
    "CONTEXTIDR",
    "COPROCESSOR*",
    "CORTEX*",
    "CP14",
    "CP15",
    "CPACR",
    "CPSID",
    "CPSIE",
    "CPSR",
    "DACR",
    "DBG*",
    "DFAR",
    "DFSR",
    "DMB",
    "DSB",
    "EL0",
    "EL1",
    "EL2",
    "ESR",
    "FIQ",
    "HVC",
    "HYP",
    "ICIALLU",
    "IFAR",
    "IFSR",
    "ISB",
    "ISR",
    "LDM*",
    "LDREX",
    "MCR*",
    "MMFR0",
    "MRC",
    "MRRC",
    "MRS",
    "MSR",
    "PFR0",
    "PMUSERENR",
    "PSR",
    "PXN",
    "RFE*",
    "SCTLR",
    "SMC",
    "SPSR",
    "SRS*",
    "STM*",
    "STREX",
    "SVC",
    "TEECR",
    "TEEHBR",
    "THUMB*",
    "TLB*",
    "TPIDR*",
    "TTBCR",
    "TTBR*",
    "UWXN",
    "VBAR",
    "WFI",
    "WXN",
];

/// Words of the devices on an Arm machine.
const DEVICES: &[&str] = &[
    "GIC*", "ICPIDR2", "PL011", "PPI", "PSCI", "SPI", "UARTCR", "UARTDR", "UARTFR", "UARTLCR",
];

/// Arm's documents and crates, which `src/device` may cite and use.
const CITED: &[&str] = &["ARM"];

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|term| match term.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => word == *term,
    })
}

/// A numbered register: `r0` to `r15`, `x0` to `x30`.
fn is_register(word: &str) -> bool {
    let number = word.strip_prefix('R').or_else(|| word.strip_prefix('X'));
    number.is_some_and(|digits| {
        digits.len() <= 2 && digits.parse::<u8>().is_ok_and(|number| number <= 30)
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, by its path within `src`, with its text.
fn sources() -> Vec<(String, String)> {
    let found = test_props::sources(&root());
    assert!(found.len() > 40, "the kernel has more files than that");
    found
}

fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
}

/// The words of `line` that a file called `name` must not have.
fn strangers(name: &str, line: &str) -> Vec<String> {
    if name.starts_with("arch/") {
        return Vec::new();
    }
    let device = name.starts_with("device/");
    words(line)
        .filter(|word| {
            let devices_own = is_one_of(word, DEVICES) || is_one_of(word, CITED);
            let known = devices_own || is_one_of(word, ARCHITECTURE) || is_register(word);
            known && !(device && devices_own)
        })
        .collect()
}

#[test]
fn words_of_the_processor_are_in_arch() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in strangers(&name, line) {
                wrong.push(format!("src/{name}:{}: {word}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_words_are_found() {
    for line in [
        "/// TTBR0 of the table",
        "let asid = 3;",
        "kernel_ttbr0: u32,",
        "registers.r11",
        "// r4 to r10",
        "the GIC's identifier",
        "// Thumb state",
    ] {
        assert!(!strangers("kernel.rs", line).is_empty(), "{line}");
    }
    assert!(strangers("arch/armv7a/mmu.rs", "// TTBR0").is_empty());
    assert!(strangers("device/gic.rs", "//! GICv2 (ARM IHI 0048B)").is_empty());
    assert!(!strangers("device/timer.rs", "// CNTFRQ").is_empty());
    assert!(strangers("kernel.rs", "let arms = far_away(register, r);").is_empty());
}

/// The ranges that a file of `chips/` gives away.
fn ranges_of(value: &toml::Value, found: &mut Vec<Range<u64>>) {
    match value {
        toml::Value::Table(table) => {
            let number = |key| table.get(key).and_then(toml::Value::as_integer);
            if let (Some(address), Some(size)) = (number("address"), number("size")) {
                found.push(address as u64..(address + size) as u64);
            }
            table.values().for_each(|value| ranges_of(value, found));
        }
        toml::Value::Array(array) => array.iter().for_each(|value| ranges_of(value, found)),
        _ => {}
    }
}

fn ranges() -> Vec<Range<u64>> {
    let chips = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../chips");
    let mut found = Vec::new();
    for chip in fs::read_dir(chips).unwrap() {
        for file in fs::read_dir(chip.unwrap().path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            ranges_of(&toml::Value::Table(text.parse().unwrap()), &mut found);
        }
    }
    assert!(found.len() > 8, "the chips have more than that: {found:x?}");
    found
}

/// Every number in a line of code.
fn numbers(line: &str) -> impl Iterator<Item = u64> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter_map(|word| {
            let digits: String = word.chars().filter(|c| *c != '_').collect();
            let digits = digits.trim_end_matches("usize").trim_end_matches("u32");
            match digits.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            }
        })
}

#[test]
fn addresses_are_in_chips() {
    let ranges = ranges();
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        if name.starts_with("tests/") {
            continue;
        }
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (line, code) in shipped.lines().enumerate() {
            for number in numbers(code) {
                if ranges.iter().any(|range| range.contains(&number)) {
                    wrong.push(format!("src/{name}:{}: {number:#010x}", line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_addresses_are_found() {
    let ranges = ranges();
    for line in [
        "const DISTRIBUTOR: usize = 0x0800_0000;",
        "= 0x0801_0000usize",
        "150_994_944",
        "0x40100000",
    ] {
        let found = numbers(line).any(|number| ranges.iter().any(|range| range.contains(&number)));
        assert!(found, "{line}");
    }
}
