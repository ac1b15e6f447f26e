// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the file as written to the interface as meant, and all rules on the way.

use std::collections::HashSet;

use syn::{Ident, Type};

use crate::model::{Access, Arg, Failure, Interface, Lease, Op, Shape, Travel, Value};
use crate::syntax::{self, Encoding, ErrorType, Recv, Reply};
use crate::{Error, model};

/// Fields that are there for readers only.
const FOR_READERS: [&str; 2] = ["doc", "description"];

/// Integer types that an enum can travel as.
const PRIMITIVES: [&str; 12] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];

/// Reads and checks a file's text. The second result is what to warn of.
pub fn interface(text: &str) -> Result<(Interface, Vec<String>), Error> {
    let (written, ignored) = syntax::parse(text)?;
    let warnings = ignored
        .into_iter()
        .filter(|path| {
            let field = path.rsplit('.').next().unwrap_or(path);
            !FOR_READERS.contains(&field)
        })
        .map(|path| format!("{path}: there is no such field; ignored"))
        .collect();

    let name = identifier("name", &written.name)?;
    if written.ops.0.is_empty() {
        return Err(Error::new("ops", "there are no operations"));
    }
    if written.ops.0.len() > usize::from(u16::MAX) {
        return Err(Error::new("ops", "more than 65535 operations"));
    }
    let mut ops = Vec::new();
    for (number, (op_name, written)) in (1..).zip(written.ops.0) {
        let op = op(number, &op_name, written)
            .map_err(|error| error.within(format_args!("op `{op_name}`")))?;
        ops.push(op);
    }
    let interface = Interface {
        name,
        docs: docs(written.doc, written.description),
        ops,
        text: text.to_owned(),
    };
    Ok((interface, warnings))
}

fn docs(doc: String, description: String) -> Vec<String> {
    [doc, description]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect()
}

fn op(number: u16, name: &str, written: syntax::Op) -> Result<Op, Error> {
    let encoding = written.encoding;
    let name = identifier("name", name)?;

    let mut names = HashSet::new();
    let mut args = Vec::new();
    for (arg_name, written) in written.args.0 {
        let place = format!("arg `{arg_name}`");
        let arg = identifier("name", &arg_name)
            .and_then(|name| {
                Ok(Arg {
                    name,
                    value: value(written, encoding)?,
                })
            })
            .map_err(|error| error.within(&place))?;
        names.insert(arg_name);
        args.push(arg);
    }

    let mut leases = Vec::new();
    for (lease_name, written) in written.leases.0 {
        let place = format!("lease `{lease_name}`");
        if !names.insert(lease_name.clone()) {
            return Err(Error::new(
                place,
                "an argument has the same name, and both become parameters of one function",
            ));
        }
        leases.push(lease(&lease_name, &written).map_err(|error| error.within(&place))?);
    }

    let (ok, err) = match written.reply {
        Reply::Simple(ok) => (ok, None),
        Reply::Result { ok, err } => (ok, Some(err)),
    };
    let ok = value(ok, encoding).map_err(|error| error.within("reply"))?;
    let err = match err {
        None => Failure::Never,
        Some(ErrorType::CLike(ty)) => Failure::CLike(parse_type("reply: err", &ty)?),
        Some(ErrorType::ServerDeath) => Failure::Death,
        Some(ErrorType::Complex(_)) if encoding != Encoding::Hubpack => {
            return Err(Error::new(
                "reply: err",
                format!(
                    "`Complex` travels in hubpack, but the encoding is {encoding:?}: add `encoding: Hubpack`, or use `CLike`"
                ),
            ));
        }
        Some(ErrorType::Complex(ty)) => Failure::Complex(parse_type("reply: err", &ty)?),
    };

    Ok(Op {
        name,
        number,
        docs: docs(written.doc, written.description),
        encoding,
        args,
        leases,
        ok,
        err,
        idempotent: written.idempotent,
    })
}

