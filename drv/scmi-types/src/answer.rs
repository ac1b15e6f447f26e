// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Answers of the platform.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most return values that travel in the answer, in bytes.
pub const SMALL_RESPONSE: usize = 24;
/// Return values of at most [`SMALL_RESPONSE`] bytes, in words as they lie in memory.
pub type SmallResponse = [u32; SMALL_RESPONSE / 4];
/// The platform's answer to a command.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Response {
    /// SCMI status: 0 is SUCCESS, negative values are errors of the platform.
    pub status: i32,
    /// Bytes of return values that the platform gave, at most 128. More than the response lease holds: the rest was cut.
    pub len: u32,
}

/// A [`Response`] as it travels.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Answer {
    /// Status and length.
    pub response: Response,
    /// The return values, and zero after them. Where they are more than [`SMALL_RESPONSE`] bytes, they are in the lease.
    pub values: SmallResponse,
}

/// A [`Polled`] as it travels.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PollAnswer {
    /// As [`Polled::done`].
    pub done: u32,
    /// The answer, if it is there.
    pub answer: Answer,
}

impl PollAnswer {
    /// The answer is here.
    pub const fn done(answer: Answer) -> Self {
        Self { done: 1, answer }
    }
}

/// What `poll` found.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Polled {
    /// 0: still pending, the rest is zero. 1: the answer is here and the handle has ended.
    pub done: u32,
    /// As [`Response::status`].
    pub status: i32,
    /// As [`Response::len`].
    pub len: u32,
}

impl Polled {
    /// Not answered yet.
    pub const PENDING: Self = Self {
        done: 0,
        status: 0,
        len: 0,
    };

    /// The answer is here.
    pub const fn done(response: Response) -> Self {
        Self {
            done: 1,
            status: response.status,
            len: response.len,
        }
    }

    /// The answer, or `None` while it is pending.
    pub const fn response(&self) -> Option<Response> {
        if self.done == 0 {
            None
        } else {
            Some(Response {
                status: self.status,
                len: self.len,
            })
        }
    }
}
