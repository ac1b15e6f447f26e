// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a build script can ask for besides: counters, derives, restricted and lazy servers, servers that only fail.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use counters::Count;
use idol_runtime::{
    ClientError, LazyLeased, Leased, LenLimit, NotificationHandler, R, RW, RequestError, W,
    dispatch,
};
use servers::serve_in_order;
use support::{SERVER, SUPERVISOR, fault_of, fault_of_task, kill_server, play, play_as, restart};
use userlib::host::{Call, take_calls};
use userlib::{
    FaultInfo, NotificationBits, RecvMessage, ReplyFaultReason, TaskId, sys_refresh_task_id,
};

#[path = "census/servers.rs"]
mod servers;
#[path = "../../../lib/idol-runtime/tests/support/mod.rs"]
mod support;
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

    /// (U7) Source around a stub may count on its imports, as upstream's does.
    pub fn one() -> u8 {
        Some(1).unwrap_lite()
    }
}

use failing_client::Failing;

fn value(counter: &AtomicU32) -> u32 {
    counter.load(Relaxed)
}

/// The statics are the process's, so everything that counts in one of them is in one test.
#[test]
fn a_client_counts_its_results() {
    use counted::__CENSUS_CLIENT_COUNTERS as COUNTERS;
    play(serve_in_order, || {
        let census = counted::Census::from(SERVER);
        census.is_set(1).unwrap();
        census.is_set(2).unwrap();
        kill_server(&[1]);
        census.is_set(1).unwrap_err();
        census.marshal_result(0).unwrap_err();
        kill_server(&[2]);
        census.push(1).unwrap_err();
        kill_server(&[3]);
        assert!(census.flag());
        census.examine(Name::None, 1).unwrap_err();
        kill_server(&[4]);
        census.provoke([[0; 2]; 2], &[]).unwrap_err();
    });

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
fn u7_unwrap_lite_is_in_scope_of_a_stub() {
    assert_eq!(failing_client::one(), 1);
}

#[test]
fn an_in_order_server_counts_its_results() {
    use failing_in_order::__FAILING_SERVER_COUNTERS as COUNTERS;
    let server = || {
        loop {
            dispatch(&mut [0; failing_in_order::INCOMING_SIZE], &mut Server);
        }
    };
    play(server, || {
        assert_eq!(copy(5), Ok(5));
        assert_eq!(copy(0), Err(Fault::TooMuch));
        for n in [1, 2, 2] {
            assert!(fault_of(move || drop_result(copy(n))).is_some());
        }
        assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
        assert_eq!(Failing::from(SERVER).value(&mut 8), Ok(8));
    });
    assert_eq!(value(&COUNTERS.copy.ok), 1);
    assert_eq!(value(&COUNTERS.copy.err.Runtime.TooMuch), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail.AccessViolation), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail.BadLease), 2);
    assert_eq!(value(&COUNTERS.never.err.Runtime.Odd), 1);
    assert_eq!(value(&COUNTERS.value.ok), 1);

    // A server that fails everything. Here, because it counts in the same static.
    let server = || {
        let mut server = failing_in_order::FailServer::new(Fault::Odd);
        loop {
            dispatch(&mut [0; failing_in_order::INCOMING_SIZE], &mut server);
        }
    };
    play(server, || {
        assert_eq!(copy(5), Err(Fault::Odd));
        assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
        assert_eq!(Failing::from(SERVER).value(&mut 1), Err(Fault::Odd));
    });
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
    let server = || {
        let mut server = Later::default();
        loop {
            match server.0.pop() {
                Some(reply) => {
                    let counted =
                        value(&COUNTERS.value.ok) + value(&COUNTERS.never.err.Runtime.Odd);
                    reply();
                    let now = value(&COUNTERS.value.ok) + value(&COUNTERS.never.err.Runtime.Odd);
                    assert_eq!(now, counted + 1);
                }
                None => dispatch(&mut [0; failing_deferred::INCOMING_SIZE], &mut server),
            }
        }
    };
    play(server, || {
        assert_eq!(copy(5), Ok(5));
        assert_eq!(copy(0), Err(Fault::TooMuch));
        for n in [1, 2, 2] {
            assert!(fault_of(move || drop_result(copy(n))).is_some());
        }
        assert_eq!(Failing::from(SERVER).never(), Err(Fault::Odd));
        assert_eq!(Failing::from(SERVER).value(&mut 8), Ok(8));
    });
    assert_eq!(value(&COUNTERS.copy.ok), 1);
    assert_eq!(value(&COUNTERS.copy.err.Runtime.TooMuch), 1);
    assert_eq!(value(&COUNTERS.copy.err.Fail), 3, "combined");
    assert_eq!(value(&COUNTERS.never.err.Runtime.Odd), 1);
    assert_eq!(value(&COUNTERS.value.ok), 1);

    // A server that fails everything. Here, because it counts in the same static.
    let server = || {
        let mut server = failing_deferred::FailServer {
            err: Fault::TooMuch,
        };
        loop {
            dispatch(&mut [0; failing_deferred::INCOMING_SIZE], &mut server);
        }
    };
    play(server, || {
        assert_eq!(copy(5), Err(Fault::TooMuch));
        assert_eq!(Failing::from(SERVER).value(&mut 1), Err(Fault::TooMuch));
    });
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

