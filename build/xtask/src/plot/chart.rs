// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What of a recording is worth a line: panels with curves in units that people use, and one with the messages.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::recording::{Message, Recording, Since};

/// Seconds between two looks of the recorder at what changes by itself.
const LOOK: f64 = 0.1;
/// Rows in the panel of messages; those with most messages stay.
const ROWS: usize = 14;

/// What is to be drawn.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Where the picture begins, in seconds.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Only things with one of these names, if there are any.
    pub only: &'a [String],
    /// Messages that only ask as well.
    pub all_messages: bool,
}

impl Wanted<'_> {
    fn has(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// How a line goes from one point to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Straight: a quantity that flows.
    Curve,
    /// Level until the next: a setting.
    Steps,
    /// As steps, drawn thin: a limit for what has the same colour.
    Limit,
}

/// A point: seconds, and a value in the panel's unit; `None` where there is none.
pub type Point = (f64, Option<f64>);

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is, for the legend; empty for one of several parts.
    pub label: String,
    /// Lines of one thing have the same colour.
    pub colour: usize,
    /// How it is drawn.
    pub style: Style,
    /// The points, oldest first; the last one lies at the end of the picture.
    pub points: Vec<Point>,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Lines over a scale.
    Lines {
        /// What is drawn, with its unit.
        title: String,
        /// The lines.
        lines: Vec<Line>,
    },
    /// A mark for each message.
    Marks {
        /// What is drawn.
        title: String,
        /// The name of each row, and the seconds of its marks.
        rows: Vec<(String, Vec<f64>)>,
    },
}

/// Chooses what to draw.
///
/// # Errors
///
/// A name that was asked for does not exist, or nothing is left to draw.
pub fn panels(recording: &Recording, wanted: &Wanted<'_>) -> Result<Vec<Panel>> {
    check_names(recording, wanted)?;
    let mut panels: Vec<Panel> = Vec::new();
    panels.extend(temperatures(recording, wanted));
    panels.extend(levels(recording, wanted));
    panels.extend(power(recording, wanted));
    panels.extend(rates(recording, wanted));
    panels.extend(messages(recording, wanted));
    ensure!(
        !panels.is_empty(),
        "nothing changed between {} s and {} s",
        wanted.from,
        wanted.to
    );
    Ok(panels)
}

/// The kinds of values that are drawn.
const KINDS: [&str; 4] = ["sensor", "level", "cap", "rate"];

