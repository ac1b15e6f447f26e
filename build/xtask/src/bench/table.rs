// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The rows: what was measured, and what it may be at most.

use std::collections::BTreeMap;

use serde::Serialize;

use super::machine::Row;

/// The limits: what the project wants each row to be at most. Some are not reached yet; `doc/performance.md` says which, and where
/// the instructions go.
const LIMITS: [(&str, f64); 14] = [
    ("ipc_round_trip", 420.0),
    ("exchange_irq_awake", 1690.0),
    ("exchange_irq_asleep", 1780.0),
    ("exchange_irq_128_asleep", 1980.0),
    ("submit", 635.0),
    ("send_poll", 1680.0),
    ("batch_16", 1000.0),
    ("event_delivery", 1260.0),
    ("irqs_per_command", 0.25),
    ("kicks_per_command", 0.25),
    ("irqs_per_command_busy", 0.25),
    ("kicks_per_command_busy", 0.25),
    ("boot_instructions", 100_000.0),
    ("worst_turn", 900_000.0),
];

/// Rows whose limit holds where the device suppresses what is not needed; else they are as the device sends. Our own platform does
/// suppress, so its rows are not among them.
const DEVICE_DECIDES: [&str; 2] = ["irqs_per_command", "kicks_per_command"];

const INSTRUCTIONS: &str = "instructions";

/// Where the instructions of a row were executed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Split {
    /// In the client: its own code and the API's.
    pub client: u64,
    /// In the kernel.
    pub kernel: u64,
    /// In the driver.
    pub driver: u64,
}

/// One measured figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What the numbers are.
    pub unit: &'static str,
    /// The least of all runs, where they were counted one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The median of all runs.
    pub median: f64,
    /// The worst of them.
    pub worst: f64,
    /// Of the median, what tasks executed, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<f64>,
    /// How many runs.
    pub count: u32,
    /// In how many of them the processor slept, where that was seen: they cost more than the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asleep: Option<u32>,
    /// At most this much, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Whether the median keeps the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<bool>,
    /// Times the floor, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// Client, kernel and driver, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The commit that was measured.
    pub commit: String,
}

/// All figures by key, and the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub struct Table {
    order: Vec<String>,
    figures: BTreeMap<String, Figure>,
}

impl Table {
    /// Adds a figure; its limit is looked up by the key.
    pub fn add(&mut self, key: &str, unit: &'static str, numbers: [f64; 2], count: u32) {
        self.add_within(key, unit, numbers, count, limit(key));
    }

    /// Adds a figure with a limit that is stated elsewhere, or none.
    pub fn add_within(
        &mut self,
        key: &str,
        unit: &'static str,
        [median, worst]: [f64; 2],
        count: u32,
        limit: Option<f64>,
    ) {
        let figure = Figure {
            unit,
            min: None,
            median,
            worst,
            user: None,
            count,
            asleep: None,
            limit,
            pass: limit.map(|limit| median <= limit),
            floor: None,
            split: None,
            commit: String::new(),
        };
        self.order.push(key.to_owned());
        self.figures.insert(key.to_owned(), figure);
    }

    /// Adds a figure that a machine counted.
    pub fn add_row(&mut self, key: &str, row: &Row) {
        let numbers = [row.median, row.worst].map(f64::from);
        self.add(key, INSTRUCTIONS, numbers, row.count);
        if let Some(figure) = self.figures.get_mut(key) {
            figure.min = Some(row.min.into());
            figure.user = Some(row.user.into());
            figure.asleep = Some(row.asleep);
        }
    }

    /// Adds, as rows of their own, the runs in which the answer found the processor asleep and those in which it did not. A row is
    /// left out if there was no such run.
    pub fn add_modes(&mut self, key: &str, row: &Row) {
        let modes = [
            ("awake", row.medians.awake, row.count - row.asleep),
            ("asleep", row.medians.asleep, row.asleep),
        ];
        for (mode, median, count) in modes {
            if let Some(median) = median.map(f64::from) {
                self.add(&format!("{key}_{mode}"), INSTRUCTIONS, [median; 2], count);
            }
        }
    }

    /// Adds figures that were counted one by one.
    pub fn add_counts(&mut self, key: &str, counts: &[u64]) {
        let mut counts = counts.to_vec();
        counts.sort_unstable();
        let median = counts.get(counts.len() / 2);
        if let (Some(min), Some(median), Some(worst)) = (counts.first(), median, counts.last()) {
            let numbers = [*median as f64, *worst as f64];
            self.add(key, INSTRUCTIONS, numbers, counts.len() as u32);
            if let Some(figure) = self.figures.get_mut(key) {
                figure.min = Some(*min as f64);
            }
        }
    }

