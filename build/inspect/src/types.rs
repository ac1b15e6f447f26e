// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Types, as the compiler describes them in DWARF.

use std::rc::Rc;

use anyhow::{Context, Result};
use gimli::{AttributeValue, DebuggingInformationEntry, DwAt, Unit, UnitOffset, UnitSectionOffset};

use crate::program::{Debug, Reader};

/// Where a type is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeRef {
    unit: usize,
    offset: UnitOffset,
}

impl TypeRef {
    /// The type of something.
    pub(crate) fn of(
        number: usize,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        entry: &DebuggingInformationEntry<Reader<'_>>,
    ) -> Option<Self> {
        match entry.attr_value(gimli::DW_AT_type)? {
            AttributeValue::UnitRef(offset) => Some(Self {
                unit: number,
                offset,
            }),
            // A type of another unit.
            AttributeValue::DebugInfoRef(offset) => {
                let mut headers = dwarf.units();
                let mut unit_number = 0;
                while let Some(header) = headers.next().ok()? {
                    let place = UnitSectionOffset(offset.0);
                    if let Some(offset) = place.to_unit_offset(&header) {
                        return Some(Self {
                            unit: unit_number,
                            offset,
                        });
                    }
                    unit_number += 1;
                }
                None
            }
            _ => None,
        }
    }
}

/// A type.
#[derive(Clone, Debug)]
pub struct Type {
    /// Its name, with generic arguments and without the path.
    pub name: String,
    /// Its size in bytes.
    pub size: u32,
    /// What it is made of.
    pub kind: Kind,
}

/// What a type is made of.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A number without a sign.
    Unsigned,
    /// A number with a sign.
    Signed,
    /// `bool`.
    Bool,
    /// `char`.
    Char,
    /// A floating-point number.
    Float,
    /// A structure, a tuple, or one variant of an enum.
    Struct(Vec<Field>),
    /// A union.
    Union(Vec<Field>),
    /// An enum whose variants have fields, or of which the compiler makes use of a niche.
    Enum(Variants),
    /// An enum that is a number.
    Numbers(Vec<(u64, String)>),
    /// An array.
    Array {
        /// What of.
        element: TypeRef,
        /// How many.
        count: u32,
    },
    /// A pointer or a reference.
    Pointer(Option<TypeRef>),
    /// Something that is not shown.
    Opaque,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name; `__0` and on in a tuple.
    pub name: String,
    /// Bytes from the start.
    pub offset: u32,
    /// Its type.
    pub of: TypeRef,
}

/// The variants of an enum.
#[derive(Clone, Debug)]
pub struct Variants {
    /// Where the number is that tells which; `None`: there is but one variant.
    pub discriminant: Option<Field>,
    /// All of them.
    pub variants: Vec<Variant>,
}

/// A variant.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The number that stands for it; `None`: all that stand for no other.
    pub value: Option<u64>,
    /// Its name and its fields, as a structure.
    pub field: Field,
}

impl Variants {
    /// The variant for a number of so many bytes.
    #[must_use]
    pub fn find(&self, value: u64, size: u32) -> Option<&Variant> {
        // The compiler may have written the number with a sign.
        let mask = u64::MAX >> (64 - 8 * size.clamp(1, 8));
        let named = self
            .variants
            .iter()
            .find(|variant| variant.value.is_some_and(|of| of & mask == value & mask));
        named.or_else(|| self.variants.iter().find(|variant| variant.value.is_none()))
    }
}

impl Type {
    /// Its fields, if it is a structure or a union.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) | Kind::Union(fields) => fields,
            _ => &[],
        }
    }

    /// Whether the type's name, without its generic arguments, is `name`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name.split('<').next() == Some(name)
    }
}

