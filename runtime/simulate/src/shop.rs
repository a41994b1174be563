//! The shop that the simulated visitors walk through: its catalogue, its campaigns, and where visitors come from.

/// Something to buy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) sku: &'static str,
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) cents: u64,
    pub(crate) colors: &'static [&'static str],
    pub(crate) sizes: &'static [&'static str],
}

impl Product {
    /// Path of the product's page.
    pub(crate) fn path(&self) -> String {
        format!("/{}/{}", self.category, self.sku.to_lowercase())
    }
}

const SHOES: &[&str] = &["38", "39", "40", "41", "42", "43", "44"];
const SIZES: &[&str] = &["S", "M", "L", "XL"];
const ONE: &[&str] = &["one size"];

const fn product(
    sku: &'static str,
    name: &'static str,
    category: &'static str,
    brand: &'static str,
    cents: u64,
    colors: &'static [&'static str],
    sizes: &'static [&'static str],
) -> Product {
    Product { sku, name, category, brand, cents, colors, sizes }
}

/// The catalogue.
pub(crate) const PRODUCTS: &[Product] = &[
    product("SH-1001", "Trail Runner Fell", "shoes", "Northlight", 12_900, &["black", "moss", "orange"], SHOES),
    product("SH-1002", "Road Runner Tempo", "shoes", "Velora", 13_900, &["white", "blue"], SHOES),
    product("SH-1003", "Hiking Boot Karst", "shoes", "Northlight", 18_900, &["brown", "grey"], SHOES),
    product("SH-1004", "City Sneaker Quay", "shoes", "Halden", 8_900, &["white", "sand", "navy"], SHOES),
    product("SH-1005", "Approach Shoe Ledge", "shoes", "Kestrel", 14_900, &["grey", "red"], SHOES),
    product("SH-1006", "Winter Boot Tundra", "shoes", "Northlight", 21_900, &["black", "brown"], SHOES),
    product("SH-1007", "Sandal Estuary", "shoes", "Halden", 6_990, &["sand", "blue"], SHOES),
    product("SH-1008", "Climbing Shoe Crux", "shoes", "Kestrel", 11_900, &["yellow", "teal"], SHOES),
    product("JA-2001", "Rain Jacket Squall", "jackets", "Northlight", 15_900, &["yellow", "navy"], SIZES),
    product("JA-2002", "Down Jacket Ember", "jackets", "Velora", 22_900, &["red", "black"], SIZES),
    product("JA-2003", "Wind Vest Gust", "jackets", "Halden", 6_900, &["grey", "lime"], SIZES),
    product("JA-2004", "Softshell Ridge", "jackets", "Kestrel", 13_900, &["teal", "black"], SIZES),
    product("JA-2005", "Parka Harbour", "jackets", "Halden", 24_900, &["navy", "olive"], SIZES),
    product("JA-2006", "Fleece Tarn", "jackets", "Northlight", 7_900, &["grey", "plum", "moss"], SIZES),
    product("TR-2501", "Trekking Trousers Moor", "trousers", "Northlight", 9_900, &["sand", "grey"], SIZES),
    product("TR-2502", "Running Tights Pace", "trousers", "Velora", 5_900, &["black"], SIZES),
    product("TR-2503", "Zip-off Trousers Delta", "trousers", "Halden", 8_490, &["olive", "sand"], SIZES),
    product("TR-2504", "Rain Trousers Sluice", "trousers", "Kestrel", 7_490, &["black", "navy"], SIZES),
    product("BA-3001", "Daypack 22 l", "bags", "Halden", 7_900, &["navy", "sand"], ONE),
    product("BA-3002", "Trekking Pack 55 l", "bags", "Northlight", 19_900, &["moss", "black"], ONE),
    product("BA-3003", "Running Belt", "bags", "Velora", 2_900, &["black"], ONE),
    product("BA-3004", "Duffel 60 l", "bags", "Kestrel", 9_900, &["orange", "black"], ONE),
    product("BA-3005", "Courier Bag", "bags", "Halden", 8_400, &["olive", "grey"], ONE),
    product("BA-3006", "Dry Bag Set", "bags", "Northlight", 3_490, &["blue", "yellow"], ONE),
    product("CA-4001", "Two-person Tent Cirrus", "camping", "Northlight", 34_900, &["moss"], ONE),
    product("CA-4002", "Sleeping Bag Drift -5", "camping", "Halden", 16_900, &["blue", "orange"], ONE),
    product("CA-4003", "Gas Stove Flint", "camping", "Halden", 4_990, &["silver"], ONE),
    product("CA-4004", "Headlamp Beam 400", "camping", "Velora", 3_990, &["black", "red"], ONE),
    product("CA-4005", "Sleeping Mat Loft", "camping", "Kestrel", 9_490, &["teal", "orange"], ONE),
    product("CA-4006", "Cooking Set Duo", "camping", "Halden", 4_490, &["silver"], ONE),
    product("CA-4007", "Tarp 3 x 3 m", "camping", "Northlight", 8_900, &["moss", "sand"], ONE),
    product("CA-4008", "Hammock Sway", "camping", "Kestrel", 5_490, &["blue", "plum"], ONE),
    product("AC-5001", "Merino Socks", "accessories", "Velora", 1_990, &["grey", "navy"], SIZES),
    product("AC-5002", "Beanie Fjord", "accessories", "Northlight", 2_490, &["red", "grey", "moss"], ONE),
    product("AC-5003", "Gloves Grip", "accessories", "Kestrel", 3_490, &["black"], SIZES),
    product("AC-5004", "Sunglasses Glare", "accessories", "Velora", 7_900, &["black", "teal"], ONE),
    product("AC-5005", "Water Bottle 0.75 l", "accessories", "Halden", 2_290, &["silver", "blue", "red"], ONE),
    product("AC-5006", "Trekking Poles Stride", "accessories", "Northlight", 8_990, &["black"], ONE),
    product("AC-5007", "First Aid Kit", "accessories", "Halden", 2_990, &["red"], ONE),
    product("AC-5008", "Power Bank Solar", "accessories", "Velora", 5_990, &["black"], ONE),
];

