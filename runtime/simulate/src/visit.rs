//! One visitor's way through the shop, from the first page to leaving, as the requests that the browser sends.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::people::Person;
use crate::rng::Rng;
use crate::shop::{ORIGINS, Origin, PRODUCTS, PROMOTIONS, Product, SEARCHES, SITE};
use crate::traffic::{Meaning, Plan, Request, later};

/// What a visitor came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Bounce,
    Browse,
    Abandon,
    Buy,
}

/// Type and properties of an event.
type Happening = (&'static str, Value);

/// Everything that visitor `number`, who arrives `at`, makes the browser send.
pub(crate) fn requests(plan: &Plan, number: u64, at: Timestamp) -> VecDeque<Request> {
    let mut visit = Visit::new(plan, number, at);
    visit.live();
    visit.requests
}

struct Visit<'a> {
    plan: &'a Plan,
    number: u64,
    rng: Rng,
    /// For ids that must not repeat when the same people come again at another hour.
    ids: Rng,
    person: Person,
    now: Timestamp,
    session: String,
    origin: &'static Origin,
    pages: u64,
    known: bool,
    basket: Vec<(&'static Product, u64)>,
    requests: VecDeque<Request>,
}

impl<'a> Visit<'a> {
    fn new(plan: &'a Plan, number: u64, at: Timestamp) -> Self {
        let mut rng = Rng::new(plan.seed, number.wrapping_mul(2).wrapping_add(1));
        let person = Person::new(&mut rng, number);
        let mut ids = Rng::new(rng.draw(), plan.from.as_microsecond().cast_unsigned());
        let session = ids.uuid();
        Self {
            plan,
            number,
            ids,
            person,
            now: at,
            session,
            origin: rng.weighted(ORIGINS, Origin::weight),
            pages: 0,
            known: false,
            basket: Vec::new(),
            requests: VecDeque::new(),
            rng,
        }
    }

    fn live(&mut self) {
        let intent = match self.rng.below(100) {
            0..32 => Intent::Bounce,
            32..64 => Intent::Browse,
            64..82 => Intent::Abandon,
            _ => Intent::Buy,
        };
        // Somebody who comes back after a while has a new session and, in the browser, the same profile.
        if intent != Intent::Bounce && self.rng.chance(20) {
            self.walk(Intent::Browse);
            self.wait(31 * 60_000, 45 * 60_000);
            self.session = self.ids.uuid();
            self.origin = self.rng.weighted(ORIGINS, Origin::weight);
            self.pages = 0;
        }
        self.walk(intent);
    }

    fn walk(&mut self, intent: Intent) {
        self.home();
        if intent == Intent::Bounce {
            if self.rng.chance(40) {
                self.product_page(None);
            }
            return;
        }
        if self.rng.chance(25) {
            self.consents();
        }
        let category = self.rng.chance(40).then(|| self.search());
        for _ in 0..self.rng.between(1, 4) {
            self.product_page(category);
        }
        if intent == Intent::Browse {
            if self.rng.chance(12) {
                self.newsletter();
            }
            return;
        }
        for _ in 0..self.rng.between(1, 3) {
            let product = self.product_page(category);
            self.add_to_basket(product);
        }
        if intent == Intent::Abandon && self.rng.chance(40) {
            self.view_basket();
            return;
        }
        self.identify();
        self.check_out(intent == Intent::Buy);
    }

    fn home(&mut self) {
        let (id, name, category) = *self.rng.pick(PROMOTIONS);
        let mut events = vec![("promotion-viewed", json!({"id": id, "name": name}))];
        if self.rng.chance(15) {
            let page = format!("{SITE}/{category}");
            events.push(("promotion-clicked", json!({"id": id, "name": name, "url": {"page": page}})));
        }
        self.page("/", "Outdoor shop", None, events);
    }

    /// Gives the category that was searched in.
    fn search(&mut self) -> &'static str {
        let (query, category) = *self.rng.pick(SEARCHES);
        let event = ("search", json!({"category": category, "query": query}));
        self.page("/search", &format!("Search: {query}"), Some(category), vec![event]);
        category
    }

    /// Opens the page of a product, mostly of the category that the visitor is interested in.
    fn product_page(&mut self, category: Option<&str>) -> &'static Product {
        let wanted = category.filter(|_| self.rng.chance(75));
        let product = self
            .rng
            .weighted(PRODUCTS, |product| u64::from(wanted.is_none_or(|category| category == product.category)));
        let mut events = vec![("product-details-page-view", self.product(product, None))];
        if self.rng.chance(25) {
            events.push(("increase-interest", json!({"interest": product.category, "value": 1})));
        }
        if self.rng.chance(10) {
            events.push(("add-color-preference", json!({"color": self.rng.pick(product.colors)})));
        }
        if self.rng.chance(10) {
            events.push(("add-brand-preference", json!({"brand": product.brand})));
        }
        if self.rng.chance(5) {
            events.push(("product-shared", json!({"id": product.sku, "media": "whatsapp"})));
        }
        self.page(&product.path(), product.name, Some(product.category), events);
        product
    }

    fn consents(&mut self) {
        let mut consents = json!({"cookies": {"revoke": null}});
        if self.rng.chance(60) {
            consents["marketing"] = json!({"revoke": null});
        }
        self.send("/", "Outdoor shop", vec![("consent-update", json!({ "consents": consents }))]);
    }

    fn newsletter(&mut self) {
        let events = vec![
            // No predefined type: events of the shop's own kinds are stored as well.
            ("newsletter-signed-up", json!({"list": "weekly", "place": "footer"})),
            ("identification", json!({"email": {"main": self.person.email}})),
            ("consent-update", json!({"consents": {"marketing": {"revoke": null}, "contact": {"revoke": null}}})),
        ];
        self.send("/", "Outdoor shop", events);
        self.means(|meaning| meaning.identifies = true);
    }

    fn add_to_basket(&mut self, product: &'static Product) {
        let quantity = if self.rng.chance(85) { 1 } else { 2 };
        self.basket.push((product, quantity));
        let properties = self.product(product, Some(quantity));
        self.send(&product.path(), product.name, vec![("product-added-to-basket", properties)]);
        if self.basket.len() > 1 && self.rng.chance(15) {
            let (removed, quantity) = self.basket.remove(0);
            let properties = self.product(removed, Some(quantity));
            self.send("/basket", "Your basket", vec![("product-removed-from-basket", properties)]);
        }
    }

    fn view_basket(&mut self) {
        let id = format!("B-{}", &self.session[..8]);
        self.page("/basket", "Your basket", None, vec![("basket-viewed", json!({ "id": id }))]);
    }

    /// Signs up (new customers) or signs in (known ones, whose account fills in the rest).
    fn identify(&mut self) {
        if self.known {
            return;
        }
        self.known = true;
        let Person { first, last, email, customer, phone, .. } = self.person.clone();
        if self.rng.chance(50) {
            let sign_up = json!({"email": {"main": email}, "login": email, "firstname": first, "lastname": last});
            let sign_in = json!({"email": {"main": email}, "login": email, "pk": customer});
            self.page("/account/new", "New account", None, vec![("sign-up", sign_up), ("sign-in", sign_in)]);
        } else {
            let sign_in = json!({"email": {"main": email}, "phone": {"mobile": phone}, "login": email, "pk": customer});
            let update = json!({
                "pii": {"firstname": first, "lastname": last, "language": {"native": self.person.language()}},
                "contact": {"email": {"main": email}, "phone": {"mobile": phone}}
            });
            self.page("/account", "Your account", None, vec![("sign-in", sign_in), ("profile-update", update)]);
        }
        self.means(|meaning| meaning.identifies = true);
        if self.rng.chance(20) {
            let card = json!({"id": format!("L-{customer}"), "name": "Summit Club", "issuer": "Outdoor shop"});
            self.send("/account/club", "Summit Club", vec![("loyalty-card-added", card)]);
        }
    }

    fn check_out(&mut self, completes: bool) {
        self.view_basket();
        let order = format!("O-{}", &self.ids.uuid()[..8]);
        let checkout = format!("K-{}", &self.ids.uuid()[..8]);
        let value = money(self.basket.iter().map(|(product, quantity)| product.cents * quantity).sum());
        let started =
            json!({"id": checkout, "order_id": order, "status": "started", "currency": "EUR", "value": value});
        self.page("/checkout", "Checkout", None, vec![("checkout-started", started)]);
        if !completes {
            return;
        }
        let delivery = json!({"id": order, "order_id": order, "delivery": self.person.address()});
        self.page("/checkout/delivery", "Delivery", None, vec![("delivery-info-entered", delivery)]);
        let method = *self.rng.pick(&["card", "paypal", "invoice"]);
        let payment = json!({"id": order, "order_id": order, "method": method});
        self.page("/checkout/payment", "Payment", None, vec![("payment-info-entered", payment)]);
        let products: Vec<Value> =
            self.basket.iter().map(|(product, quantity)| properties(product, None, Some(*quantity))).collect();
        let income = json!({"value": value, "currency": "EUR"});
        let events = vec![
            ("checkout-completed", json!({"id": checkout, "status": "completed", "value": value})),
            ("order-started", json!({"id": order, "status": "started", "income": income, "products": products})),
        ];
        self.page("/checkout/thanks", "Thank you", None, events);
        let events = vec![
            ("order-completed", json!({"id": order, "status": "completed"})),
            ("sale-completed", json!({"order_id": order, "status": "sold", "value": value, "currency": "EUR"})),
        ];
        self.send("/checkout/thanks", "Thank you", events);
        self.means(|meaning| meaning.buys = true);
        self.basket.clear();
        if self.rng.chance(25) {
            let rating = json!({"id": order, "rate": self.rng.between(3, 5), "review": "Quick and friendly."});
            self.send("/checkout/thanks", "Thank you", vec![("rating", rating)]);
        }
    }

    fn product(&mut self, product: &Product, quantity: Option<u64>) -> Value {
        let variant = (*self.rng.pick(product.colors), *self.rng.pick(product.sizes));
        properties(product, Some(variant), quantity)
    }

    /// A page is opened: its page view and the events that the page itself sends, in one request.
    fn page(&mut self, path: &str, title: &str, category: Option<&str>, events: Vec<Happening>) {
        self.pages += 1;
        let mut all = vec![("page-view", json!({"id": path, "category": category.unwrap_or("shop")}))];
        all.extend(events);
        self.send(path, title, all);
    }

    /// Says what the latest request means.
    fn means(&mut self, set: impl FnOnce(&mut Meaning)) {
        if let Some(request) = self.requests.back_mut() {
            set(&mut request.meaning);
        }
    }

    fn event(&self, kind: &str, properties: &Value, path: &str, title: &str) -> Value {
        let (host, query) = self.origin.referer.filter(|_| self.pages <= 1).unwrap_or(("", ""));
        let now = self.now.to_string();
        let time = if self.plan.backdate { json!({"create": now, "insert": now}) } else { json!({ "create": now }) };
        json!({
            "type": kind,
            "time": time,
            "properties": properties,
            "options": {},
            "context": {"page": {
                "url": format!("{SITE}{path}"), "path": path, "hash": "", "title": title,
                "referer": {"host": host, "query": query}, "history": {"length": self.pages}
            }}
        })
    }

    /// Sends events now, from the page at `path`; then the visitor looks at what there is for a while.
    fn send(&mut self, path: &str, title: &str, happenings: Vec<Happening>) {
        let kinds = happenings.iter().map(|(kind, _)| *kind).collect();
        let events: Vec<Value> =
            happenings.into_iter().map(|(kind, properties)| self.event(kind, &properties, path, title)).collect();
        let mut context = self.person.context(&self.now.to_string());
        if let Some([source, medium, campaign]) = self.origin.utm {
            context["utm"] = json!({"source": source, "medium": medium, "campaign": campaign});
        }
        let payload = json!({
            "source": {"id": self.plan.source},
            "session": {"id": self.session},
            "profile": null,
            "device": {"id": self.person.device()},
            "context": context,
            "options": {},
            "events": events
        });
        if let Value::Object(payload) = payload {
            self.requests.push_back(Request {
                at: self.now,
                visitor: self.number,
                session: self.session.clone(),
                meaning: Meaning::default(),
                headers: self.person.headers(),
                events: kinds,
                payload,
            });
        }
        self.wait(1_500, 40_000);
    }

    /// Lets time pass, from `low` to `high` milliseconds.
    fn wait(&mut self, low: u64, high: u64) {
        self.now = later(self.now, i64::try_from(self.rng.between(low, high)).unwrap_or(0));
    }
}

/// A product as the events of the shop describe it. `variant` is its colour and size.
fn properties(product: &Product, variant: Option<(&str, &str)>, quantity: Option<u64>) -> Value {
    let page = format!("{SITE}{}", product.path());
    let mut properties = json!({
        "id": product.sku, "sku": product.sku, "name": product.name, "category": product.category,
        "brand": product.brand, "price": money(product.cents), "url": {"page": page, "image": format!("{page}.webp")}
    });
    if let Some((color, size)) = variant {
        properties["variant"] = json!({"name": format!("{} {color}", product.name), "color": color, "size": size});
    }
    if let Some(quantity) = quantity {
        properties["quantity"] = quantity.into();
    }
    properties
}

#[expect(clippy::cast_precision_loss, reason = "prices stay far below 2^52 cents")]
fn money(cents: u64) -> f64 {
    cents as f64 / 100.0
}
