// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the generator writes for the census, line by line.
//!
//! `IDOL_BLESS=1 cargo test -p idol` writes the files anew; look at the difference before it is committed. The files are compiled and run
//! by the other tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use idol::server::ServerStyle::{Deferred, InOrder};
use idol::{CounterSettings, FailServer, Generator};

const CENSUS: &str = include_str!("census/census.idol");
const FAILING: &str = include_str!("census/failing.idol");

fn check(name: &str, generated: Result<(String, Vec<String>), idol::Error>) {
    let (code, warnings) = generated.unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden", name]
        .iter()
        .collect();
    if std::env::var_os("IDOL_BLESS").is_some() {
        std::fs::write(&path, &code).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (is, was))) = (1..)
        .zip(
            code.lines()
                .zip(golden.lines().chain(std::iter::repeat("(end of file)"))),
        )
        .find(|(_, (is, was))| is != was)
    {
        panic!("{name}, line {number}:\n  is  {is}\n  was {was}\nIDOL_BLESS=1 accepts all changes");
    }
    assert_eq!(code.lines().count(), golden.lines().count(), "{name}");
}

/// Whatever the features of `idol` are.
fn only_in_client() -> CounterSettings {
    CounterSettings::default()
        .with_client_counters(true)
        .with_server_counters(false)
}

/// (U7) A crate with a client need not depend on `idol-runtime`.
#[test]
fn u7_a_client_needs_only_userlib() {
    let generator = Generator::new().with_counters(only_in_client());
    for text in [CENSUS, FAILING] {
        let (code, _) = generator.client_code(text).unwrap();
        assert!(!code.contains("idol_runtime"), "{code}");
    }
}

/// (U7) A task that links a client's crate and never calls it has no counters of it. A server's are there from the start.
#[test]
fn u7_only_a_servers_counters_are_kept_unused() {
    let is_kept = |code: &str| {
        let (before, _) = code.split_once("_COUNTERS:").unwrap();
        let attributes = before.rsplit('}').next().unwrap();
        attributes.contains("#[used]")
    };
    let generator = Generator::new().with_counters(only_in_client());
    let (code, _) = generator.client_code(FAILING).unwrap();
    assert!(!is_kept(&code));
    let generator = Generator::new().with_counters(only_in_client().with_server_counters(true));
    let (code, _) = generator
        .server_code(FAILING, InOrder, &BTreeMap::new())
        .unwrap();
    assert!(is_kept(&code));
}

/// (U7) The feature `no-counters` of `idol` switches counters off where a build script leaves the choice to it.
#[test]
fn u7_a_feature_switches_counters_off() {
    let generator = Generator::new().with_counters(CounterSettings::default());
    let (client, _) = generator.client_code(FAILING).unwrap();
    let server = generator.server_code(FAILING, InOrder, &BTreeMap::new());
    let (server, _) = server.unwrap();
    for code in [client, server] {
        let has_counters = code.contains("_COUNTERS");
        assert_eq!(has_counters, cfg!(not(feature = "no-counters")));
    }
}

/// (U7) As upstream's build scripts write it.
#[test]
fn u7_derives_are_any_collection() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let once = std::iter::once("counters::Count");
    let (code, _) = Generator::new()
        .with_op_enum_derives(once)?
        .client_code(FAILING)?;
    let several = &["serde::Serialize", "Hash"];
    let (other, _) = Generator::new()
        .with_op_enum_derives(several)?
        .client_code(FAILING)?;
    assert!(code.contains("PartialEq, counters::Count)"), "{code}");
    assert!(
        other.contains("PartialEq, serde::Serialize, Hash)"),
        "{other}"
    );
    Ok(())
}

#[test]
fn client() {
    check("client.rs", Generator::new().client_code(CENSUS));
}

#[test]
fn failing_client() {
    check("failing_client.rs", Generator::new().client_code(FAILING));
}

#[test]
fn in_order_server() {
    let generator = Generator::new();
    check(
        "in_order.rs",
        generator.server_code(CENSUS, InOrder, &BTreeMap::new()),
    );
}

#[test]
fn deferred_server() {
    let generator = Generator::new();
    check(
        "deferred.rs",
        generator.server_code(CENSUS, Deferred, &BTreeMap::new()),
    );
}

#[test]
fn counted_client_with_derives() {
    let generator = Generator::new()
        .with_counters(only_in_client())
        .with_op_enum_derives(["counters::Count", "Hash"])
        .unwrap();
    check("counted_client.rs", generator.client_code(CENSUS));
}

#[test]
fn counted_servers() {
    let counters = CounterSettings::default()
        .with_client_counters(false)
        .with_server_counters(true);
    let generator = Generator::new().with_counters(counters.clone());
    check(
        "counted_in_order.rs",
        generator.server_code(FAILING, InOrder, &BTreeMap::new()),
    );
    let generator = Generator::new().with_counters(counters.with_combined_client_errors(true));
    check(
        "counted_deferred.rs",
        generator.server_code(FAILING, Deferred, &BTreeMap::new()),
    );
}

#[test]
fn deferred_server_with_lazy_leases() {
    let generator = Generator::new()
        .with_lazy_leases(true)
        .with_fail_server(FailServer::No);
    check(
        "lazy_deferred.rs",
        generator.server_code(FAILING, Deferred, &BTreeMap::new()),
    );
}

#[test]
fn restricted_server_with_lazy_leases() {
    let generator = Generator::new()
        .with_lazy_leases(true)
        .with_fail_server(FailServer::No);
    let allowed = BTreeMap::from([
        ("copy".to_string(), vec![7, 9]),
        ("never".to_string(), vec![]),
    ]);
    check(
        "restricted.rs",
        generator.server_code(FAILING, InOrder, &allowed),
    );
}
