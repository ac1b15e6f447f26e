// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tokens: ten bits that a platform copies from a command to its answers.

use super::handle::SlotId;
use scmi::Token;
use scmi::limits::TOKENS;

/// The token was given up while a delayed response to it may still come.
const RETIRED: u16 = u16::MAX;

/// How far apart the tokens of two lives of the driver begin: 1024 divided by the golden ratio, which spreads any number of them
/// evenly.
const LIFE_STRIDE: u32 = 633;

/// Words of a set of tokens.
const WORDS: usize = TOKENS / 32;

/// Which tokens are taken, and by which slot.
///
/// A token is taken from a counter that runs on, so a token that ended is the last to be given out again (D02). It stays
/// taken as long as any answer to it may come. A delayed response that was given up has no descriptor that would come back
/// to say "no more": its token is *retired*, and used again only when the late response came after all, when there are
/// no other tokens, or when the device was reset.
pub(crate) struct Tokens {
    /// Where the search for the next token begins.
    next: u16,
    /// A bit for each token that is taken or retired.
    taken: [u32; WORDS],
    /// The slot of each taken token.
    slots: [u16; TOKENS],
}

impl Tokens {
    /// All free. Zeros take no room in the image: what `slots` says counts only of tokens that are taken.
    pub(crate) const fn new() -> Self {
        Self {
            next: 0,
            taken: [0; WORDS],
            slots: [0; TOKENS],
        }
    }

    /// Makes the counter begin elsewhere in each life of the driver, so that a late answer to an earlier life finds no command.
    pub(crate) fn begin(&mut self, life: u32) {
        self.next = (life.wrapping_mul(LIFE_STRIDE) % TOKENS as u32) as u16;
    }

    /// Takes the next token for a slot: the first free one from the counter on, wrapping once. Looks at 33 words at most.
    ///
    /// There is always one: no slot has two, a slot that is to be sent has none, and there are no more slots than tokens.
    pub(crate) fn take(&mut self, slot: SlotId) -> Token {
        let mut token = Token::wrapping(self.next.into());
        if self.is_taken(token) {
            token = self.search();
        }
        let value = usize::from(token.get());
        self.taken[value / 32 % WORDS] |= 1 << (value % 32);
        self.slots[value % TOKENS] = slot.index();
        self.next = token.next().get();
        token
    }

    fn is_taken(&self, token: Token) -> bool {
        let value = usize::from(token.get());
        self.taken[value / 32 % WORDS] & 1 << (value % 32) != 0
    }

    #[cold]
    fn search(&mut self) -> Token {
        if let Some(token) = self.first_free() {
            return token;
        }
        self.release_retired();
        let token = self.first_free();
        debug_assert!(
            token.is_some(),
            "more tokens are taken than there are slots"
        );
        token.unwrap_or_default()
    }

    fn first_free(&self) -> Option<Token> {
        let first = usize::from(self.next / 32) % WORDS;
        let below = (1u32 << (self.next % 32)) - 1;
        for step in 0..=WORDS {
            let index = (first + step) % WORDS;
            let mut taken = self.taken[index];
            if step == 0 {
                taken |= below;
            }
            if taken != u32::MAX {
                let bit = (!taken).trailing_zeros();
                return Some(Token::wrapping(index as u32 * 32 + bit));
            }
        }
        None
    }

    /// The slot whose command bears this token and is not over.
    pub(crate) fn slot(&self, token: Token) -> Option<SlotId> {
        let slot = self.slots[usize::from(token.get()) % TOKENS];
        (self.is_taken(token) && slot != RETIRED).then_some(SlotId(slot))
    }

    /// No answer to this token can come any more, or the late one just came.
    pub(crate) fn release(&mut self, token: Token) {
        let value = usize::from(token.get());
        self.taken[value / 32 % WORDS] &= !(1 << (value % 32));
    }

    /// The transfer is over, but an answer may come.
    pub(crate) fn retire(&mut self, token: Token) {
        self.slots[usize::from(token.get()) % TOKENS] = RETIRED;
    }

    fn is_retired(&self, token: Token) -> bool {
        self.is_taken(token) && self.slots[usize::from(token.get()) % TOKENS] == RETIRED
    }

    /// A late delayed response came: if its token was retired, it is free again.
    pub(crate) fn late_response(&mut self, token: Token) {
        if self.is_retired(token) {
            self.release(token);
        }
    }

    /// No late answer can come to a retired token, or we cannot wait for it any longer. Costs O(tokens).
    pub(crate) fn release_retired(&mut self) {
        for value in 0..TOKENS as u32 {
            self.late_response(Token::wrapping(value));
        }
    }

