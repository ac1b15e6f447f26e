// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Edits one line on a serial terminal.
//!
//! | key | does |
//! |---|---|
//! | printable ASCII | is inserted at the cursor |
//! | Enter | ends the line |
//! | Backspace, Ctrl-H, Delete, Ctrl-D | remove a character |
//! | Ctrl-U, Ctrl-K, Ctrl-W | remove the line, what follows the cursor, the word before it |
//! | Left, Right, Ctrl-B, Ctrl-F, Home, End, Ctrl-A, Ctrl-E | move the cursor |
//! | Up, Down, Ctrl-P, Ctrl-N | fetch an older line, a newer one |
//! | Ctrl-C | gives the line up |
//! | Ctrl-L | writes the line again |
//! | Tab | asks to complete the word before the cursor, at the end of the line |
//!
//! Everything else is answered with a bell. Only characters that every terminal knows are sent: printable ones, backspace, bell, carriage
//! return and line feed.

use core::fmt::{self, Write};

use heapless::Vec;

use crate::LINE_MAX;
use crate::history::History;

const BELL: char = '\x07';

/// What a byte led to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The line goes on.
    Editing,
    /// The line is complete: see [`Editor::line`]. Then [`Editor::start`] the next.
    Line,
    /// More was typed than fits a line, so that what there is must not be used. Then [`Editor::start`] the next.
    TooLong,
    /// The line was given up. Then [`Editor::start`] the next.
    GivenUp,
    /// The last word is to be completed: see [`Editor::type_text`]. The line goes on.
    Complete,
}

/// A line in the making.
#[derive(Debug)]
pub struct Editor {
    line: Vec<u8, LINE_MAX>,
    /// Where the next character goes; at most the line's length.
    cursor: usize,
    too_long: bool,
    escape: Escape,
    after_carriage_return: bool,
    history: History,
}

/// How much of an escape sequence has come.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    No,
    /// ESC.
    Started,
    /// ESC `[` or ESC `O`, and this number after it.
    Control(u8),
}

