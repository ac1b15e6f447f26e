// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The way to a daemon: a vhost-user front end with one small ring for commands and one for events.
//!
//! Each command uses descriptors 0 (request) and 1 (reply). The event queue gets no buffers: a platform may then drop its
//! notifications. Every wait has a limit.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use vhost::vhost_user::message::VhostUserProtocolFeatures;
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::walk::Link;

/// How long setting up may take.
const SETUP_LIMIT: Duration = Duration::from_secs(10);
const BASE: u64 = 0x4000_0000;
const MEMORY: usize = 1 << 18;
const SIZE: u16 = 16;
const QUEUES: usize = 2;
const PROTOCOL_FEATURES: u64 = 1 << 30;
const VERSION_1: u64 = 1 << 32;
const P2A_CHANNELS: u64 = 1 << 0;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

fn descriptors(queue: usize) -> u64 {
    BASE + queue as u64 * 0x1_0000
}

fn available(queue: usize) -> u64 {
    descriptors(queue) + 0x1000
}

fn used(queue: usize) -> u64 {
    descriptors(queue) + 0x2000
}

const REQUEST: u64 = BASE + 0x2_0000;
const REPLY: u64 = BASE + 0x2_1000;

/// A connection to a daemon.
pub struct Daemon {
    socket: PathBuf,
    limit: Duration,
    connection: Connection,
}

struct Connection {
    /// Ends the connection when dropped.
    _frontend: Frontend,
    memory: GuestMemoryMmap,
    kicks: [EventFd; QUEUES],
    _calls: [EventFd; QUEUES],
    features: u64,
    index: u16,
}

impl Daemon {
    /// Connects, and gives each command `limit` to be answered.
    ///
    /// # Errors
    ///
    /// Nobody listens, or what listens is no vhost-user SCMI device, or takes too long.
    pub fn connect(socket: &Path, limit: Duration) -> Result<Self> {
        let connection = Connection::open(socket)?;
        Ok(Self {
            socket: socket.into(),
            limit,
            connection,
        })
    }
}

impl Link for Daemon {
    fn has_events(&self) -> bool {
        self.connection.features & P2A_CHANNELS != 0
    }

    fn ask(&mut self, request: &[u8], room: usize) -> Option<Vec<u8>> {
        self.connection.ask(request, room, self.limit)
    }

    fn again(&mut self) -> bool {
        Connection::open(&self.socket).is_ok_and(|connection| {
            self.connection = connection;
            true
        })
    }
}

