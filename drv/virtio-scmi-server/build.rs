// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, the device's address, and the constants of `[config.scmi]`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

/// The part of `[config]` that is ours.
#[derive(Deserialize)]
struct AppConfig {
    scmi: Option<Scmi>,
}

/// `[config.scmi]`: see the documentation of the task.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Scmi {
    vring_size: usize,
    /// The clients' slots and the driver's own may exceed the command slots.
    #[serde(default)]
    oversubscribe: bool,
    deadline_ms: Option<u32>,
    delayed_ms: Option<u32>,
    stall_ms: Option<u32>,
    #[serde(default)]
    clients: BTreeMap<String, Client>,
}

/// `[config.scmi.clients.TASK]`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Client {
    protocols: Protocols,
    #[serde(default = "eight")]
    slots: u16,
    #[serde(default = "eight")]
    events: u16,
    #[serde(default = "eight")]
    subscriptions: u16,
    notification: Option<String>,
    /// Protocol, as text, to the messages of it that the client may send.
    #[serde(default)]
    messages: BTreeMap<String, Vec<u8>>,
    /// Protocol, as text, to the domains that the client may use.
    #[serde(default)]
    domains: BTreeMap<String, Vec<u32>>,
}

fn eight() -> u16 {
    8
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Protocols {
    Listed(Vec<u8>),
    Word(String),
}

/// Most clients: the driver keeps sets of them in 32 bits.
const CLIENTS_MAX: usize = 32;
/// Queues and tables number their places in a byte.
const PLACES_MAX: u16 = 255;

fn main() -> Result<()> {
    if !build_util::only_in_image(&[
        "notifications.rs",
        "peripherals.rs",
        "config.rs",
        "server_stub.rs",
    ])? {
        return Ok(());
    }
    build_util::build_notifications()?;
    build_util::build_peripherals()?;
    let task = build_util::task_name()?;
    if !build_util::peripherals()?.contains_key("virtio_mmio") {
        bail!("app.toml: tasks.{task}.uses must list \"virtio_mmio\", where the device is");
    }
    let config: AppConfig = build_util::config()?;
    let config = config.scmi.ok_or_else(|| {
        anyhow!("app.toml: [config.scmi] is missing; it needs at least `vring-size = 64`")
    })?;
    let path = build_util::out_dir()?.join("config.rs");
    let text = generate(&config)? + &interrupt_slots()?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
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

fn generate(config: &Scmi) -> Result<String> {
    let ring = config.vring_size;
    ensure!(
        ring.is_power_of_two() && (2..=2048).contains(&ring),
        "app.toml: config.scmi.vring-size is {ring}; write a power of two from 2 to 2048"
    );
    let tasks = build_util::task_ids()?;
    let (mut clients, mut rule_tables) = (String::new(), String::new());
    let mut numbers = vec![0xff; tasks.names().len()];
    let (mut records, mut subscriptions, mut slots) = (0, 0, 0);
    ensure!(
        config.clients.len() <= CLIENTS_MAX,
        "app.toml: config.scmi.clients has {} entries; there may be {CLIENTS_MAX}",
        config.clients.len()
    );
    for (number, (name, client)) in config.clients.iter().enumerate() {
        let key = format!("config.scmi.clients.{name}");
        let task = tasks.resolve(name, &key)?;
        numbers[task] = number;
        records += usize::from(client.events);
        slots += usize::from(client.slots);
        subscriptions += usize::from(client.subscriptions);
        for (places, value) in [
            ("events", client.events),
            ("subscriptions", client.subscriptions),
        ] {
            ensure!(
                value <= PLACES_MAX,
                "app.toml: {key}.{places} is {value}; write at most {PLACES_MAX}"
            );
        }
        let bits = match &client.notification {
            None => 0,
            Some(wanted) => event_bits(name, wanted, &key)?,
        };
        writeln!(
            clients,
            "    ClientConfig {{ task: {task}, slots: {}, events: {}, subscriptions: {}, event_bits: {bits:#x}, rules: Rules::new(RULES_{number}) }},",
            client.slots, client.events, client.subscriptions,
        )?;
        writeln!(
            rule_tables,
            "const RULES_{number}: &[Rule] = &[{}];",
            rules(client, &key)?
        )?;
    }
    ensure!(
        subscriptions <= usize::from(PLACES_MAX),
        "app.toml: the `subscriptions` of all of config.scmi.clients come to {subscriptions}; make them {PLACES_MAX} at most"
    );

    let mut text = String::from("// What app.toml says in [config.scmi].\n\n");
    let count = config.clients.len();
    writeln!(text, "pub const RING: usize = {ring};")?;
    writeln!(text, "pub const RECORDS: usize = {records};")?;
    writeln!(text, "pub const SUBSCRIPTIONS: usize = {subscriptions};")?;
    writeln!(text, "pub const CLIENT_COUNT: usize = {count};")?;
    if !config.oversubscribe {
        // The build of the image has said it in more words, and with a remedy.
        writeln!(
            text,
            "const _: () = assert!({slots} + drv_virtio_scmi::own_slots(SLOTS) <= SLOTS, \
             \"app.toml: config.scmi: the clients' slots and the driver's own exceed the command slots\");"
        )?;
    }
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
    for (field, value) in [
        ("deadline", config.deadline_ms),
        ("delayed", config.delayed_ms),
        ("stall", config.stall_ms),
    ] {
        if let Some(value) = value {
            ensure!(
                value > 0,
                "app.toml: config.scmi.{field}-ms is 0; write milliseconds, at least 1"
            );
            writeln!(text, "    {field}: {value},")?;
        }
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
    Ok(format!(
        "/// Slots whose interrupts post `scmi-irq`.\npub const INTERRUPT_SLOTS: u32 = {slots:#x};\n"
    ))
}

/// The bit of the notification that tells a client of events.
fn event_bits(task: &str, wanted: &str, key: &str) -> Result<u32> {
    let listed = build_util::other_task_full_config::<serde::de::IgnoredAny>(task)?.notifications;
    let Some(bit) = listed.iter().position(|known| known == wanted) else {
        bail!(
            "app.toml: {key}.notification is \"{wanted}\", which tasks.{task}.notifications does not list: {listed:?}"
        );
    };
    Ok(1 << bit)
}

/// What a client may do with a protocol, where that is not everything.
#[derive(Default)]
struct Restriction<'a> {
    messages: Option<&'a [u8]>,
    domains: Option<&'a [u32]>,
}

/// The rules of a client, the special ones first, as Rust.
fn rules(client: &Client, key: &str) -> Result<String> {
    let all = match &client.protocols {
        Protocols::Listed(_) => false,
        Protocols::Word(word) if word == "all" => true,
        Protocols::Word(word) => {
            bail!("app.toml: {key}.protocols is \"{word}\"; write a list of numbers, or \"all\"")
        }
    };
    let mut special: BTreeMap<u8, Restriction<'_>> = BTreeMap::new();
    for (text, messages) in &client.messages {
        let protocol = number(text, key, "messages")?;
        special.entry(protocol).or_default().messages = Some(messages);
    }
    for (text, domains) in &client.domains {
        let protocol = number(text, key, "domains")?;
        special.entry(protocol).or_default().domains = Some(domains);
    }
    let mut out = String::new();
    for (protocol, Restriction { messages, domains }) in &special {
        if let Protocols::Listed(listed) = &client.protocols {
            ensure!(
                listed.contains(protocol),
                "app.toml: {key} restricts protocol {protocol:#x}, which its `protocols` does not list; add it there"
            );
        }
        let messages = match messages {
            None => "None".to_string(),
            Some(ids) => format!("Some(messages(&{ids:?}))"),
        };
        let domains = match domains {
            None => "None".to_string(),
            Some(ids) => format!("Some(&{ids:?})"),
        };
        write!(
            out,
            "Rule {{ protocol: Some({protocol:#x}), messages: {messages}, domains: {domains} }}, "
        )?;
    }
    match &client.protocols {
        Protocols::Listed(listed) => {
            for protocol in listed.iter().filter(|&id| !special.contains_key(id)) {
                write!(out, "Rule::protocol({protocol:#x}), ")?;
            }
        }
        Protocols::Word(_) if all => out += "Rule::ALL",
        Protocols::Word(_) => {}
    }
    Ok(out)
}

/// A protocol number that is a key: TOML's keys are text.
fn number(text: &str, key: &str, table: &str) -> Result<u8> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        anyhow!(
            "app.toml: {key}.{table} has the key \"{text}\"; write a protocol number, as \"0x15\""
        )
    })
}
