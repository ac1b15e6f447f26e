// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Leases: every access stays inside, or does not happen.

use std::sync::{Arc, Mutex, PoisonError};

use idol_runtime::{
    BufReader, BufWriter, LazyLeased, LeaseBufReader, LeaseBufWriter, Leased, LenLimit, R, RW, W,
};
use support::{CLIENT, Cast, SERVER, play, restart, stop};
use userlib::host::{Call, take_calls};
use userlib::{Lease, RecvMessage, sys_recv_open, sys_reply, sys_send};

mod support;

/// Runs a server's code while a client waits with the leases that it lends.
fn lend(
    client: impl FnOnce() + Send + 'static,
    server: impl Fn(&RecvMessage) + Send + Sync + 'static,
) {
    let serve = move || {
        let rm = sys_recv_open(&mut [], 0);
        server(&rm);
        sys_reply(rm.sender, 0, &[]);
        let _ = sys_recv_open(&mut [], 0);
    };
    play(serve, client);
}

/// Waits for the server with these leases.
fn wait(leases: &[Lease<'_>]) {
    assert_eq!(sys_send(SERVER, 1, &[], &mut [], leases), (0, 0));
}

/// How many times memory was looked for in a lease.
fn copies() -> usize {
    let copies = |call: &&Call| matches!(call, Call::BorrowRead { .. } | Call::BorrowWrite { .. });
    take_calls().iter().filter(copies).count()
}

#[test]
fn constructors_check_attributes_and_size() {
    let client = || {
        let (mut a, mut b) = ([0; 8], [0; 8]);
        wait(&[
            Lease::read_only(&[0; 8]),
            Lease::write_only(&mut a),
            Lease::read_write(&mut b),
            Lease::no_access(&[0; 8]),
        ]);
    };
    lend(client, |rm| {
        let by = rm.sender;
        let ok = |i| {
            (
                Leased::<R, u64>::read_only(by, i).is_some(),
                Leased::<W, u64>::write_only(by, i).is_some(),
                Leased::<RW, u64>::read_write(by, i).is_some(),
            )
        };
        assert_eq!(ok(0), (true, false, false));
        assert_eq!(ok(1), (false, true, false));
        assert_eq!(ok(2), (true, true, true));
        assert_eq!(ok(3), (false, false, false));
        let slice = |i| {
            (
                Leased::<R, [u16]>::read_only_slice(by, i, None).map(|l| l.len()),
                Leased::<W, [u16]>::write_only_slice(by, i, None).map(|l| l.len()),
                Leased::<RW, [u16]>::read_write_slice(by, i, None).map(|l| l.len()),
            )
        };
        assert_eq!(slice(0), (Some(4), None, None));
        assert_eq!(slice(1), (None, Some(4), None));
        assert_eq!(slice(2), (Some(4), Some(4), Some(4)));
        assert_eq!(slice(3), (None, None, None));

        assert!(Leased::<R, u32>::read_only(by, 0).is_none(), "too long");
        assert!(Leased::<R, u128>::read_only(by, 0).is_none(), "too short");
        assert!(Leased::<R, [u32; 3]>::read_only(by, 0).is_none());
        assert!(
            Leased::<R, [[u8; 3]]>::read_only_slice(by, 0, None).is_none(),
            "not a whole number of elements"
        );
        assert!(Leased::<R, [u8]>::read_only_slice(by, 0, Some(7)).is_none());
        assert!(Leased::<R, [u8]>::read_only_slice(by, 0, Some(8)).is_some());
        let lease = Leased::<R, [u8]>::read_only_slice(by, 0, None).unwrap();
        assert_eq!((lease.lender(), lease.lease_index()), (by, 0));
        assert!(LenLimit::<_, 7>::try_from(lease).is_err());
        let limited = LenLimit::<_, 8>::try_from(lease).unwrap();
        assert_eq!(
            (limited.len_as_u8(), limited.len_as_u16(), limited.len()),
            (8, 8, 8)
        );
    });
}

#[test]
fn values_are_copied_both_ways() {
    let client = || {
        let input = 0x0102_0304_u32.to_le_bytes();
        let array = [1_u8, 0, 2, 0, 3, 0];
        let mut output = [0; 4];
        let mut both = [9, 9];
        let mut slice = [0; 6];
        wait(&[
            Lease::read_only(&input),
            Lease::read_only(&array),
            Lease::write_only(&mut output),
            Lease::read_write(&mut both),
            Lease::write_only(&mut slice),
        ]);
        assert_eq!(output, [0xDD, 0xCC, 0xBB, 0xAA]);
        assert_eq!(both, [10, 9]);
        assert_eq!(slice, [1, 2, 3, 4, 5, 6]);
    };
    lend(client, |rm| {
        let by = rm.sender;
        assert_eq!(
            Leased::<R, u32>::read_only(by, 0).unwrap().read(),
            Some(0x0102_0304)
        );
        let array = Leased::<R, [u16; 3]>::read_only(by, 1).unwrap();
        assert_eq!(array.read(), Some([1, 2, 3]));
        assert_eq!(
            (array.read_at(0), array.read_at(2), array.read_at(3)),
            (Some(1), Some(3), None)
        );
        Leased::<W, u32>::write_only(by, 2)
            .unwrap()
            .write(0xAABB_CCDD)
            .unwrap();
        let both = Leased::<RW, [u8; 2]>::read_write(by, 3).unwrap();
        let byte = both.read_at(1).unwrap();
        both.write_at(0, byte + 1).unwrap();
        assert_eq!(both.write_at(2, 0), Err(()));
        let slice = Leased::<W, [u16]>::write_only_slice(by, 4, None).unwrap();
        slice.write_at(2, 0x0605).unwrap();
        slice.write_range(0..2, &[0x0201, 0x0403]).unwrap();
    });
}

/// A range that reaches outside would fault the server if it reached the kernel: the offset is a client's to choose.
#[test]
fn ranges_are_checked_before_the_kernel_is_asked() {
    let client = || {
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut room = [0; 8];
        wait(&[Lease::read_only(&data), Lease::write_only(&mut room)]);
        assert_eq!(room, [7, 0, 0, 0, 0, 0, 7, 8]);
    };
    lend(client, |rm| {
        let by = rm.sender;
        let words = Leased::<R, [u16]>::read_only_slice(by, 0, None).unwrap();
        let bytes = Leased::<R, [u8]>::read_only_slice(by, 0, None).unwrap();
        let out = Leased::<W, [u16]>::write_only_slice(by, 1, None).unwrap();
        let byte_out = Leased::<W, [u8]>::write_only_slice(by, 1, None).unwrap();
        take_calls();
        let mut dest = [0; 8];
        // What no slice accepts.
        #[allow(clippy::reversed_empty_ranges)]
        for range in [
            0..5,
            4..5,
            5..5,
            5..6,
            3..2,
            0..usize::MAX,
            usize::MAX..usize::MAX,
            usize::MAX..0,
        ] {
            assert_eq!(
                words.read_range(range.clone(), &mut dest),
                Err(()),
                "{range:?}"
            );
            assert_eq!(
                out.write_range(range.clone(), &[0; 8]),
                Err(()),
                "{range:?}"
            );
        }
        // More than the other side has.
        assert_eq!(words.read_range(0..4, &mut dest[..3]), Err(()));
        assert_eq!(out.write_range(1..3, &[0; 1]), Err(()));
        for index in [4, 5, usize::MAX, usize::MAX / 2 + 1] {
            assert_eq!(words.read_at(index), None);
            assert_eq!(out.write_at(index, 1), Err(()));
        }
        let mut raw = [0_u8; 16];
        for (offset, len) in [
            (0, 9),
            (8, 1),
            (9, 0),
            (1, 8),
            (1, usize::MAX),
            (usize::MAX, 1),
            (usize::MAX, usize::MAX),
        ] {
            // Safety: refused before anything is copied.
            unsafe {
                assert_eq!(bytes.read_range_raw(offset, raw.as_mut_ptr(), len), Err(()));
                assert_eq!(byte_out.write_range_raw(offset, raw.as_ptr(), len), Err(()));
            }
        }
        assert_eq!(copies(), 0, "the kernel was asked");

        // What lies inside, ends included.
        assert_eq!(words.read_range(1..3, &mut dest), Ok(()));
        assert_eq!(dest[..3], [0x0403, 0x0605, 0]);
        assert_eq!(words.read_range(4..4, &mut []), Ok(()));
        assert_eq!(out.write_range(3..4, &[0x0807, 0xFFFF]), Ok(()));
        // Safety: the buffer is ours and long enough.
        unsafe {
            assert_eq!(bytes.read_range_raw(6, raw.as_mut_ptr(), 2), Ok(()));
            assert_eq!(byte_out.write_range_raw(0, raw.as_ptr(), 1), Ok(()));
            assert_eq!(bytes.read_range_raw(8, raw.as_mut_ptr(), 0), Ok(()));
        }
        assert_eq!(raw[..3], [7, 8, 0]);
    });
}

#[test]
fn an_empty_lease() {
    lend(
        || wait(&[Lease::read_only(&[])]),
        |rm| {
            let lease = Leased::<R, [u32]>::read_only_slice(rm.sender, 0, Some(0)).unwrap();
            assert!(lease.is_empty());
            assert_eq!(lease.read_range(0..0, &mut []), Ok(()));
            assert_eq!(lease.read_at(0), None);
            let mut reader = LeaseBufReader::<R, 4>::from(
                Leased::<R, [u8]>::read_only_slice(rm.sender, 0, None).unwrap(),
            );
            assert_eq!((reader.remaining_size(), reader.read()), (0, None));
        },
    );
}

/// Copies of a lease are kept after the client died.
#[test]
fn a_client_that_died_is_an_error() {
    // Whether or not the client has a next life.
    for end in [restart, stop] {
        let room = Arc::new(Mutex::new([0; 4]));
        let client = {
            let room = Arc::clone(&room);
            move || {
                let mut room = room.lock().unwrap();
                wait(&[Lease::read_write(&mut *room)]);
                panic!("this life is over");
            }
        };
        let served = Arc::new(Mutex::new(false));
        let server = {
            let served = Arc::clone(&served);
            move || {
                let rm = sys_recv_open(&mut [], 0);
                let by = rm.sender;
                let kept = Leased::<RW, [u8]>::read_write_slice(by, 0, None).unwrap();
                let value = Leased::<RW, u32>::read_write(by, 0).unwrap();
                let lazy = LazyLeased::<RW, [u8]>::new(by, 0);
                // The next life is not the one that lent.
                end(by);
                assert_eq!(kept.read_at(0), None);
                assert_eq!(kept.read_range(0..4, &mut [0; 4]), Err(()));
                assert_eq!(kept.write_range(0..4, &[1; 4]), Err(()));
                assert_eq!((value.read(), value.write(1)), (None, Err(())));
                assert_eq!(lazy.read_front(&mut [0; 4]), Err(()));
                assert_eq!(lazy.write_front(&[1; 4]), Err(()));
                assert!(lazy.look(None).is_none());
                assert_eq!(kept.len(), 4);
                *served.lock().unwrap() = true;
            }
        };
        let mut image = Cast::new(server, CLIENT.index(), client).builder.build();
        image.run();
        assert_eq!(image.id(CLIENT), CLIENT.next_generation());
        drop(image);
        assert!(*served.lock().unwrap());
        // The life ended while it lent this.
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*room, [0; 4]);
    }
}