/// A search that visitors make, with the category it leads to.
pub(crate) const SEARCHES: &[(&str, &str)] = &[
    ("waterproof jacket", "jackets"),
    ("down jacket light", "jackets"),
    ("trail shoes", "shoes"),
    ("hiking boots wide", "shoes"),
    ("light tent", "camping"),
    ("headlamp", "camping"),
    ("backpack women", "bags"),
    ("rain trousers", "trousers"),
    ("merino", "accessories"),
];

/// Promotions on the first page: id, name, category that they lead to.
pub(crate) const PROMOTIONS: &[(&str, &str, &str)] = &[
    ("autumn-sale", "Autumn sale: 20 % off jackets", "jackets"),
    ("new-tents", "New: tents under two kilograms", "camping"),
    ("free-delivery", "Free delivery from 50 €", "accessories"),
];

/// Where a visit begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    weight: u64,
    /// Host and query of the referring page; none for a typed address.
    pub(crate) referer: Option<(&'static str, &'static str)>,
    /// Source, medium and campaign.
    pub(crate) utm: Option<[&'static str; 3]>,
}

impl Origin {
    /// How often it occurs, relative to the others.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }
}

const fn origin(weight: u64, referer: Option<(&'static str, &'static str)>, utm: Option<[&'static str; 3]>) -> Origin {
    Origin { weight, referer, utm }
}

/// Direct, search (found and paid), newsletter, social networks, a magazine.
pub(crate) const ORIGINS: &[Origin] = &[
    origin(22, None, None),
    origin(24, Some(("www.google.com", "")), None),
    origin(5, Some(("www.bing.com", "")), None),
    origin(5, Some(("duckduckgo.com", "")), None),
    origin(12, Some(("www.google.com", "")), Some(["google", "cpc", "autumn-sale"])),
    origin(12, None, Some(["newsletter", "email", "weekly-47"])),
    origin(9, Some(("www.instagram.com", "")), Some(["instagram", "social", "new-tents"])),
    origin(5, Some(("www.facebook.com", "")), Some(["facebook", "social", "autumn-sale"])),
    origin(6, Some(("outdoor-magazine.example", "?article=tents-tested")), None),
];

/// Address of the simulated shop's site.
pub(crate) const SITE: &str = "https://shop.example";
