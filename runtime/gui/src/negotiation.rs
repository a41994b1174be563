//! Which copy of a file a client gets, by its `Accept-Encoding` (RFC 9110, 12.5.3).

/// How the bytes of an answer are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As the file is.
    Identity,
    /// `gzip`.
    Gzip,
    /// `br`.
    Brotli,
}

/// The encoding to answer with: brotli before gzip before none, among those that exist and that the header accepts. A
/// coding with weight zero is refused; `*` stands for every coding the header does not name. Other preferences by
/// weight are not followed: every client that accepts brotli can read it, and it is always the smallest.
#[must_use]
pub fn preferred(accept_encoding: &str, has_brotli: bool, has_gzip: bool) -> Encoding {
    if has_brotli && accepts(accept_encoding, "br") {
        Encoding::Brotli
    } else if has_gzip && accepts(accept_encoding, "gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

fn accepts(header: &str, coding: &str) -> bool {
    let mut wildcard = false;
    for item in header.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| {
            let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        if name.eq_ignore_ascii_case(coding) {
            return !refused;
        }
        wildcard |= name == "*" && !refused;
    }
    wildcard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_header() {
        let table = [
            ("", Encoding::Identity),
            ("br", Encoding::Brotli),
            ("gzip, deflate", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("br;q=0, gzip;q=0.5", Encoding::Gzip),
            ("br; q=0.0, *", Encoding::Gzip),
            ("*", Encoding::Brotli),
            ("*;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("BR", Encoding::Brotli),
            ("brotli", Encoding::Identity),
            (",;,q=", Encoding::Identity),
        ];
        for (header, expected) in table {
            assert_eq!(preferred(header, true, true), expected, "{header:?}");
        }
    }

    #[test]
    fn offers_only_what_exists() {
        assert_eq!(preferred("br, gzip", false, true), Encoding::Gzip);
        assert_eq!(preferred("br, gzip", false, false), Encoding::Identity);
    }
}
