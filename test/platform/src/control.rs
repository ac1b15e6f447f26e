// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The control socket: one JSON object a line in, one JSON object a line out.
//!
//! ```text
//! > {"cmd":"set","what":"sensor","name":"accelerometer","axis":0,"value":17}
//! < {"ok":true}
//! > {"cmd":"fault","kind":"drop","protocol":21,"message":6,"count":1}
//! < {"ok":true}
//! > {"cmd":"set","what":"sensor","name":"nothing","value":1}
//! < {"ok":false,"error":"no sensor is called \"nothing\""}
//! ```
//!
//! `doc/scenario.md` lists the commands. A line that cannot be read is answered with an error and changes nothing.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use scmi::wire::{Emit, Fault as WireFault, Malformed};
use scmi::{Header, MessageType, Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::device::Shared;
use crate::engine::Engine;
use crate::faults::Rule;
use crate::hex;
use crate::model::{Change, POWER_OFF, POWER_ON};
use crate::state;

/// A command on the control socket.
#[derive(Debug, Deserialize)]
#[serde(tag = "cmd", rename_all = "kebab-case")]
pub enum Command {
    /// Changes the machine, as somebody other than the guest would.
    Set(Set),
    /// Tells where the machine stands.
    Get,
    /// Adds a fault.
    Fault(Rule),
    /// Forgets all faults.
    ClearFaults,
    /// Answers nothing and sends nothing until `resume`.
    Pause,
    /// Ends a pause.
    Resume,
    /// Sends a notification, asked for or not.
    Event {
        /// Protocol number.
        protocol: u8,
        /// Number of the notification.
        event: u8,
        /// Payload, in hexadecimal.
        #[serde(default)]
        payload: String,
        /// How many times: a flood.
        #[serde(default = "once")]
        count: u32,
    },
    /// Sends a message of the platform's own, header and all.
    Raw {
        /// Header and payload, in hexadecimal.
        bytes: String,
    },
    /// Allows or denies the guest a protocol.
    Permit {
        /// Protocol number.
        protocol: u8,
        /// Whether it may use it.
        allowed: bool,
    },
    /// Respects that the guest suppresses interrupts, or not.
    Suppression {
        /// Whether it does.
        respected: bool,
    },
    /// Counts, faults that wait, and whether it is paused.
    Status,
    /// Hands out the log since the last time.
    Log,
    /// Ends the process at once, as a crash would.
    Die,
}

/// Most notifications that one line sends.
const FLOOD: u32 = 100_000;

fn once() -> u32 {
    1
}

/// What `set` changes.
#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Set {
    /// Reading of a sensor that nothing feeds.
    Sensor {
        /// Its name.
        name: String,
        /// Which axis.
        #[serde(default)]
        axis: usize,
        /// The reading.
        value: i64,
    },
    /// Temperature of a body.
    Temperature {
        /// Its name.
        name: String,
        /// Millidegrees Celsius.
        value: i64,
    },
    /// Power domain.
    Power {
        /// Its name.
        name: String,
        /// Whether it is on.
        on: bool,
    },
    /// Performance level.
    Level {
        /// The domain's name.
        name: String,
        /// The level.
        level: u32,
    },
    /// Limits of a performance domain.
    Limits {
        /// The domain's name.
        name: String,
        /// Lowest level.
        min: u32,
        /// Highest level.
        max: u32,
    },
    /// Clock rate.
    Rate {
        /// The clock's name.
        name: String,
        /// Hertz.
        rate: u64,
    },
    /// Clock.
    Clock {
        /// Its name.
        name: String,
        /// Whether it runs.
        on: bool,
    },
    /// Voltage domain.
    Voltage {
        /// Its name.
        name: String,
        /// Whether it is on.
        on: bool,
        /// Microvolts.
        uv: i32,
    },
    /// Reset domain.
    Reset {
        /// Its name.
        name: String,
        /// Whether it is held in reset.
        asserted: bool,
    },
    /// Power state of the whole system.
    System {
        /// SCMI's number of the state.
        state: u32,
        /// Whether the guest gets time to prepare.
        graceful: bool,
    },
    /// Power cap.
    Cap {
        /// The domain's name.
        name: String,
        /// Milliwatts.
        cap_mw: u32,
    },
}

