// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reaching Debian's backports through the mirror that the machine already uses, without changing what it has in `/etc/apt`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Sources that add `<codename>-backports` for one call of `apt-get`, in a folder that goes away again.
#[derive(Debug)]
pub struct Backports {
    // Holds the folder that the options name.
    _folder: TempDir,
    options: Vec<String>,
    suite: String,
}

impl Backports {
    /// Reads the machine's Debian sources and writes them, with backports added, into a folder of our own.
    ///
    /// # Errors
    ///
    /// The machine has no source for its own release, so there is no mirror to take backports from.
    pub fn prepare(codename: &str) -> Result<Self> {
        let mut files = Vec::new();
        for path in source_files()? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            files.push((path, text));
        }
        let suite = format!("{codename}-backports");
        let folder = tempfile::Builder::new().prefix("apt-sources").tempdir()?;
        let mut found = false;
        for (index, (path, text)) in files.iter().enumerate() {
            let deb822 = is_deb822(path);
            let Some(own) = (if deb822 {
                deb822_backports(text, codename)
            } else {
                list_backports(text, codename)
            }) else {
                continue;
            };
            found = true;
            let extension = if deb822 { "sources" } else { "list" };
            // The main list is read anyway; the other files are not, as this folder takes their folder's place.
            let mut content = if path.ends_with("sources.list") {
                String::new()
            } else {
                format!("{text}\n")
            };
            content.push_str(&own);
            fs::write(folder.path().join(format!("{index}.{extension}")), content)?;
        }
        if !found {
            bail!(
                "no package source of this machine offers the suite {codename}, so there is no mirror to take {suite} from"
            );
        }
        // Other users (apt's own, root by sudo) must be able to read it.
        make_readable(folder.path())?;
        Ok(Self {
            options: vec![
                "-o".into(),
                format!("Dir::Etc::SourceParts={}", folder.path().display()),
                // The lists of sources that are not in this folder stay as they are.
                "-o".into(),
                "APT::Get::List-Cleanup=0".into(),
            ],
            _folder: folder,
            suite,
        })
    }

    /// The options that make `apt-get` use these sources.
    #[must_use]
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// The suite, for `-t`.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.suite
    }
}

fn is_deb822(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "sources")
}

fn source_files() -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    let main = Path::new("/etc/apt/sources.list");
    if main.exists() {
        files.push(main.to_owned());
    }
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        for entry in entries {
            let path = entry?.path();
            // As apt itself: anything with another ending is not a source.
            if path
                .extension()
                .is_some_and(|e| e == "sources" || e == "list")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn make_readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// A stanza like the one that offers `codename`, for its backports; `None` if there is none in this file.
fn deb822_backports(text: &str, codename: &str) -> Option<String> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    for stanza in text.split("\n\n") {
        let fields = deb822_fields(stanza);
        let words = |name: &str| {
            fields
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map_or(Vec::new(), |(_, value)| value.split_whitespace().collect())
        };
        let disabled = words("Enabled")
            .first()
            .is_some_and(|value| value.eq_ignore_ascii_case("no"));
        if disabled || !words("Types").contains(&"deb") || !words("Suites").contains(&codename) {
            continue;
        }
        let mut own = format!("\nTypes: deb\nSuites: {codename}-backports\nComponents: main\n");
        for (key, value) in &fields {
            // The rest says how the mirror is reached and trusted, which is the same for backports.
            if !["Types", "Suites", "Components"]
                .iter()
                .any(|own| key.eq_ignore_ascii_case(own))
            {
                own.push_str(&format!("{key}:{value}\n"));
            }
        }
        return Some(own);
    }
    None
}

/// Name and value of each field; a value keeps its continuation lines as they are.
fn deb822_fields(stanza: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in stanza.lines().filter(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), line.split_once(':')) {
            (true, _) => {
                if let Some((_, value)) = fields.last_mut() {
                    value.push('\n');
                    value.push_str(line);
                }
            }
            (false, Some((key, value))) => fields.push((key.to_owned(), value.to_owned())),
            (false, None) => {}
        }
    }
    fields
}

/// The same for a file in the one-line format.
fn list_backports(text: &str, codename: &str) -> Option<String> {
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = rest.trim();
        let (options, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, rest)) => (format!("[{options}] "), rest),
            None => (String::new(), rest),
        };
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next())
            && suite == codename
        {
            return Some(format!("\ndeb {options}{uri} {codename}-backports main\n"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backports_take_mirror_and_key_from_the_release() {
        let text = "# made by an installer\nTypes: deb deb-src\n# the mirror\nURIs: http://mirror.example/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /usr/share/keyrings/x.gpg\n\n\
                    Types: deb\nURIs: http://security.example/\nSuites: bookworm-security\nComponents: main\n";
        assert_eq!(
            deb822_backports(text, "bookworm").unwrap(),
            "\nTypes: deb\nSuites: bookworm-backports\nComponents: main\nURIs: http://mirror.example/debian\n\
             Signed-By: /usr/share/keyrings/x.gpg\n"
        );
        assert_eq!(deb822_backports(text, "trixie"), None);
    }

    #[test]
    fn an_embedded_key_is_kept_whole() {
        let text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n";
        let own = deb822_backports(text, "trixie").unwrap();
        assert!(
            own.ends_with("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n"),
            "{own}"
        );
    }

    #[test]
    fn a_source_that_is_off_or_has_no_binaries_is_no_mirror() {
        let off = "Enabled: no\nTypes: deb\nURIs: http://m.example/\nSuites: bookworm\nComponents: main\n";
        assert_eq!(deb822_backports(off, "bookworm"), None);
        let source =
            "Types: deb-src\nURIs: http://m.example/\nSuites: bookworm\nComponents: main\n";
        assert_eq!(deb822_backports(source, "bookworm"), None);
    }

    #[test]
    fn the_one_line_format_too() {
        let text = "# deb http://no.example/ bookworm main\n\
                    deb http://s.example/ bookworm-security main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n";
        assert_eq!(
            list_backports(text, "bookworm").unwrap(),
            "\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-backports main\n"
        );
        assert_eq!(list_backports(text, "trixie"), None);
    }
}
