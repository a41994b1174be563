//! Which expressions can match a text, without trying them: from an expression follows what a text must contain, and whether it does
//! is known from the pieces of three bytes that the text consists of.

use std::collections::{BTreeSet, HashMap};

use regex_syntax::hir::{Class, Hir, HirKind};

/// Length of a piece, in bytes.
const PIECE: usize = 3;
/// So many alternatives are told apart; with more of them less is known.
const MAX_ALTERNATIVES: usize = 16;

/// The pieces of a text in lower case, each as one of 65,536 numbers. Two pieces may share a number: then an expression is
/// tried in vain.
pub(super) struct Pieces {
    list: Vec<u16>,
    set: Set,
}

impl Pieces {
    pub(super) fn of(text: &str) -> Self {
        let list: Vec<u16> = pieces(text.as_bytes()).collect();
        let set = list.iter().copied().collect();
        Self { list, set }
    }
}

/// A set of pieces: a bit for each.
#[derive(Debug)]
struct Set(Vec<u64>);

impl Default for Set {
    fn default() -> Self {
        Self(vec![0; 1 << 10])
    }
}

impl FromIterator<u16> for Set {
    fn from_iter<I: IntoIterator<Item = u16>>(pieces: I) -> Self {
        let mut set = Self::default();
        for piece in pieces {
            if let Some(word) = set.0.get_mut(usize::from(piece >> 6)) {
                *word |= 1 << (piece & 63);
            }
        }
        set
    }
}

impl Set {
    fn contains(&self, piece: u16) -> bool {
        self.0.get(usize::from(piece >> 6)).is_some_and(|word| word >> (piece & 63) & 1 == 1)
    }
}

/// The number of each piece.
fn pieces(text: &[u8]) -> impl Iterator<Item = u16> {
    text.windows(PIECE).map(|piece| {
        let number = piece.iter().fold(0_u32, |number, byte| number << 8 | u32::from(byte.to_ascii_lowercase()));
        u16::try_from(number.wrapping_mul(0x9E37_79B1) >> 16).unwrap_or_default()
    })
}

/// What a text must contain for an expression to match: of each group one text, of which here stand the pieces.
#[derive(Debug, Default)]
pub(super) struct Need(Vec<Vec<Vec<u16>>>);

impl Need {
    /// What an expression needs.
    pub(super) fn of(expression: &Hir) -> Self {
        let groups = Known::of(expression).needs();
        Self(groups.iter().map(|texts| texts.iter().map(|text| pieces(text).collect()).collect()).collect())
    }

    /// Whether a text may match. False: it does not.
    fn is_met(&self, by: &Pieces) -> bool {
        self.0.iter().all(|texts| texts.iter().any(|text| text.iter().all(|piece| by.set.contains(*piece))))
    }
}

/// What a list of expressions needs, found by a piece: each is filed under the rarest pieces of one group.
#[derive(Debug, Default)]
pub(super) struct Index {
    needs: Vec<Need>,
    /// Positions in `needs` by piece.
    filed: HashMap<u16, Vec<usize>>,
    /// The keys of `filed`: most pieces of a text are none, and this says so at less cost.
    keys: Set,
    /// Those that need nothing.
    always: Vec<usize>,
}

impl Index {
    pub(super) fn new(needs: Vec<Need>) -> Self {
        let mut common: HashMap<u16, usize> = HashMap::new();
        for piece in needs.iter().flat_map(|need| need.0.iter().flatten().flatten()) {
            *common.entry(*piece).or_default() += 1;
        }
        let rarity = |piece: &u16| common.get(piece).copied().unwrap_or_default();
        let (mut filed, mut always) = (HashMap::<u16, Vec<usize>>::new(), Vec::new());
        for (position, need) in needs.iter().enumerate() {
            let rarest = |texts: &Vec<Vec<u16>>| {
                let pieces = texts.iter().filter_map(|text| text.iter().copied().min_by_key(rarity));
                pieces.collect::<BTreeSet<u16>>()
            };
            match need.0.iter().map(rarest).min_by_key(|pieces| pieces.iter().map(rarity).sum::<usize>()) {
                Some(pieces) => pieces.into_iter().for_each(|piece| filed.entry(piece).or_default().push(position)),
                None => always.push(position),
            }
        }
        let keys = filed.keys().copied().collect();
        Self { needs, filed, keys, always }
    }

    /// Positions of the expressions that may match, in their order.
    pub(super) fn candidates(&self, pieces: &Pieces) -> Vec<usize> {
        let known = pieces.list.iter().filter(|piece| self.keys.contains(**piece));
        let filed = known.filter_map(|piece| self.filed.get(piece)).flatten();
        let mut positions: Vec<usize> = filed.chain(&self.always).copied().collect();
        positions.sort_unstable();
        positions.dedup();
        positions.retain(|position| self.needs.get(*position).is_some_and(|need| need.is_met(pieces)));
        positions
    }
}

/// Texts in lower case.
type Texts = BTreeSet<Vec<u8>>;

