// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the file as written to the machine: references resolved, numbers checked, errors with their line.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use scmi::protocol::common;
use toml::Spanned;

use super::error::MachineError;
use super::names::{Names, Source};
use super::{Choices, Feed, Heater, Machine, VendorAnswer, VendorProtocol, schema};
use crate::hex;

/// Longest name in an extended name message, in bytes, without the closing zero.
const LONG_NAME: usize = 63;
/// Longest name in a fixed 16-byte field, without the closing zero.
const SHORT_NAME: usize = 15;

/// The platform works no longer on commands, in microseconds: meanwhile it does not even see a reset.
const BUSIEST_US: u64 = 1_000_000;
/// Nothing takes longer, in milliseconds.
const HOUR_MS: u64 = 3_600_000;
/// Levels are megahertz, and told in kilohertz by 32 bits.
const HIGHEST_LEVEL: u32 = u32::MAX / 1000;
/// No temperature is farther from zero, in millidegrees Celsius.
const HOTTEST_MC: i64 = 1_000_000_000;

/// Protocols with these numbers are the vendors'.
const VENDOR_PROTOCOLS: RangeInclusive<u32> = 0x80..=0xff;
/// The first message after those that every protocol has, and the last.
const VENDOR_MESSAGES: RangeInclusive<u32> = 0x3..=0xff;

/// Things that others refer to by name.
struct Known<'a> {
    power: Names<'a>,
    perf: Names<'a>,
    clocks: Names<'a>,
    voltages: Names<'a>,
    powercaps: Names<'a>,
    bodies: Names<'a>,
}

/// Checks the whole file.
pub fn machine(source: Source<'_>, file: &schema::File) -> Result<Machine, MachineError> {
    macro_rules! names {
        ($list:expr, $kind:literal, $longest:expr) => {
            Names::of(
                source,
                $kind,
                $longest,
                $list.iter().map(|thing| (&thing.id, &thing.name)),
            )?
        };
    }
    let known = Known {
        power: names!(file.power, "power domain", LONG_NAME),
        perf: names!(file.perf, "performance domain", LONG_NAME),
        clocks: names!(file.clock, "clock", LONG_NAME),
        voltages: names!(file.voltage, "voltage domain", LONG_NAME),
        powercaps: names!(file.powercap, "power cap", LONG_NAME),
        bodies: Names::of_list(
            source,
            "thermal body",
            LONG_NAME,
            file.thermal.iter().map(|body| &body.name),
        )?,
    };
    names!(file.sensor, "sensor", LONG_NAME);
    names!(file.reset, "reset domain", LONG_NAME);
    names!(file.agent, "agent", SHORT_NAME);

    let mut agents: Vec<String> = file
        .agent
        .iter()
        .map(|agent| agent.name.get_ref().clone())
        .collect();
    for default in ["platform", "guest"].into_iter().skip(agents.len()) {
        agents.push(default.into());
    }

    Ok(Machine {
        platform: platform(source, &file.platform)?,
        agents,
        power: file.power.iter().map(power).collect(),
        perf: each(&file.perf, |domain| perf(source, &known, domain))?,
        clocks: each(&file.clock, |one| clock(source, &known, one))?,
        sensors: each(&file.sensor, |one| sensor(source, &known, one))?,
        resets: file.reset.iter().map(reset).collect(),
        voltages: each(&file.voltage, |domain| voltage(source, domain))?,
        powercaps: each(&file.powercap, |domain| powercap(source, &known, domain))?,
        system: file.system.as_ref().map(|system| super::System {
            graceful_timeout_ms: system.graceful_timeout_ms,
            read_only: system.read_only,
        }),
        pinctrl: file
            .pinctrl
            .as_ref()
            .map(|pins| pinctrl(source, pins))
            .transpose()?,
        bodies: each(&file.thermal, |one| body(source, &known, one))?,
        vendor_protocols: numbered(
            source,
            "vendor protocol",
            VENDOR_PROTOCOLS,
            file.vendor_protocol
                .iter()
                .map(|protocol| (&protocol.number, protocol)),
            |protocol| vendor_protocol(source, protocol),
        )?,
    })
}

