//! SCRAM (RFC 5802, RFC 7677): shows that we know a password without telling it, and that the server does. Pure but for
//! the random part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use tracardi_process::random;

/// Rounds that a server may ask for: each costs time.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

/// One conversation.
pub(super) struct Scram {
    is_512: bool,
    user: String,
    password: String,
    nonce: String,
}

impl Scram {
    pub(super) fn new(is_512: bool, user: &str, password: &str) -> Result<Self, String> {
        let nonce = random::uuid().map_err(|error| format!("no random numbers to be had: {error}"))?;
        Ok(Self::with_nonce(is_512, user, password, nonce))
    }

    fn with_nonce(is_512: bool, user: &str, password: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { is_512, user, password: password.to_owned(), nonce }
    }

    fn bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// What we say first.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    /// What we say to the server's challenge, and what it has to say then.
    pub(super) fn last(&self, challenge: &str) -> Result<(String, String), String> {
        let field = |name: &str| {
            let found = challenge.split(',').find_map(|part| part.strip_prefix(name));
            found.ok_or_else(|| "the broker's challenge is no SCRAM".to_owned())
        };
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        let salt = STANDARD.decode(salt).map_err(|_| "the broker's salt is no base64".to_owned())?;
        let rounds: u32 = rounds.parse().unwrap_or_default();
        if !nonce.starts_with(&self.nonce) || !ROUNDS.contains(&rounds) {
            return Err("the broker's challenge is none that is safe to answer".to_owned());
        }
        let without_proof = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{without_proof}", self.bare());
        let salted = self.salted(&salt, rounds);
        let client_key = self.mac(&salted, b"Client Key");
        let signature = self.mac(&self.hash(&client_key), all.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let expected = self.mac(&self.mac(&salted, b"Server Key"), all.as_bytes());
        Ok((format!("{without_proof},p={}", STANDARD.encode(proof)), format!("v={}", STANDARD.encode(expected))))
    }

    /// PBKDF2 with one block.
    fn salted(&self, salt: &[u8], rounds: u32) -> Vec<u8> {
        let mut last = self.mac(self.password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
        let mut all = last.clone();
        for _ in 1..rounds {
            last = self.mac(self.password.as_bytes(), &last);
            all.iter_mut().zip(&last).for_each(|(a, b)| *a ^= b);
        }
        all
    }

    fn mac(&self, key: &[u8], text: &[u8]) -> Vec<u8> {
        // A key of any length will do, so there is always a code.
        if self.is_512 {
            Hmac::<Sha512>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        } else {
            Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        }
        .unwrap_or_default()
    }

    fn hash(&self, text: &[u8]) -> Vec<u8> {
        if self.is_512 { Sha512::digest(text).to_vec() } else { Sha256::digest(text).to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Only what continues our own random text is answered, and only within the rounds that we are willing to go.
        #[test]
        fn whatever_a_broker_asks_is_answered_or_refused(
            any_text in ".{0,80}",
            theirs in "[!-+.-~]{0,20}",
            salt in "[A-Za-z0-9+/=ü]{0,12}",
            rounds in prop_oneof![4_096..4_100_u32, any::<u32>().prop_filter("costly", |n| !(4_100..=1_000_000).contains(n))],
            is_512 in any::<bool>(),
        ) {
            let scram = Scram::with_nonce(is_512, "u", "p", "mine".to_owned());
            prop_assert!(scram.last(&any_text).is_err());
            let foreign = format!("r={theirs},s=eA==,i=4096");
            prop_assert_eq!(scram.last(&foreign).is_ok(), theirs.starts_with("mine"));
            let answered = scram.last(&format!("r=mine{theirs},s={salt},i={rounds}"));
            prop_assert_eq!(answered.is_ok(), ROUNDS.contains(&rounds) && STANDARD.decode(&salt).is_ok());
        }
    }

    /// The conversation of RFC 7677, section 3.
    #[test]
    fn the_conversation_of_the_standard() {
        let scram = Scram::with_nonce(false, "user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (said, expected) = scram.last(&format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")).unwrap();
        assert_eq!(said, format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert_eq!(expected, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        for wrong in ["", "r=x,s=eA==,i=4096", "r=rOprNGfwEbeRWgbNEkqO1,s=eA==,i=1", "e=no"] {
            assert!(scram.last(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Scram::with_nonce(true, "a=b,c", "p", "n".to_owned()).first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
