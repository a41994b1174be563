//! Who visits: people, where they live, their languages and names.

use serde_json::{Value, json};

use crate::browsers::{BROWSERS, Browser};
use crate::rng::Rng;

/// Where somebody lives, with what follows from it.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Share among visitors, relative to the others.
    weight: u64,
    /// What `navigator.language` says.
    language: &'static str,
    /// The header `Accept-Language`.
    accept: &'static str,
    zone: &'static str,
    country: (&'static str, &'static str),
    /// Name, latitude, longitude, postal code.
    town: (&'static str, f64, f64, &'static str),
    phone: &'static str,
    first: &'static [&'static str],
    last: &'static [&'static str],
}

const PLACES: &[Place] = &[
    Place {
        weight: 26,
        language: "en-GB",
        accept: "en-GB,en;q=0.9",
        zone: "Europe/London",
        country: ("United Kingdom", "GB"),
        town: ("Leeds", 53.8, -1.55, "LS1"),
        phone: "+4477009",
        first: &["Olivia", "Amelia", "George", "Harry", "Isla", "Arthur", "Freya", "Oscar"],
        last: &["Whitaker", "Ashworth", "Doyle", "Pemberton", "Hughes", "Marsh", "Thornton", "Bailey"],
    },
    Place {
        weight: 24,
        language: "de-DE",
        accept: "de-DE,de;q=0.9,en;q=0.7",
        zone: "Europe/Berlin",
        country: ("Germany", "DE"),
        town: ("Leipzig", 51.34, 12.37, "04109"),
        phone: "+4915555",
        first: &["Emma", "Lena", "Paul", "Jonas", "Mia", "Felix", "Clara", "Moritz"],
        last: &["Brandt", "Seidel", "Vogt", "Lorenz", "Kranz", "Winkler", "Böhm", "Jäger"],
    },
    Place {
        weight: 20,
        language: "pl-PL",
        accept: "pl,en;q=0.8",
        zone: "Europe/Warsaw",
        country: ("Poland", "PL"),
        town: ("Gdynia", 54.52, 18.53, "81-001"),
        phone: "+4860055",
        first: &["Zofia", "Hanna", "Jan", "Antoni", "Maja", "Leon", "Alicja", "Szymon"],
        last: &["Zielińska", "Wrona", "Sikora", "Baran", "Lis", "Górski", "Mazur", "Kozioł"],
    },
    Place {
        weight: 14,
        language: "fr-FR",
        accept: "fr-FR,fr;q=0.9,en;q=0.5",
        zone: "Europe/Paris",
        country: ("France", "FR"),
        town: ("Nantes", 47.22, -1.55, "44000"),
        phone: "+3369999",
        first: &["Jade", "Louise", "Hugo", "Arthur", "Chloé", "Théo", "Inès", "Léo"],
        last: &["Morel", "Garnier", "Chevalier", "Rousseau", "Blanchard", "Perrin", "Dufour", "Lemoine"],
    },
    Place {
        weight: 16,
        language: "en-US",
        accept: "en-US,en;q=0.9,es;q=0.4",
        zone: "America/New_York",
        country: ("United States", "US"),
        town: ("Portland", 43.66, -70.26, "04101"),
        phone: "+120255",
        first: &["Ava", "Sofia", "Liam", "Noah", "Emily", "Mason", "Harper", "Ethan"],
        last: &["Carter", "Reyes", "Nguyen", "Brooks", "Foster", "Delgado", "Hayes", "Sullivan"],
    },
];

/// A person with a browser. The same numbers make the same person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    browser: &'static Browser,
    place: &'static Place,
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) email: String,
    /// Number in the shop's customer file.
    pub(crate) customer: String,
    pub(crate) phone: String,
    device: String,
}

impl Person {
    pub(crate) fn new(rng: &mut Rng, number: u64) -> Self {
        let place = rng.weighted(PLACES, |place| place.weight);
        let (first, last) = (*rng.pick(place.first), *rng.pick(place.last));
        let host = *rng.pick(&["example.com", "example.org", "mail.example"]);
        Self {
            browser: rng.weighted(BROWSERS, |browser| browser.weight),
            place,
            first,
            last,
            // The number keeps addresses of namesakes apart.
            email: format!("{}.{}.{number}@{host}", ascii(first), ascii(last)),
            customer: format!("C-{:06}", 100_000 + number),
            phone: format!("{}{:05}", place.phone, rng.below(100_000)),
            device: rng.uuid(),
        }
    }

    /// `User-Agent` and `Accept-Language`, as the browser sends them.
    pub(crate) fn headers(&self) -> [(&'static str, &'static str); 2] {
        [("user-agent", self.browser.agent), ("accept-language", self.place.accept)]
    }

    /// Id of the device, made by the tracker at the first visit.
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// Two-letter code of the mother tongue.
    pub(crate) fn language(&self) -> &'static str {
        &self.place.language[..2]
    }

    /// Town, country and postal code for a delivery.
    pub(crate) fn address(&self) -> Value {
        json!({"town": self.place.town.0, "country": self.place.country.0, "postcode": self.place.town.3})
    }

    /// The session's context as the browser tracker fills it; `local` is the time of the visitor's clock.
    pub(crate) fn context(&self, local: &str) -> Value {
        let Browser { name, platform, agent, screen: (width, height), .. } = self.browser;
        let (town, latitude, longitude, postal) = self.place.town;
        json!({
            "time": {"local": local, "tz": self.place.zone},
            "browser": {"local": {
                "browser": {
                    "name": name, "engine": "Gecko", "appVersion": agent.trim_start_matches("Mozilla/"),
                    "userAgent": agent, "language": self.place.language,
                    "onLine": true, "javaEnabled": false, "cookieEnabled": true
                },
                "device": {"platform": platform}
            }},
            "screen": {"local": {
                "width": width, "height": height, "innerWidth": width, "innerHeight": height - 120,
                "availWidth": width, "availHeight": height - 40, "colorDepth": 24, "pixelDepth": 24,
                "orientation": self.browser.orientation()
            }},
            "location": {
                "country": {"name": self.place.country.0, "code": self.place.country.1},
                "city": town, "postal": postal, "latitude": latitude, "longitude": longitude
            }
        })
    }
}

/// A name as it stands in e-mail addresses.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|letter| match letter {
            'ą' | 'ä' => 'a',
            'é' | 'è' => 'e',
            'ł' => 'l',
            'ń' => 'n',
            'ó' | 'ö' => 'o',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_ascii() {
        for place in PLACES {
            for name in place.first.iter().chain(place.last) {
                assert!(ascii(name).is_ascii(), "{name}");
            }
        }
    }
}
