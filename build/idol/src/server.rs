// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Servers.

mod deferred;
mod fail;
mod handle;

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use crate::common::{self, Half};
use crate::model::{Access, Failure, Interface, Lease, Op, Shape};
use crate::syntax::Encoding;
use crate::{BoxError, Error, Generator};

/// How a server answers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ServerStyle {
    /// Each operation's result is its answer, so messages are answered in the order in which they were received. The trait is
    /// `InOrder<Iface>Impl`.
    InOrder,
    /// An operation may return `None` instead, and be answered later, in any order, with the generated function `reply_<op>`. The trait is
    /// `Deferred<Iface>Impl`.
    Deferred,
}

/// Writes what a server of the interface in file `source` (relative to the crate) needs to `$OUT_DIR/<out>`.
pub fn build_server_support(
    source: impl AsRef<Path>,
    out: impl AsRef<Path>,
    style: ServerStyle,
) -> Result<(), BoxError> {
    Generator::new().build_server_support(source, out, style)
}

/// Like [`build_server_support`], and the operations in `allowed_callers` are served only to the tasks with the indices given there.
pub fn build_restricted_server_support(
    source: impl AsRef<Path>,
    out: impl AsRef<Path>,
    style: ServerStyle,
    allowed_callers: &BTreeMap<String, Vec<usize>>,
) -> Result<(), BoxError> {
    Generator::new().build_restricted_server_support(source, out, style, allowed_callers)
}

/// All that is known while a server is generated.
struct Context<'a> {
    generator: &'a Generator,
    interface: &'a Interface,
    style: ServerStyle,
    allowed_callers: &'a BTreeMap<String, Vec<usize>>,
}

impl Context<'_> {
    fn server_trait(&self) -> proc_macro2::Ident {
        let style = match self.style {
            ServerStyle::InOrder => "InOrder",
            ServerStyle::Deferred => "Deferred",
        };
        format_ident!("{style}{}Impl", self.interface.name)
    }

    fn counters(&self) -> Option<proc_macro2::Ident> {
        let wanted = self.generator.counters.as_ref().is_some_and(|c| c.server);
        wanted.then(|| {
            let name = self.interface.name.to_string().to_uppercase();
            format_ident!("__{name}_SERVER_COUNTERS")
        })
    }

    fn combines_client_errors(&self) -> bool {
        let counters = self.generator.counters.as_ref();
        counters.is_some_and(|c| c.combine_client_errors)
    }
}

