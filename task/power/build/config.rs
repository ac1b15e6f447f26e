// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[tasks.power.config]`: what it may say, its checks, and the tables made from it.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail, ensure};
use build_util::{Scmi, check_scmi_client};
use serde::Deserialize;

/// `[tasks.power.config]`: see the documentation of the task.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    #[serde(default = "half_a_second")]
    deadline_ms: u32,
    #[serde(default = "two_seconds")]
    grace_ms: u32,
    /// Task to the notification that tells it to look after what it holds.
    #[serde(default)]
    tell: BTreeMap<String, String>,
    #[serde(default)]
    resources: BTreeMap<String, Resource>,
}

fn half_a_second() -> u32 {
    500
}

fn two_seconds() -> u32 {
    2000
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Resource {
    users: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    unclaimed: Unclaimed,
    steps: Vec<Step>,
}

/// What becomes of a resource that is found up while nobody holds it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Unclaimed {
    #[default]
    Keep,
    Off,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Step {
    voltage: Option<u32>,
    power: Option<u32>,
    clock: Option<u32>,
    reset: Option<u32>,
    name: Option<String>,
    microvolts: Option<i32>,
    hertz: Option<u64>,
}

/// What there is to know of the image.
pub struct Image<'a> {
    /// The name of this task.
    pub task: &'a str,
    /// All tasks, in the order of their indices.
    pub tasks: &'a [String],
    /// The notifications of another task.
    pub notifications: &'a dyn Fn(&str) -> Result<Vec<String>>,
    /// Who may use the driver.
    pub scmi: &'a Scmi,
}

/// The most resources, steps of one, and tasks that use any.
const MOST_RESOURCES: usize = 64;
const MOST_STEPS: usize = 32;
const MOST_CLIENTS: usize = 32;
/// The longest name of a resource.
const NAME_MAX: usize = 32;

/// Checks the table, and writes it as constants.
pub fn generate(config: &Config, image: &Image<'_>) -> Result<String> {
    let key = format!("app.toml: tasks.{}.config", image.task);
    ensure!(
        config.deadline_ms > 0,
        "{key}.deadline-ms: nothing can be done in no time; write milliseconds, at least 1"
    );
    let count = config.resources.len();
    ensure!(
        count <= MOST_RESOURCES,
        "{key}.resources: {count} are too many; there may be {MOST_RESOURCES}"
    );
    let names: Vec<&str> = config.resources.keys().map(String::as_str).collect();
    let clients = clients(config, image, &key)?;
    let order = order(config, &names, &key)?;
    check_shared(config, &key)?;
    check_scmi_client(image.scmi, image.task, protocols(config))?;

    let mut code = String::new();
    for (number, (name, resource)) in config.resources.iter().enumerate() {
        let key = format!("{key}.resources.{name}");
        ensure!(
            name.len() <= NAME_MAX,
            "{key}: the name is longer than {NAME_MAX} bytes"
        );
        ensure!(
            !resource.steps.is_empty(),
            "{key}.steps: a resource without steps is nothing; write for instance `{{ power = 1 }}`"
        );
        ensure!(
            resource.steps.len() <= MOST_STEPS,
            "{key}.steps: {} are too many; there may be {MOST_STEPS}",
            resource.steps.len()
        );
        writeln!(
            code,
            "static STEPS_{number}: [Step; {}] = [",
            resource.steps.len()
        )?;
        for (index, step) in resource.steps.iter().enumerate() {
            writeln!(
                code,
                "    {},",
                step_code(step, &format!("{key}.steps[{index}]"))?
            )?;
        }
        let way: Vec<usize> = way(number, config, &names, &order);
        writeln!(
            code,
            "];\nstatic WAY_{number}: [u8; {}] = {way:?};",
            way.len()
        )?;
    }
    writeln!(
        code,
        "/// The resources, by number.\npub static RESOURCES: [Resource; {count}] = ["
    )?;
    for (number, (name, resource)) in config.resources.iter().enumerate() {
        let mut users = 0_u32;
        for user in &resource.users {
            if let Some(client) = clients.iter().position(|known| *known == user) {
                users |= 1 << client;
            }
        }
        writeln!(
            code,
            "    Resource {{ name: {name:?}, steps: &STEPS_{number}, way: &WAY_{number}, users: {users:#x}, unclaimed_off: {} }},",
            matches!(resource.unclaimed, Unclaimed::Off)
        )?;
    }
    let indices: Vec<usize> = clients
        .iter()
        .filter_map(|client| image.tasks.iter().position(|task| task == *client))
        .collect();
    writeln!(
        code,
        "];\n/// Their numbers, each after those that it needs.\npub static ORDER: [u8; {count}] = {order:?};\n\
         /// The index of each client's task.\npub const CLIENTS: [usize; {}] = {indices:?};\n\
         /// How long a question to the platform may take.\npub const DEADLINE_MS: u32 = {};\n\
         /// How long what nobody holds stays up after the start.\npub const GRACE_MS: u64 = {};",
        indices.len(),
        config.deadline_ms,
        config.grace_ms
    )?;
    code += &tell(config, image, &key)?;
    Ok(code)
}

/// All tasks that use something, each once.
fn clients<'a>(config: &'a Config, image: &Image<'_>, key: &str) -> Result<Vec<&'a String>> {
    let mut clients: Vec<&String> = Vec::new();
    for (name, resource) in &config.resources {
        ensure!(
            !resource.users.is_empty(),
            "{key}.resources.{name}.users: nobody may use it; list a task"
        );
        for user in &resource.users {
            check_task(image, user, &format!("{key}.resources.{name}.users"))?;
            if !clients.contains(&user) {
                clients.push(user);
            }
        }
    }
    ensure!(
        clients.len() <= MOST_CLIENTS,
        "{key}.resources: {} tasks use them; there may be {MOST_CLIENTS}",
        clients.len()
    );
    Ok(clients)
}

