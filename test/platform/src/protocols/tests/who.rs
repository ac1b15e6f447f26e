// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who the platform is; versions; messages; permissions.

use scmi::base::{
    Attributes, DiscoverAgent, DiscoverImplementationVersion, DiscoverListProtocols,
    DiscoverSubVendor, DiscoverVendor, MessageAttributes, NegotiateVersion, NotifyErrors,
    ProtocolList, ResetAgentConfiguration, SELF, SetProtocolPermissions, Version,
};
use scmi::common::{ProtocolVersion, VersionReply};
use scmi::wire::Parse as _;
use scmi::{Protocol, StatusCode};

use super::{NOBODY, ROOM, ask, get, platform, send};

#[test]
fn base_tells_who_it_is() {
    let mut platform = platform();
    assert!(get(&mut platform, &DiscoverVendor {}).vendor.is("heron"));
    assert!(
        get(&mut platform, &DiscoverSubVendor {})
            .vendor
            .is("sample")
    );
    assert_eq!(
        get(&mut platform, &DiscoverImplementationVersion {}).version,
        0x100
    );
    let info = get(&mut platform, &Attributes {});
    assert_eq!(
        (info.attributes.protocols(), info.attributes.agents()),
        (9, 1)
    );
}

#[test]
fn base_lists_protocols_in_pages() {
    let mut platform = platform();
    let mut all = Vec::new();
    // Room for four protocols a page.
    loop {
        let skip = (all.len() as u32).to_le_bytes();
        let values = send(&mut platform, 0x10, 6, &skip, 16).expect("succeeds");
        let page = ProtocolList::parse(&values).expect("a list");
        if page.protocols.is_empty() {
            break;
        }
        assert!(page.protocols.len() <= 4);
        all.extend_from_slice(page.protocols);
    }
    assert_eq!(all, (0x11..=0x19).collect::<Vec<u8>>());
    assert_eq!(
        ask(&mut platform, &DiscoverListProtocols { skip: 10 }),
        Err(StatusCode::InvalidParameters)
    );
}

#[test]
fn base_knows_its_agents() {
    let mut platform = platform();
    let me = get(&mut platform, &DiscoverAgent { agent: SELF });
    assert_eq!(me.agent, Some(1));
    assert!(me.name.is("rtos"));
    assert!(
        get(&mut platform, &DiscoverAgent { agent: 0 })
            .name
            .is("platform")
    );
    assert_eq!(
        ask(&mut platform, &DiscoverAgent { agent: NOBODY }),
        Err(StatusCode::NotFound)
    );
}

#[test]
fn base_gives_no_permissions_to_a_guest() {
    let mut platform = platform();
    let flags = Default::default();
    let set = SetProtocolPermissions {
        agent: 1,
        device: 0,
        protocol: 0x14,
        flags,
    };
    assert_eq!(ask(&mut platform, &set), Err(StatusCode::Denied));
    let other = ResetAgentConfiguration {
        agent: 0,
        flags: Default::default(),
    };
    assert_eq!(ask(&mut platform, &other), Err(StatusCode::Denied));
    let own = ResetAgentConfiguration {
        agent: 1,
        flags: Default::default(),
    };
    assert_eq!(ask(&mut platform, &own), Ok(vec![]));
    assert_eq!(
        ask(
            &mut platform,
            &NotifyErrors {
                enable: true.into()
            }
        ),
        Ok(vec![])
    );
}

#[test]
fn every_protocol_has_a_version_and_negotiates_older_ones() {
    let mut platform = platform();
    for protocol in Protocol::ALL {
        let values = send(&mut platform, protocol.id(), 0, &[], ROOM).expect("succeeds");
        let version = VersionReply::parse(&values).expect("a version").version;
        assert!(version.major() >= 1, "{protocol}");
        let newer = (version.0 + 1).to_le_bytes();
        assert_eq!(
            send(&mut platform, protocol.id(), 0x10, &newer, ROOM),
            Err(StatusCode::NotSupported)
        );
        let oldest = 0x1_0000u32.to_le_bytes();
        assert_eq!(
            send(&mut platform, protocol.id(), 0x10, &oldest, ROOM),
            Ok(vec![])
        );
    }
    assert_eq!(
        get(&mut platform, &Version {}).version,
        ProtocolVersion::new(2, 1)
    );
    assert_eq!(
        ask(
            &mut platform,
            &NegotiateVersion {
                version: ProtocolVersion::new(0, 9)
            }
        ),
        Err(StatusCode::NotSupported)
    );
}

#[test]
fn message_attributes_tell_what_there_is() {
    let mut platform = platform();
    get(&mut platform, &MessageAttributes { message: 7 });
    for absent in [0x0c, 0x40, 0x1_0003] {
        assert_eq!(
            ask(&mut platform, &MessageAttributes { message: absent }),
            Err(StatusCode::NotFound)
        );
    }
    // No memory is shared with the guest, so there are no fast channels.
    let fastchannel = 0xbu32.to_le_bytes();
    assert_eq!(
        send(&mut platform, 0x13, 2, &fastchannel, ROOM),
        Err(StatusCode::NotFound)
    );
    assert_eq!(
        send(&mut platform, 0x13, 0xb, &[0; 8], ROOM),
        Err(StatusCode::NotSupported)
    );
}

#[test]
fn a_denied_protocol_refuses_everything() {
    let mut platform = platform();
    platform.denied.insert(0x14);
    assert_eq!(
        send(&mut platform, 0x14, 0, &[], ROOM),
        Err(StatusCode::Denied)
    );
    assert!(send(&mut platform, 0x13, 0, &[], ROOM).is_ok());
}
