// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where the machine stands, for those who look at it from the outside: what the control socket answers to `get`.

use scmi::Protocol;
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::model::{POWER_ON, TripDirection};

/// Everything that changes, by kind and name.
pub fn of(engine: &Engine) -> Value {
    let platform = &engine.platform;
    let model = &platform.model;
    let machine = &model.machine;
    let names = |parent: Option<usize>| parent.map(|parent| machine.clocks[parent].name.as_str());
    json!({
        "power": named(&machine.power, |i| json!(model.power[i] == POWER_ON), |thing| &thing.name),
        "wanted": named(&machine.perf, |i| json!(model.wanted(i)), |thing| &thing.name),
        "level": named(&machine.perf, |i| json!(model.level(i)), |thing| &thing.name),
        "limits": named(&machine.perf, |i| json!([model.perf[i].min, model.perf[i].max]), |thing| &thing.name),
        "rate": named(&machine.clocks, |i| json!(model.clocks[i].rate), |thing| &thing.name),
        "clock": named(&machine.clocks, |i| json!(model.clocks[i].enabled), |thing| &thing.name),
        "parent": named(&machine.clocks, |i| json!(names(model.clocks[i].parent)), |thing| &thing.name),
        "sensor": named(&machine.sensors, |i| json!(model.reading(i)), |thing| &thing.name),
        "measures": named(&machine.sensors, |i| json!(model.sensors[i].enabled), |thing| &thing.name),
        "trips": named(&machine.sensors, |i| trips(engine, i), |thing| &thing.name),
        "reset": named(&machine.resets, |i| json!(model.resets[i]), |thing| &thing.name),
        "voltage": named(
            &machine.voltages,
            |i| json!({ "on": model.voltages[i].on, "uv": model.voltages[i].level_uv }),
            |thing| &thing.name,
        ),
        "cap": named(
            &machine.powercaps,
            |i| json!({
                "cap_mw": model.caps[i].cap_mw,
                "interval_ms": model.caps[i].interval_ms,
                "power_mw": model.caps[i].power_mw(),
            }),
            |thing| &thing.name,
        ),
        "temperature": named(&machine.bodies, |i| json!(model.temperature_mc(i)), |thing| &thing.name),
        "pin": pins(engine),
        "system": model.system,
        "versions": versions(engine),
        "subscriptions": platform.subscriptions(),
    })
}

fn named<T>(list: &[T], value: impl Fn(usize) -> Value, name: impl Fn(&T) -> &String) -> Value {
    let entries = list.iter().enumerate();
    let entries: Map<_, _> = entries
        .map(|(index, thing)| (name(thing).clone(), value(index)))
        .collect();
    entries.into()
}

/// The trip points of a sensor: reading and direction.
fn trips(engine: &Engine, sensor: usize) -> Value {
    let trips = engine.platform.model.sensors[sensor].trips.iter();
    trips
        .map(|trip| {
            let direction = match trip.direction {
                TripDirection::Off => "off",
                TripDirection::Rising => "rising",
                TripDirection::Falling => "falling",
                TripDirection::Both => "both",
            };
            json!([trip.value, direction])
        })
        .collect()
}

/// Of each pin: whether it is taken, its function, and its settings by their numbers.
fn pins(engine: &Engine) -> Value {
    let Some(machine) = &engine.platform.model.machine.pinctrl else {
        return json!({});
    };
    let pins = &engine.platform.pins;
    let value = |pin| {
        let function = pins.function(pin);
        let name = function.map(|function| machine.functions[function as usize].0.as_str());
        json!({ "taken": pins.is_taken(pin), "function": name, "settings": pins.settings(pin) })
    };
    named(&machine.pins, value, |name| name)
}

/// The version of each protocol that is spoken with the guest.
fn versions(engine: &Engine) -> Value {
    let all: Map<_, _> = Protocol::ALL
        .into_iter()
        .map(|protocol| {
            (
                protocol.name().to_owned(),
                json!(engine.platform.version(protocol)),
            )
        })
        .collect();
    all.into()
}
