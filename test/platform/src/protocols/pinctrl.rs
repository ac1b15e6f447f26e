// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pins, groups of pins, and the functions they carry.

use std::collections::BTreeMap;

use scmi::StatusCode;
use scmi::common::ListCount;
use scmi::pinctrl::{
    Association, AssociationsHead, FunctionCounts, ListAssociations, NO_FUNCTION, NameGet,
    PinCounts, PinFlags, PinInfo, PinctrlAttributes, ProtocolInfo, Release, Selector, SelectorWord,
    Setting, SettingCount, SettingType, SettingsConfigureRequest, SettingsGet, SettingsHead,
    settings_scope,
};
use scmi::protocol::PinctrlMessage;

use super::{index, is_long, long_name, page, short};
use crate::machine::Pinctrl;
use crate::platform::{Outcome, Platform, Reply, Request};

/// What changes about pins.
#[derive(Debug, Clone)]
pub struct Pins {
    pins: Vec<Pin>,
}

#[derive(Debug, Clone, Default)]
struct Pin {
    requested: bool,
    function: Option<u32>,
    settings: BTreeMap<u8, u32>,
}

impl Pins {
    /// All pins free, without function.
    pub fn new(machine: Option<&Pinctrl>) -> Self {
        Self {
            pins: vec![Pin::default(); machine.map_or(0, |machine| machine.pins.len())],
        }
    }

    /// Whether a pin is the guest's.
    pub fn is_taken(&self, pin: usize) -> bool {
        self.pins[pin].requested
    }

    /// The function that is selected for a pin.
    pub fn function(&self, pin: usize) -> Option<u32> {
        self.pins[pin].function
    }

    /// The settings of a pin: kind and value.
    pub fn settings(&self, pin: usize) -> &BTreeMap<u8, u32> {
        &self.pins[pin].settings
    }
}

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message =
        PinctrlMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let Some(machine) = platform.model.machine.pinctrl.clone() else {
        return Err(StatusCode::NotSupported);
    };
    match message {
        PinctrlMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                pins: PinCounts::default()
                    .with_pins(machine.pins.len() as u16)
                    .with_groups(machine.groups.len() as u16),
                functions: FunctionCounts::default().with_functions(machine.functions.len() as u16),
            })
        }
        PinctrlMessage::PinctrlAttributes => {
            let PinctrlAttributes {
                identifier,
                selector,
            } = request.parse()?;
            let (name, elements) = match selector.selector() {
                Selector::Pin => (&machine.pins[index(&machine.pins, identifier)?], 1),
                Selector::Group => list(&machine.groups, identifier)?,
                Selector::Function => list(&machine.functions, identifier)?,
                Selector::Reserved => return Err(StatusCode::InvalidParameters),
            };
            Reply::with(&PinInfo {
                attributes: PinFlags::default()
                    .with_elements(elements as u16)
                    .with_extended_name(is_long(name)),
                name: short(name),
            })
        }
        PinctrlMessage::ListAssociations => {
            let ListAssociations {
                identifier,
                selector,
                skip,
            } = request.parse()?;
            let members = match selector.selector() {
                Selector::Group => &machine.groups[index(&machine.groups, identifier)?].1,
                Selector::Function => &machine.functions[index(&machine.functions, identifier)?].1,
                _ => return Err(StatusCode::InvalidParameters),
            };
            let entries: Vec<_> = members
                .iter()
                .map(|&member| Association {
                    identifier: member as u16,
                })
                .collect();
            page(request.room, &entries, skip, |returned, remaining| {
                AssociationsHead {
                    count: ListCount::new(returned, remaining),
                }
            })
        }
        PinctrlMessage::SettingsGet => settings_get(platform, &machine, request),
        PinctrlMessage::SettingsConfigure => settings_configure(platform, &machine, request),
        PinctrlMessage::Request => {
            let scmi::pinctrl::Request {
                identifier,
                selector,
            } = request.parse()?;
            let pins = pins(&machine, identifier, selector)?;
            if pins.iter().any(|&pin| platform.pins.pins[pin].requested) {
                return Err(StatusCode::InUse);
            }
            for pin in pins {
                platform.pins.pins[pin].requested = true;
            }
            Reply::done()
        }
        PinctrlMessage::Release => {
            let Release {
                identifier,
                selector,
            } = request.parse()?;
            for pin in pins(&machine, identifier, selector)? {
                platform.pins.pins[pin] = Pin::default();
            }
            Reply::done()
        }
        PinctrlMessage::NameGet => {
            let NameGet {
                identifier,
                selector,
            } = request.parse()?;
            let name = match selector.selector() {
                Selector::Pin => &machine.pins[index(&machine.pins, identifier)?],
                Selector::Group => list(&machine.groups, identifier)?.0,
                Selector::Function => list(&machine.functions, identifier)?.0,
                Selector::Reserved => return Err(StatusCode::InvalidParameters),
            };
            long_name(name)
        }
        // A guest is not trusted to give or take permissions.
        PinctrlMessage::SetPermissions => Err(StatusCode::Denied),
        _ => Err(StatusCode::NotSupported),
    }
}

