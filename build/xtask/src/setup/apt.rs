// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Debian's package manager.

use std::fs;
use std::io::IsTerminal;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Mode, say};
use crate::command;

/// A slow mirror and a large package; beyond this something is wrong.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// `apt-get`, with the right to use it.
#[derive(Debug)]
pub struct Apt {
    sudo: bool,
    mode: Mode,
}

impl Apt {
    /// Finds `apt-get` and, for a user who is not root, makes sure that `sudo` works.
    ///
    /// # Errors
    ///
    /// There is no `apt-get` here, or no way to become root. Both say that `packages` are wanted.
    pub fn find(packages: &str, mode: Mode) -> Result<Self> {
        if command::find_program("apt-get").is_none() {
            bail!(
                "this machine has no apt-get: install {packages} by its own package manager and run this again"
            );
        }
        let sudo = mode == Mode::Install && !rustix::process::geteuid().is_root();
        if sudo {
            become_root(packages)?;
        }
        Ok(Self { sudo, mode })
    }

    fn command(&self, options: &[String], words: &[&str]) -> Command {
        let mut command;
        if self.sudo {
            command = Command::new("sudo");
            command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        } else {
            command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
        }
        if self.mode == Mode::DryRun {
            command.arg("--simulate");
        }
        command.args(options).args(words);
        command
    }

    fn run(&self, options: &[String], words: &[&str], packages: &[&str]) -> Result<()> {
        let mut command = self.command(options, words);
        say(&format!("  {}", command::describe(&command)));
        command::check("apt-get", &mut command, LIMIT, |line| {
            // In a dry run everything that would come is the answer; otherwise what was asked for is enough.
            let asked = |start: &str| {
                line.strip_prefix(start)
                    .and_then(|rest| rest.split([' ', ':']).next())
                    .is_some_and(|name| packages.contains(&name))
            };
            if line.starts_with("Inst ") || line.starts_with("Need to get") || asked("Setting up ")
            {
                say(&format!("    {line}"));
            }
        })?;
        Ok(())
    }

    /// Refreshes the package lists. In a dry run it does nothing: reading the lists anew would change the machine.
    ///
    /// # Errors
    ///
    /// The mirror cannot be reached.
    pub fn update(&self, options: &[String]) -> Result<()> {
        if self.mode == Mode::DryRun {
            say("  (apt-get update)");
            return Ok(());
        }
        self.run(options, &["update"], &[])
    }

    /// Installs packages, never at the price of removing one.
    ///
    /// # Errors
    ///
    /// A package is unknown, in conflict with an installed one, or cannot be fetched.
    pub fn install(&self, options: &[String], packages: &[&str]) -> Result<()> {
        let mut words = vec!["install", "-y", "--no-install-recommends", "--no-remove"];
        words.extend(packages);
        self.run(options, &words, packages)
    }
}

fn become_root(packages: &str) -> Result<()> {
    let quiet = |arguments: &[&str]| {
        Command::new("sudo")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if quiet(&["-n", "true"]) {
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        say(&format!(
            "installing {packages} needs root; sudo may ask for your password"
        ));
        // In the foreground with our own terminal, or it could not ask.
        if Command::new("sudo")
            .arg("-v")
            .status()
            .is_ok_and(|status| status.success())
        {
            return Ok(());
        }
    }
    bail!(
        "root must install {packages}, and sudo does not work here: have it installed and run this again"
    )
}

/// The version of a package that would be installed, as Debian writes it (`1:8.2.2+ds-1`).
#[must_use]
pub fn candidate(package: &str) -> Option<String> {
    let text = command::query(
        Command::new("apt-cache")
            .env("LC_ALL", "C")
            .args(["policy", package]),
    )?;
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// Major and minor number of a Debian version, without its epoch.
#[must_use]
pub fn major_minor(version: &str) -> Option<(u32, u32)> {
    let version = version.rsplit_once(':').map_or(version, |(_, rest)| rest);
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The distribution: its id (`debian`) and code name (`bookworm`).
#[must_use]
pub fn distribution() -> Option<(String, String)> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    Some((field("ID")?, field("VERSION_CODENAME")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_without_epoch() {
        assert_eq!(major_minor("1:10.0.2+ds-2~bpo12+1"), Some((10, 0)));
        assert_eq!(major_minor("7.2+dfsg-7"), Some((7, 2)));
        assert_eq!(major_minor("strange"), None);
    }
}
