// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates IPC clients and servers from `.idol` files.
//!
//! A `.idol` file describes an interface: its operations, their arguments, the memory that a client lends for their duration, and what comes
//! back. From it this crate writes Rust: for clients a type with a method for each operation, for servers a trait to implement and all that
//! decodes messages, checks them, and encodes replies. It is called from build scripts, and its output is included in the crate:
//!
//! ```ignore
//! // build.rs of a client crate
//! fn main() -> Result<(), idol::BoxError> {
//!     idol::client::build_client_stub("../../idl/spi.idol", "client_stub.rs")
//! }
//!
//! // lib.rs
//! include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
//! ```
//!
//! ```ignore
//! // build.rs of a server
//! fn main() -> Result<(), idol::BoxError> {
//!     idol::server::build_server_support(
//!         "../../idl/spi.idol",
//!         "server_stub.rs",
//!         idol::server::ServerStyle::InOrder,
//!     )
//! }
//!
//! // main.rs
//! mod idl {
//!     use super::SpiError;
//!     include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
//! }
//! ```
//!
//! Both need the crates `userlib` and `idol-runtime`. Types that a file names are looked up where the output is included.
//!
//! # The file
//!
//! RON; comments start with `//`.
//!
//! ```text
//! Interface(
//!     name: "Spi",
//!     ops: {
//!         "write": (
//!             doc: "Sends bytes, and drops what comes back.",
//!             args: {
//!                 "device_index": "u8",
//!                 "mode": (type: "Mode", recv: FromPrimitive("u8")),
//!             },
//!             leases: {
//!                 "source": (type: "[u8]", read: true, max_len: Some(128)),
//!             },
//!             reply: Result(
//!                 ok: "()",
//!                 err: CLike("SpiError"),
//!             ),
//!         ),
//!     },
//! )
//! ```
//!
//! | field of an operation | meaning |
//! |---|---|
//! | `doc`, `description` | text for the generated documentation |
//! | `args` | what is passed by value, in order: `"type"`, or `(type: "type", recv: ...)` |
//! | `leases` | what is lent, in order: `(type: "T" or "[T]", read: bool, write: bool, max_len: Some(elements))` |
//! | `reply` | `Simple(T)`, or `Result(ok: T, err: E)` with `E` one of `CLike("Ty")`, `Complex("Ty")`, `ServerDeath` |
//! | `idempotent` | it may be done twice: the client repeats it when the server restarted |
//! | `encoding` | `Zerocopy` (default), `Hubpack`, `Ssmarshal` |
//!
//! `recv` says how a value is made of what came over the wire, with `Zerocopy` only: `FromBytes` (default) when any bytes are a value,
//! `FromPrimitive("u8")` for enums, `From("u8", Some("function"))` or `From("u8", None)` for anything that converts.
//!
//! | error | on the wire | type needs |
//! |---|---|---|
//! | `CLike` | the response code | `derive(FromPrimitive, IdolError)` |
//! | `Complex` | response code 1 and the value in hubpack | `From<ServerDeath>` and serde; needs `encoding: Hubpack` |
//! | `ServerDeath` | nothing: the operation cannot fail, but is not repeated either | |
//!
//! # On the wire
//!
//! The operation's number is its place in the file, from 1. With `Zerocopy`, arguments follow one another without padding, little endian,
//! a `bool` as one byte; so does the value of the reply. Word-sized arguments first, then the small ones, is what decodes fastest. The other
//! two encodings have the same bytes as each other; see the `hubpack` crate. Response code 0 is success; an error has no body unless it is
//! `Complex`; codes from `0xFFFF_FF00` mean that the server restarted.
//!
//! # Errors
//!
//! Whatever is wrong with a file or a request fails the build, with the file, the operation and the field in the message. A field that
//! nothing reads is a warning.

mod check;
pub mod client;
mod common;
mod error;
mod model;
pub mod server;
mod settings;
mod syntax;

pub use error::{BoxError, Error};
pub use settings::{CounterSettings, FailServer, Generator};

/// An operation of an interface, for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// Whether its message is the structure of its arguments as it lies in memory.
    pub is_in_place: bool,
}

/// The name of an interface, and its operations, of which the first has number 1. For tools: the text is in the section
/// `.idolatry` of every server's binary.
///
/// # Errors
///
/// The text is no interface.
pub fn operations(text: &str) -> Result<(String, Vec<Operation>), Error> {
    let (interface, _) = check::interface(text)?;
    let ops = interface.ops.iter().map(|op| Operation {
        name: op.name.to_string(),
        is_in_place: matches!(op.encoding, syntax::Encoding::Zerocopy),
    });
    Ok((interface.name.to_string(), ops.collect()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn operations_are_named_in_their_order() {
        let text = r#"Interface(name: "Two", ops: {
            "write": (args: {}, reply: Simple("u32")),
            "read": (args: {}, encoding: Hubpack, reply: Simple("u32")),
        })"#;
        let (name, ops) = super::operations(text).unwrap();
        let ops: Vec<_> = ops
            .iter()
            .map(|op| (op.name.as_str(), op.is_in_place))
            .collect();
        assert_eq!(name, "Two");
        assert_eq!(ops, [("write", true), ("read", false)]);
        assert!(super::operations("Interface(").is_err());
    }
}
