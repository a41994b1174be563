//! The stored profile: everything known about one person.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::leaf::{Keyed, OneOrMany, Texts, Time};
use crate::path::Segment;
use crate::record::{Mismatch, Node};
use crate::session::Geo;
use crate::{Map, record, weight};

type Text = Option<String>;

/// In `metadata.system.aux`: the fields whose ids have not been compared with those of other profiles.
const AUTO_MERGE: &str = "auto_merge";

record! {
    /// Visits of a profile. `last` is the start of the one before `current`.
    pub struct Visit { last: Option<Time>, current: Option<Time>, count: i64, tz: Text }
}

record! {
    /// Times of a profile.
    pub struct ProfileTime {
        insert: Option<Time>, create: Option<Time>, update: Option<Time>, segmentation: Option<Time>, visit: Visit,
    }
}

record! {
    /// Bookkeeping. `aux.auto_merge` lists the fields that wait for a search for duplicates.
    pub struct System { integrations: Map, aux: Map }
}

/// When which event wrote a field last: dotted field name -> (time, event id).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldLog(pub IndexMap<String, (String, String)>);

impl Node for FieldLog {
    fn get(&self, path: &[Segment]) -> Option<Value> {
        let all = serde_json::to_value(self).ok()?;
        crate::path::get(&all, path).cloned()
    }

    fn set(&mut self, _: &[Segment], _: &Value) -> Result<(), Mismatch> {
        Err(Mismatch("another path: the log of field changes is not written by mappings"))
    }

    fn explicit(&self) -> Option<Value> {
        if self.0.is_empty() { None } else { serde_json::to_value(self).ok() }
    }
}

record! {
    /// Facts about the profile as a record.
    pub struct ProfileMetadata { time: ProfileTime, aux: Map, status: Text, fields: FieldLog, system: System }
}

record! {
    /// Counters, written by workflows.
    pub struct Stats { visits: i64, views: i64, counters: Map }
}

record! {
    /// A consent; `revoke` is when it ends.
    pub struct Consent { revoke: Option<Time> }
}

record! {
    /// Mother tongue and languages spoken.
    pub struct Language { native: Text, spoken: Option<OneOrMany> }
}

record! {
    /// Education.
    pub struct Education { level: Text }
}

record! {
    /// Civil status.
    pub struct Civil { status: Text }
}

record! {
    /// Measures of the body.
    pub struct Attributes { height: Option<f64>, weight: Option<f64>, shoe_number: Option<f64> }
}

record! {
    /// Who the person is.
    pub struct Pii {
        firstname: Text, lastname: Text, display_name: Text, birthday: Option<Time>, language: Language, gender: Text,
        education: Education, civil: Civil, attributes: Attributes,
    }
}

record! {
    /// E-mail addresses.
    pub struct Email { main: Text, private: Text, business: Text }
}

record! {
    /// Telephone numbers.
    pub struct Phone { main: Text, business: Text, mobile: Text, whatsapp: Text }
}

record! {
    /// Names in messengers.
    pub struct Messengers {
        whatsapp: Text, discord: Text, slack: Text, twitter: Text, telegram: Text, wechat: Text, viber: Text, signal: Text,
        other: Map,
    }
}

record! {
    /// Postal address.
    pub struct Address { town: Text, county: Text, country: Text, postcode: Text, street: Text, other: Text }
}

record! {
    /// How to reach the person.
    pub struct Contact { email: Email, phone: Phone, app: Messengers, address: Address, confirmations: Texts }
}

record! {
    /// Keys of the person in other systems.
    pub struct Identifier {
        id: Text, pk: Text, badge: Text, passport: Text, credit_card: Text, token: Text, coupons: Option<OneOrMany>,
    }
}

record! {
    /// Last known facts of the devices.
    pub struct LastDevice { geo: Geo }
}

record! {
    /// Devices.
    pub struct Devices { push: Texts, other: Texts, last: LastDevice }
}

record! {
    /// Names in social networks.
    pub struct Social {
        twitter: Text, facebook: Text, youtube: Text, instagram: Text, tiktok: Text, linkedin: Text, reddit: Text, other: Map,
    }
}

record! {
    /// Pictures and pages.
    pub struct Media { image: Text, webpage: Text, social: Social }
}

record! {
    /// What the person likes.
    pub struct Preferences {
        purchases: Texts, colors: Texts, sizes: Texts, devices: Texts, channels: Texts, payments: Texts, brands: Texts,
        fragrances: Texts, services: Texts, other: Texts,
    }
}

