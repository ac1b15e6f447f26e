// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

use syn::parse_quote;

use super::*;

fn message(input: DeriveInput) -> String {
    derive(&input).unwrap_err().to_string()
}

#[test]
fn only_enums() {
    assert!(message(parse_quote! { struct S { a: u8 } }).contains("only be derived for an enum"));
    assert!(message(parse_quote! { enum E<T> { A(T) } }).contains("generic enum"));
}

#[test]
fn attributes_are_checked() {
    assert!(
        message(parse_quote! { enum E { #[count(sikp)] A } })
            .contains("unknown `count` attribute `sikp`")
    );
    assert!(
        message(parse_quote! { enum E { #[count(children)] A(u8, u8) } })
            .contains("needs exactly one field, but `A` has 2")
    );
    assert!(
        message(parse_quote! { enum E { #[count(children)] A } })
            .contains("needs exactly one field, but `A` has 0")
    );
    assert!(
        message(parse_quote! { enum E { A(#[count(children)] bool, #[count(children)] bool) } })
            .contains("only one field")
    );
    assert!(
        message(parse_quote! { enum E { #[count(skip)] A(#[count(children)] bool) } })
            .contains("both marked")
    );
    assert!(
        message(parse_quote! { enum E { A(#[count(skip)] bool) } })
            .contains("belongs on a variant")
    );
    assert!(
        message(parse_quote! { enum E { #[count(skip)] #[count(skip)] A } })
            .contains("more than one")
    );
}
