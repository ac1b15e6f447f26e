// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask inspect`: what it shows of a machine, of its dump, and of a kernel that panicked, is what the tasks did.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use inspect::archive::{self, Archive};
use inspect::dump::{self, DumpFile};
use inspect::{Detail, Fake, Live, Source as _, View};
use serde_json::json;
use test_integration::{Kind, LIMIT, Rig, Setting, image, numbers, row, tell};

/// A machine at its prompt that lets itself be inspected, and what belongs to its image.
fn rig() -> (Rig, Archive) {
    let image = image();
    let archive = image.archive().expect("the image is whole");
    let mut setting = Setting::new(&image.elf, Kind::Sim);
    setting.inspect = true;
    (Rig::boot_setting(&setting), archive)
}

fn live(rig: &mut Rig) -> Live {
    let socket = rig.board().machine().debug_socket();
    Live::new(&socket.expect("the machine has a socket"))
}

/// All that can be shown, by command.
fn everything(view: &View<'_>) -> Vec<(&'static str, String)> {
    let detail = Detail {
        registers: true,
        stack: true,
    };
    let shown = [
        ("tasks", inspect::tasks(view, None, detail)),
        ("ring", inspect::ring(view, None)),
        ("counters", inspect::counters(view, None)),
        ("stack", Ok(inspect::stack(view))),
        ("read", inspect::read(view, "thermal", "ZONES")),
        ("registers", inspect::registers(view, 5)),
    ];
    shown
        .map(|(name, text)| {
            (
                name,
                text.unwrap_or_else(|error| panic!("{name}: {error:#}")),
            )
        })
        .into()
}

/// The lines of `tasks` about one task: its row, and what is indented below.
fn part<'t>(tasks: &'t str, name: &str) -> Vec<&'t str> {
    let mut lines = tasks
        .lines()
        .skip_while(|line| line.split_whitespace().nth(1) != Some(name));
    let first = lines
        .next()
        .unwrap_or_else(|| panic!("no {name} in\n{tasks}"));
    let below = lines.take_while(|line| line.starts_with("    "));
    std::iter::once(first).chain(below).collect()
}

