// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Requests that are wrong: lengths, reserved bits, domains that are not there.

use crate::rules::{self, messages};
use crate::table::{Access, Layout, Message, Param};
use crate::walk::{
    INVALID_PARAMETERS, NOT_FOUND, NOT_SUPPORTED, NOWHERE, PROTOCOL_ERROR, Spoken, Walk, plain,
};

impl Walk<'_> {
    /// Requests that are wrong in one way each.
    pub(crate) fn malformed(&mut self, spoken: Spoken) {
        for message in messages(spoken.protocol) {
            let Some(layout) = message.layout(spoken.version) else {
                continue;
            };
            if self.read_only() && message.access != Access::Read {
                continue;
            }
            if !self.supported(&spoken, message, layout) {
                continue;
            }
            self.reserved(&spoken, message, layout);
            self.lengths(&spoken, message, layout);
            if message.id == 0x10 {
                // A platform that took one of the wrong versions is brought back.
                self.ask(spoken.protocol.id, 0x10, &[spoken.version]);
            }
        }
    }

    /// Whether the platform has a message; judges whether it says so, and whether it knows a domain that is not there.
    pub(crate) fn supported(
        &mut self,
        spoken: &Spoken,
        message: &Message,
        layout: &Layout,
    ) -> bool {
        let id = spoken.protocol.id;
        let Some(answer) = self.ask(id, message.id, &plain(layout.params, NOWHERE, 0)) else {
            return false;
        };
        let has = answer.status != NOT_SUPPORTED || message.id == 0x10;
        if let Some(listed) = self.ask(id, 2, &[message.id.into()])
            && (message.id != 0x10 || listed.status == 0)
            // Without an event queue there is no saying which of the two is meant.
            && (message.access != Access::Notify || self.has_events())
        {
            let expected = if has { "SUCCESS" } else { "NOT_FOUND" };
            let right = listed.status == if has { 0 } else { NOT_FOUND };
            self.rule(
                spoken,
                message,
                &rules::LISTED,
                right,
                &format!("{expected} from PROTOCOL_MESSAGE_ATTRIBUTES"),
                &listed,
            );
        }
        if has && layout.params.contains(&Param::Domain) {
            self.rule(
                spoken,
                message,
                &rules::DOMAIN,
                answer.status == NOT_FOUND,
                "NOT_FOUND",
                &answer,
            );
        }
        has
    }

    pub(crate) fn reserved(&mut self, spoken: &Spoken, message: &Message, layout: &Layout) {
        if message.access == Access::Never {
            return;
        }
        for domain in 0..self.domains(spoken, message, layout).min(2) {
            let Some(params) = self.params(spoken, layout, domain) else {
                continue;
            };
            // A domain for which the message is refused as it is shows nothing.
            let Some(plain) = self.ask(spoken.protocol.id, message.id, &params) else {
                continue;
            };
            if plain.status != 0 {
                continue;
            }
            for (place, param) in layout.params.iter().enumerate() {
                let (rule, bits) = match *param {
                    Param::Flags(bits) => (&rules::FLAGS, bits),
                    Param::Read { reserved, .. } if reserved != 0 => (&rules::FLAGS, reserved),
                    Param::Enable => (&rules::ENABLE, !1),
                    _ => continue,
                };
                for bit in [1 << bits.trailing_zeros(), 1 << (31 - bits.leading_zeros())] {
                    let mut params = params.clone();
                    params[place] |= bit;
                    if let Some(answer) = self.ask(spoken.protocol.id, message.id, &params) {
                        let right = answer.status == INVALID_PARAMETERS;
                        self.rule(
                            spoken,
                            message,
                            rule,
                            right,
                            &format!("INVALID_PARAMETERS for bits {bit:#x}"),
                            &answer,
                        );
                    }
                }
            }
        }
    }

    pub(crate) fn lengths(&mut self, spoken: &Spoken, message: &Message, layout: &Layout) {
        let domain = if message.access == Access::Read {
            0
        } else {
            NOWHERE
        };
        let mut params = plain(layout.params, domain, 0);
        params.push(0);
        let requests = [
            (&rules::LONG, &params[..]),
            (&rules::SHORT, &params[..params.len().saturating_sub(2)]),
        ];
        for (rule, params) in requests {
            if rule.id == "SHORT" && layout.params.is_empty() {
                continue;
            }
            if let Some(answer) = self.ask(spoken.protocol.id, message.id, params) {
                let right = [PROTOCOL_ERROR, INVALID_PARAMETERS].contains(&answer.status);
                self.rule(
                    spoken,
                    message,
                    rule,
                    right,
                    "PROTOCOL_ERROR or INVALID_PARAMETERS",
                    &answer,
                );
            }
        }
    }
}
