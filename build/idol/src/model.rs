// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! An interface that was checked: names are identifiers and types are types.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, Path, Type};

use crate::syntax::Encoding;

/// A checked interface.
pub struct Interface {
    pub name: Ident,
    pub docs: Vec<String>,
    pub ops: Vec<Op>,
    /// The file's text, for debuggers.
    pub text: String,
}

/// An operation.
pub struct Op {
    pub name: Ident,
    /// Its place in the file, from 1.
    pub number: u16,
    pub docs: Vec<String>,
    pub encoding: Encoding,
    pub args: Vec<Arg>,
    pub leases: Vec<Lease>,
    pub ok: Value,
    pub err: Failure,
    pub idempotent: bool,
}

/// An argument passed by value.
pub struct Arg {
    pub name: Ident,
    pub value: Value,
}

/// A type, and how it travels.
pub struct Value {
    pub ty: Type,
    pub travel: Travel,
}

/// How a value travels.
pub enum Travel {
    /// As what it is: its bytes with zerocopy, or what serde makes of it.
    Itself,
    /// A `bool` as one byte.
    Bool,
    /// An enum as an integer of this type.
    Primitive(Ident),
    /// As this type; the function that converts from it, if it is not `From::from`.
    Converted(Box<Type>, Option<Box<Path>>),
}

/// Memory lent by the client.
pub struct Lease {
    pub name: Ident,
    pub shape: Shape,
    pub access: Access,
}

pub enum Shape {
    One(Type),
    Slice { element: Type, max_len: Option<u32> },
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    ReadWrite,
}

/// How an operation fails.
pub enum Failure {
    /// It does not: `Simple`.
    Never,
    CLike(Type),
    Complex(Type),
    /// Only by the server's death.
    Death,
}

impl Interface {
    pub fn op_enum(&self) -> Ident {
        format_ident!("{}Operation", self.name)
    }
}

impl Op {
    /// `Interface_op_ARGS`: the message.
    pub fn args_struct(&self, interface: &Interface) -> Ident {
        format_ident!("{}_{}_ARGS", interface.name, self.name)
    }

    /// A constant called `<OP>_suffix`.
    pub fn constant(&self, suffix: &str) -> Ident {
        format_ident!("{}_{suffix}", unraw(&self.name).to_uppercase())
    }

    /// `"Interface.op"`, for messages.
    pub fn label(&self, interface: &Interface) -> String {
        format!("{}.{}", interface.name, unraw(&self.name))
    }

    /// The type of the error as the server names it.
    pub fn server_error(&self) -> TokenStream {
        match &self.err {
            Failure::CLike(ty) | Failure::Complex(ty) => ty.to_token_stream(),
            Failure::Never | Failure::Death => quote! { core::convert::Infallible },
        }
    }
}

impl Value {
    /// The type on the wire.
    pub fn wire_type(&self) -> TokenStream {
        match &self.travel {
            Travel::Itself => self.ty.to_token_stream(),
            Travel::Bool => quote! { u8 },
            Travel::Primitive(ty) => ty.to_token_stream(),
            Travel::Converted(ty, _) => ty.to_token_stream(),
        }
    }

    /// The value on the wire, from an expression for the value itself.
    pub fn to_wire(&self, value: impl ToTokens) -> TokenStream {
        match &self.travel {
            Travel::Itself => value.to_token_stream(),
            Travel::Bool => quote! { #value as u8 },
            Travel::Primitive(ty) => quote! { #value as #ty },
            Travel::Converted(ty, _) => quote! { <#ty as core::convert::From<_>>::from(#value) },
        }
    }

    /// An `Option` of the value itself, from an expression for the one on the wire; `None` when it cannot be told whether there is one.
    pub fn decoded(&self, wire: TokenStream) -> Decoded {
        let ty = &self.ty;
        match &self.travel {
            Travel::Itself => Decoded::Always(wire),
            Travel::Bool => Decoded::Always(quote! { #wire != 0 }),
            Travel::Primitive(primitive) => {
                let from = format_ident!("from_{primitive}");
                Decoded::Perhaps(quote! { <#ty as userlib::FromPrimitive>::#from(#wire) })
            }
            Travel::Converted(_, None) => {
                Decoded::Always(quote! { <#ty as core::convert::From<_>>::from(#wire) })
            }
            Travel::Converted(_, Some(function)) => Decoded::Always(quote! { #function(#wire) }),
        }
    }
}

/// An expression that decodes a value.
pub enum Decoded {
    /// Of the value's type.
    Always(TokenStream),
    /// Of an `Option` of it: some bytes are no value.
    Perhaps(TokenStream),
}

/// The name without `r#`.
pub fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}
