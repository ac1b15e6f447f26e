// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The bytes on the wire, for every operation of the census.
//!
//! `golden/wire.txt` holds one line for each call: operation, message, leases, and response code and body. `IDOL_BLESS=1` writes it anew.
//! A `usize` is as wide as the target's, so there is one file for targets of 32 bits, such as ours, and one for hosts. To run the former:
//! `cargo +nightly miri test -p idol --test wire --target armv7-unknown-linux-gnueabihf` with `MIRIFLAGS=-Zmiri-disable-isolation`.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use hubpack::SerializedSize;
use servers::{serve_deferred, serve_in_order};
use support::{SERVER, play};
use userlib::FromPrimitive;
use userlib::host::{Call, take_calls};

#[path = "census/servers.rs"]
mod servers;
#[path = "../../../lib/idol-runtime/tests/support/mod.rs"]
mod support;
#[path = "census/types.rs"]
mod types_file;

use types_file::*;

mod client {
    use super::types_file::*;
    include!("golden/client.rs");
}
mod in_order {
    use super::types_file::*;
    include!("golden/in_order.rs");
}
mod deferred {
    use super::types_file::*;
    include!("golden/deferred.rs");
}

/// Calls every operation, each with success and, where it has one, with an error.
fn call_everything(census: &client::Census) {
    let _ = census.add(0x11, -2, 0x3344_5566, 0x77, 0x88, true, 0x99);
    let _ = census.add(0, 0, 0, u64::MAX >> 2, 0, false, 0);
    let _ = census.compound(Point { x: 1, y: -1 }, [[1, 2], [3, 4], [5, 6]], 1.0);
    let _ = census.compound(Point::default(), [[0; 2]; ROWS], f32::NAN);
    let _ = census.is_set(1);
    let _ = census.is_set(2);
    census.reset();
    census.flag();
    let _ = census.mode(Mode::Off, Wide::Large, 7);
    let _ = census.mode(Mode::On, Wide::Small, 99);
    census.mode_now();
    let _ = census.converted(Celsius(-1), Celsius(300), Celsius(3));
    let _ = census.write(0x0102, &[1, 2, 3]);
    let _ = census.write(0, &[1, 2, 3, 4]);
    let _ = census.read(0x0A0B_0C0D, &mut [0; 8]);
    let _ = census.transfer(&[1, 2, 3], &mut [0; 255]);
    census.sized(&Point { x: 1, y: 2 }, &mut [0; ROWS]);
    let _ = census.words(&[1, 2], &mut [Point::default(); 3]);
    let _ = census.exchange(&mut [1, 2], &mut 3);
    let _ = census.push(0xDEAD_BEEF);
    let _ = census.describe(0, None, true);
    let _ = census.describe(1, Some(0xAB), false);
    let _ = census.describe(1, None, true);
    let _ = census.describe(1, None, false);
    let _ = census.describe(2, None, false);
    let _ = census.examine(Name::Numbered { number: 0x1234 }, 2);
    let _ = census.examine(Name::Short([1, 2, 3, 4]), 0);
    let _ = census.examine(Name::None, 0);
    let _ = census.provoke([[1, 2], [3, 4]], &[3]);
    let _ = census.provoke([[1, 2], [3, 4]], &[4]);
    census.totals();
    let _ = census.finish(true, &mut [0; 4]);
    let level = Bare {
        level: 0x0102_0304,
        name: Some(5),
    };
    census.marshal(true, false, level, 0x66);
    let _ = census.marshal_result(2);
    let _ = census.marshal_result(0);
    let _ = census.op(1, 2, 3, 4, 5, &[6], &mut [0; 2]);
    let folded = Folded {
        lone: Lone::Only,
        flags: [Some(true), None, Some(false), Some(true)],
    };
    census.marshal_folded(Lone::Only, Some([Lone::Only; 2]), folded);
    census.marshal_folded(Lone::Only, None, folded);
}

/// What a client and this server say to each other.
fn log(server: impl Fn() + Send + Sync + 'static) -> String {
    let (sender, log) = channel();
    play(server, move || {
        call_everything(&client::Census::from(SERVER));
        sender.send(take_calls()).unwrap();
    });
    let mut text = String::new();
    for call in log.recv().unwrap() {
        match call {
            Call::Send {
                operation,
                message,
                capacity,
                leases,
                ..
            } => {
                let name = client::CensusOperation::from_u16(operation).unwrap();
                write!(text, "{operation} {name:?}: [{}]", hex(&message)).unwrap();
                for (attributes, len) in leases {
                    write!(text, " lease({}, {len})", attributes.bits()).unwrap();
                }
                write!(text, " room({capacity})").unwrap();
            }
            Call::Reply { code, message, .. } => {
                writeln!(text, " -> {code} [{}]", hex(&message)).unwrap();
            }
            _ => {}
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    let each: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    each.join(" ")
}

#[test]
fn the_wire_is_as_it_was() {
    let name = format!("wire_{}.txt", usize::BITS);
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden", &name]
        .iter()
        .collect();
    let is = log(serve_in_order);
    if std::env::var_os("IDOL_BLESS").is_some() {
        std::fs::write(&path, &is).unwrap();
    }
    let was = std::fs::read_to_string(&path).unwrap_or_default();
    for (is, was) in is.lines().zip(was.lines()) {
        assert_eq!(is, was);
    }
    assert_eq!(is.lines().count(), was.lines().count());
}

#[test]
fn it_is_the_same_from_a_server_that_answers_later() {
    let in_order = log(serve_in_order);
    for at_once in [false, true] {
        assert_eq!(log(move || serve_deferred(at_once)), in_order);
    }
}

/// One codec serves both serde encodings because they have the same bytes.
#[test]
fn hubpack_and_ssmarshal_agree() {
    fn check<T: serde::Serialize + SerializedSize>(value: T) {
        let (mut hub, mut ss) = ([0; 64], [0; 64]);
        let len = hubpack::serialize(&mut hub, &value).unwrap();
        assert_eq!(ssmarshal::serialize(&mut ss, &value).unwrap(), len);
        assert_eq!(hub, ss);
        assert!(len <= T::MAX_SIZE);
    }
    check((true, false, 1_u8, -2_i16, 3_u32, u64::MAX, 0.5_f32));
    check([[1_u16, 2], [3, 4]]);
    check((Some(1_u8), None::<u32>, Some(Some(true))));
    check(Name::Short([1, 2, 3, 4]));
    check(Name::None);
    check(Name::Numbered { number: 0x1234 });
    check(Trouble::At([1, 2, 3, 4]));
    check(());
    // Serde makes 64 bits of it everywhere, which ssmarshal does not expect of a type with 32.
    let mut hub = [0; 64];
    assert_eq!(hubpack::serialize(&mut hub, &7_usize).unwrap(), 8);
    if usize::BITS == 64 {
        let mut ss = [0; 64];
        assert_eq!(ssmarshal::serialize(&mut ss, &7_usize).unwrap(), 8);
        assert_eq!(hub, ss);
    }
}
