// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `task_config!`: constants from `[tasks.NAME.config]` in `app.toml`.
//!
//! ```ignore
//! task_config::task_config! {
//!     period_ms: u32,
//!     zones: &'static [&'static str],
//!     limit: Option<i32>,
//! }
//!
//! fn period() -> u32 {
//!     TASK_CONFIG.period_ms
//! }
//! ```
//!
//! declares `struct TaskConfig` with these fields and `static TASK_CONFIG` with the values of the keys `period_ms` (or `period-ms`), `zones` and
//! `limit`. A key that is missing, misspelt or of the wrong type is a compile error which names it.
//!
//! | type | value in `app.toml` |
//! |---|---|
//! | integers, floats, `bool` | a number, `true`, `false` |
//! | `&'static str` | a string |
//! | `&'static [T]`, `[T; N]` | an array |
//! | `(A, B)` | an array with an element for each |
//! | `Option<T>` | a value, or no such key |
//! | any of these but arrays | a string with a literal of Rust, as upstream's manifests have it: `'"text"'`, `"0x1f"` |
//! | any other type | a string with a constant expression of that type, such as `"Mode::Fast"` |

mod fields;
mod value;

use fields::Fields;
use proc_macro::TokenStream;
use quote::quote;

/// Declares `TASK_CONFIG`: see the crate's documentation.
#[proc_macro]
pub fn task_config(input: TokenStream) -> TokenStream {
    let fields = syn::parse_macro_input!(input as Fields);
    let code = fields::task_table().and_then(|table| fields.generate(table.as_ref()));
    finish(code)
}

/// Like `task_config!`, but `TASK_CONFIG` is an `Option`: `None` when the task has no `[tasks.NAME.config]`.
#[proc_macro]
pub fn optional_task_config(input: TokenStream) -> TokenStream {
    let fields = syn::parse_macro_input!(input as Fields);
    let code = fields::task_table().and_then(|table| fields.generate_optional(table.as_ref()));
    finish(code)
}

fn finish(code: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let code = code.unwrap_or_else(|error| error.into_compile_error());
    // Mentioning the variable makes cargo build again when it changes.
    quote! {
        const _: ::core::option::Option<&::core::primitive::str> = ::core::option_env!("HUBRIS_TASK_CONFIG");
        #code
    }
    .into()
}
