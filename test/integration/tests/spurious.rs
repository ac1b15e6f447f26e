// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! An interrupt that is withdrawn before the kernel takes it: the controller answers 1023, and nothing happens.
//!
//! The processor must already be on its way when the line goes down, so a debugger stops it at the first instruction of the handler, and
//! QEMU's test interface writes to the controller meanwhile.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use object::{Object as _, ObjectSymbol as _};
use test_integration::debugger::{Debugger, free_port};
use test_integration::{Kind, LIMIT, Rig, Setting, image, row};

/// Where the kernel takes interrupts.
const HANDLER: &str = "_asm_irq_handler";
/// The interrupt controller: enable and disable banks of the distributor, and the highest pending interrupt of the CPU interface.
const SET_ENABLE: u32 = 0x0800_0100;
const CLEAR_ENABLE: u32 = 0x0800_0180;
const HIGHEST_PENDING: u32 = 0x0801_0018;
/// The serial line's interrupt: it is asserted until its driver has read.
const SERIAL_LINE: u32 = 33;
/// There is none.
const SPURIOUS: u32 = 1023;

/// QEMU's test interface.
struct Bus(BufReader<UnixStream>);

impl Bus {
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.0.get_mut(), "{line}").expect("QEMU reads");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("QEMU answers");
        assert!(answer.starts_with("OK"), "`{line}`: {answer}");
        answer[2..].trim().to_owned()
    }

    fn read(&mut self, address: u32) -> u32 {
        let word = self.ask(&format!("readl {address:#x}"));
        u32::from_str_radix(word.trim_start_matches("0x"), 16).expect("a word")
    }

    /// Writes an interrupt's bit to its register of a bank.
    fn write_bit(&mut self, bank: u32, interrupt: u32) {
        let address = bank + interrupt / 32 * 4;
        self.ask(&format!("writel {address:#x} {:#x}", 1 << (interrupt % 32)));
    }
}

fn address_of(elf: &Path, name: &str) -> u64 {
    let bytes = fs::read(elf).expect("the image is there");
    let file = object::File::parse(&*bytes).expect("is an ELF");
    let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name));
    symbol.expect("the kernel has the handler").address()
}

#[test]
fn an_interrupt_that_is_withdrawn_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = folder.path().join("bus");
    let port = free_port().expect("a free port");
    let mut setting = Setting::new(&image().elf, Kind::None);
    setting.extra = vec![
        "-gdb".into(),
        format!("tcp:127.0.0.1:{port}"),
        "-qtest".into(),
        format!("unix:{},server=on,wait=off", socket.display()),
        "-qtest-log".into(),
        "/dev/null".into(),
    ];
    let handler = address_of(&setting.image, HANDLER);
    let mut rig = Rig::boot_setting(&setting);
    let stream = UnixStream::connect(&socket).expect("QEMU listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
    let mut bus = Bus(BufReader::new(stream));
    let mut debugger = Debugger::connect(port).expect("QEMU listens");
    debugger.ask("?");
    assert_eq!(debugger.ask(&format!("Z1,{handler:x},4")), "OK");
    debugger.send("c");
    // The prompt is there before the console has looked for input: what it finds then, it reads without any interrupt.
    debugger.until_quiet(handler);

    for _ in 0..5 {
        rig.session().console().send(b" ").expect("QEMU reads");
        loop {
            debugger.packet(LIMIT).expect("an interrupt is on its way");
            if bus.read(HIGHEST_PENDING) & 0x3ff == SERIAL_LINE {
                break;
            }
            // The timer's. Not that one: a task that runs meanwhile may set it for later, and then it does not come again.
            debugger.go_on(handler);
        }
        bus.write_bit(CLEAR_ENABLE, SERIAL_LINE);
        assert_eq!(bus.read(HIGHEST_PENDING) & 0x3ff, SPURIOUS, "withdrawn");
        debugger.go_on(handler);
        // Others may come now. This one does again as soon as it may: so the kernel has come back to a task.
        debugger.until_quiet(handler);
        bus.write_bit(SET_ENABLE, SERIAL_LINE);
        debugger.packet(LIMIT).expect("the interrupt comes again");
        debugger.go_on(handler);
        debugger.until_quiet(handler);
    }
    debugger.interrupt();
    debugger.packet(LIMIT).expect("it stops");
    debugger.ask(&format!("z1,{handler:x},4"));
    debugger.ask("D");

    let table = rig.ok("tasks");
    for task in ["jefe", "uart", "virtio_scmi", "console"] {
        let row = row(&table, task).unwrap_or_else(|| panic!("no {task} in\n{table}"));
        let numbers: Vec<_> = row.split_whitespace().skip(1).take(2).collect();
        assert_eq!(numbers, ["0", "0"], "nobody faulted: {row}");
    }
}