impl<'a> Debug<'a> {
    /// The type that is described there.
    ///
    /// # Errors
    ///
    /// The debug information is damaged.
    pub fn resolve(&self, of: TypeRef) -> Result<Rc<Type>> {
        if let Some(known) = self.types.borrow().get(&of) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.read_type(of)?);
        self.types.borrow_mut().insert(of, Rc::clone(&found));
        Ok(found)
    }

    /// The structure by this name.
    #[must_use]
    pub fn structure(&self, name: &str) -> Option<TypeRef> {
        for (number, unit) in self.units.iter().enumerate() {
            let mut entries = unit.entries();
            while let Ok(Some(entry)) = entries.next_dfs() {
                let is_it = entry.tag() == gimli::DW_TAG_structure_type
                    && entry.attr_value(gimli::DW_AT_byte_size).is_some()
                    && self.text(unit, entry, gimli::DW_AT_name) == name;
                if is_it {
                    return Some(TypeRef {
                        unit: number,
                        offset: entry.offset(),
                    });
                }
            }
        }
        None
    }

    fn read_type(&self, of: TypeRef) -> Result<Type> {
        let unit = self.units.get(of.unit).context("no such unit")?;
        let mut tree = unit.entries_tree(Some(of.offset))?;
        let root = tree.root()?;
        let entry = root.entry();
        let tag = entry.tag();
        let mut name = self.text(unit, entry, gimli::DW_AT_name);
        let mut size = number(entry, gimli::DW_AT_byte_size).unwrap_or(0) as u32;
        let encoding = entry.attr_value(gimli::DW_AT_encoding);
        let target = TypeRef::of(of.unit, &self.dwarf, entry);

        let mut fields = Vec::new();
        let mut variants = None;
        let mut numbers = Vec::new();
        let mut count = None;
        let mut children = root.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_member => fields.extend(self.field(of.unit, entry)),
                gimli::DW_TAG_enumerator => {
                    let value = number(entry, gimli::DW_AT_const_value).unwrap_or(0);
                    numbers.push((value, self.text(unit, entry, gimli::DW_AT_name)));
                }
                gimli::DW_TAG_subrange_type => count = Some(elements(entry)),
                gimli::DW_TAG_variant_part => variants = Some(self.variants(of.unit, child)?),
                _ => {}
            }
        }
        let kind = match tag {
            gimli::DW_TAG_base_type => match encoding {
                Some(AttributeValue::Encoding(gimli::DW_ATE_boolean)) => Kind::Bool,
                Some(AttributeValue::Encoding(gimli::DW_ATE_UTF)) => Kind::Char,
                Some(AttributeValue::Encoding(gimli::DW_ATE_float)) => Kind::Float,
                Some(AttributeValue::Encoding(
                    gimli::DW_ATE_signed | gimli::DW_ATE_signed_char,
                )) => Kind::Signed,
                _ if name == "()" => Kind::Struct(Vec::new()),
                _ => Kind::Unsigned,
            },
            gimli::DW_TAG_structure_type => match variants {
                Some(variants) => Kind::Enum(variants),
                None => Kind::Struct(fields),
            },
            gimli::DW_TAG_union_type => Kind::Union(fields),
            gimli::DW_TAG_enumeration_type => Kind::Numbers(numbers),
            gimli::DW_TAG_array_type => match target {
                Some(element) => {
                    let count = count.unwrap_or(0);
                    let of = self.resolve(element)?;
                    size = of.size.saturating_mul(count);
                    name = format!("[{}; {count}]", of.name);
                    Kind::Array { element, count }
                }
                None => Kind::Opaque,
            },
            gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => {
                size = 4;
                Kind::Pointer(target)
            }
            // An alias is what it stands for.
            _ => match target {
                Some(target) => return Ok((*self.resolve(target)?).clone()),
                None => Kind::Opaque,
            },
        };
        Ok(Type { name, size, kind })
    }

    fn field(
        &self,
        number_of_unit: usize,
        entry: &DebuggingInformationEntry<Reader<'a>>,
    ) -> Option<Field> {
        let unit = self.units.get(number_of_unit)?;
        Some(Field {
            name: self.text(unit, entry, gimli::DW_AT_name),
            offset: number(entry, gimli::DW_AT_data_member_location).unwrap_or(0) as u32,
            of: TypeRef::of(number_of_unit, &self.dwarf, entry)?,
        })
    }

    fn variants(
        &self,
        number_of_unit: usize,
        part: gimli::EntriesTreeNode<'_, '_, Reader<'a>>,
    ) -> Result<Variants> {
        let has_discriminant = part.entry().attr_value(gimli::DW_AT_discr).is_some();
        let mut discriminant = None;
        let mut variants = Vec::new();
        let mut children = part.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_member if has_discriminant => {
                    discriminant = self.field(number_of_unit, entry);
                }
                gimli::DW_TAG_variant => {
                    let value = number(entry, gimli::DW_AT_discr_value);
                    let mut members = child.children();
                    while let Some(member) = members.next()? {
                        if let Some(field) = self.field(number_of_unit, member.entry()) {
                            variants.push(Variant { value, field });
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Variants {
            discriminant,
            variants,
        })
    }

    fn text(
        &self,
        unit: &Unit<Reader<'a>>,
        entry: &DebuggingInformationEntry<Reader<'a>>,
        name: DwAt,
    ) -> String {
        entry
            .attr_value(name)
            .and_then(|value| self.dwarf.attr_string(unit, value).ok())
            .map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// A number, in whatever form; negative ones as the same bits without a sign.
fn number(entry: &DebuggingInformationEntry<Reader<'_>>, name: DwAt) -> Option<u64> {
    let value = entry.attr_value(name)?;
    value
        .udata_value()
        .or_else(|| value.sdata_value().map(|signed| signed as u64))
}

/// How many elements an array has.
fn elements(entry: &DebuggingInformationEntry<Reader<'_>>) -> u32 {
    let count = number(entry, gimli::DW_AT_count)
        .or_else(|| number(entry, gimli::DW_AT_upper_bound).map(|last| last.wrapping_add(1)));
    count.unwrap_or(0) as u32
}