fn list(things: &[(String, Vec<usize>)], id: u32) -> Result<(&String, usize), StatusCode> {
    let (name, members) = &things[index(things, id)?];
    Ok((name, members.len()))
}

/// The pins that a pin or a group stands for.
fn pins(
    machine: &Pinctrl,
    identifier: u32,
    selector: SelectorWord,
) -> Result<Vec<usize>, StatusCode> {
    match selector.selector() {
        Selector::Pin => Ok(vec![index(&machine.pins, identifier)?]),
        Selector::Group => Ok(machine.groups[index(&machine.groups, identifier)?]
            .1
            .clone()),
        _ => Err(StatusCode::InvalidParameters),
    }
}

fn settings_get(platform: &Platform, machine: &Pinctrl, request: &Request<'_>) -> Outcome {
    let SettingsGet {
        identifier,
        attributes,
    } = request.parse()?;
    let selector = SelectorWord::default().with_selector_bits(attributes.selector_bits());
    // A group answers with its first pin: they were all configured alike.
    let pins = pins(machine, identifier, selector)?;
    let pin = &platform.pins.pins[*pins.first().ok_or(StatusCode::NotFound)?];
    let all: Vec<_> = pin
        .settings
        .iter()
        .filter(|(kind, _)| {
            attributes.scope() != settings_scope::ONE || **kind == attributes.setting()
        })
        .map(|(&kind, &value)| Setting {
            kind: SettingType::default().with_id(kind),
            value,
        })
        .collect();
    if attributes.scope() == settings_scope::ONE && all.is_empty() {
        return Err(StatusCode::NotFound);
    }
    let function = pin.function.unwrap_or(NO_FUNCTION);
    page(
        request.room,
        &all,
        attributes.skip().into(),
        |returned, remaining| SettingsHead {
            function,
            count: SettingCount::default()
                .with_returned(returned as u8)
                .with_remaining(remaining as u8),
        },
    )
}

fn settings_configure(
    platform: &mut Platform,
    machine: &Pinctrl,
    request: &Request<'_>,
) -> Outcome {
    let wanted = SettingsConfigureRequest::parse_exact(request.parameters)
        .map_err(|_| StatusCode::ProtocolError)?;
    let selector =
        SelectorWord::default().with_selector_bits(wanted.head.attributes.selector_bits());
    let pins = pins(machine, wanted.head.identifier, selector)?;
    let function = if wanted.head.attributes.sets_function() {
        let function = wanted.head.function;
        let (_, groups) = &machine.functions[index(&machine.functions, function)?];
        let carried = |pin| {
            groups
                .iter()
                .any(|&group| machine.groups[group].1.contains(pin))
        };
        if !pins.iter().all(carried) {
            return Err(StatusCode::InvalidParameters);
        }
        Some(function)
    } else {
        None
    };
    for pin in pins {
        let pin = &mut platform.pins.pins[pin];
        if function.is_some() {
            pin.function = function;
        }
        pin.settings.extend(
            wanted
                .iter()
                .map(|setting| (setting.kind.id(), setting.value)),
        );
    }
    Reply::done()
}