fn value(written: syntax::Value, encoding: Encoding) -> Result<Value, Error> {
    let ty = parse_type("type", &written.r#type)?;
    if encoding != Encoding::Zerocopy {
        if !matches!(written.recv, Recv::FromBytes) {
            return Err(Error::new(
                "recv",
                format!(
                    "the encoding {encoding:?} decodes values itself: leave `recv` out, or use `encoding: Zerocopy`"
                ),
            ));
        }
        let travel = Travel::Itself;
        return Ok(Value { ty, travel });
    }
    let travel = match written.recv {
        Recv::FromBytes if is_named(&ty, "bool") => Travel::Bool,
        Recv::FromBytes => Travel::Itself,
        Recv::FromPrimitive(primitive) if PRIMITIVES.contains(&primitive.as_str()) => {
            Travel::Primitive(identifier("recv", &primitive)?)
        }
        Recv::FromPrimitive(other) => {
            return Err(Error::new(
                "recv",
                format!(
                    "`{other}` is not an integer type that an enum can be converted from; use one of {}",
                    PRIMITIVES.join(", ")
                ),
            ));
        }
        Recv::From(ty, function) => {
            let function = function
                .map(|path| {
                    syn::parse_str(&path).map_err(|error| {
                        Error::new(
                            "recv",
                            format!("`{path}` is not a path of a function: {error}"),
                        )
                    })
                })
                .transpose()?;
            Travel::Converted(Box::new(parse_type("recv", &ty)?), function.map(Box::new))
        }
    };
    Ok(Value { ty, travel })
}

fn lease(name: &str, written: &syntax::Lease) -> Result<Lease, Error> {
    let access = match (written.read, written.write) {
        (true, false) => Access::Read,
        (false, true) => Access::Write,
        (true, true) => Access::ReadWrite,
        (false, false) => {
            return Err(Error::new(
                "read, write",
                "the server may neither read nor write it: add `read: true`, `write: true`, or both",
            ));
        }
    };
    let shape = match (parse_type("type", &written.r#type)?, written.max_len) {
        (Type::Slice(slice), max_len) => Shape::Slice {
            element: *slice.elem,
            max_len,
        },
        (ty, None) => Shape::One(ty),
        (_, Some(_)) => {
            return Err(Error::new(
                "max_len",
                format!(
                    "only a slice has a length to limit, and `{0}` has one size: use `[{0}]`, or leave `max_len` out",
                    written.r#type
                ),
            ));
        }
    };
    Ok(Lease {
        name: identifier("name", name)?,
        shape,
        access,
    })
}

/// What is true of interfaces that have clients.
pub fn for_client(interface: &Interface) -> Result<(), Error> {
    for op in &interface.ops {
        client_rules(op).map_err(|error| error.within(format_args!("op `{}`", op.name)))?;
    }
    Ok(())
}

fn client_rules(op: &Op) -> Result<(), Error> {
    match (&op.err, op.idempotent) {
        (Failure::Never, false) => {
            return Err(Error::new(
                "reply",
                "a `Simple` reply leaves the client nothing to say when the server restarts: add `idempotent: true` if the operation may be \
                 repeated, or reply with a `Result`",
            ));
        }
        (Failure::Death, true) => {
            return Err(Error::new(
                "reply: err",
                "`ServerDeath` never happens to an operation that is repeated when the server restarts: leave out `idempotent`, or use \
                 `Simple`",
            ));
        }
        _ => {}
    }
    for lease in &op.leases {
        if op.idempotent && lease.access == Access::ReadWrite {
            return Err(Error::new(
                format!("lease `{}`", lease.name),
                "lent for reading and writing, so a server that restarts may leave it changed, and the repeated operation would read that: \
                 use two leases, or leave out `idempotent`",
            ));
        }
    }
    Ok(())
}

/// What is true of interfaces that have servers.
pub fn for_server(interface: &Interface) -> Result<(), Error> {
    let mut constants = HashSet::new();
    for op in &interface.ops {
        if !constants.insert(op.constant("MSG_SIZE")) {
            return Err(Error::new(
                format!("op `{}`", op.name),
                "another one differs only in upper and lower case, and constants are named after both",
            ));
        }
        let taken = ["recv_source", "closed_recv_fail"];
        if taken.contains(&model::unraw(&op.name).as_str()) {
            return Err(Error::new(
                format!("op `{}`", op.name),
                "the server trait has a method of its own with this name",
            ));
        }
    }
    Ok(())
}

fn identifier(place: &str, text: &str) -> Result<Ident, Error> {
    syn::parse_str(text).map_err(|_| {
        Error::new(
            place,
            format!("`{text}` cannot be a name in Rust (a keyword, or not an identifier)"),
        )
    })
}

fn parse_type(place: &str, text: &str) -> Result<Type, Error> {
    syn::parse_str(text)
        .map_err(|error| Error::new(place, format!("`{text}` is not a Rust type: {error}")))
}

pub fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.qself.is_none() && path.path.is_ident(name))
}
