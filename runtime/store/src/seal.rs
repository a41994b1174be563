//! Secrets at rest: event sources' credentials are encrypted, login tokens are kept as keyed hashes only.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// First byte of what [`Keys::seal`] makes; tells the method, so that it can be changed one day.
const METHOD: u8 = 1;
const NONCE_BYTES: usize = 24;

/// The two keys of an installation.
#[derive(Clone)]
pub struct Keys {
    /// Login tokens are kept as HMAC-SHA-256 under this key; the collector derives new ids from it.
    pub signing: [u8; 32],
    /// Credentials are encrypted under this key.
    pub encryption: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys(hidden)")
    }
}

/// Sealed data that cannot be opened: other key, other place, or damage. Says no more, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another key, or damaged")]
pub struct CannotOpen;

impl Keys {
    /// Encrypts (XChaCha20-Poly1305, random nonce). `place` names where the result is kept; it opens only there.
    /// Fails when the operating system gives no random bytes.
    pub fn seal(&self, place: &str, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        let nonce = tracardi_process::random::bytes::<NONCE_BYTES>()?;
        let cipher = XChaCha20Poly1305::new(&self.encryption.into());
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| std::io::Error::other("too long to be encrypted"))?;
        let mut whole = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        whole.push(METHOD);
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Decrypts what [`Keys::seal`] made for the same `place`.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (&method, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
        if method != METHOD {
            return Err(CannotOpen);
        }
        XChaCha20Poly1305::new(&self.encryption.into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: place.as_bytes() })
            .map_err(|_| CannotOpen)
    }

    /// What the keys are recognised by, without telling them: their names and a mark of each. A store that keeps the marks can
    /// refuse other keys at once, instead of failing at every login and every secret.
    #[must_use]
    pub fn marks(&self) -> [(&'static str, [u8; 32]); 2] {
        [("encryption", &self.encryption), ("signing", &self.signing)]
            .map(|(name, key)| (name, keyed_hash(key, &[b"key check: ", name.as_bytes()])))
    }

    /// The form in which a login token is kept. Who reads the store cannot log in with it.
    #[must_use]
    pub fn token_hash(&self, token: &str) -> [u8; 32] {
        keyed_hash(&self.signing, &[b"token:", token.as_bytes()])
    }

    /// The key of the ids that profiles get for merging (64 hexadecimal digits), unless the installation is given one. With a
    /// key that everybody knows, whoever knows an e-mail address would know an id of its owner's profile.
    #[must_use]
    pub fn merging_key(&self) -> String {
        hex::encode(keyed_hash(&self.signing, &[b"merging key"]))
    }
}

/// HMAC-SHA-256 of the parts, one after the other.
#[must_use]
pub fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC itself fills a key up with zeros to the block of its hash.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys { signing: [1; 32], encryption: [2; 32] };

    #[test]
    fn opens_only_with_the_key_and_in_its_place() {
        let sealed = KEYS.seal("event_source/production/a", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(KEYS.open("event_source/production/a", &sealed).unwrap(), b"secret");
        assert_eq!(KEYS.open("event_source/production/b", &sealed), Err(CannotOpen));
        let other = Keys { encryption: [3; 32], ..KEYS };
        assert_eq!(other.open("event_source/production/a", &sealed), Err(CannotOpen));
        for cut in 0..sealed.len() {
            assert_eq!(KEYS.open("event_source/production/a", &sealed[..cut]), Err(CannotOpen), "{cut} bytes");
        }
        assert_ne!(sealed, KEYS.seal("event_source/production/a", b"secret").unwrap());
    }

    #[test]
    fn token_hashes_depend_on_key_and_token() {
        let other = Keys { signing: [9; 32], ..KEYS };
        assert_eq!(KEYS.token_hash("t"), KEYS.token_hash("t"));
        assert_ne!(KEYS.token_hash("t"), KEYS.token_hash("u"));
        assert_ne!(KEYS.token_hash("t"), other.token_hash("t"));
        assert_eq!(format!("{KEYS:?}"), "Keys(hidden)");
    }
}
