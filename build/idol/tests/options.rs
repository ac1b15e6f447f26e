// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a build script can ask for besides: counters, derives, restricted and lazy servers, servers that only fail.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use counters::Count;
use idol_runtime::{
    ClientError, LazyLeased, Leased, LenLimit, NotificationHandler, R, RW, RequestError, W,
    dispatch,
};
use userlib::kernel::{self, Call, client_fault};
use userlib::{NotificationBits, RecvMessage, ReplyFaultReason, TaskId};

#[path = "census/servers.rs"]
mod servers;
#[path = "census/types.rs"]
mod types_file;

use types_file::*;

mod counted {
    use super::types_file::*;
    include!("golden/counted_client.rs");
}
mod in_order {
    use super::types_file::*;
    include!("golden/in_order.rs");
}
mod deferred {
    use super::types_file::*;
    include!("golden/deferred.rs");
}
mod failing_in_order {
    use super::types_file::*;
    include!("golden/counted_in_order.rs");
}
mod failing_deferred {
    use super::types_file::*;
    include!("golden/counted_deferred.rs");
}
mod restricted {
    use super::types_file::*;
    include!("golden/restricted.rs");
}
mod lazy_deferred {
    use super::types_file::*;
    include!("golden/lazy_deferred.rs");
}
mod failing_client {
    use super::types_file::*;
    include!("golden/failing_client.rs");
}

use failing_client::Failing;

const SERVER: TaskId = TaskId::for_index(3);

fn value(counter: &AtomicU32) -> u32 {
    counter.load(Relaxed)
}

/// The statics are the process's, so everything that counts in one of them is in one test.
#[test]
fn a_client_counts_its_results() {
    use counted::__CENSUS_CLIENT_COUNTERS as COUNTERS;
    kernel::serve_with(|| dispatch(&mut [0; in_order::INCOMING_SIZE], &mut servers::InOrder));
    let census = counted::Census::from(SERVER);
    census.is_set(1).unwrap();
    census.is_set(2).unwrap();
    kernel::kill_server(&[1]);
    census.is_set(1).unwrap_err();
    census.marshal_result(0).unwrap_err();
    kernel::kill_server(&[2]);
    census.push(1).unwrap_err();
    kernel::kill_server(&[3]);
    assert!(census.flag());
    census.examine(Name::None, 1).unwrap_err();
    kernel::kill_server(&[4]);
    census.provoke([[0; 2]; 2], &[]).unwrap_err();

    assert_eq!(value(&COUNTERS.is_set.ok), 2);
    assert_eq!(value(&COUNTERS.is_set.err.Restarted), 1);
    assert_eq!(value(&COUNTERS.marshal_result.err.Odd), 1);
    assert_eq!(value(&COUNTERS.push.err), 1);
    assert_eq!(value(&COUNTERS.flag), 1, "an operation, not an attempt");
    assert_eq!(value(&COUNTERS.examine.err.Unknown), 1);
    assert_eq!(value(&COUNTERS.provoke.err.Restarted), 1);
    assert_eq!(value(&COUNTERS.provoke.ok), 0);
}

#[test]
fn the_enum_of_operations_derives_what_is_asked_for() {
    fn derives<T: Count + std::hash::Hash + Copy + Eq + std::fmt::Debug>() {}
    derives::<counted::CensusOperation>();
    let counters = counted::CensusOperation::NEW_COUNTERS;
    counted::CensusOperation::push.count(&counters);
    assert_eq!(value(&counters.push), 1);
}

/// `copy` fails with what `n` says; `never` with the interface's error; `value` is right.
struct Server;

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

fn outcome(n: u32) -> Result<u32, RequestError<Fault>> {
    match n {
        0 => Err(Fault::TooMuch.into()),
        1 => Err(ClientError::AccessViolation.fail()),
        2 => Err(ClientError::BadLease.fail()),
        n => Ok(n),
    }
}

impl failing_in_order::InOrderFailingImpl for Server {
    fn copy(
        &mut self,
        _: &RecvMessage,
        n: u32,
        _: LenLimit<Leased<R, [u8]>, 4>,
        _: Leased<W, [u8]>,
    ) -> Result<u32, RequestError<Fault>> {
        outcome(n)
    }
    fn never(&mut self, _: &RecvMessage) -> Result<(), RequestError<Fault>> {
        Err(Fault::Odd.into())
    }
    fn value(
        &mut self,
        _: &RecvMessage,
        value: Leased<RW, u16>,
    ) -> Result<u16, RequestError<Fault>> {
        value.read().ok_or(RequestError::went_away())
    }
}

fn copy(n: u32) -> Result<u32, Fault> {
    Failing::from(SERVER).copy(n, &[1], &mut [0])
}

