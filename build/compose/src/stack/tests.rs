// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Small programs, by hand.

use super::decode::Kind;
use super::program::Program;
use super::scan::{Scan, Target, scan};
use super::{Depth, deepest};

/// Halves of T32 as bytes.
fn t32(halves: &[u16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_le_bytes()).collect()
}

/// Words of A32 as bytes.
fn a32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

const BX_LR: u16 = 0x4770;

/// A function of these halves at 0x1000, with functions that only return: `first` at 0x2000 and `second` at 0x3000 in T32, and
/// `other` at 0x4000 in A32.
fn with(halves: &[u16], run: impl FnOnce(&Program)) {
    let [tested, leaf, other] = [t32(halves), t32(&[BX_LR, BX_LR]), a32(&[0xe12f_ff1e])];
    run(&Program::of(&[
        ("tested", 0x1000, &[(Kind::T32, &tested)]),
        ("first", 0x2000, &[(Kind::T32, &leaf)]),
        ("second", 0x3000, &[(Kind::T32, &leaf)]),
        ("other", 0x4000, &[(Kind::A32, &other)]),
    ]));
}

fn scanned(halves: &[u16]) -> Scan {
    let mut found = Scan::default();
    with(halves, |program| {
        found = scan(program, &program.functions[0])
    });
    found
}

/// The same, and nothing of it may have been doubtful.
fn followed(halves: &[u16]) -> (u32, Vec<(u32, Target)>) {
    let found = scanned(halves);
    assert!(
        found.doubts.is_empty() && found.unknown.is_none(),
        "{found:?}"
    );
    (found.own, found.calls)
}

fn bound(halves: &[u16]) -> Result<Depth, String> {
    let mut found = Ok(Depth::default());
    with(halves, |program| found = deepest(program, &[0]));
    found
}

/// `bl` or `b.w` from `from` to `to`.
fn far(from: u32, to: u32, call: bool) -> [u16; 2] {
    let offset = to.wrapping_sub(from + 4);
    assert!(offset < 1 << 22, "only forwards");
    let second = if call { 0xf800 } else { 0xb800 };
    [
        0xf000 | (offset >> 12) as u16,
        second | (offset >> 1 & 0x7ff) as u16,
    ]
}

const MOVW_R3_FIRST: [u16; 4] = [0xf242, 0x0301, 0xf2c0, 0x0300];
const MOVW_R6_FIRST: [u16; 4] = [0xf242, 0x0601, 0xf2c0, 0x0600];

#[test]
fn a_frame_is_what_is_on_the_stack_at_each_call() {
    let [bl0, bl1] = far(0x1004, 0x2000, true);
    // push {r4, lr}; sub sp, #8; bl first; add sp, #8; pop {r4, pc}
    let found = followed(&[0xb510, 0xb082, bl0, bl1, 0xb002, 0xbd10]);
    assert_eq!(found, (16, vec![(16, Target::Function(1))]));
}

#[test]
fn a_tail_call_has_no_frame_left() {
    let [b0, b1] = far(0x1006, 0x2000, false);
    // push {r4, lr}; pop.w {r4, lr}; b.w first
    let found = followed(&[0xb510, 0xe8bd, 0x4010, b0, b1]);
    assert_eq!(found, (8, vec![(0, Target::Function(1))]));
}

#[test]
fn what_returns_on_a_condition_goes_on_with_its_frame() {
    let [bl0, bl1] = far(0x1008, 0x2000, true);
    // push {r4, lr}; sub sp, #8; itt eq; addeq sp, #8; popeq {r4, pc}... and then as before.
    let halves = [0xb510, 0xb082, 0xbf04, 0xb002, 0xbd10, 0xbf00];
    let [late0, late1] = far(0x100c, 0x2000, true);
    let found = followed(&[&halves[..], &[late0, late1, 0xb002, 0xbd10]].concat());
    assert_eq!(found, (16, vec![(16, Target::Function(1))]));
    // push {r4, lr}; sub sp, #8; cbz r0 past the call; bl first; add sp, #8; pop {r4, pc}
    let found = followed(&[0xb510, 0xb082, 0xb110, 0xbf00, bl0, bl1, 0xb002, 0xbd10]);
    assert_eq!(found, (16, vec![(16, Target::Function(1))]));
}

