// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every rule, and what is said of a file that breaks it.

use std::collections::BTreeMap;

use idol::server::ServerStyle;
use idol::{FailServer, Generator};

/// An interface with these operations.
fn interface(ops: &str) -> String {
    format!("Interface(name: \"I\", ops: {{ {ops} }})")
}

fn client(text: &str) -> String {
    Generator::new().client_code(text).unwrap_err().to_string()
}

fn server(text: &str) -> String {
    let nobody = BTreeMap::new();
    let result = Generator::new().server_code(text, ServerStyle::InOrder, &nobody);
    result.unwrap_err().to_string()
}

/// Both generators refuse these operations and say so.
#[track_caller]
fn refused(ops: &str, expected: &[&str]) {
    let text = interface(ops);
    for message in [client(&text), server(&text)] {
        for part in expected {
            assert!(message.contains(part), "`{message}` does not say `{part}`");
        }
    }
}

const OK: &str = r#"reply: Result(ok: "()", err: CLike("E"))"#;

#[test]
fn duplicate_keys() {
    let op = format!(r#""a": ({OK}), "b": ({OK}), "a": ({OK})"#);
    refused(&op, &["line 1", "`a` is there twice"]);
    let op = format!(r#""a": (args: {{"x": "u8", "x": "u8"}}, {OK})"#);
    refused(&op, &["`x` is there twice"]);
    let op = format!(
        r#""a": (leases: {{"l": (type: "u8", read: true), "l": (type: "u8", read: true)}}, {OK})"#
    );
    refused(&op, &["`l` is there twice"]);
    let op =
        format!(r#""a": (args: {{"x": "u8"}}, leases: {{"x": (type: "u8", read: true)}}, {OK})"#);
    refused(&op, &["op `a`: lease `x`: an argument has the same name"]);
    let op = format!(r#""a": ({OK}, {OK})"#);
    refused(&op, &["line 1", "reply"]);
}

#[test]
fn text_that_is_no_interface() {
    assert!(client("Interfac(name: \"I\", ops: {})").contains("line 1, column"));
    let message = client("Interface(\n  name: \"I\",\n  ops: {\n    \"a\": (args: {}),\n  },\n)");
    assert!(
        message.contains("line 4") && message.contains("reply"),
        "{message}"
    );
    assert!(client("Interface(name: \"I\")").contains("ops"));
    assert!(client(&interface("")).contains("ops: there are no operations"));
    refused(
        r#""a": (reply: Simple("()"), encoding: Json)"#,
        &["line 1", "Json", "Zerocopy"],
    );
    refused(r#""a": (reply: Maybe("()"))"#, &["Maybe", "Simple"]);
    refused(
        r#""a": (reply: Result(ok: "()", err: Enum("E")))"#,
        &["Enum", "CLike"],
    );
    refused(
        r#""a": (args: {"x": 5}, reply: Simple("()"))"#,
        &["line 1", "a type"],
    );
    refused(
        r#""a": (args: {"x": (type: "X", recv: FromString("u8"))}, reply: Simple("()"))"#,
        &["FromString", "FromPrimitive"],
    );
    assert!(client("Interface(name: \"I\", ops: {}) more").contains("line 1"));
}

#[test]
fn names_and_types() {
    let message = client("Interface(name: \"My I\", ops: {\"a\": (reply: Simple(\"()\"))})");
    assert!(
        message.contains("name: `My I` cannot be a name in Rust"),
        "{message}"
    );
    refused(
        &format!(r#""do it": ({OK})"#),
        &["op `do it`: name: `do it` cannot be a name"],
    );
    refused(
        &format!(r#""loop": ({OK})"#),
        &["`loop` cannot be a name", "keyword"],
    );
    refused(
        &format!(r#""a": (args: {{"self": "u8"}}, {OK})"#),
        &["op `a`: arg `self`: name:"],
    );
    refused(
        &format!(r#""a": (args: {{"x": "u8;"}}, {OK})"#),
        &["op `a`: arg `x`: type: `u8;` is not a Rust type"],
    );
    refused(
        &format!(r#""a": (leases: {{"x": (type: "[u8", read: true)}}, {OK})"#),
        &["op `a`: lease `x`: type: `[u8` is not a Rust type"],
    );
    refused(
        r#""a": (reply: Result(ok: "1", err: CLike("E")))"#,
        &["op `a`: reply: type: `1` is not a Rust type"],
    );
    refused(
        r#""a": (reply: Result(ok: "()", err: CLike("E!x")))"#,
        &["op `a`: reply: err: `E!x` is not a Rust type"],
    );
    let text = interface(&format!(r#""ab": ({OK}), "aB": ({OK})"#));
    assert!(server(&text).contains("op `aB`: another one differs only in upper and lower case"));
    for name in ["recv_source", "closed_recv_fail"] {
        let text = interface(&format!(r#""{name}": ({OK})"#));
        assert!(server(&text).contains(&format!("op `{name}`: the server trait has a method")));
    }
}

#[test]
fn receive_strategies() {
    for encoding in ["Hubpack", "Ssmarshal"] {
        refused(
            &format!(
                r#""a": (args: {{"x": (type: "X", recv: FromPrimitive("u8"))}}, encoding: {encoding}, {OK})"#
            ),
            &["op `a`: arg `x`: recv:", encoding, "leave `recv` out"],
        );
        refused(
            &format!(
                r#""a": (reply: Result(ok: (type: "X", recv: From("u8", None)), err: CLike("E")), encoding: {encoding})"#
            ),
            &["op `a`: reply: recv:", encoding],
        );
    }
    refused(
        &format!(r#""a": (args: {{"x": (type: "X", recv: FromPrimitive("f32"))}}, {OK})"#),
        &[
            "op `a`: arg `x`: recv: `f32` is not an integer type",
            "u8, u16",
        ],
    );
    refused(
        &format!(r#""a": (args: {{"x": (type: "X", recv: From("u8", Some("1f")))}}, {OK})"#),
        &["op `a`: arg `x`: recv: `1f` is not a path of a function"],
    );
    refused(
        &format!(r#""a": (args: {{"x": (type: "X", recv: From("u 8", None))}}, {OK})"#),
        &["op `a`: arg `x`: recv: `u 8` is not a Rust type"],
    );
}

#[test]
fn leases() {
    refused(
        &format!(r#""a": (leases: {{"l": (type: "[u8]")}}, {OK})"#),
        &[
            "op `a`: lease `l`: read, write: the server may neither read nor write it",
            "add `read: true`",
        ],
    );
    refused(
        &format!(r#""a": (leases: {{"l": (type: "u8", read: true, max_len: Some(4))}}, {OK})"#),
        &[
            "op `a`: lease `l`: max_len: only a slice has a length to limit",
            "use `[u8]`",
        ],
    );
    refused(
        &format!(
            r#""a": (leases: {{"l": (type: "[u8; 4]", write: true, max_len: Some(4))}}, {OK})"#
        ),
        &["op `a`: lease `l`: max_len:"],
    );
}

#[test]
fn complex_errors_travel_in_hubpack() {
    for encoding in ["Zerocopy", "Ssmarshal"] {
        refused(
            &format!(r#""a": (reply: Result(ok: "()", err: Complex("E")), encoding: {encoding})"#),
            &[
                "op `a`: reply: err: `Complex` travels in hubpack",
                encoding,
                "add `encoding: Hubpack`",
            ],
        );
    }
}

/// What would leave a client without an answer when the server restarts, or with a wrong one. Servers of such interfaces are possible.
#[test]
fn restarts() {
    let cases = [
        (
            r#""a": (reply: Simple("()"))"#,
            "op `a`: reply: a `Simple` reply leaves the client nothing to say",
        ),
        (
            r#""a": (reply: Simple("()"), idempotent: false)"#,
            "add `idempotent: true`",
        ),
        (
            r#""a": (reply: Result(ok: "()", err: ServerDeath), idempotent: true)"#,
            "op `a`: reply: err: `ServerDeath` never happens",
        ),
        (
            r#""a": (leases: {"l": (type: "u8", read: true, write: true)}, reply: Simple("()"), idempotent: true)"#,
            "op `a`: lease `l`: lent for reading and writing",
        ),
    ];
    for (ops, expected) in cases {
        let text = interface(ops);
        let message = client(&text);
        assert!(message.contains(expected), "{message}");
        let nobody = BTreeMap::new();
        assert!(
            Generator::new()
                .server_code(&text, ServerStyle::Deferred, &nobody)
                .is_ok()
        );
    }
}

#[test]
fn callers_of_operations_that_do_not_exist() {
    let allowed = BTreeMap::from([("b".to_string(), vec![1])]);
    let text = interface(&format!(r#""a": ({OK})"#));
    let result = Generator::new().server_code(&text, ServerStyle::InOrder, &allowed);
    assert_eq!(
        result.unwrap_err().to_string(),
        "allowed callers: `I` has no op `b`"
    );
}

#[test]
fn fail_servers_that_cannot_be() {
    let generator = Generator::new().with_fail_server(FailServer::Yes);
    let fail = |ops: &str| {
        let nobody = BTreeMap::new();
        let result = generator.server_code(&interface(ops), ServerStyle::InOrder, &nobody);
        result.unwrap_err().to_string()
    };
    let message = fail(&format!(r#""a": ({OK}), "b": (reply: Simple("()"))"#));
    assert!(
        message.contains("op `b`: a `FailServer` was asked for, but this operation has no error")
    );
    let message = fail(&format!(
        r#""a": ({OK}), "b": (reply: Result(ok: "()", err: CLike("F")))"#
    ));
    assert!(message.contains("op `b`:") && message.contains("fails with `F` and others with `E`"));
}

#[test]
fn derives_that_are_no_paths() {
    let generator = Generator::new().with_op_enum_derives(["not a path"]);
    let message = generator.unwrap_err();
    assert!(
        message
            .to_string()
            .contains("op enum derive `not a path` is not a path")
    );
}

#[test]
fn unknown_fields_are_warnings() {
    let text = format!(
        r#"Interface(name: "I", version: 1, ops: {{
            "a": (doc: "d", description: "e", idempotnet: true, args: {{"x": (type: "u8", unit: "mV")}},
                  leases: {{"l": (type: "u8", read: true, description: "f", max: 4)}}, {OK}),
        }}, doc: "g")"#
    );
    let (_, mut warnings) = Generator::new().client_code(&text).unwrap();
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "ops.a.args.x.unit: there is no such field; ignored",
            "ops.a.idempotnet: there is no such field; ignored",
            "ops.a.leases.l.max: there is no such field; ignored",
            "version: there is no such field; ignored",
        ]
    );
}

/// A build script that returns the error from `main` prints it with `Debug`.
#[test]
fn errors_name_the_file() {
    let folder = std::env::temp_dir().join(format!("idol-errors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bad.idol");
    std::fs::write(&file, interface(r#""a": (reply: Simple("()"))"#)).unwrap();
    let error = idol::client::build_client_stub(&file, "out.rs").unwrap_err();
    let expected = format!("{}: op `a`: reply: a `Simple` reply", file.display());
    assert!(format!("{error:?}").starts_with(&expected), "{error:?}");
    std::fs::remove_dir_all(&folder).unwrap();

    let error = idol::client::build_client_stub(&file, "out.rs")
        .unwrap_err()
        .to_string();
    assert!(error.contains("bad.idol: cannot read it"), "{error}");
}
