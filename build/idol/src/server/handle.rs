// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From a message to the server's method, and from its result to the reply.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::{Context, ServerStyle};
use crate::common;
use crate::model::{self, Decoded, Failure, Lease, Op, Shape, unraw};
use crate::syntax::Encoding;

/// The implementation of `idol_runtime::Server` for everything that implements the server trait.
pub fn server(context: &Context<'_>) -> TokenStream {
    let (server_trait, op_enum) = (context.server_trait(), context.interface.op_enum());
    let arms = context.interface.ops.iter().map(|op| {
        let name = &op.name;
        let serve = serve(context, op);
        quote! { #op_enum::#name => { #serve } }
    });
    let allow = common::allow();
    quote! {
        #allow
        impl<S: #server_trait> idol_runtime::Server<#op_enum>
            for (core::marker::PhantomData<#op_enum>, &mut S)
        {
            #[inline(always)]
            fn recv_source(&self) -> Option<userlib::TaskId> {
                <S as #server_trait>::recv_source(self.1)
            }

            fn closed_recv_fail(&mut self) {
                <S as #server_trait>::closed_recv_fail(self.1)
            }

            #[inline(always)]
            fn handle(
                &mut self,
                __op: #op_enum,
                incoming: &[u8],
                rm: &userlib::RecvMessage,
            ) -> Result<(), idol_runtime::RequestError<u16>> {
                match __op {
                    #(#arms)*
                }
            }
        }
    }
}

fn serve(context: &Context<'_>, op: &Op) -> TokenStream {
    let server_trait = context.server_trait();
    let name = &op.name;
    let access_check = match access(context, op) {
        Access::Everybody => TokenStream::new(),
        Access::Nobody => return quote! { Err(idol_runtime::ClientError::AccessViolation.fail()) },
        Access::Some(check) => check,
    };
    let fixed_size = op.args.is_empty() || op.encoding == Encoding::Zerocopy;
    let check_size = fixed_size.then(|| {
        let size = op.constant("MSG_SIZE");
        quote! {
            if incoming.len() != #size {
                return Err(idol_runtime::ClientError::BadMessageSize.fail());
            }
        }
    });
    let read = (!op.args.is_empty()).then(|| {
        let read = format_ident!("read_{}_msg", unraw(name));
        let or_fail = (!fixed_size).then(|| quote! { .map_err(idol_runtime::RequestError::Fail)? });
        quote! { let __args = #read(incoming) #or_fail; }
    });
    let args = op.args.iter().map(|arg| {
        let field = &arg.name;
        match arg.value.decoded(quote! { __args.#field }) {
            Decoded::Always(value) => quote! { , #value },
            Decoded::Perhaps(value) => quote! {
                , #value.ok_or(idol_runtime::RequestError::Fail(idol_runtime::ClientError::BadMessageContents))?
            },
        }
    });
    let leases = (0..).zip(&op.leases).map(|(index, lease)| {
        if context.generator.lazy_leases {
            let index = Literal::usize_unsuffixed(index);
            return quote! { , idol_runtime::LazyLeased::new(rm.sender, #index) };
        }
        let lease = leased(index, lease);
        quote! {
            , #lease.ok_or(idol_runtime::RequestError::Fail(idol_runtime::ClientError::BadLease))?
        }
    });
    let ok = reply_ok(context, op, &quote! { rm.sender }, &quote! { __value });
    let error = error(context, op);
    let (count_now, count_reply) = count(context, op);
    let answer = match context.style {
        ServerStyle::InOrder => quote! { Ok(__value) => { #ok Ok(()) } },
        ServerStyle::Deferred => quote! {
            Ok(Some(__value)) => { #count_reply #ok Ok(()) }
            Ok(None) => Ok(()),
        },
    };
    quote! {
        #access_check
        #check_size
        #read
        let __result = <S as #server_trait>::#name(self.1, rm #(#args)* #(#leases)*);
        #count_now
        match __result {
            #answer
            #error
        }
    }
}

/// Who may call an operation.
enum Access {
    Everybody,
    Nobody,
    /// Those who pass a check.
    Some(TokenStream),
}

fn access(context: &Context<'_>, op: &Op) -> Access {
    let Some(callers) = context.allowed_callers.get(&unraw(&op.name)) else {
        return Access::Everybody;
    };
    if callers.is_empty() {
        return Access::Nobody;
    }
    let callers = callers
        .iter()
        .map(|index| Literal::usize_unsuffixed(*index));
    Access::Some(quote! {
        if !matches!(rm.sender.index(), #(#callers)|*) {
            return Err(idol_runtime::ClientError::AccessViolation.fail());
        }
    })
}

/// An expression for an `Option` of the lease as the server gets it.
fn leased(index: usize, lease: &Lease) -> TokenStream {
    let index = Literal::usize_unsuffixed(index);
    let constructor = match lease.access {
        model::Access::Read => "read_only",
        model::Access::Write => "write_only",
        model::Access::ReadWrite => "read_write",
    };
    match &lease.shape {
        Shape::One(_) => {
            let constructor = format_ident!("{constructor}");
            quote! { idol_runtime::Leased::#constructor(rm.sender, #index) }
        }
        Shape::Slice { max_len, .. } => {
            let constructor = format_ident!("{constructor}_slice");
            let lease = quote! { idol_runtime::Leased::#constructor(rm.sender, #index, None) };
            if max_len.is_some() {
                quote! { #lease.and_then(|__lease| idol_runtime::LenLimit::try_from(__lease).ok()) }
            } else {
                lease
            }
        }
    }
}

/// Statements that answer `caller` with success and `value`.
pub fn reply_ok(
    context: &Context<'_>,
    op: &Op,
    caller: &TokenStream,
    value: &TokenStream,
) -> TokenStream {
    match op.encoding {
        Encoding::Zerocopy => {
            let crates = common::crates();
            let value = op.ok.to_wire(value);
            quote! {
                userlib::sys_reply(#caller, 0, #crates::zerocopy::IntoBytes::as_bytes(&(#value)));
            }
        }
        Encoding::Hubpack | Encoding::Ssmarshal => encoded_reply(context, op, caller, 0, value),
    }
}

/// Statements that answer `caller` with response code `code` and a value in hubpack.
pub fn encoded_reply(
    context: &Context<'_>,
    op: &Op,
    caller: &TokenStream,
    code: u32,
    value: &TokenStream,
) -> TokenStream {
    let size = op.constant("REPLY_SIZE");
    let label = op.label(context.interface);
    let code = Literal::u32_unsuffixed(code);
    quote! {
        let mut __buffer = [0u8; #size];
        userlib::sys_reply(#caller, #code, idol_runtime::encode(&mut __buffer, &#value, #label));
    }
}

/// The match arms for errors in the result of a server's method.
fn error(context: &Context<'_>, op: &Op) -> TokenStream {
    match &op.err {
        Failure::Never | Failure::Death => quote! {
            Err(__error) => Err(__error.map_runtime(|__never| match __never {})),
        },
        Failure::CLike(ty) => quote! {
            Err(__error) => Err(__error.map_runtime(<u16 as core::convert::From<#ty>>::from)),
        },
        Failure::Complex(_) => {
            let (caller, error) = (quote! { rm.sender }, quote! { __error });
            let reply = encoded_reply(context, op, &caller, 1, &error);
            quote! {
                Err(idol_runtime::RequestError::Runtime(__error)) => {
                    #reply
                    Ok(())
                }
                Err(idol_runtime::RequestError::Fail(__error)) => Err(__error.fail()),
            }
        }
    }
}

/// What counts a result: in general, and for the answer of a deferring server that comes at once.
fn count(context: &Context<'_>, op: &Op) -> (TokenStream, TokenStream) {
    let Some(counters) = context.counters() else {
        return Default::default();
    };
    let name = &op.name;
    let count_ok = quote! { counters::Count::count(&(), &#counters.#name.ok) };
    let count_error = if context.combines_client_errors() {
        quote! { __error.count_combined(&#counters.#name.err) }
    } else {
        quote! { counters::Count::count(__error, &#counters.#name.err) }
    };
    match context.style {
        ServerStyle::InOrder => (
            quote! {
                match &__result {
                    Ok(_) => #count_ok,
                    Err(__error) => #count_error,
                }
            },
            TokenStream::new(),
        ),
        ServerStyle::Deferred => (
            quote! {
                if let Err(__error) = &__result {
                    #count_error;
                }
            },
            quote! { #count_ok; },
        ),
    }
}
