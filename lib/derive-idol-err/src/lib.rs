// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `#[derive(IdolError)]` for the errors of IPC interfaces.
//!
//! An error that an interface returns as `CLike` travels as a response code. The derive makes the conversions between the two for an enum
//! that also derives `FromPrimitive`:
//!
//! ```
//! use derive_idol_err::IdolError;
//! use userlib::FromPrimitive;
//!
//! /// What can go wrong.
//! #[derive(Copy, Clone, Debug, Eq, PartialEq, FromPrimitive, IdolError)]
//! #[repr(u32)]
//! pub enum BusError {
//!     /// There is no such device: check the index.
//!     NoDevice = 1,
//!     /// The device did not answer: try again.
//!     Timeout,
//!     /// The server restarted; the request may have been done or not.
//!     #[idol(server_death)]
//!     ServerRestarted,
//! }
//!
//! assert_eq!(u16::from(BusError::Timeout), 2);
//! assert_eq!(BusError::try_from(2), Ok(BusError::Timeout));
//! assert_eq!(BusError::try_from(4), Err(()));
//! assert_eq!(BusError::try_from(0xFFFF_FF05), Ok(BusError::ServerRestarted));
//! ```
//!
//! - Variants have no fields and values from 1 to 65 535: 0 is success, and a response code has 16 bits.
//! - `#[idol(server_death)]` marks the variant that stands for every dead code. An enum that has one may be the error of operations
//!   that are not idempotent; without it, a client whose server restarts panics.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, ExprLit, Fields, Ident, Lit, Result, Variant};

/// Derives the conversions between an enum and response codes. See the crate's documentation.
#[proc_macro_derive(IdolError, attributes(idol))]
pub fn derive_idol_error(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`IdolError` can only be derived for an enum: its values are response codes",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "`IdolError` cannot be derived for a generic enum",
        ));
    }

    let name = &input.ident;
    let mut death: Option<&Ident> = None;
    let mut in_range = Vec::new();
    let mut implicit = Some(0_u128);
    for variant in &data.variants {
        implicit = check_value(variant, implicit)?;
        let ident = &variant.ident;
        let message =
            format!("`{name}::{ident}` is not a response code: its value must be 1 to 65535");
        in_range.push(quote! {
            assert!(#name::#ident as u128 >= 1 && #name::#ident as u128 <= 65535, #message);
        });
        if marks_server_death(variant)? {
            if let Some(first) = death {
                return Err(Error::new_spanned(
                    ident,
                    format!("`{first}` already stands for the server's death"),
                ));
            }
            death = Some(ident);
        }
    }

    let dead_code = match death {
        Some(death) => quote! { return Ok(Self::#death); },
        None => quote! { return Err(()); },
    };
    let considered = death.map(|death| {
        quote! {
            #[automatically_derived]
            impl ::idol_runtime::IHaveConsideredServerDeathWithThisErrorType for #name {}

            #[automatically_derived]
            impl ::core::convert::From<::idol_runtime::ServerDeath> for #name {
                #[inline]
                fn from(_: ::idol_runtime::ServerDeath) -> Self {
                    Self::#death
                }
            }
        }
    });
    Ok(quote! {
        const _: () = { #(#in_range)* };

        #[automatically_derived]
        impl ::core::convert::From<#name> for u16 {
            #[inline]
            fn from(error: #name) -> Self {
                error as u16
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#name> for u32 {
            #[inline]
            fn from(error: #name) -> Self {
                error as u32
            }
        }

        /// From a response code. Dead codes are the variant that stands for the server's death, if there is one.
        #[automatically_derived]
        impl ::core::convert::TryFrom<u32> for #name {
            type Error = ();

            #[inline]
            fn try_from(code: u32) -> ::core::result::Result<Self, ()> {
                if code >= ::userlib::FIRST_DEAD_CODE {
                    #dead_code
                }
                <Self as ::userlib::FromPrimitive>::from_u32(code).ok_or(())
            }
        }

        #considered
    })
}

/// Refuses what can be seen to be no response code, with an error at the right place. Takes and returns the value that the next variant has
/// unless it says otherwise; `None` when that is not known.
fn check_value(variant: &Variant, implicit: Option<u128>) -> Result<Option<u128>> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            variant,
            "a variant of an `IdolError` has no fields: only its value travels; use `Complex` in the interface for more",
        ));
    }
    let value = match &variant.discriminant {
        None => implicit,
        Some((
            _,
            Expr::Lit(ExprLit {
                lit: Lit::Int(value),
                ..
            }),
        )) => Some(value.base10_parse()?),
        // Left to the assertion.
        Some(_) => None,
    };
    match value {
        Some(0) => Err(Error::new_spanned(
            variant,
            "0 means success, so an `IdolError` starts at 1: write `= 1` behind the first variant",
        )),
        Some(value) if value > u16::MAX.into() => Err(Error::new_spanned(
            variant,
            format!("{value} does not fit a response code, which is at most 65535"),
        )),
        value => Ok(value.map(|value| value + 1)),
    }
}

fn marks_server_death(variant: &Variant) -> Result<bool> {
    let mut marked = false;
    for attribute in &variant.attrs {
        if !attribute.path().is_ident("idol") {
            continue;
        }
        let ident: Ident = attribute.parse_args()?;
        if ident != "server_death" {
            return Err(Error::new_spanned(
                &ident,
                format!("unknown `idol` attribute `{ident}`: there is `server_death`"),
            ));
        }
        marked = true;
    }
    Ok(marked)
}

#[cfg(test)]
mod tests;
