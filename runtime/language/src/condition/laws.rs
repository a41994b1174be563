//! What holds for all conditions and all documents.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_610_274_600).unwrap()
}

fn fields() -> impl Strategy<Value = Field> {
    let names = prop_oneof![
        4 => "[abn]",
        1 => "[0-2]",
        1 => "[a-zA-Z0-9][a-zA-Z0-9_-]{0,3}",
        1 => "[ .$_ż@\\\\-]{1,3}",
    ];
    ("[a-z][a-z0-9_-]{0,1}", prop::collection::vec(names, 0..3), 0..6_usize).prop_map(|(first, mut names, source)| {
        names.insert(0, first);
        let path = Path::of(names.iter().map(String::as_str)).unwrap();
        Field { source: Source::ALL[source], path }
    })
}

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3_i32).prop_map(|number| Value::from(f64::from(number))),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[ab' ()\\\\,ż-]{0,4}".prop_map(Value::from),
    ]
}

fn terms() -> impl Strategy<Value = Term> {
    let literals = scalars().prop_map(Term::Literal);
    literals.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(scalars(), 0..3).prop_map(|values| Term::Literal(Value::Array(values))),
            calls(prop_oneof![inner.clone(), fields().prop_map(Term::Field)]),
            // A list is kept as terms only when a function stands in it.
            (prop::collection::vec(inner.clone(), 0..2), calls(inner)).prop_map(|(mut elements, call)| {
                elements.push(call);
                Term::List(elements)
            }),
        ]
    })
}

/// Functions whose arguments are not checked by the parser, and one with arguments that pass.
fn calls(argument: impl Strategy<Value = Term> + 'static) -> impl Strategy<Value = Term> {
    let call = |function, arguments| Term::Call(Call { function, arguments });
    prop_oneof![
        Just(call(Function::Now, vec![])),
        Just(call(Function::UtcNow, vec![])),
        Just(call(Function::NowIn, vec![Term::Literal(json!("Europe/Berlin"))])),
        Just(call(Function::NowOffset, vec![Term::Literal(json!("-1w 2d"))])),
        fields().prop_map(move |field| call(Function::Datetime, vec![Term::Field(field)])),
        fields().prop_map(move |field| call(
            Function::DatetimeTimezone,
            vec![Term::Field(field), Term::Literal(json!("UTC"))]
        )),
        argument.prop_map(move |argument| call(Function::Lowercase, vec![argument])),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let left = || prop_oneof![3 => fields().prop_map(Term::Field), 1 => calls(fields().prop_map(Term::Field))];
    let right = || prop_oneof![terms(), fields().prop_map(Term::Field)];
    let relation = prop::sample::select(vec![
        Relation::Equal,
        Relation::Unequal,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ]);
    let place = prop::sample::select(vec![Place::Anywhere, Place::Start, Place::End]);
    let test = prop_oneof![
        (left(), relation, right()).prop_map(|(left, relation, right)| Condition::Compare { left, relation, right }),
        (left(), terms(), terms()).prop_map(|(value, low, high)| Condition::Between { value, low, high }),
        (left(), place, terms()).prop_map(|(whole, place, part)| Condition::Has { whole, place, part }),
        (left(), any::<bool>()).prop_map(|(value, negated)| Condition::Empty { value, negated }),
        (left(), any::<bool>()).prop_map(|(value, negated)| Condition::Null { value, negated }),
        (fields(), any::<bool>()).prop_map(|(field, negated)| Condition::Exists { field, negated }),
    ];
    test.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            prop::collection::vec(inner, 2..4).prop_map(Condition::Any),
        ]
    })
}

fn scopes() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![scalars(), any::<i64>().prop_map(Value::from), Just(json!("2021-01-10T10:00:00Z"))];
    let document = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[abn]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    (document.clone(), document).prop_map(|(event, profile)| json!({"event": event, "profile": profile}))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ a-z0-9.\"'()\\[\\],=!<>*\\-@żANDORBETWEEN]{0,60}") {
        let _ = parse(&text);
        let _ = parse(&format!("event@a {text}"));
    }

    #[test]
    fn the_canonical_text_gives_the_same_tree(condition in conditions()) {
        prop_assert_eq!(parse(&condition.to_string()), Ok(condition));
    }

    #[test]
    fn evaluation_answers_for_all_documents(condition in conditions(), scope in scopes()) {
        let answer = condition.evaluate(&scope, now());
        prop_assert!(answer.is_ok() || !answer.unwrap_err().message.is_empty());
    }

    #[test]
    fn what_is_true_is_found(conditions in prop::collection::vec(conditions(), 0..8), scope in scopes()) {
        let mut index = Index::default();
        for (number, condition) in conditions.iter().enumerate() {
            index.insert(number, Some(condition));
        }
        let found = index.candidates(&scope);
        prop_assert!(found.is_sorted_by(|one, other| one < other));
        for (number, condition) in conditions.iter().enumerate() {
            if condition.evaluate(&scope, now()) == Ok(true) {
                prop_assert!(found.contains(&number), "{} {}", condition, scope);
            }
        }
    }

    #[test]
    fn negations_negate(field in fields(), scope in scopes(), value in scalars()) {
        let holds = |condition: Condition| condition.evaluate(&scope, now());
        let term = || Term::Field(field.clone());
        let not = |one: Condition, other: Condition| (holds(one), holds(other));
        let pairs = [
            not(Condition::Empty { value: term(), negated: true }, Condition::Empty { value: term(), negated: false }),
            not(Condition::Null { value: term(), negated: true }, Condition::Null { value: term(), negated: false }),
            not(
                Condition::Exists { field: field.clone(), negated: true },
                Condition::Exists { field: field.clone(), negated: false },
            ),
            not(
                Condition::Compare { left: term(), relation: Relation::Unequal, right: Term::Literal(value.clone()) },
                Condition::Compare { left: term(), relation: Relation::Equal, right: Term::Literal(value) },
            ),
        ];
        for (one, other) in pairs {
            prop_assert_eq!(one, other.map(|other| !other));
        }
    }

    #[test]
    fn between_is_two_comparisons(field in fields(), scope in scopes(), low in scalars(), high in scalars()) {
        let term = || Term::Field(field.clone());
        let compare = |relation, value: &Value| {
            Condition::Compare { left: term(), relation, right: Term::Literal(value.clone()) }.evaluate(&scope, now())
        };
        let (above, below) = (compare(Relation::GreaterOrEqual, &low), compare(Relation::LessOrEqual, &high));
        let between = Condition::Between { value: term(), low: Term::Literal(low), high: Term::Literal(high) };
        match (above, below) {
            (Ok(above), Ok(below)) => prop_assert_eq!(between.evaluate(&scope, now()), Ok(above && below)),
            _ => prop_assert!(between.evaluate(&scope, now()).is_err()),
        }
    }
}
