// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Values in memory, as Rust shows them.

use std::rc::Rc;

use anyhow::Result;

use crate::memory::Missing;
use crate::program::Program;
use crate::show::Node;
use crate::types::{Field, Kind, Type, TypeRef, Variants};

/// So many bytes of a text, or elements of a slice, are shown.
const LONGEST: u32 = 256;
/// Types within types, at the most.
const DEEPEST: u32 = 40;

/// Memory of a machine, as one of its programs sees it.
pub trait Memory {
    /// The bytes at an address.
    ///
    /// # Errors
    ///
    /// Nobody has read them.
    fn bytes(&self, address: u32, size: usize) -> Result<&[u8], Missing>;

    /// What task number `id` is called: index and generation in one word.
    fn task(&self, id: u16) -> String;

    /// A number of so many bytes, up to eight.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    fn number(&self, address: u32, size: u32) -> Result<u64, Missing> {
        let bytes = self.bytes(address, size.min(8) as usize)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// A place in memory with its type.
#[derive(Clone, Debug)]
pub struct Value {
    /// Where it is.
    pub address: u32,
    /// What it is.
    pub of: Rc<Type>,
}

/// Shows and takes apart the values of one program.
pub struct Values<'v, 'a> {
    /// The program.
    pub program: &'v Program<'a>,
    /// The memory.
    pub memory: &'v dyn Memory,
}

impl Values<'_, '_> {
    /// The value of type `of` at `address`.
    ///
    /// # Errors
    ///
    /// The debug information is damaged.
    pub fn at(&self, address: u32, of: TypeRef) -> Result<Value> {
        Ok(Value {
            address,
            of: self.program.debug()?.resolve(of)?,
        })
    }

    /// A field of a value.
    ///
    /// # Errors
    ///
    /// The debug information is damaged.
    pub fn field(&self, value: &Value, field: &Field) -> Result<Value> {
        self.at(value.address.wrapping_add(field.offset), field.of)
    }

    /// What is inside of all cells and other wrappers that hold one value and show no more than it.
    ///
    /// # Errors
    ///
    /// The debug information is damaged.
    pub fn unwrapped(&self, value: &Value) -> Result<Value> {
        const WRAPPERS: [&str; 10] = [
            "UnsafeCell",
            "SyncUnsafeCell",
            "Cell",
            "MaybeUninit",
            "MaybeDangling",
            "ManuallyDrop",
            "ConstStaticCell",
            "NonZero",
            "Atomic",
            "NonZeroInner",
        ];
        let mut value = value.clone();
        for _ in 0..DEEPEST {
            let of = &value.of;
            let wraps = WRAPPERS.iter().any(|name| of.is_named(name))
                || of.name.starts_with("Atomic")
                || of.name.ends_with("Inner");
            if !wraps {
                break;
            }
            match self.only_field(&value)? {
                Some(inner) => value = inner,
                None => break,
            }
        }
        Ok(value)
    }

    /// The one field that takes room.
    fn only_field(&self, value: &Value) -> Result<Option<Value>> {
        let mut found = None;
        for field in value.of.fields() {
            let inner = self.field(value, field)?;
            if inner.of.size == 0 {
                continue;
            }
            // The flag of a cell that is taken once is one that users look at; its value is the larger field.
            if found.is_some() && !value.of.is_named("ConstStaticCell") {
                return Ok(None);
            }
            let larger = found
                .as_ref()
                .is_none_or(|other: &Value| inner.of.size > other.of.size);
            if larger {
                found = Some(inner);
            }
        }
        Ok(found)
    }

    /// The variant that an enum is, with its name: a structure.
    ///
    /// # Errors
    ///
    /// The memory is missing, or the debug information is damaged.
    pub fn variant(&self, value: &Value, variants: &Variants) -> Result<Option<(String, Value)>> {
        let variant = match &variants.discriminant {
            None => variants.variants.first(),
            Some(field) => {
                let place = self.field(value, field)?;
                let number = self.memory.number(place.address, place.of.size)?;
                variants.find(number, place.of.size)
            }
        };
        match variant {
            Some(variant) => {
                let inner = self.field(value, &variant.field)?;
                Ok(Some((variant.field.name.clone(), inner)))
            }
            None => Ok(None),
        }
    }

    /// A field by its name, through wrappers.
    ///
    /// # Errors
    ///
    /// The debug information is damaged.
    pub fn named(&self, value: &Value, name: &str) -> Result<Option<Value>> {
        let value = self.unwrapped(value)?;
        let tuple = format!("__{name}");
        let fields = value.of.fields();
        let field = fields
            .iter()
            .find(|field| field.name == name || field.name == tuple);
        match field {
            Some(field) => Ok(Some(self.unwrapped(&self.field(&value, field)?)?)),
            None => Ok(None),
        }
    }

    /// The number that a field by this name holds.
    ///
    /// # Errors
    ///
    /// There is no such field, its memory is missing, or the debug information is damaged.
    pub fn number_named(&self, value: &Value, name: &str) -> Result<u64> {
        let field = self.named(value, name)?;
        let Some(mut field) = field else {
            anyhow::bail!("{} has no field `{name}`", value.of.name);
        };
        // A newtype is its number.
        while let Some(inner) = self.only_field(&field)? {
            field = inner;
        }
        Ok(self.memory.number(field.address, field.of.size)?)
    }

    /// The value as Rust shows it. What cannot be read is said in its place.
    #[must_use]
    pub fn show(&self, value: &Value) -> Node {
        self.show_at(value, 0)
    }

    fn show_at(&self, value: &Value, depth: u32) -> Node {
        if depth > DEEPEST {
            return Node::leaf("...");
        }
        match self.try_show(value, depth) {
            Ok(node) => node,
            Err(error) => match error.downcast::<Missing>() {
                Ok(missing) => Node::leaf(missing),
                Err(error) => Node::leaf(format_args!("<{error:#}>")),
            },
        }
    }

