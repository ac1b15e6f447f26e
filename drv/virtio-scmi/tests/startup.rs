// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Start-up: rows V01, V02, V08, V11, V17-V19, V41, V42, V44, V46, V47, D01, D18.

mod support;

use drv_virtio_scmi::{
    Books, Cause, Condition, DmaBuffer, Driver, EVENT_IDX, Interrupts, NotSent, P2A_CHANNELS,
    QueueMemory, Refusal, SetupError, Trace, Transport, VERSION_1,
};
use support::world::shared_memory;
use support::{CONSOLE, FakeDevice, FakeTransport, INTERRUPT, Setup, Still, TIMER, run};
use virtqueue::Addresses;

fn offering(offered: u64) -> Setup {
    Setup {
        offered,
        ..Setup::default()
    }
}

#[test]
fn v46_without_version_1_the_device_is_refused() {
    run(offering(P2A_CHANNELS | EVENT_IDX), |world| {
        assert_eq!(world.started, Err(SetupError::MissingFeatures(VERSION_1)));
        assert_eq!(world.driver.condition(), Condition::Down);
        assert!(world.transport.failed);
        // For good: no attempt is made by itself.
        assert_eq!(world.kernel.timer, None);
        assert_eq!(world.exchange(CONSOLE, 0x10, 0), Err(Refusal::NoDevice));
    });
}

#[test]
fn v47_v42_only_what_the_driver_understands_is_asked_for() {
    for offered in [VERSION_1, VERSION_1 | P2A_CHANNELS, u64::MAX] {
        // The model asserts what is asked; a device that offers everything changes nothing.
        run(offering(offered), |world| {
            let events = offered & P2A_CHANNELS != 0;
            assert_eq!(world.driver.has_events(), events);
            assert_eq!(world.transport.sizes[1] != 0, events);
            assert_eq!(
                world.driver.features(),
                offered & (VERSION_1 | P2A_CHANNELS | EVENT_IDX)
            );
        });
    }
}

#[test]
fn v18_v08_an_event_queue_that_the_device_lacks_is_done_without() {
    let setup = Setup {
        queue_max: [64, 0],
        ..Setup::default()
    };
    run(setup, |world| {
        assert_eq!(world.started, Ok(()));
        assert!(!world.driver.has_events());
        assert_eq!(world.driver.pools().event_buffers, 0);
        assert!(world.exchange(CONSOLE, 0x10, 0).is_ok());
    });
}

#[test]
fn v01_v02_v19_before_the_start_every_operation_backs_out() {
    use drv_virtio_scmi::Handle;
    let memory = Box::new(QueueMemory::<16, 8, 16>::new());
    let mut books = Box::new(Books::NEW);
    let mut driver = Driver::new(&memory, &mut books);
    let system = &mut Still(5);
    let wish = support::world::wish(0x10, 0);
    // Not even clients are known.
    assert_eq!(
        driver.send(
            CONSOLE,
            wish.request(|_: &DmaBuffer| Ok::<_, ()>(0)),
            wish.wait,
            system
        ),
        Err(NotSent::Refused(Refusal::NotAClient))
    );
    let handle = Handle::from_raw(1 << 10);
    assert!(driver.poll(CONSOLE, handle, system, |_| ()).is_err());
    assert!(driver.fetch(CONSOLE, system).is_err());
    assert_eq!(driver.condition(), Condition::Down);
    // V11: an interrupt or a timer before the start finds nothing to do.
    let mut transport = FakeTransport::new(0, [0, 0]);
    for cause in [INTERRUPT, TIMER, Cause::Request, Cause::Poll] {
        let plan = driver.run(cause, system, &mut transport);
        assert_eq!(plan.timer, None);
    }
    assert!(!driver.has_used());
    driver.audit().unwrap();
}

/// Registers that compare the shared memory with what it was, up to and including the reset.
struct Watchful<'m> {
    registers: FakeTransport,
    memory: &'m QueueMemory<16, 8, 16>,
    before: Vec<u64>,
    was_reset: bool,
}