/// The commands on a live machine and on its dump, compared with each other and with the console.
#[test]
fn live_and_dump_show_what_tasks_did() {
    let (mut rig, archive) = rig();
    rig.ok("power on gpu");
    rig.ok("crash thermal");
    rig.ok("restart uart");
    rig.ok("hold power");
    rig.ok("crash power");
    let stats = rig.ok("stats");
    let report = archive.report().expect("the layout is there");
    let view = View::new(&archive, &report, &mut live(&mut rig)).expect("the machine is read");
    let shown = everything(&view);
    let text = |name: &str| {
        let found = shown.iter().find(|(command, _)| *command == name);
        found.map(|(_, text)| text.as_str()).expect("a command")
    };

    // Generation, priority, restarts, state.
    let tasks = text("tasks");
    let thermal = part(tasks, "thermal");
    let words: Vec<_> = thermal[0].split_whitespace().collect();
    assert_eq!(words[..5], ["4", "thermal", "1", "4", "1"], "{tasks}");
    let power = part(tasks, "power");
    assert!(power[0].contains("FAULTED; before: waits for"), "{tasks}");
    let fault = power.iter().any(|line| line.contains("Injected(jefe)"));
    assert!(fault, "{tasks}");
    // The backtrace goes through the system call to the entry point, with file and line.
    let driver = part(tasks, "virtio_scmi").join("\n");
    for place in [
        "idol_runtime::server::dispatch  lib/idol-runtime/src/server.rs:",
        "main  drv/virtio-scmi-server/src/main.rs:",
    ] {
        assert!(driver.contains(place), "no {place} in\n{driver}");
    }
    for task in &report.tasks {
        let part = part(tasks, &task.name);
        // One that runs can be anywhere, also where the rules of its frames do not hold.
        if part[0].contains("waits for") {
            let last = part.last().expect("a backtrace");
            assert!(last.contains("_start"), "{}:\n{tasks}", task.name);
        }
    }

    // What the supervisor did, the newest last.
    let ring = inspect::ring(&view, Some("jefe")).expect("it has a ring");
    let lines: Vec<_> = ring.lines().collect();
    let at = |what: &str| {
        let found = lines.iter().position(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("no {what} in\n{ring}"))
    };
    let thermal_fault = at("Fault { task: 4, fault: Injected(jefe) }");
    assert!(thermal_fault < at("Restart { task: 4 }"), "{ring}");
    assert!(at("Restart { task: 4 }") < at("Fault { task: 3, fault: Injected(jefe) }"));
    assert!(text("ring").contains("virtio_scmi drv_virtio_scmi_server::__RINGBUF"));
    assert!(text("ring").contains("Core(Ready { commands: 64, events: 64 })"));

    // The driver's statistics are those at the console.
    let counters = inspect::counters(&view, Some(2)).expect("it counts");
    let recoveries = row(&stats, "recoveries").map(numbers);
    assert_eq!(recoveries.as_deref(), Some(&[0.0][..]), "{stats}");
    let sent = |text: &str| row(text, "sent_ok").map(|line| numbers(line)[0]);
    let (told, seen) = (
        sent(&stats).expect("it says"),
        sent(&counters).expect("it says"),
    );
    assert!(
        told > 0.0 && seen >= told,
        "{told} and later {seen}:\n{counters}"
    );

    // No stack was used deeper than the build computed.
    for task in &report.tasks {
        let line = row(text("stack"), &task.name).expect("its stack");
        let [.., used, bound, size] = numbers(line)[..] else {
            panic!("{line}");
        };
        assert!(0.0 < used && used <= bound && bound <= size, "{line}");
    }

    // A part of a variable, and one that is not there.
    let task = inspect::read(&view, "jefe", "SUPERVISED.tasks[3]").expect("it is there");
    assert!(task.contains("hold: true"), "{task}");
    let fault = inspect::read(&view, "jefe", "SUPERVISED.tasks[4].last_fault.0");
    assert!(fault.expect("it faulted").contains("Injected(jefe)"));
    let error = inspect::read(&view, "jefe", "SUPERVISD").expect_err("there is none");
    assert!(error.to_string().contains("SUPERVISED"), "{error}");
    let error = inspect::read(&view, "jefe", "SUPERVISED.task").expect_err("there is none");
    assert!(
        format!("{error:#}").contains("near are: tasks"),
        "{error:#}"
    );

    // The same from the dump, with the archive alone.
    let folder = tempfile::tempdir().expect("a folder");
    let (packed, core) = (folder.path().join("x.zip"), folder.path().join("x.core"));
    fs::write(&packed, archive.bytes().expect("it packs")).expect("it is written");
    let bytes = dump::write(&view).expect("a dump");
    fs::write(&core, &bytes).expect("it is written");
    let archive = Archive::open(&packed).expect("it is read back");
    let report = archive.report().expect("the layout is there");
    let later = View::new(&archive, &report, &mut DumpFile::new(&core)).expect("the dump is read");
    assert_eq!(everything(&later), shown);
    rig.power_off();
    truncated(&archive, &bytes, folder.path());
}

