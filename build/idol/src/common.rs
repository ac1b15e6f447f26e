// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What clients and servers both have: the operations, the messages, their sizes.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{GenericArgument, Ident, PathArguments, Type};

use crate::Generator;
use crate::model::{Decoded, Failure, Interface, Op, Value};
use crate::syntax::Encoding;

/// Where generated code finds the crates that it uses besides `userlib`, whatever the crate around it depends on.
pub fn crates() -> TokenStream {
    quote! { userlib::ipc::reexport }
}

/// The enum of operations: values are what travels.
pub fn op_enum(generator: &Generator, interface: &Interface) -> TokenStream {
    let name = interface.op_enum();
    let extra = &generator.op_enum_derives;
    let docs = format!(
        " Operations of `{}`; the values are what travels.",
        interface.name
    );
    let variants = interface.ops.iter().map(|op| {
        let (variant, number) = (&op.name, proc_macro2::Literal::u16_unsuffixed(op.number));
        let docs = docs_of(op);
        quote! { #docs #variant = #number }
    });
    let arms = interface.ops.iter().map(|op| {
        let (variant, number) = (&op.name, proc_macro2::Literal::u16_unsuffixed(op.number));
        quote! { #number => Some(Self::#variant) }
    });
    // By hand rather than derived: one comparison of a machine word, and no need for the crate that the derive wants.
    quote! {
        #[doc = #docs]
        #[derive(Copy, Clone, Debug, Eq, PartialEq #(, #extra)*)]
        #[allow(non_camel_case_types, dead_code, clippy::enum_variant_names)]
        #[repr(u16)]
        pub enum #name {
            #(#variants,)*
        }

        impl userlib::FromPrimitive for #name {
            #[inline(always)]
            fn from_u32(number: u32) -> Option<Self> {
                match number {
                    #(#arms,)*
                    _ => None,
                }
            }

            fn from_u64(number: u64) -> Option<Self> {
                Self::from_u32(u32::try_from(number).ok()?)
            }

            fn from_i64(number: i64) -> Option<Self> {
                Self::from_u32(u32::try_from(number).ok()?)
            }
        }
    }
}

/// What upstream's generated code has in scope, for the source around it.
pub fn scope() -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use userlib::UnwrapLite as _;
    }
}

