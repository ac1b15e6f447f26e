// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[config.scmi]`: the size of the rings, and who may use the driver.

use std::ops::RangeInclusive;

use crate::app::App;
use crate::problem::Problem;
use crate::scmi::{Protocols, Scmi};
use crate::suggest::among;

/// Descriptors in a ring. Half of them are command slots, of which there are at most 1024.
const VRING_SIZES: RangeInclusive<u32> = 2..=2048;

/// Command slots that a client may hold at once.
const SLOTS: RangeInclusive<u32> = 1..=1024;

/// Events that a client's queue may hold, and subscriptions: the driver counts both in a byte.
const PLACES: RangeInclusive<u32> = 0..=255;

/// Most commands of a batch.
const BATCH_MAX: u32 = 64;
/// Most clients: the driver keeps sets of them in 32 bits.
const CLIENTS_MAX: usize = 32;

/// Standard protocols begin at Base; what is below is reserved (SCMI specification, 4.1).
const FIRST_PROTOCOL: u8 = 0x10;

/// The ring's size is a power of two, and clients are tasks.
pub fn scmi(app: &App) -> Vec<Problem> {
    let Some(scmi) = &app.scmi else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let size = scmi.vring_size;
    if !size.is_power_of_two() || !VRING_SIZES.contains(&size) {
        let (low, high) = (*VRING_SIZES.start(), *VRING_SIZES.end());
        let near = size.clamp(low, high).next_power_of_two();
        problems.push(app.problem(
            &["config", "scmi", "vring-size"],
            format!("{size} is no power of two from {low} to {high}, as virtio asks of a ring"),
            format!("write {near}, or another power of two"),
        ));
    }
    for (key, milliseconds) in scmi.times() {
        if milliseconds == 0 {
            problems.push(app.problem(
                &["config", "scmi", key],
                "nothing can be done in no time",
                "write milliseconds, at least 1",
            ));
        }
    }
    if scmi.clients.len() > CLIENTS_MAX {
        problems.push(app.problem(
            &["config", "scmi", "clients"],
            format!(
                "{} tasks are more than the driver can tell apart",
                scmi.clients.len()
            ),
            format!("leave {CLIENTS_MAX} at most"),
        ));
    }
    let subscriptions = scmi
        .clients
        .values()
        .map(|client| client.subscriptions)
        .fold(0, u32::saturating_add);
    if !PLACES.contains(&subscriptions) {
        problems.push(app.problem(
            &["config", "scmi", "clients"],
            format!(
                "the `subscriptions` of all clients come to {subscriptions}, more than the driver can count"
            ),
            format!("make them {} at most, taken together", PLACES.end()),
        ));
    }
    for (name, client) in &scmi.clients {
        let path = ["config", "scmi", "clients", name.as_str()];
        let Some(task) = app.task(name) else {
            problems.push(app.problem(
                &path,
                format!("there is no task `{name}`"),
                among(name, app.tasks.iter().map(|task| task.name.as_str())),
            ));
            continue;
        };
        let at = |key| [&path[..], &[key]].concat();
        if let Some(notification) = &client.notification
            && !task.notifications.contains(notification)
        {
            problems.push(app.problem(
                &at("notification"),
                format!("task `{name}` has no notification `{notification}`"),
                format!(
                    "add it to `notifications` of [tasks.{name}]; {}",
                    among(notification, task.notifications.iter().map(String::as_str))
                ),
            ));
        }
        let wanted = client.slots;
        if !SLOTS.contains(&wanted) {
            problems.push(app.problem(
                &at("slots"),
                format!(
                    "task `{name}` may not hold {wanted} slots at once: there are at most {}",
                    SLOTS.end()
                ),
                format!("write a number from 1 to {}", SLOTS.end()),
            ));
        }
        if client.batch > BATCH_MAX {
            problems.push(app.problem(
                &at("batch"),
                format!(
                    "a batch of {} commands is more than the driver takes",
                    client.batch
                ),
                format!("write {BATCH_MAX} at most"),
            ));
        }
        for (key, wanted) in [
            ("events", client.events),
            ("subscriptions", client.subscriptions),
        ] {
            if !PLACES.contains(&wanted) {
                problems.push(app.problem(
                    &at(key),
                    format!("{wanted} is more than the driver can count for a client"),
                    format!("write {} at most", PLACES.end()),
                ));
            }
        }
        for (key, protocol) in client.restrictions() {
            let (number, written) = (protocol.number, protocol.written.as_str());
            let fault = if !client.protocols.contain(number) {
                Some((
                    "it restricts a protocol that the client may not use at all",
                    format!("add {number:#04x} to `protocols`, or remove it here"),
                ))
            } else if client
                .restrictions()
                .any(|(other, twin)| other == key && twin < protocol && twin.number == number)
            {
                Some((
                    "it restricts a protocol that the table has already",
                    String::from("write both lists as one"),
                ))
            } else {
                None
            };
            if let Some((fault, remedy)) = fault {
                problems.push(app.problem(&[&at(key)[..], &[written]].concat(), fault, remedy));
            }
        }
        let Protocols::Listed(listed) = &client.protocols else {
            continue;
        };
        for protocol in listed {
            if *protocol < FIRST_PROTOCOL {
                problems.push(app.problem(
                    &at("protocols"),
                    format!("{protocol:#04x} is no protocol: numbers below {FIRST_PROTOCOL:#04x} are reserved"),
                    "write for instance 0x10 for Base, 0x15 for Sensor",
                ));
            }
        }
    }
    problems
}

