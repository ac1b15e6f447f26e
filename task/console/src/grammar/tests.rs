// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

use super::*;
use crate::completion::{Completion, Others, Wanted, candidates};

const TABLE: &[Command<u8>] = &[
    Command {
        name: "power",
        help: "power domains",
        verbs: &[
            Verb::new("list", "", "all", 1),
            Verb::new("on", "NAME [delayed]", "switch on", 2),
            Verb::new("off", "NAME [delayed]", "switch off", 3),
        ],
    },
    Command {
        name: "perf",
        help: "performance",
        verbs: &[Verb::new("limits", "NAME [LOW HIGH]", "limits", 4)],
    },
    Command {
        name: "clock",
        help: "clocks",
        verbs: &[
            Verb::new("set", "NAME RATE [up|down] [delayed]", "set", 5),
            Verb::new("trip", "NAME rising|falling", "trip", 6),
        ],
    },
    Command {
        name: "raw",
        help: "anything",
        verbs: &[Verb::new("", "PROTOCOL MESSAGE [BYTES...]", "send", 7)],
    },
    Command {
        name: "help",
        help: "help",
        verbs: &[Verb::new("", "[COMMAND]", "help", 8)],
    },
];

fn found(line: &str) -> String {
    match find(TABLE, line) {
        None => "nothing".into(),
        Some(Ok((verb, words))) => format!("{} {}", verb.run, words.collect::<Vec<_>>().join(",")),
        Some(Err(misfit)) => misfit.to_string(),
    }
}

#[test]
fn lines_find_their_verb() {
    assert_eq!(found(""), "nothing");
    assert_eq!(found("  \t "), "nothing");
    assert_eq!(found(" power  list "), "1 ");
    assert_eq!(found("power on gpu"), "2 gpu");
    assert_eq!(found("power on gpu delayed"), "2 gpu,delayed");
    assert_eq!(found("clock set pll 8M delayed"), "5 pll,8M,delayed");
    assert_eq!(found("clock set pll 8M up delayed"), "5 pll,8M,up,delayed");
    assert_eq!(found("clock trip a falling"), "6 a,falling");
    assert_eq!(found("raw 1 2"), "7 1,2");
    assert_eq!(found("raw 1 2 00 11 22"), "7 1,2,00,11,22");
    assert_eq!(found("help"), "8 ");
}

#[test]
fn what_does_not_fit_is_told() {
    assert_eq!(
        found("frob x"),
        "there is no command `frob`; `help` lists them"
    );
    assert_eq!(
        found("Power list"),
        "there is no command `Power`; `help` lists them"
    );
    assert_eq!(
        found("power"),
        "`power` does not say what to do; it can list, on, off"
    );
    assert_eq!(
        found("power up gpu"),
        "`power` cannot `up`; it can list, on, off"
    );
    assert_eq!(found("power list all"), "`power list` takes nothing else");
    assert_eq!(found("power on"), "usage: power on NAME [delayed]");
    assert_eq!(found("power on gpu now"), "usage: power on NAME [delayed]");
    assert_eq!(
        found("clock set pll 8M delayed up"),
        "usage: clock set NAME RATE [up|down] [delayed]"
    );
    assert_eq!(
        found("clock trip a rise"),
        "usage: clock trip NAME rising|falling"
    );
    assert_eq!(found("raw 1"), "usage: raw PROTOCOL MESSAGE [BYTES...]");
    assert_eq!(found("help a b"), "usage: help [COMMAND]");
    // Half of what may be left out is not: the command checks that itself.
    assert_eq!(found("perf limits gpu 1"), "4 gpu,1");
}

struct Domains;

impl Others for Domains {
    fn tell(&self, wanted: Wanted<'_>, sink: &mut impl FnMut(&str)) {
        if (wanted.command, wanted.placeholder) == ("power", "NAME") {
            ["gpu", "gpu-memory", "two words", "npu"]
                .into_iter()
                .for_each(sink);
        }
    }
}

fn completed(line: &str) -> (String, bool, Vec<String>) {
    let mut completion = Completion::default();
    let mut all = vec![];
    candidates(TABLE, line, &Domains, |word| {
        completion.add(word);
        all.push(word.to_owned());
    });
    let (rest, ends) = completion.rest(line);
    (rest.to_owned(), ends, all)
}

#[test]
fn words_are_completed() {
    let all = |line| completed(line).2;
    assert_eq!(all(""), ["power", "perf", "clock", "raw", "help"]);
    assert_eq!(all("p"), ["power", "perf"]);
    assert_eq!(completed("po"), ("wer".into(), true, vec!["power".into()]));
    assert_eq!(completed("p").0, "");
    assert_eq!(all("power "), ["list", "on", "off"]);
    assert_eq!(all("power o"), ["on", "off"]);
    assert_eq!(
        completed("power on g"),
        ("pu".into(), false, vec!["gpu".into(), "gpu-memory".into()])
    );
    assert_eq!(
        completed("power on gpu "),
        ("delayed".into(), true, vec!["delayed".into()])
    );
    assert_eq!(all("clock set a 1 "), ["up", "down", "delayed"]);
    assert_eq!(all("clock set a 1 up "), ["delayed"]);
    assert_eq!(all("clock trip a "), ["rising", "falling"]);
    for line in ["power on gpu now ", "nothing ", "power list ", "power up "] {
        assert_eq!(all(line), [""; 0], "{line}");
    }
}

proptest::proptest! {
    #![proptest_config(test_props::config(256, 1))]

    #[test]
    fn any_line_is_answered(line in "[ -~]{0,140}") {
        let _ = found(&line);
        let (rest, _, all) = completed(&line);
        // What is typed for the user leads to one of the candidates.
        let last = format!("{line}{rest}");
        let last = last.rsplit(' ').next().unwrap();
        assert!(all.is_empty() || all.iter().any(|word| word.starts_with(last)));
    }

    #[test]
    fn lines_of_known_words_are_answered(words in proptest::collection::vec(
        proptest::sample::select(&["power", "on", "list", "clock", "set", "trip", "up", "delayed", "rising", "raw", "x", "help"][..]), 0..8)) {
        let line = words.join(" ");
        if let Some(Ok((verb, rest))) = find(TABLE, &line) {
            // No word gets lost between verb and arguments.
            let used = usize::from(!verb.name.is_empty()) + 1;
            assert_eq!(used + rest.count(), words.len());
        }
        completed(&line);
    }
}
