// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is wrong, and where.

use std::fmt;
use std::path::Path;

/// What the functions for build scripts return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is wrong with an interface.
///
/// `Debug` prints the same as `Display`, since that is what a build script's `main` prints of the error that it returns.
pub struct Error {
    place: String,
    message: String,
}

impl std::error::Error for Error {}

impl Error {
    /// Something is wrong in the interface file as a whole, or at a place of it.
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }

    /// Puts the outer part of the place in front.
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() {
            outer.to_string()
        } else {
            format!("{outer}: {}", self.place)
        };
        self
    }

    pub(crate) fn in_file(self, file: &Path) -> Self {
        self.within(file.display())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.place, self.message)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
