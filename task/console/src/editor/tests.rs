// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The editor against a terminal that draws what it is sent.

use super::*;

/// One line of screen.
#[derive(Default)]
struct Terminal {
    cells: std::vec::Vec<char>,
    column: usize,
    bells: usize,
    line_ends: usize,
}

impl Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\x08' => {
                    self.column = self
                        .column
                        .checked_sub(1)
                        .expect("backed up out of the line")
                }
                '\r' => self.column = 0,
                '\n' => {
                    self.cells.clear();
                    self.line_ends += 1;
                }
                BELL => self.bells += 1,
                ' '..='~' => {
                    if self.column == self.cells.len() {
                        self.cells.push(c);
                    } else {
                        self.cells[self.column] = c;
                    }
                    self.column += 1;
                }
                other => panic!("a terminal may not know {other:?}"),
            }
        }
        Ok(())
    }
}

impl Terminal {
    fn text(&self) -> String {
        self.cells.iter().collect::<String>().trim_end().to_owned()
    }
}

/// Types, and checks after each key that the screen shows the line and the cursor.
fn type_keys(
    editor: &mut Editor,
    terminal: &mut Terminal,
    keys: &[u8],
) -> std::vec::Vec<(Event, String)> {
    let mut events = vec![];
    for &key in keys {
        match editor.feed(key, terminal).unwrap() {
            Event::Editing => {
                assert_eq!(terminal.text(), editor.line().trim_end(), "after {key:#x}");
                assert_eq!(terminal.column, editor.cursor, "after {key:#x}");
            }
            // Nothing was written, and the line stands.
            Event::Complete => {}
            event => {
                events.push((event, editor.line().to_owned()));
                editor.start();
            }
        }
    }
    events
}

fn lines(keys: &[u8]) -> std::vec::Vec<String> {
    let events = type_keys(&mut Editor::new(), &mut Terminal::default(), keys);
    events
        .into_iter()
        .map(|(event, line)| {
            if event == Event::Line {
                line
            } else {
                format!("{event:?}")
            }
        })
        .collect()
}

#[test]
fn lines_end_with_any_line_end() {
    assert_eq!(
        lines(b"one\rtwo\nthree\r\n\r\r\n\n"),
        ["one", "two", "three", "", "", ""]
    );
}

#[test]
fn characters_are_removed() {
    assert_eq!(lines(b"infx\x7fo\r"), ["info"]);
    assert_eq!(lines(b"abc\x08\x08\x08\x08d\r"), ["d"]);
    assert_eq!(lines(b"nonsense\x15tasks\r"), ["tasks"]);
    assert_eq!(lines(b"crash  uart \x17x\r"), ["crash  x"]);
    assert_eq!(lines(b"abcd\x1b[D\x1b[D\x0b\r"), ["ab"]);
}

#[test]
fn the_cursor_moves() {
    assert_eq!(lines(b"bc\x01a\x05d\r"), ["abcd"]);
    assert_eq!(lines(b"ac\x1b[Db\x1b[Cd\r"), ["abcd"]);
    assert_eq!(lines(b"xabc\x1b[H\x1b[3~\x1b[F!\r"), ["abc!"]);
    assert_eq!(lines(b"axb\x02\x02\x04\x06c\r"), ["abc"]);
    assert_eq!(lines(b"abc\x1bOD\x1bOD\x7f\r"), ["bc"]);
}

#[test]
fn older_lines_come_back() {
    assert_eq!(
        lines(b"info\rtasks\r\x1b[A\x1b[A\r"),
        ["info", "tasks", "info"]
    );
    assert_eq!(
        lines(b"info\rtasks all\r\x10\x10\x0e\x17\x7f\r"),
        ["info", "tasks all", "tasks"]
    );
    assert_eq!(lines(b"info\rha\x1b[A\x1b[B\r"), ["info", ""]);
}

#[test]
fn a_line_can_be_given_up() {
    assert_eq!(lines(b"crash ua\x03info\r"), ["GivenUp", "info"]);
}

#[test]
fn a_line_that_is_too_long_is_never_run() {
    let mut keys = vec![b'x'; LINE_MAX];
    keys.push(b'\r');
    assert_eq!(lines(&keys), ["x".repeat(LINE_MAX)]);
    keys.insert(0, b'y');
    keys.extend(b"info\r");
    assert_eq!(lines(&keys), ["TooLong", "info"]);
    keys.splice(LINE_MAX + 1..LINE_MAX + 2, *b"\x15tasks\r");
    assert_eq!(lines(&keys), ["tasks", "info"]);
}

#[test]
fn whatever_means_nothing_rings_the_bell() {
    for keys in [
        &b"\x7f"[..],
        b"\x04",
        b"\x17",
        b"\x1b[D",
        b"\x1b[C",
        b"\x1b[A",
        b"\x1b[B",
        b"\x00",
        b"\xff",
        b"\x1bx",
        b"\x1b[5~",
    ] {
        let mut terminal = Terminal::default();
        type_keys(&mut Editor::new(), &mut terminal, keys);
        assert_eq!(terminal.bells, 1, "{keys:x?}");
    }
}

#[test]
fn a_tab_asks_for_the_rest_of_the_word() {
    let (mut editor, mut terminal) = (Editor::new(), Terminal::default());
    type_keys(&mut editor, &mut terminal, b"po");
    assert_eq!(editor.feed(b'\t', &mut terminal), Ok(Event::Complete));
    editor.type_text("wer ", &mut terminal).unwrap();
    assert_eq!(
        (editor.line(), terminal.text().as_str()),
        ("power ", "power")
    );
    assert_eq!(terminal.column, 6);
    // Not in the middle of the line, and not into a full one.
    type_keys(&mut editor, &mut terminal, b"\x02");
    assert_eq!(editor.feed(b'\t', &mut terminal), Ok(Event::Editing));
    assert_eq!(terminal.bells, 1);
    editor
        .type_text(&"x".repeat(LINE_MAX), &mut terminal)
        .unwrap();
    assert_eq!((editor.line(), terminal.bells), ("power ", 2));
}

#[test]
fn the_line_is_shown_again() {
    let (mut editor, mut terminal) = (Editor::new(), Terminal::default());
    type_keys(&mut editor, &mut terminal, b"abc\x02\x0c");
    assert_eq!(
        (
            terminal.line_ends,
            terminal.text().as_str(),
            terminal.column
        ),
        (1, "abc", 2)
    );
    let mut other = Terminal::default();
    editor.show(&mut other).unwrap();
    assert_eq!((other.text().as_str(), other.column), ("abc", 2));
}

#[test]
fn no_sequence_of_bytes_confuses_it() {
    // A fixed pseudo-random walk over bytes that do something.
    const KEYS: &[u8] =
        b"ab \x01\x02\x04\x05\x06\x08\x0b\x0c\x0e\x10\x15\x17\t\x1b[OABCDHF~1348;\x7f\x03\r\n\x80";
    let (mut editor, mut terminal) = (Editor::new(), Terminal::default());
    let mut state = 1u32;
    for _ in 0..50_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        type_keys(
            &mut editor,
            &mut terminal,
            &[KEYS[(state >> 16) as usize % KEYS.len()]],
        );
    }
}
