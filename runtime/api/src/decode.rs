//! Compressed request bodies: `gzip`, `deflate` (zlib) and `br`, unpacked piece by piece while they are read. What counts
//! against every limit is the unpacked text, so a body that unpacks to a thousand times its size ends like any that is too long.

use std::io;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures::TryStreamExt as _;
use serde_json::Value;
use tokio::io::{AsyncRead, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};
use tracardi_model::FieldError;

use crate::errors::Refusal;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`.
    Deflate,
    /// `br`.
    Brotli,
}

/// Bytes that are unpacked at a time.
const PIECE: usize = 16 * 1024;

impl Coding {
    /// What `Content-Encoding` says; none for a body that is sent as it is. 415 for what is not known here.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (Some(coding), None) = (codings.next(), codings.next()) else {
            return if headers.contains_key(header::CONTENT_ENCODING) { Err(unknown("several")) } else { Ok(None) };
        };
        let coding = String::from_utf8_lossy(coding.as_bytes()).trim().to_ascii_lowercase();
        match coding.as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "deflate" => Ok(Some(Self::Deflate)),
            "br" => Ok(Some(Self::Brotli)),
            other => Err(unknown(other)),
        }
    }

    /// Memory that unpacking takes, whatever the body says: the window of the coding.
    pub(crate) const fn memory(self) -> usize {
        match self {
            Self::Gzip | Self::Deflate => 64 << 10,
            Self::Brotli => 16 << 20,
        }
    }

    /// The unpacked body. Reading it fails where the packed one breaks off or is none.
    pub(crate) fn unpack(self, body: Body) -> Body {
        let packed = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
        match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                stream(decoder)
            }
            Self::Deflate => stream(ZlibDecoder::new(packed)),
            Self::Brotli => stream(BrotliDecoder::new(BufReader::with_capacity(PIECE, packed))),
        }
    }
}

fn stream(reader: impl AsyncRead + Send + 'static) -> Body {
    Body::from_stream(ReaderStream::with_capacity(reader, PIECE))
}

fn unknown(coding: &str) -> Refusal {
    let at = vec!["header".into(), "content-encoding".into()];
    let message = "A body is sent as it is, or packed once: gzip, deflate or br";
    let complaint = FieldError::new("content_encoding", at, message).with_input(&Value::String(coding.to_owned()));
    Refusal::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, serde_json::to_value([complaint]).unwrap_or_default())
}
