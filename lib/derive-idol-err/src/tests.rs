// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

use syn::parse_quote;

use super::*;

fn message(input: DeriveInput) -> String {
    derive(&input).unwrap_err().to_string()
}

#[test]
fn only_enums_without_fields() {
    assert!(message(parse_quote! { struct E; }).contains("only be derived for an enum"));
    assert!(message(parse_quote! { enum E<T> { A = 1, B(T) } }).contains("generic"));
    assert!(message(parse_quote! { enum E { A(u8) } }).contains("has no fields"));
    assert!(message(parse_quote! { enum E { A {} } }).contains("has no fields"));
}

#[test]
fn values_are_response_codes() {
    assert!(message(parse_quote! { enum E { A, B } }).contains("0 means success"));
    assert!(message(parse_quote! { enum E { A = 1, B = 0 } }).contains("0 means success"));
    assert!(message(parse_quote! { enum E { A = 65536 } }).contains("65536 does not fit"));
    assert!(message(parse_quote! { enum E { A = 0xFFFF, B } }).contains("65536 does not fit"));
    assert!(derive(&parse_quote! { enum E { A = 1, B = 0xFFFF } }).is_ok());
    // What a constant is, the compiler knows: see the assertion in the output.
    let output = derive(&parse_quote! { enum E { A = CODE } })
        .unwrap()
        .to_string();
    assert!(output.contains("its value must be 1 to 65535"));
}

#[test]
fn attributes_are_checked() {
    assert!(
        message(parse_quote! { enum E { #[idol(death)] A = 1 } })
            .contains("unknown `idol` attribute `death`")
    );
    assert!(
        message(parse_quote! { enum E { #[idol(server_death)] A = 1, #[idol(server_death)] B } })
            .contains("`A` already stands")
    );
}