/// Tasks that crashed and run again: what the supervisor kept of them, on the live machine and on its dump.
#[test]
fn what_the_supervisor_kept_of_tasks_that_faulted() {
    let (mut rig, archive) = rig();
    let report = archive.report().expect("the layout is there");
    let socket = rig.board().machine().debug_socket();
    let socket = socket.expect("the machine has a socket");
    let view = || View::new(&archive, &report, &mut Live::new(&socket)).expect("it is read");
    let none = inspect::dumps(&mut view(), None, false).expect("it can keep some");
    assert!(none.contains("no task has faulted"), "{none}");
    // Five: one more than app.toml has room for.
    for task in ["thermal", "thermal", "power", "virtio_scmi"] {
        rig.ok(&format!("crash {task}"));
    }
    rig.ok("crash uart");
    let told = rig.ok("dumps");
    let list = inspect::dumps(&mut view(), None, false).expect("they are kept");
    for (number, task, life) in [
        (5, "uart", 0),
        (4, "virtio_scmi", 0),
        (3, "power", 0),
        (2, "thermal", 1),
    ] {
        let line = row(&told, task).unwrap_or_else(|| panic!("no {task} in\n{told}"));
        assert!(numbers(line).contains(&f64::from(number)), "{line}");
        let name = match life {
            0 => task.to_owned(),
            life => format!("{task}/{life}"),
        };
        let mut lines = list.lines();
        let line = lines.find(|line| line.trim_start().starts_with(&format!("{number} ")));
        let line = line.unwrap_or_else(|| panic!("no dump {number} in\n{list}"));
        assert!(
            line.contains(&name) && line.contains("Injected(jefe)"),
            "{line}"
        );

        let one = inspect::dumps(&mut view(), Some(number), true).expect("it is kept");
        assert!(one.contains("FAULTED; before: "), "{one}");
        assert!(one.contains("      fault: Injected(jefe)"), "{one}");
        assert!(one.contains(" psr 0x"), "{one}");
        // Through the system call in which it waited, up to the entry point if that much stack is kept.
        assert!(one.contains("userlib::syscall::"), "{one}");
        if one.contains("waits for messages") {
            assert!(one.contains("_start"), "{one}");
        }
    }
    assert_eq!(list.lines().count(), 5, "{list}");
    let gone = inspect::dumps(&mut view(), Some(1), false).expect_err("it was replaced");
    assert_eq!(gone.to_string(), "there is no dump 1; there are 5, 4, 3, 2");

    // The same later, from a file.
    let bytes = dump::write(&view()).expect("a dump is written");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("crash.core");
    fs::write(&path, bytes).expect("it is kept");
    let mut later = View::new(&archive, &report, &mut DumpFile::new(&path)).expect("it is read");
    let again = inspect::dumps(&mut later, None, false).expect("they are kept");
    assert_eq!(again, list);
    rig.power_off();
}

/// Of a dump that was cut off, the rest is shown.
fn truncated(archive: &Archive, bytes: &[u8], folder: &Path) {
    let report = archive.report().expect("the layout is there");
    let path = folder.join("short.core");
    // Half of the tasks' memory is gone, and all that lies behind.
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("it is written");
    let view = View::new(archive, &report, &mut DumpFile::new(&path)).expect("it is read");
    let tasks = inspect::tasks(&view, None, Detail::default()).expect("the kernel is there");
    assert!(tasks.starts_with("note: the dump is cut off"), "{tasks}");
    assert!(tasks.contains("virtio_scmi"), "{tasks}");
    let ring = inspect::ring(&view, None).expect("some are there");
    assert!(
        ring.contains("task_jefe::server::__RINGBUF") && ring.contains("no memory at"),
        "{ring}"
    );
    let stack = inspect::stack(&view);
    assert!(stack.contains("no memory at"), "{stack}");
    // Within the notes, there is nothing to show; and a dump is not just any file.
    for (length, why) in [
        (300, "build id of the image:   not readable"),
        (20, "no dump"),
    ] {
        fs::write(&path, &bytes[..length]).expect("it is written");
        let error = View::new(archive, &report, &mut DumpFile::new(&path)).err();
        let error = format!("{:#}", error.expect("nothing is left"));
        assert!(error.contains(why), "{error}");
    }
}

