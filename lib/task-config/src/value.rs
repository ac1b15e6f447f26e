// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Values of `app.toml` as Rust expressions of the type that is asked for.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, Expr, GenericArgument, Lit, LitStr, PathArguments, Result, Type, UnOp};
use toml::Value;

/// Whether `ty` is an `Option`, whose key may be missing.
pub fn is_option(ty: &Type) -> bool {
    option_content(ty).is_some()
}

/// The expression for `value`, which stands at `key`, as a `ty`. Only an `Option` can do without a value.
pub fn to_tokens(value: Option<&Value>, ty: &Type, key: &str) -> Result<TokenStream> {
    if let Some(content) = option_content(ty) {
        return Ok(match value {
            None => quote!(::core::option::Option::None),
            Some(_) => {
                let inner = to_tokens(value, content, key)?;
                quote!(::core::option::Option::Some(#inner))
            }
        });
    }
    let Some(value) = value else {
        return Err(Error::new(ty.span(), format!("app.toml: `{key}`: missing")));
    };
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) => {
                let elements = elements(value, &slice.elem, key, ty)?;
                Ok(quote!(&[#(#elements),*]))
            }
            Type::Path(path) if path.path.is_ident("str") => {
                let text = string(value, key, ty)?;
                // Upstream inserts the text as source, so its manifests have a string literal in the string.
                Ok(match syn::parse_str::<LitStr>(text) {
                    Ok(literal) => literal.into_token_stream(),
                    Err(_) => text.into_token_stream(),
                })
            }
            other => {
                let inner = to_tokens(Some(value), other, key)?;
                Ok(quote!(&#inner))
            }
        },
        Type::Array(array) => {
            let elements = elements(value, &array.elem, key, ty)?;
            if let Expr::Lit(length) = &array.len
                && let Lit::Int(length) = &length.lit
                && length.base10_parse::<usize>()? != elements.len()
            {
                return Err(count_error(key, ty, length.base10_parse()?, elements.len()));
            }
            Ok(quote!([#(#elements),*]))
        }
        Type::Tuple(tuple) => {
            let values = array(value, key, ty)?;
            if values.len() != tuple.elems.len() {
                return Err(count_error(key, ty, tuple.elems.len(), values.len()));
            }
            let elements = values
                .iter()
                .zip(&tuple.elems)
                .map(|(value, ty)| to_tokens(Some(value), ty, key));
            let elements = elements.collect::<Result<Vec<_>>>()?;
            Ok(quote!((#(#elements,)*)))
        }
        Type::Path(_) => scalar(value, ty, key),
        other => Err(Error::new(
            other.span(),
            "task_config! does not know what a value of this type looks like in app.toml",
        )),
    }
}

fn option_content(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => {
            match arguments.args.first()? {
                GenericArgument::Type(content) => Some(content),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The least and the most of an integer type. `usize` has 32 bits in every image.
fn limits_of(name: &str) -> Option<(i128, i128)> {
    match name {
        "u8" => Some((0, u8::MAX.into())),
        "u16" => Some((0, u16::MAX.into())),
        "u32" | "usize" => Some((0, u32::MAX.into())),
        "u64" | "u128" => Some((0, u64::MAX.into())),
        "i8" => Some((i8::MIN.into(), i8::MAX.into())),
        "i16" => Some((i16::MIN.into(), i16::MAX.into())),
        "i32" | "isize" => Some((i32::MIN.into(), i32::MAX.into())),
        "i64" | "i128" => Some((i64::MIN.into(), i64::MAX.into())),
        _ => None,
    }
}

/// The literal of Rust that is all of a text, with its sign.
fn literal(text: &str) -> Option<(Expr, Lit)> {
    let expression: Expr = syn::parse_str(text).ok()?;
    let unsigned = match &expression {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => &*unary.expr,
        other => other,
    };
    let Expr::Lit(found) = unsigned else {
        return None;
    };
    let found = found.lit.clone();
    Some((expression, found))
}

fn scalar(value: &Value, ty: &Type, key: &str) -> Result<TokenStream> {
    let name = ty.to_token_stream().to_string();
    // As upstream has it: a number as Rust writes it, for instance `0x1f_u32`. The compiler checks whether it fits.
    if let Value::String(text) = value
        && let Some((expression, literal)) = literal(text)
    {
        let is_float = matches!(name.as_str(), "f32" | "f64");
        let fits = match literal {
            Lit::Int(_) => is_float || limits_of(&name).is_some(),
            Lit::Float(_) => is_float,
            Lit::Bool(_) => name == "bool",
            _ => false,
        };
        if fits {
            return Ok(expression.into_token_stream());
        }
    }
    if let Some((least, most)) = limits_of(&name) {
        let Value::Integer(number) = value else {
            return Err(kind_error(key, ty, "an integer", value));
        };
        if !(least..=most).contains(&(*number).into()) {
            return Err(Error::new(
                ty.span(),
                format!("app.toml: `{key}`: {number} does not fit {name}"),
            ));
        }
        return Ok(Literal::i64_unsuffixed(*number).into_token_stream());
    }
    match (name.as_str(), value) {
        ("bool", Value::Boolean(flag)) => Ok(flag.into_token_stream()),
        ("bool", _) => Err(kind_error(key, ty, "true or false", value)),
        ("f32" | "f64", Value::Float(number)) if number.is_finite() => {
            Ok(Literal::f64_unsuffixed(*number).into_token_stream())
        }
        ("f32" | "f64", Value::Integer(number)) => {
            Ok(Literal::f64_unsuffixed(*number as f64).into_token_stream())
        }
        ("f32" | "f64", _) => Err(kind_error(key, ty, "a finite number", value)),
        // Of a type of the task's own, which only its source can check.
        _ => {
            let expression: Expr = syn::parse_str(string(value, key, ty)?).map_err(|error| {
                Error::new(
                    ty.span(),
                    format!("app.toml: `{key}`: not an expression of type {name}: {error}"),
                )
            })?;
            Ok(expression.into_token_stream())
        }
    }
}

fn elements(value: &Value, element: &Type, key: &str, ty: &Type) -> Result<Vec<TokenStream>> {
    array(value, key, ty)?
        .iter()
        .map(|value| to_tokens(Some(value), element, key))
        .collect()
}

fn array<'v>(value: &'v Value, key: &str, ty: &Type) -> Result<&'v [Value]> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| kind_error(key, ty, "an array", value))
}

fn string<'v>(value: &'v Value, key: &str, ty: &Type) -> Result<&'v str> {
    value
        .as_str()
        .ok_or_else(|| kind_error(key, ty, "a string", value))
}

fn kind_error(key: &str, ty: &Type, expected: &str, found: &Value) -> Error {
    Error::new(
        ty.span(),
        format!("app.toml: `{key}`: expected {expected}, found {found}"),
    )
}

fn count_error(key: &str, ty: &Type, expected: usize, found: usize) -> Error {
    Error::new(
        ty.span(),
        format!("app.toml: `{key}`: expected {expected} elements, found {found}"),
    )
}
