//! Ids made from what identifies a person, so that profiles of one person find each other without a search.
//!
//! Source: spec/pipeline.md 4.6. Both sides normalise the value (trimmed, lower case); the original normalised one only.

use md5::{Digest, Md5};
use tracardi_model::Profile;
use tracardi_model::profile::Contact;

/// Profile fields that identify a person, each with the prefix of its ids.
pub const MERGING_FIELDS: [(&str, &str); 9] = [
    ("data.contact.email.main", "emm-"),
    ("data.contact.email.business", "emb-"),
    ("data.contact.email.private", "emp-"),
    ("data.contact.phone.main", "phm-"),
    ("data.contact.phone.business", "phb-"),
    ("data.contact.phone.mobile", "pho-"),
    ("data.contact.phone.whatsapp", "pwa-"),
    ("data.identifier.id", "iid-"),
    ("data.identifier.pk", "ipk-"),
];

/// The values of the identifying fields of a profile: dotted field, prefix, value.
#[must_use]
pub fn values(profile: &Profile) -> [(&'static str, &'static str, Option<&str>); 9] {
    let Contact { email, phone, .. } = &profile.data.contact;
    let identifier = &profile.data.identifier;
    let values = [
        &email.main,
        &email.business,
        &email.private,
        &phone.main,
        &phone.business,
        &phone.mobile,
        &phone.whatsapp,
        &identifier.id,
        &identifier.pk,
    ];
    std::array::from_fn(|at| {
        let (field, prefix) = MERGING_FIELDS[at];
        (field, prefix, values[at].as_deref())
    })
}

/// Prefix of the ids of a field, when the field identifies a person.
#[must_use]
pub fn prefix(field: &str) -> Option<&'static str> {
    MERGING_FIELDS.iter().find(|(known, _)| *known == field).map(|(_, prefix)| *prefix)
}

/// The id of a value: prefix and the MD5 of key and value in the form 8-4-4-4-12. None of a blank value.
#[must_use]
pub fn hash(value: &str, prefix: &str, key: &str) -> Option<String> {
    let value = value.trim().to_lowercase();
    if value.is_empty() {
        return None;
    }
    let digest = Md5::new().chain_update(key).chain_update("-").chain_update(&value).finalize();
    let mut id = String::with_capacity(prefix.len() + 36);
    id.push_str(prefix);
    for (place, byte) in digest.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            id.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            id.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example() {
        let id = hash("a@b.pl", "emm-", "0123456789abcdefghijklmnop");
        assert_eq!(id.as_deref(), Some("emm-bae00b00-1d7d-cc7b-c3f2-35d441c79761"));
        assert_eq!(hash(" A@B.pl ", "emm-", "0123456789abcdefghijklmnop"), id);
        assert_eq!(hash("  ", "emm-", "x"), None);
    }

    #[test]
    fn values_stand_beside_their_fields() {
        use tracardi_model::path::Path;
        use tracardi_model::record::Node;
        let mut profile = Profile::default();
        for (field, _) in MERGING_FIELDS {
            profile.set(Path::parse(field).unwrap().segments(), &field.into()).unwrap();
        }
        assert!(values(&profile).iter().all(|(field, _, value)| *value == Some(*field)));
    }

    #[test]
    fn fields_have_their_prefix() {
        assert_eq!(prefix("data.identifier.pk"), Some("ipk-"));
        assert_eq!(prefix("data.identifier.token"), None);
    }
}
