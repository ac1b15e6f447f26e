// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[tasks.thermal.config]`: what it may say, its checks, and the tables made from it.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail, ensure};
use build_util::{Scmi, check_platform_name, check_scmi_client};
use serde::Deserialize;

/// `[tasks.thermal.config]`: see the documentation of the task.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    #[serde(default = "deadline")]
    deadline_ms: u32,
    #[serde(default = "poll")]
    poll_ms: u64,
    #[serde(default = "check")]
    check_ms: u64,
    #[serde(default = "blind")]
    blind_ms: u64,
    #[serde(default)]
    limits: BTreeMap<String, Limit>,
    #[serde(default)]
    zones: BTreeMap<String, Zone>,
}

fn deadline() -> u32 {
    200
}

fn poll() -> u64 {
    1000
}

/// How hot a thing can get unseen when somebody else moves its sensor's trip points depends on this.
fn check() -> u64 {
    1000
}

fn blind() -> u64 {
    0
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Limit {
    perf: Option<u32>,
    cap: Option<u32>,
    name: Option<String>,
    normal: u32,
    safe: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Zone {
    sensor: u32,
    name: Option<String>,
    hysteresis: i64,
    trips: Vec<Trip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Trip {
    at: i64,
    limits: BTreeMap<String, u32>,
}

/// The most zones, limits, and trips of a zone.
const MOST: usize = 32;
/// The longest name here.
const NAME_MAX: usize = 32;

/// Checks the table of the task with that name, and writes it as constants.
pub fn generate(config: &Config, task: &str, scmi: &Scmi) -> Result<String> {
    let key = format!("app.toml: tasks.{task}.config");
    for (name, value) in [
        ("deadline-ms", config.deadline_ms.into()),
        ("poll-ms", config.poll_ms),
        ("check-ms", config.check_ms),
    ] {
        ensure!(
            value > 0,
            "{key}.{name}: nothing can be done in no time; write milliseconds, at least 1"
        );
    }
    for (table, count) in [
        ("limits", config.limits.len()),
        ("zones", config.zones.len()),
    ] {
        ensure!(
            count <= MOST,
            "{key}.{table}: {count} are too many; there may be {MOST}"
        );
    }
    check_scmi_client(scmi, task, protocols(config))?;

    let mut limits = String::new();
    for (name, limit) in &config.limits {
        let key = format!("{key}.limits.{name}");
        check_name(name, &key)?;
        writeln!(limits, "    {},", limit_code(name, limit, &key)?)?;
        let is_used = |trip: &Trip| trip.limits.contains_key(name);
        ensure!(
            config
                .zones
                .values()
                .flat_map(|zone| &zone.trips)
                .any(is_used),
            "{key}: no trip of any zone uses it; remove it, or name it in `limits` of a trip"
        );
    }
    check_doubles(config, &key)?;
    let mut code = String::new();
    let mut zones = String::new();
    for (number, (name, zone)) in config.zones.iter().enumerate() {
        let key = format!("{key}.zones.{name}");
        check_name(name, &key)?;
        check_platform_name(zone.name.as_deref(), &key)?;
        code += &trips_code(number, zone, config, &key)?;
        writeln!(
            zones,
            "    Zone {{ name: {name:?}, sensor: {}, platform_name: {:?}, hysteresis: {}, trips: &TRIPS_{number} }},",
            zone.sensor, zone.name, zone.hysteresis
        )?;
    }
    writeln!(
        code,
        "/// The limits, by number.\npub static LIMITS: [Limit; {}] = [\n{limits}];\n\
         /// The zones, by number.\npub static ZONES: [Zone; {}] = [\n{zones}];\n\
         /// How long things take.\npub const TIMES: Times = Times {{ deadline_ms: {}, poll_ms: {}, check_ms: {}, blind_ms: {} }};",
        config.limits.len(),
        config.zones.len(),
        config.deadline_ms,
        config.poll_ms,
        config.check_ms,
        config.blind_ms
    )?;
    Ok(code)
}

fn check_name(name: &str, key: &str) -> Result<()> {
    ensure!(
        name.len() <= NAME_MAX,
        "{key}: the name is longer than {NAME_MAX} bytes"
    );
    Ok(())
}

/// From version 2 of the power capping protocol on, this is so.
const CAP_OFF: &str = "a cap of 0 switches capping off; write at least 1";

fn limit_code(name: &str, limit: &Limit, key: &str) -> Result<String> {
    check_platform_name(limit.name.as_deref(), key)?;
    let target = match (limit.perf, limit.cap) {
        (Some(domain), None) => format!("Perf {{ domain: {domain} }}"),
        (None, Some(domain)) => format!("Cap {{ domain: {domain} }}"),
        _ => bail!(
            "{key}: a limit has exactly one of `perf` and `cap`, the number of what is limited"
        ),
    };
    ensure!(
        limit.safe <= limit.normal,
        "{key}.safe: {} is more than `normal`, {}: blind is no time to run faster",
        limit.safe,
        limit.normal
    );
    ensure!(
        limit.cap.is_none() || limit.safe > 0,
        "{key}.safe: {CAP_OFF}"
    );
    Ok(format!(
        "Limit {{ name: {name:?}, target: Target::{target}, platform_name: {:?}, normal: {}, safe: {} }}",
        limit.name, limit.normal, limit.safe
    ))
}

/// Two limits of one domain would undo each other.
fn check_doubles(config: &Config, key: &str) -> Result<()> {
    let mut seen = BTreeMap::new();
    for (name, limit) in &config.limits {
        if let Some(other) = seen.insert((limit.perf, limit.cap), name) {
            bail!("{key}.limits.{name}: it limits the same as {other:?}; make one of both");
        }
    }
    Ok(())
}

fn trips_code(number: usize, zone: &Zone, config: &Config, key: &str) -> Result<String> {
    ensure!(
        zone.hysteresis > 0,
        "{key}.hysteresis: {} lets limits go up and down with every reading; write at least 1",
        zone.hysteresis
    );
    ensure!(
        !zone.trips.is_empty() && zone.trips.len() <= MOST,
        "{key}.trips: {} trips; there must be from 1 to {MOST}",
        zone.trips.len()
    );
    let mut code = String::new();
    let mut trips = String::new();
    let mut lowest: BTreeMap<&str, u32> = BTreeMap::new();
    let mut before = None;
    for (index, trip) in zone.trips.iter().enumerate() {
        let key = format!("{key}.trips[{index}]");
        ensure!(
            before.is_none_or(|before| trip.at > before),
            "{key}.at: {} is not above the trip before it; list trips from the lowest to the highest",
            trip.at
        );
        before = Some(trip.at);
        ensure!(
            trip.at.checked_sub(zone.hysteresis).is_some(),
            "{key}.at: {} less the hysteresis is no number",
            trip.at
        );
        ensure!(
            !trip.limits.is_empty(),
            "{key}.limits: a trip that limits nothing does nothing; name a limit"
        );
        let mut cuts = Vec::new();
        for (name, value) in &trip.limits {
            let key = format!("{key}.limits.{name}");
            let Some(position) = config.limits.keys().position(|known| known == name) else {
                let known: Vec<&str> = config.limits.keys().map(String::as_str).collect();
                bail!(
                    "{key}: there is no limit called {name:?}; the limits are {}",
                    known.join(", ")
                );
            };
            let limit = &config.limits[name];
            let most = lowest.get(name.as_str()).copied().unwrap_or(limit.normal);
            ensure!(
                *value < most,
                "{key}: {value} is not below {most}, which holds without this trip"
            );
            ensure!(limit.cap.is_none() || *value > 0, "{key}: {CAP_OFF}");
            lowest.insert(name, *value);
            cuts.push((position, *value));
        }
        writeln!(
            code,
            "static CUTS_{number}_{index}: [(u8, u32); {}] = {cuts:?};",
            cuts.len()
        )?;
        writeln!(
            trips,
            "    Trip {{ at: {}, cuts: &CUTS_{number}_{index} }},",
            trip.at
        )?;
    }
    writeln!(
        code,
        "static TRIPS_{number}: [Trip; {}] = [\n{trips}];",
        zone.trips.len()
    )?;
    Ok(code)
}

/// The protocols that are needed, each with what for.
fn protocols(config: &Config) -> impl Iterator<Item = (u8, String)> {
    let has_perf = config.limits.values().any(|limit| limit.perf.is_some());
    let has_cap = config.limits.values().any(|limit| limit.cap.is_some());
    [
        (0x15, "sensors", !config.zones.is_empty()),
        (0x13, "performance domains", has_perf),
        (0x18, "power caps", has_cap),
    ]
    .into_iter()
    .filter(|(_, _, needed)| *needed)
    .map(|(protocol, what, _)| (protocol, format!("the policy speaks of {what}")))
}