impl Transport for Watchful<'_> {
    fn reset(&mut self) -> Result<(), SetupError> {
        assert_eq!(
            shared_memory(self.memory),
            self.before,
            "the device is still at work"
        );
        self.registers.reset()?;
        assert_eq!(shared_memory(self.memory), self.before);
        self.was_reset = true;
        Ok(())
    }
    fn negotiate(&mut self, wanted: u64, required: u64) -> Result<u64, SetupError> {
        assert!(self.was_reset);
        self.registers.negotiate(wanted, required)
    }
    fn queue_max(&mut self, queue: u16) -> u16 {
        assert!(self.was_reset);
        self.registers.queue_max(queue)
    }
    fn setup_queue(&mut self, queue: u16, size: u16, at: Addresses) -> Result<(), SetupError> {
        assert!(self.was_reset);
        self.registers.setup_queue(queue, size, at)
    }
    fn driver_ok(&mut self) -> Result<(), SetupError> {
        assert!(self.was_reset);
        self.registers.driver_ok()
    }
    fn notify(&mut self, queue: u16) {
        self.registers.notify(queue);
    }
    fn take_interrupts(&mut self) -> Interrupts {
        self.registers.take_interrupts()
    }

    fn needs_reset(&mut self) -> bool {
        self.registers.needs_reset()
    }
    fn fail(&mut self) {
        self.registers.fail();
    }
}

/// An earlier life of the driver has left the device at work: until it is reset, it reads requests
/// and rings, and writes replies.
#[test]
fn w06_the_device_is_reset_before_anything_else() {
    let memory = Box::new(QueueMemory::<16, 8, 16>::new());
    let mut books = Box::new(Books::NEW);
    let mut registers = FakeTransport::new(VERSION_1 | P2A_CHANNELS | EVENT_IDX, [16, 16]);
    Driver::new(&memory, &mut books)
        .start(true, &mut Still(100), &mut registers)
        .unwrap();
    let mut device = FakeDevice::new(&memory, &registers);
    for value in 0..3 {
        assert!(device.sensor_update(3, value));
    }
    registers.stuck_resets = 2;
    let mut transport = Watchful {
        registers,
        memory: &memory,
        before: shared_memory(&memory),
        was_reset: false,
    };
    // Neither making the next life nor its first, failing attempts may write anything.
    let mut books = Box::new(Books::NEW);
    let mut driver = Driver::new(&memory, &mut books);
    assert_eq!(shared_memory(&memory), transport.before);
    start_until_it_works(&mut driver, &mut transport, 2);
    assert!(transport.was_reset && transport.registers.live);
}

#[test]
fn w06_a_start_takes_one_reset() {
    run(Setup::default(), |world| {
        assert!(world.transport.was_reset);
        assert_eq!(world.transport.resets, 1);
        assert_eq!(
            world.traces().first(),
            Some(&Trace::Ready {
                commands: 16,
                events: 16
            })
        );
    });
}

#[test]
fn v17_v19_a_device_that_is_not_done_with_its_reset_is_waited_for() {
    let memory = Box::new(QueueMemory::<16, 8, 16>::new());
    let mut books = Box::new(Books::NEW);
    let mut driver = Driver::new(&memory, &mut books);
    let mut transport = FakeTransport::new(VERSION_1, [16, 16]);
    transport.stuck_resets = 3;
    start_until_it_works(&mut driver, &mut transport, 3);
    assert!(transport.live);
}

/// Starts a driver whose device ends its reset only at the attempt after so many.
fn start_until_it_works(
    driver: &mut Driver<'_, 16, 8, 16>,
    transport: &mut impl Transport,
    attempts: u32,
) {
    let system = &mut Still(100);
    let started = driver.start(true, system, transport);
    assert_eq!(started, Err(SetupError::ResetTimeout));
    for _ in 0..attempts {
        assert_eq!(driver.condition(), Condition::Recovering);
        let plan = driver.run(TIMER, system, transport);
        system.0 = plan.timer.map_or(system.0, |time| time.max(system.0));
    }
}

#[test]
fn d18_the_base_protocol_is_only_asked_after_a_recovery() {
    // Clients discover what they use; the driver carries messages and starts none by itself.
    run(Setup::default(), |world| {
        world.turn();
        assert_eq!(world.device.take(), None);
    });
}

#[test]
fn v21_event_buffers_are_posted_before_the_device_may_look_and_kicked_after() {
    run(Setup::default(), |world| {
        assert_eq!(world.transport.kicks[1], 1);
        let heads: Vec<u16> = std::iter::from_fn(|| world.device.events.pop()).collect();
        assert_eq!(heads, (0..16).collect::<Vec<u16>>());
    });
}
