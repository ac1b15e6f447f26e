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
        .with_counters(CounterSettings::default().with_server_counters(false))
        .with_op_enum_derives(["counters::Count", "Hash"]);
    check("counted_client.rs", generator.client_code(CENSUS));
}

#[test]
fn counted_servers() {
    let counters = CounterSettings::default().with_client_counters(false);
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