#[test]
fn an_in_order_server_counts_its_results() {
    use failing_in_order::__FAILING_SERVER_COUNTERS as COUNTERS;
    kernel::serve_with(|| {
        dispatch(&mut [0; failing_in_order::INCOMING_SIZE], &mut Server);
    });
    assert_eq!(copy(5), Ok(5));
    assert_eq!(copy(0), Err(Fault::TooMuch));
    for n in [1, 2, 2] {
        assert!(client_fault(|| drop_result(copy(n))).is_some());
    }
    assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
    assert_eq!(Failing::from(SERVER).value(&mut 8), Ok(8));
    assert_eq!(value(&COUNTERS.copy.ok), 1);
    assert_eq!(value(&COUNTERS.copy.err.Runtime.TooMuch), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail.AccessViolation), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail.BadLease), 2);
    assert_eq!(value(&COUNTERS.never.err.Runtime.Odd), 1);
    assert_eq!(value(&COUNTERS.value.ok), 1);

    // A server that fails everything. Here, because it counts in the same static.
    kernel::serve_with(|| {
        let mut server = failing_in_order::FailServer::new(Fault::Odd);
        dispatch(&mut [0; failing_in_order::INCOMING_SIZE], &mut server);
    });
    assert_eq!(copy(5), Err(Fault::Odd));
    assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
    assert_eq!(Failing::from(SERVER).value(&mut 1), Err(Fault::Odd));
    assert_eq!(value(&COUNTERS.value.err.Runtime.Odd), 1);
}

fn drop_result<T>(_: T) {}

/// Answers `copy` at once, the others later.
#[derive(Default)]
struct Later(Vec<Box<dyn FnOnce()>>);

impl NotificationHandler for Later {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

impl failing_deferred::DeferredFailingImpl for Later {
    fn copy(
        &mut self,
        _: &RecvMessage,
        n: u32,
        _: LenLimit<Leased<R, [u8]>, 4>,
        _: Leased<W, [u8]>,
    ) -> Result<Option<u32>, RequestError<Fault>> {
        outcome(n).map(Some)
    }
    fn never(&mut self, msg: &RecvMessage) -> Result<Option<()>, RequestError<Fault>> {
        let caller = msg.sender;
        let reply = move || failing_deferred::reply_never(caller, Err(Fault::Odd));
        self.0.push(Box::new(reply));
        Ok(None)
    }
    fn value(
        &mut self,
        msg: &RecvMessage,
        value: Leased<RW, u16>,
    ) -> Result<Option<u16>, RequestError<Fault>> {
        let caller = msg.sender;
        let reply = move || {
            failing_deferred::reply_value(caller, value.read().ok_or(Fault::TooMuch));
        };
        self.0.push(Box::new(reply));
        Ok(None)
    }
}

#[test]
fn a_deferring_server_counts_answers_when_they_are_given() {
    use failing_deferred::__FAILING_SERVER_COUNTERS as COUNTERS;
    let mut server = Later::default();
    kernel::serve_with(move || match server.0.pop() {
        Some(reply) => {
            let counted = value(&COUNTERS.value.ok) + value(&COUNTERS.never.err.Runtime.Odd);
            reply();
            let now = value(&COUNTERS.value.ok) + value(&COUNTERS.never.err.Runtime.Odd);
            assert_eq!(now, counted + 1);
        }
        None => dispatch(&mut [0; failing_deferred::INCOMING_SIZE], &mut server),
    });
    assert_eq!(copy(5), Ok(5));
    assert_eq!(copy(0), Err(Fault::TooMuch));
    for n in [1, 2, 2] {
        assert!(client_fault(|| drop_result(copy(n))).is_some());
    }
    assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
    assert_eq!(Failing::from(SERVER).value(&mut 8), Ok(8));
    assert_eq!(value(&COUNTERS.copy.ok), 1);
    assert_eq!(value(&COUNTERS.copy.err.Runtime.TooMuch), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail), 3, "combined");
    assert_eq!(value(&COUNTERS.never.err.Runtime.Odd), 1);
    assert_eq!(value(&COUNTERS.value.ok), 1);

    // A server that fails everything. Here, because it counts in the same static.
    kernel::serve_with(|| {
        let mut server = failing_deferred::FailServer {
            err: Fault::TooMuch,
        };
        dispatch(&mut [0; failing_deferred::INCOMING_SIZE], &mut server);
    });
    assert_eq!(copy(5), Err(Fault::TooMuch));
    assert_eq!(Failing::from(SERVER).value(&mut 1), Err(Fault::TooMuch));
}

/// Serves with leases that it never looked at.
struct Restricted;