/// A payload as it was given.
struct Raw(Vec<u8>);

impl Emit for Raw {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        let too_short = Malformed {
            message: "payload",
            fault: WireFault::Short {
                needed: self.0.len(),
                got: out.len(),
            },
        };
        let (place, rest) = out.split_at_mut_checked(self.0.len()).ok_or(too_short)?;
        place.copy_from_slice(&self.0);
        Ok(rest)
    }
}

/// Carries out one line and returns the answer.
pub fn answer(engine: &mut Engine, line: &str) -> Value {
    let done = serde_json::from_str(line)
        .map_err(|error| error.to_string())
        .and_then(|value| {
            check_keys(&value)?;
            serde_json::from_value(value).map_err(|error| error.to_string())
        })
        .and_then(|command| carry_out(engine, command));
    match done {
        Ok(Value::Null) => json!({ "ok": true }),
        Ok(value) => json!({ "ok": true, "value": value }),
        Err(error) => json!({ "ok": false, "error": error }),
    }
}

/// Refuses keys that a command does not know: a filter with a typing mistake must not hit everything.
fn check_keys(line: &Value) -> Result<(), String> {
    let word = |key: &str| line[key].as_str().unwrap_or("");
    let known: Vec<&str> = match word("cmd") {
        "set" => match word("what") {
            "sensor" => vec!["what", "name", "axis", "value"],
            "temperature" => vec!["what", "name", "value"],
            "power" => vec!["what", "name", "on"],
            "level" => vec!["what", "name", "level"],
            "limits" => vec!["what", "name", "min", "max"],
            "rate" => vec!["what", "name", "rate"],
            "clock" => vec!["what", "name", "on"],
            "voltage" => vec!["what", "name", "on", "uv"],
            "reset" => vec!["what", "name", "asserted"],
            "system" => vec!["what", "state", "graceful"],
            "cap" => vec!["what", "name", "cap_mw"],
            // The next check says which there are.
            _ => return Ok(()),
        },
        "fault" => {
            let own = match word("kind") {
                "delay" => &["ms"][..],
                "truncate" | "used-length" => &["len"],
                "used-id" => &["id"],
                "header" => &["xor"],
                "status" => &["status"],
                "garbage" => &["byte"],
                _ => &[],
            };
            [&["kind", "target", "protocol", "message", "count"], own].concat()
        }
        "event" => vec!["protocol", "event", "payload", "count"],
        "raw" => vec!["bytes"],
        "permit" => vec!["protocol", "allowed"],
        "suppression" => vec!["respected"],
        _ => vec![],
    };
    let keys = line
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    for key in keys.filter(|key| key.as_str() != "cmd") {
        if !known.contains(&key.as_str()) {
            return Err(format!(
                "no key {key:?} here; there are: {}",
                known.join(", ")
            ));
        }
    }
    Ok(())
}

fn carry_out(engine: &mut Engine, command: Command) -> Result<Value, String> {
    match command {
        Command::Set(set) => carry_out_set(engine, set)?,
        Command::Get => return Ok(state::of(engine)),
        Command::Fault(rule) => engine.faults.add(rule)?,
        Command::ClearFaults => engine.faults.clear(),
        Command::Suppression { respected } => engine.always_interrupts = !respected,
        Command::Pause => engine.paused = true,
        Command::Resume => engine.paused = false,
        Command::Event {
            protocol,
            event,
            payload,
            count,
        } => {
            if count > FLOOD {
                return Err(format!("`count` is {count}; a flood has at most {FLOOD}"));
            }
            let payload = Raw(hex::parse(&payload)?);
            let protocol = Protocol::from_id(protocol)
                .ok_or_else(|| format!("no protocol has the number {protocol}"))?;
            for _ in 0..count {
                engine.platform.send_event(protocol, event, &payload);
            }
        }
        Command::Raw { bytes: text } => {
            let bytes = hex::parse(&text)?;
            let word = bytes
                .first_chunk::<4>()
                .ok_or("`bytes` needs at least a header, 4 bytes")?;
            let header = Header::unpack(u32::from_le_bytes(*word));
            let must_arrive = header.message_type == MessageType::DelayedResponse;
            engine.platform.send(bytes, must_arrive);
        }
        Command::Permit { protocol, allowed } => {
            if allowed {
                engine.platform.denied.remove(&protocol);
            } else {
                engine.platform.denied.insert(protocol);
            }
        }
        Command::Status => {
            return Ok(json!({
                "counts": engine.counts,
                "faults": engine.faults.rules(),
                "paused": engine.paused,
                "ms": engine.now_ms(),
            }));
        }
        Command::Log => return Ok(json!(engine.take_log())),
        Command::Die => std::process::exit(9),
    }
    engine.platform.tell_changes();
    Ok(Value::Null)
}

