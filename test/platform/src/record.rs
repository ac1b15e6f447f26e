// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A recording of what the machine did: one JSON object a line, for `cargo xtask plot` and for whoever wants to compute with it.
//!
//! ```text
//! {"recording":1,"vendor":"heron","sub-vendor":"sample","sensors":{"gpu-temp":{"unit":"temperature","scale":-3}}}
//! {"ms":0,"values":{"temperature":{"gpu":22000},"level":{"gpu":1}}}
//! {"ms":1312,"what":"command","protocol":19,"message":7,"name":"PERFORMANCE_LEVEL_SET","payload":"0100000005000000"}
//! {"ms":1312,"values":{"level":{"gpu":5}}}
//! ```
//!
//! Values are those that the control socket answers to `get`, each only where it is another one than before. They are looked at
//! after each command, and every [`SAMPLE_MS`] milliseconds of the platform's clock in between. What the machine does comes before
//! the messages that tell of it.

use std::fmt;
use std::io::{self, Write};

use scmi::Header;
use serde_json::{Map, Value, json};

use crate::hex;
use crate::machine::Machine;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Milliseconds between two looks at what changes by itself.
pub const SAMPLE_MS: u64 = 100;

/// Writes a recording.
pub struct Recorder {
    out: Box<dyn Write + Send>,
    /// Lines that are not written yet.
    lines: Vec<u8>,
    /// The values as last recorded.
    values: Map<String, Value>,
    next_ms: u64,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins a recording of this machine.
    ///
    /// # Errors
    ///
    /// The first line cannot be written.
    pub fn new(machine: &Machine, out: impl Write + Send + 'static) -> io::Result<Self> {
        let sensors: Map<_, _> = machine
            .sensors
            .iter()
            .map(|sensor| {
                let about = json!({ "unit": sensor.kind, "scale": sensor.scale });
                (sensor.name.clone(), about)
            })
            .collect();
        let mut recorder = Self {
            out: Box::new(out),
            lines: Vec::new(),
            values: Map::new(),
            next_ms: 0,
        };
        recorder.line(&json!({
            "recording": VERSION,
            "vendor": machine.platform.vendor,
            "sub-vendor": machine.platform.sub_vendor,
            "sensors": sensors,
        }));
        recorder.write()?;
        Ok(recorder)
    }

    /// When it wants to look at the machine again, in milliseconds of the platform's clock.
    pub fn due_ms(&self) -> u64 {
        self.next_ms
    }

    /// Notes what has changed: `state` is all that `get` tells.
    pub fn look(&mut self, ms: u64, state: Value) {
        self.next_ms = (ms / SAMPLE_MS + 1) * SAMPLE_MS;
        let Value::Object(state) = state else { return };
        let mut changed = Map::new();
        for (kind, now) in state {
            let before = self.values.get(&kind);
            let news = match (&now, before) {
                (Value::Object(now), Some(Value::Object(before))) => {
                    let news = now
                        .iter()
                        .filter(|(name, value)| before.get(*name) != Some(value));
                    let news: Map<_, _> = news.map(|(n, v)| (n.clone(), v.clone())).collect();
                    (!news.is_empty()).then_some(Value::Object(news))
                }
                (now, before) => (before != Some(now)).then(|| now.clone()),
            };
            if let Some(news) = news {
                changed.insert(kind.clone(), news);
            }
            self.values.insert(kind, now);
        }
        if !changed.is_empty() {
            self.line(&json!({ "ms": ms, "values": changed }));
        }
    }

    /// Notes a message: what it is to the platform, its header word, and what follows that.
    pub fn message(&mut self, ms: u64, what: &str, word: u32, payload: &[u8]) {
        let header = Header::unpack(word);
        self.line(&json!({
            "ms": ms,
            "what": what,
            "protocol": header.protocol,
            "message": header.message,
            "name": header.message_name(),
            "payload": hex::show(payload),
        }));
    }

    fn line(&mut self, line: &Value) {
        self.lines.extend_from_slice(line.to_string().as_bytes());
        self.lines.push(b'\n');
    }

    /// Writes what was noted, whole lines at once: whoever kills the platform finds no line that is cut off.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        self.out.write_all(&lines)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use scmi::{Protocol, Token};

    use super::*;
    use crate::engine::Engine;

    /// A file whose text the test sees; `full` makes it refuse more.
    #[derive(Clone, Default)]
    struct Tape(Arc<Mutex<(Vec<u8>, bool)>>);

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut tape = self.0.lock().unwrap();
            if tape.1 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            tape.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Tape {
        fn lines(&self) -> Vec<Value> {
            let text = String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap();
            assert!(text.ends_with('\n'), "whole lines only");
            let lines = text.lines().map(serde_json::from_str);
            lines.collect::<Result<_, _>>().unwrap()
        }
    }

    fn recorded() -> (Engine, Tape) {
        let tape = Tape::default();
        let mut engine = Engine::new(Machine::sample());
        let recorder = Recorder::new(&engine.platform.model.machine, tape.clone()).unwrap();
        engine.record(recorder);
        (engine, tape)
    }

