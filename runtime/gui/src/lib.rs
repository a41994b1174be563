//! What the installation serves to browsers, embedded: the web application, the browser tracker and the demo shop.
//!
//! npm builds the first two (`make gui`), each file with a brotli and a gzip copy, so that nothing is compressed while
//! serving. This crate knows no HTTP server; whoever serves an [`Asset`] sends its bytes with the headers it names.
//!
//! | set | served under | by |
//! |---|---|---|
//! | [`web`] | `/` | the GUI listener |
//! | [`shop`] | `/shop/` | the GUI listener |
//! | [`tracker`] | `/tracker/` | public and private API |

mod negotiation;

pub use negotiation::{Encoding, preferred};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// `Content-Security-Policy` of the web application: everything comes from its own origin. Styles may be inline, because
/// the component library positions its elements by style attributes. Pictures come from
/// nowhere else either: those that events name would tell their senders who looks.
pub const WEB_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
     frame-ancestors 'none'; form-action 'self'";

/// One embedded file as the build left it.
struct Entry {
    path: &'static str,
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
    etag: &'static str,
}

/// A file to serve, with what its headers should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The file itself.
    pub bytes: &'static [u8],
    /// Its brotli copy, when that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// Its gzip copy, when that is smaller.
    pub gzip: Option<&'static [u8]>,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `ETag`, quotes included; equal for equal content. A compressed answer may carry it as weak (`W/` before it).
    pub etag: &'static str,
    /// `Cache-Control`: for ever for files whose name contains a hash of their content, otherwise a question each time
    /// (answered by 304 with the help of the entity tag).
    pub cache_control: &'static str,
}

impl Asset {
    /// The smallest representation that a client accepts, given its `Accept-Encoding` (empty when it sent none), and
    /// the `Content-Encoding` to name, if any. Say `Vary: Accept-Encoding` in either case.
    #[must_use]
    pub fn encoded(&self, accept_encoding: &str) -> (&'static [u8], Option<&'static str>) {
        match preferred(accept_encoding, self.brotli.is_some(), self.gzip.is_some()) {
            Encoding::Brotli => (self.brotli.unwrap_or(self.bytes), Some("br")),
            Encoding::Gzip => (self.gzip.unwrap_or(self.bytes), Some("gzip")),
            Encoding::Identity => (self.bytes, None),
        }
    }
}

/// A file of the web application by its path below `/`. A path that names no file and has no extension in its last part
/// is a page of the application (`/profiles/4711`), which the application itself routes: it gets `index.html`.
/// `None` for a missing file.
#[must_use]
pub fn web(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    find(WEB, path).or_else(|| is_page(path).then(|| find(WEB, "index.html")).flatten())
}

/// A file of the browser tracker by its path below `/tracker/`: `liliput.min.js` and its source map.
#[must_use]
pub fn tracker(path: &str) -> Option<Asset> {
    find(TRACKER, path.trim_start_matches('/'))
}

/// A file of the demo shop by its path below `/shop/`; the empty path is its first page.
#[must_use]
pub fn shop(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    find(SHOP, if path.is_empty() { "index.html" } else { path })
}

fn find(set: &'static [Entry], path: &str) -> Option<Asset> {
    let entry = set.binary_search_by(|entry| entry.path.cmp(path)).ok().and_then(|at| set.get(at))?;
    Some(Asset {
        bytes: entry.bytes,
        brotli: entry.brotli,
        gzip: entry.gzip,
        content_type: content_type(entry.path),
        etag: entry.etag,
        cache_control: if entry.path.starts_with("assets/") && std::ptr::eq(set, WEB) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        },
    })
}

/// Whether a path is one of the application's own pages: no file name, and not in the folder of built files.
fn is_page(path: &str) -> bool {
    !path.starts_with("assets/")
        && !path.starts_with("api/")
        && !path.rsplit('/').next().unwrap_or_default().contains('.')
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_application_get_its_index() {
        let index = web("index.html").unwrap();
        assert_eq!(index.content_type, "text/html; charset=utf-8");
        for page in ["", "/", "/events", "/profiles/4711", "profiles/a@b"] {
            assert_eq!(web(page), Some(index), "{page}");
        }
    }

    #[test]
    fn missing_files_are_missing() {
        for path in ["assets/gone", "assets/gone.js", "favicon.xyz", "api/events", "../Cargo.toml", "manifest.json"] {
            assert_eq!(web(path), None, "{path}");
        }
        assert_eq!(tracker(""), None);
        assert_eq!(shop("gone"), None);
    }

    #[test]
    fn tables_are_sorted_for_the_binary_search() {
        for set in [WEB, TRACKER, SHOP] {
            assert!(set.is_sorted_by_key(|entry| entry.path));
        }
    }

    #[test]
    fn hashed_names_are_kept_for_ever_and_others_are_asked_for() {
        let hashed = WEB.iter().find(|entry| entry.path.starts_with("assets/")).unwrap();
        assert!(web(hashed.path).unwrap().cache_control.contains("immutable"));
        assert_eq!(tracker("liliput.min.js").unwrap().cache_control, "no-cache");
        assert_eq!(shop("/").unwrap().cache_control, "no-cache");
    }

    #[test]
    fn entity_tags_are_quoted_and_differ() {
        let (index, script) = (web("/").unwrap(), tracker("liliput.min.js").unwrap());
        assert!(index.etag.starts_with('"') && index.etag.ends_with('"'));
        assert_ne!(index.etag, script.etag);
    }

    #[test]
    fn the_smallest_accepted_representation_is_sent() {
        let asset = Asset {
            bytes: b"plain",
            brotli: Some(b"br"),
            gzip: Some(b"gz"),
            content_type: "text/plain",
            etag: "\"1\"",
            cache_control: "no-cache",
        };
        assert_eq!(asset.encoded("gzip, deflate, br, zstd"), (&b"br"[..], Some("br")));
        assert_eq!(asset.encoded("gzip"), (&b"gz"[..], Some("gzip")));
        assert_eq!(asset.encoded(""), (&b"plain"[..], None));
        let plain = Asset { brotli: None, gzip: None, ..asset };
        assert_eq!(plain.encoded("br, gzip"), (&b"plain"[..], None));
    }
}