#[test]
fn lazy_leases_cost_one_call_and_copy_what_fits() {
    let client = || {
        let data = [1, 2, 3];
        let mut room = [0; 2];
        wait(&[Lease::read_only(&data), Lease::write_only(&mut room)]);
        assert_eq!(room, [8, 6]);
    };
    lend(client, |rm| {
        take_calls();
        let input = LazyLeased::<R, [u8]>::new(rm.sender, 0);
        let output = LazyLeased::<W, [u8]>::new(rm.sender, 1);
        let mut dest = [0; 8];
        assert_eq!(input.read_front(&mut dest), Ok(3));
        assert_eq!(dest[..4], [1, 2, 3, 0]);
        assert_eq!(input.read_front(&mut dest[..2]), Ok(2));
        assert_eq!(output.write_front(&[5, 6, 7]), Ok(2));
        assert_eq!(output.write_front(&[8]), Ok(1));
        assert_eq!(take_calls().len(), 4);
        // The wrong access is an error, not a fault of ours.
        assert_eq!(
            LazyLeased::<R, [u8]>::new(rm.sender, 1).read_front(&mut dest),
            Err(())
        );
        assert_eq!(
            LazyLeased::<W, [u8]>::new(rm.sender, 0).write_front(&[1]),
            Err(())
        );
        // Looked at after all.
        assert_eq!(input.look(Some(3)).unwrap().len(), 3);
        assert!(input.look(Some(2)).is_none());
        assert_eq!(
            LazyLeased::<R, [u8; 3]>::new(rm.sender, 0)
                .look()
                .unwrap()
                .read(),
            Some([1, 2, 3])
        );
        assert_eq!((input.lender(), input.lease_index()), (rm.sender, 0));
    });
}