    /// PERFORMANCE_LEVEL_SET of the gpu.
    fn set_level(engine: &mut Engine, level: u32) {
        let header = Header::command(Protocol::Perf as u8, 7, Token::wrapping(1));
        let mut request = header.pack().to_le_bytes().to_vec();
        request.extend_from_slice(&1_u32.to_le_bytes());
        request.extend_from_slice(&level.to_le_bytes());
        engine.command(0, &request, 128);
        engine.ready();
    }

    #[test]
    fn a_recording_begins_with_the_machine_and_all_its_values() {
        let (mut engine, tape) = recorded();
        engine.advance(0);
        let lines = tape.lines();
        assert_eq!(lines[0]["recording"], VERSION);
        assert_eq!(
            lines[0]["sensors"]["gpu-temp"],
            json!({ "unit": "temperature", "scale": -3 })
        );
        let state = crate::state::of(&engine);
        assert_eq!(lines[1], json!({ "ms": 0, "values": state }));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_command_is_followed_by_what_it_changed_and_nothing_else() {
        let (mut engine, tape) = recorded();
        engine.advance(0);
        let before = tape.lines().len();
        set_level(&mut engine, 5);
        let lines = tape.lines();
        let [command, values, reply] = &lines[before..] else {
            panic!("{:?}", &lines[before..]);
        };
        assert_eq!(
            *command,
            json!({
                "ms": 0, "what": "command", "protocol": 0x13, "message": 7, "name": "PERFORMANCE_LEVEL_SET",
                "payload": "0100000005000000",
            })
        );
        assert_eq!(
            *values,
            json!({ "ms": 0, "values": { "wanted": { "gpu": 5 }, "level": { "gpu": 5 } } })
        );
        assert_eq!(reply["what"], "reply");
    }

    /// The platform's timer wakes it for that, and if nobody woke it for long, the curve is the same.
    #[test]
    fn what_changes_by_itself_is_looked_at_every_tenth_of_a_second() {
        let curve = |wakes: &[u64]| {
            let (mut engine, tape) = recorded();
            engine.platform.model.set_power(1, crate::model::POWER_ON);
            set_level(&mut engine, 5);
            for ms in wakes {
                engine.advance(*ms);
            }
            let lines = tape.lines();
            let readings = lines.iter().filter_map(|line| {
                let reading = line["values"]["temperature"]["gpu-die"].as_i64()?;
                Some((line["ms"].as_u64().unwrap(), reading))
            });
            readings.collect::<Vec<_>>()
        };
        let often: Vec<u64> = (1..=40).map(|step| step * 25).collect();
        let seen = curve(&often);
        assert_eq!(seen, curve(&[1000]));
        let times: Vec<u64> = seen.iter().map(|point| point.0).collect();
        assert_eq!(
            times,
            [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
        );
        assert!(seen.is_sorted_by(|one, next| one.1 < next.1), "{seen:?}");
        let (mut engine, _) = recorded();
        engine.advance(130);
        assert_eq!(engine.next_due_ms(), Some(200));
    }

    #[test]
    fn a_notification_comes_after_what_it_tells_of() {
        let (mut engine, tape) = recorded();
        // SENSOR_TRIP_POINT_NOTIFY, and a trip point of gpu-temp at 26 °C, rising.
        for (message, words) in [(4_u8, &[1_u32, 1][..]), (5, &[1, 1, 26_000, 0])] {
            let header = Header::command(Protocol::Sensor as u8, message, Token::wrapping(1));
            let words = words.iter().flat_map(|word| word.to_le_bytes());
            let request: Vec<u8> = header
                .pack()
                .to_le_bytes()
                .into_iter()
                .chain(words)
                .collect();
            engine.command(0, &request, 128);
        }
        engine.advance(150);
        engine.platform.model.set_temperature(1, 30_000);
        engine.advance(160);
        engine.next_message(Some(128)).expect("a notification");
        engine.advance(161);
        let lines = tape.lines();
        let told = lines
            .iter()
            .position(|line| line["what"] == "notification")
            .expect("it is recorded");
        let known = lines
            .iter()
            .position(|line| line["values"]["sensor"]["gpu-temp"][0].as_i64() > Some(26_000))
            .expect("so is the reading");
        assert!(known < told, "{lines:?}");
        assert_eq!(lines[told]["name"], "SENSOR_TRIP_POINT_EVENT");
    }

    #[test]
    fn a_recording_that_cannot_be_written_ends_and_the_platform_goes_on() {
        let (mut engine, tape) = recorded();
        engine.advance(10);
        tape.0.lock().unwrap().1 = true;
        let before = tape.lines();
        set_level(&mut engine, 5);
        assert_eq!(engine.platform.model.level(1), 5);
        tape.0.lock().unwrap().1 = false;
        set_level(&mut engine, 4);
        engine.advance(1000);
        assert_eq!(tape.lines(), before, "nothing after the gap");
        assert_eq!(engine.next_due_ms(), None);
    }
}