/// Things that have a number of the header, each once.
fn numbered<'f, T: 'f, U>(
    source: Source<'_>,
    kind: &str,
    range: RangeInclusive<u32>,
    things: impl Iterator<Item = (&'f Spanned<u32>, &'f T)>,
    check: impl Fn(&'f T) -> Result<U, MachineError>,
) -> Result<BTreeMap<u8, U>, MachineError> {
    let mut map = BTreeMap::new();
    for (number, thing) in things {
        let id = inside(source, number, "number", range.clone())? as u8;
        if map.insert(id, check(thing)?).is_some() {
            return Err(source.error(number, format!("{kind} {id} is a duplicate")));
        }
    }
    Ok(map)
}

fn vendor_protocol(
    source: Source<'_>,
    file: &schema::VendorProtocol,
) -> Result<VendorProtocol, MachineError> {
    let messages = file
        .messages
        .iter()
        .map(|message| (&message.number, message));
    Ok(VendorProtocol {
        version: file.version,
        messages: numbered(source, "message", VENDOR_MESSAGES, messages, |message| {
            vendor_answer(source, message)
        })?,
    })
}

fn vendor_answer(
    source: Source<'_>,
    file: &schema::VendorMessage,
) -> Result<VendorAnswer, MachineError> {
    if *file.number.get_ref() == u32::from(common::NEGOTIATE_PROTOCOL_VERSION) {
        return Err(source.error(
            &file.number,
            "message 16 is NEGOTIATE_PROTOCOL_VERSION in every protocol",
        ));
    }
    let Some(text) = &file.values else {
        return Ok(VendorAnswer::Parameters);
    };
    let values = hex::parse(text.get_ref()).map_err(|error| source.error(text, error))?;
    if values.len() > scmi::limits::MAX_PAYLOAD {
        return Err(source.error(
            text,
            format!(
                "`values` has {} bytes; {} fit a message",
                values.len(),
                scmi::limits::MAX_PAYLOAD
            ),
        ));
    }
    Ok(VendorAnswer::Values(values))
}

fn each<T, U>(
    list: &[T],
    check: impl Fn(&T) -> Result<U, MachineError>,
) -> Result<Vec<U>, MachineError> {
    list.iter().map(check).collect()
}

fn platform(source: Source<'_>, file: &schema::Platform) -> Result<super::Platform, MachineError> {
    source.check_name(&file.vendor, SHORT_NAME)?;
    source.check_name(&file.sub_vendor, SHORT_NAME)?;
    Ok(super::Platform {
        vendor: file.vendor.get_ref().clone(),
        sub_vendor: file.sub_vendor.get_ref().clone(),
        implementation_version: file.implementation_version,
        p2a: file.p2a,
        event_idx: file.event_idx,
        version_1: file.version_1,
        busy_us: inside(source, &file.busy_us, "busy-us", 0..=BUSIEST_US)?,
        delayed_response_ms: inside(
            source,
            &file.delayed_response_ms,
            "delayed-response-ms",
            0..=HOUR_MS,
        )?,
        step_ms: inside(source, &file.step_ms, "step-ms", 1..=HOUR_MS)?,
    })
}

/// A number that must lie in a range.
fn inside<T: Copy + PartialOrd + std::fmt::Display>(
    source: Source<'_>,
    value: &Spanned<T>,
    key: &str,
    range: RangeInclusive<T>,
) -> Result<T, MachineError> {
    if range.contains(value.get_ref()) {
        return Ok(*value.get_ref());
    }
    Err(source.error(
        value,
        format!(
            "`{key}` is {}; it can be {} to {}",
            value.get_ref(),
            range.start(),
            range.end()
        ),
    ))
}

fn power(file: &schema::Power) -> super::Power {
    super::Power {
        name: file.name.get_ref().clone(),
        on: file.on,
        leak_mw: file.leak_mw,
        read_only: file.read_only,
        asynchronous: file.asynchronous,
    }
}

fn perf(
    source: Source<'_>,
    known: &Known<'_>,
    file: &schema::Perf,
) -> Result<super::Perf, MachineError> {
    let name = file.name.get_ref();
    let levels = file.levels.get_ref();
    if levels.is_empty() {
        return Err(source.error(
            &file.levels,
            format!("performance domain {name:?} has no level; give it at least one"),
        ));
    }
    if !levels.is_sorted_by(|a, b| a.level < b.level) {
        return Err(source.error(
            &file.levels,
            format!("the levels of performance domain {name:?} must ascend"),
        ));
    }
    if let Some(level) = levels.iter().find(|level| level.level > HIGHEST_LEVEL) {
        return Err(source.error(
            &file.levels,
            format!(
                "performance domain {name:?} has level {}; a level is a number of MHz, at most {HIGHEST_LEVEL}",
                level.level
            ),
        ));
    }
    let find = |wanted: &Option<Spanned<u32>>, default: usize| match wanted {
        None => Ok(default),
        Some(wanted) => levels
            .iter()
            .position(|level| level.level == *wanted.get_ref())
            .ok_or_else(|| {
                let all: Vec<_> = levels.iter().map(|level| level.level.to_string()).collect();
                source.error(
                    wanted,
                    format!(
                        "performance domain {name:?} has no level {}; it has {}",
                        wanted.get_ref(),
                        all.join(", ")
                    ),
                )
            }),
    };
    Ok(super::Perf {
        name: name.clone(),
        power: file
            .power
            .as_ref()
            .map(|power| known.power.find(source, power))
            .transpose()?,
        level: find(&file.level, 0)?,
        sustained: find(&file.sustained, levels.len() - 1)?,
        levels: levels.clone(),
        read_only: file.read_only,
    })
}

/// The choices of a clock or a voltage, from a list or a range, and the one at the start.
struct Given<'a> {
    what: &'a str,
    keys: (&'a str, &'a str),
    name: &'a Spanned<String>,
    list: Vec<i64>,
    range: Option<(Spanned<()>, [i64; 3])>,
    start: Option<(Spanned<()>, i64)>,
}

