// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From typed commands to the driver and back.

use core::fmt;
use core::marker::PhantomData;

use scmi::events::Thresholds;
use scmi::wire::{Command, Delayable, Message, Parse};
use scmi::{Protocol, Status};
use userlib::FromPrimitive;
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    BatchAnswer, BatchEntry, DEFAULT_DEADLINE, Error, EventSource, Exchange, PAYLOAD_MAX, Request,
    Response, Scmi, ScmiError, TransferFlags,
};

/// Room for any request or any return values.
pub type Buffer = [u8; PAYLOAD_MAX];

/// Whether a command may be sent again when it is not known what became of it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Repeat {
    /// Twice is as good as once: all that reads, and all that sets something to a value.
    Harmless,
    /// Twice is not once: resets, and whatever else happens anew each time.
    Never,
}

/// How often a harmless command is sent in all, when the driver or the device restarts under it.
const ATTEMPTS: u32 = 3;

/// A way to the platform, and how long to wait on it.
pub struct Link<'e, E: ?Sized = Scmi> {
    exchange: &'e E,
    deadline_ms: u32,
    slots: u8,
}

impl<E: ?Sized> Copy for Link<'_, E> {}

impl<E: ?Sized> Clone for Link<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: ?Sized> fmt::Debug for Link<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("deadline_ms", &self.deadline_ms)
            .finish_non_exhaustive()
    }
}

impl<'e, E: Exchange + ?Sized> Link<'e, E> {
    /// A link that waits for each answer as long as the driver does by default, 60 s.
    pub const fn new(exchange: &'e E) -> Self {
        Self {
            exchange,
            deadline_ms: DEFAULT_DEADLINE,
            slots: 0,
        }
    }

    /// The same link, waiting for each answer at most this long, in milliseconds; 0 is the default.
    #[must_use]
    pub const fn with_deadline(self, deadline_ms: u32) -> Self {
        Self {
            deadline_ms,
            ..self
        }
    }

    /// The same link, taking at most so many of the task's slots at once for a batch; 0 is all of them.
    #[must_use]
    pub const fn with_slots(self, slots: u8) -> Self {
        Self { slots, ..self }
    }