#[test]
fn a_table_in_the_code_is_no_code_and_its_targets_have_the_frame() {
    let [bl0, bl1] = far(0x100e, 0x2000, true);
    // push {r4, lr}; sub sp, #8; tbb [pc, r0]; the table; bl first; add sp, #8; pop {r4, pc}
    let code = t32(&[0xb510, 0xb082, 0xe8df, 0xf000]);
    let table = [0x03, 0x03, 0xff, 0xff, 0xff, 0xff];
    let rest = t32(&[bl0, bl1, 0xb002, 0xbd10]);
    let leaf = t32(&[BX_LR, BX_LR]);
    let program = Program::of(&[
        (
            "tested",
            0x1000,
            &[(Kind::T32, &code), (Kind::Data, &table), (Kind::T32, &rest)],
        ),
        ("first", 0x2000, &[(Kind::T32, &leaf)]),
    ]);
    let found = scan(&program, &program.functions[0]);
    assert_eq!((found.own, found.unknown), (16, None));
    assert_eq!(found.calls, [(16, Target::Function(1))]);
}

#[test]
fn calls_go_from_either_instruction_set_to_the_other() {
    // push {r4, lr}; blx other, in A32; pop {r4, pc}
    let [bl0, bl1] = far(0x1002, 0x4002, true);
    let found = followed(&[0xb510, bl0, bl1 & !0x1000, 0xbd10]);
    assert_eq!(found.1, [(8, Target::Function(3))]);
    // push {r4, lr}; bl first; blx second, from A32
    let code = a32(&[0xe92d_4010, 0xeb00_03fd, 0xfa00_07fc]);
    let [a, t] = [a32(&[0xe12f_ff1e]), t32(&[BX_LR])];
    let program = Program::of(&[
        ("tested", 0x1000, &[(Kind::A32, &code)]),
        ("first", 0x2000, &[(Kind::A32, &a)]),
        ("second", 0x3000, &[(Kind::T32, &t)]),
    ]);
    let found = scan(&program, &program.functions[0]);
    assert_eq!(
        found.calls,
        [(8, Target::Function(1)), (8, Target::Function(2))]
    );
    assert!(found.doubts.is_empty(), "{found:?}");
}

#[test]
fn a_call_in_the_wrong_instruction_set_is_doubtful() {
    // bl other, although that is A32
    let [bl0, bl1] = far(0x1000, 0x4000, true);
    let found = scanned(&[bl0, bl1, BX_LR]);
    let doubts: Vec<String> = found.doubts.into_iter().collect();
    assert_eq!(doubts, ["`tested` calls code in the wrong instruction set"]);
}

#[test]
fn a_pointer_leads_to_where_it_was_set() {
    // movw r3, #first; movt r3; blx r3
    let found = scanned(&[&MOVW_R3_FIRST[..], &[0x4798, BX_LR]].concat());
    assert_eq!(found.calls, [(0, Target::Function(1))]);
    assert_eq!(Vec::from_iter(found.taken), [1]);
    // An even number is no address of a function in T32.
    let found = scanned(&[0xf242, 0x0300, 0xf2c0, 0x0300, BX_LR]);
    assert!(found.taken.is_empty());
}

#[test]
fn a_pointer_that_is_set_on_a_condition_may_be_either() {
    // movw r3, #first; movt r3; itt ne; movwne r3, #second; movtne r3; blx r3
    let second = [0xbf1c, 0xf243, 0x0301, 0xf2c0, 0x0300, 0x4798, BX_LR];
    let found = scanned(&[&MOVW_R3_FIRST[..], &second].concat());
    for function in [1, 2] {
        assert!(
            found.calls.contains(&(0, Target::Function(function))),
            "{found:?}"
        );
        assert!(found.taken.contains(&function), "{found:?}");
    }
}

