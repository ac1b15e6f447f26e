// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One behaviour a test: chains, publishing, taking back, interrupt control, and each violation.

use virtqueue::device::DeviceSide;
use virtqueue::{
    Buffer, ChainError, Direction, LengthError, PublishError, RingMemory, SizeError, Used,
    Violation, Virtqueue,
};

fn reads(len: u32) -> Buffer {
    Buffer {
        address: 0x1_4000_0000 + u64::from(len),
        len,
        direction: Direction::DeviceReads,
    }
}

fn writes(len: u32) -> Buffer {
    Buffer {
        address: 0x5000_0000 + u64::from(len),
        len,
        direction: Direction::DeviceWrites,
    }
}

/// A started queue of `size` with single-descriptor chains of 100 bytes room, and its device.
fn pair<const N: usize>(
    memory: &RingMemory<N>,
    size: u16,
    event_idx: bool,
    index: u16,
) -> (Virtqueue<'_, N>, DeviceSide<'_, N>) {
    let mut queue = Virtqueue::new(memory);
    queue.start_at(size, event_idx, index).unwrap();
    for head in 0..size {
        queue.set_chain(head, &[writes(100)]).unwrap();
    }
    (queue, DeviceSide::new_at(memory, size, event_idx, index))
}

#[test]
fn start_checks_the_size() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    for size in [0, 3, 6, 7, 65535] {
        assert_eq!(queue.start(size, true), Err(SizeError::NotAPowerOfTwo));
    }
    for size in [16, 32768] {
        assert_eq!(queue.start(size, true), Err(SizeError::TooLarge));
    }
    for size in [1, 2, 4, 8] {
        assert_eq!(queue.start(size, true), Ok(()));
        assert_eq!(queue.size(), size);
        assert!(queue.event_idx());
    }
}

#[test]
fn a_queue_that_was_not_started_does_nothing() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    assert_eq!(queue.publish(0), Err(PublishError::NotAHead));
    assert_eq!(
        queue.set_chain(0, &[writes(1)]),
        Err(ChainError::OutOfRange)
    );
    assert!(!queue.kick_needed());
    assert_eq!(queue.take_used(), Ok(None));
    let mut device = DeviceSide::new(&memory, 8, true);
    device.complete(0, 0);
    assert_eq!(
        queue.take_used(),
        Err(Violation::IndexJump { index: 1, ahead: 1 })
    );
    assert_eq!(queue.take_used(), Ok(None));
}

#[test]
fn addresses_follow_the_layout() {
    let memory = RingMemory::<64>::new();
    let addresses = Virtqueue::new(&memory).addresses();
    assert!(addresses.descriptors.is_multiple_of(16));
    assert_eq!(addresses.available, addresses.descriptors + 16 * 64);
    // 6 + 2 * 64 bytes, and two more for alignment to 4.
    assert_eq!(addresses.used, addresses.available + 6 + 2 * 64 + 2);
}

#[test]
fn descriptors_say_what_the_chain_says() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(8, true).unwrap();
    queue
        .set_chain(5, &[reads(4), writes(6), writes(7)])
        .unwrap();
    let device = DeviceSide::new(&memory, 8, true);
    for (number, buffer, next) in [
        (5, reads(4), Some(6)),
        (6, writes(6), Some(7)),
        (7, writes(7), None),
    ] {
        let segment = device.segment(number).unwrap();
        assert_eq!(segment.address, buffer.address);
        assert_eq!(segment.len, buffer.len);
        assert_eq!(
            segment.writable,
            buffer.direction == Direction::DeviceWrites
        );
        assert_eq!(segment.next, next);
    }
    assert_eq!(device.segment(8), None);
}