/// The attribute of generated items. Style is for people; names and types come from the file; and who uses what is the crate's affair.
pub fn allow() -> TokenStream {
    quote! { #[allow(clippy::all, clippy::pedantic, dead_code, non_snake_case)] }
}

/// An operation's documentation, as attributes.
pub fn docs_of(op: &Op) -> TokenStream {
    let lines: Vec<String> = if op.docs.is_empty() {
        vec![format!(" `{}`", crate::model::unraw(&op.name))]
    } else {
        op.docs
            .iter()
            .flat_map(|text| text.lines().chain([""]))
            .map(|line| {
                if line.is_empty() {
                    String::new()
                } else {
                    format!(" {}", line.trim())
                }
            })
            .collect()
    };
    let end = lines
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    let lines = &lines[..end];
    quote! { #(#[doc = #lines])* }
}

/// Which half of a message's structure is generated.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Half {
    Client,
    Server,
}

/// The structure of an operation's message; nothing for one without arguments.
pub fn args_struct(interface: &Interface, op: &Op, half: Half) -> TokenStream {
    if op.args.is_empty() {
        return TokenStream::new();
    }
    let name = op.args_struct(interface);
    let fields = op.args.iter().map(|arg| {
        let (field, ty) = (&arg.name, arg.value.wire_type());
        quote! { pub #field: #ty }
    });
    let crates = crates();
    let docs = format!(" The message of `{}`.", op.label(interface));
    let derives = match (op.encoding, half) {
        (Encoding::Zerocopy, Half::Client) => quote! {
            #[derive(#crates::zerocopy::IntoBytes, #crates::zerocopy::Immutable)]
            #[zerocopy(crate = "userlib::ipc::reexport::zerocopy")]
            #[repr(C, packed)]
        },
        (Encoding::Zerocopy, Half::Server) => quote! {
            #[derive(#crates::zerocopy::FromBytes)]
            #[zerocopy(crate = "userlib::ipc::reexport::zerocopy")]
            #[repr(C, packed)]
        },
        (_, Half::Client) => quote! {
            #[derive(#crates::serde::Serialize)]
            #[serde(crate = "userlib::ipc::reexport::serde")]
        },
        (_, Half::Server) => quote! {
            #[derive(#crates::serde::Deserialize)]
            #[serde(crate = "userlib::ipc::reexport::serde")]
        },
    };
    quote! {
        #[doc = #docs]
        #derives
        #[allow(non_camel_case_types, missing_docs, dead_code)]
        pub struct #name {
            #(#fields,)*
        }
    }
}

/// A constant expression: the size of a value in an encoding, in bytes, or the largest that it can have.
pub fn size_of(value: &Value, encoding: Encoding) -> TokenStream {
    let ty = value.wire_type();
    let crates = crates();
    match encoding {
        Encoding::Zerocopy => quote! { core::mem::size_of::<#ty>() },
        Encoding::Hubpack => quote! { <#ty as #crates::hubpack::SerializedSize>::MAX_SIZE },
        // Arguments of this encoding travel as what they are.
        Encoding::Ssmarshal => serialized_size(&value.ty),
    }
}

/// A constant expression: the most bytes that a value of a type takes in ssmarshal. Its types need not know their size, so it is put
/// together from those of their parts as far as those can be seen here.
fn serialized_size(ty: &Type) -> TokenStream {
    match ty {
        Type::Paren(inner) => serialized_size(&inner.elem),
        Type::Group(inner) => serialized_size(&inner.elem),
        Type::Tuple(tuple) => sum(tuple.elems.iter().map(serialized_size)),
        Type::Array(array) => {
            let (element, len) = (serialized_size(&array.elem), &array.len);
            quote! { (#element) * (#len) }
        }
        // Serde makes 64 bits of it everywhere.
        _ if crate::check::is_named(ty, "usize") || crate::check::is_named(ty, "isize") => {
            quote! { 8 }
        }
        _ => match parameters_of(ty) {
            Some((name, parameters)) if name == "Option" && parameters.len() == 1 => {
                let some = serialized_size(parameters[0]);
                quote! { 1 + #some }
            }
            Some((name, parameters)) if name == "Result" && parameters.len() == 2 => {
                let (ok, err) = (
                    serialized_size(parameters[0]),
                    serialized_size(parameters[1]),
                );
                quote! { 1 + userlib::ipc::larger(#ok, #err) }
            }
            _ => quote! { userlib::serialized_size!(#ty) },
        },
    }
}

/// The name and the parameters of a generic type that is named without a path.
fn parameters_of(ty: &Type) -> Option<(&Ident, Vec<&Type>)> {
    let Type::Path(path) = ty else {
        return None;
    };
    if path.qself.is_some() || path.path.segments.len() != 1 {
        return None;
    }
    let segment = path.path.segments.first()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let types = arguments.args.iter().map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((&segment.ident, types.collect::<Option<_>>()?))
}

/// A constant expression: the size of an operation's message.
pub fn message_size(op: &Op) -> TokenStream {
    sum(op.args.iter().map(|arg| size_of(&arg.value, op.encoding)))
}

/// A constant expression: the size of an operation's longest reply, be it success or error.
pub fn reply_size(op: &Op) -> TokenStream {
    let ok = size_of(&op.ok, op.encoding);
    match &op.err {
        Failure::Complex(ty) => {
            let crates = crates();
            quote! {
                userlib::ipc::larger(#ok, <#ty as #crates::hubpack::SerializedSize>::MAX_SIZE)
            }
        }
        _ => ok,
    }
}

fn sum(terms: impl Iterator<Item = TokenStream>) -> TokenStream {
    terms
        .reduce(|left, right| quote! { #left + #right })
        .unwrap_or_else(|| quote! { 0 })
}

/// The static of counters and the enum that describes it: one counter for each operation, or for each of its results.
pub fn counters(
    interface: &Interface,
    name: &Ident,
    half: Half,
    result_of: impl Fn(&Op) -> Option<TokenStream>,
) -> TokenStream {
    // A server's are there for debuggers even before it counts. A client's would be in each task that links its crate, whether or not
    // that task calls the server.
    let used = (half == Half::Server).then(|| quote! { #[used] });
    let event = format_ident!("{}Event", interface.name);
    let docs = format!(" What is counted of `{}`.", interface.name);
    let variants = interface.ops.iter().map(|op| {
        let (variant, docs) = (&op.name, docs_of(op));
        match result_of(op) {
            Some(result) => quote! { #docs #variant(#[count(children)] #result) },
            None => quote! { #docs #variant },
        }
    });
    quote! {
        #[doc = #docs]
        #[derive(counters::Count)]
        #[allow(non_camel_case_types, dead_code)]
        pub enum #event {
            #(#variants,)*
        }

        /// How often it happened since the task started.
        #used
        pub static #name: <#event as counters::Count>::Counters =
            <#event as counters::Count>::NEW_COUNTERS;
    }
}

/// Statements that decode a value from the wire: `Some` of it or `None`.
pub fn decode_option(value: &Value, wire: TokenStream) -> TokenStream {
    match value.decoded(quote! { __wire }) {
        Decoded::Always(_) if matches!(value.travel, crate::model::Travel::Itself) => wire,
        Decoded::Always(decoded) => quote! { #wire.map(|__wire| #decoded) },
        Decoded::Perhaps(decoded) => quote! { #wire.and_then(|__wire| #decoded) },
    }
}
