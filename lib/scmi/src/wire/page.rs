// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lists in messages: a fixed head that counts them, then entries.
//!
//! A platform sends as many entries as the reply has room for and says how many remain; the agent asks again from there.

use core::fmt;
use core::marker::PhantomData;

use super::{Fault, Malformed, Message, Parse};

/// What stands before the entries of a list.
pub trait PageHead: Message {
    /// How many entries the message says it has.
    fn returned(&self) -> usize;

    /// How many entries there are after those of this message.
    fn remaining(&self) -> usize;

    /// How many entries to read from `room` bytes. Differs from [`PageHead::returned`] only where a message has no count,
    /// or where platforms are known to count wrongly.
    fn entries(&self, room: usize) -> usize {
        let _ = room;
        self.returned()
    }
}

/// A checked list: all the entries that it counts are there.
#[derive(Clone, Copy)]
pub struct Page<'a, H, T> {
    /// What stands before the entries.
    pub head: H,
    bytes: &'a [u8],
    count: usize,
    entry: PhantomData<T>,
}

impl<'a, H: PageHead, T: Message> Page<'a, H, T> {
    /// How many entries this page has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many entries the platform has after these.
    pub fn remaining(&self) -> usize {
        self.head.remaining()
    }

    /// The entries in order.
    pub fn iter(&self) -> Entries<'a, T> {
        Entries {
            bytes: self.bytes,
            count: self.count,
            entry: PhantomData,
        }
    }

    /// Entry number `index` of this page.
    pub fn get(&self, index: usize) -> Option<T> {
        self.iter().nth(index)
    }

    /// Reads a page from bytes that must end where it ends: what a platform does with a request.
    pub fn parse_exact(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (page, rest) = Self::parse_prefix(bytes)?;
        if rest.is_empty() {
            Ok(page)
        } else {
            let expected = bytes.len().saturating_sub(rest.len());
            Err(Malformed {
                message: H::NAME,
                fault: Fault::Trailing {
                    expected,
                    got: bytes.len(),
                },
            })
        }
    }

    fn parse_prefix(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let (head, bytes) = H::parse_prefix(bytes)?;
        let count = head.entries(bytes.len());
        // Walks every entry, for their lengths may differ. Entries are never empty, so this ends with the bytes.
        let mut rest = bytes;
        for got in 0..count {
            rest = match T::parse_prefix(rest) {
                Ok((_, after)) if after.len() < rest.len() => after,
                _ => {
                    return Err(Malformed {
                        message: H::NAME,
                        fault: Fault::Entries { said: count, got },
                    });
                }
            };
        }
        Ok((
            Self {
                head,
                bytes,
                count,
                entry: PhantomData,
            },
            rest,
        ))
    }
}

impl<'a, H: PageHead, T: Message> Parse<'a> for Page<'a, H, T> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self::parse_prefix(bytes)?.0)
    }
}

impl<'a, H: PageHead, T: Message> IntoIterator for &Page<'a, H, T> {
    type Item = T;
    type IntoIter = Entries<'a, T>;
    fn into_iter(self) -> Entries<'a, T> {
        self.iter()
    }
}

impl<H: fmt::Debug + PageHead, T: fmt::Debug + Message> fmt::Debug for Page<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.head)?;
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The entries of a [`Page`].
#[derive(Clone, Debug)]
pub struct Entries<'a, T> {
    bytes: &'a [u8],
    count: usize,
    entry: PhantomData<T>,
}

impl<T: Message> Iterator for Entries<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.count = self.count.checked_sub(1)?;
        // The page was checked when it was made, so this does not end early.
        let (entry, rest) = T::parse_prefix(self.bytes).ok()?;
        self.bytes = rest;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T: Message> ExactSizeIterator for Entries<'_, T> {}

/// Fills a message with entries while they fit, and then writes the head that counts them.
#[derive(Debug)]
pub struct PageWriter<'o, H, T> {
    out: &'o mut [u8],
    used: usize,
    count: usize,
    kinds: PhantomData<(H, T)>,
}

impl<'o, H: PageHead, T: Message> PageWriter<'o, H, T> {
    /// Starts a page in `out`, which is all the room there is.
    pub fn new(out: &'o mut [u8]) -> Result<Self, Malformed> {
        if out.len() < H::MIN_LEN {
            return Err(Malformed::short(H::NAME, H::MIN_LEN, out.len()));
        }
        Ok(Self {
            out,
            used: H::MIN_LEN,
            count: 0,
            kinds: PhantomData,
        })
    }

    /// Appends an entry; `false` when it does not fit, and then the page is as it was.
    #[must_use]
    pub fn push(&mut self, entry: &T) -> bool {
        let Some(room) = self.out.get_mut(self.used..) else {
            return false;
        };
        let Ok(len) = entry.emit(room) else {
            return false;
        };
        self.used = self.used.saturating_add(len);
        self.count = self.count.saturating_add(1);
        true
    }

    /// How many entries are in.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the head and returns the length of the whole. The head is made from the number of entries that are in.
    pub fn finish(self, head: impl FnOnce(usize) -> H) -> Result<usize, Malformed> {
        head(self.count).emit_prefix(self.out)?;
        Ok(self.used)
    }
}