#[test]
fn set_chain_refuses_and_changes_nothing() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(4, true).unwrap();
    let huge = writes(u32::MAX);
    let cases: [(u16, &[Buffer], ChainError); 13] = [
        (0, &[], ChainError::Empty),
        (4, &[writes(1)], ChainError::OutOfRange),
        (3, &[reads(1), writes(1)], ChainError::OutOfRange),
        (0, &[writes(1); 5], ChainError::OutOfRange),
        (0, &[writes(1); 9], ChainError::OutOfRange),
        (u16::MAX, &[writes(1)], ChainError::OutOfRange),
        (0, &[writes(0)], ChainError::EmptyBuffer),
        (0, &[reads(0), writes(1)], ChainError::EmptyBuffer),
        (0, &[reads(1), writes(0)], ChainError::EmptyBuffer),
        (0, &[writes(1), reads(1)], ChainError::Order),
        (0, &[reads(1), writes(1), reads(1)], ChainError::Order),
        (0, &[huge, writes(2)], ChainError::TooLong),
        (
            0,
            &[reads(u32::MAX), writes(1), writes(1)],
            ChainError::TooLong,
        ),
    ];
    for (head, buffers, error) in cases {
        assert_eq!(
            queue.set_chain(head, buffers),
            Err(error),
            "{head} {buffers:?}"
        );
    }
    // 2^32 bytes exactly are allowed.
    queue.set_chain(0, &[huge, writes(1)]).unwrap();
    for head in [0, 1] {
        assert_eq!(queue.set_chain(head, &[writes(1)]), Err(ChainError::Taken));
    }
    queue.set_chain(2, &[writes(1)]).unwrap();
    queue.set_chain(3, &[writes(1)]).unwrap();
    queue.start(4, true).unwrap();
    queue.set_chain(0, &[writes(1); 4]).unwrap();
}

#[test]
fn a_room_of_four_gigabytes_is_as_much_as_a_length_can_say() {
    let memory = RingMemory::<2>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(2, true).unwrap();
    queue.set_chain(0, &[writes(u32::MAX), writes(1)]).unwrap();
    queue.publish(0).unwrap();
    DeviceSide::new(&memory, 2, true).complete(0, u32::MAX);
    let used = Used {
        head: 0,
        len: u32::MAX,
        excess: false,
    };
    assert_eq!(queue.take_used(), Ok(Some(used)));
}

/// V26: the request's length is the message's, the same slot's buffers are used again.
#[test]
fn v26_read_length_is_set_for_each_request() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(8, true).unwrap();
    queue.set_chain(0, &[reads(136), writes(136)]).unwrap();
    queue.set_chain(2, &[writes(136)]).unwrap();
    let device = DeviceSide::new(&memory, 8, true);
    for len in [4, 136, 1, 12] {
        queue.set_read_len(0, len).unwrap();
        assert_eq!(device.segment(0).unwrap().len, len);
        assert_eq!(device.segment(1).unwrap().len, 136);
    }
    for len in [0, 137, u32::MAX] {
        assert_eq!(queue.set_read_len(0, len), Err(LengthError::OutOfRange));
    }
    assert_eq!(queue.set_read_len(1, 4), Err(LengthError::NotAHead));
    assert_eq!(queue.set_read_len(2, 4), Err(LengthError::NotRead));
    assert_eq!(queue.set_read_len(3, 4), Err(LengthError::NotAHead));
    assert_eq!(queue.set_read_len(8, 4), Err(LengthError::NotAHead));
    queue.publish(0).unwrap();
    assert_eq!(queue.set_read_len(0, 4), Err(LengthError::WithDevice));
    assert_eq!(device.segment(0).unwrap().len, 12);
}

/// V36: a chain that the device has is never handed out again.
#[test]
fn v36_publish_refuses_what_the_device_has() {
    let memory = RingMemory::<4>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(4, true).unwrap();
    queue.set_chain(0, &[reads(4), writes(100)]).unwrap();
    assert!(!queue.with_device(0));
    queue.publish(0).unwrap();
    assert!(queue.with_device(0));
    assert_eq!(queue.in_flight(), 1);
    assert_eq!(queue.publish(0), Err(PublishError::WithDevice));
    for head in [1, 2, 3, 4, u16::MAX] {
        assert_eq!(queue.publish(head), Err(PublishError::NotAHead));
        assert!(!queue.with_device(head));
    }
    assert_eq!((queue.in_flight(), queue.available_index()), (1, 1));
    let mut device = DeviceSide::new(&memory, 4, true);
    assert_eq!((device.pop(), device.pop()), (Some(0), None));
    device.complete(0, 8);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 0,
            len: 8,
            excess: false
        }))
    );
    assert!(!queue.with_device(0));
    queue.publish(0).unwrap();
    assert_eq!((device.pop(), device.pop()), (Some(0), None));
}