    fn try_show(&self, value: &Value, depth: u32) -> Result<Node> {
        let value = self.unwrapped(value)?;
        let (address, of) = (value.address, &value.of);
        let number = || self.memory.number(address, of.size);
        Ok(match &of.kind {
            Kind::Unsigned if of.size > 8 => {
                let mut bytes = [0; 16];
                let found = self.memory.bytes(address, 16)?;
                bytes.copy_from_slice(found);
                Node::leaf(u128::from_le_bytes(bytes))
            }
            Kind::Unsigned => Node::leaf(number()?),
            Kind::Signed => {
                let shift = 64 - 8 * of.size.clamp(1, 8);
                Node::leaf(((number()? << shift) as i64) >> shift)
            }
            Kind::Bool => match number()? {
                0 => Node::leaf("false"),
                1 => Node::leaf("true"),
                other => Node::leaf(format_args!("<{other:#x} is no bool>")),
            },
            Kind::Char => match char::from_u32(number()? as u32) {
                Some(character) => Node::leaf(format_args!("{character:?}")),
                None => Node::leaf(format_args!("<{:#x} is no char>", number()?)),
            },
            Kind::Float if of.size == 4 => Node::leaf(f32::from_bits(number()? as u32)),
            Kind::Float => Node::leaf(f64::from_bits(number()?)),
            Kind::Numbers(names) => {
                let number = number()?;
                let mask = u64::MAX >> (64 - 8 * of.size.clamp(1, 8));
                match names.iter().find(|(value, _)| value & mask == number) {
                    Some((_, name)) => Node::leaf(name),
                    None => Node::leaf(format_args!("<{number:#x} is no {}>", of.name)),
                }
            }
            Kind::Pointer(_) => self.pointer(number()? as u32),
            Kind::Array { element, count } => self.list(address, *element, *count, depth)?,
            Kind::Enum(variants) => match self.variant(&value, variants)? {
                Some((name, inner)) => self.fields(name, &inner, depth)?,
                None => Node::leaf(format_args!("<no variant of {}>", of.name)),
            },
            Kind::Struct(_) if of.name == "TaskId" && of.size == 2 => {
                Node::leaf(self.memory.task(number()? as u16))
            }
            Kind::Struct(fields) => match self.slice(&value, fields, depth)? {
                Some(node) => node,
                None => self.fields(short(&of.name), &value, depth)?,
            },
            Kind::Union(_) => self.fields(short(&of.name), &value, depth)?,
            Kind::Opaque => Node::leaf(format_args!("<{}>", of.name)),
        })
    }

    fn fields(&self, name: String, value: &Value, depth: u32) -> Result<Node> {
        let mut fields = Vec::new();
        for field in value.of.fields() {
            let inner = self.field(value, field)?;
            // Markers say nothing at run time.
            if inner.of.is_named("PhantomData") {
                continue;
            }
            fields.push((field.name.clone(), self.show_at(&inner, depth + 1)));
        }
        let tuple = fields.iter().all(|(name, _)| name.starts_with("__"));
        Ok(if tuple {
            let items = fields.into_iter().map(|(_, node)| node).collect();
            Node::Tuple(name, items)
        } else {
            Node::Struct(name, fields)
        })
    }

    fn list(&self, address: u32, element: TypeRef, count: u32, depth: u32) -> Result<Node> {
        let of = self.program.debug()?.resolve(element)?;
        let mut items = Vec::new();
        for number in 0..count {
            let address = address.wrapping_add(number.wrapping_mul(of.size));
            let of = Rc::clone(&of);
            items.push(self.show_at(&Value { address, of }, depth + 1));
        }
        Ok(Node::List(items))
    }

    /// `&str` and `&[T]`, which are structures of a pointer and a length.
    fn slice(&self, value: &Value, fields: &[Field], depth: u32) -> Result<Option<Node>> {
        let [pointer, length] = fields else {
            return Ok(None);
        };
        if pointer.name != "data_ptr" || length.name != "length" {
            return Ok(None);
        }
        let target = self.field(value, pointer)?;
        let start = self.memory.number(target.address, 4)? as u32;
        let length = self.memory.number(value.address + length.offset, 4)? as u32;
        let shown = length.min(LONGEST);
        if value.of.name.ends_with("str") {
            let bytes = self.memory.bytes(start, shown as usize)?;
            let more = if shown < length { "..." } else { "" };
            let text = String::from_utf8_lossy(bytes);
            return Ok(Some(Node::leaf(format_args!("{text:?}{more}"))));
        }
        let Kind::Pointer(Some(element)) = &target.of.kind else {
            return Ok(Some(self.pointer(start)));
        };
        let mut node = self.list(start, *element, shown, depth + 1)?;
        if shown < length
            && let Node::List(items) = &mut node
        {
            let more = length - shown;
            items.push(Node::leaf(format_args!("... {more} more")));
        }
        Ok(Some(node))
    }

    /// An address, with the name of what is there.
    fn pointer(&self, address: u32) -> Node {
        if let Some(function) = self.program.function_at(address) {
            return Node::leaf(format_args!("{function}"));
        }
        let of = self.program.statics().unwrap_or_default();
        match of.iter().find(|found| found.address == address) {
            Some(found) => Node::leaf(format_args!("&{}", found.path)),
            None => Node::leaf(format_args!("{address:#010x}")),
        }
    }
}

/// A type's name without its generic arguments; nothing for a tuple.
fn short(name: &str) -> String {
    if name.starts_with('(') {
        return String::new();
    }
    name.split('<').next().unwrap_or(name).to_owned()
}
