// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What can go wrong with a request.

use userlib::ReplyFaultReason;

/// Why a client's message cannot be served, other than for the reasons that the interface itself names.
///
/// All but [`WentAway`](Self::WentAway) are the client's bug, which no generated client has; it is faulted with the reason.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// There is no operation with that number.
    UnknownOperation,
    /// The message does not have the operation's size.
    BadMessageSize,
    /// The message cannot be decoded.
    BadMessageContents,
    /// Leases are missing, too many, of the wrong kind, size or length.
    BadLease,
    /// The client has no room for the reply.
    ReplyBufferTooSmall,
    /// The client may not do this.
    AccessViolation,
    /// The client died, or was faulted by somebody else, while it was being served. Nobody is left to answer.
    WentAway,
}

impl ClientError {
    /// This error as the result of an operation whose own error is `E`.
    pub fn fail<E>(self) -> RequestError<E> {
        RequestError::Fail(self)
    }

    /// The reason to fault the client with; `None` when there is nobody to fault.
    pub fn reply_fault_reason(self) -> Option<ReplyFaultReason> {
        match self {
            Self::UnknownOperation => Some(ReplyFaultReason::UndefinedOperation),
            Self::BadMessageSize => Some(ReplyFaultReason::BadMessageSize),
            Self::BadMessageContents => Some(ReplyFaultReason::BadMessageContents),
            Self::BadLease => Some(ReplyFaultReason::BadLeases),
            Self::ReplyBufferTooSmall => Some(ReplyFaultReason::ReplyBufferTooSmall),
            Self::AccessViolation => Some(ReplyFaultReason::AccessViolation),
            Self::WentAway => None,
        }
    }
}

/// Why an operation did not succeed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RequestError<E> {
    /// For a reason of the interface's: the client gets it as its result.
    Runtime(E),
    /// For a reason of the client's: it is faulted, or gone.
    Fail(ClientError),
}

impl<E> RequestError<E> {
    /// The client is gone: what a failed access to a lease means.
    pub fn went_away() -> Self {
        Self::Fail(ClientError::WentAway)
    }

    /// Turns the interface's error into something else.
    #[inline(always)]
    pub fn map_runtime<F>(self, f: impl FnOnce(E) -> F) -> RequestError<F> {
        match self {
            Self::Runtime(error) => RequestError::Runtime(f(error)),
            Self::Fail(error) => RequestError::Fail(error),
        }
    }
}

/// An interface's error becomes an operation's with `?` or `.into()`.
impl<E> From<E> for RequestError<E> {
    #[inline(always)]
    fn from(error: E) -> Self {
        Self::Runtime(error)
    }
}

/// An error type that has a value for the death of the server.
///
/// A server of an operation that is not idempotent asks for it: its clients do not repeat the operation when the server restarts, so they
/// have to be told. `#[derive(IdolError)]` implements this for an enum with a variant marked `#[idol(server_death)]`; without one, the client
/// would panic, and a fault of one server would spread to all its clients.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no value that says that the server restarted",
    note = "add a last variant marked `#[idol(server_death)]` to the error enum, or make the operation `idempotent: true`"
)]
pub trait IHaveConsideredServerDeathWithThisErrorType {}

/// A [`RequestError`] as it is counted when the reasons of [`ClientError`] share one counter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CombinedRequestError<E> {
    /// For a reason of the interface's.
    Runtime(E),
    /// For any reason of the client's.
    Fail,
}

impl<E> From<RequestError<E>> for CombinedRequestError<E> {
    fn from(error: RequestError<E>) -> Self {
        match error {
            RequestError::Runtime(error) => Self::Runtime(error),
            RequestError::Fail(_) => Self::Fail,
        }
    }
}

#[cfg(feature = "counters")]
// A constant is the one way to write a static's initial value generically.
#[allow(clippy::declare_interior_mutable_const)]
mod count {
    use core::sync::atomic::{AtomicU32, Ordering};

    use counters::Count;

    use super::{ClientError, CombinedRequestError, RequestError};

    /// Counters of [`ClientError`].
    #[derive(Debug)]
    #[allow(non_snake_case, missing_docs)]
    pub struct ClientErrorCounts {
        pub UnknownOperation: AtomicU32,
        pub BadMessageSize: AtomicU32,
        pub BadMessageContents: AtomicU32,
        pub BadLease: AtomicU32,
        pub ReplyBufferTooSmall: AtomicU32,
        pub AccessViolation: AtomicU32,
        pub WentAway: AtomicU32,
    }

    impl Count for ClientError {
        type Counters = ClientErrorCounts;

        const NEW_COUNTERS: Self::Counters = ClientErrorCounts {
            UnknownOperation: AtomicU32::new(0),
            BadMessageSize: AtomicU32::new(0),
            BadMessageContents: AtomicU32::new(0),
            BadLease: AtomicU32::new(0),
            ReplyBufferTooSmall: AtomicU32::new(0),
            AccessViolation: AtomicU32::new(0),
            WentAway: AtomicU32::new(0),
        };

        fn count(&self, counters: &Self::Counters) {
            let counter = match self {
                Self::UnknownOperation => &counters.UnknownOperation,
                Self::BadMessageSize => &counters.BadMessageSize,
                Self::BadMessageContents => &counters.BadMessageContents,
                Self::BadLease => &counters.BadLease,
                Self::ReplyBufferTooSmall => &counters.ReplyBufferTooSmall,
                Self::AccessViolation => &counters.AccessViolation,
                Self::WentAway => &counters.WentAway,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counters of [`RequestError`] and of [`CombinedRequestError`].
    #[derive(Debug)]
    #[allow(non_snake_case, missing_docs)]
    pub struct RequestErrorCounts<R, F> {
        pub Runtime: R,
        pub Fail: F,
    }

    impl<E: Count> Count for RequestError<E> {
        type Counters = RequestErrorCounts<E::Counters, ClientErrorCounts>;

        const NEW_COUNTERS: Self::Counters = RequestErrorCounts {
            Runtime: E::NEW_COUNTERS,
            Fail: ClientError::NEW_COUNTERS,
        };

        fn count(&self, counters: &Self::Counters) {
            match self {
                Self::Runtime(error) => error.count(&counters.Runtime),
                Self::Fail(error) => error.count(&counters.Fail),
            }
        }
    }

    impl<E: Count> RequestError<E> {
        /// Counts it as a [`CombinedRequestError`].
        pub fn count_combined(&self, counters: &<CombinedRequestError<E> as Count>::Counters) {
            match self {
                Self::Runtime(error) => error.count(&counters.Runtime),
                Self::Fail(_) => {
                    counters.Fail.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    impl<E: Count> Count for CombinedRequestError<E> {
        type Counters = RequestErrorCounts<E::Counters, AtomicU32>;

        const NEW_COUNTERS: Self::Counters = RequestErrorCounts {
            Runtime: E::NEW_COUNTERS,
            Fail: AtomicU32::new(0),
        };

        fn count(&self, counters: &Self::Counters) {
            match self {
                Self::Runtime(error) => error.count(&counters.Runtime),
                Self::Fail => {
                    counters.Fail.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}