    /// The device was reset: no answer to any token can come. The counter runs on.
    pub(crate) fn release_all(&mut self) {
        self.taken = [0; WORDS];
    }

    /// How many are taken or retired.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.iter().map(|word| word.count_ones()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d02_tokens_run_on_and_wrap_to_zero_once() {
        let mut tokens = Tokens::new();
        for round in 0..if cfg!(miri) { 1 } else { 3 } {
            for value in 0..1024 {
                let token = tokens.take(SlotId(5));
                assert_eq!(token.get(), value, "round {round}");
                assert_eq!(tokens.slot(token), Some(SlotId(5)));
                tokens.release(token);
            }
        }
    }

    #[test]
    fn d02_a_token_in_flight_is_never_given_out_again_across_wraps() {
        let mut tokens = Tokens::new();
        let held: Vec<Token> = (0..40).map(|i| tokens.take(SlotId(i))).collect();
        for _ in 0..if cfg!(miri) { 1100 } else { 5000 } {
            let token = tokens.take(SlotId(99));
            assert!(!held.contains(&token));
            tokens.release(token);
        }
    }

    #[test]
    fn d02_the_last_free_token_is_found() {
        let mut tokens = Tokens::new();
        let all: Vec<Token> = (0..1024).map(|i| tokens.take(SlotId(i))).collect();
        assert_eq!(tokens.taken(), 1024);
        // Each search looks at all of them, which is much for Miri.
        for &token in all.iter().step_by(if cfg!(miri) { 300 } else { 1 }) {
            tokens.release(token);
            assert_eq!(tokens.take(SlotId(7)), token);
            assert_eq!(tokens.taken(), 1024);
        }
    }

    #[test]
    fn d02_the_next_token_is_the_first_free_one_from_the_counter_on() {
        // Against the plainest model, over sets of every density.
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for round in 0..if cfg!(miri) { 4 } else { 400 } {
            let mut tokens = Tokens::new();
            let mut free = [true; TOKENS];
            for (word, chunk) in tokens.taken.iter_mut().zip(free.chunks_mut(32)) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                *word = match round % 4 {
                    0 => random as u32,
                    1 => random as u32 | (random >> 32) as u32,
                    2 => u32::MAX,
                    _ => u32::MAX << (random >> 40 & 31),
                };
                for (bit, free) in chunk.iter_mut().enumerate() {
                    *free = *word >> bit & 1 == 0;
                }
            }
            tokens.next = random as u16 % 1024;
            let from = usize::from(tokens.next);
            for _ in 0..if cfg!(miri) { 4 } else { 40 } {
                let order = (from..TOKENS).chain(0..from);
                let expected = order.into_iter().find(|&token| free[token]);
                tokens.next = from as u16;
                let Some(expected) = expected else {
                    // Then there is no slot that could be sent.
                    break;
                };
                let found = usize::from(tokens.take(SlotId(3)).get());
                assert_eq!(found, expected, "from {from}");
                free[found] = false;
                assert_eq!(usize::from(tokens.next), (found + 1) % TOKENS);
            }
        }
    }

    #[test]
    fn d02_after_a_reset_all_are_free_and_the_counter_runs_on() {
        let mut tokens = Tokens::new();
        for slot in 0..700 {
            let token = tokens.take(SlotId(slot));
            if slot % 3 == 0 {
                tokens.retire(token);
            }
        }
        tokens.release_all();
        assert_eq!(tokens.taken(), 0);
        let token = tokens.take(SlotId(1));
        assert_eq!(token.get(), 700);
    }

    #[test]
    fn d14_a_retired_token_waits_for_its_late_response_until_tokens_run_out() {
        let mut tokens = Tokens::new();
        let token = tokens.take(SlotId(1));
        tokens.retire(token);
        assert_eq!(tokens.slot(token), None);
        for i in 1..1024 {
            assert_ne!(tokens.take(SlotId(i)), token);
        }
        assert_eq!(tokens.taken(), 1024);
        assert_eq!(tokens.take(SlotId(3)), token);

        let other = tokens.slots.iter().position(|&s| s == 2).unwrap() as u32;
        let other = Token::wrapping(other);
        tokens.retire(other);
        tokens.late_response(other);
        assert_eq!(tokens.taken(), 1023);
        // Of a token in flight a late response frees nothing.
        tokens.late_response(token);
        assert_eq!(tokens.taken(), 1023);
    }
}