#[test]
fn buffered_reading_fetches_in_pieces() {
    let data: Vec<u8> = (0..10).collect();
    let lent = data.clone();
    lend(
        move || wait(&[Lease::read_only(&lent)]),
        |rm| {
            let lease = Leased::<R, [u8]>::read_only_slice(rm.sender, 0, None).unwrap();
            take_calls();
            let mut reader = LeaseBufReader::<R, 4>::from(lease);
            assert_eq!(reader.read(), Some(0));
            assert_eq!(reader.remaining_size(), 9);
            let mut rest = [0; 8];
            assert_eq!(reader.read_exact(&mut rest), Ok(()));
            assert_eq!(rest, [1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(reader.read_exact(&mut rest), Err(()), "one byte left");
            assert_eq!((reader.read(), reader.remaining_size()), (None, 0));
            assert_eq!(copies(), 3 + 2, "three pieces, and two looks at the end");
        },
    );
    let mut slice = &data[..2];
    assert_eq!(
        (slice.read(), slice.read(), slice.read()),
        (Some(0), Some(1), None)
    );
    assert_eq!(slice.remaining_size(), 0);
}

#[test]
fn buffered_writing_stores_in_pieces_and_at_the_end() {
    let client = || {
        let mut room = [0; 6];
        wait(&[Lease::write_only(&mut room)]);
        assert_eq!(room, [1, 2, 3, 4, 5, 6]);
    };
    lend(client, |rm| {
        let lease = Leased::<W, [u8]>::write_only_slice(rm.sender, 0, None).unwrap();
        let limited = LenLimit::<_, 6>::try_from(lease).unwrap();
        take_calls();
        let mut writer = LeaseBufWriter::<W, 4>::from(limited);
        assert_eq!(writer.write_all(&[1, 2, 3, 4, 5]), Ok(()));
        assert_eq!(writer.remaining_size(), 1);
        assert_eq!(writer.flush(), Ok(()));
        assert_eq!(writer.write_all(&[6, 7]), Err(()));
        drop(writer);
        assert_eq!(copies(), 3);
    });
    let mut array = [0; 2];
    let mut slice = &mut array[..];
    assert_eq!(slice.write_all(&[1, 2, 3]), Err(()));
    assert_eq!(slice.remaining_size(), 0);
    assert_eq!(array, [1, 2]);
}

/// What a deferring server keeps for each caller.
#[test]
fn leases_are_small_plain_values() {
    fn plain<T: Copy + Send + Sync + 'static>() {}
    plain::<Leased<R, [u8]>>();
    plain::<LenLimit<Leased<W, [u8]>, 128>>();
    plain::<LazyLeased<RW, [u8]>>();
    assert_eq!(size_of::<Leased<R, [u8]>>(), 8);
    assert_eq!(size_of::<LazyLeased<R, [u8]>>(), 4);
}
