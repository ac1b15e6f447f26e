// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `#[derive(Count)]`; see the `counters` crate for what it means and how to use it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Ident, Result, Type, Variant, parse_macro_input};

/// Derives `counters::Count` for an enum.
#[proc_macro_derive(Count, attributes(count))]
pub fn derive_count(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`Count` can only be derived for an enum: its variants are what is counted",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "`Count` cannot be derived for a generic enum: its counters are a static",
        ));
    }

    let name = &input.ident;
    let visibility = &input.vis;
    let counts = format_ident!("{name}Counts");
    let doc = format!(" Counters of [`{name}`], one for each variant that is counted.");

    let mut fields = Vec::new();
    let mut initial = Vec::new();
    let mut arms = Vec::new();
    for variant in &data.variants {
        let ident = &variant.ident;
        match what_to_count(variant)? {
            What::Nothing => arms.push(quote! { Self::#ident { .. } => {} }),
            What::Variant => {
                let doc = format!(" How often `{ident}` happened.");
                fields.push(quote! { #[doc = #doc] pub #ident: ::core::sync::atomic::AtomicU32 });
                initial.push(quote! { #ident: ::core::sync::atomic::AtomicU32::new(0) });
                arms.push(quote! {
                    Self::#ident { .. } => {
                        counters.#ident.fetch_add(1, ::core::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
            What::Child { member, ty } => {
                let doc = format!(" How often `{ident}` happened, by what is inside.");
                fields.push(
                    quote! { #[doc = #doc] pub #ident: <#ty as ::counters::Count>::Counters },
                );
                initial.push(quote! { #ident: <#ty as ::counters::Count>::NEW_COUNTERS });
                arms.push(quote! {
                    Self::#ident { #member: child, .. } =>
                        ::counters::Count::count(child, &counters.#ident),
                });
            }
        }
    }

    Ok(quote! {
        #[doc = #doc]
        #[allow(non_snake_case)]
        #visibility struct #counts {
            #(#fields,)*
        }

        #[automatically_derived]
        impl ::counters::Count for #name {
            type Counters = #counts;

            #[allow(clippy::declare_interior_mutable_const)]
            const NEW_COUNTERS: Self::Counters = #counts {
                #(#initial,)*
            };

            #[inline]
            fn count(&self, counters: &Self::Counters) {
                let _ = counters;
                match self {
                    #(#arms)*
                    // Reached by no value of an enum without variants.
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
            }
        }
    })
}

/// What counts a variant.
enum What {
    Nothing,
    Variant,
    Child { member: syn::Member, ty: Box<Type> },
}

fn what_to_count(variant: &Variant) -> Result<What> {
    let on_variant = attribute(&variant.attrs)?;
    let mut child = None;
    for (field, member) in variant.fields.iter().zip(variant.fields.members()) {
        match attribute(&field.attrs)? {
            None => {}
            Some(Attribute::Skip(ident)) => {
                return Err(Error::new_spanned(
                    ident,
                    "`skip` belongs on a variant, not on a field",
                ));
            }
            Some(Attribute::Children(ident)) => {
                if child.is_some() {
                    return Err(Error::new_spanned(
                        ident,
                        "only one field of a variant can count for it",
                    ));
                }
                if let Some(Attribute::Skip(ident) | Attribute::Children(ident)) = &on_variant {
                    return Err(Error::new_spanned(
                        ident,
                        "the variant and one of its fields are both marked: keep one of the two",
                    ));
                }
                child = Some(What::Child {
                    member,
                    ty: Box::new(field.ty.clone()),
                });
            }
        }
    }
    match on_variant {
        Some(Attribute::Skip(_)) => Ok(What::Nothing),
        Some(Attribute::Children(ident)) => only_field(variant, &ident),
        None => Ok(child.unwrap_or(What::Variant)),
    }
}

fn only_field(variant: &Variant, marker: &Ident) -> Result<What> {
    if let Fields::Named(_) | Fields::Unnamed(_) = &variant.fields
        && variant.fields.len() == 1
        && let Some(field) = variant.fields.iter().next()
        && let Some(member) = variant.fields.members().next()
    {
        return Ok(What::Child {
            member,
            ty: Box::new(field.ty.clone()),
        });
    }
    Err(Error::new_spanned(
        marker,
        format!(
            "`children` on a variant needs exactly one field, but `{}` has {}: mark the field that is to be counted",
            variant.ident,
            variant.fields.len()
        ),
    ))
}

enum Attribute {
    Skip(Ident),
    Children(Ident),
}

/// Reads `#[count(...)]`, and says what is wrong with one that it does not know.
fn attribute(attributes: &[syn::Attribute]) -> Result<Option<Attribute>> {
    let mut found = None;
    for attribute in attributes {
        if !attribute.path().is_ident("count") {
            continue;
        }
        let ident: Ident = attribute.parse_args()?;
        let this = if ident == "skip" {
            Attribute::Skip(ident)
        } else if ident == "children" {
            Attribute::Children(ident)
        } else {
            return Err(Error::new_spanned(
                &ident,
                format!("unknown `count` attribute `{ident}`: there are `skip` and `children`"),
            ));
        };
        if found.is_some() {
            return Err(Error::new_spanned(
                attribute,
                "more than one `count` attribute here",
            ));
        }
        found = Some(this);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