/// Ends a connection that takes too long, so that no wait of the vhost-user library lasts for ever.
fn guard(stream: &UnixStream) -> Result<mpsc::Sender<()>> {
    let stream = stream.try_clone().context("no descriptor left")?;
    let (sender, receiver) = mpsc::channel::<()>();
    thread::spawn(move || {
        if receiver.recv_timeout(SETUP_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // The wait ends with an error, which says what it waited for.
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
    Ok(sender)
}

impl Connection {
    fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to {}", socket.display()))?;
        let guard = guard(&stream)?;
        let opened = Self::set_up(Frontend::from_stream(stream, QUEUES as u64));
        drop(guard);
        opened.with_context(|| {
            let limit = SETUP_LIMIT.as_secs();
            format!(
                "{} cannot be set up as a vhost-user SCMI device (limit {limit} s)",
                socket.display()
            )
        })
    }

    fn set_up(mut frontend: Frontend) -> Result<Self> {
        let file = tempfile::tempfile().context("no memory to share")?;
        file.set_len(MEMORY as u64)?;
        let memory = GuestMemoryMmap::from_ranges_with_files([(
            GuestAddress(BASE),
            MEMORY,
            Some(FileOffset::new(file, 0)),
        )])?;
        frontend.set_owner()?;
        let offered = frontend
            .get_features()
            .context("waiting for its features")?;
        if offered & VERSION_1 == 0 {
            bail!("it does not offer VIRTIO_F_VERSION_1");
        }
        let features = offered & (VERSION_1 | P2A_CHANNELS | PROTOCOL_FEATURES);
        frontend.set_features(features)?;
        if features & PROTOCOL_FEATURES != 0 {
            let known = frontend
                .get_protocol_features()
                .context("waiting for its protocol features")?;
            frontend.set_protocol_features(known & VhostUserProtocolFeatures::MQ)?;
        }
        let region = memory.iter().next().context("no memory")?;
        frontend.set_mem_table(&[VhostUserMemoryRegionInfo::from_guest_region(region)?])?;
        let event = || EventFd::new(EFD_NONBLOCK);
        let (kicks, calls) = ([event()?, event()?], [event()?, event()?]);
        for queue in 0..QUEUES {
            let at = |address| -> Result<u64> {
                Ok(memory.get_host_address(GuestAddress(address))? as u64)
            };
            frontend.set_vring_num(queue, SIZE)?;
            frontend.set_vring_addr(
                queue,
                &VringConfigData {
                    queue_max_size: SIZE,
                    queue_size: SIZE,
                    flags: 0,
                    desc_table_addr: at(descriptors(queue))?,
                    used_ring_addr: at(used(queue))?,
                    avail_ring_addr: at(available(queue))?,
                    log_addr: None,
                },
            )?;
            frontend.set_vring_base(queue, 0)?;
            frontend.set_vring_call(queue, &calls[queue])?;
            frontend.set_vring_kick(queue, &kicks[queue])?;
            if features & PROTOCOL_FEATURES != 0 {
                frontend.set_vring_enable(queue, true)?;
            }
        }
        // An answer to this is an answer to all before.
        frontend.get_features().context("waiting for its rings")?;
        Ok(Self {
            _frontend: frontend,
            memory,
            kicks,
            _calls: calls,
            features,
            index: 0,
        })
    }

    fn descriptor(
        &self,
        index: u64,
        address: u64,
        length: usize,
        flags: u16,
        next: u16,
    ) -> Option<()> {
        let mut bytes = address.to_le_bytes().to_vec();
        bytes.extend((length as u32).to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.memory
            .write_slice(&bytes, GuestAddress(descriptors(0) + index * 16))
            .ok()
    }

    fn ask(&mut self, request: &[u8], room: usize, limit: Duration) -> Option<Vec<u8>> {
        self.memory
            .write_slice(request, GuestAddress(REQUEST))
            .ok()?;
        self.memory
            .write_slice(&vec![0; room], GuestAddress(REPLY))
            .ok()?;
        self.descriptor(0, REQUEST, request.len(), NEXT, 1)?;
        self.descriptor(1, REPLY, room, WRITE, 0)?;
        // The head is descriptor 0, which is what the ring holds already.
        self.index = self.index.wrapping_add(1);
        let index = GuestAddress(available(0) + 2);
        self.memory
            .store(self.index.to_le(), index, Ordering::SeqCst)
            .ok()?;
        let start = Instant::now();
        let mut kicked: Option<Instant> = None;
        loop {
            // A daemon that enables its rings late may miss a kick; a second one does no harm.
            if kicked.is_none_or(|kicked| kicked.elapsed() > Duration::from_millis(200)) {
                self.kicks[0].write(1).ok()?;
                kicked = Some(Instant::now());
            }
            let answered: u16 = self
                .memory
                .load(GuestAddress(used(0) + 2), Ordering::SeqCst)
                .ok()?;
            if u16::from_le(answered) == self.index {
                break;
            }
            if start.elapsed() > limit {
                return None;
            }
            // The first answers come within microseconds.
            match start.elapsed() < Duration::from_millis(1) {
                true => thread::yield_now(),
                false => thread::sleep(Duration::from_micros(100)),
            }
        }
        let slot = u64::from(self.index.wrapping_sub(1) % SIZE);
        let length: u32 = self
            .memory
            .load(GuestAddress(used(0) + 4 + slot * 8 + 4), Ordering::SeqCst)
            .ok()?;
        let mut reply = vec![0; (u32::from_le(length) as usize).min(room)];
        self.memory
            .read_slice(&mut reply, GuestAddress(REPLY))
            .ok()?;
        Some(reply)
    }
}