fn carry_out_set(engine: &mut Engine, set: Set) -> Result<(), String> {
    let model = &mut engine.platform.model;
    macro_rules! find {
        ($list:ident, $kind:literal, $name:expr) => {
            model
                .machine
                .$list
                .iter()
                .position(|thing| thing.name == $name)
                .ok_or_else(|| format!("no {} is called {:?}", $kind, $name))?
        };
    }
    match set {
        Set::Sensor { name, axis, value } => {
            let sensor = find!(sensors, "sensor", name);
            if !model.set_reading(sensor, axis, value) {
                return Err(format!(
                    "sensor {name:?} has no axis {axis} whose reading can be set"
                ));
            }
        }
        Set::Temperature { name, value } => {
            let body = find!(bodies, "thermal body", name);
            model.set_temperature(body, value);
        }
        Set::Power { name, on } => {
            let domain = find!(power, "power domain", name);
            model.set_power(domain, if on { POWER_ON } else { POWER_OFF });
        }
        Set::Level { name, level } => {
            let domain = find!(perf, "performance domain", name);
            let levels = &model.machine.perf[domain].levels;
            let index = levels
                .iter()
                .position(|candidate| candidate.level == level)
                .ok_or_else(|| format!("performance domain {name:?} has no level {level}"))?;
            model.set_level(domain, index);
        }
        Set::Limits { name, min, max } => {
            let domain = find!(perf, "performance domain", name);
            model.set_limits(domain, min, max);
        }
        Set::Rate { name, rate } => {
            let clock = find!(clocks, "clock", name);
            model.set_rate(clock, rate);
        }
        Set::Clock { name, on } => {
            let clock = find!(clocks, "clock", name);
            model.clocks[clock].enabled = on;
        }
        Set::Voltage { name, on, uv } => {
            let domain = find!(voltages, "voltage domain", name);
            model.voltages[domain].on = on;
            model.voltages[domain].level_uv = uv;
        }
        Set::Reset { name, asserted } => {
            let domain = find!(resets, "reset domain", name);
            model.set_reset(domain, asserted, 0);
        }
        Set::System { state, graceful } => {
            model.system = state;
            model.changed(Change::System { graceful, state });
        }
        Set::Cap { name, cap_mw } => {
            let domain = find!(powercaps, "power cap", name);
            model.set_cap(domain, cap_mw);
        }
    }
    Ok(())
}

/// Listens on a socket and serves each client in a thread of its own.
///
/// # Errors
///
/// The socket cannot be made.
pub fn listen(path: &Path, shared: Shared) -> io::Result<()> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = shared.clone();
                // A client that cannot get a thread is hung up on.
                let _ = thread::Builder::new()
                    .name("client".into())
                    .spawn(move || serve(client, &shared));
            }
        })?;
    Ok(())
}

fn serve(client: UnixStream, shared: &Shared) {
    let Ok(mut out) = client.try_clone() else {
        return;
    };
    for line in BufReader::new(client).lines() {
        let Ok(line) = line else {
            return;
        };
        let answer = answer(&mut shared.lock(), &line);
        shared.wake();
        if writeln!(out, "{answer}").is_err() {
            return;
        }
    }
}
