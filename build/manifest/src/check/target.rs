// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The target: one that there is a kernel for, whose code keeps to the registers that the kernel switches.

use crate::app::App;
use crate::problem::Problem;
use crate::suggest::among;

/// Every target, with its architecture's name in [`Architecture`](crate::Architecture).
const TARGETS: [&str; 2] = [ARMV7A, ARMV8A];
const ARMV7A: &str = "armv7a-none-eabi";
const ARMV8A: &str = "aarch64-unknown-none-softfloat";

/// The same processors, with floating-point registers.
const HARD_FLOAT: [(&str, &str); 2] = [
    ("armv7a-none-eabihf", ARMV7A),
    ("aarch64-unknown-none", ARMV8A),
];

/// The target is one of those that there are.
pub fn known(app: &App) -> Vec<Problem> {
    let target = app.target.as_str();
    if TARGETS.contains(&target) {
        return Vec::new();
    }
    let hard = HARD_FLOAT.iter().find(|(hard, _)| *hard == target);
    vec![match hard {
        Some((_, soft)) => app.problem(
            &["target"],
            format!(
                "`{target}` makes code that uses floating-point registers, which no task may have and the kernel does not switch"
            ),
            format!("write `target = \"{soft}\"`"),
        ),
        None => app.problem(
            &["target"],
            format!("there is no kernel for `{target}`"),
            among(target, TARGETS),
        ),
    }]
}

/// Whether the depth of stacks can be proved must be said where it cannot.
pub fn stacks_proved(app: &App) -> Vec<Problem> {
    match (app.architecture().proves_stacks(), app.unproven_stacks) {
        (true, false) | (false, true) => Vec::new(),
        (true, true) => vec![app.problem(
            &["unproven-stacks"],
            "for this target the build proves how deep stacks get",
            "remove it",
        )],
        (false, false) => vec![app.problem(
            &["target"],
            format!(
                "for `{}` the build cannot prove yet how deep stacks get: one that is too small is found only when it overflows, and ends its task",
                app.target
            ),
            "write `unproven-stacks = true` at the top level, for an image that is tried out and not shipped",
        )],
    }
}

/// What is let pass is said.
pub fn unproven(app: &App) -> Vec<Problem> {
    if !app.unproven_stacks {
        return Vec::new();
    }
    vec![app.problem(
        &["unproven-stacks"],
        "nobody knows whether the stacks of this image are large enough",
        "do not ship it: `cargo xtask dist` refuses to",
    )]
}

#[cfg(test)]
mod tests {
    use crate::Architecture;
    use crate::testing::{accepts, refuses};

    const TARGET: &str = "target = \"armv7a-none-eabi\"";

    fn with(target: &str) -> String {
        format!("target = \"{target}\"\nunproven-stacks = true")
    }

    #[test]
    fn both_architectures_have_their_target() {
        assert_eq!(accepts(&[]).architecture(), Architecture::Armv7a);
        let app = accepts(&[(TARGET, &with("aarch64-unknown-none-softfloat"))]);
        assert_eq!(app.architecture(), Architecture::Armv8a);
    }

    #[test]
    fn floating_point_registers_are_refused_with_line_and_remedy() {
        for (hard, soft) in super::HARD_FLOAT {
            let text = refuses(
                &[(TARGET, &format!("target = \"{hard}\""))],
                "uses floating-point registers",
            );
            assert!(text.contains("app.toml:2"), "{text}");
            assert!(
                text.contains(&format!("write `target = \"{soft}\"`")),
                "{text}"
            );
        }
    }

    #[test]
    fn other_targets_are_refused() {
        refuses(
            &[(TARGET, "target = \"aarch64-unknown-none-softfloot\"")],
            "there is no kernel for",
        );
    }

    #[test]
    fn stacks_that_nobody_measures_are_refused_unless_asked_for() {
        let bare = "target = \"aarch64-unknown-none-softfloat\"";
        refuses(&[(TARGET, bare)], "unproven-stacks = true");
        refuses(
            &[(TARGET, &with("armv7a-none-eabi"))],
            "the build proves how deep",
        );
        let app = accepts(&[(TARGET, &with("aarch64-unknown-none-softfloat"))]);
        let warnings = app.warnings();
        assert!(
            warnings[0].to_string().contains("nobody knows"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_kernel_on_aarch64_is_alone_in_two_mebibytes() {
        let target = with("aarch64-unknown-none-softfloat");
        let near = crate::testing::files_with(&[
            ("app.toml", TARGET, &target),
            (
                "chips/chip/chip.toml",
                "address = 0x0901_0000",
                "address = 0x4000_0000",
            ),
        ]);
        crate::testing::refusal(&near, "it shares 2 MiB with the kernel's memory");
        let alone = crate::testing::files_with(&[(
            "chips/chip/chip.toml",
            "address = 0x0901_0000",
            "address = 0x4000_0000",
        )]);
        assert!(
            crate::load_from(&alone, "app.toml").is_ok(),
            "ARMv7-A needs one"
        );
    }
}