/// Of a client that waits for the driver, one sees which command it sent.
#[test]
fn a_waiting_client_names_its_command() {
    let (mut rig, archive) = rig();
    // 17 is the protocol of power domains; the platform swallows message 4, so the power task waits to the end, and again.
    let control = rig.board().platform().and_then(|sim| sim.control());
    let fault =
        json!({"cmd": "fault", "kind": "drop", "protocol": 17, "message": 4, "count": 1000});
    tell(control.expect("a control socket"), &fault);
    rig.session()
        .type_line(b"resources hold npu")
        .expect("the machine reads");
    let report = archive.report().expect("the layout is there");
    let start = Instant::now();
    loop {
        let view = View::new(&archive, &report, &mut live(&mut rig)).expect("it is read");
        let tasks = inspect::tasks(&view, None, Detail::default()).expect("they are there");
        let power = part(&tasks, "power").join("\n");
        if power.contains("waits for virtio_scmi to answer `exchange`")
            && power.contains("exchange { request: WireRequest {")
            && power.contains("protocol: 17, message: 4")
        {
            return;
        }
        assert!(
            start.elapsed() < LIMIT,
            "the power task does not wait:\n{tasks}"
        );
    }
}

/// A ring in which an entry is being recorded says so, and shows the rest; so does one that is damaged.
#[test]
fn a_ring_that_changes_is_told() {
    let (mut rig, archive) = rig();
    rig.ok("crash thermal");
    let report = archive.report().expect("the layout is there");
    let view = View::new(&archive, &report, &mut live(&mut rig)).expect("the machine is read");
    rig.power_off();
    let address = |path: &str| {
        let shown = inspect::read(&view, "jefe", path).expect(path);
        let first = shown
            .lines()
            .next()
            .and_then(|line| line.split(" at 0x").nth(1));
        u32::from_str_radix(first.expect("an address"), 16).expect("a number")
    };
    let with = |path: &str, value: u8| {
        let address = address(path);
        let mut fake = Fake(view.snapshot.clone());
        for piece in &mut fake.0.pieces {
            let offset = address.wrapping_sub(piece.base) as usize;
            if let Some(byte) = piece.bytes.get_mut(offset) {
                *byte = value;
            }
        }
        let later = View::new(&archive, &report, &mut fake).expect("the fake is read");
        inspect::ring(&later, Some("jefe")).expect("it has a ring")
    };
    let whole = inspect::ring(&view, Some("jefe")).expect("it has a ring");
    assert!(!whole.contains("being recorded"), "{whole}");
    let busy = with("__RINGBUF.ring.busy", 1);
    assert!(busy.contains("an entry is being recorded"), "{busy}");
    assert!(busy.contains("Fault { task: 4"), "{busy}");
    let half = with("__RINGBUF.ring.value.buffer[0].payload", 0x77);
    assert!(half.contains("<no variant of"), "{half}");
    assert!(half.contains("Restart { task: 4 }"), "{half}");
    let last = with("__RINGBUF.ring.value.last.0", 0x77);
    assert!(
        last.contains("damaged: its newest entry is number 119 of 16"),
        "{last}"
    );
}

/// Of another image, nothing is shown, and both are named.
#[test]
fn another_image_is_refused() {
    let (mut rig, mut archive) = rig();
    let report = archive.report().expect("the layout is there");
    let id = inspect::build_id(archive.file(archive::KERNEL).expect("it is there"));
    let id = id.expect("it has a build id");
    let kernel = archive.files.get_mut(archive::KERNEL).expect("it is there");
    let first = kernel
        .windows(4)
        .position(|window| window == b"GNU\0")
        .expect("the note");
    kernel[first + 4] ^= 0xff;
    let error = View::new(&archive, &report, &mut live(&mut rig)).err();
    let error = error.expect("it is another image").to_string();
    let other = inspect::build_id(archive.file(archive::KERNEL).expect("it is there"));
    for part in [&*id, &*other.expect("it has a build id"), "dist"] {
        assert!(error.contains(part), "no {part} in {error}");
    }
    rig.power_off();
}

