// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The fields that a task asks for, and the table that answers.

use std::env;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Field, Ident, Result, Token};
use toml::{Table, Value};

use crate::value::{is_option, to_tokens};

/// `name: type, ...`.
pub struct Fields(Punctuated<Field, Token![,]>);

impl Parse for Fields {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Punctuated::parse_terminated_with(input, Field::parse_named).map(Self)
    }
}

/// `[tasks.NAME.config]`, when the task has one.
pub fn task_table() -> Result<Option<Table>> {
    let fail = |message: String| Error::new(Span::call_site(), message);
    let text = env::var("HUBRIS_TASK_CONFIG").map_err(|_| {
        fail("task_config! takes its values from app.toml, so it works only when an image is built (`cargo xtask run`)".into())
    })?;
    let mut task: Table =
        toml::from_str(&text).map_err(|error| fail(format!("HUBRIS_TASK_CONFIG: {error}")))?;
    match task.remove("config") {
        None => Ok(None),
        Some(Value::Table(table)) => Ok(Some(table)),
        Some(_) => Err(fail("app.toml: the task's `config` must be a table".into())),
    }
}

impl Fields {
    /// The structure, and a static with its values.
    pub fn generate(&self, table: Option<&Table>) -> Result<TokenStream> {
        let empty = Table::new();
        let (structure, value) = (self.structure(), self.value(table.unwrap_or(&empty))?);
        Ok(quote! {
            #structure
            #[allow(dead_code)]
            static TASK_CONFIG: TaskConfig = #value;
        })
    }

    /// The structure, and a static with its values, or none.
    pub fn generate_optional(&self, table: Option<&Table>) -> Result<TokenStream> {
        let structure = self.structure();
        let value = match table {
            Some(table) => {
                let value = self.value(table)?;
                quote!(::core::option::Option::Some(#value))
            }
            None => quote!(::core::option::Option::None),
        };
        Ok(quote! {
            #structure
            #[allow(dead_code)]
            static TASK_CONFIG: ::core::option::Option<TaskConfig> = #value;
        })
    }

    fn structure(&self) -> TokenStream {
        let fields = self.0.iter();
        quote! {
            /// The task's own table in app.toml.
            #[allow(dead_code)]
            #[derive(Copy, Clone, Debug)]
            struct TaskConfig { #(#fields),* }
        }
    }

    fn value(&self, table: &Table) -> Result<TokenStream> {
        self.check_for_unknown_keys(table)?;
        let assignments = self.0.iter().map(|field| {
            let (name, ty) = (field.ident.as_ref().expect("parsed as named"), &field.ty);
            let key = name.to_string();
            let value = table
                .get(&key)
                .or_else(|| table.get(&key.replace('_', "-")));
            if value.is_none() && !is_option(ty) {
                return Err(Error::new(
                    name.span(),
                    format!("app.toml: the task's `config` lacks the key `{key}`"),
                ));
            }
            let tokens = to_tokens(value, ty, &key)?;
            Ok(quote!(#name: #tokens))
        });
        let assignments = assignments.collect::<Result<Vec<_>>>()?;
        Ok(quote!(TaskConfig { #(#assignments),* }))
    }

    fn check_for_unknown_keys(&self, table: &Table) -> Result<()> {
        let names: Vec<String> = self
            .0
            .iter()
            .filter_map(|field| field.ident.as_ref())
            .map(Ident::to_string)
            .collect();
        for key in table.keys() {
            if !names.contains(&key.replace('-', "_")) {
                let message = format!(
                    "app.toml: the task's `config` has the key `{key}`, which the task does not know; it knows {}",
                    names.join(", ")
                );
                return Err(Error::new(Span::call_site(), message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(fields: &str, table: &str) -> String {
        let fields: Fields = syn::parse_str(fields).unwrap();
        let table: Table = toml::from_str(table).unwrap();
        match fields.generate(Some(&table)) {
            Ok(code) => prettyplease::unparse(&syn::parse2(code).unwrap()),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn values_of_every_kind() {
        let code = generated(
            "a: u32, b_c: bool, d: &'static str, e: &'static [u8], f: [i8; 2], g: (u16, &'static str), h: Mode, i: Option<u8>, j: Option<f32>",
            "a = 7\nb-c = true\nd = 'x'\ne = [1, 2]\nf = [-1, 3]\ng = [9, 'y']\nh = 'Mode::Fast'\nj = 1.5\n",
        );
        let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let at = code.find("static TASK_CONFIG").unwrap();
        assert_eq!(
            &code[at..],
            "static TASK_CONFIG: TaskConfig = TaskConfig { a: 7, b_c: true, d: \"x\", e: &[1, 2], f: [-1, 3], g: (9, \"y\"), \
             h: Mode::Fast, i: ::core::option::Option::None, j: ::core::option::Option::Some(1.5), };"
        );
    }

    /// (U5) Upstream's manifests have Rust literals in strings.
    #[test]
    fn u5_literals_in_strings() {
        let code = generated(
            "a: &'static str, b: &'static str, c: &'static [&'static str], d: u32, e: bool, f: f32, g: i8, h: char, i: &'static str",
            "a = '\"Hello, world\"'\nb = 'Hello, \"world\"'\nc = ['\"x\"', 'y']\nd = '0x1f_u32'\ne = 'true'\nf = '-1.5'\ng = '-3'\n\
             h = \"'c'\"\ni = 'r#\"raw \"one\"\"#'\n",
        );
        let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let at = code.find("static TASK_CONFIG").unwrap();
        assert_eq!(
            &code[at..],
            "static TASK_CONFIG: TaskConfig = TaskConfig { a: \"Hello, world\", b: \"Hello, \\\"world\\\"\", c: &[\"x\", \"y\"], \
             d: 0x1f_u32, e: true, f: -1.5, g: -3, h: 'c', i: r#\"raw \"one\"\"#, };"
        );
        assert!(generated("a: u32", "a = 'seven'\n").contains("`a`: expected an integer"));
        assert!(generated("a: bool", "a = '1'\n").contains("`a`: expected true or false"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(generated("a: u32", "").contains("lacks the key `a`"));
        assert!(generated("a: u32", "a = 1\nbb = 2\n").contains("has the key `bb`"));
        assert!(generated("a: u8", "a = 256\n").contains("`a`: 256 does not fit u8"));
        assert!(generated("a: u32", "a = true\n").contains("`a`: expected an integer"));
        assert!(generated("a: [u8; 2]", "a = [1, 2, 3]\n").contains("`a`: expected 2 elements"));
        assert!(generated("a: (u8, u8)", "a = [1]\n").contains("`a`: expected 2 elements"));
    }
}
