// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What happens when a task panics.

/// The most that is kept of a panic's message, in bytes.
pub const PANIC_MESSAGE_MAX_LEN: usize = 128;

#[cfg(all(feature = "panic-messages", feature = "no-panic"))]
compile_error!("userlib: panic-messages and no-panic exclude each other; choose one");

#[cfg(all(
    target_os = "none",
    not(feature = "panic-messages"),
    not(feature = "no-panic")
))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::sys_panic(b"panicked; built without userlib's panic-messages")
}

#[cfg(all(target_os = "none", feature = "no-panic"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        /// Does not exist, so that a task which needs it does not link.
        fn this_task_can_panic_but_was_built_with_the_feature_no_panic() -> !;
    }
    // Safety: it is never called, because what refers to it never links.
    unsafe { this_task_can_panic_but_was_built_with_the_feature_no_panic() }
}

#[cfg(all(target_os = "none", feature = "panic-messages"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // On the stack, which stays as it is until the task is restarted: the kernel reads the message only when someone asks.
    let place = info.location().map(|at| (at.file(), at.line()));
    let message = message::Message::of(place, format_args!("{}", info.message()));
    crate::sys_panic(message.as_bytes())
}

#[cfg(any(test, all(target_os = "none", feature = "panic-messages")))]
mod message {
    use core::fmt;

    use super::PANIC_MESSAGE_MAX_LEN;

    /// Text that is cut off at the end of its buffer.
    pub struct Message {
        bytes: [u8; PANIC_MESSAGE_MAX_LEN],
        len: usize,
    }

    impl Message {
        pub const fn new() -> Self {
            Self {
                bytes: [0; PANIC_MESSAGE_MAX_LEN],
                len: 0,
            }
        }

        /// The message of a panic: file and line, and what it says. It begins as the standard library's do.
        pub fn of(place: Option<(&str, u32)>, text: fmt::Arguments<'_>) -> Self {
            use fmt::Write;

            let mut message = Self::new();
            // Writing to the buffer never fails, and a message that cannot be formatted is better than none.
            let _ = match place {
                Some((file, line)) => {
                    let file = short_path(file);
                    write!(message, "panicked at {file}:{line}: {text}")
                }
                None => write!(message, "panicked at an unknown place: {text}"),
            };
            message
        }

        pub fn as_bytes(&self) -> &[u8] {
            self.bytes.get(..self.len).unwrap_or(&[])
        }
    }

    impl fmt::Write for Message {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            // Never indexes: a panic in here would be one too many.
            let room = self.bytes.iter_mut().skip(self.len);
            let written = room.zip(text.bytes()).map(|(to, from)| *to = from).count();
            self.len += written;
            Ok(())
        }
    }

    /// The last three parts of a path: enough to recognise the file, and it leaves room for the message.
    pub fn short_path(path: &str) -> &str {
        let cut = path
            .bytes()
            .enumerate()
            .rev()
            .filter(|(_, byte)| *byte == b'/')
            .nth(2);
        cut.and_then(|(at, _)| path.get(at + 1..)).unwrap_or(path)
    }

    #[cfg(test)]
    mod tests {
        use core::fmt::Write;

        use super::*;

        #[test]
        fn message_is_cut_off_at_the_end() {
            let mut message = Message::new();
            write!(message, "{}yz", "x".repeat(127)).unwrap();
            write!(message, "more").unwrap();
            assert_eq!(message.as_bytes().len(), 128);
            assert_eq!(message.as_bytes()[126..], *b"xy");
        }

        /// (U4)
        #[test]
        fn u4_a_message_begins_as_the_standard_librarys() {
            let place = Some(("/a/b/task/x/src/main.rs", 12));
            let message = Message::of(place, format_args!("no {}", "way"));
            let expected = "panicked at x/src/main.rs:12: no way";
            assert_eq!(str::from_utf8(message.as_bytes()), Ok(expected));
            let message = Message::of(None, format_args!("why"));
            assert!(message.as_bytes().starts_with(b"panicked at"));
        }

        #[test]
        fn path_keeps_its_last_three_parts() {
            assert_eq!(
                short_path("/a/b/heapless-0.9/src/vec.rs"),
                "heapless-0.9/src/vec.rs"
            );
            assert_eq!(short_path("src/main.rs"), "src/main.rs");
            assert_eq!(short_path("/x/src/main.rs"), "x/src/main.rs");
        }
    }
}

#[cfg(all(feature = "critical-section", target_os = "none"))]
mod no_op_critical_section {
    struct SingleThread;
    critical_section::set_impl!(SingleThread);

    // Safety: a task has one thread and no interrupt handlers, so nothing can interfere in the first place.
    unsafe impl critical_section::Impl for SingleThread {
        unsafe fn acquire() {}
        unsafe fn release((): ()) {}
    }
}