fn check_task(image: &Image<'_>, name: &str, key: &str) -> Result<()> {
    ensure!(
        image.tasks.iter().any(|task| task == name),
        "{key}: there is no task called {name:?}; the tasks are {}",
        image.tasks.join(", ")
    );
    Ok(())
}

/// The numbers of all resources, each after those that it needs.
fn order(config: &Config, names: &[&str], key: &str) -> Result<Vec<usize>> {
    let mut needs = Vec::new();
    for (name, resource) in &config.resources {
        let mut numbers = Vec::new();
        for need in &resource.needs {
            let Some(number) = names.iter().position(|known| known == need) else {
                bail!(
                    "{key}.resources.{name}.needs: there is no resource called {need:?}; the resources are {}",
                    names.join(", ")
                );
            };
            numbers.push(number);
        }
        needs.push(numbers);
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < names.len() {
        let ready = (0..names.len()).find(|number| {
            !order.contains(number) && needs[*number].iter().all(|need| order.contains(need))
        });
        match ready {
            Some(number) => order.push(number),
            None => {
                let circle: Vec<&str> = (0..names.len())
                    .filter(|number| !order.contains(number))
                    .map(|number| names[number])
                    .collect();
                bail!(
                    "{key}.resources: {} need each other in a circle; remove a name from `needs`",
                    circle.join(", ")
                );
            }
        }
    }
    Ok(order)
}

/// What a resource needs, directly and through others, and at last itself.
fn way(number: usize, config: &Config, names: &[&str], order: &[usize]) -> Vec<usize> {
    let resources: Vec<&Resource> = config.resources.values().collect();
    let mut needed = vec![number];
    let mut index = 0;
    while let Some(&next) = needed.get(index) {
        for need in &resources[next].needs {
            let found = names.iter().position(|known| known == need);
            needed.extend(found.filter(|found| !needed.contains(found)));
        }
        index += 1;
    }
    order
        .iter()
        .copied()
        .filter(|number| needed.contains(number))
        .collect()
}

/// One domain in two resources would be switched off under the other's feet.
fn check_shared(config: &Config, key: &str) -> Result<()> {
    let mut seen: BTreeMap<(&str, u32), &str> = BTreeMap::new();
    for (name, resource) in &config.resources {
        for (index, step) in resource.steps.iter().enumerate() {
            for (kind, number) in kinds(step) {
                if let Some(other) = seen.insert((kind, number), name) {
                    bail!(
                        "{key}.resources.{name}.steps[{index}]: {kind} {number} is part of resource {other:?} already; make it a resource of its own, and name that in `needs` of both"
                    );
                }
            }
        }
    }
    Ok(())
}

fn kinds(step: &Step) -> impl Iterator<Item = (&'static str, u32)> {
    [
        ("voltage", step.voltage),
        ("power", step.power),
        ("clock", step.clock),
        ("reset", step.reset),
    ]
    .into_iter()
    .filter_map(|(kind, number)| Some((kind, number?)))
}

/// The protocols that are needed, each with what for.
fn protocols(config: &Config) -> impl Iterator<Item = (u8, String)> {
    config.resources.iter().flat_map(|(name, resource)| {
        let kinds = resource.steps.iter().flat_map(kinds);
        kinds.map(move |(kind, _)| {
            let protocol = match kind {
                "power" => 0x11,
                "clock" => 0x14,
                "reset" => 0x16,
                _ => 0x17,
            };
            (protocol, format!("resource {name:?} has a {kind}"))
        })
    })
}

fn step_code(step: &Step, key: &str) -> Result<String> {
    let found: Vec<_> = kinds(step).collect();
    let [(kind, number)] = found[..] else {
        bail!(
            "{key}: a step has exactly one of voltage, power, clock and reset; this one has {}",
            found.len()
        );
    };
    ensure!(
        step.microvolts.is_none() || kind == "voltage",
        "{key}.microvolts: a {kind} has none; it goes with `voltage`"
    );
    ensure!(
        step.hertz.is_none() || kind == "clock",
        "{key}.hertz: a {kind} has none; it goes with `clock`"
    );
    ensure!(
        step.hertz != Some(0),
        "{key}.hertz: a clock of 0 Hz stands still; leave it out to keep the rate it has"
    );
    build_util::check_platform_name(step.name.as_deref(), key)?;
    let part = match kind {
        "voltage" => format!(
            "Voltage {{ domain: {number}, microvolts: {:?} }}",
            step.microvolts
        ),
        "power" => format!("Power {{ domain: {number} }}"),
        "clock" => format!("Clock {{ clock: {number}, hertz: {:?} }}", step.hertz),
        _ => format!("Reset {{ domain: {number} }}"),
    };
    Ok(format!(
        "Step {{ part: Part::{part}, name: {:?} }}",
        step.name
    ))
}

/// Whom to tell, and by which bit.
fn tell(config: &Config, image: &Image<'_>, key: &str) -> Result<String> {
    let mut code = String::from(
        "/// Task and notification of those who want to know of restarts.\npub const TELL: &[(usize, u32)] = &[",
    );
    for (task, notification) in &config.tell {
        let key = format!("{key}.tell.{task}");
        check_task(image, task, &key)?;
        let index = image.tasks.iter().position(|known| known == task);
        let listed = (image.notifications)(task)?;
        let bit = listed.iter().position(|known| known == notification);
        let (Some(index), Some(bit)) = (index, bit) else {
            bail!(
                "{key}: {task} has no notification {notification:?}; add it to tasks.{task}.notifications"
            );
        };
        write!(code, "({index}, 1 << {bit}), ")?;
    }
    Ok(code + "];\n")
}
