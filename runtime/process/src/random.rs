//! Random bytes from the operating system, and what is made of them: tokens, keys, passwords.
//!
//! They come from the system call, not from `/dev/urandom`, which an image without files does not have.

use std::fmt::Write as _;
use std::io;

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Letters and digits that a person cannot mistake for one another when typing them from a screen.
const READABLE: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// `N` random bytes. Fails only when the operating system has no source of them.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::other(format!("no random bytes to be had: {error}"))),
        }
    }
    Ok(bytes)
}

/// `N` random bytes as `2 * N` hexadecimal digits.
pub fn hex<const N: usize>() -> io::Result<String> {
    Ok(to_hex(&bytes::<N>()?))
}

/// A password of 24 characters (120 bits) without look-alike characters.
pub fn password() -> io::Result<String> {
    Ok(bytes::<24>()?.iter().map(|byte| READABLE[usize::from(byte % 32)] as char).collect())
}

/// A random id in the format of UUID version 4.
pub fn uuid() -> io::Result<String> {
    let mut bytes = bytes::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = to_hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        assert_eq!(hex::<20>().unwrap().len(), 40);
        assert_eq!(password().unwrap().len(), 24);
        assert_ne!(password().unwrap(), password().unwrap());
        let uuid = uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_eq!(to_hex(&[0, 0xab]), "00ab");
    }
}