#[test]
fn what_a_system_call_parks_it_gives_back() {
    // r6 = first; push {r6, r7, r11}; r6 = second; svc #0; pop {r6, r7, r11}; blx r6
    let call = [
        0xe92d, 0x08c0, 0xf243, 0x0601, 0xf2c0, 0x0600, 0xdf00, 0xe8bd, 0x08c0, 0x47b0, BX_LR,
    ];
    let found = scanned(&[&MOVW_R6_FIRST[..], &call].concat());
    assert_eq!(found.own, 12);
    assert!(found.calls.contains(&(0, Target::Function(1))), "{found:?}");
}

#[test]
fn a_frame_that_is_rounded_down_may_lose_as_much() {
    // push {r4, lr}; sub sp, #8; mov r4, sp; bfc r4, #0, #4; mov sp, r4
    let found = followed(&[0xb510, 0xb082, 0x466c, 0xf36f, 0x0403, 0x46a5, BX_LR]);
    assert_eq!(found.0, 16 + 12);
    // push {r4, lr}; add r7, sp, #0; sub.w sp, sp, #64; sub.w r4, r7, #8; mov sp, r4; bx r3
    let halves = [
        0xb510, 0xaf00, 0xf1ad, 0x0d40, 0xf1a7, 0x0408, 0x46a5, 0x4718,
    ];
    let found = followed(&halves);
    assert_eq!(found, (72, vec![(16, Target::Pointer)]));
}

#[test]
fn what_is_not_known_is_an_error() {
    let error = bound(&[0xb510, 0xb800, 0xbd10]).unwrap_err();
    assert_eq!(error, "what `tested` does at 0x1002 is not known");
    // push {r4, lr}; ldr.w pc, [r3, #4]
    let error = bound(&[0xb510, 0xf8d3, 0xf004]).unwrap_err();
    assert!(error.contains("0x1002"), "{error}");
    // The first half of an instruction of four bytes, and nothing behind it.
    let error = bound(&[0xb510, 0xf8d3]).unwrap_err();
    assert!(error.contains("0x1002"), "{error}");
    // It may be where nobody gets to.
    let [bl0, bl1] = far(0x1002, 0x2000, true);
    let depth = bound(&[0xb510, bl0, bl1, 0xbd10]).unwrap();
    assert_eq!(depth.bytes, 8);
}

#[test]
fn what_the_stack_holds_for_a_moment_does_not_add_up() {
    // Three loops whose bodies, with a system call each, stand before their conditions: push {r4, lr}; b to the conditions.
    let mut halves = vec![0xb510, 0xe00e];
    for further in [10, 5, 0] {
        // push {r6, r7, r11}; pop {r6, r7, r11}; b to the second condition
        halves.extend([0xe92d, 0x08c0, 0xe8bd, 0x08c0, 0xe000 | further]);
    }
    // beq back to each; pop {r4, pc}
    halves.extend([0xd0ef, 0xd0f3, 0xd0f7, 0xbd10]);
    let found = followed(&halves);
    assert_eq!(found, (20, vec![]));
}

#[test]
fn a_stack_pointer_that_moves_in_a_loop_is_an_error() {
    // push {r4, lr}; b to itself
    let error = bound(&[0xb510, 0xe7fd]).unwrap_err();
    assert!(error.contains("is not known"), "{error}");
}

#[test]
fn a_way_of_the_linkers_is_where_it_leads() {
    // push {r4, lr}; bl way; pop {r4, pc}. The way: movw r12, #0x4000; movt r12, #0; bx r12
    let [bl0, bl1] = far(0x1002, 0x2000, true);
    let [tested, way, other] = [
        t32(&[0xb510, bl0, bl1, 0xbd10]),
        t32(&[0xf244, 0x0c00, 0xf2c0, 0x0c00, 0x4760]),
        a32(&[0xe12f_ff1e]),
    ];
    let program = Program::of(&[
        ("tested", 0x1000, &[(Kind::T32, &tested)]),
        ("way", 0x2000, &[(Kind::T32, &way)]),
        ("other", 0x4000, &[(Kind::A32, &other)]),
    ]);
    let found = scan(&program, &program.functions[0]);
    assert_eq!(found.calls, [(8, Target::Function(2))]);
}
