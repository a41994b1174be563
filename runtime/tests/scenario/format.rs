//! The form of a file of scenarios. What is not understood is an error that names file and line.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use indexmap::IndexMap;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::pattern::Pattern;

/// A file: scenarios that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where it stands, relative to the folder of all scenarios; `track/body.yaml`.
    #[serde(skip)]
    pub(crate) path: PathBuf,
    /// What it is about, with the section of the specification.
    pub(crate) about: String,
    /// Configuration that each of its scenarios needs.
    #[serde(default)]
    pub(crate) given: Vec<Given>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// Configuration records by the path of the private API to which they are posted.
pub(crate) type Given = IndexMap<String, Value>;

/// One story: what is configured, what is sent, what is to be found afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Why it holds only where an answer comes after what it tells of is stored; other installations are spared it.
    #[serde(default)]
    pub(crate) immediate: Option<String>,
    #[serde(default)]
    pub(crate) given: Vec<Given>,
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// What `GET` of these paths of the private API gives afterwards; `$absent` stands for 404.
    #[serde(default)]
    pub(crate) stored: IndexMap<String, Pattern>,
}

/// One request and its answer.
#[derive(Debug, Deserialize)]
#[serde(try_from = "StepFields")]
pub(crate) struct Step {
    pub(crate) side: Side,
    pub(crate) line: Line,
    /// Whether it is asked again until the answer is as expected, whatever the installation.
    pub(crate) awaited: bool,
    pub(crate) headers: IndexMap<String, Option<String>>,
    pub(crate) body: Body,
    pub(crate) expect: Expect,
    pub(crate) keep: IndexMap<String, String>,
}

/// Which API a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The public one, as a visitor.
    Public,
    /// The private one, logged in.
    Private,
}

/// What a request carries. Strings may hold `${…}`.
#[derive(Debug)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    /// A text, or a list of parts that are joined.
    Text(Value),
    Form(IndexMap<String, String>),
    Bytes(Vec<u8>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFields {
    send: Option<Line>,
    private: Option<Line>,
    when: Option<Line>,
    #[serde(default)]
    headers: IndexMap<String, Option<String>>,
    json: Option<Value>,
    text: Option<Value>,
    form: Option<IndexMap<String, String>>,
    base64: Option<String>,
    #[serde(default)]
    expect: Expect,
    #[serde(default)]
    keep: IndexMap<String, String>,
}

impl TryFrom<StepFields> for Step {
    type Error = String;

    fn try_from(fields: StepFields) -> Result<Self, String> {
        let StepFields { send, private, when, headers, json, text, form, base64, expect, keep } = fields;
        let awaited = when.is_some();
        let (side, line) = match (send, private, when) {
            (Some(line), None, None) => (Side::Public, line),
            (None, Some(line), None) => (Side::Private, line),
            (None, None, Some(line)) if line.reads() => (Side::Private, line),
            (None, None, Some(line)) => {
                return Err(format!("`when: {line}` is asked again and again, and it changes something"));
            }
            _ => return Err("a step has either `send` (public API), `private` or `when`".to_owned()),
        };
        let bytes = |text: String| {
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| format!("`base64` of {line}: {error}"))
        };
        let body = match (json, text, form, base64) {
            (None, None, None, None) => Body::Empty,
            (Some(json), None, None, None) => Body::Json(json),
            (None, Some(text), None, None) => Body::Text(text),
            (None, None, Some(form), None) => Body::Form(form),
            (None, None, None, Some(text)) => Body::Bytes(bytes(text)?),
            _ => return Err(format!("{line} has more than one of `json`, `text`, `form` and `base64`")),
        };
        Ok(Self { side, line, awaited, headers, body, expect, keep })
    }
}

/// `METHOD /path`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) path: String,
}

impl Line {
    /// Whether such a request to the private API changes nothing, so that it may be made again.
    pub(crate) fn reads(&self) -> bool {
        self.method == "GET" || self.path.contains("/select") || self.path.contains("/validate")
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (method, path) = text.split_once(' ').unwrap_or_default();
        if method.is_empty() || !method.bytes().all(|c| c.is_ascii_uppercase()) || !path.starts_with('/') {
            return Err(format!("`{text}` is no request; write it as `POST /track`"));
        }
        Ok(Self { method: method.to_owned(), path: path.to_owned() })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The answer: a status alone (`expect: 204`), or more of it.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    pub(crate) headers: IndexMap<String, Pattern>,
    /// Of the body as JSON.
    pub(crate) body: Option<Pattern>,
    /// Of the body as it came.
    pub(crate) text: Option<Pattern>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { status: 200, headers: IndexMap::new(), body: None, text: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFields {
    status: Option<u16>,
    #[serde(default)]
    headers: IndexMap<String, Pattern>,
    body: Option<Pattern>,
    text: Option<Pattern>,
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Expect;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a status, or an object of `status`, `headers`, `body` and `text`")
            }

            fn visit_u64<E: Error>(self, status: u64) -> Result<Expect, E> {
                let status = u16::try_from(status).map_err(|_| E::custom("no HTTP status"))?;
                Ok(Expect { status, ..Expect::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expect, A::Error> {
                let ExpectFields { status, headers, body, text } =
                    ExpectFields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Expect { status: status.unwrap_or(200), headers, body, text })
            }
        }

        deserializer.deserialize_any(Reading)
    }
}

/// Reads one file's text; `path` is where it stands.
pub(crate) fn read(path: &Path, text: &str) -> Result<File, String> {
    let mut file: File = serde_yaml::from_str(text).map_err(|error| format!("{}: {error}", path.display()))?;
    path.clone_into(&mut file.path);
    Ok(file)
}

/// Reads all `.yaml` files below a folder, in the order of their paths.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let failed = |error: std::io::Error| format!("{}: {error}", next.display());
        for entry in next.read_dir().map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = std::fs::read_to_string(&path).map_err(failed)?;
                files.push(read(path.strip_prefix(folder).unwrap_or(&path), &text)?);
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}