/// The order of completion is free.
#[test]
fn chains_come_back_in_any_order() {
    for index in [0, 65533] {
        let memory = RingMemory::<4>::new();
        let (mut queue, mut device) = pair(&memory, 4, true, index);
        for head in [2, 0, 3, 1] {
            queue.publish(head).unwrap();
        }
        let popped: Vec<_> = std::iter::from_fn(|| device.pop()).collect();
        assert_eq!(popped, [2, 0, 3, 1]);
        for head in [1, 3, 2, 0] {
            device.complete(head, head);
        }
        for head in [1, 3, 2, 0] {
            let used = Used {
                head,
                len: u32::from(head),
                excess: false,
            };
            assert_eq!(queue.take_used(), Ok(Some(used)));
        }
        assert_eq!(queue.take_used(), Ok(None));
        assert_eq!(queue.in_flight(), 0);
        assert_eq!(queue.used_index(), index.wrapping_add(4));
    }
}

/// W10: a used length larger than the room is clamped, and told.
#[test]
fn w10_used_length_is_clamped_to_the_room() {
    let memory = RingMemory::<4>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(4, true).unwrap();
    queue
        .set_chain(0, &[reads(50), writes(60), writes(40)])
        .unwrap();
    queue.set_chain(3, &[reads(50)]).unwrap();
    let mut device = DeviceSide::new(&memory, 4, true);
    for (head, said, len, excess) in [
        (0, 0, 0, false),
        (0, 100, 100, false),
        (0, 101, 100, true),
        (0, u32::MAX, 100, true),
        (3, 0, 0, false),
        (3, 1, 0, true),
    ] {
        queue.publish(head).unwrap();
        device.complete(u32::from(head), said);
        assert_eq!(queue.take_used(), Ok(Some(Used { head, len, excess })));
    }
}

#[test]
fn an_id_out_of_range_is_consumed_and_told() {
    let memory = RingMemory::<8>::new();
    // A ring of 4 in memory for 8: the limit is the ring's.
    let (mut queue, mut device) = pair(&memory, 4, true, 65535);
    queue.publish(1).unwrap();
    for id in [4, 7, 8, 0xffff, 0x1_0001, 0x8000_0001, u32::MAX] {
        device.complete(id, 0);
        assert_eq!(queue.take_used(), Err(Violation::OutOfRange { id }));
        assert_eq!(queue.take_used(), Ok(None));
        assert_eq!(queue.in_flight(), 1);
    }
    device.complete(1, 7);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 1,
            len: 7,
            excess: false
        }))
    );
}

#[test]
fn an_id_that_starts_no_chain_is_consumed_and_told() {
    let memory = RingMemory::<8>::new();
    let mut queue = Virtqueue::new(&memory);
    queue.start(8, true).unwrap();
    queue.set_chain(0, &[reads(4), writes(8)]).unwrap();
    queue.publish(0).unwrap();
    let mut device = DeviceSide::new(&memory, 8, true);
    for id in [1, 2, 7] {
        device.complete(u32::from(id), 0);
        assert_eq!(queue.take_used(), Err(Violation::NotAHead { id }));
    }
    assert!(queue.with_device(0));
    assert_eq!(queue.in_flight(), 1);
}

#[test]
fn a_chain_given_back_twice_is_told() {
    let memory = RingMemory::<4>::new();
    let (mut queue, mut device) = pair(&memory, 4, false, 0);
    queue.publish(0).unwrap();
    queue.publish(1).unwrap();
    device.complete(0, 1);
    device.complete(0, 2);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 0,
            len: 1,
            excess: false
        }))
    );
    assert_eq!(queue.take_used(), Err(Violation::NotWithDevice { id: 0 }));
    assert_eq!(queue.take_used(), Ok(None));
    assert_eq!(queue.in_flight(), 1);
    // A chain that was never offered is the same.
    device.complete(3, 1);
    assert_eq!(queue.take_used(), Err(Violation::NotWithDevice { id: 3 }));
    device.complete(1, 3);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 1,
            len: 3,
            excess: false
        }))
    );
    assert_eq!(queue.in_flight(), 0);
}