    /// Sends a command and reads its reply, which may hold a list, out of `buffer`.
    pub fn ask<'b, C: Command>(
        &self,
        command: &C,
        repeat: Repeat,
        buffer: &'b mut Buffer,
    ) -> Result<C::Reply<'b>, Error> {
        let values = self.values(command, TransferFlags::empty(), repeat, buffer)?;
        Ok(C::Reply::parse(values)?)
    }

    /// Sends a harmless command whose reply holds no list.
    pub fn get<C, R>(&self, command: &C) -> Result<R, Error>
    where
        C: for<'a> Command<Reply<'a> = R>,
        R: Message,
    {
        self.once(command, TransferFlags::empty(), Repeat::Harmless)
    }

    /// Like [`Link::get`], for a reply whose end some platforms leave out. What is missing after the
    /// first `least` bytes reads as zeros.
    pub(crate) fn get_padded<C, R>(&self, command: &C, least: usize) -> Result<R, Error>
    where
        C: for<'a> Command<Reply<'a> = R>,
        R: Message,
    {
        let mut buffer = [0; PAYLOAD_MAX];
        let room = buffer.get_mut(..R::MAX_LEN).unwrap_or(&mut []);
        let flags = TransferFlags::empty();
        let len = self.values(command, flags, Repeat::Harmless, room)?.len();
        let told = if len < least { len } else { room.len() };
        room.iter_mut().skip(len).for_each(|byte| *byte = 0);
        Ok(R::parse_prefix(room.get(..told).unwrap_or(&[]))?.0)
    }

    /// Sends harmless commands of one kind, `AT_ONCE` of them together, and tells `each` how they ended: with the place of each among
    /// `commands`, in order. Together they may take as long as one. Room for `AT_ONCE` answers is on the stack, 156 bytes each.
    ///
    /// # Errors
    ///
    /// The driver refuses all, or a command has more than 16 bytes of parameters. Of those before, `each` has been told.
    pub fn ask_each<const AT_ONCE: usize, C: Command>(
        &self,
        commands: impl IntoIterator<Item = C>,
        mut each: impl FnMut(usize, Result<C::Reply<'_>, Error>),
    ) -> Result<(), Error> {
        let mut commands = commands.into_iter();
        let mut place = 0;
        loop {
            let mut entries = [BatchEntry::default(); AT_ONCE];
            let mut count = 0;
            for (entry, command) in entries.iter_mut().zip(commands.by_ref()) {
                *entry = BatchEntry::new(C::PROTOCOL.id(), C::MESSAGE);
                entry.len = command.emit(entry.parameters.as_mut_bytes())? as u8;
                count += 1;
            }
            let mut answers = [[0; BatchAnswer::LONGEST]; AT_ONCE];
            let entries = entries.get(..count).unwrap_or(&[]);
            let answers = answers.get_mut(..count).unwrap_or(&mut []);
            if entries.is_empty() {
                return Ok(());
            }
            self.carry_all(entries, answers)?;
            for answer in answers.iter() {
                let reply = ended(answer).and_then(|values| Ok(C::Reply::parse(values)?));
                each(place, reply);
                place += 1;
            }
            if count < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Sends a command that has no return values, and that must not be sent twice.
    pub fn set_once<C>(&self, command: &C) -> Result<(), Error>
    where
        C: for<'a> Command<Reply<'a> = ()>,
    {
        self.once(command, TransferFlags::empty(), Repeat::Never)
    }

    /// Sends a command that asks for a delayed response, and waits for that one. It is sent once only.
    pub fn get_delayed<C, R>(&self, command: &C) -> Result<R, Error>
    where
        C: for<'a> Delayable<Delayed<'a> = R>,
        R: Message,
    {
        self.once(command, TransferFlags::DELAYED, Repeat::Never)
    }

    /// Like [`Link::get_delayed`], when the delayed response holds a list.
    pub fn ask_delayed<'b, C: Delayable>(
        &self,
        command: &C,
        buffer: &'b mut Buffer,
    ) -> Result<C::Delayed<'b>, Error> {
        let values = self.values(command, TransferFlags::DELAYED, Repeat::Never, buffer)?;
        Ok(C::Delayed::parse(values)?)
    }

    /// Sends a command and returns at once. `notification` bits, or 0, are posted to the task when it is done.
    pub fn send<C: Command>(&self, command: &C, notification: u32) -> Result<Sent<C>, Error> {
        let mut buffer = [0; PAYLOAD_MAX];
        let request = self.request(command, TransferFlags::empty(), &mut buffer)?;
        let handle = self.exchange.send(&request, notification)?;
        Ok(Sent {
            handle,
            command: PhantomData,
        })
    }

    /// Looks whether a command that was sent is done: its reply, or `None` while it is not. After a reply or an error the command has
    /// ended; ask no more.
    pub fn poll<'b, C: Command>(
        &self,
        sent: &Sent<C>,
        buffer: &'b mut Buffer,
    ) -> Result<Option<C::Reply<'b>>, Error> {
        match self.exchange.poll(sent.handle, buffer)?.response() {
            None => Ok(None),
            Some(response) => Ok(Some(C::Reply::parse(delivered(response, buffer)?)?)),
        }
    }

    /// Gives up a command that was sent. The platform may carry it out all the same.
    pub fn cancel<C: Command>(&self, sent: Sent<C>) -> Result<(), Error> {
        Ok(self.exchange.cancel(sent.handle)?)
    }

    /// Subscribes to an event of a source, or ends that. Subscribing twice is as good as once, so it is done again when the
    /// driver restarts meanwhile.
    pub fn notify(
        &self,
        protocol: Protocol,
        event: u8,
        source: u32,
        enable: bool,
    ) -> Result<(), Error> {
        self.notify_beyond(protocol, event, source, enable, Thresholds::NONE)
    }

    /// [`Link::notify`] for the event that has thresholds.
    pub(crate) fn notify_beyond(
        &self,
        protocol: Protocol,
        event: u8,
        source: u32,
        enable: bool,
        thresholds: Thresholds,
    ) -> Result<(), Error> {
        let event = EventSource {
            protocol: protocol.id(),
            event,
            source,
        };
        attempt(Repeat::Harmless, || {
            self.exchange.notify(event, enable, thresholds)
        })
    }

    /// What carries this link.
    pub const fn exchange(&self) -> &'e E {
        self.exchange
    }

    fn once<C: Command, R: Message>(
        &self,
        command: &C,
        flags: TransferFlags,
        repeat: Repeat,
    ) -> Result<R, Error> {
        let mut buffer = [0; PAYLOAD_MAX];
        // The room decides whether the answer travels in the message or by lease.
        let room = buffer.get_mut(..R::MAX_LEN).unwrap_or(&mut []);
        Ok(R::parse_prefix(self.values(command, flags, repeat, room)?)?.0)
    }

    /// Sends a command and returns its return values as they came.
    pub(crate) fn values<'b, C: Command>(
        &self,
        command: &C,
        flags: TransferFlags,
        repeat: Repeat,
        response: &'b mut [u8],
    ) -> Result<&'b [u8], Error> {
        let mut buffer = [0; PAYLOAD_MAX];
        let request = self.request(command, flags, &mut buffer)?;
        self.carry(&request, repeat, response)
    }

    /// The request of a command, whose parameters are put into `buffer`.
    fn request<'b, C: Command>(
        &self,
        command: &C,
        flags: TransferFlags,
        buffer: &'b mut Buffer,
    ) -> Result<Request<&'b [u8]>, Error> {
        let len = command.emit(buffer)?;
        let payload = buffer.get(..len).unwrap_or(&[]);
        Ok(Request::new(C::PROTOCOL.id(), C::MESSAGE, payload)
            .with_flags(flags)
            .with_deadline(self.deadline_ms))
    }

    /// Sends a batch of harmless commands; again, if the driver or the device restarted under it.
    #[inline(never)]
    fn carry_all(&self, entries: &[BatchEntry], answers: &mut [BatchEnd]) -> Result<(), Error> {
        let mut is_told = false;
        let ended = attempt(Repeat::Harmless, || {
            let answers = &mut *answers;
            is_told = false;
            self.exchange.batch(
                entries,
                self.deadline_ms,
                self.slots,
                answers.as_flattened_mut(),
            )?;
            is_told = true;
            let reset = Some(Error::NoAnswer(ScmiError::DeviceReset));
            if answers.iter().any(|answer| unanswered(answer) == reset) {
                return Err(ScmiError::DeviceReset);
            }
            Ok(())
        });
        // Who asks again for ever gets nowhere: what there is by now is told, entry by entry.
        if is_told { Ok(()) } else { ended }
    }

    /// What all typed calls have in common: one copy in a task, however many commands it knows.
    #[inline(never)]
    fn carry<'b>(
        &self,
        request: &Request<&[u8]>,
        repeat: Repeat,
        response: &'b mut [u8],
    ) -> Result<&'b [u8], Error> {
        let answer = attempt(repeat, || self.exchange.exchange(request, response))?;
        delivered(answer, response)
    }
}

