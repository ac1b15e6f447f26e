// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pins.

use scmi::common::{ExtendedName, NameReply};
use scmi::pinctrl::{
    Association, ListAssociations, NO_FUNCTION, NameGet, PinInfo, PinctrlAttributes, Release,
    Request, Selector, Setting, SettingType, Settings, SettingsConfigure, SettingsGet,
    SettingsGetFlags, settings_scope,
};
use scmi::wire::Parse;

use crate::link::protocol;
use crate::{Error, Exchange, Paged};

protocol! {
    /// Chooses what pins do. The protocol has no events.
    ///
    /// A pin, a group or a function is named by its number and a [`Selector`].
    pub struct Pins: Pinctrl, pinctrl;
}

impl<'e, E: Exchange + ?Sized> Pins<'e, E> {
    /// How many pins, groups or functions there are; each kind is numbered from 0.
    pub fn count(&self, selector: Selector) -> Result<u32, Error> {
        let info = self.attributes()?;
        Ok(match selector {
            Selector::Pin => info.pins.pins().into(),
            Selector::Group => info.pins.groups().into(),
            Selector::Function => info.functions.functions().into(),
            Selector::Reserved => 0,
        })
    }

    /// What there is to say of a pin, group or function, and its name.
    pub fn info(&self, selector: Selector, identifier: u32) -> Result<PinInfo, Error> {
        self.link.get(&PinctrlAttributes {
            identifier,
            selector: selector.into(),
        })
    }

    /// The longer name of a pin, group or function that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, selector: Selector, identifier: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&NameGet {
            identifier,
            selector: selector.into(),
        })?;
        Ok(reply.name)
    }

    /// The pins of a group.
    pub fn pins_of(&self, group: u32) -> Paged<'e, ListAssociations, E> {
        self.associations(Selector::Group, group)
    }

    /// The groups that can have a function.
    pub fn groups_of(&self, function: u32) -> Paged<'e, ListAssociations, E> {
        self.associations(Selector::Function, function)
    }

    fn associations(&self, selector: Selector, identifier: u32) -> Paged<'e, ListAssociations, E> {
        Paged::new(
            self.link,
            ListAssociations {
                identifier,
                selector: selector.into(),
                skip: 0,
            },
        )
    }

    /// The function of a pin or group, if one is selected.
    pub fn function(&self, selector: Selector, identifier: u32) -> Result<Option<u32>, Error> {
        let list = self.settings(selector, identifier).started()?;
        let function = Settings::parse(list.page())?.head.function;
        Ok((function != NO_FUNCTION).then_some(function))
    }

    /// All settings of a pin or group.
    pub fn settings(&self, selector: Selector, identifier: u32) -> Paged<'e, SettingsGet, E> {
        let attributes = scope(selector, settings_scope::ALL);
        Paged::new(
            self.link,
            SettingsGet {
                identifier,
                attributes,
            },
        )
    }

    /// One setting of a pin or group.
    pub fn setting(
        &self,
        selector: Selector,
        identifier: u32,
        kind: SettingType,
    ) -> Result<u32, Error> {
        let attributes = scope(selector, settings_scope::ONE).with_setting(kind.id());
        let mut found = Paged::new(
            self.link,
            SettingsGet {
                identifier,
                attributes,
            },
        );
        match found.next() {
            Some(Ok(Setting { kind: told, value })) if told.id() == kind.id() => Ok(value),
            Some(Ok(_)) => Err(Error::Inconsistent(
                "the platform tells another setting than it was asked for",
            )),
            Some(Err(error)) => Err(error),
            None => Err(Error::Inconsistent("the platform tells no setting")),
        }
    }

    /// Selects a function, if told, and sets up to 14 settings of a pin or group.
    pub fn configure(
        &self,
        selector: Selector,
        identifier: u32,
        function: Option<u32>,
        settings: &[Setting],
    ) -> Result<(), Error> {
        self.link.get(&SettingsConfigure {
            identifier,
            selector,
            function,
            settings,
        })
    }

    /// Takes a pin or group for this agent alone. Not sent again by itself: the second request would find it taken.
    pub fn request(&self, selector: Selector, identifier: u32) -> Result<(), Error> {
        self.link.set_once(&Request {
            identifier,
            selector: selector.into(),
        })
    }

    /// Gives a pin or group back.
    pub fn release(&self, selector: Selector, identifier: u32) -> Result<(), Error> {
        self.link.set_once(&Release {
            identifier,
            selector: selector.into(),
        })
    }
}

fn scope(selector: Selector, scope: u8) -> SettingsGetFlags {
    SettingsGetFlags::default()
        .with_selector_bits(selector as u8)
        .with_scope(scope)
}

/// The numbers of associations, for those who do not care for the structure.
pub fn numbers(
    associations: impl Iterator<Item = Result<Association, Error>>,
) -> impl Iterator<Item = Result<u16, Error>> {
    associations.map(|entry| entry.map(|association| association.identifier))
}
