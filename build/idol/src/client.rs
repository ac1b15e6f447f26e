// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clients.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::common::{self, Half};
use crate::model::{Access, Failure, Interface, Lease, Op, Shape, Travel};
use crate::syntax::Encoding;
use crate::{BoxError, Generator};

/// Writes the client of the interface in file `source` (relative to the crate) to `$OUT_DIR/<out>`.
pub fn build_client_stub(source: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<(), BoxError> {
    Generator::new().build_client_stub(source, out)
}

pub(crate) fn generate(generator: &Generator, interface: &Interface) -> TokenStream {
    let counted = generator.counters.as_ref().is_some_and(|c| c.client);
    let name = &interface.name;
    let docs = if interface.docs.is_empty() {
        vec![format!(" A client of a server of `{name}`.")]
    } else {
        interface
            .docs
            .iter()
            .map(|line| format!(" {line}"))
            .collect()
    };
    let structs = interface
        .ops
        .iter()
        .map(|op| common::args_struct(interface, op, Half::Client));
    let methods = interface
        .ops
        .iter()
        .map(|op| method(interface, op, counted));
    let op_enum = common::op_enum(generator, interface);
    let counters = counted.then(|| {
        common::counters(
            interface,
            &counters_name(interface),
            Half::Client,
            |op| match &op.err {
                Failure::Never => None,
                Failure::CLike(ty) | Failure::Complex(ty) => Some(quote! { Result<(), #ty> }),
                Failure::Death => Some(quote! { Result<(), userlib::ipc::ServerDeath> }),
            },
        )
    });

    let allow = common::allow();
    let scope = common::scope();
    quote! {
        #scope
        #op_enum
        #counters
        #(#structs)*

        #(#[doc = #docs])*
        #[derive(Clone, Debug)]
        pub struct #name {
            current_id: core::cell::Cell<userlib::TaskId>,
        }

        impl From<userlib::TaskId> for #name {
            #[inline(always)]
            fn from(server: userlib::TaskId) -> Self {
                Self { current_id: core::cell::Cell::new(server) }
            }
        }

        #allow
        impl #name {
            #(#methods)*

            /// The answer says that the server restarted. Asks the kernel, because a server can answer that too, and means the
            /// present life from now on. Returns `true` if the server did restart.
            #[cold]
            #[inline(never)]
            fn __restarted(&self) -> bool {
                let sent = self.current_id.get();
                let present = userlib::sys_refresh_task_id(sent);
                self.current_id.set(present);
                present != sent
            }
        }
    }
}

fn counters_name(interface: &Interface) -> proc_macro2::Ident {
    format_ident!(
        "__{}_CLIENT_COUNTERS",
        interface.name.to_string().to_uppercase()
    )
}

fn method(interface: &Interface, op: &Op, counted: bool) -> TokenStream {
    let name = &op.name;
    let docs = common::docs_of(op);
    let death = death_docs(op);
    let args = op.args.iter().map(|arg| {
        let (name, ty) = (&arg.name, &arg.value.ty);
        quote! { #name: #ty }
    });
    let leases = op.leases.iter().map(lease_parameter);
    let result = result_type(op);
    let checks = op
        .leases
        .iter()
        .filter_map(|lease| length_check(interface, op, lease));
    let body = body(interface, op, counted);
    quote! {
        #docs
        #[doc = ""]
        #[doc = #death]
        pub fn #name(&self #(, #args)* #(, #leases)*) -> #result {
            #(#checks)*
            #body
        }
    }
}

fn death_docs(op: &Op) -> &'static str {
    match op.err {
        _ if op.idempotent => " Repeated when the server restarts before it answers.",
        Failure::Never => "",
        Failure::CLike(_) | Failure::Complex(_) => {
            " When the server restarts before it answers, the error says so: it may have been done or not."
        }
        Failure::Death => {
            " Fails only when the server restarts before it answers: it may have been done or not."
        }
    }
}