/// What became of an entry of a batch.
type BatchEnd = [u8; BatchAnswer::LONGEST];

/// Why an entry of a batch has no answer, if it has none.
fn unanswered(answer: &BatchEnd) -> Option<Error> {
    let (head, _) = BatchAnswer::read_from_prefix(answer).ok()?;
    match head.error {
        0 => None,
        error => Some(match ScmiError::from_u16(error) {
            Some(error) => error.into(),
            None => Error::Inconsistent("the driver gives a reason that is not known"),
        }),
    }
}

/// The return values of an entry that was carried out.
fn ended(answer: &BatchEnd) -> Result<&[u8], Error> {
    if let Some(error) = unanswered(answer) {
        return Err(error);
    }
    let Ok((head, values)) = BatchAnswer::ref_from_prefix(answer) else {
        return Ok(&[]);
    };
    let response = Response {
        status: head.status,
        len: head.len.into(),
    };
    delivered(response, values)
}

/// The return values of a command that was carried out.
fn delivered(answer: Response, response: &[u8]) -> Result<&[u8], Error> {
    Status::from_raw(answer.status).ok()?;
    let len = usize::try_from(answer.len)
        .unwrap_or(usize::MAX)
        .min(response.len());
    Ok(response.get(..len).unwrap_or(&[]))
}

/// Makes a call again when the driver or the device restarted under it, if that is harmless.
fn attempt<T>(repeat: Repeat, mut call: impl FnMut() -> Result<T, ScmiError>) -> Result<T, Error> {
    let mut left = match repeat {
        Repeat::Harmless => ATTEMPTS,
        Repeat::Never => 1,
    };
    loop {
        left -= 1;
        match call() {
            Err(ScmiError::ServerRestarted | ScmiError::DeviceReset) if left > 0 => {}
            result => return Ok(result?),
        }
    }
}

