//! The expressions of the uap project: the first of a list that matches tells the names (github.com/ua-parser/uap-core,
//! docs/specification.md).

use std::sync::OnceLock;

use regex_automata::meta::{self, Regex};
use regex_automata::util::captures::Captures;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Capture, Hir, HirKind, Repetition};
use serde::Deserialize;

use super::need::{Index, Need, Pieces};

const TABLE: &str = include_str!("../../data/user-agents.yaml");
/// Names that an expression tells at most: of a program or system its family and four numbers; of a device family, brand, model.
const NAMES: usize = 5;

/// An upper bound of repetitions from here on means: many.
const MANY: u32 = 100;

/// The three lists.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    /// Family, and version in up to four parts.
    pub(super) programs: List,
    /// Family, and version in up to four parts.
    pub(super) systems: List,
    /// Family, brand, model.
    pub(super) devices: List,
}

/// Expressions in the order in which they are tried.
#[derive(Debug, Default)]
pub(super) struct List {
    expressions: Vec<Expression>,
    index: Index,
}

#[derive(Debug)]
struct Expression {
    text: String,
    any_case: bool,
    /// Compiled when it is needed for the first time.
    regex: OnceLock<Option<Regex>>,
    names: [Name; NAMES],
}

/// Where a name comes from.
#[derive(Debug)]
enum Name {
    Nowhere,
    /// What a group matches.
    Group(usize),
    /// A text in which `$1` to `$9` stand for groups.
    Template(String),
}

/// The file.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "user_agent_parsers")]
    programs: Vec<Entry>,
    #[serde(rename = "os_parsers")]
    systems: Vec<Entry>,
    #[serde(rename = "device_parsers")]
    devices: Vec<Entry>,
}

/// An expression, and what is to be told instead of what its groups match.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    regex: String,
    regex_flag: Option<String>,
    #[serde(alias = "family_replacement", alias = "os_replacement", alias = "device_replacement")]
    family: Option<String>,
    #[serde(alias = "v1_replacement", alias = "os_v1_replacement", alias = "brand_replacement")]
    second: Option<String>,
    #[serde(alias = "v2_replacement", alias = "os_v2_replacement", alias = "model_replacement")]
    third: Option<String>,
    #[serde(alias = "v3_replacement", alias = "os_v3_replacement")]
    fourth: Option<String>,
    #[serde(alias = "v4_replacement", alias = "os_v4_replacement")]
    fifth: Option<String>,
}

/// The groups that tell the names of programs and systems for which no replacement is given.
const IN_TURN: [Option<usize>; NAMES] = [Some(1), Some(2), Some(3), Some(4), Some(5)];
/// The same for devices.
const OF_DEVICE: [Option<usize>; NAMES] = [Some(1), None, Some(1), None, None];

impl Entry {
    fn any_case(&self) -> bool {
        self.regex_flag.as_deref() == Some("i")
    }
}

impl Expressions {
    /// The built-in table. The error is a defect of the build.
    pub(super) fn load() -> Result<Self, String> {
        let file: File = serde_yaml::from_str(TABLE).map_err(|error| error.to_string())?;
        Ok(Self {
            programs: List::new(file.programs, IN_TURN)?,
            systems: List::new(file.systems, IN_TURN)?,
            devices: List::new(file.devices, OF_DEVICE)?,
        })
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        [&self.programs, &self.systems, &self.devices].into_iter().map(|list| list.expressions.len()).sum()
    }
}

impl List {
    fn new(entries: Vec<Entry>, groups: [Option<usize>; NAMES]) -> Result<Self, String> {
        let need = |entry: &Entry| parse(&entry.regex, entry.any_case()).map(|parsed| Need::of(&parsed));
        let needs = entries.iter().map(need).collect::<Result<_, _>>()?;
        let expressions = entries.into_iter().map(|entry| Expression::new(entry, groups)).collect();
        Ok(Self { expressions, index: Index::new(needs) })
    }

    /// The names that the first matching expression tells.
    pub(super) fn first(&self, text: &str, pieces: &Pieces) -> [Option<String>; NAMES] {
        let candidates = self.index.candidates(pieces).into_iter();
        candidates
            .filter_map(|position| self.expressions.get(position))
            .find_map(|expression| expression.names(text))
            .unwrap_or_default()
    }
}

impl Expression {
    fn new(entry: Entry, groups: [Option<usize>; NAMES]) -> Self {
        let any_case = entry.any_case();
        let given = [entry.family, entry.second, entry.third, entry.fourth, entry.fifth];
        let mut groups = groups.into_iter();
        let names = given.map(|template| match (template, groups.next().flatten()) {
            (Some(template), _) => Name::Template(template),
            (None, Some(group)) => Name::Group(group),
            (None, None) => Name::Nowhere,
        });
        Self { text: entry.regex, any_case, regex: OnceLock::new(), names }
    }

    /// Nothing when it does not match.
    fn names(&self, text: &str) -> Option<[Option<String>; NAMES]> {
        let regex = self.regex.get_or_init(|| compile(&parse(&self.text, self.any_case).ok()?)).as_ref()?;
        let mut found = regex.create_captures();
        regex.captures(text, &mut found);
        found.is_match().then(|| self.names.each_ref().map(|name| name.told(text, &found)))
    }
}

/// Parses an expression. It is one of bytes, as its classes mean ASCII; this also keeps it small.
pub(super) fn parse(expression: &str, any_case: bool) -> Result<Hir, String> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(any_case)
        .build()
        .parse(expression)
        .map_err(|error| error.to_string())
}

/// Compiles an expression so that it takes little memory, a tenth of what is usual, and time in proportion to the text's length.
pub(super) fn compile(expression: &Hir) -> Option<Regex> {
    let small = meta::Config::new().hybrid(false).dfa(false).onepass(false).utf8_empty(false);
    meta::Builder::new().configure(small).build_from_hir(&unbounded(expression)).ok()
}

/// Without the upper bounds of repetitions (`{1,200}`): they are there to protect engines that go back and forth, and each
/// would be compiled as often as it says.
fn unbounded(part: &Hir) -> Hir {
    match part.kind() {
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let max = max.filter(|max| *min > 1 || *max < MANY);
            Hir::repetition(Repetition { min: *min, max, greedy: *greedy, sub: Box::new(unbounded(sub)) })
        }
        HirKind::Capture(Capture { index, name, sub }) => {
            Hir::capture(Capture { index: *index, name: name.clone(), sub: Box::new(unbounded(sub)) })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(unbounded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(unbounded).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => part.clone(),
    }
}

impl Name {
    fn told(&self, text: &str, found: &Captures) -> Option<String> {
        let group = |number: usize| {
            let bytes = found.get_group(number).and_then(|span| text.as_bytes().get(span.range()));
            String::from_utf8_lossy(bytes.unwrap_or_default())
        };
        let name = match self {
            Self::Nowhere => return None,
            Self::Group(number) => group(*number).into_owned(),
            Self::Template(template) => {
                let mut parts = template.split('$');
                let mut filled = parts.next().unwrap_or_default().to_owned();
                for part in parts {
                    let mut rest = part.chars();
                    match rest.next().and_then(|digit| digit.to_digit(10)) {
                        Some(number) => filled.extend([&group(number as usize), rest.as_str()]),
                        None => filled.extend(["$", part]),
                    }
                }
                filled
            }
        };
        Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned)
    }
}