/// A chain that comes back twice in one batch is taken once, although other chains are with the device and this one was
/// published again before the second entry was looked at. Taken twice, it would be with the device twice from then on.
#[test]
fn s06_a_repetition_in_one_batch_is_surplus() {
    let memory = RingMemory::<8>::new();
    let (mut queue, mut device) = pair(&memory, 8, true, 65533);
    for head in 0..4 {
        queue.publish(head).unwrap();
    }
    for id in [1, 1, 2] {
        device.complete(id, 60);
    }
    let taken = |head| {
        Ok(Some(Used {
            head,
            len: 60,
            excess: false,
        }))
    };
    assert_eq!(queue.take_used(), taken(1));
    queue.publish(1).unwrap();
    assert_eq!(queue.take_used(), Err(Violation::Surplus { id: 1 }));
    assert!(queue.with_device(1));
    assert_eq!(queue.take_used(), taken(2));
    assert_eq!(queue.take_used(), Ok(None));
    // In the next batch it is the new posting.
    device.complete(1, 60);
    assert_eq!(queue.take_used(), taken(1));
    assert_eq!(queue.in_flight(), 2);
}

/// What vhost-device-scmi does after a reset: stale entries beside the true ones, all in the used ring at once, while
/// the driver publishes each buffer again as soon as it has it. The repetition must not be taken for the new posting.
#[test]
fn entries_beyond_what_was_in_flight_are_told_even_if_published_again() {
    let memory = RingMemory::<8>::new();
    let (mut queue, mut device) = pair(&memory, 8, true, 65530);
    for head in 0..4 {
        queue.publish(head).unwrap();
    }
    for id in [3, 2, 1, 0, 3, 2, 1, 0] {
        device.complete(id, 60);
    }
    for head in [3, 2, 1, 0] {
        assert_eq!(
            queue.take_used(),
            Ok(Some(Used {
                head,
                len: 60,
                excess: false
            }))
        );
        queue.publish(head).unwrap();
    }
    for id in [3, 2, 1, 0] {
        assert_eq!(queue.take_used(), Err(Violation::Surplus { id }));
    }
    assert_eq!(queue.take_used(), Ok(None));
    assert_eq!(queue.in_flight(), 4);
    // And the ring goes on.
    device.complete(2, 60);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 2,
            len: 60,
            excess: false
        }))
    );
}

#[test]
fn an_impossible_index_is_told_once_and_nothing_is_taken() {
    let memory = RingMemory::<4>::new();
    let (mut queue, mut device) = pair(&memory, 4, true, 65534);
    queue.publish(0).unwrap();
    for (index, ahead) in [(3, 5), (65533, 65535), (33333, 33335)] {
        device.jump(index);
        let violation = Violation::IndexJump { index, ahead };
        assert!(violation.needs_reset());
        assert!(queue.has_used());
        assert_eq!(queue.take_used(), Err(violation));
        // The same word again is no news: a driver that drains until there is nothing comes to an end.
        for _ in 0..3 {
            assert_eq!(queue.take_used(), Ok(None));
            assert!(!queue.has_used());
            assert!(!queue.enable_interrupts());
        }
    }
    assert_eq!(queue.in_flight(), 1);
    assert_eq!(queue.used_index(), 65534);
    // A torn write of the index is mended by the next one.
    device.jump(65534);
    assert_eq!(queue.take_used(), Ok(None));
    device.complete(0, 9);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 0,
            len: 9,
            excess: false
        }))
    );
}

/// An index that runs ahead by no more than the ring holds: each entry is judged by itself, and there is an end.
#[test]
fn an_index_that_runs_ahead_costs_at_most_the_ring_size() {
    let memory = RingMemory::<8>::new();
    let (mut queue, mut device) = pair(&memory, 8, true, 0);
    queue.publish(5).unwrap();
    for position in 0..8 {
        device.scribble(position, 5, 1);
    }
    device.jump(8);
    assert_eq!(
        queue.take_used(),
        Ok(Some(Used {
            head: 5,
            len: 1,
            excess: false
        }))
    );
    for _ in 1..8 {
        assert_eq!(queue.take_used(), Err(Violation::NotWithDevice { id: 5 }));
    }
    assert_eq!(queue.take_used(), Ok(None));
}

