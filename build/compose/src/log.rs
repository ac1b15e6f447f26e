// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Progress, for whoever watches: on standard error, and appended to the file that `IMAGE_LOG` names.
//!
//! cargo keeps a build script's output to itself, so `cargo xtask` names a file and shows what appears in it.

use std::fs::OpenOptions;
use std::io::Write;

/// Says one line.
pub fn say(line: &str) {
    eprintln!("{line}");
    let Some(path) = std::env::var_os("IMAGE_LOG").filter(|path| !path.is_empty()) else {
        return;
    };
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        // Progress is a courtesy: a log that cannot be written does not stop a build.
        _ = writeln!(file, "{line}");
    }
}
