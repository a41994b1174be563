//! Ids made from what identifies a person, so that profiles of one person find each other without a search.
//!
//! Source: spec/pipeline.md 4.6. Both sides normalise the value (trimmed, lower case); the original normalised one only.

use md5::{Digest, Md5};
use tracardi_model::Profile;
use tracardi_model::entropy::dashed;
use tracardi_model::profile::Contact;

/// A profile keeps at most this many ids.
pub(crate) const MAX_IDS: usize = 1_000;

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
    Some(format!("{prefix}{}", digest(&[key, "-", &value])))
}

/// The id made of several fields and their values, none of them blank. The fields are in a fixed order. Of a single field that
/// identifies a person it is [`hash`].
#[must_use]
pub fn point(fields: &[(&str, String)], key: &str) -> Option<String> {
    if let [(field, value)] = fields
        && let Some(prefix) = prefix(field)
    {
        return hash(value, prefix, key);
    }
    let mut pieces = vec![key.to_owned()];
    for (field, value) in fields {
        let value = value.trim().to_lowercase();
        if value.is_empty() {
            return None;
        }
        // With its length, so that no two lists of fields look alike.
        pieces.push(format!("-{field}={}:{value}", value.len()));
    }
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    Some(format!("idp-{}", digest(&pieces)))
}

/// The id of the session that goes with a profile id: whoever comes with the id again, comes in the same session.
#[must_use]
pub fn session(profile_id: &str, key: &str) -> String {
    digest(&[key, ":", profile_id])
}

fn digest(pieces: &[&str]) -> String {
    let mut digest = Md5::new();
    for piece in pieces {
        digest.update(piece);
    }
    dashed(digest.finalize().into())
}

/// Notes that a profile may have got a duplicate: it gains an id, and the field that the id came from waits for the search
/// for other profiles with one of the ids. Nothing happens when the id is known already, or when there are [`MAX_IDS`].
pub(crate) fn expect_duplicate(profile: &mut Profile, field: &str, id: String) {
    if profile.ids.0.contains(&id) || profile.ids.0.len() >= MAX_IDS {
        return;
    }
    profile.ids.0.push(id);
    profile.await_merge(field);
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
        assert_eq!(session("a", "k"), dashed(Md5::digest("k:a").into()));
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