/// What is known of the texts that a part of an expression matches.
enum Known {
    /// They are these.
    All(Texts),
    /// They contain one of each of these groups.
    Needs(Vec<Texts>),
}

impl Known {
    fn of(part: &Hir) -> Self {
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::All(Texts::from([Vec::new()])),
            HirKind::Literal(literal) => Self::All(Texts::from([literal.0.to_ascii_lowercase()])),
            HirKind::Class(Class::Bytes(class)) => {
                let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
                let texts: Texts =
                    bytes.map(|byte| vec![byte.to_ascii_lowercase()]).take(2 * MAX_ALTERNATIVES).collect();
                Self::few(texts)
            }
            HirKind::Class(Class::Unicode(_)) => Self::Needs(Vec::new()),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => match (repetition.min, repetition.max, Self::of(&repetition.sub)) {
                (0, Some(1), Self::All(mut texts)) => {
                    texts.insert(Vec::new());
                    Self::few(texts)
                }
                (0, ..) => Self::Needs(Vec::new()),
                (_, _, once) => Self::Needs(once.needs()),
            },
            HirKind::Concat(parts) => Self::one_after_the_other(parts),
            HirKind::Alternation(parts) => Self::any(parts.iter().map(Self::of).collect()),
        }
    }

    fn few(texts: Texts) -> Self {
        if texts.len() <= MAX_ALTERNATIVES { Self::All(texts) } else { Self::Needs(Vec::new()) }
    }

    fn one_after_the_other(parts: &[Hir]) -> Self {
        let mut needs = Vec::new();
        // What stands before the part, as far back as all of it is known.
        let mut before = Texts::from([Vec::new()]);
        let mut complete = true;
        for part in parts {
            match Self::of(part) {
                Self::All(texts) if before.len() * texts.len() <= MAX_ALTERNATIVES => {
                    before =
                        before.iter().flat_map(|first| texts.iter().map(|then| [&first[..], then].concat())).collect();
                }
                known => {
                    complete = false;
                    let next = if let Self::All(texts) = &known { texts.clone() } else { Texts::from([Vec::new()]) };
                    needs.extend(Self::All(std::mem::replace(&mut before, next)).needs());
                    if let Self::Needs(more) = known {
                        needs.extend(more);
                    }
                }
            }
        }
        if complete {
            return Self::All(before);
        }
        needs.extend(Self::All(before).needs());
        Self::Needs(needs)
    }

    fn any(parts: Vec<Self>) -> Self {
        if parts.iter().all(|part| matches!(part, Self::All(_))) {
            return Self::All(parts.into_iter().flat_map(Self::texts).collect());
        }
        // Of each part what is longest: it is the rarest.
        let longest = |part: Self| part.needs().into_iter().max_by_key(|texts| texts.iter().map(Vec::len).min());
        let texts: Option<Vec<Texts>> = parts.into_iter().map(longest).collect();
        Self::Needs(texts.map(|texts| texts.into_iter().flatten().collect()).into_iter().collect())
    }

    fn texts(self) -> Texts {
        match self {
            Self::All(texts) => texts,
            Self::Needs(_) => Texts::new(),
        }
    }

    /// The groups; texts that are too short say nothing.
    fn needs(self) -> Vec<Texts> {
        match self {
            Self::All(texts) => {
                Some(texts).filter(|texts| texts.iter().all(|text| text.len() >= PIECE)).into_iter().collect()
            }
            Self::Needs(groups) => groups,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expressions::{compile, parse};
    use super::*;

    fn may(expression: &str, text: &str) -> bool {
        let index = Index::new(vec![Need::of(&parse(expression, true).unwrap())]);
        !index.candidates(&Pieces::of(text)).is_empty()
    }

    #[test]
    fn what_must_be_there_is_asked_for() {
        assert!(may(r"(Firefox)/(\d+)", "Mozilla Firefox/132"));
        assert!(!may(r"(Firefox)/(\d+)", "Mozilla Chrome/132"));
        assert!(may("(?:Chrome|Chromium)/[0-9]", "CHROMIUM/1"), "letters stand for both cases");
        assert!(!may("(?:Chrome|Chromium).*Edge", "Chrome/1 Safari/2"));
        assert!(may("Version(?:/| )?x[abc]yz", "Version/xbyz"));
        assert!(!may("Version(?:/| )?x[abc]yz", "Version/xdyz"));
        assert!(may(r"\d+", "nothing is known of this one"));
    }

    /// An expression over a small alphabet, and texts of it.
    fn expressions() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("abc"),
            Just("Cab"),
            Just("[ab]"),
            Just("[^a]"),
            Just("."),
            Just("b"),
            Just("^"),
            Just(r"\b"),
            Just(""),
        ];
        piece.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("|"))),
                (inner, prop_oneof![Just("?"), Just("*"), Just("+"), Just("{2}"), Just("{0,2}?")])
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_match_is_missed(expression in expressions(), text in "[abcC]{0,12}") {
            let matches = compile(&parse(&expression, true).unwrap()).unwrap().is_match(&text);
            prop_assert!(!matches || may(&expression, &text));
        }
    }
}