#[test]
fn start_forgets_everything() {
    let memory = RingMemory::<8>::new();
    let (mut queue, mut device) = pair(&memory, 8, true, 77);
    queue.publish(3).unwrap();
    device.jump(9999);
    assert!(queue.take_used().is_err());
    device.scribble(1, 9, 9);
    device.set_avail_event(42);
    device.set_flags(0xffff);
    queue.start(4, false).unwrap();
    assert_eq!(
        (
            queue.in_flight(),
            queue.available_index(),
            queue.used_index()
        ),
        (0, 0, 0)
    );
    assert_eq!(queue.take_used(), Ok(None));
    assert_eq!(queue.publish(3), Err(PublishError::NotAHead));
    assert!(
        !queue.kick_needed(),
        "what was published before is not owed a kick"
    );
    let mut device = DeviceSide::new(&memory, 4, false);
    assert_eq!(device.pop(), None);
    queue.set_chain(3, &[writes(1)]).unwrap();
    queue.publish(3).unwrap();
    assert!(queue.kick_needed());
    assert_eq!(device.pop(), Some(3));
    device.complete(3, 1);
    assert!(queue.take_used().unwrap().is_some());
}

#[test]
fn kick_by_flag_without_event_idx() {
    let memory = RingMemory::<8>::new();
    let (mut queue, mut device) = pair(&memory, 8, false, 65535);
    assert!(!queue.kick_needed(), "nothing published");
    queue.publish(0).unwrap();
    assert!(queue.kick_needed());
    assert!(!queue.kick_needed(), "decided already");
    device.suppress_kicks();
    queue.publish(1).unwrap();
    assert!(!queue.kick_needed());
    // Other bits of the flags mean nothing.
    device.set_flags(0xfffe);
    queue.publish(2).unwrap();
    assert!(queue.kick_needed());
    assert!(device.enable_kicks());
}

#[test]
fn kick_by_event_counts_from_the_last_decision() {
    for index in [0, 65533, 65535] {
        let memory = RingMemory::<8>::new();
        let (mut queue, device) = pair(&memory, 8, true, index);
        // Asked for at the third entry: a batch of three decides yes, whichever of them crossed it.
        device.set_avail_event(index.wrapping_add(2));
        queue.publish(0).unwrap();
        assert!(!queue.kick_needed());
        queue.publish(1).unwrap();
        queue.publish(2).unwrap();
        queue.publish(3).unwrap();
        assert!(queue.kick_needed());
        queue.publish(4).unwrap();
        assert!(!queue.kick_needed(), "passed already");
        // The flag means nothing under EVENT_IDX.
        device.set_flags(1);
        device.set_avail_event(index.wrapping_add(5));
        queue.publish(5).unwrap();
        assert!(queue.kick_needed());
    }
}

/// More entries than 2^16 without a decision: the index looks as if nothing had happened.
#[test]
#[cfg_attr(miri, ignore = "long; tests/kick.rs has the decision")]
fn kick_after_a_whole_turn_of_the_index() {
    let memory = RingMemory::<2>::new();
    let (mut queue, mut device) = pair(&memory, 2, true, 5);
    device.set_avail_event(5);
    for _ in 0..65536 {
        queue.publish(0).unwrap();
        device.complete(0, 0);
        assert!(queue.take_used().unwrap().is_some());
    }
    assert_eq!(queue.available_index(), 5);
    assert!(queue.kick_needed());
    assert!(!queue.kick_needed());
}

/// V13: an entry that slips in before interrupts are wanted again is told by the re-check.
#[test]
fn v13_enable_interrupts_tells_what_slipped_in() {
    for event_idx in [false, true] {
        for index in [0, 65535] {
            let memory = RingMemory::<4>::new();
            let (mut queue, mut device) = pair(&memory, 4, event_idx, index);
            queue.publish(0).unwrap();
            queue.publish(1).unwrap();
            queue.suppress_interrupts();
            device.complete(0, 0);
            assert!(!device.interrupt_due(), "suppressed");
            assert!(queue.enable_interrupts(), "one slipped in");
            assert!(queue.take_used().unwrap().is_some());
            assert_eq!(queue.take_used(), Ok(None));
            assert!(!queue.enable_interrupts());
            device.complete(1, 0);
            assert!(device.interrupt_due());
            assert!(queue.has_used());
        }
    }
}