/// A quota is a guarantee, so all quotas must fit into the ring together with what the driver keeps
/// for itself.
pub fn slots(app: &App) -> Vec<Problem> {
    match &app.scmi {
        Some(scmi) if !scmi.oversubscribe => exceeded(app, scmi).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The same where `oversubscribe` lets it pass.
pub fn oversubscribed(app: &App) -> Vec<Problem> {
    let Some(scmi) = app.scmi.as_ref().filter(|scmi| scmi.oversubscribe) else {
        return Vec::new();
    };
    let warning = exceeded(app, scmi).map(|problem| Problem {
        remedy: format!(
            "{}; until then `oversubscribe` lets a client be refused although its quota is not used up",
            problem.remedy
        ),
        ..problem
    });
    warning.into_iter().collect()
}

fn exceeded(app: &App, scmi: &Scmi) -> Option<Problem> {
    let slots = scmi.slots();
    // What is wrong with a single number is said of that number.
    let makes_sense = VRING_SIZES.contains(&scmi.vring_size)
        && scmi.vring_size.is_power_of_two()
        && scmi
            .clients
            .values()
            .all(|client| SLOTS.contains(&client.slots));
    if !makes_sense || !slots.are_exceeded() {
        return None;
    }
    let mut remedies: Vec<String> = slots
        .ring_needed()
        .map(|ring| format!("write {ring}"))
        .into_iter()
        .collect();
    remedies.push("lower the clients' `slots`".into());
    if !scmi.oversubscribe {
        remedies.push("write `oversubscribe = true` if no client relies on its quota".into());
    }
    Some(app.problem(
        &["config", "scmi", "vring-size"],
        format!(
            "the `slots` of all clients come to {}, and {} with those that the driver keeps for itself, but a ring of {} has {} \
             command slots",
            slots.clients,
            slots.promised(),
            scmi.vring_size,
            slots.all
        ),
        remedies.join(", or "),
    ))
}

#[cfg(test)]
mod tests {
    use crate::scmi::Protocols;
    use crate::testing::{accepts, refuses};

    #[test]
    fn a_ring_is_a_power_of_two() {
        for good in ["4", "8", "1024", "2048"] {
            accepts(&[
                ("vring-size = 64", &format!("vring-size = {good}")),
                ("slots = 8", "slots = 1"),
            ]);
        }
        // In the smallest ring, the driver's own slot is the only one.
        accepts(&[("vring-size = 64", "vring-size = 2\noversubscribe = true")]);
        let text = refuses(
            &[("vring-size = 64", "vring-size = 60")],
            "[config.scmi], key `vring-size`: 60 is no power of two",
        );
        assert!(text.contains("remedy: write 64"), "{text}");
        for bad in ["0", "1", "3", "4096"] {
            refuses(
                &[("vring-size = 64", &format!("vring-size = {bad}"))],
                "[config.scmi], key `vring-size`",
            );
        }
        refuses(
            &[("vring-size = 64", "vring-size = -64")],
            "[config.scmi], key `vring-size`: invalid value",
        );
        refuses(
            &[("vring-size = 64", "")],
            "[config.scmi], key `vring-size`: it is missing",
        );
    }

    #[test]
    fn clients_are_tasks() {
        let text = refuses(
            &[("clients.client]", "clients.cleint]")],
            "[config.scmi.clients], key `cleint`: there is no task `cleint`",
        );
        assert!(text.contains("did you mean `client`?"), "{text}");
    }

    #[test]
    fn a_clients_notification_is_listed() {
        refuses(
            &[("notification = \"input\"", "notification = \"output\"")],
            "[config.scmi.clients.client], key `notification`: task `client` has no notification `output`",
        );
    }

    #[test]
    fn slots_are_few_enough() {
        accepts(&[
            ("slots = 8", "slots = 1022"),
            ("vring-size = 64", "vring-size = 2048"),
        ]);
        refuses(
            &[("slots = 8", "slots = 1025")],
            "[config.scmi.clients.client], key `slots`: task `client` may not hold 1025 slots at once",
        );
        refuses(
            &[("slots = 8", "slots = 0")],
            "task `client` may not hold 0 slots",
        );
    }

    #[test]
    fn a_batch_is_short_enough() {
        let app = accepts(&[("slots = 8", "slots = 8\nbatch = 64")]);
        assert_eq!(app.scmi.unwrap().clients["client"].batch, 64);
        accepts(&[("slots = 8", "slots = 8\nbatch = 0")]);
        refuses(
            &[("slots = 8", "slots = 8\nbatch = 65")],
            "[config.scmi.clients.client], key `batch`: a batch of 65 commands is more than the driver takes",
        );
    }

    #[test]
    fn s01_quotas_fit_into_the_ring_together() {
        let app = accepts(&[("slots = 8", "slots = 30")]);
        let slots = app.scmi.map(|scmi| scmi.slots());
        assert_eq!(
            slots.map(|slots| (slots.clients, slots.own, slots.promised(), slots.all)),
            Some((30, 2, 32, 32))
        );
        let text = refuses(
            &[("slots = 8", "slots = 31")],
            "[config.scmi], key `vring-size`: the `slots` of all clients come to 31, and 33 with those that the driver keeps for \
             itself, but a ring of 64 has 32 command slots",
        );
        assert!(
            text.contains(
                "remedy: write 128, or lower the clients' `slots`, or write `oversubscribe = true`"
            ),
            "{text}"
        );
        // A client that names no number has eight.
        refuses(
            &[("slots = 8\n", ""), ("vring-size = 64", "vring-size = 16")],
            "clients come to 8, and 10 with",
        );
        accepts(&[("slots = 8\n", ""), ("vring-size = 64", "vring-size = 32")]);
        // All clients count.
        refuses(
            &[
                ("slots = 8", "slots = 15"),
                (
                    "[config.scmi.clients.client]",
                    "[config.scmi.clients.uart]\nprotocols = [0x10]\nslots = 16\n[config.scmi.clients.client]",
                ),
            ],
            "clients come to 31, and 33 with",
        );
        // Where no ring is large enough, the remedy names none.
        let text = refuses(
            &[
                ("slots = 8", "slots = 1023"),
                ("vring-size = 64", "vring-size = 2048"),
            ],
            "come to 1023, and 1025 with",
        );
        assert!(
            text.contains("remedy: lower the clients' `slots`"),
            "{text}"
        );
    }

    #[test]
    fn s01_oversubscription_is_a_warning() {
        let app = accepts(&[
            ("slots = 8", "slots = 32"),
            ("vring-size = 64", "vring-size = 64\noversubscribe = true"),
        ]);
        let warnings = app.warnings();
        let [warning] = &warnings[..] else {
            panic!("{warnings:?}");
        };
        let line = warning.in_one_line();
        assert!(line.starts_with("app.toml:"), "{line}");
        assert!(line.contains("come to 32, and 34 with"), "{line}");
        assert!(
            line.contains("remedy: write 128, or lower the clients' `slots`; until"),
            "{line}"
        );
        assert!(!line.contains('\n'), "{line}");
        // What fits is no matter for a warning.
        for changes in [
            &[] as &[(&str, &str)],
            &[("vring-size = 64", "vring-size = 64\noversubscribe = true")],
        ] {
            assert_eq!(accepts(changes).warnings(), []);
        }
        refuses(
            &[("vring-size = 64", "vring-size = 64\noversubscribe = 1")],
            "[config.scmi], key `oversubscribe`",
        );
    }

    #[test]
    fn protocols_are_numbers_or_all() {
        let app = accepts(&[("protocols = [0x10, 0x15]", "protocols = \"all\"")]);
        assert_eq!(
            app.scmi
                .map(|scmi| scmi.clients["client"].protocols.clone()),
            Some(Protocols::All)
        );
        refuses(
            &[("protocols = [0x10, 0x15]", "protocols = \"base\"")],
            "key `protocols`: `base` is neither a list of protocol numbers nor `all`",
        );
        refuses(
            &[("protocols = [0x10, 0x15]", "protocols = [0x02]")],
            "key `protocols`: 0x02 is no protocol",
        );
        refuses(
            &[("protocols = [0x10, 0x15]", "")],
            "[config.scmi.clients.client], key `protocols`: it is missing",
        );
    }

    #[test]
    fn restrictions_are_of_protocols_that_are_listed() {
        accepts(&[(
            "slots = 8",
            "messages = { 0x15 = [6], \"16\" = [0] }\ndomains = { 0x15 = [0, 4] }",
        )]);
        refuses(
            &[("slots = 8", "messages = { sensor = [6] }")],
            "[config.scmi.clients.client.messages], key `sensor`: it is no protocol number",
        );
        refuses(
            &[("slots = 8", "domains = { 0x13 = [6] }")],
            "[config.scmi.clients.client.domains], key `0x13`: it restricts a protocol that the client may not use",
        );
    }

    #[test]
    fn a_protocol_is_restricted_once() {
        refuses(
            &[("slots = 8", "messages = { 0x15 = [6], \"21\" = [0] }")],
            "[config.scmi.clients.client.messages], key `21`: it restricts a protocol that the table has already",
        );
    }

    #[test]
    fn clients_and_subscriptions_are_few_enough() {
        let table = |name: &str, subscriptions: u32| {
            format!(
                "[config.scmi.clients.{name}]\nprotocols = [0x10]\nslots = 1\nsubscriptions = {subscriptions}\n"
            )
        };
        let client = "[config.scmi.clients.client]";
        let more = |count, subscriptions| -> String {
            let tables =
                (0..count).map(|number| table(&format!("no-task-{number}"), subscriptions));
            tables.chain([client.to_string()]).collect()
        };
        accepts(&[(client, &(table("uart", 247) + client))]);
        refuses(
            &[(client, &(table("uart", 248) + client))],
            "[config.scmi], key `clients`: the `subscriptions` of all clients come to 256, more than the driver can count",
        );
        refuses(
            &[(client, &more(32, 1))],
            "[config.scmi], key `clients`: 33 tasks are more than the driver can tell apart",
        );
    }

    #[test]
    fn queues_are_small_and_times_are_not_zero() {
        accepts(&[
            ("slots = 8", "events = 255\nsubscriptions = 0"),
            ("vring-size = 64", "vring-size = 64\nstall-ms = 1"),
        ]);
        refuses(
            &[("slots = 8", "events = 256")],
            "key `events`: 256 is more than the driver can count",
        );
        refuses(
            &[("vring-size = 64", "vring-size = 64\ndeadline-ms = 0")],
            "[config.scmi], key `deadline-ms`: nothing can be done in no time",
        );
    }

    #[test]
    fn keys_are_known() {
        let text = refuses(
            &[("slots = 8", "slot = 8")],
            "[config.scmi.clients.client], key `slot`: there is no such key",
        );
        assert!(text.contains("did you mean `slots`?"), "{text}");
    }
}
