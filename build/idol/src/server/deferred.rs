// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Servers that answer later.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::{Context, handle};
use crate::common;
use crate::model::{Failure, Interface, Op, unraw};

/// What a server that answers later has to know.
pub fn trait_docs(interface: &Interface) -> Vec<String> {
    let name = &interface.name;
    let text = format!(
        "A server of `{name}`, which may answer later and in any order.

An operation that returns `Ok(Some(value))` or an error is answered at once. After `Ok(None)` its caller goes on waiting until the server
calls the operation's `reply_<op>`, in a later message or notification.

What to keep for that:

- the caller, `msg.sender`. It names one life of the task: when the task restarts, a late reply is dropped and disturbs nobody. `RecvMessage`
  and arguments are plain values;
- leases, which are plain values too. They are good until the caller is answered, and not a moment longer; when the caller dies before, access
  fails with an error.

What to obey:

- answer each caller exactly once, with the function of the operation that it called. A second answer may meet the caller's next message;
- a caller waits for nothing else, so it has at most one operation open: a table with a place for each task, or for each request
  that hardware can hold, is enough;
- a caller that died is not reported. Its place is free again when its task index shows up in a later generation, or when the work is done."
    );
    text.lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!(" {line}")
            }
        })
        .collect()
}

/// The functions `<op>_<lease>`, where leases are lazy and so need no look at them.
pub fn leases(context: &Context<'_>) -> TokenStream {
    if !context.generator.lazy_leases {
        return TokenStream::new();
    }
    let ops = context.interface.ops.iter();
    ops.flat_map(|op| (0..).zip(&op.leases).map(move |lease| (op, lease)))
        .map(|(op, (index, lease))| {
            let name = format_ident!("{}_{}", unraw(&op.name), unraw(&lease.name));
            let docs = format!(
                " Lease `{}` of a caller of `{}` that has not been answered yet.",
                unraw(&lease.name),
                op.label(context.interface)
            );
            let index = Literal::usize_unsuffixed(index);
            let ty = super::lazy_type(lease);
            let allow = common::allow();
            quote! {
                #[doc = #docs]
                #allow
                pub fn #name(caller: userlib::TaskId) -> #ty {
                    idol_runtime::LazyLeased::new(caller, #index)
                }
            }
        })
        .collect()
}

/// The functions `reply_<op>`.
pub fn replies(context: &Context<'_>) -> TokenStream {
    context
        .interface
        .ops
        .iter()
        .map(|op| reply(context, op))
        .collect()
}

fn reply(context: &Context<'_>, op: &Op) -> TokenStream {
    let name = format_ident!("reply_{}", unraw(&op.name));
    let caller = quote! { caller };
    let ok = handle::reply_ok(context, op, &caller, &quote! { value });
    let ty = &op.ok.ty;
    let (count_ok, count_error) = count(context, op);
    let docs = format!(
        " Answers a caller of `{}` whose operation returned `Ok(None)`. A caller that died since is left alone.",
        op.label(context.interface)
    );
    let (parameter, body) = match &op.err {
        Failure::Never | Failure::Death => (quote! { value: #ty }, quote! { #count_ok #ok }),
        Failure::CLike(err) => (
            quote! { result: Result<#ty, #err> },
            quote! {
                match result {
                    Ok(value) => { #count_ok #ok }
                    Err(error) => {
                        #count_error
                        let code = <u16 as core::convert::From<#err>>::from(error);
                        userlib::sys_reply(caller, code.into(), &[]);
                    }
                }
            },
        ),
        Failure::Complex(err) => {
            let error = handle::encoded_reply(context, op, &caller, 1, &quote! { error });
            (
                quote! { result: Result<#ty, #err> },
                quote! {
                    match result {
                        Ok(value) => { #count_ok #ok }
                        Err(error) => { #count_error #error }
                    }
                },
            )
        }
    };
    let allow = common::allow();
    quote! {
        #[doc = #docs]
        #allow
        pub fn #name(caller: userlib::TaskId, #parameter) {
            #body
        }
    }
}

fn count(context: &Context<'_>, op: &Op) -> (TokenStream, TokenStream) {
    let Some(counters) = context.counters() else {
        return Default::default();
    };
    let name = &op.name;
    (
        quote! {
            counters::Count::count(&(), &#counters.#name.ok);
        },
        // Both kinds of counters of errors have this field.
        quote! {
            counters::Count::count(&error, &#counters.#name.err.Runtime);
        },
    )
}