pub(crate) fn generate(
    generator: &Generator,
    interface: &Interface,
    style: ServerStyle,
    allowed_callers: &BTreeMap<String, Vec<usize>>,
) -> Result<TokenStream, Error> {
    for name in allowed_callers.keys() {
        if !interface
            .ops
            .iter()
            .any(|op| crate::model::unraw(&op.name) == *name)
        {
            return Err(Error::new(
                "allowed callers",
                format!("`{}` has no op `{name}`", interface.name),
            ));
        }
    }
    let context = Context {
        generator,
        interface,
        style,
        allowed_callers,
    };

    let op_enum = common::op_enum(generator, interface);
    let text = text(interface);
    let sizes = sizes(interface);
    let messages = interface.ops.iter().map(|op| message(interface, op));
    let server_death = server_death(interface);
    let server_op = server_op(interface);
    let server_trait = server_trait(&context);
    let server = handle::server(&context);
    let replies = match style {
        ServerStyle::InOrder => TokenStream::new(),
        ServerStyle::Deferred => {
            let (leases, replies) = (deferred::leases(&context), deferred::replies(&context));
            quote! { #leases #replies }
        }
    };
    let counters = counters(&context);
    let fail_server = fail::server(&context)?;
    let scope = common::scope();
    Ok(quote! {
        #scope
        #text
        #op_enum
        #sizes
        #(#messages)*
        #server_death
        #server_op
        #server_trait
        #server
        #replies
        #counters
        #fail_server
    })
}

/// The file's text, in a section that is not loaded: debuggers decode messages with it.
fn text(interface: &Interface) -> TokenStream {
    let bytes = Literal::byte_string(interface.text.as_bytes());
    let len = Literal::usize_unsuffixed(interface.text.len());
    quote! {
        #[cfg(target_os = "none")]
        #[used]
        #[unsafe(link_section = ".idolatry")]
        static __IDOLATRY: [u8; #len] = *#bytes;
    }
}

fn sizes(interface: &Interface) -> TokenStream {
    let each = interface.ops.iter().map(|op| {
        let (message, reply) = (op.constant("MSG_SIZE"), op.constant("REPLY_SIZE"));
        let (message_size, reply_size) = (common::message_size(op), common::reply_size(op));
        let label = op.label(interface);
        let message_docs = format!(" Longest message of `{label}`, in bytes.");
        let reply_docs = format!(" Longest reply of `{label}`, success or error, in bytes.");
        quote! {
            #[doc = #message_docs]
            #[allow(dead_code)]
            pub const #message: usize = #message_size;
            #[doc = #reply_docs]
            #[allow(dead_code)]
            pub const #reply: usize = #reply_size;
        }
    });
    let messages = interface.ops.iter().map(|op| op.constant("MSG_SIZE"));
    quote! {
        #(#each)*

        /// Longest message of any operation, in bytes: the size of the buffer to receive in.
        #[allow(dead_code)]
        pub const INCOMING_SIZE: usize = {
            let mut size = 0;
            #(size = idol_runtime::larger(size, #messages);)*
            size
        };
    }
}

/// The structure of a message and the function that reads it.
fn message(interface: &Interface, op: &Op) -> TokenStream {
    if op.args.is_empty() {
        return TokenStream::new();
    }
    let args_struct = common::args_struct(interface, op, Half::Server);
    let name = op.args_struct(interface);
    let read = format_ident!("read_{}_msg", crate::model::unraw(&op.name));
    // A plain value where the size is all that can be wrong: taking a `Result` apart costs more than decoding.
    let (result, body) = match op.encoding {
        Encoding::Zerocopy => (
            quote! { #name },
            quote! { idol_runtime::read_prefix(bytes) },
        ),
        Encoding::Hubpack | Encoding::Ssmarshal => (
            quote! { Result<#name, idol_runtime::ClientError> },
            quote! { idol_runtime::decode(bytes).ok_or(idol_runtime::ClientError::BadMessageContents) },
        ),
    };
    quote! {
        #args_struct

        #[inline(always)]
        #[allow(dead_code)]
        fn #read(bytes: &[u8]) -> #result {
            #body
        }
    }
}

/// Fails to compile when an operation that is not repeated has an error type without a value for the server's death.
fn server_death(interface: &Interface) -> TokenStream {
    let checks = interface
        .ops
        .iter()
        .filter(|op| !op.idempotent)
        .filter_map(|op| match &op.err {
            Failure::CLike(ty) => Some(quote! { considered::<#ty>(); }),
            Failure::Complex(ty) => Some(quote! { convertible::<#ty>(); }),
            Failure::Never | Failure::Death => None,
        });
    quote! {
        #[allow(dead_code)]
        const _: () = {
            const fn considered<E: idol_runtime::IHaveConsideredServerDeathWithThisErrorType>() {}
            const fn convertible<E: core::convert::From<idol_runtime::ServerDeath>>() {}
            #(#checks)*
        };
    }
}

fn server_op(interface: &Interface) -> TokenStream {
    let op_enum = interface.op_enum();
    let replies = interface.ops.iter().map(|op| {
        let (name, size) = (&op.name, op.constant("REPLY_SIZE"));
        quote! { Self::#name => #size }
    });
    let leases = interface.ops.iter().map(|op| {
        let (name, count) = (&op.name, Literal::usize_unsuffixed(op.leases.len()));
        quote! { Self::#name => #count }
    });
    let limits = interface.ops.iter().map(|op| {
        let (reply, count) = (
            op.constant("REPLY_SIZE"),
            Literal::usize_unsuffixed(op.leases.len()),
        );
        quote! { idol_runtime::Limits { max_reply_size: #reply, lease_count: #count } }
    });
    let places = Literal::usize_unsuffixed(interface.ops.len() + 1);
    quote! {
        impl idol_runtime::ServerOp for #op_enum {
            #[inline(always)]
            fn max_reply_size(&self) -> usize {
                match self {
                    #(#replies,)*
                }
            }

            #[inline(always)]
            fn required_lease_count(&self) -> usize {
                match self {
                    #(#leases,)*
                }
            }

            #[inline(always)]
            fn limits(&self) -> idol_runtime::Limits {
                // Operations count from 1.
                static LIMITS: [idol_runtime::Limits; #places] = [
                    idol_runtime::Limits { max_reply_size: 0, lease_count: 0 },
                    #(#limits,)*
                ];
                LIMITS[*self as usize]
            }
        }
    }
}

fn server_trait(context: &Context<'_>) -> TokenStream {
    let name = context.server_trait();
    let interface = &context.interface.name;
    let docs = match context.style {
        ServerStyle::InOrder => vec![format!(
            " A server of `{interface}`, which answers each message before it receives the next."
        )],
        ServerStyle::Deferred => deferred::trait_docs(context.interface),
    };
    let methods = context.interface.ops.iter().map(|op| {
        let name = &op.name;
        let docs = common::docs_of(op);
        let parameters = parameters(context, op);
        let result = result_type(context, op);
        let msg = msg(op);
        quote! {
            #docs
            fn #name(&mut self, #msg: &userlib::RecvMessage #parameters) -> #result;
        }
    });
    let allow = common::allow();
    quote! {
        #(#[doc = #docs])*
        #allow
        pub trait #name: idol_runtime::NotificationHandler {
            /// The only task to listen to now; `None`, as provided, listens to all.
            fn recv_source(&self) -> Option<userlib::TaskId> {
                None
            }

            /// The task of `recv_source` died. To be provided by a server that provides that.
            fn closed_recv_fail(&mut self) {
                panic!("the only task to listen to died");
            }

            #(#methods)*
        }
    }
}

/// The name of the parameter before those: `msg`, unless one of them has that.
fn msg(op: &Op) -> proc_macro2::Ident {
    let taken = |name: &str| {
        op.args.iter().any(|arg| arg.name == name)
            || op.leases.iter().any(|lease| lease.name == name)
    };
    format_ident!("{}", if taken("msg") { "__msg" } else { "msg" })
}

/// `, name: type` for each argument and each lease.
fn parameters(context: &Context<'_>, op: &Op) -> TokenStream {
    let args = op.args.iter().map(|arg| {
        let (name, ty) = (&arg.name, &arg.value.ty);
        quote! { , #name: #ty }
    });
    let leases = op.leases.iter().map(|lease| {
        let (name, access) = (&lease.name, access(lease.access));
        if context.generator.lazy_leases {
            let ty = lazy_type(lease);
            return quote! { , #name: #ty };
        }
        match &lease.shape {
            Shape::One(ty) => quote! { , #name: idol_runtime::Leased<#access, #ty> },
            Shape::Slice {
                element,
                max_len: None,
            } => quote! { , #name: idol_runtime::Leased<#access, [#element]> },
            Shape::Slice {
                element,
                max_len: Some(limit),
            } => {
                let limit = Literal::u32_unsuffixed(*limit);
                quote! { , #name: idol_runtime::LenLimit<idol_runtime::Leased<#access, [#element]>, #limit> }
            }
        }
    });
    quote! { #(#args)* #(#leases)* }
}

fn lazy_type(lease: &Lease) -> TokenStream {
    let access = access(lease.access);
    match &lease.shape {
        Shape::One(ty) => quote! { idol_runtime::LazyLeased<#access, #ty> },
        Shape::Slice { element, .. } => quote! { idol_runtime::LazyLeased<#access, [#element]> },
    }
}

fn access(access: Access) -> TokenStream {
    match access {
        Access::Read => quote! { idol_runtime::R },
        Access::Write => quote! { idol_runtime::W },
        Access::ReadWrite => quote! { idol_runtime::RW },
    }
}

fn result_type(context: &Context<'_>, op: &Op) -> TokenStream {
    let (ok, err) = (&op.ok.ty, op.server_error());
    let ok = match context.style {
        ServerStyle::InOrder => quote! { #ok },
        ServerStyle::Deferred => quote! { Option<#ok> },
    };
    quote! { Result<#ok, idol_runtime::RequestError<#err>> }
}

fn counters(context: &Context<'_>) -> Option<TokenStream> {
    let name = context.counters()?;
    Some(common::counters(
        context.interface,
        &name,
        Half::Server,
        |op| {
            let err = op.server_error();
            Some(if context.combines_client_errors() {
                quote! { Result<(), idol_runtime::CombinedRequestError<#err>> }
            } else {
                quote! { Result<(), idol_runtime::RequestError<#err>> }
            })
        },
    ))
}
