// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The file as it is written.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use crate::Error;

/// A whole file.
#[derive(Debug, Deserialize)]
pub struct Interface {
    pub name: String,
    pub ops: Ordered<Op>,
    #[serde(default)]
    pub doc: String,
    #[serde(default)]
    pub description: String,
}

#[derive(Debug, Deserialize)]
pub struct Op {
    #[serde(default)]
    pub doc: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub args: Ordered<Value>,
    #[serde(default)]
    pub leases: Ordered<Lease>,
    pub reply: Reply,
    #[serde(default)]
    pub idempotent: bool,
    #[serde(default)]
    pub encoding: Encoding,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    #[default]
    Zerocopy,
    Hubpack,
    Ssmarshal,
}

#[derive(Debug, Deserialize)]
pub struct Lease {
    pub r#type: String,
    #[serde(default)]
    pub read: bool,
    #[serde(default)]
    pub write: bool,
    #[serde(default)]
    pub max_len: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub enum Reply {
    Simple(Value),
    Result { ok: Value, err: ErrorType },
}

#[derive(Debug, Deserialize)]
pub enum ErrorType {
    CLike(String),
    Complex(String),
    ServerDeath,
}

/// A type, and how a value of it is received: `"type"`, or `(type: "type", recv: ...)`.
#[derive(Debug)]
pub struct Value {
    pub r#type: String,
    pub recv: Recv,
}

/// How a value is made of what came over the wire.
#[derive(Debug, Default)]
pub enum Recv {
    #[default]
    FromBytes,
    FromPrimitive(String),
    /// The type on the wire, and the function that converts from it, if it is not `From::from`.
    From(String, Option<String>),
}

/// A map that keeps its order, and refuses a key that is there already.
#[derive(Debug)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map, `{\"name\": ...}`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Ordered<T>, M::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if entries.iter().any(|(name, _)| *name == key) {
                        return Err(de::Error::custom(format_args!("`{key}` is there twice")));
                    }
                    entries.push((key, map.next_value()?));
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Full {
            r#type: String,
            #[serde(default)]
            recv: Recv,
        }
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type: `\"type\"` or `(type: \"type\", recv: ...)`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value {
                    r#type: text.into(),
                    recv: Recv::FromBytes,
                })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Value, M::Error> {
                let full = Full::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Value {
                    r#type: full.r#type,
                    recv: full.recv,
                })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Recv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Name {
            FromBytes,
            FromPrimitive,
            From,
        }
        struct Strategy;
        struct FromArguments;

        impl<'de> Visitor<'de> for Strategy {
            type Value = Recv;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`FromBytes`, `FromPrimitive(\"u8\")` or `From(\"type\", Some(\"function\"))`",
                )
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Recv, A::Error> {
                let (name, content) = data.variant()?;
                match name {
                    Name::FromBytes => content.unit_variant().map(|()| Recv::FromBytes),
                    Name::FromPrimitive => content.newtype_variant().map(Recv::FromPrimitive),
                    Name::From => content.tuple_variant(2, FromArguments),
                }
            }
        }

        impl<'de> Visitor<'de> for FromArguments {
            type Value = Recv;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type, and perhaps `Some(\"function\")`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Recv, A::Error> {
                let ty = seq
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &self))?;
                // The function may be left out.
                let function = seq.next_element::<Option<String>>()?.flatten();
                Ok(Recv::From(ty, function))
            }
        }

        const NAMES: &[&str] = &["FromBytes", "FromPrimitive", "From"];
        deserializer.deserialize_enum("RecvStrategy", NAMES, Strategy)
    }
}

/// Reads a file's text. The second result names the fields that nothing reads, by their path in the file.
pub fn parse(text: &str) -> Result<(Interface, Vec<String>), Error> {
    let mut deserializer =
        ron::Deserializer::from_str(text).map_err(|error| at(&error.span.start, &error.code))?;
    let mut ignored = Vec::new();
    let interface =
        serde_ignored::deserialize(&mut deserializer, |path| ignored.push(path.to_string()))
            .map_err(|error| deserializer.span_error(error))
            .map_err(|error| at(&error.span.end, &error.code))?;
    deserializer
        .end()
        .map_err(|error| deserializer.span_error(error))
        .map_err(|error| at(&error.span.end, &error.code))?;
    Ok((interface, ignored))
}

fn at(position: &ron::error::Position, code: &ron::Error) -> Error {
    Error::new(
        format!("line {}, column {}", position.line, position.col),
        code.to_string(),
    )
}
