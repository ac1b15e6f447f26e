// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A recording, read: what each value was when. The format is described in `test/platform/src/record.rs`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

/// The version of the format that is understood.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    recording: u32,
    vendor: String,
    sub_vendor: String,
    sensors: BTreeMap<String, Sensor>,
}

/// What the first line says of a sensor.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Sensor {
    /// What it measures, as a scenario calls it.
    pub unit: String,
    /// Power of ten from reading to unit.
    pub scale: i32,
}

/// Any other line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Values {
        ms: u64,
        values: BTreeMap<String, Value>,
    },
    Message(Message),
}

/// A message between guest and platform.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Message {
    /// Milliseconds since the platform's start.
    pub ms: u64,
    /// `command`, `reply`, `delayed response` or `notification`.
    pub what: String,
    /// Number of the protocol.
    pub protocol: u8,
    /// Number of the message.
    pub message: u8,
    /// Its name in the specification, if it has one.
    pub name: Option<String>,
}

/// A value from some moment on, in milliseconds since the platform's start.
pub type Since = (u64, Value);

/// A recording.
#[derive(Debug)]
pub struct Recording {
    /// Sensors, by name.
    pub sensors: BTreeMap<String, Sensor>,
    /// Messages, oldest first.
    pub messages: Vec<Message>,
    /// What is wrong with it and does not hinder.
    pub warnings: Vec<String>,
    vendor: (String, String),
    values: BTreeMap<(String, String), Vec<Since>>,
    end_ms: u64,
}

impl Recording {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// It is none, or is damaged: the error names the line. A last line that is cut off is only warned about.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate();
        let (_, head) = lines.next().context("the file is empty")?;
        let head: Head = serde_json::from_str(head)
            .context("line 1: this is no recording: `cargo xtask run --record FILE` writes one")?;
        ensure!(
            head.recording == VERSION,
            "line 1: a recording of version {}, and this is for version {VERSION}: use the `plot` of the tree that wrote it",
            head.recording
        );
        let mut recording = Self {
            sensors: head.sensors,
            messages: Vec::new(),
            warnings: Vec::new(),
            vendor: (head.vendor, head.sub_vendor),
            values: BTreeMap::new(),
            end_ms: 0,
        };
        let whole = text.ends_with('\n');
        let mut lines = lines.peekable();
        while let Some((index, line)) = lines.next() {
            let is_last = lines.peek().is_none();
            let ms = match serde_json::from_str(line) {
                Ok(Line::Values { ms, values }) => {
                    recording.note(ms, values);
                    ms
                }
                Ok(Line::Message(message)) => {
                    let ms = message.ms;
                    recording.messages.push(message);
                    ms
                }
                Err(_) if is_last && !whole => {
                    let warning = format!("line {}, the last, is cut off and left out", index + 1);
                    recording.warnings.push(warning);
                    break;
                }
                Err(error) => bail!("line {}: {error}", index + 1),
            };
            ensure!(
                ms >= recording.end_ms,
                "line {}: {ms} ms comes after {} ms",
                index + 1,
                recording.end_ms
            );
            recording.end_ms = ms;
        }
        Ok(recording)
    }

    fn note(&mut self, ms: u64, values: BTreeMap<String, Value>) {
        for (kind, value) in values {
            match value {
                Value::Object(named) => {
                    for (name, value) in named {
                        let key = (kind.clone(), name);
                        self.values.entry(key).or_default().push((ms, value));
                    }
                }
                value => {
                    let key = (kind, String::new());
                    self.values.entry(key).or_default().push((ms, value));
                }
            }
        }
    }

    /// What the machine calls itself.
    pub fn title(&self) -> String {
        format!("{} {}", self.vendor.0, self.vendor.1)
    }

    /// The last moment, in seconds.
    pub fn end(&self) -> f64 {
        self.end_ms as f64 / 1000.0
    }

    /// The names that have values of this kind, in the order of the alphabet.
    pub fn names<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let keys = self.values.keys();
        keys.filter(move |key| key.0 == kind)
            .map(|key| key.1.as_str())
    }

    /// The values of one thing, oldest first.
    pub fn values(&self, kind: &str, name: &str) -> &[Since] {
        let key = (kind.to_owned(), name.to_owned());
        self.values.get(&key).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = r#"{"recording":1,"vendor":"v","sub-vendor":"s","sensors":{"t":{"unit":"temperature","scale":-3}}}"#;

    fn parse(lines: &[&str]) -> Result<Recording> {
        Recording::parse(&format!("{HEAD}\n{}", lines.join("\n")))
    }

    #[test]
    fn values_are_found_by_kind_and_name_with_their_times() {
        let recording = parse(&[
            r#"{"ms":0,"values":{"level":{"gpu":1,"cpu":800},"system":0}}"#,
            r#"{"ms":250,"values":{"level":{"gpu":5}}}"#,
            r#"{"ms":251,"what":"notification","protocol":21,"message":0,"name":"SENSOR_TRIP_POINT_EVENT","payload":""}"#,
            "",
        ])
        .unwrap();
        assert_eq!(recording.title(), "v s");
        assert_eq!(
            recording.values("level", "gpu"),
            [(0, json!(1)), (250, json!(5))]
        );
        assert_eq!(recording.values("system", ""), [(0, json!(0))]);
        assert_eq!(recording.values("level", "dsp"), []);
        assert_eq!(recording.names("level").collect::<Vec<_>>(), ["cpu", "gpu"]);
        assert_eq!(recording.messages[0].what, "notification");
        assert_eq!(recording.end(), 0.251);
        assert_eq!(recording.sensors["t"].scale, -3);
        assert!(recording.warnings.is_empty());
    }

    #[test]
    fn a_file_that_is_no_recording_is_refused() {
        for (text, told) in [
            ("", "the file is empty"),
            ("<svg>\n", "line 1: this is no recording"),
            (
                &HEAD.replace(":1,", ":2,"),
                "line 1: a recording of version 2",
            ),
            (&format!("{HEAD}\n{{\"ms\":1}}\n"), "line 2: "),
            (
                &format!("{HEAD}\n{{\"ms\":9,\"values\":{{}}}}\n{{\"ms\":8,\"values\":{{}}}}\n"),
                "line 3: 8 ms comes after 9 ms",
            ),
        ] {
            let error = format!("{:#}", Recording::parse(text).unwrap_err());
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_last_line_that_is_cut_off_is_told_and_left_out() {
        let recording = parse(&[
            r#"{"ms":5,"values":{"level":{"gpu":1}}}"#,
            r#"{"ms":7,"values":{"lev"#,
        ])
        .unwrap();
        assert_eq!(
            recording.warnings,
            ["line 3, the last, is cut off and left out"]
        );
        assert_eq!(recording.end(), 0.005);
        // In the middle it is damage.
        let damaged = [r#"{"ms":7,"values":{"lev"#, r#"{"ms":8,"values":{}}"#, ""];
        assert!(parse(&damaged).is_err());
    }
}