fn choices(source: Source<'_>, given: Given<'_>) -> Result<(Choices, i64), MachineError> {
    let Given {
        what,
        keys,
        name,
        list,
        range,
        start,
    } = given;
    let label = format!("{what} {:?}", name.get_ref());
    let choices = match (list.is_empty(), range) {
        (false, None) => {
            if !list.is_sorted_by(|a, b| a < b) {
                return Err(source.error(name, format!("`{}` of {label} must ascend", keys.0)));
            }
            Choices::List(list)
        }
        (true, Some((at, [low, high, step]))) => {
            if low > high || step <= 0 {
                return Err(source.error(
                    &at,
                    format!("`{}` of {label} is lowest, highest, step: {low} to {high} in steps of {step} is empty", keys.1),
                ));
            }
            Choices::Range { low, high, step }
        }
        _ => {
            return Err(source.error(
                name,
                format!("{label} needs either `{}` or `{}`", keys.0, keys.1),
            ));
        }
    };
    let first = match start {
        None => choices.low(),
        Some((at, value)) if choices.contains(value) => {
            let _ = at;
            value
        }
        Some((at, value)) => {
            return Err(source.error(
                &at,
                format!(
                    "{label} cannot start at {value}: out of range {} to {}, or between two steps",
                    choices.low(),
                    choices.high()
                ),
            ));
        }
    };
    Ok((choices, first))
}

fn spot<T>(at: &Spanned<T>) -> Spanned<()> {
    Spanned::new(at.span(), ())
}

fn clock(
    source: Source<'_>,
    known: &Known<'_>,
    file: &schema::Clock,
) -> Result<super::Clock, MachineError> {
    let (rates, rate) = choices(
        source,
        Given {
            what: "clock",
            keys: ("rates", "range"),
            name: &file.name,
            list: file.rates.iter().map(|&rate| rate as i64).collect(),
            range: file
                .range
                .as_ref()
                .map(|range| (spot(range), range.get_ref().map(|value| value as i64))),
            start: file
                .rate
                .as_ref()
                .map(|rate| (spot(rate), *rate.get_ref() as i64)),
        },
    )?;
    let parents = each(&file.parents, |parent| known.clocks.find(source, parent))?;
    if let Some(position) = parents
        .iter()
        .position(|&parent| parent == *file.id.get_ref() as usize)
    {
        return Err(source.error(
            &file.parents[position],
            format!("clock {:?} cannot feed itself", file.name.get_ref()),
        ));
    }
    Ok(super::Clock {
        name: file.name.get_ref().clone(),
        rates,
        rate: rate as u64,
        parents,
        enabled: file.enabled,
        read_only: file.read_only,
    })
}