impl Editor {
    /// An empty line, and no older ones.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            line: Vec::new(),
            cursor: 0,
            too_long: false,
            escape: Escape::No,
            after_carriage_return: false,
            history: History::new(),
        }
    }

    /// The line as it is now.
    pub fn line(&self) -> &str {
        // Nothing but printable ASCII is ever inserted.
        core::str::from_utf8(&self.line).unwrap_or_default()
    }

    /// Begins the next line, after [`Event::Line`] and its like.
    pub fn start(&mut self) {
        self.line.clear();
        self.cursor = 0;
        self.too_long = false;
        self.escape = Escape::No;
        self.history.reset();
    }

    /// Writes the line and puts the cursor to its place: after something else was written in between.
    ///
    /// # Errors
    ///
    /// Those of `terminal`.
    pub fn show(&self, terminal: &mut impl Write) -> fmt::Result {
        terminal.write_str(self.line())?;
        self.back_up(terminal, self.line.len() - self.cursor)
    }

    /// Deals with a byte from the terminal, and answers it there.
    ///
    /// # Errors
    ///
    /// Those of `terminal`.
    pub fn feed(&mut self, byte: u8, terminal: &mut impl Write) -> Result<Event, fmt::Error> {
        let follows_carriage_return =
            core::mem::replace(&mut self.after_carriage_return, byte == b'\r');
        if self.escape != Escape::No {
            self.continue_escape(byte, terminal)?;
            return Ok(Event::Editing);
        }
        match byte {
            // The second half of a line end that has been dealt with.
            b'\n' if follows_carriage_return => {}
            b'\r' | b'\n' => {
                terminal.write_str("\r\n")?;
                if self.too_long {
                    return Ok(Event::TooLong);
                }
                self.history.push(&self.line);
                return Ok(Event::Line);
            }
            CTRL_C => {
                terminal.write_str("^C\r\n")?;
                return Ok(Event::GivenUp);
            }
            b' '..=b'~' => self.insert(byte, terminal)?,
            BACKSPACE | CTRL_H => self.remove_before(1, terminal)?,
            CTRL_D => self.remove_at_cursor(terminal)?,
            CTRL_U => self.replace(&[], terminal)?,
            CTRL_K => self.remove_rest(terminal)?,
            CTRL_W => self.remove_before(self.word_before(), terminal)?,
            CTRL_B => self.move_to(self.cursor.checked_sub(1), terminal)?,
            CTRL_F => self.move_to(self.cursor.checked_add(1), terminal)?,
            CTRL_A => self.move_to(Some(0), terminal)?,
            CTRL_E => self.move_to(Some(self.line.len()), terminal)?,
            CTRL_P => self.older(terminal)?,
            CTRL_N => self.newer(terminal)?,
            CTRL_L => {
                terminal.write_str("\r\n")?;
                self.show(terminal)?;
            }
            ESCAPE => self.escape = Escape::Started,
            TAB if self.cursor == self.line.len() => return Ok(Event::Complete),
            _ => terminal.write_char(BELL)?,
        }
        Ok(Event::Editing)
    }

    /// Types for the user: printable ASCII, as far as there is room.
    ///
    /// # Errors
    ///
    /// Those of `terminal`.
    pub fn type_text(&mut self, text: &str, terminal: &mut impl Write) -> fmt::Result {
        if text.len() > LINE_MAX.saturating_sub(self.line.len()) {
            return terminal.write_char(BELL);
        }
        text.bytes()
            .filter(|byte| matches!(byte, b' '..=b'~'))
            .try_for_each(|byte| self.insert(byte, terminal))
    }

    fn continue_escape(&mut self, byte: u8, terminal: &mut impl Write) -> fmt::Result {
        let state = core::mem::take(&mut self.escape);
        match (state, byte) {
            (Escape::Started, b'[' | b'O') => self.escape = Escape::Control(0),
            (Escape::Control(number), b'0'..=b'9') => {
                self.escape = Escape::Control(number.wrapping_mul(10).wrapping_add(byte - b'0'));
            }
            // The rest of a number list is of no interest.
            (Escape::Control(number), b';') => self.escape = Escape::Control(number),
            (Escape::Control(_), b'A') => self.older(terminal)?,
            (Escape::Control(_), b'B') => self.newer(terminal)?,
            (Escape::Control(_), b'C') => self.move_to(self.cursor.checked_add(1), terminal)?,
            (Escape::Control(_), b'D') => self.move_to(self.cursor.checked_sub(1), terminal)?,
            (Escape::Control(_), b'H') | (Escape::Control(1 | 7), b'~') => {
                self.move_to(Some(0), terminal)?
            }
            (Escape::Control(_), b'F') | (Escape::Control(4 | 8), b'~') => {
                self.move_to(Some(self.line.len()), terminal)?;
            }
            (Escape::Control(3), b'~') => self.remove_at_cursor(terminal)?,
            _ => terminal.write_char(BELL)?,
        }
        Ok(())
    }

    fn insert(&mut self, byte: u8, terminal: &mut impl Write) -> fmt::Result {
        if self.line.insert(self.cursor, byte).is_err() {
            self.too_long = true;
            return terminal.write_char(BELL);
        }
        self.write_from(self.cursor, terminal)?;
        self.cursor += 1;
        self.back_up(terminal, self.line.len() - self.cursor)
    }

    /// Removes `count` characters before the cursor.
    fn remove_before(&mut self, count: usize, terminal: &mut impl Write) -> fmt::Result {
        let Some(start) = self.cursor.checked_sub(count).filter(|_| count > 0) else {
            return terminal.write_char(BELL);
        };
        for _ in 0..count {
            self.line.remove(start);
        }
        self.cursor = start;
        self.back_up(terminal, count)?;
        self.rewrite_rest(count, terminal)
    }

    fn remove_at_cursor(&mut self, terminal: &mut impl Write) -> fmt::Result {
        if self.cursor >= self.line.len() {
            return terminal.write_char(BELL);
        }
        self.line.remove(self.cursor);
        self.rewrite_rest(1, terminal)
    }

    fn remove_rest(&mut self, terminal: &mut impl Write) -> fmt::Result {
        let count = self.line.len() - self.cursor;
        self.line.truncate(self.cursor);
        self.rewrite_rest(count, terminal)
    }

    /// The number of characters from the start of the word before the cursor.
    fn word_before(&self) -> usize {
        let before = self
            .line
            .get(..self.cursor)
            .unwrap_or_default()
            .iter()
            .rev();
        let spaces = before.clone().take_while(|&&byte| byte == b' ').count();
        spaces
            + before
                .skip(spaces)
                .take_while(|&&byte| byte != b' ')
                .count()
    }

    fn older(&mut self, terminal: &mut impl Write) -> fmt::Result {
        let line = self
            .history
            .older()
            .and_then(|line| Vec::<u8, LINE_MAX>::from_slice(line).ok());
        self.replace_if(line, terminal)
    }

    fn newer(&mut self, terminal: &mut impl Write) -> fmt::Result {
        let line = self
            .history
            .newer()
            .and_then(|line| Vec::<u8, LINE_MAX>::from_slice(line).ok());
        self.replace_if(line, terminal)
    }

    fn replace_if(
        &mut self,
        line: Option<Vec<u8, LINE_MAX>>,
        terminal: &mut impl Write,
    ) -> fmt::Result {
        match line {
            Some(line) => self.replace(&line, terminal),
            None => terminal.write_char(BELL),
        }
    }

    /// Puts another line in place of this one.
    fn replace(&mut self, line: &[u8], terminal: &mut impl Write) -> fmt::Result {
        let old = self.line.len();
        self.back_up(terminal, self.cursor)?;
        self.line.clear();
        // It fits: it is one of ours.
        let _ = self.line.extend_from_slice(line);
        self.too_long = false;
        self.write_from(0, terminal)?;
        self.cursor = self.line.len();
        self.rewrite_rest(old.saturating_sub(self.cursor), terminal)
    }

    /// Moves the cursor, if there is such a place.
    fn move_to(&mut self, place: Option<usize>, terminal: &mut impl Write) -> fmt::Result {
        let Some(place) = place.filter(|&place| place <= self.line.len()) else {
            return terminal.write_char(BELL);
        };
        if place < self.cursor {
            self.back_up(terminal, self.cursor - place)?;
        } else {
            // What is already there moves the cursor when it is written again.
            let passed = self.line.get(self.cursor..place).unwrap_or_default();
            terminal.write_str(core::str::from_utf8(passed).unwrap_or_default())?;
        }
        self.cursor = place;
        Ok(())
    }

    /// Writes what follows the cursor, wipes `removed` characters behind it, and returns to the cursor.
    fn rewrite_rest(&mut self, removed: usize, terminal: &mut impl Write) -> fmt::Result {
        self.write_from(self.cursor, terminal)?;
        for _ in 0..removed {
            terminal.write_char(' ')?;
        }
        self.back_up(terminal, self.line.len() - self.cursor + removed)
    }

    fn write_from(&self, place: usize, terminal: &mut impl Write) -> fmt::Result {
        let rest = self.line.get(place..).unwrap_or_default();
        terminal.write_str(core::str::from_utf8(rest).unwrap_or_default())
    }

    fn back_up(&self, terminal: &mut impl Write, count: usize) -> fmt::Result {
        for _ in 0..count {
            terminal.write_char('\x08')?;
        }
        Ok(())
    }
}

const BACKSPACE: u8 = 0x7f;
const ESCAPE: u8 = 0x1b;
const TAB: u8 = b'\t';
const CTRL_A: u8 = 0x01;
const CTRL_B: u8 = 0x02;
/// What gives up a line, or ends what a command follows.
pub const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_E: u8 = 0x05;
const CTRL_F: u8 = 0x06;
const CTRL_H: u8 = 0x08;
const CTRL_K: u8 = 0x0b;
const CTRL_L: u8 = 0x0c;
const CTRL_N: u8 = 0x0e;
const CTRL_P: u8 = 0x10;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;

#[cfg(test)]
mod tests;
