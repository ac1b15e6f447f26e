// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The outbox: which clients are to be told something that no ring brings.

use crate::clients::{ClientId, ClientSet, Clients, Owner};
use crate::error::Failure;

/// Whom to tell what.
pub(crate) struct Outbox {
    /// Clients to notify of events: those subscribed to all sources come first (N06).
    posts_first: ClientSet,
    posts: ClientSet,
    /// Clients whose subscription was answered, and how.
    answered: (ClientSet, Result<(), Failure>),
    /// Clients whose subscription is kept, to be switched on later (N08).
    kept: ClientSet,
}

impl Outbox {
    pub(crate) const fn new() -> Self {
        Self {
            posts_first: ClientSet::EMPTY,
            posts: ClientSet::EMPTY,
            answered: (ClientSet::EMPTY, Ok(())),
            kept: ClientSet::EMPTY,
        }
    }

    /// Events were queued for these.
    pub(crate) fn post(&mut self, clients: ClientSet) {
        self.posts |= clients;
    }

    /// Events were queued for these, who come before others.
    pub(crate) fn post_first(&mut self, clients: ClientSet) {
        self.posts_first |= clients;
    }

    /// These waited for an answer, and this is it. Not before all that waited for the last one were told: the answers differ.
    pub(crate) fn answer(&mut self, clients: ClientSet, result: Result<(), Failure>) {
        debug_assert!(self.answered.0.is_empty(), "an answer is lost");
        self.answered = (clients, result);
    }

    /// These wait no longer: they have what they want later.
    pub(crate) fn keep(&mut self, clients: ClientSet) {
        self.kept |= clients;
    }

    /// Somebody waits for the end of subscribing.
    pub(crate) fn has_answers(&self) -> bool {
        !(self.answered.0 | self.kept).is_empty()
    }

    /// The next end of subscribing to tell.
    pub(crate) fn next_answer(
        &mut self,
        clients: &Clients<'_>,
    ) -> Option<(Owner, Result<(), Failure>)> {
        let (id, result) = match self.answered.0.pop() {
            Some(id) => (id, self.answered.1),
            None => (self.kept.pop()?, Ok(())),
        };
        Some((clients.owner(id.index())?, result))
    }

    /// Somebody is to be told of events.
    pub(crate) fn has_posts(&self) -> bool {
        !(self.posts_first | self.posts).is_empty()
    }

    /// The next post to make: to whom, and which bits.
    pub(crate) fn next_post(&mut self, clients: &Clients<'_>) -> Option<(Owner, u32)> {
        let id = self.posts_first.pop().or_else(|| self.posts.pop())?;
        clients.post(id)
    }

    /// A client is gone.
    pub(crate) fn forget(&mut self, client: ClientId) {
        let others = !client.bit();
        self.posts &= others;
        self.posts_first &= others;
        self.answered.0 &= others;
        self.kept &= others;
    }
}
