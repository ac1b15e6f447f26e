// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Each thing that can be wrong in a machine file, with the line and the words that name it.

use super::{Choices, Feed, Heater, Machine, VendorAnswer};

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
fn numbers_out_of_range_name_their_line() {
    refused(
        "[platform]\nstep-ms = 0\n",
        2,
        "`step-ms` is 0; it can be 1 to",
    );
    refused(
        "[platform]\n\ndelayed-response-ms = 3600001\n",
        3,
        "`delayed-response-ms` is 3600001",
    );
    refused("[platform]\nstep-ms = -1\n", 2, "-1");
    refused(
        "[platform]\nbusy-us = 1000001\n",
        2,
        "`busy-us` is 1000001; it can be 0 to 1000000",
    );
    refused(
        "[[perf]]\nid = 0\nname = \"p\"\nlevels = [{ level = 4294968, power-mw = 1 }]\n",
        4,
        "has level 4294968",
    );
    let cap = "[[powercap]]\nid = 0\nname = \"c\"\nlimits = []\nrange-mw = [10, 50, 20]\n";
    refused(&format!("{cap}cap-mw = 40\n"), 6, "between two steps");
    for interval in [
        "[0, 10, 1]",
        "[20, 10, 1]",
        "[10, 20, 0]",
        "[1, 3600001, 1]",
    ] {
        refused(
            &format!("{cap}interval-ms = {interval}\n"),
            6,
            "`interval-ms` of power cap \"c\"",
        );
    }
    let body = "[[thermal]]\nname = \"b\"\nheated-by = []\ntime-constant-ms = 1\n";
    refused(
        &format!("{body}resistance-mc-per-w = -1\n"),
        5,
        "`resistance-mc-per-w` is -1",
    );
    refused(
        &format!("{body}resistance-mc-per-w = 1\nambient-mc = 1000000001\n"),
        6,
        "`ambient-mc` is 1000000001",
    );
    refused(
        "[[thermal]]\nname = \"b\"\nheated-by = []\nresistance-mc-per-w = 1\ntime-constant-ms = 0\n",
        5,
        "at least 1",
    );
}

#[test]
fn ranges_that_are_none_name_their_line() {
    refused(
        "[[voltage]]\nid = 0\nname = \"v\"\nrange-uv = [20, 10, 5]\n",
        4,
        "is empty",
    );
    refused(
        "[[clock]]\nid = 0\nname = \"c\"\nrange = [10, 20, 0]\n",
        4,
        "is empty",
    );
    refused(
        "[[powercap]]\nid = 0\nname = \"c\"\nlimits = []\nrange-mw = [5, 1, 1]\n",
        5,
        "is empty",
    );
    refused(
        "[[clock]]\nid = 0\nname = \"c\"\nrates = [20, 10]\n",
        3,
        "must ascend",
    );
    refused(
        "[[clock]]\nid = 0\nname = \"c\"\n",
        3,
        "needs either `rates` or `range`",
    );
}

#[test]
fn missing_keys_and_wrong_kinds_of_values_name_their_line() {
    refused("[[power]]\nname = \"a\"\n", 1, "missing field `id`");
    refused("[[power]]\nid = 0\nname = 7\n", 3, "expected a string");
    refused("[[power]]\nid = \"0\"\nname = \"a\"\n", 2, "invalid type");
    refused(
        "[[sensor]]\nid = 0\nname = \"s\"\nkind = \"warmth\"\nvalue = 1\n",
        4,
        "unknown variant `warmth`",
    );
    refused("[sytem]\n", 1, "unknown field `sytem`");
}

#[test]
fn every_reference_to_nothing_names_its_line() {
    let clock = "[[clock]]\nid = 0\nname = \"c\"\nrates = [1]\n";
    refused(&format!("{clock}parents = [\"d\"]\n"), 5, "\"d\"");
    let sensor = "[[sensor]]\nid = 0\nname = \"s\"\nkind = \"plain\"\n";
    for key in ["body", "power-of", "voltage-of"] {
        refused(&format!("{sensor}{key} = \"x\"\n"), 5, "\"x\"");
    }
    let cap = "[[powercap]]\nid = 0\nname = \"c\"\nrange-mw = [1, 5, 1]\n";
    refused(&format!("{cap}limits = [\"x\"]\n"), 5, "\"x\"");
    refused(&format!("{cap}limits = []\nparent = \"x\"\n"), 6, "\"x\"");
    refused(
        &format!("{cap}limits = []\nparent = \"c\"\n"),
        6,
        "must have a smaller id",
    );
    let body = "[[thermal]]\nname = \"b\"\nresistance-mc-per-w = 1\ntime-constant-ms = 1\n";
    refused(&format!("{body}heated-by = [\"x\"]\n"), 5, "\"x\"");
    let pins = "[pinctrl]\npins = [\"a\"]\n";
    refused(
        &format!("{pins}[[pinctrl.group]]\nname = \"g\"\npins = [\"b\"]\n"),
        5,
        "\"b\"",
    );
    refused(
        &format!("{pins}[[pinctrl.function]]\nname = \"f\"\ngroups = [\"g\"]\n"),
        5,
        "\"g\"",
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
fn vendor_protocols_are_kept_by_number() {
    let text = "[[vendor-protocol]]\nnumber = 0x81\n\
        [[vendor-protocol]]\nnumber = 0x80\nversion = 0x2_0000\nmessages = [{ number = 3 }, { number = 4, values = \"01 02\" }]\n";
    let machine = Machine::parse("m.toml", text).expect("valid");
    let numbers: Vec<u8> = machine.vendor_protocols.keys().copied().collect();
    assert_eq!(numbers, [0x80, 0x81]);
    assert_eq!(machine.vendor_protocols[&0x81].version, 0x1_0000);
    let messages = &machine.vendor_protocols[&0x80].messages;
    assert_eq!(messages[&3], VendorAnswer::Parameters);
    assert_eq!(messages[&4], VendorAnswer::Values(vec![1, 2]));
}

#[test]
fn mistakes_in_vendor_protocols_name_their_line() {
    let vendor = "[[vendor-protocol]]\nnumber = 0x80\n";
    refused(
        "[[vendor-protocol]]\nnumber = 0x19\n",
        2,
        "`number` is 25; it can be 128 to 255",
    );
    refused(
        &format!("{vendor}{vendor}"),
        4,
        "vendor protocol 128 is a duplicate",
    );
    for (messages, words) in [
        ("{ number = 2 }", "`number` is 2; it can be 3 to 255"),
        ("{ number = 16 }", "NEGOTIATE_PROTOCOL_VERSION"),
        ("{ number = 3 }, { number = 3 }", "message 3 is a duplicate"),
        ("{ number = 3, values = \"0\" }", "one is left over"),
        ("{ number = 3, value = \"00\" }", "unknown field `value`"),
    ] {
        refused(&format!("{vendor}messages = [{messages}]\n"), 3, words);
    }
    let long = "00".repeat(129);
    refused(
        &format!("{vendor}messages = [{{ number = 3, values = \"{long}\" }}]\n"),
        3,
        "`values` has 129 bytes; 128 fit a message",
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
