// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lists that come in pages, as iterators.
//!
//! However a platform lies about what remains, an iterator ends: each page must have an entry, and must bring the number of
//! those that remain down. The first page's word is at most 65,535.

use core::fmt;

use scmi::common::Range;
use scmi::wire::{Command, Malformed, Message, Page, PageHead};

use crate::link::Repeat;
use crate::{Buffer, Error, Exchange, Link, PAYLOAD_MAX, Scmi, TransferFlags};

/// A command whose reply is a page of a list.
pub trait Pages: Command + Copy {
    /// What stands before the entries.
    type Head: PageHead;
    /// An entry.
    type Entry: Message;

    /// The same command, for the page after this many entries.
    fn after(self, skip: u32) -> Self;
}

macro_rules! pages {
    ($($module:ident::$command:ident: $head:ty => $entry:ty;)*) => {$(
        impl Pages for scmi::$module::$command {
            type Head = $head;
            type Entry = $entry;
            fn after(self, skip: u32) -> Self {
                let mut command = self;
                command.skip = skip;
                command
            }
        }
    )*};
}

pages! {
    perf::DescribeLevels: scmi::perf::LevelsHead => scmi::perf::Level;
    perf::DescribeLevelsV4: scmi::perf::LevelsHead => scmi::perf::LevelV4;
    clock::DescribeRates: scmi::clock::RatesHead => scmi::clock::Rate;
    clock::PossibleParentsGet: scmi::clock::ParentsHead => scmi::clock::Parent;
    sensor::DescriptionGet: scmi::sensor::descriptor::SensorsHead => scmi::sensor::descriptor::SensorDescriptor;
    sensor::AxisDescriptionGet: scmi::sensor::descriptor::AxesHead => scmi::sensor::descriptor::AxisDescriptor;
    sensor::AxisNameGet: scmi::sensor::descriptor::AxesHead => scmi::sensor::descriptor::AxisName;
    sensor::ListUpdateIntervals: scmi::sensor::IntervalsHead => scmi::sensor::Interval;
    voltage::DescribeLevels: scmi::voltage::LevelsHead => scmi::voltage::Level;
    pinctrl::ListAssociations: scmi::pinctrl::AssociationsHead => scmi::pinctrl::Association;
}

impl Pages for scmi::pinctrl::SettingsGet {
    type Head = scmi::pinctrl::SettingsHead;
    type Entry = scmi::pinctrl::Setting;
    fn after(self, skip: u32) -> Self {
        // The field has eight bits, and the count of what remains has no more.
        Self {
            attributes: self
                .attributes
                .with_skip(u8::try_from(skip).unwrap_or(u8::MAX)),
            ..self
        }
    }
}

/// The entries of a list, fetched page by page while they are used.
///
/// An error is the last item.
pub struct Paged<'e, C: Pages, E: ?Sized = Scmi> {
    link: Link<'e, E>,
    command: C,
    buffer: Buffer,
    /// Of the buffer: what holds return values.
    len: usize,
    /// Of those: where the next entry begins.
    next: usize,
    /// Entries of this page that were not used yet.
    left: usize,
    /// Entries after this page, as the platform said last; `None` before the first page.
    remaining: Option<usize>,
    /// Entries of all pages so far.
    seen: u32,
}

impl<'e, C: Pages, E: Exchange + ?Sized> Paged<'e, C, E> {
    pub(crate) fn new(link: Link<'e, E>, command: C) -> Self {
        Self {
            link,
            command,
            buffer: [0; PAYLOAD_MAX],
            len: 0,
            next: 0,
            left: 0,
            remaining: None,
            seen: 0,
        }
    }

    /// Fetches the next page.
    fn fetch(&mut self) -> Result<(), Error> {
        let command = self.command.after(self.seen);
        let answer = self.link.values(
            &command,
            TransferFlags::empty(),
            Repeat::Harmless,
            &mut self.buffer,
        )?;
        let len = answer.len();
        let page = page::<C>(answer)?;
        let (count, remaining) = (page.len(), page.remaining());
        if count == 0 && remaining > 0 {
            return Err(Error::Inconsistent(
                "a page of a list is empty, and yet entries remain",
            ));
        }
        if self
            .remaining
            .is_some_and(|before| count.saturating_add(remaining) > before)
        {
            return Err(Error::Inconsistent("a list grows while it is read"));
        }
        let (_, entries) = C::Head::parse_prefix(answer)?;
        self.next = len.saturating_sub(entries.len());
        self.len = len;
        self.left = count;
        self.remaining = Some(remaining);
        self.seen = self
            .seen
            .saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(())
    }

    /// The next entry of this page.
    fn take(&mut self) -> Option<C::Entry> {
        self.left = self.left.checked_sub(1)?;
        let bytes = self.buffer.get(self.next..self.len)?;
        // The page was checked when it was fetched.
        let (entry, rest) = C::Entry::parse_prefix(bytes).ok()?;
        self.next = self.len.saturating_sub(rest.len());
        Some(entry)
    }

    /// Nothing comes any more.
    fn end(&mut self) {
        self.left = 0;
        self.remaining = Some(0);
    }

    /// The same list from this entry on.
    pub(crate) fn starting_at(self, entry: u32) -> Self {
        Self {
            seen: entry,
            ..self
        }
    }

    /// How many entries were used.
    pub(crate) fn taken(&self) -> u32 {
        self.seen
            .saturating_sub(u32::try_from(self.left).unwrap_or(u32::MAX))
    }

    /// The same list with its first page fetched.
    pub(crate) fn started(mut self) -> Result<Self, Error> {
        self.fetch()?;
        Ok(self)
    }

    /// The return values of the page that was fetched last.
    pub(crate) fn page(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&[])
    }
}

fn page<C: Pages>(values: &[u8]) -> Result<Page<'_, C::Head, C::Entry>, Malformed> {
    scmi::wire::Parse::parse(values)
}

impl<C: Pages, E: Exchange + ?Sized> Iterator for Paged<'_, C, E> {
    type Item = Result<C::Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.take() {
            return Some(Ok(entry));
        }
        if self.remaining == Some(0) {
            return None;
        }
        if let Err(error) = self.fetch() {
            self.end();
            return Some(Err(error));
        }
        self.take().map(Ok)
    }
}

impl<C: Pages, E: ?Sized> fmt::Debug for Paged<'_, C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("seen", &self.seen)
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

/// What can be chosen from: values one by one, or all values of a range.
#[derive(Debug)]
pub enum Choices<L, T> {
    /// These.
    List(L),
    /// All of these.
    Range(Range<T>),
}