/// Entries of which only some were taken are told too, though the device's index did not move.
#[test]
fn enable_interrupts_tells_what_was_left() {
    let memory = RingMemory::<4>::new();
    let (mut queue, mut device) = pair(&memory, 4, true, 0);
    queue.publish(0).unwrap();
    queue.publish(1).unwrap();
    device.complete(0, 0);
    device.complete(1, 0);
    assert!(queue.take_used().unwrap().is_some());
    assert!(queue.enable_interrupts());
}

#[test]
fn a_started_queue_wants_interrupts() {
    for event_idx in [false, true] {
        let memory = RingMemory::<4>::new();
        let (mut queue, mut device) = pair(&memory, 4, event_idx, 65535);
        queue.publish(0).unwrap();
        device.complete(0, 0);
        assert!(device.interrupt_due());
    }
}

/// The flags stay 0 under EVENT_IDX (2.7.7.1), whatever is asked for.
#[test]
fn flags_stay_zero_under_event_idx() {
    let memory = RingMemory::<4>::new();
    let (mut queue, _) = pair(&memory, 4, true, 0);
    let mut by_flag = DeviceSide::new(&memory, 4, false);
    queue.suppress_interrupts();
    by_flag.stage(0, 0);
    assert!(by_flag.interrupt_due());
}

/// In a ring of fewer entries than there is memory for, the event fields follow the last entry *in use* and nothing
/// else is there.
#[test]
fn event_fields_move_with_the_size() {
    for size in [1, 2, 4, 8] {
        let memory = RingMemory::<8>::new();
        let (mut queue, mut device) = pair(&memory, size, true, 0);
        // One full turn, so that every entry was written, with the events set to what would be wrong entries.
        for turn in 0..2 {
            device.set_avail_event(turn * size + size - 1);
            for head in (0..size).rev() {
                assert!(!queue.kick_needed());
                queue.publish(head).unwrap();
            }
            assert!(queue.kick_needed(), "size {size}");
            queue.suppress_interrupts();
            for head in (0..size).rev() {
                assert_eq!(device.pop(), Some(head));
                device.complete(u32::from(head), 1);
                assert!(!device.interrupt_due());
            }
            for head in (0..size).rev() {
                assert_eq!(queue.take_used().unwrap().unwrap().head, head);
            }
            assert!(!queue.enable_interrupts());
        }
    }
}

#[test]
fn messages_name_the_remedy() {
    assert!(ChainError::Order.to_string().contains("precede"));
    assert!(PublishError::WithDevice.to_string().contains("reset"));
    assert!(LengthError::OutOfRange.to_string().contains("1 to"));
    assert!(
        SizeError::NotAPowerOfTwo
            .to_string()
            .contains("round it down")
    );
    assert!(
        Violation::IndexJump { index: 1, ahead: 2 }
            .to_string()
            .contains("reset")
    );
    assert!(!Violation::Surplus { id: 1 }.needs_reset());
}

#[test]
fn what_was_agreed_on_event_idx_is_told() {
    for event_idx in [false, true] {
        let memory = RingMemory::<4>::new();
        let (queue, _) = pair(&memory, 4, event_idx, 0);
        assert_eq!(queue.event_idx(), event_idx);
    }
}

#[test]
fn a_device_that_asks_for_kicks_is_told_what_it_missed() {
    for event_idx in [false, true] {
        let memory = RingMemory::<4>::new();
        let (mut queue, mut device) = pair(&memory, 4, event_idx, 65534);
        for head in 0..4 {
            device.suppress_kicks();
            assert!(!device.enable_kicks());
            queue.publish(head).unwrap();
            assert!(device.enable_kicks());
            assert_eq!(device.pop(), Some(head));
            assert!(!device.enable_kicks());
        }
    }
}
