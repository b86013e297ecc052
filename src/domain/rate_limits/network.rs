//! What counts as one address: an IPv4 address, or the network of 64 bits that an IPv6 customer has at least.

use std::net::{IpAddr, Ipv6Addr};

use crate::domain::actor::ClientInfo;

const CUSTOMER_BITS: u32 = 64;

/// The address of a client as it is counted. Clients whose address is not known are counted together.
pub(super) fn of(client: &ClientInfo) -> String {
    match client.ip_address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> CUSTOMER_BITS << CUSTOMER_BITS);
            format!("{network}/{CUSTOMER_BITS}")
        }
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(address: &str) -> String {
        of(&ClientInfo { ip_address: Some(address.parse().unwrap()), ..ClientInfo::default() })
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        assert_eq!(counted("203.0.113.9"), "203.0.113.9");
        assert_eq!(counted("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(counted("2001:db8:1:2:ffff::1"), counted("2001:db8:1:2::9"));
        assert_ne!(counted("2001:db8:1:3::1"), counted("2001:db8:1:2::1"));
        assert_eq!(of(&ClientInfo::default()), "unknown");
    }
}