/// A command that was sent; see [`Link::send`].
#[derive(Debug)]
#[must_use = "a command that was sent holds a slot until it is polled to its end, or cancelled"]
pub struct Sent<C> {
    handle: u32,
    command: PhantomData<C>,
}

/// Declares the handle of a protocol, with what every protocol can do.
macro_rules! protocol {
    ($(#[$doc:meta])* pub struct $name:ident: $protocol:ident, $module:ident;) => {
        $(#[$doc])*
        pub struct $name<'e, E: ?Sized = $crate::Scmi> {
            link: $crate::Link<'e, E>,
            version: scmi::common::ProtocolVersion,
        }

        impl<'e, E: $crate::Exchange + ?Sized> $name<'e, E> {
            /// Asks the platform for its version of the protocol.
            pub fn connect(exchange: &'e E) -> Result<Self, $crate::Error> {
                Self::over($crate::Link::new(exchange))
            }

            /// Like `connect`, over a link with a deadline of its own.
            pub fn over(link: $crate::Link<'e, E>) -> Result<Self, $crate::Error> {
                let version = match link.get(&scmi::$module::Version {}) {
                    Ok(reply) => reply.version,
                    Err(error) if error.is_missing_message() => {
                        return Err($crate::Error::NoProtocol(scmi::Protocol::$protocol));
                    }
                    Err(error) => return Err(error),
                };
                let mut handle = Self { link, version };
                if handle.is_newer() {
                    match handle.negotiate(scmi::Protocol::$protocol.known_version()) {
                        // What the platform speaks is not known, which `is_newer` tells.
                        Ok(()) | Err($crate::Error::Refused(_)
                            | $crate::Error::NoAnswer($crate::ScmiError::ReservedMessage)) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(handle)
            }

            /// Whether the platform speaks a newer version than this crate knows, and would not be asked to speak that. What is the same in
            /// all versions works; what is not fails with [`Error::Version`](crate::Error::Version), or is what it was in the newest known one.
            pub fn is_newer(&self) -> bool {
                self.version.0 > scmi::Protocol::$protocol.known_version().0
            }

            /// A handle for what is the same in all versions.
            #[allow(dead_code)]
            pub(crate) fn unasked(link: $crate::Link<'e, E>) -> Self {
                Self { link, version: Default::default() }
            }

            /// The version that is spoken. A platform that was exchanged for another one may speak another: connect again.
            pub const fn version(&self) -> scmi::common::ProtocolVersion {
                self.version
            }

            /// Asks the platform to speak an older version (SCMI 3.2 and later). `connect` does it where the platform is newer than what is
            /// known here.
            ///
            /// The driver refuses this to its clients with
            /// [`ReservedMessage`](crate::ScmiError::ReservedMessage), because it would change the
            /// protocol under all of them: the call is for an [`Exchange`](crate::Exchange) that
            /// reaches the platform without the driver.
            pub fn negotiate(&mut self, version: scmi::common::ProtocolVersion) -> Result<(), $crate::Error> {
                self.link.get(&scmi::$module::NegotiateVersion { version })?;
                self.version = version;
                Ok(())
            }

            /// How many things there are, and what the protocol can do.
            ///
            /// Some platforms send the first word alone. The count is there, and the address and
            /// length of a region are 0 then, as they are where there is none.
            pub fn attributes(&self) -> Result<scmi::$module::ProtocolInfo, $crate::Error> {
                self.link.get_padded(&scmi::$module::Attributes {}, 4)
            }

            /// What there is to say of a message, or `None` when the platform does not have it.
            pub fn message(&self, message: u8) -> Result<Option<scmi::common::MessageFlags>, $crate::Error> {
                match self.link.get(&scmi::$module::MessageAttributes { message: message.into() }) {
                    Ok(reply) => Ok(Some(reply.attributes)),
                    Err(error) if error.is_missing_message() => Ok(None),
                    Err(error) => Err(error),
                }
            }

            /// The link, for messages that have no call of their own.
            pub const fn link(&self) -> $crate::Link<'e, E> {
                self.link
            }
        }

        impl<E: ?Sized> core::fmt::Debug for $name<'_, E> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).field("version", &self.version).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use protocol;

/// Checks that an answer speaks of what was asked for.
pub(crate) fn same(asked: u32, answered: u32) -> Result<(), Error> {
    if asked == answered {
        Ok(())
    } else {
        Err(Error::Inconsistent(
            "a delayed response speaks of something else than its command",
        ))
    }
}