impl NotificationHandler for Restricted {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

impl restricted::InOrderFailingImpl for Restricted {
    fn copy(
        &mut self,
        _: &RecvMessage,
        _: u32,
        from: LazyLeased<R, [u8]>,
        to: LazyLeased<W, [u8]>,
    ) -> Result<u32, RequestError<Fault>> {
        let mut bytes = [0; 4];
        let bad = |()| ClientError::BadLease.fail();
        let len = from.read_front(&mut bytes).map_err(bad)?;
        to.write_front(&bytes[..len]).map_err(bad)?;
        Ok(len as u32)
    }
    fn never(&mut self, _: &RecvMessage) -> Result<(), RequestError<Fault>> {
        unreachable!("nobody may call it")
    }
    fn value(
        &mut self,
        _: &RecvMessage,
        value: LazyLeased<RW, u16>,
    ) -> Result<u16, RequestError<Fault>> {
        let value = value.look().ok_or(ClientError::BadLease.fail())?;
        value.read().ok_or(RequestError::went_away())
    }
}

#[test]
fn a_restricted_server_serves_those_it_may() {
    kernel::serve_with(|| dispatch(&mut [0; restricted::INCOMING_SIZE], &mut Restricted));
    let failing = Failing::from(SERVER);
    for (client, allowed) in [(7, true), (9, true), (8, false), (0, false)] {
        // Whichever life it lives.
        let client = TaskId::for_index_and_gen(client, 5.into());
        kernel::be_client(client);
        let mut out = [0; 2];
        kernel::take_log();
        let fault = client_fault(|| assert_eq!(failing.copy(1, &[1, 2], &mut out), Ok(2)));
        let violation = (!allowed).then_some(ReplyFaultReason::AccessViolation);
        assert_eq!(fault, violation, "{client:?}");
        let info = |call: &Call| matches!(call, Call::BorrowInfo(_));
        assert!(!kernel::take_log().iter().any(info), "leases are lazy");
        let fault = client_fault(|| drop_result(failing.never()));
        assert_eq!(fault, Some(ReplyFaultReason::AccessViolation));
        // Not listed, so for everybody.
        assert_eq!(failing.value(&mut 3), Ok(3));
    }
}

#[test]
fn a_lazy_lease_without_access_faults_the_client() {
    kernel::serve_with(|| dispatch(&mut [0; restricted::INCOMING_SIZE], &mut Restricted));
    let fault = client_fault(|| {
        let leases = [
            userlib::Lease::no_access(&[1]),
            userlib::Lease::no_access(&[1]),
        ];
        userlib::sys_send(SERVER, 1, &[0; 4], &mut [0; 4], &leases);
    });
    assert_eq!(fault, Some(ReplyFaultReason::BadLeases));
}

/// Answers `copy` in the turn after the one that brought it, from leases that it has by name again.
#[derive(Default)]
struct Lazy(Option<TaskId>);

impl NotificationHandler for Lazy {
    fn current_notification_mask(&self) -> u32 {
        0
    }
    fn handle_notification(&mut self, _: NotificationBits) {}
}

impl lazy_deferred::DeferredFailingImpl for Lazy {
    fn copy(
        &mut self,
        msg: &RecvMessage,
        _: u32,
        _: LazyLeased<R, [u8]>,
        _: LazyLeased<W, [u8]>,
    ) -> Result<Option<u32>, RequestError<Fault>> {
        self.0 = Some(msg.sender);
        Ok(None)
    }
    fn never(&mut self, _: &RecvMessage) -> Result<Option<()>, RequestError<Fault>> {
        Err(Fault::Odd.into())
    }
    fn value(
        &mut self,
        _: &RecvMessage,
        _: LazyLeased<RW, u16>,
    ) -> Result<Option<u16>, RequestError<Fault>> {
        Err(Fault::Odd.into())
    }
}

#[test]
fn a_deferring_server_finds_lazy_leases_by_name() {
    let mut server = Lazy::default();
    kernel::serve_with(move || match server.0.take() {
        Some(caller) => {
            let mut bytes = [0; 8];
            let len = lazy_deferred::copy_from(caller).read_front(&mut bytes);
            let written = lazy_deferred::copy_to(caller).write_front(&bytes[..len.unwrap()]);
            lazy_deferred::reply_copy(caller, Ok(written.unwrap() as u32));
        }
        None => dispatch(&mut [0; lazy_deferred::INCOMING_SIZE], &mut server),
    });
    let mut out = [0; 3];
    assert_eq!(
        Failing::from(SERVER).copy(1, &[4, 5, 6, 7], &mut out),
        Ok(3)
    );
    assert_eq!(out, [4, 5, 6]);
}