record! {
    /// Employer.
    pub struct Company { name: Text, size: Option<i64>, segment: Option<OneOrMany>, country: Text }
}

record! {
    /// Work.
    pub struct Job { position: Text, salary: Option<f64>, r#type: Text, company: Company, department: Text }
}

record! {
    /// A measure of the customer's own.
    pub struct CustomMetric { next: Option<Time>, timestamp: Option<Time>, value: Value }
}

record! {
    /// Life-time figures: value, checkouts started and completed (counts, ratio, values).
    pub struct Metrics {
        ltv: f64, ltcosc: i64, ltcocc: i64, ltcop: f64, ltcosv: f64, ltcocv: f64, next: Option<Time>,
        custom: Keyed<CustomMetric>,
    }
}

record! {
    /// Loyalty card.
    pub struct Card { id: Text, name: Text, issuer: Text, expires: Option<Time>, points: f64 }
}

record! {
    /// Loyalty programme.
    pub struct Loyalty { codes: Texts, card: Card }
}

record! {
    /// The typed part of a profile. `anonymous` is true as long as no e-mail, phone or messenger is known.
    pub struct Data {
        anonymous: Option<bool>, pii: Pii, contact: Contact, identifier: Identifier, devices: Devices, media: Media,
        preferences: Preferences, job: Job, metrics: Metrics, loyalty: Loyalty,
    }
}

record! {
    /// Everything known about one person. `ids` holds every id that resolves to this profile, `id` included.
    pub struct Profile {
        id: String, primary_id: Text, ids: Texts, metadata: ProfileMetadata, stats: Stats, traits: Map, segments: Texts,
        interests: Map, consents: Keyed<Consent>, active: bool = true, aux: Map, data: Data,
    }
}

impl Profile {
    /// An empty profile created now.
    #[must_use]
    pub fn starting(id: impl Into<String>, now: Timestamp) -> Self {
        let id = id.into();
        let mut profile = Self { ids: Texts(vec![id.clone()]), id, ..Self::default() };
        profile.metadata.time.insert = Some(now.into());
        profile.metadata.time.create = Some(now.into());
        profile
    }

    /// The key of the document.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Bytes of memory that it takes, roughly; `text` is the length of its JSON text.
    #[must_use]
    pub fn memory(&self, text: usize) -> usize {
        let Self { metadata, data, .. } = self;
        let free = [
            &self.traits,
            &self.interests,
            &self.aux,
            &self.stats.counters,
            &metadata.aux,
            &metadata.system.integrations,
            &metadata.system.aux,
            &data.contact.app.other,
            &data.media.social.other,
        ];
        // Twice: the lists and named parts of the typed schema hold small structures for short texts.
        size_of::<Self>() + 2 * text + free.into_iter().map(weight::behind_map).sum::<usize>()
    }

    /// All ids that resolve to this profile, its own included.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids.0
    }

    /// Whether it was given an id that another profile may have, and nobody has looked for that one yet.
    #[must_use]
    pub fn awaits_merge(&self) -> bool {
        self.metadata.system.aux.get(AUTO_MERGE).and_then(Value::as_array).is_some_and(|fields| !fields.is_empty())
    }

    /// Notes that this field gave it such an id.
    pub fn await_merge(&mut self, field: &str) {
        let fields = self.metadata.system.aux.entry(AUTO_MERGE).or_insert(Value::Null);
        if !fields.is_array() {
            *fields = Value::Array(Vec::new());
        }
        if let Value::Array(fields) = fields
            && !fields.iter().any(|known| known == field)
        {
            fields.push(field.into());
        }
    }

    /// Notes that all its ids lead to it.
    pub fn settle_merge(&mut self) {
        self.metadata.system.aux.shift_remove(AUTO_MERGE);
    }

    /// Creation; the time field of range queries. The epoch when a foreign document has none.
    #[must_use]
    pub fn insert(&self) -> Timestamp {
        self.metadata.time.insert.map_or(Timestamp::UNIX_EPOCH, |time| time.0)
    }

    /// Whether nothing is known by which the person could be reached.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        let Contact { email, phone, app, .. } = &self.data.contact;
        let known = [
            &email.main,
            &email.private,
            &email.business,
            &phone.main,
            &phone.business,
            &phone.mobile,
            &phone.whatsapp,
            &app.whatsapp,
            &app.discord,
            &app.slack,
            &app.twitter,
            &app.telegram,
            &app.wechat,
            &app.viber,
            &app.signal,
        ];
        app.other.is_empty()
            && !known.into_iter().any(|text| text.as_deref().is_some_and(|text| !text.trim().is_empty()))
    }
}