/// A reading stops the machine for a moment only, and it goes on as if nothing had been.
#[test]
fn a_machine_goes_on_after_readings() {
    let (mut rig, archive) = rig();
    let report = archive.report().expect("the layout is there");
    let mut stopped = Vec::new();
    for _ in 0..10 {
        let view = View::new(&archive, &report, &mut live(&mut rig)).expect("it is read");
        stopped.push(view.snapshot.stopped.expect("it ran"));
        rig.ok("sensor list");
    }
    stopped.sort_unstable();
    println!("stopped for at most {stopped:?}");
    let stats = rig.ok("stats");
    for counter in ["recoveries", "timed_out", "err_protocol"] {
        assert_eq!(
            numbers(row(&stats, counter).expect(counter)),
            [0.0],
            "{stats}"
        );
    }
    rig.power_off();
}

/// Writes memory of a machine by its debugger's stub.
fn poke(socket: &Path, address: u32, bytes: &[u8]) {
    let mut stream = UnixStream::connect(socket).expect("the machine listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let write = format!("M{address:x},{:x}:{digits}", bytes.len());
    for request in ["Qqemu.PhyMemMode:1", &write, "D"] {
        let sum = request.bytes().fold(0_u8, u8::wrapping_add);
        write!(stream, "${request}#{sum:02x}").expect("QEMU reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"$OK#9a") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("QEMU answers OK");
            answer.push(byte[0]);
        }
        stream.write_all(b"+").expect("QEMU reads");
    }
}

/// A kernel that panicked stays, and tells who called it and where it was.
#[test]
fn a_panicked_kernel_is_seen_inside() {
    let (mut rig, archive) = rig();
    let report = archive.report().expect("the layout is there");
    let socket = rig.board().machine().debug_socket().expect("a socket");
    let kernel = inspect::Program::read(
        "kernel",
        archive.file(archive::KERNEL).expect("it is there"),
    );
    let kernel = kernel.expect("it is a program");
    let handler = kernel.symbol("_asm_svc_handler").expect("it has one");
    // The address that the handler branches to: an undefined instruction there, at the next system call.
    let call = (handler..handler + 64).step_by(4).find_map(|address| {
        let bytes = kernel.constant(address, 4)?;
        let word = u32::from_le_bytes(bytes.try_into().ok()?);
        // BL: the offset in words, from two instructions ahead.
        let offset = (word << 8) as i32 >> 6;
        (word >> 24 == 0xeb).then(|| address.wrapping_add(8).wrapping_add_signed(offset))
    });
    poke(
        &socket,
        call.expect("it calls"),
        &0xe7f0_00f0_u32.to_le_bytes(),
    );
    // Any input makes the console call.
    rig.session()
        .type_line(b"tasks")
        .expect("the machine reads");
    let start = Instant::now();
    while !rig.transcript().contains("KERNEL PANIC") {
        assert!(start.elapsed() < LIMIT, "the kernel did not panic");
        std::thread::sleep(Duration::from_millis(50));
    }
    let view = View::new(&archive, &report, &mut live(&mut rig)).expect("it is kept");
    let detail = Detail {
        registers: false,
        stack: true,
    };
    let tasks = inspect::tasks(&view, None, detail).expect("the records are there");
    assert!(
        tasks.contains("the kernel itself runs, in mode undefined"),
        "{tasks}"
    );
    assert!(
        tasks.contains("kern::arch::armv7a::handlers::kernel_undefined"),
        "{tasks}"
    );
    let current = inspect::Kernel::read(&view)
        .expect("the records are there")
        .current;
    assert_ne!(report.tasks[current].name, "idle", "{tasks}");
    assert!(tasks.contains("in the kernel"), "{tasks}");
    // It is the same in a dump.
    let folder = tempfile::tempdir().expect("a folder");
    let core = folder.path().join("x.core");
    fs::write(&core, dump::write(&view).expect("a dump")).expect("it is written");
    let later = View::new(&archive, &report, &mut DumpFile::new(&core)).expect("it is read");
    let again = inspect::tasks(&later, None, detail).expect("the records are there");
    assert_eq!(again, tasks);
    let taken = DumpFile::new(&core).take(&[]).expect("it is read");
    assert!(taken.remarks.is_empty());
}
