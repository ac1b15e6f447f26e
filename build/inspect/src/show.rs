// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How values are laid out as text: on one line if they fit, else as `{:#?}` does.

use std::fmt::{Display, Write as _};

/// A value, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Something that is not taken apart.
    Leaf(String),
    /// `Name(a, b)`; just `Name` if there is nothing in it.
    Tuple(String, Vec<Node>),
    /// `Name { a: 1 }`.
    Struct(String, Vec<(String, Node)>),
    /// `[a, b]`.
    List(Vec<Node>),
}

/// A line may be that long before a value is spread over several.
const WIDTH: usize = 100;

impl Node {
    /// A leaf.
    pub fn leaf(text: impl Display) -> Self {
        Self::Leaf(text.to_string())
    }

    /// The value on one line.
    #[must_use]
    pub fn on_one_line(&self) -> String {
        match self {
            Self::Leaf(text) => text.clone(),
            Self::Tuple(name, items) if items.is_empty() && name.is_empty() => "()".into(),
            Self::Tuple(name, items) if items.is_empty() => name.clone(),
            Self::Tuple(name, items) => {
                let items: Vec<_> = items.iter().map(Self::on_one_line).collect();
                format!("{name}({})", items.join(", "))
            }
            Self::Struct(name, fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, node)| format!("{name}: {}", node.on_one_line()))
                    .collect();
                format!("{name} {{ {} }}", fields.join(", "))
            }
            Self::List(items) => {
                let items: Vec<_> = runs(items)
                    .map(|(node, count)| repeated(&node.on_one_line(), count))
                    .collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// The value on as many lines as it takes.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, text: &mut String, indent: usize) {
        let line = self.on_one_line();
        if indent + line.len() <= WIDTH {
            text.push_str(&line);
            return;
        }
        let inner = indent + 4;
        let mut items = |open: String, items: Vec<(String, &Self, usize)>, close: &str| {
            text.push_str(&open);
            for (label, node, count) in items {
                let _ = write!(text, "\n{:inner$}{label}", "");
                node.write(text, inner);
                if count > 1 {
                    let _ = write!(text, "; {count} times");
                }
                text.push(',');
            }
            let _ = write!(text, "\n{:indent$}{close}", "");
        };
        match self {
            Self::Leaf(_) => text.push_str(&line),
            Self::Tuple(name, nodes) => {
                let nodes = nodes.iter().map(|node| (String::new(), node, 1)).collect();
                items(format!("{name}("), nodes, ")");
            }
            Self::Struct(name, fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, node)| (format!("{name}: "), node, 1))
                    .collect();
                items(format!("{name} {{"), fields, "}");
            }
            Self::List(nodes) => {
                let nodes = runs(nodes)
                    .map(|(node, count)| (String::new(), node, count))
                    .collect();
                items("[".into(), nodes, "]");
            }
        }
    }
}

/// Equal neighbours as one, from four on.
fn runs(items: &[Node]) -> impl Iterator<Item = (&Node, usize)> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut count = rest.iter().take_while(|other| *other == first).count();
        if count < 4 {
            count = 1;
        }
        rest = &rest[count..];
        Some((first, count))
    })
}

fn repeated(text: &str, count: usize) -> String {
    match count {
        1 => text.to_owned(),
        _ => format!("{text}; {count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: i32) -> Node {
        Node::Struct("Point".into(), vec![("x".into(), Node::leaf(x))])
    }

    #[test]
    fn short_values_are_on_one_line() {
        let some = Node::Tuple("Some".into(), vec![point(-1)]);
        assert_eq!(some.pretty(), "Some(Point { x: -1 })");
        assert_eq!(Node::Tuple("None".into(), vec![]).pretty(), "None");
        assert_eq!(Node::Tuple(String::new(), vec![]).pretty(), "()");
        let pair = Node::Tuple(String::new(), vec![Node::leaf(1), Node::leaf(2)]);
        assert_eq!(pair.pretty(), "(1, 2)");
    }

    #[test]
    fn what_repeats_is_written_once() {
        let mut list = vec![Node::leaf(0); 7];
        list.push(Node::leaf(1));
        assert_eq!(Node::List(list).pretty(), "[0; 7 times, 1]");
        assert_eq!(Node::List(vec![Node::leaf(0); 3]).pretty(), "[0, 0, 0]");
    }

    #[test]
    fn long_values_are_spread() {
        let list = Node::List((0..10).map(point).collect());
        let text = list.pretty();
        assert!(text.starts_with("[\n    Point { x: 0 },\n"), "{text}");
        assert!(text.ends_with("    Point { x: 9 },\n]"), "{text}");
    }
}
