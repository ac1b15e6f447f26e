// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who the clients are: the table that `app.toml` gives, and what each has at the moment.

mod account;
mod inbox;
mod rules;
mod set;

pub(crate) use account::{Account, Payer};
pub(crate) use inbox::{Arrival, Payload, SOURCE_WORD};
pub use inbox::{EventKind, Fetched, Record};
pub use rules::{MessageSet, Rule, Rules, messages};
pub(crate) use set::ClientSet;

use crate::error::Refusal;
use inbox::Inbox;

/// Most clients: their sets are 32 bits wide.
pub const CLIENTS_MAX: usize = 32;

/// A task in one of its lives: the kernel's task id, index in the low ten bits and generation above.
///
/// An answer goes to the owner that asked. When the task restarts, its owner value changes, so nothing can reach a successor.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Owner(pub u16);

impl Owner {
    /// No task; also what the driver's own commands have.
    pub const NOBODY: Self = Self(u16::MAX);

    /// Number of the task in the image.
    pub const fn task(self) -> u16 {
        self.0 & 0x3ff
    }
}

/// Index into the table of clients, below [`CLIENTS_MAX`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClientId(u8);

impl ClientId {
    pub(crate) const FIRST: Self = Self(0);

    /// All that there can be.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLIENTS_MAX as u8).map(Self)
    }

    /// The next one, going round.
    pub(crate) const fn next(self) -> Self {
        Self((self.0 + 1) % CLIENTS_MAX as u8)
    }

    /// The index.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn bit(self) -> ClientSet {
        ClientSet::of(self)
    }
}

/// One client, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct ClientConfig {
    /// Number of the task in the image.
    pub task: u16,
    /// Slots that it may hold at once, those included that the device keeps after the client gave up.
    pub slots: u16,
    /// Events that its queue holds.
    pub events: u8,
    /// Subscriptions that it may have at once.
    pub subscriptions: u8,
    /// Entries that a batch of it may have, at most [`BATCH_MAX`](crate::BATCH_MAX).
    pub batch: u8,
    /// Notification bits posted to it when an event was queued; 0: none.
    pub event_bits: u32,
    /// What it may use.
    pub rules: Rules,
}

/// Slots that the driver keeps for commands of its own: the probe and the switching of events.
pub const fn own_slots(slots: usize) -> usize {
    if slots < 4 { 1 } else { 2 }
}

/// What a client has at the moment.
pub struct Client {
    config: &'static ClientConfig,
    /// The life of the task that last called.
    owner: Owner,
    account: Account,
    /// Events to fetch.
    inbox: Inbox,
}

impl Client {
    /// A client that has not called yet.
    pub const fn new(config: &'static ClientConfig) -> Self {
        Self {
            config,
            owner: Owner::NOBODY,
            account: Account::new(config.slots),
            inbox: Inbox::new(),
        }
    }
}

/// All clients, and the driver as one that has slots too.
pub(crate) struct Clients<'m> {
    clients: &'m mut [Client],
    /// Client of each task of the image; 0xff: none.
    tasks: &'m [u8],
    records: &'m mut [Record],
    /// The driver's own slots.
    own: Account,
}

impl<'m> Clients<'m> {
    /// No clients, and a driver with so many slots of its own.
    pub(crate) const fn new(own: u16) -> Self {
        Self {
            clients: &mut [],
            tasks: &[],
            records: &mut [],
            own: Account::new(own),
        }
    }

    /// There are these clients. Each gets as many of `records` as its configuration says, in order; the last ones get what is left.
    pub(crate) fn provide(
        &mut self,
        clients: &'m mut [Client],
        tasks: &'m [u8],
        records: &'m mut [Record],
    ) {
        let mut first = 0;
        for client in clients.iter_mut() {
            let left = records.len().saturating_sub(first);
            let depth = usize::from(client.config.events).min(left);
            client.inbox.assign(records, first as u16, depth as u8);
            first = first.saturating_add(depth);
        }
        self.clients = clients;
        self.tasks = tasks;
        self.records = records;
    }

    /// For each client, how many entries its batch may have.
    pub(crate) fn batch_rooms(&self) -> impl Iterator<Item = u8> {
        self.clients.iter().map(|client| client.config.batch)
    }

    /// The client that a task is.
    fn number(&self, owner: Owner) -> Option<ClientId> {
        let number = *self.tasks.get(usize::from(owner.task()))?;
        (usize::from(number) < self.clients.len()).then_some(ClientId(number))
    }

    /// A task calls: which client it is. If [`Clients::is_known`] says no, [`Clients::enter`] must follow.
    pub(crate) fn find(&self, owner: Owner) -> Result<ClientId, Refusal> {
        self.number(owner).ok_or(Refusal::NotAClient)
    }

    /// Whether a client called before in this life of its task.
    pub(crate) fn is_known(&self, id: ClientId, owner: Owner) -> bool {
        self.get(id).is_some_and(|client| client.owner == owner)
    }

    /// The first call in this life of a client's task. Returns who that was before, if it called in another life.
    pub(crate) fn enter(&mut self, id: ClientId, owner: Owner) -> Option<Owner> {
        let before = core::mem::replace(&mut self.get_mut(id)?.owner, owner);
        (before != Owner::NOBODY).then_some(before)
    }

    /// A task is gone: which client it was, if it was one in this life.
    pub(crate) fn leave(&mut self, owner: Owner) -> Option<ClientId> {
        let id = self.number(owner)?;
        let client = self.get_mut(id).filter(|client| client.owner == owner)?;
        client.owner = Owner::NOBODY;
        Some(id)
    }