fn result_type(op: &Op) -> TokenStream {
    let ok = &op.ok.ty;
    match &op.err {
        Failure::Never => quote! { #ok },
        Failure::CLike(err) | Failure::Complex(err) => quote! { Result<#ok, #err> },
        Failure::Death => quote! { Result<#ok, userlib::ipc::ServerDeath> },
    }
}

fn lease_parameter(lease: &Lease) -> TokenStream {
    let name = &lease.name;
    let ty = match &lease.shape {
        Shape::One(ty) => quote! { #ty },
        Shape::Slice { element, .. } => quote! { [#element] },
    };
    match lease.access {
        Access::Read => quote! { #name: &#ty },
        Access::Write | Access::ReadWrite => quote! { #name: &mut #ty },
    }
}

fn length_check(interface: &Interface, op: &Op, lease: &Lease) -> Option<TokenStream> {
    let Shape::Slice {
        max_len: Some(limit),
        ..
    } = lease.shape
    else {
        return None;
    };
    let name = &lease.name;
    let label = format!("{}: {}", op.label(interface), crate::model::unraw(name));
    let limit = proc_macro2::Literal::u32_unsuffixed(limit);
    Some(quote! {
        if #name.len() > #limit {
            userlib::ipc::too_long(#label);
        }
    })
}

fn lease_entry(lease: &Lease) -> TokenStream {
    let name = &lease.name;
    let zerocopy = {
        let crates = common::crates();
        quote! { #crates::zerocopy::IntoBytes }
    };
    match lease.access {
        Access::Read => quote! { userlib::Lease::read_only(#zerocopy::as_bytes(#name)) },
        Access::Write => quote! { userlib::Lease::write_only(#zerocopy::as_mut_bytes(#name)) },
        Access::ReadWrite => quote! { userlib::Lease::read_write(#zerocopy::as_mut_bytes(#name)) },
    }
}

/// Statements that make `__message: &[u8]`.
fn message(interface: &Interface, op: &Op) -> TokenStream {
    if op.args.is_empty() {
        return quote! { let __message: &[u8] = &[]; };
    }
    let name = op.args_struct(interface);
    let fields = op.args.iter().map(|arg| {
        let field = &arg.name;
        match &arg.value.travel {
            Travel::Itself => quote! { #field },
            _ => {
                let value = arg.value.to_wire(field);
                quote! { #field: #value }
            }
        }
    });
    let values = quote! { #name { #(#fields,)* } };
    let crates = common::crates();
    match op.encoding {
        Encoding::Zerocopy => quote! {
            let __args = userlib::ipc::Aligned(#values);
            let __message = #crates::zerocopy::IntoBytes::as_bytes(&__args.0);
        },
        Encoding::Hubpack | Encoding::Ssmarshal => {
            let size = common::message_size(op);
            let label = op.label(interface);
            quote! {
                let mut __buffer = [0u8; #size];
                let __message = userlib::ipc::encode(&mut __buffer, &#values, #label);
            }
        }
    }
}

fn body(interface: &Interface, op: &Op, counted: bool) -> TokenStream {
    let op_enum = interface.op_enum();
    let name = &op.name;
    let message = message(interface, op);
    let leases = op.leases.iter().map(lease_entry);
    let size = common::reply_size(op);
    let label = op.label(interface);
    let finish = |value: TokenStream| {
        if counted {
            quote! { break '__op #value }
        } else {
            quote! { return #value }
        }
    };

    let ok = match op.encoding {
        Encoding::Zerocopy => {
            let wire = op.ok.wire_type();
            common::decode_option(&op.ok, quote! { __reply.value::<#wire>() })
        }
        Encoding::Hubpack | Encoding::Ssmarshal => {
            let ty = &op.ok.ty;
            quote! { userlib::ipc::decode::<#ty>(__reply.bytes()) }
        }
    };
    let ok_result = finish(match op.err {
        Failure::Never => quote! { __value },
        _ => quote! { Ok(__value) },
    });
    let bad_reply = quote! { userlib::ipc::bad_reply(#label) };

    let dead = if op.idempotent {
        // A server that answers a dead code although it lives could keep its client here for ever.
        quote! {
            if __restarted {
                continue;
            }
        }
    } else {
        match &op.err {
            // The type of the error tells a dead code from others.
            Failure::CLike(_) | Failure::Never => TokenStream::new(),
            Failure::Complex(ty) => {
                let result = finish(quote! {
                    Err(<#ty as core::convert::From<userlib::ipc::ServerDeath>>::from(userlib::ipc::ServerDeath))
                });
                quote! { #result; }
            }
            Failure::Death => {
                let result = finish(quote! { Err(userlib::ipc::ServerDeath) });
                quote! { #result; }
            }
        }
    };
    let error = match &op.err {
        Failure::Never | Failure::Death => quote! { #bad_reply },
        Failure::CLike(ty) => {
            let result = finish(quote! { Err(__error) });
            quote! {
                match <#ty as core::convert::TryFrom<u32>>::try_from(__code) {
                    Ok(__error) => #result,
                    Err(_) => #bad_reply,
                }
            }
        }
        Failure::Complex(ty) => {
            let result = finish(quote! { Err(__error) });
            quote! {
                if __code != 1 {
                    #bad_reply;
                }
                match userlib::ipc::decode::<#ty>(__reply.bytes()) {
                    Some(__error) => #result,
                    None => #bad_reply,
                }
            }
        }
    };

    let restarted = if op.idempotent {
        quote! { let __restarted = }
    } else {
        TokenStream::new()
    };
    let once = quote! {
        let mut __room = userlib::ipc::ReplyBuffer::<{ #size }>::new();
        let __reply = __room.send(
            self.current_id.get(),
            #op_enum::#name as u16,
            __message,
            &[#(#leases),*],
        );
        let __code = __reply.code();
        if __code == 0 {
            match #ok {
                Some(__value) => #ok_result,
                None => #bad_reply,
            }
        }
        if userlib::extract_new_generation(__code).is_some() {
            #restarted self.__restarted();
            #dead
        }
        #error
    };
    let attempts = if op.idempotent {
        quote! { loop { #once } }
    } else {
        once
    };
    if !counted {
        return quote! { #message #attempts };
    }
    let result = result_type(op);
    let count = count(interface, op);
    quote! {
        let __result: #result = '__op: { #message #attempts };
        #count
        __result
    }
}

fn count(interface: &Interface, op: &Op) -> TokenStream {
    let (counters, name) = (counters_name(interface), &op.name);
    match op.err {
        Failure::Never => quote! {
            counters::Count::count(&(), &#counters.#name);
        },
        _ => quote! {
            match &__result {
                Ok(_) => counters::Count::count(&(), &#counters.#name.ok),
                Err(__error) => counters::Count::count(__error, &#counters.#name.err),
            }
        },
    }
}