fn sensor(
    source: Source<'_>,
    known: &Known<'_>,
    file: &schema::Sensor,
) -> Result<super::Sensor, MachineError> {
    let name = &file.name;
    let mut feeds = Vec::new();
    if let Some(body) = &file.body {
        feeds.push(Feed::Body(known.bodies.find(source, body)?));
    }
    if let Some(perf) = &file.power_of {
        feeds.push(Feed::PowerOf(known.perf.find(source, perf)?));
    }
    if let Some(voltage) = &file.voltage_of {
        feeds.push(Feed::VoltageOf(known.voltages.find(source, voltage)?));
    }
    if let Some(value) = file.value {
        feeds.push(Feed::Fixed(vec![value]));
    }
    if !file.axes.is_empty() {
        feeds.push(Feed::Fixed(
            file.axes.iter().map(|axis| axis.value).collect(),
        ));
    }
    if feeds.len() != 1 {
        return Err(source.error(
            name,
            format!("sensor {:?} needs exactly one of `value`, `axes`, `body`, `power-of`, `voltage-of`; it has {}", name.get_ref(), feeds.len()),
        ));
    }
    let feed = feeds.swap_remove(0);
    // The reading, its axes and the header must fit a message: 128 bytes of payload, 16 bytes an axis.
    if file.axes.len() > 7 {
        return Err(source.error(
            name,
            format!(
                "sensor {:?} has {} axes; 7 fit a message",
                name.get_ref(),
                file.axes.len()
            ),
        ));
    }
    if !(-16..=15).contains(&file.scale) {
        return Err(source.error(
            name,
            format!(
                "sensor {:?} has scale {}; the field holds -16 to 15",
                name.get_ref(),
                file.scale
            ),
        ));
    }
    for axis in &file.axes {
        source.check_name(&axis.name, SHORT_NAME)?;
    }
    Ok(super::Sensor {
        name: name.get_ref().clone(),
        kind: file.kind,
        scale: file.scale,
        feed,
        axes: file
            .axes
            .iter()
            .map(|axis| axis.name.get_ref().clone())
            .collect(),
        trip_points: file.trip_points,
        intervals_ms: file.intervals_ms.clone(),
        asynchronous: file.asynchronous,
        enabled: file.enabled,
    })
}

fn reset(file: &schema::Reset) -> super::Reset {
    super::Reset {
        name: file.name.get_ref().clone(),
        asserted: file.asserted,
        latency_us: file.latency_us,
        asynchronous: file.asynchronous,
        read_only: file.read_only,
    }
}

fn voltage(source: Source<'_>, file: &schema::Voltage) -> Result<super::Voltage, MachineError> {
    let (levels, level) = choices(
        source,
        Given {
            what: "voltage domain",
            keys: ("levels-uv", "range-uv"),
            name: &file.name,
            list: file
                .levels_uv
                .iter()
                .map(|&level| i64::from(level))
                .collect(),
            range: file
                .range_uv
                .as_ref()
                .map(|range| (spot(range), range.get_ref().map(i64::from))),
            start: file
                .level_uv
                .as_ref()
                .map(|level| (spot(level), i64::from(*level.get_ref()))),
        },
    )?;
    Ok(super::Voltage {
        name: file.name.get_ref().clone(),
        levels,
        level_uv: level as i32,
        on: file.on,
        asynchronous: file.asynchronous,
        read_only: file.read_only,
    })
}

