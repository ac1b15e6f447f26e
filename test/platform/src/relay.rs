// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Between QEMU and the daemon's end of the vhost-user protocol: takes one promise out of it.
//!
//! The vhost-user library offers to acknowledge every message (`REPLY_ACK`), whatever the device says. QEMU negotiates that once
//! in the life of its device. When a platform went away and another came, QEMU still waits for acknowledgements, which the new
//! one does not know of: nobody negotiated with it. So the offer is not let through, and a platform can be taken up again.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{FromRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::thread;

use vmm_sys_util::sock_ctrl_msg::ScmSocket as _;

/// Request, flags and size: three words before each message.
const HEADER_LEN: usize = 12;
/// `VHOST_USER_GET_PROTOCOL_FEATURES`.
const GET_PROTOCOL_FEATURES: u32 = 15;
/// `VHOST_USER_PROTOCOL_F_REPLY_ACK`, of the first byte of the features.
const REPLY_ACK: u8 = 1 << 3;
/// No message is longer.
const PAYLOAD_MAX: usize = 4096;
/// No message carries more descriptors.
const DESCRIPTORS_MAX: usize = 32;

/// Passes messages between both until one of them hangs up; then hangs up on the other.
///
/// # Errors
///
/// The host has no descriptor left.
pub fn start(qemu: UnixStream, daemon: UnixStream) -> io::Result<()> {
    for (from, to) in [(qemu.try_clone()?, daemon.try_clone()?), (daemon, qemu)] {
        thread::spawn(move || {
            // However it ends, that was the connection.
            while let Ok(true) = pass(&from, &to) {}
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

/// Passes a message with its descriptors; `false` if there is none any more.
///
/// One by one: descriptors come with the first byte of their message, and several messages read at once would not tell of which.
fn pass(mut from: &UnixStream, mut to: &UnixStream) -> io::Result<bool> {
    let mut message = [0_u8; HEADER_LEN + PAYLOAD_MAX];
    let (header, rest) = message.split_at_mut(HEADER_LEN);
    let mut descriptors: [RawFd; DESCRIPTORS_MAX] = [-1; DESCRIPTORS_MAX];
    let mut room = [libc::iovec {
        iov_base: header.as_mut_ptr().cast(),
        iov_len: header.len(),
    }];
    // Safety: `room` describes `header`, which outlives the call and is used for nothing else during it.
    let (len, count) = unsafe { from.recv_with_fds(&mut room, &mut descriptors)? };
    let received = descriptors.get(..count).unwrap_or_default();
    // They are ours to close, as soon as they are passed on.
    let _owned: Vec<File> = received
        .iter()
        // Safety: the kernel just made these descriptors for this message, and nobody else knows of them.
        .map(|&descriptor| unsafe { File::from_raw_fd(descriptor) })
        .collect();
    if len == 0 {
        return Ok(false);
    }
    from.read_exact(header.get_mut(len..).unwrap_or_default())?;
    let [request, _flags, size] =
        [0, 4, 8].map(|at| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| header[at + byte])));
    let payload = rest
        .get_mut(..size as usize)
        .ok_or(io::ErrorKind::InvalidData)?;
    from.read_exact(payload)?;
    if let (GET_PROTOCOL_FEATURES, [features, ..]) = (request, payload) {
        *features &= !REPLY_ACK;
    }
    let whole = message
        .get(..HEADER_LEN + size as usize)
        .unwrap_or_default();
    let sent = to.send_with_fds(&[whole], received)?;
    to.write_all(whole.get(sent..).unwrap_or_default())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn message(request: u32, payload: &[u8]) -> Vec<u8> {
        let words = [request, 1, payload.len() as u32].map(u32::to_ne_bytes);
        [words.as_flattened(), payload].concat()
    }

    #[test]
    fn descriptors_stay_with_their_message_and_acknowledgements_are_not_offered() {
        let (mut qemu, far) = UnixStream::pair().unwrap();
        let (mut daemon, near) = UnixStream::pair().unwrap();
        start(far, near).unwrap();
        // All of it is there before the relay looks, most likely.
        let (mut reader, writer) = io::pipe().unwrap();
        let (plain, carrying) = (message(2, &[1; 8]), message(5, &[2; 40]));
        qemu.write_all(&plain).unwrap();
        qemu.send_with_fds(&[&carrying[..]], &[writer.as_raw_fd()])
            .unwrap();
        drop(writer);
        let mut bytes = vec![0; plain.len()];
        let (len, none) = daemon.recv_with_fd(&mut bytes).unwrap();
        assert!((len, &bytes) == (plain.len(), &plain) && none.is_none());
        let mut bytes = vec![0; carrying.len()];
        let (len, descriptor) = daemon.recv_with_fd(&mut bytes).unwrap();
        assert_eq!((len, &bytes), (carrying.len(), &carrying));
        // It is the same pipe.
        descriptor.unwrap().write_all(b"x").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");

        for (request, seen) in [(GET_PROTOCOL_FEATURES, 0xf7), (1, 0xff)] {
            daemon.write_all(&message(request, &[0xff; 8])).unwrap();
            let mut bytes = vec![0; HEADER_LEN + 8];
            qemu.read_exact(&mut bytes).unwrap();
            assert_eq!(bytes[HEADER_LEN], seen);
            assert_eq!(bytes[HEADER_LEN + 1..], [0xff; 7]);
        }
        drop(daemon);
        assert_eq!(qemu.read(&mut [0]).unwrap(), 0);
    }
}
