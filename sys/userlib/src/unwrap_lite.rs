// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Unwrapping without the cost of formatting.

/// `unwrap` for tasks: panics like it, but does not pull in the code that formats the error.
pub trait UnwrapLite {
    /// What is inside on success.
    type Output;

    /// Takes the value out, or panics.
    fn unwrap_lite(self) -> Self::Output;
}

impl<T> UnwrapLite for Option<T> {
    type Output = T;

    #[inline(always)]
    #[track_caller]
    fn unwrap_lite(self) -> T {
        match self {
            Some(value) => value,
            None => panic!("unwrapped None"),
        }
    }
}

impl<T, E> UnwrapLite for Result<T, E> {
    type Output = T;

    #[inline(always)]
    #[track_caller]
    fn unwrap_lite(self) -> T {
        match self {
            Ok(value) => value,
            Err(_) => panic!("unwrapped Err"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NotDebug;

    #[test]
    fn unwraps_values() {
        assert_eq!(Some(1).unwrap_lite(), 1);
        assert_eq!(Ok::<_, NotDebug>(2).unwrap_lite(), 2);
    }

    #[test]
    #[should_panic(expected = "unwrapped Err")]
    fn panics_without_debug() {
        Err::<(), _>(NotDebug).unwrap_lite()
    }
}