fn powercap(
    source: Source<'_>,
    known: &Known<'_>,
    file: &schema::Powercap,
) -> Result<super::Powercap, MachineError> {
    let name = file.name.get_ref();
    let [low, high, step] = *file.range_mw.get_ref();
    if low > high || step == 0 {
        return Err(source.error(
            &file.range_mw,
            format!("`range-mw` of power cap {name:?} is lowest, highest, step: {low} to {high} in steps of {step} is empty"),
        ));
    }
    let cap_mw = match &file.cap_mw {
        None => high,
        Some(cap)
            if (low..=high).contains(cap.get_ref())
                && (cap.get_ref() - low).is_multiple_of(step) =>
        {
            *cap.get_ref()
        }
        Some(cap) => {
            return Err(source.error(
                cap,
                format!(
                    "power cap {name:?} cannot start at {}: out of range {low} to {high}, or between two steps",
                    cap.get_ref()
                ),
            ));
        }
    };
    let [shortest, longest, interval_step] = *file.interval_ms.get_ref();
    let is_range = (1..=longest).contains(&shortest) && interval_step > 0;
    if !is_range || u64::from(longest) > HOUR_MS {
        return Err(source.error(
            &file.interval_ms,
            format!("`interval-ms` of power cap {name:?} is shortest, longest, step: {shortest} to {longest} in steps of {interval_step} is none; it can be 1 to {HOUR_MS}"),
        ));
    }
    let parent = file
        .parent
        .as_ref()
        .map(|parent| known.powercaps.find(source, parent))
        .transpose()?;
    if let (Some(parent), Some(at)) = (parent, &file.parent)
        && parent >= *file.id.get_ref() as usize
    {
        return Err(source.error(
            at,
            format!("the parent of power cap {name:?} must have a smaller id"),
        ));
    }
    Ok(super::Powercap {
        name: name.clone(),
        parent,
        limits: each(&file.limits, |limited| known.perf.find(source, limited))?,
        range_mw: [low, high, step],
        cap_mw,
        interval_ms: *file.interval_ms.get_ref(),
    })
}

fn pinctrl(source: Source<'_>, file: &schema::Pinctrl) -> Result<super::Pinctrl, MachineError> {
    let pins = Names::of_list(source, "pin", LONG_NAME, file.pins.iter())?;
    let groups = Names::of_list(
        source,
        "pin group",
        LONG_NAME,
        file.group.iter().map(|group| &group.name),
    )?;
    Names::of_list(
        source,
        "pin function",
        LONG_NAME,
        file.function.iter().map(|function| &function.name),
    )?;
    Ok(super::Pinctrl {
        pins: file.pins.iter().map(|pin| pin.get_ref().clone()).collect(),
        groups: each(&file.group, |group| {
            Ok((
                group.name.get_ref().clone(),
                each(&group.pins, |pin| pins.find(source, pin))?,
            ))
        })?,
        functions: each(&file.function, |function| {
            Ok((
                function.name.get_ref().clone(),
                each(&function.groups, |group| groups.find(source, group))?,
            ))
        })?,
    })
}

fn body(
    source: Source<'_>,
    known: &Known<'_>,
    file: &schema::Thermal,
) -> Result<super::Body, MachineError> {
    if *file.time_constant_ms.get_ref() == 0 {
        return Err(source.error(
            &file.time_constant_ms,
            "`time-constant-ms` must be at least 1",
        ));
    }
    let mut heated_by = Vec::new();
    for name in &file.heated_by {
        let perf = known.perf.get(name.get_ref());
        let power = known.power.get(name.get_ref());
        heated_by.extend(perf.map(Heater::Perf));
        heated_by.extend(power.map(Heater::Power));
        if perf.is_none() && power.is_none() {
            return Err(source.error(
                name,
                format!(
                    "no performance or power domain is called {:?}",
                    name.get_ref()
                ),
            ));
        }
    }
    Ok(super::Body {
        name: file.name.get_ref().clone(),
        heated_by,
        ambient_mc: inside(
            source,
            &file.ambient_mc,
            "ambient-mc",
            -HOTTEST_MC..=HOTTEST_MC,
        )?,
        resistance_mc_per_w: inside(
            source,
            &file.resistance_mc_per_w,
            "resistance-mc-per-w",
            0..=HOTTEST_MC,
        )?,
        time_constant_ms: *file.time_constant_ms.get_ref(),
    })
}