    /// Says where a figure's instructions were executed.
    pub fn split(&mut self, key: &str, [client, kernel, driver]: [u64; 3]) {
        if let Some(figure) = self.figures.get_mut(key) {
            figure.split = Some(Split {
                client,
                kernel,
                driver,
            });
        }
    }

    /// Gives each of `keys` its ratio to the floor, and all figures the commit.
    pub fn finish(&mut self, keys: &[&str], floor: Option<f64>, commit: &str) {
        for (key, figure) in &mut self.figures {
            commit.clone_into(&mut figure.commit);
            if keys.contains(&key.as_str()) {
                figure.floor = floor.map(|floor| (figure.median / floor * 100.0).round() / 100.0);
            }
        }
    }

    /// The figure of a key.
    pub fn get(&self, key: &str) -> Option<&Figure> {
        self.figures.get(key)
    }

    /// All figures.
    pub fn figures(&self) -> &BTreeMap<String, Figure> {
        &self.figures
    }

    /// Keys whose figure misses its limit, where that is the image's doing.
    pub fn missed(&self) -> Vec<&str> {
        let figures = self.figures.iter();
        figures
            .filter(|(key, figure)| {
                figure.pass == Some(false) && !DEVICE_DECIDES.contains(&key.as_str())
            })
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// For people.
    pub fn show(&self) -> String {
        let mut text = format!(
            "{:<36}{:>8}{:>10}{:>10}{:>8}{:>8}{:>8}{:>10}{:>8}{:>9}  client/kernel/driver\n",
            "key", "min", "median", "worst", "user", "count", "asleep", "at most", "", "x floor"
        );
        for key in &self.order {
            let Some(figure) = self.figures.get(key) else {
                continue;
            };
            let optional = |number: Option<f64>| number.map_or(String::new(), shown);
            let verdict = match figure.pass {
                None => "",
                Some(true) => "pass",
                Some(false) if DEVICE_DECIDES.contains(&key.as_str()) => "device",
                Some(false) => "MISS",
            };
            let split = figure.split.map_or(String::new(), |split| {
                format!("{}/{}/{}", split.client, split.kernel, split.driver)
            });
            let line = format!(
                "{key:<36}{:>8}{:>10}{:>10}{:>8}{:>8}{:>8}{:>10}{verdict:>8}{:>9}  {split}",
                optional(figure.min),
                shown(figure.median),
                shown(figure.worst),
                optional(figure.user),
                figure.count,
                optional(figure.asleep.map(f64::from)),
                optional(figure.limit),
                optional(figure.floor),
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The limit of a key.
pub fn limit(key: &str) -> Option<f64> {
    let mut limits = LIMITS.iter();
    limits
        .find(|(name, _)| *name == key)
        .map(|(_, limit)| *limit)
}

fn shown(number: f64) -> String {
    if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Modes;
    use super::*;

    #[test]
    fn a_median_above_its_limit_is_a_miss() {
        let mut table = Table::default();
        table.add_counts("submit", &[900, 700, 801]);
        table.add_counts("event_delivery", &[1, 2, 3000]);
        table.add("irqs_per_command", "per command", [0.9, 0.9], 16);
        table.finish(&["submit"], Some(400.0), "abc");
        table.add("irqs_per_command_busy", "per command", [0.9, 0.9], 16);
        assert_eq!(table.missed(), ["irqs_per_command_busy", "submit"]);
        let submit = table.get("submit").unwrap();
        assert_eq!(
            (submit.min, submit.median, submit.worst, submit.count),
            (Some(700.0), 801.0, 900.0, 3)
        );
        assert_eq!((submit.floor, submit.commit.as_str()), (Some(2.0), "abc"));
        let row = Row {
            name: "exchange_irq".into(),
            part: 0,
            count: 9,
            min: 1801,
            median: 1902,
            worst: 2003,
            user: 1104,
            asleep: 7,
            medians: Modes {
                asleep: Some(1902),
                awake: None,
            },
        };
        table.add_modes("exchange_irq", &row);
        assert!(table.get("exchange_irq_awake").is_none());
        let asleep = table.get("exchange_irq_asleep").unwrap();
        assert_eq!(
            (asleep.median, asleep.count, asleep.pass),
            (1902.0, 7, Some(false))
        );
        table.add_row("exchange_irq_sim", &row);
        let text = table.show();
        let line = text.lines().last().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words,
            ["exchange_irq_sim", "1801", "1902", "2003", "1104", "9", "7"]
        );
        assert!(
            text.contains("MISS") && text.contains("device") && text.contains("pass"),
            "{text}"
        );
    }
}
