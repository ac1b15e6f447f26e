// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, the device's address, and the constants of `[config.scmi]`.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use build_util::{Client, Protocols, Scmi};

fn main() -> Result<()> {
    let constants = if build_util::in_image() {
        build_util::build_notifications()?;
        build_util::build_peripherals()?;
        let task = build_util::task_name();
        if !build_util::peripherals()?.contains_key("virtio_mmio") {
            bail!("app.toml: tasks.{task}.uses must list \"virtio_mmio\", where the device is");
        }
        let tasks = build_util::task_ids();
        generate(&build_util::scmi()?, tasks.names(), event_bits)? + &interrupt_slots()?
    } else {
        sample()?
    };
    write("config.rs", &constants)?;
    // Leases are copied to and from their front, so there is no need to look at them first.
    idol::Generator::new()
        .with_lazy_leases(true)
        .build_server_support(
            "../../idl/scmi.idol",
            "server_stub.rs",
            idol::server::ServerStyle::Deferred,
        )
        .map_err(|error| anyhow!(error))
}

fn write(file: &str, text: &str) -> Result<()> {
    let path = build_util::out_dir().join(file);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The constants of a small configuration, for the host, where there is no image: task 0 is the only client, and there is one slot
/// for a device, with its interrupt.
fn sample() -> Result<String> {
    write(
        "notifications.rs",
        "mod notifications {\n    pub const SCMI_IRQ_MASK: u32 = 1;\n    pub const TIMER_MASK: u32 = 2;\n}\n",
    )?;
    write(
        "peripherals.rs",
        "mod peripherals {\n    pub mod virtio_mmio {\n        pub const ADDRESS: usize = 0x1000;\n        \
         pub const SIZE: usize = 0x200;\n    }\n}\n",
    )?;
    let config = toml::from_str("vring-size = 16\n[clients.host]\nprotocols = 'all'\nslots = 6\n")?;
    let constants = generate(&config, &["host".into()], |_, _| Ok(1 << 2))?;
    Ok(constants + &slots_constant(1))
}

/// What `[config.scmi]` says, as Rust. The image's build has checked it.
fn generate(
    config: &Scmi,
    tasks: &[String],
    event_bits: impl Fn(&str, &str) -> Result<u32>,
) -> Result<String> {
    let (mut clients, mut rule_tables) = (String::new(), String::new());
    let mut numbers = vec![0xff; tasks.len()];
    for (number, (name, client)) in config.clients.iter().enumerate() {
        let key = format!("config.scmi.clients.{name}");
        let task = tasks
            .iter()
            .position(|task| task == name)
            .with_context(|| format!("app.toml: {key}: there is no such task"))?;
        numbers[task] = number;
        let bits = match &client.notification {
            None => 0,
            Some(wanted) => event_bits(name, wanted)?,
        };
        writeln!(
            clients,
            "    ClientConfig {{ task: {task}, slots: {}, events: {}, subscriptions: {}, batch: {}, event_bits: {bits:#x}, rules: Rules::new(RULES_{number}) }},",
            client.slots, client.events, client.subscriptions, client.batch,
        )?;
        writeln!(
            rule_tables,
            "const RULES_{number}: &[Rule] = &[{}];",
            rules(client)?
        )?;
    }
    let mut text = String::from("// What app.toml says in [config.scmi].\n\n");
    let count = config.clients.len();
    let sum = |of: fn(&Client) -> u32| config.clients.values().map(of).sum::<u32>();
    for (name, value) in [
        ("RING", config.vring_size),
        ("RECORDS", sum(|client| client.events)),
        ("SUBSCRIPTIONS", sum(|client| client.subscriptions)),
        ("BATCH_ENTRIES", sum(|client| client.batch)),
    ] {
        writeln!(text, "pub const {name}: usize = {value};")?;
    }
    writeln!(text, "pub const CLIENT_COUNT: usize = {count};")?;
    text +=
        "pub const SLOTS: usize = slots_of(RING);\npub const EVENTS: usize = events_of(RING);\n";
    writeln!(
        text,
        "{rule_tables}pub static CLIENTS: [ClientConfig; CLIENT_COUNT] = [\n{clients}];"
    )?;
    let fresh: String = (0..count)
        .map(|number| format!("Client::new(&CLIENTS[{number}]), "))
        .collect();
    writeln!(
        text,
        "pub const FRESH_CLIENTS: [Client; CLIENT_COUNT] = [{fresh}];"
    )?;
    writeln!(
        text,
        "/// Client of each task; 0xff: none.\npub static TASKS: [u8; {}] = {numbers:?};",
        numbers.len()
    )?;
    text += "pub const LIMITS: Limits = Limits {\n";
    for (key, milliseconds) in config.times() {
        writeln!(text, "    {}: {milliseconds},", key.trim_end_matches("-ms"))?;
    }
    text += "    ..Limits::DEFAULT\n};\n";
    Ok(text)
}

/// The slots whose interrupts are this task's, a bit each, as Rust.
fn interrupt_slots() -> Result<String> {
    let interrupts = build_util::task_full_config::<serde::de::IgnoredAny>()?.interrupts;
    let mut slots = 0u32;
    for (interrupt, notification) in &interrupts {
        if let Some(slot) = interrupt.strip_prefix("virtio_mmio.slot")
            && let Ok(slot) = slot.parse::<u32>()
            && notification == "scmi-irq"
        {
            slots |= 1u32.checked_shl(slot).unwrap_or(0);
        }
    }
    Ok(slots_constant(slots))
}

fn slots_constant(slots: u32) -> String {
    format!(
        "/// Slots whose interrupts post `scmi-irq`.\npub const INTERRUPT_SLOTS: u32 = {slots:#x};\n"
    )
}

/// The bit of the notification that tells a client of events.
fn event_bits(task: &str, wanted: &str) -> Result<u32> {
    let listed = build_util::other_task_full_config::<serde::de::IgnoredAny>(task)?.notifications;
    let bit = listed.iter().position(|known| known == wanted);
    let bit =
        bit.with_context(|| format!("app.toml: tasks.{task} has no notification {wanted:?}"))?;
    Ok(1 << bit)
}

/// The rules of a client, the special ones first, as Rust.
fn rules(client: &Client) -> Result<String> {
    let mut out = String::new();
    let special = client.restricted();
    for &protocol in &special {
        let messages = match client.messages_of(protocol) {
            None => "None".to_string(),
            Some(ids) => format!("Some(messages(&{ids:?}))"),
        };
        let domains = match client.domains_of(protocol) {
            None => "None".to_string(),
            Some(ids) => format!("Some(&{ids:?})"),
        };
        write!(
            out,
            "Rule {{ protocol: Some({protocol:#x}), messages: {messages}, domains: {domains} }}, "
        )?;
    }
    match &client.protocols {
        Protocols::All => out += "Rule::ALL",
        Protocols::Listed(listed) => {
            for protocol in listed.iter().filter(|id| !special.contains(id)) {
                write!(out, "Rule::protocol({protocol:#x}), ")?;
            }
        }
    }
    Ok(out)
}
