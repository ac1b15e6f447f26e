// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Servers that do nothing but fail.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use super::{Context, msg, parameters, result_type};
use crate::common;
use crate::model::{Failure, Interface};
use crate::{Error, FailServer};

/// A server that answers all operations with one error, where wanted and possible.
pub fn server(context: &Context<'_>) -> Result<Option<TokenStream>, Error> {
    let common = match context.generator.fail_server {
        FailServer::No => return Ok(None),
        FailServer::Maybe => common_error(context.interface).ok(),
        FailServer::Yes => Some(common_error(context.interface)?),
    };
    Ok(common.map(|err| generate(context, err)))
}

/// The error type that all operations share.
fn common_error(interface: &Interface) -> Result<&Type, Error> {
    let mut common: Option<&Type> = None;
    for op in &interface.ops {
        let place = || format!("op `{}`", op.name);
        let (Failure::CLike(ty) | Failure::Complex(ty)) = &op.err else {
            return Err(Error::new(
                place(),
                "a `FailServer` was asked for, but this operation has no error to fail with",
            ));
        };
        match common {
            None => common = Some(ty),
            Some(first) if first == ty => {}
            Some(first) => {
                return Err(Error::new(
                    place(),
                    format!(
                        "a `FailServer` was asked for, but this operation fails with `{}` and others with `{}`",
                        ty.to_token_stream(),
                        first.to_token_stream()
                    ),
                ));
            }
        }
    }
    common.ok_or_else(|| Error::new("ops", "there are no operations"))
}

fn generate(context: &Context<'_>, err: &Type) -> TokenStream {
    let server_trait = context.server_trait();
    let methods = context.interface.ops.iter().map(|op| {
        let name = &op.name;
        let parameters = parameters(context, op);
        let result = result_type(context, op);
        let msg = msg(op);
        quote! {
            fn #name(&mut self, #msg: &userlib::RecvMessage #parameters) -> #result {
                Err(idol_runtime::RequestError::Runtime(self.err.clone()))
            }
        }
    });
    let docs = format!(
        " A server of `{}` that answers every operation with one error: for a task that cannot do its work but must not leave its clients \
         waiting.",
        context.interface.name
    );
    let allow = common::allow();
    quote! {
        #[doc = #docs]
        #[derive(Clone, Debug)]
        #[allow(dead_code)]
        pub struct FailServer {
            /// The error.
            pub err: #err,
        }

        #[allow(dead_code)]
        impl FailServer {
            /// Fails with `err`.
            pub const fn new(err: #err) -> Self {
                Self { err }
            }
        }

        /// Wants no notifications.
        impl idol_runtime::NotificationHandler for FailServer {
            fn current_notification_mask(&self) -> u32 {
                0
            }

            fn handle_notification(&mut self, _: userlib::NotificationBits) {}
        }

        #allow
        #[allow(unused_variables)]
        impl #server_trait for FailServer {
            #(#methods)*
        }
    }
}