    /// Who a client was when it last called. `None` past the last client, [`Owner::NOBODY`] for one that has nothing to lose.
    pub(crate) fn owner(&self, number: usize) -> Option<Owner> {
        self.clients.get(number).map(|client| client.owner)
    }

    fn get(&self, id: ClientId) -> Option<&Client> {
        self.clients.get(id.index())
    }

    fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id.index())
    }

    /// What a client may do.
    pub(crate) fn config(&self, id: ClientId) -> Option<&'static ClientConfig> {
        self.get(id).map(|client| client.config)
    }

    /// Whom to post what when events were queued for a client, if it is there and wants to be told.
    pub(crate) fn post(&self, id: ClientId) -> Option<(Owner, u32)> {
        let client = self.get(id)?;
        let bits = client.config.event_bits;
        (bits != 0 && client.owner != Owner::NOBODY).then_some((client.owner, bits))
    }

    /// A client's slots, in a ring that has so many, and the places of its inbox.
    pub(crate) fn limits(&self, owner: Owner, in_use: u16) -> Option<(u16, u8)> {
        let client = self.get(self.number(owner)?)?;
        // A quota may promise more than there is, where the build was told to oversubscribe.
        Some((client.account.quota().min(in_use), client.inbox.depth()))
    }

    /// The account of whoever has a slot.
    pub(crate) fn account(&mut self, payer: Payer) -> Option<&mut Account> {
        match payer {
            Payer::Nobody => None,
            Payer::Client(id) => self.get_mut(id).map(|client| &mut client.account),
            Payer::Driver => Some(&mut self.own),
        }
    }

    /// Whether a client may send a message, and if not, why. Returns whether what the request says decides too.
    pub(crate) fn inspects(
        &self,
        id: ClientId,
        protocol: u8,
        message: u8,
    ) -> Result<bool, Refusal> {
        let rules = &self.get(id).ok_or(Refusal::NotAClient)?.config.rules;
        if rules.is_plain(protocol, message) {
            return Ok(false);
        }
        rules.check_special(protocol, message)
    }

    /// Whether a client has a slot left, and if not, why.
    pub(crate) fn check_room(&self, id: ClientId) -> Result<(), Refusal> {
        let account = &self.get(id).ok_or(Refusal::NotAClient)?.account;
        if account.is_full() {
            return Err(account.refusal());
        }
        Ok(())
    }

    /// How many slots an account holds.
    pub(crate) fn held(&mut self, payer: Payer) -> u16 {
        self.account(payer).map_or(0, |account| account.held())
    }

    /// The driver's own slots.
    pub(crate) fn own(&self) -> &Account {
        &self.own
    }

    /// All accounts, with whom each belongs to.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (Payer, &Account)> {
        let clients = (0..).zip(self.clients.iter());
        clients
            .map(|(number, client)| (Payer::Client(ClientId(number)), &client.account))
            .chain([(Payer::Driver, &self.own)])
    }

    fn accounts_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        let clients = self.clients.iter_mut().map(|client| &mut client.account);
        clients.chain([&mut self.own])
    }

    /// Fits the quotas to the ring: where the device allows fewer slots (`in_use`) than configured (`all`), all shrink in proportion, to
    /// one at least.
    pub(crate) fn share_out(&mut self, in_use: u16, all: usize) {
        let share = |configured: u16| {
            let share = u32::from(configured) * u32::from(in_use) / all as u32;
            share.max(1) as u16
        };
        for client in self.clients.iter_mut() {
            client.account.resize(share(client.config.slots));
        }
        self.own.resize(share(own_slots(all) as u16));
    }

    /// The device is reset because of lost slots: see [`Account::expect_losses`].
    pub(crate) fn expect_losses(&mut self, until: u64) {
        for account in self.accounts_mut() {
            account.expect_losses(until);
        }
    }

    /// How many of so many slots are nobody's by the quotas; all, where the quotas promise more than there is.
    pub(crate) fn spare(&self, in_use: u16) -> u16 {
        let quotas = self
            .accounts()
            .map(|(_, account)| u32::from(account.quota()));
        match u32::from(in_use).checked_sub(quotas.sum()) {
            Some(spare) => spare as u16,
            None => in_use,
        }
    }

    /// Queues an event for each client of a set; returns how many events were dropped for it.
    pub(crate) fn deliver(&mut self, clients: ClientSet, arrival: &Arrival<'_>) -> u32 {
        let mut dropped = 0;
        for id in clients.iter() {
            if let Some(client) = self.clients.get_mut(id.index())
                && !client.inbox.push(self.records, arrival)
            {
                dropped += 1;
            }
        }
        dropped
    }

    /// Takes the oldest event out of a client's inbox.
    pub(crate) fn fetch(&mut self, id: ClientId, generation: u32) -> Option<Fetched<'_>> {
        let client = self.clients.get_mut(id.index())?;
        client.inbox.pop(self.records, generation)
    }

    /// The device was reset: see [`Inbox::resynchronise`].
    pub(crate) fn resynchronise(&mut self, clients: ClientSet, now: u64) {
        for id in clients.iter() {
            if let Some(client) = self.clients.get_mut(id.index()) {
                client.inbox.resynchronise(self.records, now);
            }
        }
    }

    /// A client is gone: nothing is kept for its next life.
    pub(crate) fn empty_inbox(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id.index()) {
            client.inbox.clear(self.records);
        }
    }

    /// Checks what the clients' books say by themselves.
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        for client in self.clients.iter() {
            if client.account.held() > client.config.slots {
                return Err("a client holds more slots than it may");
            }
            if !client.inbox.is_sound(self.records) {
                return Err("a client's event queue is torn");
            }
        }
        Ok(())
    }
}