fn check_names(recording: &Recording, wanted: &Wanted<'_>) -> Result<()> {
    let known = KINDS.iter().flat_map(|kind| recording.names(kind));
    let known: BTreeSet<&str> = known.collect();
    for only in wanted.only {
        if !known.contains(only.as_str()) {
            let known: Vec<&str> = known.into_iter().collect();
            bail!(
                "no sensor, domain or clock is called {only:?}; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// The points of a value inside the picture. What was before stands at its beginning, what is last at its end.
fn points(values: &[Since], wanted: &Wanted<'_>, of: impl Fn(&Value) -> Option<f64>) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for (ms, value) in values {
        let seconds = *ms as f64 / 1000.0;
        if seconds > wanted.to {
            break;
        }
        let point = (seconds.max(wanted.from), of(value));
        if seconds <= wanted.from {
            points.clear();
        }
        // It was looked at in between, and had not changed.
        if let Some(&(before, value)) = points.last()
            && seconds - before > LOOK
        {
            points.push((seconds - LOOK, value));
        }
        points.push(point);
    }
    if let Some(&(_, last)) = points.last() {
        points.push((wanted.to, last));
    }
    points
}

fn varies(points: &[Point]) -> bool {
    points.windows(2).any(|pair| pair[0].1 != pair[1].1)
}

/// Sensors of temperature, with their trip points.
fn temperatures(recording: &Recording, wanted: &Wanted<'_>) -> Option<Panel> {
    let mut lines = Vec::new();
    let sensors = recording.sensors.iter();
    let sensors = sensors.filter(|(name, sensor)| sensor.unit == "temperature" && wanted.has(name));
    for (colour, (name, sensor)) in sensors.enumerate() {
        let scale = 10_f64.powi(sensor.scale);
        let readings = points(recording.values("sensor", name), wanted, |value| {
            value[0].as_f64().map(|reading| reading * scale)
        });
        if readings.is_empty() {
            continue;
        }
        lines.push(Line {
            label: name.clone(),
            colour,
            style: Style::Curve,
            points: readings,
        });
        let trips = recording.values("trips", name);
        let count = trips.iter().filter_map(|(_, trips)| trips.as_array());
        let count = count.map(Vec::len).max().unwrap_or(0);
        for index in 0..count {
            let stands = points(trips, wanted, |trips| {
                let trip = &trips[index];
                let is_on = trip[1].as_str().is_some_and(|direction| direction != "off");
                let at = trip[0].as_f64()? * scale;
                is_on.then_some(at)
            });
            if stands.iter().any(|point| point.1.is_some()) {
                lines.push(Line {
                    label: String::new(),
                    colour,
                    style: Style::Limit,
                    points: stands,
                });
            }
        }
    }
    (!lines.is_empty()).then(|| Panel::Lines {
        title: "temperature, °C (thin: trip points)".into(),
        lines,
    })
}

/// One panel for each performance domain that did not stay as it was.
fn levels(recording: &Recording, wanted: &Wanted<'_>) -> Vec<Panel> {
    let names = recording.names("level").filter(|name| wanted.has(name));
    let panel = |name: &str| {
        let of = |kind| points(recording.values(kind, name), wanted, Value::as_f64);
        let (level, asked) = (of("level"), of("wanted"));
        let limit = points(recording.values("limits", name), wanted, |limits| {
            limits[1].as_f64()
        });
        if ![&level, &asked, &limit]
            .into_iter()
            .any(|line| varies(line))
        {
            return None;
        }
        let lines = [
            ("asked for", 1, Style::Steps, asked),
            ("runs at", 0, Style::Steps, level),
            ("highest allowed", 0, Style::Limit, limit),
        ];
        Some(Panel::Lines {
            title: format!("level of {name}"),
            lines: lines.map(line).into(),
        })
    };
    names.filter_map(panel).collect()
}

fn line((label, colour, style, points): (&str, usize, Style, Vec<Point>)) -> Line {
    Line {
        label: label.into(),
        colour,
        style,
        points,
    }
}

/// Power under each cap, and the cap.
fn power(recording: &Recording, wanted: &Wanted<'_>) -> Option<Panel> {
    let mut lines = Vec::new();
    let names = recording.names("cap").filter(|name| wanted.has(name));
    for (colour, name) in names.enumerate() {
        let of = |key: &str| {
            points(recording.values("cap", name), wanted, |cap| {
                cap[key].as_f64().map(|milliwatts| milliwatts / 1000.0)
            })
        };
        let (taken, cap) = (of("power_mw"), of("cap_mw"));
        if !varies(&taken) && !varies(&cap) {
            continue;
        }
        lines.push(line((name, colour, Style::Curve, taken)));
        lines.push(line(("", colour, Style::Limit, cap)));
    }
    (!lines.is_empty()).then(|| Panel::Lines {
        title: "power, W (thin: caps)".into(),
        lines,
    })
}

/// Clocks whose rate changed.
fn rates(recording: &Recording, wanted: &Wanted<'_>) -> Option<Panel> {
    let names = recording.names("rate").filter(|name| wanted.has(name));
    let lines: Vec<Line> = names
        .enumerate()
        .filter_map(|(colour, name)| {
            let points = points(recording.values("rate", name), wanted, |rate| {
                rate.as_f64().map(|hertz| hertz / 1e6)
            });
            varies(&points).then(|| line((name, colour, Style::Steps, points)))
        })
        .collect();
    (!lines.is_empty()).then(|| Panel::Lines {
        title: "clocks, MHz".into(),
        lines,
    })
}

/// Whether a message changes something, or tells of it.
fn acts(message: &Message) -> bool {
    let Some(name) = &message.name else {
        return message.what != "reply";
    };
    let asks = [
        "_GET",
        "_ATTRIBUTES",
        "_VERSION",
        "_LEVELS",
        "_NAME",
        "_READ",
    ];
    let asks = asks.iter().any(|end| name.ends_with(end))
        || ["DESCRIBE", "DISCOVER", "LIST"]
            .iter()
            .any(|part| name.contains(part));
    match message.what.as_str() {
        "command" => !asks,
        what => what != "reply",
    }
}

fn messages(recording: &Recording, wanted: &Wanted<'_>) -> Option<Panel> {
    let mut rows: BTreeMap<(usize, String), Vec<f64>> = BTreeMap::new();
    for message in &recording.messages {
        let seconds = message.ms as f64 / 1000.0;
        if !(wanted.from..=wanted.to).contains(&seconds) || !wanted.all_messages && !acts(message) {
            continue;
        }
        let name = match &message.name {
            Some(name) => name.clone(),
            None => format!("{:#04x} message {:#04x}", message.protocol, message.message),
        };
        let kinds = ["notification", "delayed response", "command"];
        let kind = kinds.iter().position(|kind| *kind == message.what);
        let kind = kind.unwrap_or(kinds.len());
        let name = match message.what.as_str() {
            "delayed response" => format!("{name} (delayed)"),
            "reply" => format!("{name} (reply)"),
            _ => name,
        };
        rows.entry((kind, name)).or_default().push(seconds);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    let title = if rows.len() > ROWS {
        let count = rows.len();
        rows.sort_by_key(|(_, marks)| core::cmp::Reverse(marks.len()));
        rows.truncate(ROWS);
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        format!("messages: the {ROWS} most frequent of {count} kinds")
    } else if wanted.all_messages {
        "messages".into()
    } else {
        "messages that do something".into()
    };
    let rows: Vec<_> = rows
        .into_iter()
        .map(|((_, name), marks)| (name, marks))
        .collect();
    (!rows.is_empty()).then_some(Panel::Marks { title, rows })
}

/// What each line comes to, in words: from where to where it goes, its mean over time, and how often a setting changed.
pub fn summary(panels: &[Panel]) -> Vec<String> {
    let mut text = Vec::new();
    for panel in panels {
        let Panel::Lines { title, lines } = panel else {
            continue;
        };
        // What stands in brackets explains the picture.
        let title = title.split(" (").next().unwrap_or(title);
        let lines = lines.iter().filter(|line| line.style != Style::Limit);
        for line in lines {
            text.extend(sums(line).map(|sums| format!("{title}: {} {sums}", line.label)));
        }
    }
    text
}

fn sums(line: &Line) -> Option<String> {
    let values = line.points.iter().filter_map(|point| point.1);
    let low = values.clone().min_by(f64::total_cmp)?;
    let high = values.max_by(f64::total_cmp)?;
    let (mut area, mut time, mut changes) = (0.0, 0.0, 0);
    for pair in line.points.windows(2) {
        let (begin, Some(from)) = pair[0] else {
            continue;
        };
        let (end, to) = (pair[1].0, pair[1].1.unwrap_or(from));
        let mean = match line.style {
            Style::Curve => f64::midpoint(from, to),
            Style::Steps | Style::Limit => from,
        };
        area += mean * (end - begin);
        time += end - begin;
        changes += usize::from(pair[1].1 != pair[0].1);
    }
    let mean = if time > 0.0 { area / time } else { low };
    let changes = match (line.style, changes) {
        (Style::Curve, _) => String::new(),
        (_, 1) => ", 1 change".into(),
        (_, changes) => format!(", {changes} changes"),
    };
    let short = |value: f64| {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    Some(format!(
        "{} to {}, mean {}{changes}",
        short(low),
        short(high),
        short(mean)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = r#"{"recording":1,"vendor":"v","sub-vendor":"s","sensors":{"hot":{"unit":"temperature","scale":-3},"acc":{"unit":"acceleration","scale":0}}}
{"ms":0,"values":{"sensor":{"hot":[25000],"acc":[1,2,3]},"trips":{"hot":[[60000,"rising"],[0,"off"]]},"wanted":{"gpu":1,"cpu":8},"level":{"gpu":1,"cpu":8},"limits":{"gpu":[1,5],"cpu":[4,20]},"cap":{"soc":{"cap_mw":8000,"power_mw":500}},"rate":{"pll":800000000}}}
{"ms":500,"what":"command","protocol":19,"message":7,"name":"PERFORMANCE_LEVEL_SET","payload":""}
{"ms":500,"values":{"wanted":{"gpu":5},"level":{"gpu":5}}}
{"ms":501,"what":"reply","protocol":19,"message":7,"name":"PERFORMANCE_LEVEL_SET","payload":""}
{"ms":600,"what":"command","protocol":21,"message":6,"name":"SENSOR_READING_GET","payload":""}
{"ms":2000,"values":{"sensor":{"hot":[60500]},"cap":{"soc":{"cap_mw":8000,"power_mw":4000}}}}
{"ms":2001,"what":"notification","protocol":21,"message":0,"name":"SENSOR_TRIP_POINT_EVENT","payload":""}
{"ms":2004,"values":{"level":{"gpu":4},"limits":{"gpu":[1,4]},"trips":{"hot":[[75000,"rising"],[55000,"falling"]]}}}
{"ms":4000,"values":{"rate":{"pll":400000000}}}
"#;

    fn wanted(only: &[String]) -> Wanted<'_> {
        Wanted {
            from: 0.0,
            to: 4.0,
            only,
            all_messages: false,
        }
    }

    fn lines<'a>(panels: &'a [Panel], title: &str) -> &'a [Line] {
        let found = panels.iter().find_map(|panel| match panel {
            Panel::Lines { title: own, lines } if own.starts_with(title) => Some(lines),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no panel {title}"))
    }

    #[test]
    fn a_session_becomes_panels_in_units_that_people_use() {
        let recording = Recording::parse(SESSION).unwrap();
        let panels = panels(&recording, &wanted(&[])).unwrap();
        let hot = lines(&panels, "temperature");
        assert_eq!(hot[0].label, "hot");
        assert_eq!(
            hot[0].points,
            [
                (0.0, Some(25.0)),
                // Looked at every 0.1 s: until then it had not changed.
                (1.9, Some(25.0)),
                (2.0, Some(60.5)),
                (4.0, Some(60.5))
            ]
        );
        // Two trip points; the second is off at first.
        assert_eq!(hot.len(), 3);
        assert_eq!(hot[1].points.last(), Some(&(4.0, Some(75.0))));
        assert_eq!(hot[2].points.first(), Some(&(0.0, None)));
        assert_eq!(hot[2].points.last(), Some(&(4.0, Some(55.0))));

        let gpu = lines(&panels, "level of gpu");
        let last = |label| {
            let line = gpu.iter().find(|line| line.label == label);
            line.unwrap().points.last().unwrap().1
        };
        assert_eq!(last("asked for"), Some(5.0));
        assert_eq!(last("runs at"), Some(4.0));
        assert_eq!(last("highest allowed"), Some(4.0));
        let soc = lines(&panels, "power");
        assert_eq!(soc[0].points.last(), Some(&(4.0, Some(4.0))));
        assert_eq!(soc[1].points.last(), Some(&(4.0, Some(8.0))));
        let pll = lines(&panels, "clocks");
        assert_eq!(pll[0].points[0], (0.0, Some(800.0)));
        assert_eq!(pll[0].points.last(), Some(&(4.0, Some(400.0))));
        // What did not change has no panel: the cpu.
        assert_eq!(panels.len(), 5);
        let Some(Panel::Marks { title, rows }) = panels.last() else {
            panic!("no messages");
        };
        assert_eq!(title, "messages that do something");
        assert_eq!(
            *rows,
            [
                ("SENSOR_TRIP_POINT_EVENT".to_owned(), vec![2.001]),
                ("PERFORMANCE_LEVEL_SET".to_owned(), vec![0.5]),
            ]
        );
    }

    #[test]
    fn a_part_of_the_time_begins_with_what_was_before() {
        let recording = Recording::parse(SESSION).unwrap();
        let mut wanted = wanted(&[]);
        (wanted.from, wanted.to) = (1.0, 3.0);
        let panels = panels(&recording, &wanted).unwrap();
        let gpu = lines(&panels, "level of gpu");
        let level = gpu.iter().find(|line| line.label == "runs at").unwrap();
        assert_eq!(level.points.first(), Some(&(1.0, Some(5.0))));
        assert_eq!(level.points.last(), Some(&(3.0, Some(4.0))));
        // The clock changes later.
        let clocks = |panel: &Panel| matches!(panel, Panel::Lines { title, .. } if title.starts_with("clocks"));
        assert!(!panels.iter().any(clocks));
    }

    #[test]
    fn each_line_is_summed_up() {
        let recording = Recording::parse(SESSION).unwrap();
        let only = ["gpu".to_owned(), "soc".to_owned()];
        let panels = panels(&recording, &wanted(&only)).unwrap();
        assert_eq!(
            summary(&panels),
            [
                "level of gpu: asked for 1 to 5, mean 4.5, 1 change",
                // 0.5 s at 1, 1.504 s at 5, 1.996 s at 4.
                "level of gpu: runs at 1 to 5, mean 4.001, 2 changes",
                // 0.5 W for 1.9 s, 0.1 s up to 4 W, 4 W for 2 s.
                "power, W: soc 0.5 to 4, mean 2.294",
            ]
        );
    }

    #[test]
    fn names_that_are_asked_for_are_all_that_is_drawn_and_must_exist() {
        let recording = Recording::parse(SESSION).unwrap();
        let only = ["gpu".to_owned()];
        let drawn = panels(&recording, &wanted(&only)).unwrap();
        assert_eq!(drawn.len(), 2, "its level, and messages");
        let only = ["dsp".to_owned()];
        let error = panels(&recording, &wanted(&only)).unwrap_err().to_string();
        assert_eq!(
            error,
            "no sensor, domain or clock is called \"dsp\"; there are acc, cpu, gpu, hot, pll, soc"
        );
    }

    #[test]
    fn all_messages_are_shown_when_asked_for() {
        let recording = Recording::parse(SESSION).unwrap();
        let mut wanted = wanted(&[]);
        wanted.all_messages = true;
        let panels = panels(&recording, &wanted).unwrap();
        let Some(Panel::Marks { rows, .. }) = panels.last() else {
            panic!("no messages");
        };
        let names: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(
            names,
            [
                "SENSOR_TRIP_POINT_EVENT",
                "PERFORMANCE_LEVEL_SET",
                "SENSOR_READING_GET",
                "PERFORMANCE_LEVEL_SET (reply)"
            ]
        );
    }

    #[test]
    fn rows_that_do_not_fit_are_told() {
        let mut text = SESSION.to_owned();
        for message in 0..20 {
            text.push_str(&format!(
                "{{\"ms\":{},\"what\":\"command\",\"protocol\":128,\"message\":{message},\"name\":null,\"payload\":\"\"}}\n",
                4000
            ));
        }
        let recording = Recording::parse(&text).unwrap();
        let panels = panels(&recording, &wanted(&[])).unwrap();
        let Some(Panel::Marks { title, rows }) = panels.last() else {
            panic!("no messages");
        };
        assert_eq!(rows.len(), ROWS);
        assert_eq!(title, "messages: the 14 most frequent of 22 kinds");
    }
}
