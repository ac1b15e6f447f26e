// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Ids and names of one kind of thing: checked once, looked up often.

use std::collections::HashMap;

use toml::Spanned;

use super::error::MachineError;
use super::schema::Id;

/// Where errors point to.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file, as the user named it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Source<'_> {
    /// An error at a value of the file.
    pub fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> MachineError {
        MachineError::at(self.file, self.text, at.span(), message)
    }

    /// Checks a name's length in bytes.
    pub fn check_name(&self, name: &Spanned<String>, longest: usize) -> Result<(), MachineError> {
        let length = name.get_ref().len();
        if length == 0 || length > longest || !name.get_ref().is_ascii() {
            return Err(self.error(
                name,
                format!(
                    "name {:?} must have 1 to {longest} ASCII characters; it has {length} bytes",
                    name.get_ref()
                ),
            ));
        }
        Ok(())
    }
}

/// The names of one kind of thing, with their ids.
pub struct Names<'a> {
    kind: &'static str,
    ids: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    /// Checks that ids run from 0 in order without a hole, and that names differ.
    pub fn of(
        source: Source<'_>,
        kind: &'static str,
        longest: usize,
        things: impl Iterator<Item = (&'a Id, &'a Spanned<String>)>,
    ) -> Result<Self, MachineError> {
        let mut ids = HashMap::new();
        for (position, (id, name)) in things.enumerate() {
            let number = *id.get_ref() as usize;
            if number < position {
                return Err(source.error(
                    id,
                    format!("{kind} id {number} is a duplicate; the next free id is {position}"),
                ));
            }
            if number > position {
                return Err(source.error(
                    id,
                    format!(
                        "{kind} id {number} leaves a hole; ids run from 0 in order, the next is {position}"
                    ),
                ));
            }
            source.check_name(name, longest)?;
            if let Some(other) = ids.insert(name.get_ref().as_str(), position) {
                return Err(source.error(
                    name,
                    format!(
                        "{kind} name {:?} is a duplicate: id {other} has it already",
                        name.get_ref()
                    ),
                ));
            }
        }
        Ok(Self { kind, ids })
    }

    /// Names without explicit ids: the position is the id.
    pub fn of_list(
        source: Source<'_>,
        kind: &'static str,
        longest: usize,
        names: impl Iterator<Item = &'a Spanned<String>>,
    ) -> Result<Self, MachineError> {
        let mut ids = HashMap::new();
        for (position, name) in names.enumerate() {
            source.check_name(name, longest)?;
            if ids.insert(name.get_ref().as_str(), position).is_some() {
                return Err(source.error(
                    name,
                    format!("{kind} name {:?} is a duplicate", name.get_ref()),
                ));
            }
        }
        Ok(Self { kind, ids })
    }

    /// The id of a name that something else refers to.
    pub fn find(&self, source: Source<'_>, name: &Spanned<String>) -> Result<usize, MachineError> {
        self.get(name.get_ref()).ok_or_else(|| {
            let mut known: Vec<_> = self.ids.iter().collect();
            known.sort_by_key(|(_, id)| **id);
            let known: Vec<_> = known.into_iter().map(|(name, _)| *name).collect();
            let known = if known.is_empty() {
                "there is none".into()
            } else {
                format!("there are: {}", known.join(", "))
            };
            source.error(
                name,
                format!("no {} is called {:?}; {known}", self.kind, name.get_ref()),
            )
        })
    }

    /// The id of a name, if there is one.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.ids.get(name).copied()
    }
}
