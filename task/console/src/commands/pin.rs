// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `pin`: pins, groups of pins, and the functions that they have.

use core::fmt;

use console_core::grammar::{Command, Words};
use drv_scmi_api::{Kind, Pins, numbers};
use scmi::pinctrl::{Selector, Setting, SettingType};

use super::{Outcome, Run, Shown, Verb, named, next_word, rows, whole};
use crate::Console;
use crate::failure::Failure;
use crate::platform::{Link, link};
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "pin",
    help: "pin control: pins, groups of pins, and what they do",
    verbs: &[
        Verb::new(
            "list",
            "[pins|groups|functions]",
            "all of them, and what each has of the others",
            list,
        ),
        Verb::new(
            "get",
            "pin|group NAME",
            "its function and its settings",
            get,
        ),
        Verb::new(
            "members",
            "group|function NAME",
            "the pins of a group, or the groups that can have a function",
            members,
        ),
        Verb::new(
            "function",
            "pin|group NAME FUNCTION",
            "selects a function",
            function,
        ),
        Verb::new(
            "set",
            "pin|group NAME SETTING VALUE",
            "sets a setting, by its number",
            set,
        ),
        Verb::new(
            "request",
            "pin|group NAME",
            "takes it for this agent alone",
            request,
        ),
        Verb::new("release", "pin|group NAME", "gives it back", release),
    ],
};

/// What the next two words name.
fn selected<'a>(link: Link<'_>, words: &mut Words<'a>) -> Result<(Selector, u32), Failure<'a>> {
    let selector = match next_word(words) {
        "group" => Selector::Group,
        "function" => Selector::Function,
        _ => Selector::Pin,
    };
    Ok((selector, named(link, Kind::Pin(selector), words)?))
}

fn list<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let only = words.next();
    for (title, selector, of) in [
        ("pins", Selector::Pin, ""),
        ("groups", Selector::Group, "pin(s)"),
        ("functions", Selector::Function, "group(s)"),
    ] {
        if only.is_some_and(|only| only != title) {
            continue;
        }
        if only.is_none() {
            say!(console.terminal, "{title}\n");
        }
        rows(
            &mut console.terminal,
            link,
            Kind::Pin(selector),
            |row, number| {
                if selector != Selector::Pin {
                    let elements = pins.info(selector, number);
                    let elements = elements.map(|info| info.attributes.elements());
                    let shown = elements.map(|elements| {
                        Shown(move |f: &mut fmt::Formatter<'_>| write!(f, "{elements} {of}"))
                    });
                    row.part("", "attributes", shown)?;
                }
                if selector != Selector::Function
                    && let Some(function) = pins.function(selector, number).transpose()
                {
                    let kind = Kind::Pin(Selector::Function);
                    let function = function.and_then(|function| kind.name(link, function));
                    row.part(" for ", "function", function)?;
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn get<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    match pins.function(selector, number)? {
        Some(function) => {
            let function = Kind::Pin(Selector::Function).name(link, function)?;
            say!(console.terminal, "function {function}\n");
        }
        None => say!(console.terminal, "no function\n"),
    }
    for setting in pins.settings(selector, number) {
        let Setting { kind, value } = setting?;
        say!(console.terminal, "setting {} is {value:#x}\n", kind.id());
    }
    Ok(())
}

fn members<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    let (list, kind) = match selector {
        Selector::Group => (pins.pins_of(number), Kind::Pin(Selector::Pin)),
        _ => (pins.groups_of(number), Kind::Pin(Selector::Group)),
    };
    for member in numbers(list) {
        let member = member?.into();
        say!(
            console.terminal,
            "{member:>3}  {}\n",
            kind.name(link, member)?
        );
    }
    Ok(())
}

fn function<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    let function = named(link, Kind::Pin(Selector::Function), &mut words)?;
    Ok(pins.configure(selector, number, Some(function), &[])?)
}

fn set<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    let wanted = "the number of a setting, at most 255";
    let word = next_word(&mut words);
    let kind = u8::try_from(whole(word, wanted)?)
        .map_err(|_| Failure::Value(word, wanted, console_core::quantity::Bad::OutOfRange))?;
    let value = whole(next_word(&mut words), "a number")?;
    let setting = Setting {
        kind: SettingType::default().with_id(kind),
        value,
    };
    Ok(pins.configure(selector, number, None, &[setting])?)
}

fn request<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    Ok(pins.request(selector, number)?)
}

fn release<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let pins = Pins::over(link)?;
    let (selector, number) = selected(link, &mut words)?;
    Ok(pins.release(selector, number)?)
}
