//! The browsers that visitors use: desktop, phone, tablet.

/// A browser with the screen it runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser {
    /// Share among visitors, relative to the others.
    pub(crate) weight: u64,
    pub(crate) name: &'static str,
    /// What `navigator.platform` says.
    pub(crate) platform: &'static str,
    /// The header `User-Agent`.
    pub(crate) agent: &'static str,
    pub(crate) screen: (u32, u32),
}

impl Browser {
    /// What `screen.orientation.type` says.
    pub(crate) fn orientation(&self) -> &'static str {
        if self.screen.1 > self.screen.0 { "portrait-primary" } else { "landscape-primary" }
    }
}

const fn browser(
    weight: u64,
    name: &'static str,
    platform: &'static str,
    screen: (u32, u32),
    agent: &'static str,
) -> Browser {
    Browser { weight, name, platform, agent, screen }
}

/// All of them.
pub(crate) const BROWSERS: &[Browser] = &[
    browser(
        22,
        "Chrome",
        "Win32",
        (1920, 1080),
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    browser(
        18,
        "Chrome",
        "Linux armv81",
        (412, 915),
        "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    browser(
        10,
        "Chrome",
        "Linux armv81",
        (384, 832),
        "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    browser(
        20,
        "Safari",
        "iPhone",
        (393, 852),
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    ),
    browser(
        9,
        "Safari",
        "MacIntel",
        (1728, 1117),
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    ),
    browser(
        6,
        "Firefox",
        "Linux x86_64",
        (2560, 1440),
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ),
    browser(
        5,
        "Firefox",
        "Win32",
        (1536, 864),
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ),
    browser(
        6,
        "Edge",
        "Win32",
        (1536, 864),
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    ),
    browser(
        6,
        "Safari",
        "iPad",
        (820, 1180),
        "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    ),
    browser(
        3,
        "Chrome",
        "Linux armv81",
        (1280, 800),
        "Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
];
