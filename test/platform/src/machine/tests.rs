// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Each thing that can be wrong in a machine file, with the line and the words that name it.

use super::{Choices, Feed, Heater, Machine};

#[track_caller]
fn refused(text: &str, line: usize, words: &str) {
    let error = Machine::parse("m.toml", text).expect_err("must be refused");
    assert_eq!(error.line, Some(line), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn sample_machine_is_valid_and_resolved() {
    let machine = Machine::sample();
    assert_eq!(machine.agents, ["platform", "rtos"]);
    assert_eq!(machine.perf[1].name, "gpu");
    assert_eq!(machine.perf[1].power, Some(1));
    assert_eq!(machine.sensors[1].feed, Feed::Body(1));
    assert_eq!(
        machine.bodies[1].heated_by,
        [Heater::Perf(1), Heater::Power(1)]
    );
    assert_eq!(machine.sensors[5].axes, ["x", "y", "z"]);
    assert_eq!(machine.powercaps[1].parent, Some(0));
    assert_eq!(machine.pinctrl.expect("has pins").functions[0].1, [0, 2]);
}

#[test]
fn an_empty_file_is_a_platform_with_the_base_protocol_alone() {
    let machine = Machine::parse("m.toml", "").expect("valid");
    assert_eq!(machine.agents, ["platform", "guest"]);
    assert!(machine.power.is_empty() && machine.system.is_none());
}

#[test]
fn unknown_key_names_its_line() {
    refused(
        "[platform]\nvendor = \"v\"\nvendr = 1\n",
        3,
        "unknown field `vendr`",
    );
    refused("[[power]]\nid = 0\nname = \"a\"\nonn = true\n", 4, "onn");
}

#[test]
fn syntax_error_names_its_line() {
    refused("[platform]\nvendor = \n", 2, "m.toml:2");
}

#[test]
fn duplicate_id_names_its_line() {
    refused(
        "[[power]]\nid = 0\nname = \"a\"\n[[power]]\nid = 0\nname = \"b\"\n",
        5,
        "power domain id 0 is a duplicate; the next free id is 1",
    );
}

#[test]
fn hole_in_ids_names_its_line() {
    refused("[[reset]]\nid = 1\nname = \"a\"\n", 2, "leaves a hole");
}

#[test]
fn duplicate_name_names_its_line() {
    refused(
        "[[reset]]\nid = 0\nname = \"a\"\n[[reset]]\nid = 1\nname = \"a\"\n",
        6,
        "id 0 has it already",
    );
}

#[test]
fn level_out_of_range_names_its_line() {
    let perf = "[[perf]]\nid = 0\nname = \"p\"\nlevels = [{ level = 1, power-mw = 1 }, { level = 3, power-mw = 2 }]\nlevel = 2\n";
    refused(perf, 5, "no level 2; it has 1, 3");
    refused(
        "[[voltage]]\nid = 0\nname = \"v\"\nrange-uv = [10, 20, 5]\nlevel-uv = 25\n",
        5,
        "cannot start at 25",
    );
    refused(
        "[[clock]]\nid = 0\nname = \"c\"\nrates = [10, 20]\nrate = 15\n",
        5,
        "cannot start at 15",
    );
    refused(
        "[[powercap]]\nid = 0\nname = \"c\"\nlimits = []\nrange-mw = [1, 5, 1]\ncap-mw = 9\n",
        6,
        "out of range 1 to 5",
    );
}

#[test]
fn levels_that_do_not_ascend_are_refused() {
    refused(
        "[[perf]]\nid = 0\nname = \"p\"\nlevels = [{ level = 3, power-mw = 1 }, { level = 1, power-mw = 2 }]\n",
        4,
        "must ascend",
    );
    refused(
        "[[perf]]\nid = 0\nname = \"p\"\nlevels = []\n",
        4,
        "at least one",
    );
}

#[test]
fn reference_to_nothing_names_what_there_is() {
    refused(
        "[[power]]\nid = 0\nname = \"cpu\"\n[[perf]]\nid = 0\nname = \"p\"\npower = \"cpi\"\nlevels = [{ level = 1, power-mw = 1 }]\n",
        7,
        "no power domain is called \"cpi\"; there are: cpu",
    );
}

#[test]
fn sensor_needs_exactly_one_source() {
    refused(
        "[[sensor]]\nid = 0\nname = \"s\"\nkind = \"plain\"\n",
        3,
        "exactly one of",
    );
    refused(
        "[[sensor]]\nid = 0\nname = \"s\"\nkind = \"plain\"\nvalue = 1\naxes = [{ name = \"x\" }]\n",
        3,
        "it has 2",
    );
    refused(
        "[[sensor]]\nid = 0\nname = \"s\"\nkind = \"plain\"\nscale = 20\nvalue = 1\n",
        3,
        "-16 to 15",
    );
}

#[test]
fn clock_cannot_feed_itself() {
    refused(
        "[[clock]]\nid = 0\nname = \"c\"\nrates = [1]\nparents = [\"c\"]\n",
        5,
        "cannot feed itself",
    );
}

#[test]
fn names_have_a_length() {
    refused(
        "[platform]\nvendor = \"a-vendor-name-too-long\"\n",
        2,
        "1 to 15 ASCII characters",
    );
}

#[test]
fn choices_round_both_ways() {
    let range = Choices::Range {
        low: 10,
        high: 21,
        step: 4,
    };
    assert!(range.contains(18) && !range.contains(19) && !range.contains(22));
    assert_eq!(range.at_most(17), Some(14));
    assert_eq!(range.at_most(9), None);
    assert_eq!(range.at_least(15), Some(18));
    assert_eq!(range.at_least(19), None);
    let list = Choices::List(vec![1, 5, 9]);
    assert_eq!(
        (list.at_most(8), list.at_least(6), list.at_least(10)),
        (Some(5), Some(9), None)
    );
    assert_eq!((list.low(), list.high()), (1, 9));
}