/// The main function of a restricted server.
fn serve_restricted() {
    loop {
        dispatch(&mut [0; restricted::INCOMING_SIZE], &mut Restricted);
    }
}

fn copy_two() {
    let mut out = [0; 2];
    assert_eq!(Failing::from(SERVER).copy(1, &[1, 2], &mut out), Ok(2));
}

fn call_never() {
    drop_result(Failing::from(SERVER).never());
}

/// Not listed, so for everybody.
fn ask_value() {
    assert_eq!(Failing::from(SERVER).value(&mut 3), Ok(3));
}

#[test]
fn a_restricted_server_serves_those_it_may() {
    play_as(10, serve_restricted, || {
        for (client, allowed) in [(7, true), (9, true), (8, false)] {
            // Whichever life it lives.
            let name = TaskId::for_index(client);
            for _ in 0..4 {
                restart(name);
            }
            take_calls();
            let fault = fault_of_task(client, copy_two);
            let violation = (!allowed).then_some(ReplyFaultReason::AccessViolation);
            assert_eq!(fault, violation, "{client:?}");
            let fifth = TaskId::for_index_and_gen(client, 5.into());
            assert_eq!(sys_refresh_task_id(name), fifth);
            let info = |call: &Call| matches!(call, Call::BorrowInfo { .. });
            assert!(!take_calls().iter().any(info), "leases are lazy");
            let fault = fault_of_task(client, call_never);
            assert_eq!(fault, Some(ReplyFaultReason::AccessViolation));
            assert_eq!(fault_of_task(client, ask_value), None);
        }
    });
    // The fault of a supervisor ends everything.
    let supervisor = SUPERVISOR.index();
    play_as(supervisor, serve_restricted, ask_value);
    for refused in [copy_two, call_never] {
        let ended = std::panic::catch_unwind(|| play_as(supervisor, serve_restricted, refused));
        let ended = ended.unwrap_err();
        let ended = ended.downcast_ref::<String>().unwrap();
        let fault = FaultInfo::FromServer(SERVER, ReplyFaultReason::AccessViolation);
        let fault = format!("the supervisor faulted: Faulted {{ fault: {fault:?}");
        assert!(ended.starts_with(&fault), "{ended}");
    }
}

#[test]
fn a_lazy_lease_without_access_faults_the_client() {
    play(serve_restricted, || {
        let fault = fault_of_task(9, || {
            let leases = [
                userlib::Lease::no_access(&[1]),
                userlib::Lease::no_access(&[1]),
            ];
            userlib::sys_send(SERVER, 1, &[0; 4], &mut [0; 4], &leases);
        });
        assert_eq!(fault, Some(ReplyFaultReason::BadLeases));
    });
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
    let server = || {
        let mut server = Lazy::default();
        loop {
            match server.0.take() {
                Some(caller) => {
                    let mut bytes = [0; 8];
                    let len = lazy_deferred::copy_from(caller).read_front(&mut bytes);
                    let written =
                        lazy_deferred::copy_to(caller).write_front(&bytes[..len.unwrap()]);
                    lazy_deferred::reply_copy(caller, Ok(written.unwrap() as u32));
                }
                None => dispatch(&mut [0; lazy_deferred::INCOMING_SIZE], &mut server),
            }
        }
    };
    play(server, || {
        let mut out = [0; 3];
        assert_eq!(
            Failing::from(SERVER).copy(1, &[4, 5, 6, 7], &mut out),
            Ok(3)
        );
        assert_eq!(out, [4, 5, 6]);
    });
}
